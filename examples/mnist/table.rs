//! Three seeds of each network and optimizer, beside PyTorch.

use anyhow::Result;
use common::classification::{self, Trained};
use common::mnist::{Mnist, Pixels};
use common::options::{Kind, Plan};
use common::session::{Session, progress};
use common::table::{Better, Table};
use nerve::Layer;
use nerve::prelude::*;

use crate::RATES;
use crate::networks::{Hidden10, Hidden100};

const EPOCHS: u32 = 20;
const SEEDS: u64 = 3;
/// PyTorch's accuracies for SGD, momentum and Adam.
const PYTORCH_10: [f64; 3] = [93.1, 92.5, 93.0];
const PYTORCH_100: [f64; 3] = [97.1, 97.9, 97.7];
/// PyTorch's seconds for an epoch of 784-100-10 with SGD at batch 32 on one thread; on another machine.
const PYTORCH_SECONDS: f64 = 0.46;

pub fn print(data: &Mnist) -> Result<()> {
    Table::heading();
    let mut table = Table::default();
    rows::<Hidden10>("784-10-10", data, PYTORCH_10, &mut table)?;
    rows::<Hidden100>("784-100-10", data, PYTORCH_100, &mut table)?;
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(16 << 20).build()?;
    let mut seconds = Vec::new();
    for seed in 1..=SEEDS {
        let plan = plan(Kind::Sgd, 3, seed);
        seconds.push(one_thread.install(|| train::<Hidden100>("one thread", data, &plan))?.seconds_per_epoch);
    }
    table.add(
        "mnist 784-100-10, SGD, batch 32: seconds an epoch, one thread",
        &seconds,
        PYTORCH_SECONDS,
        2,
        Better::Lower,
    );
    table.end()
}

fn rows<N>(name: &str, data: &Mnist, pytorch: [f64; 3], table: &mut Table) -> Result<()>
where
    N: Layer<Pixels, Out = [f32; 10]> + Zero,
{
    for (optimizer, reference) in [Kind::Sgd, Kind::Momentum, Kind::Adam].into_iter().zip(pytorch) {
        let mut accuracies = Vec::new();
        for seed in 1..=SEEDS {
            let trained = train::<N>(&format!("{name} {optimizer} {seed}"), data, &plan(optimizer, EPOCHS, seed))?;
            accuracies.push(100.0 * f64::from(trained.confusion.accuracy()));
        }
        table.add(
            &format!("mnist {name}, {optimizer}, epoch {EPOCHS}: accuracy %"),
            &accuracies,
            reference,
            1,
            Better::Higher,
        );
    }
    Ok(())
}

fn train<N>(name: &str, data: &Mnist, plan: &Plan) -> Result<Trained<N, 10>>
where
    N: Layer<Pixels, Out = [f32; 10]> + Zero,
{
    let bar = progress(name, plan.epochs)?;
    let session = Session::new(plan, Init::GlorotUniform, bar.clone())?;
    let trained = classification::train(session, plan, data.train.examples(), data.test.examples())?;
    bar.finish_and_clear();
    Ok(trained)
}

fn plan(optimizer: Kind, epochs: u32, seed: u64) -> Plan {
    Plan { optimizer, learning_rate: RATES[optimizer as usize], epochs, batch: 32, seed, resume: None }
}
