//! Reports of experiments as Markdown.

use std::fmt::Write;

use multigrade::experiments::{Report, Table};

/// A document of several reports, each under its title.
pub(crate) fn document(introduction: &str, reports: &[(&str, &Report)]) -> String {
    let mut text = format!("# Reproduced experiments\n\n{introduction}\n");
    for (title, report) in reports {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n## {}\n", capitalised(title));
        for paragraph in &report.about {
            let _ = write!(text, "\n{paragraph}\n");
        }
        for section in &report.sections {
            let _ = write!(text, "\n### {}\n", capitalised(&section.title));
            if !section.findings.is_empty() {
                text.push('\n');
            }
            for finding in &section.findings {
                let _ = writeln!(text, "- {}", capitalised(finding));
            }
            section.tables.iter().for_each(|table| write_table(&mut text, table));
        }
    }
    text
}

fn capitalised(text: &str) -> String {
    // A formula keeps its letters.
    if text.contains('(') && text.find('(') < text.find(' ') {
        return text.to_owned();
    }
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

fn write_table(text: &mut String, table: &Table) {
    let row = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let marks = (0..table.columns.len()).map(|i| if i < table.words { "---" } else { "--:" });
    let _ = write!(text, "\n**{}.** {}\n\n", table.title, table.note);
    text.push_str(&row(&table.columns));
    text.push_str(&row(&marks.map(str::to_owned).collect::<Vec<_>>()));
    table.rows.iter().for_each(|cells| text.push_str(&row(cells)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_a_table_has_as_many_cells_as_its_head() {
        let table = Table {
            title: "t".into(),
            columns: vec!["a|b".into(), "c".into()],
            words: 1,
            rows: vec![vec!["x|y".into(), "1".into()]],
            ..Table::default()
        };
        let mut text = String::new();
        write_table(&mut text, &table);
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        assert!(text.lines().filter(|line| line.starts_with('|')).all(|line| bars(line) == 3), "{text}");
    }
}
