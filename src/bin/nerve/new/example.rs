//! Examples for a model that was given, and what it makes of them.

use anyhow::{Result, bail, ensure};
use nerve::executor::Executor;
use nerve::graph::{Graph, Op, Scalar, Value};

use crate::examples::values;

/// Lines of numbers.
pub struct Example {
    /// Made-up inputs: numbers with commas between them.
    pub inputs: String,
    /// What the model makes of each, as `Debug` writes it.
    pub outputs: String,
}

const COUNT: usize = 3;

/// Examples for a model of one input and one output.
pub fn of(graph: &Graph) -> Result<Example> {
    let is_stream = graph.nodes.iter().any(|node| matches!(node.op, Op::Ring));
    ensure!(
        !is_stream,
        "the model keeps its last rows in variables and runs as a stream: begin with `nerve import`, and see guide::streams"
    );
    let (inputs, outputs) = (values(graph, &graph.inputs), values(graph, &graph.outputs));
    let ([input], [output]) = (&inputs[..], &outputs[..]) else {
        bail!(
            "the model has {} inputs and {} outputs, and a project's device takes one and gives one: begin with `nerve import`",
            inputs.len(),
            outputs.len()
        )
    };
    let mut model = Executor::new(graph)?;
    let mut example = Example { inputs: String::new(), outputs: String::new() };
    for number in 0..COUNT {
        let bytes = made_up(input, number)?;
        let answer = model.run_all(&bytes)?;
        example.inputs += text(input, &bytes).trim_matches(['[', ']']);
        example.outputs += &text(output, &answer);
        for text in [&mut example.inputs, &mut example.outputs] {
            text.push('\n');
        }
    }
    Ok(example)
}

/// An input's bytes.
fn made_up(input: &Value, number: usize) -> Result<Vec<u8>> {
    // Every step of a byte, in an order that looks like none.
    let steps = (0..input.shape.iter().product()).map(|i: usize| ((i + 1) * (2 * number + 3) * 73 % 256) as u8);
    match input.scalar {
        Scalar::F32 => Ok(steps.flat_map(|step| (f32::from(step) / 256.0).to_le_bytes()).collect()),
        Scalar::I8 | Scalar::U8 => Ok(steps.collect()),
        other => bail!(
            "its input is of {}, and a project's device takes f32, int8 or uint8: begin with `nerve import`",
            other.name()
        ),
    }
}

/// A line of numbers, `u8` by their bits as the network has them.
fn text(value: &Value, bytes: &[u8]) -> String {
    match value.scalar {
        Scalar::F32 => format!("{:?}", bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect::<Vec<_>>()),
        Scalar::I32 => format!("{:?}", bytes.as_chunks().0.iter().copied().map(i32::from_le_bytes).collect::<Vec<_>>()),
        _ => format!("{:?}", bytes.iter().map(|byte| *byte as i8).collect::<Vec<_>>()),
    }
}
