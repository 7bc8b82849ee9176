//! What an emulated device is built with, what it is given and shown, and what it must have learned then.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use common::store;
use nerve::graph::Graph;
use nerve::{Params, Zero, litert};

use crate::features::Features;
use crate::learning::Head;
use crate::{DIGITS, FEATURES, Labelled};

const NETWORK: &str = "digits.tflite";
const HEAD: &str = "digits-head.nrv";

/// Writes what [`read`] reads.
pub fn write_firmware(
    folder: &Path,
    network: &Graph,
    features: &Features<FEATURES>,
    head: &Head<FEATURES, DIGITS>,
) -> Result<()> {
    write_head(&folder.join(HEAD), features, head)?;
    put(&folder.join(NETWORK), &litert::write(network)?)
}

/// The network in integers, and the last layer that has a place for all digits and has learned eight.
pub fn read(folder: &Path) -> Result<(Graph, Head<FEATURES, DIGITS>)> {
    let path = folder.join(NETWORK);
    let network = fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
    let mut head = Head::ZERO;
    store::load(&mut head, &folder.join(HEAD))?;
    Ok((litert::read(&network)?, head))
}

/// Writes `head.nrv`, the last layer before it learns, and `given.bin` and `shown.bin`: inputs as the network takes them, each with its
/// class behind it.
pub fn write_shown<X: AsRef<[f32]>, N: Params<f32>, const F: usize>(
    out: &Path,
    features: &Features<F>,
    head: &N,
    given: &Labelled<X>,
    shown: &Labelled<X>,
) -> Result<()> {
    write_head(&out.join("head.nrv"), features, head)?;
    for (name, (inputs, classes)) in [("given.bin", given), ("shown.bin", shown)] {
        let examples = inputs.iter().zip(classes);
        let bytes = examples.flat_map(|(x, class)| features.input(x.as_ref()).into_iter().chain([*class as u8]));
        put(&out.join(name), &bytes.collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Writes `learned.nrv`, the last layer that has learned from them.
pub fn write_learned<N: Params<f32>, const F: usize>(out: &Path, features: &Features<F>, head: &N) -> Result<()> {
    write_head(&out.join("learned.nrv"), features, head)
}

/// A weights file of format 3, which names the features: here they are found while the program runs, so that the head's type does not.
fn write_head<N: Params<f32>, const F: usize>(path: &Path, features: &Features<F>, head: &N) -> Result<()> {
    let file = store::save(head, path)?;
    put(path, &[b"nerv\x03", &file[5..18], &features.name.to_le_bytes(), &file[18..]].concat())
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("could not write {}", path.display()))
}
