//! A step of gradient descent for the residual CNN, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::measure::image;
use nerve_firmware::networks::cnn::{Image, Residuals};

nerve_firmware::sgd_step!(Residuals = include_weights!(Residuals, "../../data/residuals.nrv"), Image = image());
