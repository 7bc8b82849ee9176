//! Tells exercises apart by the motion of a smartwatch: a 1-D CNN and a GRU.

mod data;
mod firmware;
mod table;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use common::options::{self, Plan, Training};
use common::plot::{self, Curve};
use common::session::{Examples, Session, progress};
use common::store;
use indicatif::ProgressBar;
use nerve::prelude::*;
use nerve::{Layer, Tensor};

use data::{EXERCISES, STEPS, Split, Window};

/// 2,615 parameters. A window at a time.
type Cnn = chain![
    Conv1d<6, 16, 5, Relu>,
    MaxPool1d<2, 24>,
    Conv1d<16, 24, 5, Relu>,
    MaxPool1d<2, 12>,
    GlobalAvgPool,
    Dense<24, 7>
];

/// 2,431 parameters. On a device, a sample at a time.
type Recurrent = chain![Gru<6, 24>, Last, Dense<24, 7>];

/// Learning rates of SGD, momentum and Adam.
const RATES: [f32; 3] = [0.1, 0.02, 0.003];

#[derive(Parser)]
#[command(about = "Train networks on the motion of a smartwatch; the seed also says which people are held out")]
struct Options {
    #[command(flatten)]
    training: Training,
    #[arg(long, value_enum, default_value = "cnn")]
    network: Network,
    /// What `watch.py` writes; without it, it is fetched once.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Trains both networks and writes weights and held-out windows into this folder of the firmware.
    #[arg(long)]
    firmware: Option<PathBuf>,
    /// Trains both networks and a baseline with five seeds and prints the accuracies beside PyTorch's.
    #[arg(long)]
    table: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Network {
    /// Two convolutions.
    Cnn,
    /// A recurrent layer.
    Gru,
}

/// A network after training.
struct Trained<N> {
    net: Box<N>,
    losses: Vec<(f32, f32)>,
    accuracies: Vec<f32>,
    confusion: Confusion<7>,
}

fn main() -> Result<()> {
    let options: Options =
        options::parse(&[("optimizer", "adam"), ("epochs", "40"), ("batch", "32"), ("out", "target/signal")])?;
    options::use_threads(options.training.threads)?;
    let recordings = data::load(options.data.as_deref())?;
    if options.table {
        return table::print(&recordings);
    }
    let split = Split::new(&recordings, options.training.seed);
    println!(
        "{} windows of {STEPS} samples to train on, {} of other people held out",
        split.train.x.len(),
        split.test.x.len()
    );
    if let Some(folder) = &options.firmware {
        let plan = options.training.plans(RATES).next();
        ensure!(options.training.optimizer.len() == 1, "--firmware takes the weights of one optimizer");
        return plan.map_or(Ok(()), |plan| firmware::write(folder, &split, &plan));
    }
    match options.network {
        Network::Cnn => run::<Cnn>(&options, &split),
        Network::Gru => run::<Recurrent>(&options, &split),
    }
}

fn run<N>(options: &Options, split: &Split) -> Result<()>
where
    N: Layer<Window, Out = [f32; 7]> + Zero + Sync,
    Trainer<N, Window, 16>: Send,
{
    let (out, name) = (&options.training.out, format!("{:?}", options.network).to_lowercase());
    println!("{name}: {} parameters; exercises {}", <N as Tensors<f32>>::LEN, EXERCISES.join(", "));
    let (mut losses, mut accuracies) = (Vec::new(), Vec::new());
    for plan in options.training.plans(RATES) {
        let optimizer = plan.optimizer.to_string();
        let bar = progress(&optimizer, plan.epochs)?;
        let trained = train::<N>(split, &plan, bar.clone())?;
        bar.finish();
        let path = out.join(format!("{name}-{}.nrv", optimizer.to_lowercase()));
        let bytes = store::save(&*trained.net, &path)?.len();
        println!("\n{name}, {plan}\n{}", trained.confusion);
        println!(
            "held-out accuracy {:.1} %, weights: {} ({bytes} bytes)",
            100.0 * trained.confusion.accuracy(),
            path.display()
        );
        losses.extend(plot::losses(&optimizer, &trained.losses));
        accuracies.push(Curve::by_epoch(optimizer, trained.accuracies.iter().map(|a| 100.0 * a)));
    }
    for (file, y, curves) in [("loss", "cross-entropy", losses), ("accuracy", "held-out accuracy, %", accuracies)] {
        let path = out.join(format!("{name}-{file}.svg"));
        plot::curves(&path, &name, ("epoch", y), &curves)?;
        println!("picture: {}", path.display());
    }
    Ok(())
}

fn train<N>(split: &Split, plan: &Plan, bar: ProgressBar) -> Result<Trained<N>>
where
    N: Layer<Window, Out = [f32; 7]> + Zero + Sync,
    Trainer<N, Window, 16>: Send,
{
    train_on((&split.train.x, &split.train.y), (&split.test.x, &split.test.y), plan, bar)
}

/// Trains on one part and classifies the other after each epoch.
fn train_on<N, X>(train: (&[X], &[usize]), test: (&[X], &[usize]), plan: &Plan, bar: ProgressBar) -> Result<Trained<N>>
where
    X: Tensor<Elem = f32> + Copy + Sync,
    N: Layer<X, Out = [f32; 7]> + Zero + Sync,
    Trainer<N, X, 16>: Send,
{
    let mut session = Session::<N, X>::new(plan, Init::GlorotUniform, bar)?;
    let (mut accuracies, mut confusion) = (Vec::new(), Confusion::default());
    for _ in 0..plan.epochs {
        confusion = Confusion::default();
        let (train, test) = (Examples { x: train.0, y: train.1 }, Examples { x: test.0, y: test.1 });
        session.epoch(&CrossEntropy, train, test, |y, class| confusion.add(*class, argmax(y)))?;
        accuracies.push(confusion.accuracy());
    }
    Ok(Trained { net: session.net, losses: session.losses, accuracies, confusion })
}
