//! Integer networks from float ones, after training: a graph of floats and typical inputs give a graph of `int8`, which LiteRT's reference
//! kernels and this library run with the same bits.
//!
//! ```
//! use nerve::{graph::Graph, litert, prelude::*, quantise::{Range, quantise}};
//!
//! type Net = chain![Dense<4, 10, Sigmoid>, Dense<10, 3>];
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! # let net = Net::ZERO;
//! # let examples = [0; 64];
//! let quantised = quantise(&Graph::of::<[f32; 4], _>(&net)?, &examples, Range::MeanSquaredError, &[])?;
//! let file = litert::write(&quantised.graph)?;
//! # Ok(())
//! # }
//! ```
//!
//! Weights have a scale for each output and no zero point, values a scale and a zero point each; biases have 32 bits (Jacob et al. 2018,
//! "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"). Normalisations are folded into the weights
//! beside them. A standardisation before the first layer is folded too, where 256 steps of the inputs' common range are fine enough for each
//! of them; otherwise it stays a step of floats, and the network takes floats.
//!
//! Long short-term memory has cells of 16 bits, in steps of a power of two, a GRU states of 16 bits, and both one scale for the weights of each gate, as
//! LiteRT's operator wants it: a scale for each unit would take a quarter more flash for a GRU of 24 units, which loses nothing without
//! (86.61 % in floats, 86.67 % in integers: `cargo run --release --example signal -- --integers`).
//! LiteRT has no operator for a GRU: `.tflite` files refuse it by name, `.nrv` files take it. The integers that count the rows of an
//! [`Embedding`](crate::Embedding) stay what they are: floats, or integers of 32 bits in a model that takes those.
//!
//! Where this costs too much accuracy, the layers in which most is lost stay in floats, or the network learns on with the rounding of integers for an
//! epoch or two, [`Round`](crate::Round): the ranges that it has learned come with its graph, and of examples the input's range is taken alone.
//!
//! The integer type follows from the float type, as that of [`Fold`](crate::Fold) does; the type of the inputs says whether a standardisation is folded:
//!
//! ```
//! use nerve::{Quantised, prelude::*, quantise::{self, Range}};
//!
//! type Trained = chain![Dense<4, 10, Sigmoid>, Dense<10, 3>];
//! type Deployed = Quantised<Trained, [i8; 4]>;
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! # let (trained, examples, x) = (Trained::ZERO, [0; 64], [0; 4]);
//! let integers = quantise::of::<[i8; 4], _>(&trained, &examples, Range::default())?;
//! let deployed: Deployed = integers.graph.typed()?;
//! let mut arena = Arena::<{ arena_len::<Deployed, [i8; 4]>() }>::ZERO;
//! let class = argmax(arena.predict(&deployed, &x));
//! # Ok(())
//! # }
//! ```
//!
//! For a device, the typed network comes from the graph's file, by [`import`](crate::import), or `--out NAME.nrv` of the command line.

mod build;
mod plot;
mod ranges;
mod report;

use core::fmt;
use core::slice::Chunks;
use std::string::String;
use std::vec::Vec;

#[cfg(feature = "onnx")]
pub(super) use build::{demanded, quantised};
pub use ranges::Range;
pub use report::{LayerNoise, Report};

use super::describe::{Describe, Unsupported};
use super::executor::InputError;
use super::fold;
use super::graph::{Graph, Scalar};
use super::lower::{LowerError, lower};
use crate::quant::Input;

/// Of the deviation of an input: the largest step that inputs may have for their standardisation to be folded.
const STEP: f32 = 0.125;

/// A network in integers.
#[derive(Clone, Debug)]
pub struct Quantised {
    /// In `int8`.
    pub graph: Graph,
    /// The network in floats, its normalisations folded.
    float: Graph,
    /// Tensors of `float` and those of `graph` that stand for them.
    pairs: Vec<(usize, usize)>,
}

/// Why a network was not quantised.
#[derive(Clone, Debug, PartialEq)]
pub enum QuantiseError {
    /// The graph cannot be run, as it is or in integers.
    Lower(LowerError),
    /// A layer has no counterpart among the operators of graphs.
    Unsupported(Unsupported),
    /// An example has another length.
    Input(InputError),
    /// There is no example.
    NoExamples,
    /// No layer writes a tensor of this name, once normalisations and activations are folded.
    NoLayer(String),
    /// A tensor is not of floats.
    NotFloat(String),
    /// A tensor takes a value that is infinite or no number.
    NotFinite(String),
}

impl fmt::Display for QuantiseError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Lower(error) => error.fmt(f),
            Self::Unsupported(error) => error.fmt(f),
            Self::Input(error) => error.fmt(f),
            Self::NoExamples => {
                write!(f, "no examples: give typical inputs, a hundred or more, to find the ranges of values")
            }
            Self::NoLayer(name) => {
                write!(f, "no layer writes a tensor `{name}`: take a name from the report of a run without it")
            }
            Self::NotFloat(tensor) => {
                write!(f, "tensor `{tensor}` is not of floats: quantise the network as it was trained")
            }
            Self::NotFinite(tensor) => {
                write!(
                    f,
                    "tensor `{tensor}` becomes infinite or no number: look for such values in the examples and weights"
                )
            }
        }
    }
}

impl core::error::Error for QuantiseError {}

impl From<LowerError> for QuantiseError {
    fn from(error: LowerError) -> Self {
        Self::Lower(error)
    }
}

impl From<Unsupported> for QuantiseError {
    fn from(error: Unsupported) -> Self {
        Self::Unsupported(error)
    }
}

impl From<InputError> for QuantiseError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

/// The network `graph` in integers; `examples` are typical inputs, little endian, one after another. The layers that write the tensors named in
/// `keep`, as the [report](Quantised::report) names them, stay in floats: what they read of integers is dequantised, what integers read of them
/// quantised. A network takes floats where such a layer reads its input, and gives floats where one writes its output.
pub fn quantise(graph: &Graph, examples: &[u8], range: Range, keep: &[&str]) -> Result<Quantised, QuantiseError> {
    integers(graph, examples, range, keep, None)
}

/// The network `net` in integers, which takes inputs `X`: [`Graph::typed`] makes a [`Quantised<N, X>`](crate::Quantised) of its graph. `examples` are
/// typical inputs, in floats, little endian, one after another.
///
/// # Errors
/// As for [`quantise`], and [`QuantiseError::Unsupported`] as for [`Graph::of`].
pub fn of<X: Input, N: Describe<X::Floats>>(
    net: &N,
    examples: &[u8],
    range: Range,
) -> Result<Quantised, QuantiseError> {
    integers(&Graph::of::<X::Floats, N>(net)?, examples, range, &[], Some(X::FLOATS))
}

/// As [`quantise`]; the network takes `floats` or folds its standardisation, or does what is right for the examples.
fn integers(
    graph: &Graph,
    examples: &[u8],
    range: Range,
    keep: &[&str],
    floats: Option<bool>,
) -> Result<Quantised, QuantiseError> {
    if let Some(value) = graph.tensors.iter().find(|value| !matches!(value.scalar, Scalar::F32 | Scalar::I32)) {
        return Err(QuantiseError::NotFloat(value.name.clone()));
    }
    // Refuses what cannot be run before anything is changed.
    lower(graph)?;
    let mut float = graph.clone();
    fold::fold(&mut float);
    let step = ranges::input_step(graph, examples)?;
    fold::fold_into_next(&mut float, |factor| floats.map_or((factor * step).abs() <= STEP, |floats| !floats));
    let written: Vec<usize> = float.nodes.iter().flat_map(|node| node.outputs.iter().copied()).collect();
    if let Some(name) = keep.iter().find(|name| !written.iter().any(|tensor| float.tensors[*tensor].name == **name)) {
        return Err(QuantiseError::NoLayer((*name).into()));
    }
    let kept: Vec<bool> = float.tensors.iter().map(|value| keep.contains(&&value.name[..])).collect();
    let groups = build::groups(&float);
    let measured = ranges::measure(&float, examples, &groups, range)?;
    let (graph, pairs) = build::build(&float, &groups, &measured, &kept, floats == Some(true));
    lower(&graph)?;
    Ok(Quantised { graph, float, pairs })
}

/// One example after another, each with all inputs.
fn examples_of<'e>(graph: &Graph, examples: &'e [u8]) -> Result<Chunks<'e, u8>, QuantiseError> {
    let example: usize = graph.inputs.iter().map(|input| graph.tensors[*input].bytes()).sum();
    if examples.is_empty() || example == 0 {
        return Err(QuantiseError::NoExamples);
    }
    Ok(examples.chunks(example))
}
