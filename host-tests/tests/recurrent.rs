//! Recurrent layers against PyTorch's values, and their steps against their windows.

use nerve::prelude::*;
use nerve::{Layer, Mode};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

// Modules of their own, whose long lines are left as they were written.
#[rustfmt::skip]
#[path = "torch/gru.rs"]
mod torch_gru;
#[rustfmt::skip]
#[path = "torch/lstm.rs"]
mod torch_lstm;

const INPUTS: usize = 3;
const UNITS: usize = 5;
const STEPS: usize = 6;
const EXAMPLES: usize = 2;
type Windows<const N: usize> = [[[f64; N]; STEPS]; EXAMPLES];

/// PyTorch's `[G·units][inputs]` as `[gate][input][unit]`.
fn transposed<const I: usize, const G: usize>(weights: &[f64]) -> [[[f64; UNITS]; I]; G] {
    std::array::from_fn(|gate| {
        std::array::from_fn(|input| std::array::from_fn(|unit| weights[(gate * UNITS + unit) * I + input]))
    })
}

/// PyTorch's `[G·units]` as `[gate][unit]`.
fn parted<const G: usize>(biases: &[f64]) -> [[f64; UNITS]; G] {
    std::array::from_fn(|gate| std::array::from_fn(|unit| biases[gate * UNITS + unit]))
}

/// The two biases of each gate as one.
fn summed<const G: usize>(input: &[f64], state: &[f64]) -> [[f64; UNITS]; G] {
    let (mut sums, state) = (parted(input), parted::<G>(state));
    for (sum, b) in sums.as_flattened_mut().iter_mut().zip(state.as_flattened()) {
        *sum += b;
    }
    sums
}

fn close(name: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < 1e-12, "{name}: {found:?} is not {expected:?}");
    }
}

/// Compares outputs and the inputs' derivatives, and returns those of the weights.
fn derivatives<N>(layer: &N, [x, y, dx]: [&[f64]; 3]) -> N
where
    N: Layer<[[f64; INPUTS]; STEPS], Out = [[f64; UNITS]; STEPS], Grads = N> + Zero,
{
    let mut windows: Windows<INPUTS> = Zero::ZERO;
    windows.as_flattened_mut().as_flattened_mut().copy_from_slice(x);
    let (mut acts, mut scratch) = (N::Acts::<EXAMPLES>::ZERO, N::Scratch::<EXAMPLES>::ZERO);
    let (mut found, mut dy, mut found_dx) = (Windows::<UNITS>::ZERO, Windows::<UNITS>::ZERO, windows);
    layer.forward(&windows, &mut acts, &mut found, Mode::Inference);
    close("y", found.as_flattened().as_flattened(), y);

    for (i, v) in dy.as_flattened_mut().as_flattened_mut().iter_mut().enumerate() {
        *v = ((i * 19 + 5) % 37) as f64 / 16.0 - 18.0 / 16.0;
    }
    let mut grads = N::ZERO;
    let mode = Mode::Training { seed: 0, first_example: 0, examples: EXAMPLES };
    layer.backward(&windows, &acts, &found, &mut dy, &mut scratch, Some(&mut found_dx), mode);
    layer.gradients(&windows, &acts, &found, &dy, &scratch, &mut grads, false);
    close("dx", found_dx.as_flattened().as_flattened(), dx);
    grads
}

fn same_weights<const I: usize, const G: usize>(name: &str, found: &[[[f64; UNITS]; I]; G], expected: &[f64]) {
    let expected = transposed::<I, G>(expected);
    close(name, found.as_flattened().as_flattened(), expected.as_flattened().as_flattened());
}

#[test]
fn a_gru_has_pytorchs_values() {
    use torch_gru::*;
    let (b, hidden) = (parted::<3>(&B_IH), parted::<3>(&B_HH));
    let [reset, update, _] = summed(&B_IH, &B_HH);
    let gru = Gru::new(transposed(&W_IH), transposed(&W_HH), [reset, update, b[2]], hidden[2]);
    let grads: Gru<INPUTS, UNITS, f64> = derivatives(&gru, [&X, &Y, &DX]);
    same_weights("dw", &grads.w, &DW_IH);
    same_weights("du", &grads.u, &DW_HH);
    close("db", grads.b.as_flattened(), &DB_IH);
    close("dc", &grads.c, &DB_HH[2 * UNITS..]);
    // The second bias of a gate is redundant: its derivative is the first's.
    close("db of the state", &DB_HH[..2 * UNITS], grads.b[..2].as_flattened());
}

#[test]
fn an_lstm_has_pytorchs_values() {
    use torch_lstm::*;
    let lstm = Lstm::new(transposed(&W_IH), transposed(&W_HH), summed(&B_IH, &B_HH));
    let grads: Lstm<INPUTS, UNITS, f64> = derivatives(&lstm, [&X, &Y, &DX]);
    same_weights("dw", &grads.w, &DW_IH);
    same_weights("du", &grads.u, &DW_HH);
    close("db", grads.b.as_flattened(), &DB_IH);
    close("db of the state", &DB_HH, &DB_IH);
}

/// A device that gets one sample at a time classifies as a desktop that has the whole window.
#[test]
fn steps_have_the_bits_of_the_window() {
    type Net = chain![Gru<3, 12>, Lstm<12, 7>, Last, Dense<7, 4>];
    let mut rng = Pcg32::seed_from_u64(4);
    let mut net = Net::ZERO;
    net.init(Init::GlorotUniform, &mut rng);
    let window: [[f32; 3]; 40] = std::array::from_fn(|t| std::array::from_fn(|i| ((t * 7 + i * 11) % 19) as f32 - 9.0));
    let (((first, second), _), dense) = &net;
    let (mut a, mut b, mut cells) = ([0.0; 12], [0.0; 7], [0.0; 7]);
    for x in &window {
        first.step(x, &mut a);
        second.step(&a, &mut b, &mut cells);
    }
    let (mut head, mut whole) = (
        Arena::<{ arena_len::<Dense<7, 4>, [f32; 7]>() }>::ZERO,
        Arena::<{ arena_len::<Net, [[f32; 3]; 40]>() }>::ZERO,
    );
    assert_eq!(head.predict(dense, &b).map(f32::to_bits), whole.predict(&net, &window).map(f32::to_bits));
}

/// What only the first and the last step together tell is learned through all steps between.
fn remembers_the_first_step<N: Layer<Remembered, Out = [f32; 2]> + Zero>() {
    let mut rng = Pcg32::seed_from_u64(1);
    let mut net = Box::new(N::ZERO);
    net.init(Init::GlorotUniform, &mut rng);
    let windows: [Remembered; 32] = std::array::from_fn(|i| {
        std::array::from_fn(|t| {
            [if t == 0 { i as f32 % 2.0 * 2.0 - 1.0 } else { ((i * 31 + t * 17) % 13) as f32 / 6.0 - 1.0 }]
        })
    });
    let classes: [usize; 32] = std::array::from_fn(|i| i % 2);
    let mut trainer = Box::new(Trainer::<N, Remembered, 8>::ZERO);
    let mut optimizer = Adam::new(0.01);
    let mut losses = Vec::new();
    for _ in 0..100 {
        losses.push(trainer.epoch(&mut *net, &mut optimizer, &CrossEntropy, windows.iter().zip(&classes)).unwrap());
    }
    assert!(losses[0] > 0.5 && losses[99] < 0.01, "{losses:?}");
}

type Remembered = [[f32; 1]; 12];

#[test]
fn a_gru_remembers_the_first_step() {
    remembers_the_first_step::<chain![Gru<1, 8>, Last, Dense<8, 2>]>();
}

#[test]
fn an_lstm_remembers_the_first_step() {
    remembers_the_first_step::<chain![Lstm<1, 8>, Last, Dense<8, 2>]>();
}
