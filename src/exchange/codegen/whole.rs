//! Where the last layers of an image are better run at once than row by row.

use std::string::String;
use std::vec::Vec;

use super::axes;
use super::paths::{Paths, Step};
use crate::exchange::float::Float;
use crate::exchange::graph::{Cost, Graph, Value};
use crate::exchange::lower::Kernel;
use crate::quant::Axis;

/// The number of tensors, of those in series, behind which layers take less memory in a stream if they wait for all rows, by a tenth of the
/// stream at least; none if there is no such place, or if the network is of a signal that may have no end: one without padding.
pub fn cut(paths: &Paths, series: &[usize]) -> Option<usize> {
    let numbers = series.last().is_some_and(|last| axes(&paths.graph.tensors[*last]).len() == 1);
    let steps = || paths.steps.iter().flatten();
    if !numbers || !steps().any(|step| height(step).is_some_and(|height| height.before + height.after() > 0)) {
        return None;
    }
    let kept = |before: usize| {
        let made = paths.steps.iter().enumerate().filter_map(|(tensor, step)| Some((tensor, step.as_ref()?)));
        made.filter(|(_, step)| step.operator <= before).map(|(tensor, step)| kept(paths, step, tensor)).sum::<usize>()
    };
    let places = series[..series.len() - 1].iter().enumerate().filter_map(|(at, tensor)| {
        let operator = paths.steps[*tensor].as_ref()?.operator;
        Some((kept(operator) + paths.graph.tensors[*tensor].bytes() + rest(paths, operator), at + 1))
    });
    let (bytes, at) = places.min()?;
    (bytes < kept(usize::MAX) / 10 * 9).then_some(at)
}

/// Bytes that the operators behind one take at once, about.
pub fn rest(paths: &Paths, operator: usize) -> usize {
    let without_data = |value: &Value| Value {
        name: String::new(),
        shape: value.shape.clone(),
        scalar: value.scalar,
        quantization: None,
        data: value.data.as_ref().map(|_| Vec::new()),
    };
    let tensors = paths.graph.tensors.iter().map(without_data).collect();
    let nodes = paths.graph.nodes[operator + 1..].to_vec();
    Cost::of(&Graph { tensors, nodes, inputs: Vec::new(), outputs: paths.graph.outputs.clone() }).ram
}

/// How windows go from top to bottom.
pub fn height(step: &Step) -> Option<Axis> {
    match &step.kernel {
        Kernel::Conv2d(op, _) => Some(op.height),
        Kernel::DepthwiseConv2d(op, _) => Some(op.height),
        Kernel::AveragePool(op) => Some(op.height),
        Kernel::MaxPool(op) => Some(op.height),
        Kernel::Float(
            Float::Conv2d { height, .. }
            | Float::DepthwiseConv2d { height, .. }
            | Float::AveragePool { height, .. }
            | Float::MaxPool { height, .. },
        ) => Some(*height),
        _ => None,
    }
}

/// Bytes that a step, which makes a tensor, keeps in a stream, about.
pub fn kept(paths: &Paths, step: &Step, tensor: usize) -> usize {
    let numbers = axes(&paths.graph.tensors[tensor]).len() == 1;
    let Some(x) = step.inputs.first().map(|input| &paths.graph.tensors[*input]) else { return 0 };
    let row = match axes(x) {
        [rows, _, ..] => x.bytes() / rows,
        _ => x.bytes(),
    };
    match (&step.kernel, height(step)) {
        (_, Some(height)) => height.span() * row,
        (Kernel::Table(_) | Kernel::PRelu(..) | Kernel::Float(Float::Each(_)), _) => 0,
        (Kernel::Copy, _) => x.bytes(),
        (Kernel::FullyConnected(..), _) if axes(x).len() > 1 && numbers => 2 * x.bytes(),
        _ => row,
    }
}
