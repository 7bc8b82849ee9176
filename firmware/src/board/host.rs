//! The machine that compiles: a learner without a board, for as many devices as are to be simulated. Its line is standard input and output;
//! its flash ends with the program.

use core::ops::Range;
use std::io::{Read, Stdin, Write, stdin, stdout};
use std::vec;
use std::vec::Vec;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// For the log.
pub const NAME: &str = "host";
/// Where checkpoints lie in the flash.
pub const STORE: Range<u32> = 0..Flash::CAPACITY as u32;
/// Erase cycles, as of an emulated board.
pub const ENDURANCE: u32 = 10_000;

/// The line and the flash.
pub fn take() -> Option<(Uart, Flash)> {
    Some((Uart(stdin()), Flash(vec![0xff; Flash::CAPACITY])))
}

/// Ends the program; its exit status says whether it succeeded.
pub fn exit(success: bool) -> ! {
    std::process::exit(if success { 0 } else { 1 })
}

/// Ends the program, which whoever has started it may do again.
pub fn restart() -> ! {
    exit(true)
}

/// Standard input and output.
pub struct Uart(Stdin);

impl Uart {
    /// Waits for a byte; ends the program where no more can come.
    pub fn read(&mut self) -> u8 {
        let mut byte = [0];
        match self.0.read_exact(&mut byte) {
            Ok(()) => byte[0],
            Err(_) => exit(true),
        }
    }

    /// Sends all of `bytes`.
    pub fn write(&mut self, bytes: &[u8]) {
        let mut out = stdout().lock();
        if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
            exit(true);
        }
    }
}

/// NOR flash in memory.
pub struct Flash(Vec<u8>);

impl Flash {
    const CAPACITY: usize = 4 * Self::ERASE_SIZE;
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        bytes.copy_from_slice(&self.0[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        Self::CAPACITY
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        self.0[from as usize..to as usize].fill(0xff);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        for (to, byte) in self.0[offset as usize..].iter_mut().zip(bytes) {
            *to &= byte;
        }
        Ok(())
    }
}

/// What a program takes of a device's memory: of a desktop's, nobody asks.
pub mod memory {
    /// Does nothing.
    pub fn paint_stack() {}
    /// Unknown.
    pub fn statics() -> usize {
        0
    }
    /// Unknown.
    pub fn peak_stack() -> usize {
        0
    }
}

/// Nobody reads this log.
#[defmt::global_logger]
struct Silent;

// SAFETY: nothing is written, so that nothing can be interrupted.
unsafe impl defmt::Logger for Silent {
    fn acquire() {}
    unsafe fn flush() {}
    unsafe fn release() {}
    unsafe fn write(_: &[u8]) {}
}

defmt::timestamp!("");
