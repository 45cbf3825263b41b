//! The classes in a table: from texts or whole numbers to labels, and back.

use std::collections::BTreeSet;

use multigrade::table::Table;
use multigrade::{Classes, Label};

use crate::args::{FitArgs, TaskArg};
use crate::failure::Failure;
use crate::grid::list;

/// Numbers up to this size are whole in 64 bits.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// The classes of the target, if it is one of classes.
pub(crate) fn of_target(table: &Table, args: &FitArgs) -> Result<Option<Classes>, Failure> {
    let is_asked = args.task == TaskArg::Classification;
    let [target] = args.target.as_slice() else {
        let found = list(&args.target);
        return match is_asked {
            true => Err(format!("--task classification learns one target; found {found}").into()),
            false => Ok(None),
        };
    };
    let Some(texts) = table.texts(target)?.filter(|_| args.task != TaskArg::Regression) else { return Ok(None) };
    let is_text = |text: &&str| !text.is_empty() && text.parse::<f64>().is_err();
    if !is_asked && (table.numbers(target).is_ok() || !texts.iter().all(|text| text.is_empty() || is_text(text))) {
        return Ok(None);
    }
    check_cells(table, target, &texts)?;
    let labels = match table.numbers(target) {
        Ok(numbers) => whole_numbers(table, target, numbers)?,
        Err(_) => {
            let labels: BTreeSet<&str> = texts.iter().copied().collect();
            if labels.len() > 1 && labels.len() * 2 > texts.len() {
                return Err(format!(
                    "{}: column '{target}' holds {} different texts in {} rows; expected classes that most rows share with \
                     others",
                    table.name(),
                    labels.len(),
                    texts.len()
                )
                .into());
            }
            labels.into_iter().map(|text| Label::Text(text.into())).collect()
        }
    };
    Ok(Some(Classes::new(target, labels)?))
}

/// Refuses empty cells.
fn check_cells(table: &Table, target: &str, texts: &[&str]) -> Result<(), Failure> {
    let Some(row) = texts.iter().position(|text| text.is_empty()) else { return Ok(()) };
    let place = table.place_of_row(row);
    Err(format!("{}: column '{target}', {place}: the cell is empty; expected a class", table.name()).into())
}

fn whole_numbers(table: &Table, target: &str, numbers: &[f64]) -> Result<Vec<Label>, Failure> {
    if let Some(row) = numbers.iter().position(|x| x.fract() != 0.0 || x.abs() > WHOLE) {
        let (place, found) = (table.place_of_row(row), numbers[row]);
        return Err(format!(
            "{}: column '{target}', {place}: found {found}, expected classes: whole numbers or texts",
            table.name()
        )
        .into());
    }
    let labels: BTreeSet<i64> = numbers.iter().map(|&x| x as i64).collect();
    Ok(labels.into_iter().map(Label::Integer).collect())
}

/// The class of every row of the table.
pub(crate) fn of_rows(table: &Table, classes: &Classes) -> Result<Vec<usize>, Failure> {
    let target = &classes.target;
    let texts = table.texts(target)?.unwrap_or_default();
    check_cells(table, target, &texts)?;
    let class = |(row, text): (usize, &&str)| {
        let same = |label: &Label| matches!(label, Label::Text(label) if label == text);
        let known = classes.labels.iter().position(same);
        let known = known.or_else(|| classes.labels.iter().position(|label| is_label(label, text)));
        known.ok_or_else(|| {
            let place = table.place_of_row(row);
            const SHOWN: usize = 10;
            let mut labels: Vec<String> = classes.labels.iter().take(SHOWN).map(Label::to_string).collect();
            if classes.len() > SHOWN {
                labels.push("...".into());
            }
            let found = crate::grid::printable(text);
            Failure::from(format!(
                "{}: column '{target}', {place}: found '{found}', expected one of the classes {}",
                table.name(),
                list(&labels)
            ))
        })
    };
    texts.iter().enumerate().map(class).collect()
}

/// Whether a cell means this class, however its format writes truths and numbers.
fn is_label(label: &Label, text: &str) -> bool {
    match label {
        Label::Text(label) => truth(label).is_some_and(|label| truth(text) == Some(label)),
        Label::Boolean(label) => number(text) == Some(f64::from(*label)),
        Label::Integer(label) => number(text) == Some(*label as f64),
        Label::Number(label) => number(text) == Some(*label),
    }
}

/// The truth that a text says.
fn truth(text: &str) -> Option<bool> {
    [true, false].into_iter().find(|truth| text.eq_ignore_ascii_case(&truth.to_string()))
}

/// The number that a text says; 1 and 0 of truths.
fn number(text: &str) -> Option<f64> {
    truth(text).map(f64::from).or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truth_is_the_same_class_in_every_format() {
        let means = |label: Label, texts: [&str; 6]| texts.map(|text| is_label(&label, text));
        let cells = ["true", "False", "1", "0", "1.0", "yes"];
        for label in [Label::Boolean(true), Label::Integer(1), Label::Number(1.0)] {
            assert_eq!(means(label, cells), [true, false, true, false, true, false]);
        }
        assert_eq!(means(Label::Boolean(false), cells), [false, true, false, true, false, false]);
        assert_eq!(means(Label::Text("True".into()), cells), [true, false, false, false, false, false]);
        // A text that is a number of another class, or no truth, is no truth.
        assert_eq!(means(Label::Integer(2), cells), [false; 6]);
        assert_eq!(means(Label::Text("1".into()), cells), [false; 6]);
    }
}
