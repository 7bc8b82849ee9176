//! How many hidden neurons it takes.

use std::path::Path;

use anyhow::{Result, bail};
use common::options::{Kind, Plan};
use common::plot::{self, Curve};
use common::table::Stats;
use indicatif::ProgressBar;
use rayon::prelude::*;

use crate::data::Split;
use crate::{train, with_hidden};

const SPLITS: u64 = 30;
const MOST: usize = 20;

/// Trains with Adam, batch 16, 100 epochs; draws the means with their deviations over the splits.
pub fn run(out: &Path) -> Result<()> {
    println!("| hidden neurons | accuracy % | cross-entropy |\n|---|---|---|");
    let curve = || Curve {
        name: format!("mean and deviation over {SPLITS} splits"),
        points: Vec::new(),
        spread: Vec::new(),
        pale: false,
    };
    let (mut accuracy, mut loss) = (curve(), curve());
    let bar = ProgressBar::new(MOST as u64);
    for hidden in 1..=MOST {
        let results = with_hidden!(hidden, splits(SPLITS))?;
        let (accuracies, losses): (Vec<f64>, Vec<f64>) = results.into_iter().unzip();
        let (a, l) = (Stats::new(&accuracies), Stats::new(&losses));
        bar.suspend(|| println!("| {hidden} | {a:.1} | {l:.3} |"));
        for (curve, stats) in [(&mut accuracy, a), (&mut loss, l)] {
            curve.points.push((hidden as f64, stats.mean));
            curve.spread.push(stats.deviation);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    for (file, y, curve) in
        [("sweep-accuracy.svg", "held-out accuracy, %", accuracy), ("sweep-loss.svg", "held-out cross-entropy", loss)]
    {
        let path = out.join(file);
        plot::curves(&path, "Iris: hidden neurons", ("hidden neurons", y), &[curve])?;
    }
    Ok(())
}

/// Accuracies with a number of hidden neurons, in percent.
pub fn accuracies(hidden: usize, count: u64) -> Result<Vec<f64>> {
    Ok(with_hidden!(hidden, splits(count))?.into_iter().map(|(accuracy, _)| accuracy).collect())
}

/// Accuracy in percent and cross-entropy on what each split holds out.
fn splits<const H: usize>(count: u64) -> Result<Vec<(f64, f64)>> {
    (0..count)
        .into_par_iter()
        .map(|seed| {
            let plan = Plan { optimizer: Kind::Adam, learning_rate: 0.01, epochs: 100, batch: 16, seed, resume: None };
            let trained = train::<H>(&Split::new(seed)?, &plan, ProgressBar::hidden())?;
            let loss = trained.losses.last().map_or(f32::NAN, |losses| losses.1);
            Ok((100.0 * f64::from(trained.confusion.accuracy()), f64::from(loss)))
        })
        .collect()
}
