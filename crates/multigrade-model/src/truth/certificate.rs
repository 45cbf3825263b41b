//! Certificates of approximation and their file. Nothing here is believed by the checker: it proves what it says anew.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::derivation::Derivation;
use super::interval::Interval;
use super::region::Leaf;
use crate::network::{FileError, Multigrade, write_atomically};

const FORMAT: &str = "multigrade-certificate";
/// Version of the format written by this crate; newer ones are refused.
const VERSION: u64 = 1;
/// Largest file that is read, in bytes. What is made of it takes at most a few times as much memory.
const MAX_BYTES: u64 = 1 << 27;
const PREFIX: &str = "sha256:";
const DIGITS: usize = 64;

/// What is claimed of a model, a function and a box, and how to prove it; see `docs/certificate-format.md`.
///
/// Anybody may make one, true or false: [`check`](super::check) decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// The text of the function.
    pub function: String,
    /// The text of the box.
    pub domain: String,
    /// The [`digest`](Self::digest_of) of the model.
    pub model: String,
    /// What is claimed, one claim for each number of grades that it speaks about.
    pub claims: Vec<Claim>,
}

/// `f - f_k` lies within the bounds, everywhere on the box; and a proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The number `k` of grades.
    pub grades: usize,
    /// Number of the output, from 0.
    pub output: usize,
    /// How it is proved.
    pub kind: Kind,
    /// Bounds for the stored weights in real arithmetic.
    #[serde(with = "bounds")]
    pub exact: Interval,
    /// Bounds for evaluation in binary64, if any are claimed.
    #[serde(with = "optional_bounds")]
    pub f64: Option<Interval>,
    /// Bounds for evaluation in binary32, if any are claimed.
    #[serde(with = "optional_bounds")]
    pub f32: Option<Interval>,
    /// The nodes of the tree in preorder: parents before children, the left child's tree before the right one's.
    pub tree: Vec<Node>,
    /// How the network computes the function, for [`Kind::Derivation`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derivation: Option<Derivation>,
}

/// How a claim is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// By cutting the box into parts small enough for one enclosure each.
    Bisection,
    /// By seeing how the network computes the function, and what the errors of its parts do on parts of the box.
    Derivation,
}

/// A node of the tree of boxes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node {
    /// The box is cut at a place of a variable, counted from 0 in the order of the model's inputs.
    Cut(usize, f64),
    /// The claim holds on the box, by this enclosure.
    Leaf(Leaf),
    /// The claim holds on the box, by the derivation.
    Derived,
}

/// The name of [`Node::Derived`].
const DERIVED: &str = "derived";

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Cut(variable, at) => (variable, at).serialize(serializer),
            Self::Leaf(leaf) => leaf.name().serialize(serializer),
            Self::Derived => DERIVED.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Text {
            Cut(usize, f64),
            Leaf(String),
        }
        let expected =
            || serde::de::Error::custom("a node of the tree: expected [variable, place] or the name of a leaf");
        match Text::deserialize(deserializer).map_err(|_| expected())? {
            Text::Cut(variable, at) => Ok(Self::Cut(variable, at)),
            Text::Leaf(name) if name == DERIVED => Ok(Self::Derived),
            Text::Leaf(name) => {
                let known = Leaf::NAMED.iter().find(|(n, _)| *n == name);
                known.map(|(_, leaf)| Self::Leaf(*leaf)).ok_or_else(expected)
            }
        }
    }
}

/// An interval as two finite numbers.
mod bounds {
    use super::*;

    pub(super) fn serialize<S: Serializer>(x: &Interval, serializer: S) -> Result<S::Ok, S::Error> {
        if !x.is_bounded() {
            return Err(serde::ser::Error::custom("a bound is infinite, expected a finite number"));
        }
        [x.lower(), x.upper()].serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Interval, D::Error> {
        let [lower, upper] = <[f64; 2]>::deserialize(deserializer)?;
        let x = Interval::new(lower, upper).filter(|x| x.is_bounded());
        x.ok_or_else(|| serde::de::Error::custom(format!("the bounds [{lower:?}, {upper:?}]: expected lower <= upper")))
    }
}

/// An interval as two finite numbers, or `null`.
mod optional_bounds {
    use super::*;

    pub(super) fn serialize<S: Serializer>(x: &Option<Interval>, serializer: S) -> Result<S::Ok, S::Error> {
        match x {
            Some(x) => super::bounds::serialize(x, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Interval>, D::Error> {
        #[derive(Deserialize)]
        struct Bounds(#[serde(with = "super::bounds")] Interval);
        Ok(Option::<Bounds>::deserialize(deserializer)?.map(|bounds| bounds.0))
    }
}

/// A certificate that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The operating system refused, or the file exists.
    #[error(transparent)]
    File(#[from] FileError),
    /// Larger than anything that is read.
    #[error("{name}: the file is too large, expected at most {MAX_BYTES} bytes")]
    TooLarge {
        /// Name of the file.
        name: String,
    },
    /// Not a certificate, or one that was cut off.
    #[error("{name}: not a certificate, or a file that was cut off ({reason}); expected a file written by multigrade")]
    NotACertificate {
        /// Name of the file.
        name: String,
        /// What was found.
        reason: String,
    },
    /// Written by a newer version of the format.
    #[error("{name}: the certificate has format version {found}, this program reads {VERSION}; use a newer multigrade")]
    Newer {
        /// Name of the file.
        name: String,
        /// Version found.
        found: u64,
    },
    /// The contents do not match the digest.
    #[error("{name}: the certificate was altered after it was written (its digest does not match)")]
    Altered {
        /// Name of the file.
        name: String,
    },
    /// Something that the format cannot hold.
    #[error("the certificate cannot be written: {reason}")]
    Unwritable {
        /// What it is.
        reason: String,
    },
}

/// The file, field for field.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<Claims> {
    format: String,
    version: u64,
    function: String,
    domain: String,
    model: String,
    digest: String,
    claims: Claims,
}

#[derive(Deserialize)]
struct Header {
    format: String,
    version: u64,
    digest: String,
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

impl Certificate {
    /// The digest by which a certificate names its model: it covers the names of inputs and outputs, the scalings, and
    /// every number of every grade; not the history of the model.
    pub fn digest_of(model: &Multigrade) -> String {
        fn text(hash: &mut Sha256, text: &str) {
            count(hash, text.len());
            hash.update(text.as_bytes());
        }
        fn count(hash: &mut Sha256, n: usize) {
            hash.update((n as u64).to_le_bytes());
        }
        fn numbers(hash: &mut Sha256, numbers: &[f64]) {
            numbers.iter().for_each(|x| hash.update(x.to_le_bytes()));
        }
        /// Whether weights are stored dense or sparse makes no difference.
        fn affine(hash: &mut Sha256, inputs: usize, bias: &[f64], terms: impl Fn(usize) -> Vec<(usize, f64)>) {
            count(hash, bias.len());
            count(hash, inputs);
            for (i, bias) in bias.iter().enumerate() {
                let terms: Vec<_> = terms(i).into_iter().filter(|(_, weight)| *weight != 0.0).collect();
                count(hash, terms.len());
                for (column, weight) in terms {
                    count(hash, column);
                    numbers(hash, &[weight]);
                }
                numbers(hash, &[*bias]);
            }
        }
        let mut hash = Sha256::new();
        text(&mut hash, "multigrade function");
        for names in [model.schema().input_names(), model.schema().output_names()] {
            count(&mut hash, names.len());
            names.iter().for_each(|name| text(&mut hash, name));
        }
        for scaling in [model.input_scaling(), model.output_scaling()] {
            numbers(&mut hash, scaling.center());
            numbers(&mut hash, scaling.scale());
        }
        count(&mut hash, model.grades().len());
        for grade in model.grades() {
            count(&mut hash, grade.branches().len());
            for branch in grade.branches() {
                count(&mut hash, branch.len());
                for layer in branch {
                    text(&mut hash, layer.activation().name());
                    let (weights, bias) = (layer.weights(), layer.bias());
                    affine(&mut hash, weights.cols(), bias, |i| weights.terms(i).collect());
                }
            }
            count(&mut hash, usize::from(grade.carry_inputs()));
            let (weights, bias) = (grade.readout().weights(), grade.readout().bias());
            affine(&mut hash, weights.cols(), bias, |i| weights.row(i).iter().copied().enumerate().collect());
        }
        PREFIX.to_owned() + &hexadecimal(hash)
    }

    /// The bytes of the certificate's file. Equal certificates give equal bytes.
    ///
    /// # Errors
    /// [`CertificateError::Unwritable`] for infinite bounds and cuts, and where the digest's place would be unclear.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CertificateError> {
        let fail = |reason: String| CertificateError::Unwritable { reason };
        let zeros = PREFIX.to_owned() + &"0".repeat(DIGITS);
        let document = Document {
            format: FORMAT.to_owned(),
            version: VERSION,
            function: self.function.clone(),
            domain: self.domain.clone(),
            model: self.model.clone(),
            digest: zeros.clone(),
            claims: &self.claims,
        };
        let text = serde_json::to_string(&document).map_err(|e| fail(e.to_string()))? + "\n";
        if text.matches(&zeros).count() != 1 || text.len() as u64 > MAX_BYTES {
            return Err(fail(format!(
                "a text in it looks like a digest of zeros, or it has more than {MAX_BYTES} bytes"
            )));
        }
        let digest = PREFIX.to_owned() + &hexadecimal(Sha256::new_with_prefix(&text));
        Ok(text.replacen(&zeros, &digest, 1).into_bytes())
    }

    /// The certificate described by the bytes of its file; `name` is used in messages.
    ///
    /// Safe on untrusted bytes: the file is short, nesting is limited, and nothing is executed.
    ///
    /// # Errors
    /// [`CertificateError`] if the bytes are not a certificate, are cut off, altered or of a newer version.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, CertificateError> {
        let not = |reason: String| CertificateError::NotACertificate { name: name.into(), reason };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(CertificateError::TooLarge { name: name.into() });
        }
        let text = std::str::from_utf8(bytes).map_err(|e| not(e.to_string()))?;
        let header: Header = serde_json::from_str(text).map_err(|e| not(e.to_string()))?;
        if header.format != FORMAT || header.version == 0 {
            return Err(not(format!("format '{}' version {}", header.format.escape_debug(), header.version)));
        }
        if header.version > VERSION {
            return Err(CertificateError::Newer { name: name.into(), found: header.version });
        }
        let digits = header.digest.strip_prefix(PREFIX).filter(|d| d.len() == DIGITS && text.matches(d).count() == 1);
        let digits = digits.ok_or_else(|| not(format!("no digest: expected {PREFIX} and {DIGITS} digits, once")))?;
        let blank = text.replacen(digits, &"0".repeat(DIGITS), 1);
        if hexadecimal(Sha256::new_with_prefix(&blank)) != digits {
            return Err(CertificateError::Altered { name: name.into() });
        }
        let document: Document<Vec<Claim>> = serde_json::from_str(text).map_err(|e| not(e.to_string()))?;
        let Document { function, domain, model, claims, .. } = document;
        Ok(Self { function, domain, model, claims })
    }

    /// Writes the certificate's file; nothing is left half written. An existing file is replaced only with `overwrite`.
    ///
    /// # Errors
    /// As [`to_bytes`](Self::to_bytes), and [`CertificateError::File`].
    pub fn save(&self, path: &Path, overwrite: bool) -> Result<(), CertificateError> {
        Ok(write_atomically(path, &self.to_bytes()?, overwrite)?)
    }

    /// Reads a certificate's file.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes), and [`CertificateError::File`] if the file cannot be read.
    pub fn load(path: &Path) -> Result<Self, CertificateError> {
        let io = |source| FileError::Io { path: PathBuf::from(path), source };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(io)?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
        Self::from_bytes(&path.display().to_string(), &bytes)
    }
}
