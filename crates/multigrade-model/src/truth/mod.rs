//! What is true about a function: intervals and expressions whose every answer is a theorem.
//!
//! - [`Interval`]: arithmetic and elementary functions whose results enclose every exact result.
//! - [`Expression`]: a formula; its values in f64, and enclosures of its values, slopes and second derivatives over a
//!   box, each with a [`Decoration`] that says what is guaranteed of the function there.
//! - [`Domain`]: the box.
//!
//! What has to be believed: f64 arithmetic is IEEE 754 binary64, rounded to nearest, with gradual underflow; the
//! standard library reads a decimal number to within its nearest f64 and prints an f64 exactly when asked for 800
//! digits; the digits of π and ln 2 in the source. No mathematical library is trusted.

mod certificate;
mod checker;
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
pub use checker::{ClaimRefusal, Ends, MAX_CUTS, Proved, ProvedBounds, Refusal, Verdict, check};
pub use domain::Domain;
pub use enclosure::{Decorated, Decoration, Jet};
pub use expression::Expression;
pub use interval::Interval;
pub use parse::{MAX_DEPTH, MAX_LENGTH, MAX_VARIABLES, ParseError};
pub use program::{Format, Program, ProgramError};
pub use region::{Bounds, Leaf, MAX_KUHN_VARIABLES, Order, Region, RegionError, Shape};
