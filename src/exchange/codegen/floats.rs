//! Operators of floats as the library's layers.

use std::borrow::ToOwned;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::{Part, array_of, source};
use crate::exchange::float::{Float, Weights};
use crate::exchange::graph::{Op, Value};
use crate::exchange::lower::part;
use crate::quant::{Axis, Function};

/// The layers of an operator whose input is `x`; its constants go into the file. What the layers do not have is refused with a reason.
pub fn layers(file: &mut Vec<u8>, op: &Op, float: &Float, x: &Value) -> Result<Vec<Part>, &'static str> {
    match float {
        Float::FullyConnected { inputs, weights, range } => {
            let (rows, outputs) = (x.elements() / inputs, weights.biases.len());
            let f = activation(*range)?;
            let (ty, [from, to]) = if rows == 1 {
                (format!("nerve::Dense<{inputs}, {outputs}, nerve::{f}>"), [&[*inputs][..], &[outputs]].map(floats))
            } else {
                let ends = [&[rows, *inputs][..], &[rows, outputs]].map(floats);
                (format!("nerve::Conv1d<{inputs}, {outputs}, 1, nerve::{f}>"), ends)
            };
            Ok(vec![Part { value: stored(file, &ty, weights, true)?, ty, from, to }])
        }
        Float::Conv2d { height, width, channels, weights, range } => {
            let (outputs, f) = (weights.biases.len(), activation(*range)?);
            moving([height, width], [*channels, outputs], |geometry| {
                let (kh, kw) = (height.kernel, width.kernel);
                let ty = format!("nerve::Conv<{channels}, {outputs}, {kh}, {kw}, nerve::{f}, {geometry}>");
                Ok((stored(file, &ty, weights, true)?, ty))
            })
        }
        Float::DepthwiseConv2d { height, width, channels, multiplier, weights, range } => {
            let f = activation(*range)?;
            if *multiplier != 1 || height.kernel != width.kernel {
                return Err(
                    "has no typed layer of floats: several outputs of each channel, or a kernel that is not square",
                );
            }
            moving([height, width], [*channels; 2], |geometry| {
                let ty = format!("nerve::DepthwiseConv2d<{channels}, {}, nerve::{f}, {geometry}>", width.kernel);
                Ok((stored(file, &ty, weights, false)?, ty))
            })
        }
        Float::AveragePool { height, width, channels, range } => pool("Avg", [height, width], *channels, *range),
        Float::MaxPool { height, width, channels, range } => pool("Max", [height, width], *channels, *range),
        Float::Mean { .. } => match (op, &x.shape[..]) {
            (Op::Mean { axes, .. }, &[1, height, width, channels]) if axes[..] == [1, 2] => {
                let ends = [floats(&[height, width, channels]), floats(&[channels])];
                Ok(vec![unit("GlobalAvgPool", ends)])
            }
            _ => Err("has no typed layer of floats: a mean over other axes than height and width"),
        },
        Float::Softmax { len, beta } if *beta == 1.0 && *len == x.elements() => {
            Ok(vec![unit("Softmax", [floats(&[*len]), floats(&[*len])])])
        }
        Float::Softmax { .. } => Err("has no typed layer of floats: a softmax of several rows, or with a factor"),
        Float::Each(function) => {
            let name = match function {
                Function::Clamp { least: 0.0, greatest: f32::INFINITY } => "Relu",
                Function::Logistic => "Sigmoid",
                Function::Tanh => "Tanh",
                Function::LeakyRelu { alpha: 0.01 } => "LeakyRelu",
                _ => return Err("has no typed layer of floats: this function"),
            };
            Ok(vec![unit(name, [array_of(x), array_of(x)])])
        }
        Float::Add(_) | Float::Mul(_) => Err("has no typed layer of floats: this pair of tensors"),
    }
}

/// The name of the activation that clamps to a range.
pub fn activation(range: [f32; 2]) -> Result<&'static str, &'static str> {
    match range {
        [f32::MIN, f32::MAX] => Ok("Linear"),
        [0.0, f32::MAX] => Ok("Relu"),
        _ => Err("has no typed layer of floats: an activation that clamps to 1 or 6"),
    }
}

/// A layer without a state.
pub fn unit(name: &str, [from, to]: [String; 2]) -> Part {
    let ty = format!("nerve::{name}");
    Part { value: ty.clone(), ty, from, to }
}

fn floats(shape: &[usize]) -> String {
    super::nested("f32", shape)
}

/// A layer whose kernel moves, behind a margin where it has not the same on both sides; `layer` makes the value and type from a geometry.
fn moving(
    axes: [&Axis; 2],
    [channels, outputs]: [usize; 2],
    layer: impl FnOnce(String) -> Result<(String, String), &'static str>,
) -> Result<Vec<Part>, &'static str> {
    let (margins, geometry) = geometry(axes)?;
    let size: Vec<usize> =
        axes.iter().zip(margins).map(|(axis, [before, after])| before + axis.input + after).collect();
    let whole = [size[0], size[1], channels];
    let mut parts = vec![];
    if margins != [[0; 2]; 2] {
        let image = [axes[0].input, axes[1].input, channels];
        let at = part(&whole, &image, (margins[0][0] * size[1] + margins[1][0]) * channels);
        let (from, to) = (floats(&image), floats(&whole));
        let value = format!("Integer::new(Padded {{ part: {at:?}, value: 0.0 }})");
        parts.push(Part { ty: format!("quant::Integer<quant::Padded<f32>, {from}, {to}>"), value, from, to });
    }
    let (value, ty) = layer(geometry)?;
    parts.push(Part { ty, value, from: floats(&whole), to: floats(&[axes[0].output, axes[1].output, outputs]) });
    Ok(parts)
}

/// A margin in front of and behind each axis, and the geometry of what it becomes. What layers of floats cannot do is refused here.
fn geometry([height, width]: [&Axis; 2]) -> Result<([[usize; 2]; 2], String), &'static str> {
    let axes = [height, width];
    if axes.iter().any(|axis| axis.dilation != 1) || height.stride != width.stride {
        return Err("has no typed layer of floats: a dilation, or strides that differ");
    }
    let (stride, padding) = (height.stride, height.before);
    if axes.iter().all(|axis| stride == 1 && axis.kernel == 2 * axis.before + 1 && axis.output == axis.input) {
        return Ok(([[0; 2]; 2], "nerve::Same".to_owned()));
    }
    let to = |padding| format!("nerve::To<{}, {}, {stride}, {padding}>", height.output, width.output);
    let windows =
        |axis: &Axis, around: usize| (axis.input + around).checked_sub(axis.kernel).map(|room| room / stride + 1);
    if axes.iter().all(|axis| axis.before == padding && windows(axis, 2 * padding) == Some(axis.output)) {
        return Ok(([[0; 2]; 2], to(padding)));
    }
    let margins = axes.map(|axis| {
        let needed = axis.output.saturating_sub(1) * stride + axis.kernel;
        [axis.before, needed.saturating_sub(axis.before + axis.input)]
    });
    Ok((margins, to(0)))
}

fn pool(name: &str, [height, width]: [&Axis; 2], channels: usize, range: [f32; 2]) -> Result<Vec<Part>, &'static str> {
    let apart = |axis: &Axis| {
        axis.stride == axis.kernel && axis.before == 0 && axis.output.saturating_mul(axis.kernel) <= axis.input
    };
    if ![height, width].into_iter().all(|axis| apart(axis) || axis.output == 1 && axis.kernel == axis.input) {
        return Err("has no typed layer of floats: windows that overlap, or go beyond the image");
    }
    let f = activation(range)?;
    let ty =
        format!("nerve::Pool<nerve::{name}, {}, {}, {}, {}>", height.kernel, width.kernel, height.output, width.output);
    let (from, to) = (floats(&[height.input, width.input, channels]), floats(&[height.output, width.output, channels]));
    let mut parts = vec![Part { value: format!("<{ty} as nerve::Zero>::ZERO"), ty, from, to: to.clone() }];
    if f != "Linear" {
        parts.push(unit(f, [to.clone(), to]));
    }
    Ok(parts)
}

/// Puts weights and biases into the file in a layer's order, outputs last; the layer's value. `outputs_first`: where they are now.
fn stored(file: &mut Vec<u8>, ty: &str, weights: &Weights, outputs_first: bool) -> Result<String, &'static str> {
    let Weights { weights, biases } = weights;
    let outputs = biases.len().max(1);
    let of_output = weights.len() / outputs;
    let ordered = (0..weights.len()).map(|i| match outputs_first {
        true => weights[i % outputs * of_output + i / outputs],
        false => weights[i],
    });
    let elements: Vec<f32> = ordered.chain(biases.iter().copied()).collect();
    if !elements.iter().all(|element| element.is_finite()) {
        return Err("has a weight that is infinite or NaN");
    }
    Ok(source(file, ty, elements))
}
