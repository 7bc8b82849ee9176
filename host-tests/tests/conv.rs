//! Convolution and pooling against PyTorch's values.

use nerve::prelude::*;
use nerve::{Array, Avg, Layer, Max, Mode, Pool, Same, Tensor};

// A module of its own, whose long lines are left as they were written.
#[rustfmt::skip]
#[path = "torch/conv.rs"]
mod torch;

/// Multiples of 1/16 in a fixed disorder, as `torch/conv.py` makes them.
fn fill(values: &mut [f64], factor: usize) {
    for (i, v) in values.iter_mut().enumerate() {
        *v = ((i * factor + 5) % 37) as f64 / 16.0 - 18.0 / 16.0;
    }
}

fn close(name: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < 1e-12, "{name}: {found:?} is not {expected:?}");
    }
}

/// Runs a layer forward and backward on one example; checks its output and the derivatives by weights, biases and input.
fn check<L, X>(name: &str, y: &[f64], parameters: &[&[f64]], dx: &[f64])
where
    X: Tensor<Elem = f64>,
    L: Layer<X> + Zero,
{
    let mut layer = L::ZERO;
    let mut tensors = [11, 3].into_iter().cycle();
    layer.visit_mut(&mut |tensor: &mut [f64]| fill(tensor, tensors.next().unwrap()));
    let (mut x, mut found, mut found_dx) = ([X::ZERO], [L::Out::ZERO], [X::ZERO]);
    fill(x[0].flat_mut(), 7);
    let (mut acts, mut scratch) = (L::Acts::<1>::ZERO, L::Scratch::<1>::ZERO);
    layer.forward(&x, &mut acts, &mut found, Mode::Inference);
    close(&format!("{name}: y"), found[0].flat(), y);
    let (mut dy, mut grads) = ([L::Out::ZERO], <L as Params<f64>>::Grads::ZERO);
    fill(dy[0].flat_mut(), 13);
    // What an earlier step has left must not count.
    found_dx[0].flat_mut().fill(f64::NAN);
    grads.visit_mut(&mut |tensor: &mut [f64]| tensor.fill(f64::NAN));
    let mode = Mode::Training { seed: 0, first_example: 0, examples: 1 };
    layer.backward(&x, &acts, &found, &mut dy, &mut scratch, Some(&mut found_dx), mode);
    layer.gradients(&x, &acts, &found, &dy, &scratch, &mut grads, false);
    let mut expected = parameters.iter();
    grads.visit(&mut |tensor: &[f64]| close(&format!("{name}: parameters"), tensor, expected.next().unwrap()));
    close(&format!("{name}: dx"), found_dx[0].flat(), dx);
}

type Signal<const L: usize, const C: usize> = [[f64; C]; L];
type Image<const H: usize, const W: usize, const C: usize> = [[[f64; C]; W]; H];

#[test]
fn conv2d_has_pytorchs_values() {
    check::<Conv2d<2, 3, 3, Linear, Same, f64>, Image<4, 5, 2>>(
        "same",
        &torch::SAME_Y,
        &[&torch::SAME_DW, &torch::SAME_DB],
        &torch::SAME_DX,
    );
    check::<Conv2d<3, 2, 3, Linear, To<3, 3, 2, 1>, f64>, Image<5, 6, 3>>(
        "stride 2",
        &torch::STRIDE_Y,
        &[&torch::STRIDE_DW, &torch::STRIDE_DB],
        &torch::STRIDE_DX,
    );
    check::<Conv2d<1, 4, 2, Linear, To<4, 3>, f64>, Image<5, 4, 1>>(
        "even kernel",
        &torch::EVEN_Y,
        &[&torch::EVEN_DW, &torch::EVEN_DB],
        &torch::EVEN_DX,
    );
}

#[test]
fn depthwise_convolution_has_pytorchs_values() {
    check::<DepthwiseConv2d<3, 3, Linear, To<3, 3, 2, 1>, f64>, Image<5, 6, 3>>(
        "depthwise",
        &torch::DEPTHWISE_Y,
        &[&torch::DEPTHWISE_DW, &torch::DEPTHWISE_DB],
        &torch::DEPTHWISE_DX,
    );
}

#[test]
fn conv1d_has_pytorchs_values() {
    check::<Conv1d<2, 3, 3, Linear, Same, f64>, Signal<9, 2>>(
        "signal",
        &torch::SIGNAL_Y,
        &[&torch::SIGNAL_DW, &torch::SIGNAL_DB],
        &torch::SIGNAL_DX,
    );
    check::<Conv1d<3, 2, 4, Linear, To1d<5, 2, 1>, f64>, Signal<10, 3>>(
        "signal, stride 2",
        &torch::SIGNAL_STRIDE_Y,
        &[&torch::SIGNAL_STRIDE_DW, &torch::SIGNAL_STRIDE_DB],
        &torch::SIGNAL_STRIDE_DX,
    );
}

#[test]
fn pooling_has_pytorchs_values() {
    check::<MaxPool1d<3, 2>, Signal<7, 2>>("max 1-D", &torch::MAX1D_Y, &[], &torch::MAX1D_DX);
    check::<AvgPool1d<3, 2>, Signal<7, 2>>("avg 1-D", &torch::AVG1D_Y, &[], &torch::AVG1D_DX);
    check::<MaxPool2d<2, 2, 2>, Image<5, 4, 2>>("max", &torch::MAX_Y, &[], &torch::MAX_DX);
    check::<AvgPool2d<2, 2, 2>, Image<5, 4, 2>>("avg", &torch::AVG_Y, &[], &torch::AVG_DX);
}

/// The values of a case, whose parameters have these gradients.
macro_rules! case {
    ($Layer:ty, $Input:ty, $y:ident, [$($gradient:ident),*], $dx:ident) => {
        check::<$Layer, $Input>(stringify!($y), &torch::$y, &[$(&torch::$gradient),*], &torch::$dx)
    };
}

#[test]
fn directions_that_differ_have_pytorchs_values() {
    type Rectangle = Conv<2, 3, 3, 2, Linear, (To1d<3, 2, 1, 1, 0>, To1d<7, 1, 2, 3, 1>), f64>;
    case!(Rectangle, Image<6, 7, 2>, RECTANGLE_Y, [RECTANGLE_D0, RECTANGLE_D1], RECTANGLE_DX);
    type Channels = Depthwise<3, 2, 3, Linear, (To1d<7, 1, 1, 2, 2>, To1d<3, 2, 0, 1, 1>), f64>;
    case!(Channels, Image<6, 7, 3>, CHANNELS_Y, [CHANNELS_D0, CHANNELS_D1], CHANNELS_DX);
    type SameEven = Conv<2, 3, 2, 4, Linear, Same, f64>;
    case!(SameEven, Image<5, 4, 2>, SAME_EVEN_Y, [SAME_EVEN_D0, SAME_EVEN_D1], SAME_EVEN_DX);
    type SameDilated = Conv<2, 3, 2, 4, Linear, To<5, 4, 1, SAME, 2>, f64>;
    case!(SameDilated, Image<5, 4, 2>, SAME_DILATED_Y, [SAME_DILATED_D0, SAME_DILATED_D1], SAME_DILATED_DX);
    type Causal = Conv1d<2, 3, 3, Linear, To1d<9, 1, 4, 2, 0>, f64>;
    case!(Causal, Signal<9, 2>, CAUSAL_Y, [CAUSAL_D0, CAUSAL_D1], CAUSAL_DX);
}

#[test]
fn transposed_convolutions_have_pytorchs_values() {
    type Decoder = ConvTranspose2d<2, 3, 4, To<6, 8, 2, 1>, Linear, f64>;
    case!(Decoder, Image<3, 4, 2>, DECODER_Y, [DECODER_D0, DECODER_D1], DECODER_DX);
    type More = ConvTranspose2d<3, 2, 3, To<9, 6, 3, 1>, Linear, f64>;
    case!(More, Image<3, 2, 3>, DECODER_MORE_Y, [DECODER_MORE_D0, DECODER_MORE_D1], DECODER_MORE_DX);
}

#[test]
fn layer_norm_has_pytorchs_values() {
    case!(LayerNorm<5, f64>, Image<3, 4, 5>, LAYER_NORM_Y, [LAYER_NORM_D0, LAYER_NORM_D1], LAYER_NORM_DX);
}

#[test]
fn windows_that_overlap_have_pytorchs_values() {
    type Padded<M> = Pool<M, 3, 2, (To1d<3, 2, 1>, To1d<8, 1, 1>)>;
    case!(Padded<Max>, Image<6, 7, 2>, MAX_PADDED_Y, [], MAX_PADDED_DX);
    case!(Padded<Avg>, Image<6, 7, 2>, AVG_PADDED_Y, [], AVG_PADDED_DX);
    type Dilated = Pool<Max, 2, 3, (To1d<3, 1, 0, 3>, To1d<3, 2, 1, 2>)>;
    case!(Dilated, Image<6, 7, 2>, MAX_DILATED_Y, [], MAX_DILATED_DX);
    case!(AvgPool1d<4, 4, 3, 2>, Signal<9, 2>, AVG1D_PADDED_Y, [], AVG1D_PADDED_DX);
}

#[test]
fn branches_have_pytorchs_values() {
    type Summed = Branches<Conv2d<2, 3, 3, Tanh, To<2, 3, 2, 1>, f64>, Conv2d<2, 3, 1, Sigmoid, To<2, 3, 2>, f64>, Sum>;
    case!(Summed, Image<4, 5, 2>, SUM_Y, [SUM_D0, SUM_D1, SUM_D2, SUM_D3], SUM_DX);
    type Concatenated = Branches<Conv2d<2, 3, 3, Tanh, Same, f64>, Conv2d<2, 1, 1, Sigmoid, Same, f64>, Concat<4>>;
    case!(Concatenated, Image<4, 5, 2>, CONCAT_Y, [CONCAT_D0, CONCAT_D1, CONCAT_D2, CONCAT_D3], CONCAT_DX);
    type DenseBlock = Around<Conv2d<2, 3, 3, Tanh, Same, f64>, Concat<5>>;
    case!(DenseBlock, Image<4, 5, 2>, DENSE_BLOCK_Y, [DENSE_BLOCK_D0, DENSE_BLOCK_D1], DENSE_BLOCK_DX);
}

/// A value that is not a number is not lost among the others of a window.
#[test]
fn pooling_passes_nan_on() {
    for place in 0..4 {
        let mut x = [[[1.0f32]; 2]; 2];
        x[place / 2][place % 2] = [f32::NAN];
        let mut arena = Arena::<{ arena_len::<MaxPool2d<2, 1, 1>, [[[f32; 1]; 2]; 2]>() }>::ZERO;
        assert!(arena.predict(&MaxPool2d::<2, 1, 1>::ZERO, &x)[0][0][0].is_nan(), "{place}");
    }
}
