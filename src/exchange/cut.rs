//! The first part of a graph.

use core::fmt;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::graph::{Activation, Graph, Node, Op, Quantization, Scalar, Value};

/// Why a graph was not cut.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CutError {
    /// No layer, or more than one, has this name.
    Layer {
        /// The name that was given.
        name: String,
        /// How many have it.
        found: usize,
        /// All layers, by number and name.
        layers: Vec<String>,
    },
    /// The layer has several outputs, or is not computed from an input.
    Output(String),
}

impl fmt::Display for CutError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Layer { name, found, layers } => {
                write!(f, "{found} layers are called `{name}`: name one of these, or give its number:")?;
                layers.iter().try_for_each(|layer| write!(f, "\n{layer}"))
            }
            Self::Output(name) => {
                write!(f, "layer `{name}` has not one output that is computed from an input: cut at another layer")
            }
        }
    }
}

impl core::error::Error for CutError {}

impl Graph {
    /// A layer's name: that of the tensor which it writes, up to `;`, behind which LiteRT's converter names what is fused with it.
    pub fn layer_name(&self, node: &Node) -> &str {
        let written = node.outputs.first().and_then(|output| self.tensors.get(*output));
        written.and_then(|value| value.name.split(';').next()).unwrap_or_default()
    }

    /// The layer that is given by its name or number.
    fn layer(&self, layer: &str) -> Result<&Node, CutError> {
        let named = || self.nodes.iter().filter(|node| self.layer_name(node) == layer);
        let numbered = || self.nodes.get(layer.parse::<usize>().ok()?);
        let found = match (named().count(), numbered()) {
            (1, _) => named().next(),
            (0, numbered) => numbered,
            _ => None,
        };
        found.ok_or_else(|| CutError::Layer {
            name: layer.into(),
            found: named().count(),
            layers: (0..).zip(&self.nodes).map(|(at, node)| format!("{at:>4} {}", self.layer_name(node))).collect(),
        })
    }

    /// Weights `[inputs][outputs]` and biases, as numbers, of the fully connected layer that reads what a layer makes, given by its name or number;
    /// `None` if none follows there that makes `outputs` numbers and is linear.
    pub fn dense_behind(&self, layer: &str, outputs: usize) -> Option<Vec<f32>> {
        let mut from = *self.layer(layer).ok()?.outputs.first()?;
        let reader = loop {
            let reader = self.nodes.iter().find(|node| node.inputs.first() == Some(&Some(from)))?;
            match reader.op {
                Op::Reshape | Op::Squeeze { .. } => from = *reader.outputs.first()?,
                Op::FullyConnected { activation: Activation::None } => break reader,
                _ => return None,
            }
        };
        let tensor = |input: usize| self.tensors.get((*reader.inputs.get(input)?)?);
        let (x, weights, bias) = (tensor(0)?, tensor(1)?, tensor(2));
        if weights.shape != [outputs, x.elements()] {
            return None;
        }
        let real = weights.real()?;
        let inputs = x.elements();
        let columns = (0..inputs).flat_map(|i| real.iter().skip(i).step_by(inputs));
        let biases = bias.map_or_else(|| Some(vec![0.0; outputs]), Value::real)?;
        Some(columns.copied().chain(biases).collect())
    }

    /// What makes the output of a layer, given by its name or number, as a row of numbers; the layers behind it are left out.
    ///
    /// # Errors
    /// [`CutError`], which lists the layers.
    pub fn cut(&self, layer: &str) -> Result<Self, CutError> {
        let last = self.layer(layer)?;
        let &[output] = &last.outputs[..] else { return Err(CutError::Output(self.layer_name(last).into())) };

        let mut graph = self.clone();
        let mut needed = vec![false; graph.tensors.len()];
        needed[output] = true;
        graph.nodes.reverse();
        graph.nodes.retain(|node| {
            let kept = node.outputs.iter().any(|output| needed[*output]);
            node.inputs.iter().flatten().for_each(|input| needed[*input] |= kept);
            kept
        });
        graph.nodes.reverse();
        graph.inputs.retain(|input| needed[*input]);
        if graph.inputs.is_empty() {
            return Err(CutError::Output(self.layer_name(last).into()));
        }
        graph.tensors.iter_mut().zip(&needed).filter(|(_, needed)| !**needed).for_each(|(value, _)| value.data = None);
        let row = Value { shape: vec![1, graph.tensors[output].elements()], ..graph.tensors[output].clone() };
        graph.outputs = vec![output];
        if row.shape != graph.tensors[output].shape {
            graph.outputs = vec![graph.add(row)];
            graph.nodes.push(Node { op: Op::Reshape, inputs: vec![Some(output)], outputs: graph.outputs.clone() });
        }
        Ok(graph)
    }
}

impl Value {
    /// The numbers that a constant's elements mean.
    fn real(&self) -> Option<Vec<f32>> {
        let data = self.data.as_ref()?;
        let integers: Vec<i32> = match self.scalar {
            Scalar::F32 => return self.floats(),
            Scalar::I8 => data.iter().map(|byte| i32::from(*byte as i8)).collect(),
            Scalar::I32 => data.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect(),
            _ => return None,
        };
        let Quantization { scales, zero_points, axis } = self.quantization.as_ref()?;
        let behind: usize = self.shape.get(axis + 1..)?.iter().product();
        let means = |(at, integer): (usize, i32)| {
            let step = if scales.len() > 1 { at / behind % scales.len() } else { 0 };
            Some(scales.get(step)? * (integer - zero_points.get(step)?) as f32)
        };
        integers.into_iter().enumerate().map(means).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two layers that read one input, and one that reads both.
    fn fork() -> Graph {
        let value = |name: &str| Value {
            name: name.into(),
            shape: vec![1, 2, 3],
            scalar: Scalar::F32,
            quantization: None,
            data: None,
        };
        let node = |op, inputs: &[usize], output| Node {
            op,
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: vec![output],
        };
        let both = Op::Concatenation { axis: 2 };
        Graph {
            tensors: vec![value("x"), value("relu"), value("tanh"), value("both")],
            nodes: vec![node(Op::Relu, &[0], 1), node(Op::Tanh, &[0], 2), node(both, &[1, 2], 3)],
            inputs: vec![0],
            outputs: vec![3],
        }
    }

    #[test]
    fn what_the_layer_does_not_need_is_left_out_and_its_output_becomes_a_row() {
        let cut = fork().cut("tanh").unwrap();
        assert_eq!(cut.nodes.iter().map(|node| node.op.clone()).collect::<Vec<_>>(), [Op::Tanh, Op::Reshape]);
        assert_eq!(cut.tensors[cut.outputs[0]].shape, [1, 6]);
        assert_eq!(fork().cut("1"), Ok(cut));
    }

    #[test]
    fn a_fingerprint_is_that_of_operators_and_numbers_whatever_they_are_called() {
        let constant = |graph: &mut Graph, byte: u8| {
            let data = Some(vec![byte; 24]);
            let of = graph.add(Value { data, ..graph.tensors[0].clone() });
            graph.nodes[2].inputs[0] = Some(of);
        };
        let (mut graph, mut renamed, mut other) = (fork(), fork(), fork());
        constant(&mut graph, 1);
        constant(&mut renamed, 1);
        renamed.tensors.iter_mut().for_each(|value| value.name.push('x'));
        constant(&mut other, 2);
        assert_eq!(graph.fingerprint(), renamed.fingerprint());
        assert_ne!(graph.fingerprint(), other.fingerprint());
        assert_ne!(graph.fingerprint(), fork().fingerprint());
        let [one, other] = ["relu", "tanh"].map(|layer| fork().cut(layer).unwrap().fingerprint());
        assert_ne!(one, other);
    }

    #[test]
    fn a_name_that_is_not_one_layers_is_refused_with_all_of_them() {
        let mut graph = fork();
        graph.tensors[2].name = "relu".into();
        for (name, found) in [("relu", 2), ("nothing", 0), ("3", 0)] {
            let layers = ["   0 relu", "   1 relu", "   2 both"].map(String::from).to_vec();
            assert_eq!(graph.cut(name), Err(CutError::Layer { name: name.into(), found, layers }));
        }
        graph.inputs.clear();
        assert_eq!(graph.cut("both"), Err(CutError::Output("both".into())));
    }

    #[test]
    fn a_dense_layer_that_follows_is_given_as_the_numbers_that_it_means() {
        let mut graph = fork();
        let steps = |scales: &[f32], axis| {
            Some(Quantization { scales: scales.into(), zero_points: vec![0; scales.len()], axis })
        };
        let value = |name: &str, shape: &[usize], scalar, quantization, data: Vec<u8>| Value {
            name: name.into(),
            shape: shape.into(),
            scalar,
            quantization,
            data: Some(data),
        };
        let weights: Vec<u8> = (0..12).collect();
        let first = graph.add(value("weights", &[2, 6], Scalar::I8, steps(&[0.5, 2.0], 0), weights));
        let bias = [3_i32, -4].into_iter().flat_map(i32::to_le_bytes).collect();
        graph.add(value("bias", &[2], Scalar::I32, steps(&[0.25, 1.0], 0), bias));
        graph.add(Value { data: None, ..value("y", &[1, 2], Scalar::I8, steps(&[1.0], 0), vec![]) });
        let dense = Op::FullyConnected { activation: Activation::None };
        let inputs = vec![Some(2), Some(first), Some(first + 1)];
        graph.nodes.insert(2, Node { op: dense, inputs, outputs: vec![first + 2] });
        let expected = [[0.0, 12.0], [0.5, 14.0], [1.0, 16.0], [1.5, 18.0], [2.0, 20.0], [2.5, 22.0], [0.75, -4.0]];
        assert_eq!(graph.dense_behind("tanh", 2).as_deref(), Some(expected.as_flattened()));
        assert_eq!(graph.dense_behind("tanh", 3), None);
        assert_eq!(graph.dense_behind("relu", 2), None);
    }
}
