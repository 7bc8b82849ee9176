//! Trains 4-10(sigmoid)-3(softmax) on Fisher's Iris and writes the weights for a device.
//!
//! `cargo run --release --example iris -- --help` lists the options, `-- --table` reproduces the README's table.

mod data;
mod firmware;
mod plot;
mod table;

use std::{error::Error, fs, path::PathBuf};

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use nerve::prelude::*;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

use data::{Input, SPECIES, Split};

/// Takes raw centimetres: the standardisation is the first layer.
type Net<const H: usize> = chain![Standardize<4>, Dense<4, H, Sigmoid>, Dense<H, 3>];

#[derive(Parser)]
#[command(about = "Train a network on Fisher's Iris flowers")]
struct Options {
    #[arg(long, value_enum, default_value = "adam")]
    optimizer: Choice,
    #[arg(long, default_value_t = 100)]
    epochs: u32,
    /// Examples per step: 1, 2, 4, 8, 16 or 32.
    #[arg(long, default_value_t = 16)]
    batch: usize,
    #[arg(long, default_value_t = 0.01)]
    learning_rate: f32,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Hidden neurons: 1, 2, 3, 5, 10 or 20.
    #[arg(long, default_value_t = 10)]
    hidden: usize,
    /// Folder for the weights and the learning curve.
    #[arg(long, default_value = "target/iris")]
    out: PathBuf,
    /// Writes weights and held-out flowers into this folder of the firmware; needs 10 hidden neurons.
    #[arg(long)]
    firmware: Option<PathBuf>,
    /// Trains on 30 splits for each optimizer and prints the mean accuracies.
    #[arg(long)]
    table: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Choice {
    Sgd,
    Momentum,
    Adam,
}

/// How one network is trained.
#[derive(Clone, Copy, Debug)]
struct Plan {
    optimizer: Choice,
    learning_rate: f32,
    epochs: u32,
    seed: u64,
}

/// A network after training, with its losses after each epoch.
struct Trained<const H: usize> {
    net: Net<H>,
    /// `(training, held-out)` cross-entropy.
    losses: Vec<(f32, f32)>,
    confusion: Confusion<3>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    if options.table {
        return table::print();
    }
    match options.hidden {
        1 => with_batch::<1>(&options),
        2 => with_batch::<2>(&options),
        3 => with_batch::<3>(&options),
        5 => with_batch::<5>(&options),
        10 => with_batch::<10>(&options),
        20 => with_batch::<20>(&options),
        other => Err(format!("--hidden {other}: choose 1, 2, 3, 5, 10 or 20").into()),
    }
}

fn with_batch<const H: usize>(options: &Options) -> Result<(), Box<dyn Error>> {
    match options.batch {
        1 => run::<H, 1>(options),
        2 => run::<H, 2>(options),
        4 => run::<H, 4>(options),
        8 => run::<H, 8>(options),
        16 => run::<H, 16>(options),
        32 => run::<H, 32>(options),
        other => Err(format!("--batch {other}: choose 1, 2, 4, 8, 16 or 32").into()),
    }
}

fn run<const H: usize, const B: usize>(options: &Options) -> Result<(), Box<dyn Error>> {
    let split = Split::new(options.seed)?;
    let plan = Plan {
        optimizer: options.optimizer,
        learning_rate: options.learning_rate,
        epochs: options.epochs,
        seed: options.seed,
    };
    let style = ProgressStyle::with_template("training {bar:40} {pos}/{len} epochs, loss {msg}")?;
    let bar = ProgressBar::new(u64::from(plan.epochs)).with_style(style);
    let trained = train::<H, B>(&split, plan, |losses| {
        bar.set_message(format!("{:.4}, held out {:.4}", losses.0, losses.1));
        bar.inc(1);
    })?;
    bar.finish();

    let confusion = &trained.confusion;
    println!("\n4-{H}(sigmoid)-3(softmax), {plan:?}, batch {B}");
    println!("{} flowers trained, {} held out: {}\n", split.train.len(), split.test.len(), SPECIES.join(", "));
    println!("{confusion}\n");
    println!(
        "held-out accuracy {:.1} % ({} of {})",
        100.0 * confusion.accuracy(),
        confusion.correct(),
        confusion.total()
    );

    fs::create_dir_all(&options.out)?;
    let mut file = vec![0; weights::file_len::<f32, Net<H>>()];
    let file = weights::save(&trained.net, &mut file)?;
    let (path, curve) = (options.out.join("iris.nrv"), options.out.join("learning-curve.svg"));
    fs::write(&path, file)?;
    plot::learning_curve(&curve, &trained.losses)?;
    println!("weights: {} ({} bytes), learning curve: {}", path.display(), file.len(), curve.display());
    if let Some(folder) = &options.firmware {
        if H != 10 {
            return Err("--firmware needs --hidden 10, the network that the firmware declares".into());
        }
        firmware::write(folder, &trained.net, file, &split)?;
        println!("for the firmware: {}", folder.display());
    }
    Ok(())
}

/// Trains on one part of `split` and classifies the other. `each_epoch` is shown the two losses.
fn train<const H: usize, const B: usize>(
    split: &Split,
    plan: Plan,
    each_epoch: impl FnMut((f32, f32)),
) -> Result<Trained<H>, TrainError> {
    match plan.optimizer {
        Choice::Sgd => train_with::<H, B>(split, plan, Sgd::new(plan.learning_rate), each_epoch),
        Choice::Momentum => train_with::<H, B>(split, plan, Momentum::new(plan.learning_rate, 0.9), each_epoch),
        Choice::Adam => train_with::<H, B>(split, plan, Adam::new(plan.learning_rate), each_epoch),
    }
}

fn train_with<const H: usize, const B: usize>(
    split: &Split,
    plan: Plan,
    mut optimizer: impl Optimizer<Net<H>, f32>,
    mut each_epoch: impl FnMut((f32, f32)),
) -> Result<Trained<H>, TrainError> {
    let mut rng = Pcg32::seed_from_u64(plan.seed);
    let mut net = Net::<H>::ZERO;
    net.init(Init::GlorotUniform, &mut rng);
    net.0.0.fit(split.train.iter().map(|(x, _)| x));

    let mut trainer = Trainer::<Net<H>, Input, B>::ZERO;
    let mut order: Vec<&(Input, usize)> = split.train.iter().collect();
    let mut losses = Vec::new();
    let mut confusion = Confusion::default();
    for _ in 0..plan.epochs {
        shuffle(&mut order, &mut rng);
        let train =
            trainer.epoch(&mut net, &mut optimizer, &CrossEntropy, order.iter().map(|(x, class)| (x, class)))?;
        confusion = Confusion::default();
        let held_out = split.test.iter().map(|(x, class)| (x, class));
        let test = trainer.evaluate(&net, &CrossEntropy, held_out, |y, class| confusion.add(*class, argmax(y)))?;
        losses.push((train, test));
        each_epoch((train, test));
    }
    Ok(Trained { net, losses, confusion })
}
