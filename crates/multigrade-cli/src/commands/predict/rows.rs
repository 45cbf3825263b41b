//! The rows to predict for, block by block.

use multigrade::table::{CsvColumn, Table, TableBlocks, TableError, TableProblem};
use multigrade::{Multigrade, Predictor};

use crate::args::MissingArg;
use crate::commands::warn;
use crate::data::{self, Columns};
use crate::failure::Failure;
use crate::grid::count;

/// Rows of a block: enough to keep all threads busy.
const ROWS: usize = 64 * Predictor::BLOCK_ROWS;

/// About how many numbers are in memory, where a table has so many columns that a block needs fewer rows.
const NUMBERS: usize = 1 << 21;

/// Rows of the columns that a model reads, and of those that are written before the answers.
pub(super) struct Block {
    /// `(n, d)`, row-major, missing cells filled.
    pub(super) inputs: Vec<f64>,
    pub(super) kept: Vec<CsvColumn>,
}

pub(super) struct Rows<'a> {
    columns: &'a Columns,
    blocks: TableBlocks<'a>,
    /// A block that was read for its names.
    first: Option<Table>,
    read: Vec<String>,
    kept: Vec<String>,
    n_dropped: usize,
    /// How many cells of each column that is read were filled.
    n_filled: Vec<usize>,
    block_rows: usize,
}

impl<'a> Rows<'a> {
    /// The rows of `blocks` for `model`, with the columns called `kept`.
    pub(super) fn new(
        model: &Multigrade,
        columns: &'a Columns,
        mut blocks: TableBlocks<'a>,
        kept: &[String],
    ) -> Result<Self, Failure> {
        let first = blocks.next_block(Predictor::BLOCK_ROWS)?;
        let (mut read, mut block_rows) = (Vec::new(), ROWS);
        if let Some(table) = &first {
            read = data::model_inputs(table, model)?;
            for (i, name) in kept.iter().enumerate() {
                table.position(name)?;
                if kept[..i].contains(name) {
                    return Err(format!("--keep names the column '{name}' twice; name it once").into());
                }
            }
            let whole_blocks = NUMBERS / table.column_names().len() / Predictor::BLOCK_ROWS;
            block_rows = (whole_blocks * Predictor::BLOCK_ROWS).clamp(Predictor::BLOCK_ROWS, ROWS);
        }
        let (kept, n_filled) = (kept.to_vec(), vec![0; read.len()]);
        Ok(Self { columns, blocks, first, read, kept, n_dropped: 0, n_filled, block_rows })
    }

    /// The next rows. Every block but the last has a multiple of [`Predictor::BLOCK_ROWS`] rows, so that the answers are
    /// those for all rows at once. None at the end.
    pub(super) fn next(&mut self) -> Result<Option<Block>, Failure> {
        let (mut n, mut inputs, mut kept) = (0, Vec::new(), vec![Vec::new(); self.kept.len()]);
        while n < self.block_rows {
            let Some(table) = self.next_table(self.block_rows - n)? else { break };
            n += table.n_rows();
            let mut extend = || -> Result<(), Failure> {
                inputs.extend(self.columns.input_rows(&table, &self.read)?);
                if self.columns.imputation.is_some() {
                    let gaps = data::gaps(&table, &self.read)?;
                    self.n_filled.iter_mut().zip(gaps).for_each(|(filled, gaps)| *filled += gaps);
                }
                for (values, name) in kept.iter_mut().zip(&self.kept) {
                    values.extend_from_slice(table.numbers_or_gaps(name)?);
                }
                Ok(())
            };
            extend().map_err(|failure| match failure {
                Failure::Table(error) => self.blocks.counted(error).into(),
                other => other,
            })?;
        }
        Ok((n > 0).then(|| Block { inputs, kept: kept.into_iter().map(CsvColumn::Numbers).collect() }))
    }

    /// The next rows that are not left out, at most `n`.
    fn next_table(&mut self, n: usize) -> Result<Option<Table>, Failure> {
        loop {
            let next = match self.first.take() {
                None => self.blocks.next_block(n)?,
                first => first,
            };
            let Some(table) = next else { break };
            if self.columns.missing != MissingArg::Drop {
                return Ok(Some(table));
            }
            match table.without_gaps(&self.read) {
                Ok((whole, dropped)) => {
                    self.n_dropped += dropped;
                    return Ok(Some(whole));
                }
                Err(error) if matches!(*error.problem, TableProblem::AllGaps { .. }) => {
                    self.n_dropped += table.n_rows();
                }
                Err(error) => return Err(self.blocks.counted(error).into()),
            }
        }
        let n_rows = self.blocks.n_rows();
        if self.n_dropped == n_rows {
            let problem = Box::new(TableProblem::AllGaps { n_rows, names: self.read.clone() });
            return Err(TableError { table: self.blocks.name().to_owned(), problem }.into());
        }
        Ok(None)
    }

    /// Says how many rows were left out, and how many cells were filled.
    pub(super) fn warn_of_gaps(&self) {
        if self.n_dropped > 0 {
            let (name, rows) = (self.blocks.name(), count(self.blocks.n_rows(), "row"));
            warn(&format!("{name}: {} of its {rows} have a missing cell and were left out", self.n_dropped));
        }
        if let Some(text) = self.columns.filled_cells(self.blocks.name(), &self.read, &self.n_filled) {
            warn(&text);
        }
    }
}

/// The columns that `--keep all` means: those that hold numbers, in the rows that are not left out. Only the whole table
/// tells which.
pub(super) fn number_columns(
    model: &Multigrade,
    columns: &Columns,
    blocks: TableBlocks,
    keep: &[String],
) -> Result<Vec<String>, Failure> {
    let mut rows = Rows::new(model, columns, blocks, &[])?;
    let names = rows.first.as_ref().map_or(Vec::new(), |table| table.column_names().to_vec());
    if keep.iter().all(|name| names.contains(name)) {
        return Ok(keep.to_vec());
    }
    let mut are_numbers = vec![true; names.len()];
    while let Some(table) = rows.next_table(rows.block_rows)? {
        are_numbers.iter_mut().zip(&names).for_each(|(is, name)| *is &= table.numbers_or_gaps(name).is_ok());
    }
    let (kept, left): (Vec<_>, Vec<_>) = names.into_iter().zip(are_numbers).partition(|(_, is_numbers)| *is_numbers);
    let name = |(name, _): (String, bool)| name;
    if !left.is_empty() {
        let left = left.into_iter().map(name).collect::<Vec<_>>().join(", ");
        warn(&format!("left out of --keep all, since they hold other than numbers: {left}"));
    }
    Ok(kept.into_iter().map(name).collect())
}
