//! Weights from PyTorch, feature `safetensors`, on the host.
//!
//! In Python, with the model that was trained:
//!
//! ```python
//! import safetensors.torch
//! safetensors.torch.save_file(model.state_dict(), "model.safetensors")
//! ```
//!
//! Here, with the same layers in the same order, an activation behind a layer being the layer's parameter:
//!
//! ```no_run
//! use nerve::{prelude::*, pytorch};
//!
//! // nn.Sequential(nn.Conv2d(1, 8, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 14 * 14, 10))
//! type Net = chain![Conv2d<1, 8, 3, Relu>, MaxPool2d<2, 14, 14>, Flatten<1568>, Dense<1568, 10>];
//! type Image = [[[f32; 1]; 28]; 28]; // rows of pixels of channels: the channels are last
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! let mut net = Box::new(Net::ZERO);
//! pytorch::load::<Image, _>(&mut *net, &std::fs::read("model.safetensors")?)?;
//! # Ok(())
//! # }
//! ```
//!
//! Modules are matched with layers in order. `state_dict()` numbers those of an `nn.Sequential`; where a model names its modules, their
//! order is not in the file, and [`load_named`] is told it.
//!
//! | layer | module | |
//! |---|---|---|
//! | [`Dense`](crate::Dense) | `nn.Linear` | `weight[o][i]` becomes `w[i][o]`; behind a [`Flatten`](crate::Flatten) of an image or signal, its inputs are put from channels first to channels last |
//! | [`Conv2d`](crate::Conv2d), [`Conv1d`](crate::Conv1d) | `nn.Conv2d`, `nn.Conv1d` | `weight[o][c][u][v]` becomes `w[u][v][c][o]` |
//! | [`Conv`](crate::Conv) | `nn.Conv2d(c, o, (kh, kw), ..)` | its `stride=(s, t)`, `padding=(p, q)` and `dilation=(d, e)` are `(To1d<H, s, p, d>, To1d<W, t, q, e>)`, its `padding="same"` is [`Same`](crate::Same) |
//! | [`DepthwiseConv2d`](crate::DepthwiseConv2d), [`Depthwise`](crate::Depthwise) | `nn.Conv2d(c, c, k, groups=c)` | `weight[c][0][u][v]` becomes `w[u][v][c]` |
//! | [`ConvTranspose2d`](crate::ConvTranspose2d) | `nn.ConvTranspose2d(c, o, k, stride=s, padding=p)` | `weight[c][o][u][v]` becomes `w[u][v][c][o]` |
//! | [`LayerNorm`](crate::LayerNorm) | `nn.LayerNorm(n)` with ε = 10⁻⁵, over the channels | |
//! | [`Attention`](crate::Attention) | `nn.MultiheadAttention(d, h, batch_first=True)` | each part transposed |
//! | [`Embedding`](crate::Embedding) | `nn.Embedding(v, d)` | |
//! | [`BatchNorm`](crate::BatchNorm) | its layer, whose `bias` may be missing, then `nn.BatchNorm1d` or `2d` with ε = 10⁻⁵ | |
//! | [`Gru`](crate::Gru) | `nn.GRU(batch_first=True)`, one layer, one direction | transposed; the two biases of a gate are added |
//! | [`Lstm`](crate::Lstm) | `nn.LSTM(batch_first=True)`, one layer, one direction, no projection | as of `nn.GRU` |
//! | [`Elu`](crate::Elu), [`LeakyRelu`](crate::LeakyRelu), [`Relu6`](crate::Relu6), [`HardTanh`](crate::HardTanh), [`HardSigmoid`](crate::HardSigmoid) | `nn.ELU()`, `nn.LeakyReLU()`, `nn.ReLU6()`, `nn.Hardtanh()`, `nn.Hardsigmoid()` | |
//! | [`HardSwish`](crate::HardSwish), [`Silu`](crate::Silu), [`Gelu`](crate::Gelu), [`GeluTanh`](crate::GeluTanh) | `nn.Hardswish()`, `nn.SiLU()`, `nn.GELU()`, `nn.GELU(approximate="tanh")` | layers of their own |
//! | [`PRelu<C>`](crate::PRelu) | `nn.PReLU(C)` | |
//! | [`ScaleShift<C>`](crate::ScaleShift) | a module of your own, with a `weight` and a `bias` of C scalars | |
//! | [`Softmax`](crate::Softmax) | `nn.Softmax` over the channels | |
//! | [`Standardize`](crate::Standardize) | none | keeps what it has: [fit](crate::Standardize::fit) it |
//!
//! The other layers hold no parameters. What a file cannot show is for you to compare: stride, padding, dilation, activations and
//! pooling, whose averages do not count padding here (`count_include_pad=False`). Outputs agree with PyTorch's up to rounding, which differs with the order of summation.

use core::cmp::Ordering;
use core::fmt;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::exchange::{Describe, Description, Kind, Module};
use crate::numbers::{Real, Tensor, Zero};
use crate::storage::weights::read;

/// Why PyTorch's weights could not be taken over. The network is as it was.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ImportError {
    /// The bytes are not a `safetensors` file, or a damaged one.
    File(String),
    /// Names that do not tell the modules' order.
    Order {
        /// The modules, some of whose names are no numbers.
        modules: Vec<String>,
    },
    /// A module that [`load_named`] was told of holds no tensor.
    NoModule(String),
    /// A tensor that a layer needs is not there.
    Missing {
        /// The tensor's name.
        name: String,
        /// Its shape.
        expected: Vec<usize>,
        /// The layer.
        layer: String,
    },
    /// A tensor that no layer needs.
    Superfluous(String),
    /// A tensor of another shape.
    Shape {
        /// The tensor's name.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// The shape that the layer needs.
        expected: Vec<usize>,
        /// The layer.
        layer: String,
    },
    /// A tensor of another scalar type.
    Type {
        /// The tensor's name.
        name: String,
        /// Its type in the file.
        found: String,
        /// The network's type.
        expected: &'static str,
    },
    /// A value is infinite or NaN.
    NonFinite {
        /// The tensor's name.
        name: String,
    },
    /// A network that PyTorch cannot have.
    Unsupported(String),
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::File(why) => {
                write!(
                    f,
                    "not a safetensors file ({why}): write it with safetensors.torch.save_file(model.state_dict(), path)"
                )
            }
            Self::Order { modules } => {
                write!(
                    f,
                    "the names do not tell the order of the modules {}: list them with `load_named`",
                    modules.join(", ")
                )
            }
            Self::NoModule(name) => write!(f, "the file has no tensor of a module `{name}`"),
            Self::Missing { name, expected, layer } => {
                write!(f, "tensor `{name}` of shape {expected:?} is missing, which {layer} needs")
            }
            Self::Superfluous(name) => write!(f, "tensor `{name}` belongs to no layer of the network"),
            Self::Shape { name, found, expected, layer } => {
                write!(f, "tensor `{name}` has shape {found:?} and {layer} needs {expected:?}")
            }
            Self::Type { name, found, expected } => write!(
                f,
                "tensor `{name}` is of type {found} and the network of {expected}: convert the model with .float() or .double()"
            ),
            Self::NonFinite { name } => write!(f, "tensor `{name}` has a value that is infinite or NaN"),
            Self::Unsupported(what) => write!(f, "PyTorch has no counterpart for {what}"),
        }
    }
}

impl core::error::Error for ImportError {}

/// What was taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The tensors of half precision, `F16` or `BF16`, whose values are the same in the network's type.
    pub converted: Vec<String>,
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match &self.converted[..] {
            [] => write!(f, "all tensors have the network's type"),
            names => write!(
                f,
                "{} tensors of half precision are taken as they are, with about 3 digits each: {}",
                names.len(),
                names.join(", ")
            ),
        }
    }
}

/// Reads a `safetensors` file of the `state_dict()` of an `nn.Sequential` into `net`, for inputs `X`.
///
/// Tensors of half precision are converted, which changes no value; [`Loaded`] names them.
///
/// Takes memory for all weights once more, and their places.
///
/// # Errors
/// [`ImportError`] says which tensor does not fit; then `net` has not changed.
pub fn load<X: Tensor, N: Describe<X>>(net: &mut N, file: &[u8]) -> Result<Loaded, ImportError> {
    load_named(net, file, &[])
}

/// As [`load`], for a model whose modules have names: those that hold parameters, in the order of the layers, such as
/// `["conv1", "conv2", "fc"]`. The name of an `nn.Sequential` stands for all modules in it.
///
/// # Errors
/// As [`load`].
pub fn load_named<X: Tensor, N: Describe<X>>(net: &mut N, file: &[u8], names: &[&str]) -> Result<Loaded, ImportError> {
    let description = Description::of::<X, N>();
    if let Some(what) = description.refused {
        return Err(ImportError::Unsupported(what));
    }
    let file = SafeTensors::deserialize(file).map_err(|error| ImportError::File(error.to_string()))?;
    let mut modules = modules(&file, names)?.into_iter();
    let layers = description.modules.iter().enumerate().filter(|(_, module)| {
        !module.parameters.is_empty() && !matches!(module.kind, Kind::Standardize { .. } | Kind::Rounding)
    });

    let mut values = Vec::with_capacity(N::LEN);
    net.visit(&mut |tensor| values.extend_from_slice(tensor));
    let (mut taken, mut loaded) = (Vec::new(), Loaded::default());
    for (i, layer) in layers {
        let module = modules.next();
        let normalised = matches!(description.modules.get(i + 1), Some(Module { kind: Kind::BatchNorm, .. }));
        for at in layer.parameters.iter().flat_map(|parameter| &parameter.at) {
            values[*at] = <X::Elem as Zero>::ZERO;
        }
        for parameter in &layer.parameters {
            let name = match &module {
                Some(module) if module.is_empty() => parameter.name.to_string(),
                Some(module) => [module, ".", parameter.name].concat(),
                None => parameter.name.to_string(),
            };
            let tensor = match (&module, file.tensor(&name)) {
                (Some(_), Ok(tensor)) => tensor,
                (Some(_), Err(_)) if normalised && parameter.name == "bias" => continue,
                _ => {
                    return Err(ImportError::Missing {
                        name,
                        expected: parameter.shape.clone(),
                        layer: layer.to_string(),
                    });
                }
            };
            if tensor.shape() != parameter.shape {
                let (found, expected) = (tensor.shape().to_vec(), parameter.shape.clone());
                return Err(ImportError::Shape { name, found, expected, layer: layer.to_string() });
            }
            let Some(elements) = elements::<X::Elem>(&tensor) else {
                let expected = if X::Elem::TAG == 4 { "F32" } else { "F64" };
                return Err(ImportError::Type { name, found: tensor.dtype().to_string(), expected });
            };
            for (at, value) in parameter.at.iter().zip(elements) {
                if !value.is_finite() {
                    return Err(ImportError::NonFinite { name });
                }
                values[*at] += value;
            }
            if matches!(tensor.dtype(), Dtype::F16 | Dtype::BF16) {
                loaded.converted.push(name.clone());
            }
            taken.push(name);
        }
    }
    let known = |name: &str| taken.iter().any(|taken| taken == name) || name.ends_with("num_batches_tracked");
    let mut superfluous: Vec<_> = file.names().into_iter().filter(|name| !known(name)).collect();
    superfluous.sort_by(|a, b| natural(a, b));
    if let Some(name) = superfluous.first() {
        return Err(ImportError::Superfluous(name.to_string()));
    }
    let mut values = values.into_iter();
    net.visit_mut(&mut |tensor| tensor.iter_mut().zip(&mut values).for_each(|(to, value)| *to = value));
    Ok(loaded)
}

/// A tensor's elements, if the network's type holds each of them.
fn elements<T: Real>(tensor: &TensorView) -> Option<Vec<T>> {
    let data = tensor.data();
    let halves = |to: fn(u16) -> f32| {
        let bits = data.as_chunks().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
        bits.map(|bits| T::of(f64::from(to(bits)))).collect()
    };
    match (tensor.dtype(), T::TAG) {
        (Dtype::F32, 4) | (Dtype::F64, 8) => data.chunks_exact(size_of::<T>()).map(read).collect(),
        (Dtype::F16, _) => Some(halves(of_half)),
        (Dtype::BF16, _) => Some(halves(|bits| f32::from_bits(u32::from(bits) << 16))),
        _ => None,
    }
}

/// A number of half precision, IEEE 754's binary16: a sign, 5 bits of the exponent, 10 of the fraction.
fn of_half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(bits >> 15) << 31, u32::from(bits >> 10 & 31), u32::from(bits & 1023));
    match exponent {
        0 => f32::from_bits(sign | (fraction as f32 * 2f32.powi(-24)).to_bits()),
        31 => f32::from_bits(sign | (0xff << 23) | (fraction << 13)),
        _ => f32::from_bits(sign | ((exponent + 112) << 23) | (fraction << 13)),
    }
}

/// The module that is a part of `nn.MultiheadAttention`.
const OUT_PROJ: &str = "out_proj";

/// The modules that hold tensors, in order.
fn modules(file: &SafeTensors, names: &[&str]) -> Result<Vec<String>, ImportError> {
    let mut modules: Vec<String> = file
        .names()
        .into_iter()
        .map(|name| {
            let module = name.rsplit_once('.').map_or("", |(module, _)| module);
            // Attention holds a module of its own.
            module.strip_suffix(OUT_PROJ).map_or(module, |outer| outer.trim_end_matches('.')).to_string()
        })
        .collect();
    modules.sort_by(|a, b| natural(a, b));
    modules.dedup();
    if names.is_empty() {
        let ambiguous = modules.iter().zip(modules.iter().skip(1)).any(|(a, b)| {
            let differing = a.split('.').zip(b.split('.')).find(|(a, b)| a != b);
            differing.is_none_or(|(a, b)| a.parse::<u32>().is_err() || b.parse::<u32>().is_err())
        });
        return if ambiguous { Err(ImportError::Order { modules }) } else { Ok(modules) };
    }
    let inside = |module: &str, name: &str| {
        module.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let mut ordered = vec![];
    for name in names {
        let before = ordered.len();
        ordered.extend(modules.iter().filter(|module| inside(module, name)).cloned());
        if ordered.len() == before {
            return Err(ImportError::NoModule(name.to_string()));
        }
    }
    Ok(ordered)
}

/// By parts between dots, numbers by their value.
fn natural(a: &str, b: &str) -> Ordering {
    let part = |part: &str| (part.parse::<u32>().unwrap_or(u32::MAX), part.to_string());
    a.split('.').map(part).cmp(b.split('.').map(part))
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let shape = self.parameters.first().map(|parameter| parameter.shape.as_slice()).unwrap_or_default();
        match (&self.kind, shape) {
            (Kind::Linear, [outputs, inputs]) => write!(f, "Dense<{inputs}, {outputs}>"),
            (Kind::Conv { groups: 1, .. }, [outputs, channels, kernel @ ..]) => {
                write!(f, "a convolution of {channels} channels to {outputs} with a kernel of {kernel:?}")
            }
            (Kind::Conv { groups, .. }, [_, _, kernel @ ..]) => {
                write!(f, "a depthwise convolution of {groups} channels with a kernel of {kernel:?}")
            }
            (Kind::Gru { units }, [_, inputs]) => write!(f, "Gru<{inputs}, {units}>"),
            (Kind::Lstm { units }, [_, inputs]) => write!(f, "Lstm<{inputs}, {units}>"),
            (Kind::ConvTranspose { .. }, [channels, outputs, kernel @ ..]) => {
                write!(f, "a transposed convolution of {channels} channels to {outputs} with a kernel of {kernel:?}")
            }
            (Kind::LayerNorm, [channels]) => write!(f, "LayerNorm<{channels}>"),
            (Kind::Attention { heads }, [_, channels]) => write!(f, "Attention<{channels}, {heads}>"),
            (Kind::Embedding, [rows, columns]) => write!(f, "Embedding<{rows}, {columns}>"),
            (Kind::PRelu { .. }, [channels]) => write!(f, "PRelu<{channels}>"),
            (Kind::ScaleShift { .. }, [channels]) => write!(f, "ScaleShift<{channels}>"),
            (Kind::BatchNorm, [channels]) => write!(f, "BatchNorm of {channels} channels"),
            (kind, _) => write!(f, "{kind:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_what_the_standard_says() {
        for bits in 0..=u16::MAX {
            let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
            let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
            let expected = match exponent {
                0 => sign * fraction * 2f64.powi(-24),
                31 if fraction == 0.0 => sign * f64::INFINITY,
                31 => f64::NAN,
                _ => sign * (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
            };
            let found = of_half(bits);
            assert!(
                f64::from(found).to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan(),
                "{bits:#x}"
            );
        }
    }
}
