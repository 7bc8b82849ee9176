//! Convolution and pooling against PyTorch's values.

use nerve::prelude::*;
use nerve::{Array, Layer, Mode, Same, Tensor};

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
fn check<L, X>(name: &str, y: &[f64], weights_and_biases: [&[f64]; 2], dx: &[f64])
where
    X: Tensor<Elem = f64>,
    L: Layer<X, Acts<1> = (), Scratch<1> = ()> + Zero,
{
    let mut layer = L::ZERO;
    let mut tensors = [11, 3].into_iter();
    layer.visit_mut(&mut |tensor: &mut [f64]| fill(tensor, tensors.next().unwrap()));
    let (mut x, mut found, mut found_dx) = ([X::ZERO], [L::Out::ZERO], [X::ZERO]);
    fill(x[0].flat_mut(), 7);
    layer.forward(&x, &mut (), &mut found, Mode::Inference);
    close(&format!("{name}: y"), found[0].flat(), y);
    let (mut dy, mut grads) = ([L::Out::ZERO], <L as Params<f64>>::Grads::ZERO);
    fill(dy[0].flat_mut(), 13);
    // What an earlier step has left must not count.
    found_dx[0].flat_mut().fill(f64::NAN);
    grads.visit_mut(&mut |tensor: &mut [f64]| tensor.fill(f64::NAN));
    let mode = Mode::Training { accumulate: false, seed: 0, first_example: 0, examples: 1 };
    layer.backward(&x, &(), &found, &mut dy, &mut (), Some(&mut found_dx), Some(&mut grads), mode);
    let mut expected = weights_and_biases.iter();
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
        [&torch::SAME_DW, &torch::SAME_DB],
        &torch::SAME_DX,
    );
    check::<Conv2d<3, 2, 3, Linear, To<3, 3, 2, 1>, f64>, Image<5, 6, 3>>(
        "stride 2",
        &torch::STRIDE_Y,
        [&torch::STRIDE_DW, &torch::STRIDE_DB],
        &torch::STRIDE_DX,
    );
    check::<Conv2d<1, 4, 2, Linear, To<4, 3>, f64>, Image<5, 4, 1>>(
        "even kernel",
        &torch::EVEN_Y,
        [&torch::EVEN_DW, &torch::EVEN_DB],
        &torch::EVEN_DX,
    );
}

#[test]
fn depthwise_convolution_has_pytorchs_values() {
    check::<DepthwiseConv2d<3, 3, Linear, To<3, 3, 2, 1>, f64>, Image<5, 6, 3>>(
        "depthwise",
        &torch::DEPTHWISE_Y,
        [&torch::DEPTHWISE_DW, &torch::DEPTHWISE_DB],
        &torch::DEPTHWISE_DX,
    );
}

#[test]
fn conv1d_has_pytorchs_values() {
    check::<Conv1d<2, 3, 3, Linear, Same, f64>, Signal<9, 2>>(
        "signal",
        &torch::SIGNAL_Y,
        [&torch::SIGNAL_DW, &torch::SIGNAL_DB],
        &torch::SIGNAL_DX,
    );
    check::<Conv1d<3, 2, 4, Linear, To1d<5, 2, 1>, f64>, Signal<10, 3>>(
        "signal, stride 2",
        &torch::SIGNAL_STRIDE_Y,
        [&torch::SIGNAL_STRIDE_DW, &torch::SIGNAL_STRIDE_DB],
        &torch::SIGNAL_STRIDE_DX,
    );
}

#[test]
fn pooling_has_pytorchs_values() {
    check::<MaxPool1d<3, 2>, Signal<7, 2>>("max 1-D", &torch::MAX1D_Y, [&[], &[]], &torch::MAX1D_DX);
    check::<AvgPool1d<3, 2>, Signal<7, 2>>("avg 1-D", &torch::AVG1D_Y, [&[], &[]], &torch::AVG1D_DX);
    check::<MaxPool2d<2, 2, 2>, Image<5, 4, 2>>("max", &torch::MAX_Y, [&[], &[]], &torch::MAX_DX);
    check::<AvgPool2d<2, 2, 2>, Image<5, 4, 2>>("avg", &torch::AVG_Y, [&[], &[]], &torch::AVG_DX);
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
