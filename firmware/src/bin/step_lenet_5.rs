//! A step of gradient descent for LeNet-5, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::measure::image;
use nerve_firmware::networks::cnn::{Image, LeNet5};

nerve_firmware::sgd_step!(LeNet5 = include_weights!(LeNet5, "../../data/lenet5.nrv"), Image = image());
