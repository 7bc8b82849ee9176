//! Normalisations and activations in the operators beside them.

use core::ops::RangeInclusive;
use std::vec;
use std::vec::Vec;

use super::{QuantiseError, bytes, elements, examples_of};
use crate::exchange::graph::{Activation, Graph, Op};

/// Of the deviation of an input: the largest step that inputs may have for their standardisation to be folded.
const STEP: f32 = 0.125;

/// The least and the greatest element of all inputs.
pub fn input_range(graph: &Graph, examples: &[u8]) -> Result<RangeInclusive<f32>, QuantiseError> {
    let (mut least, mut greatest) = (0_f32, 0_f32);
    for bytes in examples_of(graph, examples)?.concat() {
        for bytes in bytes.as_chunks().0 {
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
        if into_last(&mut graph, at) || into_next(&mut graph, at, &range) {
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
    let [of_a, of_b] = [a, b].map(|input| elements(&graph.tensors[input]));
    let (x, found) = match (of_a, of_b) {
        (None, Some(found)) => (a, found),
        (Some(found), None) => (b, found),
        _ => return None,
    };
    let found = if found.len() == 1 { vec![found[0]; channels] } else { found };
    (found.len() == channels && graph.tensors[x].shape.last() == Some(&channels)).then_some((product, x, found))
}

/// Puts the node `at` into the one that writes what it reads, if nobody else reads that.
fn into_last(graph: &mut Graph, at: usize) -> bool {
    let output = graph.nodes[at].outputs[0];
    let channels = graph.tensors[output].shape.last().copied().unwrap_or(1);
    let activation = match graph.nodes[at].op {
        Op::Relu => Some(Activation::Relu),
        Op::Relu6 => Some(Activation::Relu6),
        Op::ReluN1To1 => Some(Activation::ReluN1To1),
        _ => None,
    };
    let linear = constant(graph, at, channels);
    let x = match (&activation, &linear) {
        (Some(_), _) => graph.nodes[at].inputs[0],
        (None, Some((_, x, _))) => Some(*x),
        _ => None,
    };
    let Some(x) = x.filter(|x| readers(graph, *x) == 1) else { return false };
    let Some(before) = graph.nodes[..at].iter().position(|node| node.outputs == [x]) else { return false };
    let node = &mut graph.nodes[before];
    let (held, of_output) = match &mut node.op {
        Op::FullyConnected { activation } => (activation, 0),
        Op::Conv2d(conv) => (&mut conv.activation, 0),
        Op::DepthwiseConv2d(conv) => (&mut conv.activation, 1),
        Op::Add { activation } | Op::Mul { activation } if linear.is_none() => (activation, 2),
        _ => return false,
    };
    if *held != Activation::None {
        return false;
    }
    if let Some(activation) = activation {
        *held = activation;
    } else if let Some((product, _, factors)) = linear {
        let &[_, Some(weights), Some(biases)] = &node.inputs[..] else { return false };
        if [weights, biases].iter().any(|tensor| readers(graph, *tensor) != 1) {
            return false;
        }
        let Some((w, b)) = elements(&graph.tensors[weights]).zip(elements(&graph.tensors[biases])) else {
            return false;
        };
        let row = w.len() / channels;
        let output = |at: usize| if of_output == 0 { at / row } else { at % channels };
        if product {
            let scaled = w.iter().enumerate().map(|(at, w)| w * factors[output(at)]);
            graph.tensors[weights].data = Some(bytes(scaled));
        }
        let shifted = b.iter().zip(&factors).map(|(b, factor)| if product { b * factor } else { b + factor });
        graph.tensors[biases].data = Some(bytes(shifted));
    }
    graph.nodes[before].outputs = vec![output];
    true
}

/// Puts the node `at`, which shifts or scales inputs of the graph, into the product that alone reads what it writes.
fn into_next(graph: &mut Graph, at: usize, range: &RangeInclusive<f32>) -> bool {
    let output = graph.nodes[at].outputs[0];
    let channels = graph.tensors[output].shape.last().copied().unwrap_or(1);
    let Some((product, x, factors)) = constant(graph, at, channels) else { return false };
    let step = (range.end() - range.start()) / 255.0;
    let fine = |factors: &[f32]| factors.iter().all(|factor| (factor * step).abs() <= STEP);
    // Of a shift, by the factors that follow it.
    let next = graph.nodes.iter().position(|node| node.inputs.first() == Some(&Some(output)));
    let Some(next) = next.filter(|_| readers(graph, output) == 1) else { return false };
    let Op::FullyConnected { .. } = graph.nodes[next].op else { return false };
    if product && !fine(&factors) || graph.tensors[x].elements() != channels {
        return false;
    }
    let &[_, Some(weights), Some(biases)] = &graph.nodes[next].inputs[..] else { return false };
    if [weights, biases].iter().any(|tensor| readers(graph, *tensor) != 1) {
        return false;
    }
    let Some((mut w, mut b)) = elements(&graph.tensors[weights]).zip(elements(&graph.tensors[biases])) else {
        return false;
    };
    for (row, bias) in w.chunks_exact_mut(channels).zip(&mut b) {
        for (w, factor) in row.iter_mut().zip(&factors) {
            if product {
                *w *= factor;
            } else {
                *bias += *w * factor;
            }
        }
    }
    graph.tensors[weights].data = Some(bytes(w));
    graph.tensors[biases].data = Some(bytes(b));
    graph.nodes[next].inputs[0] = Some(x);
    true
}
