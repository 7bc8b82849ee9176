//! A graph, operator by operator, as values of [`quant`](crate::quant) with their constants: for the executor and for code.
//!
//! Each operator has its shape rule and its checks beside it. What is not supported is refused by name; nothing that is quantised runs in
//! floats.

mod each;
mod embedding;
mod error;
mod moves;
mod pairs;
mod pool;
mod recurrent;
mod reduce;
#[cfg(test)]
mod tests;
mod weighted;

pub use error::{LowerError, Unfit};
pub use weighted::Constants;

use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use super::float::Float;
use super::graph::{Activation, Graph, Node, Op, Padding, Scalar, Value};
use crate::quant::{
    AXES, Add, AveragePool, Conv2d, DepthwiseConv2d, Dequantize, FullyConnected, Gru, Lstm, MaxPool, Mean, Mul, Output,
    PRelu, Quantize, ResizeNearest, Softmax, Strided, Table, TransposeConv,
};

/// One operator of a graph.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is run.
    pub kernel: Kernel,
    /// Tensors of the graph, among them constants that are not in the kernel.
    pub inputs: Vec<usize>,
    /// Tensors of the graph.
    pub outputs: Vec<usize>,
}

/// What a step runs.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // As the types that they hold.
pub enum Kernel {
    FullyConnected(FullyConnected, Constants<i32>),
    Conv2d(Conv2d, Constants<i32>),
    DepthwiseConv2d(DepthwiseConv2d, Constants),
    TransposeConv(TransposeConv, Constants),
    /// The constants of the input, and those of the output before.
    Lstm(Lstm, Constants<i32>, Constants<i32>),
    /// Likewise.
    Gru(Gru, Constants<i32>, Constants<i32>),
    AveragePool(AveragePool),
    MaxPool(MaxPool),
    Add(Add),
    Mul(Mul),
    /// With its slopes.
    PRelu(PRelu, Vec<i8>),
    Mean(Mean),
    Softmax(Softmax),
    /// The values of a [`Table`](crate::quant::Table).
    Table(Box<[i8; 256]>),
    Quantize(Quantize),
    Dequantize(Dequantize),
    /// The same elements.
    Copy,
    /// The output is filled with a value (of floats or of integers), then the input is scattered.
    Pad(Strided, Filling),
    /// Each input is scattered.
    Concatenation(Vec<Strided>),
    /// Each output is gathered.
    Gather(Vec<Strided>),
    Cast,
    /// The second input is the table; numbers in a row of it.
    Embedding(usize),
    ResizeNearest(ResizeNearest),
    /// What came before, as many elements as these, then the input: at the first run these, as the bytes of the tensor.
    Ring(Vec<u8>),
    /// Any operator of floats.
    Float(Float),
}

/// What a margin is filled with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Filling {
    /// Of integers; `u8` by its bits.
    I8(i8),
    /// Of floats.
    F32(f32),
}

/// The steps of a graph, in its order.
pub fn lower(graph: &Graph) -> Result<Vec<Step>, LowerError> {
    let mut written = vec![false; graph.tensors.len()];
    for (index, value) in graph.tensors.iter().enumerate() {
        check(value)?;
        written[index] = value.data.is_some();
    }
    for input in &graph.inputs {
        match written.get_mut(*input) {
            Some(written) if !*written => *written = true,
            _ => return Err(LowerError::graph(Unfit::Order)),
        }
    }
    let mut steps = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let at = At { graph, node, index };
        for input in node.inputs.iter().flatten() {
            if written.get(*input) != Some(&true) {
                return at.refuse(graph.tensors.get(*input), Unfit::Order);
            }
        }
        for output in &node.outputs {
            match written.get_mut(*output) {
                Some(written) if !*written => *written = true,
                _ => return at.refuse(graph.tensors.get(*output), Unfit::Order),
            }
        }
        steps.push(step(&at)?);
    }
    if graph.outputs.iter().any(|output| written.get(*output) != Some(&true)) {
        return Err(LowerError::graph(Unfit::Order));
    }
    let mut ends = graph.inputs.iter().chain(&graph.outputs).filter_map(|index| graph.tensors.get(*index));
    match ends.find(|value| value.scalar == Scalar::I64) {
        Some(value) => Err(LowerError::tensor(value, Unfit::Type(value.scalar))),
        None => Ok(steps),
    }
}

/// The steps, with margins in the convolutions that alone read them, and in tables the steps to other scales that alone read what they write.
/// Nothing stands where such an operator was.
pub(super) fn fused(graph: &Graph, steps: Vec<Step>) -> Vec<Option<Step>> {
    let mut steps: Vec<_> = steps.into_iter().map(Some).collect();
    let (readers, taken_in) = (readers(graph), taken_in(graph));
    // The table that writes a tensor which is read once.
    let mut tables = vec![None; graph.tensors.len()];
    for at in 0..steps.len() {
        let Some(step) = steps[at].take() else { continue };
        match &step.kernel {
            Kernel::Pad(..) => {
                if let Some(Some(reader)) = taken_in[at].map(|reader| steps[reader].as_mut()) {
                    take_in(&graph.nodes[at], step, reader);
                    continue;
                }
            }
            Kernel::Table(values) => {
                let (x, y) = (step.inputs[0], step.outputs[0]);
                let before = tables[x].filter(|_| graph.nodes[at].op == Op::Quantize);
                let last = before.unwrap_or(at);
                tables[y] = (readers[y].0 == 1).then_some(last);
                if let Some(Step { kernel: Kernel::Table(first), outputs, .. }) =
                    before.and_then(|at| steps[at].as_mut())
                {
                    Table { values }.run_in_place(&mut first[..]);
                    *outputs = step.outputs;
                    continue;
                }
            }
            _ => {}
        }
        steps[at] = Some(step);
    }
    steps
}

/// How often each tensor is read, by nodes and as an output, and by which node.
fn readers(graph: &Graph) -> Vec<(usize, usize)> {
    let mut readers = vec![(0, usize::MAX); graph.tensors.len()];
    for (at, node) in graph.nodes.iter().enumerate() {
        for input in node.inputs.iter().flatten() {
            if let Some(read) = readers.get_mut(*input) {
                *read = (read.0 + 1, at);
            }
        }
    }
    for output in &graph.outputs {
        if let Some(read) = readers.get_mut(*output) {
            read.0 += 1;
        }
    }
    readers
}

/// For each node, the convolution that takes it in if it is a margin: the only one that reads it, if each of its windows has a tap in the image.
pub(super) fn taken_in(graph: &Graph) -> Vec<Option<usize>> {
    let readers = readers(graph);
    let taken_in = |node: &Node| {
        let (Op::Pad { margins }, &[Some(_)], &[y]) = (&node.op, &node.inputs[..], &node.outputs[..]) else {
            return None;
        };
        let (&[[0, 0], rows, columns, [0, 0]], &(1, at)) = (&margins[..], readers.get(y)?) else { return None };
        let reader = graph.nodes.get(at).filter(|reader| reader.inputs.first() == Some(&Some(y)))?;
        let (Op::Conv2d(conv) | Op::DepthwiseConv2d(conv)) = &reader.op else { return None };
        let &[_, height, width, _] = &graph.tensors.get((*reader.inputs.get(1)?)?)?.shape[..] else { return None };
        let kernel = [(rows, height, conv.dilation[0]), (columns, width, conv.dilation[1])];
        let reaches = |([before, after], taps, dilation): ([usize; 2], usize, usize)| {
            before.max(after) <= taps.saturating_sub(1).saturating_mul(dilation)
        };
        (conv.padding == Padding::Valid && kernel.into_iter().all(reaches)).then_some(at)
    };
    graph.nodes.iter().map(taken_in).collect()
}

/// Puts a margin into the convolution that reads it.
fn take_in(node: &Node, margin: Step, convolution: &mut Step) {
    let (Op::Pad { margins }, Step { kernel, inputs, .. }) = (&node.op, convolution) else { return };
    let (height, width) = match kernel {
        Kernel::Conv2d(op, _) => (&mut op.height, &mut op.width),
        Kernel::DepthwiseConv2d(op, _) => (&mut op.height, &mut op.width),
        Kernel::Float(Float::Conv2d { height, width, .. } | Float::DepthwiseConv2d { height, width, .. }) => {
            (height, width)
        }
        _ => return,
    };
    for (axis, [before, after]) in [height, width].into_iter().zip(&margins[1..]) {
        axis.input -= before + after;
        axis.before = *before;
    }
    *inputs = margin.inputs;
}

/// Whether a tensor agrees with itself.
fn check(value: &Value) -> Result<(), LowerError> {
    let bytes = value.shape.iter().try_fold(value.scalar.bytes(), |bytes, length| bytes.checked_mul(*length));
    let bytes = bytes.filter(|bytes| *bytes <= i32::MAX as usize && !value.shape.contains(&0));
    let agrees = value.data.as_ref().is_none_or(|data| Some(data.len()) == bytes) && value.shape.len() <= AXES;
    if agrees && bytes.is_some() { Ok(()) } else { Err(LowerError::tensor(value, Unfit::Size)) }
}

fn step(at: &At) -> Result<Step, LowerError> {
    let kernel = match &at.node.op {
        Op::FullyConnected { activation } => weighted::fully_connected(at, *activation),
        Op::Conv2d(conv) => weighted::conv(at, conv),
        Op::DepthwiseConv2d(conv) => weighted::depthwise(at, conv),
        Op::TransposeConv(conv) => weighted::transposed(at, conv),
        Op::AveragePool2d(pool) => pool::average(at, pool),
        Op::MaxPool2d(pool) => pool::max(at, pool),
        Op::Add { activation } => pairs::add(at, *activation),
        Op::Mul { activation } => pairs::mul(at, *activation),
        Op::PRelu => pairs::prelu(at),
        Op::Pad { margins } => moves::pad(at, margins),
        Op::Mean { axes, keep } => reduce::mean(at, axes, *keep),
        Op::Concatenation { axis } => moves::concatenation(at, *axis),
        Op::Softmax { beta } => reduce::softmax(at, *beta),
        Op::Logistic
        | Op::Tanh
        | Op::Relu
        | Op::Relu6
        | Op::ReluN1To1
        | Op::HardSwish
        | Op::Elu
        | Op::Gelu { .. }
        | Op::LeakyRelu { .. }
        | Op::Quantize
        | Op::Dequantize => each::lower(at),
        Op::Cast => embedding::cast(at),
        Op::Gather => embedding::gather(at),
        Op::Reshape | Op::Squeeze { .. } => moves::reshape(at),
        Op::Split { axis } => moves::split(at, *axis),
        Op::StridedSlice { slices } => moves::strided_slice(at, slices),
        Op::Transpose { order } => moves::transpose(at, order),
        Op::UnidirectionalSequenceLstm(lstm) => recurrent::lstm(at, lstm),
        Op::Gru => recurrent::gru(at),
        Op::Ring => moves::ring(at),
        Op::ResizeNearest { align_corners, half_pixel_centers } => {
            moves::resize(at, *align_corners, *half_pixel_centers)
        }
    }?;
    let reads = match kernel {
        // These hold their constants.
        Kernel::FullyConnected(..)
        | Kernel::Conv2d(..)
        | Kernel::DepthwiseConv2d(..)
        | Kernel::TransposeConv(..)
        | Kernel::PRelu(..)
        | Kernel::Lstm(..)
        | Kernel::Gru(..)
        | Kernel::Ring(..)
        | Kernel::Pad(..) => 1,
        Kernel::Float(ref float) if float.has_weights() => 1,
        _ => usize::MAX,
    };
    let inputs = at.node.inputs.iter().flatten().copied().take(reads).collect();
    Ok(Step { kernel, inputs, outputs: at.node.outputs.clone() })
}

/// The node that is being lowered.
struct At<'g> {
    graph: &'g Graph,
    node: &'g Node,
    index: usize,
}

impl<'g> At<'g> {
    fn refuse<T>(&self, tensor: Option<&Value>, why: Unfit) -> Result<T, LowerError> {
        Err(LowerError {
            operator: Some((self.index, self.node.op.name())),
            tensor: tensor.map(|value| value.name.clone()).unwrap_or_default(),
            why,
        })
    }

    /// An error unless `fits`.
    fn ensure(&self, fits: bool, tensor: &Value, why: Unfit) -> Result<(), LowerError> {
        if fits { Ok(()) } else { self.refuse(Some(tensor), why) }
    }

    fn optional(&self, at: usize) -> Option<&'g Value> {
        self.graph.tensors.get((*self.node.inputs.get(at)?)?)
    }

    fn input(&self, at: usize) -> Result<&'g Value, LowerError> {
        self.optional(at).map_or_else(|| self.refuse(None, Unfit::Missing), Ok)
    }

    fn output(&self) -> Result<&'g Value, LowerError> {
        let output = self.node.outputs.first().and_then(|index| self.graph.tensors.get(*index));
        output.map_or_else(|| self.refuse(None, Unfit::Missing), Ok)
    }

    /// Input and output of an operator that has one of each, and whether they are integers; an error if they are of different types.
    fn pair(&self) -> Result<(&'g Value, &'g Value, bool), LowerError> {
        let (x, y) = (self.input(0)?, self.output()?);
        self.ensure(x.scalar == y.scalar, y, Unfit::Type(y.scalar))?;
        match x.scalar {
            Scalar::I8 => Ok((x, y, true)),
            Scalar::F32 => Ok((x, y, false)),
            other => self.refuse(Some(x), Unfit::Type(other)),
        }
    }

    /// An error unless the output has this shape.
    fn makes(&self, y: &Value, shape: &[usize]) -> Result<(), LowerError> {
        self.ensure(y.shape == shape, y, Unfit::Shape(shape.into()))
    }

    /// Scale and zero point of integers that have one of each.
    fn steps(&self, value: &Value) -> Result<(f32, i32), LowerError> {
        let range = if value.scalar == Scalar::U8 { 0..=255 } else { -128..=127 };
        match value.quantization.as_ref().map(|found| (&found.scales[..], &found.zero_points[..])) {
            Some((&[scale], &[zero])) if scale.is_finite() && scale > 0.0 && range.contains(&zero) => Ok((scale, zero)),
            _ => self.refuse(Some(value), Unfit::Quantization("one positive scale and a zero point in its range")),
        }
    }

    /// The output's zero point and what the activation leaves of its range. The bounds are quantised in `f32`, halves away from 0.
    fn range(&self, y: &Value, activation: Activation) -> Result<Output, LowerError> {
        let (scale, zero) = self.steps(y)?;
        let bound = |real: f32| (libm::roundf(real / scale) as i32).saturating_add(zero).clamp(-128, 127) as i8;
        let [least, greatest] = bounds(activation).map(|real| real.map(bound));
        Ok(Output { zero_point: zero as i8, least: least.unwrap_or(-128), greatest: greatest.unwrap_or(127) })
    }
}

/// What an activation holds its argument between.
fn bounds(activation: Activation) -> [Option<f32>; 2] {
    match activation {
        Activation::None => [None, None],
        Activation::Relu => [Some(0.0), None],
        Activation::ReluN1To1 => [Some(-1.0), Some(1.0)],
        Activation::Relu6 => [Some(0.0), Some(6.0)],
    }
}

/// [`bounds`] of floats.
fn float_range(activation: Activation) -> [f32; 2] {
    let [least, greatest] = bounds(activation);
    [least.unwrap_or(f32::MIN), greatest.unwrap_or(f32::MAX)]
}

/// From one element to the next along each axis, in row-major order.
fn row_major(shape: &[usize]) -> Vec<isize> {
    let mut steps = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        steps[axis - 1] = steps[axis] * shape[axis] as isize;
    }
    steps
}

/// As few axes as the elements can be told by, from at most as many as [`check`] allows.
fn strided(axes: impl DoubleEndedIterator<Item = (usize, isize)>, first: usize) -> Strided {
    let mut strided = Strided { lengths: [1; AXES], steps: [0; AXES], first };
    let mut at = AXES;
    for (length, step) in axes.rev().filter(|(length, _)| *length > 1) {
        let inner = strided.lengths.get(at).zip(strided.steps.get(at));
        if inner.is_some_and(|(length, inner)| inner.checked_mul(*length as isize) == Some(step)) {
            strided.lengths[at] *= length;
        } else {
            at -= 1;
            (strided.lengths[at], strided.steps[at]) = (length, step);
        }
    }
    strided
}
