//! The first part of a graph.

use core::fmt;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::graph::{Activation, Graph, Node, Op, Pool, Quantization, Scalar, Value};

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
    /// The layer has no scales and biases that could be corrected.
    Corrections(String),
    /// A head does not take as many floats as the graph before it makes numbers, or one of both has several ends there.
    Ends,
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
            Self::Ends => {
                write!(f, "a head takes as many floats as the graph before it makes numbers, from one tensor")
            }
            Self::Corrections(name) => write!(
                f,
                "layer `{name}` is neither a convolution nor fully connected, and has nothing to correct: cut at one that is, or without corrections"
            ),
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
    /// a mean over an image may lie between. `None` if none follows there that makes `outputs` numbers and is linear.
    pub fn dense_behind(&self, layer: &str, outputs: usize) -> Option<Vec<f32>> {
        let mut from = *self.layer(layer).ok()?.outputs.first()?;
        let reader = loop {
            let reader = self.nodes.iter().find(|node| node.inputs.first() == Some(&Some(from)))?;
            match reader.op {
                Op::Reshape | Op::Squeeze { .. } => from = *reader.outputs.first()?,
                Op::Mean { .. } | Op::AveragePool2d(Pool { activation: Activation::None, .. }) => {
                    let (image, mean) = (&self.tensors[from], *reader.outputs.first()?);
                    if image.shape.last() != Some(&self.tensors[mean].elements()) {
                        return None;
                    }
                    from = mean;
                }
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
        self.cut_into(layer, |output| vec![1, output.elements()])
    }

    /// What makes the output of a convolution or a fully connected layer likewise, before its activation, which is the other thing that comes back:
    /// what a head can correct, with a [`ScaleShift`](crate::ScaleShift). The numbers are a row of channels, or one for each pixel of an image.
    ///
    /// Integers of a layer with an activation have steps twice as large there, so that there are as many below 0 as above. With the activation behind
    /// them, they are those of the whole layer to one of its own steps, or beyond the largest that it has.
    ///
    /// # Errors
    /// [`CutError`], which lists the layers.
    pub fn cut_before_activation(&self, layer: &str) -> Result<(Self, Activation), CutError> {
        let last = self.layer(layer)?;
        let refused = || CutError::Corrections(self.layer_name(last).into());
        let [output] = last.outputs[..] else { return Err(refused()) };
        let mut graph = self.clone();
        let written = graph.nodes.iter_mut().find(|node| node.outputs == [output]);
        let activation = match written.map(|node| &mut node.op) {
            Some(Op::Conv2d(conv) | Op::DepthwiseConv2d(conv) | Op::TransposeConv(conv)) => &mut conv.activation,
            Some(Op::FullyConnected { activation }) => activation,
            _ => return Err(refused()),
        };
        let activation = core::mem::replace(activation, Activation::None);
        if let (Some(steps), true) = (&mut graph.tensors[output].quantization, activation != Activation::None) {
            steps.scales.iter_mut().for_each(|scale| *scale *= 2.0);
            steps.zero_points.fill(0);
        }
        let pixels = |output: &Value| {
            let channels = output.shape.last().copied().unwrap_or(1).max(1);
            match output.elements() / channels {
                1 => vec![1, channels],
                pixels => vec![1, pixels, channels],
            }
        };
        Ok((graph.cut_into(layer, pixels)?, activation))
    }

    /// This graph, then a head in floats that has learned from what it makes: a model for [`litert::write`](crate::litert::write).
    ///
    /// Integers become the numbers that they mean, so that the head is that of the layers behind a `Standardize` that says it.
    ///
    /// ```
    /// use nerve::{graph::Graph, litert, prelude::*};
    ///
    /// # fn main() -> Result<(), Box<dyn core::error::Error>> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/data/digits.tflite");
    /// # type Head = chain![Standardize<64>, ScaleShift<64, Relu>, Dense<64, 10>];
    /// # let head = Head::ZERO;
    /// let model = litert::read(&std::fs::read(path)?)?;
    /// let (features, _) = model.cut_before_activation("5")?;
    /// let ((_, corrections), dense) = head; // what a device has learned
    /// let head = Graph::of::<[f32; 64], _>(&(corrections, dense))?;
    /// let file = litert::write(&features.then(&head)?)?;
    /// # litert::read(&file)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CutError::Ends`] if the head does not take as many floats as this makes numbers.
    pub fn then(&self, head: &Self) -> Result<Self, CutError> {
        let (&[features], &[input]) = (&self.outputs[..], &head.inputs[..]) else { return Err(CutError::Ends) };
        let (made, taken) = (&self.tensors[features], &head.tensors[input]);
        if made.elements() != taken.elements() || taken.scalar != Scalar::F32 {
            return Err(CutError::Ends);
        }
        let mut graph = self.clone();
        let mut from = features;
        let mut next = |op, value: Value| {
            let to = graph.add(value);
            graph.nodes.push(Node { op, inputs: vec![Some(from)], outputs: vec![to] });
            from = to;
        };
        if made.scalar != Scalar::F32 {
            next(Op::Dequantize, Value { shape: made.shape.clone(), ..taken.clone() });
        }
        if made.shape != taken.shape {
            next(Op::Reshape, taken.clone());
        }
        let first = graph.tensors.len();
        // The head's input is not a tensor of its own any more.
        let place = |tensor: usize| if tensor == input { from } else { first + tensor - usize::from(tensor > input) };
        graph.tensors.extend([&head.tensors[..input], &head.tensors[input + 1..]].concat());
        graph.nodes.extend(head.nodes.iter().map(|node| Node {
            op: node.op.clone(),
            inputs: node.inputs.iter().map(|input| input.map(place)).collect(),
            outputs: node.outputs.iter().copied().map(place).collect(),
        }));
        graph.outputs = head.outputs.iter().copied().map(place).collect();
        Ok(graph)
    }

    /// What makes the output of a layer, in a shape that follows from it.
    fn cut_into(&self, layer: &str, shape: impl Fn(&Value) -> Vec<usize>) -> Result<Self, CutError> {
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
        let row = Value { shape: shape(&graph.tensors[output]), ..graph.tensors[output].clone() };
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
