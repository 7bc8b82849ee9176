//! Accuracies over many splits.

use anyhow::{Result, ensure};
use common::integers;
use common::options::{Kind, Plan};
use common::table::{Better, Stats, Table};
use indicatif::{ParallelProgressIterator, ProgressBar};
use rayon::prelude::*;

use crate::data::Split;
use crate::train;

/// As many as PyTorch's figures were measured over; a mean over them has a standard error of half a point.
const FEW: usize = 30;
/// Enough for a standard error of 0.15 points.
const SPLITS: u64 = 300;
/// The mean may be this much below PyTorch's.
const TOLERANCE: f64 = 1.0;

/// Optimizer, batch, epochs, and PyTorch 2's accuracy for the same protocol (Glorot-uniform weights, zero biases, shuffled each epoch,
/// standardised on the training part).
const ROWS: [(Kind, usize, u32, f64); 5] = [
    (Kind::Sgd, 1, 100, 95.5),
    (Kind::Sgd, 1, 300, 96.7),
    (Kind::Momentum, 1, 50, 96.9),
    (Kind::Adam, 1, 20, 96.4),
    (Kind::Adam, 16, 100, 96.7),
];

/// PyTorch's accuracy by hidden neurons: Adam, batch 16, 100 epochs.
const HIDDEN: [(usize, f64); 6] = [(1, 79.8), (2, 95.7), (3, 96.5), (5, 96.5), (10, 96.7), (20, 96.7)];

/// Prints a row for each protocol; fails if a mean is more than a point below PyTorch's.
pub fn print() -> Result<()> {
    Table::heading();
    let mut table = Table::default();
    for (optimizer, batch, epochs, reference) in ROWS {
        let plan = |seed| Plan { optimizer, learning_rate: 0.01, epochs, batch, seed, resume: None };
        let accuracies = accuracies::<10>(SPLITS, plan)?;
        for accuracies in [&accuracies[..FEW], &accuracies] {
            let splits = accuracies.len();
            let name =
                format!("iris 4-10-3, {optimizer}, batch {batch}, epoch {epochs}: accuracy % over {splits} splits");
            table.add(&name, accuracies, reference, 1, Better::Higher);
            ensure!(
                Stats::new(accuracies).mean >= reference - TOLERANCE,
                "{name}: more than a point below {reference} %"
            );
        }
    }
    for (hidden, reference) in HIDDEN {
        let accuracies = crate::sweep::accuracies(hidden, FEW as u64)?;
        table.add(
            &format!("iris 4-{hidden}-3, Adam, batch 16, epoch 100: accuracy %"),
            &accuracies,
            reference,
            1,
            Better::Higher,
        );
    }
    table.end()
}

fn accuracies<const H: usize>(splits: u64, plan: impl Fn(u64) -> Plan + Sync + Send) -> Result<Vec<f64>> {
    each_split(splits, |seed| {
        let trained = train::<H>(&Split::new(seed)?, &plan(seed), ProgressBar::hidden())?;
        Ok(100.0 * f64::from(trained.confusion.accuracy()))
    })
}

fn each_split<R: Send>(splits: u64, f: impl Fn(u64) -> Result<R> + Sync + Send) -> Result<Vec<R>> {
    (0..splits).into_par_iter().progress_with(ProgressBar::new(splits)).map(f).collect()
}

/// Prints what the network recognises in integers.
pub fn integers() -> Result<()> {
    let (optimizer, batch, epochs, _) = ROWS[4];
    integers::heading();
    let seeds = each_split(SPLITS, |seed| {
        let split = Split::new(seed)?;
        let plan = Plan { optimizer, learning_rate: 0.01, epochs, batch, seed, resume: None };
        let trained = train::<10>(&split, &plan, ProgressBar::hidden())?;
        let floats = 100.0 * f64::from(trained.confusion.accuracy());
        integers::compare(&*trained.net, floats, &plan, split.train.examples(), split.test.examples())
    })?;
    integers::row(&format!("iris 4-10-3, {optimizer}, epoch {epochs}"), &seeds);
    Ok(())
}
