//! Where answers go while they are made: a reader sees all of them or none.

use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use multigrade::table::WriteError;
use multigrade::{AtomicFile, FileError};
use tempfile::SpooledTempFile;

use crate::args::PredictArgs;
use crate::failure::Failure;
use crate::interrupt;

/// What waits for standard output in memory; more of it waits on the disk.
const IN_MEMORY: usize = 1 << 24;

pub(super) enum Output<'a> {
    Standard(BufWriter<SpooledTempFile>),
    File(AtomicFile, &'a Path),
}

impl<'a> Output<'a> {
    pub(super) fn new(args: &'a PredictArgs) -> Result<Self, Failure> {
        Ok(match &args.out {
            None => Self::Standard(BufWriter::new(SpooledTempFile::new(IN_MEMORY))),
            Some(path) => {
                let file = AtomicFile::create(path, args.force)?;
                interrupt::discard(file.temporary())?;
                Self::File(file, path)
            }
        })
    }

    /// Why the table could not be written, with the file that it was written to.
    pub(super) fn failure(&self, error: WriteError) -> Failure {
        match (self, error) {
            (Self::File(_, path), WriteError::Io(source)) => FileError::Io { path: path.into(), source }.into(),
            (_, error) => error.into(),
        }
    }

    /// Shows what was written.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::File(file, _) => Ok(file.commit()?),
            Self::Standard(written) => {
                let mut written = written.into_inner().map_err(io::IntoInnerError::into_error)?;
                written.rewind()?;
                let mut standard = io::stdout().lock();
                io::copy(&mut written, &mut standard)?;
                Ok(standard.flush()?)
            }
        }
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(file) => file.write(bytes),
            Self::File(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(file) => file.flush(),
            Self::File(file, _) => file.flush(),
        }
    }
}
