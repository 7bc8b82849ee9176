//! Takes the firmware's network of flowers to and from the formats of others: PyTorch's weights, ONNX. For a network of your own, name its type
//! in place of `Net`.
//!
//! `cargo run --release --example convert -- model.safetensors flowers.nrv`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Parser;
use common::store;
use nerve::prelude::*;
use nerve::{onnx, pytorch};

#[path = "../iris/networks.rs"]
mod networks;
use networks::{Input, Net};

#[derive(Parser)]
#[command(
    about = "A PyTorch model's weights into a weights file (.safetensors to .nrv), or that as ONNX (.nrv to .onnx)"
)]
struct Options {
    /// A PyTorch model's weights, or a weights file such as `nerve device download` writes.
    from: PathBuf,
    /// A weights file, whose standardisation of inputs stays, since the model has none; or a new ONNX file.
    to: PathBuf,
}

fn main() -> Result<()> {
    let Options { from, to } = Options::parse();
    let ending = |path: &Path| path.extension().unwrap_or_default().to_string_lossy().into_owned();
    let mut net = Net::ZERO;
    match (&*ending(&from), &*ending(&to)) {
        ("safetensors", "nrv") => {
            store::load(&mut net, &to)?;
            let model = fs::read(&from).with_context(|| format!("could not read {}", from.display()))?;
            let loaded = pytorch::load::<Input, Net>(&mut net, &model)?;
            if !loaded.converted.is_empty() {
                eprintln!("{loaded}");
            }
            store::save(&net, &to)?;
        }
        ("nrv", "onnx") => {
            store::load(&mut net, &from)?;
            fs::write(&to, onnx::export::<Input, Net>(&net)?)
                .with_context(|| format!("could not write {}", to.display()))?;
        }
        _ => bail!("from .safetensors to .nrv, or from .nrv to .onnx"),
    }
    Ok(())
}
