//! Trains fully connected networks on MNIST's digits, or on Fashion-MNIST's clothes.

mod networks;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;
use common::classification;
use common::mnist::{Mnist, Pixels, Source};
use common::options::{self, Training};
use nerve::prelude::*;
use nerve::{Describe, Layer};
use networks::{Hidden10, Hidden100, Hidden128x64, Hidden300x100};

/// Learning rates of SGD, momentum and Adam.
const RATES: [f32; 3] = [0.1, 0.1, 0.001];

#[derive(Parser)]
#[command(about = "Train a network on MNIST's digits")]
struct Options {
    #[command(flatten)]
    training: Training,
    /// Sizes of the hidden layers: 10, 100, 128-64 or 300-100.
    #[arg(long, default_value = "100")]
    hidden: String,
    /// Fashion-MNIST instead.
    #[arg(long)]
    fashion: bool,
    /// Folder of the four IDX files; without it they are fetched once.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Trains 784-10-10 and 784-100-10 with three seeds for each optimizer and prints the accuracies beside PyTorch's.
    #[arg(long)]
    table: bool,
}

fn main() -> ExitCode {
    options::end(start())
}

fn start() -> Result<()> {
    let options: Options = options::parse(&[
        ("optimizer", "sgd,momentum,adam"),
        ("epochs", "20"),
        ("batch", "32"),
        ("out", "target/mnist"),
    ])?;
    options.training.prepare()?;
    let run = match options.hidden.as_str() {
        "10" => run::<Hidden10>,
        "100" => run::<Hidden100>,
        "128-64" => run::<Hidden128x64>,
        "300-100" => run::<Hidden300x100>,
        other => bail!("--hidden {other}: choose 10, 100, 128-64 or 300-100"),
    };
    let source = if options.fashion { Source::Fashion } else { Source::Digits };
    let data = source.load(options.data.as_deref())?;
    if options.table { table::print(&data) } else { run(&options, &data) }
}

fn run<N>(options: &Options, data: &Mnist) -> Result<()>
where
    N: Describe<Pixels> + Layer<Pixels, Out = [f32; 10]> + Zero,
{
    let name = format!("784-{}-10", options.hidden);
    let title = format!("{} {name}", if options.fashion { "Fashion-MNIST" } else { "MNIST" });
    classification::run::<N, Pixels, 10>(
        &name,
        title,
        &options.training,
        RATES,
        (data.train.examples(), data.test.examples()),
    )
}
