//! The native module of the Python package: models, `fit` and what crosses the border between the two languages.
//!
//! Everything that scikit-learn, data frames or notebooks ask for is written in Python, in `multigrade/`. Here are only
//! arrays, texts and the two things Python cannot do by itself: letting other threads run during a fit, and stopping it.

mod error;
mod fit;
mod model;
mod threads;
mod truth;
mod watch;

#[pyo3::pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::fit::{fit, fit_convex};
    #[pymodule_export]
    use crate::model::Model;
    #[pymodule_export]
    use crate::truth::{Certificate, Expression, certify, construct, learn};

    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
