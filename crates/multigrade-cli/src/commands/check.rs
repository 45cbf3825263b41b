//! `multigrade check`

use std::io::{self, Write};

use multigrade::Multigrade;
use multigrade::report::ProvedRow;
use multigrade::truth::{self, Certificate, CertificateError, Format, Interval, Proved, Verdict};
use serde::Serialize;

use super::print_json;
use crate::args::CheckArgs;
use crate::bounds::{above, below, meanings};
use crate::failure::{Failure, Status};
use crate::files;
use crate::grid::{Grid, printable, wrapped};

#[derive(Serialize)]
struct Document {
    certificate: String,
    model: String,
    proved: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<Statement>,
}

/// `f - f_k` lies within the bounds everywhere on the box.
#[derive(Serialize)]
struct Statement {
    function: String,
    domain: String,
    bounds: Vec<BoundsDocument>,
}

#[derive(Serialize)]
struct BoundsDocument {
    grades: usize,
    output: String,
    exact: BoundDocument,
    f64: Option<BoundDocument>,
    f32: Option<BoundDocument>,
}

#[derive(Serialize)]
struct BoundDocument {
    lower: f64,
    upper: f64,
    /// The larger magnitude of the two.
    bound: f64,
}

impl BoundDocument {
    fn new(bounds: Interval) -> Self {
        Self { lower: bounds.lower(), upper: bounds.upper(), bound: bounds.magnitude() }
    }
}

impl Statement {
    fn new(proved: &Proved, model: &Multigrade) -> Self {
        let names = model.schema().output_names();
        let bounds = proved.bounds().iter().map(|bounds| BoundsDocument {
            grades: bounds.grades(),
            output: names[bounds.output()].to_owned(),
            exact: BoundDocument::new(bounds.exact()),
            f64: bounds.evaluated(Format::F64).map(BoundDocument::new),
            f32: bounds.evaluated(Format::F32).map(BoundDocument::new),
        });
        Self { function: proved.function().to_owned(), domain: proved.domain().to_owned(), bounds: bounds.collect() }
    }
}

pub(crate) fn run(args: &CheckArgs) -> Result<Status, Failure> {
    let model = files::load(&args.model)?;
    let result = match Certificate::load(&args.certificate) {
        Ok(certificate) => match truth::check(&certificate, &model) {
            Verdict::Proved(proved) => Ok(proved),
            Verdict::Refused(refusal) => Err(refusal.to_string()),
        },
        Err(error @ CertificateError::Altered { .. }) => Err(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    if args.json {
        let (statement, reason) = match &result {
            Ok(proved) => (Some(Statement::new(proved, &model)), None),
            Err(reason) => (None, Some(reason.clone())),
        };
        let [certificate, model] = [&args.certificate, &args.model].map(|path| path.display().to_string());
        print_json(&Document { certificate, model, proved: result.is_ok(), reason, statement })?;
    }
    match result {
        Ok(proved) => {
            if !args.json {
                print(&mut io::stdout().lock(), &proved, &model)?;
            }
            Ok(Status::Done)
        }
        Err(reason) => {
            eprintln!("not proved: {}", printable(&reason));
            Ok(Status::NotReached)
        }
    }
}

fn print(out: &mut impl Write, proved: &Proved, model: &Multigrade) -> io::Result<()> {
    let names = model.schema().output_names();
    let last = &proved.bounds()[proved.bounds().len() - 1];
    let sentence = format!(
        "Proved: for every point of {}, the function {} and the {} {} of the model after grade {} differ by at most {}.",
        proved.domain(),
        proved.function(),
        // A classifier's outputs are logits: nothing is said of probabilities.
        if model.schema().classes.is_some() { "logit" } else { "output" },
        names[last.output()],
        last.grades(),
        meanings(&ProvedRow::from(last)),
    );
    writeln!(out, "{}\n", wrapped(&printable(&sentence), 2))?;
    let mut grid = Grid::new(1);
    grid.row(["output", "grade", "function - output from", "to", "exact", "in f64", "in f32"]);
    for bounds in proved.bounds() {
        let shown = |format| bounds.evaluated(format).map_or("-".into(), |x: Interval| above(x.magnitude()));
        grid.row([
            names[bounds.output()].to_owned(),
            bounds.grades().to_string(),
            below(bounds.exact().lower()),
            above(bounds.exact().upper()),
            above(bounds.exact().magnitude()),
            shown(Format::F64),
            shown(Format::F32),
        ]);
    }
    write!(out, "{grid}")
}
