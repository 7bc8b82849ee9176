//! Why an ONNX file is not read.

use core::fmt;
use std::format;
use std::string::String;
use std::vec::Vec;

use crate::exchange::one_a_line;

/// Why an ONNX file is not read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes are not those of an ONNX model.
    Format,
    /// Operators of another version.
    Opset(i64),
    /// Something contradicts the format or itself.
    Damaged(String),
    /// Parts that this library does not run, all of them.
    Unsupported(Vec<Refusal>),
}

/// A part that is not supported.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The node's operator and its name, or that of its output; none of a tensor.
    pub operator: Option<String>,
    /// The node, the first one of its kind, or the tensor.
    pub name: String,
    /// How many nodes this is true of.
    pub times: usize,
    /// What is at fault.
    pub reason: Reason,
}

/// Why a part is not supported.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// An operator that this library does not have.
    Operator,
    /// An option of the operator, or a case of it.
    Option(&'static str),
    /// The tensor's type, by its number in the format.
    Type(i64),
    /// The tensor's data are in another file.
    External,
    /// What is needed when the network is built is only known when it runs.
    Computed(&'static str),
    /// A length of the input is open, which is not the batch.
    OpenShape,
    /// Inputs come in batches of this many.
    Batch(usize),
    /// An operator between integers that has to be computed in floats.
    Floats,
    /// How integers are scaled.
    Quantization(&'static str),
}

pub(super) type Result<T> = core::result::Result<T, ReadError>;

/// Why a node is not taken over.
pub(super) enum Fault {
    /// It contradicts itself or its inputs.
    Damaged(&'static str),
    /// It is not supported.
    Refused(Reason),
    /// It reads what a node writes that is not supported.
    Unknown,
    /// The file is damaged.
    Read(ReadError),
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Format => write!(f, "not a model: give a .tflite file (LiteRT) or an .onnx file"),
            Self::Opset(version) => write!(
                f,
                "operators of opset {version}, of which 13 and later are read: \
                 export the model with opset_version=17, or convert it with onnx.version_converter"
            ),
            Self::Damaged(what) => write!(f, "the file is damaged, {what}: copy or export it anew"),
            Self::Unsupported(refusals) => one_a_line(f, refusals),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { operator, name, times, reason } = self;
        let more = if *times > 1 { format!(" and {} more of its kind", times - 1) } else { String::new() };
        match operator {
            Some(operator) => write!(f, "node `{name}` ({operator}){more}: {reason}"),
            None => write!(f, "tensor `{name}`{more}: {reason}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Operator => write!(f, "an operator that is not supported: build the model without it"),
            Self::Option(option) => write!(f, "{option} is not supported: build the model without it"),
            Self::Type(kind) => {
                let name = match kind {
                    10 => "float16",
                    11 => "double",
                    16 => "bfloat16",
                    3 => "int8",
                    2 => "uint8",
                    6 => "int32",
                    7 => "int64",
                    9 => "bool",
                    8 => "string",
                    _ => "this",
                };
                write!(f, "type {name} is not supported here: export the model in float32")
            }
            Self::External => write!(
                f,
                "data in another file are not read: export with external_data=False, \
                 or run onnx.save(onnx.load(\"model.onnx\"), \"one-file.onnx\")"
            ),
            Self::Computed(what) => {
                write!(f, "{what} must be a constant: export the model with a fixed input shape and its weights inside")
            }
            Self::OpenShape => {
                write!(f, "a length is open that is not the batch, the first one: export with a fixed input shape")
            }
            Self::Batch(batch) => write!(f, "a batch of {batch}: export the model with a batch of 1, or an open one"),
            Self::Floats => write!(
                f,
                "would be computed in floats in a model of integers: give the model in floats to `nerve quantise model.onnx`, which makes \
                 integers of a GRU and an LSTM too, or quantise all of it (QDQ form, int8, op_types_to_quantize)"
            ),
            Self::Quantization(expected) => write!(f, "should have {expected}: quantise the model anew"),
        }
    }
}

impl core::error::Error for ReadError {}
