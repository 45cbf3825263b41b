//! From tables to samples: which columns are what.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek};
use std::path::Path;

use multigrade::table::{Found, ReadOptions, Table, TableBlocks, TableError, TableProblem};
use multigrade::{Classes, FitSettings, Imputation, Multigrade, Samples, indicating, medians};

use crate::args::{FitArgs, MissingArg, TableArgs};
use crate::classes;
use crate::commands::warn;
use crate::failure::Failure;
use crate::grid::{count, list, printable};

/// The table at `path`; `-` is standard input.
pub(crate) fn read(path: &Path, options: &ReadOptions) -> Result<Table, TableError> {
    if path == Path::new("-") {
        Table::parse("standard input", std::io::stdin().lock(), options)
    } else {
        Table::read(path, options)
    }
}

/// The blocks of the table at `path`, read from `copy` if there is one; `-` is standard input.
pub(crate) fn blocks<'a>(
    path: &Path,
    copy: Option<&'a File>,
    options: &ReadOptions,
) -> Result<TableBlocks<'a>, Failure> {
    let is_standard = path == Path::new("-");
    let name = if is_standard { "standard input".to_owned() } else { path.display().to_string() };
    Ok(match copy {
        Some(mut copy) => {
            copy.rewind()?;
            TableBlocks::parse(&name, copy, options)?
        }
        None if is_standard => TableBlocks::parse(&name, io::stdin().lock(), options)?,
        None => TableBlocks::read(path, options)?,
    })
}

/// A nameless copy of what can be read only once, standard input or a pipe; it is gone when the program ends.
pub(crate) fn copy_of_stream(path: &Path) -> Result<Option<File>, Failure> {
    let is_standard = path == Path::new("-");
    if !is_standard && fs::metadata(path).map_or(true, |found| found.is_file() || found.is_dir()) {
        return Ok(None);
    }
    let copied = tempfile::tempfile().and_then(|mut copy| {
        let mut source: Box<dyn Read> =
            if is_standard { Box::new(io::stdin().lock()) } else { Box::new(File::open(path)?) };
        io::copy(&mut source, &mut copy)?;
        Ok(Some(copy))
    });
    copied.map_err(|error| format!("{}: cannot be copied to be read twice: {error}", path.display()).into())
}

/// The last part of a path: reports name files, not folders.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The columns of a table that a fit uses.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Columns {
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) weights: Option<String>,
    /// The classes of the only output, if it is one of classes.
    pub(crate) classes: Option<Classes>,
    /// What happens to rows with missing cells.
    pub(crate) missing: MissingArg,
    /// How missing cells of the inputs are filled.
    pub(crate) imputation: Option<Imputation>,
}

impl Columns {
    /// The columns that were named; without named inputs, all that are left.
    pub(crate) fn chosen(table: &Table, args: &FitArgs) -> Result<Self, Failure> {
        let named = |option: &str, names: &[String]| -> Result<(), Failure> {
            for (i, name) in names.iter().enumerate() {
                table.position(name)?;
                if names[..i].contains(name) {
                    return Err(format!("{option} names the column '{name}' twice; name it once").into());
                }
            }
            Ok(())
        };
        named("--target", &args.target)?;
        named("--features", &args.features)?;
        named("--ignore", &args.ignore)?;
        named("--weights", args.weights.as_slice())?;
        let roles: [(&str, &[String]); 4] = [
            ("--target", &args.target),
            ("--features", &args.features),
            ("--ignore", &args.ignore),
            ("--weights", args.weights.as_slice()),
        ];
        for (i, (option, names)) in roles.iter().enumerate() {
            for (other, others) in &roles[..i] {
                if let Some(name) = names.iter().find(|name| others.contains(name)) {
                    return Err(
                        format!("column '{name}' is named by {other} and {option}; it can have one part only").into()
                    );
                }
            }
        }
        let inputs = if args.features.is_empty() {
            let has_role = |name: &String| roles.iter().any(|(_, names)| names.contains(name));
            table.column_names().iter().filter(|name| !has_role(name)).cloned().collect()
        } else {
            args.features.clone()
        };
        if inputs.is_empty() {
            return Err(format!(
                "{}: no column is left to learn from; a table needs at least one besides the targets",
                table.name()
            )
            .into());
        }
        let classes = classes::of_target(table, args)?;
        let missing = args.table.missing(None)?;
        Ok(Self {
            inputs,
            outputs: args.target.clone(),
            weights: args.weights.clone(),
            classes,
            missing,
            imputation: None,
        })
    }

    /// The columns that `model` reads and makes.
    pub(crate) fn of_model(model: &Multigrade, weights: Option<&String>, args: &TableArgs) -> Result<Self, Failure> {
        let schema = model.schema();
        Ok(Self {
            inputs: schema.columns().iter().map(|column| column.name.clone()).collect(),
            outputs: match &schema.classes {
                Some(classes) => vec![classes.target.clone()],
                None => schema.output_names().into_iter().map(str::to_owned).collect(),
            },
            weights: weights.cloned(),
            classes: schema.classes.clone(),
            missing: args.missing(Some(model))?,
            imputation: schema.imputation.clone(),
        })
    }

    /// Learns from the rows that a fit trains on what stands for missing cells of the inputs, if any are to be filled and that
    /// is not known.
    pub(crate) fn learn_imputation(
        &mut self,
        table: &Table,
        settings: &FitSettings,
        own_split: bool,
    ) -> Result<(), Failure> {
        if self.missing != MissingArg::Impute || self.imputation.is_some() {
            return Ok(());
        }
        let rows = table.rows_or_gaps(&self.inputs)?;
        for (j, name) in self.inputs.iter().enumerate() {
            if rows.iter().skip(j).step_by(self.inputs.len()).all(|x| x.is_nan()) {
                // The error that says so.
                table.numbers(name)?;
            }
        }
        let weights = self.weights.as_deref().map(|name| weights(table, name)).transpose()?;
        self.imputation = Some(indicating(self.inputs.len(), &rows, weights.as_deref())?);
        let share = if own_split { settings.validation } else { 0.0 };
        self.imputation = medians(&self.samples(table)?, share, settings.seed);
        Ok(())
    }

    /// The names of the inputs of a model: those of the columns, and of indicators of missing cells.
    pub(crate) fn input_names(&self) -> Vec<String> {
        self.imputation.as_ref().map_or_else(|| self.inputs.clone(), |imputation| imputation.input_names(&self.inputs))
    }

    /// The inputs of a model in the columns of these names, row after row, missing cells filled.
    pub(crate) fn input_rows(&self, table: &Table, names: &[String]) -> Result<Vec<f64>, Failure> {
        Ok(match &self.imputation {
            Some(imputation) => imputation.fill(&table.rows_or_gaps(names)?),
            None => table.rows(names)?,
        })
    }

    /// Says which cells of the columns of these names were filled, if any were.
    pub(crate) fn filled(&self, table: &Table, names: &[String]) -> Result<Option<String>, Failure> {
        Ok(self.filled_cells(table.name(), names, &gaps(table, names)?))
    }

    /// [`filled`](Self::filled) of the table called `table`, with `gaps` missing cells in the columns of these names.
    pub(crate) fn filled_cells(&self, table: &str, names: &[String], gaps: &[usize]) -> Option<String> {
        let imputation = self.imputation.as_ref()?;
        let (mut filled, mut surprising) = (Vec::new(), Vec::new());
        for (j, (name, &n)) in names.iter().zip(gaps).enumerate() {
            if n > 0 {
                filled.push(format!("{n} of {name} by {}", imputation.fills()[j]));
                if !imputation.indicators().contains(&j) {
                    surprising.push(name.clone());
                }
            }
        }
        if filled.is_empty() {
            return None;
        }
        let surprise = match surprising.is_empty() {
            true => String::new(),
            false => format!(
                "; the fit met no missing cell of {}, so the model does not know what one means",
                list(&surprising)
            ),
        };
        Some(format!("{table}: missing cells were filled: {}{surprise}", list(&filled)))
    }

    /// For example `thrust, sfc from mach, altitude`.
    pub(crate) fn about(&self) -> String {
        format!("{} from {}", list(&self.outputs), list(&self.inputs))
    }

    /// The table without the rows that lack what is neither to be there nor to be filled.
    pub(crate) fn whole_rows(&self, table: Table) -> Result<Table, Failure> {
        let inputs = if self.missing == MissingArg::Drop { self.inputs.as_slice() } else { &[] };
        let names: Vec<&String> = inputs.iter().chain(&self.outputs).chain(&self.weights).collect();
        whole_rows(table, &names, self.missing)
    }

    /// The rows of `table`; rows of weight 0 are left out.
    pub(crate) fn samples(&self, table: &Table) -> Result<Samples, Failure> {
        let weights = self.weights.as_deref().map(|name| weights(table, name)).transpose()?;
        let inputs = self.input_rows(table, &self.inputs)?;
        let d = inputs.len() / table.n_rows();
        let samples = match &self.classes {
            Some(classes) => {
                Samples::of_classes(d, inputs, &classes::of_rows(table, classes)?, classes.len(), weights)?
            }
            None => Samples::new(d, self.outputs.len(), inputs, table.rows(&self.outputs)?, weights)?,
        };
        Ok(match &self.imputation {
            Some(imputation) => samples.imputed_by(imputation.clone())?,
            None => samples,
        })
    }

    /// The failure of a fit; where an input column is to blame, with the way to do without it.
    pub(crate) fn with_way_out(&self, failure: Failure, args: &FitArgs) -> Failure {
        let Failure::Table(error) = &failure else { return failure };
        let TableProblem::NotNumbers { column, found, .. } = &*error.problem else { return failure };
        // Numbers that are only written otherwise are worth keeping.
        let are_numbers = matches!(found, Found::OtherMark(..) | Found::Grouped(..) | Found::SeveralNumbers(_));
        if are_numbers || !self.inputs.contains(column) {
            return failure;
        }
        let how = match args.features.is_empty() {
            true => format!("with --ignore {}", shell_word(column)),
            false => "of --features".to_owned(),
        };
        format!("{error}, or leave the column out {how}").into()
    }
}

/// The table without the rows in which a cell of these columns is missing, unless that is an error. It is said how many were
/// left out.
pub(crate) fn whole_rows(table: Table, names: &[impl AsRef<str>], missing: MissingArg) -> Result<Table, Failure> {
    if missing == MissingArg::Refuse {
        return Ok(table);
    }
    let (whole, dropped) = table.without_gaps(names)?;
    if dropped > 0 {
        let rows = count(table.n_rows(), "row");
        let what = if missing == MissingArg::Drop { "have a missing cell" } else { "lack a target or weight" };
        warn(&format!("{}: {dropped} of its {rows} {what} and were left out", table.name()));
    }
    Ok(whole)
}

/// How many cells are missing in each of the columns of these names.
pub(crate) fn gaps(table: &Table, names: &[String]) -> Result<Vec<usize>, TableError> {
    let count = |name: &String| Ok(table.numbers_or_gaps(name)?.iter().filter(|x| x.is_nan()).count());
    names.iter().map(count).collect()
}

/// `text` as one word of a shell command.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-.+%:/@".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", printable(&text.replace('\'', "'\\''")))
    }
}

fn weights(table: &Table, name: &str) -> Result<Vec<f64>, Failure> {
    let weights = table.numbers(name)?;
    if let Some(row) = weights.iter().position(|weight| *weight < 0.0) {
        let place = table.place_of_row(row);
        return Err(format!(
            "{}: column '{name}', {place}: found {}, expected a weight of at least 0",
            table.name(),
            weights[row]
        )
        .into());
    }
    if weights.iter().all(|weight| *weight == 0.0) {
        return Err(format!("{}: column '{name}': every weight is 0, so no row is left", table.name()).into());
    }
    Ok(weights.to_vec())
}

/// The columns that `model` reads: those of the same names, or by place in a table without header that holds the inputs and
/// nothing else.
pub(crate) fn model_inputs(table: &Table, model: &Multigrade) -> Result<Vec<String>, Failure> {
    let inputs: Vec<String> = model.schema().columns().iter().map(|column| column.name.clone()).collect();
    let names = table.column_names();
    let is_headerless = !table.has_names();
    let has_all = inputs.iter().all(|name| names.contains(name));
    if !is_headerless || has_all {
        return Ok(inputs);
    }
    if names.len() == inputs.len() {
        return Ok(names.to_vec());
    }
    Err(format!(
        "{}: found {} columns and no header line; expected a header line that names {}, or these {} columns in this order \
         and no others",
        table.name(),
        names.len(),
        list(&inputs),
        inputs.len(),
    )
    .into())
}

/// Says so if there are too few rows to learn much from.
fn few_rows(samples: &Samples) -> Option<String> {
    const FEW: usize = 3;
    let mut different: Vec<&[f64]> = Vec::new();
    for row in samples.inputs().chunks_exact(samples.n_inputs()) {
        if !different.contains(&row) {
            different.push(row);
        }
        if different.len() > FEW {
            break;
        }
    }
    let (rows, inputs) = (samples.rows(), samples.n_inputs());
    if different.len() <= FEW {
        let rows = count(different.len(), "row");
        Some(format!("only {rows} with different inputs: the model can be far off everywhere else"))
    } else if rows < inputs {
        Some(format!("only {rows} rows for {inputs} inputs: the model can be far off everywhere else"))
    } else {
        None
    }
}

/// What is odd about samples that can be fitted all the same.
pub(crate) fn oddities(samples: &Samples, columns: &Columns) -> Vec<String> {
    let mut warnings: Vec<String> = few_rows(samples).into_iter().collect();
    let column = |values: &[f64], width: usize, j: usize| -> Vec<u64> {
        // Adding 0.0 makes -0.0 and 0.0 the same content.
        values.iter().skip(j).step_by(width).map(|x| (x + 0.0).to_bits()).collect()
    };
    let mut seen: BTreeMap<u64, Vec<(usize, Vec<u64>)>> = BTreeMap::new();
    for (j, name) in columns.inputs.iter().enumerate() {
        let bits = column(samples.inputs(), samples.n_inputs(), j);
        if samples.rows() > 1 && bits.iter().all(|b| *b == bits[0]) {
            let value = f64::from_bits(bits[0]);
            warnings.push(format!("input '{name}' is {value} in every row, so nothing can be learned from it"));
            continue;
        }
        let mut hasher = DefaultHasher::new();
        bits.hash(&mut hasher);
        let alike = seen.entry(hasher.finish()).or_default();
        match alike.iter().find(|(_, others)| *others == bits) {
            Some((first, _)) if samples.rows() > 1 => {
                let first = &columns.inputs[*first];
                warnings.push(format!("inputs '{first}' and '{name}' are equal in every row; one of them is enough"));
            }
            _ => alike.push((j, bits)),
        }
    }
    // Classes that are all the same are refused before.
    let numbers = if columns.classes.is_some() { &[] } else { columns.outputs.as_slice() };
    for (j, name) in numbers.iter().enumerate() {
        let bits = column(samples.targets(), samples.n_targets(), j);
        if bits.iter().all(|b| *b == bits[0]) {
            let value = f64::from_bits(bits[0]);
            let rows = if samples.rows() == 1 { "the only row" } else { "every row" };
            warnings.push(format!("target '{name}' is {value} in {rows}; the model will say so everywhere"));
        }
    }
    warnings
}
