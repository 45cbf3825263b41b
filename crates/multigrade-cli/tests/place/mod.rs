//! A folder of its own for each test, and the program run in it.

// Each test program uses its own part of this.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Options with which a fit takes a fraction of a second.
pub(crate) const QUICK: [&str; 11] = [
    "--grades",
    "2",
    "--solver",
    "lbfgs",
    "--iterations",
    "20",
    "--activation",
    "tanh",
    "--weight-decay",
    "1e-4",
    "--quiet",
];

/// A table of two inputs and one smooth target, `n` rows.
pub(crate) fn smooth(n: usize) -> String {
    let mut table = String::from("x,y,z\n");
    for i in 0..n {
        let (x, y) = ((i % 9) as f64 / 8.0, (i / 9) as f64 / 4.0);
        table += &format!("{x},{y},{}\n", (3.0 * x).sin() + y * y);
    }
    table
}

pub(crate) struct Place {
    folder: TempDir,
}

/// What the program said and how it ended.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A place with `smooth.csv` and the model `m.safetensors` fitted on it.
    pub(crate) fn with_model() -> Self {
        let place = Self::new();
        place.write("smooth.csv", smooth(45));
        place.fit("smooth.csv", "z", "m", &[]).expect_status(0);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// The names of all files, hidden ones too, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.root()).unwrap();
        let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_multigrade"));
        command.args(args).current_dir(self.root()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Answer {
        let output = self.command(args).output().unwrap();
        Answer {
            status: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// A quick fit.
    pub(crate) fn fit(&self, data: &str, target: &str, out: &str, more: &[&str]) -> Answer {
        self.run(&[&["fit", data, "--target", target, "--out", out], &QUICK[..], more].concat())
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect_status(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self:?}");
        self
    }

    /// It could not run, says all of `words` on standard error and nothing on standard output.
    #[track_caller]
    pub(crate) fn expect_refusal(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "'{word}' is missing: {self:?}");
        }
        assert_eq!(self.out, "", "{self:?}");
        assert!(self.err.starts_with("error: "), "{self:?}");
        self.expect_status(2)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap()
    }

    /// The columns of the CSV on standard output, by name, in order.
    #[track_caller]
    pub(crate) fn columns(&self) -> Vec<(String, Vec<String>)> {
        let mut lines = self.out.lines().map(|line| line.split(','));
        let mut columns: Vec<(String, Vec<String>)> =
            lines.next().unwrap().map(|name| (name.to_owned(), Vec::new())).collect();
        for line in lines {
            line.zip(&mut columns).for_each(|(cell, (_, column))| column.push(cell.to_owned()));
        }
        columns
    }
}
