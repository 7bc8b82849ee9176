//! Mean accuracies over 30 splits.

use std::error::Error;

use indicatif::ProgressBar;

use crate::{Choice, Plan, data::Split, train};

const SPLITS: u64 = 30;

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

/// Trains 4-10-3 on every split for every row, learning rate 0.01; prints mean, standard deviation and the difference to PyTorch.
/// Fails if a mean is more than a point below.
pub fn print() -> Result<(), Box<dyn Error>> {
    println!("Iris 4-10(sigmoid)-3(softmax), learning rate 0.01, {SPLITS} stratified splits of 105/45 flowers\n");
    println!("| optimizer | batch | epochs | held-out accuracy | PyTorch | difference |\n|---|---|---|---|---|---|");
    let bar = ProgressBar::new(SPLITS * ROWS.len() as u64);
    let mut short = false;
    for row in &ROWS {
        let mut accuracies = Vec::new();
        for seed in 1..=SPLITS {
            let plan = Plan { optimizer: row.optimizer, learning_rate: 0.01, epochs: row.epochs, seed };
            let split = Split::new(seed)?;
            let trained = match row.batch {
                16 => train::<10, 16>(&split, plan, |_| ())?,
                _ => train::<10, 1>(&split, plan, |_| ())?,
            };
            accuracies.push(100.0 * f64::from(trained.confusion.accuracy()));
            bar.inc(1);
        }
        let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
        let variance = accuracies.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / (accuracies.len() - 1) as f64;
        let difference = mean - row.pytorch;
        short |= difference < -1.0;
        bar.suspend(|| {
            println!(
                "| {:?} | {} | {} | {mean:.1} ± {:.1} % | {:.1} % | {difference:+.1} |",
                row.optimizer,
                row.batch,
                row.epochs,
                variance.sqrt(),
                row.pytorch
            );
        });
    }
    bar.finish_and_clear();
    if short { Err("a mean is more than one point below PyTorch's".into()) } else { Ok(()) }
}
