//! What values a network takes.

use std::vec;
use std::vec::Vec;

use super::{QuantiseError, examples_of};
use crate::exchange::executor::Executor;
use crate::exchange::graph::{Graph, Op, Quantization};

/// How the range of a value is found. Over the networks of the examples both lose as little, but for an LSTM, which loses 0.26 points with the default
/// and 0.36 with the other one: `cargo run --release --example signal -- --integers`, and the same for `cnn` and `iris`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Range {
    /// From the least to the greatest element.
    MinMax,
    /// The part of that with the least mean squared error, of rounding inside and of clipping outside of it.
    #[default]
    MeanSquaredError,
}

/// Parts that a range is divided into, to count elements.
const BINS: usize = 2048;
/// Of the whole range: ranges that are tried, as many as it takes to clip all but a fifth.
const TRIES: u32 = 40;

/// What values a graph takes.
pub struct Measured {
    /// Of each group.
    pub ranges: Vec<(f32, f32)>,
    /// Of the node of long short-term memory that writes each tensor, how far its cells are from 0 at most; 0 of others.
    pub cells: Vec<f32>,
}

/// The least and the greatest value that the tensors of each group take, or the part of it that `range` chooses; 0 is inside.
pub fn measure(graph: &Graph, examples: &[u8], groups: &[usize], range: Range) -> Result<Measured, QuantiseError> {
    let mut executor = Executor::new(graph)?;
    let examples = examples_of(graph, examples)?;
    let mut ranges = vec![(0_f32, 0_f32); graph.tensors.len()];
    let mut cells = vec![0_f32; graph.tensors.len()];
    // Constants that are no weights share a range with values.
    for (tensor, group) in groups.iter().enumerate() {
        // What surrounds a largest value is less than any.
        for x in graph.tensors[tensor].floats().unwrap_or_default().into_iter().filter(|x| *x > f32::MIN) {
            widen(&mut ranges[*group], x);
        }
    }
    for example in examples.clone() {
        executor.run_all(example)?;
        for (tensor, group) in groups.iter().enumerate() {
            for x in executor.floats(tensor) {
                if !x.is_finite() {
                    return Err(QuantiseError::NotFinite(graph.tensors[tensor].name.clone()));
                }
                widen(&mut ranges[*group], *x);
            }
        }
        for node in graph.nodes.iter().filter(|node| matches!(node.op, Op::UnidirectionalSequenceLstm(_))) {
            let output = node.outputs[0];
            cells[output] = cells[output].max(executor.largest_cell(output));
        }
    }
    let learned = learned(graph, groups);
    let known = |ranges: Vec<(f32, f32)>, cells| {
        let ranges = ranges.into_iter().zip(&learned).map(|(found, known)| known.unwrap_or(found)).collect();
        Measured { ranges, cells }
    };
    if range == Range::MinMax {
        return Ok(known(ranges, cells));
    }
    let mut counts = vec![vec![]; ranges.len()];
    for example in examples {
        executor.run_all(example)?;
        for (tensor, group) in groups.iter().enumerate() {
            let (least, greatest) = ranges[*group];
            let scale = BINS as f32 / (greatest - least).max(f32::MIN_POSITIVE);
            let counts: &mut Vec<u64> = &mut counts[*group];
            counts.resize(BINS, 0);
            for x in executor.floats(tensor) {
                counts[(((x - least) * scale) as usize).min(BINS - 1)] += 1;
            }
        }
    }
    let narrowed = ranges.into_iter().zip(counts).map(|(range, counts)| narrowed(range, &counts));
    Ok(known(narrowed.collect(), cells))
}

/// Of groups with tensors that a network has learned to round, the range of their steps.
fn learned(graph: &Graph, groups: &[usize]) -> Vec<Option<(f32, f32)>> {
    let mut learned = vec![None; groups.len()];
    for (value, group) in graph.tensors.iter().zip(groups) {
        let Some(Quantization { scales, zero_points, .. }) = &value.quantization else { continue };
        let range: &mut (f32, f32) = learned[*group].get_or_insert((0.0, 0.0));
        for step in [-128, 127] {
            widen(range, scales[0] * (step - zero_points[0]) as f32);
        }
    }
    learned
}

/// The distance of 256 steps in the range of all inputs.
pub fn input_step(graph: &Graph, examples: &[u8]) -> Result<f32, QuantiseError> {
    let mut range = (0_f32, 0_f32);
    for example in examples_of(graph, examples)? {
        example.as_chunks().0.iter().for_each(|bytes| widen(&mut range, f32::from_le_bytes(*bytes)));
    }
    Ok((range.1 - range.0) / 255.0)
}

fn widen(range: &mut (f32, f32), x: f32) {
    *range = (range.0.min(x), range.1.max(x));
}

/// The part of a range that gives the least squared error with 255 steps.
fn narrowed((least, greatest): (f32, f32), counts: &[u64]) -> (f32, f32) {
    let bin = f64::from(greatest - least) / BINS as f64;
    let error = |part: f64| {
        let (low, high) = (f64::from(least) * part, f64::from(greatest) * part);
        let step = (high - low) / 255.0;
        let of_bin = |(at, count): (usize, &u64)| {
            let x = f64::from(least) + (at as f64 + 0.5) * bin;
            let outside = (low - x).max(x - high).max(0.0);
            *count as f64 * (outside * outside + step * step / 12.0)
        };
        counts.iter().enumerate().filter(|(_, count)| **count > 0).map(of_bin).sum::<f64>()
    };
    let part = |tried: u32| 1.0 - f64::from(tried) * 0.8 / f64::from(TRIES);
    let mut best = (1.0, error(1.0));
    for tried in 1..=TRIES {
        let found = error(part(tried));
        if found < best.1 {
            best = (part(tried), found);
        }
    }
    ((f64::from(least) * best.0) as f32, (f64::from(greatest) * best.0) as f32)
}
