//! From samples of sound to what networks listen to, feature `frontend`: log-mel frames.
//!
//! Constants are computed when a program is compiled: the window lies in flash, and nothing has to start. A frame has the same bits on
//! a desktop and on a device.
//!
//! ```
//! use nerve::Zero;
//! use nerve::frontend::{Htk, LogMel};
//!
//! /// 16 kHz: windows of 400 samples every 160, an FFT of 512, 40 bands from 20 Hz to 8 kHz: 3,812 bytes of RAM.
//! type Ear = LogMel<400, 160, 512, 40, Htk<16_000, 20, 8_000>>;
//!
//! let mut ear = Ear::ZERO; // or in a `static`
//! let mut frames = 0;
//! // As samples come from a microphone, in pieces of any length.
//! for piece in [0i16; 1_000].chunks(64) {
//!     ear.push(piece, |bands: &[f32; 40]| {
//!         // What a network takes.
//!         frames += 1;
//!     });
//! }
//! assert_eq!(frames, (1_000 - 400) / 160 + 1);
//! assert_eq!(size_of::<Ear>(), 4 * (400 + 512 + 40) + size_of::<usize>());
//! ```
//!
//! Uses `numbers`.

mod fft;
mod hann;
mod log_mel;
mod mel;

pub use log_mel::{LogMel, Sample};
pub use mel::{Htk, Mel, Slaney};
