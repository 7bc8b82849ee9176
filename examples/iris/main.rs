//! Trains 4-10(sigmoid)-3(softmax) on Fisher's Iris and writes the weights for a device.
//!
//! `cargo run --release --example iris -- --help` lists the options.

mod data;
mod firmware;
mod sweep;
mod table;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Parser;
use common::options::{self, Plan, Training};
use common::session::{Examples, Session, progress};
use common::{plot, store};
use indicatif::ProgressBar;
use nerve::prelude::*;

use data::{SPECIES, Split};

/// Takes raw centimetres: the standardisation is the first layer.
type Net<const H: usize> = chain![Standardize<4>, Dense<4, H, Sigmoid>, Dense<H, 3>];

#[derive(Parser)]
#[command(about = "Train a network on Fisher's Iris flowers")]
struct Options {
    #[command(flatten)]
    training: Training,
    /// Hidden neurons, 1 to 20.
    #[arg(long, default_value_t = 10)]
    hidden: usize,
    /// Writes weights and held-out flowers into this folder of the firmware; needs 10 hidden neurons.
    #[arg(long)]
    firmware: Option<PathBuf>,
    /// Trains with 1 to 20 hidden neurons on 30 splits each, and draws accuracy and cross-entropy.
    #[arg(long)]
    sweep: bool,
    /// Trains on 300 splits for each optimizer and prints the accuracies beside PyTorch's.
    #[arg(long)]
    table: bool,
}

/// A network after training.
struct Trained<const H: usize> {
    net: Box<Net<H>>,
    /// `(training, held-out)` cross-entropy after each epoch.
    losses: Vec<(f32, f32)>,
    confusion: Confusion<3>,
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

fn main() -> Result<()> {
    let options: Options =
        options::parse(&[("optimizer", "adam"), ("epochs", "100"), ("batch", "16"), ("out", "target/iris")])?;
    options::use_threads(options.training.threads)?;
    match &options {
        Options { table: true, .. } => table::print(),
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
        println!("{confusion}\n");
        println!(
            "held-out accuracy {:.1} % ({} of {})",
            100.0 * confusion.accuracy(),
            confusion.correct(),
            confusion.total()
        );
        let path = out.join(format!("4-{H}-3-{}.nrv", name.to_lowercase()));
        let file = store::save(&*trained.net, &path)?;
        println!("weights: {} ({} bytes)", path.display(), file.len());
        if let Some(folder) = &options.firmware {
            if H != 10 {
                bail!("--firmware needs --hidden 10, the network that the firmware declares");
            }
            firmware::write(folder, &trained.net, &file, &split)?;
            println!("for the firmware: {}", folder.display());
        }
        curves.extend(plot::losses(&name, &trained.losses));
    }
    let path = out.join("learning-curve.svg");
    plot::curves(&path, &format!("Iris 4-{H}-3: learning curve"), ("epoch", "cross-entropy"), &curves)?;
    println!("learning curve: {}", path.display());
    Ok(())
}

/// Trains on one part of `split` and classifies the other.
fn train<const H: usize>(split: &Split, plan: &Plan, bar: ProgressBar) -> Result<Trained<H>> {
    let mut session = Session::<Net<H>, data::Input>::new(plan, Init::GlorotUniform, bar)?;
    if plan.resume.is_none() {
        session.net.0.0.fit(split.train.x.iter());
    }
    let mut confusion = Confusion::default();
    for _ in 0..plan.epochs {
        confusion = Confusion::default();
        let part = |part| -> Examples<data::Input, usize> {
            let data::Part { x, y }: &data::Part = part;
            Examples { x, y }
        };
        session.epoch(&CrossEntropy, part(&split.train), part(&split.test), |y, class| {
            confusion.add(*class, argmax(y));
        })?;
    }
    Ok(Trained { net: session.net, losses: session.losses, confusion })
}
