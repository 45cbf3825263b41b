//! Training of one hidden stack: the task, the solvers, and the one driver that runs them.
//!
//! A [`Solver`](driver::Solver) makes one step, an epoch or an iteration, in place. The [driver](driver::train) owns the
//! budget, the best parameters so far, the check for numbers that are not finite, and the reports to the observer.

mod descent;
mod driver;
mod initial;
mod lbfgs;
mod levenberg;
mod mersenne;
mod task;

pub(crate) use driver::{Outcome, Stop, Terms, budget, train};
pub(crate) use initial::{Randomness, Stream};
pub(crate) use mersenne::Mersenne;
pub(crate) use task::{Inputs, Rows, Task};
