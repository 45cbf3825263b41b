//! Which files a command writes, and whether it may.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use multigrade::{FileError, Multigrade};

use crate::failure::Failure;

const EXTENSION: &str = "safetensors";

/// The files of one fit, beside each other.
#[derive(Clone, Debug)]
pub(crate) struct FitFiles {
    pub(crate) model: PathBuf,
    pub(crate) report: Option<PathBuf>,
    pub(crate) run: PathBuf,
}

impl FitFiles {
    /// The files of a fit whose model goes to `out`.
    pub(crate) fn new(out: &Path, with_report: bool) -> Self {
        let model = model_path(out);
        Self { report: with_report.then(|| beside(&model, "html")), run: beside(&model, "run.json"), model }
    }

    /// All of them, the model first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.model), self.report.as_ref(), Some(&self.run)].into_iter().flatten().map(PathBuf::as_path)
    }

    /// Refuses, before anything is computed, what could not be written afterwards: see [`check`].
    pub(crate) fn check(&self, force: bool, read: &[&Path]) -> Result<(), Failure> {
        self.all().try_for_each(|path| check(path, force, read))
    }
}

/// The files of one construction, beside each other.
#[derive(Clone, Debug)]
pub(crate) struct ConstructFiles {
    pub(crate) model: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) report: Option<PathBuf>,
    pub(crate) run: PathBuf,
}

impl ConstructFiles {
    /// The files of a construction whose model goes to `out`.
    pub(crate) fn new(out: &Path, with_report: bool) -> Self {
        let model = model_path(out);
        Self {
            certificate: beside(&model, "certificate.json"),
            report: with_report.then(|| beside(&model, "html")),
            run: beside(&model, "run.json"),
            model,
        }
    }

    /// All of them, the model first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Path> {
        let files = [Some(&self.model), Some(&self.certificate), self.report.as_ref(), Some(&self.run)];
        files.into_iter().flatten().map(PathBuf::as_path)
    }

    /// Those that are written if there is a proof, or none, with what each is.
    pub(crate) fn written(&self, has_proof: bool) -> Vec<(String, &'static str)> {
        let files = [
            (Some(&self.model), "the model"),
            (Some(&self.certificate).filter(|_| has_proof), "the proof, for multigrade check"),
            (self.report.as_ref(), "a report to read in a browser"),
            (Some(&self.run), "how it ran"),
        ];
        files.into_iter().filter_map(|(path, what)| Some((path?.display().to_string(), what))).collect()
    }

    /// Refuses, before anything is computed, what could not be written afterwards: see [`check`].
    pub(crate) fn check(&self, force: bool) -> Result<(), Failure> {
        self.all().try_for_each(|path| check(path, force, &[]))
    }
}

/// `path`, with the extension of model files if it has none.
pub(crate) fn model_path(path: &Path) -> PathBuf {
    if path.extension().is_some() { path.into() } else { path.with_extension(EXTENSION) }
}

/// The file with another extension beside a model file: `a/b.html` for `a/b.safetensors`.
pub(crate) fn beside(model: &Path, extension: &str) -> PathBuf {
    if model.extension().is_some_and(|found| found == EXTENSION) {
        return model.with_extension(extension);
    }
    // Any other ending is part of the name: models `a.v1` and `a.v2` keep apart.
    let mut name = model.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// Refuses `path` if it is one of the files that the command has to `read`, if it exists and may not or cannot be
/// overwritten, or if its folder does not take files.
pub(crate) fn check(path: &Path, force: bool, read: &[&Path]) -> Result<(), Failure> {
    let refused = |why: &str| Err(format!("{}: {why}", path.display()).into());
    if path.is_dir() {
        return refused("this is a folder; name the file to write");
    }
    let target = path.canonicalize().ok();
    match &target {
        Some(found) if !found.is_file() => return refused("this is not a regular file; name another one to write"),
        Some(found) if read.iter().any(|input| input.canonicalize().is_ok_and(|input| input == *found)) => {
            return refused("this command reads that file and never overwrites it; name another one to write");
        }
        Some(_) if !force => return Err(FileError::Exists { path: path.into() }.into()),
        None if path.is_symlink() => {
            return refused("this symbolic link leads to no file; remove it or name another one");
        }
        _ => {}
    }
    let path = target.as_deref().unwrap_or(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let what = if folder.exists() { "is not a folder" } else { "there is no such folder; make it first" };
        return Err(format!("{}: cannot be written: {}: {what}", path.display(), folder.display()).into());
    }
    // Permissions say too little (read-only disks, rights of others): only a file tells. Its name is that of no other
    // running program.
    let probe = folder.join(format!(".multigrade-{}.tmp", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).open(&probe);
    drop(made.map_err(|error| format!("{}: cannot be written: {}: {error}", path.display(), folder.display()))?);
    match fs::remove_file(&probe) {
        // Another process took it for what a killed one left behind.
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::Io { path: probe, source: error }.into())
        }
        _ => Ok(()),
    }
}

/// The model file at `path`, or at `path` with the extension of model files.
pub(crate) fn find(path: &Path) -> Result<PathBuf, Failure> {
    let found = [path.to_owned(), model_path(path)].into_iter().find(|path| path.is_file());
    match found {
        Some(path) => Ok(path),
        None if path.is_dir() => Err(format!("{}: this is a folder; name the model file in it", path.display()).into()),
        None => Err(format!(
            "{}: no such file; expected a model file that multigrade wrote (NAME.safetensors)",
            path.display()
        )
        .into()),
    }
}

/// The model in the file that [`find`] finds.
pub(crate) fn load(path: &Path) -> Result<Multigrade, Failure> {
    Ok(Multigrade::load(&find(path)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_one_fit_share_its_name_and_those_of_two_fits_never_meet() {
        let names = |out: &str| -> Vec<String> {
            FitFiles::new(Path::new(out), true).all().map(|path| path.display().to_string()).collect()
        };
        assert_eq!(names("a/b"), ["a/b.safetensors", "a/b.html", "a/b.run.json"]);
        assert_eq!(names("b.safetensors"), ["b.safetensors", "b.html", "b.run.json"]);
        assert_eq!(names("b.v1"), ["b.v1", "b.v1.html", "b.v1.run.json"]);
        let made = ConstructFiles::new(Path::new("b.v1"), true);
        let made: Vec<String> = made.all().map(|path| path.display().to_string()).collect();
        assert_eq!(made, ["b.v1", "b.v1.certificate.json", "b.v1.html", "b.v1.run.json"]);
    }
}
