//! A step of gradient descent for 784-100-10, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::measure::{Mnist, mnist};

nerve_firmware::sgd_step!(Mnist = mnist(), [f32; 784] = [0.5; 784]);
