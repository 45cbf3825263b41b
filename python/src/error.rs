//! Errors of the library as Python exceptions, in the words of the command line.

use multigrade::construct::ConstructError;
use multigrade::convex::ConvexError;
use multigrade::export::ExportError;
use multigrade::learn::LearnError;
use multigrade::prove::ProveError;
use multigrade::truth::{CertificateError, ParseError};
use multigrade::{FileError, FitError, ModelError, SamplesError, SettingsError};
use pyo3::PyErr;
use pyo3::exceptions::{PyFileExistsError, PyOSError, PyValueError};

/// What a Python program did wrong.
pub(crate) enum Failure {
    Python(PyErr),
    Value(String),
    File(FileError),
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Python(error) => error,
            Failure::Value(message) => PyValueError::new_err(message),
            Failure::File(FileError::Exists { path }) => PyFileExistsError::new_err(format!(
                "{} already exists; pass overwrite=True to replace it",
                path.display()
            )),
            // With the operating system's error, Python finds the right kind, such as FileNotFoundError.
            Failure::File(FileError::Io { path, source }) => match source.raw_os_error() {
                Some(number) => {
                    // Python shows the number itself.
                    let reason = source.to_string().replace(&format!(" (os error {number})"), "");
                    PyOSError::new_err((number, reason, path.display().to_string()))
                }
                None => PyOSError::new_err(format!("{}: {source}", path.display())),
            },
            Failure::File(error) => PyValueError::new_err(error.to_string()),
        }
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<CertificateError> for Failure {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::File(error) => Self::File(error),
            error => Self::Value(error.to_string()),
        }
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Value(format!("settings: {error}"))
    }
}

macro_rules! value_errors {
    ($($error:ty),*) => { $(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Value(error.to_string())
            }
        }
    )* };
}

value_errors!(
    ConstructError,
    ConvexError,
    ExportError,
    FitError,
    LearnError,
    ModelError,
    ParseError,
    ProveError,
    SamplesError
);
