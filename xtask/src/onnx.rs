//! Exported networks and read models against onnxruntime.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::{output, setup};

const NETWORKS: &str = "target/onnx-networks";
const MODELS: &str = "target/onnx-models";
/// Of the largest output: sums of up to 784 terms are rounded in another order.
const TOLERANCE: f32 = 2e-6;

/// The examples, with the options that choose each of their networks.
const EXAMPLES: [(&str, &[&str]); 7] = [
    ("iris", &[""]),
    ("mnist", &["--hidden 10", "--hidden 100", "--hidden 128-64", "--hidden 300-100"]),
    ("cnn", &["--network tiny", "--network lenet-5", "--network residuals"]),
    ("wine", &["--hidden 20", "--hidden 20-20", "--hidden 20-20-20"]),
    ("autoencoder", &["--activation sigmoid", "--activation relu"]),
    ("denoise", &["--activation sigmoid", "--activation relu"]),
    ("signal", &["--network cnn", "--network gru"]),
];

/// Trains each network of the examples for an epoch, exports it, and compares its outputs.
pub fn check() -> Result<String> {
    if Path::new(NETWORKS).exists() {
        std::fs::remove_dir_all(NETWORKS)?;
    }
    // Together, which keeps all cores busy. Of one package alone, they would have other dependencies, and be built again to run.
    output(Command::new("cargo").args(["build", "--quiet", "--release", "--examples"]))?;
    let mut text = String::from("untrained, since its data are not fetched: life-expectancy\n");
    for (example, networks) in EXAMPLES {
        for network in networks {
            let mut train = Command::new("cargo");
            train.args(["run", "--quiet", "--release", "--example", example, "--"]);
            train.args(["--onnx", "--epochs", "1", "--optimizer", "adam", "--out", &format!("{NETWORKS}/{example}")]);
            match output(train.args(network.split_whitespace())) {
                Err(error) if error.to_string().contains("could not fetch") => {
                    text.push_str(&format!("untrained: {example}: {error}\n"));
                    break;
                }
                result => result?,
            };
        }
    }
    let mut host = Command::new("cargo");
    output(host.args(["run", "--quiet", "--example", "onnx", "--", NETWORKS]))?;
    Ok(text + &compare(NETWORKS, TOLERANCE)?)
}

/// Runs every network of a folder in onnxruntime and compares its outputs; skipped where that cannot be installed.
pub fn compare(folder: &str, tolerance: f32) -> Result<String> {
    match setup::python("onnxruntime", "import onnxruntime", "to check exported networks") {
        Ok(python) => output(Command::new(python).args(["host-tests/src/onnx_out.py", folder, &tolerance.to_string()])),
        Err(error) => Ok(format!("skipped: {error:#}")),
    }
}

/// Runs random models in onnxruntime and here; skipped where that cannot be installed.
pub fn check_read() -> Result<String> {
    const PURPOSE: &str = "to make random models";
    let python = setup::python("onnxruntime", "import onnxruntime", PURPOSE);
    let python = match python.and_then(|_| setup::python("onnx", "import onnx, onnxruntime", PURPOSE)) {
        Ok(python) => python,
        Err(error) => return Ok(format!("skipped: {error:#}")),
    };
    if Path::new(MODELS).exists() {
        std::fs::remove_dir_all(MODELS)?;
    }
    let made = output(Command::new(python).args(["host-tests/src/onnx_in.py", MODELS]))?;
    let exports = exports()?;
    let mut host = Command::new("cargo");
    let compared = output(host.args(["run", "--quiet", "--example", "onnx_in", "--", MODELS]))?;
    Ok(format!("{}; {}; {}", made.trim(), exports.trim(), compared.trim()))
}

/// What PyTorch's exporter makes of networks, with PyTorch's outputs, to the models of floats, where PyTorch is installed.
fn exports() -> Result<String> {
    let python = || Command::new("python3");
    let installed =
        python().args(["-c", "import torch, onnxscript"]).output().is_ok_and(|found| found.status.success());
    if !installed {
        return Ok("skipped PyTorch's exports: python3 has no torch and onnxscript".into());
    }
    output(python().args(["host-tests/src/onnx_torch.py", &format!("{MODELS}/f32")]))
}
