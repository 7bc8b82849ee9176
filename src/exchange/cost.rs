//! What a graph takes to run.

use std::vec;
use std::vec::Vec;

use super::graph::{Graph, Node, Op};

/// What a graph takes to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Products that are added up.
    pub multiply_accumulates: u64,
    /// Bytes of the constants.
    pub flash: usize,
    /// Bytes of the values that exist at the same time, at most; a value exists from where it is written until it is last read. What only
    /// changes a shape takes none.
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
        _ => 0,
    };
    (products as u64).saturating_mul(output.elements() as u64)
}

fn peak(graph: &Graph) -> usize {
    let count = graph.tensors.len();
    // What only changes a shape lies where its input lies.
    let mut places: Vec<usize> = (0..count).collect();
    let mut last_read = vec![0; count];
    for (at, node) in graph.nodes.iter().enumerate() {
        let inputs = node.inputs.iter().flatten().copied().filter(|input| *input < count);
        for input in inputs {
            last_read[places[input]] = at;
            if let (Op::Reshape | Op::Squeeze { .. }, Some(output)) = (&node.op, node.outputs.first())
                && *output < count
            {
                places[*output] = places[input];
            }
        }
    }
    for output in graph.outputs.iter().filter(|output| **output < count) {
        last_read[places[*output]] = graph.nodes.len();
    }
    let bytes = |index: usize| if graph.tensors[index].data.is_some() { 0 } else { graph.tensors[index].bytes() };
    let mut live: Vec<usize> = graph.inputs.iter().copied().filter(|input| *input < count).collect();
    let mut sum = live.iter().fold(0_usize, |sum, input| sum.saturating_add(bytes(*input)));
    let mut most = sum;
    for (at, node) in graph.nodes.iter().enumerate() {
        for output in node.outputs.iter().copied().filter(|output| *output < count && places[*output] == *output) {
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
