//! A file from a graph.

use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::build::{Field, Fields, file};
use super::lstm;
use super::schema::{
    IDENTIFIER, TYPES, VERSION, buffer, code, model, operator, operator_code, options, quantization, subgraph, tensor,
};
use crate::exchange::Unsupported;
use crate::exchange::graph::{Activation, Graph, Lstm, Node, Op, Padding, Pool, Scalar, Slice, Value};

/// The `.tflite` file of a graph, which LiteRT reads and [`read`](super::read) reads back.
///
/// A graph whose indices lead outside of it gives a file that neither reads.
///
/// # Errors
/// [`Unsupported`] names what LiteRT has no operator for: a GRU, which a `.nrv` file takes.
pub fn write(graph: &Graph) -> Result<Vec<u8>, Unsupported> {
    let mut writer = Writer {
        graph,
        codes: vec![],
        tensors: vec![],
        // The first is empty by agreement.
        buffers: vec![vec![]],
    };
    let starts = writer.starts();
    for (index, value) in graph.tensors.iter().enumerate() {
        // What a ring buffer begins with is what its variable is read to.
        let read = starts.as_ref().is_some_and(|starts| starts.read.contains(&index));
        writer.tensor(&Value { data: value.data.clone().filter(|_| !read), ..value.clone() });
    }
    let mut operators = vec![];
    if starts.is_some() {
        operators.push(writer.entry(
            (code::CALL_ONCE, 1),
            &[],
            &[],
            Some((options::CALL_ONCE, vec![(0, Field::i32(1))])),
        ));
    }
    for node in &graph.nodes {
        operators.extend(writer.operators(node)?);
    }
    let subgraph = vec![
        (subgraph::TENSORS, Field::Tables(writer.tensors)),
        (subgraph::INPUTS, indices(&graph.inputs)),
        (subgraph::OUTPUTS, indices(&graph.outputs)),
        (subgraph::OPERATORS, Field::Tables(operators)),
    ];
    let subgraphs = [Some(subgraph), starts.map(|starts| starts.subgraph)].into_iter().flatten().collect();
    let codes = writer.codes.into_iter().map(|(code, version)| {
        vec![
            (operator_code::DEPRECATED_BUILTIN_CODE, Field::u8(code.min(127) as u8)),
            (operator_code::VERSION, Field::i32(version)),
            (operator_code::BUILTIN_CODE, Field::i32(code as i32)),
        ]
    });
    let model = vec![
        (model::VERSION, Field::i32(VERSION as i32)),
        (model::OPERATOR_CODES, Field::Tables(codes.collect())),
        (model::SUBGRAPHS, Field::Tables(subgraphs)),
        (model::BUFFERS, Field::Tables(writer.buffers)),
    ];
    Ok(file(IDENTIFIER, &model))
}

fn indices(indices: &[usize]) -> Field {
    Field::i32s(indices.iter().map(|index| *index as i32))
}

struct Writer<'a> {
    graph: &'a Graph,
    /// Operators' codes and versions.
    codes: Vec<(usize, i32)>,
    tensors: Vec<Fields>,
    buffers: Vec<Fields>,
}

impl Writer<'_> {
    /// Appends a tensor; returns its index.
    fn tensor(&mut self, value: &Value) -> usize {
        let buffer = value.data.as_ref().map_or(0, |data| {
            // Kernels may load as many bytes at once.
            self.buffers.push(vec![(buffer::DATA, Field::bytes(data, 16))]);
            self.buffers.len() - 1
        });
        let name = match value.scalar {
            Scalar::F32 => "FLOAT32",
            Scalar::I8 => "INT8",
            Scalar::U8 => "UINT8",
            Scalar::I32 => "INT32",
            Scalar::I64 => "INT64",
        };
        let mut fields = vec![
            (tensor::SHAPE, indices(&value.shape)),
            (tensor::TYPE, kind(name)),
            (tensor::BUFFER, Field::i32(buffer as i32)),
            (tensor::NAME, Field::text(&value.name)),
        ];
        if let Some(quantization) = value.quantization.as_ref().filter(|_| value.scalar != Scalar::F32) {
            let table = self::quantization(&quantization.scales, &quantization.zero_points, quantization.axis);
            fields.push((tensor::QUANTIZATION, table));
        }
        self.tensors.push(fields);
        self.tensors.len() - 1
    }

    /// Appends a variable, or a tensor that only describes what is in between; returns its index.
    fn described(&mut self, shape: &[usize], name: &str, steps: Option<(f32, i32)>, variable: bool) -> Option<usize> {
        let mut fields = vec![
            (tensor::SHAPE, indices(shape)),
            (tensor::TYPE, kind(name)),
            (tensor::IS_VARIABLE, Field::bool(variable)),
        ];
        if let Some((scale, zero)) = steps {
            fields.push((tensor::QUANTIZATION, quantization(&[scale], &[zero], 0)));
        }
        self.tensors.push(fields);
        Some(self.tensors.len() - 1)
    }

    /// LiteRT's inputs of an LSTM, and its intermediates.
    fn lstm(&mut self, op: &Lstm, inputs: &[Option<usize>], units: usize) -> (Vec<Option<usize>>, Vec<usize>) {
        let (weights, biases) = inputs.split_at(inputs.len().min(lstm::input::X_AND_WEIGHTS.end));
        let mut all = vec![None; lstm::input::ALL];
        all.iter_mut().zip(weights).for_each(|(to, from)| *to = *from);
        all[lstm::input::BIASES].iter_mut().zip(biases).for_each(|(to, from)| *to = *from);
        let (steps, names) = match op.quantization {
            Some(found) => ([Some(found.state), Some((found.cell, 0))], ["INT8", "INT16"]),
            None => ([None; 2], ["FLOAT32"; 2]),
        };
        all[lstm::input::STATE] = self.described(&[1, units], names[0], steps[0], true);
        all[lstm::input::CELLS] = self.described(&[1, units], names[1], steps[1], true);
        let hidden = op.quantization.map(|found| found.hidden);
        let count = hidden.map_or(0, |_| lstm::INTERMEDIATES);
        (all, (0..count).filter_map(|_| self.described(&[1, units], "INT8", hidden, false)).collect())
    }

    /// Appends a constant; returns its index.
    fn integers(&mut self, shape: &[usize], values: impl IntoIterator<Item = i32>) -> Option<usize> {
        let data = values.into_iter().flat_map(i32::to_le_bytes).collect();
        Some(self.tensor(&Value {
            name: String::new(),
            shape: shape.into(),
            scalar: Scalar::I32,
            quantization: None,
            data: Some(data),
        }))
    }

    fn list(&mut self, values: impl ExactSizeIterator<Item = usize>) -> Option<usize> {
        self.integers(&[values.len()], values.map(|value| value as i32))
    }

    fn operators(&mut self, node: &Node) -> Result<Vec<Fields>, Unsupported> {
        let tensor = |index: Option<usize>| self.graph.tensors.get(index?);
        let from: &[usize] = tensor(node.inputs.first().copied().flatten()).map_or(&[], |value| &value.shape);
        let output = tensor(node.outputs.first().copied());
        let to: &[usize] = output.map_or(&[], |value| &value.shape);
        let mut inputs = node.inputs.clone();
        // LiteRT takes a bias that is left out at the end, not one that is told to be none.
        inputs.pop_if(|input| input.is_none());
        let mut intermediates = vec![];
        // The version is the first that has what is written here.
        let (code, version, tag, fields) = match &node.op {
            Op::FullyConnected { activation } => {
                // As many axes as the input's, or two.
                let keep = to.len() != 2;
                let fields = vec![(0, self::activation(*activation)), (2, Field::bool(keep))];
                (code::FULLY_CONNECTED, if keep { 5 } else { 4 }, options::FULLY_CONNECTED, fields)
            }
            Op::Conv2d(conv) => {
                let fields = vec![
                    (0, padding(conv.padding)),
                    (1, size(conv.strides[1])),
                    (2, size(conv.strides[0])),
                    (3, activation(conv.activation)),
                    (4, size(conv.dilation[1])),
                    (5, size(conv.dilation[0])),
                ];
                (code::CONV_2D, 3, options::CONV_2D, fields)
            }
            Op::DepthwiseConv2d(conv) => {
                let multiplier = to.last().zip(from.last()).map_or(1, |(outputs, channels)| outputs / channels.max(&1));
                let fields = vec![
                    (0, padding(conv.padding)),
                    (1, size(conv.strides[1])),
                    (2, size(conv.strides[0])),
                    (3, size(multiplier)),
                    (4, activation(conv.activation)),
                    (5, size(conv.dilation[1])),
                    (6, size(conv.dilation[0])),
                ];
                (code::DEPTHWISE_CONV_2D, 3, options::DEPTHWISE_CONV_2D, fields)
            }
            Op::TransposeConv(conv) => {
                // The shape of the output, then weights and input.
                let shape = self.list(to.iter().copied());
                inputs.swap(0, 1);
                inputs.insert(0, shape);
                let fields = vec![
                    (0, padding(conv.padding)),
                    (1, size(conv.strides[1])),
                    (2, size(conv.strides[0])),
                    (3, activation(conv.activation)),
                ];
                (code::TRANSPOSE_CONV, 4, options::TRANSPOSE_CONV, fields)
            }
            Op::AveragePool2d(pool) => (code::AVERAGE_POOL_2D, 2, options::POOL_2D, self::pool(pool)),
            Op::MaxPool2d(pool) => (code::MAX_POOL_2D, 2, options::POOL_2D, self::pool(pool)),
            Op::Add { activation } => (code::ADD, 2, options::ADD, vec![(0, self::activation(*activation))]),
            Op::Mul { activation } => (code::MUL, 2, options::MUL, vec![(0, self::activation(*activation))]),
            Op::Pad { margins } => {
                let margins_at = self.integers(&[margins.len(), 2], margins.iter().flatten().map(|n| *n as i32));
                inputs.insert(1, margins_at);
                (if inputs.len() > 2 { code::PADV2 } else { code::PAD }, 2, 0, vec![])
            }
            Op::Mean { axes, keep } => {
                inputs.push(self.list(axes.iter().copied()));
                (code::MEAN, 2, options::REDUCER, vec![(0, Field::bool(*keep))])
            }
            Op::Concatenation { axis } => (code::CONCATENATION, 2, options::CONCATENATION, vec![(0, size(*axis))]),
            Op::Softmax { beta } => (code::SOFTMAX, 2, options::SOFTMAX, vec![(0, Field::f32(*beta))]),
            Op::Logistic => (code::LOGISTIC, 2, 0, vec![]),
            Op::Tanh => (code::TANH, 2, 0, vec![]),
            Op::Relu => (code::RELU, 2, 0, vec![]),
            Op::Relu6 => (code::RELU6, 2, 0, vec![]),
            Op::ReluN1To1 => (code::RELU_N1_TO_1, 1, 0, vec![]),
            Op::HardSwish => (code::HARD_SWISH, 1, 0, vec![]),
            Op::Elu => (code::ELU, 1, 0, vec![]),
            Op::Gelu { approximate } => (code::GELU, 2, options::GELU, vec![(0, Field::bool(*approximate))]),
            Op::LeakyRelu { alpha } => (code::LEAKY_RELU, 2, options::LEAKY_RELU, vec![(0, Field::f32(*alpha))]),
            Op::PRelu => (code::PRELU, 1, 0, vec![]),
            Op::Quantize => (code::QUANTIZE, 2, 0, vec![]),
            Op::Dequantize => (code::DEQUANTIZE, 2, 0, vec![]),
            Op::Cast => (code::CAST, 1, 0, vec![]),
            Op::Gather => {
                // The table comes first.
                inputs.swap(0, 1);
                (code::GATHER, 2, options::GATHER, vec![(0, Field::i32(0))])
            }
            Op::Reshape => {
                inputs.push(self.list(to.iter().copied()));
                (code::RESHAPE, 1, options::RESHAPE, vec![(0, indices(to))])
            }
            Op::Squeeze { axes } => (code::SQUEEZE, 1, options::SQUEEZE, vec![(0, indices(axes))]),
            Op::Split { axis } => {
                let axis_at = self.integers(&[], [*axis as i32]);
                let count = node.outputs.len();
                let sizes: Vec<usize> = node
                    .outputs
                    .iter()
                    .map(|output| {
                        self.graph.tensors.get(*output).and_then(|value| value.shape.get(*axis)).map_or(0, |n| *n)
                    })
                    .collect();
                if sizes.windows(2).all(|pair| pair[0] == pair[1]) {
                    inputs.insert(0, axis_at);
                    (code::SPLIT, 2, options::SPLIT, vec![(0, size(count))])
                } else {
                    inputs.push(self.list(sizes.into_iter()));
                    inputs.push(axis_at);
                    (code::SPLIT_V, 2, options::SPLIT_V, vec![(0, size(count))])
                }
            }
            Op::StridedSlice { slices } => {
                let end = |slice: &Slice| slice.begin as i64 + slice.len as i64 * slice.step as i64;
                let count = [slices.len()];
                inputs.push(self.list(slices.iter().map(|slice| slice.begin)));
                inputs.push(self.integers(&count, slices.iter().map(|slice| end(slice).max(0) as i32)));
                inputs.push(self.integers(&count, slices.iter().map(|slice| slice.step as i32)));
                // Below 0, an end would count from the other side.
                let open = mask(slices, |slice| end(slice) < 0);
                let fields = vec![(1, Field::i32(open)), (4, Field::i32(mask(slices, |slice| slice.drop)))];
                (code::STRIDED_SLICE, 2, options::STRIDED_SLICE, fields)
            }
            Op::Transpose { order } => {
                inputs.push(self.list(order.iter().copied()));
                (code::TRANSPOSE, 2, 0, vec![])
            }
            Op::UnidirectionalSequenceLstm(lstm) => {
                (inputs, intermediates) = self.lstm(lstm, &node.inputs, to.last().copied().unwrap_or_default());
                let fields = vec![(0, Field::u8(lstm::TANH)), (1, Field::f32(lstm.cell_clip))];
                (code::UNIDIRECTIONAL_SEQUENCE_LSTM, 3, options::UNIDIRECTIONAL_SEQUENCE_LSTM, fields)
            }
            Op::Gru => {
                let what = "a GRU: take an `Lstm`, or write a .nrv file".into();
                return Err(Unsupported { by: "LiteRT", what });
            }
            Op::Ring => return Ok(self.ring(node)),
            Op::ResizeNearest { align_corners, half_pixel_centers } => {
                inputs.push(self.list(to.iter().skip(1).take(2).copied()));
                let fields = vec![(0, Field::bool(*align_corners)), (1, Field::bool(*half_pixel_centers))];
                (code::RESIZE_NEAREST_NEIGHBOR, 3, options::RESIZE_NEAREST, fields)
            }
        };
        let mut operator = self.entry((code, version), &inputs, &node.outputs, (tag != 0).then_some((tag, fields)));
        if !intermediates.is_empty() {
            operator.push((operator::INTERMEDIATES, indices(&intermediates)));
        }
        Ok(vec![operator])
    }

    fn entry(
        &mut self,
        code: (usize, i32),
        inputs: &[Option<usize>],
        outputs: &[usize],
        options: Option<(u8, Fields)>,
    ) -> Fields {
        let index = self.codes.iter().position(|known| *known == code).unwrap_or_else(|| {
            self.codes.push(code);
            self.codes.len() - 1
        });
        let mut operator = vec![
            (operator::OPCODE_INDEX, size(index)),
            (operator::INPUTS, Field::i32s(inputs.iter().map(|input| input.map_or(-1, |input| input as i32)))),
            (operator::OUTPUTS, indices(outputs)),
        ];
        if let Some((tag, fields)) = options {
            operator.push((operator::OPTIONS_TYPE, Field::u8(tag)));
            operator.push((operator::OPTIONS, Field::Table(fields)));
        }
        operator
    }

    /// The graph that assigns what ring buffers begin with; none if there are none.
    fn starts(&mut self) -> Option<Starts> {
        let rings = self.graph.nodes.iter().filter(|node| node.op == Op::Ring);
        let read: Vec<usize> = rings.filter_map(|node| node.inputs.get(1).copied().flatten()).collect();
        if read.is_empty() {
            return None;
        }
        let mut operators = vec![];
        for start in &read {
            let (handle, handle_at) = self.handle(*start);
            let value = self.graph.tensors.get(*start).map(|value| self.tensor(value));
            operators.push(handle);
            operators.push(self.entry((code::ASSIGN_VARIABLE, 1), &[Some(handle_at), value], &[], None));
        }
        let tensors = core::mem::take(&mut self.tensors);
        let subgraph = vec![
            (subgraph::TENSORS, Field::Tables(tensors)),
            (subgraph::INPUTS, indices(&[])),
            (subgraph::OUTPUTS, indices(&[])),
            (subgraph::OPERATORS, Field::Tables(operators)),
        ];
        Some(Starts { read, subgraph })
    }

    /// The handle of the variable whose ring buffer begins with a tensor: its operator, and the tensor that this writes.
    fn handle(&mut self, start: usize) -> (Fields, usize) {
        let name = format!("ring {start}");
        self.tensors.push(vec![(tensor::TYPE, kind("RESOURCE")), (tensor::NAME, Field::text(&name))]);
        let handle = self.tensors.len() - 1;
        let options = vec![(0, Field::text("")), (1, Field::text(&name))];
        (self.entry((code::VAR_HANDLE, 1), &[], &[handle], Some((options::VAR_HANDLE, options))), handle)
    }

    /// A ring buffer as LiteRT spells it out.
    fn ring(&mut self, node: &Node) -> Vec<Fields> {
        let (&[x, Some(before)], &[y]) = (&node.inputs[..], &node.outputs[..]) else { return vec![] };
        let (Some(kept), Some(whole)) = (self.graph.tensors.get(before), self.graph.tensors.get(y)) else {
            return vec![];
        };
        let (handle, handle_at) = self.handle(before);
        let axis = kept.shape.iter().zip(&whole.shape).position(|(kept, whole)| kept != whole).unwrap_or(0);
        let last = self.tensor(&Value { data: None, ..kept.clone() });
        let begin = whole.shape.iter().zip(&kept.shape).map(|(whole, kept)| whole.saturating_sub(*kept));
        let slice = [
            Some(y),
            self.list(begin.collect::<Vec<_>>().into_iter()),
            self.list(whole.shape.iter().copied()),
            self.list(whole.shape.iter().map(|_| 1)),
        ];
        let concatenation = Some((options::CONCATENATION, vec![(0, size(axis))]));
        vec![
            handle,
            self.entry((code::READ_VARIABLE, 1), &[Some(handle_at)], &[before], None),
            self.entry((code::CONCATENATION, 2), &[Some(before), x], &[y], concatenation),
            self.entry((code::STRIDED_SLICE, 2), &slice, &[last], Some((options::STRIDED_SLICE, vec![]))),
            self.entry((code::ASSIGN_VARIABLE, 1), &[Some(handle_at), Some(last)], &[], None),
        ]
    }
}

/// What ring buffers begin with.
struct Starts {
    /// The tensors.
    read: Vec<usize>,
    /// That assigns them.
    subgraph: Fields,
}

/// A tensor's type, by its name.
fn kind(name: &str) -> Field {
    Field::u8(TYPES.iter().position(|other| *other == name).unwrap_or_default() as u8)
}

fn quantization(scales: &[f32], zero_points: &[i32], axis: usize) -> Field {
    Field::Table(vec![
        (quantization::SCALE, Field::f32s(scales.iter().copied())),
        (quantization::ZERO_POINT, Field::i64s(zero_points.iter().map(|zero| i64::from(*zero)))),
        (quantization::QUANTIZED_DIMENSION, Field::i32(axis as i32)),
    ])
}

fn size(value: usize) -> Field {
    Field::i32(value as i32)
}

fn padding(padding: Padding) -> Field {
    Field::u8(match padding {
        Padding::Same => 0,
        Padding::Valid => 1,
    })
}

fn activation(activation: Activation) -> Field {
    Field::u8(match activation {
        Activation::None => 0,
        Activation::Relu => 1,
        Activation::ReluN1To1 => 2,
        Activation::Relu6 => 3,
    })
}

fn pool(pool: &Pool) -> Fields {
    vec![
        (0, padding(pool.padding)),
        (1, size(pool.strides[1])),
        (2, size(pool.strides[0])),
        (3, size(pool.window[1])),
        (4, size(pool.window[0])),
        (5, activation(pool.activation)),
    ]
}

/// Bit `i` says whether slice `i` is so.
fn mask(slices: &[Slice], so: impl Fn(&Slice) -> bool) -> i32 {
    slices.iter().enumerate().filter(|(_, slice)| so(slice)).map(|(axis, _)| 1_i32.wrapping_shl(axis as u32)).sum()
}
