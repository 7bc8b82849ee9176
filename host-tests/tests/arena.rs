//! Inference in planned memory: the bits of a pass that keeps everything, in as many bytes as the largest neighbours take.

use nerve::prelude::*;
use nerve::{Array, Layer, Real};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

fn fill(values: &mut [f32], rng: &mut Pcg32) {
    values.iter_mut().for_each(|v| *v = rng.next_u32() as f32 / 2f32.powi(31) - 1.0);
}

/// Several examples one after the other, in memory that the one before has left.
fn agree<const BYTES: usize, N, X>(name: &str)
where
    N: Layer<X> + Zero,
    X: nerve::Tensor<Elem = f32>,
{
    let mut rng = Pcg32::seed_from_u64(BYTES as u64);
    let mut net = Box::new(N::ZERO);
    // Statistics of normalisations too: all but variances may be negative.
    net.visit_mut(&mut |tensor| {
        fill(tensor, &mut rng);
        tensor.iter_mut().for_each(|v| *v = v.abs());
    });
    net.init(Init::HeNormal, &mut rng);
    let mut pass = Box::new(Pass::<N, X>::ZERO);
    let mut arena = Box::new(Arena::<BYTES>::ZERO);
    for example in 0..4 {
        let mut x = Box::new([X::ZERO]);
        fill(X::flatten_mut(&mut *x), &mut rng);
        let bits = |y: &N::Out| y.flat().iter().map(|v| v.to_f64().to_bits()).collect::<Vec<_>>();
        let expected = bits(&pass.run(&net, &x)[0]);
        assert_eq!(bits(arena.predict(&*net, &x[0])), expected, "{name}, example {example}");
        assert_eq!(bits(arena.predict(&&*net, &x[0])), expected, "{name} borrowed, example {example}");
        assert!(expected.iter().any(|v| *v != 0), "{name}: all zeros show nothing");
    }
}

/// Each network, its input, and the bytes of the largest that it needs at the same time, by hand.
macro_rules! networks {
    ($($name:ident: $Net:ty, $X:ty, $bytes:expr;)*) => {$(
        #[test]
        fn $name() {
            const BYTES: usize = arena_len::<$Net, $X>();
            assert_eq!(BYTES, $bytes);
            assert_eq!(size_of::<Arena<BYTES>>(), BYTES);
            agree::<BYTES, $Net, $X>(stringify!($name));
        }
    )*};
}

type Image<const C: usize> = [[[f32; C]; 6]; 5];
/// Bytes of 5 by 6 pixels.
const fn image(channels: usize) -> usize {
    4 * 30 * channels
}

networks! {
    attention: chain![Conv1d<2, 4, 3>, Attention<4, 2>], [[f32; 2]; 5], 4 * 80; // input, output, keys and values
    attention_first: Attention<6, 3>, [[f32; 6]; 3], 72 + 144;
    one_layer: Dense<3, 5>, [f32; 3], 24; // 20 bytes, to a multiple of 8
    two_layers: chain![Dense<4, 10, Sigmoid>, Dense<10, 4>], [f32; 4], 40 + 16;
    the_largest_pair: chain![Dense<4, 2>, Dense<2, 20, Tanh>, Dense<20, 12>, Dense<12, 2>], [f32; 4], 80 + 48;
    chains_in_chains: chain![Dense<2, 8>, chain![Dense<8, 4>, chain![Dense<4, 16>, Dense<16, 2>], Dense<2, 2>]], [f32; 2], 64 + 16;
    in_place: chain![Standardize<6>, Relu, Dropout<30>, Dense<6, 4>, Tanh, Softmax], [f32; 6], 24 + 16;
    an_activation_alone: Elu, Image<1>, image(1);
    flattened_where_it_lies: chain![Flatten<30>, Dense<30, 2>], Image<1>, image(1) + 8;
    convolutions: chain![Conv2d<1, 4, 3, Relu>, MaxPool2d<2, 2, 3>, Conv2d<4, 3, 3>, GlobalAvgPool, Dense<3, 2>], Image<1>,
        image(4) + 4 * 6 * 4;
    normalised: chain![BatchNorm<Conv2d<2, 4, 3>, Relu>, BatchNorm<DepthwiseConv2d<4, 3>, Elu>, GlobalAvgPool], Image<2>,
        2 * image(4);
    a_residual_first: Residual<chain![Conv2d<2, 4, 1, Relu>, Conv2d<4, 2, 3>]>, Image<2>, image(4) + image(2);
    a_residual_between: chain![Conv2d<1, 2, 3>, Residual<chain![Conv2d<2, 4, 1, Relu>, Conv2d<4, 2, 3>]>, GlobalAvgPool], Image<1>,
        image(2) + image(4) + image(2);
    residuals_in_residuals: chain![Conv2d<1, 2, 3>, Residual<chain![Residual<Conv2d<2, 2, 3, Tanh>>, Conv2d<2, 2, 1>]>, Relu], Image<1>,
        image(2) + 2 * image(2);
    a_residual_in_place: chain![Dense<3, 4>, Residual<chain![Relu, Tanh]>, Dense<4, 3>], [f32; 3], 16 + 16;
    a_projected_residual: chain![Conv2d<1, 2, 3>, Branches<chain![Conv2d<2, 6, 1, Relu>, Conv2d<6, 4, 3>], Conv2d<2, 4, 1>, Sum>, GlobalAvgPool], Image<1>,
        image(2) + image(6) + image(4);
    a_second_path_that_is_larger: Branches<Conv2d<1, 4, 1>, chain![Conv2d<1, 6, 1, Relu>, Conv2d<6, 4, 3>], Sum>, Image<1>,
        image(4) + image(6) + image(4);
    concatenated_first: Branches<Conv2d<1, 2, 1>, Conv2d<1, 3, 3>, Concat<5>>, Image<1>, image(2) + image(3) + image(5);
    concatenated: chain![
        Conv2d<1, 2, 3>, Branches<Branches<Conv2d<2, 3, 1>, Conv2d<2, 1, 3>, Concat<4>>, Conv2d<2, 2, 3>, Concat<6>>, Conv2d<6, 1, 1>
    ], Image<1>, image(2) + image(4) + image(2) + image(6);
    concatenated_around: chain![Conv2d<1, 2, 3>, Around<Conv2d<2, 3, 3>, Concat<5>>, Conv2d<5, 1, 1>], Image<1>,
        image(2) + image(3) + image(5);
    concatenated_around_first: Around<chain![Conv2d<1, 9, 3>, Conv2d<9, 2, 1>], Concat<3>>, Image<1>, image(9) + image(2);
    branches_of_rows: chain![Dense<3, 4>, Branches<Dense<4, 3, Tanh>, Linear, Concat<7>>, Dense<7, 2>], [f32; 3], 16 + 16 + 16 + 32;
    frozen: chain![Frozen<chain![Dense<4, 6, Relu>, Dense<6, 6>]>, Dense<6, 2>], [f32; 4], 24 + 24;
    lstm: chain![Lstm<3, 5>, Lstm<5, 4>, Last, Dense<4, 2>], [[f32; 3]; 7], 144 + 112;
    recurrent: chain![Gru<3, 5>, Gru<5, 4>, Last, Dense<4, 2>], [[f32; 3]; 7], 144 + 112; // 140 bytes, to a multiple of 8
    signals: chain![Conv1d<3, 4, 5, Relu, To1d<9, 2>>, AvgPool1d<2, 4>, Flatten<16>, Dense<16, 3>], [[f32; 3]; 21], 144 + 64;
}

/// Arenas may be larger than need be, and shared.
#[test]
fn networks_share_an_arena() {
    type First = Dense<2, 9>;
    type Second = chain![Dense<9, 3, Relu>, Dense<3, 2>];
    let (mut first, mut second) = (First::ZERO, Second::ZERO);
    first.b[8] = 2.0;
    second.0.w[8][0] = 3.0;
    second.1.w[0][1] = 0.5;
    let mut arena = Arena::<64>::ZERO;
    let between = *arena.predict(&first, &[0.0; 2]);
    assert_eq!(*arena.predict(&second, &between), [0.0, 3.0]);
}

/// In double precision, as the checks of gradients use it.
#[test]
fn double_precision() {
    type Net = chain![Dense<2, 3, Tanh, f64>, Dense<3, 1, Linear, f64>];
    let mut net = Net::ZERO;
    net.init(Init::HeNormal, &mut Pcg32::seed_from_u64(1));
    let mut arena = Arena::<{ arena_len::<Net, [f64; 2]>() }>::ZERO;
    let mut pass = Pass::<Net, [f64; 2]>::ZERO;
    assert_eq!(arena.predict(&net, &[0.3, -0.7]), &pass.run(&net, &[[0.3, -0.7]])[0]);
}
