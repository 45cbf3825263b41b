//! ONNX: `Sub` and `Div`, then `Gemm`, `Relu`, `Tanh`, `Sin`, `Mul`, and `Concat` where a layer has more than one activation, then
//! `Mul` and `Add`.

use super::Onnx;
use super::chain::{Affine, Chain, Stage};
use super::protobuf::Message;
use crate::Multigrade;
use crate::settings::Precision;
use multigrade_model::{Activation, Scaling};

/// What an ONNX file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnnxOptions {
    /// Numbers of inputs, weights and outputs.
    pub precision: Precision,
    /// Whether the prediction after every grade is an output too, as `grade_1`, `grade_2`, ...
    pub staged: bool,
}

impl Default for OnnxOptions {
    /// `f32`, which every runtime knows, and the last prediction alone.
    fn default() -> Self {
        Self { precision: Precision::F32, staged: false }
    }
}

/// A model that cannot be written in the format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// More bytes than the format allows.
    #[error("the file would have {found} bytes of weights, an ONNX file has at most {limit}; export fewer grades")]
    TooLarge {
        /// Bytes of all weights.
        found: usize,
        /// Largest number of bytes.
        limit: usize,
    },
    /// A number that is finite in the model's f64 is not in f32, or a scale is next to 0 there.
    #[error("the model holds a number that does not fit 32 bits, {found}; export in f64")]
    Range {
        /// The number, in the shortest digits that read back.
        found: String,
    },
}

/// Protocol buffers end at 2 GiB; names and shapes need some of it.
const LIMIT: usize = (1 << 31) - (1 << 24);

/// The version of the file format, and of the operators: old enough for every runtime in use, and the first with `Relu`
/// in f64 is 14.
const IR_VERSION: u64 = 8;
const OPERATORS: u64 = 17;

/// The model as an ONNX file with the input `x`, shape `(n, d)`, and the output `y`, shape `(n, m)`, both in the units of the
/// table.
///
/// The graph is a plain chain, in which every node reads the one before it and constants: the scaling of the inputs, then for every
/// layer one `Gemm` and its activation, without sums or skips (what a later layer needs travels along), then the scaling of the
/// outputs. A network of ReLU layers is `Sub, Div, Gemm, Relu, Gemm, Relu, ..., Gemm, Mul, Add`; with more than one grade another `Gemm` adds
/// the last correction to the sum of those before. Names of inputs and outputs stand in the metadata as JSON lists.
///
/// All numbers are those of the model, rounded to the precision, and so are the operations: what a certificate says of the model
/// evaluated in this precision (`Proved`, its bounds for `f64` and `f32`) holds for the file, in every runtime that rounds each operation
/// to nearest in it. The order of the sums does not matter.
///
/// # Errors
/// [`ExportError`] if the file would be too large, or a number does not fit `f32`.
///
/// ```
/// use multigrade::export::{OnnxOptions, onnx};
/// use multigrade::{FitSettings, Grades, Precision, Samples, fit, silent};
/// let x: Vec<f64> = (0..60).map(|i| f64::from(i) / 59.0).collect();
/// let y: Vec<f64> = x.iter().map(|x| (x - 0.4).abs()).collect();
/// let settings = FitSettings { grades: Grades::Count(2), ..FitSettings::default() }.validate()?;
/// let model = fit(&Samples::new(1, 1, x, y, None)?, None, &settings, &mut silent())?.model;
/// let file = onnx(&model, OnnxOptions { precision: Precision::F64, staged: false })?;
/// assert_eq!(file.difference(&model), 0.0);
/// std::fs::write(std::env::temp_dir().join("model.onnx"), file.bytes)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn onnx(model: &Multigrade, options: OnnxOptions) -> Result<Onnx, ExportError> {
    let chain = Chain::new(model);
    let mut graph = Graph { precision: options.precision, nodes: Vec::new(), weights: Vec::new() };
    graph.check_size(&chain)?;
    let mut outputs = vec![value("y", options.precision, model.n_outputs())];
    let mut width = chain.inputs.columns();
    let mut units = graph.standardised(&chain.inputs)?;
    let last = chain.stages.len() - 1;
    for l in 0..=chain.layers.len() {
        if l > 0 {
            let layer = &chain.layers[l - 1];
            units = graph.layer(l, layer, &units, width)?;
            width = layer.iter().map(|group| group.neurons.len()).sum();
        }
        for (k, stage) in chain.stages.iter().enumerate().filter(|(_, stage)| stage.end == l) {
            if options.staged {
                let name = format!("grade_{}", k + 1);
                graph.stage(&name, stage, &chain.outputs, &units, width)?;
                outputs.push(value(&name, options.precision, model.n_outputs()));
            }
            if k == last {
                graph.stage("y", stage, &chain.outputs, &units, width)?;
            }
        }
    }
    let graph = Message::default()
        .messages(1, &graph.nodes)
        .text(2, "multigrade")
        .messages(5, &graph.weights)
        .message(11, &value("x", options.precision, model.n_inputs()))
        .messages(12, &outputs);
    let names = |names: Vec<&str>| serde_json::to_string(&names).unwrap_or_default();
    let entry = |key: &str, value: &str| Message::default().text(1, key).text(2, value);
    let imputation = model.schema().imputation.as_ref();
    let imputation = imputation.map(|it| entry("imputation", &serde_json::to_string(it).unwrap_or_default()));
    let bytes = Message::default()
        .number(1, IR_VERSION)
        .text(2, "multigrade")
        .text(3, env!("CARGO_PKG_VERSION"))
        .message(7, &graph)
        .message(8, &Message::default().text(1, "").number(2, OPERATORS))
        .message(14, &entry("inputs", &names(model.schema().input_names())))
        .message(14, &entry("outputs", &names(model.schema().output_names())))
        .messages(14, imputation.as_slice())
        .0;
    Ok(Onnx { bytes, chain, precision: options.precision })
}

/// A name with its type: rows of `columns` numbers.
fn value(name: &str, precision: Precision, columns: usize) -> Message {
    let any = Message::default().text(2, "n");
    let shape = Message::default().message(1, &any).message(1, &Message::default().number(1, columns as u64));
    let tensor = Message::default().number(1, element(precision)).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}

/// The format's number of a type of numbers.
fn element(precision: Precision) -> u64 {
    match precision {
        Precision::F32 => 1,
        Precision::F64 => 11,
    }
}

fn moves(scaling: &Scaling) -> bool {
    scaling.center().iter().any(|center| *center != 0.0)
}

fn stretches(scaling: &Scaling) -> bool {
    scaling.scale().iter().any(|scale| *scale != 1.0)
}

struct Graph {
    precision: Precision,
    nodes: Vec<Message>,
    weights: Vec<Message>,
}

impl Graph {
    fn check_size(&self, chain: &Chain) -> Result<(), ExportError> {
        let size = if self.precision == Precision::F64 { 8 } else { 4 };
        let mut width = chain.inputs.columns();
        let found = chain.layers.iter().fold(0_usize, |sum, layer| {
            let next: usize = layer.iter().map(|group| group.neurons.len()).sum();
            let numbers = next.saturating_mul(width + 1);
            width = next;
            sum.saturating_add(numbers.saturating_mul(size))
        });
        if found <= LIMIT { Ok(()) } else { Err(ExportError::TooLarge { found, limit: LIMIT }) }
    }

    /// Layer `l`; the answer is the name of its units.
    fn layer(
        &mut self,
        l: usize,
        layer: &[super::chain::Group],
        units: &str,
        width: usize,
    ) -> Result<String, ExportError> {
        let mut parts = Vec::new();
        for group in layer {
            let name = format!("layer_{l}_{}", group.activation);
            let sums = format!("{name}_sums");
            let operator = match group.activation {
                Activation::Identity => {
                    self.gemm(&name, &group.neurons, units, width)?;
                    parts.push(name);
                    continue;
                }
                Activation::Relu => "Relu",
                Activation::Tanh => "Tanh",
                Activation::Sin => "Sin",
                Activation::Square => "Mul",
            };
            self.gemm(&sums, &group.neurons, units, width)?;
            let read: &[&str] = if group.activation == Activation::Square { &[&sums, &sums] } else { &[&sums] };
            self.node(operator, read, &name, &[]);
            parts.push(name);
        }
        if parts.len() == 1 {
            return Ok(parts.swap_remove(0));
        }
        let (name, parts) = (format!("layer_{l}"), parts.iter().map(String::as_str).collect::<Vec<_>>());
        self.node("Concat", &parts, &name, &[("axis", 1)]);
        Ok(name)
    }

    /// The input `x` without its center, divided by its scale; the answer is the name of that.
    fn standardised(&mut self, scaling: &Scaling) -> Result<String, ExportError> {
        // A scale below the normal numbers would keep few of its digits, or none.
        let lost = |s: &&f64| self.precision == Precision::F32 && (**s as f32) < f32::MIN_POSITIVE;
        if let Some(found) = scaling.scale().iter().find(lost) {
            return Err(ExportError::Range { found: format!("{found:e}") });
        }
        let mut name = "x";
        if moves(scaling) {
            self.constant_node("Sub", name, scaling.center(), "x_centered")?;
            name = "x_centered";
        }
        if stretches(scaling) {
            self.constant_node("Div", name, scaling.scale(), "x_scaled")?;
            name = "x_scaled";
        }
        Ok(name.to_owned())
    }

    /// The prediction of a grade: its parts, their sum, and that in the units of the outputs.
    fn stage(
        &mut self,
        name: &str,
        stage: &Stage,
        scaling: &Scaling,
        units: &str,
        width: usize,
    ) -> Result<(), ExportError> {
        let (several, stretched, moved) = (stage.parts.len() > 1, stretches(scaling), moves(scaling));
        // The last step has the name of the output.
        let named = |step: &str, is_last: bool| if is_last { name.to_owned() } else { format!("{name}_{step}") };
        let parts = named("parts", !(several || stretched || moved));
        let sum = if several { named("sum", !(stretched || moved)) } else { parts.clone() };
        let scaled = if stretched { named("scaled", !moved) } else { sum.clone() };
        self.gemm(&parts, &stage.parts.concat(), units, width)?;
        if several {
            let outputs = scaling.columns();
            self.gemm(&sum, &stage.sums(), &parts, stage.parts.len() * outputs)?;
        }
        if stretched {
            self.constant_node("Mul", &sum, scaling.scale(), &scaled)?;
        }
        if moved {
            self.constant_node("Add", &scaled, scaling.center(), name)?;
        }
        Ok(())
    }

    /// `name = read operator numbers`, column by column.
    fn constant_node(&mut self, operator: &str, read: &str, numbers: &[f64], name: &str) -> Result<(), ExportError> {
        let constant = format!("{name}_constant");
        self.tensor(&constant, &[numbers.len()], numbers)?;
        self.node(operator, &[read, &constant], name, &[]);
        Ok(())
    }

    /// `name = units * weights^T + bias`.
    fn gemm(&mut self, name: &str, neurons: &[Affine], units: &str, width: usize) -> Result<(), ExportError> {
        let rows = neurons.len();
        let (mut weights, mut bias) = (vec![0.0; rows * width], Vec::with_capacity(rows));
        for (i, neuron) in neurons.iter().enumerate() {
            neuron.terms.iter().for_each(|&(unit, weight)| weights[i * width + unit] = weight);
            bias.push(neuron.constant);
        }
        let (w, b) = (format!("{name}_weights"), format!("{name}_bias"));
        self.tensor(&w, &[rows, width], &weights)?;
        self.tensor(&b, &[rows], &bias)?;
        self.node("Gemm", &[units, &w, &b], name, &[("transB", 1)]);
        Ok(())
    }

    fn node(&mut self, operator: &str, read: &[&str], name: &str, attributes: &[(&str, u64)]) {
        let node = read.iter().fold(Message::default(), |node, input| node.text(1, input));
        let node = node.text(2, name).text(3, name).text(4, operator);
        let node = attributes.iter().fold(node, |node, (name, number)| {
            node.message(5, &Message::default().text(1, name).number(3, *number).number(20, 2))
        });
        self.nodes.push(node);
    }

    fn tensor(&mut self, name: &str, shape: &[usize], numbers: &[f64]) -> Result<(), ExportError> {
        let bytes: Vec<u8> = match self.precision {
            Precision::F64 => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Precision::F32 => {
                if let Some(found) = numbers.iter().find(|x| !(**x as f32).is_finite()) {
                    return Err(ExportError::Range { found: format!("{found:e}") });
                }
                numbers.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect()
            }
        };
        let tensor = shape.iter().fold(Message::default(), |tensor, &size| tensor.number(1, size as u64));
        self.weights.push(tensor.number(2, element(self.precision)).text(8, name).bytes(9, &bytes));
        Ok(())
    }
}
