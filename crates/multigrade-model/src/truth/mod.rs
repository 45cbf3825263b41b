//! What is true about a function and about a network that approximates it: every answer is a theorem.
//!
//! - [`Interval`]: arithmetic and elementary functions whose results enclose every exact result.
//! - [`Expression`]: a formula; its values in f64, and enclosures of its values, slopes and second derivatives over a
//!   box, each with a [`Decoration`] that says what is guaranteed of the function there.
//! - [`Domain`]: the box.
//! - [`Program`]: a network as a list of neurons, and what computing them in f64 or f32 can do to each.
//! - [`Region`]: a box with the network specialised to it, and bounds for `f - network` there.
//! - [`Derivation`]: how a compiled network computes what its formula says; [`Derived`] checks it and gives bounds.
//! - [`Certificate`]: what is claimed of a model, with a tree of boxes; [`check`] proves it anew, without believing any
//!   of it, and is the only maker of [`Proved`].
//!
//! # What has to be believed
//!
//! Of the computer and the language: f64 arithmetic is IEEE 754 binary64, rounded to nearest, with gradual underflow
//! ([`check`] tests that before it begins), and so is the conversion to f32; the standard library reads a decimal number
//! to within its nearest f64 and prints an f64 exactly when asked for 800 digits. No mathematical library is trusted, no
//! thread is started and nothing is searched for.
//!
//! Of the mathematics, each written beside the code that uses it:
//!
//! 1. the ends of intervals (`interval.rs`), the remainders of series, the digits of π and ln 2 (`elementary.rs`);
//! 2. what a decoration guarantees, and that slopes and second derivatives follow the chain rule (`enclosure.rs`);
//! 3. the rounding of a sum in any order (`program.rs`);
//! 4. affine forms, the relaxation of an open ReLU, the mean value form, Taylor's formula on boxes and simplices
//!    (`region.rs`);
//! 5. that the children of a cut cover their box (`checker.rs`);
//! 6. for compiled networks: sums of forms and what a conclusion does to them (`derive/form.rs`), that towers of tents are
//!    squares and two squares a product (`derive/mod.rs`), Taylor's formula in one variable (`derive/curve.rs`), how errors
//!    of the parts of a formula pass through it (`derive/sweep.rs`), and that equal quotients of polynomials are equal
//!    functions where they are defined (`derive/same.rs`).
//!
//! And that a formula, a box and a model mean what they say (`parse.rs`, [`Multigrade`](crate::Multigrade)). How a
//! certificate was found, and the file it was kept in, need not be believed. `cargo xtask audit` counts the lines,
//! `cargo xtask mutants` makes them wrong one after the other and sees whether a test notices.

mod certificate;
mod checker;
mod derivation;
mod derive;
mod domain;
mod elementary;
mod enclosure;
mod expression;
mod interval;
mod parse;
mod print;
mod program;
mod region;
mod value;

pub use certificate::{Certificate, CertificateError, Claim, Kind, Node};
pub use checker::{ClaimRefusal, Ends, MAX_CUTS, MAX_WORK, Proved, ProvedBounds, Refusal, Verdict, check};
pub use derivation::{Derivation, Part, Role, Rule, Source, Step};
pub use derive::{DerivationError, Derived, are_same};
pub use domain::Domain;
pub use enclosure::{Decorated, Decoration, Jet};
pub use expression::{Binary, Comparison, Expression, Function, Op};
pub use interval::Interval;
pub use parse::{MAX_DEPTH, MAX_LENGTH, MAX_VARIABLES, ParseError};
pub use program::{Format, Program, ProgramError};
pub use region::{Bounds, Leaf, MAX_KUHN_VARIABLES, Order, Region, RegionError, Shape};
