//! The networks: a pixel is an input, a class an output.

use nerve::prelude::*;

pub type Hidden10 = chain![Dense<784, 10, Sigmoid>, Dense<10, 10>];
pub type Hidden100 = chain![Dense<784, 100, Sigmoid>, Dense<100, 10>];
pub type Hidden128x64 = chain![Dense<784, 128, Sigmoid>, Dense<128, 64, Sigmoid>, Dense<64, 10>];
pub type Hidden300x100 = chain![Dense<784, 300, Sigmoid>, Dense<300, 100, Sigmoid>, Dense<100, 10>];
