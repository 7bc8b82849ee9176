//! Keeping a network: as a file, in flash as it is, through power cuts, inside a user's own data. Uses `numbers` and `layers`.

#[cfg(feature = "checkpoint")]
pub mod checkpoint;
mod constants;
pub mod flash;
#[cfg(feature = "serde")]
pub mod serde;
pub mod weights;
