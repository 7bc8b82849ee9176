//! Row by row: at every position the bits of the whole at once.

use nerve::prelude::*;
use nerve::{Array, Forward, InRows, OutRow, Streamed};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

fn fill(values: &mut [f32], rng: &mut Pcg32) {
    values.iter_mut().for_each(|v| *v = rng.next_u32() as f32 / 2f32.powi(31) - 1.0);
}

fn random<N: Params<f32> + Zero>(rng: &mut Pcg32) -> Box<N> {
    let mut net = Box::new(N::ZERO);
    // Statistics of normalisations too: all but variances may be negative.
    net.visit_mut(&mut |tensor| {
        fill(tensor, rng);
        tensor.iter_mut().for_each(|v| *v = v.abs());
    });
    net.init(Init::HeNormal, rng);
    net.visit_mut(&mut |tensor| tensor.iter_mut().filter(|v| **v == 0.0).for_each(|v| *v = 0.25));
    net
}

fn bits<X: Array<Elem = f32>>(x: &X) -> Vec<u32> {
    x.flat().iter().map(|v| v.to_bits()).collect()
}

/// The same network for a window `X` and for a longer signal `Y`: one after the other, the stream has been used before.
fn agree<const WINDOW: usize, const LONGER: usize, N, X, M, Y>(name: &str)
where
    N: Streamed<X, Out: InRows<Elem = f32>> + Params<f32> + Zero,
    X: InRows<Elem = f32>,
    M: Forward<Y, Out: Array<Elem = f32>> + Params<f32> + Zero,
    Y: InRows<Elem = f32, Row = X::Row>,
    OutRow<N, X>: Array<Elem = f32>,
{
    let mut rng = Pcg32::seed_from_u64(name.len() as u64);
    let net = random::<N>(&mut rng);
    let mut weights: Vec<f32> = vec![];
    net.visit(&mut |tensor: &[f32]| weights.extend_from_slice(tensor));
    let mut longer = Box::new(M::ZERO);
    let mut rest = weights.as_slice();
    longer.visit_mut(&mut |tensor: &mut [f32]| {
        let (these, others) = rest.split_at(tensor.len());
        tensor.copy_from_slice(these);
        rest = others;
    });
    let mut stream = Box::new(Stream::<N, X>::ZERO);
    let (mut window, mut arena) = (Box::new(Arena::<WINDOW>::ZERO), Box::new(Arena::<LONGER>::ZERO));
    for _ in 0..3 {
        let mut x = Box::new(X::ZERO);
        fill(x.flat_mut(), &mut rng);
        let expected = bits(window.predict(&*net, &*x));
        let mut found = vec![];
        for row in x.rows_mut() {
            found.extend(stream.push(&net, row).map(bits).unwrap_or_default());
        }
        while let Some(row) = stream.finish(&net) {
            found.extend(bits(row));
        }
        assert_eq!(found, expected, "{name}");
        assert!(expected.iter().any(|v| *v << 1 != 0), "{name}: all zeros show nothing");

        let mut x = Box::new(Y::ZERO);
        fill(x.flat_mut(), &mut rng);
        let expected = bits(arena.predict(&*longer, &*x));
        let mut found = vec![];
        for row in x.rows_mut() {
            found.extend(stream.push(&net, row).map(bits).unwrap_or_default());
        }
        stream.reset();
        // What waits for padding does not come.
        assert!(2 * found.len() > expected.len(), "{name}: {} of {}", found.len(), expected.len());
        assert_eq!(found, expected[..found.len()], "{name}: longer");
    }
}

/// Each network for its window, and with the lengths for a longer signal.
macro_rules! networks {
    ($($name:ident: $Net:ty, $X:ty; $Longer:ty, $Y:ty;)*) => {$(
        #[test]
        fn $name() {
            agree::<{ arena_len::<$Net, $X>() }, { arena_len::<$Longer, $Y>() }, $Net, $X, $Longer, $Y>(stringify!($name));
        }
    )*};
}

type Signal<const C: usize, const L: usize> = [[f32; C]; L];

networks! {
    a_convolution: Conv1d<3, 8, 5, Relu>, Signal<3, 20>; Conv1d<3, 8, 5, Relu>, Signal<3, 61>;
    valid: Conv1d<3, 5, 4, Tanh, To1d<17>>, Signal<3, 20>; Conv1d<3, 5, 4, Tanh, To1d<58>>, Signal<3, 61>;
    strides: chain![Conv1d<2, 8, 5, Relu, To1d<30, 2>>, Conv1d<8, 4, 3, Linear, To1d<10, 3, 1>>], Signal<2, 63>;
        chain![Conv1d<2, 8, 5, Relu, To1d<60, 2>>, Conv1d<8, 4, 3, Linear, To1d<20, 3, 1>>], Signal<2, 123>;
    a_stride_beyond_the_kernel: Conv1d<2, 3, 2, Linear, To1d<7, 5>>, Signal<2, 36>; Conv1d<2, 3, 2, Linear, To1d<20, 5>>, Signal<2, 100>;
    causal_with_dilation: chain![Conv1d<2, 8, 3, Relu, To1d<24, 1, 4, 2, 0>>, Conv1d<8, 3, 3, Linear, To1d<24, 1, 8, 4, 0>>], Signal<2, 24>;
        chain![Conv1d<2, 8, 3, Relu, To1d<99, 1, 4, 2, 0>>, Conv1d<8, 3, 3, Linear, To1d<99, 1, 8, 4, 0>>], Signal<2, 99>;
    pooled: chain![MaxPool1d<3, 10, 2, 1>, Conv1d<4, 8, 1, Sigmoid>, AvgPool1d<3, 10, 1, 1>], Signal<4, 20>;
        chain![MaxPool1d<3, 30, 2, 1>, Conv1d<4, 8, 1, Sigmoid>, AvgPool1d<3, 30, 1, 1>], Signal<4, 60>;
    pooled_side_by_side: chain![Conv1d<4, 4, 3>, AvgPool1d<4, 5>, Elu], Signal<4, 22>; chain![Conv1d<4, 4, 3>, AvgPool1d<4, 15>, Elu], Signal<4, 60>;
    normalised: chain![BatchNorm<Conv1d<2, 4, 3>, Relu>, Dropout<20>, Gru<4, 7>], Signal<2, 12>;
        chain![BatchNorm<Conv1d<2, 4, 3>, Relu>, Dropout<20>, Gru<4, 7>], Signal<2, 60>;
    other_functions: chain![Conv1d<2, 4, 3, Relu6>, LayerNorm<4>, Gelu, Conv1d<4, 3, 3>, PRelu<3>, ScaleShift<3, Tanh>, Silu, Softmax], Signal<2, 12>;
        chain![Conv1d<2, 4, 3, Relu6>, LayerNorm<4>, Gelu, Conv1d<4, 3, 3>, PRelu<3>, ScaleShift<3, Tanh>, Silu, Softmax], Signal<2, 60>;
    other_functions_of_pixels: chain![Conv2d<2, 4, 3, HardTanh>, LayerNorm<4>, HardSwish, PRelu<1>, Softmax], [[[f32; 2]; 6]; 9];
        chain![Conv2d<2, 4, 3, HardTanh>, LayerNorm<4>, HardSwish, PRelu<1>, Softmax], [[[f32; 2]; 6]; 30];
    with_cells: chain![Lstm<3, 5>, Conv1d<5, 2, 3>], Signal<3, 12>; chain![Lstm<3, 5>, Conv1d<5, 2, 3>], Signal<3, 60>;
    residuals: chain![Residual<chain![Conv1d<4, 8, 5, Relu>, Residual<Conv1d<8, 8, 3, Tanh>>, Conv1d<8, 4, 3>]>, Relu], Signal<4, 20>;
        chain![Residual<chain![Conv1d<4, 8, 5, Relu>, Residual<Conv1d<8, 8, 3, Tanh>>, Conv1d<8, 4, 3>]>, Relu], Signal<4, 60>;
    a_residual_without_delay: Residual<Tanh>, Signal<4, 6>; Residual<Tanh>, Signal<4, 20>;
    concatenated: Branches<Around<Conv1d<2, 3, 3>, Concat<5>>, Branches<Conv1d<2, 3, 7, Relu>, Conv1d<2, 2, 1>, Concat<5>>, Concat<10>>, Signal<2, 15>;
        Branches<Around<Conv1d<2, 3, 3>, Concat<5>>, Branches<Conv1d<2, 3, 7, Relu>, Conv1d<2, 2, 1>, Concat<5>>, Concat<10>>, Signal<2, 50>;
    branches_with_strides: Branches<chain![Conv1d<2, 4, 3, Relu>, Conv1d<4, 6, 3, Linear, To1d<8, 2, 1>>], Conv1d<2, 6, 1, Linear, To1d<8, 2>>, Sum>, Signal<2, 16>;
        Branches<chain![Conv1d<2, 4, 3, Relu>, Conv1d<4, 6, 3, Linear, To1d<32, 2, 1>>], Conv1d<2, 6, 1, Linear, To1d<32, 2>>, Sum>, Signal<2, 64>;
    an_image: chain![Conv2d<2, 8, 3, Relu>, DepthwiseConv2d<8, 3, Relu>, Conv2d<8, 5, 1>], [[[f32; 2]; 6]; 9];
        chain![Conv2d<2, 8, 3, Relu>, DepthwiseConv2d<8, 3, Relu>, Conv2d<8, 5, 1>], [[[f32; 2]; 6]; 30];
    an_image_with_strides: chain![Conv<1, 5, 5, 3, Relu, To<8, 4, 2, SAME>>, Depthwise<5, 3, 2, Relu, (To1d<4, 2, 1>, To1d<5, 1, 2, 3>)>, MaxPool2d<3, 2, 3, 2, 1>],
        [[[f32; 1]; 8]; 16];
        chain![Conv<1, 5, 5, 3, Relu, (To1d<16, 2, 1, 1, 2>, To1d<4, 2, SAME>)>, Depthwise<5, 3, 2, Relu, (To1d<8, 2, 1>, To1d<5, 1, 2, 3>)>, MaxPool2d<3, 4, 3, 2, 1>],
        [[[f32; 1]; 8]; 32];
    an_image_with_dilation: chain![Conv<3, 16, 2, 2, Relu, (To1d<9, 1, 2, 3, 1>, To1d<7, 1, 1, 2>)>, AvgPool2d<2, 4, 3>], [[[f32; 3]; 7]; 9];
        chain![Conv<3, 16, 2, 2, Relu, (To1d<30, 1, 2, 3, 1>, To1d<7, 1, 1, 2>)>, AvgPool2d<2, 15, 3>], [[[f32; 3]; 7]; 30];
    a_residual_of_an_image: Residual<chain![Conv2d<4, 8, 3, Relu>, Conv2d<8, 4, 3>]>, [[[f32; 4]; 5]; 6]; Residual<chain![Conv2d<4, 8, 3, Relu>, Conv2d<8, 4, 3>]>, [[[f32; 4]; 5]; 20];
}

/// Heads give one row of a window; over a longer signal the windows' own ones, at every position or one after another.
fn windows<const BYTES: usize, N, X>(step: usize)
where
    N: Streamed<X> + Params<f32> + Zero,
    X: InRows<Elem = f32>,
    N::Out: InRows<Row = N::Out, Elem = f32>,
{
    let mut rng = Pcg32::seed_from_u64(BYTES as u64);
    let net = random::<N>(&mut rng);
    let mut rows = vec![X::Row::ZERO; 3 * X::ROWS];
    rows.iter_mut().for_each(|row| fill(row.flat_mut(), &mut rng));
    let mut stream = Box::new(Stream::<N, X>::ZERO);
    let mut arena = Box::new(Arena::<BYTES>::ZERO);
    for (at, row) in rows.iter().enumerate() {
        let found = stream.push(&net, row).map(bits);
        let first = (at + 1).checked_sub(X::ROWS).filter(|first| first.is_multiple_of(step));
        let expected = first.map(|first| {
            let mut window = Box::new(X::ZERO);
            window.rows_mut().copy_from_slice(&rows[first..=at]);
            bits(arena.predict(&*net, &*window))
        });
        assert_eq!(found, expected, "after row {at}");
    }
}

#[test]
fn a_dense_head_over_the_last_rows_is_that_of_each_window() {
    type Net =
        chain![Conv1d<3, 4, 5, Relu, To1d<8>>, Flatten<32>, Standardize<32>, Dense<32, 6, Tanh>, Dense<6, 3>, Softmax];
    windows::<{ arena_len::<Net, Signal<3, 12>>() }, Net, Signal<3, 12>>(1);
    type Image = [[[f32; 2]; 5]; 7];
    type Vision = chain![Conv2d<2, 4, 3, Relu, To<5, 3>>, Flatten<60>, Dense<60, 3>];
    windows::<{ arena_len::<Vision, Image>() }, Vision, Image>(1);
    // A step of two: every second position.
    type Strided = chain![Conv1d<3, 4, 5, Relu, To1d<4, 2>>, Flatten<16>, Dense<16, 3>];
    windows::<{ arena_len::<Strided, Signal<3, 11>>() }, Strided, Signal<3, 11>>(2);
    type Moving = chain![Standardize<3>, Conv1d<3, 4, 5, Relu, To1d<8>>, AvgPool1d<8, 1, 1>, Last, Dense<4, 3>];
    windows::<{ arena_len::<Moving, Signal<3, 12>>() }, Moving, Signal<3, 12>>(1);
}

#[test]
fn means_are_those_of_windows_side_by_side() {
    type Net = chain![Conv1d<3, 4, 1, Relu>, GlobalAvgPool, Dense<4, 3>];
    windows::<{ arena_len::<Net, Signal<3, 12>>() }, Net, Signal<3, 12>>(12);
    type Image = [[[f32; 2]; 5]; 7];
    type Vision = chain![Conv2d<2, 4, 1, Relu>, GlobalAvgPool];
    windows::<{ arena_len::<Vision, Image>() }, Vision, Image>(7);
}

#[test]
fn a_recurrent_network_goes_on_and_begins_anew_after_a_reset() {
    type Net = chain![Conv1d<3, 4, 5, Relu, To1d<8>>, Gru<4, 6>, Last, Dense<6, 2>];
    type Window = Signal<3, 12>;
    let mut rng = Pcg32::seed_from_u64(5);
    let net = random::<Net>(&mut rng);
    let mut x = Window::ZERO;
    fill(x.as_flattened_mut(), &mut rng);
    let mut arena = Arena::<{ arena_len::<Net, Window>() }>::ZERO;
    let expected = bits(arena.predict(&*net, &x));
    let mut stream = Stream::<&Net, Window>::ZERO;
    let mut run = |reset: bool| {
        if reset {
            stream.reset();
        }
        x.iter().filter_map(|row| stream.push(&&*net, row).map(bits)).collect::<Vec<_>>()
    };
    let first = run(false);
    assert_eq!((first.len(), first.last()), (8, Some(&expected)));
    let on = run(false);
    assert_eq!(on.len(), 12);
    assert_ne!(on.last(), Some(&expected));
    assert_eq!(run(true), first);
}

/// Counters are put back before they could end.
#[test]
fn a_stream_goes_on_for_long() {
    type Net = Conv1d<1, 1, 3, Linear, To1d<7, 2, 1>>;
    let net = Net::new([[[[1.0]], [[10.0]], [[100.0]]]], [0.0]);
    let mut stream = Stream::<Net, Signal<1, 14>>::ZERO;
    let mut made = 0;
    for at in 0..100_000_u32 {
        let x = |at: u32| (at % 7) as f32;
        if let Some([y]) = stream.push(&net, &[x(at)]) {
            made += 1;
            let before = at.checked_sub(2).map_or(0.0, x);
            assert_eq!(*y, before + 10.0 * x(at - 1) + 100.0 * x(at), "{at}");
        }
    }
    assert_eq!(made, 50_000);
}

#[test]
fn its_memory_is_the_rows_that_are_kept() {
    const COUNTERS: usize = 2 * size_of::<usize>();
    assert_eq!(size_of::<Stream<Conv1d<4, 8, 5>, Signal<4, 100>>>(), 5 * 4 * 4 + COUNTERS + 8 * 4);
    assert_eq!(
        size_of::<Stream<Conv1d<3, 8, 5, Relu, To1d<92, 1, 0, 2>>, Signal<3, 100>>>(),
        10 * 3 * 4 + COUNTERS + 8 * 4
    );
    assert_eq!(size_of::<Stream<chain![Gru<3, 6>, Last, Dense<6, 2>], Signal<3, 100>>>(), (3 + 6 + 6 + 2) * 4);
}
