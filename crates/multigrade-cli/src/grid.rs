//! Tables and paragraphs for the terminal.

use std::fmt;

/// Lines of cells, aligned: the first columns to the left, the others, numbers, to the right.
///
/// Cells come from files too, so control characters are shown escaped and cannot reach the terminal.
pub(crate) struct Grid {
    n_left: usize,
    lines: Vec<Line>,
}

enum Line {
    Cells(Vec<String>),
    Text(String),
}

impl Grid {
    /// An empty grid whose first `n_left` columns hold words.
    pub(crate) fn new(n_left: usize) -> Self {
        Self { n_left, lines: Vec::new() }
    }

    /// Adds a line of cells; a line may be shorter than others.
    pub(crate) fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.lines.push(Line::Cells(cells.into_iter().map(|cell| printable(cell.as_ref())).collect()));
    }

    /// Adds a line of text that does not widen any column.
    pub(crate) fn text(&mut self, text: &str) {
        self.lines.push(Line::Text(printable(text)));
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for line in &self.lines {
            let Line::Cells(cells) = line else { continue };
            widths.resize(cells.len().max(widths.len()), 0);
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.chars().count().max(*width);
            }
        }
        widths
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for line in &self.lines {
            let mut text = String::new();
            match line {
                Line::Text(words) => text += words,
                Line::Cells(cells) => {
                    for (column, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
                        text += &if column < self.n_left {
                            format!("  {cell:<width$}")
                        } else {
                            format!("  {cell:>width$}")
                        };
                    }
                }
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

/// `1 row`, `2 rows`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// The names, or the first of many.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Whether a character does more than show itself: it controls the terminal, or turns the direction of the text around it, so
/// that what is shown is not what is there.
pub(crate) fn acts(c: char) -> bool {
    const DIRECTIONS: [char; 3] = ['\u{61c}', '\u{200e}', '\u{200f}'];
    c.is_control() || DIRECTIONS.contains(&c) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` with characters that [act](acts) shown escaped.
pub(crate) fn printable(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

/// `text` in lines of at most 96 characters where its words allow; all but the first are indented by `indent`.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    const WIDTH: usize = 96;
    let (mut lines, mut length) = (String::new(), 0);
    for word in printable(text).split_whitespace() {
        let n = word.chars().count();
        if length > 0 && length + 1 + n > WIDTH {
            lines += "\n";
            lines += &" ".repeat(indent);
            length = indent;
        } else if length > 0 {
            lines += " ";
            length += 1;
        }
        lines += word;
        length += n;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_to_the_left_and_numbers_to_the_right_of_their_columns() {
        let mut grid = Grid::new(1);
        grid.row(["grade", "RMSE"]);
        grid.text("a line of text that is far wider than the columns");
        grid.row(["1", "0.5"]);
        grid.row(["mean"]);
        let lines: Vec<String> = grid.to_string().lines().map(str::to_owned).collect();
        assert_eq!(
            (lines[0].as_str(), lines[2].as_str(), lines[3].as_str()),
            ("  grade  RMSE", "  1       0.5", "  mean")
        );
    }

    #[test]
    fn a_column_name_cannot_command_the_terminal() {
        let mut grid = Grid::new(1);
        grid.row(["\u{1b}[2Jname\n"]);
        assert_eq!(grid.to_string(), "  \\u{1b}[2Jname\\n\n");
    }

    #[test]
    fn wrapping_keeps_every_word_and_no_line_is_too_long() {
        let text = "word ".repeat(60);
        let lines = wrapped(&text, 4);
        assert_eq!(lines.split_whitespace().count(), 60);
        assert!(lines.lines().all(|line| line.chars().count() <= 96));
        assert!(lines.lines().skip(1).all(|line| line.starts_with("    word")));
    }
}
