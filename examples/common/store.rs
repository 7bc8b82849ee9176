//! Weights files on disk.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nerve::prelude::*;

/// Writes a network's weights; returns the bytes of the file.
pub fn save<N: Tensors<f32>>(net: &N, path: &Path) -> Result<Vec<u8>> {
    let mut buffer = vec![0; weights::file_len::<f32, N>()];
    weights::save(net, &mut buffer)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, &buffer).with_context(|| path.display().to_string())?;
    Ok(buffer)
}

/// Reads weights in place of a network's.
pub fn load<N: Tensors<f32>>(net: &mut N, path: &Path) -> Result<()> {
    let file = fs::read(path).with_context(|| path.display().to_string())?;
    weights::load(net, &file).with_context(|| path.display().to_string())
}
