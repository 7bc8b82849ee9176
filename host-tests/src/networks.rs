//! Typed networks of floats, with random weights.

use nerve::graph::Graph;
use nerve::prelude::*;
use nerve::{Array, Describe, Max, Pool, Tensor, onnx};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

/// With biases and statistics that are not those of a new network.
pub fn random<N: Params<f32> + Zero>(seed: u64) -> Box<N> {
    let mut rng = Pcg32::seed_from_u64(seed);
    let mut net = Box::new(N::ZERO);
    net.init(Init::GlorotUniform, &mut rng);
    net.visit_mut(&mut |tensor| {
        for w in tensor.iter_mut().filter(|w| **w == 0.0 || **w == 1.0) {
            *w += 0.05 + 0.1 * uniform(&mut rng);
        }
    });
    net
}

/// From 0 to 1.
pub fn uniform(rng: &mut Pcg32) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 24) as f32
}

/// From -2 to 4, little endian: rows may be counted by them too.
pub fn inputs(seed: u64, count: usize) -> Vec<u8> {
    let mut rng = Pcg32::seed_from_u64(seed);
    (0..count).flat_map(|_| (6.0 * uniform(&mut rng) - 2.0).to_le_bytes()).collect()
}

/// Bytes of an input to those of an output.
pub type Run = dyn Fn(&[u8]) -> Vec<u8>;

/// A network as a graph and as itself.
pub struct Typed {
    /// Tells it from others.
    pub name: &'static str,
    /// Of floats.
    pub graph: Graph,
    /// As an ONNX file.
    pub onnx: Vec<u8>,
    /// The network itself.
    pub run: Box<Run>,
}

/// A network of layers that LiteRT's reference kernels have no operator for.
pub fn gated() -> Typed {
    of::<chain![Conv1d<3, 4, 3, Elu>, Gru<4, 7>, Gru<7, 5>, Last, Dense<5, 3>], [[f32; 3]; 12]>("gated")
}

/// Networks with every layer that LiteRT has an operator for.
pub fn typed() -> Vec<Typed> {
    vec![
        of::<Images, [[[f32; 2]; 10]; 8]>("images"),
        of::<Paths, [[[f32; 2]; 10]; 8]>("paths"),
        of::<Directions, [[[f32; 2]; 13]; 20]>("directions"),
        of::<Causal, [[f32; 3]; 28]>("causal"),
        of::<Functions, [[[f32; 2]; 10]; 8]>("functions"),
        of::<Drawing, [[[f32; 2]; 10]; 8]>("drawing"),
        of::<Reading, [f32; 12]>("reading"),
        of::<chain![Embedding<9, 4>, Lstm<4, 7>, Last, Dense<7, 3>], [f32; 6]>("words"),
        of::<ToImage, [[[f32; 2]; 10]; 8]>("to-image"),
        of::<chain![Conv1d<3, 2, 3>, Relu], [[f32; 3]; 9]>("to-signal"),
        of::<ToRow, [[[f32; 2]; 10]; 8]>("to-row"),
        of::<chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>], [f32; 4]>("rows"),
        of::<chain![Conv1d<3, 4, 3, Relu>, Lstm<4, 7>, Lstm<7, 5>, Last, Dense<5, 3>], [[f32; 3]; 12]>("recurrent"),
    ]
}

type Images = chain![
    Residual<chain![BatchNorm<Conv2d<2, 2, 3>, Tanh>, Dropout<10>]>,
    BatchNorm<Conv2d<2, 3, 3>, Relu>,
    BatchNorm<DepthwiseConv2d<3, 3>, Sigmoid>,
    AvgPool2d<2, 4, 5>,
    Conv2d<3, 4, 3, Relu, To<2, 3, 2, 1>>,
    Flatten<24>,
    Standardize<24>,
    LeakyRelu,
    Frozen<Dense<24, 6, Tanh>>,
    Residual<BatchNorm<Dense<6, 6>>>,
    Dense<6, 3, Softmax>
];
/// Activations that no example has.
type Functions = chain![
    Conv2d<2, 3, 3, Relu6>,
    Conv2d<3, 3, 3, HardTanh>,
    HardSwish,
    Gelu,
    Relu6,
    Conv2d<3, 4, 3, HardSigmoid, To<4, 5, 2, 1>>,
    Silu,
    PRelu<1>,
    GeluTanh,
    Softmax,
    Flatten<80>,
    Dense<80, 6>,
    HardSwish,
    Dense<6, 3>
];
/// Paths that are added and concatenated, with the channels first and last.
pub type Paths = chain![
    Branches<Conv2d<2, 4, 3, Relu, To<4, 5, 2, 1>>, Conv2d<2, 4, 1, Linear, To<4, 5, 2>>, Sum>,
    Branches<Branches<Conv2d<4, 2, 1>, Conv2d<4, 3, 3, Tanh>, Concat<5>>, Linear, Concat<9>>,
    Around<DepthwiseConv2d<9, 3>, Concat<18>>,
    Flatten<360>,
    Dense<360, 5>,
    Around<Dense<5, 2, Relu>, Concat<7>>
];
/// Kernels and windows whose directions differ.
type Directions = chain![
    Conv<2, 3, 3, 5, Relu, (To1d<10, 2, SAME>, To1d<12, 1, 4, 2, 3>)>,
    Depthwise<3, 4, 2, LeakyRelu, (Same, To1d<6, 2, SAME>)>,
    Pool<Max, 3, 2, (To1d<4, 3, SAME>, To1d<3, 2, SAME>)>,
    GlobalAvgPool,
    Dense<3, 4>
];
type Causal = chain![
    Conv1d<3, 4, 3, Relu, To1d<28, 1, 4, 2, 0>>,
    MaxPool1d<2, 14>,
    Conv1d<4, 3, 4, Tanh>,
    AvgPool1d<4, 7, 2, SAME>,
    Last
];

/// Transposed convolutions whose padding LiteRT has a name for, and whose has none; slopes of channels and of elements.
type Drawing = chain![
    Conv2d<2, 4, 3, Linear, To<4, 5, 2, 1>>,
    PRelu<4>,
    ScaleShift<4>,
    ConvTranspose2d<4, 3, 4, To<8, 10, 2, 1>, Relu>,
    ConvTranspose2d<3, 2, 3, To<15, 19, 2, 1>>,
    ConvTranspose2d<2, 2, 3, To<45, 57, 3, 1>, Relu6>,
    AvgPool2d<5, 9, 11>,
    Flatten<198>,
    PRelu<198>,
    ScaleShift<198, Relu>,
    Dense<198, 3>
];

/// Rows for integers, as a signal and as numbers.
type Reading = Branches<
    chain![Embedding<9, 4>, Conv1d<4, 3, 3, Relu>, GlobalAvgPool],
    chain![Embedding<7, 2>, Flatten<24>, PRelu<24>, Dense<24, 3>],
    Sum,
>;

/// An image as the output.
pub type ToImage = chain![Conv2d<2, 3, 3, Sigmoid>, MaxPool2d<2, 4, 5>];
/// A pixel of it.
pub type ToRow = chain![Conv2d<2, 3, 3, Sigmoid>, Last, Last];

fn of<N: Describe<X> + Zero + 'static, X: Tensor<Elem = f32> + 'static>(name: &'static str) -> Typed {
    let net = random::<N>(7);
    let graph = Graph::of::<X, N>(&net).unwrap_or_else(|error| panic!("{name}: {error}"));
    let onnx = onnx::export::<X, N>(&net).unwrap_or_else(|error| panic!("{name}: {error}"));
    let run = move |input: &[u8]| {
        let mut x = Box::new(X::ZERO);
        for (x, bytes) in x.flat_mut().iter_mut().zip(input.as_chunks().0) {
            *x = f32::from_le_bytes(*bytes);
        }
        let mut pass = Box::new(Pass::<N, X>::ZERO);
        pass.run(&net, std::array::from_ref(&*x))[0].flat().iter().flat_map(|y| y.to_le_bytes()).collect()
    };
    Typed { name, graph, onnx, run: Box::new(run) }
}
