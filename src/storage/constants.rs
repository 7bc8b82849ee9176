//! The constants of an imported network.

use crate::storage::flash::FAST_CRC;
use crate::storage::weights::{CRC, HEADER_LEN, MAGIC, MIXED};

/// A [weights file](crate::weights) of format 2, read by the compiler: numbers of several types, which the program that goes with it knows.
///
/// For `const` contexts: what does not fit panics there, that is, it is an error of compilation.
#[derive(Clone, Copy, Debug)]
pub struct ConstantsFile<'a>(&'a [u8]);

impl<'a> ConstantsFile<'a> {
    /// The file of the program that has this fingerprint.
    pub const fn checked(file: &'a [u8], fingerprint: u32) -> Self {
        assert!(file.len() >= HEADER_LEN, "not a weights file: it is too short");
        let (header, constants) = file.split_at(HEADER_LEN);
        let (words, _) = header.split_at(6).1.as_chunks::<4>();
        assert!(matches!(header.split_at(4).0, b"nerv"), "not a weights file: it does not begin with `nerv`");
        assert!(header[4] == MIXED.0 && header[5] == MIXED.1, "this is not the weights file of an imported network");
        let same = u32::from_le_bytes(words[0]) == fingerprint;
        assert!(same, "this is the constants' file of another model: import the model anew");
        let whole = u32::from_le_bytes(words[1]) as usize == constants.len();
        assert!(whole && u32::from_le_bytes(words[2]) == FAST_CRC.checksum(constants), "the weights file is damaged");
        Self(constants)
    }

    /// What stands before constants.
    pub fn header(fingerprint: u32, constants: &[u8]) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        let fields: [&[u8]; 5] = [
            &MAGIC,
            &[MIXED.0, MIXED.1],
            &fingerprint.to_le_bytes(),
            &(constants.len() as u32).to_le_bytes(),
            &CRC.checksum(constants).to_le_bytes(),
        ];
        header.iter_mut().zip(fields.into_iter().flatten()).for_each(|(to, byte)| *to = *byte);
        header
    }

    /// `N` bytes from `at` on.
    pub const fn bytes<const N: usize>(self, at: usize) -> [i8; N] {
        let (mut all, mut i) = ([0; N], 0);
        while i < N {
            all[i] = self.0[at + i] as i8;
            i += 1;
        }
        all
    }

    /// `N` words from the byte `at` on.
    pub const fn words<const N: usize>(self, at: usize) -> [i32; N] {
        let (mut all, mut i) = ([0; N], 0);
        while i < N {
            let at = at + 4 * i;
            all[i] = i32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]]);
            i += 1;
        }
        all
    }

    /// `N` floats from the byte `at` on.
    pub const fn floats<const N: usize>(self, at: usize) -> [f32; N] {
        let (mut all, mut i) = ([0.0; N], 0);
        while i < N {
            let at = at + 4 * i;
            all[i] = f32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]]);
            i += 1;
        }
        all
    }

    /// `len` bytes from `at` on, as they lie in the file.
    pub const fn part(self, at: usize, len: usize) -> &'a [u8] {
        self.0.split_at(at).1.split_at(len).0
    }
}
