//! Requests and their replies.

use serde::{Deserialize, Serialize};

use crate::Error;

/// What the host asks for. The reply to each is named beside it; any may be answered by [`Reply::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// [`Reply::Info`].
    Info,
    /// Runs the network: [`Reply::Output`].
    Infer {
        /// The input.
        #[serde(borrow)]
        input: Floats<'a>,
    },
    /// Learns, in RAM, from a labelled sample and from a few kept ones, then keeps it for later: [`Reply::Trained`].
    Train {
        /// The input.
        #[serde(borrow)]
        input: Floats<'a>,
        /// Its class.
        class: u32,
    },
    /// The loss of a labelled sample, without learning: [`Reply::Evaluated`].
    Evaluate {
        /// The input.
        #[serde(borrow)]
        input: Floats<'a>,
        /// Its class.
        class: u32,
    },
    /// Writes network and optimizer to flash, unless a weight is infinite or NaN: [`Reply::Done`].
    Save,
    /// Goes back to what was saved last: [`Reply::Done`].
    Load,
    /// Goes back to the network that the firmware was built with, and saves it: [`Reply::Done`].
    FactoryReset,
    /// Starts the program anew, after [`Reply::Done`].
    Restart,
    /// Announces a weights file: [`Reply::Done`]. What was uploaded before and not ended is dropped.
    BeginUpload {
        /// Bytes in the file.
        length: u32,
    },
    /// The next piece of the file: [`Reply::Done`].
    Upload {
        /// Bytes before this piece.
        offset: u32,
        /// The piece.
        bytes: &'a [u8],
    },
    /// Takes the file for the network, if it is whole and fits: [`Reply::Done`].
    EndUpload,
    /// Makes a weights file of the network as it is now: [`Reply::File`].
    BeginDownload,
    /// A piece of that file: [`Reply::Piece`].
    Download {
        /// Bytes before the piece.
        offset: u32,
    },
}

/// What the device answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply<'a> {
    /// See [`Request::Info`].
    Info(#[serde(borrow)] Info<'a>),
    /// See [`Request::Infer`].
    Output {
        /// The largest logit's index.
        class: u32,
        /// The logits.
        #[serde(borrow)]
        logits: Floats<'a>,
    },
    /// See [`Request::Train`].
    Trained {
        /// The sample's loss before the step.
        loss: f32,
        /// Samples learned from so far.
        steps: u64,
        /// Whether the step was kept; if not, it would have raised the loss of the sample and those kept, or was not finite, and
        /// the network is as before.
        kept: bool,
    },
    /// See [`Request::Evaluate`].
    Evaluated {
        /// The predicted class.
        class: u32,
        /// The loss.
        loss: f32,
    },
    /// It is done.
    Done,
    /// See [`Request::BeginDownload`].
    File {
        /// Bytes in the file.
        length: u32,
    },
    /// See [`Request::Download`]. Empty at the end of the file.
    Piece {
        /// Bytes before this piece.
        offset: u32,
        /// The piece.
        bytes: &'a [u8],
    },
    /// The request changed nothing.
    Error(Error),
}

/// A device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Info<'a> {
    /// [`VERSION`](crate::VERSION) of this protocol.
    pub protocol: u8,
    /// The board's name.
    pub board: &'a str,
    /// Names the network's architecture, as in a weights file.
    pub fingerprint: u32,
    /// Numbers in an input.
    pub inputs: u32,
    /// Classes.
    pub classes: u32,
    /// Bytes in a weights file.
    pub file_len: u32,
    /// The longest frame that the device can receive, in bytes.
    pub frame: u32,
    /// Samples that the network has learned from since it left the factory.
    pub steps: u64,
    /// How many times it can still be saved within the flash's rated endurance.
    pub writes_left: u32,
    /// Bytes of RAM in variables.
    pub statics: u32,
    /// The most bytes of stack used since the start.
    pub peak_stack: u32,
}

/// `f32` numbers, little-endian as on every device that this is for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Floats<'a>(&'a [u8]);

#[cfg(target_endian = "big")]
compile_error!("`Floats` is a view of little-endian numbers");

impl<'a> Floats<'a> {
    /// A view of `values`.
    pub fn new(values: &'a [f32]) -> Self {
        Self(bytemuck::cast_slice(values))
    }

    /// How many there are, if the bytes are whole numbers.
    pub fn len(&self) -> usize {
        self.0.len().div_ceil(size_of::<f32>())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The numbers.
    pub fn iter(&self) -> impl Iterator<Item = f32> + 'a {
        self.0.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
    }

    /// Copies them to `values`; nothing and `false` unless there are as many.
    pub fn copy_to(&self, values: &mut [f32]) -> bool {
        let fits = self.0.len() == size_of_val(values);
        if fits {
            values.iter_mut().zip(self.iter()).for_each(|(to, from)| *to = from);
        }
        fits
    }
}
