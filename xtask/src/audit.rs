//! `cargo xtask audit`: how much has to be read by whoever wants to believe a proof.

use std::path::Path;

/// The folder of the trusted part, and files of it that no proof rests on, with the reason.
const FOLDER: &str = "crates/multigrade-model/src/truth";
const NOT_TRUSTED: [(&str, &str); 4] = [
    ("certificate.rs", "reads and writes files; the checker believes nothing of what is in them"),
    ("derivation.rs", "what a derivation says; nothing of it is believed"),
    ("print.rs", "writes formulas; no proof reads them back"),
    ("value.rs", "f64 values; no statement rests on them"),
];

/// Lines of code of a file: without blank lines, lines of comments alone, and the tests at its end.
fn lines_of_code(text: &str) -> usize {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

/// The files below a folder, named from there.
fn list(folder: &Path, prefix: &str, names: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}

/// Prints the lines of code of each file, and their sum.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let folder = root.join(FOLDER);
    let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    list(&folder, "", &mut names).map_err(unreadable)?;
    names.sort();
    let mut total = 0;
    println!("Lines of code, without comments, blank lines and tests, in {FOLDER}:");
    for name in &names {
        let lines = lines_of_code(&std::fs::read_to_string(folder.join(name)).map_err(unreadable)?);
        match NOT_TRUSTED.iter().find(|(other, _)| other == name) {
            Some((_, reason)) => println!("  {name:<16} ({lines}: {reason})"),
            None => {
                println!("  {name:<16} {lines:>5}");
                total += lines;
            }
        }
    }
    println!("  {:<16} {total:>5}", "trusted");
    println!("Beside them: what the model's file says (crates/multigrade-model/src/network) and the standard library.");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::lines_of_code;

    #[test]
    fn only_code_counts() {
        let text = "//! Doc.\n\n/// Doc.\nfn f() {\n    // why\n    g(); // how\n}\n#[cfg(test)]\nmod tests {}\n";
        assert_eq!(lines_of_code(text), 3);
    }
}
