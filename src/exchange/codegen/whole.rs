//! Where the last layers of an image are better run at once than row by row.

use std::string::String;
use std::vec::Vec;

use super::paths::{Paths, Step};
use crate::exchange::float::Float;
use crate::exchange::graph::{Cost, Graph, Value};
use crate::exchange::lower::Kernel;
use crate::quant::Axis;

/// The number of tensors, of those in series, behind which layers of a stream wait for all rows: where one cannot run row by row, or where that
/// takes less memory, by a tenth of the stream at least. None if there is no such place. A network of a signal that may have no end, one
/// without padding, does not wait to save memory.
pub fn cut(paths: &Paths, series: &[usize]) -> Option<usize> {
    if paths.graph.tensors[*series.last()?].axes().len() != 1 {
        return None;
    }
    let made = || paths.steps.iter().enumerate().filter_map(|(tensor, step)| Some((tensor, step.as_ref()?)));
    let kept = |before: usize| {
        made()
            .filter(|(_, step)| step.operator <= before)
            .map(|(tensor, step)| kept(paths, step, tensor))
            .sum::<usize>()
    };
    let waits = made().filter(|(_, step)| needs_all(paths, step)).map(|(_, step)| step.operator).min();
    let places = series[..series.len() - 1].iter().enumerate().filter_map(|(at, tensor)| {
        let operator = paths.steps[*tensor].as_ref()?.operator;
        let before = waits.is_none_or(|waits| operator < waits);
        before.then(|| (kept(operator) + paths.graph.tensors[*tensor].bytes() + rest(paths, operator), at + 1))
    });
    let (bytes, at) = places.min()?;
    let ends = || made().any(|(_, step)| height(step).is_some_and(|height| height.before + height.after() > 0));
    (waits.is_some() || (ends() && bytes < kept(usize::MAX) / 10 * 9)).then_some(at)
}

/// Whether a step only tells rows as more or fewer rows.
pub fn in_other_rows(paths: &Paths, step: &Step, tensor: usize) -> bool {
    let [x, y] = [step.inputs[0], tensor].map(|tensor| paths.graph.tensors[tensor].axes());
    matches!(step.kernel, Kernel::Copy) && x.len() > 1 && y.len() > 1 && x[0] != y[0]
}

/// Whether a step makes something of all rows of its input that it does not make of each.
pub fn needs_all(paths: &Paths, step: &Step) -> bool {
    let in_rows = paths.graph.tensors[step.inputs[0]].axes().len() > 1;
    let by_row = (height(step).is_some() && copied(paths, step) == 0)
        || matches!(
            step.kernel,
            Kernel::Add(_)
                | Kernel::Concatenation(_)
                | Kernel::Copy
                | Kernel::Dequantize(_)
                | Kernel::Float(
                    Float::Add(_) | Float::Each(_) | Float::Gru { .. } | Float::Lstm { .. } | Float::Mul(_)
                )
                | Kernel::FullyConnected(..)
                | Kernel::Gru(..)
                | Kernel::Lstm(..)
                | Kernel::Mul(_)
                | Kernel::PRelu(..)
                | Kernel::Quantize(_)
                | Kernel::Ring(_)
                | Kernel::Softmax(_)
                | Kernel::Table(_)
        );
    in_rows && !by_row
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
    let behind = paths.steps.iter().flatten().filter(|step| step.operator > operator);
    let copied = behind.map(|step| copied(paths, step)).max().unwrap_or(0);
    Cost::of(&Graph { tensors, nodes, inputs: Vec::new(), outputs: paths.graph.outputs.clone() }).ram + copied
}

/// Bytes in which a step copies its input for itself: channels of floats that make several outputs.
fn copied(paths: &Paths, step: &Step) -> usize {
    match step.kernel {
        Kernel::Float(Float::DepthwiseConv2d { multiplier: multiplier @ 2.., .. }) => {
            multiplier * paths.graph.tensors[step.inputs[0]].bytes()
        }
        _ => 0,
    }
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
    let numbers = paths.graph.tensors[tensor].axes().len() == 1;
    let Some(x) = step.inputs.first().map(|input| &paths.graph.tensors[*input]) else { return 0 };
    let row = match x.axes() {
        [rows, _, ..] => x.bytes() / rows,
        _ => x.bytes(),
    };
    match (&step.kernel, height(step)) {
        (_, Some(height)) => height.span() * row,
        (Kernel::Table(_) | Kernel::PRelu(..) | Kernel::Float(Float::Each(_)), _) => 0,
        (Kernel::Copy, _) if numbers => x.bytes(),
        (Kernel::FullyConnected(..), _) if x.axes().len() > 1 && numbers => 2 * x.bytes(),
        _ => row,
    }
}
