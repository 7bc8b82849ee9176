//! Networks on disk.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nerve::prelude::*;
use nerve::{Describe, Tensor, onnx};

/// Writes a trained network to the folder `out` and prints where: its weights, and for `--onnx` itself. Returns the weights file's path.
pub fn write<X: Tensor<Elem = f32>, N: Describe<X>>(net: &N, out: &Path, name: &str, onnx: bool) -> Result<PathBuf> {
    let path = out.join(format!("{}.nrv", name.to_lowercase()));
    let bytes = save(net, &path)?.len();
    println!("weights: {} ({bytes} bytes)", path.display());
    if onnx {
        let file = onnx::export::<X, N>(net)?;
        let path = path.with_extension("onnx");
        fs::write(&path, &file).with_context(|| format!("could not write {}", path.display()))?;
        println!("ONNX: {} ({} bytes)", path.display(), file.len());
    }
    Ok(path)
}

/// Writes a network's weights; returns the bytes of the file.
pub fn save<N: Tensors<f32>>(net: &N, path: &Path) -> Result<Vec<u8>> {
    let mut buffer = vec![0; weights::file_len::<f32, N>()];
    weights::save(net, &mut buffer)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("could not make the folder {}", folder.display()))?;
    }
    fs::write(path, &buffer).with_context(|| format!("could not write {}", path.display()))?;
    Ok(buffer)
}

/// Reads weights in place of a network's.
pub fn load<N: Tensors<f32>>(net: &mut N, path: &Path) -> Result<()> {
    let file = fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
    weights::load(net, &file).with_context(|| path.display().to_string())
}
