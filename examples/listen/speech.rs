//! Words that `espeak-ng` speaks, and sound files.

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use common::session::progress;
use rand_core::Rng;
use rand_pcg::Pcg32;
use rayon::prelude::*;

use crate::networks::{CLASSES, Ear, FRAMES, RATE, STEP, Window};
use nerve::Zero;

/// Words that are not listened for.
const OTHERS: [&str; 16] = [
    "house",
    "seven",
    "water",
    "left",
    "right",
    "music",
    "hello",
    "table",
    "nine",
    "morning",
    "garden",
    "step",
    "yesterday",
    "never",
    "top",
    "guess",
];
const ACCENTS: [&str; 5] = ["en", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-029"];
/// To train on, and held out.
const SPEAKERS: [&[&str]; 2] = [&["m1", "m2", "m3", "m4", "m7", "f1", "f2", "f3"], &["m5", "f4"]];
const SPEEDS: [u32; 2] = [140, 190];
/// Windows that are made of each utterance of a word to train on, so that there are as many as of all else.
const WINDOWS: usize = 8;
/// And of other words.
const WINDOWS_OF_OTHERS: usize = 2;

/// A word, and who says it how fast.
#[derive(Clone)]
pub struct Wanted {
    pub class: usize,
    word: &'static str,
    voice: String,
    speed: u32,
}

/// A word that somebody has spoken.
pub struct Utterance {
    pub class: usize,
    pub samples: Vec<i16>,
}

/// All words by all voices to train on, or by all that are held out.
pub fn wanted(held_out: bool) -> Vec<Wanted> {
    let words = CLASSES[..CLASSES.len() - 1].iter().chain(&OTHERS);
    let mut wanted = Vec::new();
    for (class, word) in words.enumerate() {
        for accent in ACCENTS {
            for speaker in SPEAKERS[usize::from(held_out)] {
                wanted.extend(SPEEDS.map(|speed| Wanted {
                    class: class.min(CLASSES.len() - 1),
                    word,
                    voice: format!("{accent}+{speaker}"),
                    speed,
                }));
            }
        }
    }
    wanted
}

/// Has them spoken.
pub fn utterances(wanted: &[Wanted]) -> Result<Vec<Utterance>> {
    let bar = progress("speaks", wanted.len() as u32)?;
    let spoken = wanted.par_iter().map(|Wanted { class, word, voice, speed }| {
        let samples = speak(word, voice, *speed);
        bar.inc(1);
        Ok(Utterance { class: *class, samples: samples? })
    });
    let spoken = spoken.collect();
    bar.finish_and_clear();
    spoken
}

/// Without the silence before and behind.
fn speak(word: &str, voice: &str, speed: u32) -> Result<Vec<i16>> {
    let speed = speed.to_string();
    let spoken = Command::new("espeak-ng").args(["--stdout", "-v", voice, "-s", &speed, word]).output();
    let spoken = spoken.context("no espeak-ng, which speaks the words: sudo apt-get install espeak-ng")?;
    ensure!(spoken.status.success(), "espeak-ng: {}", String::from_utf8_lossy(&spoken.stderr));
    let samples = decode(hound::WavReader::new(Cursor::new(spoken.stdout))?)?;
    let loud = |sample: &i16| sample.unsigned_abs() > 300;
    let (Some(first), Some(last)) = (samples.iter().position(loud), samples.iter().rposition(loud)) else {
        bail!("espeak-ng has spoken nothing for `{word}` as {voice}");
    };
    Ok(samples[first..=last].to_vec())
}

/// A sound file's first channel, at our rate.
pub fn read(path: &Path) -> Result<Vec<i16>> {
    let reader = hound::WavReader::open(path).with_context(|| path.display().to_string())?;
    decode(reader).with_context(|| path.display().to_string())
}

/// By straight lines between the samples: what a microphone's filter lets through above 8 kHz is folded down.
fn decode<R: std::io::Read>(mut reader: hound::WavReader<R>) -> Result<Vec<i16>> {
    let format = reader.spec();
    ensure!(
        format.sample_format == hound::SampleFormat::Int && format.bits_per_sample == 16,
        "has samples of {} bits, or floats: only integers of 16 bits are read; sox converts: sox in.wav -b 16 -e signed out.wav",
        format.bits_per_sample
    );
    let channels = usize::from(format.channels.max(1));
    let mut samples = Vec::new();
    for (i, sample) in reader.samples::<i16>().enumerate() {
        // The length in a stream's header says nothing: what is there is taken.
        let Ok(sample) = sample else { break };
        if i % channels == 0 {
            samples.push(sample);
        }
    }
    let step = f64::from(format.sample_rate) / f64::from(RATE);
    ensure!(step > 0.0, "has no sample rate");
    let length = (samples.len().saturating_sub(1) as f64 / step) as usize;
    let at = |i: usize| {
        let place = i as f64 * step;
        let (left, part) = (f64::from(samples[place as usize]), place.fract());
        let right = samples.get(place as usize + 1).map_or(left, |right| f64::from(*right));
        (left + part * (right - left)) as i16
    };
    Ok((0..length).map(at).collect())
}

/// Windows with their classes: words that have just ended, in noise; other words, parts of words and noise alone.
pub fn windows(spoken: &[Utterance], rng: &mut Pcg32) -> (Vec<Window>, Vec<usize>) {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for (i, Utterance { class, samples }) in spoken.iter().enumerate() {
        let count = if *class < CLASSES.len() - 1 { WINDOWS } else { WINDOWS_OF_OTHERS };
        for _ in 0..count {
            // The word has ended a fifth of a second ago at most.
            x.push(window(samples, (rng.next_u32() % 3200) as usize, rng));
            y.push(*class);
        }
        let begun = &samples[..samples.len() / 3];
        let other = if i % 2 == 0 { window(begun, 0, rng) } else { window(&[], 0, rng) };
        x.push(other);
        y.push(CLASSES.len() - 1);
    }
    (x, y)
}

/// A second that ends so many samples behind a sound.
fn window(sound: &[i16], behind: usize, rng: &mut Pcg32) -> Window {
    const LENGTH: usize = (FRAMES - 1) * STEP + 400;
    let mut samples = vec![0; LENGTH];
    let places = samples[..LENGTH - behind].iter_mut().rev().zip(sound.iter().rev());
    places.for_each(|(place, sample)| *place = *sample);
    noisy(&mut samples, rng);
    let (mut ear, mut window, mut at) = (Ear::ZERO, Window::ZERO, 0);
    ear.push(&samples, |frame| {
        window[at] = *frame;
        at += 1;
    });
    window
}

/// Another loudness, and noise.
pub fn noisy(samples: &mut [i16], rng: &mut Pcg32) {
    let mut uniform = || (rng.next_u32() >> 8) as f32 / (1 << 24) as f32;
    let (loudness, noise) = (0.2 + 0.8 * uniform(), 10f32.powf(1.0 + 1.5 * uniform()));
    for sample in samples {
        *sample = (loudness * f32::from(*sample) + noise * (uniform() + uniform() - 1.0)) as i16;
    }
}
