//! Proofs of how well a network approximates a function: found here, checked by `truth`, which trusts nothing of this.

mod search;
mod settings;

pub use settings::{Goal, ProveSettings};

use crate::attack::{Flat, Measured, attack, exact_value, least_error};
use crate::observer::{Cut, Event, Observer, Progress};
use crate::settings::Valid;
use multigrade_model::truth::{
    Bounds, Certificate, Claim, Decoration, Domain, Expression, Interval, Kind, Node, Program, ProgramError, Proved,
    Refusal, Region, RegionError, Verdict, check,
};
use multigrade_model::{ModelError, Multigrade};
use search::{Part, Search};

/// Share of the function's size below which errors are not told apart: there rounding decides.
const FINEST: f64 = 1e-13;

/// How tight the bounds of the grades before the last are.
const ON_THE_WAY: f64 = 1.25;

/// How tight the bound is made when a tolerance is out of reach.
const HOPELESS: f64 = 1.05;

/// Share by which claimed bounds are wider than those found.
const MARGIN: f64 = 1e-9;

/// Why a search for a bound ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProveStop {
    /// The goal is reached.
    Reached,
    /// The boxes that it may use are used up, or those to be cut fill a gigabyte.
    Boxes,
    /// The time is over.
    Time,
    /// The observer asked to stop.
    Interrupted,
    /// The box that holds the bound up is too small to be cut (a jump or a singularity, or rounding), or the function is
    /// proved to be undefined on it.
    Stuck,
}

/// What cannot be proved, or not be tried.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The model is of no kind that proofs speak of.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Function, box and model do not fit each other.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// Parts of the model that do not exist.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The checker does not accept what was found: a bug in the search, never a false proof.
    #[error("the proof that was found is refused by the checker ({0}); please report this")]
    Refused(Refusal),
}

/// The best bounds of `f - f_k` that were found, and what they rest on.
#[derive(Clone, Debug)]
pub struct Found {
    /// `f - f_k` lies in these bounds for the three meanings of `f_k`; none if there is a box in which `f` may be undefined.
    pub bounds: Option<Bounds>,
    /// The largest errors measured; none if `f` was defined at no point that was tried.
    pub measured: Option<Measured>,
    /// The box that holds the bound up, one side for each input, unless the goal is reached.
    pub worst: Option<Worst>,
    /// Why the search ended.
    pub stop: ProveStop,
    /// Number of boxes looked at.
    pub boxes: usize,
    parts: Vec<Part>,
}

/// A box that holds a bound up.
#[derive(Clone, Debug, PartialEq)]
pub struct Worst {
    /// One side for each input, in order.
    pub sides: Vec<Interval>,
    /// What is known of the function there.
    pub decoration: Decoration,
}

impl Found {
    /// The bound of `|f - f_k|` for evaluation in f64; infinite if there is none.
    pub fn bound(&self) -> f64 {
        self.bounds.map_or(f64::INFINITY, |bounds| bounds.f64.magnitude())
    }

    /// What was found as a claim of a certificate about the first `grades` grades and output `output`; none if there is no
    /// finite bound.
    pub fn claim(&self, grades: usize, output: usize) -> Option<Claim> {
        let bounds = self.bounds?;
        let exact = claimed(bounds.exact)?;
        let (f64, f32) = (claimed(bounds.f64), claimed(bounds.f32));
        Some(Claim { grades, output, kind: Kind::Bisection, exact, f64, f32, tree: self.tree()?, derivation: None })
    }

    /// The tree of boxes in preorder.
    fn tree(&self) -> Option<Vec<Node>> {
        let mut tree = Vec::with_capacity(self.parts.len());
        let mut open = vec![0];
        while let Some(part) = open.pop() {
            match self.parts[part] {
                Part::Leaf(bounded) => tree.push(Node::Leaf(bounded?.leaf)),
                Part::Cut { variable, at, children: [left, right] } => {
                    tree.push(Node::Cut(variable, at));
                    open.extend([right, left]);
                }
            }
        }
        Some(tree)
    }
}

/// What [`prove`] found.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The certificate and what it proves, by [`check`]; none if for no grade there is a finite bound.
    pub certificate: Option<(Certificate, Proved)>,
    /// For each number of grades that was looked at, in order, the last of which is that of the whole model: what was
    /// found.
    pub grades: Vec<(usize, Found)>,
}

impl Proven {
    /// What was found for the whole model.
    pub fn headline(&self) -> &Found {
        let (_, found) = self.grades.last().unwrap_or_else(|| unreachable!("the whole model is always looked at"));
        found
    }
}

/// Proves how far every `f_k` of a model is from `f` on a box, for output number `output` (from 0), and has it checked.
///
/// The goal is that of the last grade, which comes first; the others, `f_1, ..., f_{K-1}`, get a bound tight to a factor
/// 1.25 with the same number of boxes and what is left of the time. The function's variables are matched to the inputs by
/// name. The same for any number of threads, unless a time limit bites.
///
/// # Errors
/// [`ProveError`] if model, function and box do not fit each other, or the model is not piecewise linear.
///
/// ```
/// use multigrade::prove::{ProveSettings, prove};
/// use multigrade::truth::{Domain, Expression};
/// # let x: Vec<f64> = (0..50).map(|i| f64::from(i) / 49.0).collect();
/// # let y: Vec<f64> = x.iter().map(|x| x * x).collect();
/// # let samples = multigrade::Samples::new(1, 1, x, y, None).unwrap();
/// # let settings = multigrade::FitSettings {
/// #     grades: multigrade::Grades::Count(1),
/// #     activation: Some(multigrade::Activation::Relu),
/// #     ..Default::default()
/// # };
/// # let settings = settings.validate().unwrap();
/// # let names = |name: &str| vec![name.to_owned()];
/// # let model = multigrade::fit_named(&samples, None, &names("x"), &names("y"), &settings, &mut multigrade::silent());
/// # let model = model.unwrap().model;
/// let (f, domain) = (Expression::parse("x^2").unwrap(), Domain::parse("x=0..1").unwrap());
/// let settings = ProveSettings::default().validate().unwrap();
/// let proven = prove(&model, 0, &f, &domain, &settings, &mut multigrade::silent())?;
/// let (certificate, proved) = proven.certificate.clone().unwrap();
/// let measured = proven.headline().measured.as_ref().unwrap().f64.largest();
/// let bound = proved.bounds()[0].exact().magnitude();
/// assert!(measured <= bound && bound <= 1.06 * measured);
/// # Ok::<(), multigrade::prove::ProveError>(())
/// ```
pub fn prove(
    model: &Multigrade,
    output: usize,
    f: &Expression,
    domain: &Domain,
    settings: &Valid<ProveSettings>,
    observer: &mut dyn Observer,
) -> Result<Proven, ProveError> {
    let progress = Progress::new(observer, settings.time_limit);
    let last = model.grades().len();
    let statement = |grades| Statement { model, grades, output, f, domain };
    let headline = search(&statement(last), settings, &progress)?;
    let on_the_way = ProveSettings { goal: Goal::Tight(ON_THE_WAY), ..ProveSettings::clone(settings) };
    let mut grades = Vec::with_capacity(last.max(1));
    for k in 1..last {
        grades.push((k, search(&statement(k), &on_the_way, &progress)?));
    }
    grades.push((last, headline));
    let claims: Vec<Claim> = grades.iter().filter_map(|(k, found)| found.claim(*k, output)).collect();
    if claims.is_empty() {
        return Ok(Proven { certificate: None, grades });
    }
    let texts = (f.to_string(), domain.to_string());
    let certificate = Certificate { function: texts.0, domain: texts.1, model: Certificate::digest_of(model), claims };
    match check(&certificate, model) {
        Verdict::Proved(proved) => Ok(Proven { certificate: Some((certificate, proved)), grades }),
        Verdict::Refused(refusal) => Err(ProveError::Refused(refusal)),
    }
}

/// Encloses `f - f_k` over a box for output `output` of a model: `f_k` of its first `grades` grades.
///
/// Variables of the function and sides of the box are matched to the inputs of the model by name. The same for any number
/// of threads, unless a time limit bites. This is the search alone: its bounds are as sound as those of [`Region`], but
/// not a [`Proved`](multigrade_model::truth) statement, which is made by checking a certificate.
///
/// # Errors
/// [`ProveError`] if model, function and box do not fit each other, or the model is not piecewise linear.
pub fn enclose(
    model: &Multigrade,
    grades: usize,
    output: usize,
    f: &Expression,
    domain: &Domain,
    settings: &Valid<ProveSettings>,
    observer: &mut dyn Observer,
) -> Result<Found, ProveError> {
    let progress = Progress::new(observer, settings.time_limit);
    search(&Statement { model, grades, output, f, domain }, settings, &progress)
}

/// A statement to be proved: how far `f_k` is from `f` on the box.
#[derive(Clone, Copy)]
struct Statement<'a> {
    model: &'a Multigrade,
    grades: usize,
    output: usize,
    f: &'a Expression,
    domain: &'a Domain,
}

fn search(statement: &Statement, settings: &ProveSettings, progress: &Progress) -> Result<Found, ProveError> {
    let program = Program::new(statement.model, statement.grades, statement.output)?;
    let root = Region::root(&program, statement.f, statement.domain)?;
    let sides = root.sides().to_vec();
    let f = statement.f.with_variables(program.inputs());
    let f = f.map_err(|name| RegionError::NoVariable { name, inputs: program.inputs().join(", ") })?;
    let mut measured = attack(statement.model, statement.grades, statement.output, &f, &sides, &settings.attack)?;
    let network = Flat::new(statement.model, statement.grades, statement.output);
    let floor = FINEST * f.range(&sides).interval().magnitude().min(f64::MAX);
    let cuts = statement.cuts(settings, &sides);
    let mut search = Search::new(root, goal(settings.goal, measured.as_ref(), floor), &cuts);
    // Boxes that the tolerance took.
    let mut within = None;
    let stop = loop {
        let bound = search.bound();
        let largest = measured.as_ref().map_or(0.0, |m| m.f64.largest());
        progress.send(&Event::Proving { grade: statement.grades, boxes: search.n_boxes(), bound, measured: largest });
        let is_within = |bound: f64| match settings.goal {
            Goal::Tighter(tolerance, _) => bound <= tolerance * (1.0 - 2.0 * MARGIN),
            _ => false,
        };
        if is_within(bound) && search.n_boxes() > 4 * *within.get_or_insert(search.n_boxes()) {
            break ProveStop::Reached;
        }
        match progress.cut() {
            Some(_) if is_within(bound) => break ProveStop::Reached,
            Some(Cut::Time) => break ProveStop::Time,
            Some(Cut::Observer) => break ProveStop::Interrupted,
            None if search.n_boxes() >= settings.boxes || search.is_full() => {
                break if is_within(bound) { ProveStop::Reached } else { ProveStop::Boxes };
            }
            None => {}
        }
        if let (Some(worst), Some(measured)) = (search.worst(), &mut measured)
            && look_at(&network, worst, &f, measured)
        {
            search.relax(goal(settings.goal, Some(measured), floor));
        }
        if !search.improve() {
            break if search.is_stuck() && !is_within(search.bound()) { ProveStop::Stuck } else { ProveStop::Reached };
        }
    };
    let worst = search.worst().filter(|_| stop != ProveStop::Reached);
    let worst = worst.map(|sides| Worst { sides: sides.to_vec(), decoration: f.range(sides).decoration() });
    Ok(Found { bounds: search.bounds(), measured, worst, stop, boxes: search.n_boxes(), parts: search.into_parts() })
}

/// Bounds a little wider than those found, so that another checker need not round as this one does; none if they are
/// infinite.
fn claimed(bounds: Interval) -> Option<Interval> {
    let slack = MARGIN * bounds.magnitude();
    Interval::new(bounds.lower() - slack, bounds.upper() + slack).filter(|bounds| bounds.is_bounded())
}

/// The bounds that no box has to improve on.
fn goal(goal: Goal, measured: Option<&Measured>, floor: f64) -> Interval {
    let (lowest, highest) = measured.map_or((0.0, 0.0), |m| (m.f64.lowest.error, m.f64.highest.error));
    let tight = |factor: f64| (factor * highest.max(-lowest)).max(floor);
    let within = |tolerance: f64| {
        // What was measured cannot be improved on, and the claim is to be wider than what is found.
        if highest.max(-lowest) > tolerance { tight(HOPELESS) } else { tolerance * (1.0 - 2.0 * MARGIN) }
    };
    let (lower, upper) = match goal {
        Goal::Within(tolerance) => (-within(tolerance), within(tolerance)),
        Goal::Tighter(tolerance, factor) => {
            let largest = within(tolerance).min(tight(factor));
            (-largest, largest)
        }
        Goal::Tight(factor) => (-tight(factor), tight(factor)),
        Goal::Ends(share) => {
            let slack = (share * (highest - lowest)).max(floor);
            (lowest - slack, highest + slack)
        }
    };
    Interval::new(lower, upper).unwrap_or(Interval::ZERO)
}

impl Statement<'_> {
    /// The places where cutting helps that the caller knows, and for one input the kinks of the network.
    fn cuts(&self, settings: &ProveSettings, sides: &[Interval]) -> Vec<Vec<f64>> {
        let mut cuts = settings.cuts.clone();
        if let ([side], Ok(model)) = (sides, self.model.truncate(self.grades)) {
            cuts.resize(1, Vec::new());
            let (from, width) = (side.lower(), side.width());
            let kinks = crate::attack::breakpoints(&model, &[from], &[side.upper()], settings.boxes);
            cuts[0].extend(kinks.iter().map(|share| from + share * width));
            cuts[0].sort_by(f64::total_cmp);
            cuts[0].dedup();
        }
        cuts
    }
}

/// Measures the error in the middle of a box, and says whether it is a new extreme.
fn look_at(network: &Flat<f64>, sides: &[Interval], f: &Expression, measured: &mut Measured) -> bool {
    let at: Vec<f64> = sides.iter().map(|side| side.midpoint()).collect();
    let Some(exact) = exact_value(f, &at) else { return false };
    let error = least_error(exact, network.eval([at.as_slice()])[0]);
    measured.points += 1;
    measured.f64.include(error, &at)
}
