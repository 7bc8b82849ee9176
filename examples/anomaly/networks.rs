//! What listens to a machine. Firmware has the same.

use nerve::Threshold;
use nerve::frontend::{LogMel, Slaney};
use nerve::prelude::*;

/// Samples in a second.
pub const RATE: usize = 4_000;
/// Samples in a window, of which an ear makes one frame: a quarter of a second.
pub const WINDOW: usize = 1_024;
/// Bands of a frame.
pub const BANDS: usize = 24;
/// Of 200 healthy windows one is taken for an anomaly.
pub const QUANTILE: f32 = 0.995;

/// Log energies.
pub type Frame = [f32; BANDS];
/// Makes a frame of each window.
pub type Ear = LogMel<WINDOW, WINDOW, WINDOW, BANDS, Slaney<4_000, 0, 2_000>>;
/// Squeezes a standardised frame into three numbers, as many as what changes in a healthy machine, and draws it again from those.
pub type Autoencoder = chain![Dense<BANDS, 16, Tanh>, Dense<16, 3, Tanh>, Dense<3, 16, Tanh>, Dense<16, BANDS>];
/// In one weights file.
pub type Detector = ((Standardize<BANDS>, Autoencoder), Threshold);
/// What inference needs.
pub type Memory = Arena<{ arena_len::<Autoencoder, Frame>() }>;

/// The mean squared error with which a frame is drawn again.
pub fn error(
    (standardize, autoencoder): &(Standardize<BANDS>, Autoencoder),
    memory: &mut Memory,
    frame: &Frame,
) -> f32 {
    let frame: Frame = *memory.predict(standardize, frame);
    let drawn: &Frame = memory.predict(autoencoder, &frame);
    let mut sum = 0.0;
    for (drawn, x) in drawn.iter().zip(&frame) {
        sum += (drawn - x) * (drawn - x);
    }
    sum / BANDS as f32
}
