//! Five seeds of each network and of a baseline beside PyTorch.

use anyhow::Result;
use common::classification::{self, Trained};
use common::integers;
use common::options::{Kind, Plan};
use common::session::{Examples, Session, progress};
use common::table::{Better, Table};
use indicatif::ProgressBar;
use nerve::prelude::*;
use nerve::{Describe, Layer, Round};

use crate::data::{Recording, Split};
use crate::networks::{Cnn, Recurrent, STEPS, Window};
use crate::{RATES, train};

const EPOCHS: u32 = 40;
const SEEDS: u64 = 5;

/// Softmax regression on each channel's mean and standard deviation.
type Baseline = Dense<12, 7>;

/// What `pytorch.py` prints.
const FEATURES: f64 = 82.9;
const CNN: f64 = 84.9;
const GRU: f64 = 86.6;

pub fn print(recordings: &[Recording]) -> Result<()> {
    Table::heading();
    let mut table = Table::default();
    row("softmax regression on means and deviations", FEATURES, &mut table, |plan, bar| {
        let Split { train, test } = Split::new(recordings, plan.seed);
        let [x, test_x] = [&train, &test].map(|part| part.x.iter().map(features).collect::<Vec<_>>());
        let session = Session::<Baseline, _>::new(plan, Init::GlorotUniform, bar)?;
        classification::train(session, plan, Examples { x: &x, y: &train.y }, Examples { x: &test_x, y: &test.y })
    })?;
    row("1-D CNN", CNN, &mut table, |plan, bar| train::<Cnn>(&Split::new(recordings, plan.seed), plan, bar))?;
    row("GRU", GRU, &mut table, |plan, bar| train::<Recurrent>(&Split::new(recordings, plan.seed), plan, bar))?;
    table.end()
}

fn row<N>(
    name: &str,
    pytorch: f64,
    table: &mut Table,
    mut train: impl FnMut(&Plan, ProgressBar) -> Result<Trained<N, 7>>,
) -> Result<()> {
    let mut accuracies = Vec::new();
    for seed in 1..=SEEDS {
        let (plan, bar) = (plan(seed), progress(&format!("{name} {seed}"), EPOCHS)?);
        let trained = train(&plan, bar.clone())?;
        bar.finish_and_clear();
        accuracies.push(100.0 * f64::from(trained.confusion.accuracy()));
    }
    table.add(&format!("smartwatch {name}, Adam, epoch {EPOCHS}: accuracy %"), &accuracies, pytorch, 1, Better::Higher);
    Ok(())
}

/// As the GRU, with a layer that LiteRT has an operator for.
type Remembering = chain![Lstm<6, 24>, Last, Dense<24, 7>];

/// Prints what the CNN, the GRU and an LSTM recognise in integers.
pub fn integers(recordings: &[Recording]) -> Result<()> {
    integers::heading();
    in_integers::<Cnn>("1-D CNN", recordings)?;
    in_integers::<Recurrent>("GRU", recordings)?;
    in_integers::<Remembering>("LSTM", recordings)
}

fn in_integers<N>(name: &str, recordings: &[Recording]) -> Result<()>
where
    N: Describe<Window> + Layer<Window, Out = [f32; 7]> + Zero,
    N: Round<Rounded: Describe<Window> + Layer<Window, Out = [f32; 7]>>,
{
    let seeds = (1..=SEEDS).map(|seed| {
        let (plan, split) = (plan(seed), Split::new(recordings, seed));
        let trained = train::<N>(&split, &plan, ProgressBar::hidden())?;
        let floats = 100.0 * f64::from(trained.confusion.accuracy());
        integers::compare(&*trained.net, floats, &plan, split.train.examples(), split.test.examples())
    });
    integers::row(&format!("smartwatch {name}, Adam, epoch {EPOCHS}"), &seeds.collect::<Result<Vec<_>>>()?);
    Ok(())
}

fn plan(seed: u64) -> Plan {
    Plan { optimizer: Kind::Adam, learning_rate: RATES[2], epochs: EPOCHS, batch: 32, seed, resume: None }
}

fn features(window: &Window) -> [f32; 12] {
    std::array::from_fn(|i| {
        let mean = |f: &dyn Fn(f32) -> f32| window.iter().map(|sample| f(sample[i % 6])).sum::<f32>() / STEPS as f32;
        let first = mean(&|v| v);
        if i < 6 { first } else { mean(&|v| (v - first) * (v - first)).sqrt() }
    })
}
