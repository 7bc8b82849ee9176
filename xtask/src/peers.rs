//! The host's speed beside other libraries.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::run;

/// The features of `benches/peers`.
const LIBRARIES: [&str; 5] = ["burn", "candle", "dfdx", "mynn", "embedded-nn"];
const THREADS: [&str; 3] = ["RAYON_NUM_THREADS", "MATMUL_NUM_THREADS", "OMP_NUM_THREADS"];

pub fn run_all() -> Result<()> {
    println!(
        "builds burn, candle, dfdx, mynn and embedded-nn in benches/peers: a quarter of an hour on two cores the first time"
    );
    let mut missing = Vec::new();
    if build(&LIBRARIES).is_err() {
        missing = LIBRARIES.into_iter().filter(|library| build(&[*library]).is_err()).collect();
        let present: Vec<_> = LIBRARIES.into_iter().filter(|library| !missing.contains(library)).collect();
        build(&present)?;
    }
    println!("measures for some two minutes");
    let program =
        Path::new("benches/peers/target/release/peers").canonicalize().context("benches/peers was not built")?;
    run(Command::new(program).args(missing).envs(THREADS.map(|variable| (variable, "1"))))
}

fn build(libraries: &[&str]) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--no-default-features", "--features", &libraries.join(",")]);
    run(cargo.current_dir("benches/peers"))
}
