//! Predicts the quality of red wine from eleven measurements (Cortez et al. 2009).

mod data;
mod networks;
mod table;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;
use common::options::{self, Plan, Training};
use common::regression::{self, Rows};
use nerve::prelude::*;
use nerve::{Describe, Layer};

use data::Split;
use networks::{FEATURES, Hidden20, Hidden20x20, Hidden20x20x20};

/// Learning rates of SGD, momentum and Adam.
const RATES: [f32; 3] = [0.05, 0.01, 0.001];

#[derive(Parser)]
#[command(about = "Predict the quality of red wine")]
struct Options {
    #[command(flatten)]
    training: Training,
    /// Sizes of the hidden layers: 20, 20-20 or 20-20-20.
    #[arg(long, default_value = "20-20-20")]
    hidden: String,
    /// Trains on several splits and prints the figures beside PyTorch's.
    #[arg(long)]
    table: bool,
}

fn main() -> ExitCode {
    options::end(start())
}

fn start() -> Result<()> {
    let options: Options =
        options::parse(&[("optimizer", "adam"), ("epochs", "200"), ("batch", "32"), ("out", "target/wine")])?;
    options.training.prepare()?;
    let wines = data::load()?;
    match options.hidden.as_str() {
        _ if options.table => table::print(&wines),
        "20" => run::<Hidden20>(&options, &wines),
        "20-20" => run::<Hidden20x20>(&options, &wines),
        "20-20-20" => run::<Hidden20x20x20>(&options, &wines),
        other => bail!("--hidden {other}: choose 20, 20-20 or 20-20-20"),
    }
}

fn run<Body>(options: &Options, wines: &Rows<FEATURES>) -> Result<()>
where
    Body: Describe<[f32; FEATURES]> + Layer<[f32; FEATURES], Out = [f32; 1]> + Zero,
{
    let split = Split::new(wines, options.training.seed);
    println!("{split}\n");
    let name = format!("11-{}-1", options.hidden);
    let title = format!("Red wine quality, {name}");
    let data = (&split.train, &split.test);
    regression::run::<FEATURES, Body>(&name, &title, ("MSE", |mse| mse), &options.training, RATES, data)
}

/// The experiment of the paper.
fn experiment(split: &Split, seed: u64) -> Result<Regression> {
    let plan =
        Plan { optimizer: options::Kind::Adam, learning_rate: 0.001, epochs: 200, batch: 32, seed, resume: None };
    let hidden = indicatif::ProgressBar::hidden();
    Ok(regression::train::<FEATURES, Hidden20x20x20>(&plan, &split.train, &split.test, hidden)?.held_out)
}
