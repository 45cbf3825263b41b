//! The convex grade of one input, held against trained grades.
//!
//! Gradients meet fast waves late, if ever; the best linear spline of one input is found in milliseconds whatever the
//! target is. Where the settings leave open what the grades look like, held-out rows decide between the two models.

use crate::Samples;
use crate::convex::ConvexSettings;
use crate::fit::FitError;
use crate::front::Front;
use crate::grade::{GradePlan, GradeTask, Origin, TrainedPlan, build_grade};
use crate::settings::{FitSettings, Grades, Solver};
use multigrade_model::{Activation, Note};

/// Rows up to which the convex grade is fitted for comparison: about a second.
const ROWS: usize = 100_000;

/// Training is given up while the first grade is chosen where its held-out loss is so many times that of the convex grade
/// (experiment, no theory: what the grades after the first have gained in experiments stays below).
const HOPELESS: f64 = 1e6;

/// The same where the first grade explains less than half of the target: those after it then do not gain as much.
const HOPELESS_UNLEARNED: f64 = 1e4;

/// Rows and iterations of the pilot: a small network on few rows, from which training may be seen to be hopeless before it
/// begins. With fewer rows than twice as many the first grade itself is as quick.
const PILOT_ROWS: usize = 500;
const PILOT_ITERATIONS: u32 = 60;

/// A pilot that explains less than this share of the target has learned nothing (experiment, no theory).
const PILOT_LEARNS: f64 = 0.1;

/// A training loss below which a spline passes through its rows.
const INTERPOLATES: f64 = 1e-20;

/// Beginning of the note that says what was chosen.
const CHOSEN: &str = "one input: ";

/// The settings of the model that trained grades are held against, where there is one: one input, squared errors, held-out
/// rows, and settings that leave open what the grades look like.
pub(crate) fn settings(settings: &FitSettings, train: &Samples, held_out: Option<&Samples>) -> Option<FitSettings> {
    let is_open = matches!(settings.grades, Grades::Auto { .. }) && is_open(settings);
    let is_eligible = train.n_inputs() == 1 && train.n_classes().is_none() && train.rows() <= ROWS;
    (is_open && is_eligible && held_out.is_some())
        .then(|| FitSettings { solver: Some(Solver::Convex(ConvexSettings::default())), ..settings.clone() })
}

/// Whether the settings say nothing about the grades but how many there may be.
pub(crate) fn is_open(settings: &FitSettings) -> bool {
    let FitSettings { grades, validation, refit, seed, memory, time_limit, .. } = settings.clone();
    *settings == FitSettings { grades, validation, refit, seed, memory, time_limit, ..FitSettings::default() }
}

/// The convex grade that trained grades are held against, as far as their planner has to know it.
pub(crate) struct Rival {
    /// Its held-out loss.
    held_out: f64,
    /// What is expected of it on new rows, at most the held-out loss.
    expected: f64,
    /// The held-out loss at which training was given up, and when that was.
    given_up: Option<(f64, &'static str)>,
}

impl Rival {
    /// With these losses; `refit` says whether held-out rows will be rows of the fit too.
    pub(crate) fn new(training: f64, held_out: f64, refit: bool, train: &Samples, held: &Samples) -> Self {
        let closing = if refit && training < INTERPOLATES { closing(train, held) } else { 1.0 };
        Self { held_out, expected: closing * held_out, given_up: None }
    }

    /// Whether a pilot shows that training is not worth its time.
    pub(crate) fn is_beyond_reach(&mut self, task: &GradeTask) -> Result<bool, FitError> {
        let Some(held) = task.held_out.filter(|_| task.front.rows() >= 2 * PILOT_ROWS) else { return Ok(false) };
        let Origin { samples, scaling, .. } = task.origin;
        let every = (0..PILOT_ROWS).map(|i| i * samples.rows() / PILOT_ROWS).collect::<Vec<_>>();
        let few = samples.select(&every);
        let front = Front::start(&few, &scaling.inputs, &scaling.outputs, task.settings.memory);
        let plan = TrainedPlan {
            hidden: vec![(32, Activation::Tanh); 2],
            weight_decay: 1e-5,
            branches: 1,
            solver: Solver::Lbfgs { iterations: PILOT_ITERATIONS },
            frequency: None,
            replay: None,
        };
        task.progress.start(task.k, "a first look at a few rows", PILOT_ITERATIONS.into());
        let origin = Origin { samples: &few, ..task.origin };
        let pilot = GradeTask { origin, front: &front, held_out: None, ..*task };
        let loss = held.after(&build_grade(&GradePlan::Trained(plan), &pilot)?.grade).loss();
        let learned = loss < (1.0 - PILOT_LEARNS) * held.loss();
        Ok(!learned && self.is_out_of_reach(loss, held, "of a first network on a few rows"))
    }

    /// Whether trained grades whose first would have this held-out loss will stay behind. `when` says of what the loss is.
    pub(crate) fn is_out_of_reach(&mut self, loss: f64, held: &Front, when: &'static str) -> bool {
        let factor = if loss > held.loss() / 2.0 { HOPELESS_UNLEARNED } else { HOPELESS };
        let is_out_of_reach = loss > factor * self.expected;
        if is_out_of_reach {
            self.given_up = Some((loss, when));
        }
        is_out_of_reach
    }

    /// Whether it is chosen over trained grades with this held-out loss.
    pub(crate) fn is_better_than(&self, trained: f64) -> bool {
        // A loss that is not a number is better than nothing.
        self.expected < trained || trained.is_nan()
    }

    /// What was chosen and why; `trained` is the held-out loss of the trained grades, of which there are `grades`.
    pub(crate) fn verdict(&self, trained: f64, grades: usize, rows: usize) -> String {
        let closed = match self.expected < self.held_out {
            true => format!(", {:.3e} expected with these rows among its own", self.expected.sqrt()),
            false => String::new(),
        };
        let (chosen, trained) = match self.given_up {
            Some((loss, when)) => {
                ("the best linear spline", format!("{:.3e} {when}, where training was given up", loss.sqrt()))
            }
            None if self.is_better_than(trained) => {
                ("the best linear spline", format!("{:.3e} of {grades} trained", trained.sqrt()))
            }
            None => ("training", format!("{:.3e} of {grades} trained", trained.sqrt())),
        };
        format!(
            "{CHOSEN}{chosen} was chosen on {rows} held-out rows (RMSE of the targets' spread: {:.3e} of one convex grade{closed}, \
             {trained})",
            self.held_out.sqrt()
        )
    }
}

/// By how much the squared error of an interpolant falls when the held-out rows are among its rows: at most 1, to leading
/// order for smooth targets.
///
/// At distances `a` and `b` from its neighbours a linear interpolant errs by `a b f''/2`, whose square has the mean
/// `sum g^5 / (120 sum g)` over gaps `g`, times `f''^2`. Held-out rows stand in gaps that their absence made wide: on a
/// grid the error there is several times as large as between the rows of the final fit.
fn closing(train: &Samples, held: &Samples) -> f64 {
    let sorted = |inputs: &[f64]| {
        let mut sorted = inputs.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    let rows = sorted(train.inputs());
    let (low, high) = (rows[0], rows[rows.len() - 1]);
    let all = sorted(&[train.inputs(), held.inputs()].concat());
    let unit = |gap: f64| gap / (high - low);
    let gaps = all.windows(2).map(|pair| unit(pair[1] - pair[0]));
    let (fifths, firsts) = gaps.fold((0.0, 0.0), |(fifths, firsts), gap| (fifths + gap.powi(5), firsts + gap));
    let inside: Vec<f64> = held
        .inputs()
        .iter()
        .filter_map(|x| {
            let next = rows.partition_point(|row| row <= x);
            let (before, after) = (rows.get(next.checked_sub(1)?)?, rows.get(next)?);
            Some((unit(x - before) * unit(after - x) / 2.0).powi(2))
        })
        .collect();
    let ratio = fifths / (120.0 * firsts) / (inside.iter().sum::<f64>() / inside.len() as f64);
    // Also where it is not a number.
    if ratio < 1.0 { ratio } else { 1.0 }
}

/// Whether this is a note by [`Rival::verdict`].
pub(crate) fn is_verdict(note: &Note) -> bool {
    note.text.starts_with(CHOSEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_grid_the_error_between_all_rows_is_a_thirtieth_of_that_at_single_missing_rows() {
        let rows = |keep: fn(usize) -> bool| {
            let x: Vec<f64> = (0..=40).filter(|i| keep(*i)).map(|i| 1e3 + 0.1 * i as f64).collect();
            let y = vec![0.0; x.len()];
            Samples::new(1, 1, x, y, None).unwrap()
        };
        let ratio = closing(&rows(|i| i % 4 != 2), &rows(|i| i % 4 == 2));
        // g^4/120 over (g g/2)^2.
        assert!((ratio - 1.0 / 30.0).abs() < 1e-9, "{ratio}");
        // Rows outside, where a spline goes on straight, say nothing; nor do equal ones.
        assert_eq!(closing(&rows(|i| i < 20), &rows(|i| i > 30)), 1.0);
        assert_eq!(closing(&rows(|i| i == 3), &rows(|i| i == 3)), 1.0);
    }
}
