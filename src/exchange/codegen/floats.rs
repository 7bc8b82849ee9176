//! Operators of floats as the library's layers.

use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::{Part, array_of, source};
use crate::exchange::float::{Float, Gates, Weights};
use crate::exchange::graph::{Op, Value};
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
            let (axes, kh, kw) = ([height, width], height.kernel, width.kernel);
            let ty = format!("nerve::Conv<{channels}, {outputs}, {kh}, {kw}, nerve::{f}, {}>", geometry(axes));
            let [from, to] = images(axes, [*channels, outputs]);
            Ok(vec![Part { value: stored(file, &ty, weights, true)?, ty, from, to }])
        }
        Float::DepthwiseConv2d { height, width, channels, multiplier, weights, range } => {
            let f = activation(*range)?;
            if *multiplier != 1 {
                return Err("has no typed layer of floats: several outputs of each channel");
            }
            let (axes, kh, kw) = ([height, width], height.kernel, width.kernel);
            let ty = format!("nerve::Depthwise<{channels}, {kh}, {kw}, nerve::{f}, {}>", geometry(axes));
            let [from, to] = images(axes, [*channels; 2]);
            Ok(vec![Part { value: stored(file, &ty, weights, false)?, ty, from, to }])
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
        Float::Lstm { clip, .. } if clip.is_finite() => Err("has no typed layer of floats: cells that are clipped"),
        Float::Lstm { inputs, units, gates: Gates { input, state, biases }, .. } => {
            let steps = x.elements() / inputs;
            let ty = format!("nerve::Lstm<{inputs}, {units}>");
            let elements =
                [transposed(input, *units, *inputs), transposed(state, *units, *units), biases.clone()].concat();
            let value = source(file, &ty, finite(elements)?);
            Ok(vec![Part { value, ty, from: floats(&[steps, *inputs]), to: floats(&[steps, *units]) }])
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

/// How kernels or windows move, as the layers say it.
fn geometry([height, width]: [&Axis; 2]) -> String {
    let along = |axis: &Axis| {
        let Axis { output, stride, before, dilation, .. } = axis;
        format!("nerve::To1d<{output}, {stride}, {before}, {dilation}, {}>", axis.after())
    };
    format!("({}, {})", along(height), along(width))
}

/// Images of so many channels before and after a kernel has moved over them.
fn images([height, width]: [&Axis; 2], [channels, outputs]: [usize; 2]) -> [String; 2] {
    [floats(&[height.input, width.input, channels]), floats(&[height.output, width.output, outputs])]
}

fn pool(name: &str, axes: [&Axis; 2], channels: usize, range: [f32; 2]) -> Result<Vec<Part>, &'static str> {
    let f = activation(range)?;
    let [kh, kw] = axes.map(|axis| axis.kernel);
    let ty = format!("nerve::Pool<nerve::{name}, {kh}, {kw}, {}>", geometry(axes));
    let [from, to] = images(axes, [channels; 2]);
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
    let elements = finite(ordered.chain(biases.iter().copied()).collect())?;
    Ok(source(file, ty, elements))
}

fn finite(elements: Vec<f32>) -> Result<Vec<f32>, &'static str> {
    if elements.iter().all(|element| element.is_finite()) {
        Ok(elements)
    } else {
        Err("has a weight that is infinite or NaN")
    }
}

/// The matrices `[columns, rows]` of several of `[rows, columns]`.
fn transposed(matrices: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let each = matrices.chunks_exact((rows * columns).max(1));
    each.flat_map(|matrix| (0..matrix.len()).map(move |i| matrix[i % rows * columns + i / rows])).collect()
}
