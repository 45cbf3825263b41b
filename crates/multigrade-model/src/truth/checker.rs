//! The checker: the one place where [`Proved`] is made.

use std::fmt;
use std::hint::black_box;

use super::certificate::{Certificate, Claim, Kind, Node};
use super::derive::{DerivationError, Derived};
use super::domain::Domain;
use super::expression::Expression;
use super::interval::Interval;
use super::parse::ParseError;
use super::program::{Format, Program, ProgramError};
use super::region::{Bounds, Region, RegionError, cut_box, write_box};
use crate::network::Multigrade;

/// Most cuts on a path from the root of a certificate's tree to a leaf.
pub const MAX_CUTS: usize = 256;

/// Most weights that all boxes of a certificate's claim may have together: some minutes of work. Cuts that leave the
/// network as it is would otherwise make a short file take days.
pub const MAX_WORK: usize = 1 << 32;

/// What a check found.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Every claim of the certificate is a theorem.
    Proved(Proved),
    /// The certificate proves nothing.
    Refused(Refusal),
}

impl Verdict {
    /// The theorem, if there is one.
    pub fn proved(self) -> Option<Proved> {
        match self {
            Self::Proved(proved) => Some(proved),
            Self::Refused(_) => None,
        }
    }
}

/// A theorem: for each of its [`bounds`](Self::bounds) and every real `x` of the box, the difference between the
/// function and the first grades of the model lies within them.
///
/// Made by [`check`] alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Proved {
    function: String,
    domain: String,
    model: String,
    bounds: Vec<ProvedBounds>,
}

/// Bounds of `f(x) - f_k(x)` that hold everywhere on the box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProvedBounds {
    grades: usize,
    output: usize,
    exact: Interval,
    formats: [Option<Interval>; 2],
}

impl Proved {
    /// The text of the function.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The text of the box.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The digest of the model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What is proved, in the order of the certificate; at least one.
    pub fn bounds(&self) -> &[ProvedBounds] {
        &self.bounds
    }
}

impl ProvedBounds {
    /// The number `k` of grades.
    pub fn grades(&self) -> usize {
        self.grades
    }

    /// Number of the output, from 0.
    pub fn output(&self) -> usize {
        self.output
    }

    /// Encloses `f - f_k` for the stored weights in real arithmetic.
    pub fn exact(&self) -> Interval {
        self.exact
    }

    /// Encloses `f - f_k` where `f_k` is evaluated in a format, if that was claimed.
    pub fn evaluated(&self, format: Format) -> Option<Interval> {
        self.formats[format as usize]
    }
}

/// Why a certificate proves nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing can be proved here.
    #[error(
        "this computer or program does not round to nearest with gradual underflow (is a mode such as flush-to-zero \
         switched on?); nothing can be proved in this environment"
    )]
    Environment,
    /// The certificate belongs to another model.
    #[error("the certificate belongs to another model: it names {named}, the digest of this model is {found}")]
    OtherModel {
        /// Digest in the certificate.
        named: String,
        /// Digest of the model.
        found: String,
    },
    /// The function is no formula.
    #[error("the function of the certificate cannot be read: {0}")]
    Function(ParseError),
    /// The box is no box.
    #[error("the box of the certificate cannot be read: {0}")]
    Domain(ParseError),
    /// There is nothing to prove.
    #[error("the certificate has no claims")]
    Empty,
    /// A claim is no theorem, or its tree does not prove it.
    #[error("claim {number} (grades: {grades}, output: {output}): {reason}")]
    Claim {
        /// Number of the claim, from 1.
        number: usize,
        /// Its number of grades.
        grades: usize,
        /// Its output.
        output: usize,
        /// What is wrong.
        reason: ClaimRefusal,
    },
}

/// Why a claim is not proved by its tree.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimRefusal {
    /// A bound is infinite.
    #[error("a claimed bound is infinite")]
    Unbounded,
    /// The model does not have what is claimed about.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Function, box and model do not fit.
    #[error(transparent)]
    Misfit(RegionError),
    /// The network does not compute the function in the way that is said.
    #[error("the derivation does not hold: {0}")]
    Derivation(DerivationError),
    /// A derivation that is missing, or that does not belong to this kind of proof; or a leaf of another kind.
    #[error("derivations and leaves named 'derived' belong to proofs of kind derivation, and to no other")]
    Kind,
    /// A node of the tree that is not allowed there.
    #[error("entry {entry} of the tree, on the box {region}: {source}")]
    Node {
        /// Number of the entry, from 0.
        entry: usize,
        /// Its box.
        region: String,
        /// What is wrong.
        source: RegionError,
    },
    /// The bounds found on a leaf are not within the claimed ones.
    #[error(
        "entry {entry} of the tree, on the box {region}: f - network is claimed to be in {claimed} ({meaning}), and \
         proved to be in {found} only"
    )]
    Bound {
        /// Number of the entry, from 0.
        entry: usize,
        /// Its box.
        region: String,
        /// Which meaning of the network.
        meaning: &'static str,
        /// What is claimed.
        claimed: Ends,
        /// What was found.
        found: Ends,
    },
    /// A path with too many cuts.
    #[error("entry {entry} of the tree: more than {MAX_CUTS} cuts on top of each other")]
    Depth {
        /// Number of the entry, from 0.
        entry: usize,
    },
    /// Too much work.
    #[error(
        "entry {entry} of the tree: the networks on the boxes up to here have more than {MAX_WORK} weights together; cuts \
         that leave less of the network would do"
    )]
    Work {
        /// Number of the entry, from 0.
        entry: usize,
    },
    /// The tree ends before all of the box is covered.
    #[error("the tree ends after {entries} entries, but {open} more parts of the box need a leaf")]
    Missing {
        /// Number of entries.
        entries: usize,
        /// Parts that are not covered.
        open: usize,
    },
    /// There are entries after the end of the tree.
    #[error("the tree is complete after {used} entries, but there are {entries}")]
    Extra {
        /// Entries of the tree.
        used: usize,
        /// Number of entries.
        entries: usize,
    },
}

/// An interval to be read: `[lower, upper]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ends(pub Interval);

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?}, {:?}]", self.0.lower(), self.0.upper())
    }
}

/// Whether f64 arithmetic, and rounding to f32, are to nearest with gradual underflow. Bounds rest on it.
///
/// Seen from the program: each line has a different answer under another rounding direction, under wider registers, if
/// subnormal results become 0 or if subnormal operands count as 0.
fn environment_is_sound() -> bool {
    let x = |x: f64| black_box(x);
    let half_ulp = f64::EPSILON / 2.0;
    let tiny = f64::from_bits(1);
    x(1.0) + x(half_ulp) == 1.0
        && x(1.0) + x(half_ulp * (1.0 + f64::EPSILON)) == 1.0 + f64::EPSILON
        && x(-1.0) - x(half_ulp * (1.0 + f64::EPSILON)) == -1.0 - f64::EPSILON
        && x(-1.0) - x(half_ulp) == -1.0
        && x(1.0) / x(3.0) == f64::from_bits(0x3FD5_5555_5555_5555)
        && x(2.0).sqrt() == std::f64::consts::SQRT_2
        && (x(f64::MIN_POSITIVE) * x(0.5)).to_bits() == 1 << 51
        && (x(tiny) * x(2f64.powi(52))).to_bits() == f64::MIN_POSITIVE.to_bits()
        && (x(tiny) + x(tiny)).to_bits() == 2
        && x(1.0 + 1.5 * 2f64.powi(-24)) as f32 == 1.0 + f32::EPSILON
        && x(1.0 + 2f64.powi(-24)) as f32 == 1.0
        && (x(2f64.powi(-149)) as f32).to_bits() == 1
}

/// Checks every claim of the certificate about the model. No part of the certificate is believed.
///
/// The tree of each claim is walked through once; on each leaf the bounds of `f - network` are computed anew and
/// compared with what is claimed. The children of a node cover its box, so the leaves cover the whole of it. Takes
/// about as long as bounding all boxes of the tree.
pub fn check(certificate: &Certificate, model: &Multigrade) -> Verdict {
    match prove(certificate, model) {
        Ok(proved) => Verdict::Proved(proved),
        Err(refusal) => Verdict::Refused(refusal),
    }
}

fn prove(certificate: &Certificate, model: &Multigrade) -> Result<Proved, Refusal> {
    if !environment_is_sound() {
        return Err(Refusal::Environment);
    }
    let found = Certificate::digest_of(model);
    if found != certificate.model {
        return Err(Refusal::OtherModel { named: certificate.model.clone(), found });
    }
    let expression = Expression::parse(&certificate.function).map_err(Refusal::Function)?;
    let domain = Domain::parse(&certificate.domain).map_err(Refusal::Domain)?;
    if certificate.claims.is_empty() {
        return Err(Refusal::Empty);
    }
    let claims = certificate.claims.iter().enumerate().map(|(i, claim)| {
        prove_claim(claim, &expression, &domain, model).map_err(|reason| Refusal::Claim {
            number: i + 1,
            grades: claim.grades,
            output: claim.output,
            reason,
        })
    });
    let bounds = claims.collect::<Result<Vec<_>, _>>()?;
    let [function, domain] = [&certificate.function, &certificate.domain].map(|text| one_line(text));
    Ok(Proved { function, domain, model: found, bounds })
}

/// The text on one line, with single blanks; formulas and boxes do not mind.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn prove_claim(
    claim: &Claim,
    expression: &Expression,
    domain: &Domain,
    model: &Multigrade,
) -> Result<ProvedBounds, ClaimRefusal> {
    let formats = [claim.f64, claim.f32];
    if ![Some(claim.exact)].iter().chain(&formats).flatten().all(|x| x.is_bounded()) {
        return Err(ClaimRefusal::Unbounded);
    }
    let mut program = Program::new(model, claim.grades, claim.output)?;
    for format in Format::ALL.into_iter().filter(|format| formats[*format as usize].is_none()) {
        program = program.without(format);
    }
    match (claim.kind, &claim.derivation) {
        (Kind::Bisection, None) => {
            walk(claim, Region::root(&program, expression, domain).map_err(ClaimRefusal::Misfit)?, MAX_WORK)?
        }
        (Kind::Derivation, Some(derivation)) => {
            let derived = Derived::new(&program, expression, domain, derivation).map_err(ClaimRefusal::Derivation)?;
            walk(claim, Part::whole(&derived), MAX_WORK)?;
        }
        _ => return Err(ClaimRefusal::Kind),
    }
    Ok(ProvedBounds { grades: claim.grades, output: claim.output, exact: claim.exact, formats })
}

/// A part of the box on which a claim can be checked.
trait Checked: fmt::Display + Sized {
    fn cut(&self, variable: usize, at: f64) -> Result<(Self, Self), RegionError>;

    /// The bounds on this part by a leaf of the tree; `None` if the leaf belongs to another kind of proof.
    fn bounds(&self, leaf: Node) -> Option<Result<Bounds, RegionError>>;

    /// Number of weights that cutting or bounding it goes through, at least 1.
    fn work(&self) -> usize;
}

impl Checked for Region {
    fn cut(&self, variable: usize, at: f64) -> Result<(Self, Self), RegionError> {
        self.split(variable, at)
    }

    fn bounds(&self, leaf: Node) -> Option<Result<Bounds, RegionError>> {
        match leaf {
            Node::Leaf(leaf) => Some(self.bound(leaf)),
            Node::Cut(..) | Node::Derived => None,
        }
    }

    fn work(&self) -> usize {
        self.n_neurons() + self.n_weights()
    }
}

/// A part of the box of a derivation.
struct Part<'a> {
    derived: &'a Derived,
    sides: Vec<Interval>,
}

impl<'a> Part<'a> {
    fn whole(derived: &'a Derived) -> Self {
        Self { derived, sides: derived.sides().to_vec() }
    }
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_box(f, self.derived.names(), &self.sides)
    }
}

impl Checked for Part<'_> {
    fn cut(&self, variable: usize, at: f64) -> Result<(Self, Self), RegionError> {
        let (left, right) = cut_box(&self.sides, variable, at)?;
        let part = |sides| Self { derived: self.derived, sides };
        Ok((part(left), part(right)))
    }

    fn bounds(&self, leaf: Node) -> Option<Result<Bounds, RegionError>> {
        (leaf == Node::Derived).then(|| Ok(self.derived.bound(&self.sides)))
    }

    fn work(&self) -> usize {
        1
    }
}

/// Goes through the tree with at most so much work; the parts of the box that are not covered yet wait on a stack.
fn walk(claim: &Claim, root: impl Checked, mut work: usize) -> Result<(), ClaimRefusal> {
    let mut open = vec![(root, 0)];
    for (entry, node) in claim.tree.iter().enumerate() {
        let Some((region, cuts)) = open.pop() else {
            return Err(ClaimRefusal::Extra { used: entry, entries: claim.tree.len() });
        };
        work = work.checked_sub(region.work()).ok_or(ClaimRefusal::Work { entry })?;
        let misfit = |source| ClaimRefusal::Node { entry, region: region.to_string(), source };
        match *node {
            Node::Cut(..) if cuts == MAX_CUTS => return Err(ClaimRefusal::Depth { entry }),
            Node::Cut(variable, at) => {
                let (left, right) = region.cut(variable, at).map_err(misfit)?;
                open.push((right, cuts + 1));
                open.push((left, cuts + 1));
            }
            leaf => {
                let found = region.bounds(leaf).ok_or(ClaimRefusal::Kind)?.map_err(misfit)?;
                compare(claim, &found).map_err(|(meaning, claimed, found)| ClaimRefusal::Bound {
                    entry,
                    region: region.to_string(),
                    meaning,
                    claimed: Ends(claimed),
                    found: Ends(found),
                })?;
            }
        }
    }
    if open.is_empty() { Ok(()) } else { Err(ClaimRefusal::Missing { entries: claim.tree.len(), open: open.len() }) }
}

/// Whether the bounds found are within the claimed ones; if not, for which meaning, with both.
fn compare(claim: &Claim, found: &Bounds) -> Result<(), (&'static str, Interval, Interval)> {
    let claims =
        [("exact", Some(claim.exact), found.exact), ("f64", claim.f64, found.f64), ("f32", claim.f32, found.f32)];
    for (meaning, claimed, found) in claims {
        if let Some(claimed) = claimed.filter(|claimed| !claimed.encloses(found)) {
            return Err((meaning, claimed, found));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part that takes three units of work, whatever is cut off.
    struct Stubborn;

    impl fmt::Display for Stubborn {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("x=0..1")
        }
    }

    impl Checked for Stubborn {
        fn cut(&self, _: usize, _: f64) -> Result<(Self, Self), RegionError> {
            Ok((Self, Self))
        }

        fn bounds(&self, _: Node) -> Option<Result<Bounds, RegionError>> {
            Some(Ok(Bounds { exact: Interval::ZERO, f64: Interval::ZERO, f32: Interval::ZERO }))
        }

        fn work(&self) -> usize {
            3
        }
    }

    #[test]
    fn a_tree_that_takes_too_much_work_is_refused_where_the_limit_is_passed() {
        let tree = vec![Node::Cut(0, 0.5), Node::Derived, Node::Derived];
        let claim = Claim {
            grades: 1,
            output: 0,
            kind: Kind::Bisection,
            exact: Interval::ZERO,
            f64: None,
            f32: None,
            tree,
            derivation: None,
        };
        assert_eq!(walk(&claim, Stubborn, 9), Ok(()));
        assert_eq!(walk(&claim, Stubborn, 8), Err(ClaimRefusal::Work { entry: 2 }));
        assert_eq!(walk(&claim, Stubborn, 5), Err(ClaimRefusal::Work { entry: 1 }));
    }
}
