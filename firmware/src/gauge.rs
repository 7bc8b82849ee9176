//! What `learner_gauge` learns, and what `build.rs` makes the network of that it begins with.

use nerve::prelude::*;

/// A sensor's raw channels: pressure, temperature.
pub const CHANNELS: usize = 2;
/// Pressure and temperature.
pub const VALUES: usize = 2;

/// What the channels mean.
pub type Net = chain![Dense<CHANNELS, 12, Tanh>, Dense<12, VALUES>];
