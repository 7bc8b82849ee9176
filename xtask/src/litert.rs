//! Models that are written here, in LiteRT and here.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::{output, setup};

const MODELS: &str = "target/litert-models";
/// Another version's reference kernels may give other bits.
const LITERT: &str = "ai-edge-litert==2.3.0";
const HAS_LITERT: &str = "import ai_edge_litert, numpy; assert ai_edge_litert.__version__ == '2.3.0'";

/// Runs random models in LiteRT and here, with the same bits; skipped where LiteRT cannot be installed.
pub fn check() -> Result<String> {
    let python = match setup::python(LITERT, HAS_LITERT, "to run random models") {
        Ok(python) => python,
        Err(error) => return Ok(format!("skipped: {error:#}")),
    };
    if Path::new(MODELS).exists() {
        std::fs::remove_dir_all(MODELS)?;
    }
    example("write")?;
    let reference = output(Command::new(python).args(["host-tests/src/litert.py", MODELS]))?;
    Ok(format!("{}; {}", reference.trim(), example("compare")?.trim()))
}

fn example(command: &str) -> Result<String> {
    let arguments = ["run", "--quiet", "--package", "host-tests", "--example", "litert", "--", command, MODELS];
    output(Command::new("cargo").args(arguments))
}
