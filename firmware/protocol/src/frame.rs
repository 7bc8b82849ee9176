//! From messages to bytes on the line, and back.

use core::fmt;

use crc::{CRC_32_ISO_HDLC, Crc};
use postcard::ser_flavors::crc::CrcModifier;
use postcard::ser_flavors::{Cobs, Slice};
use serde::{Deserialize, Serialize};

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// The most bytes that a frame of up to 2 KiB has beside a piece of a file: kind, offset, length, CRC, COBS and the final zero.
pub const OVERHEAD: usize = 32;

/// Why a message could not be encoded or decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// It is longer than the buffer.
    TooLong {
        /// The buffer's bytes.
        limit: usize,
    },
    /// It is not COBS, its checksum is wrong, or it is no message of this protocol.
    Malformed,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            FrameError::TooLong { limit } => write!(f, "the message does not fit into {limit} bytes"),
            FrameError::Malformed => f.write_str("the message is damaged, or of another protocol"),
        }
    }
}

impl core::error::Error for FrameError {}

/// Writes a frame with its final zero to the beginning of `buffer` and returns that part.
///
/// # Errors
/// [`FrameError::TooLong`].
pub fn encode<'b>(message: &impl Serialize, buffer: &'b mut [u8]) -> Result<&'b mut [u8], FrameError> {
    let too_long = FrameError::TooLong { limit: buffer.len() };
    let frame = Cobs::try_new(Slice::new(buffer)).map_err(|_| too_long)?;
    postcard::serialize_with_flavor(message, CrcModifier::new(frame, CRC.digest())).map_err(|_| too_long)
}

/// Decodes a frame, without its final zero, in place.
///
/// # Errors
/// [`FrameError::Malformed`].
pub fn decode<'b, M: Deserialize<'b>>(frame: &'b mut [u8]) -> Result<M, FrameError> {
    let length = cobs::decode_in_place(frame).map_err(|_| FrameError::Malformed)?;
    let bytes = frame.get(..length).ok_or(FrameError::Malformed)?;
    match postcard::take_from_bytes_crc32(bytes, CRC.digest()) {
        Ok((message, [])) => Ok(message),
        _ => Err(FrameError::Malformed),
    }
}

/// Gathers a frame of up to `N` bytes, its final zero not counted.
pub struct Receiver<const N: usize> {
    frame: [u8; N],
    /// Bytes since the last zero, even those that had no room.
    received: usize,
}

impl<const N: usize> Receiver<N> {
    /// Nothing received.
    pub const EMPTY: Self = Self { frame: [0; N], received: 0 };

    /// Takes a byte from the line; at a zero, gives the frame that it ends. Zeros without a frame are passed over.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] at the end of a frame that had no room.
    #[inline]
    pub fn push(&mut self, byte: u8) -> Option<Result<&mut [u8], FrameError>> {
        if byte != 0 {
            if let Some(slot) = self.frame.get_mut(self.received) {
                *slot = byte;
            }
            self.received = self.received.saturating_add(1);
            return None;
        }
        let length = core::mem::take(&mut self.received);
        (length > 0).then(|| self.frame.get_mut(..length).ok_or(FrameError::TooLong { limit: N }))
    }
}
