//! Running a network on a device: forward passes in planned memory, what they take, and layers that are run so while others learn. Uses `numbers` and `layers`.

mod arena;
mod fits;
mod fixed;
mod stream;

pub use arena::{Arena, arena_len, scratch_len};
pub use fits::assert_fits;
pub use fixed::Fixed;
pub use stream::Stream;
