//! Outputs beside those of LiteRT's reference kernels and of onnxruntime.

use std::error::Error;
use std::fs;
use std::path::Path;

use nerve::executor::Executor;
use nerve::graph::{Graph, Op};
use nerve::import;

/// Runs every model NAME.tflite or NAME.onnx of a folder on the examples NAME.x, and compares the outputs with NAME.y, which a script has
/// written.
/// `difference` tells outputs that differ.
///
/// # Errors
/// All models that differ.
pub fn compare(
    folder: &Path,
    difference: impl Fn(&Graph, &[u8], &[u8]) -> Option<String>,
) -> Result<usize, Box<dyn Error>> {
    let (mut compared, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "tflite" && extension != "onnx") {
            continue;
        }
        let (model, expected) = (fs::read(&path)?, fs::read(path.with_extension("y"))?);
        let graph = match import::read(&model) {
            Ok(graph) => graph,
            Err(error) => {
                wrong.push(format!("{}: {error}", path.display()));
                continue;
            }
        };
        let result = match run(&graph, &fs::read(path.with_extension("x"))?) {
            Ok(found) => difference(&graph, &found, &expected),
            Err(error) => Some(error.to_string()),
        };
        compared += 1;
        if let Some(difference) = result {
            let operators: Vec<_> = graph.nodes.iter().map(|node| node.op.name()).collect();
            wrong.push(format!("{}: {difference}, {}", path.display(), operators.join(" ")));
        }
    }
    if wrong.is_empty() {
        Ok(compared)
    } else {
        Err(format!("{} of {compared}\n{}", wrong.len(), wrong.join("\n")).into())
    }
}

fn run(graph: &Graph, examples: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(Executor::new(graph)?.run_all(examples)?)
}

/// Where outputs differ, if they do: with a tolerance, in floats that are not close; without, in any byte.
pub fn difference(found: &[u8], expected: &[u8], tolerance: Option<f32>) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!("{} bytes, not {}", found.len(), expected.len()));
    }
    let Some(tolerance) = tolerance else {
        let mut differ = found.iter().zip(expected).enumerate().filter(|(_, (a, b))| a != b);
        let (at, (a, b)) = differ.next()?;
        return Some(format!("byte {at} is {} and not {}, {} more differ", *a as i8, *b as i8, differ.count()));
    };
    let (found, expected) = (floats(found), floats(expected));
    let at = found.iter().zip(&expected).position(|(a, b)| !close(*a, *b, tolerance))?;
    Some(format!("float {at} is {} and not {}", found[at], expected[at]))
}

/// How far outputs are apart, in units of the scale of the integers that they were made of; none without integers.
pub fn units_apart(graph: &Graph, found: &[u8], expected: &[u8]) -> Option<Vec<f32>> {
    let last = graph.nodes.iter().find(|node| node.op == Op::Dequantize && graph.outputs.contains(&node.outputs[0]))?;
    let scale = graph.tensors[last.inputs[0]?].quantization.as_ref()?.scales[0];
    let same = found.len() == expected.len();
    same.then(|| {
        floats(found).into_iter().zip(floats(expected)).map(|(a, b)| ((a - b) / scale).round().abs()).collect()
    })
}

/// Operators that round what they write.
pub fn roundings(graph: &Graph) -> usize {
    let moves = |op: &Op| {
        matches!(
            op,
            Op::Dequantize
                | Op::Reshape
                | Op::Transpose { .. }
                | Op::Split { .. }
                | Op::StridedSlice { .. }
                | Op::Pad { .. }
                | Op::Concatenation { .. }
                | Op::MaxPool2d(_)
                | Op::ResizeNearest { .. }
        )
    };
    graph.nodes.iter().filter(|node| !moves(&node.op)).count()
}

/// Where floats differ by more than `tolerance` of the largest one, if they do: what a sum that cancels is off by depends on its terms.
pub fn far(found: &[u8], expected: &[u8], tolerance: f32) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!("{} bytes, not {}", found.len(), expected.len()));
    }
    let (found, expected) = (floats(found), floats(expected));
    let largest = expected.iter().fold(0.0, |largest: f32, x| largest.max(x.abs()));
    let at = found.iter().zip(&expected).position(|(a, b)| (a - b).abs() > tolerance * largest || a.is_nan())?;
    Some(format!("float {at} is {} and not {}, the largest is {largest}", found[at], expected[at]))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect()
}

/// Within `tolerance`, relative, or two units in the last place of 1 where that is larger: a sum that cancels is as exact as its terms.
fn close(a: f32, b: f32, tolerance: f32) -> bool {
    a == b || (a - b).abs() <= (tolerance * a.abs().max(b.abs())).max(2.0 * f32::EPSILON)
}
