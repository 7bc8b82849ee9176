//! What the firmware takes from the desktop.

use std::array::from_ref;
use std::{fmt::Write, fs, path::Path};

use anyhow::Result;
use common::integers;
use nerve::litert;
use nerve::prelude::*;

use crate::data::Split;
use crate::networks::{Input, Net};

/// Flowers that the device may learn from: this many of each species.
const LABELLED_PER_SPECIES: usize = 10;

/// Writes `iris.nrv`, `iris.tflite` and `flowers.rs`: the held-out flowers with the logits' bits that the host computes for them, and some labelled
/// flowers of the training part for fine-tuning.
pub fn write<const H: usize>(folder: &Path, net: &Net<H>, weights: &[u8], split: &Split) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("iris.nrv"), weights)?;
    let model = integers::quantised(net, &split.train.x)?;
    let right = integers::recognised(&model, &split.test.x, &split.test.y)?;
    println!("in integers: {right} of {} held-out flowers recognised", split.test.x.len());
    fs::write(folder.join("iris.tflite"), litert::write(&model.graph)?)?;

    let mut pass = Pass::<Net<H>, Input>::ZERO;
    let mut text = String::from("// Written by `cargo run --release --example iris -- --firmware firmware/data`.\n");
    writeln!(text, "/// A held-out flower, its species, and the bits of the host's logits.")?;
    writeln!(text, "pub static HELD_OUT: [([f32; 4], usize, [u32; 3]); {}] = [", split.test.x.len())?;
    for (x, class) in split.test.x.iter().zip(&split.test.y) {
        writeln!(text, "    ({x:?}, {class}, {:?}),", pass.run(net, from_ref(x))[0].map(f32::to_bits))?;
    }
    let train: Vec<_> = split.train.x.iter().zip(&split.train.y).collect();
    let labelled: Vec<_> = train.chunks(train.len() / 3).flat_map(|species| &species[..LABELLED_PER_SPECIES]).collect();
    writeln!(text, "];\n/// Flowers with their species, for fine-tuning on the device.")?;
    writeln!(text, "pub static LABELLED: [([f32; 4], usize); {}] = [", labelled.len())?;
    for flower in labelled {
        writeln!(text, "    {flower:?},")?;
    }
    text.push_str("];\n");
    fs::write(folder.join("flowers.rs"), text)?;
    Ok(())
}
