//! How large a residual is; the type lives with the model, which keeps its history in these terms.

pub use multigrade_model::Norms;
