//! Tells exercises apart by the motion of a smartwatch: a 1-D CNN and a GRU.

mod data;
mod firmware;
mod networks;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use common::classification::{self, Trained};
use common::options::{self, Plan, Training};
use common::session::Session;
use indicatif::ProgressBar;
use nerve::prelude::*;
use nerve::{Describe, Layer};

use data::Split;
use networks::{Cnn, EXERCISES, Recurrent, STEPS, Window};

/// Learning rates of SGD, momentum and Adam.
const RATES: [f32; 3] = [0.1, 0.02, 0.003];

#[derive(Parser)]
#[command(about = "Train networks on the motion of a smartwatch; the seed also says which people are held out")]
struct Options {
    #[command(flatten)]
    training: Training,
    /// Which network.
    #[arg(long, value_enum, default_value = "cnn")]
    network: Network,
    /// What `watch.py` writes; without it, it is fetched once.
    #[arg(long, value_name = "CSV")]
    data: Option<PathBuf>,
    /// Trains both networks and writes weights and held-out windows into this folder of the firmware.
    #[arg(long, value_name = "FOLDER")]
    firmware: Option<PathBuf>,
    /// Trains both networks and a baseline with five seeds and prints the accuracies beside PyTorch's.
    #[arg(long)]
    table: bool,
    /// Trains both networks with five seeds, and an LSTM, and prints what they recognise in integers.
    #[arg(long)]
    integers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Network {
    /// Two convolutions.
    Cnn,
    /// A recurrent layer.
    Gru,
}

fn main() -> ExitCode {
    options::end(start())
}

fn start() -> Result<()> {
    let options: Options =
        options::parse(&[("optimizer", "adam"), ("epochs", "40"), ("batch", "32"), ("out", "target/signal")])?;
    options.training.prepare()?;
    if options.firmware.is_some() {
        ensure!(options.training.optimizer.len() == 1, "--firmware takes the weights of one optimizer");
    }
    let recordings = data::load(options.data.as_deref())?;
    if options.table {
        return table::print(&recordings);
    }
    if options.integers {
        return table::integers(&recordings);
    }
    let split = Split::new(&recordings, options.training.seed);
    println!(
        "{} windows of {STEPS} samples to train on, {} of other people held out",
        split.train.x.len(),
        split.test.x.len()
    );
    if let Some(folder) = &options.firmware {
        let plan = options.training.plans(RATES).next();
        return plan.map_or(Ok(()), |plan| firmware::write(folder, &split, &plan));
    }
    match options.network {
        Network::Cnn => run::<Cnn>(&options, &split),
        Network::Gru => run::<Recurrent>(&options, &split),
    }
}

fn run<N>(options: &Options, split: &Split) -> Result<()>
where
    N: Describe<Window> + Layer<Window, Out = [f32; 7]> + Zero,
{
    println!("exercises: {}", EXERCISES.join(", "));
    let name = format!("{:?}", options.network).to_lowercase();
    let title = format!("Smartwatch: {name}");
    classification::run::<N, Window, 7>(
        &name,
        title,
        &options.training,
        RATES,
        (split.train.examples(), split.test.examples()),
    )
}

fn train<N>(split: &Split, plan: &Plan, bar: ProgressBar) -> Result<Trained<N, 7>>
where
    N: Layer<Window, Out = [f32; 7]> + Zero,
{
    let session = Session::new(plan, Init::GlorotUniform, bar)?;
    classification::train(session, plan, split.train.examples(), split.test.examples())
}
