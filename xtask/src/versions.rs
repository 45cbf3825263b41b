//! What versions promise: the public interface since the last release, and the oldest Rust.

use std::path::Path;
use std::process::Command;

/// The libraries whose public interface has a version.
const LIBRARIES: [&str; 3] = ["multigrade-model", "multigrade-kernels", "multigrade"];

/// Compares the public interface with that of the newest release, which has the tag `vVERSION`.
pub(crate) fn semver(root: &Path) -> Result<(), String> {
    let git = |arguments: &[&str]| Command::new("git").args(arguments).current_dir(root).output();
    let tags = git(&["tag", "--list", "v*", "--sort=-version:refname"])
        .map_err(|error| format!("cannot ask git for releases: {error}"))?;
    if !tags.status.success() {
        return Err(format!("cannot ask git for releases: {}", String::from_utf8_lossy(&tags.stderr).trim()));
    }
    let tags = String::from_utf8_lossy(&tags.stdout);
    let Some(release) = tags.lines().next() else {
        println!("no release has a tag (v*) yet, so there is no interface to compare with");
        return Ok(());
    };
    let is_there = Command::new("cargo").args(["semver-checks", "--version"]).output();
    if !is_there.is_ok_and(|answer| answer.status.success()) {
        return Err("cargo-semver-checks is not installed; install it with cargo install cargo-semver-checks".into());
    }
    let packages = LIBRARIES.iter().flat_map(|library| ["--package", library]);
    let compared = Command::new("cargo")
        .args(["semver-checks", "check-release", "--baseline-rev", release])
        .args(packages)
        .current_dir(root)
        .status()
        .map_err(|error| format!("cannot run cargo-semver-checks: {error}"))?;
    match compared.success() {
        true => Ok(()),
        false => Err(format!("the public interface differs from that of {release} by more than the version says")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    /// The text between quotes behind `key =` in a file of the repository.
    fn setting(file: &str, key: &str) -> String {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        let (_, value) = lines.find(|(name, _)| name.trim() == key).unwrap();
        value.trim().trim_matches('"').to_owned()
    }

    #[test]
    fn tests_run_on_the_oldest_rust_that_is_promised() {
        let (promised, used) = (setting("Cargo.toml", "rust-version"), setting("rust-toolchain.toml", "channel"));
        assert_eq!(used, format!("{promised}.0"));
    }
}
