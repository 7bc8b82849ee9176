//! Normalisations and activations in the operators beside them.

use std::vec;
use std::vec::Vec;

use super::graph::{Activation, Conv, Graph, Op};

/// Puts factors, addends and activations into the weights and options of the operators before them.
pub fn fold(graph: &mut Graph) {
    let mut folding = Folding::new(graph);
    for at in 0..folding.graph.nodes.len() {
        folding.gone[at] = folding.held_by_last(at) || folding.held_by_weights(at);
    }
    folding.finish();
}

/// Puts factors and addends into the weights of the matrix product behind them, where `fits` a factor.
pub fn fold_into_next(graph: &mut Graph, fits: impl Fn(f32) -> bool) {
    let mut folding = Folding::new(graph);
    // What comes before has a new reader then.
    for at in (0..folding.graph.nodes.len()).rev() {
        folding.gone[at] = folding.held_by_next(at, &fits);
    }
    folding.finish();
}

/// Multiplies and shifts what a node with weights writes as a normalisation does (Ioffe and Szegedy 2015), for each output.
pub fn normalise(
    graph: &mut Graph,
    node: usize,
    [weight, bias, mean, variance]: [&[f32]; 4],
    epsilon: f64,
) -> Option<()> {
    let node = &graph.nodes[node];
    let &[_, Some(weights), Some(biases)] = &node.inputs[..] else { return None };
    let outputs_last = matches!(node.op, Op::DepthwiseConv2d(_));
    let factor = |channel: usize| f64::from(weight[channel]) / (f64::from(variance[channel]) + epsilon).sqrt();
    if graph.tensors[weights].quantization.is_some() {
        return None;
    }
    let [w, b] = [graph.tensors[weights].floats()?, graph.tensors[biases].floats()?];
    let (outputs, row) = (b.len(), w.len() / b.len());
    let scaled = w.iter().enumerate().map(|(at, w)| {
        let channel = if outputs_last { at % outputs } else { at / row };
        (f64::from(*w) * factor(channel)) as f32
    });
    let shifted = b.iter().enumerate().map(|(channel, b)| {
        ((f64::from(*b) - f64::from(mean[channel])) * factor(channel) + f64::from(bias[channel])) as f32
    });
    graph.tensors[weights].set_floats(scaled);
    graph.tensors[biases].set_floats(shifted);
    Some(())
}

struct Folding<'g> {
    graph: &'g mut Graph,
    /// How often each tensor is read, by nodes and as an output, and by which node last.
    readers: Vec<(usize, usize)>,
    /// The node that writes each tensor, alone.
    writers: Vec<Option<usize>>,
    /// Nodes that others have taken in.
    gone: Vec<bool>,
}

impl<'g> Folding<'g> {
    fn new(graph: &'g mut Graph) -> Self {
        let mut readers = vec![(0, usize::MAX); graph.tensors.len()];
        let mut writers = vec![None; graph.tensors.len()];
        for (at, node) in graph.nodes.iter().enumerate() {
            node.inputs.iter().flatten().for_each(|input| readers[*input] = (readers[*input].0 + 1, at));
            if let [output] = node.outputs[..] {
                writers[output] = Some(at);
            }
        }
        graph.outputs.iter().for_each(|output| readers[*output].0 += 1);
        let gone = vec![false; graph.nodes.len()];
        Self { graph, readers, writers, gone }
    }

    fn finish(self) {
        let mut gone = self.gone.iter();
        self.graph.nodes.retain(|_| gone.next() == Some(&false));
    }

    /// The node that writes a tensor which only one reads.
    fn writer(&self, tensor: usize) -> Option<usize> {
        self.writers[tensor].filter(|_| self.readers[tensor].0 == 1)
    }

    /// Lets a node write the output of the one after it.
    fn writes(&mut self, node: usize, output: usize) {
        self.graph.nodes[node].outputs = vec![output];
        self.writers[output] = Some(node);
    }

    /// Weights and biases of a node, which nobody else reads, and their elements.
    fn own_weights(&self, at: usize) -> Option<([usize; 2], [Vec<f32>; 2])> {
        let &[_, Some(weights), Some(biases)] = &self.graph.nodes[at].inputs[..] else { return None };
        let own = [weights, biases].iter().all(|tensor| self.readers[*tensor].0 == 1)
            && self.graph.tensors[weights].quantization.is_none();
        let elements = [self.graph.tensors[weights].floats()?, self.graph.tensors[biases].floats()?];
        own.then_some(([weights, biases], elements))
    }

    /// Makes the activation `at` an option of the node that writes what it reads, if nobody else reads that.
    fn held_by_last(&mut self, at: usize) -> bool {
        let activation = match self.graph.nodes[at].op {
            Op::Relu => Activation::Relu,
            Op::Relu6 => Activation::Relu6,
            Op::ReluN1To1 => Activation::ReluN1To1,
            _ => return false,
        };
        let output = self.graph.nodes[at].outputs[0];
        let Some(before) = self.graph.nodes[at].inputs[0].and_then(|x| self.writer(x)) else { return false };
        match &mut self.graph.nodes[before].op {
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
        self.writes(before, output);
        true
    }

    /// Puts the factor or addend `at` into the weights of the node that writes what it reads, if nobody else reads that.
    fn held_by_weights(&mut self, at: usize) -> bool {
        let Some(&[output]) = self.graph.nodes.get(at).map(|node| &node.outputs[..]) else { return false };
        let channels = self.graph.tensors[output].shape.last().copied().unwrap_or(1);
        let Some((product, x, factors)) = constant(self.graph, at, channels) else { return false };
        let Some(before) = self.writer(x) else { return false };
        let outputs_last = match self.graph.nodes[before].op {
            Op::FullyConnected { activation: Activation::None }
            | Op::Conv2d(Conv { activation: Activation::None, .. }) => false,
            Op::DepthwiseConv2d(Conv { activation: Activation::None, .. }) => true,
            _ => return false,
        };
        let Some(([weights, biases], [mut w, mut b])) = self.own_weights(before) else { return false };
        let row = w.len() / channels;
        if product {
            for (at, w) in w.iter_mut().enumerate() {
                *w *= factors[if outputs_last { at % channels } else { at / row }];
            }
        }
        for (b, factor) in b.iter_mut().zip(&factors) {
            *b = if product { *b * factor } else { *b + factor };
        }
        self.graph.tensors[weights].set_floats(w);
        self.graph.tensors[biases].set_floats(b);
        self.writes(before, output);
        true
    }

    /// Puts the factor or addend `at` into the weights of the matrix product that alone reads what it writes.
    fn held_by_next(&mut self, at: usize, fits: &impl Fn(f32) -> bool) -> bool {
        let Some(&[output]) = self.graph.nodes.get(at).map(|node| &node.outputs[..]) else { return false };
        let channels = self.graph.tensors[output].shape.last().copied().unwrap_or(1);
        let Some((product, x, factors)) = constant(self.graph, at, channels) else { return false };
        let (1, next) = self.readers[output] else { return false };
        let Some(Op::FullyConnected { .. }) = self.graph.nodes.get(next).map(|node| &node.op) else { return false };
        let fine = !product || factors.iter().all(|factor| fits(*factor));
        if !fine || self.graph.tensors[x].elements() != channels {
            return false;
        }
        let Some(([weights, biases], [mut w, mut b])) = self.own_weights(next) else { return false };
        for (row, bias) in w.chunks_exact_mut(channels).zip(&mut b) {
            for (w, factor) in row.iter_mut().zip(&factors) {
                if product {
                    *w *= factor;
                } else {
                    *bias += *w * factor;
                }
            }
        }
        self.graph.tensors[weights].set_floats(w);
        self.graph.tensors[biases].set_floats(b);
        self.graph.nodes[next].inputs[0] = Some(x);
        self.readers[x].1 = next;
        true
    }
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
    // Not of all elements where they are no channels'.
    let few = |input: usize| Some(&graph.tensors[input]).filter(|value| value.elements() <= channels)?.floats();
    let [of_a, of_b] = [a, b].map(few);
    let (x, found) = match (of_a, of_b) {
        (None, Some(found)) => (a, found),
        (Some(found), None) => (b, found),
        _ => return None,
    };
    let found = if found.len() == 1 { vec![found[0]; channels] } else { found };
    (found.len() == channels && graph.tensors[x].shape.last() == Some(&channels)).then_some((product, x, found))
}
