//! What a graph takes to run.

use std::vec;
use std::vec::Vec;

use super::graph::{Graph, Node, Op};
use super::lower;

/// What a graph takes to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Products that are added up.
    pub multiply_accumulates: u64,
    /// Bytes of the constants.
    pub flash: usize,
    /// Bytes of the values that exist at the same time, at most; a value exists from where it is written until it is last read. What only
    /// changes a shape takes none, nor does a margin that a convolution takes in; what is computed element by element is written where its input
    /// lies. Ring buffers exist all the time.
    pub ram: usize,
}

impl Cost {
    /// What `graph` takes.
    pub fn of(graph: &Graph) -> Self {
        let all = graph.nodes.iter().map(|node| Self::of_node(graph, node));
        let tensors = graph.tensors.iter().filter(|value| value.data.is_some());
        Self {
            multiply_accumulates: all.fold(0, |sum, cost| sum.saturating_add(cost.multiply_accumulates)),
            flash: tensors.fold(0, |sum, value| sum.saturating_add(value.bytes())),
            ram: peak(graph),
        }
    }

    /// What one node takes: of flash, the constants that it reads; of RAM, what it reads and writes.
    pub fn of_node(graph: &Graph, node: &Node) -> Self {
        let (mut flash, mut ram) = (0_usize, 0_usize);
        let inputs = node.inputs.iter().flatten();
        for value in inputs.chain(&node.outputs).filter_map(|index| graph.tensors.get(*index)) {
            let bytes = if value.data.is_some() { &mut flash } else { &mut ram };
            *bytes = bytes.saturating_add(value.bytes());
        }
        Self { multiply_accumulates: multiply_accumulates(graph, node), flash, ram }
    }
}

fn multiply_accumulates(graph: &Graph, node: &Node) -> u64 {
    let value = |index: Option<usize>| graph.tensors.get(index?);
    let weights = value(node.inputs.get(1).copied().flatten());
    let Some((weights, output)) = weights.zip(value(node.outputs.first().copied())) else { return 0 };
    let products = match (&node.op, &weights.shape[..]) {
        (Op::FullyConnected { .. }, [_, inputs]) => *inputs,
        (Op::Conv2d(_), [_, height, width, channels]) => height * width * channels,
        (Op::DepthwiseConv2d(_), [_, height, width, _]) => height * width,
        // Of a kernel's taps, one in each stride comes to a pixel.
        (Op::TransposeConv(conv), [_, height, width, channels]) => {
            (height * width * channels).div_ceil(conv.strides[0].saturating_mul(conv.strides[1]).max(1))
        }
        (Op::UnidirectionalSequenceLstm(_), [units, inputs]) => 4 * (inputs + units),
        (Op::Gru, [units, inputs]) => 3 * (inputs + units),
        _ => 0,
    };
    (products as u64).saturating_mul(output.elements() as u64)
}

fn peak(graph: &Graph) -> usize {
    let count = graph.tensors.len();
    let mut last_read = vec![0; count];
    for (at, node) in graph.nodes.iter().enumerate() {
        for input in node.inputs.iter().flatten().filter(|input| **input < count) {
            last_read[*input] = at;
        }
    }
    for output in graph.outputs.iter().filter(|output| **output < count) {
        last_read[*output] = graph.nodes.len();
    }
    let rings = graph.nodes.iter().filter(|node| node.op == Op::Ring).flat_map(|node| &node.outputs);
    let rings: Vec<usize> = rings.copied().filter(|ring| *ring < count).collect();
    rings.iter().for_each(|ring| last_read[*ring] = graph.nodes.len());
    let places = places(graph, &mut last_read);
    let bytes = |index: usize| if graph.tensors[index].data.is_some() { 0 } else { graph.tensors[index].bytes() };
    let mut live: Vec<usize> =
        graph.inputs.iter().copied().filter(|input| *input < count).chain(rings.iter().copied()).collect();
    let mut sum = live.iter().fold(0_usize, |sum, input| sum.saturating_add(bytes(*input)));
    let mut most = sum;
    for (at, node) in graph.nodes.iter().enumerate() {
        for output in node
            .outputs
            .iter()
            .copied()
            .filter(|output| *output < count && places[*output] == *output && !rings.contains(output))
        {
            live.push(output);
            sum = sum.saturating_add(bytes(output));
        }
        most = most.max(sum);
        live.retain(|index| {
            let stays = last_read[*index] > at;
            sum -= if stays { 0 } else { bytes(*index).min(sum) };
            stays
        });
    }
    most
}

/// The tensor in whose place each one lies: what only changes a shape, and a margin that a convolution takes in, in that of its input; what is
/// computed element by element too, if nobody reads the input any more and it is not the caller's. `last_read` becomes that of everything in the place.
fn places(graph: &Graph, last_read: &mut [usize]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..graph.tensors.len()).collect();
    let taken_in = lower::taken_in(graph);
    for (at, node) in graph.nodes.iter().enumerate() {
        let &[output] = &node.outputs[..] else { continue };
        let Some(to) = graph.tensors.get(output) else { continue };
        let fits = |input: &usize| {
            let Some(from) = graph.tensors.get(*input).filter(|from| from.data.is_none()) else { return false };
            let overwritten = || last_read[places[*input]] <= at && !graph.inputs.contains(&places[*input]);
            match node.op {
                Op::Reshape | Op::Squeeze { .. } => true,
                Op::Pad { .. } => taken_in[at].is_some(),
                Op::Add { .. }
                | Op::Mul { .. }
                | Op::Quantize
                | Op::Logistic
                | Op::Tanh
                | Op::Relu
                | Op::Relu6
                | Op::ReluN1To1
                | Op::HardSwish
                | Op::Elu
                | Op::Gelu { .. }
                | Op::LeakyRelu { .. }
                | Op::PRelu => from.bytes() == to.bytes() && overwritten(),
                _ => false,
            }
        };
        if let Some(input) = node.inputs.iter().flatten().copied().find(fits) {
            let place = places[input];
            places[output] = place;
            last_read[place] = last_read[place].max(last_read[output]);
        }
    }
    places
}
