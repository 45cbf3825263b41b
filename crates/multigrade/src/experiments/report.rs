//! What an experiment says, before anybody decides how it looks.

use serde::Serialize;

/// The report of one experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// What was done and what to mind, one paragraph each.
    pub about: Vec<String>,
    /// The results.
    pub sections: Vec<Section>,
}

/// A part of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What the numbers say, one sentence or two each.
    pub findings: Vec<String>,
    /// Its tables.
    pub tables: Vec<Table>,
    /// Its figures.
    pub figures: Vec<Figure>,
}

/// A table of texts and numbers, ready to be shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// How to read it.
    pub note: String,
    /// Headings of the columns.
    pub columns: Vec<String>,
    /// How many columns hold words; the others hold numbers.
    pub words: usize,
    /// The rows, each as long as `columns`.
    pub rows: Vec<Vec<String>>,
}

/// A figure of lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figure {
    /// What it shows.
    pub title: String,
    /// How to read it.
    pub note: String,
    /// Label of the horizontal axis.
    pub x: String,
    /// Whether it is logarithmic.
    pub log_x: bool,
    /// Label of the vertical axis, which is logarithmic.
    pub y: String,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A line of a figure.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Line {
    /// What it stands for.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// Mean and standard deviation of several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) mean: f64,
    pub(super) deviation: f64,
    pub(super) count: usize,
}

impl Spread {
    /// Of the numbers; none if there are none.
    pub(super) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let numbers: Vec<f64> = numbers.into_iter().collect();
        let count = numbers.len();
        if count == 0 {
            return None;
        }
        let mean = numbers.iter().sum::<f64>() / count as f64;
        let square = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        let deviation = if count > 1 { (square / (count - 1) as f64).sqrt() } else { 0.0 };
        Some(Self { mean, deviation, count })
    }
}

/// `1.23e-4`, or `1.23e-4 ± 0.05e-4` where there are several runs; an en dash for what is absent.
pub(super) fn shown(spread: Option<Spread>) -> String {
    match spread {
        None => ABSENT.into(),
        Some(Spread { mean, count: 1, .. }) => number(mean),
        Some(Spread { mean, deviation, .. }) => format!("{} ± {}", number(mean), number(deviation)),
    }
}

/// Three significant digits.
pub(super) fn number(value: f64) -> String {
    crate::report::significant(value, 3)
}

pub(super) const ABSENT: &str = "–";
