//! `onnx FOLDER` computes inputs and outputs of the examples' networks, whose weights (`NAME.nrv`) and ONNX files they have written there,
//! and of networks with every other layer, which it writes there as ONNX itself; `onnx_out.py` compares the outputs with onnxruntime's.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use common::autoencoder::{Code, Decoder, Encoder, WithRelu, WithSigmoid};
use common::regression::Regressor;
use host_tests::networks::{self, Paths, ToImage, ToRow, uniform};
use nerve::prelude::*;
use nerve::{Array, Avg, Describe, Max, Pool, Tensor, onnx};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

/// The networks of the examples.
#[path = "../../examples"]
mod examples {
    #[path = "cnn/networks.rs"]
    pub mod cnn;
    #[path = "iris/networks.rs"]
    pub mod iris;
    #[path = "life-expectancy/networks.rs"]
    pub mod life_expectancy;
    #[path = "mnist/networks.rs"]
    pub mod mnist;
    #[allow(dead_code, reason = "the names of the classes")]
    #[path = "signal/networks.rs"]
    pub mod signal;
    #[path = "wine/networks.rs"]
    pub mod wine;
}
use examples::{cnn, iris, life_expectancy, mnist, signal, wine};

type Pixels = [f32; 784];
/// Inputs of each network.
const EXAMPLES: usize = 3;

/// Image layers that no example has.
type Images = chain![
    Residual<chain![BatchNorm<Conv2d<2, 2, 3>, Tanh>, Dropout<10>]>,
    BatchNorm<Conv2d<2, 3, 3>, Relu>,
    DepthwiseConv2d<3, 3, Elu>,
    AvgPool2d<2, 4, 5>,
    Conv2d<3, 4, 3, Softmax, To<2, 3, 2, 1>>,
    Flatten<24>,
    Standardize<24>,
    LeakyRelu,
    Frozen<Dense<24, 6, Tanh>>,
    Residual<BatchNorm<Dense<6, 6>>>,
    Dense<6, 3, Softmax>
];
/// Signal layers that no example has.
type Signals = chain![
    Standardize<3>,
    Conv1d<3, 4, 5, LeakyRelu, To1d<12, 2>>,
    Residual<chain![Gru<4, 4>, Conv1d<4, 4, 3, Tanh>]>,
    AvgPool1d<3, 4>,
    Gru<4, 5>,
    Residual<Gru<5, 5>>,
    Flatten<20>,
    Dense<20, 3, Elu>
];
/// Paths of signals that are added and concatenated.
type SignalPaths =
    chain![Branches<Gru<3, 4>, Conv1d<3, 4, 3>, Sum>, Around<Gru<4, 3>, Concat<7>>, Around<Conv1d<7, 2, 3>, Concat<9>>];
/// Kernels and windows whose directions differ.
type Directions = chain![
    Conv<2, 3, 3, 5, Relu, (To1d<10, 2, SAME>, To1d<12, 1, 4, 2, 3>)>,
    Depthwise<3, 4, 2, Elu, (Same, To1d<6, 2, SAME>)>,
    Pool<Max, 3, 2, (To1d<10, 1, 2, 2>, To1d<3, 2, SAME>)>,
    Conv2d<3, 4, 2, Sigmoid, To<8, 1, 1, 0, 2>>,
    Pool<Avg, 3, 2, (To1d<4, 2, 1, 1, 0>, To1d<2, 1, 1>)>,
    AvgPool2d<3, 2, 1, 2, SAME>,
    MaxPool2d<2, 2, 1, 1, SAME>
];
/// Causal convolutions and overlapping windows over time.
type Causal = chain![
    Conv1d<3, 4, 3, Relu, To1d<28, 1, 4, 2, 0>>,
    MaxPool1d<3, 14, 2, 1>,
    Conv1d<4, 3, 4, Tanh>,
    AvgPool1d<4, 7, 2, SAME>
];
/// Activations that no example has, by pixels, instants and rows.
type Activations = chain![
    Conv2d<2, 3, 3, Relu6>,
    PRelu<3>,
    ScaleShift<3, Sigmoid>,
    Conv2d<3, 3, 3, HardTanh>,
    HardSwish,
    Conv2d<3, 4, 3, HardSigmoid, To<4, 5, 2, 1>>,
    Silu,
    Softmax,
    Flatten<80>,
    PRelu<80>,
    ScaleShift<80>,
    Dense<80, 6>,
    Gelu,
    Dense<6, 6>,
    GeluTanh,
    PRelu<1>,
    Dense<6, 6>
];
type SignalActivations =
    chain![Gru<3, 4>, PRelu<4>, ScaleShift<4, Relu>, Softmax, Conv1d<4, 3, 3>, PRelu<1>, PRelu<3>, Softmax];
/// Integers, whose rows are normalised.
type Integers = chain![Embedding<3, 5>, LayerNorm<5>, Conv1d<5, 4, 3, Relu>, LayerNorm<4>, Flatten<36>, LayerNorm<36>, Dense<36, 3>];
/// Heads of several sizes, in a residual connection and at the end.
type Attentive =
    chain![Conv1d<3, 8, 3>, Residual<chain![LayerNorm<8>, Attention<8, 2>]>, Attention<8, 1>, Relu, Attention<8, 4>];
type Drawing = chain![
    Conv2d<2, 4, 3, Relu, To<4, 5, 2, 1>>,
    ConvTranspose2d<4, 3, 4, To<8, 10, 2, 1>, Tanh>,
    ConvTranspose2d<3, 2, 3, To<24, 29, 3, 1>>
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: onnx FOLDER")?);
    fs::create_dir_all(&folder)?;
    let to = &folder;
    write::<iris::Net, iris::Input>(to, "iris/4-10-3-adam")?;
    write::<mnist::Hidden10, Pixels>(to, "mnist/784-10-10-adam")?;
    write::<mnist::Hidden100, Pixels>(to, "mnist/784-100-10-adam")?;
    write::<mnist::Hidden128x64, Pixels>(to, "mnist/784-128-64-10-adam")?;
    write::<mnist::Hidden300x100, Pixels>(to, "mnist/784-300-100-10-adam")?;
    write::<cnn::Tiny, cnn::Image>(to, "cnn/tiny-adam")?;
    write::<cnn::LeNet5, cnn::Image>(to, "cnn/lenet5-adam")?;
    write::<cnn::Residuals, cnn::Image>(to, "cnn/residuals-adam")?;
    write::<Regressor<11, wine::Hidden20>, [f32; 11]>(to, "wine/11-20-1-adam")?;
    write::<Regressor<11, wine::Hidden20x20>, [f32; 11]>(to, "wine/11-20-20-1-adam")?;
    write::<Regressor<11, wine::Hidden20x20x20>, [f32; 11]>(to, "wine/11-20-20-20-1-adam")?;
    write::<Regressor<19, life_expectancy::Hidden20>, [f32; 19]>(to, "life-expectancy/19-20-1-adam")?;
    write::<Regressor<19, life_expectancy::Hidden10x10>, [f32; 19]>(to, "life-expectancy/19-10-10-1-adam")?;
    write::<Regressor<19, life_expectancy::Hidden20x15x10>, [f32; 19]>(to, "life-expectancy/19-20-15-10-1-adam")?;
    write::<WithSigmoid, Pixels>(to, "autoencoder/autoencoder-sigmoid-adam")?;
    write::<Encoder<Sigmoid, Sigmoid>, Pixels>(to, "autoencoder/encoder-sigmoid-adam")?;
    write::<Decoder<Sigmoid>, Code>(to, "autoencoder/decoder-sigmoid-adam")?;
    write::<WithRelu, Pixels>(to, "autoencoder/autoencoder-relu-adam")?;
    write::<Encoder<Relu, Linear>, Pixels>(to, "autoencoder/encoder-relu-adam")?;
    write::<Decoder<Relu>, Code>(to, "autoencoder/decoder-relu-adam")?;
    write::<WithSigmoid, Pixels>(to, "denoise/denoiser-sigmoid-adam")?;
    write::<WithRelu, Pixels>(to, "denoise/denoiser-relu-adam")?;
    write::<signal::Cnn, signal::Window>(to, "signal/cnn-adam")?;
    write::<signal::Recurrent, signal::Window>(to, "signal/gru-adam")?;
    write::<Images, [[[f32; 2]; 10]; 8]>(to, "images")?;
    write::<Signals, [[f32; 3]; 28]>(to, "signals")?;
    write::<Paths, [[[f32; 2]; 10]; 8]>(to, "paths")?;
    write::<SignalPaths, [[f32; 3]; 9]>(to, "signal-paths")?;
    write::<Directions, [[[f32; 2]; 13]; 20]>(to, "directions")?;
    write::<Causal, [[f32; 3]; 28]>(to, "causal")?;
    write::<Activations, [[[f32; 2]; 10]; 8]>(to, "activations")?;
    write::<SignalActivations, [[f32; 3]; 9]>(to, "signal-activations")?;
    write::<Integers, [f32; 9]>(to, "integers")?;
    write::<Attentive, [[f32; 3]; 9]>(to, "attentive")?;
    write::<Drawing, [[[f32; 2]; 10]; 8]>(to, "drawing")?;
    write::<ToImage, [[[f32; 2]; 10]; 8]>(to, "to-image")?;
    write::<ToRow, [[[f32; 2]; 10]; 8]>(to, "to-row")?;
    write::<chain![Gru<3, 4>, Gru<4, 2>], [[f32; 3]; 9]>(to, "to-window")?;
    write::<chain![Lstm<3, 4>, Residual<Lstm<4, 4>>, Lstm<4, 2>], [[f32; 3]; 9]>(to, "lstm")?;
    Ok(())
}

/// `NAME.x` and `NAME.y` for the weights `NAME.nrv`. Without those, `NAME.onnx` too, with biases and statistics that are not those of a
/// new network.
fn write<N: Describe<X> + Zero, X: Tensor<Elem = f32>>(folder: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    let file = |extension: &str| folder.join(format!("{name}.{extension}"));
    let mut rng = Pcg32::seed_from_u64(7);
    let mut net = networks::random::<N>(7);
    if let Ok(trained) = fs::read(file("nrv")) {
        weights::load(&mut *net, &trained)?;
    } else {
        fs::create_dir_all(file("onnx").parent().unwrap_or(folder))?;
        fs::write(file("onnx"), onnx::export::<X, N>(&net)?)?;
    }
    let mut x = Box::new([X::ZERO; EXAMPLES]);
    // Most of a digit's pixels are 0.
    X::flatten_mut(&mut *x).iter_mut().for_each(|v| *v = (4.0 * uniform(&mut rng) - 3.0).max(0.0));

    let mut pass = Box::new(Pass::<N, X>::ZERO);
    let mut y = Vec::new();
    for x in x.iter() {
        y.extend_from_slice(N::Out::flatten(pass.run(&net, std::array::from_ref(x))));
    }
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    fs::write(file("x"), bytes(X::flatten(&*x)))?;
    fs::write(file("y"), bytes(&y))?;
    Ok(())
}
