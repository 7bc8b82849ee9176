//! `litert FOLDER` writes random models there and inputs for them; `litert.py` adds what LiteRT's reference kernels make of them.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use host_tests::models;
use nerve::graph::Scalar;
use nerve::litert;

/// As many as it takes for each operator and geometry to be there ten times.
const MODELS: u64 = 700;
const EXAMPLES: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: litert FOLDER")?);
    for scalar in [Scalar::I8, Scalar::F32] {
        fs::create_dir_all(folder.join(scalar.name()))?;
        for seed in 0..MODELS {
            let graph = models::random(seed, scalar);
            let file = folder.join(scalar.name()).join(seed.to_string());
            fs::write(file.with_extension("tflite"), litert::write(&graph))?;
            fs::write(file.with_extension("x"), models::examples(&graph, seed, EXAMPLES))?;
        }
    }
    Ok(())
}
