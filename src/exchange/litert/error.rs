//! Why a file is not read.

use core::fmt;
use std::string::String;
use std::vec::Vec;

use super::table::OutOfBounds;
use crate::exchange::one_a_line;

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes do not begin like a LiteRT file.
    Format,
    /// A file of another version of the format.
    Version(u32),
    /// Something contradicts the format or itself.
    Damaged(String),
    /// Parts that this library does not run, every operator of them.
    Unsupported(Vec<Refusal>),
}

/// A part that is not supported.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Number of the operator, the first one of its kind, and its name, as a custom operator has it in the file.
    pub operator: Option<(usize, String)>,
    /// How many operators this is true of.
    pub times: usize,
    /// The tensor that it writes, or that is at fault.
    pub tensor: String,
    /// What is at fault.
    pub reason: Reason,
}

/// Why a part is not supported.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// An operator that this library does not have.
    Operator,
    /// An operator that another library brings along.
    Custom,
    /// An operator that runs one of several graphs.
    ControlFlow,
    /// A tensor that remembers something from one run to the next.
    State,
    /// A variable that is no ring buffer.
    Variable,
    /// What a variable is at the beginning is computed.
    Start,
    /// More than one graph.
    Graphs(usize),
    /// An option of the operator.
    Option(&'static str),
    /// Weights are integers, inputs and outputs are floats.
    DynamicRange,
    /// The tensor's type.
    Type(&'static str),
    /// The tensor leaves out its zeros.
    Sparse,
    /// The tensor's scales belong to blocks.
    Blocks,
    /// The tensor's data are in another file.
    External,
    /// What is needed when the network is built is only known when it runs.
    Computed,
    /// A length of the input is open.
    OpenShape,
    /// Inputs come in batches of this many.
    Batch(usize),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Format => write!(f, "not a LiteRT file, whose bytes 4 to 7 are `TFL3`: convert the model to .tflite"),
            Self::Version(version) => {
                write!(f, "version {version} of the file format, of which 3 is read: convert the model anew")
            }
            Self::Damaged(what) => write!(f, "the file is damaged, {what}: copy or convert it anew"),
            Self::Unsupported(refusals) => one_a_line(f, refusals),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some((index, name)) = &self.operator {
            write!(f, "operator {index} ({name})")?;
            if self.times > 1 {
                write!(f, " and {} more of its kind", self.times - 1)?;
            }
            write!(f, "{}", if self.tensor.is_empty() { ": " } else { ", " })?;
        }
        if !self.tensor.is_empty() {
            write!(f, "tensor `{}`: ", self.tensor)?;
        }
        write!(f, "{}", self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Operator => write!(f, "an operator that is not supported: build the model without it"),
            Self::Custom => write!(f, "a custom operator: convert the model with allow_custom_ops = False"),
            Self::ControlFlow => {
                write!(f, "control flow is not supported: build the model without conditions, loops and calls")
            }
            Self::State => {
                write!(f, "a network that keeps state is not supported: convert the one that takes a whole window")
            }
            Self::Variable => write!(
                f,
                "a variable that is no ring buffer over time, which is concatenated with what is new and keeps the last rows of that: \
                 convert the network that takes a whole window"
            ),
            Self::Start => write!(f, "the start of a variable must be a constant: initialise it with zeros"),
            Self::Graphs(count) => {
                write!(f, "{count} graphs, of which one is supported: convert a single signature")
            }
            Self::Option(option) => write!(f, "{option} is not supported: build the model without it"),
            Self::DynamicRange => write!(
                f,
                "integer weights between floats (a dynamic-range model): \
                 quantise all of it, with a representative_dataset and inference_input_type = tf.int8, or none of it"
            ),
            Self::Type(name) => write!(
                f,
                "type {name} is not supported: convert the model to int8 \
                 (TFLITE_BUILTINS_INT8 with a representative_dataset), or to float32 without optimizations"
            ),
            Self::Sparse => {
                write!(f, "sparse weights are not supported: convert the model without EXPERIMENTAL_SPARSITY")
            }
            Self::Blocks => write!(f, "scales of blocks are not supported: quantise by tensor or by channel"),
            Self::External => write!(f, "data in another file are not supported: convert the model into one file"),
            Self::Computed => {
                write!(f, "must be a constant: convert the model with a fixed input shape, the batch being 1")
            }
            Self::OpenShape => write!(f, "a length is open: convert the model with a fixed input shape"),
            Self::Batch(batch) => write!(f, "a batch of {batch}: convert the model with a batch of 1"),
        }
    }
}

impl core::error::Error for ReadError {}

impl From<OutOfBounds> for ReadError {
    fn from(_: OutOfBounds) -> Self {
        Self::Damaged("an offset leads out of it".into())
    }
}
