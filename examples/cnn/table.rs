//! Three seeds of each network beside PyTorch.

use anyhow::Result;
use common::mnist::Source;
use common::options::{Kind, Plan};
use common::session::{Session, progress};
use common::table::{Better, Stats, Table};
use common::{classification, integers};
use nerve::prelude::*;
use nerve::{Describe, Layer};

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
    N: Describe<Image> + Layer<Image, Out = [f32; 10]> + Zero,
{
    let (mut accuracies, mut of_integers) = (Vec::new(), Vec::new());
    for seed in 1..=SEEDS {
        let (plan, bar) = (plan(EPOCHS, seed), progress(&format!("{name} {seed}"), EPOCHS)?);
        let session = Session::<N, Image>::new(&plan, Init::GlorotUniform, bar.clone())?;
        let trained = classification::train(session, &plan, examples(&data.train), examples(&data.test))?;
        bar.finish_and_clear();
        accuracies.push(100.0 * f64::from(trained.confusion.accuracy()));
        of_integers.push(integers::accuracy(&*trained.net, &data.train.0, examples(&data.test))?);
    }
    table.add(&format!("{name}, Adam, epoch {EPOCHS}: accuracy %"), &accuracies, pytorch, 1, Better::Higher);
    let floats = Stats::new(&accuracies).mean;
    table.add(&format!("{name}, in integers beside floats: accuracy %"), &of_integers, floats, 2, Better::Higher);
    Ok(())
}

fn plan(epochs: u32, seed: u64) -> Plan {
    Plan { optimizer: Kind::Adam, learning_rate: RATES[2], epochs, batch: 64, seed, resume: None }
}
