//! `multigrade export`

use multigrade::export::{OnnxOptions, onnx};
use multigrade::report::significant;
use multigrade::truth::{self, Certificate, Format, Verdict};
use multigrade::{Multigrade, Precision, write_atomically};

use crate::args::{ExportArgs, FormatArg};
use crate::bounds::above;
use crate::failure::{Failure, Status};
use crate::files;
use crate::grid::{count, printable, wrapped};

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
    let proved =
        args.certificate.as_ref().map(|path| proved(&Certificate::load(path)?, &model, precision)).transpose()?;
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
    if let Some(imputation) = &model.schema().imputation {
        let text = format!(
            "missing cells: the file reads {} numbers a row, {} columns with every cell filled and {} that are 1 where the cell \
             of a column was missing, else 0; its metadata say with what and which (entries 'inputs' and 'imputation')",
            imputation.n_inputs(),
            imputation.n_columns(),
            imputation.indicators().len(),
        );
        println!("{}", wrapped(&text, 2));
    }
    if let Some(sentence) = proved {
        println!("{}", wrapped(&printable(&sentence), 2));
    }
    Ok(Status::Done)
}

/// What the certificate proves of the file: it holds the model's numbers and operations.
fn proved(certificate: &Certificate, model: &Multigrade, precision: Precision) -> Result<String, Failure> {
    let proved = match truth::check(certificate, model) {
        Verdict::Proved(proved) => proved,
        Verdict::Refused(refusal) => return Err(format!("--certificate: not proved: {refusal}").into()),
    };
    let (format, numbers) = match precision {
        Precision::F64 => (Format::F64, "f64"),
        Precision::F32 => (Format::F32, "f32"),
    };
    let last = &proved.bounds()[proved.bounds().len() - 1];
    let Some(bounds) = last.evaluated(format) else {
        return Ok(format!("proved: nothing in {numbers}; the certificate claims no bound for it"));
    };
    Ok(format!(
        "proved: for every point of {}, {} and the file, computed in {numbers} and in any order of its sums, differ by at \
         most {}",
        proved.domain(),
        proved.function(),
        above(bounds.magnitude()),
    ))
}
