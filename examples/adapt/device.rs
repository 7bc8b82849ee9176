//! What an emulated device is built with, what it is given and shown, and what it must have learned then.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use common::store;
use nerve::graph::Graph;
use nerve::{Zero, litert};

use crate::features::Features;
use crate::learning::Head;
use crate::{DIGITS, FEATURES, Labelled};

const NETWORK: &str = "digits.tflite";
const HEAD: &str = "digits-head.nrv";

/// Writes what [`read`] reads.
pub fn write_firmware(folder: &Path, network: &Graph, head: &Head<FEATURES, DIGITS>) -> Result<()> {
    store::save(head, &folder.join(HEAD))?;
    put(&folder.join(NETWORK), &litert::write(network))
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
pub fn write_shown<X: AsRef<[f32]>, const F: usize, const C: usize>(
    out: &Path,
    features: &Features<F>,
    head: &Head<F, C>,
    given: &Labelled<X>,
    shown: &Labelled<X>,
) -> Result<()> {
    store::save(head, &out.join("head.nrv"))?;
    for (name, (inputs, classes)) in [("given.bin", given), ("shown.bin", shown)] {
        let examples = inputs.iter().zip(classes);
        let bytes = examples.flat_map(|(x, class)| features.input(x.as_ref()).into_iter().chain([*class as u8]));
        put(&out.join(name), &bytes.collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Writes `learned.nrv`, the last layer that has learned from them.
pub fn write_learned<const F: usize, const C: usize>(out: &Path, head: &Head<F, C>) -> Result<()> {
    store::save(head, &out.join("learned.nrv")).map(|_| ())
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("could not write {}", path.display()))
}
