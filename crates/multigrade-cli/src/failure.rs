//! How a command ends.

use multigrade::construct::ConstructError;
use multigrade::export::ExportError;
use multigrade::learn::LearnError;
use multigrade::prove::ProveError;
use multigrade::table::{TableError, WriteError};
use multigrade::truth::CertificateError;
use multigrade::{FileError, FitError, ModelError, SamplesError, SettingsError};
use std::io;

/// A command that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// What was asked for was done: exit status 0.
    Done,
    /// It ran, but what was asked for was not reached: exit status 1.
    NotReached,
}

/// Why a command could not run: exit status 2.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("settings: {0}")]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Fit(#[from] FitError),
    #[error(transparent)]
    Samples(#[from] SamplesError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Prove(#[from] ProveError),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    Construct(#[from] ConstructError),
    #[error(transparent)]
    Learn(#[from] LearnError),
    #[error(transparent)]
    Csv(#[from] WriteError),
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Standard output could not be written.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
    /// Anything that no part of the library can know.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// Whether the reader of standard output went away.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        match self {
            Self::Output(error) | Self::Csv(WriteError::Io(error)) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Other(message)
    }
}
