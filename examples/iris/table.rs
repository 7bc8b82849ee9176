//! Mean accuracies over many splits.

use std::error::Error;

use indicatif::ProgressBar;

use crate::{Choice, Plan, data::Split, train};

/// As many as PyTorch's figures were measured over; a mean over them has a standard error of half a point.
const FEW: usize = 30;
/// Enough for a standard error of 0.15 points.
const SPLITS: usize = 300;

/// PyTorch 2's figure for the same protocol (Glorot-uniform weights, zero biases, shuffled each epoch, standardised on the training part).
struct Row {
    optimizer: Choice,
    batch: usize,
    epochs: u32,
    pytorch: f64,
}

const ROWS: [Row; 5] = [
    Row { optimizer: Choice::Sgd, batch: 1, epochs: 100, pytorch: 95.5 },
    Row { optimizer: Choice::Sgd, batch: 1, epochs: 300, pytorch: 96.7 },
    Row { optimizer: Choice::Momentum, batch: 1, epochs: 50, pytorch: 96.9 },
    Row { optimizer: Choice::Adam, batch: 1, epochs: 20, pytorch: 96.4 },
    Row { optimizer: Choice::Adam, batch: 16, epochs: 100, pytorch: 96.7 },
];

/// Trains 4-10-3 on every split for every row, learning rate 0.01, and prints the means beside PyTorch's.
/// Fails if the mean over all splits is more than a point below.
pub fn print() -> Result<(), Box<dyn Error>> {
    println!(
        "Iris 4-10(sigmoid)-3(softmax), learning rate 0.01, stratified splits of 105/45 flowers, held-out accuracy\n"
    );
    println!("| optimizer | batch | epochs | {FEW} splits | {SPLITS} splits | PyTorch, {FEW} splits | difference |");
    println!("|---|---|---|---|---|---|---|");
    let bar = ProgressBar::new((SPLITS * ROWS.len()) as u64);
    let mut short = false;
    for row in &ROWS {
        let mut accuracies = Vec::new();
        for seed in 0..SPLITS as u64 {
            let plan = Plan { optimizer: row.optimizer, learning_rate: 0.01, epochs: row.epochs, seed };
            let split = Split::new(seed)?;
            let trained = match row.batch {
                16 => train::<10, 16>(&split, plan, |_| ())?,
                _ => train::<10, 1>(&split, plan, |_| ())?,
            };
            accuracies.push(100.0 * f64::from(trained.confusion.accuracy()));
            bar.inc(1);
        }
        let ((few, few_error), (mean, error)) = (mean_and_error(&accuracies[..FEW]), mean_and_error(&accuracies));
        let difference = mean - row.pytorch;
        short |= difference < -1.0;
        bar.suspend(|| {
            println!(
                "| {:?} | {} | {} | {few:.1} ± {few_error:.1} % | {mean:.1} ± {error:.1} % | {:.1} % | {difference:+.1} |",
                row.optimizer, row.batch, row.epochs, row.pytorch
            );
        });
    }
    bar.finish_and_clear();
    println!("\n± is the standard error of the mean.");
    if short { Err("a mean is more than one point below PyTorch's".into()) } else { Ok(()) }
}

/// The mean and its standard error.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}
