//! What the examples share.

pub mod autoencoder;
pub mod classification;
pub mod idx;
pub mod integers;
pub mod mnist;
pub mod options;
pub mod picture;
pub mod plot;
pub mod regression;
pub mod session;
pub mod store;
pub mod table;
