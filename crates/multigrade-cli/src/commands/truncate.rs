//! `multigrade truncate`

use crate::args::TruncateArgs;
use crate::failure::{Failure, Status};
use crate::files;
use crate::grid::count;

pub(crate) fn run(args: &TruncateArgs) -> Result<Status, Failure> {
    let out = files::model_path(&args.out);
    files::check(&out, args.force, &[])?;
    let model = files::load(&args.model)?;
    model.truncate(args.grades as usize)?.save(&out, args.force)?;
    eprintln!("wrote {} of {} to {}", args.grades, count(model.grades().len(), "grade"), out.display());
    Ok(Status::Done)
}
