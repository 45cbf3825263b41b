//! Networks built from a formula, without training: every grade has a proved tolerance, and no point's residual grows.
//!
//! ```text
//! p_k                                       a continuous piecewise affine function with f - p_k proved within [-t_k, t_k]
//! g_k = S_t(p_k - f_{k-1}),  t = t_k        soft threshold: max(q - t, 0) - max(-q - t, 0)
//! f_k = f_{k-1} + g_k                       so |f - f_k| <= |f - f_{k-1}| at every point, and sup |f - f_k| <= 2 t_k
//! ```
//!
//! That is the *monotone* scheme: each grade projects the approximation onto a tube that contains `f`. The *plain* scheme
//! takes `g_k = p_k - p_{k-1}` instead: half the error for the same pieces, but single points may get worse on the way.
//!
//! The approximants come from knots placed where they help most (one variable), from adaptive nested meshes (up to four),
//! or from folds of the unit interval (parabolas, whose residual falls at every point from `f_1` on). They are realised by sparse layers of a width that depends on neither
//! the tolerance nor the grade.

mod compile;
mod cube;
mod hinges;
mod kuhn;
mod line;
mod measure;
mod mesh;
mod segment;
mod settings;
mod square;
mod target;
mod tube;
mod wiring;

pub use compile::Unable;
pub use measure::{GradeFacts, Measured};
pub use settings::{ConstructSettings, Scheme, Side, Strategy};

use crate::attack::{self, AttackSettings};
use crate::observer::{Cut, Observer, Progress};
use crate::prove::{Goal, ProveError, ProveSettings, enclose, prove};
use crate::settings::Valid;
use cube::{Cube, exact};
use line::Line;
pub(crate) use measure::Points;
use mesh::{Mesh, Trouble};
use multigrade_model::truth::{Certificate, Decoration, Domain, Expression, Format, Interval, Proved};
use multigrade_model::{
    Grade, History, InputColumn, ModelError, Multigrade, Note, OutputColumn, Readout, Scaling, Schema,
};
use square::Square;
use std::time::Instant;
use target::{Declared, Enclosure, Target};

/// What a construction may use of a tolerance; the rest is for rounding and for the slack of the proof.
const USED: f64 = 0.98;

/// The ratio of the tolerances of neighbouring grades.
const RATIO: f64 = 16.0;

/// The same for compiled formulas, and the most of their grades where no number is given: each computes the formula anew.
const COMPILED_RATIO: f64 = 10.0;
const COMPILED_GRADES: usize = 4;

/// A tolerance below this share of the largest value is beyond f64.
const FLOOR: f64 = 1e-13;

/// Points at which the prover looks for large errors before it starts.
const PROBES: usize = 500;

/// How tight a proof gets, if that takes no more than three times the boxes that the tolerance took.
const TIGHT: f64 = 1.25;

/// How tight the ends of a one-sided network's error are proved, as a share of their distance.
const ENDS: f64 = 0.005;

/// Why a construction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The tolerance was reached.
    Reached,
    /// As many grades as asked for were built, and the tolerance was not reached.
    Grades,
    /// More nodes would have been needed than allowed.
    Budget,
    /// The time limit.
    Time,
    /// The observer asked to stop.
    Interrupted,
    /// The network was built, but the proof that it keeps the tolerance was not found.
    NotProved,
}

impl Stop {
    /// The reason in words, as kept in the history.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Reached => "the tolerance was reached",
            Self::Grades => "as many grades as asked for were built",
            Self::Budget => "more nodes would have been needed than allowed",
            Self::Time => "the time limit was reached",
            Self::Interrupted => "interrupted; the grades done so far were kept",
            Self::NotProved => "built, but not proved to keep the tolerance",
        }
    }
}

/// A target that cannot be approximated as asked, or a call that makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConstructError {
    /// The formula has a variable that the box has not.
    #[error("the formula has the variable '{name}', but the box has no side '{name}'; it has {sides}")]
    Variable {
        /// The variable.
        name: String,
        /// The names of the sides.
        sides: String,
    },
    /// More variables than a mesh can have.
    #[error("the box has {found} sides; a mesh has at most {} variables", kuhn::MAX_DIMENSION)]
    Dimension {
        /// Number of sides.
        found: usize,
    },
    /// A tolerance that is not a positive number.
    #[error("tolerance: found {found}, expected a positive number")]
    Tolerance {
        /// The tolerance.
        found: f64,
    },
    /// A tolerance beyond the reach of f64.
    #[error(
        "tolerance: found {found}, but values of size {size:.3e} cannot be computed in f64 to better than about \
         {floor:.1e}; ask for at least that"
    )]
    Floor {
        /// The tolerance.
        found: f64,
        /// The largest magnitude of the target.
        size: f64,
        /// The smallest tolerance.
        floor: f64,
    },
    /// The target jumps.
    #[error(
        "the function jumps near {place}: it takes values from {from} to {to} within rounding of that point, and no \
         continuous network comes closer than half of that everywhere; choose a box without the jump"
    )]
    Jump {
        /// Where.
        place: String,
        /// Smallest value there.
        from: f64,
        /// Largest value there.
        to: f64,
    },
    /// The target is undefined or infinite somewhere in the box.
    #[error(
        "the function is not finite, or too steep for f64, near {place}; choose a box in which it is defined and bounded \
         everywhere"
    )]
    Undefined {
        /// Where.
        place: String,
    },
    /// The declared Lipschitz constants do not fit the box.
    #[error("Lipschitz constants: found {found:?}, expected one finite number of at least 0 for each of {sides} sides")]
    Lipschitz {
        /// The constants.
        found: Vec<f64>,
        /// Number of sides of the box.
        sides: usize,
    },
    /// The formula cannot be compiled.
    #[error("{0}; --strategy mesh may do it")]
    Compile(#[from] Unable),
    /// Settings that compiled formulas do not have.
    #[error("strategy compile: found {found}, expected {expected}")]
    Setting {
        /// What was asked for.
        found: String,
        /// What is possible.
        expected: &'static str,
    },
    /// The network was built, but what it computes was not recognised.
    #[error("the proof was not found: {0}; --strategy mesh may do it")]
    Derivation(String),
    /// Numbers so large that the parts do not make a model.
    #[error("the network cannot be stored: {0}")]
    Model(#[from] ModelError),
    /// The proof could not be tried.
    #[error(transparent)]
    Prove(#[from] ProveError),
}

impl ConstructError {
    /// What is wrong at a place too small to be cut further.
    fn at(place: &[Interval], found: &Enclosure) -> Self {
        let coordinates: Vec<String> = place.iter().map(|x| format!("{:.6}", x.midpoint())).collect();
        let place = coordinates.join(", ");
        if found.decoration == Decoration::Defined && found.value.is_bounded() {
            Self::Jump { place, from: found.value.lower(), to: found.value.upper() }
        } else {
            Self::Undefined { place }
        }
    }
}

/// A network and what is known of it.
#[derive(Clone, Debug)]
pub struct Constructed {
    /// The network.
    pub model: Multigrade,
    /// What is known of each grade.
    pub grades: Vec<GradeFacts>,
    /// Why the construction ended.
    pub stop: Stop,
    /// Where cells and pieces meet, for each variable, ascending: hints for a proof.
    pub hints: Vec<Vec<f64>>,
    /// What is proved of every grade, checked; none for a function that is not a formula, and where no bound was found.
    pub certificate: Option<(Certificate, Proved)>,
    /// The largest errors found while proving, one for each grade; empty where nothing was proved.
    pub attacked: Vec<Option<attack::Measured>>,
}

/// A grade, as a builder made it.
struct Built {
    grade: Grade,
    /// `t_k`: `f - p_k` lies within `[-t_k, t_k]`.
    deviation: f64,
    /// Nodes, knots or folds that it added.
    nodes: usize,
    hints: Vec<Vec<f64>>,
    /// `l`, if the nodes so far are all those of the uniform mesh of `2^l` cells a side, and no others.
    level: Option<u32>,
}

/// Builds a network with `sup |f - network| <= tolerance` over the box, proved.
///
/// # Errors
/// [`ConstructError`]: names that do not fit, a tolerance beyond rounding, a target that jumps or is not finite somewhere.
/// A budget that ran out is no error but a [`Stop`].
///
/// ```
/// use multigrade::construct::{ConstructSettings, construct};
/// use multigrade::silent;
/// use multigrade_model::truth::{Domain, Expression};
/// let f = Expression::parse("x^2")?;
/// let domain = Domain::parse("x = 0..1")?;
/// let settings = ConstructSettings::default().validate().unwrap();
/// let made = construct(&f, &domain, 1e-6, &settings, &mut silent()).unwrap();
/// assert_eq!(made.model.grades().len(), 9); // each divides the error by 4
/// assert!((made.model.eval_reference(&[0.3], 9).unwrap()[0] - 0.09).abs() <= 1e-6);
/// # Ok::<(), multigrade_model::truth::ParseError>(())
/// ```
pub fn construct(
    expression: &Expression,
    domain: &Domain,
    tolerance: f64,
    settings: &Valid<ConstructSettings>,
    observer: &mut dyn Observer,
) -> Result<Constructed, ConstructError> {
    let target = expression.with_variables(domain.names()).map_err(|name| {
        let sides = domain.names().iter().map(|n| format!("'{n}'")).collect::<Vec<_>>().join(", ");
        ConstructError::Variable { name, sides }
    })?;
    let document = serde_json::json!({ "construct": **settings, "function": expression.to_string(), "domain": domain.to_string(), "tolerance": tolerance });
    let start = Instant::now();
    if settings.strategy != Strategy::Mesh && settings.one_sided.is_none() {
        match compiled(&target, domain, tolerance, settings, document.clone()) {
            Ok(made) if settings.strategy == Strategy::Compile => return Ok(made),
            Ok(made) if made.stop == Stop::Reached => {
                let counted = made.grades.iter().map(|grade| grade.nodes).sum();
                let mesh = smaller_mesh(&target, domain, tolerance, settings, observer, document, counted);
                return mesh.unwrap_or(Ok(made));
            }
            Err(error) if settings.strategy == Strategy::Compile => return Err(error),
            Ok(_) | Err(_) => {}
        }
    } else if settings.strategy == Strategy::Compile {
        return Err(ConstructError::Setting { found: "a network on one side".into(), expected: "both sides" });
    }
    let work = build(&target, domain, tolerance, settings, observer, document)?;
    certified(work, &target, domain, tolerance, settings, observer, start)
}

/// The network on a mesh, if it is proved to keep the tolerance with fewer than `counted` ReLUs that take both signs.
fn smaller_mesh(
    target: &Expression,
    domain: &Domain,
    tolerance: f64,
    settings: &Valid<ConstructSettings>,
    observer: &mut dyn Observer,
    document: serde_json::Value,
    counted: usize,
) -> Option<Result<Constructed, ConstructError>> {
    // A node takes one ReLU at least.
    let max_nodes = settings.max_nodes.min(counted);
    if domain.names().len() > kuhn::MAX_DIMENSION || max_nodes == 0 {
        return None;
    }
    let limited = ConstructSettings { max_nodes, ..(**settings).clone() }.validate().ok()?;
    let start = Instant::now();
    let work = build(target, domain, tolerance, &limited, observer, document).ok()?;
    let is_smaller = work.stop == Stop::Reached
        && crate::report::two_sided(&work.model, domain.sides()).is_some_and(|two_sided| two_sided < counted);
    let made = is_smaller.then(|| certified(work, target, domain, tolerance, settings, observer, start));
    made.filter(|made| made.as_ref().is_ok_and(|made| made.stop == Stop::Reached))
}

/// A network compiled from the formula.
fn compiled(
    target: &Expression,
    domain: &Domain,
    tolerance: f64,
    settings: &Valid<ConstructSettings>,
    document: serde_json::Value,
) -> Result<Constructed, ConstructError> {
    if !(tolerance > 0.0 && tolerance.is_finite()) {
        return Err(ConstructError::Tolerance { found: tolerance });
    }
    let cube = Cube::new(domain);
    let points = Points::new(target, domain.sides());
    let size = points.size();
    if tolerance < FLOOR * size {
        return Err(ConstructError::Floor { found: tolerance, size, floor: FLOOR * size });
    }
    let wants_one = settings.scheme == Scheme::Plain && settings.grades.unwrap_or(1) == 1;
    let grades = if wants_one { compile::Grades::One } else { compile::Grades::of(settings.scheme) };
    let task = compile::Task { formula: target, domain, cube: &cube, tolerance, document, grades };
    let made = match grades {
        compile::Grades::One => task.compile()?,
        _ => task.climb(&rungs(tolerance, size, settings), size)?,
    };
    let facts = |(k, (grade, compiled)): (usize, (&Grade, &compile::CompiledGrade))| GradeFacts {
        bound: compiled.bound,
        ..GradeFacts::of_grade(k + 1, grade, compiled.tolerance, compiled.deviation, compiled.counted)
    };
    let grades: Vec<GradeFacts> = made.model.grades().iter().zip(&made.grades).enumerate().map(facts).collect();
    let is_kept = made.proof.is_some() && grades.last().is_some_and(|last| last.bound <= tolerance);
    let stop = if is_kept { Stop::Reached } else { Stop::NotProved };
    let hints = vec![Vec::new(); domain.names().len()];
    let work = Work { model: made.model, grades, stop, hints, points, scheme: settings.scheme };
    let probes = AttackSettings { points: PROBES, ..AttackSettings::default() };
    let attacked = (1..=work.grades.len()).map(|k| attack::attack(&work.model, k, 0, target, domain.sides(), &probes));
    let attacked = attacked.collect::<Result<_, _>>()?;
    Ok(Constructed { certificate: made.proof, attacked, ..work.complete()? })
}

/// The tolerances of the approximants of compiled grades.
fn rungs(tolerance: f64, size: f64, settings: &ConstructSettings) -> Vec<f64> {
    // A projection may leave twice the error of its approximant, and a little room.
    let finest = if settings.scheme == Scheme::Monotone { 0.5 * (1.0 - 1e-6) * tolerance } else { tolerance };
    let ratio = (size / tolerance).max(2.0);
    let (grades, ratio) = match settings.grades {
        Some(grades) => (grades, ratio.powf(1.0 / grades as f64)),
        None => ((ratio.log(COMPILED_RATIO).ceil() as usize).clamp(1, COMPILED_GRADES), COMPILED_RATIO),
    };
    (0..grades).rev().map(|k| finest * ratio.powi(k as i32)).collect()
}

/// Where the answer of [`construct_lipschitz`] comes from, and what it rests on.
#[derive(Clone, Debug)]
pub struct Conditional {
    /// The network.
    pub constructed: Constructed,
    /// `|f - network| <= bound` over the box, in exact arithmetic, if `|f(x) - f(y)| <= Σ L_i |x_i - y_i|` holds for the
    /// declared constants and the function returns exact values.
    pub bound: f64,
}

/// Builds a network for a function with declared Lipschitz constants, one for each side of the box. What it says is
/// conditional: true if the constants are.
///
/// # Errors
/// As [`construct`], and [`ConstructError::Lipschitz`].
///
/// ```
/// use multigrade::construct::{ConstructSettings, construct_lipschitz};
/// use multigrade::silent;
/// use multigrade_model::truth::Domain;
/// let domain = Domain::parse("x = 0..1")?;
/// let settings = ConstructSettings::default().validate().unwrap();
/// let f = |x: &[f64]| (3.0 * x[0]).sin();
/// let made = construct_lipschitz(&f, &[3.0], &domain, 0.05, &settings, &mut silent()).unwrap();
/// assert!(made.bound <= 0.05);
/// # Ok::<(), multigrade_model::truth::ParseError>(())
/// ```
pub fn construct_lipschitz<F: Fn(&[f64]) -> f64 + Sync>(
    function: &F,
    lipschitz: &[f64],
    domain: &Domain,
    tolerance: f64,
    settings: &Valid<ConstructSettings>,
    observer: &mut dyn Observer,
) -> Result<Conditional, ConstructError> {
    let sides = domain.names().len();
    if lipschitz.len() != sides || !lipschitz.iter().all(|l| *l >= 0.0 && l.is_finite()) {
        return Err(ConstructError::Lipschitz { found: lipschitz.to_vec(), sides });
    }
    let document = serde_json::json!({ "construct": **settings, "lipschitz": lipschitz, "domain": domain.to_string(), "tolerance": tolerance });
    let target = Declared { function, lipschitz };
    let constructed = build(&target, domain, tolerance, settings, observer, document)?.complete()?;
    let last = constructed.grades.last().map_or(f64::INFINITY, |grade| grade.bound);
    Ok(Conditional { constructed, bound: last })
}

/// What makes approximants.
enum Builder<'a> {
    Square(Square),
    Line(Box<Line<'a>>),
    Mesh(Box<Mesh<'a>>),
}

fn build(
    target: &dyn Target,
    domain: &Domain,
    tolerance: f64,
    settings: &Valid<ConstructSettings>,
    observer: &mut dyn Observer,
    document: serde_json::Value,
) -> Result<Work, ConstructError> {
    if !(tolerance > 0.0 && tolerance.is_finite()) {
        return Err(ConstructError::Tolerance { found: tolerance });
    }
    let d = domain.names().len();
    if d > kuhn::MAX_DIMENSION {
        return Err(ConstructError::Dimension { found: d });
    }
    let cube = Cube::new(domain);
    let points = Points::new(target, domain.sides());
    let size = points.size();
    if tolerance < FLOOR * size {
        return Err(ConstructError::Floor { found: tolerance, size, floor: FLOOR * size });
    }
    // The monotone scheme ends within twice the deviation of its approximant; the shift of a one-sided network doubles it.
    let monotone = settings.scheme == Scheme::Monotone;
    let halves = i32::from(monotone) + i32::from(settings.one_sided.is_some());
    let used = if settings.one_sided.is_some() { USED - 6.0 * ENDS } else { USED };
    let finest = used * tolerance * 0.5f64.powi(halves);
    let lanes = settings.lanes.unwrap_or(if d == 1 { 2 } else { 4 });
    let (mut builder, ladder) = match Square::of(target, &cube) {
        Some(square) => {
            let grades =
                settings.grades.unwrap_or(square.grades(tolerance * 0.5f64.powi(halves - i32::from(monotone))));
            (Builder::Square(square), vec![tolerance; grades])
        }
        None => {
            let grades = settings.grades.unwrap_or((size / tolerance).log(RATIO).ceil().clamp(1.0, 30.0) as usize);
            let ratio =
                if settings.grades.is_some() { (size / tolerance).max(2.0).powf(1.0 / grades as f64) } else { RATIO };
            let ladder: Vec<f64> = (0..grades).rev().map(|k| finest * ratio.powi(k as i32)).collect();
            let builder = if d == 1 {
                Builder::Line(Box::new(Line::new(target, &cube, &ladder, settings.scheme, lanes)?))
            } else {
                Builder::Mesh(Box::new(Mesh::new(target, &cube, settings.scheme, lanes, settings.max_nodes)))
            };
            (builder, ladder)
        }
    };
    let progress = Progress::new(observer, settings.time_limit);
    let mut built: Vec<Built> = Vec::new();
    let mut stop = Stop::Reached;
    for (k, &rung) in ladder.iter().enumerate() {
        progress.start(k + 1, "placing nodes", 0);
        let interrupted = || {
            progress.advance(k + 1, 1, 0.0, None);
            progress.cut().is_some()
        };
        let made = match &mut builder {
            _ if progress.cut().is_some() => Err(Trouble::Stopped),
            Builder::Square(square) => square.grade().map_err(Trouble::Target),
            Builder::Line(line) => line.grade().map_err(Trouble::Target),
            Builder::Mesh(mesh) => mesh.grade(rung, &interrupted),
        };
        match made {
            Ok(grade) => {
                // A target that is piecewise affine itself is met early; another grade would be trivial.
                let is_met = grade.deviation <= ladder[ladder.len() - 1];
                built.push(grade);
                if is_met && !matches!(builder, Builder::Square(_)) {
                    break;
                }
            }
            Err(Trouble::Target(error)) => return Err(error),
            Err(Trouble::Budget) => stop = Stop::Budget,
            Err(Trouble::Stopped) => {
                stop = if progress.cut() == Some(Cut::Time) { Stop::Time } else { Stop::Interrupted };
            }
        }
        if stop != Stop::Reached {
            break;
        }
    }
    let hints = match &builder {
        Builder::Line(line) => vec![line.cuts()],
        Builder::Square(_) => vec![folds(&cube, built.len())],
        Builder::Mesh(_) => merged(d, &built),
    };
    let twice = if monotone && !matches!(builder, Builder::Square(_)) { 2.0 } else { 1.0 };
    let grades: Vec<GradeFacts> =
        built.iter().zip(&ladder).enumerate().map(|(k, (b, rung))| GradeFacts::of(k + 1, b, *rung, twice)).collect();
    if stop == Stop::Reached && grades.last().is_some_and(|g| g.bound > tolerance) {
        stop = Stop::Grades;
    }
    let model = assemble(domain, &cube, built, document)?;
    Ok(Work { model, grades, stop, hints, points, scheme: settings.scheme })
}

/// A network whose history is not written yet.
struct Work {
    model: Multigrade,
    grades: Vec<GradeFacts>,
    stop: Stop,
    hints: Vec<Vec<f64>>,
    points: Points,
    scheme: Scheme,
}

impl Work {
    /// Adds a constant to the last correction.
    fn shift(&mut self, by: f64) -> Result<(), ConstructError> {
        let mut grades = self.model.grades().to_vec();
        if let Some(last) = grades.pop() {
            let bias = last.readout().bias()[0] + by;
            let readout = Readout::new(last.readout().weights().clone(), vec![bias])?;
            grades.push(Grade::new(last.branches().to_vec(), last.carry_inputs(), readout)?);
        }
        self.model = with_grades(&self.model, grades, History::default())?;
        Ok(())
    }

    /// Measures the residuals and writes the history.
    fn complete(self) -> Result<Constructed, ConstructError> {
        let Self { model, mut grades, stop, hints, points, scheme } = self;
        let norms = points.norms(&model, 0)?;
        grades.iter_mut().zip(&norms[1..]).for_each(|(facts, norms)| facts.measured = *norms);
        let model = with_history(&model, &grades, norms[0], points.len(), stop, scheme)?;
        Ok(Constructed { model, grades, stop, hints, certificate: None, attacked: Vec::new() })
    }
}

/// Proves what the network keeps, after shifting a one-sided one to its side.
fn certified(
    mut work: Work,
    target: &Expression,
    domain: &Domain,
    tolerance: f64,
    settings: &Valid<ConstructSettings>,
    observer: &mut dyn Observer,
    start: Instant,
) -> Result<Constructed, ConstructError> {
    let grades = work.model.grades().len();
    if grades == 0 {
        return work.complete();
    }
    let hints = work.hints.clone();
    let prover = |goal: Goal| {
        let left = |limit: f64| (limit - start.elapsed().as_secs_f64()).max(1.0);
        let attack = AttackSettings { points: PROBES, ..AttackSettings::default() };
        let time_limit = settings.time_limit.map(left);
        let settings = ProveSettings { goal, cuts: hints.clone(), time_limit, attack, ..ProveSettings::default() };
        settings.validate().map_err(|_| ConstructError::Tolerance { found: tolerance })
    };
    let mut goal = if work.stop == Stop::Reached { Goal::Tighter(tolerance, TIGHT) } else { Goal::Tight(1.05) };
    if let Some(side) = settings.one_sided {
        goal = Goal::Ends(ENDS);
        let found = enclose(&work.model, grades, 0, target, domain, &prover(goal)?, observer)?;
        if let Some(bounds) = found.bounds {
            // Room for what the proof below may lose.
            let room = 2.0 * ENDS * bounds.f64.width();
            work.shift(match side {
                Side::Above => bounds.f64.upper() + room,
                Side::Below => bounds.f64.lower() - room,
            })?;
        }
    }
    let proven = prove(&work.model, 0, target, domain, &prover(goal)?, observer)?;
    let last = proven.certificate.as_ref().and_then(|(_, proved)| proved.bounds().last().copied());
    let last = last.filter(|bounds| bounds.grades() == grades).and_then(|bounds| bounds.evaluated(Format::F64));
    let is_kept = last.is_some_and(|bounds| {
        // What was asked for, up to the margin by which claims are wider than what was found.
        let on_its_side = match settings.one_sided {
            Some(Side::Above) => bounds.upper() <= 0.0,
            Some(Side::Below) => bounds.lower() >= 0.0,
            None => true,
        };
        on_its_side && bounds.magnitude() <= tolerance * (1.0 + 1e-8)
    });
    if work.stop == Stop::Reached && !is_kept {
        work.stop = Stop::NotProved;
    }
    let attacked = proven.grades.into_iter().map(|(_, found)| found.measured).collect();
    Ok(Constructed { certificate: proven.certificate, attacked, ..work.complete()? })
}

/// Where the folds of the tent map meet after `k` grades, as long as they are few.
fn folds(cube: &Cube, k: usize) -> Vec<f64> {
    let pieces = 1u32 << k.min(16);
    (1..pieces).map(|i| cube.at(0, f64::from(i) / f64::from(pieces))).collect()
}

fn merged(d: usize, built: &[Built]) -> Vec<Vec<f64>> {
    let column = |i: usize| {
        let mut all: Vec<f64> = built.iter().flat_map(|b| b.hints[i].iter().copied()).collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        all
    };
    (0..d).map(column).collect()
}

fn assemble(
    domain: &Domain,
    cube: &Cube,
    built: Vec<Built>,
    document: serde_json::Value,
) -> Result<Multigrade, ConstructError> {
    let side =
        |(name, side): (&String, &Interval)| InputColumn { name: name.clone(), min: side.lower(), max: side.upper() };
    let schema = Schema {
        inputs: domain.names().iter().zip(domain.sides()).map(side).collect(),
        outputs: vec![OutputColumn { name: "f".into() }],
        ..Schema::default()
    };
    let grades = built.into_iter().map(|b| b.grade).collect();
    Ok(Multigrade::new(schema, cube.scaling()?, Scaling::identity(1), grades, History::default(), document)?)
}

fn with_history(
    model: &Multigrade,
    grades: &[GradeFacts],
    start: Measured,
    points: usize,
    stop: Stop,
    scheme: Scheme,
) -> Result<Multigrade, ConstructError> {
    let mut before = start.norms.l2;
    let mut records = vec![measure::record_of_nothing(start)];
    for (facts, grade) in grades.iter().zip(model.grades()) {
        records.push(facts.record(grade, before));
        before = facts.measured.norms.l2;
    }
    let text =
        format!("built from a formula, {scheme} scheme; norms were measured at {points} points, nothing was trained");
    let notes = vec![Note { grade: 0, text }];
    let history = History { stop: stop.sentence().into(), notes, grades: records, ..History::default() };
    with_grades(model, model.grades().to_vec(), history)
}

fn with_grades(model: &Multigrade, grades: Vec<Grade>, history: History) -> Result<Multigrade, ConstructError> {
    let (schema, settings) = (model.schema().clone(), model.settings().clone());
    let (inputs, outputs) = (model.input_scaling().clone(), model.output_scaling().clone());
    Ok(Multigrade::new(schema, inputs, outputs, grades, history, settings)?)
}

/// The middle of a range, and a radius around it that covers the range.
fn center_and_radius(range: Interval) -> (f64, f64) {
    let center = range.midpoint();
    (center, (range - exact(center)).magnitude().next_up())
}

/// The smallest power of two of at least 1e-300 that is at least `x`: adding and taking away such a number rounds little.
fn power_of_two_above(x: f64) -> f64 {
    2f64.powi(x.max(1e-300).log2().ceil() as i32 + 1)
}
