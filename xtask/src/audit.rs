//! `cargo xtask audit`: how much has to be read by whoever wants to believe a proof.

use std::path::Path;

/// The folder of the trusted part, and files of it that no proof rests on, with the reason.
const FOLDER: &str = "crates/multigrade-model/src/truth";
const NOT_TRUSTED: [(&str, &str); 3] = [
    ("certificate.rs", "reads and writes files; the checker believes nothing of what is in them"),
    ("print.rs", "writes formulas; no proof reads them back"),
    ("value.rs", "f64 values; no statement rests on them"),
];

/// Lines of code of a file: without blank lines, lines of comments alone, and the tests at its end.
fn lines_of_code(text: &str) -> usize {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

/// Prints the lines of code of each file, and their sum.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let folder = root.join(FOLDER);
    let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .map_err(unreadable)?
        .map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
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
