//! A table of any length, block by block.

use std::io::Read;
use std::path::Path;

use super::Table;
use super::error::{TableError, TableProblem};
use super::options::ReadOptions;
use super::read::Reading;

/// The rows of a table, read block by block, each block a [`Table`] of its own: memory does not grow with their number.
///
/// The blocks, one below the other, are the table that [`Table::parse`] reads, lines included. What only the whole file says
/// goes on from block to block: which decimal mark it has, and that a column has held anything but numbers.
/// [`ReadOptions::max_numbers`] limits each block. Arrays in Fortran order, archives of arrays and Parquet files do not stand row by row in
/// their files: these are read whole and cut into blocks.
///
/// ```
/// use multigrade::table::{ReadOptions, TableBlocks};
///
/// let file = "x,y\n1,2\n3,4\n5,6\n";
/// let mut blocks = TableBlocks::parse("t.csv", file.as_bytes(), &ReadOptions::default())?;
/// let mut found = Vec::new();
/// while let Some(block) = blocks.next_block(2)? {
///     found.push((block.numbers("y")?.to_vec(), block.line_of_row(0)));
/// }
/// assert_eq!(found, [(vec![2.0, 4.0], Some(2)), (vec![6.0], Some(4))]);
/// # Ok::<(), multigrade::table::TableError>(())
/// ```
pub struct TableBlocks<'a> {
    name: String,
    source: Source<'a>,
    max_numbers: usize,
    n_columns: usize,
    n_rows: usize,
}

enum Source<'a> {
    Rows(Reading<Box<dyn Read + 'a>>),
    /// A table that was read whole, of which `n_rows` rows have been handed out.
    Whole(Table),
}

impl TableBlocks<'static> {
    /// The blocks of the file at `path`; messages about it begin with `path`.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or whose first row is none of a table; see [`TableProblem`].
    pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, TableError> {
        let (name, file) = super::open(path.as_ref())?;
        Self::parse(&name, file, options)
    }
}

impl<'a> TableBlocks<'a> {
    /// The blocks of the table that `source` holds; messages about it begin with `name`.
    ///
    /// # Errors
    ///
    /// A source that cannot be read, or whose first row is none of a table; see [`TableProblem`].
    pub fn parse(name: &str, source: impl Read + 'a, options: &ReadOptions) -> Result<Self, TableError> {
        let source: Box<dyn Read + 'a> = Box::new(source);
        let reading = Reading::start(source, options).map_err(|problem| problem.in_table(name))?;
        let n_columns = reading.columns().len();
        let source = match reading {
            Reading::Whole(content) => Source::Whole(Table::of_content(name, content)),
            rows => Source::Rows(rows),
        };
        Ok(Self { name: name.to_owned(), source, max_numbers: options.max_numbers, n_columns, n_rows: 0 })
    }

    /// The path or name with which messages about the table begin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of rows in the blocks so far.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The next `n` rows; fewer at the end, or where `n` of them exceed [`ReadOptions::max_numbers`]. None after the last.
    ///
    /// A message of the block's [`Table::numbers`] counts the cells of the blocks so far; [`counted`](Self::counted) counts
    /// those of the whole table.
    ///
    /// # Errors
    ///
    /// What [`Table::parse`] says of these rows, or of a table without rows.
    pub fn next_block(&mut self, n: usize) -> Result<Option<Table>, TableError> {
        let n = n.min(self.max_numbers / self.n_columns).max(1);
        let block = match &mut self.source {
            Source::Rows(rows) => {
                let content = rows.next(n).map_err(|problem| problem.in_table(&self.name))?;
                content.map(|content| Table::of_content(&self.name, content))
            }
            Source::Whole(table) => {
                let rows: Vec<usize> = (self.n_rows..table.n_rows().min(self.n_rows + n)).collect();
                (!rows.is_empty()).then(|| table.select(&rows))
            }
        };
        self.n_rows += block.as_ref().map_or(0, Table::n_rows);
        Ok(block)
    }

    /// The error of a block, with the bad cells of its column counted in the whole table, which is read to its end for
    /// that; or what is wrong with the rest.
    ///
    /// ```
    /// use multigrade::table::{ReadOptions, TableBlocks};
    ///
    /// let file = "x\n1\nred\n3\nblue\n";
    /// let mut blocks = TableBlocks::parse("t.csv", file.as_bytes(), &ReadOptions::default())?;
    /// let error = blocks.next_block(2)?.unwrap().numbers("x").map(|_| ()).unwrap_err();
    /// let message = blocks.counted(error).to_string();
    /// assert!(message.starts_with("t.csv: column 'x', line 3: found \"red\", expected a finite number (2 of its 4 cells"));
    /// # Ok::<(), multigrade::table::TableError>(())
    /// ```
    pub fn counted(&mut self, error: TableError) -> TableError {
        const ROWS: usize = 1 << 12;
        let TableProblem::NotNumbers { column, .. } = &*error.problem else { return error };
        loop {
            match self.next_block(ROWS) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(problem) => return problem,
            }
        }
        let counted = match &self.source {
            Source::Rows(rows) => rows.check(column, self.n_rows).map_err(|problem| problem.in_table(&self.name)),
            Source::Whole(table) => table.numbers(column).map(drop),
        };
        counted.err().unwrap_or(error)
    }
}
