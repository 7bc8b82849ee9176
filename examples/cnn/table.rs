//! Three seeds of each network beside PyTorch.

use anyhow::Result;
use common::classification::{self, Trained};
use common::integers;
use common::mnist::Source;
use common::options::{Kind, Plan};
use common::session::{Session, progress};
use common::table::{Better, Table};
use nerve::prelude::*;
use nerve::{Describe, Layer, Round};

use crate::networks::{Image, LeNet5, Residuals, Tiny};
use crate::{Data, RATES, examples};

const EPOCHS: u32 = 10;
const SEEDS: u64 = 3;

/// `digits` are MNIST's; Fashion-MNIST is fetched before anything is trained. The references are what `pytorch.py` prints.
pub fn print(digits: &Data) -> Result<()> {
    let clothes = Source::Fashion.load(None)?.into();
    Table::heading();
    let mut table = Table::default();
    row::<Tiny>("mnist tiny CNN", digits, 98.7, &mut table)?;
    row::<LeNet5>("mnist LeNet-5", digits, 98.9, &mut table)?;
    row::<Residuals>("fashion residual CNN", &clothes, 88.9, &mut table)?;
    table.end()
}

fn row<N>(name: &str, data: &Data, pytorch: f64, table: &mut Table) -> Result<()>
where
    N: Layer<Image, Out = [f32; 10]> + Zero,
{
    let mut accuracies = Vec::new();
    for seed in 1..=SEEDS {
        accuracies.push(accuracy(&train::<N>(name, &plan(EPOCHS, seed), data)?));
    }
    table.add(&format!("{name}, Adam, epoch {EPOCHS}: accuracy %"), &accuracies, pytorch, 1, Better::Higher);
    Ok(())
}

fn accuracy<N>(trained: &Trained<N, 10>) -> f64 {
    100.0 * f64::from(trained.confusion.accuracy())
}

fn train<N>(name: &str, plan: &Plan, data: &Data) -> Result<Trained<N, 10>>
where
    N: Layer<Image, Out = [f32; 10]> + Zero,
{
    let bar = progress(&format!("{name} {}", plan.seed), plan.epochs)?;
    let session = Session::<N, Image>::new(plan, Init::GlorotUniform, bar.clone())?;
    let trained = classification::train(session, plan, examples(&data.train), examples(&data.test))?;
    bar.finish_and_clear();
    Ok(trained)
}

/// Prints what the networks recognise in integers.
pub fn integers(digits: &Data, epochs: u32) -> Result<()> {
    let clothes = Source::Fashion.load(None)?.into();
    integers::heading();
    in_integers::<Tiny>("mnist tiny CNN", digits, epochs)?;
    in_integers::<LeNet5>("mnist LeNet-5", digits, epochs)?;
    in_integers::<Residuals>("fashion residual CNN", &clothes, epochs)
}

fn in_integers<N>(name: &str, data: &Data, epochs: u32) -> Result<()>
where
    N: Layer<Image, Out = [f32; 10]>
        + Describe<Image>
        + Zero
        + Round<Rounded: Describe<Image> + Layer<Image, Out = [f32; 10]>>,
{
    let seeds = (1..=SEEDS).map(|seed| {
        let plan = plan(epochs, seed);
        let trained = train::<N>(name, &plan, data)?;
        integers::compare(&*trained.net, accuracy(&trained), &plan, examples(&data.train), examples(&data.test))
    });
    integers::row(&format!("{name}, Adam, epoch {epochs}"), &seeds.collect::<Result<Vec<_>>>()?);
    Ok(())
}

fn plan(epochs: u32, seed: u64) -> Plan {
    Plan { optimizer: Kind::Adam, learning_rate: RATES[2], epochs, batch: 64, seed, resume: None }
}
