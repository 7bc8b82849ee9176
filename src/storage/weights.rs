//! The weights file: networks, checkpoints of a network with its optimizer, and the constants of imported networks.
//!
//! | bytes | content |
//! |---|---|
//! | 4 | `nerv` |
//! | 1 | format version: 1 for elements of one type, 2 for mixed ones |
//! | 1 | element type: 4 for `f32`, 8 for `f64`; in format 2, 0 for bytes |
//! | 4 | fingerprint of the architecture, little-endian; in format 2, of the program that was made of a model |
//! | 4 | number of elements |
//! | 4 | CRC-32 (ISO-HDLC) of the elements' bytes |
//! | … | the elements, in declaration order, little-endian |
//!
//! Format 2 is that of networks imported from LiteRT (feature `litert`), and the compiler alone reads it, as a
//! [`ConstantsFile`](crate::flash::ConstantsFile): the program says where each number lies and what type it has.
//!
//! This is [`postcard`]'s encoding of the header as a tuple of byte arrays, then of each element. Reading checks everything before it
//! writes the first weight, and works in place, tensor by tensor, without a copy on the stack.

use core::fmt;

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};

use crate::numbers::{Real, Tensors};

pub(crate) type Header = ([u8; 4], u8, u8, [u8; 4], [u8; 4], [u8; 4]);
pub(crate) const MAGIC: [u8; 4] = *b"nerv";
const VERSION: u8 = 1;
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
                write!(f, "weights file of format {v}, this library reads {VERSION}: use the version that wrote it")
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
    HEADER_LEN + P::LEN * size_of::<T>()
}

/// Writes `source` to the beginning of `buffer` and returns that part.
///
/// # Errors
/// [`SaveError`]; then the buffer's content is of no use.
pub fn save<'a, T: Real, P: Tensors<T>>(source: &P, buffer: &'a mut [u8]) -> Result<&'a [u8], SaveError> {
    let (found, needed) = (buffer.len(), file_len::<T, P>());
    let too_small = SaveError::BufferTooSmall { found, needed };
    let (header, elements) = buffer.get_mut(..needed).ok_or(too_small)?.split_at_mut(HEADER_LEN);
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
    postcard::to_slice(&header_of::<T, P>(CRC.checksum(elements)), header).map_err(|_| too_small)?;
    Ok(&buffer[..needed])
}

pub(crate) fn header_of<T: Real, P: Tensors<T>>(checksum: u32) -> Header {
    header(T::TAG, P::FINGERPRINT, P::LEN, checksum)
}

/// What stands before `count` elements.
pub(crate) fn header(tag: u8, fingerprint: u32, count: usize, checksum: u32) -> Header {
    (MAGIC, VERSION, tag, fingerprint.to_le_bytes(), (count as u32).to_le_bytes(), checksum.to_le_bytes())
}

/// Reads `bytes` into `target`, in place.
///
/// # Errors
/// [`LoadError`] says what is wrong with the bytes; then `target` has not changed.
pub fn load<T: Real, P: Tensors<T>>(target: &mut P, bytes: &[u8]) -> Result<(), LoadError> {
    let length = LoadError::Length { found: bytes.len(), expected: file_len::<T, P>() };
    if !bytes.starts_with(&MAGIC) {
        return Err(LoadError::Magic);
    }
    let (header, elements) = postcard::take_from_bytes::<Header>(bytes).map_err(|_| length)?;
    let checksum = check::<T, P>(header)?;
    if elements.len() != P::LEN * size_of::<T>() {
        return Err(length);
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

/// The checksum of the elements that follow this header, if they are those of a `P`.
pub(crate) fn check<T: Real, P: Tensors<T>>(header: Header) -> Result<u32, LoadError> {
    let (magic, version, tag, fingerprint, count, checksum) = header;
    let (fingerprint, count) = (u32::from_le_bytes(fingerprint), u32::from_le_bytes(count));
    if magic != MAGIC {
        return Err(LoadError::Magic);
    }
    if (version, tag) == MIXED {
        return Err(LoadError::Imported);
    }
    if version != VERSION {
        return Err(LoadError::Version(version));
    }
    if tag != T::TAG {
        return Err(LoadError::ElementType { found: tag, expected: T::TAG });
    }
    if fingerprint != P::FINGERPRINT {
        return Err(LoadError::Architecture { found: fingerprint, expected: P::FINGERPRINT });
    }
    if count != P::LEN as u32 {
        let found = (count as usize).saturating_mul(size_of::<T>()).saturating_add(HEADER_LEN);
        return Err(LoadError::Length { found, expected: file_len::<T, P>() });
    }
    Ok(u32::from_le_bytes(checksum))
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
