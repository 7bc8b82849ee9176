//! The graph of a network that was declared and trained here.

use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::describe::{Describe, Description, Joined, Kind, Module, Parameter, Unsupported, shape};
use super::fold;
use super::graph::{Activation, Conv, Graph, Lstm, Node, Op, Padding, Pool, Quantization, Scalar, Slice, Value};
use crate::kernels::Axis;
use crate::layers::{EPSILON, steps};
use crate::numbers::{Real, Tensor};

impl Graph {
    /// The graph of `net`, in floats, which takes inputs `X`: axes as here, after a batch of 1.
    ///
    /// ```
    /// use nerve::{graph::Graph, litert, prelude::*};
    ///
    /// type Net = chain![Conv2d<1, 8, 3, Relu>, MaxPool2d<2, 14, 14>, Flatten<1568>, Dense<1568, 10>];
    ///
    /// # fn main() -> Result<(), Box<dyn core::error::Error>> {
    /// # let net = Net::ZERO;
    /// let file = litert::write(&Graph::of::<[[[f32; 1]; 28]; 28], _>(&net)?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Normalisations lie in the weights before them, dropout is left out, signals are images of one row. Outputs agree with those of `net`
    /// up to rounding.
    ///
    /// # Errors
    /// [`Unsupported`] names what LiteRT has no operator for.
    pub fn of<X: Tensor, N: Describe<X>>(net: &N) -> Result<Self, Unsupported> {
        let description = Description::of::<X, N>();
        if let Some(what) = description.refused {
            return Err(Unsupported { by: LITERT, what });
        }
        let mut scalars = Vec::with_capacity(N::LEN);
        net.visit(&mut |tensor| scalars.extend(tensor.iter().map(|x| x.to_f64() as f32)));
        let input = [&[1][..], &shape::<X>()].concat();
        let mut writer = Writer {
            graph: Self::default(),
            scalars,
            value: 0,
            forks: vec![],
            signal: false,
            fuses: false,
            refused: None,
        };
        writer.value = writer.tensor("input", &input, None);
        writer.graph.inputs = vec![writer.value];
        writer.signal();
        description.modules.iter().for_each(|module| writer.module(module));
        let output = [&[1][..], &shape::<N::Out>()].concat();
        if writer.shape() != output {
            writer.reshape(&output);
        }
        writer.graph.outputs = vec![writer.value];
        match writer.refused {
            Some(what) => Err(Unsupported { by: LITERT, what }),
            None => Ok(writer.graph),
        }
    }
}

const LITERT: &str = "LiteRT";

/// The nodes so far.
struct Writer {
    graph: Graph,
    /// The network's.
    scalars: Vec<f32>,
    /// The tensor that the last node has written.
    value: usize,
    /// What the branches that are open began with.
    forks: Vec<usize>,
    /// Whether an image is a signal, as one row.
    signal: bool,
    /// Whether nobody but the next module reads what the last node has written.
    fuses: bool,
    refused: Option<String>,
}

impl Writer {
    fn shape(&self) -> &[usize] {
        &self.graph.tensors[self.value].shape
    }

    fn tensor(&mut self, name: &str, shape: &[usize], data: Option<&[f32]>) -> usize {
        self.graph.add(Value {
            name: name.into(),
            shape: shape.into(),
            scalar: Scalar::F32,
            quantization: None,
            data: data.map(|data| data.iter().flat_map(|x| x.to_le_bytes()).collect()),
        })
    }

    /// Appends a node that reads what the last one has written, then the `others`.
    fn next(&mut self, op: Op, others: &[usize], shape: &[usize]) {
        let name = format!("{}_{}", op.name().to_lowercase(), self.graph.nodes.len());
        let output = self.tensor(&name, shape, None);
        let inputs = [self.value].iter().chain(others).copied().map(Some).collect();
        self.graph.nodes.push(Node { op, inputs, outputs: vec![output] });
        self.value = output;
        self.fuses = true;
    }

    /// A node whose output has the shape of its input.
    fn each(&mut self, op: Op, others: &[usize]) {
        let shape = self.shape().to_vec();
        self.next(op, others, &shape);
    }

    fn reshape(&mut self, shape: &[usize]) {
        self.next(Op::Reshape, &[], shape);
    }

    fn refuse(&mut self, what: &str) {
        self.refused.get_or_insert(what.into());
    }

    /// The elements of a parameter, in its order; where several lie in one place, the network holds their sum.
    fn elements(&self, parameter: &Parameter) -> Vec<f32> {
        parameter.at.iter().map(|at| self.scalars[*at]).collect()
    }

    /// The elements of a parameter for channels, in the order of the values here, not of PyTorch's.
    fn channels(&self, parameter: &Parameter) -> Vec<f32> {
        sorted(parameter, &self.elements(parameter), 1)
    }

    /// A node that reads a constant for each channel too.
    fn of_channels(&mut self, op: Op, name: &str, elements: Vec<f32>) {
        let mut shape = vec![1; self.shape().len()];
        if let Some(last) = shape.last_mut() {
            *last = elements.len();
        }
        let constant = self.tensor(name, &shape, Some(&elements));
        self.each(op, &[constant]);
    }

    fn module(&mut self, module: &Module) {
        match &module.kind {
            Kind::Standardize { .. } => {
                let [mean, inverse] = &module.parameters[..] else { return };
                let (mean, inverse) = (self.channels(mean), self.channels(inverse));
                self.of_channels(
                    Op::Add { activation: Activation::None },
                    "mean",
                    mean.iter().map(|mean| -mean).collect(),
                );
                self.of_channels(Op::Mul { activation: Activation::None }, "deviation", inverse);
            }
            Kind::ScaleShift { .. } => {
                let [scale, shift] = &module.parameters[..] else { return };
                let (scale, shift) = (self.channels(scale), self.channels(shift));
                self.of_channels(Op::Mul { activation: Activation::None }, "scales", scale);
                self.of_channels(Op::Add { activation: Activation::None }, "shifts", shift);
            }
            Kind::Rounding => {
                if let [least, greatest] = self.elements(&module.parameters[0])[..]
                    && least < greatest
                {
                    let (scale, zero) = steps(least, greatest);
                    let steps = Quantization { scales: vec![scale], zero_points: vec![zero], axis: 0 };
                    self.graph.tensors[self.value].quantization = Some(steps);
                }
            }
            Kind::Linear => {
                let [weight, bias] = &module.parameters[..] else { return };
                let (outputs, elements) = (weight.shape[0], sorted(weight, &self.elements(weight), weight.shape[0]));
                let bias = self.elements(bias);
                let weight = self.tensor("weights", &[outputs, weight.shape[1]], Some(&elements));
                let bias = self.tensor("biases", &[outputs], Some(&bias));
                self.next(Op::FullyConnected { activation: Activation::None }, &[weight, bias], &[1, outputs]);
            }
            Kind::Conv { axes, groups } => self.conv(module, axes, *groups),
            Kind::BatchNorm => self.normalize(module),
            Kind::Pool { name, axes } => self.pool(name, axes),
            Kind::GlobalAvgPool => {
                let channels = self.shape().last().copied().unwrap_or(1);
                let axes = (1..self.shape().len() - 1).collect();
                self.next(Op::Mean { axes, keep: false }, &[], &[1, channels]);
            }
            Kind::Flatten => {
                let length = self.shape().iter().product();
                self.reshape(&[1, length]);
            }
            Kind::Activation(name) => self.activation(name),
            Kind::Softmax { .. } => self.each(Op::Softmax { beta: 1.0 }, &[]),
            Kind::PRelu { .. } => match &module.parameters[..] {
                [slopes] if slopes.at.len() == 1 => {
                    let alpha = self.elements(slopes)[0];
                    self.each(Op::LeakyRelu { alpha }, &[]);
                }
                [slopes] => {
                    let elements = self.channels(slopes);
                    // For the channels of all pixels.
                    let mut shape = vec![1; self.shape().len() - 2];
                    shape.push(elements.len());
                    let slopes = self.tensor("slopes", &shape, Some(&elements));
                    self.each(Op::PRelu, &[slopes]);
                }
                _ => {}
            },
            Kind::LayerNorm => self.refuse("a LayerNorm: a BatchNorm folds into the weights before it"),
            Kind::Attention { .. } => self.refuse("an Attention: leave it in floats, as a network of its own"),
            Kind::Embedding => self.embedding(module),
            Kind::ConvTranspose { kernel, stride, padding, more } => {
                self.conv_transpose(module, [*kernel, *stride, *padding], *more);
            }
            Kind::Gru { units } => self.recurrent(module, *units, 3, Op::Gru),
            Kind::Lstm { units } => {
                let op = Op::UnidirectionalSequenceLstm(Lstm { cell_clip: 0.0, quantization: None });
                self.recurrent(module, *units, 4, op);
            }
            Kind::Last { .. } => self.last(),
            // Channels are last in a graph, as here.
            Kind::Transpose(_) => {}
            Kind::Fork => {
                self.forks.push(self.value);
                self.fuses = false;
            }
            Kind::Other => {
                if let Some(fork) = self.forks.last_mut() {
                    core::mem::swap(fork, &mut self.value);
                }
                self.fuses = false;
            }
            Kind::Join { joined, .. } => {
                let (Some(first), second) = (self.forks.pop(), self.value) else { return };
                self.value = first;
                match joined {
                    Joined::Sum => self.each(Op::Add { activation: Activation::None }, &[second]),
                    Joined::Concat => {
                        let mut shape = self.shape().to_vec();
                        let axis = shape.len() - 1;
                        shape[axis] += self.graph.tensors[second].shape[axis];
                        self.next(Op::Concatenation { axis }, &[second], &shape);
                    }
                }
            }
        }
    }

    /// Makes an image of one row of a signal.
    fn signal(&mut self) {
        if let [batch, length, channels] = self.shape()[..] {
            self.reshape(&[batch, 1, length, channels]);
            self.signal = true;
        }
    }

    /// The last row of an image, the last sample of a signal.
    fn last(&mut self) {
        let (shape, axis) = (self.shape().to_vec(), if self.signal { 2 } else { 1 });
        let slice = |(at, len): (usize, &usize)| match at == axis {
            true => Slice { begin: len - 1, step: 1, len: 1, drop: true },
            false => Slice { begin: 0, step: 1, len: *len, drop: false },
        };
        let slices = shape.iter().enumerate().map(slice).collect();
        let left: Vec<_> = (0..shape.len()).filter(|at| *at != axis).map(|at| shape[at]).collect();
        self.next(Op::StridedSlice { slices }, &[], &left);
        match left[..] {
            [batch, _, channels] if self.signal => self.reshape(&[batch, channels]),
            _ => self.signal(),
        }
    }

    /// Rows for a row of numbers, which are cut to integers.
    fn embedding(&mut self, module: &Module) {
        let ([rows], &[batch, length]) = (&module.parameters[..], self.shape()) else { return };
        let (elements, shape) = (self.elements(rows), rows.shape.clone());
        self.each(Op::Cast, &[]);
        self.graph.tensors[self.value].scalar = Scalar::I32;
        let table = self.tensor("rows", &shape, Some(&elements));
        self.next(Op::Gather, &[table], &[batch, length, shape[1]]);
        self.signal();
    }

    /// Over the samples of a signal, with the gates in PyTorch's order.
    fn recurrent(&mut self, module: &Module, units: usize, gates: usize, op: Op) {
        let [input, state, biases, hidden] = &module.parameters[..] else { return };
        let mut constants = vec![];
        for (name, parameter) in [("weights", input), ("state_weights", state), ("biases", biases)] {
            let elements = self.elements(parameter);
            let mut shape = parameter.shape.clone();
            shape[0] = units;
            for gate in elements.chunks_exact(elements.len() / gates) {
                constants.push(self.tensor(name, &shape, Some(gate)));
            }
        }
        if op == Op::Gru {
            // What the reset gate parts from the others.
            let elements = self.elements(hidden);
            constants.push(self.tensor("hidden_biases", &[units], Some(&elements[2 * units..])));
        }
        let signal = self.shape().to_vec();
        let &[.., steps, inputs] = &signal[..] else { return };
        self.reshape(&[1, steps, inputs]);
        self.next(op, &constants, &[1, steps, units]);
        self.signal();
    }

    /// Weights of PyTorch, `[outputs, channels of a group, height, width]`, with the channels last.
    fn conv(&mut self, module: &Module, axes: &[Axis], groups: usize) {
        let [weight, bias] = &module.parameters[..] else { return };
        let [height, width] = image(axes);
        let (outputs, channels, taps) = (weight.shape[0], weight.shape[1], height.kernel * width.kernel);
        let elements = self.elements(weight);
        let at = |output, tap, channel| elements[(output * channels + channel) * taps + tap];
        let depthwise = groups > 1;
        let (shape, elements): (_, Vec<_>) = if depthwise {
            let all = (0..taps).flat_map(|tap| (0..outputs).map(move |output| at(output, tap, 0)));
            ([1, height.kernel, width.kernel, outputs], all.collect())
        } else {
            let of = |output| (0..taps).flat_map(move |tap| (0..channels).map(move |channel| at(output, tap, channel)));
            ([outputs, height.kernel, width.kernel, channels], (0..outputs).flat_map(of).collect())
        };
        let padding = self.padding([height, width]);
        let bias = self.elements(bias);
        let weight = self.tensor("weights", &shape, Some(&elements));
        let bias = self.tensor("biases", &[outputs], Some(&bias));
        let conv = Conv {
            padding,
            strides: [height.stride, width.stride],
            dilation: [height.dilation, width.dilation],
            activation: Activation::None,
        };
        let op = if depthwise { Op::DepthwiseConv2d(conv) } else { Op::Conv2d(conv) };
        self.next(op, &[weight, bias], &[1, height.output, width.output, outputs]);
    }

    /// With weights of PyTorch, `[channels, outputs, kernel, kernel]`. A padding that LiteRT has no name for is cut off.
    fn conv_transpose(&mut self, module: &Module, [kernel, stride, padding]: [usize; 3], more: [usize; 2]) {
        let ([weight, bias], &[_, height, width, _]) = (&module.parameters[..], self.shape()) else { return };
        let (channels, outputs, taps) = (weight.shape[0], weight.shape[1], kernel * kernel);
        let elements = self.elements(weight);
        let of = |output: usize| {
            let elements = &elements;
            (0..taps).flat_map(move |tap| {
                (0..channels).map(move |channel| elements[(channel * outputs + output) * taps + tap])
            })
        };
        let sorted: Vec<_> = (0..outputs).flat_map(of).collect();
        let from = [height, width];
        let whole = [0, 1].map(|axis| (from[axis] - 1) * stride + kernel + more[axis]);
        let to = whole.map(|whole| whole - 2 * padding);
        let same = (0..2).all(|axis| {
            let back = Axis::same(to[axis], kernel, stride, 1);
            (back.output, back.padding) == (from[axis], padding)
        });
        let [rows, columns] = if same { to } else { whole };
        let bias = self.elements(bias);
        let weight = self.tensor("weights", &[outputs, kernel, kernel, channels], Some(&sorted));
        let bias = self.tensor("biases", &[outputs], Some(&bias));
        let conv = Conv {
            padding: if same { Padding::Same } else { Padding::Valid },
            strides: [stride; 2],
            dilation: [1; 2],
            activation: Activation::None,
        };
        self.next(Op::TransposeConv(conv), &[weight, bias], &[1, rows, columns, outputs]);
        if [rows, columns] != to {
            let slice = |begin, len| Slice { begin, step: 1, len, drop: false };
            let slices = vec![slice(0, 1), slice(padding, to[0]), slice(padding, to[1]), slice(0, outputs)];
            self.next(Op::StridedSlice { slices }, &[], &[1, to[0], to[1], outputs]);
        }
    }

    /// LiteRT's name of the padding along both axes; where it has none, a margin is put around the image.
    fn padding(&mut self, axes: [Axis; 2]) -> Padding {
        let padding = padding(axes);
        padding.unwrap_or_else(|| {
            let [height, width] = axes.map(|axis| [axis.padding, axis.behind()]);
            let channels = self.shape().last().copied().unwrap_or(1);
            let [rows, columns] = axes.map(|axis| axis.padding + axis.input + axis.behind());
            let margins = vec![[0, 0], height, width, [0, 0]];
            self.next(Op::Pad { margins }, &[], &[1, rows, columns, channels]);
            Padding::Valid
        })
    }

    fn pool(&mut self, name: &str, axes: &[Axis]) {
        let [height, width] = image(axes);
        let Some(padding) = padding([height, width]) else {
            return self.refuse("a pooling with padding: give it none, or `Same`");
        };
        if height.dilation > 1 || width.dilation > 1 {
            return self.refuse("a pooling with dilation: leave the dilation out");
        }
        let pool = Pool {
            padding,
            window: [height.kernel, width.kernel],
            strides: [height.stride, width.stride],
            activation: Activation::None,
        };
        let channels = self.shape().last().copied().unwrap_or(1);
        let op = if name == "MaxPool" { Op::MaxPool2d(pool) } else { Op::AveragePool2d(pool) };
        self.next(op, &[], &[1, height.output, width.output, channels]);
    }

    /// Into the weights and biases of the last node.
    fn normalize(&mut self, module: &Module) {
        let parameters: Vec<_> = module.parameters.iter().map(|parameter| self.elements(parameter)).collect();
        let [weight, bias, mean, variance] = &parameters[..] else { return };
        let Some(last) = self.graph.nodes.len().checked_sub(1) else { return };
        fold::normalise(&mut self.graph, last, [weight, bias, mean, variance], EPSILON);
    }

    fn activation(&mut self, name: &str) {
        match name {
            "Relu" => self.clamp(Activation::Relu, Op::Relu),
            "Relu6" => self.clamp(Activation::Relu6, Op::Relu6),
            "HardTanh" => self.clamp(Activation::ReluN1To1, Op::ReluN1To1),
            "HardSwish" => self.each(Op::HardSwish, &[]),
            "Gelu" => self.each(Op::Gelu { approximate: false }, &[]),
            "GeluTanh" => self.each(Op::Gelu { approximate: true }, &[]),
            "HardSigmoid" => {
                let [three, sixth] = [3.0, 1.0 / 6.0].map(|number| self.number(number));
                self.each(Op::Add { activation: Activation::Relu6 }, &[three]);
                self.each(Op::Mul { activation: Activation::None }, &[sixth]);
            }
            "Silu" => {
                let x = self.value;
                self.each(Op::Logistic, &[]);
                self.each(Op::Mul { activation: Activation::None }, &[x]);
            }
            "Elu" => self.each(Op::Elu, &[]),
            "Sigmoid" => self.each(Op::Logistic, &[]),
            "Tanh" => self.each(Op::Tanh, &[]),
            "LeakyRelu" => self.each(Op::LeakyRelu { alpha: 0.01 }, &[]),
            other => self.refuse(&format!("the activation {other}")),
        }
    }

    /// Holds values in a range, as an option of the last node where it has one and nobody else reads what it writes.
    fn clamp(&mut self, clamp: Activation, op: Op) {
        let activation = self.graph.nodes.last_mut().and_then(|node| match &mut node.op {
            Op::Conv2d(conv) | Op::DepthwiseConv2d(conv) | Op::TransposeConv(conv) => Some(&mut conv.activation),
            Op::FullyConnected { activation } | Op::Add { activation } => Some(activation),
            _ => None,
        });
        match activation.filter(|activation| self.fuses && **activation == Activation::None) {
            Some(activation) => *activation = clamp,
            None => self.each(op, &[]),
        }
    }

    /// A constant for all elements of the last value.
    fn number(&mut self, number: f32) -> usize {
        let shape = vec![1; self.shape().len()];
        self.tensor("number", &shape, Some(&[number]))
    }
}

/// A parameter of rows, `[rows, columns]`, whose columns lie as the network's values do.
fn sorted(parameter: &Parameter, elements: &[f32], rows: usize) -> Vec<f32> {
    let columns = elements.len() / rows;
    let mut order: Vec<usize> = (0..columns).collect();
    order.sort_by_key(|column| parameter.at[*column]);
    (0..rows).flat_map(|row| order.iter().map(move |column| elements[row * columns + column])).collect()
}

/// Height and width; a signal's axis is the width.
fn image(axes: &[Axis]) -> [Axis; 2] {
    match axes {
        [height, width] => [*height, *width],
        [length] => [Axis::ONE, *length],
        _ => [Axis::ONE; 2],
    }
}

fn padding(axes: [Axis; 2]) -> Option<Padding> {
    let none = axes.iter().all(|axis| axis.padding == 0 && axis.behind() == 0);
    let same = axes.iter().all(|axis| *axis == Axis::same(axis.input, axis.kernel, axis.stride, axis.dilation));
    if none { Some(Padding::Valid) } else { same.then_some(Padding::Same) }
}
