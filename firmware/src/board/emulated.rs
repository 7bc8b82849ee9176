//! What all boards in QEMU have in common: semihosting for the log, the end of the program, and a file that is the flash.

use core::ops::Range;

use defmt_semihosting as _;
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use semihosting::fs::File;
use semihosting::io::{Read, Seek, SeekFrom, Write};

/// Ends the program; the emulator's exit status says whether it succeeded.
pub fn exit(success: bool) -> ! {
    semihosting::process::exit(if success { 0 } else { 1 })
}

/// With `-icount shift=0` an instruction takes one emulated nanosecond.
pub const COUNTED: &str = "instructions";

/// Instructions in a tick of a timer.
#[cfg(target_arch = "arm")]
pub const fn instructions_per_tick(clock_hz: u32) -> f32 {
    1e9 / clock_hz as f32
}

/// A 32-bit register of a peripheral.
#[derive(Clone, Copy)]
pub struct Register(*mut u32);

impl Register {
    /// The register at an address.
    ///
    /// # Safety
    /// There must be one, used by nobody else.
    pub unsafe fn new(address: usize) -> Self {
        Self(address as *mut u32)
    }

    /// Its value.
    #[cfg(target_arch = "arm")]
    pub fn read(self) -> u32 {
        // SAFETY: it is a register, as `new` was promised.
        unsafe { self.0.read_volatile() }
    }

    /// Sets it.
    pub fn write(self, value: u32) {
        // SAFETY: as above.
        unsafe { self.0.write_volatile(value) }
    }
}

/// NOR flash in the file `flash.bin` of the emulator's working directory: what is in it outlives a reset and the emulator itself.
/// As in a real one, writing clears bits and only erasing sets them. If there is a file `power.bin` too, a little-endian number, power
/// fails after as many pieces, in the middle of the next one: a word that is written, or 64 bytes that are erased.
pub struct Flash {
    file: File,
    power: Option<u32>,
}

/// Where checkpoints lie in the flash.
pub const STORE: Range<u32> = 0..Flash::CAPACITY as u32;
/// Rated erase cycles: those of an nRF52.
pub const ENDURANCE: u32 = 10_000;

impl Flash {
    const CAPACITY: usize = 4 * Self::ERASE_SIZE;

    /// Opens the file, or makes one that is erased.
    pub fn open() -> Option<Self> {
        const FILE: &core::ffi::CStr = c"flash.bin";
        let open = || File::options().read(true).write(true).open(FILE);
        let whole = |file: &File| file.metadata().is_ok_and(|file| file.len() == Self::CAPACITY as u64);
        let mut flash = match open().ok().filter(whole) {
            Some(file) => Self { file, power: None },
            None => {
                drop(File::create(FILE).ok()?);
                let mut flash = Self { file: open().ok()?, power: None };
                flash.erase(0, Self::CAPACITY as u32).ok()?;
                flash
            }
        };
        let mut power = [0; 4];
        if File::open(c"power.bin").and_then(|mut file| file.read_exact(&mut power)).is_ok() {
            flash.power = Some(u32::from_le_bytes(power));
        }
        Some(flash)
    }

    /// Stores a piece.
    fn put(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        self.file.seek(SeekFrom::Start(u64::from(offset))).map_err(|_| NorFlashErrorKind::Other)?;
        if self.power == Some(0) {
            let _ = self.file.write_all(&bytes[..bytes.len() / 2]);
            exit(false);
        }
        self.power = self.power.map(|left| left - 1);
        self.file.write_all(bytes).map_err(|_| NorFlashErrorKind::Other)
    }
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        self.file.seek(SeekFrom::Start(u64::from(offset))).map_err(|_| NorFlashErrorKind::Other)?;
        self.file.read_exact(bytes).map_err(|_| NorFlashErrorKind::Other)
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
        for offset in (from..to).step_by(64) {
            self.put(offset, &[0xff; 64])?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        for (offset, new) in (offset..).step_by(Self::WRITE_SIZE).zip(bytes.chunks(Self::WRITE_SIZE)) {
            let mut word = [0; Self::WRITE_SIZE];
            self.read(offset, &mut word)?;
            word.iter_mut().zip(new).for_each(|(old, new)| *old &= new);
            self.put(offset, &word)?;
        }
        Ok(())
    }
}
