//! What is known of a classifier, for the terminal.

use std::io::{self, Write};

use multigrade::report::{ClassReport, significant};
use multigrade::{Calibration, Confusion, Scores};

use crate::grid::{Grid, wrapped};

/// Most classes whose confusion is shown as a table.
const SHOWN: usize = 20;

/// Writes scores after every grade and of simple methods, and the result in a sentence.
pub(crate) fn write(out: &mut impl Write, report: &ClassReport) -> io::Result<()> {
    let has_held_out = report.grades.iter().any(|row| row.validation.is_some());
    let mut grid = Grid::new(2);
    let sets = if has_held_out { &["training", "held out"][..] } else { &["training"] };
    let header = sets.iter().flat_map(|set| [format!("accuracy ({set})"), format!("log-loss ({set})")]);
    grid.row(["grade".to_owned(), "network".to_owned()].into_iter().chain(header));
    let mut line = |number: String, name: &str, train: Scores, validation: Option<Scores>| {
        let scores = std::iter::once(train).chain(validation);
        let cells = scores.flat_map(|s| [percent(s.accuracy), significant(s.log_loss, 4)]);
        grid.row([number, name.to_owned()].into_iter().chain(cells));
    };
    for row in report.grades.iter().filter(|row| row.grade > 0 || report.grades.len() == 1) {
        let name = if row.grade == 0 { "the shares of the classes" } else { &row.hidden };
        line(row.grade.to_string(), name, row.train, row.validation);
    }
    for row in &report.baselines {
        line("-".to_owned(), &row.name, row.train, row.validation);
    }
    writeln!(out, "{grid}\n{}", wrapped(&format!("{}.", report.sentence()), 2))?;
    writeln!(out)?;
    confusion(out, &report.labels, &report.confusion)?;
    writeln!(out, "Expected calibration error: {}", significant(report.calibration.error, 3))
}

/// Writes which classes are taken for which: the table, or the most frequent mistakes of many classes.
pub(crate) fn confusion(out: &mut impl Write, labels: &[String], confusion: &Confusion) -> io::Result<()> {
    if labels.len() > SHOWN {
        let mut mistakes: Vec<(f64, usize, usize)> = Vec::new();
        for (class, row) in confusion.weights.iter().enumerate() {
            let wrong = row.iter().enumerate().filter(|(decided, weight)| *decided != class && **weight > 0.0);
            mistakes.extend(wrong.map(|(decided, weight)| (*weight, class, decided)));
        }
        mistakes.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut grid = Grid::new(2);
        grid.row(["class", "taken for", "rows (weight)"]);
        for (weight, class, decided) in mistakes.into_iter().take(SHOWN) {
            grid.row([labels[class].clone(), labels[decided].clone(), significant(weight, 4)]);
        }
        return writeln!(out, "Most frequent mistakes of {} classes:\n{grid}", labels.len());
    }
    let mut grid = Grid::new(1);
    grid.row(["class \\ taken for"].into_iter().chain(labels.iter().map(String::as_str)));
    for (label, row) in labels.iter().zip(&confusion.weights) {
        let weight = |w: &f64| if *w == w.round() { format!("{w}") } else { significant(*w, 4) };
        grid.row([label.clone()].into_iter().chain(row.iter().map(weight)));
    }
    writeln!(out, "Rows of each class, by the class they are taken for:\n{grid}")
}

/// Writes how probable the most probable class was said to be, and how often it was right.
pub(crate) fn calibration(out: &mut impl Write, calibration: &Calibration) -> io::Result<()> {
    let mut grid = Grid::new(1);
    grid.row(["probability", "rows", "mean", "right"]);
    for bin in &calibration.bins {
        let range = format!("{:.1} to {:.1}", bin.lower, bin.upper);
        grid.row([range, bin.rows.to_string(), percent(bin.confidence), percent(bin.accuracy)]);
    }
    writeln!(out, "Probability of the most probable class, and how often it is right:\n{grid}")?;
    writeln!(out, "Expected calibration error: {}", significant(calibration.error, 3))
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
