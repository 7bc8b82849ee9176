//! Three seeds beside PyTorch's figures.

use anyhow::Result;
use common::autoencoder::{RATES, WithRelu, WithSigmoid};
use common::mnist::{Mnist, Pixels};
use common::options::{Kind, Plan};
use common::session::progress;
use common::table::{Better, Table};
use nerve::Layer;
use nerve::prelude::*;

use crate::train;

const SEEDS: u64 = 3;

pub fn print(data: &Mnist) -> Result<()> {
    Table::heading();
    let mut table = Table::default();
    let sigmoid = errors::<WithSigmoid>("sigmoid", data, 200)?;
    let relu = errors::<WithRelu>("ReLU", data, 50)?;
    for (name, errors, epoch, reference) in
        [("sigmoid", &sigmoid, 50, 0.0190), ("sigmoid", &sigmoid, 200, 0.0166), ("ReLU", &relu, 50, 0.0172)]
    {
        let name = format!("autoencoder, {name}, Adam 0.002, batch 128, epoch {epoch}: MSE");
        let at_epoch: Vec<f64> = errors.iter().map(|losses| f64::from(losses[epoch - 1].1)).collect();
        table.add(&name, &at_epoch, reference, 4, Better::Lower);
    }
    table.end()
}

/// Losses after each epoch, for each seed.
fn errors<N>(name: &str, data: &Mnist, epochs: u32) -> Result<Vec<Vec<(f32, f32)>>>
where
    N: Layer<Pixels, Out = Pixels> + Zero,
{
    (1..=SEEDS)
        .map(|seed| {
            let plan = Plan { optimizer: Kind::Adam, learning_rate: RATES[2], epochs, batch: 128, seed, resume: None };
            let bar = progress(&format!("{name}, seed {seed}"), epochs)?;
            let trained = train::<N>(data, &plan, bar.clone(), |_, _| ())?;
            bar.finish_and_clear();
            Ok(trained.losses)
        })
        .collect()
}
