//! A simulated NOR flash that loses power at any point.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

/// What a power cut leaves of the operation that it interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tear {
    /// Of a write the bytes before the cut. Of an erase the blocks before it.
    Whole,
    /// Moreover some of the bits of the byte that was being written; of an erase a page of random bits.
    /// The traits promise no more: "contents of the page are undefined".
    Random(u64),
}

/// Pages of `PAGE` bytes, words of `WORD` bytes that can be written once between erases, and only from 1 to 0.
#[derive(Clone)]
pub struct SimFlash<const WORD: usize, const PAGE: usize> {
    /// What is stored.
    pub bytes: Vec<u8>,
    /// Erase cycles of each page.
    pub erases: Vec<u32>,
    /// Bits of these bytes no longer go from 1 to 0.
    pub worn: Option<std::ops::Range<usize>>,
    written: Vec<bool>,
    steps_left: Option<u64>,
    steps: u64,
    tear: Tear,
}

/// An erase can be interrupted after every so many bytes.
const ERASE_STEP: usize = 32;

/// What the simulated flash reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimError {
    /// Not aligned, or out of bounds.
    Driver(NorFlashErrorKind),
    /// A word that has been written since it was erased.
    Written,
    /// Nothing works until [`SimFlash::restart`].
    NoPower,
}

impl NorFlashError for SimError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            SimError::Driver(kind) => *kind,
            _ => NorFlashErrorKind::Other,
        }
    }
}

impl<const WORD: usize, const PAGE: usize> SimFlash<WORD, PAGE> {
    /// Erased, with power for ever.
    pub fn new(pages: usize) -> Self {
        Self {
            bytes: vec![0xff; pages * PAGE],
            erases: vec![0; pages],
            worn: None,
            written: vec![false; pages * PAGE / WORD],
            steps_left: None,
            steps: 0,
            tear: Tear::Whole,
        }
    }

    /// Lets power fail after `steps`: one for the beginning of each write or erase, one for each byte that is written and for each
    /// 32 bytes that are erased.
    pub fn cut_after(&mut self, steps: u64, tear: Tear) {
        (self.steps_left, self.tear) = (Some(steps), tear);
    }

    /// Steps made so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Power is back, for good.
    pub fn restart(&mut self) {
        self.steps_left = None;
    }

    /// Puts `bytes` there from outside; each word counts as written that is not erased.
    pub fn fill(&mut self, bytes: impl Fn(usize) -> u8) {
        self.bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = bytes(at));
        self.written = self.bytes.chunks(WORD).map(|word| word.iter().any(|byte| *byte != 0xff)).collect();
    }

    fn step(&mut self) -> Result<(), SimError> {
        match &mut self.steps_left {
            Some(0) => return Err(SimError::NoPower),
            Some(left) => *left -= 1,
            None => {}
        }
        self.steps += 1;
        Ok(())
    }

    fn powered(&self) -> Result<(), SimError> {
        if self.steps_left == Some(0) { Err(SimError::NoPower) } else { Ok(()) }
    }

    /// Random, and another for each point of a cut.
    fn random(&self, seed: u64) -> Pcg32 {
        Pcg32::seed_from_u64(seed ^ self.steps)
    }
}

impl<const WORD: usize, const PAGE: usize> ErrorType for SimFlash<WORD, PAGE> {
    type Error = SimError;
}

impl<const WORD: usize, const PAGE: usize> ReadNorFlash for SimFlash<WORD, PAGE> {
    const READ_SIZE: usize = WORD;
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimError> {
        check_read(self, offset, bytes.len()).map_err(SimError::Driver)?;
        self.powered()?;
        bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
        Ok(())
    }
    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const WORD: usize, const PAGE: usize> NorFlash for SimFlash<WORD, PAGE> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SimError> {
        check_erase(self, from, to).map_err(SimError::Driver)?;
        self.step()?;
        for page in from as usize / PAGE..to as usize / PAGE {
            self.erases[page] += 1;
            for at in (page * PAGE..(page + 1) * PAGE).step_by(ERASE_STEP) {
                if let Err(error) = self.step() {
                    if let Tear::Random(seed) = self.tear {
                        self.random(seed).fill_bytes(&mut self.bytes[page * PAGE..(page + 1) * PAGE]);
                        self.written[page * PAGE / WORD..(page + 1) * PAGE / WORD].fill(true);
                    }
                    return Err(error);
                }
                self.bytes[at..at + ERASE_STEP].fill(0xff);
                self.written[at / WORD..(at + ERASE_STEP) / WORD].fill(false);
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimError> {
        check_write(self, offset, bytes.len()).map_err(SimError::Driver)?;
        assert_eq!(bytes.as_ptr() as usize % 4, 0, "some hardware writes from whole words alone");
        self.step()?;
        for (at, byte) in (offset as usize..).zip(bytes) {
            if at.is_multiple_of(WORD) {
                self.powered()?;
                if std::mem::replace(&mut self.written[at / WORD], true) {
                    return Err(SimError::Written);
                }
            }
            if let Err(error) = self.step() {
                if let Tear::Random(seed) = self.tear {
                    self.bytes[at] &= byte | self.random(seed).next_u32() as u8;
                }
                return Err(error);
            }
            if self.worn.as_ref().is_none_or(|worn| !worn.contains(&at)) {
                self.bytes[at] &= byte;
            }
        }
        Ok(())
    }
}
