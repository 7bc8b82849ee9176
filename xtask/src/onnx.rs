//! The exported networks against onnxruntime.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::output;

const ENVIRONMENT: &str = "target/onnx-python";
const NETWORKS: &str = "target/onnx-networks";

/// Exports the networks and compares their outputs; skipped where onnxruntime cannot be installed.
pub fn check() -> Result<String> {
    let python = match python() {
        Ok(python) => python,
        Err(error) => return Ok(format!("skipped: {error:#}")),
    };
    if Path::new(NETWORKS).exists() {
        std::fs::remove_dir_all(NETWORKS)?;
    }
    output(Command::new("cargo").args(["run", "--quiet", "--package", "host-tests", "--bin", "onnx", "--", NETWORKS]))?;
    output(Command::new(python).args(["host-tests/src/onnx.py", NETWORKS]))
}

/// A Python that has onnxruntime.
fn python() -> Result<String> {
    let installed = format!("{ENVIRONMENT}/bin/python3");
    let has = |python: &str| output(Command::new(python).args(["-c", "import onnxruntime"])).is_ok();
    if let Some(python) = ["python3", &installed].into_iter().find(|python| has(python)) {
        return Ok(python.into());
    }
    println!("Installing from PyPI into {ENVIRONMENT}, to check exported networks: onnxruntime");
    output(Command::new("python3").args(["-m", "venv", ENVIRONMENT])).context("python3 has no venv")?;
    output(Command::new(&installed).args(["-m", "pip", "install", "--quiet", "onnxruntime"]))
        .context("pip could not install onnxruntime")?;
    Ok(installed)
}
