//! Why a device did not do what it was asked for.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Why a device did not do what it was asked for. The network is as it was before, and so is the flash.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Error {
    /// The frame was damaged on its way, or is of another protocol.
    Malformed,
    /// The frame is longer than the device's buffer.
    FrameTooLong {
        /// The longest, in bytes.
        limit: u32,
    },
    /// The input has not the network's shape.
    InputLength {
        /// Numbers given.
        found: u32,
        /// Numbers that the network takes.
        expected: u32,
    },
    /// A number of the input is infinite or NaN.
    NonFiniteInput,
    /// There is no such class.
    ClassOutOfRange {
        /// The class given.
        class: u32,
        /// How many there are.
        classes: u32,
    },
    /// The device learns classes and was given values, or the other way round.
    TargetKind {
        /// Whether it learns classes.
        classes: bool,
    },
    /// Not as many values as the network has outputs.
    TargetLength {
        /// Values given.
        found: u32,
        /// Outputs of the network.
        expected: u32,
    },
    /// A value that the network should find is infinite or NaN.
    NonFiniteTarget,
    /// The proximal term's factor is negative, infinite or NaN.
    Proximal,
    /// An output, the loss or a gradient is infinite or NaN.
    Diverged,
    /// Nothing has been saved yet.
    NothingSaved,
    /// What is in flash is another network's.
    SavedByAnother,
    /// The flash reported an error.
    Flash,
    /// The flash does not give back what was written.
    FlashUnreliable,
    /// There is no upload or download to go on with.
    NoTransfer,
    /// A piece is not the next one, or it goes beyond the end.
    Offset {
        /// Where the device waits for a piece.
        expected: u32,
    },
    /// The file has not the length of this network's.
    FileLength {
        /// Bytes announced or uploaded.
        found: u32,
        /// Bytes in this network's file.
        expected: u32,
    },
    /// Not a weights file, or one of a format or type that the firmware does not read.
    NotWeights,
    /// Weights of another architecture.
    Architecture {
        /// The file's fingerprint.
        found: u32,
        /// The network's.
        expected: u32,
    },
    /// Weights of a head that was learned on other features.
    Features {
        /// Those that the file names.
        found: u32,
        /// The device's.
        expected: u32,
    },
    /// The file's checksum is wrong.
    FileDamaged,
    /// A weight is infinite or NaN.
    NonFiniteWeight,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Malformed => f.write_str(
                "the device got a damaged message: send it again; if that goes on, compare the baud rates and the versions of host and firmware",
            ),
            Error::FrameTooLong { limit } => {
                write!(f, "the message is longer than the {limit} bytes that the device takes: send a shorter piece or input")
            }
            Error::InputLength { found, expected } => {
                write!(f, "the input has {found} numbers and the network takes {expected}: look at the CSV's columns")
            }
            Error::NonFiniteInput => f.write_str("a number of the input is infinite or NaN: leave that sample out"),
            Error::ClassOutOfRange { class, classes } => {
                write!(f, "class {class} does not exist, the network knows 0 to {}: look at the CSV's last column", classes.saturating_sub(1))
            }
            Error::TargetKind { classes: true } => f.write_str("the device learns classes: give the number of one in the CSV's last column"),
            Error::TargetKind { classes: false } => f.write_str("the device learns values: give all of its outputs in the CSV's last columns"),
            Error::TargetLength { found, expected } => {
                write!(f, "the sample has {found} values and the network {expected} outputs: look at the CSV's last columns")
            }
            Error::NonFiniteTarget => f.write_str("a value of the target is infinite or NaN: leave that sample out"),
            Error::Proximal => f.write_str("the proximal term's factor is negative, infinite or NaN: give a number from 0 on"),
            Error::Diverged => f.write_str("an output, the loss or a gradient is infinite or NaN: `load` what was saved, or reset to factory"),
            Error::NothingSaved => f.write_str("nothing has been saved yet: save first"),
            Error::SavedByAnother => {
                f.write_str("the flash holds another network's state: reset to factory to write over it")
            }
            Error::Flash => f.write_str("the device's flash reported an error: try again"),
            Error::FlashUnreliable => {
                f.write_str("the device's flash does not keep what is written: it is worn out; give the firmware another range")
            }
            Error::NoTransfer => f.write_str("no upload or download is under way, perhaps since the device restarted: begin again"),
            Error::Offset { expected } => write!(f, "the device waits for the piece at byte {expected}: go on from there"),
            Error::FileLength { found, expected } => {
                write!(f, "the file has {found} bytes and this network's {expected}: upload a file of the same architecture, whole")
            }
            Error::NotWeights => f.write_str("not a weights file of this format: write it with the library's version that the firmware has"),
            Error::Architecture { found, expected } => write!(
                f,
                "the file is of another architecture ({found:08x}, the device has {expected:08x}): train the network that the firmware declares"
            ),
            Error::Features { found, expected } => write!(
                f,
                "the head was learned on other features ({found:08x}, the device has {expected:08x}): upload one that was learned on the device's, or build \
                 the firmware with the model that it was learned on"
            ),
            Error::FileDamaged => f.write_str("the file's checksum is wrong: upload it again, or another copy"),
            Error::NonFiniteWeight => f.write_str("a weight is infinite or NaN: train again with a lower learning rate"),
        }
    }
}

impl core::error::Error for Error {}
