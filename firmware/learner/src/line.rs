//! Bytes from the line to requests, and replies back to bytes.

use embedded_storage::nor_flash::NorFlash;
use nerve_protocol::{Error, FrameError, Receiver, Reply, Request, decode, encode};

use crate::{Learner, Model};

/// The buffers of a line whose frames have up to `FRAME` bytes; for a `static`.
pub struct Line<const FRAME: usize> {
    receiver: Receiver<FRAME>,
    reply: [u8; FRAME],
}

/// What to send, and what to do then.
#[derive(Debug)]
pub struct Response<'l> {
    /// Bytes for the host.
    pub frame: &'l [u8],
    /// Whether the program is to start anew once they are sent.
    pub restart: bool,
}

impl<const FRAME: usize> Line<FRAME> {
    /// Nothing received.
    pub const EMPTY: Self = Self { receiver: Receiver::EMPTY, reply: [0; FRAME] };

    /// Takes a byte from the line; at the end of a frame, `learner` does what it asks for, and this is the answer.
    pub fn push<M, F: NorFlash, const O: usize, const KEPT: usize, const FILE: usize, const ARENA: usize>(
        &mut self,
        learner: &mut Learner<M, F, O, KEPT, FILE, ARENA>,
        byte: u8,
    ) -> Option<Response<'_>>
    where
        M: Model<O, KEPT>,
    {
        let request = self.receiver.push(byte)?.and_then(decode::<Request>);
        let answer = match request {
            Ok(request) => learner.handle(request, FRAME),
            Err(FrameError::Malformed) => Err(Error::Malformed),
            Err(FrameError::TooLong { limit }) => Err(Error::FrameTooLong { limit: limit as u32 }),
        };
        let restart = matches!((&request, &answer), (Ok(Request::Restart), Ok(_)));
        let reply = answer.unwrap_or_else(Reply::Error);
        // A reply that does not fit is sent as nothing, which the host waits for in vain; `FRAME` has room for each.
        let frame = encode(&reply, &mut self.reply).map_or(&[][..], |frame| frame);
        Some(Response { frame, restart })
    }
}
