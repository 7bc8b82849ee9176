//! From a table, or windows of a signal, to a trained network.

mod problems;
mod project;
mod split;
mod table;
#[cfg(test)]
mod tests;

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};

use table::Table;

/// What the user asks for.
#[derive(Args)]
pub struct Options {
    /// A CSV file whose first line names the columns; separators may be commas, semicolons or tabs.
    file: PathBuf,
    /// The column to tell from the others; the last one if not given. Words are classes, numbers are values.
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// The numbers in the target's column are classes.
    #[arg(long)]
    classes: bool,
    /// A column to leave out, such as a name or a time; may be given several times.
    #[arg(long, value_name = "COLUMN")]
    ignore: Vec<String>,
    /// Leaves out rows in which a value is missing.
    #[arg(long)]
    drop_missing: bool,
    /// `dense` takes a row at a time, `conv` a window of rows.
    #[arg(long, value_enum, default_value_t)]
    network: Network,
    /// Neurons of the hidden layer, or channels of each convolution.
    #[arg(long, default_value = "20")]
    hidden: NonZeroUsize,
    /// Rows of a window, at least 8; windows overlap by half.
    #[arg(long, value_name = "ROWS", required_if_eq("network", "conv"))]
    window: Option<usize>,
    /// The folder to write; the file's name without its ending if not given.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// The kind of network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Network {
    /// Two fully connected layers.
    #[default]
    Dense,
    /// Two convolutions with pooling.
    Conv,
}

/// Reads, splits, writes a training program and runs it.
pub fn run(options: &Options) -> Result<()> {
    let name = options.file.file_stem().and_then(|stem| stem.to_str()).context("a file with a name is needed")?;
    let bytes = fs::read(&options.file).with_context(|| format!("could not read {}", options.file.display()))?;
    let table = Table::read(&bytes, options).with_context(|| options.file.display().to_string())?;
    println!("{table}");
    let window = match (options.network, options.window) {
        (Network::Dense, Some(_)) => bail!("--window is for --network conv"),
        (Network::Dense, None) => None,
        (Network::Conv, window) => {
            let rows = window.unwrap_or_default();
            ensure!(rows >= 8, "--window {rows}: give at least 8 rows");
            Some(rows)
        }
    };
    let parts = split::split(&table, window)?;
    let folder = options.out.clone().unwrap_or_else(|| name.into());
    project::Project { name, table: &table, window, hidden: options.hidden.get(), folder: &folder }.train(&parts)
}
