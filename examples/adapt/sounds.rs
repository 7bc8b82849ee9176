//! Sounds that a program makes, as a keyword network listens to them.

use std::f32::consts::{PI, TAU};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nerve::frontend::{Htk, LogMel};
use nerve::litert;
use nerve::prelude::*;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

use crate::features::Features;
use crate::{Labelled, Task, on_device};

/// A whistle that rises, one that falls, a hum, two tones by turns, clicks.
const SOUNDS: usize = 5;
/// Examples of each.
const SHOWN: usize = 10;
/// Held-out examples of each.
const TEST: usize = 100;
/// The last layer of the keyword network that stays, and the numbers that it makes.
const LAST: &str = "functional_1/flatten/Reshape";
const FEATURES: usize = 64;

/// Samples in a second, which is an example.
const RATE: usize = 16_000;
/// As the keyword network was trained: 40 ms every 20 ms, up to 4 kHz, of which a discrete cosine transform makes 10 numbers.
type Ear = LogMel<640, 320, 1024, 40, Htk<16_000, 20, 4_000>>;
const BANDS: usize = 40;
const COEFFICIENTS: usize = 10;

/// A new last layer learns all sounds; `out` takes what a device needs to do the same.
pub fn run(file: &Path, out: &Path) -> Result<()> {
    let network = fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
    let features = Features::<FEATURES>::new(&litert::read(&network)?, LAST)?;
    let mut rng = Pcg32::seed_from_u64(1);
    let task = Task { given: (vec![], vec![]), shown: examples(SHOWN, &mut rng) };
    let test = examples(TEST, &mut rng);
    let head = (features.meaning(), Dense::<FEATURES, SOUNDS>::ZERO);
    on_device(&task, &test, &features, head, &[("sounds", 0..SOUNDS)], out)
}

/// So many of each, by turns.
fn examples(count: usize, rng: &mut Pcg32) -> Labelled<Vec<f32>> {
    (0..count * SOUNDS).map(|i| (cepstrum(&sound(i % SOUNDS, rng)), i % SOUNDS)).unzip()
}

/// A number between two.
fn between(low: f32, high: f32, rng: &mut Pcg32) -> f32 {
    low + (high - low) * (rng.next_u32() >> 8) as f32 / (1 << 24) as f32
}

/// A second of it, of some height and loudness, in noise.
fn sound(kind: usize, rng: &mut Pcg32) -> Vec<i16> {
    let [height, begin, loud] = [(300.0, 900.0), (0.0, 0.4), (0.05, 0.5)].map(|(low, high)| between(low, high, rng));
    let noise = loud * between(0.01, 0.2, rng);
    let mut phase = 0.0;
    let sample = |i: usize| {
        let time = i as f32 / RATE as f32;
        let since = time - begin;
        let playing = (0.0..0.6).contains(&since);
        let frequency = match kind {
            0 => height * (1.0 + 2.0 * since),
            1 => height * (2.2 - 2.0 * since),
            2 => 0.3 * height,
            _ => height * if (8.0 * since) as i32 % 2 == 0 { 1.0 } else { 1.5 },
        };
        phase = (phase + frequency / RATE as f32) % 1.0;
        let white = between(-1.0, 1.0, rng);
        let tone = match kind {
            2 => (1..=6).map(|k| (TAU * phase * k as f32).sin() / k as f32).sum::<f32>() / 2.0,
            4 => white * (-60.0 * (since % 0.15)).exp(),
            _ => (TAU * phase).sin(),
        };
        let value = if playing { loud * tone } else { 0.0 } + noise * between(-1.0, 1.0, rng);
        (32_767.0 * value.clamp(-1.0, 1.0)) as i16
    };
    (0..RATE).map(sample).collect()
}

/// Mel-frequency cepstral coefficients, frame by frame (Davis and Mermelstein 1980).
fn cepstrum(samples: &[i16]) -> Vec<f32> {
    let (mut ear, mut numbers) = (Ear::ZERO, Vec::new());
    ear.push(samples, |bands: &[f32; BANDS]| {
        numbers.extend((0..COEFFICIENTS).map(|k| {
            let cosine = |b: usize| (PI * k as f32 * (b as f32 + 0.5) / BANDS as f32).cos();
            (2.0 / BANDS as f32).sqrt() * bands.iter().enumerate().map(|(b, x)| x * cosine(b)).sum::<f32>()
        }));
    });
    numbers
}
