//! An inference of 784-100-10 in integers, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::measure::integers::mlp;

nerve_firmware::inference!(mlp::Net = mlp::NET, [i8; 784] = [5; 784], mlp::SIZE);
