//! An inference of the signal GRU, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::measure::numbers;
use nerve_firmware::networks::signal::{Recurrent, Window};

nerve_firmware::inference!(
    Recurrent = include_weights!(Recurrent, "../../data/signal-gru.nrv"),
    Window = numbers(1, 1.0)
);
