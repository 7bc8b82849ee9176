//! An inference of a network of depthwise and pointwise layers in integers, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::measure::integers::{Image, image, separable};

nerve_firmware::inference!(separable::Net = separable::NET, Image<32, 32, 3> = image(), separable::SIZE);
