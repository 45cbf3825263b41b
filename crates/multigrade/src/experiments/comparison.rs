//! Regression problems of the papers: the published method, one deep network and our settings side by side.

use super::data::{Amplitudes, Data, XuTarget};
use super::measure::measure;
use super::methods::{grade, ours, relu, seed, stopped_early};
use super::published::{self, Published, SOURCES};
use super::record::{Outcome, Record};
use super::report::{ABSENT, Figure, Line, Report, Section, Spread, Table, number, shown};
use super::simple::Simple;
use super::{Scale, Task};
use crate::{Activation, Descent, FitSettings, GradeSettings, Solver};

const PUBLISHED: &str = "multigrade, as published";
const PUBLISHED_SINGLE: &str = "single grade, as published";
const TUNED: &str = "multigrade, published, tuned and stopped early";
const TUNED_SINGLE: &str = "single grade, published, tuned and stopped early";
const OURS: &str = "ours, same parameters and updates";
const OURS_SINGLE: &str = "single grade, our settings, same updates";
const DEFAULTS: &str = "ours, defaults";

/// A problem, and what is tried on it.
struct Case {
    problem: &'static str,
    data: Data,
    grades: Vec<GradeSettings>,
    /// Epochs, first and last rate of each grade.
    courses: Vec<(u32, f64, f64)>,
    batch: Option<usize>,
    /// All hidden layers of the comparison with one grade.
    single: GradeSettings,
    /// Its epochs, first and last rate.
    single_course: (u32, f64, f64),
    /// Whether the grades and their epochs are those of the published number, so that it can be met.
    is_published_size: bool,
}

/// How much is run.
struct Effort {
    /// First rates that every tuned method tries; the last rate is a hundredth.
    rates: &'static [f64],
    /// Runs with other seeds: of methods of several grades, of one deep network, of our defaults.
    grades: u64,
    single: u64,
    defaults: u64,
    /// Whether the published method is also tuned, beside the runs as published.
    tune_published: bool,
}

impl Effort {
    fn of(scale: Scale) -> Self {
        match scale {
            Scale::Quick => Self { rates: &[1e-3, 1e-2], grades: 5, single: 1, defaults: 1, tune_published: false },
            Scale::Full => Self { rates: &[3e-4, 1e-3, 1e-2], grades: 5, single: 5, defaults: 5, tune_published: true },
        }
    }
}

impl Case {
    fn epochs(&self) -> u32 {
        self.courses.iter().map(|course| course.0).sum()
    }

    /// The grades, each with its own walk: as published, or from `rate` to a hundredth of it.
    fn walking(&self, rate: Option<f64>) -> Vec<GradeSettings> {
        let walk = |(grade, &(epochs, first, last)): (&GradeSettings, &(u32, f64, f64))| {
            let (first, last) = rate.map_or((first, last), |rate| (rate, rate / 100.0));
            let solver = Solver::Adam(Descent::published(epochs, self.batch, first, last));
            GradeSettings { solver: Some(solver), ..grade.clone() }
        };
        self.grades.iter().zip(&self.courses).map(walk).collect()
    }

    fn single_walk(&self, epochs: u32, first: f64, last: f64) -> Solver {
        Solver::Adam(Descent::published(epochs, self.batch, first, last))
    }

    fn tasks(&self, effort: &Effort) -> Vec<Task> {
        let mut tasks: Vec<Task> = Vec::new();
        let mut add = |method: &str, rate: Option<f64>, validation: bool, settings: FitSettings| {
            let data = self.data;
            tasks.push(Task {
                problem: self.problem.into(),
                method: method.into(),
                rate,
                seed: settings.seed,
                settings,
                work: Box::new(move |settings, observer| measure(&data.problem(), validation, settings, observer)),
            });
        };
        let single = || vec![self.single.clone()];
        let (epochs, first, last) = self.single_course;
        for repetition in 0..effort.grades.max(effort.single).max(effort.defaults) {
            let mut add = |method: &str, rate: Option<f64>, validation: bool, settings: FitSettings| {
                let runs = match method {
                    DEFAULTS => effort.defaults,
                    PUBLISHED_SINGLE | TUNED_SINGLE | OURS_SINGLE => effort.single,
                    _ => effort.grades,
                };
                if repetition < runs {
                    add(method, rate, validation, FitSettings { seed: seed(repetition), ..settings });
                }
            };
            // Every grade names its own solver; the common one is that of the first.
            let common = self.single_walk(self.courses[0].0, first, last);
            add(PUBLISHED, None, false, FitSettings::published(self.walking(None), common.clone()));
            let walk = self.single_walk(epochs, first, last);
            add(PUBLISHED_SINGLE, None, false, FitSettings::published(single(), walk));
            for &rate in effort.rates {
                let walk = self.single_walk(self.epochs(), rate, rate / 100.0);
                if effort.tune_published {
                    add(TUNED, Some(rate), true, stopped_early(self.walking(Some(rate)), common.clone()));
                    add(TUNED_SINGLE, Some(rate), true, stopped_early(single(), walk.clone()));
                }
                add(OURS, Some(rate), true, ours(self.walking(Some(rate)), None));
                add(OURS_SINGLE, Some(rate), true, ours(single(), Some(walk)));
            }
            add(DEFAULTS, None, false, FitSettings::default());
        }
        tasks.extend(Simple::for_inputs(self.data.n_inputs()).iter().map(|&simple| self.simple(simple)));
        tasks
    }

    fn simple(&self, simple: Simple) -> Task {
        let data = self.data;
        Task {
            problem: self.problem.into(),
            method: simple.name().into(),
            rate: None,
            seed: 0,
            settings: FitSettings::default(),
            work: Box::new(move |_, _| Ok(simple.measure(&data.problem()))),
        }
    }
}

fn tasks(cases: &[Case], scale: Scale) -> Vec<Task> {
    let effort = Effort::of(scale);
    cases.iter().flat_map(|case| case.tasks(&effort)).collect()
}

pub(super) fn xu_tasks(scale: Scale) -> Vec<Task> {
    tasks(&xu_cases(scale), scale)
}

pub(super) fn spectral_tasks(scale: Scale) -> Vec<Task> {
    tasks(&spectral_cases(scale), scale)
}

pub(super) fn manifold_tasks(scale: Scale) -> Vec<Task> {
    tasks(&manifold_cases(scale), scale)
}

fn xu_cases(scale: Scale) -> Vec<Case> {
    use Activation::{Relu, Sin};
    let targets = [
        (XuTarget::Sine, "sin(100x)", "sin(100x), noisy"),
        (XuTarget::GrowingSine, "x sin(100x)", "x sin(100x), noisy"),
        (XuTarget::Kinks, "kinks", "kinks, noisy"),
    ];
    let widths = [256, 256, 128, 128, 64, 64, 32, 32];
    let activations = [Sin, Sin, Relu, Relu, Relu, Relu, Relu, Relu];
    // The published 550 epochs of one deep network take minutes a run; the quick ones are as many as all grades have.
    let epochs = if scale == Scale::Full { 550 } else { 80 };
    let case = |(target, problem, noise)| Case {
        problem,
        data: Data::Xu { target, noise },
        grades: vec![grade(&[256, 256], &[Sin, Sin]), relu(&[128, 128, 64]), relu(&[64, 32, 32])],
        courses: vec![(20, 1e-1, 1e-4), (20, 1e-2, 1e-4), (40, 1e-2, 1e-4)],
        batch: Some(32),
        single: grade(&widths, &activations),
        single_course: (epochs, 1e-3, 1e-4),
        is_published_size: true,
    };
    let both = |(target, clean, noisy)| [(target, clean, false), (target, noisy, true)];
    // The growing wave says little that the even one does not.
    let is_run = |&(target, ..): &(XuTarget, &str, &str)| scale == Scale::Full || target != XuTarget::GrowingSine;
    targets.into_iter().filter(is_run).flat_map(both).map(case).collect()
}

/// Width and epochs a grade of the wave problems: the published width with the epochs of its shorter runs, or what minutes
/// allow. The published 30,000 epochs would take weeks for all methods, rates and seeds.
fn size(scale: Scale) -> (usize, u32) {
    match scale {
        Scale::Quick => (64, 40),
        Scale::Full => (256, 300),
    }
}

fn spectral_cases(scale: Scale) -> Vec<Case> {
    let (width, epochs) = size(scale);
    let settings = [
        (Amplitudes::Constant, "constant amplitudes", 4),
        (Amplitudes::Decreasing, "decreasing amplitudes", 4),
        (Amplitudes::Varying, "varying amplitudes", 4),
        (Amplitudes::Increasing, "increasing amplitudes", 5),
    ];
    let case = |(amplitudes, problem, grades)| Case {
        problem,
        data: Data::Spectral(amplitudes),
        grades: vec![relu(&[width, width]); grades],
        courses: vec![(epochs, 1e-3, 1e-4); grades],
        batch: Some(256),
        single: relu(&vec![width; 2 * grades]),
        single_course: (epochs, 5e-4, 1e-4),
        is_published_size: false,
    };
    settings.into_iter().map(case).collect()
}

fn manifold_cases(scale: Scale) -> Vec<Case> {
    let (width, epochs) = size(scale);
    let case = |(q, problem)| Case {
        problem,
        data: Data::Manifold { q, amplitudes: Amplitudes::Increasing },
        grades: vec![relu(&[width, width]); 4],
        courses: vec![(epochs, 1e-3, 1e-4); 4],
        batch: if scale == Scale::Full { None } else { Some(512) },
        single: relu(&[width; 8]),
        single_course: (epochs, 1e-4, 1e-5),
        is_published_size: false,
    };
    [(0, "circle"), (4, "flower of four petals")].into_iter().map(case).collect()
}

pub(super) fn xu_report(scale: Scale, records: &[Record]) -> Report {
    let about = vec![
        "Targets on an interval (three with --full, two otherwise), 5000 training rows, without and with noise of deviation 0.05 (arXiv 2302.00150). \
         Test rows have no noise. Mind the data: the validation rows are training rows with a little noise of their own, \
         so they cannot tell overfitting from learning, and the validation error has a floor of its noise."
            .into(),
        "These targets have one input and dense rows: interpolation is the method to beat without noise, averages of \
         neighbours with noise. One deep network has 550 epochs in the paper; the quick runs give it 80, as many \
         passes as all grades together have."
            .into(),
    ];
    report(&xu_cases(scale), scale, about, records)
}

pub(super) fn spectral_report(scale: Scale, records: &[Record]) -> Report {
    let about = "Twenty waves of frequencies up to 200 in one variable, 6000 training rows (arXiv 2410.16105, settings \
                 1 to 4). A network meets high frequencies late: the question is how late.";
    report(&spectral_cases(scale), scale, vec![about.into(), smaller(scale)], records)
}

pub(super) fn manifold_report(scale: Scale, records: &[Record]) -> Report {
    let about = "Forty waves of frequencies up to 400 along a closed curve in the plane, 12,000 training rows (arXiv \
                 2410.16105). Networks see the two coordinates, not the place along the curve.";
    report(&manifold_cases(scale), scale, vec![about.into(), smaller(scale)], records)
}

fn smaller(scale: Scale) -> String {
    let (width, epochs) = size(scale);
    match scale {
        Scale::Full => format!(
            "Sizes are the published ones, and {epochs} epochs a grade, as in the shorter of the published runs. The \
             published numbers beside them took 30,000."
        ),
        Scale::Quick => format!(
            "Quick runs: layers of {width} neurons and {epochs} epochs a grade instead of 256 and 30,000. The published \
             numbers beside them took hours; they are no goal for these runs."
        ),
    }
}

/// One method on one problem: all its runs at the rate whose mean validation error is smallest.
struct Entry<'a> {
    rate: Option<f64>,
    /// Rates that were tried.
    tried: usize,
    runs: Vec<&'a Outcome>,
}

impl<'a> Entry<'a> {
    fn find(records: &'a [Record], problem: &str, method: &str) -> Option<Self> {
        let mine: Vec<&Record> =
            records.iter().filter(|record| record.problem == problem && record.method == method).collect();
        let mut rates: Vec<Option<f64>> = Vec::new();
        for record in &mine {
            if !rates.contains(&record.rate) {
                rates.push(record.rate);
            }
        }
        let runs = |rate: Option<f64>| -> Vec<&'a Outcome> {
            mine.iter().filter(|record| record.rate == rate).map(|record| &record.outcome).collect()
        };
        // A run that diverged has no error to be judged by: its rate is not chosen if another one has.
        let merit = |rate: &Option<f64>| -> f64 {
            let errors: Option<Vec<f64>> = runs(*rate).iter().map(|run| run.last_validation()).collect();
            errors.and_then(Spread::of).map_or(f64::INFINITY, |spread| spread.mean)
        };
        let best = rates.iter().copied().min_by(|a, b| merit(a).total_cmp(&merit(b)))?;
        Some(Self { rate: best, tried: rates.len(), runs: runs(best) })
    }

    fn spread(&self, of: impl Fn(&Outcome) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.runs.iter().filter_map(|run| of(run)))
    }

    fn test(&self) -> Option<Spread> {
        self.spread(Outcome::last_test)
    }
}

fn report(cases: &[Case], scale: Scale, mut about: Vec<String>, records: &[Record]) -> Report {
    let effort = Effort::of(scale);
    about.push(format!(
        "Errors are relative squared errors: the sum of squared errors over the sum of squared targets. Tuned methods \
         try the same {} first rates and keep the one with the smallest validation error; all of them keep the iterate \
         that is best on validation rows. Runs with other seeds: {} of methods with several grades, {} of one deep \
         network, {} of our defaults. CPU seconds are of one run, not of the tuning.",
        effort.rates.len(),
        effort.grades,
        effort.single,
        effort.defaults
    ));
    let mut sections = vec![summary(cases, records)];
    sections.extend(cases.iter().map(|case| details(case, records)));
    Report { about, sections }
}

/// The error that a cell shows: published, with its source.
fn quoted(published: Option<Published>) -> String {
    published.map_or(ABSENT.into(), |p| format!("{} {}", number(p.value), p.source))
}

fn summary(cases: &[Case], records: &[Record]) -> Section {
    let columns = [
        "problem",
        "published: multigrade",
        "published: single grade",
        PUBLISHED,
        OURS,
        DEFAULTS,
        "best single grade",
        "best simple method",
    ];
    let mut findings = Vec::new();
    let rows = cases
        .iter()
        .map(|case| {
            let test = |method: &str| Entry::find(records, case.problem, method).and_then(|entry| entry.test());
            let single = best(&[PUBLISHED_SINGLE, TUNED_SINGLE, OURS_SINGLE], &test);
            let simple = best(&[Simple::Neighbours, Simple::Lines, Simple::Spline].map(Simple::name), &test);
            findings.extend(finding(case.problem, &test, single, simple));
            findings.extend(met(case, records));
            let named = |found: Option<(&str, Spread)>| {
                found.map_or(ABSENT.into(), |(name, spread)| format!("{} ({name})", shown(Some(spread))))
            };
            vec![
                case.problem.to_owned(),
                quoted(published::multigrade(case.problem)),
                quoted(published::single(case.problem)),
                shown(test(PUBLISHED)),
                shown(test(OURS)),
                shown(test(DEFAULTS)),
                shown(single.map(|s| s.1)),
                named(simple),
            ]
        })
        .collect();
    let table = Table {
        title: "Error on test rows".into(),
        note: SOURCES.into(),
        columns: columns.map(Into::into).into(),
        words: 1,
        rows,
    };
    let tables = std::iter::once(table).chain(times(cases, records)).collect();
    Section { title: "Summary".into(), findings, tables, figures: Vec::new() }
}

/// Whether the published number lies among the runs that repeat it with other seeds.
fn met(case: &Case, records: &[Record]) -> Option<String> {
    let published = published::multigrade(case.problem).filter(|_| case.is_published_size)?;
    let errors: Vec<f64> =
        Entry::find(records, case.problem, PUBLISHED)?.runs.iter().filter_map(|run| run.last_test()).collect();
    let least = errors.iter().copied().reduce(f64::min).filter(|_| errors.len() > 1)?;
    let most = errors.iter().copied().fold(least, f64::max);
    let place = match published.value {
        value if value < least => "is smaller than that of any of",
        value if value > most => "is larger than that of any of",
        _ => "lies among those of",
    };
    Some(format!(
        "{}: the published error {} {place} our {} runs of the published method, {} to {}.",
        case.problem,
        quoted(Some(published)),
        errors.len(),
        number(least),
        number(most)
    ))
}

/// How soon our defaults come to the published errors.
fn times(cases: &[Case], records: &[Record]) -> Option<Table> {
    let row = |case: &Case| {
        let published = published::multigrade(case.problem)?;
        let seconds = published.seconds?;
        let entry = Entry::find(records, case.problem, DEFAULTS)?;
        let reached = entry.spread(|run| run.seconds_to(published.value));
        let total = entry.spread(|run| run.cpu_seconds);
        // The clock is brought up to date some hundred times a second: less than that is not told from it.
        let ratio =
            |spread: Option<Spread>| spread.map_or(ABSENT.into(), |spread| number(seconds / spread.mean.max(0.01)));
        let cells = [shown(reached), ratio(reached), shown(total), ratio(total)];
        Some([case.problem.to_owned(), quoted(Some(published)), number(seconds)].into_iter().chain(cells).collect())
    };
    let rows: Vec<Vec<String>> = cases.iter().filter_map(row).collect();
    let columns = [
        "problem",
        "published error",
        "published, wall s",
        "defaults, CPU s to that error",
        "times less",
        "defaults, CPU s in all",
        "times less",
    ];
    (!rows.is_empty()).then(|| Table {
        title: "Seconds to the published error".into(),
        note: "Published seconds were taken with the clock on another machine. To that error: until a grade of ours was \
               finished whose error on the held-out rows of the fit is no larger; the fit then goes on to look for a better \
               model, which is the time in all. Times less: less than 0.01 s counts as 0.01 s."
            .into(),
        columns: columns.map(Into::into).into(),
        words: 1,
        rows,
    })
}

fn best<'n>(methods: &[&'n str], test: &impl Fn(&str) -> Option<Spread>) -> Option<(&'n str, Spread)> {
    let found = methods.iter().filter_map(|&method| Some((method, test(method)?)));
    found.min_by(|a, b| a.1.mean.total_cmp(&b.1.mean))
}

/// What the numbers of one problem say, in words.
fn finding(
    problem: &str,
    test: &impl Fn(&str) -> Option<Spread>,
    single: Option<(&str, Spread)>,
    simple: Option<(&str, Spread)>,
) -> Option<String> {
    let (published, single) = (test(PUBLISHED)?.mean, single?.1.mean);
    let mut text = format!("{problem}: the published method {}", against(published, single, "the best single grade"));
    if let Some(ours) = test(OURS) {
        text +=
            &format!("; ours with the same parameters and updates {}", against(ours.mean, published, "the published"));
    }
    if let Some(defaults) = test(DEFAULTS) {
        text += &format!("; our defaults {}", against(defaults.mean, published, "the published"));
    }
    if let Some((name, spread)) = simple {
        text += &format!("; {name} {}", against(spread.mean, published, "the published"));
    }
    Some(text + ".")
}

/// `has 3.1 times the error of other` or `has a 3.1th of ...`, in words that read well.
fn against(error: f64, other: f64, name: &str) -> String {
    let ratio = error / other;
    if (0.91..1.1).contains(&ratio) {
        format!("is level with {name}")
    } else if ratio > 1.0 {
        format!("has {} times the error of {name}", number(ratio))
    } else {
        format!("has an error {} times smaller than {name}", number(1.0 / ratio))
    }
}

fn details(case: &Case, records: &[Record]) -> Section {
    let methods = [PUBLISHED, PUBLISHED_SINGLE, TUNED, TUNED_SINGLE, OURS, OURS_SINGLE, DEFAULTS];
    let simple = [Simple::Neighbours, Simple::Lines, Simple::Spline].map(Simple::name);
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    for method in methods.into_iter().chain(simple) {
        let Some(entry) = Entry::find(records, case.problem, method) else { continue };
        let rate = match (entry.rate, entry.tried) {
            (Some(rate), tried) => format!("{rate} (of {tried})"),
            (None, _) => ABSENT.into(),
        };
        let diverged = entry.runs.iter().filter(|run| run.diverged).count();
        let remark = if diverged > 0 { format!(" ({diverged} diverged)") } else { String::new() };
        let first = entry.runs[0];
        let counted = |count: u64| if count > 0 { count.to_string() } else { ABSENT.into() };
        rows.push(vec![
            format!("{method}{remark}"),
            rate,
            entry.runs.len().to_string(),
            shown(entry.test()),
            shown(entry.spread(Outcome::last_validation)),
            shown(entry.spread(Outcome::last_train)),
            counted(first.parameters as u64),
            counted(first.updates),
            shown(entry.spread(|run| run.cpu_seconds)),
        ]);
        if first.test.len() > 1 {
            let points = first.test.iter().enumerate().map(|(k, &error)| ((k + 1) as f64, error)).collect();
            lines.push(Line { name: method.into(), points });
        }
    }
    let columns = ["method", "rate", "runs", "test", "validation", "training", "parameters", "updates", "CPU s"];
    let table = Table {
        title: format!("{}: every method", case.problem),
        note: "Mean and standard deviation over the runs where there are several.".into(),
        columns: columns.map(Into::into).into(),
        words: 1,
        rows,
    };
    let figure = Figure {
        title: format!("{}: error on test rows after each grade", case.problem),
        note: "One run of each method that has several grades.".into(),
        x: "grade".into(),
        log_x: false,
        y: "relative squared error".into(),
        lines,
    };
    let figures = if figure.lines.is_empty() { Vec::new() } else { vec![figure] };
    Section { title: case.problem.into(), findings: Vec::new(), tables: vec![table], figures }
}
