//! What the tests share.

pub mod learner;
pub mod same_bits;
