//! The sparse layers of a branch, packed into five tensors: a network of ten thousand layers is not ten thousand tensors.
//!
//! | tensor | type, shape | meaning |
//! |---|---|---|
//! | `layers` | `U32 (n, 3)` | position in the branch, outputs and inputs of each sparse layer, in order |
//! | `terms` | `U32 (outputs of all)` | stored weights of each row, row after row, layer after layer |
//! | `columns` | `U32 (weights of all)` | the input that each stored weight multiplies, increasing inside a row |
//! | `weights` | `F64 (weights of all)` | the stored weights |
//! | `bias` | `F64 (outputs of all)` | the biases |

use super::super::{Activation, Branch, Layer, SparseMatrix, Weights};
use super::{Raw, Tensors, take};
use safetensors::tensor::Dtype;
use std::collections::BTreeMap;

/// Whether the branch has a sparse layer.
pub(super) fn has_any(branch: &Branch) -> bool {
    branch.iter().any(|layer| matches!(layer.weights(), Weights::Sparse(_)))
}

/// Adds the tensors of the sparse layers of a branch.
pub(super) fn insert(tensors: &mut Tensors, name: &str, branch: &Branch) {
    let (mut layers, mut terms, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    let (mut weights, mut bias) = (Vec::new(), Vec::new());
    for (position, layer) in branch.iter().enumerate() {
        let Weights::Sparse(matrix) = layer.weights() else { continue };
        layers.extend([position, matrix.rows(), matrix.cols()].map(|n| n as u32));
        terms.extend((0..matrix.rows()).map(|i| matrix.row(i).count() as u32));
        columns.extend_from_slice(matrix.columns());
        weights.extend_from_slice(matrix.values());
        bias.extend_from_slice(layer.bias());
    }
    let mut integers = |part: &str, shape: Vec<usize>, numbers: &[u32]| {
        let bytes = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        tensors.insert(format!("{name}.{part}"), (Dtype::U32, shape, bytes));
    };
    integers("layers", vec![layers.len() / 3, 3], &layers);
    integers("terms", vec![terms.len()], &terms);
    integers("columns", vec![columns.len()], &columns);
    super::insert(tensors, format!("{name}.weights"), vec![weights.len()], &weights);
    super::insert(tensors, format!("{name}.bias"), vec![bias.len()], &bias);
}

/// Reads the sparse layers of a branch, by position.
pub(super) fn read(raw: &mut Raw, name: &str, activations: &[Activation]) -> Result<BTreeMap<usize, Layer>, String> {
    let mut integers = |part: &str| -> Result<Vec<usize>, String> {
        let (_, bytes) = raw(&format!("{name}.{part}"), Dtype::U32)?;
        let number = |b: &[u8]| u32::from_le_bytes(b.try_into().expect("chunks of four bytes")) as usize;
        Ok(bytes.chunks_exact(4).map(number).collect())
    };
    let (layers, terms, columns) = (integers("layers")?, integers("terms")?, integers("columns")?);
    let (_, weights) = take(raw, &format!("{name}.weights"))?;
    let (_, bias) = take(raw, &format!("{name}.bias"))?;
    // Sums of u32 numbers do not overflow 64 bits.
    let (rows, stored) = (layers.chunks_exact(3).map(|l| l[1]).sum::<usize>(), terms.iter().sum::<usize>());
    let fits = layers.len().is_multiple_of(3)
        && [terms.len(), bias.len()] == [rows; 2]
        && [columns.len(), weights.len()] == [stored; 2];
    if !fits {
        return Err(format!("the tensors '{name}.*' do not fit each other"));
    }
    let (mut row, mut entry) = (0, 0);
    let mut found = BTreeMap::new();
    for layer in layers.chunks_exact(3) {
        let [position, outputs, inputs] = [layer[0], layer[1], layer[2]];
        let Some(&activation) = activations.get(position) else {
            return Err(format!("tensor '{name}.layers' speaks of layer {position} of {}", activations.len()));
        };
        let mut entries = Vec::with_capacity(outputs);
        for &n in &terms[row..row + outputs] {
            let range = entry..entry + n;
            entries.push(columns[range.clone()].iter().copied().zip(weights[range].iter().copied()).collect());
            entry += n;
        }
        let matrix = SparseMatrix::new(inputs, entries).map_err(|e| e.to_string())?;
        let layer = Layer::new(matrix, bias[row..row + outputs].to_vec(), activation).map_err(|e| e.to_string())?;
        if found.insert(position, layer).is_some() {
            return Err(format!("tensor '{name}.layers' speaks of layer {position} twice"));
        }
        row += outputs;
    }
    Ok(found)
}
