//! An inference of a residual network in integers, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::measure::integers::{Image, image, residuals};

nerve_firmware::inference!(residuals::Net = residuals::NET, Image<16, 16, 3> = image(), residuals::SIZE);
