//! The weights file: networks, checkpoints of a network with its optimizer, and the constants of imported networks.
//!
//! | bytes | content |
//! |---|---|
//! | 4 | `nerv` |
//! | 1 | format version: 1 for elements of one type, 2 for mixed ones, 3 as 1 for a head |
//! | 1 | element type: 4 for `f32`, 8 for `f64`; in format 2, 0 for bytes |
//! | 4 | fingerprint of the architecture, little-endian; in format 2, of the program that was made of a model |
//! | 4 | number of elements |
//! | 4 | CRC-32 (ISO-HDLC) of the elements' bytes |
//! | 4 | in format 3 alone: what names the features that the head has learned on, [`Tensors::FEATURES`] |
//! | … | the elements, in declaration order, little-endian |
//!
//! A head of format 1, which does not say what it has learned on, is read too; a network that names no features reads any head of its architecture.
//!
//! Format 2 is that of networks imported from LiteRT (feature `litert`), and the compiler alone reads it, as a
//! [`ConstantsFile`](crate::flash::ConstantsFile): the program says where each number lies and what type it has.
//!
//! This is [`postcard`]'s encoding of the header as a tuple of byte arrays, then of each element. Reading checks everything before it
//! writes the first weight, and works in place, tensor by tensor, without a copy on the stack.

use core::fmt;

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};

use crate::numbers::{Real, Tensors};

pub(crate) const MAGIC: [u8; 4] = *b"nerv";
const VERSION: u8 = 1;
/// Of a head.
const VERSION_WITH_FEATURES: u8 = 3;
/// Format version and element type of mixed numbers.
pub(crate) const MIXED: (u8, u8) = (2, 0);
pub(crate) const HEADER_LEN: usize = 18;
/// Bit by bit: a table would take 1 KiB of a device's flash.
pub(crate) static CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// Why weights could not be read. The network is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LoadError {
    /// The bytes do not begin with `nerv`.
    Magic,
    /// A format that this version of the library does not know.
    Version(u8),
    /// The constants of an imported network, which its program includes.
    Imported,
    /// Weights of another scalar type.
    ElementType {
        /// Bytes per element in the file.
        found: u8,
        /// Bytes per element in the network.
        expected: u8,
    },
    /// Weights of another architecture: other kinds or shapes of layers.
    Architecture {
        /// The file's fingerprint.
        found: u32,
        /// The network's fingerprint.
        expected: u32,
    },
    /// A head that has learned on the outputs of another network.
    Features {
        /// What names that network in the file.
        found: u32,
        /// What names the network that this head is behind.
        expected: u32,
    },
    /// The number of bytes is not that of this network's file: truncated, or something follows.
    Length {
        /// Bytes given.
        found: usize,
        /// Bytes needed, [`file_len`].
        expected: usize,
    },
    /// The elements were damaged after they were written.
    Checksum,
    /// A weight is infinite or NaN.
    NonFinite,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            LoadError::Magic => write!(f, "not a weights file: it does not begin with `nerv`"),
            LoadError::Version(v) => {
                write!(
                    f,
                    "weights file of format {v}, this library reads {VERSION} and {VERSION_WITH_FEATURES}: use the version that wrote it"
                )
            }
            LoadError::Imported => {
                write!(f, "the file holds the constants of an imported network: compile it with the module beside it")
            }
            LoadError::ElementType { found, expected } => {
                write!(
                    f,
                    "the file holds {}-bit floats, the network {}-bit: load it into a network of its type",
                    found * 8,
                    expected * 8
                )
            }
            LoadError::Architecture { found, expected } => write!(
                f,
                "the file is of another architecture ({found:08x}, this network is {expected:08x}): \
                 declare the network as it was when it was trained"
            ),
            LoadError::Features { found, expected } => write!(
                f,
                "the head was learned on other features ({found:08x}, here they are {expected:08x}): import the model that it was learned on, or let \
                 a new head learn"
            ),
            LoadError::Length { found, expected } => {
                write!(f, "the file has {found} bytes and should have {expected}: copy it again, or train again")
            }
            LoadError::Checksum => {
                write!(f, "the checksum is wrong, the file is damaged: copy it again, or train again")
            }
            LoadError::NonFinite => write!(f, "a weight is infinite or NaN: train again with a lower learning rate"),
        }
    }
}

impl core::error::Error for LoadError {}

/// Why weights could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SaveError {
    /// The buffer is too small.
    BufferTooSmall {
        /// Its bytes.
        found: usize,
        /// Bytes needed, [`file_len`].
        needed: usize,
    },
    /// A weight is infinite or NaN.
    NonFinite,
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            SaveError::BufferTooSmall { found, needed } => {
                write!(f, "the buffer has {found} bytes and the weights need {needed}: size it with `file_len`")
            }
            SaveError::NonFinite => write!(f, "a weight is infinite or NaN: train again with a lower learning rate"),
        }
    }
}

impl core::error::Error for SaveError {}

/// Bytes in the file of a `P`.
pub const fn file_len<T: Real, P: Tensors<T>>() -> usize {
    header_len(version(P::FEATURES)) + P::LEN * size_of::<T>()
}

const fn version(features: u32) -> u8 {
    if features == 0 { VERSION } else { VERSION_WITH_FEATURES }
}

/// Bytes before the elements.
pub(crate) const fn header_len(version: u8) -> usize {
    if version == VERSION_WITH_FEATURES { HEADER_LEN + 4 } else { HEADER_LEN }
}

/// Writes `source` to the beginning of `buffer` and returns that part.
///
/// # Errors
/// [`SaveError`]; then the buffer's content is of no use.
pub fn save<'a, T: Real, P: Tensors<T>>(source: &P, buffer: &'a mut [u8]) -> Result<&'a [u8], SaveError> {
    let (found, needed) = (buffer.len(), file_len::<T, P>());
    let too_small = SaveError::BufferTooSmall { found, needed };
    let (header, elements) = buffer.get_mut(..needed).ok_or(too_small)?.split_at_mut(header_len(version(P::FEATURES)));
    let (mut at, mut error) = (0, None);
    source.visit(&mut |tensor| {
        for value in tensor {
            if !value.is_finite() {
                error = Some(SaveError::NonFinite);
            }
            match postcard::to_slice(value, &mut elements[at..]) {
                Ok(written) => at += written.len(),
                Err(_) => error = Some(too_small),
            }
        }
    });
    if let Some(error) = error {
        return Err(error);
    }
    Header::of::<T, P>(CRC.checksum(elements)).write(header).ok_or(too_small)?;
    Ok(&buffer[..needed])
}

/// What stands before the elements.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Header {
    version: u8,
    pub(crate) tag: u8,
    fingerprint: u32,
    /// Elements.
    pub(crate) count: u32,
    pub(crate) checksum: u32,
    /// 0 in format 1.
    features: u32,
}

impl Header {
    pub(crate) fn of<T: Real, P: Tensors<T>>(checksum: u32) -> Self {
        Self::new(T::TAG, P::FINGERPRINT, P::FEATURES, P::LEN, checksum)
    }

    /// Of `count` elements.
    pub(crate) fn new(tag: u8, fingerprint: u32, features: u32, count: usize, checksum: u32) -> Self {
        Self { version: version(features), tag, fingerprint, count: count as u32, checksum, features }
    }

    /// The header at the beginning of `bytes`, and what follows.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ([version, tag], bytes) = bytes.strip_prefix(&MAGIC)?.split_first_chunk()?;
        let (words, rest) = bytes.split_at_checked(header_len(*version) - 6)?;
        let word = |at: usize| words.as_chunks().0.get(at).copied().map_or(0, u32::from_le_bytes);
        let [fingerprint, count, checksum, features] = [0, 1, 2, 3].map(word);
        Some((Self { version: *version, tag: *tag, fingerprint, count, checksum, features }, rest))
    }

    /// Writes it to the beginning of `bytes`; how many it takes, or `None` if there are fewer.
    pub(crate) fn write(&self, bytes: &mut [u8]) -> Option<usize> {
        let bytes = bytes.get_mut(..header_len(self.version))?;
        let words = [self.fingerprint, self.count, self.checksum, self.features].map(u32::to_le_bytes);
        let kind = [self.version, self.tag];
        let fields = MAGIC.iter().chain(&kind).chain(words.as_flattened());
        bytes.iter_mut().zip(fields).for_each(|(to, byte)| *to = *byte);
        Some(bytes.len())
    }

    /// The checksum of the elements that follow, if they are those of a `P`.
    pub(crate) fn check<T: Real, P: Tensors<T>>(&self) -> Result<u32, LoadError> {
        if (self.version, self.tag) == MIXED {
            return Err(LoadError::Imported);
        }
        if !matches!(self.version, VERSION | VERSION_WITH_FEATURES) {
            return Err(LoadError::Version(self.version));
        }
        if self.tag != T::TAG {
            return Err(LoadError::ElementType { found: self.tag, expected: T::TAG });
        }
        if self.fingerprint != P::FINGERPRINT {
            return Err(LoadError::Architecture { found: self.fingerprint, expected: P::FINGERPRINT });
        }
        if self.features != P::FEATURES && self.features != 0 && P::FEATURES != 0 {
            return Err(LoadError::Features { found: self.features, expected: P::FEATURES });
        }
        if self.count != P::LEN as u32 {
            let found = (self.count as usize).saturating_mul(size_of::<T>()).saturating_add(header_len(self.version));
            return Err(LoadError::Length { found, expected: header_len(self.version) + P::LEN * size_of::<T>() });
        }
        Ok(self.checksum)
    }
}

/// Reads `bytes` into `target`, in place.
///
/// # Errors
/// [`LoadError`] says what is wrong with the bytes; then `target` has not changed.
pub fn load<T: Real, P: Tensors<T>>(target: &mut P, bytes: &[u8]) -> Result<(), LoadError> {
    let found = bytes.len();
    if !bytes.starts_with(&MAGIC) {
        return Err(LoadError::Magic);
    }
    let too_short = LoadError::Length { found, expected: file_len::<T, P>() };
    let (header, elements) = Header::read(bytes).ok_or(too_short)?;
    let checksum = header.check::<T, P>()?;
    let len = P::LEN * size_of::<T>();
    if elements.len() != len {
        return Err(LoadError::Length { found, expected: found - elements.len() + len });
    }
    if CRC.checksum(elements) != checksum {
        return Err(LoadError::Checksum);
    }
    let mut elements = elements.chunks_exact(size_of::<T>());
    if !elements.clone().all(|element| read(element).is_some_and(T::is_finite)) {
        return Err(LoadError::NonFinite);
    }
    target.visit_mut(&mut |tensor| fill(tensor, &mut elements));
    Ok(())
}

pub(crate) fn read<T: Real>(element: &[u8]) -> Option<T> {
    postcard::from_bytes(element).ok()
}

#[inline(never)] // One copy in flash for all tensors.
fn fill<'a, T: Real>(tensor: &mut [T], elements: &mut impl Iterator<Item = &'a [u8]>) {
    for (value, element) in tensor.iter_mut().zip(elements) {
        if let Some(read) = read(element) {
            *value = read;
        }
    }
}
