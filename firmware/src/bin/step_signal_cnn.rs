//! A step of gradient descent for the signal CNN, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::measure::numbers;
use nerve_firmware::networks::signal::{Cnn, Window};

nerve_firmware::sgd_step!(Cnn = include_weights!(Cnn, "../../data/signal-cnn.nrv"), Window = numbers(1, 1.0));
