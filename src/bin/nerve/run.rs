//! A model's outputs for a file of examples.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use nerve::executor::Executor;
use nerve::graph::Graph;

use crate::examples;

/// Writes what the model makes of the examples in the file `input` to the file `output`.
pub fn run(graph: &Graph, mut model: Executor, input: &Path, output: &Path) -> Result<()> {
    let (inputs, outputs) = (examples::values(graph, &graph.inputs), examples::values(graph, &graph.outputs));
    let file = fs::read(input).with_context(|| format!("could not read {}", input.display()))?;
    let all = examples::read(&file, &inputs).with_context(|| format!("{} does not fit the model", input.display()))?;
    let all = all.chunks(examples::bytes(&inputs).max(1));
    let mut results = Vec::new();
    // Hidden where there is no terminal.
    let bar =
        ProgressBar::new(all.len() as u64).with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}")?);
    for example in bar.wrap_iter(all) {
        results.extend(model.run_all(example)?);
    }
    let results = examples::write(results, &outputs, output)?;
    fs::write(output, results).with_context(|| format!("could not write {}", output.display()))
}
