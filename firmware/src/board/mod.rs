//! The board, chosen by a feature of this crate.
//!
//! Another board is one more file here, its feature in `Cargo.toml` and its memory in `build.rs`. It has `NAME`, `COUNTED` and
//! `COUNTS_PER_TICK` for [`count`](crate::count), a `#[defmt::global_logger]` (or a crate that has one) and `exit`; for the program `learner`
//! a `Uart`, a `Flash` with the range `STORE` for checkpoints and its rated `ENDURANCE`, `take`, which gives both, and `restart`.

/// One module for each feature.
macro_rules! boards {
    ($($feature:literal: $module:ident,)*) => {$(
        #[cfg(feature = $feature)]
        mod $module;
        #[cfg(feature = $feature)]
        pub use $module::*;
    )*};
}

boards! {
    "microbit": microbit,
    "lm3s6965evb": lm3s6965evb,
    "mps2-an386": mps2_an386,
    "mps2-an505": mps2_an505,
    "mps3-an547": mps3_an547,
    "riscv-virt": riscv_virt,
    "nrf52840-dk": nrf52840_dk,
    "stm32f4-discovery": stm32f4_discovery,
    "pico2": pico2,
    "host": host,
}

#[cfg(any(feature = "mps2-an386", feature = "mps2-an505", feature = "mps3-an547"))]
mod cmsdk;
#[cfg(feature = "emulated")]
mod emulated;

#[cfg(feature = "real")]
mod real;
