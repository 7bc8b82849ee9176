//! What the tests share.

pub mod flash;
pub mod learner;
pub mod models;
pub mod mutations;
pub mod networks;
pub mod reference;
pub mod same_bits;
