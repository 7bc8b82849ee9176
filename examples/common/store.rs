//! Networks on disk.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nerve::graph::Graph;
use nerve::prelude::*;
use nerve::{Describe, Tensor, litert, onnx};

use crate::integers::quantised;
use crate::options::Training;

/// Writes a trained network to the folder of `--out` and prints where: its weights, for `--onnx` itself, for `--tflite` itself in floats and
/// in integers with the ranges that the first of the `typical` inputs lead to. Returns the weights file's path.
pub fn write<X: Tensor<Elem = f32>, N: Describe<X>>(
    net: &N,
    training: &Training,
    name: &str,
    typical: &[X],
) -> Result<PathBuf> {
    let path = training.out.join(format!("{}.nrv", name.to_lowercase()));
    let bytes = save(net, &path)?.len();
    println!("weights: {} ({bytes} bytes)", path.display());
    let put = |format: &str, extension: &str, file: Vec<u8>| {
        let path = path.with_extension(extension);
        fs::write(&path, &file).with_context(|| format!("could not write {}", path.display()))?;
        println!("{format}: {} ({} bytes)", path.display(), file.len());
        anyhow::Ok(())
    };
    if training.onnx {
        put("ONNX", "onnx", onnx::export::<X, N>(net)?)?;
    }
    if training.tflite {
        put("LiteRT", "tflite", litert::write(&Graph::of::<X, N>(net)?)?)?;
        put("LiteRT in integers", "int8.tflite", litert::write(&quantised(net, typical)?.graph)?)?;
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
