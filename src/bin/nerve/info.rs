//! What a model consists of.

use std::io::{self, Write};

use anyhow::{Context, Result};
use nerve::codegen::{self, LayerInStream};
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
    let mut text = aligned(&rows, [1, 2, 6]);
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

/// What the layers keep when the network runs row by row.
pub fn stream(graph: &Graph, as_json: bool) -> Result<()> {
    let layers = codegen::streamed(graph).context("this network cannot run row by row")?;
    let bytes: usize = layers.iter().map(|layer| layer.bytes).sum();
    let (first, stride) = layers.last().map_or((1, 1), |last| (last.first, last.stride));
    let name = |layer: &LayerInStream| graph.nodes.get(layer.operator).map_or("", |node| node.op.name());
    if as_json {
        let layers = layers.iter().map(|layer| {
            json!({"operator": name(layer), "number": layer.operator, "bytes": layer.bytes, "first_row": layer.first, "stride": layer.stride})
        });
        let layers: Vec<_> = layers.collect();
        println!("{:#}", json!({"layers": layers, "bytes": bytes, "first_row": first, "stride": stride}));
        return Ok(());
    }
    let mut rows = vec![["", "operator", "keeps", "first row after", "then every"].map(String::from)];
    for layer in &layers {
        let numbers = [layer.bytes, layer.first, layer.stride].map(|number| grouped(number as u64));
        let [bytes, first, stride] = numbers;
        rows.push([layer.operator.to_string(), name(layer).into(), bytes, first, stride]);
    }
    print!("{}", aligned(&rows, [1]));
    let rows = match &values(graph, &graph.inputs)[..] {
        [input] if input.shape.len() > 2 => input.shape[1],
        _ => first,
    };
    let when = match first {
        1 => "with each row".into(),
        _ if first > rows => format!("when the input ends after {rows} rows"),
        _ => format!("after {first} rows, then every {stride}"),
    };
    println!("about {} bytes of RAM are kept from row to row; an output comes {when}", grouped(bytes as u64));
    Ok(())
}

/// Rows of cells, these columns to the left, numbers to the right.
fn aligned<const COLUMNS: usize, const LEFT: usize>(rows: &[[String; COLUMNS]], left: [usize; LEFT]) -> String {
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or_default());
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            line += &if left.contains(&column) { format!("{cell:width$}  ") } else { format!("{cell:>width$}  ") };
        }
        text += line.trim_end();
        text += "\n";
    }
    text
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
