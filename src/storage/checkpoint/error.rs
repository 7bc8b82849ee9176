//! Why a checkpoint could not be loaded or saved.

use core::fmt;

use crate::storage::weights::LoadError;

/// Why a checkpoint could not be loaded or saved. What had been saved is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CheckpointError<E> {
    /// The flash's driver reported an error.
    Flash(E),
    /// The range is not one of whole pages within the flash.
    Range {
        /// Its first address.
        start: u32,
        /// Its end, exclusive.
        end: u32,
        /// Bytes in a page.
        page: u32,
    },
    /// The range has too few pages for two states.
    RangeTooSmall {
        /// Pages in the range.
        found: u32,
        /// Pages needed, [`CheckpointStore::pages_needed`](super::CheckpointStore::pages_needed).
        needed: u32,
    },
    /// The newest state cannot be loaded into this target, which has not changed.
    Load(LoadError),
    /// A weight is infinite or NaN; nothing was written.
    NonFinite,
    /// The flash does not give back what was written.
    Unreliable,
}

impl<E: fmt::Debug> fmt::Display for CheckpointError<E> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            CheckpointError::Flash(error) => {
                write!(f, "the flash reported {error:?}: try again, or look at its driver")
            }
            CheckpointError::Range { start, end, page } => write!(
                f,
                "{start:#x}..{end:#x} is not a range of at least two pages of {page} bytes within the flash: begin and end it with a page"
            ),
            CheckpointError::RangeTooSmall { found, needed } => {
                write!(f, "the range has {found} pages and two states need {needed}: give it more pages")
            }
            CheckpointError::Load(error) => write!(f, "{error}; or save over it"),
            CheckpointError::NonFinite => {
                write!(f, "a weight is infinite or NaN: load the last checkpoint and lower the learning rate")
            }
            CheckpointError::Unreliable => write!(
                f,
                "the flash does not give back what was written: it is worn out, or something else writes to the range; take another range"
            ),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for CheckpointError<E> {}
