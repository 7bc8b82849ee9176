//! A step of gradient descent for Iris 4-10-3, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::networks::iris::{Input, Net};

nerve_firmware::sgd_step!(Net = include_weights!(Net, "../../data/iris.nrv"), Input = [5.1, 3.5, 1.4, 0.2]);
