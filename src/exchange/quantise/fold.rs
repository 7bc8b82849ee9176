//! Normalisations and activations in the operators beside them.

use core::ops::RangeInclusive;
use std::vec;
use std::vec::Vec;

use super::{QuantiseError, examples_of};
use crate::exchange::graph::{Activation, Conv, Graph, Op};

/// Of the deviation of an input: the largest step that inputs may have for their standardisation to be folded.
const STEP: f32 = 0.125;

/// The least and the greatest element of all inputs.
pub fn input_range(graph: &Graph, examples: &[u8]) -> Result<RangeInclusive<f32>, QuantiseError> {
    let (mut least, mut greatest) = (0_f32, 0_f32);
    for example in examples_of(graph, examples)? {
        for bytes in example.as_chunks().0 {
            let x = f32::from_le_bytes(*bytes);
            (least, greatest) = (least.min(x), greatest.max(x));
        }
    }
    Ok(least..=greatest)
}

/// The graph with factors, addends and activations in the weights and options of the operators before them, and with those of its inputs in
/// the operators behind them where `range` allows that.
pub fn fold(graph: &Graph, range: RangeInclusive<f32>) -> Graph {
    let mut graph = graph.clone();
    let mut at = 0;
    while at < graph.nodes.len() {
        if held_by_last(&mut graph, at) || into_last(&mut graph, at) || into_next(&mut graph, at, &range) {
            graph.nodes.remove(at);
            // What came before has a new reader now.
            at = at.saturating_sub(2);
        } else {
            at += 1;
        }
    }
    graph
}

/// How often a tensor is read, by nodes and as an output.
fn readers(graph: &Graph, tensor: usize) -> usize {
    let inputs = graph.nodes.iter().flat_map(|node| &node.inputs).flatten();
    inputs.chain(&graph.outputs).filter(|read| **read == tensor).count()
}

/// The factor or addend of a node that multiplies by a constant or adds one, for each of `channels`.
fn constant(graph: &Graph, at: usize, channels: usize) -> Option<(bool, usize, Vec<f32>)> {
    let node = &graph.nodes[at];
    let product = match node.op {
        Op::Mul { activation: Activation::None } => true,
        Op::Add { activation: Activation::None } => false,
        _ => return None,
    };
    let &[Some(a), Some(b)] = &node.inputs[..] else { return None };
    let [of_a, of_b] = [a, b].map(|input| graph.tensors[input].floats());
    let (x, found) = match (of_a, of_b) {
        (None, Some(found)) => (a, found),
        (Some(found), None) => (b, found),
        _ => return None,
    };
    let found = if found.len() == 1 { vec![found[0]; channels] } else { found };
    (found.len() == channels && graph.tensors[x].shape.last() == Some(&channels)).then_some((product, x, found))
}

/// The node that writes a tensor which only one reads.
fn writer(graph: &Graph, tensor: usize) -> Option<usize> {
    (readers(graph, tensor) == 1).then(|| graph.nodes.iter().position(|node| node.outputs == [tensor]))?
}

/// Weights and biases of a node, which nobody else reads, and their elements.
fn own_weights(graph: &Graph, at: usize) -> Option<([usize; 2], [Vec<f32>; 2])> {
    let &[_, Some(weights), Some(biases)] = &graph.nodes[at].inputs[..] else { return None };
    let own = [weights, biases].iter().all(|tensor| readers(graph, *tensor) == 1);
    let elements = [graph.tensors[weights].floats()?, graph.tensors[biases].floats()?];
    own.then_some(([weights, biases], elements))
}

/// Makes the activation `at` an option of the node that writes what it reads, if nobody else reads that.
fn held_by_last(graph: &mut Graph, at: usize) -> bool {
    let activation = match graph.nodes[at].op {
        Op::Relu => Activation::Relu,
        Op::Relu6 => Activation::Relu6,
        Op::ReluN1To1 => Activation::ReluN1To1,
        _ => return false,
    };
    let output = graph.nodes[at].outputs[0];
    let Some(before) = graph.nodes[at].inputs[0].and_then(|x| writer(graph, x)) else { return false };
    let node = &mut graph.nodes[before];
    match &mut node.op {
        Op::FullyConnected { activation: held }
        | Op::Conv2d(Conv { activation: held, .. })
        | Op::DepthwiseConv2d(Conv { activation: held, .. })
        | Op::Add { activation: held }
        | Op::Mul { activation: held }
            if *held == Activation::None =>
        {
            *held = activation;
        }
        _ => return false,
    }
    node.outputs = vec![output];
    true
}

/// Puts the factor or addend `at` into the weights of the node that writes what it reads, if nobody else reads that.
fn into_last(graph: &mut Graph, at: usize) -> bool {
    let output = graph.nodes[at].outputs[0];
    let channels = graph.tensors[output].shape.last().copied().unwrap_or(1);
    let Some((product, x, factors)) = constant(graph, at, channels) else { return false };
    let Some(before) = writer(graph, x) else { return false };
    let outputs_last = match graph.nodes[before].op {
        Op::FullyConnected { activation: Activation::None } | Op::Conv2d(Conv { activation: Activation::None, .. }) => {
            false
        }
        Op::DepthwiseConv2d(Conv { activation: Activation::None, .. }) => true,
        _ => return false,
    };
    let Some(([weights, biases], [mut w, mut b])) = own_weights(graph, before) else { return false };
    let row = w.len() / channels;
    if product {
        for (at, w) in w.iter_mut().enumerate() {
            *w *= factors[if outputs_last { at % channels } else { at / row }];
        }
    }
    for (b, factor) in b.iter_mut().zip(&factors) {
        *b = if product { *b * factor } else { *b + factor };
    }
    graph.tensors[weights].set_floats(w);
    graph.tensors[biases].set_floats(b);
    graph.nodes[before].outputs = vec![output];
    true
}

/// Puts the factor or addend `at` into the weights of the matrix product that alone reads what it writes.
fn into_next(graph: &mut Graph, at: usize, range: &RangeInclusive<f32>) -> bool {
    let output = graph.nodes[at].outputs[0];
    let channels = graph.tensors[output].shape.last().copied().unwrap_or(1);
    let Some((product, x, factors)) = constant(graph, at, channels) else { return false };
    let next = graph.nodes.iter().position(|node| node.inputs.first() == Some(&Some(output)));
    let Some(next) = next.filter(|_| readers(graph, output) == 1) else { return false };
    let Op::FullyConnected { .. } = graph.nodes[next].op else { return false };
    let step = (range.end() - range.start()) / 255.0;
    let fine = !product || factors.iter().all(|factor| (factor * step).abs() <= STEP);
    if !fine || graph.tensors[x].elements() != channels {
        return false;
    }
    let Some(([weights, biases], [mut w, mut b])) = own_weights(graph, next) else { return false };
    for (row, bias) in w.chunks_exact_mut(channels).zip(&mut b) {
        for (w, factor) in row.iter_mut().zip(&factors) {
            if product {
                *w *= factor;
            } else {
                *bias += *w * factor;
            }
        }
    }
    graph.tensors[weights].set_floats(w);
    graph.tensors[biases].set_floats(b);
    graph.nodes[next].inputs[0] = Some(x);
    true
}
