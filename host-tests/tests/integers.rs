//! Networks in integers whose types follow from those in floats.

use host_tests::models;
use host_tests::networks::{Paths, inputs, random};
use nerve::executor::Executor;
use nerve::graph::{Graph, Op, Scalar, TypeError, Typed};
use nerve::prelude::*;
use nerve::quant::{Each, FullyConnected, Input, Integer, Weighted};
use nerve::quantise::{self, Range};
use nerve::{Array, Forward, Max, Pool, Quantised, Round, Rounded};

const EXAMPLES: usize = 24;

/// The value of the type makes of all inputs what the executor makes of the graph.
fn agrees<X: Input, N: Typed + Forward<X, Out: Array<Elem = i8>>, const BYTES: usize>(quantised: &quantise::Quantised) {
    let net: N = quantised.graph.typed().unwrap_or_else(|error| panic!("{error}\n{:?}", quantised.graph.nodes));
    let mut executor = Executor::new(&quantised.graph).unwrap();
    let mut arena = Box::new(Arena::<BYTES>::ZERO);
    let floats = inputs(99, EXAMPLES * X::LEN);
    let examples: Vec<u8> = floats.chunks(4 * X::LEN).flat_map(|x| quantised.inputs(x)).collect();
    let mut outputs = Vec::new();
    for bytes in examples.chunks(size_of::<X>()) {
        let y = arena.predict(&net, &bytemuck::pod_read_unaligned(bytes));
        assert_eq!(executor.run_all(bytes).unwrap(), bytemuck::bytes_of(y));
        outputs.push(*y);
    }
    assert!(outputs.iter().any(|y| y.flat() != outputs[0].flat()));
}

macro_rules! agree {
    ($($test:ident: $Net:ty, $($X:ty),*;)*) => {$(
        #[test]
        fn $test() {
            for seed in 0..3 {
                let net = random::<$Net>(seed);
                $(
                    let quantised = quantise::of::<$X, _>(&*net, &inputs(seed, EXAMPLES * <$X as Array>::LEN), Range::default()).unwrap();
                    agrees::<$X, Quantised<$Net, $X>, { arena_len::<Quantised<$Net, $X>, $X>() }>(&quantised);
                )*
            }
        }
    )*};
}

agree! {
    rows: chain![Dense<4, 8, Relu>, Tanh, Residual<Dense<8, 8>>, Relu, Dense<8, 3, Softmax>], [i8; 4], [f32; 4];
    standardised: chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>], [i8; 4], [f32; 4];
    images: chain![
        Residual<chain![BatchNorm<Conv2d<2, 2, 3>, Tanh>, Dropout<10>]>,
        BatchNorm<Conv2d<2, 3, 3>, Relu>,
        BatchNorm<DepthwiseConv2d<3, 3>, Sigmoid>,
        AvgPool2d<2, 4, 5>,
        Conv2d<3, 4, 3, Relu, To<2, 3, 2, 1>>,
        Flatten<24>,
        LeakyRelu,
        Frozen<Dense<24, 6, Tanh>>,
        Residual<BatchNorm<Dense<6, 6>>>,
        Dense<6, 3, Softmax>
    ], [[[i8; 2]; 10]; 8], [[[f32; 2]; 10]; 8];
    paths: Paths, [[[i8; 2]; 10]; 8];
    directions: chain![
        Conv<2, 3, 3, 5, Relu, (To1d<10, 2, SAME>, To1d<12, 1, 4, 2, 3>)>,
        Depthwise<3, 4, 2, LeakyRelu, (Same, To1d<6, 2, SAME>)>,
        Pool<Max, 3, 2, (To1d<4, 3, SAME>, To1d<3, 2, SAME>)>,
        GlobalAvgPool,
        Dense<3, 4>
    ], [[[i8; 2]; 13]; 20];
    activations_in_front: chain![
        Conv2d<2, 4, 3>,
        Residual<chain![Relu, Conv2d<4, 4, 3>]>,
        Relu6,
        GlobalAvgPool,
        Dense<4, 3>
    ], [[[i8; 2]; 10]; 8];
    functions: chain![
        Conv2d<2, 3, 3, Relu6>,
        Conv2d<3, 3, 3, HardTanh>,
        HardSwish,
        Gelu,
        Relu6,
        Silu,
        Relu,
        GeluTanh,
        Softmax,
        Flatten<240>,
        Dense<240, 6>,
        HardSwish,
        Dense<6, 3>,
        Linear
    ], [[[i8; 2]; 10]; 8];
    an_image: chain![Conv2d<2, 3, 3, Sigmoid>, MaxPool2d<2, 4, 5>], [[[i8; 2]; 10]; 8];
    signals: chain![
        Standardize<3>,
        Conv1d<3, 4, 3, Relu, To1d<28, 1, 4, 2, 0>>,
        MaxPool1d<2, 14>,
        Conv1d<4, 3, 4, Tanh>,
        AvgPool1d<4, 7, 2, SAME>,
        Last
    ], [[f32; 3]; 28];
    a_signal: chain![Conv1d<3, 2, 3>, Relu], [[i8; 3]; 9], [[f32; 3]; 9];
    gated: chain![Conv1d<3, 4, 3, Elu>, Gru<4, 7>, Gru<7, 5>, Last, Dense<5, 3>], [[i8; 3]; 12], [[f32; 3]; 12];
    recurrent: chain![Lstm<3, 7>, Lstm<7, 5>, GlobalAvgPool, Dense<5, 3>], [[i8; 3]; 12];
    words: chain![Embedding<9, 4>, Lstm<4, 7>, Last, Dense<7, 3>], [f32; 6];
}

#[test]
fn what_has_learned_with_rounding_has_the_type_of_what_has_not() {
    type Net = chain![Dense<4, 8, Sigmoid>, Residual<Dense<8, 8, Relu>>, Dense<8, 3>];
    let (net, mut rounded) = (random::<Net>(1), Rounded::<Net>::ZERO);
    net.round_into(&mut rounded);
    let quantised =
        quantise::of::<[i8; 4], _>(&rounded, &inputs(1, EXAMPLES * <[i8; 4] as Array>::LEN), Range::default()).unwrap();
    agrees::<[i8; 4], Quantised<Net, [i8; 4]>, { arena_len::<Quantised<Net, [i8; 4]>, [i8; 4]>() }>(&quantised);
}

#[test]
fn another_type_is_refused_by_operator_and_layer() {
    type Net = chain![Dense<4, 8, Sigmoid>, Dense<8, 3>];
    type First = Integer<Weighted<FullyConnected, i32>, [i8; 4], [i8; 8]>;
    let graph = quantise::of::<[i8; 4], _>(
        &*random::<Net>(1),
        &inputs(1, EXAMPLES * <[i8; 4] as Array>::LEN),
        Range::default(),
    )
    .unwrap()
    .graph;
    let refused = |error: Option<TypeError>| error.unwrap().to_string();
    let of_floats = refused(graph.typed::<Quantised<Net, [f32; 4]>>().err());
    assert!(of_floats.contains("operator 0 (FULLY_CONNECTED)") && of_floats.contains("Quantize"), "{of_floats}");
    let shorter = refused(graph.typed::<First>().err());
    assert!(shorter.contains("operator 1 (LOGISTIC)") && shorter.contains("nothing"), "{shorter}");
    let longer = refused(graph.typed::<(Quantised<Net, [i8; 4]>, Each<[i8; 3]>)>().err());
    assert!(longer.contains("behind the last operator") && longer.contains("Each<[i8; 3]>"), "{longer}");
    let wider = refused(graph.typed::<Quantised<chain![Dense<4, 9, Sigmoid>, Dense<9, 3>], [i8; 4]>>().err());
    assert!(wider.contains("operator 0 (FULLY_CONNECTED)") && wider.contains("[i8; 9]"), "{wider}");
    assert_eq!(Graph::default().typed::<First>().err(), Some(TypeError::Ends));
}

#[test]
fn rows_below_one_another_are_no_channels_side_by_side() {
    type Net = Around<Conv2d<2, 2, 3>, Concat<4>>;
    type X = [[[i8; 2]; 4]; 4];
    let quantised = quantise::of::<X, _>(&*random::<Net>(1), &inputs(1, EXAMPLES * X::LEN), Range::default());
    let mut graph = quantised.unwrap().graph;
    graph.typed::<Quantised<Net, X>>().unwrap();
    graph.nodes.last_mut().unwrap().op = Op::Concatenation { axis: 1 };
    graph.tensors[graph.outputs[0]].shape = vec![1, 8, 4, 2];
    let refused = graph.typed::<Quantised<Net, X>>().err().unwrap().to_string();
    assert!(refused.contains("CONCATENATION") && refused.contains("Concat<4>"), "{refused}");
}

#[test]
fn no_graph_is_taken_for_what_it_is_not() {
    type Image = chain![Conv2d<2, 3, 3, Relu, To<4, 5, 2, 1>>, Residual<Conv2d<3, 3, 1>>, GlobalAvgPool, Dense<3, 2>];
    type Signal = chain![Standardize<3>, Conv1d<3, 4, 3, Elu>, Gru<4, 7>, Lstm<7, 5>, Last];
    let of: [fn(u64, Scalar) -> Graph; 5] =
        [models::random, models::branches, models::recurrent, models::gated, models::embedded];
    for (seed, scalar) in (0..40).flat_map(|seed| [(seed, Scalar::I8), (seed, Scalar::F32)]) {
        for of in of {
            let graph = of(seed, scalar);
            assert!(graph.typed::<Quantised<Image, [[[i8; 2]; 10]; 8]>>().is_err());
            assert!(graph.typed::<Quantised<Signal, [[f32; 3]; 12]>>().is_err());
            assert!(graph.typed::<Quantised<chain![Embedding<9, 4>, Gru<4, 7>], [f32; 6]>>().is_err());
        }
    }
}
