//! Why a graph cannot be run.

use core::fmt;
use std::string::String;
use std::vec::Vec;

use crate::exchange::graph::{Scalar, Value};

/// Why a graph cannot be run.
#[derive(Clone, Debug, PartialEq)]
pub struct LowerError {
    /// Number of the operator, and its name.
    pub operator: Option<(usize, &'static str)>,
    /// The tensor at fault; may be empty.
    pub tensor: String,
    /// What is at fault.
    pub why: Unfit,
}

/// What is at fault.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Unfit {
    /// The operator lacks an input or output.
    Missing,
    /// A tensor is read before it is written, or written twice.
    Order,
    /// A tensor's data are not as long as its shape says, or the shape is too large.
    Size,
    /// The operator makes another shape, which this is.
    Shape(Vec<usize>),
    /// Shapes or options that contradict each other.
    Contradiction(&'static str),
    /// A type that the operator does not have here.
    Type(Scalar),
    /// The quantisation should be another one.
    Quantization(&'static str),
    /// The tensor must be a constant.
    Computed,
    /// A case of the operator that is not supported.
    Case(&'static str),
    /// The values take more than [`MEMORY`](crate::exchange::executor::MEMORY).
    Memory,
}

impl LowerError {
    pub(super) fn graph(why: Unfit) -> Self {
        Self { operator: None, tensor: String::new(), why }
    }

    pub(super) fn tensor(value: &Value, why: Unfit) -> Self {
        Self { operator: None, tensor: value.name.clone(), why }
    }
}

impl fmt::Display for LowerError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some((index, name)) = self.operator {
            write!(f, "operator {index} ({name}): ")?;
        }
        if !self.tensor.is_empty() {
            write!(f, "tensor `{}`: ", self.tensor)?;
        }
        write!(f, "{}", self.why)
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "an input or output is missing: convert the model anew"),
            Self::Order => write!(f, "read before it is written, or written twice: convert the model anew"),
            Self::Size => write!(f, "its shape does not fit its data: convert the model anew"),
            Self::Shape(shape) => {
                write!(f, "its shape should be {shape:?}: convert the model with a fixed input shape")
            }
            Self::Contradiction(what) => write!(f, "{what}: convert the model anew"),
            Self::Type(scalar) => write!(
                f,
                "type {} is not supported here: convert the model to int8, all of it, or leave it in float32",
                scalar.name()
            ),
            Self::Quantization(expected) => write!(f, "should have {expected}: quantise the model anew"),
            Self::Computed => write!(f, "must be a constant: convert the model with its weights frozen"),
            Self::Case(what) => write!(f, "{what} is not supported: build the model without it"),
            Self::Memory => write!(f, "the network's values take more than 1 GiB: use a smaller input"),
        }
    }
}

impl core::error::Error for LowerError {}
