//! An inference of the demo's network in integers, for `cargo xtask bench`. `build.rs` has made it of the LiteRT model.
#![no_std]
#![no_main]

use nerve::prelude::*;

#[allow(dead_code, missing_docs, unused_imports)]
mod iris {
    include!(concat!(env!("OUT_DIR"), "/iris.rs"));
}

/// Bytes of its constants.
const SIZE: usize = include_bytes!(concat!(env!("OUT_DIR"), "/iris.nrv")).len();

nerve_firmware::inference!(iris::Net = iris::NET, iris::Input = [41, -12, -82, -122], SIZE);
