//! How fast the residual falls from grade to grade, from smooth targets to merely continuous ones, at fixed width.

use super::clock::cpu_seconds;
use super::data::{Problem, samples};
use super::measure::{errors, measure};
use super::methods::{ours, relu, seed};
use super::record::{Outcome, Record};
use super::report::{ABSENT, Figure, Line, Report, Section, Spread, Table, number, shown};
use super::{Scale, Task};
use crate::construct::{ConstructSettings, Stop, Strategy, construct};
use crate::observer::Observer;
use crate::training::Mersenne;
use crate::{FitSettings, Multigrade, Precision, Predictor, Samples, Solver};
use multigrade_model::truth::{Domain, Expression};
use std::f64::consts::PI;

const TRAINED: &str = "trained grades";
const CONSTRUCTED: &str = "constructed grades";

/// Hidden widths of every grade.
const WIDTHS: [usize; 2] = [16, 16];

/// Grades, iterations of L-BFGS in each, and runs per target.
fn effort(scale: Scale) -> (usize, u32, u64) {
    match scale {
        Scale::Quick => (6, 150, 5),
        Scale::Full => (10, 500, 5),
    }
}

/// A target on the unit interval or square.
struct Target {
    name: &'static str,
    /// How smooth it is.
    smoothness: &'static str,
    inputs: usize,
    at: fn(&[f64]) -> f64,
    /// The same as a formula in `x` and `y`. (Where the logarithm has its pole a formula has a tiny number instead.)
    formula: &'static str,
    /// What constructed grades are to reach: the last of the tolerances.
    tolerance: f64,
}

/// Distance from a point that is no binary fraction.
fn distance(x: &[f64]) -> f64 {
    let centre = [1.0 / 3.0, 0.4];
    x.iter().zip(centre).map(|(x, c)| (x - c) * (x - c)).sum::<f64>().sqrt()
}

/// Continuous at 0, but no power of `s` bounds it there: its modulus of continuity is logarithmic.
fn logarithmic(s: f64) -> f64 {
    if s > 0.0 { 1.0 / (1.0 - s.ln()) } else { 0.0 }
}

/// `sum 2^(-j/2) cos(2^j π x)` up to `j = 9`: rough at all scales that the rows resolve, Hölder continuous of order 1/2
/// with all its terms.
fn rough(x: f64) -> f64 {
    (0..10).map(|j| 0.5_f64.powf(0.5 * f64::from(j)) * (f64::from(1 << j) * PI * x).cos()).sum()
}

const TARGETS: [Target; 9] = [
    Target {
        name: "wave",
        smoothness: "analytic",
        inputs: 1,
        at: |x| (3.0 * x[0]).exp() * (4.0 * PI * x[0]).sin(),
        formula: "exp(3*x)*sin(4*pi*x)",
        tolerance: 1e-2,
    },
    Target {
        name: "bend",
        smoothness: "C^1",
        inputs: 1,
        at: |x| (x[0] - 1.0 / 3.0) * (x[0] - 1.0 / 3.0).abs(),
        formula: "(x-1/3)*abs(x-1/3)",
        tolerance: 1e-4,
    },
    Target {
        name: "kink",
        smoothness: "Lipschitz",
        inputs: 1,
        at: |x| distance(x) + 0.3 * (4.0 * x[0]).sin(),
        formula: "abs(x-1/3)+0.3*sin(4*x)",
        tolerance: 1e-3,
    },
    Target {
        name: "cusp",
        smoothness: "Hölder 1/2",
        inputs: 1,
        at: |x| distance(x).sqrt(),
        formula: "sqrt(abs(x-1/3))",
        tolerance: 1e-2,
    },
    Target {
        name: "rough",
        smoothness: "Hölder 1/2, everywhere",
        inputs: 1,
        at: |x| rough(x[0]),
        formula: "cos(1*pi*x)+2^(-1/2)*cos(2*pi*x)+2^(-2/2)*cos(4*pi*x)+2^(-3/2)*cos(8*pi*x)+2^(-4/2)*cos(16*pi*x)+2^(-5/2)*cos(32*pi*x)+2^(-6/2)*cos(64*pi*x)+2^(-7/2)*cos(128*pi*x)+2^(-8/2)*cos(256*pi*x)+2^(-9/2)*cos(512*pi*x)",
        tolerance: 1e-1,
    },
    Target {
        name: "log cusp",
        smoothness: "continuous",
        inputs: 1,
        at: |x| logarithmic(distance(x)),
        formula: "1/(1-ln(max(abs(x-1/3), 1e-12)))",
        tolerance: 5e-2,
    },
    Target {
        name: "hill",
        smoothness: "analytic",
        inputs: 2,
        at: |x| (-8.0 * distance(x).powi(2)).exp() + x[0] * x[1],
        formula: "exp(-8*((x-1/3)^2+(y-0.4)^2))+x*y",
        tolerance: 5e-2,
    },
    Target {
        name: "cone",
        smoothness: "Lipschitz",
        inputs: 2,
        at: |x| distance(x),
        formula: "sqrt((x-1/3)^2+(y-0.4)^2)",
        tolerance: 5e-2,
    },
    Target {
        name: "log cusp",
        smoothness: "continuous",
        inputs: 2,
        at: |x| logarithmic(distance(x)),
        formula: "1/(1-ln(max(sqrt((x-1/3)^2+(y-0.4)^2), 1e-12)))",
        tolerance: 2e-1,
    },
];

impl Target {
    fn title(&self) -> String {
        format!("{}, {} ({})", self.name, if self.inputs == 1 { "1-D" } else { "2-D" }, self.smoothness)
    }

    /// Random rows: 2000 to train on, 1000 to choose by, 5000 to judge.
    fn problem(&self, seed: u64) -> Problem {
        let mut random = Mersenne::new(seed as u32);
        let mut rows = |n: usize| {
            let points: Vec<Vec<f64>> = (0..n).map(|_| (0..self.inputs).map(|_| random.unit()).collect()).collect();
            samples(points.into_iter().map(|x| {
                let y = (self.at)(&x);
                (x, y)
            }))
        };
        Problem { train: rows(2000), validation: rows(1000), test: rows(5000) }
    }
}

/// Grades built from the formula, with what is proved of them.
fn construction(target: &Target, grades: usize, seed: u64, observer: &mut dyn Observer) -> Outcome {
    let names = ["x=0..1", "x=0..1, y=0..1"];
    let (formula, domain) = (Expression::parse(target.formula), Domain::parse(names[target.inputs - 1]));
    let (Ok(formula), Ok(domain)) = (formula, domain) else { unreachable!("targets are formulas") };
    let (strategy, time_limit) = (Strategy::Mesh, Some(60.0));
    let settings = ConstructSettings { strategy, grades: Some(grades), time_limit, ..ConstructSettings::default() };
    let settings = settings.validate().expect("settings of experiments keep to the ranges");
    let began = cpu_seconds();
    let Ok(made) = construct(&formula, &domain, target.tolerance, &settings, observer) else {
        return Outcome { diverged: true, ..Outcome::default() };
    };
    let spent = began.zip(cpu_seconds()).map(|(began, now)| now - began);
    let problem = target.problem(seed);
    let mut outcome = errors(&made.model, &problem);
    outcome.parameters = made.model.n_parameters();
    outcome.cpu_seconds = spent;
    outcome.interrupted = made.stop == Stop::Interrupted;
    outcome.note("width", made.grades.iter().map(|facts| facts.width).max().unwrap_or(0) as f64);
    outcome.note("layers", made.grades.iter().map(|facts| facts.layers).sum::<usize>() as f64);
    outcome.note("growth", growth(&made.model, &problem.test));
    if let Some((_, proved)) = &made.certificate {
        let last = proved.bounds().last().map_or(f64::NAN, |bounds| bounds.exact().magnitude());
        outcome.note("proved", last);
    }
    outcome
}

/// The most by which the residual of any row grows from one grade to the next.
fn growth(model: &Multigrade, samples: &Samples) -> f64 {
    let staged = Predictor::new(model, Precision::F64).staged(samples.inputs()).unwrap_or_default();
    let residuals: Vec<Vec<f64>> = staged
        .iter()
        .map(|predictions| samples.targets().iter().zip(predictions).map(|(y, p)| (y - p).abs()).collect())
        .collect();
    let grown =
        residuals.windows(2).flat_map(|pair| pair[0].iter().zip(&pair[1]).map(|(before, after)| after - before));
    grown.fold(0.0, f64::max)
}

pub(super) fn tasks(scale: Scale) -> Vec<Task> {
    let (grades, iterations, repetitions) = effort(scale);
    let built = |target: &'static Target| Task {
        problem: target.title(),
        method: CONSTRUCTED.into(),
        rate: None,
        seed: seed(0),
        settings: FitSettings { seed: seed(0), ..FitSettings::default() },
        work: Box::new(move |settings, observer| Ok(construction(target, grades, settings.seed, observer))),
    };
    let task = |target: &'static Target, repetition: u64| {
        let seed = seed(repetition);
        let settings = ours(vec![relu(&WIDTHS); grades], Some(Solver::Lbfgs { iterations }));
        Task {
            problem: target.title(),
            method: TRAINED.into(),
            rate: None,
            seed,
            settings: FitSettings { carry_inputs: true, seed, ..settings },
            work: Box::new(move |settings, observer| measure(&target.problem(seed), true, settings, observer)),
        }
    };
    let trained = TARGETS.iter().flat_map(|target| (0..repetitions).map(move |repetition| task(target, repetition)));
    trained.chain(TARGETS.iter().map(built)).collect()
}

pub(super) fn report(scale: Scale, records: &[Record]) -> Report {
    let (grades, iterations, repetitions) = effort(scale);
    let about = format!(
        "Up to {grades} grades of two hidden layers of {} ReLU neurons, each trained by {iterations} iterations of L-BFGS \
         with a solved readout, on 2000 random rows of the unit interval or square. The theorem says that the training \
         error falls with every grade; how fast it falls, and what test rows say, is measured. Runs per target, with \
         other rows and weights each: {repetitions}. Beside them, grades that were constructed from the formula of the \
         target, as many of them, down to a tolerance that is proved everywhere: no residual grows at any point.",
        WIDTHS[0]
    );
    let dimensions = [1, 2].map(|inputs| section(inputs, grades, records));
    Report { about: vec![about], sections: dimensions.into() }
}

fn section(inputs: usize, grades: usize, records: &[Record]) -> Section {
    let (mut rows, mut lines, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    for target in TARGETS.iter().filter(|target| target.inputs == inputs) {
        let title = target.title();
        let runs = outcomes(records, &title, TRAINED);
        // A grade that was trivial is missing: the error stays where it is.
        let after = |errors: &[f64], k: usize| errors.get(k).or(errors.last()).copied();
        let at = |k: usize| Spread::of(runs.iter().filter_map(|run| after(&run.test, k)).map(f64::sqrt));
        let sup = |k: usize| Spread::of(runs.iter().filter_map(|run| after(&run.largest, k)));
        let last = grades - 1;
        let factor = |first: Option<Spread>, last: Option<Spread>| {
            let ratio = (last?.mean / first?.mean).powf(1.0 / (grades - 1) as f64);
            Some(Spread { mean: ratio, deviation: 0.0, count: 1 })
        };
        rows.push(vec![
            title.clone(),
            shown(at(0)),
            shown(at(last)),
            shown(factor(at(0), at(last))),
            shown(sup(0)),
            shown(sup(last)),
            shown(factor(sup(0), sup(last))),
            shown(Spread::of(runs.iter().filter_map(|run| run.cpu_seconds))),
        ]);
        let risen = runs.iter().filter(|run| run.train.windows(2).any(|pair| pair[1] > pair[0])).count();
        if risen > 0 {
            findings.push(format!("{title}: the training error rose in {risen} of {} runs.", runs.len()));
        }
        let points = (0..grades).filter_map(|k| Some(((k + 1) as f64, at(k)?.mean)));
        lines.push(Line { name: title, points: points.collect() });
    }
    if findings.is_empty() && lines.iter().any(|line| !line.points.is_empty()) {
        findings.push("The training error never rose from one grade to the next, as the theorem says.".into());
    }
    let columns = [
        "target",
        "L2, grade 1",
        "L2, last grade",
        "L2 factor a grade",
        "largest, grade 1",
        "largest, last grade",
        "largest, factor a grade",
        "CPU s",
    ];
    let table = Table {
        title: format!("{inputs}-D targets: residual on test rows"),
        note: format!(
            "L2 is relative: the root of the squared error over the squared target. The factor is the geometric mean from \
             grade 1 to grade {grades}; {} means that nothing was measured.",
            ABSENT
        ),
        columns: columns.map(Into::into).into(),
        words: 1,
        rows,
    };
    let figure = Figure {
        title: format!("{inputs}-D targets: relative L2 residual on test rows"),
        note: format!("Mean over the runs; {} hidden neurons a grade.", number((WIDTHS[0] + WIDTHS[1]) as f64)),
        x: "grade".into(),
        log_x: false,
        y: "relative L2 residual".into(),
        lines,
    };
    let (built_table, built_figure) = constructed(inputs, records);
    let (tables, figures) = (vec![table, built_table], vec![figure, built_figure]);
    Section { title: format!("{inputs}-D targets"), findings, tables, figures }
}

/// What came out of the runs of a target by one method.
fn outcomes<'a>(records: &'a [Record], title: &str, method: &str) -> Vec<&'a Outcome> {
    records.iter().filter(|r| r.problem == title && r.method == method).map(|r| &r.outcome).collect()
}

fn constructed(inputs: usize, records: &[Record]) -> (Table, Figure) {
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for target in TARGETS.iter().filter(|target| target.inputs == inputs) {
        let title = target.title();
        if let Some(run) = outcomes(records, &title, CONSTRUCTED).first() {
            let value = |name: &str| run.values.get(name).map_or(ABSENT.into(), |value| number(*value));
            let l2 = |k: Option<&f64>| k.map_or(ABSENT.into(), |error| number(error.sqrt()));
            let largest = |k: Option<&f64>| k.map_or(ABSENT.into(), |error| number(*error));
            rows.push(vec![
                title.clone(),
                l2(run.test.first()),
                l2(run.test.last()),
                largest(run.largest.first()),
                largest(run.largest.last()),
                value("proved"),
                value("growth"),
                value("width"),
                value("layers"),
                run.cpu_seconds.map_or(ABSENT.into(), number),
            ]);
            let points = run.test.iter().enumerate().map(|(k, error)| ((k + 1) as f64, error.sqrt()));
            lines.push(Line { name: title.clone(), points: points.collect() });
        }
    }
    let columns = [
        "target",
        "L2, grade 1",
        "L2, last grade",
        "largest, grade 1",
        "largest, last grade",
        "proved, last grade",
        "largest growth of a residual",
        "width",
        "layers",
        "CPU s",
    ];
    let table = Table {
        title: format!("{inputs}-D targets: constructed grades, on the same test rows"),
        note:
            "The bound is proved for every point; a residual grows by rounding at most. The width does not depend on \
               the tolerance, the number of layers does."
                .into(),
        columns: columns.map(Into::into).into(),
        words: 1,
        rows,
    };
    let figure = Figure {
        title: format!("{inputs}-D targets: relative L2 residual of constructed grades"),
        note: "On the test rows.".into(),
        x: "grade".into(),
        log_x: false,
        y: "relative L2 residual".into(),
        lines,
    };
    (table, figure)
}
