//! What the tests share.

pub mod flash;
pub mod learner;
pub mod same_bits;
