//! The gated recurrent unit against PyTorch's values, and its steps against its window.

use nerve::prelude::*;
use nerve::{Layer, Mode};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

// A module of its own, whose long lines are left as they were written.
#[rustfmt::skip]
#[path = "torch/gru.rs"]
mod torch;

const INPUTS: usize = 3;
const UNITS: usize = 5;
const STEPS: usize = 6;
const EXAMPLES: usize = 2;
type Unit = Gru<INPUTS, UNITS, f64>;

/// PyTorch's `[3·units][inputs]` as `[gate][input][unit]`.
fn transposed<const I: usize>(weights: &[f64]) -> [[[f64; UNITS]; I]; 3] {
    std::array::from_fn(|gate| {
        std::array::from_fn(|input| std::array::from_fn(|unit| weights[(gate * UNITS + unit) * I + input]))
    })
}

/// PyTorch's `[3·units]` as `[gate][unit]`.
fn parted(biases: &[f64]) -> [[f64; UNITS]; 3] {
    std::array::from_fn(|gate| std::array::from_fn(|unit| biases[gate * UNITS + unit]))
}

fn close(name: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < 1e-12, "{name}: {found:?} is not {expected:?}");
    }
}

/// Those of `nn.GRU`, whose gates have two biases each.
fn imported() -> Unit {
    let (b, hidden) = (parted(&torch::B_IH), parted(&torch::B_HH));
    let sum = |gate: usize| std::array::from_fn(|unit| b[gate][unit] + hidden[gate][unit]);
    Gru::new(transposed(&torch::W_IH), transposed(&torch::W_HH), [sum(0), sum(1), b[2]], hidden[2])
}

#[test]
fn a_gru_has_pytorchs_values() {
    let gru = imported();
    let mut x = [[[0.0; INPUTS]; STEPS]; EXAMPLES];
    x.as_flattened_mut().as_flattened_mut().copy_from_slice(&torch::X);
    let mut acts = <Unit as Layer<[[f64; INPUTS]; STEPS]>>::Acts::<EXAMPLES>::ZERO;
    let mut scratch = <Unit as Layer<[[f64; INPUTS]; STEPS]>>::Scratch::<EXAMPLES>::ZERO;
    let (mut y, mut dy, mut dx) = ([[[0.0; UNITS]; STEPS]; EXAMPLES], [[[0.0; UNITS]; STEPS]; EXAMPLES], x);
    gru.forward(&x, &mut acts, &mut y, Mode::Inference);
    close("y", y.as_flattened().as_flattened(), &torch::Y);

    for (i, v) in dy.as_flattened_mut().as_flattened_mut().iter_mut().enumerate() {
        *v = ((i * 19 + 5) % 37) as f64 / 16.0 - 18.0 / 16.0;
    }
    let mut grads = Unit::ZERO;
    let mode = Mode::Training { accumulate: false, seed: 0, first_example: 0, examples: EXAMPLES };
    gru.backward(&x, &acts, &y, &mut dy, &mut scratch, Some(&mut dx), Some(&mut grads), mode);
    close("dx", dx.as_flattened().as_flattened(), &torch::DX);
    close(
        "dw",
        grads.w.as_flattened().as_flattened(),
        transposed::<INPUTS>(&torch::DW_IH).as_flattened().as_flattened(),
    );
    close(
        "du",
        grads.u.as_flattened().as_flattened(),
        transposed::<UNITS>(&torch::DW_HH).as_flattened().as_flattened(),
    );
    close("db", grads.b.as_flattened(), parted(&torch::DB_IH).as_flattened());
    close("dc", &grads.c, &parted(&torch::DB_HH)[2]);
    // The second bias of a gate is redundant: its derivative is the first's.
    close("db of the state", parted(&torch::DB_HH)[..2].as_flattened(), grads.b[..2].as_flattened());
}

/// A device that gets one sample at a time classifies as a desktop that has the whole window.
#[test]
fn steps_have_the_bits_of_the_window() {
    type Net = chain![Gru<3, 12>, Gru<12, 7>, Last, Dense<7, 4>];
    let mut rng = Pcg32::seed_from_u64(4);
    let mut net = Net::ZERO;
    net.init(Init::GlorotUniform, &mut rng);
    let window: [[f32; 3]; 40] = std::array::from_fn(|t| std::array::from_fn(|i| ((t * 7 + i * 11) % 19) as f32 - 9.0));
    let (((first, second), _), dense) = &net;
    let (mut a, mut b) = ([0.0; 12], [0.0; 7]);
    for x in &window {
        first.step(x, &mut a);
        second.step(&a, &mut b);
    }
    let (mut head, mut whole) = (
        Arena::<{ arena_len::<Dense<7, 4>, [f32; 7]>() }>::ZERO,
        Arena::<{ arena_len::<Net, [[f32; 3]; 40]>() }>::ZERO,
    );
    assert_eq!(head.predict(dense, &b).map(f32::to_bits), whole.predict(&net, &window).map(f32::to_bits));
}

/// What only the first and the last step together tell is learned through all steps between.
#[test]
fn a_gru_remembers_the_first_step() {
    type Net = chain![Gru<1, 8>, Last, Dense<8, 2>];
    type Window = [[f32; 1]; 12];
    let mut rng = Pcg32::seed_from_u64(1);
    let mut net = Box::new(Net::ZERO);
    net.init(Init::GlorotUniform, &mut rng);
    let windows: [Window; 32] = std::array::from_fn(|i| {
        std::array::from_fn(|t| {
            [if t == 0 { i as f32 % 2.0 * 2.0 - 1.0 } else { ((i * 31 + t * 17) % 13) as f32 / 6.0 - 1.0 }]
        })
    });
    let classes: [usize; 32] = std::array::from_fn(|i| i % 2);
    let mut trainer = Box::new(Trainer::<Net, Window, 8>::ZERO);
    let mut optimizer = Adam::new(0.01);
    let mut losses = Vec::new();
    for _ in 0..100 {
        losses.push(trainer.epoch(&mut *net, &mut optimizer, &CrossEntropy, windows.iter().zip(&classes)).unwrap());
    }
    assert!(losses[0] > 0.5 && losses[99] < 0.01, "{losses:?}");
}
