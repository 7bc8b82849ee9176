//! Every layer and every loss: backpropagation against central differences, in f64.

use nerve::prelude::*;
use nerve::{Array, Avg, ClassWeights, Focal, LabelSmoothing, Layer, Loss, Max, Pool, Tensor, Triplet};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

type Input = [f64; 3];
type Target = [f64; 3];
const BATCH: usize = 4;
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 1e-7;

fn random(values: &mut [f64], rng: &mut Pcg32) {
    for v in values {
        *v = f64::from(rng.next_u32()) / f64::from(1u32 << 31) - 1.0;
    }
}

/// Calls `f` with the `index`th trained parameter.
fn parameter<N: Params<f64>>(net: &mut N, index: usize, f: impl Fn(&mut f64)) {
    let mut before = 0;
    let mut none = <N::Grads as Zero>::ZERO;
    net.zip(&mut none, [], &mut |w, _, []| {
        if let Some(w) = index.checked_sub(before).and_then(|i| w.get_mut(i)) {
            f(w);
        }
        before += w.len();
    });
}

/// The largest difference between a derivative and its central difference, over all trained parameters.
fn worst_error<X: Tensor<Elem = f64> + Copy, N: Layer<X> + Zero, L: Loss<N::Out, T>, T>(
    loss: &L,
    targets: &[T; BATCH],
) -> f64 {
    let mut rng = Pcg32::seed_from_u64(5);
    let mut net = N::ZERO;
    net.visit_mut(&mut |tensor| random(tensor, &mut rng));
    let mut x = [X::ZERO; BATCH];
    random(X::flatten_mut(&mut x), &mut rng);
    // A new one each time, so that dropout drops the same values.
    let accumulated = |net: &N| {
        let mut accumulator = Accumulator::<N, X, BATCH>::ZERO;
        let loss = accumulator.accumulate(net, loss, &x, targets).unwrap();
        (loss, accumulator)
    };
    let mean_loss = |net: &N| accumulated(net).0;

    let mut numeric = Vec::new();
    for index in 0..<<N as Params<f64>>::Grads as Tensors<f64>>::LEN {
        parameter(&mut net, index, |w| *w += STEP);
        let above = mean_loss(&net);
        parameter(&mut net, index, |w| *w -= 2.0 * STEP);
        let below = mean_loss(&net);
        parameter(&mut net, index, |w| *w += STEP);
        numeric.push((above - below) / (2.0 * STEP));
    }
    let mut analytic = Vec::new();
    accumulated(&net).1.gradients().visit(&mut |tensor: &[f64]| analytic.extend_from_slice(tensor));
    assert!(analytic.iter().any(|g| g.abs() > 1e-3), "all derivatives are nearly 0: the test measures nothing");
    assert_eq!(analytic.len(), numeric.len());
    analytic.iter().zip(&numeric).fold(0.0, |worst, (a, n)| worst.max((a / BATCH as f64 - n).abs()))
}

const CLASSES: [usize; BATCH] = [0, 2, 1, 1];
const SOFT: [Target; BATCH] = [[0.2, 0.5, 0.3], [0.0, 1.0, 0.0], [0.7, 0.1, 0.2], [0.3, 0.3, 0.4]];
const REAL: [Target; BATCH] = [[0.9, -1.3, 0.4], [2.1, 0.2, -0.6], [-0.8, 1.7, 0.1], [0.3, -0.2, 1.1]];

fn check<const N: usize>(name: &str, errors: [(&str, f64); N]) {
    for (loss, error) in errors {
        assert!(error < TOLERANCE, "{name} with {loss}: off by {error}");
    }
}

/// The network `N`, which may end with a sigmoid or softmax, with each loss that does not hold them already.
fn with_losses_of_values<X: Tensor<Elem = f64> + Copy, N: Layer<X, Out = Target> + Zero>(name: &str) {
    let errors = [
        ("MSE", worst_error::<X, N, _, Target>(&Mse, &REAL)),
        ("MAE", worst_error::<X, N, _, Target>(&Mae, &REAL)),
        ("Huber", worst_error::<X, N, _, Target>(&Huber { delta: 0.5 }, &REAL)),
    ];
    check(name, errors);
}

/// The network `N`: what a layer makes of a loss's derivatives does not depend on which one it is.
fn with_two_losses<X: Tensor<Elem = f64> + Copy, N: Layer<X, Out = Target> + Zero>(name: &str) {
    let errors = [
        ("cross-entropy", worst_error::<X, N, _, usize>(&CrossEntropy, &CLASSES)),
        ("MSE", worst_error::<X, N, _, Target>(&Mse, &REAL)),
    ];
    check(name, errors);
}

type First = Dense<3, 4, Tanh, f64>;
type Second3 = Dense<3, 3, Linear, f64>;
type Second = Dense<4, 3, Linear, f64>;

#[test]
fn every_loss() {
    type Net = chain![First, Second];
    with_losses_of_values::<Input, Net>("values");
    let weighted = ClassWeights { loss: CrossEntropy, weights: [0.5, 3.0, 1.25] };
    let near = [[[0.1, 0.4, -0.3], [-0.2, 0.5, 0.3]], [[0.5, 0.1, 0.2], [9.0, 9.0, 9.0]]];
    let errors = [
        ("cross-entropy, class", worst_error::<Input, Net, _, usize>(&CrossEntropy, &CLASSES)),
        ("cross-entropy, soft", worst_error::<Input, Net, _, Target>(&CrossEntropy, &SOFT)),
        ("binary cross-entropy", worst_error::<Input, Net, _, Target>(&BinaryCrossEntropy, &SOFT)),
        ("class weights", worst_error::<Input, Net, _, usize>(&weighted, &CLASSES)),
        ("label smoothing", worst_error::<Input, Net, _, usize>(&LabelSmoothing { smoothing: 0.2 }, &CLASSES)),
        ("focal", worst_error::<Input, Net, _, usize>(&Focal { gamma: 2.0 }, &CLASSES)),
        ("focal, 0.5", worst_error::<Input, Net, _, usize>(&Focal { gamma: 0.5 }, &CLASSES)),
        ("triplet", worst_error::<Input, Net, _, _>(&Triplet { margin: 1.0 }, &[near[0], near[1], near[0], near[0]])),
    ];
    check("classes and embeddings", errors);
}

/// Networks that end with probabilities.
#[test]
fn probabilities() {
    with_losses_of_values::<Input, chain![Dense<3, 4, Sigmoid, f64>, Dense<4, 3, Sigmoid, f64>]>("sigmoid");
    with_losses_of_values::<Input, chain![First, Dense<4, 3, Softmax, f64>]>("softmax");
}

macro_rules! layers {
    ($Input:ty; $($test:ident: $Net:ty;)*) => {$(
        #[test]
        fn $test() {
            with_two_losses::<$Input, $Net>(stringify!($test));
        }
    )*};
}
layers! {
    Input;
    linear: Dense<3, 3, Linear, f64>;
    sigmoid: chain![Dense<3, 4, Sigmoid, f64>, Second];
    tanh: chain![First, Dense<4, 3, Tanh, f64>];
    relu: chain![Dense<3, 4, Relu, f64>, Second];
    leaky_relu: chain![Dense<3, 4, LeakyRelu, f64>, Dense<4, 3, LeakyRelu, f64>];
    relu6: chain![Dense<3, 4, Relu6, f64>, Dense<4, 3, Relu6, f64>];
    hard_tanh: chain![Dense<3, 4, HardTanh, f64>, Dense<4, 3, HardTanh, f64>];
    hard_sigmoid: chain![Dense<3, 4, HardSigmoid, f64>, Dense<4, 3, HardSigmoid, f64>];
    elu: chain![Dense<3, 4, Elu, f64>, Dense<4, 3, Elu, f64>];
    softmax: chain![Dense<3, 4, Softmax, f64>, Second];
    linear_layer: chain![First, Linear, Second];
    sigmoid_layer: chain![First, Sigmoid, Second];
    tanh_layer: chain![First, Tanh, Second];
    relu_layer: chain![First, Relu, Second];
    leaky_relu_layer: chain![First, LeakyRelu, Second];
    relu6_layer: chain![First, Relu6, Second];
    hard_tanh_layer: chain![Dense<3, 4, Linear, f64>, HardTanh, Second];
    hard_sigmoid_layer: chain![First, HardSigmoid, Second];
    hard_swish: chain![Dense<3, 4, Linear, f64>, HardSwish, Second];
    silu: chain![Dense<3, 4, Linear, f64>, Silu, Second];
    gelu: chain![Dense<3, 4, Linear, f64>, Gelu, Second];
    gelu_tanh: chain![Dense<3, 4, Linear, f64>, GeluTanh, Second];
    prelu: chain![Dense<3, 4, Linear, f64>, PRelu<4, f64>, Second];
    scale_shift: chain![Dense<3, 4, Linear, f64>, ScaleShift<4, Tanh, f64>, Second];
    prelu_of_one_slope: chain![Dense<3, 4, Linear, f64>, PRelu<1, f64>, Second];
    layer_norm: chain![Dense<3, 4, Tanh, f64>, LayerNorm<4, f64>, Second];
    layer_norm_first: chain![LayerNorm<3, f64>, Second3];
    embedding: chain![Embedding<3, 2, f64>, Flatten<6>, Dense<6, 3, Linear, f64>];
    elu_layer: chain![First, Elu, Second];
    softmax_layer: chain![First, Softmax, Second];
    dropout: chain![First, Dropout<40>, Second];
    standardize: chain![First, Standardize<4, f64>, Second];
    frozen: chain![First, Frozen<Dense<4, 4, Sigmoid, f64>>, Second];
    branches_of_rows: chain![First, Branches<Dense<4, 3, Tanh, f64>, Dense<4, 5, Sigmoid, f64>, Concat<8>>, Dense<8, 3, Linear, f64>];
    deep_and_wide: chain![Dense<3, 37, Tanh, f64>, Dense<37, 18, Sigmoid, f64>, Dense<18, 3, Linear, f64>];
}

/// 4 by 5 pixels of 2 channels.
type Image = [[[f64; 2]; 5]; 4];
/// What ends each network of images.
type Head<const N: usize> = chain![Flatten<N>, Dense<N, 3, Linear, f64>];
/// A convolution before the layer that is tested, so that its derivative by the input is tested too.
type Before = Conv2d<2, 3, 3, Tanh, Same, f64>;

layers! {
    Image;
    conv2d_same: chain![Before, Conv2d<3, 4, 3, Sigmoid, Same, f64>, Head<80>];
    conv2d_same_of_5: chain![Before, Conv2d<3, 2, 5, Linear, Same, f64>, Head<40>];
    conv2d_without_padding: chain![Before, Conv2d<3, 4, 3, Tanh, To<2, 3>, f64>, Head<24>];
    conv2d_stride_2: chain![Before, Conv2d<3, 13, 3, Elu, To<2, 3, 2, 1>, f64>, Head<78>];
    conv2d_even_kernel: chain![Before, Conv2d<3, 4, 2, Tanh, To<2, 2, 2>, f64>, Head<16>];
    conv2d_pointwise: chain![Before, Conv2d<3, 5, 1, Tanh, Same, f64>, Head<100>];
    max_pool2d: chain![Before, MaxPool2d<2, 2, 2>, Head<12>];
    avg_pool2d: chain![Before, AvgPool2d<2, 2, 2>, Head<12>];
    global_avg_pool: chain![Before, GlobalAvgPool, Dense<3, 3, Linear, f64>];
    conv2d_rectangular: chain![Before, Conv<3, 4, 3, 1, Tanh, Same, f64>, Head<80>];
    conv2d_even_kernel_same: chain![Before, Conv2d<3, 4, 2, Tanh, Same, f64>, Head<80>];
    conv2d_stride_2_same: chain![Before, Conv2d<3, 4, 3, Tanh, To<2, 3, 2, SAME>, f64>, Head<24>];
    conv2d_dilation: chain![Before, Conv2d<3, 4, 3, Tanh, To<4, 5, 1, SAME, 2>, f64>, Head<80>];
    conv2d_directions_apart: chain![Before, Conv<3, 4, 3, 2, Tanh, (To1d<3, 2, 1, 1, 2>, To1d<5, 1, 2, 3, 1>), f64>, Head<60>];
    depthwise_rectangular: chain![Before, Depthwise<3, 4, 2, Tanh, To<2, 3, 2, SAME>, f64>, Head<18>];
    depthwise_directions_apart: chain![Before, Depthwise<3, 2, 3, Tanh, (To1d<4, 1, 1, 2>, To1d<2, 3, 0, 1, 1>), f64>, Head<24>];
    max_pool2d_overlapping: chain![Before, MaxPool2d<3, 2, 3, 2, 1>, Head<18>];
    max_pool2d_directions_apart: chain![Before, Pool<Max, 2, 3, (To1d<3, 1, 0, 1>, To1d<3, 2, SAME>)>, Head<27>];
    avg_pool2d_overlapping: chain![Before, AvgPool2d<3, 2, 3, 2, SAME>, Head<18>];
    avg_pool2d_directions_apart: chain![Before, Pool<Avg, 3, 2, (To1d<4, 1, 1>, To1d<3, 2, 1, 2>)>, Head<36>];
    layer_norm_of_pixels: chain![Before, LayerNorm<3, f64>, Head<60>];
    conv_transpose: chain![Before, ConvTranspose2d<3, 1, 3, To<9, 11, 2>, Tanh, f64>, Head<99>];
    conv_transpose_padded: chain![Before, ConvTranspose2d<3, 1, 4, To<8, 10, 2, 1>, Linear, f64>, Head<80>];
    conv_transpose_first: chain![ConvTranspose2d<2, 2, 3, To<4, 5, 1, 1>, Sigmoid, f64>, Head<40>];
    softmax_of_pixels: chain![Before, Softmax, Head<60>];
    scale_shift_of_pixels: chain![Before, ScaleShift<3, Linear, f64>, Head<60>];
    prelu_of_pixels: chain![Before, PRelu<3, f64>, Head<60>];
    depthwise_same: chain![Before, DepthwiseConv2d<3, 3, Sigmoid, Same, f64>, Head<60>];
    depthwise_first: chain![DepthwiseConv2d<2, 3, Tanh, Same, f64>, Head<40>];
    depthwise_stride_2: chain![Before, DepthwiseConv2d<3, 3, Elu, To<2, 3, 2, 1>, f64>, Head<18>];
    depthwise_and_pointwise: chain![Before, DepthwiseConv2d<3, 5, Tanh, To<2, 3, 1, 1>, f64>, Conv2d<3, 4, 1, Tanh, Same, f64>, Head<24>];
    batch_norm: chain![Before, BatchNorm<Conv2d<3, 4, 3, Linear, Same, f64>, Sigmoid, f64>, Head<80>];
    batch_norm_depthwise: chain![Before, BatchNorm<DepthwiseConv2d<3, 3, Linear, Same, f64>, Tanh, f64>, Head<60>];
    batch_norm_first: chain![BatchNorm<Conv2d<2, 2, 3, Linear, Same, f64>, Elu, f64>, Head<40>];
    batch_norm_dense: chain![Before, Flatten<60>, BatchNorm<Dense<60, 5, Linear, f64>, Tanh, f64>, Dense<5, 3, Linear, f64>];
    residual: chain![Before, Residual<chain![Conv2d<3, 4, 3, Tanh, Same, f64>, Conv2d<4, 3, 3, Sigmoid, Same, f64>]>, Head<60>];
    residual_first: chain![Residual<Conv2d<2, 2, 3, Tanh, Same, f64>>, Head<40>];
    branches_summed: chain![
        Before,
        Branches<
            chain![Conv2d<3, 5, 3, Tanh, To<2, 3, 2, 1>, f64>, Conv2d<5, 4, 3, Sigmoid, Same, f64>],
            Conv2d<3, 4, 1, Tanh, To<2, 3, 2>, f64>,
            Sum,
        >,
        Head<24>
    ];
    branches_concatenated: chain![
        Before,
        Branches<
            Branches<Conv2d<3, 2, 1, Tanh, Same, f64>, Conv2d<3, 1, 3, Sigmoid, Same, f64>, Concat<3>>,
            chain![DepthwiseConv2d<3, 3, Elu, Same, f64>, Dropout<20>, Conv2d<3, 2, 1, Tanh, Same, f64>],
            Concat<5>,
        >,
        Head<100>
    ];
    branches_first: chain![Branches<Conv2d<2, 2, 3, Tanh, Same, f64>, Conv2d<2, 3, 1, Elu, Same, f64>, Concat<5>>, Head<100>];
    a_frozen_branch: chain![Before, Branches<Frozen<Conv2d<3, 2, 3, Tanh, Same, f64>>, Linear, Concat<5>>, Head<100>];
    concatenated_around: chain![Before, Around<Conv2d<3, 2, 3, Tanh, Same, f64>, Concat<5>>, Head<100>];
    frozen_conv2d: chain![Before, Frozen<Conv2d<3, 4, 3, Sigmoid, Same, f64>>, Head<80>];
}

/// 9 instants of 2 channels.
type Signal = [[f64; 2]; 9];
/// As [`Before`].
type BeforeSignal = Conv1d<2, 3, 3, Tanh, Same, f64>;

layers! {
    Signal;
    standardize_signal: chain![BeforeSignal, Standardize<3, f64>, Head<27>];
    conv1d_same: chain![BeforeSignal, Conv1d<3, 4, 5, Sigmoid, Same, f64>, Head<36>];
    conv1d_without_padding: chain![BeforeSignal, Conv1d<3, 4, 4, Tanh, To1d<6>, f64>, Head<24>];
    conv1d_stride_2: chain![BeforeSignal, Conv1d<3, 13, 3, Elu, To1d<5, 2, 1>, f64>, Head<65>];
    conv1d_causal: chain![BeforeSignal, Conv1d<3, 4, 3, Tanh, To1d<9, 1, 4, 2, 0>, f64>, Head<36>];
    avg_pool1d_overlapping: chain![BeforeSignal, AvgPool1d<4, 5, 2, 2>, Head<15>];
    max_pool1d: chain![BeforeSignal, MaxPool1d<2, 4>, Head<12>];
    avg_pool1d: chain![BeforeSignal, AvgPool1d<4, 2>, Head<6>];
    global_avg_pool_of_a_signal: chain![BeforeSignal, GlobalAvgPool, Dense<3, 3, Linear, f64>];
    gru: chain![Gru<2, 4, f64>, Flatten<36>, Dense<36, 3, Linear, f64>];
    branches_of_signals: chain![Branches<Gru<2, 3, f64>, BeforeSignal, Sum>, Around<Gru<3, 2, f64>, Concat<5>>, Flatten<45>, Dense<45, 3, Linear, f64>];
    gru_after_gru: chain![Gru<2, 3, f64>, Gru<3, 4, f64>, Last, Dense<4, 3, Linear, f64>];
    attention: chain![BeforeSignal, Attention<3, 1, f64>, Flatten<27>, Dense<27, 3, Linear, f64>];
    attention_of_two_heads: chain![Attention<2, 2, f64>, Conv1d<2, 4, 3, Tanh, Same, f64>, Attention<4, 2, f64>, Last, Dense<4, 3, Linear, f64>];
    lstm: chain![Lstm<2, 4, f64>, Flatten<36>, Dense<36, 3, Linear, f64>];
    lstm_after_lstm: chain![Lstm<2, 3, f64>, Lstm<3, 4, f64>, Last, Dense<4, 3, Linear, f64>];
    frozen_gru: chain![Gru<2, 3, f64>, Frozen<Gru<3, 4, f64>>, Last, Dense<4, 3, Linear, f64>];
}

#[test]
fn a_frozen_first_layer_keeps_its_weights_and_costs_no_gradient() {
    type Net = chain![Frozen<Dense<3, 4, Tanh>>, Dense<4, 3>];
    assert_eq!(size_of::<<Net as Params<f32>>::Grads>(), size_of::<Dense<4, 3>>());
    let mut net = Net::ZERO;
    net.0.0.init(Init::HeNormal, &mut Pcg32::seed_from_u64(1));
    net.1.init(Init::HeNormal, &mut Pcg32::seed_from_u64(2));
    let before = net.clone();
    let mut trainer = Trainer::<Net, [f32; 3]>::ZERO;
    trainer.step(&mut net, &mut Sgd::new(0.1), &CrossEntropy, &[[0.3, -0.2, 0.9]], &[1]).unwrap();
    assert_eq!(net.0, before.0);
    assert_ne!(net.1, before.1);
}

/// The length of a tensor in scalars is what `Array` says, whatever the rank.
#[test]
fn an_activation_takes_any_rank() {
    type Image = [[[f64; 2]; 3]; 2];
    assert_eq!(<Image as Array>::LEN, 12);
    let mut arena = Arena::<{ arena_len::<Relu, Image>() }>::ZERO;
    let y = arena.predict(&Relu, &[[[-1.0, 2.0]; 3]; 2]);
    assert_eq!(*y, [[[0.0, 2.0]; 3]; 2]);
}
