//! The device's network in the formats of others.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use nerve::prelude::*;
use nerve::{onnx, pytorch};

#[path = "../iris/networks.rs"]
mod networks;
use networks::{Input, Net};

/// What a file holds, by the ending of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A weights file, of whichever network.
    Weights,
    /// Weights of a PyTorch model.
    SafeTensors,
    /// A network for other runtimes.
    Onnx,
}

impl Format {
    pub fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("nrv") => Ok(Self::Weights),
            Some("safetensors") => Ok(Self::SafeTensors),
            Some("onnx") => Ok(Self::Onnx),
            _ => bail!("{}: its name should end in .nrv, .safetensors or .onnx", path.display()),
        }
    }
}

/// The device's weights file `present` with a PyTorch model's weights instead of its own. The standardisation of inputs, which the model
/// does not have, stays.
pub fn from_pytorch(present: &[u8], model: &[u8], fingerprint: u32) -> Result<Vec<u8>> {
    let mut net = read(present, fingerprint)?;
    let loaded = pytorch::load::<Input, _>(&mut net, model)?;
    if !loaded.converted.is_empty() {
        eprintln!("{loaded}");
    }
    let mut file = vec![0; weights::file_len::<f32, Net>()];
    weights::save(&net, &mut file)?;
    Ok(file)
}

/// The network of the device's weights file `present` as ONNX.
pub fn to_onnx(present: &[u8], fingerprint: u32) -> Result<Vec<u8>> {
    Ok(onnx::export::<Input, _>(&read(present, fingerprint)?)?)
}

fn read(file: &[u8], fingerprint: u32) -> Result<Net> {
    ensure!(
        fingerprint == <Net as Tensors<f32>>::FINGERPRINT,
        "the device runs another network than examples/iris/networks.rs declares: only weights files (.nrv) go to and from it"
    );
    let mut net = Net::ZERO;
    weights::load(&mut net, file).context("what the device gave")?;
    Ok(net)
}
