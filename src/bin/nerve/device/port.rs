//! What a line to a device may run over.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use serial2::SerialPort;

/// Bytes both ways. Reading takes at most the time that it was opened with.
pub trait Port: Read + Write {}
impl<P: Read + Write> Port for P {}

/// Opens `unix:PATH`, `tcp:HOST:PORT`, `exec:PROGRAM` or a serial port. Whoever reads waits up to `wait`.
pub fn open(name: &str, baud: u32, wait: Duration) -> io::Result<Box<dyn Port>> {
    Ok(match name.split_once(':') {
        Some(("unix", path)) => unix(path, wait)?,
        Some(("tcp", address)) => {
            let stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(wait))?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        Some(("exec", program)) => Box::new(Program::start(program, wait)?),
        _ => {
            let mut serial = SerialPort::open(name, baud)?;
            serial.set_read_timeout(wait)?;
            Box::new(serial)
        }
    })
}

#[cfg(unix)]
fn unix(path: &str, wait: Duration) -> io::Result<Box<dyn Port>> {
    let stream = std::os::unix::net::UnixStream::connect(path)?;
    stream.set_read_timeout(Some(wait))?;
    Ok(Box::new(stream))
}

#[cfg(not(unix))]
fn unix(_: &str, _: Duration) -> io::Result<Box<dyn Port>> {
    Err(io::Error::new(ErrorKind::Unsupported, "this system has no such sockets, use tcp:HOST:PORT"))
}

/// A device that is a program of this machine: its line is standard input and output, and it ends with this.
struct Program {
    child: Child,
    received: Receiver<u8>,
    wait: Duration,
}

impl Program {
    fn start(program: &str, wait: Duration) -> io::Result<Self> {
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (sender, received) = mpsc::channel();
        if let Some(mut output) = child.stdout.take() {
            thread::spawn(move || {
                let mut buffer = [0; 2048];
                while let Ok(length @ 1..) = output.read(&mut buffer) {
                    if buffer[..length].iter().any(|byte| sender.send(*byte).is_err()) {
                        break;
                    }
                }
            });
        }
        Ok(Self { child, received, wait })
    }
}

impl Read for Program {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(first) = buffer.first_mut() else { return Ok(0) };
        match self.received.recv_timeout(self.wait) {
            Ok(byte) => {
                *first = byte;
                Ok(1)
            }
            Err(RecvTimeoutError::Timeout) => Err(ErrorKind::TimedOut.into()),
            Err(RecvTimeoutError::Disconnected) => Ok(0),
        }
    }
}

impl Write for Program {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.child.stdin.as_mut().map_or(Err(ErrorKind::BrokenPipe.into()), |input| input.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.child.stdin.as_mut().map_or(Ok(()), |input| input.flush())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
