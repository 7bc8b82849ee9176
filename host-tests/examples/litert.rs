//! `litert write FOLDER` writes random models there and inputs for them; `litert.py` adds what LiteRT's reference kernels make of them;
//! `litert compare FOLDER` compares that with the operators here.

use std::error::Error;
use std::fs;
use std::path::Path;

use host_tests::{models, reference};
use nerve::graph::Scalar;
use nerve::litert;

/// As many as it takes for each operator and geometry to be there ten times.
const MODELS: u64 = 700;
const EXAMPLES: usize = 4;

const USAGE: &str = "usage: litert write|compare FOLDER";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [command, folder] if command == "write" => write(Path::new(folder)),
        [command, folder] if command == "compare" => compare(Path::new(folder)),
        _ => Err(USAGE.into()),
    }
}

fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
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

fn compare(folder: &Path) -> Result<(), Box<dyn Error>> {
    let integers = reference::compare(&folder.join(Scalar::I8.name()), true)?;
    let floats = reference::compare(&folder.join(Scalar::F32.name()), false)?;
    println!("{integers} integer models agree in every byte, {floats} of floats within 1e-5");
    Ok(())
}
