//! What the next grade looks like: the settings that were given, and the rest chosen on held-out rows.

use crate::Samples;
use crate::convex::dense::{DensePenalty, DenseSettings};
use crate::convex::{ConvexSettings, Penalty};
use crate::convex_grade::{PARTS, futility, one_input_is_done};
use crate::fit::{FitError, NextGrade, Proposal, Stop};
use crate::front::Front;
use crate::grade::{Built, GradePlan, GradeTask, TrainedPlan, build_grade};
use crate::observer::{Event, Progress};
use crate::rival::{Rival, is_open, is_verdict};
use crate::settings::{Descent, FitSettings, GradeSettings, Grades, Precision, Schedule, Solver};
use crate::training::budget;
use crate::waves;
use multigrade_model::{Activation, Multigrade, Note};
use rayon::prelude::*;

/// Up to this many rows, full-batch L-BFGS in f64 is affordable and far more accurate than Adam.
const SMALL: usize = 10_000;

/// Numbers that the inputs of a classifier may be for full-batch L-BFGS on all candidates (experiment, no theory): digits of
/// 8 x 8 pixels are below, those of 28 x 28 beyond.
const WIDE: usize = 400_000;

/// Numbers that epochs of Adam read at most while a classifier's grade is chosen, but for ten epochs.
const CLASS_WORK: usize = 75_000_000;

/// Of the epochs of a grade with many inputs, a trial has one in this many.
const TRIAL: u32 = 3;

/// Activations tried when none is given.
const ACTIVATIONS: [Activation; 2] = [Activation::Tanh, Activation::Relu];

/// Weight decays tried for the first grade of small tables when none is given (experiment, no theory).
const DECAYS: [f64; 6] = [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2];

/// Weight decays tried otherwise: what later grades fit is small and rough, and with many rows little decay is needed;
/// the choice matters less.
const LATER_DECAYS: [f64; 3] = [1e-5, 1e-3, 1e-1];

/// The note for a grade of the list that is missing.
const LEFT_OUT: &str = "a grade of the list did not lower the training loss and was left out";

/// Penalties tried for dense convex grades, as shares of the smallest that leaves no neurons.
const SHARES: [f64; 4] = [0.2, 0.06, 0.02, 0.006];

/// Plans one grade after the other.
pub(crate) struct Planner<'a> {
    settings: &'a FitSettings,
    grades: std::vec::IntoIter<GradeSettings>,
    rows: usize,
    /// Numbers that a classifier's inputs are.
    class_values: Option<usize>,
    /// Whether a grade of the list was trivial and is missing.
    skipped: bool,
    /// What trained grades are held against.
    pub(crate) rival: Option<Rival>,
    notes: Vec<Note>,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(settings: &'a FitSettings, train: &Samples) -> Self {
        let rows = train.rows();
        let class_values = train.n_classes().map(|_| rows.saturating_mul(train.n_inputs()));
        let grades = match &settings.grades {
            Grades::Auto { at_most: count } | Grades::Count(count) => vec![GradeSettings::default(); *count],
            Grades::List(list) if settings.single_grade => vec![end_to_end(list)],
            Grades::List(list) => list.clone(),
        };
        Self {
            settings,
            grades: grades.into_iter(),
            rows,
            class_values,
            skipped: false,
            rival: None,
            notes: Vec::new(),
        }
    }

    /// The planner after the grades of a model that these settings began.
    pub(crate) fn resume(&mut self, model: &Multigrade) {
        self.notes = model.history().notes.iter().filter(|note| !is_verdict(note)).cloned().collect();
        let left_out = self.notes.iter().filter(|note| note.text == LEFT_OUT).count();
        self.skipped = left_out > 0;
        self.grades.by_ref().take(model.grades().len() + left_out).for_each(drop);
    }

    pub(crate) fn is_small(&self) -> bool {
        self.rows <= SMALL
    }

    /// Whether classes have so many inputs, as images have, that the defaults of small tables would take long.
    fn is_wide(&self) -> bool {
        self.class_values.is_some_and(|values| values > WIDE)
    }

    pub(crate) fn into_notes(self) -> Vec<Note> {
        self.notes
    }

    /// All ways to fill in what the settings of a grade leave open.
    fn candidates(&self, k: usize, grade: &GradeSettings, solver: Solver, can_choose: bool) -> Vec<TrainedPlan> {
        let listed = matches!(self.settings.grades, Grades::List(_));
        let widths = if grade.widths.is_empty() { self.default_widths() } else { grade.widths.clone() };
        let solver = match (&self.settings.grades, self.settings.single_grade) {
            (Grades::List(list), true) => times(solver, list.len()),
            _ => solver,
        };
        let branches = grade.branches.or(self.settings.branches);
        let branches = branches.unwrap_or_else(|| if listed { 1 } else { self.default_branches() });
        let activations = match (&grade.activations, self.settings.activation) {
            (Some(given), _) => vec![given.clone()],
            (None, Some(given)) => vec![vec![given; widths.len()]],
            (None, None) if self.is_wide() => vec![vec![Activation::Relu; widths.len()]],
            (None, None) => ACTIVATIONS.iter().map(|&a| vec![a; widths.len()]).collect(),
        };
        let decays = match grade.weight_decay.or(self.settings.weight_decay) {
            Some(decay) => vec![decay],
            None if k == 1 && self.is_small() && !self.is_wide() => DECAYS.to_vec(),
            None => LATER_DECAYS.to_vec(),
        };
        let hidden = |a: &Vec<Activation>| widths.iter().copied().zip(a.iter().copied()).collect::<Vec<_>>();
        let plan = |a: &Vec<Activation>, weight_decay: f64| TrainedPlan {
            hidden: hidden(a),
            weight_decay,
            branches,
            solver: solver.clone(),
            frequency: None,
            replay: None,
        };
        if can_choose {
            activations.iter().flat_map(|a| decays.iter().map(move |&d| plan(a, d))).collect()
        } else {
            // Nothing to choose on: the middle of what would be tried.
            vec![plan(&activations[0], decays[decays.len() / 2])]
        }
    }

    /// The solver of grade `k`.
    fn solver(&self, k: usize, grade: &GradeSettings) -> Solver {
        let first = k.checked_sub(1).and_then(|k| self.settings.first_solvers.get(k));
        let given = grade.solver.as_ref().or(first).or(self.settings.solver.as_ref());
        given.cloned().unwrap_or_else(|| self.default_solver())
    }

    /// The budget falls with the number of rows, so that the defaults stay within a minute or two on two cores up to
    /// some hundred thousand rows (experiment, no theory).
    fn default_solver(&self) -> Solver {
        let budget = |work: usize, least: usize, most: usize| (work / self.rows.max(1)).clamp(least, most) as u32;
        // The line search of L-BFGS needs the digits of f64.
        if self.is_small() && !self.is_wide() && self.settings.precision == Precision::F64 {
            Solver::Lbfgs { iterations: budget(1_500_000, 100, 500) }
        } else {
            let (schedule, epochs) = (Schedule::Cosine { to: 1e-6 }, budget(2_000_000, 10, 100));
            let affordable =
                self.class_values.map_or(usize::MAX, |values| CLASS_WORK / values.max(1)).clamp(10, 100) as u32;
            Solver::Adam(Descent { epochs: epochs.min(affordable), rate: 3e-3, schedule, ..Descent::default() })
        }
    }

    /// What a candidate is trained with to compare it with others: one branch and, where inputs are many, fewer epochs. Which
    /// weight decay is best shows early.
    fn trial(&self, plan: &TrainedPlan) -> TrainedPlan {
        let solver = match &plan.solver {
            Solver::Adam(d) if self.is_wide() => {
                Solver::Adam(Descent { epochs: d.epochs.div_ceil(TRIAL), ..d.clone() })
            }
            solver => solver.clone(),
        };
        TrainedPlan { branches: 1, solver, ..plan.clone() }
    }

    fn default_widths(&self) -> Vec<usize> {
        match (self.is_wide(), self.is_small()) {
            (true, _) => vec![256],
            (false, true) => vec![32; 2],
            (false, false) => vec![64; 2],
        }
    }

    /// Averaging pays most where rows are few and networks differ most, and where inputs are many.
    fn default_branches(&self) -> usize {
        match self.rows {
            _ if self.is_wide() => 4,
            0..=2_000 => 5,
            2_001..=SMALL => 3,
            _ => 1,
        }
    }

    /// The next grade where it is a convex one, unless it is proved to gain nothing.
    fn next_convex(&mut self, settings: ConvexSettings, task: &GradeTask) -> Result<Result<Proposal, Stop>, FitError> {
        let &GradeTask { k, progress, .. } = task;
        if let Some(reason) = futility(&settings.penalty, task)? {
            self.note(k - 1, reason, progress);
            return Ok(Err(Stop::Exhausted));
        }
        progress.start(k, "convex optimisation", PARTS);
        Ok(Ok(GradePlan::Convex(settings).into()))
    }

    /// The next grade where it is a convex one of dense neurons; its penalty is chosen on held-out rows, where there are
    /// any.
    fn next_dense(
        &mut self,
        settings: DenseSettings,
        choose: bool,
        task: &GradeTask,
    ) -> Result<Result<Proposal, Stop>, FitError> {
        let &GradeTask { k, held_out, progress, .. } = task;
        let given = match settings.penalty {
            DensePenalty::Absolute(penalty) if !choose => Penalty::Absolute(penalty),
            DensePenalty::Absolute(share) | DensePenalty::OfLargest(share) => Penalty::OfLargest(share),
        };
        if let Some(reason) = one_input_is_done(&given, task) {
            self.note(k - 1, reason, progress);
            return Ok(Err(Stop::Exhausted));
        }
        let Some(held) = held_out.filter(|_| choose) else {
            progress.start(k, "convex optimisation", PARTS);
            return Ok(Ok(GradePlan::Dense(settings).into()));
        };
        let mut best: Option<(f64, f64, Built)> = None;
        for share in SHARES {
            if best.is_some() && progress.cut().is_some() {
                break;
            }
            progress.start(k, &format!("convex optimisation, penalty {share} of the largest"), PARTS);
            let plan = GradePlan::Dense(DenseSettings { penalty: DensePenalty::OfLargest(share), ..settings.clone() });
            let built = build_grade(&plan, task)?;
            let loss = held.after(&built.grade).loss();
            if best.as_ref().is_none_or(|(least, ..)| loss < *least) {
                best = Some((loss, share, built));
            }
        }
        let Some((loss, share, built)) = best else { return Ok(Err(Stop::Complete)) };
        let text = format!(
            "grade {k}: the penalty {share} of the largest was best of {} on {} held-out rows (RMSE {:.3e} of the targets' \
             spread)",
            SHARES.len(),
            held.rows(),
            loss.sqrt()
        );
        self.note(k, text, progress);
        Ok(Ok(Proposal { plan: built.replay.clone(), built: Some(built) }))
    }

    /// The first grade as random waves, where those are better on held-out rows than training with its loss.
    fn first_waves(&mut self, trained: f64, task: &GradeTask) -> Result<Option<Proposal>, FitError> {
        if task.k > 1 || self.rival.is_some() || !self.is_automatic() || !is_open(self.settings) {
            return Ok(None);
        }
        let Some(found) = waves::search(task, trained)? else { return Ok(None) };
        let text = format!(
            "grade 1: {} random waves of frequency {:.0} (on standardised inputs) were chosen, since training learned little: \
             RMSE {:.3e} of the targets' spread on held-out rows against {:.3e}; the nearest neighbour has {:.3e}",
            found.width,
            found.frequency,
            found.loss.sqrt(),
            trained.sqrt(),
            found.neighbour.sqrt()
        );
        self.note(1, text, task.progress);
        Ok(Some(Proposal { plan: found.plan, built: Some(found.built) }))
    }

    fn note(&mut self, grade: usize, text: String, progress: &Progress) {
        progress.send(&Event::Note(&text));
        self.notes.push(Note { grade, text });
    }
}

impl NextGrade for Planner<'_> {
    fn next(&mut self, task: &GradeTask) -> Result<Result<Proposal, Stop>, FitError> {
        let &GradeTask { k, front, held_out, progress, .. } = task;
        if front.loss() == 0.0 {
            return Ok(Err(Stop::Trivial));
        }
        let Some(grade) = self.grades.next() else {
            return Ok(Err(if self.skipped { Stop::Trivial } else { Stop::Complete }));
        };
        let solver = self.solver(k, &grade);
        match solver {
            Solver::Convex(settings) => return self.next_convex(settings, task),
            Solver::ConvexDense { settings, choose_penalty } => {
                return self.next_dense(settings, choose_penalty, task);
            }
            _ => {}
        }
        if k > 1 && self.is_automatic() && is_open(self.settings) && waves::are_features_of(front) {
            return Ok(Err(Stop::Wide));
        }
        if let Some(rival) = self.rival.as_mut().filter(|_| k == 1)
            && rival.is_beyond_reach(task)?
        {
            return Ok(Err(Stop::NoImprovement));
        }
        let candidates = self.candidates(k, &grade, solver, held_out.is_some());
        let per_branch = budget(&candidates[0].solver, front.rows()).1;
        let per_trial = budget(&self.trial(&candidates[0]).solver, front.rows()).1;
        let Some(held) = held_out.filter(|_| candidates.len() > 1) else {
            let plan = candidates.into_iter().next().expect("there is at least one candidate");
            progress.start(k, &format!("training {}", describe(&plan)), per_branch * plan.branches as u64);
            return Ok(Ok(GradePlan::Trained(plan).into()));
        };
        let doing = format!("choosing among {} settings", candidates.len());
        progress.start(k, &doing, per_trial * candidates.len() as u64);
        let trials: Vec<Option<(f64, Built)>> = candidates
            .par_iter()
            .map(|plan| {
                if let (Some(_), false) = (progress.cut(), k == 1) {
                    // The grades before this one are the answer; no time is left to try more.
                    return Ok(None);
                }
                let built = build_grade(&GradePlan::Trained(self.trial(plan)), task)?;
                Ok(Some((held.after(&built.grade).loss(), built)))
            })
            .collect::<Result<_, FitError>>()?;
        let Some(mut trials) = trials.into_iter().collect::<Option<Vec<_>>>() else {
            return Ok(Err(progress.cut().map_or(Stop::Complete, Stop::from)));
        };
        // A NaN with its sign bit set would come first in the total order.
        let losses: Vec<f64> = trials.iter().map(|(l, _)| if l.is_finite() { *l } else { f64::INFINITY }).collect();
        let best = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).expect("there are candidates");
        let plan = candidates[best].clone();
        if self.is_wide() && self.is_automatic() && k > 1 && losses[best] >= held.loss() {
            // Training it with all branches would take far longer than the trials, and help as little.
            return Ok(Err(Stop::NoImprovement));
        }
        if let Some(rival) = self.rival.as_mut().filter(|_| k == 1)
            && rival.is_out_of_reach(losses[best], held, "of the best first grade")
        {
            return Ok(Err(Stop::NoImprovement));
        }
        if let Some(waves) = self.first_waves(losses[best], task)? {
            return Ok(Ok(waves));
        }
        self.note(k, explain(k, &candidates, &losses, best, held), progress);
        if progress.cut().is_some() {
            // No time is left to train it again with more branches.
            return Ok(Ok(Proposal { plan: GradePlan::Trained(plan), built: Some(trials.swap_remove(best).1) }));
        }
        progress.start(k, &format!("training {}", describe(&plan)), per_branch * plan.branches as u64);
        Ok(Ok(GradePlan::Trained(plan).into()))
    }

    fn after_trivial(&mut self, task: &GradeTask) -> Option<Stop> {
        if !matches!(self.settings.grades, Grades::List(_)) {
            // The same settings would find the same nothing again.
            return Some(Stop::Trivial);
        }
        self.skipped = true;
        self.note(task.k - 1, LEFT_OUT.to_string(), task.progress);
        None
    }

    fn is_automatic(&self) -> bool {
        matches!(self.settings.grades, Grades::Auto { .. })
    }
}

/// One grade with the hidden layers of all, and the updates of all.
fn end_to_end(list: &[GradeSettings]) -> GradeSettings {
    let all = |grades: &[GradeSettings]| -> Option<Vec<Activation>> {
        grades.iter().map(|g| g.activations.clone()).collect::<Option<Vec<_>>>().map(|a| a.concat())
    };
    GradeSettings {
        widths: list.iter().flat_map(|g| g.widths.clone()).collect(),
        activations: all(list),
        ..list[0].clone()
    }
}

/// The solver with `count` times the steps: the updates that `count` grades would have had.
fn times(solver: Solver, count: usize) -> Solver {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let longer = |d: Descent| Descent { epochs: d.epochs.saturating_mul(count), ..d };
    match solver {
        Solver::RandomFeatures | Solver::Convex(_) | Solver::ConvexDense { .. } => solver,
        Solver::Lbfgs { iterations } => Solver::Lbfgs { iterations: iterations.saturating_mul(count) },
        Solver::LevenbergMarquardt { iterations } => {
            Solver::LevenbergMarquardt { iterations: iterations.saturating_mul(count) }
        }
        Solver::Adam(d) => Solver::Adam(longer(d)),
        Solver::GradientDescent(d) => Solver::GradientDescent(longer(d)),
    }
}

fn describe(plan: &TrainedPlan) -> String {
    let widths: Vec<String> = plan.hidden.iter().map(|(w, _)| w.to_string()).collect();
    let count = if plan.branches > 1 { format!("{} x ", plan.branches) } else { String::new() };
    format!("{count}{} {} ({})", plan.hidden[0].1, widths.join("-"), plan.solver)
}

/// The choice in plain words, with the best of the other activations beside it.
fn explain(k: usize, candidates: &[TrainedPlan], losses: &[f64], best: usize, held: &Front) -> String {
    let rows = held.rows();
    let (measure, unit, root) = match held.logits {
        Some(_) => ("log-loss", "", (|loss| loss) as fn(f64) -> f64),
        None => ("RMSE", " of the targets' spread", f64::sqrt as fn(f64) -> f64),
    };
    let chosen = &candidates[best];
    let activation = chosen.hidden[0].1;
    let mut text = format!(
        "grade {k}: {activation} with weight decay {:e} was best of {} settings on {} \
         ({measure} {:.3e}{unit}",
        chosen.weight_decay,
        candidates.len(),
        if rows == 1 { "the held-out row".into() } else { format!("{rows} held-out rows") },
        root(losses[best]),
    );
    for other in ACTIVATIONS.iter().filter(|&&a| a != activation) {
        let others = candidates.iter().zip(losses).filter(|(c, _)| c.hidden[0].1 == *other).map(|(_, &l)| l);
        if let Some(loss) = others.min_by(f64::total_cmp) {
            text += &format!("; {other} at its best {:.3e}", root(loss));
        }
    }
    text + ")"
}
