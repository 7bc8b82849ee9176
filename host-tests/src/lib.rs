//! What the tests share.

pub mod same_bits;
