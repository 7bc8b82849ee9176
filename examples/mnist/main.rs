//! Trains fully connected networks on MNIST's digits, or on Fashion-MNIST's clothes.

mod table;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Parser;
use common::mnist::{Mnist, Pixels, Source};
use common::options::{self, Plan, Training};
use common::plot::{self, Curve};
use common::session::{Examples, Session, progress};
use common::store;
use indicatif::ProgressBar;
use nerve::Layer;
use nerve::prelude::*;

type Hidden10 = chain![Dense<784, 10, Sigmoid>, Dense<10, 10>];
type Hidden100 = chain![Dense<784, 100, Sigmoid>, Dense<100, 10>];
type Hidden128x64 = chain![Dense<784, 128, Sigmoid>, Dense<128, 64, Sigmoid>, Dense<64, 10>];
type Hidden300x100 = chain![Dense<784, 300, Sigmoid>, Dense<300, 100, Sigmoid>, Dense<100, 10>];

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
    #[arg(long)]
    data: Option<PathBuf>,
    /// Trains 784-10-10 and 784-100-10 with three seeds for each optimizer and prints the accuracies beside PyTorch's.
    #[arg(long)]
    table: bool,
}

/// A network after training.
struct Trained<N> {
    net: Box<N>,
    losses: Vec<(f32, f32)>,
    /// Share of the held-out images that are classified right, after each epoch.
    accuracies: Vec<f32>,
    confusion: Confusion<10>,
    seconds_per_epoch: f64,
}

fn main() -> Result<()> {
    let options: Options = options::parse(&[
        ("optimizer", "sgd,momentum,adam"),
        ("epochs", "20"),
        ("batch", "32"),
        ("out", "target/mnist"),
    ])?;
    options::use_threads(options.training.threads)?;
    let source = if options.fashion { Source::Fashion } else { Source::Digits };
    let data = source.load(options.data.as_deref())?;
    match options.hidden.as_str() {
        _ if options.table => table::print(&data),
        "10" => run::<Hidden10>(&options, &data),
        "100" => run::<Hidden100>(&options, &data),
        "128-64" => run::<Hidden128x64>(&options, &data),
        "300-100" => run::<Hidden300x100>(&options, &data),
        other => bail!("--hidden {other}: choose 10, 100, 128-64 or 300-100"),
    }
}

fn run<N>(options: &Options, data: &Mnist) -> Result<()>
where
    N: Layer<Pixels, Out = [f32; 10]> + Zero + Sync,
    Trainer<N, Pixels, 16>: Send,
{
    let (out, name) = (&options.training.out, format!("784-{}-10", options.hidden));
    let (mut losses, mut accuracies, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for plan in options.training.plans(RATES) {
        let optimizer = plan.optimizer.to_string();
        let bar = progress(&optimizer, plan.epochs)?;
        let trained = train::<N>(data, &plan, bar.clone())?;
        bar.finish();
        let path = out.join(format!("{name}-{}.nrv", optimizer.to_lowercase()));
        let bytes = store::save(&*trained.net, &path)?.len();
        println!("\n{name}, {plan}\n{}\nweights: {} ({bytes} bytes)\n", trained.confusion, path.display());
        rows.push(format!(
            "| {optimizer} | {:.2} | {:.4} | {:.2} |",
            100.0 * trained.confusion.accuracy(),
            trained.losses.last().map_or(f32::NAN, |l| l.1),
            trained.seconds_per_epoch
        ));
        losses.extend(plot::losses(&optimizer, &trained.losses));
        accuracies.push(Curve::by_epoch(optimizer, trained.accuracies.iter().map(|a| 100.0 * a)));
    }
    println!("| optimizer | held-out accuracy % | cross-entropy | seconds an epoch |\n|---|---|---|---|");
    rows.iter().for_each(|row| println!("{row}"));
    for (file, y, curves) in [("loss", "cross-entropy", losses), ("accuracy", "held-out accuracy, %", accuracies)] {
        let path = out.join(format!("{name}-{file}.svg"));
        plot::curves(&path, &format!("MNIST {name}"), ("epoch", y), &curves)?;
        println!("picture: {}", path.display());
    }
    Ok(())
}

/// Trains on the 60,000 images and classifies the 10,000 after each epoch.
fn train<N>(data: &Mnist, plan: &Plan, bar: ProgressBar) -> Result<Trained<N>>
where
    N: Layer<Pixels, Out = [f32; 10]> + Zero + Sync,
    Trainer<N, Pixels, 16>: Send,
{
    let mut session = Session::<N, Pixels>::new(plan, Init::GlorotUniform, bar)?;
    let (mut accuracies, mut confusion) = (Vec::new(), Confusion::default());
    for _ in 0..plan.epochs {
        confusion = Confusion::default();
        session.epoch(
            &CrossEntropy,
            Examples { x: &data.train.images, y: &data.train.labels },
            Examples { x: &data.test.images, y: &data.test.labels },
            |y, class| confusion.add(*class, argmax(y)),
        )?;
        accuracies.push(confusion.accuracy());
    }
    let seconds_per_epoch = session.training_time.as_secs_f64() / f64::from(plan.epochs.max(1));
    Ok(Trained { net: session.net, losses: session.losses, accuracies, confusion, seconds_per_epoch })
}
