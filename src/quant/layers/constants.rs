//! The constants of a generated network.

/// A file of constants, read by the compiler: words of 32 bits, little endian, and bytes, in the order of the program that names them.
///
/// For `const` contexts: what does not fit panics there, that is, it is an error of compilation.
#[derive(Clone, Copy, Debug)]
pub struct ConstantsFile<'a>(&'a [u8]);

impl<'a> ConstantsFile<'a> {
    /// The file that has this length and checksum.
    pub const fn checked(bytes: &'a [u8], len: usize, checksum: u32) -> Self {
        let same = bytes.len() == len && Self::checksum(bytes) == checksum;
        assert!(same, "this is the constants' file of another model: import the model anew");
        Self(bytes)
    }

    /// FNV-1a.
    pub const fn checksum(bytes: &[u8]) -> u32 {
        let (mut hash, mut i) = (0x811c_9dc5_u32, 0);
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u32).wrapping_mul(0x0100_0193);
            i += 1;
        }
        hash
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
