//! Predicts the quality of red wine from eleven measurements (Cortez et al. 2009).

mod data;
mod networks;
mod table;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;
use common::options::{self, Plan, Training};
use common::regression::{self, Rows, describe};
use common::session::progress;
use common::{plot, store};
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
    options::use_threads(options.training.threads)?;
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
    Body: Describe<[f32; FEATURES]> + Layer<[f32; FEATURES], Out = [f32; 1]> + Zero + Sync,
    Trainer<regression::Regressor<FEATURES, Body>, [f32; FEATURES], 16>: Send,
{
    let (out, name) = (&options.training.out, format!("11-{}-1", options.hidden));
    let split = Split::new(wines, options.training.seed);
    println!("{split}\n");
    let (mut curves, mut lines) = (Vec::new(), Vec::new());
    for plan in options.training.plans(RATES) {
        let optimizer = plan.optimizer.to_string();
        let bar = progress(&optimizer, plan.epochs)?;
        let trained = regression::train::<FEATURES, Body>(&plan, &split.train, &split.test, bar.clone())?;
        bar.finish();
        println!("{name}, {plan}");
        store::write::<[f32; FEATURES], _>(&*trained.net, out, &format!("{name}-{optimizer}"), options.training.onnx)?;
        lines.push(describe(&format!("{name} {optimizer}"), &trained.held_out));
        curves.extend(plot::losses(&optimizer, &trained.losses));
    }
    lines.push(describe("linear regression", &regression::linear(&split.train, &split.test)?));
    lines.push(describe("the mean", &regression::mean(&split.train, &split.test)));
    println!("\nheld out:\n{}", lines.join("\n"));
    let path = out.join("learning-curve.svg");
    plot::curves(&path, &format!("Red wine quality, {name}"), ("epoch", "MSE"), &curves)
}

/// The experiment of the paper.
fn experiment(split: &Split, seed: u64) -> Result<Regression> {
    let plan =
        Plan { optimizer: options::Kind::Adam, learning_rate: 0.001, epochs: 200, batch: 32, seed, resume: None };
    let hidden = indicatif::ProgressBar::hidden();
    Ok(regression::train::<FEATURES, Hidden20x20x20>(&plan, &split.train, &split.test, hidden)?.held_out)
}
