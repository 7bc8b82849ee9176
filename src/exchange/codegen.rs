//! From a graph to a typed network: a Rust module, and a file of its constants.

use core::fmt::{self, Write};
use std::borrow::ToOwned;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::graph::{Graph, Scalar, Value};
use super::lower::{Constants, Filling, Kernel, LowerError, Step, lower};
use crate::quant::{ConstantsFile, Merge};

/// Branches in branches, at most.
const DEPTH: usize = 32;

/// A network as a program's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The module `NAME.rs`.
    pub source: String,
    /// The file `NAME.nrv` beside it.
    pub weights: Vec<u8>,
}

/// Why no typed network can be made of a graph.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum GenerateError {
    /// An operator cannot be run at all.
    Lower(LowerError),
    /// Not one input and one output.
    Ends,
    /// The operators are not in series, nor two paths from one tensor that are added or multiplied.
    Untyped {
        /// Number of the operator, and its name.
        operator: (usize, &'static str),
        /// The tensor that it writes.
        tensor: String,
        /// What is at fault.
        why: &'static str,
    },
}

impl fmt::Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Lower(error) => error.fmt(f),
            Self::Ends => write!(f, "a typed network has one input and one output: use `nerve run`"),
            Self::Untyped { operator: (index, name), tensor, why } => {
                write!(f, "operator {index} ({name}): tensor `{tensor}`: {why}: use `nerve run`")
            }
        }
    }
}

impl core::error::Error for GenerateError {}

impl From<LowerError> for GenerateError {
    fn from(error: LowerError) -> Self {
        Self::Lower(error)
    }
}

/// The module and the constants of a graph. `name` is that of both files, without their endings.
pub fn generate(graph: &Graph, name: &str) -> Result<Generated, GenerateError> {
    let steps = lower(graph)?;
    let (&[input], &[output]) = (&graph.inputs[..], &graph.outputs[..]) else { return Err(GenerateError::Ends) };
    let paths = Paths::new(graph, &steps, input)?;
    let mut code =
        Code { graph, steps: &steps, paths, used: vec![false; steps.len()], lets: String::new(), file: vec![] };
    let net = code.chain(input, output, 0)?;
    if let Some(step) = code.used.iter().position(|used| !used) {
        return code.refuse(step, "its output is not used");
    }
    let Code { lets, file, .. } = code;
    let mut source = String::new();
    let (from, to) = (&graph.tensors[input], &graph.tensors[output]);
    // What is written to a string always fits.
    let _ = write!(
        source,
        "use nerve::quant;\n\n\
         /// One example. `u8` are in it by their bits.\n\
         pub type Input = {};\n\
         /// What the network makes of one.\n\
         pub type Output = {};\n\
         /// The network, from the LiteRT model `{name}`.\n\
         pub type Net = {};\n\
         \n\
         {}{}\
         /// The network, in flash.\n\
         #[allow(long_running_const_eval)]\n\
         pub static NET: Net = {{\n    \
         #[allow(unused_imports)]\n    \
         use nerve::quant::{{\n        \
         Add, Addend, Around, AveragePool, Axis, Branches, ConstantsFile, Conv2d, Dequantize, DepthwiseConv2d, Each,\n        \
         FullyConnected, Integer, MaxPool, Mean, Merged, Mul, Multiplier, Nearest, Output, Padded, Quantize, Reshape,\n        \
         ResizeNearest, Softmax, Strided, Table, Weighted, Weights,\n    \
         }};\n    \
         #[allow(dead_code)]\n    \
         const FILE: ConstantsFile =\n        \
         ConstantsFile::checked(include_bytes!({:?}), {}, {:#010x});\n\
         {lets}    {}\n}};\n",
        array(from),
        array(to),
        net.ty,
        meaning("INPUT", "input", from),
        meaning("OUTPUT", "output", to),
        format!("{name}.nrv"),
        file.len(),
        ConstantsFile::checksum(&file),
        net.value,
    );
    Ok(Generated { source, weights: file })
}

/// A value's array, without its batch.
fn array(value: &Value) -> String {
    let scalar = if value.scalar == Scalar::F32 { "f32" } else { "i8" };
    let axes = match &value.shape[..] {
        [1, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    axes.iter().rev().fold(scalar.to_owned(), |inner, length| format!("[{inner}; {length}]"))
}

/// What the integers of an end of the network mean.
fn meaning(name: &str, what: &str, value: &Value) -> String {
    match value.quantization.as_ref().map(|found| (&found.scales[..], &found.zero_points[..])) {
        Some(([scale], [zero])) => format!(
            "/// An integer `q` of the {what} means `{name}_SCALE * (q - {name}_ZERO_POINT)`.\n\
             pub const {name}_SCALE: f32 = {scale:?};\n\
             /// See [`{name}_SCALE`].\n\
             pub const {name}_ZERO_POINT: i32 = {zero};\n\n"
        ),
        _ => String::new(),
    }
}

/// Where each tensor comes from.
struct Paths {
    /// The step that writes it.
    writer: Vec<Option<usize>>,
    /// The last tensor through which all paths to it go, and the number of such tensors before it.
    before: Vec<Option<(usize, usize)>>,
}

impl Paths {
    fn new(graph: &Graph, steps: &[Step], input: usize) -> Result<Self, GenerateError> {
        let mut paths = Self { writer: vec![None; graph.tensors.len()], before: vec![None; graph.tensors.len()] };
        paths.before[input] = Some((input, 0));
        for (index, step) in steps.iter().enumerate() {
            let [output] = step.outputs[..] else { return refuse(graph, step, index, "has several outputs") };
            let mut inputs = step.inputs.iter().copied().filter(|input| graph.tensors[*input].data.is_none());
            let mut all = inputs.next();
            for other in inputs {
                all = all.and_then(|first| paths.meet(first, other));
            }
            let depth = all.and_then(|all| Some((all, paths.before[all]?.1 + 1)));
            let Some(before) = depth else { return refuse(graph, step, index, "reads a constant as its input") };
            paths.writer[output] = Some(index);
            paths.before[output] = Some(before);
        }
        Ok(paths)
    }

    /// The last tensor through which all paths to both go.
    fn meet(&self, mut a: usize, mut b: usize) -> Option<usize> {
        while a != b {
            let ((before_a, depth_a), (before_b, depth_b)) = (self.before[a]?, self.before[b]?);
            if depth_a >= depth_b {
                a = before_a;
            } else {
                b = before_b;
            }
        }
        Some(a)
    }
}

fn refuse<T>(graph: &Graph, step: &Step, index: usize, why: &'static str) -> Result<T, GenerateError> {
    let name = graph.nodes.get(index).map_or("", |node| node.op.name());
    let tensor = step.outputs.first().and_then(|output| graph.tensors.get(*output));
    let tensor = tensor.map(|value| value.name.clone()).unwrap_or_default();
    Err(GenerateError::Untyped { operator: (index, name), tensor, why })
}

/// A layer's type, and the expression of its value.
struct Layer {
    ty: String,
    value: String,
}

struct Code<'g> {
    graph: &'g Graph,
    steps: &'g [Step],
    paths: Paths,
    /// Steps that are in the network.
    used: Vec<bool>,
    /// A statement for each layer.
    lets: String,
    file: Vec<u8>,
}

impl Code<'_> {
    fn refuse<T>(&self, step: usize, why: &'static str) -> Result<T, GenerateError> {
        refuse(self.graph, &self.steps[step], step, why)
    }

    /// The layers between two tensors, through the first of which all paths to the second go.
    fn chain(&mut self, from: usize, to: usize, depth: usize) -> Result<Layer, GenerateError> {
        let mut tensors = vec![];
        let mut at = to;
        while at != from {
            tensors.push(at);
            let Some((before, _)) = self.paths.before[at].filter(|(before, _)| *before != at) else {
                return Err(GenerateError::Ends);
            };
            at = before;
        }
        let mut layers = vec![];
        for tensor in tensors.into_iter().rev() {
            let Some(step) = self.paths.writer[tensor] else { return Err(GenerateError::Ends) };
            if core::mem::replace(&mut self.used[step], true) {
                return self.refuse(step, "is read inside and outside of two branches");
            }
            layers.push(self.layer(step, at, depth)?);
            at = tensor;
        }
        let types: Vec<_> = layers.iter().map(|layer| &layer.ty[..]).collect();
        let ty = match &types[..] {
            [] => {
                let array = array(&self.graph.tensors[from]);
                let ty = format!("quant::Reshape<{array}, {array}>");
                return Ok(Layer { ty, value: "Reshape::new()".into() });
            }
            [one] => (*one).into(),
            _ => format!("nerve::chain![\n    {}\n]", types.join(",\n").replace('\n', "\n    ")),
        };
        let value = layers.into_iter().map(|layer| layer.value).reduce(|chain, layer| format!("({chain}, {layer})"));
        Ok(Layer { ty, value: value.unwrap_or_default() })
    }

    /// What makes the output of a step of the tensor `from`.
    fn layer(&mut self, step: usize, from: usize, depth: usize) -> Result<Layer, GenerateError> {
        let Step { kernel, inputs, outputs } = &self.steps[step];
        let value = |index: usize| &self.graph.tensors[index];
        let to = array(value(outputs[0]));
        let types = format!("{}, {to}", array(value(from)));
        let integer =
            |op: &str, value: String| (format!("Integer<quant::{op}, {types}>"), format!("Integer::new({value})"));
        let (ty, value) = match kernel {
            Kernel::FullyConnected(op, constants) => {
                integer("Weighted<quant::FullyConnected, i32>", weighted(&mut self.file, op, constants, words))
            }
            Kernel::Conv2d(op, constants) => {
                integer("Weighted<quant::Conv2d, i32>", weighted(&mut self.file, op, constants, words))
            }
            Kernel::DepthwiseConv2d(op, constants) => {
                integer("Weighted<quant::DepthwiseConv2d>", weighted(&mut self.file, op, constants, bytes))
            }
            Kernel::AveragePool(op) => integer("AveragePool", format!("{op:?}")),
            Kernel::MaxPool(op) => integer("MaxPool", format!("{op:?}")),
            Kernel::Mean(op) => integer("Mean", format!("{op:?}")),
            Kernel::Softmax(op) => integer("Softmax", format!("{op:?}")),
            Kernel::Quantize(op) => integer("Quantize", format!("{op:?}")),
            Kernel::Dequantize(op) => integer("Dequantize", format!("{op:?}")),
            Kernel::Table(values) => {
                let values = bytes(&mut self.file, &values[..]);
                (format!("Each<{to}>"), format!("Each::new(Table {{ values: {values} }})"))
            }
            Kernel::Copy => (format!("Reshape<{types}>"), "Reshape::new()".into()),
            Kernel::Float(_) => return self.refuse(step, "operators of floats have no typed layers yet"),
            _ if value(outputs[0]).scalar == Scalar::F32 => {
                return self.refuse(step, "operators of floats have no typed layers yet");
            }
            Kernel::Pad(part, Filling::I8(value)) => {
                integer("Padded", format!("Padded {{ part: {part:?}, value: {value} }}"))
            }
            Kernel::Gather(parts) if parts.len() == 1 => integer("Strided", format!("{:?}", parts[0])),
            Kernel::ResizeNearest(op) => integer("ResizeNearest", format!("{op:?}")),
            Kernel::Add(op) => self.merge(step, inputs, from, depth, "Add", op)?,
            Kernel::Mul(op) => self.merge(step, inputs, from, depth, "Mul", op)?,
            _ => return self.refuse(step, "has no typed layer yet"),
        };
        let name = format!("layer{step}");
        // What is written to a string always fits.
        let _ = writeln!(self.lets, "    let {name} = {value};");
        Ok(Layer { ty: format!("quant::{ty}"), value: name })
    }

    /// Two paths from one tensor. The shorter of their outputs is repeated; one path may be the tensor itself.
    fn merge(
        &mut self,
        step: usize,
        inputs: &[usize],
        from: usize,
        depth: usize,
        name: &str,
        op: &(impl Merge + fmt::Debug),
    ) -> Result<(String, String), GenerateError> {
        let &[a, b] = inputs else { return self.refuse(step, "has no typed layer yet") };
        if depth == DEPTH {
            return self.refuse(step, "lies in too many branches");
        }
        let output = self.steps[step].outputs[0];
        let fits = |index: usize| array(&self.graph.tensors[index]) == array(&self.graph.tensors[output]);
        // What is written over comes first: it has the shape of the output, and is the tensor itself where that is possible.
        let exchange = !fits(a) || b == from && fits(b) && a != from;
        let (a, b) = if exchange { (b, a) } else { (a, b) };
        if !fits(a) {
            return self.refuse(step, "changes the number of axes");
        }
        let op = if exchange { op.exchanged() } else { *op };
        if [a, b].iter().any(|index| self.graph.tensors[*index].data.is_some()) {
            let Some(data) = self.graph.tensors[b].data.as_ref().filter(|_| a == from) else {
                return self.refuse(step, "has a constant that is larger than the tensor");
            };
            let constant = bytes(&mut self.file, &data.iter().map(|x| *x as i8).collect::<Vec<_>>());
            let ty = format!("Merged<quant::{name}, {}>", array(&self.graph.tensors[a]));
            return Ok((ty, format!("Merged::new({op:?}, {constant})")));
        }
        let right = self.chain(from, b, depth + 1)?;
        if a == from {
            let ty = format!("Around<{}, quant::{name}>", right.ty);
            return Ok((ty, format!("Around {{ path: {}, op: {op:?} }}", right.value)));
        }
        let left = self.chain(from, a, depth + 1)?;
        let ty = format!("Branches<{}, {}, quant::{name}>", left.ty, right.ty);
        Ok((ty, format!("Branches {{ left: {}, right: {}, op: {op:?} }}", left.value, right.value)))
    }
}

/// `put` puts the weights into the file.
fn weighted<W>(
    file: &mut Vec<u8>,
    op: &impl fmt::Debug,
    constants: &Constants<W>,
    put: fn(&mut Vec<u8>, &[W]) -> String,
) -> String {
    let Constants { weights, biases, mantissas, shifts, rests } = constants;
    let (weights, biases) = (put(file, weights), words(file, biases));
    let (mantissas, shifts) = (words(file, mantissas), bytes(file, shifts));
    format!(
        "Weighted {{\n        op: {op:?},\n        weights: Weights {{\n            weights: {weights},\n            biases: {biases},\n            \
         mantissas: {mantissas},\n            shifts: {shifts},\n            rests: &{rests:?},\n        }},\n    }}"
    )
}

/// Puts bytes into the file; the expression that reads them.
fn bytes(file: &mut Vec<u8>, data: &[i8]) -> String {
    let at = file.len();
    file.extend(data.iter().map(|x| *x as u8));
    format!("&const {{ FILE.bytes::<{}>({at}) }}", data.len())
}

/// Puts words into the file; the expression that reads them.
fn words(file: &mut Vec<u8>, data: &[i32]) -> String {
    let at = file.len();
    file.extend(data.iter().flat_map(|x| x.to_le_bytes()));
    format!("&const {{ FILE.words::<{}>({at}) }}", data.len())
}
