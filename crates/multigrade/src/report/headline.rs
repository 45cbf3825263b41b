//! The result in one sentence, computed from the numbers, also when a simple method wins.

use std::fmt;

use serde::Serialize;

use super::{GradeRow, ReportData};
use crate::Norms;

/// Ratios within this factor of 1 are called "about as good": one split into training and held-out rows cannot tell
/// them apart.
const SAME: f64 = 1.1;

/// At most this many baselines are named in the sentence, the strongest ones.
const NAMED: usize = 3;

/// How well one output is met, and how simple methods compare on the same rows.
///
/// Displayed as one sentence without a full stop:
///
/// ```text
/// thrust: RMSE 1200 lbf on 211 held-out rows, 19x better than linear, 3.0x better than nearest neighbour
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Headline {
    /// The name of the output.
    pub output: String,
    /// Its unit, where it is known.
    pub unit: Option<String>,
    /// The norms of the residual of the finished model on rows of this kind.
    pub norms: Norms,
    /// What the rows were used for.
    pub kind: RowKind,
    /// The number of those rows.
    pub rows: usize,
    /// $1 - L_2^2 / s^2$, where $s$ is the root mean square of the centred target on the same rows: 1 is perfect, 0 is
    /// no better than the mean. None when the target is constant there.
    pub explained: Option<f64>,
    /// Every baseline measured on the same rows, strongest first.
    pub comparisons: Vec<Comparison>,
}

/// What the rows that a result was measured on were used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// The model was fitted on them.
    Training,
    /// They were held out from the fit, and may have decided where it stopped.
    #[default]
    HeldOut,
    /// Neither the fit nor any choice saw them.
    Test,
    /// Nobody can tell: the table is not the one of the fit as a whole, but may share any of its rows.
    Unknown,
}

impl RowKind {
    /// The rows in two or three words, for example `held-out rows`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "training rows",
            Self::HeldOut => "held-out rows",
            Self::Test => "test rows",
            Self::Unknown => "rows of this table",
        }
    }

    /// For example `211 held-out rows`.
    pub(super) fn count(self, rows: usize) -> String {
        let plural = if rows == 1 { "" } else { "s" };
        match self {
            Self::Training => format!("{rows} training row{plural}"),
            Self::HeldOut => format!("{rows} held-out row{plural}"),
            Self::Test => format!("{rows} test row{plural}"),
            Self::Unknown => format!("{rows} row{plural} of this table, which the fit may have seen"),
        }
    }
}

/// A baseline against the model, on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The name of the baseline.
    pub baseline: String,
    /// The root mean square of its residual.
    pub rmse: f64,
    /// Its `rmse` divided by the model's: above 1 the model wins. Infinite when only the model is exact, 1 when both are.
    pub ratio: f64,
}

impl ReportData {
    /// The row that describes the finished model: the last one.
    pub fn answer(&self) -> Option<&GradeRow> {
        self.grades.last()
    }

    /// The result for one output: on the rows of [`Source::validation_kind`](super::Source::validation_kind) if there
    /// are any, else on training rows.
    ///
    /// None if there is no such output, or no row that describes the finished model.
    pub fn headline(&self, output: usize) -> Option<Headline> {
        let fit = self.outputs.get(output)?;
        let answer = self.answer()?;
        let has_validation = answer.validation.as_ref().is_some_and(|norms| norms.get(output).is_some());
        let pick = |train: &[Norms], validation: Option<&[Norms]>| {
            if has_validation { validation?.get(output).copied() } else { train.get(output).copied() }
        };
        let norms = pick(&answer.train, answer.validation.as_deref())?;
        let spread = self
            .grades
            .iter()
            .find(|row| row.grade == 0)
            .and_then(|row| pick(&row.train, row.validation.as_deref()))
            .map_or(0.0, |norms| norms.l2);
        let mut comparisons: Vec<Comparison> = self
            .baselines
            .iter()
            .filter_map(|row| {
                let rmse = pick(&row.train, row.validation.as_deref())?.l2;
                let ratio = if rmse == norms.l2 { 1.0 } else { rmse / norms.l2 };
                Some(Comparison { baseline: row.name.clone(), rmse, ratio })
            })
            .collect();
        comparisons.sort_by(|a, b| a.rmse.total_cmp(&b.rmse));
        Some(Headline {
            output: fit.name.clone(),
            unit: fit.unit.clone(),
            norms,
            kind: if has_validation { self.source.validation_kind } else { RowKind::Training },
            rows: if has_validation { self.source.n_validation } else { self.source.n_train },
            explained: (spread > 0.0 && norms.l2.is_finite()).then(|| 1.0 - (norms.l2 / spread).powi(2)),
            comparisons,
        })
    }
}

impl Headline {
    /// The strongest baseline, if any was measured on these rows.
    pub fn strongest(&self) -> Option<&Comparison> {
        self.comparisons.iter().find(|comparison| comparison.rmse.is_finite())
    }

    /// The sentence without the name of the output: `RMSE 1200 lbf on 211 held-out rows, 19x better than linear`.
    pub fn claim(&self) -> String {
        let mut claim = format!("RMSE {}", significant(self.norms.l2, 3));
        if let Some(unit) = self.unit.as_ref().filter(|_| self.norms.l2.is_finite()) {
            claim += &format!(" {unit}");
        }
        claim += &format!(" on {}", self.kind.count(self.rows));

        // Wins first, the largest first, so that a loss is the last word and cannot be overlooked.
        let strongest: Vec<_> = self.comparisons.iter().filter(|c| !c.ratio.is_nan()).take(NAMED).collect();
        let mut before_a_loss = "";
        for comparison in strongest.into_iter().rev() {
            if comparison.ratio > 1.0 / SAME {
                claim += &format!(", {comparison}");
                before_a_loss = "but ";
            } else {
                claim += &format!(", {before_a_loss}{comparison}");
                before_a_loss = "";
            }
        }
        claim
    }
}

impl fmt::Display for Headline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.output, self.claim())
    }
}

impl fmt::Display for Comparison {
    /// For example `19x better than linear`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { baseline, ratio, .. } = self;
        if ratio.is_nan() {
            write!(f, "not comparable with {baseline}")
        } else if ratio.is_infinite() {
            write!(f, "exact where {baseline} is not")
        } else if *ratio == 0.0 {
            write!(f, "not exact where {baseline} is")
        } else if *ratio >= SAME {
            write!(f, "{}x better than {baseline}", factor(*ratio))
        } else if *ratio > 1.0 / SAME {
            write!(f, "about as good as {baseline}")
        } else {
            write!(f, "{}x worse than {baseline}", factor(1.0 / ratio))
        }
    }
}

/// A ratio of at least 1 as a person would say it: `1.4`, `19`, `3.2e6`.
fn factor(ratio: f64) -> String {
    if ratio < 9.95 {
        format!("{ratio:.1}")
    } else if ratio < 1e5 {
        format!("{ratio:.0}")
    } else {
        format!("{ratio:.1e}")
    }
}

/// `value` with `digits` significant digits: plain notation from 0.001 up to a million, else with an exponent.
///
/// Digits before the point are never rounded away, trailing zeros are kept (they say how precise the number is), and
/// values that are no numbers are said in words.
///
/// ```
/// use multigrade::report::significant;
///
/// assert_eq!(significant(0.012345, 3), "0.0123");
/// assert_eq!(significant(-12345.6, 3), "-12346");
/// assert_eq!(significant(1.5e-7, 3), "1.50e-7");
/// assert_eq!(significant(-0.0, 3), "0");
/// assert_eq!(significant(f64::NAN, 3), "not a number");
/// ```
pub fn significant(value: f64, digits: usize) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "infinite" } else { "minus infinite" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = digits.max(1);
    // Rounding first: 9.996 to three digits is 10.0, whose exponent is 1, not 0.
    let scientific = format!("{:.*e}", digits - 1, value);
    let exponent = scientific.rsplit('e').next().and_then(|e| e.parse::<i32>().ok()).unwrap_or(0);
    if (-3..6).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        format!("{value:.decimals$}")
    } else {
        scientific
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::{BaselineRow, OutputFit, Source};

    fn norms(l2: f64) -> Norms {
        Norms { l1: l2, l2, linf: l2 }
    }

    fn grade(grade: usize, train: f64, validation: Option<f64>) -> GradeRow {
        GradeRow {
            grade,
            hidden: String::new(),
            parameters: 0,
            train: vec![norms(train)],
            validation: validation.map(|v| vec![norms(v)]),
            updates: 0,
            weight_decay: 0.0,
            stop: String::new(),
            seconds: None,
            convex: None,
        }
    }

    fn baseline(name: &str, train: f64, validation: Option<f64>) -> BaselineRow {
        BaselineRow {
            name: name.to_owned(),
            about: String::new(),
            train: vec![norms(train)],
            validation: validation.map(|v| vec![norms(v)]),
        }
    }

    fn data(grades: Vec<GradeRow>, baselines: Vec<BaselineRow>) -> ReportData {
        ReportData {
            source: Source { n_train: 844, n_validation: 211, ..Source::default() },
            outputs: vec![OutputFit {
                name: "thrust".to_owned(),
                unit: Some("lbf".to_owned()),
                ..OutputFit::default()
            }],
            grades,
            baselines,
            ..ReportData::default()
        }
    }

    fn sentence(data: &ReportData) -> String {
        data.headline(0).map(|headline| headline.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_sentence_is_about_held_out_rows_and_names_the_strongest_baselines() {
        let grades = vec![grade(0, 1e5, Some(1e5)), grade(1, 900.0, Some(1200.0))];
        let baselines = vec![
            baseline("mean", 1e5, Some(1e5)),
            baseline("linear", 2e4, Some(22_800.0)),
            baseline("nearest neighbour", 0.0, Some(3600.0)),
            baseline("cubic", 9.0, Some(9000.0)),
        ];
        let data = data(grades, baselines);
        assert_eq!(
            sentence(&data),
            "thrust: RMSE 1200 lbf on 211 held-out rows, 19x better than linear, 7.5x better than cubic, \
             3.0x better than nearest neighbour"
        );
        let headline = data.headline(0).unwrap();
        assert!((headline.explained.unwrap() - (1.0 - 1.44e-4)).abs() < 1e-12);
        assert_eq!(headline.strongest().unwrap().baseline, "nearest neighbour");
    }

    #[test]
    fn a_baseline_that_wins_has_the_last_word() {
        let grades = vec![grade(0, 10.0, Some(10.0)), grade(1, 1.0, Some(2.0))];
        let baselines = vec![baseline("nearest", 0.0, Some(1.0)), baseline("linear", 5.0, Some(8.0))];
        assert_eq!(
            sentence(&data(grades, baselines)),
            "thrust: RMSE 2.00 lbf on 211 held-out rows, 4.0x better than linear, but 2.0x worse than nearest"
        );
    }

    #[test]
    fn without_held_out_rows_the_sentence_says_training_and_compares_training_numbers_only() {
        let grades = vec![grade(0, 10.0, None), grade(1, 1.0, None)];
        let baselines = vec![baseline("nearest", 0.0, None), baseline("linear", 1.05, Some(9.0))];
        assert_eq!(
            sentence(&data(grades, baselines)),
            "thrust: RMSE 1.00 lbf on 844 training rows, about as good as linear, \
             but not exact where nearest is"
        );
    }

    #[test]
    fn a_baseline_that_was_not_measured_on_held_out_rows_is_not_compared_with_them() {
        let grades = vec![grade(1, 1.0, Some(2.0))];
        assert_eq!(data(grades, vec![baseline("linear", 5.0, None)]).headline(0).unwrap().comparisons, []);
    }

    #[test]
    fn the_sentence_describes_the_last_grade() {
        let grades = vec![grade(0, 9.0, None), grade(1, 2.0, None)];
        assert_eq!(sentence(&data(grades, vec![])), "thrust: RMSE 2.00 lbf on 844 training rows");
        assert_eq!(data(vec![], vec![]).headline(0), None);
        assert_eq!(data(vec![grade(0, 1.0, None)], vec![]).headline(1), None);
    }

    #[test]
    fn the_sentence_says_what_the_rows_are_and_never_calls_rows_held_out_that_the_fit_may_have_seen() {
        let mut data = data(vec![grade(0, 9.0, Some(9.0)), grade(1, 1.0, Some(2.0))], vec![]);
        for (kind, words) in [
            (RowKind::HeldOut, "211 held-out rows"),
            (RowKind::Test, "211 test rows"),
            (RowKind::Unknown, "211 rows of this table, which the fit may have seen"),
        ] {
            data.source.validation_kind = kind;
            assert_eq!(sentence(&data), format!("thrust: RMSE 2.00 lbf on {words}"));
        }
        data.source.n_validation = 1;
        assert!(sentence(&data).ends_with("on 1 row of this table, which the fit may have seen"));
    }

    #[test]
    fn an_exact_model_and_a_broken_one_are_said_plainly() {
        let exact = data(vec![grade(1, 0.0, None)], vec![baseline("linear", 5.0, None), baseline("nn", 0.0, None)]);
        assert_eq!(
            sentence(&exact),
            "thrust: RMSE 0 lbf on 844 training rows, exact where linear is not, about as good as nn"
        );
        let broken = data(vec![grade(1, f64::NAN, None)], vec![baseline("linear", 5.0, None)]);
        assert_eq!(sentence(&broken), "thrust: RMSE not a number on 844 training rows");
        assert_eq!(broken.headline(0).unwrap().explained, None);
    }

    #[test]
    fn rounding_up_to_the_next_power_of_ten_does_not_add_a_digit() {
        assert_eq!(significant(9.996, 3), "10.0");
        assert_eq!(significant(0.000_999_96, 3), "0.00100");
        assert_eq!(significant(999_999.6, 3), "1.00e6");
        assert_eq!(significant(f64::INFINITY, 3), "infinite");
    }

    proptest! {
        #[test]
        fn what_is_shown_differs_from_the_value_by_at_most_half_a_unit_of_the_last_digit(
            value in prop_oneof![-1e6..1e6_f64, -1e-3..1e-3_f64, prop::num::f64::NORMAL],
            digits in 1..8_usize,
        ) {
            let shown: f64 = significant(value, digits).parse().unwrap();
            prop_assert!((shown - value).abs() <= value.abs() * 0.5001 * 10f64.powi(1 - digits as i32));
        }
    }
}
