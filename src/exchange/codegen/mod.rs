//! From a graph to a typed network: a Rust module, and a file of its constants.

use core::fmt::{self, Write};
use std::borrow::{Borrow, ToOwned};
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::float::Float;
use super::graph::{self, Graph, Op, Scalar, Value};
use super::lower::{Constants, Filling, Kernel, LowerError};
use crate::layers::{Activation, GlobalAvgPool, HardTanh, Linear, Relu, Relu6};
use crate::numbers::{Real, Tensors, fingerprint, mix};
use crate::quant::{AXES, AddFloats, Axis, Merge, MulFloats, Strided};
use crate::storage::flash::ConstantsFile;
use crate::storage::weights::{CRC, HEADER_LEN, Header};
use paths::{Paths, Step};

mod floats;
mod paths;
mod rings;
mod streamed;
mod whole;

pub use streamed::{LayerInStream, streamed};

/// Branches in branches, at most.
const DEPTH: usize = 32;

/// A network as a program's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The module `NAME.rs`.
    pub source: String,
    /// The file `NAME.nrv` beside it.
    pub weights: Vec<u8>,
    /// The file `NAME-head.nrv` beside it, if there is a head: what it begins with, as a [weights file](crate::weights).
    pub head: Option<Vec<u8>>,
}

/// Why no typed network can be made of a graph.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum GenerateError {
    /// An operator cannot be run at all.
    Lower(LowerError),
    /// No input, no output, or several of different types.
    Ends,
    /// A head learns from `int8` with one scale, or from `f32`, and this tensor is of others.
    Features(String),
    /// The operators are not in series, nor paths from one tensor that are joined again; or one has no typed layer.
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
            Self::Ends => write!(f, "a typed network's inputs have one type, and so have its outputs: use `nerve run`"),
            Self::Features(tensor) => {
                write!(f, "tensor `{tensor}` is neither of `int8` with one scale nor of `f32`: cut at another layer")
            }
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
///
/// What can run row by row has a `STREAMED` beside its `NET`: the same layers, the last of them as one where they wait for all rows.
///
/// Several inputs are one, each behind the one before it, and so are several outputs. A network with ring buffers takes the numbers of one
/// step after another: all of its layers are of rows of numbers, for a [`Stream`](crate::Stream); an [`Arena`](crate::Arena) makes the
/// first step.
pub fn generate(graph: &Graph, name: &str) -> Result<Generated, GenerateError> {
    module(graph, name, ["Net", "NET", "Output", "OUTPUT"])
}

/// What is to learn on top of a graph.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Numbers that it makes of the features.
    pub outputs: usize,
    /// The activation that follows the corrections of the features' scales and biases, if they are to be corrected.
    pub corrections: Option<graph::Activation>,
    /// The weights and biases that its dense layer begins with, as [`Graph::dense_behind`] gives them; zeros where they are not as many as it has.
    pub known: Option<&'a [f32]>,
}

/// The module and the constants of a graph whose output is a row of features, that of [`Graph::cut`], or features to correct, those of
/// [`Graph::cut_before_activation`], with a head: `Features`, a network in flash, `Head`, which is to learn from what it gives, and `Net`, both.
pub fn generate_with_head(graph: &Graph, name: &str, head: Head) -> Result<Generated, GenerateError> {
    let &[output] = &graph.outputs[..] else { return Err(GenerateError::Ends) };
    let features = &graph.tensors[output];
    let quantization = features.quantization.as_ref().map(|found| (&found.scales[..], &found.zero_points[..]));
    let (scale, zero_point) = match (features.scalar, quantization) {
        (Scalar::I8, Some(([scale], [zero_point]))) => (*scale, *zero_point),
        (Scalar::F32, _) => (1.0, 0),
        _ => return Err(GenerateError::Features(features.name.clone())),
    };
    let (pixels, count) = match *features.axes() {
        [pixels, channels] => (pixels, channels),
        _ => (1, features.elements()),
    };
    let outputs = head.outputs;
    let corrected = head.corrections.map_or(String::new(), |activation| {
        let mean = if pixels > 1 { "nerve::GlobalAvgPool,\n    " } else { "" };
        format!("nerve::ScaleShift<{count}, nerve::{}>,\n    {mean}", name_of_activation(activation))
    });
    let name_of_features = graph.fingerprint();
    let mut generated = module(graph, name, ["Features", "FEATURES", "Row", "ROW"])?;
    // What is written to a string always fits.
    let _ = write!(
        generated.source,
        "\n/// What learns from a row of features, a [`Row`]: the numbers that they mean, then weights. Its files name these features.\n\
         pub type Head = nerve::chain![\n    \
         nerve::OnFeatures<{name_of_features:#010x}, nerve::Standardize<{count}>>,\n    \
         {corrected}nerve::Dense<{count}, {outputs}>\n\
         ];\n\
         /// What the head begins with.\n\
         pub const HEAD: Head = nerve::include_weights!(Head, {:?});\n\
         /// What the head makes of a row, and so the network of an example.\n\
         pub type Output = [f32; {outputs}];\n\
         /// The whole network, of which [`FEATURES`] lies in flash and the head in RAM.\n\
         pub type Net<'a> = (&'a Features, &'a Head);\n",
        format!("{name}-head.nrv"),
    );
    let zeros = vec![0.0; (count + 1) * outputs];
    let dense = head.known.filter(|known| known.len() == zeros.len()).unwrap_or(&zeros);
    let mut elements = [vec![zero_point as f32; count], vec![scale; count]].concat();
    if head.corrections.is_some() {
        elements.extend([vec![1.0; count], vec![0.0; count]].concat());
    }
    elements.extend(dense);
    generated.head = Some(head_file(name_of_features, head_fingerprint(pixels, count, head), &elements));
    Ok(generated)
}

/// That of the type `Head`, of features that are `count` channels of some pixels.
fn head_fingerprint(pixels: usize, count: usize, head: Head) -> u32 {
    let mut layers = vec![fingerprint("Standardize", &[count])];
    if let Some(activation) = head.corrections {
        let activation = fingerprint(name_of_activation(activation), &[]);
        layers.push(mix(fingerprint("ScaleShift", &[count]), activation));
        if pixels > 1 {
            layers.push(<GlobalAvgPool as Tensors<f32>>::FINGERPRINT);
        }
    }
    layers.push(mix(fingerprint("Dense", &[count, head.outputs]), <Linear as Activation>::FINGERPRINT));
    layers.into_iter().reduce(mix).unwrap_or_default()
}

/// The library's layer.
fn name_of_activation(activation: graph::Activation) -> &'static str {
    match activation {
        graph::Activation::None => Linear::NAME,
        graph::Activation::Relu => Relu::NAME,
        graph::Activation::ReluN1To1 => HardTanh::NAME,
        graph::Activation::Relu6 => Relu6::NAME,
    }
}

/// A weights file of a `Head`, of features of this name.
fn head_file(features: u32, fingerprint: u32, elements: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = elements.iter().flat_map(|element| element.to_le_bytes()).collect();
    let mut file = vec![0; HEADER_LEN + 4];
    // It is as long as the header of a head.
    let _ = Header::new(f32::TAG, fingerprint, features, elements.len(), CRC.checksum(&bytes)).write(&mut file);
    file.extend(bytes);
    file
}

/// `names` are those of the network's type and of its value, and of its output's type and of what it means.
fn module(graph: &Graph, name: &str, names: [&str; 4]) -> Result<Generated, GenerateError> {
    let [net_type, net_value, output_type, output_name] = names;
    let paths = Paths::new(graph)?;
    let (input, output) = (paths.graph.inputs[0], paths.graph.outputs[0]);
    let steps = graph.nodes.iter().any(|node| node.op == Op::Ring);
    let used = vec![false; paths.steps.len()];
    let mut code = Code { used, paths, steps, kept: None, lets: String::new(), file: vec![] };
    let layers = code.parts(input, output, 0)?;
    let [streamed, stream] = stream(graph, &code, [input, output], &layers, net_value);
    let net = in_series(layers);
    let [input, output] = [input, output].map(|tensor| code.array(tensor));
    let Code { lets, file, .. } = code;
    let fingerprint = fingerprint(&[&net.ty[..], &lets, &net.value].concat(), &[]);
    let weights = [&ConstantsFile::header(fingerprint, &file)[..], &file].concat();
    let mut source = String::new();
    // What is written to a string always fits.
    let _ = write!(
        source,
        "#[allow(unused_imports)]\nuse nerve::quant;\n\n\
         /// One {}. `u8` are in it by their bits.\n\
         pub type Input = {};\n\
         /// What the network makes of one.\n\
         pub type {output_type} = {};\n\
         /// The network, from the model `{name}`.\n\
         pub type {net_type} = {};\n{streamed}\n\
         {}{}\
         /// The network, in flash.\n\
         #[allow(long_running_const_eval)]\n\
         pub static {net_value}: {net_type} = {{\n    \
         #[allow(unused_imports)]\n    \
         use nerve::quant::{{\n        \
         Add, AddFloats, Addend, AveragePool, Axis, Cast, Constant, Conv2d, Dequantize, DepthwiseConv2d, Each, Embedding,\n        \
         FullyConnected, Gru, Integer, Kept, Lstm, MaxPool, Mean, Merged, Mul, MulFloats, Multiplier, Nearest, Output, PRelu, Padded, Quantize, Recurrent, Reshape,\n        \
         ResizeNearest, Softmax, Strided, Table, TransposeConv, Weighted, Weights, Whole, Windowed,\n    \
         }};\n    \
         #[allow(dead_code)]\n    \
         const FILE: nerve::flash::ConstantsFile =\n        \
         nerve::flash::ConstantsFile::checked(include_bytes!({:?}), {fingerprint:#010x});\n\
         {lets}    {}\n}};\n{stream}",
        if steps { "step, which a stream takes" } else { "example" },
        input,
        output,
        net.ty,
        meanings("INPUT", "input", graph, &graph.inputs),
        meanings(output_name, "output", graph, &graph.outputs),
        format!("{name}.nrv"),
        net.value,
    );
    Ok(Generated { source, weights, head: None })
}

/// Type and value of the network as a stream takes it, if it can run row by row: with the last `layers` waiting for all rows where that takes less
/// memory.
fn stream(graph: &Graph, code: &Code, [input, output]: [usize; 2], layers: &[Part], net: &str) -> [String; 2] {
    let in_rows = code.steps || code.value(input).axes().len() > 1;
    let Some(series) = code.paths.series(input, output).ok().filter(|_| in_rows && streamed(graph).is_ok()) else {
        return [(); 2].map(|()| String::new());
    };
    let cut = if code.steps { None } else { whole::cut(&code.paths, &series) };
    // Where something is reshaped there are more layers than tensors.
    let name = |tensor: usize| format!("layer{tensor}");
    let cut = cut.and_then(|at| Some((at, layers.iter().position(|layer| layer.value == name(series[at - 1]))? + 1)));
    let types: Vec<&str> = layers.iter().map(|layer| &layer.ty[..]).collect();
    let chain = |len: usize| format!("&{net}{}", ".0".repeat(layers.len() - len));
    let (rest, ty, value) = match cut {
        None => (String::new(), format!("&'static {}", type_of(&types)), format!("&{net}")),
        Some((at, first)) => {
            let rest: Vec<_> = types[first..].iter().map(|ty| format!("&'static {ty}")).collect();
            let values = (first..layers.len()).map(|layer| chain(layer + 1) + ".1");
            let values = values.reduce(|chain, layer| format!("({chain}, {layer})")).unwrap_or_default();
            let from = code.array(series[at - 1]);
            (
                format!(
                    "/// The last layers, which wait for all rows in a stream.\npub type Rest = {};\n",
                    type_of(&rest)
                ),
                format!(
                    "(\n    &'static {},\n    quant::Whole<Rest, {{ nerve::arena_len::<Rest, {from}>() }}>,\n)",
                    type_of(&types[..first])
                ),
                format!("({}, quant::Whole({values}))", chain(first)),
            )
        }
    };
    [
        format!("{rest}/// The network as a `Stream` takes it.\npub type Streamed = {ty};\n"),
        format!("\n/// The network for a `Stream`.\npub static STREAMED: Streamed = {value};\n"),
    ]
}

/// A value's array, without its batch.
fn array_of(value: &Value) -> String {
    nested(scalar_of(value), value.axes())
}

fn scalar_of(value: &Value) -> &'static str {
    match value.scalar {
        Scalar::F32 => "f32",
        Scalar::I32 => "i32",
        _ => "i8",
    }
}

fn nested(scalar: &str, axes: &[usize]) -> String {
    axes.iter().rev().fold(scalar.to_owned(), |inner, length| format!("[{inner}; {length}]"))
}

/// What the integers of an end of the network mean; where each value of several lies.
fn meanings(name: &str, what: &str, graph: &Graph, values: &[usize]) -> String {
    let (mut text, mut at) = (String::new(), 0);
    for (i, value) in values.iter().map(|index| &graph.tensors[*index]).enumerate() {
        let (mut name, mut what) = (name.to_owned(), what.to_owned());
        if values.len() > 1 {
            let end = at + value.elements();
            name.push_str(&format!("_{i}"));
            what.push_str(&format!(" {i}, elements {at} to {} of all of them,", end - 1));
            at = end;
        }
        let quantization = value.quantization.as_ref().filter(|_| value.scalar != Scalar::F32);
        let quantization = quantization.map(|found| (&found.scales[..], &found.zero_points[..]));
        if let Some(([scale], [zero])) = quantization {
            text.push_str(&format!(
                "/// An integer `q` of the {what} means `{name}_SCALE * (q - {name}_ZERO_POINT)`.\n\
                 pub const {name}_SCALE: f32 = {scale:?};\n\
                 /// See [`{name}_SCALE`].\n\
                 pub const {name}_ZERO_POINT: i32 = {zero};\n\n"
            ));
        }
    }
    text
}

/// A layer's type, and the expression of its value.
struct Layer {
    ty: String,
    value: String,
}

/// A layer, and the arrays that it reads and writes.
struct Part {
    ty: String,
    value: String,
    from: String,
    to: String,
}

impl Part {
    fn reshape(from: String, to: String) -> Self {
        Self { ty: format!("quant::Reshape<{from}, {to}>"), value: "Reshape::new()".into(), from, to }
    }
}

/// Parts in series from one array to another, reshaped where they do not fit together.
fn series(parts: Vec<Part>, from: &str, to: &str) -> Layer {
    in_series(fitted(parts, from, to))
}

/// The layers of a [`series`].
fn fitted(parts: Vec<Part>, from: &str, to: &str) -> Vec<Part> {
    let (mut layers, mut at) = (vec![], from.to_owned());
    for part in parts {
        if part.from != at {
            layers.push(Part::reshape(at, part.from.clone()));
        }
        at = part.to.clone();
        layers.push(part);
    }
    if at != to || layers.is_empty() {
        layers.push(Part::reshape(at, to.to_owned()));
    }
    layers
}

fn in_series(layers: Vec<Part>) -> Layer {
    let types: Vec<_> = layers.iter().map(|layer| &layer.ty[..]).collect();
    let ty = type_of(&types);
    let value = layers.into_iter().map(|layer| layer.value).reduce(|chain, layer| format!("({chain}, {layer})"));
    Layer { ty, value: value.unwrap_or_default() }
}

/// Of layers in series.
fn type_of(layers: &[impl Borrow<str>]) -> String {
    match layers {
        [one] => one.borrow().into(),
        _ => format!("nerve::chain![\n    {}\n]", layers.join(",\n").replace('\n', "\n    ")),
    }
}

/// What joins two tensors.
struct Join {
    ty: String,
    value: String,
    /// The value with its tensors exchanged.
    exchanged: String,
    /// Whether it joins arrays of one type only.
    equal: bool,
}

/// A ring buffer: elements of the steps before, then those of `from`.
struct Kept {
    tensor: usize,
    from: String,
    whole: String,
    start: String,
}

impl Kept {
    /// The operator that reads it and makes `to`.
    fn layer(&self, op: &str, to: &str, value: &str) -> Layer {
        let Self { from, whole, start, .. } = self;
        Layer {
            ty: format!("quant::Kept<quant::{op}, {from}, {whole}, {to}>"),
            value: format!("Kept::new({value}, {start})"),
        }
    }
}

/// Whether the kernel is an [`Operator`](crate::quant::Operator), which makes one tensor of another one.
fn makes(kernel: &Kernel) -> bool {
    !matches!(
        kernel,
        Kernel::Table(_)
            | Kernel::Add(_)
            | Kernel::Mul(_)
            | Kernel::PRelu(..)
            | Kernel::Concatenation(_)
            | Kernel::Float(_)
    )
}

struct Code {
    paths: Paths,
    /// Tensors whose steps are in the network.
    used: Vec<bool>,
    /// Whether the network takes one step after another.
    steps: bool,
    /// The ring buffer in which the next operator's input lies.
    kept: Option<Kept>,
    /// A statement for each layer.
    lets: String,
    file: Vec<u8>,
}

impl Code {
    fn value(&self, tensor: usize) -> &Value {
        &self.paths.graph.tensors[tensor]
    }

    fn array(&self, tensor: usize) -> String {
        let value = self.value(tensor);
        if self.steps { nested(scalar_of(value), &[value.elements()]) } else { array_of(value) }
    }

    fn refuse<T>(&self, step: &Step, tensor: usize, why: &'static str) -> Result<T, GenerateError> {
        self.paths.refuse(step, tensor, why)
    }

    /// The layers between two tensors, through the first of which all paths to the second go.
    fn chain(&mut self, from: usize, to: usize, depth: usize) -> Result<Layer, GenerateError> {
        Ok(in_series(self.parts(from, to, depth)?))
    }

    /// The layers of a [`chain`](Self::chain), each for itself.
    fn parts(&mut self, from: usize, to: usize, depth: usize) -> Result<Vec<Part>, GenerateError> {
        let tensors = self.paths.series(from, to)?;
        let (mut at, mut parts) = (from, vec![]);
        for tensor in tensors.iter().copied() {
            let Some(step) = self.paths.steps[tensor].take() else { return Err(GenerateError::Ends) };
            if core::mem::replace(&mut self.used[tensor], true) {
                return self.refuse(&step, tensor, "is read inside and outside of branches");
            }
            match &step.kernel {
                Kernel::Ring(start) => self.kept = Some(self.ring(start, at, tensor)),
                // Of rows of numbers, nothing is another shape.
                Kernel::Copy if self.steps => {}
                kernel => {
                    parts.extend(self.copied(!makes(kernel)));
                    let from = self.kept.as_ref().map_or_else(|| self.array(at), |kept| kept.from.clone());
                    let layer = self.layer(&step, at, tensor, depth)?;
                    parts.push(self.part(tensor, layer, from, self.array(tensor)));
                }
            }
            self.paths.steps[tensor] = Some(step);
            at = tensor;
        }
        parts.extend(self.copied(true));
        Ok(fitted(parts, &self.array(from), &self.array(to)))
    }

    /// A layer as a statement of its own.
    fn part(&mut self, tensor: usize, layer: Layer, from: String, to: String) -> Part {
        let name = format!("layer{tensor}");
        // What is written to a string always fits.
        let _ = writeln!(self.lets, "    let {name} = {};", layer.value);
        Part { ty: layer.ty, value: name, from, to }
    }

    fn ring(&mut self, start: &[u8], from: usize, to: usize) -> Kept {
        // Mostly one number.
        let scalar = self.value(to).scalar;
        let one = start.get(..scalar.bytes()).filter(|one| start.chunks(one.len()).all(|other| other == *one));
        let start = constant(&mut self.file, scalar, one.unwrap_or(start));
        Kept { tensor: to, from: self.array(from), whole: self.array(to), start }
    }

    /// The layer that copies what lies in a ring buffer, if there is one and that is needed.
    fn copied(&mut self, needed: bool) -> Option<Part> {
        let kept = self.kept.take_if(|_| needed)?;
        let mut all = Strided { lengths: [1; AXES], steps: [0; AXES], first: 0 };
        (all.lengths[AXES - 1], all.steps[AXES - 1]) = (self.value(kept.tensor).elements(), 1);
        let (tensor, from, to) = (kept.tensor, kept.from.clone(), kept.whole.clone());
        let layer = kept.layer("Strided", &to, &format!("{all:?}"));
        Some(self.part(tensor, layer, from, to))
    }

    /// What makes the output of a step of the tensor `from`.
    fn layer(&mut self, step: &Step, from: usize, output: usize, depth: usize) -> Result<Layer, GenerateError> {
        let (x, to) = (self.array(from), self.array(output));
        let types = format!("{x}, {to}");
        let (steps, kept) = (self.steps, self.kept.take());
        let integer = |op: &str, value: String| match &kept {
            Some(kept) => kept.layer(op, &to, &value),
            None => {
                Layer { ty: format!("quant::Integer<quant::{op}, {types}>"), value: format!("Integer::new({value})") }
            }
        };
        // In a stream, it makes a row when its last one has come.
        let windowed = |op: &str, height: &Axis, value: String| {
            let (rows, stride) = (height.span(), height.stride);
            if steps || height.before >= rows {
                return integer(op, value);
            }
            Layer {
                ty: format!("quant::Windowed<quant::{op}, {types}, {rows}, {stride}>"),
                value: format!("Windowed::new({value})"),
            }
        };
        let scalar = scalar_of(self.value(output));
        Ok(match &step.kernel {
            Kernel::FullyConnected(op, constants) => {
                let value = weighted(&mut self.file, op, constants, words);
                let numbers = nested("i8", &[self.value(from).elements()]);
                if steps || numbers == x || self.value(output).axes().len() > 1 {
                    return Ok(integer("Weighted<quant::FullyConnected, i32>", value));
                }
                // Of an image, its numbers.
                let ty = format!("quant::Integer<quant::Weighted<quant::FullyConnected, i32>, {numbers}, {to}>");
                let part = Part { ty, value: format!("Integer::new({value})"), from: numbers, to: to.clone() };
                series(vec![part], &x, &to)
            }
            Kernel::Conv2d(op, constants) => {
                windowed("Weighted<quant::Conv2d, i32>", &op.height, weighted(&mut self.file, op, constants, words))
            }
            Kernel::DepthwiseConv2d(op, constants) => {
                windowed("Weighted<quant::DepthwiseConv2d>", &op.height, weighted(&mut self.file, op, constants, bytes))
            }
            Kernel::TransposeConv(op, constants) => {
                integer("Weighted<quant::TransposeConv>", weighted(&mut self.file, op, constants, bytes))
            }
            Kernel::Lstm(op, input, state) => {
                let ty = format!("Recurrent<quant::Lstm, {}>", state.biases.len() / 4);
                integer(&ty, recurrent(&mut self.file, op, [input, state]))
            }
            Kernel::Gru(op, input, state) => {
                let ty = format!("Recurrent<quant::Gru, {}>", state.biases.len() / 3);
                integer(&ty, recurrent(&mut self.file, op, [input, state]))
            }
            Kernel::AveragePool(op) => windowed("AveragePool", &op.height, format!("{op:?}")),
            Kernel::MaxPool(op) => windowed("MaxPool", &op.height, format!("{op:?}")),
            Kernel::Mean(op) => integer("Mean", format!("{op:?}")),
            Kernel::Softmax(op) => integer("Softmax", format!("{op:?}")),
            Kernel::Quantize(op) => integer("Quantize", format!("{op:?}")),
            Kernel::Dequantize(op) => integer("Dequantize", format!("{op:?}")),
            Kernel::Table(values) => {
                let values = bytes(&mut self.file, &values[..]);
                Layer { ty: format!("quant::Each<{to}>"), value: format!("Each::new(Table {{ values: {values} }})") }
            }
            Kernel::PRelu(op, slopes) => {
                let slopes = bytes(&mut self.file, slopes);
                Layer {
                    ty: format!("quant::Merged<quant::PRelu, {to}>"),
                    value: format!("Merged::new({op:?}, {slopes})"),
                }
            }
            Kernel::Copy | Kernel::Ring(_) => series(vec![], &x, &to),
            Kernel::Pad(part, filling) => {
                let value = match filling {
                    Filling::I8(value) => format!("{value}"),
                    Filling::F32(value) if value.is_finite() => format!("{value:?}"),
                    Filling::F32(_) => return self.refuse(step, output, "has a margin that is infinite or NaN"),
                };
                integer(&format!("Padded<{scalar}>"), format!("Padded {{ part: {part:?}, value: {value} }}"))
            }
            Kernel::Gather(parts) => integer("Strided", format!("{:?}", parts[0])),
            Kernel::Cast => integer("Cast", "Cast".into()),
            Kernel::Embedding(len) => {
                let table = &self.paths.graph.tensors[step.inputs[1]];
                let rows = constant(&mut self.file, table.scalar, table.data.as_deref().unwrap_or_default());
                integer(&format!("Embedding<'static, {scalar}>"), format!("Embedding {{ rows: {rows}, len: {len} }}"))
            }
            Kernel::ResizeNearest(op) => integer("ResizeNearest", format!("{op:?}")),
            Kernel::Add(op) => self.merge(step, from, output, depth, joined("Add", op))?,
            Kernel::Mul(op) => self.merge(step, from, output, depth, joined("Mul", op))?,
            Kernel::Concatenation(_) => self.concatenation(step, from, output, depth)?,
            Kernel::Float(_) if steps => {
                return self.refuse(step, output, "has no typed layer of floats between ring buffers yet");
            }
            Kernel::Float(Float::Mul(range)) => {
                self.merge(step, from, output, depth, joined("MulFloats", &MulFloats { range: *range }))?
            }
            Kernel::Float(Float::Add(range)) if !self.of_equal_length(step, output) => {
                self.merge(step, from, output, depth, joined("AddFloats", &AddFloats { range: *range }))?
            }
            Kernel::Float(Float::Add(range)) => {
                let f = floats::activation(*range).or_else(|why| self.refuse(step, output, why))?;
                let sum = || "nerve::Sum".to_owned();
                let join = Join { ty: sum(), value: sum(), exchanged: sum(), equal: true };
                let Layer { ty, value } = self.merge(step, from, output, depth, join)?;
                let sum = Part { ty, value, from: x.clone(), to: to.clone() };
                let f = (f != "Linear").then(|| floats::unit(f, [to.clone(), to.clone()]));
                series([Some(sum), f].into_iter().flatten().collect(), &x, &to)
            }
            Kernel::Float(float) => {
                let op = &self.paths.graph.nodes[step.operator].op;
                match floats::layers(&mut self.file, op, float, &self.paths.graph.tensors[from]) {
                    Ok(parts) => series(parts, &x, &to),
                    Err(why) => return self.refuse(step, output, why),
                }
            }
        })
    }

    /// Whether a step's inputs are as long as its output.
    fn of_equal_length(&self, step: &Step, output: usize) -> bool {
        step.inputs.iter().all(|input| self.value(*input).elements() == self.value(output).elements())
    }

    /// What makes of `from` a tensor that is joined, as `array`.
    fn path(&mut self, from: usize, tensor: usize, array: &str, depth: usize) -> Result<Layer, GenerateError> {
        let x = self.array(from);
        if let Some(data) = &self.paths.graph.tensors[tensor].data {
            let values = constant(&mut self.file, self.paths.graph.tensors[tensor].scalar, data);
            return Ok(Layer { ty: format!("quant::Constant<{array}>"), value: format!("Constant::new({values})") });
        }
        let Layer { ty, value } = self.chain(from, tensor, depth + 1)?;
        let part = Part { ty, value, from: x.clone(), to: self.array(tensor) };
        Ok(series(vec![part], &x, array))
    }

    /// Two tensors to be joined as `from` goes past one path or into both; the arrays are those that the join reads.
    fn join(
        &mut self,
        from: usize,
        tensors: [usize; 2],
        arrays: [&str; 2],
        join: (String, String),
        depth: usize,
    ) -> Result<Layer, GenerateError> {
        let ([a, b], (ty, value)) = (tensors, join);
        let right = self.path(from, b, arrays[1], depth)?;
        if a == from && arrays[0] == self.array(from) {
            let value = format!("nerve::Around {{ path: {}, join: {value} }}", right.value);
            return Ok(Layer { ty: format!("nerve::Around<{}, {ty}>", right.ty), value });
        }
        let left = self.path(from, a, arrays[0], depth)?;
        Ok(Layer {
            ty: format!("nerve::Branches<{}, {}, {ty}>", left.ty, right.ty),
            value: format!("nerve::Branches {{ left: {}, right: {}, join: {value} }}", left.value, right.value),
        })
    }

    /// Channels side by side; along another axis than the last one, as rows of what lies behind the axis.
    fn concatenation(&mut self, step: &Step, from: usize, output: usize, depth: usize) -> Result<Layer, GenerateError> {
        let &[a, b] = &step.inputs[..] else { return self.refuse(step, output, "has no typed layer yet") };
        if depth == DEPTH {
            return self.refuse(step, output, "lies in too many branches");
        }
        let (y, axis) = (self.value(output), self.paths.concatenated(step.operator));
        let rows: usize = y.shape[..axis].iter().product();
        let direct =
            if self.steps { rows == 1 } else { axis + 1 == y.shape.len() && y.axes().len() <= 3 && y.shape.len() > 1 };
        let channels = y.elements() / rows;
        let scalar = scalar_of(y);
        let array = |tensor: usize| {
            let row = self.value(tensor).elements() / rows;
            match direct {
                true => self.array(tensor),
                false if self.steps => nested(scalar, &[1, rows, row]),
                false => nested(scalar, &[rows, row]),
            }
        };
        let [of_a, of_b, of_y] = [a, b, output].map(array);
        let concat = format!("nerve::Concat<{channels}>");
        let name = "nerve::Concat".to_owned();
        let Layer { ty, value } = self.join(from, [a, b], [&of_a, &of_b], (concat, name), depth)?;
        let x = self.array(from);
        Ok(series(vec![Part { ty, value, from: x.clone(), to: of_y }], &x, &self.array(output)))
    }

    /// A sum or product. The shorter of the tensors is repeated; one may be the tensor `from` itself, or a constant.
    fn merge(
        &mut self,
        step: &Step,
        from: usize,
        output: usize,
        depth: usize,
        join: Join,
    ) -> Result<Layer, GenerateError> {
        let &[a, b] = &step.inputs[..] else { return self.refuse(step, output, "has no typed layer yet") };
        if depth == DEPTH {
            return self.refuse(step, output, "lies in too many branches");
        }
        let whole = |tensor: usize| self.value(tensor).elements() == self.value(output).elements();
        let is_constant = |tensor: usize| self.value(tensor).data.is_some();
        // What is written over comes first: it is as long as the output, and is the tensor itself where that is possible.
        let exchange = !whole(a) || whole(b) && a != from && (b == from || is_constant(a));
        let ([a, b], value) = if exchange { ([b, a], join.exchanged) } else { ([a, b], join.value) };
        let (x, y) = (self.array(from), self.array(output));
        let of_b = if join.equal { y.clone() } else { self.array(b) };
        let part = if a == from && is_constant(b) && !join.equal {
            let tensor = &self.paths.graph.tensors[b];
            let data = constant(&mut self.file, tensor.scalar, tensor.data.as_deref().unwrap_or_default());
            let ty = format!("quant::Merged<{}, {y}>", join.ty);
            Part { ty, value: format!("Merged::new({value}, {data})"), from: y.clone(), to: y.clone() }
        } else {
            let Layer { ty, value } = self.join(from, [a, b], [&y, &of_b], (join.ty, value), depth)?;
            Part { ty, value, from: x.clone(), to: y.clone() }
        };
        Ok(series(vec![part], &x, &y))
    }
}

fn joined(name: &str, op: &(impl Merge + fmt::Debug)) -> Join {
    Join {
        ty: format!("quant::{name}"),
        value: format!("{op:?}"),
        exchanged: format!("{:?}", op.exchanged()),
        equal: false,
    }
}

/// `put` puts the weights into the file.
fn weighted<W>(
    file: &mut Vec<u8>,
    op: &impl fmt::Debug,
    constants: &Constants<W>,
    put: fn(&mut Vec<u8>, &[W]) -> String,
) -> String {
    format!("Weighted {{\n        op: {op:?},\n        weights: {},\n    }}", weights(file, constants, put))
}

fn recurrent(file: &mut Vec<u8>, op: &impl fmt::Debug, constants: [&Constants<i32>; 2]) -> String {
    let [input, state] = constants.map(|constants| weights(file, constants, words));
    format!("Recurrent {{\n        op: {op:?},\n        input: {input},\n        state: {state},\n    }}")
}

/// Puts the constants of a product into the file, its weights by `put`; the expression that borrows them.
fn weights<W>(file: &mut Vec<u8>, constants: &Constants<W>, put: fn(&mut Vec<u8>, &[W]) -> String) -> String {
    let Constants { weights, biases, mantissas, shifts, rests } = constants;
    let (weights, biases) = (put(file, weights), words(file, biases));
    let (mantissas, shifts) = (words(file, mantissas), bytes(file, shifts));
    format!(
        "Weights {{\n            weights: {weights},\n            biases: {biases},\n            \
         mantissas: {mantissas},\n            shifts: {shifts},\n            rests: &{rests:?},\n        }}"
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

/// Puts a tensor into the file; the expression that reads its elements.
fn constant(file: &mut Vec<u8>, scalar: Scalar, data: &[u8]) -> String {
    match scalar {
        Scalar::F32 => {
            let at = file.len();
            file.extend(data);
            format!("&const {{ FILE.floats::<{}>({at}) }}", data.len() / 4)
        }
        Scalar::I32 => {
            words(file, &data.as_chunks().0.iter().map(|word| i32::from_le_bytes(*word)).collect::<Vec<_>>())
        }
        _ => bytes(file, &data.iter().map(|x| *x as i8).collect::<Vec<_>>()),
    }
}

/// Puts the elements of a layer of floats into the file; the expression that makes the layer of them.
fn source(file: &mut Vec<u8>, ty: &str, elements: Vec<f32>) -> String {
    let (at, len) = (file.len(), 4 * elements.len());
    file.extend(elements.iter().flat_map(|x| x.to_le_bytes()));
    format!(
        "{{\n        struct Elements;\n        impl nerve::flash::Source for Elements {{\n            \
         const ELEMENTS: &'static [u8] = FILE.part({at}, {len});\n        }}\n        \
         <{ty} as nerve::flash::FromSource<Elements>>::NETWORK\n    }}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Dense, OnFeatures, ScaleShift, Standardize};
    use crate::numbers::Zero;
    use crate::storage::weights;

    const FEATURES: u32 = 7;

    #[test]
    fn a_head_begins_with_its_file() {
        type Of<const FEATURES: u32> = (OnFeatures<FEATURES, Standardize<2>>, Dense<2, 3>);
        let elements: Vec<f32> = (0..13).map(|i| i as f32).collect();
        let (mut head, mut other) = (Of::<FEATURES>::ZERO, Of::<8>::ZERO);
        let fingerprint = head_fingerprint(1, 2, Head { outputs: 3, corrections: None, known: None });
        let file = head_file(FEATURES, fingerprint, &elements);
        weights::load(&mut head, &file).unwrap();
        assert!(weights::load(&mut other, &file).is_err());
        let dense = Dense::new([[4.0, 5.0, 6.0], [7.0, 8.0, 9.0]], [10.0, 11.0, 12.0]);
        assert_eq!(head, (OnFeatures(Standardize::new([0.0, 1.0], [2.0, 3.0])), dense));
    }

    #[test]
    fn a_head_with_corrections_too() {
        type First = OnFeatures<FEATURES, Standardize<2>>;
        type OfRow = ((First, ScaleShift<2, Relu6>), Dense<2, 3>);
        type OfImage = (((First, ScaleShift<2>), GlobalAvgPool), Dense<2, 3>);
        let of = |pixels, activation| {
            let head = Head { outputs: 3, corrections: Some(activation), known: None };
            head_file(FEATURES, head_fingerprint(pixels, 2, head), &[1.0; 17])
        };
        let (row, image) = (of(1, graph::Activation::Relu6), of(9, graph::Activation::None));
        let (mut of_row, mut of_image) = (OfRow::ZERO, OfImage::ZERO);
        weights::load(&mut of_row, &row).unwrap();
        weights::load(&mut of_image, &image).unwrap();
        assert!(weights::load(&mut of_row, &image).is_err());
    }
}
