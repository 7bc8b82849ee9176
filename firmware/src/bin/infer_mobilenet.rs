//! An inference of MobileNet, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::measure::mobilenet::{MobileNet, Picture, mobilenet, picture};

nerve_firmware::inference!(MobileNet = mobilenet(), Picture = picture());
