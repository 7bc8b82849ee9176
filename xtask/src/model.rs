//! A user's LiteRT model on an emulated board.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nerve::graph::Cost;
use nerve::litert;

use crate::bench;
use crate::device::{self, Board};
use crate::setup::{self, Toolchain};

/// Where the device looks for examples, and where it leaves its outputs.
const FOLDER: &str = "target/model";

/// Builds the firmware around a model, runs it over the examples of `input` (one of zeros if there is none), prints what it costs and
/// copies the outputs to `output`.
pub fn emulate(board: &Board, model: &Path, input: Option<PathBuf>, output: Option<PathBuf>) -> Result<()> {
    let file = fs::read(model).with_context(|| model.display().to_string())?;
    let graph = litert::read(&file).with_context(|| model.display().to_string())?;
    let sizes: Vec<usize> = graph.inputs.iter().map(|index| graph.tensors[*index].bytes()).collect();
    let example: usize = sizes.iter().sum();
    let examples = match &input {
        Some(path) => fs::read(path).with_context(|| path.display().to_string())?,
        None => vec![0; example],
    };
    ensure!(
        !examples.is_empty() && examples.len().is_multiple_of(example),
        "--input has {} bytes: an example of {} has {example}, and examples follow one another",
        examples.len(),
        model.display()
    );
    let cost = Cost::of(&graph);
    let (flash, ram) = (cost.flash as u64 / 1024, cost.ram as u64 / 1024);
    let fits = flash < board.memory.0 && ram < board.memory.1;
    let run_on = if fits { board } else { board.roomy() };
    if !fits {
        println!(
            "{} does not fit: its constants take {flash} of {} KB of flash, its values {ram} of {} KB of RAM; the code for the {} is linked \
             and run with the memory of {}",
            model.display(),
            board.memory.0,
            board.memory.1,
            board.core,
            run_on.feature
        );
    }
    let toolchain = Toolchain::find(&[board.target])?;
    setup::qemu(true)?;
    fs::create_dir_all(FOLDER)?;
    let folder = Path::new(FOLDER);
    fs::write(folder.join("input.bin"), &examples)?;
    let elf = device::build_model(toolchain, board.target, run_on.feature, &fs::canonicalize(model)?)
        .with_context(|| format!("{} does not build for {}", model.display(), board.core))?;
    let run = run_on.run(&elf, Some(&bench::plugin()?))?;
    print!("{}", run.log);
    let (instructions, cycles) = *bench::regions(&run).first().context("the device ran no example")?;
    let cycles = if board.core == device::M4F.core { format!(", {cycles} cycles (a model's)") } else { String::new() };
    println!("an example: {instructions} instructions{cycles}");
    if let Some(output) = output {
        fs::copy(folder.join("output.bin"), &output).with_context(|| output.display().to_string())?;
    }
    Ok(())
}
