//! `multigrade check`

use std::io::{self, Write};

use multigrade::Multigrade;
use multigrade::report::significant;
use multigrade::truth::{self, Certificate, CertificateError, Format, Interval, Proved, ProvedBounds, Verdict};
use serde::Serialize;

use super::print_json;
use crate::args::CheckArgs;
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
        "Proved: for every point of {}, the function {} and the output {} of the model after grade {} differ by at most {}.",
        proved.domain(),
        proved.function(),
        names[last.output()],
        last.grades(),
        meanings(last),
    );
    writeln!(out, "{}\n", wrapped(&printable(&sentence), 2))?;
    let mut grid = Grid::new(1);
    grid.row(["output", "grade", "function - output from", "to", "exact", "in f64", "in f32"]);
    for bounds in proved.bounds() {
        let shown = |format| bounds.evaluated(format).map_or("-".into(), |x: Interval| outward(x.magnitude()));
        grid.row([
            names[bounds.output()].to_owned(),
            bounds.grades().to_string(),
            outward(bounds.exact().lower()),
            outward(bounds.exact().upper()),
            outward(bounds.exact().magnitude()),
            shown(Format::F64),
            shown(Format::F32),
        ]);
    }
    write!(out, "{grid}")
}

/// The bound for each meaning that was claimed.
pub(super) fn meanings(bounds: &ProvedBounds) -> String {
    let mut text = format!("{} in exact arithmetic", outward(bounds.exact().magnitude()));
    for (format, name) in [(Format::F64, "f64"), (Format::F32, "f32")] {
        if let Some(range) = bounds.evaluated(format) {
            text += &format!(", {} computed in {name}", outward(range.magnitude()));
        }
    }
    text
}

/// The number with four digits, rounded away from 0: a bound that is printed holds as well.
pub(super) fn outward(bound: f64) -> String {
    const DIGITS: usize = 4;
    let mut shown = significant(bound, DIGITS);
    if bound == 0.0 || !bound.is_finite() {
        return shown;
    }
    let mut raised = bound;
    // Half a unit of the last digit further out, until it shows.
    let unit = 10f64.powi(bound.abs().log10().floor() as i32 - (DIGITS as i32 - 1)).copysign(bound);
    while shown.parse::<f64>().is_ok_and(|shown| shown.abs() < bound.abs()) {
        raised += unit / 2.0;
        shown = significant(raised, DIGITS);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::outward;

    #[test]
    fn a_printed_bound_is_never_smaller_than_the_proved_one_and_at_most_a_thousandth_larger() {
        for bound in [0.0, 1.0, 0.00390625, 1.0005, 9.9999, 9.9991, 1.2344999, 1e-300, 123456.0, 9.9996e-4] {
            for bound in [bound, -bound] {
                let shown: f64 = outward(bound).parse().unwrap();
                assert!(shown.abs() >= bound.abs() && shown.abs() <= bound.abs() * 1.001001, "{bound} {shown}");
                assert!(shown * bound >= 0.0);
            }
        }
    }
}
