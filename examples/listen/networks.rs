//! What listens for words, for this example and for the firmware.

use nerve::frontend::{Htk, LogMel};
use nerve::prelude::*;

/// Samples in a second.
pub const RATE: u32 = 16_000;
/// From one frame to the next.
pub const STEP: usize = 160;
/// The words, and the class of everything else.
pub const CLASSES: [&str; 5] = ["yes", "no", "stop", "go", "other"];
const OTHER: usize = CLASSES.len() - 1;

/// Log energies of 25 ms, every 10 ms.
pub type Ear = LogMel<400, STEP, 512, BANDS, Htk<RATE, 20, 8_000>>;
const BANDS: usize = 40;
/// A second of them, to train on.
pub type Window = [[f32; BANDS]; FRAMES];
/// Frames in a second.
pub const FRAMES: usize = 98;

/// Loudness is taken out, then two convolutions halve the rate, and a decision each 40 ms is by the mean of the last 0.64 s.
pub type Net = chain![
    LayerNorm<BANDS>,
    Conv1d<BANDS, 24, 5, Relu, To1d<47, 2>>,
    Conv1d<24, 24, 5, Relu, To1d<22, 2>>,
    AvgPool1d<16, 7, 1>,
    Last,
    Dense<24, { CLASSES.len() }>
];

/// Decisions for the same word, one after another, by which it is heard.
const FIRM: u32 = 3;
/// By how much its logit must exceed all others: its probability is above 0.95.
const MARGIN: f32 = 3.0;

/// Hears words in samples that do not end.
pub struct Listener {
    ear: Ear,
    stream: Stream<Net, Window>,
    frames: u32,
    /// The class of the last decisions, and how many.
    held: (usize, u32),
}

impl Listener {
    /// Before the first sample.
    pub const ZERO: Self = Self { ear: Ear::ZERO, stream: Stream::ZERO, frames: 0, held: (OTHER, 0) };

    /// Takes samples; calls `hears(milliseconds since the first sample, class)` for a word when it is heard.
    pub fn push(&mut self, net: &Net, samples: &[i16], mut hears: impl FnMut(u32, usize)) {
        let Self { ear, stream, frames, held } = self;
        ear.push(samples, |frame| {
            *frames += 1;
            let Some(logits) = stream.push(net, frame) else { return };
            let class = argmax(logits);
            let others = logits.iter().enumerate().filter(|(other, _)| *other != class);
            let sure = others.map(|(_, logit)| *logit).fold(f32::NEG_INFINITY, f32::max) + MARGIN < logits[class];
            let class = if sure { class } else { OTHER };
            *held = if class == held.0 { (class, held.1 + 1) } else { (class, 1) };
            if class != OTHER && held.1 == FIRM {
                hears(*frames * 1000 / (RATE / STEP as u32), class);
            }
        });
    }
}
