//! What `construct` and `fit --function` have in common: a network that approximates a formula, with its proof.

use std::fs;
use std::io::Write;
use std::path::Path;

use multigrade::report::{ApproximationReport, ApproximationRow, significant};
use multigrade::truth::{Certificate, Proved};
use multigrade::{Multigrade, write_atomically};

use crate::bounds::{above, meanings, of_size};
use crate::failure::Failure;
use crate::files::ConstructFiles;
use crate::grid::{Grid, count, printable, wrapped};
use crate::interrupt;

/// The table of grades.
const COLUMNS: [&str; 10] =
    ["grade", "proved", "measured", "L2", "Lipschitz", "nodes", "layers", "width", "ReLUs", "both signs"];

/// Writes the model, what is proved of it, and how the run went. The report, which takes a moment to measure, follows.
pub(super) fn save(
    model: &Multigrade,
    proof: Option<&(Certificate, Proved)>,
    run: &[u8],
    files: &ConstructFiles,
    force: bool,
) -> Result<(), Failure> {
    interrupt::uninterrupted(|| {
        model.save(&files.model, force)?;
        match proof {
            Some((certificate, _)) => certificate.save(&files.certificate, force)?,
            // An older certificate would speak of another model.
            None if files.certificate.is_file() => fs::remove_file(&files.certificate)?,
            None => {}
        }
        Ok(write_atomically(&files.run, run, force)?)
    })
}

/// The command that proves a certificate again, in the folder of the two files if they share one.
pub(super) fn check_command(certificate: &Path, model: &Path) -> String {
    let shared = certificate.parent() == model.parent();
    let name = |path: &Path| match path.file_name().filter(|_| shared) {
        Some(name) => quoted(&name.to_string_lossy()),
        None => quoted(&path.to_string_lossy()),
    };
    format!("multigrade check {} {}", name(certificate), name(model))
}

/// `word` as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "._-/+=:@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// What is proved, the table of grades, and a `remark` on all grades.
pub(super) fn print(
    out: &mut impl Write,
    report: &ApproximationReport,
    parameters: usize,
    remark: &str,
) -> Result<(), Failure> {
    let (function, domain) = (&report.function, &report.domain);
    let sentence = match report.last().and_then(|row| Some((row.grade, row.proved.as_ref()?))) {
        Some((grade, proved)) => format!(
            "Proved: for every point of {domain}, {function} and the network after grade {grade} differ by at most {}.",
            meanings(proved)
        ),
        None => format!("Nothing is proved of {function} on {domain}."),
    };
    writeln!(out, "{}\n", wrapped(&printable(&sentence), 2))?;
    // Only what was built has nodes.
    let has_nodes = report.grades.iter().any(|row| row.built.is_some());
    let shown = |cells: [String; COLUMNS.len()]| {
        let pairs = COLUMNS.into_iter().zip(cells).filter(|(name, _)| *name != "nodes" || has_nodes);
        pairs.map(|(_, cell)| cell).collect::<Vec<_>>()
    };
    let mut grid = Grid::new(1);
    grid.row(shown(COLUMNS.map(str::to_owned)));
    report.grades.iter().for_each(|row| grid.row(shown(cells(row))));
    writeln!(out, "{grid}")?;
    let stored = count(parameters, "stored number");
    let text = format!(
        "The model has {stored}. Measured: the largest error found; L2 is over {} points. Lipschitz bounds and numbers of \
         ReLUs that take both signs are proved. {remark}",
        report.points
    );
    Ok(writeln!(out, "{}", wrapped(text.trim_end(), 2))?)
}

/// What the table says of a grade, in the order of [`COLUMNS`].
fn cells(row: &ApproximationRow) -> [String; COLUMNS.len()] {
    let none = || "-".to_owned();
    let extent = row.extent.as_ref();
    [
        row.grade.to_string(),
        row.proved.as_ref().map_or_else(none, |proved| of_size(proved.exact)),
        row.measured.as_ref().map_or_else(none, |measured| significant(measured.f64, 4)),
        significant(row.norms.l2, 4),
        extent.map_or_else(none, |extent| above(extent.lipschitz)),
        row.built.map_or_else(none, |built| built.nodes.to_string()),
        row.layers.to_string(),
        row.width.to_string(),
        row.relus.to_string(),
        extent.map_or_else(none, |extent| extent.two_sided.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_a_check_can_be_pasted_into_a_shell() {
        let command = |certificate: &str, model: &str| check_command(Path::new(certificate), Path::new(model));
        assert_eq!(
            command("a/n.certificate.json", "a/n.safetensors"),
            "multigrade check n.certificate.json n.safetensors"
        );
        assert_eq!(command("c.json", "a/n.safetensors"), "multigrade check c.json a/n.safetensors");
        assert_eq!(command("it's mine.json", "m"), r"multigrade check 'it'\''s mine.json' m");
    }
}
