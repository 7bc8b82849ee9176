//! What the firmware takes from the desktop.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use common::options::Plan;
use common::session::progress;
use common::store;
use nerve::prelude::*;

use crate::data::Split;
use crate::networks::{Cnn, EXERCISES, Recurrent, Window};
use crate::train;

/// Held-out windows of each exercise.
const WINDOWS: usize = 4;

/// Writes `signal-cnn.nrv`, `signal-gru.nrv` and `signal.bin`: held-out windows, each with its exercise and the bits of the logits that
/// the host computes by the CNN and by the GRU, as little-endian words.
pub fn write(folder: &Path, split: &Split, plan: &Plan) -> Result<()> {
    fs::create_dir_all(folder)?;
    let bar = progress("1-D CNN", plan.epochs)?;
    let cnn = train::<Cnn>(split, plan, bar.clone())?;
    bar.finish();
    let bar = progress("GRU", plan.epochs)?;
    let gru = train::<Recurrent>(split, plan, bar.clone())?;
    bar.finish();
    store::save(&*cnn.net, &folder.join("signal-cnn.nrv"))?;
    store::save(&*gru.net, &folder.join("signal-gru.nrv"))?;

    let (mut by_cnn, mut by_gru) =
        (Arena::<{ arena_len::<Cnn, Window>() }>::ZERO, Arena::<{ arena_len::<Recurrent, Window>() }>::ZERO);
    let mut bytes = Vec::new();
    for class in 0..EXERCISES.len() {
        let windows: Vec<_> = split.test.x.iter().zip(&split.test.y).filter(|(_, y)| **y == class).collect();
        let step = windows.len() / WINDOWS;
        for i in 0..WINDOWS {
            let (x, _) = windows.get(i * step).context("too few windows of an exercise are held out")?;
            bytes.extend((class as u32).to_le_bytes());
            bytes.extend(x.as_flattened().iter().flat_map(|v| v.to_le_bytes()));
            bytes.extend(by_cnn.predict(&*cnn.net, *x).iter().flat_map(|v| v.to_le_bytes()));
            bytes.extend(by_gru.predict(&*gru.net, *x).iter().flat_map(|v| v.to_le_bytes()));
        }
    }
    fs::write(folder.join("signal.bin"), bytes)?;
    println!(
        "held-out accuracy: 1-D CNN {:.1} %, GRU {:.1} %",
        100.0 * cnn.confusion.accuracy(),
        100.0 * gru.confusion.accuracy()
    );
    Ok(())
}
