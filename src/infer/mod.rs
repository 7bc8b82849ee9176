//! Running a network on a device: forward passes in planned memory, and what they take. Uses `numbers` and `layers`.

mod arena;
mod fits;
mod stream;

pub use arena::{Arena, arena_len};
pub use fits::assert_fits;
pub use stream::Stream;
