//! The first part of a graph.

use core::fmt;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::graph::{Graph, Node, Op, Value};

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

    /// What makes the output of a layer, given by its name or number, as a row of numbers; the layers behind it are left out.
    ///
    /// # Errors
    /// [`CutError`], which lists the layers.
    pub fn cut(&self, layer: &str) -> Result<Self, CutError> {
        let named = || self.nodes.iter().filter(|node| self.layer_name(node) == layer);
        let numbered = || self.nodes.get(layer.parse::<usize>().ok()?);
        let last = match (named().count(), numbered()) {
            (1, _) => named().next(),
            (0, numbered) => numbered,
            _ => None,
        };
        let last = last.ok_or_else(|| CutError::Layer {
            name: layer.into(),
            found: named().count(),
            layers: (0..).zip(&self.nodes).map(|(at, node)| format!("{at:>4} {}", self.layer_name(node))).collect(),
        })?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::graph::Scalar;

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
}
