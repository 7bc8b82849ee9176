//! Neural networks for microcontrollers: trained on a desktop, run and fine-tuned on the chip.
//!
//! A network is a type. Its shapes, its weights and the memory of training it are known when it is compiled, so there is no
//! allocator, no interpreter and no shape error at run time; the same code gives the same bits on a desktop and on a Cortex-M0.
//! `no_std`, no feature needed, no `unsafe` but around the assembly of device kernels.
//!
//! # The whole path in five minutes
//!
//! ## 1. Declare the network
//!
//! [`chain!`] puts layers together. Each layer's input must be the output of the one before it; otherwise the compiler names
//! both shapes.
//!
//! ```
//! use nerve::prelude::*;
//!
//! /// Four lengths in centimetres to the logits of three classes.
//! type Net = chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>];
//! type Input = [f32; 4];
//!
//! // What it costs is a constant: weights, then everything that training needs beside them.
//! assert_eq!(size_of::<Net>(), 364);
//! assert_eq!(size_of::<Trainer<Net, Input>>(), 176);
//! // And can be a condition. This does not compile if the bytes are not enough:
//! const _: () = nerve::assert_fits::<(Net, Trainer<Net, Input>)>(1024);
//! ```
//!
//! There is no softmax at the end: a classifier is trained on its logits by [`CrossEntropy`], which holds the softmax, and the
//! largest logit is the predicted class.
//!
//! ## 2. Train it
//!
//! A [`Trainer`] owns the memory of training. It computes derivatives and hands their mean to an [`Optimizer`].
//!
//! ```
//! # use nerve::prelude::*;
//! # type Net = chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>];
//! # type Input = [f32; 4];
//! use rand_core::SeedableRng;
//! use rand_pcg::Pcg32;
//!
//! # fn main() -> Result<(), TrainError> {
//! let mut flowers = [
//!     ([5.1, 3.5, 1.4, 0.2], 0), ([4.9, 3.0, 1.4, 0.2], 0), ([4.7, 3.2, 1.3, 0.2], 0),
//!     ([7.0, 3.2, 4.7, 1.4], 1), ([6.4, 3.2, 4.5, 1.5], 1), ([6.9, 3.1, 4.9, 1.5], 1),
//!     ([6.3, 3.3, 6.0, 2.5], 2), ([5.8, 2.7, 5.1, 1.9], 2), ([7.1, 3.0, 5.9, 2.1], 2),
//! ];
//! let mut rng = Pcg32::seed_from_u64(1);
//! let mut net = Net::ZERO;
//! net.init(Init::GlorotUniform, &mut rng);
//! let ((standardize, _), _) = &mut net; // `chain![A, B, C]` is `((A, B), C)`
//! standardize.fit(flowers.iter().map(|(x, _)| x));
//!
//! let mut trainer = Trainer::<Net, Input, 4>::ZERO; // batches of 4
//! let mut optimizer = Adam::new(0.05);
//! let mut loss = f32::INFINITY;
//! for _epoch in 0..60 {
//!     shuffle(&mut flowers, &mut rng);
//!     loss = trainer.epoch(&mut net, &mut optimizer, &CrossEntropy, flowers.iter().map(|(x, class)| (x, class)))?;
//! }
//! assert!(loss < 0.1);
//!
//! let mut confusion = Confusion::<3>::default();
//! let examples = flowers.iter().map(|(x, class)| (x, class));
//! trainer.evaluate(&net, &CrossEntropy, examples, |logits, class| confusion.add(*class, argmax(logits)))?;
//! println!("{confusion}\naccuracy {:.1} %", 100.0 * confusion.accuracy());
//! # assert_eq!(confusion.correct(), 9);
//! # Ok(())
//! # }
//! ```
//!
//! A loss or gradient that is infinite or NaN is a [`TrainError`] that comes before a weight has changed. Other losses are
//! [`BinaryCrossEntropy`], [`Mse`], [`Mae`] and [`Huber`], for classes [`ClassWeights`], [`LabelSmoothing`] and [`Focal`], for embeddings
//! [`Triplet`]; other [optimizers](optim) are [`Sgd`](optim::Sgd),
//! [`Momentum`](optim::Momentum), [`Nesterov`](optim::Nesterov), [`RmsProp`](optim::RmsProp) and [`AdamW`](optim::AdamW); a
//! [`Schedule`] gives the learning rate of each epoch.
//!
//! ## 3. Store the weights
//!
//! ```
//! # use nerve::prelude::*;
//! # type Net = chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>];
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! # let net = Net::ZERO;
//! let mut buffer = [0; weights::file_len::<f32, Net>()];
//! let file = weights::save(&net, &mut buffer)?;
//! # let folder = std::env::temp_dir();
//! std::fs::write(folder.join("tutorial.nrv"), file)?;
//!
//! // Elsewhere, in place and without a copy on the stack. What does not fit is refused, and the network is as it was.
//! let mut other = Net::ZERO;
//! weights::load(&mut other, &file[..100]).unwrap_err();
//! weights::load(&mut other, file)?;
//! # assert_eq!(net, other);
//! # Ok(())
//! # }
//! ```
//!
//! `(&mut net, &mut optimizer)` is stored the same way: a checkpoint, from which training resumes in the same bits. The format is
//! described in [`weights`].
//!
//! ## 4. Run it on the chip
//!
//! In a `static`, the weights lie in flash and take no RAM. The file is checked by the compiler.
//!
//! ```
//! # macro_rules! include_weights { ($Net:ty, $file:expr) => {
//! #     nerve::include_weights!($Net, concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/data/", $file))
//! # } }
//! use nerve::prelude::*;
//!
//! type Net = chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>];
//! static NET: Net = include_weights!(Net, "iris.nrv");
//!
//! fn species(flower: &[f32; 4]) -> usize {
//!     let mut arena = Arena::<{ arena_len::<Net, [f32; 4]>() }>::ZERO; // 56 bytes of RAM
//!     argmax(arena.predict(&NET, flower))
//! }
//! # assert_eq!(size_of::<Arena<{ arena_len::<Net, [f32; 4]>() }>>(), 56);
//! # assert_eq!(species(&[5.1, 3.5, 1.4, 0.2]), 0);
//! # assert_eq!(species(&[7.1, 3.0, 5.9, 2.1]), 2);
//! ```
//!
//! The [`Arena`] is as long as the largest two neighbouring outputs, not as all of them: each layer reads at one end of it and writes to
//! the other.
//!
//! ## 5. Learn on the chip
//!
//! The code is that of the desktop. Large state belongs into a `static`, since every `ZERO` is a constant; `static_cell` hands it
//! out without `unsafe`. With the first layers [`Frozen`], only the last are trained, and gradients and moments exist for them alone:
//!
//! ```
//! use nerve::prelude::*;
//! use static_cell::ConstStaticCell;
//!
//! type Net = chain![Frozen<chain![Standardize<4>, Dense<4, 10, Sigmoid>]>, Dense<10, 3>];
//! static NET: ConstStaticCell<Net> = ConstStaticCell::new(Net::ZERO);
//! static TRAINER: ConstStaticCell<Trainer<Net, [f32; 4]>> = ConstStaticCell::new(Trainer::ZERO);
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! let (net, trainer) = (NET.take(), TRAINER.take());
//! # const WEIGHTS: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/data/iris.nrv"));
//! weights::load(net, WEIGHTS)?; // stored like the network that is not frozen
//! let mut optimizer = Momentum::new(0.02, 0.9);
//! trainer.step(net, &mut optimizer, &CrossEntropy, &[[5.1, 3.5, 1.4, 0.2]], &[0])?;
//! # Ok(())
//! # }
//! ```
//!
//! # Images, signals, time
//!
//! Channels are last everywhere: an image is `[[[T; C]; W]; H]`, a signal `[[T; C]; L]`. That is the order in which a kernel's loop meets
//! the values, so that neighbouring outputs are computed together. What is written in a type is what cannot be known otherwise; a size
//! that follows from the others is checked, and the compiler says the right one.
//!
//! ```
//! use nerve::{To, prelude::*};
//!
//! /// Digits, 28 by 28 pixels: 9,098 weights, 98.6 % of MNIST's.
//! type Digits = chain![
//!     Conv2d<1, 8, 3, Relu>,      // channels in and out, kernel
//!     MaxPool2d<2, 14, 14>,       // window, height and width of what comes out
//!     Conv2d<8, 16, 3, Relu>,
//!     MaxPool2d<2, 7, 7>,
//!     Flatten<784>,
//!     Dense<784, 10>
//! ];
//!
//! /// Clothes: convolutions that halve the size, normalised for training, around what a residual connection adds.
//! type Clothes = chain![
//!     BatchNorm<Conv2d<1, 16, 3, Linear, To<14, 14, 2, 1>>, Relu>,   // a stride of 2, a padding of 1
//!     Residual<chain![
//!         BatchNorm<DepthwiseConv2d<16, 3>, Relu>,
//!         BatchNorm<Conv2d<16, 16, 1>>
//!     ]>,
//!     GlobalAvgPool,
//!     Dense<16, 10>
//! ];
//! /// The same for the device: what [`Fold`] makes of it.
//! type ClothesOnDevice = chain![
//!     Conv2d<1, 16, 3, Relu, To<14, 14, 2, 1>>,
//!     Residual<chain![DepthwiseConv2d<16, 3, Relu>, Conv2d<16, 16, 1>]>,
//!     GlobalAvgPool,
//!     Dense<16, 10>
//! ];
//!
//! /// A spectrogram of 49 by 10: a kernel of its height and width, the padding of LiteRT, windows that overlap.
//! type Words = chain![
//!     Conv<1, 8, 10, 4, Relu, To<25, 5, 2, SAME>>,
//!     Depthwise<8, 3, 5, Relu, (To1d<12, 2>, Same)>,                 // rows in steps of 2, columns as they are
//!     MaxPool2d<3, 6, 3, 2, 1>,                                      // a stride of 2, a padding of 1
//!     GlobalAvgPool,
//!     Dense<8, 12>
//! ];
//!
//! /// Vibration, 128 instants of 3 axes: a convolution that halves the length, then a memory of what came before.
//! type Vibration = chain![Conv1d<3, 8, 5, Relu, To1d<62, 2>>, Gru<8, 12>, Last, Dense<12, 4>];
//!
//! let mut arena = Arena::<{ arena_len::<Vibration, [[f32; 3]; 128]>() }>::ZERO;
//! let logits: &[f32; 4] = arena.predict(&Vibration::ZERO, &[[0.0; 3]; 128]);
//! # assert_eq!(<Digits as Tensors<f32>>::LEN, 9_098);
//! # assert_eq!(logits, &[0.0; 4]);
//! # let mut device = ClothesOnDevice::ZERO;
//! # nerve::Fold::fold_into(&Clothes::ZERO, &mut device);
//! # Arena::<{ arena_len::<ClothesOnDevice, [[[f32; 1]; 28]; 28]>() }>::ZERO.predict(&device, &[[[0.0; 1]; 28]; 28]);
//! # let _ = Arena::<{ arena_len::<Words, [[[f32; 1]; 10]; 49]>() }>::ZERO;
//! # let _ = Arena::<{ arena_len::<Digits, [[[f32; 1]; 28]; 28]>() }>::ZERO;
//! ```
//!
//! # Where to look
//!
//! | to | see |
//! |---|---|
//! | put a network together | [`chain!`], [`Dense`], [`Conv2d`], [`Conv1d`], [`Conv`], [`DepthwiseConv2d`], [`Depthwise`], [`To`], [`To1d`], [`SAME`], [`ConvTranspose2d`], [`BatchNorm`], [`LayerNorm`], [`Attention`], [`MaxPool2d`], [`AvgPool2d`], [`MaxPool1d`], [`AvgPool1d`], [`GlobalAvgPool`], [`Flatten`], [`Gru`], [`Lstm`], [`Last`], [`Embedding`], [`Residual`], [`Branches`], [`Around`], [`Sum`], [`Concat`], [`Dropout`], [`Standardize`], [`Activation`], [`PRelu`], [`ScaleShift`], [`Gelu`], [`GeluTanh`], [`Silu`], [`HardSwish`], [`Frozen`], [`Fixed`] |
//! | train it | [`Trainer`], [`Accumulator`], with all cores `ParallelTrainer` (feature `rayon`, needs `std`), [`Loss`], [`optim`], [`Schedule`], [`Clip`], [`Init`], [`shuffle()`], [`split`], [`augment`], [`EarlyStopping`], [`optim::Ema`] |
//! | hear: log-mel frames of sound | `frontend` (feature `frontend`) |
//! | learn classes of your own on top of an integer network | [`guide::new_classes`], `import::write_cut` (feature `litert`) |
//! | tell anomalies from what is healthy | [`Threshold`] |
//! | keep it from forgetting, take bad training back | [`Replay`], [`Guard`] |
//! | judge it | [`Trainer::evaluate`], [`Confusion`], [`roc_auc`], [`Regression`] |
//! | store it, deploy it | [`Fold`], [`weights`], [`include_weights!`] |
//! | keep it in flash through power cuts | `checkpoint` (feature `checkpoint`) |
//! | make an `int8` network of one in floats, hand it on for LiteRT | [`Quantised`], `quantise`, `graph::Graph::of`, `litert::write` (feature `litert`) |
//! | train it for that, with the rounding of integers | [`Round`], [`Rounded`] |
//! | take weights from PyTorch | `pytorch` (feature `safetensors`, needs `std`) |
//! | read an ONNX model, hand a network on as one | `onnx` (feature `onnx`, needs `std`) |
//! | make a typed network of a LiteRT or ONNX model, in `build.rs` or by `nerve import` | `import`, `codegen` (feature `litert`, or `onnx`), [`quant`] |
//! | read a LiteRT (TensorFlow Lite) model, write one | `litert`, `graph` (feature `litert`, needs `std`); `nerve info` (feature `cli`) |
//! | keep it inside a data structure of your own | `serde` (feature `serde`) |
//! | run it on a device, keep to the RAM | [`Arena`], [`arena_len`], [`scratch_len`], [`assert_fits`]; batches on a desktop: [`Pass`] |
//! | run it sample by sample, row by row | [`Stream`], [`guide::streams`] |
//! | come from a CSV file | [`guide::from_csv`]: `nerve train` (feature `cli`) |
//! | take a model of LiteRT or ONNX to a chip | [`guide::own_model`]: `nerve new --model` (feature `cli`) |
//! | have a device that learns from its host | [`guide::learner`]: `nerve new --learn` |
//! | know what it costs, all that there is, what shows it | [`guide::costs`], [`guide::features`], [`guide::proofs`] |
//! | come from PyTorch, see what a network takes, add a layer | [`guide`] |
//! | write a layer | [`Forward`], [`Layer`], [`Streamed`], [`Params`], [`Tensors`] |
//!
//! # Same bits
//!
//! Every sum runs over its index in ascending order and no product is fused with its addition, on every target, at every batch
//! size, in debug and in release builds. `f32` functions such as `exp` are the library's own. Hence a network trained for 100 steps
//! on a desktop and on a Cortex-M0 has the same weights to the last bit, and a batch of 32 gives the same outputs as 32 batches of 1.
//! `f64` functions are those of `libm`.
//!
//! # Limits
//!
//! * Shapes and batch size are constants; there is no network whose shape is read from a file.
//! * `ZERO` of a large network is a large value: put it into a `static` or a `Box` that is made from one, not on the stack of a
//!   device. A weights file is loaded without such a copy.
//! * A network with many layers gives long type names in errors and backtraces.
#![no_std]

#[cfg(any(test, feature = "std"))]
extern crate std;

/// The README's programs are compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(any(feature = "litert", feature = "safetensors"))]
mod exchange;
#[cfg(feature = "frontend")]
pub mod frontend;
pub mod guide;
mod infer;
mod kernels;
mod layers;
mod numbers;
pub mod quant;
mod storage;
mod training;

#[cfg(feature = "onnx")]
pub use exchange::onnx;
#[cfg(feature = "safetensors")]
pub use exchange::pytorch;
#[cfg(any(feature = "litert", feature = "safetensors"))]
pub use exchange::{Describe, Description, Unsupported};
#[cfg(feature = "litert")]
pub use exchange::{codegen, executor, float, graph, import, litert, lower, quantise};
pub use infer::{Arena, Fixed, Stream, arena_len, assert_fits, scratch_len};
pub use layers::{
    Activation, Affine, Around, Attention, Avg, AvgPool1d, AvgPool2d, BatchNorm, Branches, Concat, Conv, Conv1d,
    Conv2d, ConvTranspose2d, Dense, Depthwise, DepthwiseConv2d, Descend, Dropout, Elu, Embedding, Flatten, Fold,
    Forward, Frozen, Gelu, GeluTanh, GlobalAvgPool, Gru, HardSigmoid, HardSwish, HardTanh, InRows, Join, JoinBackward,
    Last, Layer, LayerNorm, LeakyRelu, Linear, Lstm, Max, MaxPool1d, MaxPool2d, Memory, Mode, OnFeatures, OutRow,
    PRelu, PairActs, Places, Plan, Pool, Queue, Relu, Relu6, Residual, Ring, Round, RoundActivation, Rounded,
    RoundedTo, RoundedWeights, Rounding, SAME, Same, Scale, ScaleShift, Sigmoid, Silu, Softmax, Standardize, Streamed,
    Sum, Tanh, To, To1d, WithChannels, argmax,
};
pub use numbers::{Array, Float, Init, Params, Real, Scalar, Tensor, Tensors, Zero};
pub use quant::typed::{Quantise, Quantised};
#[cfg(feature = "checkpoint")]
pub use storage::checkpoint;
#[cfg(feature = "serde")]
pub use storage::serde;
pub use storage::{flash, weights};
#[cfg(feature = "rayon")]
pub use training::ParallelTrainer;
pub use training::{
    Accumulator, BinaryCrossEntropy, ClassWeights, Clip, Confusion, CrossEntropy, EarlyStopping, Focal, Guard, Huber,
    LabelSmoothing, Loss, Mae, Mse, Optimizer, Pass, Regression, Replay, Schedule, Threshold, TrainError, Trainer,
    Triplet, augment, optim, roc_auc, shuffle, split,
};

/// Everything a program that trains or runs a network names.
pub mod prelude {
    pub use crate::optim::{Adam, AdamW, Momentum, Nesterov, Optimizer, RmsProp, Sgd};
    pub use crate::{
        Accumulator, Arena, Around, Attention, AvgPool1d, AvgPool2d, BatchNorm, BinaryCrossEntropy, Branches, Clip,
        Concat, Confusion, Conv, Conv1d, Conv2d, ConvTranspose2d, CrossEntropy, Dense, Depthwise, DepthwiseConv2d,
        Dropout, Elu, Embedding, Flatten, Frozen, Gelu, GeluTanh, GlobalAvgPool, Gru, HardSigmoid, HardSwish, HardTanh,
        Huber, Init, Last, LayerNorm, LeakyRelu, Linear, Lstm, Mae, MaxPool1d, MaxPool2d, Mse, PRelu, Params, Pass,
        Regression, Relu, Relu6, Residual, SAME, Same, ScaleShift, Schedule, Sigmoid, Silu, Softmax, Standardize,
        Stream, Sum, Tanh, Tensors, To, To1d, TrainError, Trainer, Zero, arena_len, argmax, chain, include_weights,
        shuffle, weights,
    };
}
