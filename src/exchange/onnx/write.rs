//! A typed network as ONNX.

use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use prost::Message;

use crate::exchange::{Describe, Description, Joined, Kind, Module, Parameter, Unsupported, shape};
use crate::kernels::Axis;
use crate::layers::EPSILON;
use crate::numbers::{Real, Tensor};

/// Operators of this version are used; `onnxruntime` 1.17 and later have them.
const OPSET: i64 = 20;
const IR_VERSION: i64 = 9;

/// `net`, which takes inputs `X`, as the bytes of an ONNX file.
///
/// # Errors
/// [`Unsupported`] names what ONNX does not have.
pub fn export<X: Tensor, N: Describe<X>>(net: &N) -> Result<Vec<u8>, Unsupported> {
    let mut description = Description::of::<X, N>();
    description.channels_last();
    if let Some(what) = description.refused {
        return Err(Unsupported { by: "ONNX", what });
    }
    let mut scalars = Vec::with_capacity(N::LEN);
    net.visit(&mut |tensor| scalars.extend(tensor.iter().copied().map(Some)));
    let mut graph =
        Graph { scalars, nodes: Vec::new(), initializers: Vec::new(), value: "input".into(), forks: Vec::new() };
    description.modules.iter().for_each(|module| graph.module(module));
    graph.node("Identity", &[&graph.value.clone()], vec![]);
    if let Some(last) = graph.nodes.last_mut() {
        last.output = vec!["output".into()];
    }
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "nerve".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(GraphProto {
            node: graph.nodes,
            name: "nerve".into(),
            initializer: graph.initializers,
            input: vec![value_info::<X>("input")],
            output: vec![value_info::<N::Out>("output")],
        }),
        opset_import: vec![OperatorSetIdProto { version: OPSET }],
    };
    Ok(model.encode_to_vec())
}

/// The nodes so far.
struct Graph<T> {
    /// The network's scalars. Of several elements that lie in one place, the first takes it and the others are 0.
    scalars: Vec<Option<T>>,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    /// What the last node has written.
    value: String,
    /// What the branches that are open began with.
    forks: Vec<String>,
}

impl<T: Real> Graph<T> {
    /// Appends a node that reads `inputs`.
    fn node(&mut self, operator: &str, inputs: &[&str], attribute: Vec<AttributeProto>) {
        self.value = format!("{}_{}", operator.to_lowercase(), self.nodes.len());
        self.nodes.push(NodeProto {
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec![self.value.clone()],
            name: self.value.clone(),
            op_type: operator.into(),
            attribute,
        });
    }

    /// Appends a node that reads what the last one has written, then the `others`.
    fn next(&mut self, operator: &str, others: &[String], attribute: Vec<AttributeProto>) {
        let value = self.value.clone();
        let inputs: Vec<&str> = [value.as_str()].into_iter().chain(others.iter().map(String::as_str)).collect();
        self.node(operator, &inputs, attribute);
    }

    fn constant(&mut self, name: &str, shape: &[usize], data_type: DataType, raw_data: Vec<u8>) -> String {
        let name = format!("{}_{name}", self.nodes.len());
        self.initializers.push(TensorProto {
            dims: ints(shape),
            data_type: data_type as i32,
            name: name.clone(),
            raw_data,
        });
        name
    }

    fn integers(&mut self, name: &str, shape: &[usize], values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, shape, DataType::Int64, bytes)
    }

    /// The elements of `parameter`.
    fn elements(&mut self, parameter: &Parameter) -> Vec<T> {
        parameter.at.iter().map(|at| self.scalars.get_mut(*at).and_then(Option::take).unwrap_or(T::ZERO)).collect()
    }

    fn scalars(&mut self, name: &str, shape: &[usize], elements: &[T]) -> String {
        let mut bytes = Vec::with_capacity(size_of_val(elements));
        for element in elements {
            let mut buffer = [0; 8];
            bytes.extend_from_slice(postcard::to_slice(element, &mut buffer).unwrap_or_default());
        }
        self.constant(name, shape, DataType::of::<T>(), bytes)
    }

    /// The parameters of `module`, as they are.
    fn parameters(&mut self, module: &Module) -> Vec<String> {
        let mut names = Vec::new();
        for parameter in &module.parameters {
            let elements = self.elements(parameter);
            names.push(self.scalars(parameter.name, &parameter.shape, &elements));
        }
        names
    }

    /// A node for each parameter of channels, which have axes of length 1 behind them.
    fn of_channels(&mut self, module: &Module, pixel: &[usize], ops: [&str; 2]) {
        for (parameter, op) in module.parameters.iter().zip(ops) {
            let elements = self.elements(parameter);
            let constant = self.scalars(parameter.name, &[&parameter.shape[..], pixel].concat(), &elements);
            self.next(op, &[constant], vec![]);
        }
    }

    fn module(&mut self, module: &Module) {
        match &module.kind {
            Kind::Standardize { pixel } => self.of_channels(module, pixel, ["Sub", "Mul"]),
            Kind::ScaleShift { pixel } => self.of_channels(module, pixel, ["Mul", "Add"]),
            // Weights that have learned to be rounded are floats like others.
            Kind::Rounding => {}
            Kind::Linear => {
                let parameters = self.parameters(module);
                self.next("Gemm", &parameters, vec![int("transB", 1)]);
            }
            Kind::Conv { axes, groups } => {
                let parameters = self.parameters(module);
                let attributes = geometry(axes).into_iter().chain([int("group", *groups as i64)]).collect();
                self.next("Conv", &parameters, attributes);
            }
            Kind::BatchNorm => {
                let parameters = self.parameters(module);
                self.next("BatchNormalization", &parameters, vec![float("epsilon", EPSILON)]);
            }
            Kind::ConvTranspose { kernel, stride, padding, more } => {
                let parameters = self.parameters(module);
                let attributes = vec![
                    list("kernel_shape", &[*kernel; 2]),
                    list("strides", &[*stride; 2]),
                    list("pads", &[*padding; 4]),
                    list("output_padding", more),
                ];
                self.next("ConvTranspose", &parameters, attributes);
            }
            Kind::LayerNorm => {
                let parameters = self.parameters(module);
                self.next("LayerNormalization", &parameters, vec![float("epsilon", EPSILON)]);
            }
            Kind::Attention { heads } => self.attention(module, *heads),
            Kind::Embedding => {
                self.next("Cast", &[], vec![int("to", DataType::Int64 as i64)]);
                let [rows] = &self.parameters(module)[..] else { return };
                let numbers = self.value.clone();
                self.node("Gather", &[rows, &numbers], vec![]);
            }
            Kind::Pool { name, axes } => self.next(name, &[], geometry(axes)),
            Kind::GlobalAvgPool => {
                self.next("GlobalAveragePool", &[], vec![]);
                self.next("Flatten", &[], vec![]);
            }
            Kind::Flatten => self.next("Flatten", &[], vec![]),
            Kind::Activation(name) => self.activation(name),
            Kind::Softmax { axis } => self.next("Softmax", &[], vec![int("axis", *axis as i64 + 1)]),
            Kind::PRelu { pixel } => {
                let Some(slopes) = module.parameters.first() else { return };
                let elements = self.elements(slopes);
                let slopes = self.scalars("slope", &[&slopes.shape[..], pixel].concat(), &elements);
                self.next("PRelu", &[slopes], vec![]);
            }
            // ONNX has the update gate before the reset gate.
            Kind::Gru { units } => self.recurrent("GRU", module, *units, &[1, 0, 2], &[int("linear_before_reset", 1)]),
            // And input, output and forget gate before the candidate.
            Kind::Lstm { units } => self.recurrent("LSTM", module, *units, &[0, 3, 1, 2], &[]),
            Kind::Last { axis } => {
                let last = self.integers("last", &[], &[-1]);
                self.next("Gather", &[last], vec![int("axis", *axis as i64 + 1)]);
            }
            Kind::Transpose(order) => {
                self.transpose(&[&[0][..], &order.iter().map(|axis| axis + 1).collect::<Vec<_>>()].concat())
            }
            Kind::Fork => self.forks.push(self.value.clone()),
            Kind::Other => {
                if let Some(fork) = self.forks.last_mut() {
                    core::mem::swap(fork, &mut self.value);
                }
            }
            Kind::Join { joined, axis } => {
                let inputs = [self.forks.pop().unwrap_or_default(), self.value.clone()];
                let inputs = inputs.each_ref().map(String::as_str);
                match joined {
                    Joined::Sum => self.node("Add", &inputs, vec![]),
                    Joined::Concat => self.node("Concat", &inputs, vec![int("axis", *axis as i64 + 1)]),
                }
            }
        }
    }

    fn activation(&mut self, name: &str) {
        match name {
            "LeakyRelu" => self.next("LeakyRelu", &[], vec![float("alpha", 0.01)]),
            "Relu6" => self.clip(0.0, 6.0),
            "HardTanh" => self.clip(-1.0, 1.0),
            "HardSigmoid" => self.next("HardSigmoid", &[], vec![float("alpha", 1.0 / 6.0)]),
            "Silu" => {
                let x = self.value.clone();
                self.next("Sigmoid", &[], vec![]);
                self.next("Mul", &[x], vec![]);
            }
            "GeluTanh" => self.next("Gelu", &[], vec![text("approximate", "tanh")]),
            name => self.next(name, &[], vec![]),
        }
    }

    /// Heads as an axis before the rows; ONNX's own operator is newer than most of what reads it.
    fn attention(&mut self, module: &Module, heads: usize) {
        let [in_weight, in_bias, out_weight, out_bias] = &module.parameters[..] else { return };
        let channels = in_bias.at.len() / 3;
        let (weights, biases) = (self.elements(in_weight), self.elements(in_bias));
        let x = self.value.clone();
        let mut parts = weights.chunks_exact((channels * channels).max(1)).zip(biases.chunks_exact(channels.max(1)));
        let mut part = |graph: &mut Self, order: &[usize]| {
            let Some((weights, biases)) = parts.next() else { return };
            graph.value.clone_from(&x);
            graph.product(weights, biases);
            let split = graph.integers("heads", &[4], &[0, 0, heads as i64, (channels / heads) as i64]);
            graph.next("Reshape", &[split], vec![]);
            graph.transpose(order);
        };
        part(self, &[0, 2, 1, 3]);
        let queries = self.value.clone();
        part(self, &[0, 2, 3, 1]);
        let keys = core::mem::replace(&mut self.value, queries);
        self.next("MatMul", &[keys], vec![]);
        let scale = self.number("scale", 1.0 / libm::sqrt((channels / heads) as f64));
        self.next("Mul", &[scale], vec![]);
        self.next("Softmax", &[], vec![int("axis", -1)]);
        let weighted = self.value.clone();
        part(self, &[0, 2, 1, 3]);
        let values = core::mem::replace(&mut self.value, weighted);
        self.next("MatMul", &[values], vec![]);
        self.transpose(&[0, 2, 1, 3]);
        let joined = self.integers("channels", &[3], &[0, 0, channels as i64]);
        self.next("Reshape", &[joined], vec![]);
        let (weights, biases) = (self.elements(out_weight), self.elements(out_bias));
        self.product(&weights, &biases);
    }

    /// Of each row, `[outputs, inputs]` weights and biases.
    fn product(&mut self, weights: &[T], biases: &[T]) {
        let (outputs, inputs) = (biases.len(), weights.len() / biases.len().max(1));
        let turned: Vec<T> = (0..weights.len()).map(|i| weights[i % outputs * inputs + i / outputs]).collect();
        let weights = self.scalars("weight", &[inputs, outputs], &turned);
        self.next("MatMul", &[weights], vec![]);
        let biases = self.scalars("bias", &[outputs], biases);
        self.next("Add", &[biases], vec![]);
    }

    /// One number as it is.
    fn number(&mut self, name: &str, value: f64) -> String {
        self.scalars(name, &[], &[T::of(value)])
    }

    fn clip(&mut self, least: f64, greatest: f64) {
        let ends = [self.number("least", least), self.number("greatest", greatest)];
        self.next("Clip", &ends, vec![]);
    }

    fn transpose(&mut self, order: &[usize]) {
        self.next("Transpose", &[], vec![list("perm", order)]);
    }

    /// ONNX has the steps before the batch, one axis more for the direction, and gates in an order of its own.
    fn recurrent(
        &mut self,
        operator: &'static str,
        module: &Module,
        units: usize,
        gates: &[usize],
        attributes: &[AttributeProto],
    ) {
        let mut matrices = Vec::new();
        let mut biases = Vec::new();
        for parameter in &module.parameters {
            let elements = self.elements(parameter);
            let parts: Vec<_> = elements.chunks_exact(elements.len() / gates.len()).collect();
            let elements = gates.iter().map(|gate| parts[*gate]).collect::<Vec<_>>().concat();
            match parameter.shape[..] {
                [rows, columns] => matrices.push(self.scalars(parameter.name, &[1, rows, columns], &elements)),
                _ => biases.extend(elements),
            }
        }
        let bias = self.scalars("bias", &[1, biases.len()], &biases);
        self.transpose(&[1, 0, 2]);
        let inputs = matrices.into_iter().chain([bias]).collect::<Vec<_>>();
        self.next(operator, &inputs, [&[int("hidden_size", units as i64)], attributes].concat());
        let direction = self.integers("direction", &[1], &[1]);
        self.next("Squeeze", &[direction], vec![]);
        self.transpose(&[1, 0, 2]);
    }
}

fn ints(values: &[usize]) -> Vec<i64> {
    values.iter().map(|value| *value as i64).collect()
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i: Some(value), r#type: AttributeType::Int as i32, ..Default::default() }
}

/// Of a window that moves along `axes`. ONNX does not count padding in averages.
fn geometry(axes: &[Axis]) -> Vec<AttributeProto> {
    let each = |name, value: fn(&Axis) -> usize| list(name, &axes.iter().map(value).collect::<Vec<_>>());
    let pads: Vec<_> = axes.iter().map(|axis| axis.padding).chain(axes.iter().map(|axis| axis.behind())).collect();
    let mut attributes =
        vec![each("kernel_shape", |axis| axis.kernel), each("strides", |axis| axis.stride), list("pads", &pads)];
    // An average has none.
    if axes.iter().any(|axis| axis.dilation > 1) {
        attributes.push(each("dilations", |axis| axis.dilation));
    }
    attributes
}

fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        s: Some(value.as_bytes().into()),
        r#type: AttributeType::String as i32,
        ..Default::default()
    }
}

fn list(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto { name: name.into(), ints: ints(values), r#type: AttributeType::Ints as i32, ..Default::default() }
}

fn float(name: &str, value: f64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        f: Some(value as f32),
        r#type: AttributeType::Float as i32,
        ..Default::default()
    }
}

/// Batches of `X`.
fn value_info<X: Tensor>(name: &str) -> ValueInfoProto {
    let batch = Dimension { dim_value: None, dim_param: Some("batch".into()) };
    let axes = shape::<X>().into_iter().map(|length| Dimension { dim_value: Some(length as i64), dim_param: None });
    let shape = TensorShapeProto { dim: [batch].into_iter().chain(axes).collect() };
    let tensor_type = TensorTypeProto { elem_type: DataType::of::<X::Elem>() as i32, shape: Some(shape) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

#[derive(Clone, Copy)]
enum DataType {
    Float = 1,
    Int64 = 7,
    Double = 11,
}

impl DataType {
    fn of<T: Real>() -> Self {
        if T::TAG == 4 { Self::Float } else { Self::Double }
    }
}

enum AttributeType {
    Float = 1,
    Int = 2,
    String = 3,
    Ints = 7,
}

// The part of onnx.proto3 that is needed, <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3>.

#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(string, tag = "2")]
    producer_name: String,
    #[prost(string, tag = "3")]
    producer_version: String,
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSetIdProto>,
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSetIdProto {
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<AttributeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(float, optional, tag = "2")]
    f: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    i: Option<i64>,
    #[prost(bytes = "vec", optional, tag = "4")]
    s: Option<Vec<u8>>,
    #[prost(int64, repeated, tag = "8")]
    ints: Vec<i64>,
    #[prost(int32, tag = "20")]
    r#type: i32,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfoProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    r#type: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeProto {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorShapeProto {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(int64, optional, tag = "1")]
    dim_value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    dim_param: Option<String>,
}
