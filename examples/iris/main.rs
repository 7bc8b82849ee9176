//! Trains 4-10(sigmoid)-3(softmax) on Fisher's Iris and writes the weights for a device.
//!
//! `cargo run --release --example iris -- --help` lists the options.

mod data;
mod firmware;
mod networks;
mod sweep;
mod table;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use clap::Parser;
use common::classification::{self, Trained};
use common::options::{self, Plan, Training};
use common::session::{Session, progress};
use common::{plot, store};
use indicatif::ProgressBar;
use nerve::prelude::*;

use data::{SPECIES, Split};
use networks::{Input, Net};

#[derive(Parser)]
#[command(about = "Train a network on Fisher's Iris flowers")]
struct Options {
    #[command(flatten)]
    training: Training,
    /// Hidden neurons, 1 to 20.
    #[arg(long, default_value_t = 10)]
    hidden: usize,
    /// Writes weights and held-out flowers into this folder of the firmware; needs 10 hidden neurons.
    #[arg(long, value_name = "FOLDER")]
    firmware: Option<PathBuf>,
    /// Trains with 1 to 20 hidden neurons on 30 splits each, and draws accuracy and cross-entropy.
    #[arg(long)]
    sweep: bool,
    /// Trains on 300 splits for each optimizer and prints the accuracies beside PyTorch's.
    #[arg(long)]
    table: bool,
    /// Trains on 300 splits and prints what the network recognises in integers.
    #[arg(long)]
    integers: bool,
}

/// Calls `$f::<H>` with the number of hidden neurons that is known at run time.
macro_rules! with_hidden {
    ($hidden:expr, $f:ident($($argument:expr),*)) => {
        with_hidden!(@ $hidden, $f($($argument),*); 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20)
    };
    (@ $hidden:expr, $f:ident $arguments:tt; $($H:literal)*) => {
        match $hidden {
            $($H => $f::<$H> $arguments,)*
            other => bail!("--hidden {other}: choose 1 to 20"),
        }
    };
}
use with_hidden;

fn main() -> ExitCode {
    options::end(start())
}

fn start() -> Result<()> {
    let options: Options =
        options::parse(&[("optimizer", "adam"), ("epochs", "100"), ("batch", "16"), ("out", "target/iris")])?;
    options.training.prepare()?;
    if options.firmware.is_some() {
        ensure!(options.hidden == 10, "--firmware needs --hidden 10, the network that the firmware declares");
        ensure!(options.training.optimizer.len() == 1, "--firmware takes the weights of one optimizer");
    }
    match &options {
        Options { table: true, .. } => table::print(),
        Options { integers: true, .. } => table::integers(),
        Options { sweep: true, training, .. } => sweep::run(&training.out),
        _ => with_hidden!(options.hidden, run(&options)),
    }
}

fn run<const H: usize>(options: &Options) -> Result<()> {
    let Training { out, seed, .. } = &options.training;
    let split = Split::new(*seed)?;
    let mut curves = Vec::new();
    for plan in options.training.plans([0.01; 3]) {
        let name = plan.optimizer.to_string();
        let bar = progress(&name, plan.epochs)?;
        let trained = train::<H>(&split, &plan, bar.clone())?;
        bar.finish();
        let confusion = &trained.confusion;
        println!("\n4-{H}(sigmoid)-3(softmax), {plan}");
        println!("{} flowers trained, {} held out: {}\n", split.train.x.len(), split.test.x.len(), SPECIES.join(", "));
        println!("{}\n", confusion.named(&SPECIES));
        plot::confusion(
            &out.join(format!("confusion-{name}.svg").to_lowercase()),
            &format!("Iris 4-{H}-3, {name}"),
            confusion,
        )?;
        println!(
            "held-out accuracy {:.1} % ({} of {})",
            100.0 * confusion.accuracy(),
            confusion.correct(),
            confusion.total()
        );
        let path = store::write(&*trained.net, &options.training, &format!("4-{H}-3-{name}"), &split.train.x)?;
        if let Some(folder) = &options.firmware {
            firmware::write(folder, &trained.net, &fs::read(path)?, &split)?;
            println!("for the firmware: {}", folder.display());
        }
        curves.extend(plot::losses(&name, &trained.losses));
    }
    plot::curves(&out.join("learning-curve.svg"), &format!("Iris 4-{H}-3"), ("epoch", "cross-entropy"), &curves)
}

/// Trains on one part of `split` and classifies the other.
fn train<const H: usize>(split: &Split, plan: &Plan, bar: ProgressBar) -> Result<Trained<Net<H>, 3>> {
    let mut session = Session::<Net<H>, Input>::new(plan, Init::GlorotUniform, bar)?;
    if plan.resume.is_none() {
        session.net.0.0.fit(split.train.x.iter());
    }
    classification::train(session, plan, split.train.examples(), split.test.examples())
}
