//! `onnx FOLDER` writes there the networks of the examples, and ones with every other layer, as ONNX, each with inputs and the outputs
//! that it computes from them; `onnx.py` compares those with onnxruntime's.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use nerve::prelude::*;
use nerve::{Describe, Tensor, onnx};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

#[path = "../../../examples/cnn/networks.rs"]
mod networks;
use networks::{Image, LeNet5, Residuals, Tiny};

const EXAMPLES: usize = 3;
type Motion = [[f32; 6]; 48];

type SignalCnn = chain![
    Conv1d<6, 16, 5, Relu>, MaxPool1d<2, 24>, Conv1d<16, 24, 5, Relu>, MaxPool1d<2, 12>, GlobalAvgPool, Dense<24, 7>
];

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
    Conv1d<3, 4, 5, LeakyRelu, To1d<12, 2>>,
    Residual<chain![Gru<4, 4>, Conv1d<4, 4, 3, Tanh>]>,
    AvgPool1d<3, 4>,
    Gru<4, 5>,
    Residual<Gru<5, 5>>,
    Flatten<20>,
    Dense<20, 3, Elu>
];
/// Outputs that are no row: an image, and a window's states.
type ToImage = chain![Conv2d<2, 3, 3, Sigmoid>, MaxPool2d<2, 4, 5>];
type ToRow = chain![Conv2d<2, 3, 3, Sigmoid>, Last, Last];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: onnx FOLDER")?);
    fs::create_dir_all(&folder)?;
    let to = &folder;
    write::<chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>], [f32; 4]>(to, "iris")?;
    write::<chain![Dense<784, 10, Sigmoid>, Dense<10, 10>], [f32; 784]>(to, "mnist-10")?;
    write::<chain![Dense<784, 100, Sigmoid>, Dense<100, 10>], [f32; 784]>(to, "mnist-100")?;
    write::<chain![Dense<784, 128, Sigmoid>, Dense<128, 64, Sigmoid>, Dense<64, 10>], [f32; 784]>(to, "mnist-128-64")?;
    write::<chain![Dense<784, 300, Sigmoid>, Dense<300, 100, Sigmoid>, Dense<100, 10>], [f32; 784]>(
        to,
        "mnist-300-100",
    )?;
    write::<Tiny, Image>(to, "cnn-tiny")?;
    write::<LeNet5, Image>(to, "cnn-lenet-5")?;
    write::<Residuals, Image>(to, "cnn-residuals")?;
    write::<chain![Dense<11, 20, Sigmoid>, Dense<20, 20, Sigmoid>, Dense<20, 20, Sigmoid>, Dense<20, 1>], [f32; 11]>(
        to, "wine",
    )?;
    write::<chain![Dense<20, 20, Sigmoid>, Dense<20, 15, Sigmoid>, Dense<15, 10, Sigmoid>, Dense<10, 1>], [f32; 20]>(
        to,
        "life-expectancy",
    )?;
    write::<
        chain![Dense<784, 128, Sigmoid>, Dense<128, 9, Sigmoid>, Dense<9, 128, Sigmoid>, Dense<128, 784, Sigmoid>],
        [f32; 784],
    >(to, "autoencoder")?;
    write::<chain![Dense<784, 128, Relu>, Dense<128, 9>, Dense<9, 128, Relu>, Dense<128, 784, Sigmoid>], [f32; 784]>(
        to, "denoise",
    )?;
    write::<SignalCnn, Motion>(to, "signal-cnn")?;
    write::<chain![Gru<6, 24>, Last, Dense<24, 7>], Motion>(to, "signal-gru")?;
    write::<Images, [[[f32; 2]; 10]; 8]>(to, "images")?;
    write::<Signals, [[f32; 3]; 28]>(to, "signals")?;
    write::<ToImage, [[[f32; 2]; 10]; 8]>(to, "to-image")?;
    write::<ToRow, [[[f32; 2]; 10]; 8]>(to, "to-row")?;
    write::<chain![Gru<3, 4>, Gru<4, 2>], [[f32; 3]; 9]>(to, "to-window")?;
    Ok(())
}

/// `NAME.onnx`, `NAME.x` and `NAME.y`, with biases and statistics that are not those of a new network.
fn write<N: Describe<X> + Zero, X: Tensor<Elem = f32>>(folder: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    let mut rng = Pcg32::seed_from_u64(7);
    let mut net = Box::new(N::ZERO);
    net.init(Init::GlorotUniform, &mut rng);
    net.visit_mut(&mut |tensor| {
        for w in tensor.iter_mut().filter(|w| **w == 0.0 || **w == 1.0) {
            *w += 0.05 + 0.1 * uniform(&mut rng);
        }
    });
    let mut x = Box::new([X::ZERO; EXAMPLES]);
    X::flatten_mut(&mut *x).iter_mut().for_each(|v| *v = uniform(&mut rng));

    let mut pass = Box::new(Pass::<N, X>::ZERO);
    let mut y = Vec::new();
    for x in x.iter() {
        y.extend_from_slice(pass.predict(&net, x).flat());
    }
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    fs::write(folder.join(format!("{name}.onnx")), onnx::export::<X, N>(&net)?)?;
    fs::write(folder.join(format!("{name}.x")), bytes(X::flatten(&*x)))?;
    fs::write(folder.join(format!("{name}.y")), bytes(&y))?;
    Ok(())
}

fn uniform(rng: &mut Pcg32) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 24) as f32
}
