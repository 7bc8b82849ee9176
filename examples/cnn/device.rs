//! What an emulated device classifies, and the logits that it must find.

use std::array::from_ref;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use common::store;
use nerve::prelude::*;
use nerve::{Array, Layer};

use crate::Images;
use crate::networks::Image;

/// Images for the device: some seconds of emulation.
const COUNT: usize = 200;

/// Reads the weights `name.nrv` of `weights`, prints their accuracy on `test` and writes `name.bin` to `out`: for each of the first images
/// its bytes, its class, and its logits as little-endian `f32`.
pub fn prepare<N>(name: &str, weights: &Path, out: &Path, (images, classes): &Images) -> Result<()>
where
    N: Layer<Image, Out = [f32; 10]> + Zero,
{
    let mut net = Box::new(N::ZERO);
    store::load(&mut *net, &weights.join(name).with_extension("nrv"))?;
    let mut pass = Box::new(Pass::<N, Image>::ZERO);
    let mut confusion = Confusion::<10>::default();
    let mut records = Vec::new();
    for (i, (image, class)) in images.iter().zip(classes).enumerate() {
        let [logits] = pass.run(&net, from_ref(image));
        confusion.add(*class, argmax(logits));
        if i < COUNT {
            records.extend(image.flat().iter().map(|value| (value * 255.0).round() as u8));
            records.push(*class as u8);
            records.extend(logits.iter().flat_map(|logit| logit.to_le_bytes()));
        }
    }
    let path = out.join(name).with_extension("bin");
    fs::create_dir_all(out)?;
    fs::write(&path, records).with_context(|| path.display().to_string())?;
    println!(
        "{name} on this machine: {:.2} % of {} held-out images right",
        100.0 * confusion.accuracy(),
        confusion.total()
    );
    Ok(())
}
