//! Random models: every operator that LiteRT's files may have here, with random geometry, quantisation and weights.

use nerve::graph::{
    Activation, Conv, Graph, Lstm, LstmQuantization, Node, Op, Padding, Pool, Quantization, Scalar, Slice, Value,
};
use nerve::quantise::{Range, quantise};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

/// The operators that a model may begin with, by their names.
pub const OPERATORS: [&str; 30] = [
    "FULLY_CONNECTED",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
    "ADD",
    "MUL",
    "PAD",
    "PADV2",
    "MEAN",
    "CONCATENATION",
    "SOFTMAX",
    "LOGISTIC",
    "TANH",
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "HARD_SWISH",
    "GELU",
    "LEAKY_RELU",
    "PRELU",
    "TRANSPOSE_CONV",
    "QUANTIZE",
    "DEQUANTIZE",
    "RESHAPE",
    "SQUEEZE",
    "SPLIT",
    "STRIDED_SLICE",
    "TRANSPOSE",
    "RESIZE_NEAREST_NEIGHBOR",
];

/// A model of 1 to 6 operators, all of them `f32` or `int8`, the first one being `OPERATORS[seed % 30]` where floats have it.
pub fn random(seed: u64, scalar: Scalar) -> Graph {
    let mut model = Model { graph: Graph::default(), rng: Pcg32::seed_from_u64(seed), scalar };
    let image = model.shape();
    let mut x = model.input(&image);
    let first = OPERATORS[seed as usize % OPERATORS.len()];
    x = model.operator(first, x);
    for _ in 0..model.below(6) {
        if model.graph.tensors[x].scalar != model.scalar {
            break;
        }
        let next = OPERATORS[model.below(OPERATORS.len())];
        x = model.operator(next, x);
    }
    model.graph.outputs.push(x);
    model.graph
}

/// Forks in forks.
const FORKS: usize = 2;

/// A model of paths that fork, from the input or from the parts of a split, with convolutions on any of them, and are added or concatenated.
pub fn branches(seed: u64, scalar: Scalar) -> Graph {
    let mut model = Model { graph: Graph::default(), rng: Pcg32::seed_from_u64(seed), scalar };
    let shape = [1, model.between(1, 5), model.between(1, 5), model.between(2, 6)];
    let x = model.input(&shape);
    let y = model.paths(x, FORKS);
    model.graph.outputs.push(y);
    model.graph
}

/// A model of one or two LSTMs and a matrix product of all that they give.
pub fn recurrent(seed: u64, scalar: Scalar) -> Graph {
    steps_of(seed, scalar, Model::lstm)
}

/// As [`recurrent`], of GRUs, which LiteRT has no operator for.
pub fn gated(seed: u64, scalar: Scalar) -> Graph {
    steps_of(seed, scalar, Model::gru)
}

fn steps_of(seed: u64, scalar: Scalar, layer: fn(&mut Model, usize) -> usize) -> Graph {
    let mut model = Model { graph: Graph::default(), rng: Pcg32::seed_from_u64(seed), scalar };
    let shape = [1, model.between(1, 12), model.between(1, 20)];
    let mut x = model.input(&shape);
    for _ in 0..model.between(1, 2) {
        x = layer(&mut model, x);
    }
    if model.one_in(2) {
        x = model.fully_connected(x);
    }
    model.graph.outputs.push(x);
    model.graph
}

/// A model that takes rows of a table for integers, which are floats or words, some behind a constant one, and goes on with those of a signal.
pub fn embedded(seed: u64, scalar: Scalar) -> Graph {
    let mut model = Model { graph: Graph::default(), rng: Pcg32::seed_from_u64(seed), scalar };
    let (mut length, rows, numbers) = (model.between(1, 9), model.between(1, 20), model.between(1, 8));
    let from = if seed.is_multiple_of(3) { Scalar::F32 } else { Scalar::I32 };
    let mut x = model.push(&[1, length], from, None, None);
    model.graph.inputs.push(x);
    if from == Scalar::F32 {
        let integers = model.push(&[1, length], Scalar::I32, None, None);
        x = model.node(Op::Cast, &[x], &[integers]);
    } else if seed % 3 == 2 {
        // A sign for the beginning.
        let begin = model.push(&[1, 1], Scalar::I32, None, Some(vec![0; 4]));
        let whole = model.push(&[1, length + 1], Scalar::I32, None, None);
        x = model.node(Op::Concatenation { axis: 1 }, &[begin, x], &[whole]);
        length += 1;
    }
    let quantization = model.quantization();
    let table = model.constant(&[rows, numbers], quantization);
    let y = model.like(table, &[1, length, numbers]);
    x = model.node(Op::Gather, &[x, table], &[y]);
    let signal = model.like(x, &[1, 1, length, numbers]);
    x = model.node(Op::Reshape, &[x], &[signal]);
    for _ in 0..model.between(1, 3) {
        let next = ["CONV_2D", "DEPTHWISE_CONV_2D", "PRELU", "MEAN", "FULLY_CONNECTED"][model.below(5)];
        x = model.operator(next, x);
    }
    model.graph.outputs.push(x);
    model.graph
}

/// A model of an ELU, which LiteRT's reference kernels lack and its others have.
pub fn elu(seed: u64, scalar: Scalar) -> Graph {
    let mut model = Model { graph: Graph::default(), rng: Pcg32::seed_from_u64(seed), scalar };
    let shape = model.shape();
    let x = model.input(&shape);
    let y = model.each(Op::Elu, x);
    model.graph.outputs.push(y);
    model.graph
}

/// A model that can run row by row: convolutions and pooling of any geometry, functions of elements, residual sums; at the end some of them
/// make numbers of the mean of all rows.
pub fn rows(seed: u64, scalar: Scalar) -> Graph {
    let mut model = Model { graph: Graph::default(), rng: Pcg32::seed_from_u64(seed), scalar };
    let shape = [1, model.between(8, 24), model.between(1, 4), model.between(1, 5)];
    let mut x = model.input(&shape);
    for _ in 0..model.between(2, 5) {
        x = match model.below(7) {
            0 | 1 => model.convolution(true, x),
            2 => model.convolution(false, x),
            3 => model.pool(true, x),
            4 => model.pool(false, x),
            5 => model.each(Op::Relu, x),
            6 if model.one_in(2) => {
                // For each channel, or for each element.
                let mut shape = model.of(x);
                if model.one_in(2) {
                    shape[1..3].fill(1);
                }
                let quantization = model.quantization();
                let constant = model.constant(&shape, quantization);
                let y = model.value(&model.of(x));
                model.node(Op::Mul { activation: Activation::None }, &[x, constant], &[y])
            }
            _ => {
                let path = model.convolved(x, model.of(x)[3]);
                let y = model.value(&model.of(x));
                model.node(Op::Add { activation: Activation::None }, &[x, path], &[y])
            }
        };
    }
    if model.one_in(3) {
        let y = model.value(&[1, model.of(x)[3]]);
        x = model.node(Op::Mean { axes: vec![1, 2], keep: false }, &[x], &[y]);
        x = model.fully_connected(x);
    }
    model.graph.outputs.push(x);
    model.graph
}

/// A model of a signal of `rows` instants that a stream may follow without end: convolutions and pooling without padding, then a product of all
/// that they give, or an LSTM or GRU and a product of each instant.
pub fn moving(seed: u64, rows: usize) -> Graph {
    let mut model = Model { graph: Graph::default(), rng: Pcg32::seed_from_u64(seed), scalar: Scalar::I8 };
    let shape = [1, rows, 1, model.between(1, 5)];
    let mut x = model.input(&shape);
    for _ in 0..model.between(1, 2) {
        x = model.along(x);
        if model.one_in(3) {
            x = model.each(Op::Relu, x);
        }
    }
    if model.one_in(2) {
        let shape = model.of(x);
        let y = model.like(x, &[1, shape[1], shape[3]]);
        x = model.node(Op::Reshape, &[x], &[y]);
        x = if model.one_in(2) { model.lstm(x) } else { model.gru(x) };
    }
    x = model.fully_connected(x);
    model.graph.outputs.push(x);
    model.graph
}

/// A model that takes one step after another: ring buffers of any length before operators of any geometry, of which some read a part.
pub fn steps(seed: u64, scalar: Scalar) -> Graph {
    let mut model = Model { graph: Graph::default(), rng: Pcg32::seed_from_u64(seed), scalar };
    let shape = [1, model.between(1, 4), model.between(1, 3), model.between(1, 6)];
    let mut x = model.input(&shape);
    for _ in 0..model.between(1, 4) {
        x = model.kept(x);
    }
    model.graph.outputs.push(x);
    model.graph
}

/// A random model of floats in integers, but for one of its layers.
pub fn kept(seed: u64) -> Graph {
    let graph = random(seed, Scalar::F32);
    let examples = examples(&graph, seed, 20);
    let layers = layers(&graph, &examples);
    let layer = &layers[seed as usize % layers.len()];
    quantise(&graph, &examples, Range::default(), &[layer]).unwrap().graph
}

/// The names of the layers of a model of floats, once they are folded.
pub fn layers(graph: &Graph, examples: &[u8]) -> Vec<String> {
    let report = quantise(graph, examples, Range::default(), &[]).unwrap().report(examples).unwrap();
    report.layers.into_iter().map(|layer| layer.tensor).collect()
}

/// `count` examples of a model's inputs, one after another.
pub fn examples(graph: &Graph, seed: u64, count: usize) -> Vec<u8> {
    let mut rng = Pcg32::seed_from_u64(seed);
    let mut bytes = Vec::new();
    // Integers count the rows of a table, LiteRT's kernel knows no others.
    let tables = graph.nodes.iter().filter(|node| node.op == Op::Gather).filter_map(|node| node.inputs[1]);
    let rows = tables.map(|table| graph.tensors[table].shape[0]).min().unwrap_or(0);
    for _ in 0..count {
        for input in &graph.inputs {
            let value = &graph.tensors[*input];
            for _ in 0..value.elements() {
                match value.scalar {
                    Scalar::F32 if rows > 0 => bytes.extend((rows as f32 * uniform(&mut rng)).to_le_bytes()),
                    Scalar::I32 => bytes.extend((rng.next_u32() % rows.max(1) as u32).to_le_bytes()),
                    Scalar::F32 => bytes.extend((8.0 * uniform(&mut rng) - 4.0).to_le_bytes()),
                    _ => bytes.push(rng.next_u32() as u8),
                }
            }
        }
    }
    bytes
}

/// The kinds of operators and geometries in a model, for tests that count them.
pub fn kinds(graph: &Graph) -> Vec<String> {
    let mut kinds = Vec::new();
    for node in &graph.nodes {
        let name = node.op.name();
        let shape = |index: Option<usize>| &graph.tensors[index.unwrap()].shape;
        let mut add = |kind: &str| kinds.push(format!("{name} {kind}").trim_end().to_owned());
        add("");
        match &node.op {
            Op::Conv2d(conv) | Op::DepthwiseConv2d(conv) | Op::TransposeConv(conv) => {
                add(&format!("{:?}", conv.padding));
                add(if conv.strides == [1, 1] { "stride 1" } else { "strides" });
                if conv.strides[0] != conv.strides[1] {
                    add("strides that differ");
                }
                if conv.dilation != [1, 1] {
                    add("dilation");
                }
                let kernel = &shape(node.inputs[1])[1..3];
                if kernel[0] != kernel[1] {
                    add("kernel that is not square");
                }
                if shape(node.inputs[1])[0] == 1 && shape(node.inputs[1])[3] != shape(node.inputs[0])[3] {
                    add("multiplier");
                }
                add(&format!("{:?}", conv.activation));
            }
            Op::AveragePool2d(pool) | Op::MaxPool2d(pool) => {
                add(&format!("{:?}", pool.padding));
                if pool.strides[0] < pool.window[0] || pool.strides[1] < pool.window[1] {
                    add("windows that overlap");
                }
                add(&format!("{:?}", pool.activation));
            }
            Op::PRelu => add(if shape(node.inputs[1]).len() == 1 { "of channels" } else { "of elements" }),
            Op::FullyConnected { activation } => add(&format!("{activation:?}")),
            Op::Add { activation } | Op::Mul { activation } => {
                add(&format!("{activation:?}"));
                add(if shape(node.inputs[0]) == shape(node.inputs[1]) { "of one shape" } else { "repeated" });
            }
            Op::Pad { .. } => add(if node.inputs.len() > 1 { "with a value" } else { "with zeros" }),
            Op::Mean { axes, keep } => {
                add(if axes == &[1, 2] { "over the image" } else { "over other axes" });
                add(if *keep { "axes kept" } else { "axes dropped" });
            }
            Op::Concatenation { axis } if *axis > 0 => add(&format!("axis {axis}")),
            Op::Split { .. } => {
                let even =
                    node.outputs.windows(2).all(|pair| graph.tensors[pair[0]].shape == graph.tensors[pair[1]].shape);
                add(if even { "even" } else { "uneven" });
            }
            Op::StridedSlice { slices } => {
                if slices.iter().any(|slice| slice.step < 0) {
                    add("backwards");
                }
                if slices.iter().any(|slice| slice.step > 1) {
                    add("with steps");
                }
                if slices.iter().any(|slice| slice.drop) {
                    add("axis dropped");
                }
            }
            Op::ResizeNearest { align_corners, half_pixel_centers } => {
                add(match (align_corners, half_pixel_centers) {
                    (true, _) => "corners",
                    (_, true) => "centres",
                    _ => "edges",
                });
            }
            Op::Quantize => add(graph.tensors[node.inputs[0].unwrap()].scalar.name()),
            _ => {}
        }
        if let [_, Some(weights), bias] = node.inputs[..]
            && node.op.name() != "CONCATENATION"
            && let Some(quantization) = &graph.tensors[weights].quantization
        {
            add(if quantization.scales.len() > 1 { "scales by channel" } else { "one scale" });
            add(if bias.is_some() { "bias" } else { "no bias" });
        }
    }
    kinds
}

fn uniform(rng: &mut Pcg32) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 24) as f32
}

struct Model {
    graph: Graph,
    rng: Pcg32,
    /// Of the values between the operators.
    scalar: Scalar,
}

impl Model {
    fn below(&mut self, bound: usize) -> usize {
        self.rng.next_u32() as usize % bound
    }

    fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most + 1 - least)
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// From `least` to `most`, equally often in each octave.
    fn scale(&mut self, least: f32, most: f32) -> f32 {
        least * (most / least).powf(uniform(&mut self.rng))
    }

    fn shape(&mut self) -> Vec<usize> {
        vec![1, self.between(1, 11), self.between(1, 11), self.between(1, 9)]
    }

    fn pair(&mut self, most: usize) -> [usize; 2] {
        let first = self.between(1, most);
        if self.one_in(2) { [first; 2] } else { [first, self.between(1, most)] }
    }

    fn activation(&mut self) -> Activation {
        [Activation::None, Activation::Relu, Activation::ReluN1To1, Activation::Relu6][self.below(4)]
    }

    fn padding(&mut self) -> Padding {
        if self.one_in(2) { Padding::Same } else { Padding::Valid }
    }

    fn push(
        &mut self,
        shape: &[usize],
        scalar: Scalar,
        quantization: Option<Quantization>,
        data: Option<Vec<u8>>,
    ) -> usize {
        let name = format!("tensor {}", self.graph.tensors.len());
        self.graph.tensors.push(Value { name, shape: shape.into(), scalar, quantization, data });
        self.graph.tensors.len() - 1
    }

    /// A quantisation of values; none for floats.
    fn quantization(&mut self) -> Option<Quantization> {
        let scale = self.scale(0.01, 0.1);
        let zero_point = if self.one_in(4) { -128 } else { self.below(256) as i32 - 128 };
        (self.scalar == Scalar::I8).then(|| one(scale, zero_point))
    }

    fn input(&mut self, shape: &[usize]) -> usize {
        let quantization = self.quantization();
        let input = self.push(shape, self.scalar, quantization, None);
        self.graph.inputs.push(input);
        input
    }

    /// A value of random quantisation.
    fn value(&mut self, shape: &[usize]) -> usize {
        let quantization = self.quantization();
        self.push(shape, self.scalar, quantization, None)
    }

    /// A value of the quantisation that `x` has.
    fn like(&mut self, x: usize, shape: &[usize]) -> usize {
        let quantization = self.graph.tensors[x].quantization.clone();
        self.push(shape, self.scalar, quantization, None)
    }

    /// A constant with random elements between -1 and 1, or of all integers.
    fn constant(&mut self, shape: &[usize], quantization: Option<Quantization>) -> usize {
        let mut data = Vec::new();
        for _ in 0..shape.iter().product() {
            match self.scalar {
                Scalar::F32 => data.extend((2.0 * uniform(&mut self.rng) - 1.0).to_le_bytes()),
                _ => data.push((self.below(255) as i8).wrapping_sub(127) as u8),
            }
        }
        self.push(shape, self.scalar, quantization, Some(data))
    }

    fn node(&mut self, op: Op, inputs: &[usize], outputs: &[usize]) -> usize {
        self.optional(op, &inputs.iter().copied().map(Some).collect::<Vec<_>>(), outputs)
    }

    fn optional(&mut self, op: Op, inputs: &[Option<usize>], outputs: &[usize]) -> usize {
        self.graph.nodes.push(Node { op, inputs: inputs.into(), outputs: outputs.into() });
        outputs[0]
    }

    fn of(&self, x: usize) -> Vec<usize> {
        self.graph.tensors[x].shape.clone()
    }

    /// Appends an operator that reads `x`; returns what it writes. One that needs an image, and is given none, becomes another one.
    fn operator(&mut self, name: &str, x: usize) -> usize {
        let shape = self.of(x);
        let rank = shape.len();
        let image = rank == 4;
        match name {
            "CONV_2D" | "DEPTHWISE_CONV_2D" if image => self.convolution(name == "CONV_2D", x),
            "AVERAGE_POOL_2D" | "MAX_POOL_2D" if image => self.pool(name == "MAX_POOL_2D", x),
            "ADD" | "MUL" => {
                let other = self.operand(x);
                let swapped = self.one_in(4);
                let activation = self.activation();
                let y = self.value(&shape);
                let op = if name == "ADD" { Op::Add { activation } } else { Op::Mul { activation } };
                self.node(op, &if swapped { [other, x] } else { [x, other] }, &[y])
            }
            "PAD" | "PADV2" => {
                let margins: Vec<[usize; 2]> =
                    (0..rank).map(|axis| if axis == 0 { [0; 2] } else { [self.below(3), self.below(3)] }).collect();
                let to: Vec<usize> =
                    shape.iter().zip(&margins).map(|(n, [before, after])| before + n + after).collect();
                let y = self.like(x, &to);
                let mut inputs = vec![x];
                if name == "PADV2" {
                    let quantization = self.graph.tensors[x].quantization.clone();
                    inputs.push(self.constant(&[1], quantization));
                }
                self.node(Op::Pad { margins }, &inputs, &[y])
            }
            "MEAN" if rank > 1 => {
                let axes = match self.below(3) {
                    0 if image => vec![self.between(1, 3)],
                    _ if image => vec![1, 2],
                    _ => vec![rank - 1],
                };
                let keep = self.one_in(2);
                let to: Vec<usize> = (0..rank)
                    .filter_map(|axis| if axes.contains(&axis) { keep.then_some(1) } else { Some(shape[axis]) })
                    .collect();
                let y = if self.one_in(3) { self.like(x, &to) } else { self.value(&to) };
                self.node(Op::Mean { axes, keep }, &[x], &[y])
            }
            "CONCATENATION" => {
                let axis = self.between(usize::from(rank > 1), rank - 1);
                let mut other = shape.clone();
                other[axis] = self.between(1, 5);
                let quantization = self.graph.tensors[x].quantization.clone();
                let mut parts = vec![x, self.constant(&other, quantization)];
                if self.one_in(2) {
                    parts.reverse();
                }
                if self.one_in(3) {
                    parts.push(x);
                }
                let mut to = shape.clone();
                to[axis] = parts.iter().map(|part| self.of(*part)[axis]).sum();
                let y = self.like(x, &to);
                self.node(Op::Concatenation { axis }, &parts, &[y])
            }
            "SOFTMAX" => {
                let beta = if self.one_in(2) { 1.0 } else { self.scale(0.3, 3.0) };
                self.fixed(Op::Softmax { beta }, x, 1.0 / 256.0, -128)
            }
            "LOGISTIC" => self.fixed(Op::Logistic, x, 1.0 / 256.0, -128),
            "TANH" => self.fixed(Op::Tanh, x, 1.0 / 128.0, 0),
            "RELU" => self.each(Op::Relu, x),
            "RELU6" => self.each(Op::Relu6, x),
            "RELU_N1_TO_1" => self.each(Op::ReluN1To1, x),
            "HARD_SWISH" => self.each(Op::HardSwish, x),
            "GELU" => {
                // LiteRT's own in floats has few digits where it is near 0.
                let approximate = self.scalar == Scalar::I8 && self.one_in(2);
                self.each(Op::Gelu { approximate }, x)
            }
            "LEAKY_RELU" => {
                let alpha = self.scale(0.01, 0.9);
                self.each(Op::LeakyRelu { alpha }, x)
            }
            "PRELU" => {
                // Of each channel, or of each element.
                let shape = if self.one_in(2) { &shape[rank - 1..] } else { &shape[1..] };
                let quantization =
                    (self.scalar == Scalar::I8).then(|| one(self.scale(0.002, 0.02), self.below(256) as i32 - 128));
                let slopes = self.constant(shape, quantization);
                let y = self.value(&self.of(x));
                self.node(Op::PRelu, &[x, slopes], &[y])
            }
            "TRANSPOSE_CONV" if image && shape[1] * shape[2] < 130 => self.transposed(x),
            "QUANTIZE" if self.scalar == Scalar::I8 => self.quantize(x),
            "DEQUANTIZE" if self.scalar == Scalar::I8 => {
                let y = self.push(&shape, Scalar::F32, None, None);
                self.node(Op::Dequantize, &[x], &[y])
            }
            "RESHAPE" => {
                let elements = shape.iter().product();
                let to = if image { vec![1, elements] } else { vec![1, 1, 1, elements] };
                let y = self.like(x, &to);
                self.node(Op::Reshape, &[x], &[y])
            }
            "SQUEEZE" if shape.contains(&1) && rank > 1 => {
                let mut axes: Vec<usize> = (0..rank).filter(|axis| shape[*axis] == 1).collect();
                if axes.len() == rank || axes.len() > 1 && self.one_in(2) {
                    axes.pop();
                }
                let to: Vec<usize> = (0..rank).filter(|axis| !axes.contains(axis)).map(|axis| shape[axis]).collect();
                let y = self.like(x, &to);
                self.node(Op::Squeeze { axes }, &[x], &[y])
            }
            "SPLIT" => self.split(x),
            "STRIDED_SLICE" => self.slice(x),
            "TRANSPOSE" if rank > 1 => {
                let mut order: Vec<usize> = (0..rank).collect();
                for last in (2..rank).rev() {
                    order.swap(last, self.between(1, last));
                }
                if rank == 2 {
                    order.swap(0, 1);
                }
                let to: Vec<usize> = order.iter().map(|axis| shape[*axis]).collect();
                let y = self.like(x, &to);
                self.node(Op::Transpose { order }, &[x], &[y])
            }
            "RESIZE_NEAREST_NEIGHBOR" if image => {
                let (align_corners, half_pixel_centers) = [(false, false), (true, false), (false, true)][self.below(3)];
                let to = [1, self.between(1, 2 * shape[1]), self.between(1, 2 * shape[2]), shape[3]];
                let y = self.like(x, &to);
                self.node(Op::ResizeNearest { align_corners, half_pixel_centers }, &[x], &[y])
            }
            _ => self.fully_connected(x),
        }
    }

    /// Gates that are neither all closed nor all open: what is read, `count` matrices of the input and of the state, and 4 biases.
    fn gates(&mut self, x: usize, units: usize, count: usize) -> Vec<usize> {
        let mut inputs = vec![x];
        for columns in [self.of(x)[2], units] {
            for _ in 0..count {
                let scale = self.scale(0.002, 0.01);
                let quantization = (self.scalar == Scalar::I8).then(|| one(scale, 0));
                inputs.push(self.constant(&[units, columns], quantization));
            }
        }
        for _ in 0..4 {
            inputs.push(self.gate_biases(units));
        }
        inputs
    }

    fn gru(&mut self, x: usize) -> usize {
        let (steps, units) = (self.of(x)[1], self.between(1, 40));
        let inputs = self.gates(x, units, 3);
        let y = self.value(&[1, steps, units]);
        if let Some(of_y) = &mut self.graph.tensors[y].quantization {
            of_y.scales[0] = of_y.scales[0].min(1.0 / 64.0);
        }
        self.node(Op::Gru, &inputs, &[y])
    }

    /// States have one quantisation.
    fn lstm(&mut self, x: usize) -> usize {
        let (steps, units) = (self.of(x)[1], self.between(1, 40));
        let inputs = self.gates(x, units, 4);
        let y = self.value(&[1, steps, units]);
        let state = self.graph.tensors[y].quantization.clone().map(|found| (found.scales[0], found.zero_points[0]));
        let cell = f32::powi(2.0, -(self.between(9, 15) as i32));
        let quantization = state.map(|(scale, zero)| {
            let scale = scale.min(1.0 / 64.0);
            LstmQuantization { cell, state: (scale, zero), hidden: (scale, zero) }
        });
        if let (Some(found), Some(of_y)) = (quantization, &mut self.graph.tensors[y].quantization) {
            of_y.scales[0] = found.hidden.0;
        }
        let cell_clip = if self.one_in(3) { self.scale(0.1, 10.0) } else { 0.0 };
        self.node(Op::UnidirectionalSequenceLstm(Lstm { cell_clip, quantization }), &inputs, &[y])
    }

    /// Of floats, or of integers that count what sums of products do.
    fn gate_biases(&mut self, units: usize) -> usize {
        if self.scalar == Scalar::F32 {
            return self.constant(&[units], None);
        }
        let data = (0..units).flat_map(|_| (self.below(10_001) as i32 - 5_000).to_le_bytes()).collect();
        self.push(&[units], Scalar::I32, Some(one(1e-4, 0)), Some(data))
    }

    /// A ring buffer before `x`, and what reads it.
    fn kept(&mut self, x: usize) -> usize {
        let mut shape = self.of(x);
        if shape.len() != 4 {
            shape = vec![1, 1, 1, shape.iter().product()];
            let y = self.like(x, &shape);
            return self.node(Op::Reshape, &[x], &[y]);
        }
        let before = self.between(1, 7);
        let quantization = self.graph.tensors[x].quantization.clone();
        let start = self.constant(&[1, before, shape[2], shape[3]], quantization.clone());
        if self.one_in(2) {
            // Mostly they begin with what means 0.
            let zero = quantization.map_or(0, |found| found.zero_points[0] as u8);
            self.graph.tensors[start].data.as_mut().unwrap().fill(zero);
        }
        shape[1] += before;
        let ring = self.like(x, &shape);
        self.node(Op::Ring, &[x, start], &[ring]);
        match self.below(7) {
            0 | 1 => self.convolution(true, ring),
            2 => self.convolution(false, ring),
            3 => {
                let max = self.one_in(2);
                self.pool(max, ring)
            }
            4 => self.fully_connected(ring),
            5 => self.each(Op::Relu, ring),
            _ => self.lengths(ring),
        }
    }

    /// Kernels that reach back differently, over parts of the channels or over all of them, side by side.
    fn lengths(&mut self, x: usize) -> usize {
        let [_, rows, columns, channels] = self.of(x)[..] else { return x };
        let mut parts = vec![x; 2];
        if channels > 1 && self.one_in(2) {
            let first = self.between(1, channels - 1);
            parts = [first, channels - first].map(|n| self.like(x, &[1, rows, columns, n])).into();
            self.node(Op::Split { axis: 3 }, &[x], &parts);
        }
        let mut ends = Vec::new();
        for part in parts {
            let (height, channels) = (self.between(1, rows), self.of(part)[3]);
            let slice = |len: usize, of: usize| Slice { begin: of - len, step: 1, len, drop: false };
            let slices = vec![slice(1, 1), slice(height, rows), slice(columns, columns), slice(channels, channels)];
            let last = self.like(part, &[1, height, columns, channels]);
            self.node(Op::StridedSlice { slices }, &[part], &[last]);
            let conv =
                Conv { padding: Padding::Valid, strides: [1; 2], dilation: [1; 2], activation: self.activation() };
            let (weights, to) = ([1, height, 1, channels], [1, 1, columns, channels]);
            let mut end = self.weighted(Op::DepthwiseConv2d(conv), last, &weights, 3, height, &to);
            if let (Some(first), Scalar::I8) = (ends.first().copied(), self.scalar) {
                let y = self.like(first, &to);
                end = self.node(Op::Quantize, &[end], &[y]);
            }
            ends.push(end);
        }
        let channels = ends.iter().map(|end| self.of(*end)[3]).sum();
        let y = self.like(ends[0], &[1, 1, columns, channels]);
        self.node(Op::Concatenation { axis: 3 }, &ends, &[y])
    }

    /// An element-wise function, to random quantisation.
    fn each(&mut self, op: Op, x: usize) -> usize {
        let y = self.value(&self.of(x));
        let from = self.graph.tensors[x].quantization.as_ref().map_or(0.0, |found| found.scales[0]);
        if let (Op::HardSwish, Some(of_y)) = (&op, &mut self.graph.tensors[y].quantization) {
            // LiteRT has no larger quotient than 128.
            of_y.scales[0] = of_y.scales[0].max(from / 64.0);
        }
        self.node(op, &[x], &[y])
    }

    /// One whose output has a quantisation that LiteRT prescribes.
    fn fixed(&mut self, op: Op, x: usize, scale: f32, zero_point: i32) -> usize {
        let quantization = (self.scalar == Scalar::I8).then(|| one(scale, zero_point));
        let y = self.push(&self.of(x), self.scalar, quantization, None);
        self.node(op, &[x], &[y])
    }

    /// What is added to `x` or multiplied with it: another input, a constant, a function of it, of its shape or one that repeats to it.
    fn operand(&mut self, x: usize) -> usize {
        let mut shape = self.of(x);
        match self.below(5) {
            0 => self.each(Op::Relu, x),
            1 if shape[0] == 1 => self.input(&shape),
            2 => {
                let channels = shape[shape.len() - 1];
                shape.fill(1);
                *shape.last_mut().unwrap() = channels;
                let quantization = self.quantization();
                self.constant(&shape, quantization)
            }
            3 => {
                let quantization = self.quantization();
                self.constant(&vec![1; shape.len()], quantization)
            }
            _ => x,
        }
    }

    fn quantize(&mut self, x: usize) -> usize {
        let shape = self.of(x);
        // From another scalar, by way of an input.
        let from = match self.below(3) {
            _ if shape[0] != 1 => x,
            0 => x,
            1 => {
                let quantization = Some(one(self.scale(0.01, 0.1), self.below(256) as i32));
                let input = self.push(&shape, Scalar::U8, quantization, None);
                self.graph.inputs.push(input);
                input
            }
            _ => {
                let input = self.push(&shape, Scalar::F32, None, None);
                self.graph.inputs.push(input);
                input
            }
        };
        let y = self.value(&shape);
        let y = self.node(Op::Quantize, &[from], &[y]);
        if from == x {
            return y;
        }
        let sum = self.value(&shape);
        self.node(Op::Add { activation: Activation::None }, &[x, y], &[sum])
    }

    /// Weights with one scale or one for each index of `axis`, and perhaps a bias. Sums of `terms` products; returns what holds them.
    fn weighted(&mut self, op: Op, x: usize, weights: &[usize], axis: usize, terms: usize, to: &[usize]) -> usize {
        let outputs = weights[axis];
        let by_channel = self.one_in(2) && outputs > 1;
        // LiteRT demands one of a convolution.
        let bias = matches!(op, Op::Conv2d(_)) || !self.one_in(4);
        if self.scalar == Scalar::F32 {
            let bias = bias.then(|| self.constant(&[outputs], None));
            // Sums of any length are about as large as their inputs, so that those that cancel are not only rounding errors.
            let range = 1.0 / (terms as f32).sqrt();
            let data = (0..weights.iter().product())
                .flat_map(|_| (range * (2.0 * uniform(&mut self.rng) - 1.0)).to_le_bytes())
                .collect();
            let weights = self.push(weights, Scalar::F32, None, Some(data));
            let y = self.value(to);
            return self.optional(op, &[Some(x), Some(weights), bias], &[y]);
        }
        let scale = self.scale(0.001, 0.1);
        let scales: Vec<f32> =
            (0..if by_channel { outputs } else { 1 }).map(|_| scale * self.scale(0.2, 1.0)).collect();
        let zero_points = vec![0; scales.len()];
        let from = self.graph.tensors[x].quantization.as_ref().unwrap().scales[0];
        let bias_scales: Vec<f32> = scales.iter().map(|scale| from * scale).collect();
        // As large as the sums, so that some outputs are clamped and most are not.
        let spread = 5000.0 * (terms as f32).sqrt();
        let y_scale = from * scale * spread / 60.0 * self.scale(0.3, 2.0);
        let zero_point = self.below(256) as i32 - 128;
        let weights = self.constant(
            weights,
            Some(Quantization { scales, zero_points: zero_points.clone(), axis: if by_channel { axis } else { 0 } }),
        );
        let bias = bias.then(|| {
            let data = (0..outputs)
                .flat_map(|_| (((2.0 * uniform(&mut self.rng) - 1.0) * spread) as i32).to_le_bytes())
                .collect();
            let quantization = Quantization { scales: bias_scales, zero_points, axis: 0 };
            self.push(&[outputs], Scalar::I32, Some(quantization), Some(data))
        });
        let y = self.push(to, Scalar::I8, Some(one(y_scale, zero_point)), None);
        self.optional(op, &[Some(x), Some(weights), bias], &[y])
    }

    fn fully_connected(&mut self, x: usize) -> usize {
        let shape = self.of(x);
        let (outputs, activation) = (self.between(1, 20), self.activation());
        // All elements, or the last axis, of a window.
        let last = shape[shape.len() - 1];
        let inputs = if shape.len() == 3 { last } else { shape.iter().product() };
        let to = if shape.len() == 3 { vec![shape[0], shape[1], outputs] } else { vec![1, outputs] };
        self.weighted(Op::FullyConnected { activation }, x, &[outputs, inputs], 0, inputs, &to)
    }

    fn convolution(&mut self, full: bool, x: usize) -> usize {
        let shape = self.of(x);
        let padding = self.padding();
        let strides = if self.one_in(3) { [1; 2] } else { self.pair(3) };
        let mut dilation = if self.one_in(3) { self.pair(3) } else { [1; 2] };
        let mut kernel = self.pair(5);
        for axis in 0..2 {
            let span = |kernel: usize, dilation: usize| (kernel - 1) * dilation + 1;
            if padding == Padding::Valid && span(kernel[axis], dilation[axis]) > shape[axis + 1] {
                (kernel[axis], dilation[axis]) = (1, 1);
            }
        }
        let size = |axis: usize| match padding {
            Padding::Same => shape[axis + 1].div_ceil(strides[axis]),
            Padding::Valid => (shape[axis + 1] - (kernel[axis] - 1) * dilation[axis]).div_ceil(strides[axis]),
        };
        let conv = Conv { padding, strides, dilation, activation: self.activation() };
        let taps = kernel[0] * kernel[1];
        if full {
            let outputs = self.between(1, 12);
            let weights = [outputs, kernel[0], kernel[1], shape[3]];
            return self.weighted(Op::Conv2d(conv), x, &weights, 0, taps * shape[3], &[1, size(0), size(1), outputs]);
        }
        let outputs = shape[3] * if self.one_in(2) { 1 } else { self.between(2, 4) };
        let weights = [1, kernel[0], kernel[1], outputs];
        self.weighted(Op::DepthwiseConv2d(conv), x, &weights, 3, taps, &[1, size(0), size(1), outputs])
    }

    /// A transposed convolution to any size from which a convolution would come back.
    fn transposed(&mut self, x: usize) -> usize {
        let shape = self.of(x);
        let padding = self.padding();
        let (strides, kernel) = (self.pair(3), self.pair(4));
        let to = [0, 1].map(|axis| match padding {
            Padding::Same => shape[axis + 1] * strides[axis] - self.below(strides[axis]),
            Padding::Valid => (shape[axis + 1] - 1) * strides[axis] + kernel[axis] + self.below(strides[axis]),
        });
        let conv = Conv { padding, strides, dilation: [1; 2], activation: self.activation() };
        let outputs = self.between(1, 7);
        let (weights, terms) = ([outputs, kernel[0], kernel[1], shape[3]], kernel[0] * kernel[1] * shape[3]);
        self.weighted(Op::TransposeConv(conv), x, &weights, 0, terms, &[1, to[0], to[1], outputs])
    }

    /// Two to four paths from `x` to one value.
    fn paths(&mut self, x: usize, depth: usize) -> usize {
        let shape = self.of(x);
        let mut starts = vec![x; self.between(2, 4)];
        if shape[3] > 1 && self.one_in(3) {
            let first = self.between(1, shape[3] - 1);
            starts = [first, shape[3] - first].map(|n| self.like(x, &[1, shape[1], shape[2], n])).into();
            self.node(Op::Split { axis: 3 }, &[x], &starts);
        }
        let mut ends: Vec<usize> = starts.into_iter().map(|start| self.path(start, depth)).collect();
        if self.one_in(3) {
            let channels = self.between(1, 5);
            let mut sum = self.convolved(ends[0], channels);
            for end in &ends[1..] {
                let end =
                    if self.of(*end)[3] == channels && self.one_in(2) { *end } else { self.convolved(*end, channels) };
                let y = self.value(&self.of(sum));
                let activation = if self.one_in(2) { Activation::Relu } else { Activation::None };
                let inputs = if self.one_in(2) { [sum, end] } else { [end, sum] };
                sum = self.node(Op::Add { activation }, &inputs, &[y]);
            }
            return sum;
        }
        // Side by side by channel, with one quantisation; or, at the end, by row or column.
        let first = ends[0];
        for end in ends.iter_mut().filter(|end| **end != first) {
            let shape = self.of(*end);
            if self.scalar == Scalar::I8 {
                let y = self.like(first, &shape);
                *end = self.node(Op::Quantize, &[*end], &[y]);
            }
        }
        let same = ends.iter().all(|end| self.of(*end)[3] == self.of(first)[3]);
        let axis = if same && depth == FORKS { self.between(1, 3) } else { 3 };
        let mut to = self.of(first);
        to[axis] = ends.iter().map(|end| self.of(*end)[axis]).sum();
        let y = self.like(first, &to);
        self.node(Op::Concatenation { axis }, &ends, &[y])
    }

    /// Up to two convolutions or forks.
    fn path(&mut self, mut x: usize, depth: usize) -> usize {
        for _ in 0..self.below(3) {
            let small = self.of(x).iter().product::<usize>() < 400;
            let channels = self.between(1, 5);
            x = if depth > 0 && small && self.one_in(3) {
                self.paths(x, depth - 1)
            } else {
                self.convolved(x, channels)
            };
        }
        x
    }

    /// A convolution that keeps height and width.
    fn convolved(&mut self, x: usize, outputs: usize) -> usize {
        let shape = self.of(x);
        let kernel = [1, 3][self.below(2)];
        let activation = if self.one_in(2) { Activation::Relu } else { Activation::None };
        let conv = Conv { padding: Padding::Same, strides: [1; 2], dilation: [1; 2], activation };
        let (weights, terms) = ([outputs, kernel, kernel, shape[3]], kernel * kernel * shape[3]);
        self.weighted(Op::Conv2d(conv), x, &weights, 0, terms, &[1, shape[1], shape[2], outputs])
    }

    /// A convolution or pooling from top to bottom without padding, over 5 rows at most.
    fn along(&mut self, x: usize) -> usize {
        let shape = self.of(x);
        let (kind, stride, kernel) = (self.below(4), self.between(1, 2), self.between(1, 4));
        let dilation = if kind < 3 && kernel < 4 { self.between(1, 2) } else { 1 };
        let rows = (shape[1] - (kernel - 1) * dilation).div_ceil(stride);
        let (padding, strides, activation) = (Padding::Valid, [stride, 1], self.activation());
        if kind == 3 {
            let y = self.like(x, &[1, rows, 1, shape[3]]);
            let pool = Pool { padding, window: [kernel, 1], strides, activation };
            let op = if self.one_in(2) { Op::MaxPool2d(pool) } else { Op::AveragePool2d(pool) };
            return self.node(op, &[x], &[y]);
        }
        let conv = Conv { padding, strides, dilation: [dilation, 1], activation };
        if kind == 2 {
            let (weights, to) = ([1, kernel, 1, shape[3]], [1, rows, 1, shape[3]]);
            return self.weighted(Op::DepthwiseConv2d(conv), x, &weights, 3, kernel, &to);
        }
        let outputs = self.between(1, 6);
        let (weights, to) = ([outputs, kernel, 1, shape[3]], [1, rows, 1, outputs]);
        self.weighted(Op::Conv2d(conv), x, &weights, 0, kernel * shape[3], &to)
    }

    fn pool(&mut self, max: bool, x: usize) -> usize {
        let shape = self.of(x);
        let mut pool = Pool {
            padding: self.padding(),
            window: self.pair(4),
            strides: self.pair(3),
            activation: self.activation(),
        };
        let mut to = [1, 0, 0, shape[3]];
        for axis in 0..2 {
            pool.window[axis] = pool.window[axis].min(shape[axis + 1]);
            let windows =
                if pool.padding == Padding::Same { shape[axis + 1] } else { shape[axis + 1] + 1 - pool.window[axis] };
            to[axis + 1] = windows.div_ceil(pool.strides[axis]);
        }
        let y = self.like(x, &to);
        self.node(if max { Op::MaxPool2d(pool) } else { Op::AveragePool2d(pool) }, &[x], &[y])
    }

    /// The parts go on as one value, or the second as an output of the model.
    fn split(&mut self, x: usize) -> usize {
        let shape = self.of(x);
        let axis = (0..shape.len()).rev().find(|axis| shape[*axis] > 1).unwrap_or(0);
        let first = if self.one_in(2) && shape[axis].is_multiple_of(2) {
            shape[axis] / 2
        } else {
            self.between(1, shape[axis].max(2) - 1)
        };
        let parts: Vec<usize> = [first, shape[axis] - first].into_iter().filter(|length| *length > 0).collect();
        let outputs: Vec<usize> = parts
            .into_iter()
            .map(|length| {
                let mut part = shape.clone();
                part[axis] = length;
                self.like(x, &part)
            })
            .collect();
        self.node(Op::Split { axis }, &[x], &outputs);
        if let [_, second] = outputs[..] {
            if self.one_in(2) {
                self.graph.outputs.push(second);
            } else {
                let y = self.like(x, &shape);
                return self.node(Op::Concatenation { axis }, &[second, outputs[0]], &[y]);
            }
        }
        outputs[0]
    }

    fn slice(&mut self, x: usize) -> usize {
        let shape = self.of(x);
        let mut slices = Vec::new();
        for (axis, length) in shape.iter().enumerate() {
            let step: isize = if axis == 0 || self.one_in(2) { 1 } else { [2, 3, -1, -2][self.below(4)] };
            let begin = if self.one_in(2) { if step > 0 { 0 } else { length - 1 } } else { self.below(*length) };
            let room = if step > 0 { length - begin } else { begin + 1 };
            let most = room.div_ceil(step.unsigned_abs());
            let len = self.between(1, most);
            let drop = axis > 0 && step == 1 && len == 1 && self.one_in(2);
            slices.push(Slice { begin, step, len, drop });
        }
        let to: Vec<usize> = slices.iter().filter(|slice| !slice.drop).map(|slice| slice.len).collect();
        let y = self.like(x, &to);
        self.node(Op::StridedSlice { slices }, &[x], &[y])
    }
}

fn one(scale: f32, zero_point: i32) -> Quantization {
    Quantization { scales: vec![scale], zero_points: vec![zero_point], axis: 0 }
}
