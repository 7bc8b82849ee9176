//! A step of gradient descent for the tiny CNN, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::measure::image;
use nerve_firmware::networks::cnn::{Image, Tiny};

nerve_firmware::sgd_step!(Tiny = include_weights!(Tiny, "../../data/tiny.nrv"), Image = image());
