//! The graph that every file format is read into: values, and the operators between them in the order in which they run.
//!
//! Shapes are those of the file, the batch first and the channels last: an image is `[1, height, width, channels]`.

pub use super::cost::Cost;
pub use super::cut::CutError;
pub use super::typed::{TypeError, Typed};
use std::string::String;
use std::vec::Vec;

use crate::numbers::{fingerprint, mix};

/// A network as a file tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// Inputs, constants, and what the nodes write.
    pub tensors: Vec<Value>,
    /// In an order in which each finds its inputs written.
    pub nodes: Vec<Node>,
    /// Indices into `tensors`.
    pub inputs: Vec<usize>,
    /// Indices into `tensors`.
    pub outputs: Vec<usize>,
}

impl Graph {
    /// Names the network by its operators and numbers: what [`OnFeatures`](crate::OnFeatures) calls features by. Never 0. The names of tensors
    /// are no part of it.
    pub fn fingerprint(&self) -> u32 {
        let mut hash = 0;
        for node in &self.nodes {
            let read = node.inputs.iter().flatten().map(|input| &self.tensors[*input]);
            let written = node.outputs.iter().map(|output| &self.tensors[*output]);
            hash = mix(hash, fingerprint(node.op.name(), &[]));
            for value in read.chain(written) {
                hash = mix(hash, fingerprint(value.scalar.name(), &value.shape));
                let quantization = value.quantization.iter();
                let meaning = quantization.flat_map(|of| {
                    of.scales.iter().map(|scale| scale.to_bits()).chain(of.zero_points.iter().map(|zero| *zero as u32))
                });
                let data = value.data.iter().flatten().map(|byte| u32::from(*byte));
                hash = meaning.chain(data).fold(hash, mix);
            }
        }
        hash.max(1)
    }

    /// Appends a tensor, and returns its index.
    pub(crate) fn add(&mut self, value: Value) -> usize {
        self.tensors.push(value);
        self.tensors.len() - 1
    }
}

/// A tensor: a constant if it has data.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// For messages; may be empty or occur twice.
    pub name: String,
    /// No length is 0; a single number has no axes.
    pub shape: Vec<usize>,
    /// The type of its elements.
    pub scalar: Scalar,
    /// What the integers mean; of floats, what those mean that the network has learned to be rounded to.
    pub quantization: Option<Quantization>,
    /// Of a constant: its elements in row-major order, little endian.
    pub data: Option<Vec<u8>>,
}

impl Value {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Its axes without the batch.
    pub(crate) fn axes(&self) -> &[usize] {
        match &self.shape[..] {
            [1, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        }
    }

    /// Bytes that the elements take.
    pub fn bytes(&self) -> usize {
        self.elements() * self.scalar.bytes()
    }

    /// The elements of a constant of floats.
    pub(crate) fn floats(&self) -> Option<Vec<f32>> {
        let data = self.data.as_ref().filter(|_| self.scalar == Scalar::F32)?;
        Some(data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// Makes it a constant of these elements.
    pub(crate) fn set_floats(&mut self, elements: impl IntoIterator<Item = f32>) {
        self.data = Some(elements.into_iter().flat_map(f32::to_le_bytes).collect());
    }
}

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scalar {
    /// `f32`
    F32,
    /// `i8`
    I8,
    /// `u8`
    U8,
    /// `i32`
    I32,
    /// `i64`
    I64,
}

impl Scalar {
    /// Bytes of one.
    pub const fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::F32 | Self::I32 => 4,
            Self::I64 => 8,
        }
    }

    /// Rust's name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::I8 => "i8",
            Self::U8 => "u8",
            Self::I32 => "i32",
            Self::I64 => "i64",
        }
    }
}

/// An integer `q` means the real number `scale * (q - zero_point)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantization {
    /// One for the tensor, or one for each index of `axis`; finite and above 0.
    pub scales: Vec<f32>,
    /// As many as `scales`.
    pub zero_points: Vec<i32>,
    /// What the scales belong to if they are several.
    pub axis: usize,
}

/// An operator and what it reads and writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// Indices of the tensors that it reads, in the order that [`Op`] names; `None` where one is left out (a bias).
    pub inputs: Vec<Option<usize>>,
    /// Indices of the tensors that it writes.
    pub outputs: Vec<usize>,
}

/// What a node computes, of the inputs that are named in brackets.
///
/// Numbers that follow from the shapes of inputs and outputs are left out. Axes count from 0 and include the batch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Op {
    /// Matrix product: `[x, weights [outputs, inputs], bias [outputs] or none]`.
    FullyConnected {
        /// Applied to the result.
        activation: Activation,
    },
    /// Convolution: `[x, weights [outputs, height, width, channels], bias [outputs] or none]`.
    Conv2d(Conv),
    /// Convolution of each channel for itself: `[x, weights [1, height, width, outputs], bias [outputs] or none]`. Channel `c` makes the
    /// outputs `c * m` to `(c + 1) * m - 1`, where `m` is the quotient of outputs and channels.
    DepthwiseConv2d(Conv),
    /// Transposed convolution, which leads back from the output of a convolution to its input: `[x, weights [outputs, height, width, channels],
    /// bias [outputs] or none]`. Without dilation.
    TransposeConv(Conv),
    /// Mean of each window: `[x]`. What lies outside of the image is not counted.
    AveragePool2d(Pool),
    /// Largest value of each window: `[x]`.
    MaxPool2d(Pool),
    /// Sum: `[a, b]`, of which an axis of length 1 is repeated.
    Add {
        /// Applied to the result.
        activation: Activation,
    },
    /// Product of elements: `[a, b]`, of which an axis of length 1 is repeated.
    Mul {
        /// Applied to the result.
        activation: Activation,
    },
    /// A margin: `[x]`, then it is filled with what means 0, or `[x, value]` with one constant element.
    Pad {
        /// Elements before and after, for each axis.
        margins: Vec<[usize; 2]>,
    },
    /// Mean over axes: `[x]`.
    Mean {
        /// In ascending order.
        axes: Vec<usize>,
        /// Whether they stay, with length 1.
        keep: bool,
    },
    /// One after another along an axis: `[a, b, ..]`.
    Concatenation {
        /// The axis.
        axis: usize,
    },
    /// `exp(beta * x)` divided by its sum over the last axis: `[x]`.
    Softmax {
        /// The factor, mostly 1.
        beta: f32,
    },
    /// `1 / (1 + exp(-x))`: `[x]`.
    Logistic,
    /// Hyperbolic tangent: `[x]`.
    Tanh,
    /// `max(x, 0)`: `[x]`.
    Relu,
    /// `x` held between 0 and 6: `[x]`.
    Relu6,
    /// `x` held between -1 and 1: `[x]`.
    ReluN1To1,
    /// `x * min(max(x + 3, 0), 6) / 6`: `[x]`.
    HardSwish,
    /// `x` times the normal distribution: `[x]`.
    Gelu {
        /// `x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³)))` instead.
        approximate: bool,
    },
    /// `x` where it is positive, elsewhere `exp(x) - 1`: `[x]`. LiteRT's reference kernels lack it, its others have it.
    Elu,
    /// `x` where it is positive, elsewhere `alpha * x`: `[x]`.
    LeakyRelu {
        /// The slope below 0.
        alpha: f32,
    },
    /// `x` where it is positive, elsewhere times a slope: `[x, constant slopes]`, of which an axis of length 1 is repeated.
    PRelu,
    /// To integers of the output's quantisation, from floats or from integers of another one: `[x]`.
    Quantize,
    /// To floats: `[x]`.
    Dequantize,
    /// From floats to integers of 32 bits, towards 0: `[x]`.
    Cast,
    /// The rows of a table for integers of 32 bits, counted from 0: `[x, constant table [rows, ..]]`.
    Gather,
    /// The same elements in the output's shape: `[x]`.
    Reshape,
    /// The same elements without some axes of length 1: `[x]`.
    Squeeze {
        /// Those that go, in ascending order.
        axes: Vec<usize>,
    },
    /// Parts along an axis, as long as the outputs are: `[x]`.
    Split {
        /// The axis.
        axis: usize,
    },
    /// Elements at a regular distance, for each axis: `[x]`.
    StridedSlice {
        /// For each axis.
        slices: Vec<Slice>,
    },
    /// Another order of axes: `[x]`.
    Transpose {
        /// Axis `i` of the output is axis `order[i]` of the input.
        order: Vec<usize>,
    },
    /// Long short-term memory without peepholes and projection, from outputs and cells of 0: `[x [1, steps, inputs], weights of the input
    /// [units, inputs] for input gate, forget gate, candidate and output gate, weights of the output before [units, units] likewise, biases
    /// [units] likewise]`.
    UnidirectionalSequenceLstm(Lstm),
    /// Gated recurrent unit, from the state 0, whose reset gate is applied behind the hidden product: `[x [1, steps, inputs], weights of the
    /// input [units, inputs] for reset gate, update gate and candidate, weights of the output before [units, units] likewise, biases [units]
    /// likewise, and those of the candidate's hidden product]`. LiteRT has none.
    Gru,
    /// The last elements of its output at the run before, as many as `start` has, then those of `x`: `[x, start]`; at the first run the
    /// constant `start` comes first. A ring buffer over time, which LiteRT spells out as a variable that is read, concatenated with what
    /// is new, sliced and assigned. Axes before the one that it makes longer have the length 1.
    Ring,
    /// Height and width of the output, each pixel being the nearest one: `[x]`.
    ResizeNearest {
        /// The corners' centres lie on each other, not their edges.
        align_corners: bool,
        /// Pixels are taken at their centres.
        half_pixel_centers: bool,
    },
}

impl Op {
    /// As LiteRT calls it; `RING_BUFFER`, which is several operators there, and `GRU`, which is none.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::FullyConnected { .. } => "FULLY_CONNECTED",
            Self::Conv2d(_) => "CONV_2D",
            Self::DepthwiseConv2d(_) => "DEPTHWISE_CONV_2D",
            Self::TransposeConv(_) => "TRANSPOSE_CONV",
            Self::AveragePool2d(_) => "AVERAGE_POOL_2D",
            Self::MaxPool2d(_) => "MAX_POOL_2D",
            Self::Add { .. } => "ADD",
            Self::Mul { .. } => "MUL",
            Self::Pad { .. } => "PAD",
            Self::Mean { .. } => "MEAN",
            Self::Concatenation { .. } => "CONCATENATION",
            Self::Softmax { .. } => "SOFTMAX",
            Self::Logistic => "LOGISTIC",
            Self::Tanh => "TANH",
            Self::Relu => "RELU",
            Self::Relu6 => "RELU6",
            Self::ReluN1To1 => "RELU_N1_TO_1",
            Self::HardSwish => "HARD_SWISH",
            Self::Gelu { .. } => "GELU",
            Self::Elu => "ELU",
            Self::LeakyRelu { .. } => "LEAKY_RELU",
            Self::PRelu => "PRELU",
            Self::Quantize => "QUANTIZE",
            Self::Dequantize => "DEQUANTIZE",
            Self::Cast => "CAST",
            Self::Gather => "GATHER",
            Self::Reshape => "RESHAPE",
            Self::Squeeze { .. } => "SQUEEZE",
            Self::Split { .. } => "SPLIT",
            Self::StridedSlice { .. } => "STRIDED_SLICE",
            Self::Transpose { .. } => "TRANSPOSE",
            Self::UnidirectionalSequenceLstm(_) => "UNIDIRECTIONAL_SEQUENCE_LSTM",
            Self::Gru => "GRU",
            Self::Ring => "RING_BUFFER",
            Self::ResizeNearest { .. } => "RESIZE_NEAREST_NEIGHBOR",
        }
    }
}

/// How a convolution goes over an image. Pairs are height, then width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// What lies around the image.
    pub padding: Padding,
    /// Pixels from one window to the next, at least 1.
    pub strides: [usize; 2],
    /// Pixels from one tap of the kernel to the next, at least 1.
    pub dilation: [usize; 2],
    /// Applied to the result.
    pub activation: Activation,
}

/// How a pooling goes over an image. Pairs are height, then width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// What lies around the image.
    pub padding: Padding,
    /// Size of a window, at least 1.
    pub window: [usize; 2],
    /// Pixels from one window to the next, at least 1.
    pub strides: [usize; 2],
    /// Applied to the result.
    pub activation: Activation,
}

/// How long short-term memory computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lstm {
    /// A cell is held between this and its negative; it is not if this is 0.
    pub cell_clip: f32,
    /// Of integers.
    pub quantization: Option<LstmQuantization>,
}

/// What integers inside of long short-term memory mean: scales, and zero points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LstmQuantization {
    /// Of a cell with 16 bits, a power of two.
    pub cell: f32,
    /// Of an output as it is read again at the next step.
    pub state: (f32, i32),
    /// Of an output as it is written.
    pub hidden: (f32, i32),
}

/// What lies around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// As much as it takes for `ceil(size / stride)` windows, the larger half at the end.
    Same,
    /// Nothing.
    Valid,
}

/// A function that an operator applies to its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// None.
    None,
    /// `max(x, 0)`
    Relu,
    /// `x` held between -1 and 1.
    ReluN1To1,
    /// `x` held between 0 and 6.
    Relu6,
}

/// The elements of an axis that a [`StridedSlice`](Op::StridedSlice) takes: `begin`, `begin + step`, .., all of them inside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The first.
    pub begin: usize,
    /// From one to the next, not 0.
    pub step: isize,
    /// How many, at least 1.
    pub len: usize,
    /// Of one element: the output lacks the axis.
    pub drop: bool,
}
