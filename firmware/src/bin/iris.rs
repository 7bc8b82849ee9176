//! Classifies the held-out Iris flowers, then learns on the device what a re-calibrated sensor has changed.
//!
//! Fails if a logit differs from the host's in a bit, if training does not bring the accuracy back, or if it takes
//! more RAM than it should.
#![no_std]
#![no_main]

use defmt::{info, println};
use nerve::prelude::*;
use nerve_firmware::arch::Timer;
use nerve_firmware::networks::iris::{Input, Net};
use nerve_firmware::{board, count, entry, memory};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;
use static_cell::ConstStaticCell;

include!("../../data/flowers.rs");

const WEIGHTS: &[u8] = include_bytes!("../../data/iris.nrv");
const SPECIES: [&str; 3] = ["setosa", "versicolor", "virginica"];

/// The network as it was trained on the desktop, in flash.
static TRAINED: Net = include_weights!(Net, "../../data/iris.nrv");
/// The network that goes on learning, in RAM.
static NET: ConstStaticCell<Net> = ConstStaticCell::new(Net::ZERO);
static TRAINER: ConstStaticCell<Trainer<Net, Input>> = ConstStaticCell::new(Trainer::ZERO);
/// The most bytes of RAM that all variables together may take, and the stack.
const STATICS: usize = 2048;
/// See [`STATICS`].
const STACK: usize = 4096;
const _: () = nerve::assert_fits::<(Net, Trainer<Net, Input>)>(2048);

/// A sensor that was calibrated anew reads other figures for the same flower.
fn drifted(x: &Input) -> Input {
    x.map(|v| 0.75 * v + 1.5)
}

#[entry]
fn main() -> ! {
    memory::paint_stack();
    println!("nerve on {}: 4-10(sigmoid)-3(softmax), {} weights", board::NAME, <Net as Tensors<f32>>::LEN);
    let success = run();
    board::exit(success)
}

fn run() -> bool {
    let Some(mut timer) = Timer::take() else { return false };

    let (confusion, same_bits) = classify(&TRAINED, |x| *x);
    for (class, name) in SPECIES.iter().enumerate() {
        println!("  {=str}: {} of {} recognised", name, confusion.count(class, class), confusion.examples(class));
    }
    println!("accuracy {} %, every logit the host's bit for bit: {}", percent(&confusion), same_bits);

    let mut arena = Arena::<{ arena_len::<Net, Input>() }>::ZERO;
    let inference = count::mean(&mut timer, || {
        core::hint::black_box(arena.predict(&TRAINED, core::hint::black_box(&HELD_OUT[0].0)));
    });

    let net = NET.take();
    if let Err(error) = weights::load(net, WEIGHTS) {
        defmt::error!("{}", error);
        return false;
    }
    let before = percent(&classify(net, drifted).0);
    println!("the sensor drifts (x -> 0.75 x + 1.5): accuracy {} %", before);
    let trainer = TRAINER.take();
    let after = match fine_tune(net, trainer) {
        Ok(()) => percent(&classify(net, drifted).0),
        Err(error) => {
            defmt::error!("{}", error);
            return false;
        }
    };
    println!("after learning from {} labelled flowers on the device: accuracy {} %", LABELLED.len(), after);
    let mut optimizer = Sgd::new(0.01);
    let step = count::mean(&mut timer, || {
        let (x, class) = core::hint::black_box(&LABELLED[0]);
        // A failure would have come in the epochs before.
        let _ = trainer.step(net, &mut optimizer, &CrossEntropy, &[*x], &[*class]);
    });
    let (flash, statics, stack) = (memory::flash(), memory::statics(), memory::peak_stack());
    println!(
        "cost: inference {}, SGD step {} {=str}; flash {} bytes, RAM in statics {}, peak stack {}",
        inference,
        step,
        board::COUNTED,
        flash,
        statics,
        stack
    );
    same_bits && before < 75.0 && after >= 90.0 && statics <= STATICS && stack <= STACK
}

/// Classifies the held-out flowers as a sensor shows them; also tells whether all logits have the host's bits.
#[inline(never)] // One copy in flash.
fn classify(net: &Net, sensor: fn(&Input) -> Input) -> (Confusion<3>, bool) {
    let mut arena = Arena::<{ arena_len::<Net, Input>() }>::ZERO;
    let mut confusion = Confusion::default();
    let mut same_bits = true;
    for (x, class, expected) in &HELD_OUT {
        let logits = arena.predict(net, &sensor(x));
        confusion.add(*class, argmax(logits));
        same_bits &= logits.map(f32::to_bits) == *expected;
    }
    (confusion, same_bits)
}

/// 60 epochs over the labelled flowers, one at a time.
fn fine_tune(net: &mut Net, trainer: &mut Trainer<Net, Input>) -> Result<(), TrainError> {
    const EPOCHS: u32 = 60;
    let mut optimizer = Momentum::new(0.02, 0.9);
    let mut rng = Pcg32::seed_from_u64(1);
    let mut flowers = LABELLED.map(|(x, class)| (drifted(&x), class));
    for epoch in 1..=EPOCHS {
        shuffle(&mut flowers, &mut rng);
        let loss = trainer.epoch(net, &mut optimizer, &CrossEntropy, flowers.iter().map(|(x, class)| (x, class)))?;
        if epoch == 1 || epoch % 20 == 0 {
            info!("epoch {}: loss {}", epoch, loss);
        }
    }
    Ok(())
}

/// In tenths.
fn percent(confusion: &Confusion<3>) -> f32 {
    (1000 * confusion.correct() / confusion.total()) as f32 / 10.0
}
