//! The line to a device.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};
use std::{fmt, mem};

use nerve_protocol::{Error, FrameError, Receiver, Reply, Request, decode, encode};

use super::port::{self, Port};

/// The longest frame that any device sends or takes.
const FRAME: usize = 1 << 16;

/// Why a request was not fulfilled.
#[derive(Debug)]
pub enum LinkError {
    /// The port could not be opened.
    Open { port: String, error: io::Error },
    /// The line failed.
    Line(io::Error),
    /// Nothing, or no whole frame, came in time.
    Timeout(Duration),
    /// What came is damaged, or of another protocol.
    Frame(FrameError),
    /// The device says no.
    Refused(Error),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            LinkError::Open { port, error } => write!(
                f,
                "could not open {port} ({error}): connect the board, or start the emulator with `cargo xtask emulate --program learner`, \
                 and name its port with --port"
            ),
            LinkError::Line(error) => write!(f, "the line to the device failed ({error}): connect it again"),
            LinkError::Timeout(time) => write!(
                f,
                "no answer within {} s: look whether the device runs the learner and is wired to this port, or raise --timeout",
                time.as_secs_f32()
            ),
            LinkError::Frame(error) => {
                write!(f, "{error}: compare the baud rates and the versions of host and firmware")
            }
            LinkError::Refused(error) => write!(f, "refused: {error}"),
        }
    }
}

impl std::error::Error for LinkError {}

/// An answer of another kind than the request's.
pub fn unexpected(reply: &Reply) -> anyhow::Error {
    anyhow::anyhow!("unexpected answer {reply:?}: build host and firmware from the same source")
}

/// A device at the other end of a line.
pub struct Link {
    port: Box<dyn Port>,
    timeout: Duration,
    receiver: Receiver<FRAME>,
    /// The last answer.
    frame: Vec<u8>,
    /// Bytes sent and received.
    counts: [u64; 2],
}

/// Line noise that is older than this is gone.
const QUIET: Duration = Duration::from_millis(50);
/// How long a device that may have started is given to answer.
const START: Duration = Duration::from_secs(1);

impl Link {
    /// Opens a port, and ends whatever message was under way on it.
    pub fn open(port: &str, baud: u32, timeout: Duration) -> Result<Self, LinkError> {
        let port = port::open(port, baud, QUIET).map_err(|error| LinkError::Open { port: port.to_owned(), error })?;
        let mut link = Self { port, timeout, receiver: Receiver::EMPTY, frame: Vec::new(), counts: [0; 2] };
        link.settle()?;
        Ok(link)
    }

    /// Ends whatever message is under way, in both directions.
    fn settle(&mut self) -> Result<(), LinkError> {
        self.port.write_all(&[0]).map_err(LinkError::Line)?;
        let start = Instant::now();
        while start.elapsed() < QUIET {
            self.receive()?;
        }
        self.receiver = Receiver::EMPTY;
        Ok(())
    }

    /// Restarts the device, and waits until it answers again. What is sent to it before is lost, and is sent anew.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.done(&Request::Restart)?;
        let (start, timeout) = (Instant::now(), self.timeout);
        self.timeout = START.min(timeout);
        let answers = loop {
            self.settle()?;
            match self.call(&Request::Info) {
                Err(LinkError::Timeout(_)) if start.elapsed() < timeout => continue,
                Err(LinkError::Timeout(_)) => break Err(LinkError::Timeout(timeout)),
                answers => break answers.map(drop),
            }
        };
        self.timeout = timeout;
        answers?;
        // Nor is an answer that came late one to the next request.
        Ok(self.settle()?)
    }

    /// Sends a request and waits for its answer.
    pub fn call(&mut self, request: &Request) -> Result<Reply<'_>, LinkError> {
        let mut buffer = [0; FRAME];
        let frame = encode(request, &mut buffer).map_err(LinkError::Frame)?;
        self.port.write_all(frame).and_then(|()| self.port.flush()).map_err(LinkError::Line)?;
        self.counts[0] += frame.len() as u64;
        let start = Instant::now();
        self.frame = loop {
            if start.elapsed() >= self.timeout {
                return Err(LinkError::Timeout(self.timeout));
            }
            let Some(byte) = self.receive()? else { continue };
            if let Some(frame) = self.receiver.push(byte) {
                break frame.map_err(LinkError::Frame)?.to_vec();
            }
        };
        match decode(&mut self.frame).map_err(LinkError::Frame)? {
            Reply::Error(error) => Err(LinkError::Refused(error)),
            reply => Ok(reply),
        }
    }

    /// Sends a request whose answer is that it is done.
    pub fn done(&mut self, request: &Request) -> anyhow::Result<()> {
        match self.call(request)? {
            Reply::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Bytes sent and received since the last time.
    pub fn take_counts(&mut self) -> [u64; 2] {
        mem::take(&mut self.counts)
    }

    /// A byte, unless none comes for a while.
    fn receive(&mut self) -> Result<Option<u8>, LinkError> {
        let mut byte = [0];
        match self.port.read(&mut byte) {
            Ok(0) => Err(LinkError::Line(ErrorKind::UnexpectedEof.into())),
            Ok(_) => {
                self.counts[1] += 1;
                Ok(Some(byte[0]))
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(None)
            }
            Err(error) => Err(LinkError::Line(error)),
        }
    }
}
