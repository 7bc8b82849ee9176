//! Training with the rounding of integers.

use host_tests::networks::{random, uniform};
use nerve::executor::Executor;
use nerve::graph::Graph;
use nerve::prelude::*;
use nerve::quantise::{Range, quantise};
use nerve::{Describe, Layer, Mode, ParallelTrainer, Round, Rounded, Rounding, Tensor, litert, onnx};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

fn inputs<X: Tensor<Elem = f32>>(seed: u64, count: usize) -> Vec<X> {
    let mut rng = Pcg32::seed_from_u64(seed);
    let mut inputs = vec![X::ZERO; count];
    inputs.iter_mut().flat_map(|x| x.flat_mut()).for_each(|x| *x = 2.0 * uniform(&mut rng) - 1.0);
    inputs
}

/// With rounding, its ranges learned in some steps.
fn rounded<X: Tensor<Elem = f32>, N, const C: usize>(net: &N, inputs: &[X]) -> Box<N::Rounded>
where
    N: Round<Rounded: Layer<X, Out = [f32; C]>>,
{
    let mut rounded = Box::new(N::Rounded::ZERO);
    net.round_into(&mut rounded);
    let mut trainer = Box::new(Trainer::<N::Rounded, X, 8>::ZERO);
    let zero = [0.0; C];
    trainer.epoch(&mut rounded, &mut Adam::new(0.001), &Mse, inputs.iter().map(|x| (x, &zero))).unwrap();
    rounded
}

/// The least distance of steps that takes in the range, the integer of 0, and the value of the integer nearest to `x`, if there is one.
fn in_steps(x: f32, [least, greatest]: [f32; 2]) -> (f32, bool) {
    let scale = (greatest - least) / 255.0;
    let zero = -128.0 - (least / scale).round();
    let q = (x / scale).round() + zero;
    (scale * (q.clamp(-128.0, 127.0) - zero), (-128.0..=127.0).contains(&q))
}

/// Multiples of a 127th of the largest weight of each output.
fn in_columns<const I: usize, const O: usize>(w: &[[f32; O]; I]) -> [[f32; O]; I] {
    let scales: [f32; O] = std::array::from_fn(|o| w.iter().fold(0_f32, |max, row| max.max(row[o].abs())) / 127.0);
    w.map(|row| std::array::from_fn(|o| scales[o] * (row[o] / scales[o]).round()))
}

#[test]
fn gradients_are_those_of_floats_at_what_is_rounded_and_nothing_where_values_are_held() {
    type Net = chain![Dense<5, 7, Tanh>, Dense<7, 3>];
    let mut net = random::<Net>(1);
    let mut all = Box::new(Rounded::<Net>::ZERO);
    net.round_into(&mut all);
    // Ranges that hold some of the values.
    let ranges = [[-0.7, 0.5], [-0.4, 0.6]];
    let ((_, (inner, _)), (_, outer)) = &mut *all;
    for (rounding, range) in [inner, outer].into_iter().zip(ranges) {
        rounding.visit_mut(&mut |ends: &mut [f32]| ends.copy_from_slice(&range));
    }
    let x: [[f32; 5]; 16] = inputs(2, 16).try_into().unwrap();
    let mut accumulator = Box::new(Accumulator::<Rounded<Net>, [f32; 5], 16>::ZERO);
    accumulator.accumulate(&all, &Mse, &x, &[[0.25; 3]; 16]).unwrap();

    let (first, second) = &mut *net;
    let first = Dense::<5, 7>::new(in_columns(&first.w), first.b);
    second.w = in_columns(&second.w);
    let mode = Mode::Training { seed: 0, first_example: 0, examples: 16 };
    let mut z = [[0.0; 7]; 16];
    first.forward(&x, &mut (), &mut z, mode);
    let kept = z.map(|row| row.map(|z| in_steps(z, ranges[0])));
    let tanh = kept.map(|row| {
        let mut row = row.map(|(z, _)| z);
        <Tanh as nerve::Activation>::forward(&mut row, 7);
        row
    });
    let hidden = tanh.map(|row| row.map(|y| (y * 128.0).round().clamp(-128.0, 127.0) / 128.0));
    let mut logits = [[0.0; 3]; 16];
    second.forward(&hidden, &mut (), &mut logits, mode);
    let last = logits.map(|row| row.map(|y| in_steps(y, ranges[1])));
    let mut dy = last.map(|row| row.map(|(y, inside)| if inside { 2.0 * (y - 0.25) / 3.0 } else { 0.0 }));
    let (mut by_second, mut by_first) = (Dense::<7, 3>::ZERO, Dense::<5, 7>::ZERO);
    let mut dz = [[0.0; 7]; 16];
    second.backward(&hidden, &(), &logits, &mut dy, &mut (), Some(&mut dz), mode);
    second.gradients(&hidden, &(), &logits, &dy, &(), &mut by_second, false);
    for ((dz, tanh), kept) in dz.as_flattened_mut().iter_mut().zip(tanh.as_flattened()).zip(kept.as_flattened()) {
        *dz = if kept.1 { *dz * (1.0 - tanh * tanh) } else { 0.0 };
    }
    first.backward(&x, &(), &z, &mut dz, &mut (), None, mode);
    first.gradients(&x, &(), &z, &dz, &(), &mut by_first, false);
    let held = [kept.as_flattened(), last.as_flattened()].map(|all| all.iter().filter(|(_, inside)| !inside).count());
    assert!(held[0] > 5 && held[1] > 5, "{held:?}");

    let (mut expected, mut found) = (vec![], vec![]);
    (by_first, by_second).visit(&mut |tensor: &[f32]| expected.extend_from_slice(tensor));
    accumulator.gradients().visit(&mut |tensor: &[f32]| found.extend_from_slice(tensor));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() <= 1e-6, "{found} instead of {expected}");
    }
}

/// The outputs in integers, where inputs have their steps, in steps from those with rounding: the largest distance, and how many are off.
fn distance<X: Tensor<Elem = f32>, N, const C: usize>(seed: u64) -> (f32, f32)
where
    N: Params<f32> + Zero + Round<Rounded: Describe<X> + Layer<X, Out = [f32; C]>>,
{
    let net = random::<N>(seed);
    let examples = inputs::<X>(seed + 1, 128);
    let rounded = rounded::<X, N, C>(&net, &examples);
    let bytes = |x: &X| x.flat().iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>();
    let typical: Vec<u8> = examples.iter().flat_map(bytes).collect();
    let quantised = quantise(&Graph::of::<X, _>(&*rounded).unwrap(), &typical, Range::MinMax, &[]).unwrap();
    let steps = |tensor: usize| {
        let found = quantised.graph.tensors[tensor].quantization.as_ref().unwrap();
        (found.scales[0], found.zero_points[0])
    };
    let (input, output) = (steps(quantised.graph.inputs[0]), steps(quantised.graph.outputs[0]));
    let mut executor = Executor::new(&quantised.graph).unwrap();
    let mut pass = Box::new(Pass::<N::Rounded, X>::ZERO);
    let (mut largest, mut off) = (0_f32, 0);
    for x in &examples {
        let integers = quantised.inputs(&bytes(x));
        let mut x = *x;
        for (x, q) in x.flat_mut().iter_mut().zip(&integers) {
            *x = input.0 * (i32::from(*q as i8) - input.1) as f32;
        }
        let found = executor.run_all(&integers).unwrap();
        for (q, y) in found.iter().zip(&pass.run(&rounded, std::array::from_ref(&x))[0]) {
            let distance = ((i32::from(*q as i8) - output.1) as f32 - y / output.0).abs();
            largest = largest.max(distance);
            off += usize::from(distance > 0.5);
        }
    }
    (largest, off as f32 / (examples.len() * C) as f32)
}

#[test]
fn integers_agree_with_what_has_been_rounded_up_to_a_step() {
    type Image = [[[f32; 2]; 8]; 8];
    type Images = chain![
        Conv2d<2, 6, 3, Relu>,
        MaxPool2d<2, 4, 4>,
        DepthwiseConv2d<6, 3, Relu6>,
        Conv2d<6, 8, 1, Tanh>,
        Flatten<128>,
        Dense<128, 4>
    ];
    type Residuals = chain![
        Conv2d<2, 6, 3, Relu, To<4, 4, 2, 1>>,
        Residual<chain![Conv2d<6, 6, 3, Relu>, Conv2d<6, 6, 3>]>,
        Relu,
        GlobalAvgPool,
        Dense<6, 4>
    ];
    type Probabilities = chain![Dense<6, 9, Sigmoid>, Dense<9, 5, Softmax>];
    type Window = [[f32; 3]; 9];
    type Gated = chain![Gru<3, 8>, Last, Dense<8, 4>];
    type Remembering = chain![Lstm<3, 8>, Last, Dense<8, 4>];
    for (name, found) in [
        ("one product", distance::<[f32; 6], Dense<6, 5, Relu>, 5>(1)),
        ("images", distance::<Image, Images, 4>(2)),
        ("residuals", distance::<Image, Residuals, 4>(3)),
        ("probabilities", distance::<[f32; 6], Probabilities, 5>(4)),
        ("GRU", distance::<Window, Gated, 4>(5)),
        ("LSTM", distance::<Window, Remembering, 4>(6)),
    ] {
        println!("{name}: {} steps at most, {:.2} % are off", found.0, 100.0 * found.1);
        // What an inner layer rounds the other way may arrive as more than one step. What recurrent layers keep is rounded in integers alone.
        let (steps, off) = match name {
            "one product" => (1.01, 0.3),
            "GRU" | "LSTM" => (9.01, 0.4),
            _ => (2.01, 0.3),
        };
        assert!(found.0 < steps && found.1 < off, "{name}: {found:?}");
    }
}

type Input = [f32; 6];
type Net = chain![Standardize<6>, Dense<6, 11, Sigmoid>, Dense<11, 8, Relu>, Dense<8, 3>];

/// Three epochs with batches of several shards, the last one ragged.
fn train(threads: usize, rounded: &Rounded<Net>, inputs: &[Input]) -> Rounded<Net> {
    let mut net = rounded.clone();
    let classes: Vec<usize> = inputs.iter().map(|x| usize::from(x[0] > x[1]) + usize::from(x[2] > 0.0)).collect();
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
        let mut trainer = ParallelTrainer::<Rounded<Net>, Input>::new(50);
        let mut adam = Adam::new(0.01);
        for _ in 0..3 {
            trainer.epoch(&mut net, &mut adam, &CrossEntropy, inputs.iter().zip(&classes)).unwrap();
        }
    });
    net
}

#[test]
fn threads_change_no_bit_and_what_is_stored_computes_the_same() {
    let inputs = inputs::<Input>(5, 203);
    let mut net = random::<Net>(6);
    net.0.0.0.fit(inputs.iter());
    let mut before = Rounded::<Net>::ZERO;
    net.round_into(&mut before);
    let one = train(1, &before, &inputs);
    assert_ne!(one, before);
    for threads in [2, 3] {
        assert_eq!(train(threads, &before, &inputs), one, "{threads} threads");
    }
    let mut file = [0; weights::file_len::<f32, Rounded<Net>>()];
    let file = weights::save(&one, &mut file).unwrap();
    let mut loaded = Rounded::<Net>::ZERO;
    weights::load(&mut loaded, file).unwrap();
    assert_eq!(loaded, one, "rounded weights are no part of the file");

    net.take_from(&one);
    let mut again = Rounded::<Net>::ZERO;
    net.round_into(&mut again);
    let layers = |net: &Rounded<Net>| {
        let (((_, (a, _)), (b, _)), (c, _)) = net;
        (a.clone(), b.clone(), c.clone())
    };
    assert_eq!(layers(&again), layers(&one));
    // For others it is the network of floats.
    let floats = |graph: Graph| litert::read(&litert::write(&graph).unwrap()).unwrap();
    assert_eq!(floats(Graph::of::<Input, _>(&one).unwrap()), floats(Graph::of::<Input, _>(&*net).unwrap()));
    assert_eq!(onnx::export::<Input, _>(&one).unwrap(), onnx::export::<Input, _>(&*net).unwrap());
}

#[test]
fn a_range_begins_with_the_first_batch_and_follows_the_others_slowly() {
    let mut rounding = Rounding::<f32>::ZERO;
    let mode = Mode::Training { seed: 0, first_example: 0, examples: 1 };
    let range = |rounding: &Rounding| {
        let mut range = vec![];
        rounding.visit(&mut |ends: &[f32]| range.extend_from_slice(ends));
        range
    };
    // The second example is left from before.
    let (x, mut y, mut seen) = ([[-1.0, 0.3, 3.0], [9.0, 9.0, 9.0]], [[0.0; 3]; 2], [0.0; 2]);
    rounding.forward(&x, &mut seen, &mut y, mode);
    assert_eq!(y, x, "nothing has been learned");
    Layer::<[f32; 3]>::observe::<2>(&mut rounding, &seen);
    assert_eq!(range(&rounding), [-1.0, 3.0]);
    let x = [[2.01, -2.0, 5.0], [0.0; 3]];
    rounding.forward(&x, &mut seen, &mut y, mode);
    // 256 steps of 4/255, of which 0 is one.
    assert_eq!(y[0].map(|y| y * 255.0 / 4.0).map(f32::round), [128.0, -64.0, 191.0]);
    Layer::<[f32; 3]>::observe::<2>(&mut rounding, &seen);
    assert_eq!(range(&rounding), [-1.01, 3.02]);
}
