//! What augmentation is worth where examples are few: a CNN learns some of MNIST's digits, each as it is or changed anew whenever it is shown.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;
use common::mnist::{Part, SIDE, Source};
use common::plot::{self, Curve};
use common::session::progress;
use indicatif::ProgressBar;
use nerve::augment::{self, augmented};
use nerve::prelude::*;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;
use rayon::prelude::*;

use crate::networks::{Image, Tiny};

#[path = "../cnn/networks.rs"]
#[allow(dead_code, reason = "one of its networks is trained here")]
mod networks;

#[derive(Parser)]
#[command(about = "Train a CNN on a few of MNIST's digits, with and without augmentation")]
struct Options {
    /// Digits to train with.
    #[arg(long, default_value_t = 300)]
    examples: usize,
    /// How often each is trained with.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Trainings of each kind, with other digits and first weights.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Folder of the four IDX files; without it they are fetched once.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Folder for the picture.
    #[arg(long, default_value = "target/augment")]
    out: PathBuf,
}

/// Epochs from one look at the held-out digits to the next.
const LOOK: u32 = 10;

type Digits = Vec<(Image, usize)>;

fn main() -> Result<()> {
    let options = Options::parse();
    let data = Source::Digits.load(options.data.as_deref())?;
    let (train, test) = (digits(&data.train), digits(&data.test));
    ensure!((1..=train.len()).contains(&options.examples), "there are {} digits to train with", train.len());
    let bar = progress("trainings", 2 * options.seeds as u32 * options.epochs)?;
    let runs: Vec<_> = (1..=options.seeds).flat_map(|seed| [(seed, false), (seed, true)]).collect();
    let accuracies: Vec<(bool, Vec<f64>)> = runs
        .into_par_iter()
        .map(|(seed, changed)| Ok((changed, accuracies(&options, seed, changed, &train, &test, &bar)?)))
        .collect::<Result<_>>()?;
    bar.finish();

    println!("| {} digits, {} seeds | accuracy, % |\n|---|---|", options.examples, options.seeds);
    let mut curves = Vec::new();
    for (changed, name) in [(false, "as they are"), (true, "changed at random")] {
        let of: Vec<_> = accuracies.iter().filter(|(other, _)| *other == changed).map(|(_, run)| run).collect();
        let at = |look: usize| deviation(&of.iter().map(|run| run[look]).collect::<Vec<_>>());
        let looks: Vec<_> = (0..of[0].len()).map(at).collect();
        let (mean, spread) = looks.last().copied().unwrap_or_default();
        println!("| {name} | {mean:.1} ± {spread:.1} |");
        let points = looks.iter().zip(epochs(&options)).map(|((mean, _), epoch)| (f64::from(epoch), *mean)).collect();
        let spread = looks.iter().map(|(_, spread)| *spread).collect();
        curves.push(Curve { name: name.into(), points, spread, pale: false });
    }
    println!();
    let title = format!("A CNN of {} digits: mean and deviation of {} trainings", options.examples, options.seeds);
    plot::curves(&options.out.join("augment.svg"), &title, ("epoch", "accuracy on held-out digits, %"), &curves)
}

/// After which epochs the held-out digits are classified.
fn epochs(options: &Options) -> impl Iterator<Item = u32> {
    let last = options.epochs;
    (1..=last).filter(move |epoch| epoch.is_multiple_of(LOOK) || *epoch == last)
}

/// Percent of the held-out digits that are classified right, after each of [`epochs`].
fn accuracies(
    options: &Options,
    seed: u64,
    changed: bool,
    train: &[(Image, usize)],
    test: &[(Image, usize)],
    bar: &ProgressBar,
) -> Result<Vec<f64>> {
    let mut rng = Pcg32::seed_from_u64(seed);
    let mut order: Vec<_> = train.iter().collect();
    shuffle(&mut order, &mut rng);
    order.truncate(options.examples);
    let mut net = Box::new(Tiny::ZERO);
    net.init(Init::GlorotUniform, &mut rng);
    let (mut trainer, mut adam) = (Box::new(Trainer::<Tiny, Image, 32>::ZERO), Adam::new(0.001));
    let (mut found, mut looks) = (Vec::new(), epochs(options).peekable());
    for epoch in 1..=options.epochs {
        shuffle(&mut order, &mut rng);
        let examples = order.iter().map(|(x, class)| (x, class));
        if changed {
            let examples = augmented(examples, &mut rng, |x, rng| {
                augment::shift(x, 2, rng);
                augment::turn(x, 15.0, rng);
                augment::scale(x, 0.2, rng);
                augment::noise(x, 0.05, rng);
            });
            trainer.epoch(&mut *net, &mut adam, &CrossEntropy, examples)?;
        } else {
            trainer.epoch(&mut *net, &mut adam, &CrossEntropy, examples)?;
        }
        if looks.next_if_eq(&epoch).is_some() {
            let mut confusion = Confusion::<10>::default();
            let examples = test.iter().map(|(x, class)| (x, class));
            trainer.evaluate(&*net, &CrossEntropy, examples, |y, class| confusion.add(*class, argmax(y)))?;
            found.push(100.0 * f64::from(confusion.accuracy()));
            bar.set_message(format!("held out {:.1} %", 100.0 * confusion.accuracy()));
        }
        bar.inc(1);
    }
    Ok(found)
}

fn digits(part: &Part) -> Digits {
    let image = |pixels: &[f32; SIDE * SIDE]| -> Image {
        std::array::from_fn(|row| std::array::from_fn(|column| [pixels[row * SIDE + column]]))
    };
    part.images.iter().map(image).zip(part.labels.iter().copied()).collect()
}

/// The mean, and the standard deviation over seeds.
fn deviation(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / (values.len().max(2) - 1) as f64).sqrt())
}
