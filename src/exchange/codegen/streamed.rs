//! What a network keeps and gives when it runs row by row.

use std::vec;
use std::vec::Vec;

use super::paths::{Paths, Step};
use super::whole::{self, height, kept, needs_all};
use super::{GenerateError, makes};
use crate::exchange::graph::{Graph, Op};
use crate::exchange::lower::Kernel;

/// What a layer keeps from row to row in a stream, and when it gives rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerInStream {
    /// Number of the operator in the graph.
    pub operator: usize,
    /// Bytes, about: without counters and what fills up words.
    pub bytes: usize,
    /// Rows of the input until it gives its first row.
    pub first: usize,
    /// Rows of the input from one of its rows to the next.
    pub stride: usize,
}

/// What the layers of a graph keep when its typed network runs row by row, a row being what one step of a network with ring buffers takes. Layers
/// that wait for all rows of a small plane are one, the first of them.
///
/// # Errors
/// What [`generate`](super::generate) refuses, and the layer that cannot run row by row.
pub fn streamed(graph: &Graph) -> Result<Vec<LayerInStream>, GenerateError> {
    let paths = Paths::new(graph)?;
    let steps = graph.nodes.iter().any(|node| node.op == Op::Ring);
    let series = paths.series(paths.graph.inputs[0], paths.graph.outputs[0])?;
    let cut = if steps { None } else { whole::cut(&paths, &series) };
    let waits = cut.map(|at| series[at - 1]);
    let mut rows: Vec<Option<[usize; 2]>> = vec![None; paths.graph.tensors.len()];
    rows[paths.graph.inputs[0]] = Some([1, 1]);
    let mut layers: Vec<LayerInStream> = vec![];
    let mut made: Vec<usize> = (0..paths.steps.len()).filter(|tensor| paths.steps[*tensor].is_some()).collect();
    made.sort_by_key(|tensor| paths.steps[*tensor].as_ref().map(|step| step.operator));
    for tensor in made {
        let Some(step) = &paths.steps[tensor] else { continue };
        let operator = paths.numbers.get(step.operator).copied().unwrap_or_default();
        if let Some(waits) = waits
            && let Some([first, stride]) = rows[waits]
        {
            let plane = &paths.graph.tensors[waits];
            let last = paths.steps[waits].as_ref().map_or(0, |step| step.operator);
            let bytes = plane.bytes() + whole::rest(&paths, last);
            let first = first + (plane.axes()[0] - 1) * stride;
            layers.push(LayerInStream { operator, bytes, first, stride });
            break;
        }
        let came = step.inputs.iter().filter_map(|input| rows[*input]).collect::<Vec<_>>();
        let Some([mut first, mut stride]) = came.iter().copied().max() else { continue };
        if let Some(why) = refused(&paths, step, tensor, &came, steps) {
            return paths.refuse(step, tensor, why);
        }
        let x = step.inputs.iter().copied().find(|input| rows[*input].is_some()).unwrap_or(step.inputs[0]);
        let x = &paths.graph.tensors[x];
        let bytes = if steps { of_step(&paths, step, tensor) } else { kept(&paths, step, tensor) };
        if !steps {
            if let Some(height) = height(step) {
                first += (height.span() - 1 - height.before) * stride;
                stride *= height.stride;
            } else if matches!(step.kernel, Kernel::Copy | Kernel::FullyConnected(..))
                && paths.graph.tensors[tensor].axes().len() == 1
                && x.axes().len() > 1
            {
                first += (x.axes()[0] - 1) * stride;
            }
        }
        rows[tensor] = Some([first, stride]);
        layers.push(LayerInStream { operator, bytes, first, stride });
    }
    Ok(layers)
}

/// Of a step of numbers: a ring buffer lies in its reader, which otherwise holds its input.
fn of_step(paths: &Paths, step: &Step, tensor: usize) -> usize {
    let in_ring = |mut tensor: usize| loop {
        match paths.steps[tensor].as_ref().map(|step| (&step.kernel, step.inputs[0])) {
            Some((Kernel::Ring(_), _)) => return true,
            Some((Kernel::Copy, from)) => tensor = from,
            _ => return false,
        }
    };
    match &step.kernel {
        Kernel::Ring(_) => paths.graph.tensors[tensor].bytes(),
        Kernel::Copy | Kernel::Table(_) => 0,
        kernel if makes(kernel) && step.inputs.iter().any(|input| in_ring(*input)) => 0,
        _ => step.inputs.iter().map(|input| paths.graph.tensors[*input].bytes()).sum(),
    }
}

/// Why a step cannot run row by row, if it cannot.
fn refused(paths: &Paths, step: &Step, tensor: usize, came: &[[usize; 2]], steps: bool) -> Option<&'static str> {
    if came.windows(2).any(|pair| pair[0][1] != pair[1][1]) {
        return Some("joins paths of which one makes fewer rows than the other");
    }
    if !steps && height(step).is_some_and(|height| height.before >= height.span()) {
        return Some("has a margin in which a whole kernel finds room, which no stream has");
    }
    if !steps && whole::in_other_rows(paths, step, tensor) {
        return Some("tells the elements of rows in other rows, which no stream has");
    }
    if !steps && matches!(step.kernel, Kernel::Embedding(_)) {
        return Some(
            "makes rows of numbers that are no rows: let it run on all of them, and a stream on what it makes",
        );
    }
    let all = "needs all rows at once, and what comes of the network is in rows too: end it with what makes numbers of all rows";
    (!steps && needs_all(paths, step)).then_some(all)
}
