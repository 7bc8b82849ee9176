//! Running a network on a device: forward passes in planned memory, and what they take. Uses `numbers` and `layers`.

mod fits;

pub use fits::assert_fits;
