//! Listens for words: a stream of samples becomes log-mel frames, and these go through a network one by one.

mod networks;
mod speech;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use common::classification;
use common::options::{self, Training};
use common::session::Examples;
use common::store;
use nerve::prelude::*;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

use networks::{CLASSES, Listener, Net, RATE, STEP, Window};

/// Learning rates of SGD, momentum and Adam.
const RATES: [f32; 3] = [0.05, 0.01, 0.002];

/// Words of each kind in what is listened to.
const WORDS: usize = 8;

#[derive(Parser)]
#[command(about = "Train a network on words that espeak-ng speaks, and listen for them in a sound file")]
struct Options {
    #[command(flatten)]
    training: Training,
    /// Takes these weights instead of training.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Listens to this file, 16 bits at any rate, instead of held-out voices.
    #[arg(long, value_name = "WAV")]
    wav: Option<PathBuf>,
}

fn main() -> ExitCode {
    options::end(start())
}

fn start() -> Result<()> {
    let options: Options =
        options::parse(&[("optimizer", "adam"), ("epochs", "10"), ("batch", "32"), ("out", "target/listen")])?;
    options.training.prepare()?;
    let mut net = Box::new(Net::ZERO);
    let weights = match &options.weights {
        Some(path) => path.clone(),
        None => train(&options.training)?,
    };
    store::load(&mut *net, &weights)?;
    let samples = match &options.wav {
        Some(path) => speech::read(path)?,
        None => sentence(options.training.seed)?,
    };
    let raw = options.training.out.join("samples.bin");
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    fs::write(&raw, bytes).with_context(|| raw.display().to_string())?;
    println!("{:.1} s of sound: {}", samples.len() as f32 / RATE as f32, raw.display());
    let mut listener = Box::new(Listener::ZERO);
    for samples in samples.chunks_exact(STEP) {
        listener.push(&net, samples, |time, class| println!("{time} ms: {}", CLASSES[class]));
    }
    Ok(())
}

/// Returns where the weights are.
fn train(training: &Training) -> Result<PathBuf> {
    let mut rng = Pcg32::seed_from_u64(training.seed);
    let [train, test] = [false, true]
        .map(|held_out| speech::utterances(&speech::wanted(held_out)).map(|spoken| speech::windows(&spoken, &mut rng)));
    let (train, test) = (train?, test?);
    println!("{} windows, {} of other voices held out; {}", train.0.len(), test.0.len(), CLASSES.join(", "));
    let [train, test] = [&train, &test].map(|(x, y)| Examples { x, y });
    classification::run::<Net, Window, { CLASSES.len() }>("words", "Words", training, RATES, (train, test))?;
    let optimizer = training.plans(RATES).next().context("no optimizer")?.optimizer;
    Ok(training.out.join(format!("words-{optimizer}.nrv").to_lowercase()))
}

/// Held-out voices say a word that is listened for, then another one, and so on, with pauses, and noise over all of it.
fn sentence(seed: u64) -> Result<Vec<i16>> {
    let (others, words): (Vec<_>, Vec<_>) =
        speech::wanted(true).into_iter().partition(|word| word.class == CLASSES.len() - 1);
    // A prime number leads through all of them.
    let chosen = (0..WORDS).flat_map(|i| [&words, &others].map(|of| of[(seed as usize + i * 37) % of.len()].clone()));
    let pause = [0; RATE as usize];
    let mut samples = pause.to_vec();
    println!("\nspoken, by when it ends:");
    for word in speech::utterances(&chosen.collect::<Vec<_>>())? {
        samples.extend(&word.samples);
        println!("{} ms: {}", samples.len() / (RATE as usize / 1000), CLASSES[word.class]);
        samples.extend(pause);
    }
    speech::noisy(&mut samples, &mut Pcg32::seed_from_u64(seed));
    println!("\nheard:");
    Ok(samples)
}
