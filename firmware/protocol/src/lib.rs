//! What a learning device and its host say to each other over a serial line.
//!
//! The host sends a [`Request`] and waits for the [`Reply`]; the device never speaks first. A message is
//! encoded by [`postcard`], followed by its CRC-32 (ISO-HDLC, little-endian), encoded by COBS and ended by a zero byte. So a receiver
//! that has lost its place finds it again at the next zero, and a damaged message is noticed and does nothing.
//!
//! A weights file goes either way in pieces, each of which is answered, so that neither side need buffer more than a frame:
//! [`BeginUpload`](Request::BeginUpload), [`Upload`](Request::Upload) with every offset in order, [`EndUpload`](Request::EndUpload), which alone
//! changes the network; [`BeginDownload`](Request::BeginDownload), then [`Download`](Request::Download) from any offset.
#![no_std]

mod error;
mod frame;
mod message;

pub use error::Error;
pub use frame::{FrameError, OVERHEAD, Receiver, decode, encode};
pub use message::{Info, Numbers, Reply, Request, Target};

/// Version of this protocol. It changes with any message.
pub const VERSION: u8 = 5;
