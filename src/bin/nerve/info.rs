//! What a model consists of.

use std::io::{self, Write};

use nerve::graph::{Cost, Graph, Value};
use serde_json::json;

use crate::examples::values;

pub fn print(graph: &Graph, as_json: bool) -> io::Result<()> {
    let text = if as_json { format!("{:#}\n", self::json(graph)) } else { text(graph) };
    io::stdout().write_all(text.as_bytes())
}

/// `i8[1, 49, 10, 1]`
fn describe(values: &[&Value]) -> String {
    let texts: Vec<_> = values.iter().map(|value| format!("{}{:?}", value.scalar.name(), value.shape)).collect();
    texts.join(", ")
}

fn text(graph: &Graph) -> String {
    let heads = ["", "operator", "output", "multiply-accumulates", "flash", "RAM", "name"].map(String::from);
    let mut rows = vec![heads];
    for (at, node) in graph.nodes.iter().enumerate() {
        let cost = Cost::of_node(graph, node);
        let output = describe(&values(graph, &node.outputs));
        rows.push([
            at.to_string(),
            node.op.name().into(),
            output,
            grouped(cost.multiply_accumulates),
            grouped(cost.flash as u64),
            grouped(cost.ram as u64),
            graph.layer_name(node).into(),
        ]);
    }
    let widths = [0, 1, 2, 3, 4, 5, 6].map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or_default());
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Words to the left, numbers to the right.
            line += &if matches!(column, 1 | 2 | 6) { format!("{cell:width$}  ") } else { format!("{cell:>width$}  ") };
        }
        text += line.trim_end();
        text += "\n";
    }
    let cost = Cost::of(graph);
    for (end, indices) in [("input", &graph.inputs), ("output", &graph.outputs)] {
        for value in values(graph, indices) {
            let scale = value.quantization.as_ref().and_then(|quantization| {
                let (scale, zero_point) = quantization.scales.first().zip(quantization.zero_points.first())?;
                Some(format!(", {scale} * (q - {zero_point})").replace("- -", "+ "))
            });
            text += &format!("{end} `{}`: {}{}\n", value.name, describe(&[value]), scale.unwrap_or_default());
        }
    }
    text + &format!(
        "{} multiply-accumulates, {} bytes of flash for constants, {} bytes of RAM for the values that exist at the same time\n",
        grouped(cost.multiply_accumulates),
        grouped(cost.flash as u64),
        grouped(cost.ram as u64)
    )
}

/// With a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn json(graph: &Graph) -> serde_json::Value {
    let value = |value: &Value| {
        let quantization = value.quantization.as_ref().map(|quantization| {
            json!({"scales": quantization.scales, "zero_points": quantization.zero_points, "axis": quantization.axis})
        });
        json!({"name": value.name, "shape": value.shape, "scalar": value.scalar.name(), "quantization": quantization})
    };
    let all = |indices: &[usize]| values(graph, indices).into_iter().map(value).collect::<Vec<_>>();
    let cost = |cost: Cost| json!({"multiply_accumulates": cost.multiply_accumulates, "flash_bytes": cost.flash, "ram_bytes": cost.ram});
    let layers: Vec<_> = graph
        .nodes
        .iter()
        .map(|node| {
            let inputs: Vec<_> = node.inputs.iter().flatten().copied().collect();
            let (inputs, outputs) = (all(&inputs), all(&node.outputs));
            json!({"operator": node.op.name(), "inputs": inputs, "outputs": outputs, "cost": cost(Cost::of_node(graph, node))})
        })
        .collect();
    json!({
        "inputs": all(&graph.inputs),
        "outputs": all(&graph.outputs),
        "layers": layers,
        "cost": cost(Cost::of(graph)),
    })
}
