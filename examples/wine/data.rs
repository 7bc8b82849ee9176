//! The red wines of `linfa-datasets`, whose package cargo has checked.

use std::collections::{HashMap, HashSet};
use std::fmt;

use anyhow::{Result, ensure};
use common::regression::Rows;
use nerve::shuffle;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

use crate::networks::FEATURES;

/// All 1,599 wines with their quality, 3 to 8.
pub fn load() -> Result<Rows<FEATURES>> {
    let wines = linfa_datasets::winequality();
    ensure!(
        wines.records().dim() == (1599, FEATURES),
        "1599 wines of 11 numbers expected, found {:?}",
        wines.records().dim()
    );
    let x = wines.records().rows().into_iter().map(|row| std::array::from_fn(|i| row[i] as f32)).collect();
    let y = wines.targets().iter().map(|quality| [*quality as f32]).collect();
    Ok(Rows { x, y })
}

/// 80 % to train on and 20 % held out.
pub struct Split {
    pub train: Rows<FEATURES>,
    pub test: Rows<FEATURES>,
    /// Held-out rows that have no equal in the training part.
    pub unseen: Rows<FEATURES>,
    duplicates: usize,
}

type Key = ([u32; FEATURES], u32);

fn keys(rows: &Rows<FEATURES>) -> impl Iterator<Item = Key> {
    rows.x.iter().zip(&rows.y).map(|(x, y)| (x.map(f32::to_bits), y[0].to_bits()))
}

impl Split {
    /// A random split, the same for the same seed.
    pub fn new(wines: &Rows<FEATURES>, seed: u64) -> Self {
        let mut order: Vec<usize> = (0..wines.x.len()).collect();
        shuffle(&mut order, &mut Pcg32::seed_from_u64(seed ^ 0x0057_1AE5));
        let (train, test) = order.split_at(order.len() * 4 / 5);
        let (train, test) = (wines.select(train), wines.select(test));
        let known: HashSet<Key> = keys(&train).collect();
        let unseen: Vec<usize> =
            keys(&test).enumerate().filter(|(_, key)| !known.contains(key)).map(|(i, _)| i).collect();
        let mut counts = HashMap::new();
        keys(wines).for_each(|key| *counts.entry(key).or_insert(0) += 1);
        Self { unseen: test.select(&unseen), train, test, duplicates: wines.x.len() - counts.len() }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (test, unseen) = (self.test.x.len(), self.unseen.x.len());
        write!(
            f,
            "{} wines trained, {test} held out. {} rows repeat another; {} of the held-out wines are in the training part too,\n\
             which flatters every figure of a random split.",
            self.train.x.len(),
            self.duplicates,
            test - unseen
        )
    }
}
