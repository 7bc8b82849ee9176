//! Operators of floats as the library's layers.

use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::{Part, array_of, source};
use crate::exchange::float::{Float, Gates, Weights};
use crate::exchange::graph::{Op, Value};
use crate::quant::{AXES, Axis, Function, Strided};

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
            let (f, outputs) = (activation(*range)?, weights.biases.len());
            let (axes, kh, kw) = ([height, width], height.kernel, width.kernel);
            let geometry = geometry(axes);
            let ty = match channels {
                // What lies in one channel is a convolution like any other.
                1 => format!("nerve::Conv<1, {outputs}, {kh}, {kw}, nerve::{f}, {geometry}>"),
                _ => format!("nerve::Depthwise<{outputs}, {kh}, {kw}, nerve::{f}, {geometry}>"),
            };
            let wide = if *channels == 1 { 1 } else { outputs };
            let [from, to] = images(axes, [wide, outputs]);
            let [narrow, _] = images(axes, [*channels, outputs]);
            let copies = (wide != *channels)
                .then(|| repeated(height.input * width.input * channels, *multiplier, [narrow, from.clone()]));
            let depthwise = Part { value: stored(file, &ty, weights, false)?, ty, from, to };
            Ok(copies.into_iter().chain([depthwise]).collect())
        }
        Float::TransposeConv { height, width, channels, weights, range } => {
            let (outputs, f) = (weights.biases.len(), activation(*range)?);
            let Axis { kernel, stride, before, .. } = *height;
            // A layer has one geometry, with the same padding at each end.
            let fits = |axis: &Axis| {
                (axis.kernel, axis.stride, axis.before) == (kernel, stride, before)
                    && (axis.input + 2 * before)
                        .checked_sub(kernel)
                        .is_some_and(|rest| rest / stride + 1 == axis.output)
            };
            if ![height, width].into_iter().all(fits) {
                return Err("has no typed layer of floats: a transposed convolution with another padding at each end");
            }
            let to = format!("nerve::To<{}, {}, {stride}, {before}>", height.input, width.input);
            let ty = format!("nerve::ConvTranspose2d<{channels}, {outputs}, {kernel}, {to}, nerve::{f}>");
            let from = floats(&[height.output, width.output, *channels]);
            let to = floats(&[height.input, width.input, outputs]);
            Ok(vec![Part { value: stored(file, &ty, weights, true)?, ty, from, to }])
        }
        Float::PRelu(slopes) => {
            let ty = format!("nerve::Frozen<nerve::PRelu<{}>>", slopes.len());
            let array = floats(&[x.elements() / slopes.len(), slopes.len()]);
            Ok(vec![Part { value: source(file, &ty, finite(slopes.clone())?), ty, from: array.clone(), to: array }])
        }
        Float::AveragePool { height, width, channels, range } => pool("Avg", [height, width], *channels, *range),
        Float::MaxPool { height, width, channels, range } => pool("Max", [height, width], *channels, *range),
        Float::Mean { .. } => {
            let Op::Mean { axes, .. } = op else { return Err("has no typed layer of floats") };
            mean(axes, &x.shape)
        }
        Float::Softmax { beta: 1.0, .. } => Ok(vec![unit("Softmax", [array_of(x), array_of(x)])]),
        Float::Softmax { .. } => Err("has no typed layer of floats: a softmax with a factor"),
        Float::Each(function) => {
            let name = match function {
                Function::Clamp { least: 0.0, greatest: f32::INFINITY } => "Relu",
                Function::Clamp { least: 0.0, greatest: 6.0 } => "Relu6",
                Function::Clamp { least: -1.0, greatest: 1.0 } => "HardTanh",
                Function::Logistic => "Sigmoid",
                Function::Tanh => "Tanh",
                Function::HardSwish => "HardSwish",
                Function::Elu => "Elu",
                Function::Gelu { approximate: false } => "Gelu",
                Function::Gelu { approximate: true } => "GeluTanh",
                Function::LeakyRelu { alpha: 0.01 } => "LeakyRelu",
                Function::LeakyRelu { alpha } if alpha.is_finite() => return Ok(vec![leaky(*alpha, x.elements())]),
                _ => return Err("has no typed layer of floats: this function"),
            };
            Ok(vec![unit(name, [array_of(x), array_of(x)])])
        }
        Float::Lstm { clip, .. } if clip.is_finite() => Err("has no typed layer of floats: cells that are clipped"),
        Float::Lstm { inputs, units, gates: Gates { input, state, biases }, .. } => {
            let ty = format!("nerve::Lstm<{inputs}, {units}>");
            Ok(vec![recurrent(file, ty, x, [*inputs, *units], [input, state, biases])?])
        }
        Float::Gru { inputs, units, gates: Gates { input, state, biases } } => {
            let ty = format!("nerve::Gru<{inputs}, {units}>");
            Ok(vec![recurrent(file, ty, x, [*inputs, *units], [input, state, biases])?])
        }
        Float::Add(_) | Float::Mul(_) => Err("has two inputs"),
    }
}

/// Of the weights of the input, of those of the state, and biases, gate by gate.
fn recurrent(
    file: &mut Vec<u8>,
    ty: String,
    x: &Value,
    [inputs, units]: [usize; 2],
    [input, state, biases]: [&[f32]; 3],
) -> Result<Part, &'static str> {
    let steps = x.elements() / inputs;
    let elements = [&transposed(input, units, inputs)[..], &transposed(state, units, units), biases].concat();
    let value = source(file, &ty, finite(elements)?);
    Ok(Part { value, ty, from: floats(&[steps, inputs]), to: floats(&[steps, units]) })
}

/// The name of the activation that clamps to a range.
pub fn activation(range: [f32; 2]) -> Result<&'static str, &'static str> {
    match range {
        [f32::MIN, f32::MAX] => Ok("Linear"),
        [0.0, f32::MAX] => Ok("Relu"),
        [0.0, 6.0] => Ok("Relu6"),
        [-1.0, 1.0] => Ok("HardTanh"),
        _ => Err("has no typed layer of floats: this activation"),
    }
}

/// A layer without a state.
pub fn unit(name: &str, [from, to]: [String; 2]) -> Part {
    let ty = format!("nerve::{name}");
    Part { value: ty.clone(), ty, from, to }
}

/// A leaky ReLU with a slope of its own.
fn leaky(alpha: f32, elements: usize) -> Part {
    let [from, to] = [(); 2].map(|()| floats(&[elements]));
    let value = format!("nerve::Frozen(nerve::PRelu::new([{alpha:?}]))");
    Part { ty: "nerve::Frozen<nerve::PRelu<1>>".into(), value, from, to }
}

/// Each element several times.
fn repeated(elements: usize, times: usize, [from, to]: [String; 2]) -> Part {
    let axes = [(elements, 1), (times, 0)];
    let mut strided = Strided { lengths: [1; AXES], steps: [0; AXES], first: 0 };
    for (at, (length, step)) in (AXES - axes.len()..).zip(axes) {
        (strided.lengths[at], strided.steps[at]) = (length, step);
    }
    let ty = format!("quant::Integer<quant::Strided, {from}, {to}>");
    Part { ty, value: format!("Integer::new({strided:?})"), from, to }
}

/// The mean over axes that lie side by side: over the first ones that are longer than 1, or in rows of an image.
fn mean(axes: &[usize], shape: &[usize]) -> Result<Vec<Part>, &'static str> {
    let long = |axis: &usize| shape.get(*axis).is_some_and(|length| *length > 1);
    let over: Vec<usize> = (0..shape.len()).filter(|axis| axes.contains(axis)).filter(long).collect();
    let (first, end) = (over.first().copied().unwrap_or(shape.len()), over.last().map_or(shape.len(), |last| last + 1));
    if (first..end).any(|axis| long(&axis) && !over.contains(&axis)) {
        return Err("has no typed layer of floats: a mean over axes with another one between them");
    }
    let [outer, count, inner] = [&shape[..first], &shape[first..end], &shape[end..]].map(|axes| axes.iter().product());
    if let (1, &[1, height, width, channels]) = (outer, shape)
        && channels == inner
    {
        let ends = [floats(&[height, width, channels]), floats(&[channels])];
        return Ok(vec![unit("GlobalAvgPool", ends)]);
    }
    if outer == 1 {
        return Ok(vec![unit("GlobalAvgPool", [floats(&[count, inner]), floats(&[inner])])]);
    }
    let ty = format!("nerve::Pool<nerve::Avg, 1, {count}, (nerve::To1d<{outer}>, nerve::To1d<1>)>");
    let value = format!("<{ty} as nerve::Zero>::ZERO");
    Ok(vec![Part { ty, value, from: floats(&[outer, count, inner]), to: floats(&[outer, 1, inner]) }])
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
