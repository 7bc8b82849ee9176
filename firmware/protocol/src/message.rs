//! Requests and their replies.

use bytemuck::{NoUninit, Pod};
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
        input: Numbers<'a>,
    },
    /// Learns, in RAM, from a sample and from a few kept ones, then keeps it for later: [`Reply::Trained`].
    Train {
        /// The input.
        #[serde(borrow)]
        input: Numbers<'a>,
        /// What the network should make of it.
        target: Target<'a>,
    },
    /// The loss of a sample, without learning: [`Reply::Evaluated`].
    Evaluate {
        /// The input.
        #[serde(borrow)]
        input: Numbers<'a>,
        /// What the network should make of it.
        target: Target<'a>,
    },
    /// From now on, until the weights are replaced, learning is held to what they are now by `mu / 2` times the squared distance beside the
    /// loss (FedProx, Li et al. 2020); 0 ends it: [`Reply::Done`].
    Proximal {
        /// 0 or more.
        mu: f32,
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
        /// Of a classifier: the largest output's index.
        class: Option<u32>,
        /// The network's outputs, `f32`.
        #[serde(borrow)]
        outputs: Numbers<'a>,
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
        /// The predicted class, of a classifier.
        class: Option<u32>,
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
    /// Names the features that the network has learned on and takes files of, as in a weights file; 0 if it learns from inputs.
    pub features: u32,
    /// Numbers in an input.
    pub inputs: u32,
    /// Whether they are `i8` instead of `f32`.
    pub integers: bool,
    /// Numbers in an output.
    pub outputs: u32,
    /// Whether they are classes, of which a sample has one, instead of values, of which it has all.
    pub classes: bool,
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

/// What the network should make of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Target<'a> {
    /// Of a classifier.
    Class(u32),
    /// As many `f32` as the network has outputs.
    Values(#[serde(borrow)] Numbers<'a>),
}

/// Numbers of one type, little-endian as on every device that this is for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Numbers<'a>(&'a [u8]);

#[cfg(target_endian = "big")]
compile_error!("`Numbers` is a view of little-endian numbers");

impl<'a> Numbers<'a> {
    /// A view of `values`.
    pub fn new<T: NoUninit>(values: &'a [T]) -> Self {
        Self(bytemuck::cast_slice(values))
    }

    /// How many `T` there are, a part of one counted as one.
    pub fn count<T>(&self) -> usize {
        self.0.len().div_ceil(size_of::<T>().max(1))
    }

    /// Them, if they are `f32`.
    pub fn floats(&self) -> impl Iterator<Item = f32> + 'a {
        self.0.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
    }

    /// Copies them to `values`; nothing and `false` unless there are as many.
    pub fn copy_to<T: Pod>(&self, values: &mut [T]) -> bool {
        let to: &mut [u8] = bytemuck::cast_slice_mut(values);
        let fits = self.0.len() == to.len();
        if fits {
            to.copy_from_slice(self.0);
        }
        fits
    }
}
