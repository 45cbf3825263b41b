//! The model file: `safetensors` with one JSON document in its metadata.
//!
//! Tensors hold the weights, bit for bit (`F64`, little endian):
//! `grades.G.branches.B.layers.L.weights` `(outputs, inputs)`, `.bias` `(outputs)`, and `grades.G.readout.weights`,
//! `grades.G.readout.bias`, all counted from 0. The sparse layers of a branch are packed into five tensors
//! (`file/sparse.rs`). The metadata entry `multigrade` holds
//! `{"digest": "sha256:...", "model": {...}}`; the digest covers the text of `model` and every tensor and detects
//! alteration. The document says nothing about clocks, threads, paths or hosts.

mod sparse;

use super::{
    Activation, Branch, Grade, History, Layer, Matrix, ModelError, Multigrade, Readout, Scaling, Schema, Weights,
};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Version of the document written by this crate. A newer one is refused, older ones load for ever.
const FORMAT_VERSION: u64 = 1;

/// Extension for layers whose weights are stored sparsely.
const SPARSE: &str = "sparse";

/// Extension for outputs that are logits of classes.
const CLASSES: &str = "classes";

/// Extension for rows with missing cells.
const IMPUTATION: &str = "imputation";

/// Name of the metadata entry that holds the document.
const METADATA_KEY: &str = "multigrade";

/// A model file that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// File in question.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file exists and may not be overwritten.
    #[error("{}: the file exists; choose another name or allow overwriting (--force)", path.display())]
    Exists {
        /// File in question.
        path: PathBuf,
    },
    /// Not a `safetensors` file, or one that was cut off.
    #[error(
        "{name}: not a multigrade model, or a file that was cut off ({reason}); expected a .safetensors file written by multigrade"
    )]
    NotAModel {
        /// Name of the file.
        name: String,
        /// What was found.
        reason: String,
    },
    /// Written by a newer version of the format.
    #[error(
        "{name}: the model has format version {found}, this program reads up to {FORMAT_VERSION}; use a newer multigrade"
    )]
    Newer {
        /// Name of the file.
        name: String,
        /// Version found.
        found: u64,
    },
    /// Uses extensions of the format that this version does not know.
    #[error("{name}: the model needs {found}, which this program does not know; use a newer multigrade")]
    Extension {
        /// Name of the file.
        name: String,
        /// The extensions it requires.
        found: String,
    },
    /// The contents do not match the digest.
    #[error(
        "{name}: the file was altered after it was written (its digest does not match); restore it from a copy or fit again"
    )]
    Altered {
        /// Name of the file.
        name: String,
    },
    /// The document or the tensors do not describe a consistent model.
    #[error("{name}: the file does not describe a consistent model: {reason}")]
    Inconsistent {
        /// Name of the file.
        name: String,
        /// What does not fit.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    digest: String,
    #[serde(borrow)]
    model: &'a serde_json::value::RawValue,
}

#[derive(Deserialize)]
struct Version {
    format_version: u64,
    #[serde(default)]
    requires: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    format_version: u64,
    /// Extensions that a reader must understand; one that does not know a name refuses the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    requires: Vec<String>,
    #[serde(default)]
    made_by: String,
    schema: Schema,
    input_scaling: Scaling,
    output_scaling: Scaling,
    grades: Vec<GradeDocument>,
    history: History,
    #[serde(default)]
    settings: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GradeDocument {
    /// Activations of the layers of each branch; shapes are those of the tensors.
    branches: Vec<Vec<Activation>>,
    /// Branches with sparse layers, increasing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sparse: Vec<usize>,
    carry_inputs: bool,
}

/// The tensors of a file in the order of names: type, shape, bytes.
type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn insert(tensors: &mut Tensors, name: String, shape: Vec<usize>, numbers: &[f64]) {
    let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    tensors.insert(name, (Dtype::F64, shape, bytes));
}

/// SHA-256 over the document's text and every tensor's name, shape and bytes, in the order of names.
fn digest<'a>(document: &str, tensors: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>) -> String {
    let mut hash = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    field(document.as_bytes());
    for (name, shape, bytes) in tensors {
        field(name.as_bytes());
        let shape: Vec<u8> = shape.iter().flat_map(|&n| (n as u64).to_le_bytes()).collect();
        field(&shape);
        field(bytes);
    }
    let hex: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

impl Multigrade {
    /// The bytes of the model file. Equal models give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut tensors = Tensors::new();
        for (g, grade) in self.grades.iter().enumerate() {
            for (b, branch) in grade.branches().iter().enumerate() {
                for (l, layer) in branch.iter().enumerate() {
                    let Weights::Dense(weights) = layer.weights() else { continue };
                    let name = format!("grades.{g}.branches.{b}.layers.{l}");
                    let shape = vec![layer.outputs(), layer.inputs()];
                    insert(&mut tensors, format!("{name}.weights"), shape, weights.as_slice());
                    insert(&mut tensors, format!("{name}.bias"), vec![layer.outputs()], layer.bias());
                }
                if sparse::has_any(branch) {
                    sparse::insert(&mut tensors, &format!("grades.{g}.branches.{b}.sparse"), branch);
                }
            }
            let (a, c) = (grade.readout().weights(), grade.readout().bias());
            insert(&mut tensors, format!("grades.{g}.readout.weights"), vec![a.rows(), a.cols()], a.as_slice());
            insert(&mut tensors, format!("grades.{g}.readout.bias"), vec![c.len()], c);
        }
        let document = Document {
            format_version: FORMAT_VERSION,
            requires: self.extensions(),
            made_by: concat!("multigrade ", env!("CARGO_PKG_VERSION")).to_string(),
            schema: self.schema.clone(),
            input_scaling: self.input_scaling.clone(),
            output_scaling: self.output_scaling.clone(),
            grades: self.grades.iter().map(GradeDocument::of).collect(),
            history: self.history.clone(),
            settings: self.settings.clone(),
        };
        let text = serde_json::to_string(&document).expect("a document of plain data serialises");
        let named = tensors.iter().map(|(n, (_, s, b))| (n.as_str(), s.as_slice(), b.as_slice()));
        let digest = digest(&text, named);
        let raw = serde_json::value::RawValue::from_string(text).expect("the text was just made");
        let envelope = serde_json::to_string(&Envelope { digest, model: &raw }).expect("an envelope serialises");
        let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
            let view = TensorView::new(*dtype, shape.clone(), bytes).expect("shape and bytes agree");
            (name.clone(), view)
        });
        // One metadata entry: with two, their order in the file would be that of a hash map.
        let metadata = HashMap::from([(METADATA_KEY.to_string(), envelope)]);
        safetensors::serialize(views, Some(metadata)).expect("tensors made here are consistent")
    }

    /// What a reader of the file must understand.
    fn extensions(&self) -> Vec<String> {
        let has_sparse = self.grades.iter().flat_map(Grade::branches).any(sparse::has_any);
        let extensions = [
            (SPARSE, has_sparse),
            (CLASSES, self.schema.classes.is_some()),
            (IMPUTATION, self.schema.imputation.is_some()),
        ];
        extensions.into_iter().filter(|(_, is_used)| *is_used).map(|(name, _)| name.into()).collect()
    }

    /// The model described by the bytes of a model file; `name` is used in messages.
    ///
    /// Safe on untrusted bytes: sizes are checked against the length of the file before anything is allocated, and
    /// nothing is executed.
    ///
    /// # Errors
    /// [`FileError`] if the bytes are not a model file, are cut off, altered, inconsistent or of a newer version.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, FileError> {
        let not_a_model = |reason: String| FileError::NotAModel { name: name.into(), reason };
        let inconsistent = |reason: String| FileError::Inconsistent { name: name.into(), reason };
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| not_a_model(e.to_string()))?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| not_a_model(e.to_string()))?;
        let envelope = metadata.metadata().as_ref().and_then(|m| m.get(METADATA_KEY));
        let envelope = envelope.ok_or_else(|| not_a_model(format!("no metadata entry '{METADATA_KEY}'")))?;
        let envelope: Envelope = serde_json::from_str(envelope).map_err(|e| not_a_model(e.to_string()))?;
        let text = envelope.model.get();
        let version: Version = serde_json::from_str(text).map_err(|e| not_a_model(e.to_string()))?;
        match version {
            Version { format_version: FORMAT_VERSION, mut requires } => {
                requires.retain(|extension| ![SPARSE, CLASSES, IMPUTATION].contains(&extension.as_str()));
                if !requires.is_empty() {
                    return Err(FileError::Extension { name: name.into(), found: requires.join(", ") });
                }
            }
            Version { format_version: 0, .. } => return Err(not_a_model("format version 0".into())),
            Version { format_version: found, .. } => return Err(FileError::Newer { name: name.into(), found }),
        }
        let mut named = tensors.tensors();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        let parts = named.iter().map(|(n, t)| (n.as_str(), t.shape(), t.data()));
        if digest(text, parts) != envelope.digest {
            return Err(FileError::Altered { name: name.into() });
        }
        let document: Document = serde_json::from_str(text).map_err(|e| inconsistent(e.to_string()))?;
        let mut used = 0;
        let mut raw = |name: &str, dtype: Dtype| {
            used += 1;
            let tensor = tensors.tensor(name).map_err(|e| e.to_string())?;
            if tensor.dtype() != dtype {
                return Err(format!("tensor '{name}' holds {:?}, expected {dtype:?}", tensor.dtype()));
            }
            Ok((tensor.shape().to_vec(), tensor.data().to_vec()))
        };
        let grades: Result<Vec<Grade>, String> =
            document.grades.iter().enumerate().map(|(g, grade)| grade.read(g, &mut raw)).collect();
        let grades = grades.map_err(inconsistent)?;
        if used != tensors.len() {
            return Err(inconsistent(format!("{} tensors, {used} of them in use", tensors.len())));
        }
        let Document { schema, input_scaling, output_scaling, history, settings, .. } = document;
        Self::new(schema, input_scaling, output_scaling, grades, history, settings)
            .map_err(|e: ModelError| inconsistent(e.to_string()))
    }

    /// Writes the model file; nothing is left half written. An existing file is replaced only with `overwrite`.
    ///
    /// # Errors
    /// [`FileError::Exists`] or [`FileError::Io`].
    pub fn save(&self, path: &Path, overwrite: bool) -> Result<(), FileError> {
        write_atomically(path, &self.to_bytes(), overwrite)
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// As [`Multigrade::from_bytes`], and [`FileError::Io`] if the file cannot be read.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let bytes = std::fs::read(path).map_err(|source| FileError::Io { path: path.into(), source })?;
        Self::from_bytes(&path.display().to_string(), &bytes)
    }
}

/// The shape and bytes of the tensor of this name and type, or why there are none.
type Raw<'a> = dyn FnMut(&str, Dtype) -> Result<(Vec<usize>, Vec<u8>), String> + 'a;

/// Reads one tensor of numbers: its shape and numbers, or why not.
fn take(raw: &mut Raw, name: &str) -> Result<(Vec<usize>, Vec<f64>), String> {
    let (shape, bytes) = raw(name, Dtype::F64)?;
    let number = |b: &[u8]| f64::from_le_bytes(b.try_into().expect("chunks of eight bytes"));
    Ok((shape, bytes.chunks_exact(8).map(number).collect()))
}

/// Reads one tensor with two dimensions.
fn take_matrix(raw: &mut Raw, name: &str) -> Result<Matrix, String> {
    match take(raw, name)? {
        (shape, numbers) if shape.len() == 2 => {
            Matrix::new(shape[0], shape[1], numbers).ok_or(format!("tensor '{name}' has a wrong size"))
        }
        (shape, _) => Err(format!("tensor '{name}' has shape {shape:?}, expected two dimensions")),
    }
}

impl GradeDocument {
    fn of(grade: &Grade) -> Self {
        let activations = |branch: &Branch| branch.iter().map(Layer::activation).collect();
        let branches = grade.branches();
        Self {
            branches: branches.iter().map(activations).collect(),
            sparse: (0..branches.len()).filter(|&b| sparse::has_any(&branches[b])).collect(),
            carry_inputs: grade.carry_inputs(),
        }
    }

    fn read(&self, g: usize, raw: &mut Raw) -> Result<Grade, String> {
        let mut branches = Vec::with_capacity(self.branches.len());
        for (b, activations) in self.branches.iter().enumerate() {
            let name = format!("grades.{g}.branches.{b}");
            let mut packed = if self.sparse.contains(&b) {
                sparse::read(raw, &format!("{name}.sparse"), activations)?
            } else {
                BTreeMap::new()
            };
            let mut branch = Branch::with_capacity(activations.len());
            for (l, &activation) in activations.iter().enumerate() {
                branch.push(match packed.remove(&l) {
                    Some(layer) => layer,
                    None => {
                        let weights = take_matrix(raw, &format!("{name}.layers.{l}.weights"))?;
                        let (_, bias) = take(raw, &format!("{name}.layers.{l}.bias"))?;
                        Layer::new(weights, bias, activation).map_err(|e| e.to_string())?
                    }
                });
            }
            branches.push(branch);
        }
        let readout = take_matrix(raw, &format!("grades.{g}.readout.weights"))?;
        let (_, bias) = take(raw, &format!("grades.{g}.readout.bias"))?;
        let readout = Readout::new(readout, bias).map_err(|e| e.to_string())?;
        Grade::new(branches, self.carry_inputs, readout).map_err(|e| e.to_string())
    }
}

/// What is collected before it goes to the disk.
const BUFFER_BYTES: usize = 1 << 17;

/// How the names of temporary files begin and end.
const TEMPORARY: (&str, &str) = (".multigrade-", ".tmp");

/// Removes the temporary files in a folder that nobody is writing: what a killed process left behind.
///
/// Whoever writes one holds a lock on it, which the system lifts when the process ends, however it ends.
pub fn remove_leftovers(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_ours = name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1);
        // The lock is held until the file is gone: who made it a moment ago would lose it between lock and removal.
        if is_ours
            && let Ok(file) = std::fs::File::open(&path)
            && file.try_lock().is_ok()
        {
            // Another process may have been quicker.
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// Writes `bytes` to `path` as an [`AtomicFile`] does: a reader sees the old file or the whole new one, and a failure
/// leaves nothing behind.
///
/// # Errors
/// As [`AtomicFile::create`] and [`AtomicFile::commit`].
pub fn write_atomically(path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), FileError> {
    let mut file = AtomicFile::create(path, overwrite)?;
    file.write_all(bytes).map_err(|source| FileError::Io { path: path.into(), source })?;
    file.commit()
}

/// A file that is written piece by piece and appears under its name when it is whole.
///
/// Until [`commit`](Self::commit) it is a temporary file beside its place, which is removed when this value is dropped, or, if
/// the process is killed, when the next file is written in that folder. Where the path is a symbolic link, the file it leads to
/// is written and the link stays.
///
/// ```
/// use multigrade_model::AtomicFile;
/// use std::io::Write as _;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("answers.csv");
/// let mut file = AtomicFile::create(&path, false)?;
/// file.write_all(b"y\n1\n")?;
/// assert!(!path.exists());
/// file.commit()?;
/// assert_eq!(std::fs::read(&path)?, b"y\n1\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    file: BufWriter<NamedTempFile>,
    /// As it was given, for messages.
    path: PathBuf,
    /// Where a symbolic link leads.
    target: PathBuf,
    overwrite: bool,
}

impl AtomicFile {
    /// A file that will stand at `path`. One that stands there is replaced only with `overwrite`. What a killed process left
    /// in the folder is removed.
    ///
    /// # Errors
    /// [`FileError::Exists`] or [`FileError::Io`]; the latter, of kind
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput), also for what exists and is not a regular file, such as a folder
    /// or a device, and for a link that leads nowhere.
    pub fn create(path: &Path, overwrite: bool) -> Result<Self, FileError> {
        let io = |source| FileError::Io { path: path.into(), source };
        let refused = |why: &str| io(std::io::Error::new(std::io::ErrorKind::InvalidInput, why));
        let target = if path.is_symlink() {
            path.canonicalize()
                .map_err(|_| refused("this symbolic link leads to no file; remove it or name another file"))?
        } else {
            path.into()
        };
        match target.metadata() {
            // A renamed file would take the place of a device, and whoever uses the device would find a file.
            Ok(found) if !found.is_file() => {
                return Err(refused("this is not a regular file; name another one to write"));
            }
            Ok(_) if !overwrite => return Err(FileError::Exists { path: path.into() }),
            _ => {}
        }
        let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        remove_leftovers(folder);
        let file = BufWriter::with_capacity(BUFFER_BYTES, temporary(folder).map_err(io)?);
        Ok(Self { file, path: path.into(), target, overwrite })
    }

    /// Where it stands until then: for whoever has to remove it since the process ends by a signal.
    pub fn temporary(&self) -> &Path {
        self.file.get_ref().path()
    }

    /// Gives the file its name, once all of it is on the disk.
    ///
    /// # Errors
    /// [`FileError::Exists`] if a file has appeared there that may not be overwritten, and [`FileError::Io`].
    pub fn commit(self) -> Result<(), FileError> {
        let Self { file, path, target, overwrite } = self;
        let named = file.into_inner().map_err(std::io::IntoInnerError::into_error).and_then(|file| {
            file.as_file().sync_all()?;
            let named = if overwrite { file.persist(&target) } else { file.persist_noclobber(&target) };
            named.map(drop).map_err(|error| error.error)
        });
        named.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => FileError::Exists { path },
            _ => FileError::Io { path, source: error },
        })
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// A temporary file in `folder` that nobody takes for a leftover.
fn temporary(folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut options = tempfile::Builder::new();
    options.prefix(TEMPORARY.0).suffix(TEMPORARY.1);
    #[cfg(unix)]
    {
        // The mode of any newly created file; without it the temporary file would be readable by its owner alone.
        use std::os::unix::fs::PermissionsExt;
        options.permissions(std::fs::Permissions::from_mode(0o666));
    }
    loop {
        let file = options.tempfile_in(folder)?;
        // Not every file system has locks; without one, nobody takes the file for a leftover either.
        let _ = file.as_file().lock();
        // Another process may have done so in the moment before it was locked.
        if file.path().exists() {
            return Ok(file);
        }
    }
}
