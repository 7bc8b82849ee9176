//! The networks, for this example and for the firmware that runs them.

use nerve::prelude::*;

/// Acceleration in g and angular rate in rad/s, along three axes each.
pub type Sample = [f32; 6];
/// Samples in a window: 3.84 s at 12.5 Hz.
pub const STEPS: usize = 48;
/// One after the other.
pub type Window = [Sample; STEPS];
/// The classes: pendulum, abduction, forward elevation, internal and external rotation, trapezius extension, upright row.
pub const EXERCISES: [&str; 7] = ["PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW"];

/// 2,615 parameters. A window at a time.
pub type Cnn = chain![
    Conv1d<6, 16, 5, Relu>,
    MaxPool1d<2, 24>,
    Conv1d<16, 24, 5, Relu>,
    MaxPool1d<2, 12>,
    GlobalAvgPool,
    Dense<24, 7>
];

/// 2,431 parameters. On a device, a sample at a time.
pub type Recurrent = chain![Gru<6, 24>, Last, Dense<24, 7>];
