//! Every layer, activation, loss and optimizer, streams, every operator and layer of integers, `Replay`, and weights from a file: a program that is
//! linked only if none of them can panic. It is not made to be run.
#![no_std]
#![no_main]

mod integers;

use core::hint::black_box;

#[cfg(target_arch = "arm")]
use cortex_m_rt::entry;
use nerve::frontend::{LogMel, Slaney};
use nerve::optim::Ema;
use nerve::prelude::*;
use nerve::quant::{self, Axis, MaxPool, Output, Reshape, Weighted, Weights, Windowed};
use nerve::{
    ClassWeights, Focal, Fold, InRows, LabelSmoothing, Layer, Loss, Replay, Streamed, Tensor, Threshold, Triplet,
};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;
#[cfg(target_arch = "riscv32")]
use riscv_rt::entry;

type Image = [[[f32; 2]; 9]; 8];
type Vision = chain![
    Conv2d<2, 5, 3, Relu>,
    Residual<Conv2d<5, 5, 3, Tanh>>,
    Branches<Around<Conv2d<5, 4, 1>, Concat<9>>, Conv2d<5, 9, 3>, Sum>,
    Branches<Conv2d<9, 2, 3>, Conv2d<9, 3, 1>, Concat<5>>,
    DepthwiseConv2d<5, 3, LeakyRelu>,
    MaxPool2d<2, 4, 4>,
    Conv2d<5, 16, 3, Elu, To<2, 2, 2, 1>>,
    AvgPool2d<2, 1, 1>,
    Flatten<16>,
    Dropout<20>,
    Dense<16, 3>,
    Softmax
];
type Signal = [[f32; 3]; 21];
type Listening = chain![
    Frozen<Conv1d<3, 4, 5, Relu>>,
    MaxPool1d<2, 10>,
    Conv1d<4, 6, 3, Sigmoid, To1d<4, 2>>,
    AvgPool1d<2, 2>,
    GlobalAvgPool,
    Dense<6, 23, Tanh>,
    Dense<23, 3>
];
type Recurrent = chain![BatchNorm<Conv1d<3, 4, 5>, Relu>, Gru<4, 7>, Last, BatchNorm<Dense<7, 3>>];
type Attentive = chain![Conv1d<3, 4, 5>, Attention<4, 2>, Last, Dense<4, 3>];
type Remembering = chain![Conv1d<3, 4, 5>, Lstm<4, 7>, Last, Dense<7, 3>];
/// Of an image too.
type Drawing = chain![
    ConvTranspose2d<2, 4, 4, To<16, 18, 2, 1>, Relu6>,
    LayerNorm<4>,
    Gelu,
    Conv2d<4, 4, 1, HardTanh>,
    GeluTanh,
    PRelu<4>,
    ScaleShift<4, Relu>,
    Silu,
    HardSwish,
    Softmax,
    GlobalAvgPool,
    Dense<4, 3, HardSigmoid>
];
/// Small integers.
type Numbers = [f32; 6];
type Reading = chain![Embedding<9, 4>, Flatten<24>, PRelu<1>, LayerNorm<24>, Dense<24, 3>];
type Features = [f32; 4];
type Classifier = chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 9, Relu>, Elu, Tanh, Dense<9, 3>];
/// Small, since losses and optimizers are compiled for each network anew.
type Regression = Dense<4, 3>;

/// The network is loaded, runs, learns from batches of one and of three, with every kind of call.
fn use_network<const ARENA: usize, N, X, Target>(loss: &impl Loss<N::Out, Target>, x: &[X; 3], targets: &[Target; 3])
where
    X: Tensor<Elem = f32> + Copy,
    N: Layer<X> + Zero,
    Target: Copy,
{
    let mut net = black_box(N::ZERO);
    net.init(black_box(Init::GlorotUniform), &mut Pcg32::seed_from_u64(1));
    black_box(weights::load(&mut net, black_box(&[0u8; 100])).is_ok());
    black_box(black_box(Arena::<ARENA>::ZERO).predict(&net, &x[0]));
    black_box(black_box(Pass::<N, X, 3>::ZERO).run(&net, x));

    let mut optimizer = Sgd::new(black_box(0.1));
    let mut one = black_box(Trainer::<N, X>::ZERO);
    one.clip = black_box(Clip::Off);
    black_box(one.step(&mut net, &mut optimizer, loss, &[x[0]], &[targets[0]]).is_ok());
    let mut three = black_box(Accumulator::<N, X, 3>::ZERO);
    black_box(three.accumulate(&net, loss, x, targets).is_ok());
    black_box(three.apply(&mut net, &mut optimizer).is_ok());
    black_box(three.trainer.epoch(&mut net, &mut optimizer, loss, x.iter().zip(targets)).is_ok());
    black_box(three.trainer.evaluate(&net, loss, x.iter().zip(targets), |_, _| ()).is_ok());
}

/// Row by row, without an end.
fn use_stream<N: Streamed<X>, X: InRows>(net: &N) {
    let net = black_box(net);
    let mut stream = black_box(Stream::<N, X>::ZERO);
    let row = black_box(X::Row::ZERO);
    black_box(stream.push(net, &row));
    black_box(stream.finish(net));
    stream.reset();
}

fn use_loss<Target: Copy>(loss: &impl Loss<[f32; 3], Target>, targets: [Target; 3]) {
    let mut net = black_box(Regression::ZERO);
    let mut trainer = black_box(Trainer::<Regression, Features, 3>::ZERO);
    let (x, targets) = (black_box([[0.5; 4]; 3]), black_box(targets));
    black_box(trainer.step(&mut net, &mut Sgd::new(0.1), loss, &x, &targets).is_ok());
    black_box(trainer.evaluate(&net, loss, x.iter().zip(&targets), |_, _| ()).is_ok());
}

fn use_optimizer(mut optimizer: impl Optimizer<Regression, f32>) {
    let mut net = black_box(Regression::ZERO);
    let mut trainer = black_box(Trainer::<Regression, Features>::ZERO);
    optimizer.set_learning_rate(black_box(Schedule::Cosine { peak: 0.1, warm_up: 3, total: 9 }).at(black_box(2)));
    black_box(trainer.step(&mut net, &mut optimizer, &CrossEntropy, black_box(&[[0.5; 4]]), black_box(&[1])).is_ok());
}

fn use_replay() {
    let mut replay = black_box(Replay::<Features, 9, 3>::new());
    black_box(replay.insert(black_box([0.5; 4]), black_box(1), &mut Pcg32::seed_from_u64(1)).is_ok());
    for example in replay.iter() {
        black_box(example);
    }
}

/// Convolutions and pooling of integers row by row.
fn use_integer_stream() {
    type X = [[[i8; 2]; 4]; 4];
    let output = black_box(Output { zero_point: 0, least: -128, greatest: 127 });
    let axis = black_box(Axis::same(4, 3, 1, 1));
    let conv = quant::Conv2d { height: axis, width: axis, channels: 2, zero_point: 0, output };
    let depthwise =
        quant::DepthwiseConv2d { height: axis, width: axis, channels: 2, multiplier: 1, zero_point: 0, output };
    let weights = Weights { weights: &[0; 40], biases: &[0; 2], mantissas: &[1 << 30], shifts: &[0], rests: &[] };
    let first = Windowed::<_, X, X, 3, 1>::new(Weighted { op: conv, weights });
    let weights = Weights { weights: &[0; 18], biases: &[0; 2], mantissas: &[1 << 30], shifts: &[0], rests: &[] };
    let second = Windowed::<_, X, X, 3, 1>::new(Weighted { op: depthwise, weights });
    let third = Windowed::<_, X, X, 3, 1>::new(MaxPool { height: axis, width: axis, channels: 2, output });
    use_stream::<_, X>(&(((first, second), third), Reshape::<X, [i8; 32]>::new()));
}

fn use_threshold() {
    let mut threshold = black_box(Threshold::<f32>::ZERO);
    black_box(threshold.is_exceeded(black_box(0.5)));
    threshold.adapt(black_box(0.5));
    black_box(threshold);
}

fn use_frontend() {
    let mut ear = black_box(LogMel::<400, 160, 512, 40, Slaney<16_000, 0, 8_000>>::ZERO);
    ear.push(black_box(&[1i16; 100]), |bands| {
        black_box(bands);
    });
    ear.push(black_box(&[0.5; 100]), |bands| {
        black_box(bands);
    });
}

#[entry]
fn main() -> ! {
    let outputs = black_box([[0.5; 3]; 3]);
    use_network::<{ arena_len::<Vision, Image>() }, Vision, Image, _>(
        &Mse,
        black_box(&[[[[0.5; 2]; 9]; 8]; 3]),
        &outputs,
    );
    use_network::<{ arena_len::<Listening, Signal>() }, Listening, Signal, _>(
        &BinaryCrossEntropy,
        black_box(&[[[0.5; 3]; 21]; 3]),
        &outputs,
    );
    use_network::<{ arena_len::<Recurrent, Signal>() }, Recurrent, Signal, _>(
        &Mse,
        black_box(&[[[0.5; 3]; 21]; 3]),
        &outputs,
    );
    use_network::<{ arena_len::<Attentive, Signal>() }, Attentive, Signal, _>(
        &Mse,
        black_box(&[[[0.5; 3]; 21]; 3]),
        &outputs,
    );
    use_network::<{ arena_len::<Remembering, Signal>() }, Remembering, Signal, _>(
        &Mse,
        black_box(&[[[0.5; 3]; 21]; 3]),
        &outputs,
    );
    use_network::<{ arena_len::<Drawing, Image>() }, Drawing, Image, _>(
        &Mse,
        black_box(&[[[[0.5; 2]; 9]; 8]; 3]),
        &outputs,
    );
    use_network::<{ arena_len::<Reading, Numbers>() }, Reading, Numbers, _>(&Mse, black_box(&[[0.5; 6]; 3]), &outputs);
    black_box(Lstm::<4, 7>::ZERO).step(black_box(&[0.5; 4]), black_box(&mut [0.5; 7]), black_box(&mut [0.5; 7]));
    use_stream::<Vision, Image>(&Vision::ZERO);
    use_stream::<Listening, Signal>(&Listening::ZERO);
    use_stream::<Recurrent, Signal>(&Recurrent::ZERO);
    use_stream::<Remembering, Signal>(&Remembering::ZERO);
    use_integer_stream();
    let mut folded = black_box(<Recurrent as Fold>::Folded::ZERO);
    black_box(Recurrent::ZERO).fold_into(&mut folded);
    black_box(&folded);
    black_box(Gru::<4, 7>::ZERO).step(black_box(&[0.5; 4]), black_box(&mut [0.5; 7]));
    let features = black_box([[0.5; 4]; 3]);
    use_network::<{ arena_len::<Classifier, Features>() }, Classifier, Features, usize>(
        &CrossEntropy,
        &features,
        black_box(&[0, 1, 2]),
    );
    use_loss(&CrossEntropy, outputs);
    use_loss(&Mae, outputs);
    use_loss(&Huber { delta: black_box(1.0) }, outputs);
    use_loss(&ClassWeights { loss: Focal { gamma: black_box(2.0) }, weights: black_box([0.5; 3]) }, [0, 1, 2]);
    use_loss(&LabelSmoothing { smoothing: black_box(0.1) }, [0, 1, 2]);
    use_loss(&Triplet { margin: black_box(0.2) }, [[[0.5; 3]; 2]; 3]);
    use_optimizer(Sgd { learning_rate: 0.1, weight_decay: black_box(0.1) });
    use_optimizer(Momentum::new(0.1, 0.9));
    use_optimizer(Nesterov::new(0.1, 0.9));
    use_optimizer(RmsProp::new(0.1));
    use_optimizer(Adam::new(0.1));
    use_optimizer(AdamW::new(0.1));
    use_optimizer(Ema::new(Sgd::new(0.1), 0.9));
    use_replay();
    integers::use_them();
    use_threshold();
    use_frontend();
    black_box(argmax(&outputs[0]));
    loop {
        black_box(());
    }
}

unsafe extern "C" {
    /// Nowhere defined: the linker's message then says who refers to it.
    fn a_panic_path_is_left() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // SAFETY: never linked, hence never called.
    unsafe { a_panic_path_is_left() }
}
