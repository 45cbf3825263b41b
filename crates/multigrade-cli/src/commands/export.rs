//! `multigrade export`

use multigrade::export::{OnnxOptions, onnx};
use multigrade::report::significant;
use multigrade::{Precision, write_atomically};

use crate::args::{ExportArgs, FormatArg};
use crate::failure::{Failure, Status};
use crate::files;
use crate::grid::count;

pub(crate) fn run(args: &ExportArgs) -> Result<Status, Failure> {
    let found = files::find(&args.model)?;
    let FormatArg::Onnx = args.format;
    let out = args.out.clone().unwrap_or_else(|| files::beside(&found, "onnx"));
    files::check(&out, args.force, &[&found])?;
    let mut model = files::load(&args.model)?;
    if let Some(grades) = args.grades {
        model = model.truncate(grades as usize)?;
    }
    let precision = Precision::from(args.precision);
    let file = onnx(&model, OnnxOptions { precision, staged: args.staged })?;
    write_atomically(&out, &file.bytes, args.force)?;
    let unit = match precision {
        Precision::F64 => "64-bit",
        Precision::F32 => "32-bit",
    };
    eprintln!("wrote {} in {unit} numbers to {}", count(model.grades().len(), "grade"), out.display());
    println!(
        "measured: at 256 points of the inputs' ranges, at most {} of the largest value away from the model",
        significant(file.difference(&model), 2)
    );
    Ok(Status::Done)
}
