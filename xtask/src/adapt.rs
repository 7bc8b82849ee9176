//! New classes on top of integer networks, learned on an emulated Cortex-M4F.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::device::{Cut, M4F};
use crate::setup::Toolchain;
use crate::{bench, model, output};

/// Bytes that all of it may take stack included.
const RAM: u64 = 64 * 1024;
/// Inferences for whose instructions an update may last.
const INFERENCES: u64 = 3;

/// The last layer of a network of eight digits learns two more, alone and with corrections of the layer before it; that of the keyword network
/// in the folder that `NERVE_MODELS` names learns sounds.
pub fn check(toolchain: Toolchain) -> Result<String> {
    let digits = learn(toolchain, &["--device", "firmware/data"], Cut::Digits { corrections: false })?
        + &learn(toolchain, &["--device", "firmware/data", "--corrections"], Cut::Digits { corrections: true })?;
    let Some(models) = model::public_models() else {
        return Ok(digits + "skipped sounds: NERVE_MODELS does not name the folder of kws_int8.tflite\n");
    };
    let model = &models.join("kws_int8.tflite");
    let cut = Cut::Model { model, layer: "functional_1/flatten/Reshape", head: "5" };
    Ok(digits + &learn(toolchain, &["--keywords", &model.to_string_lossy()], cut)?)
}

/// What the host, with these arguments, and the device print; an error if they have not learned the same weights, or if it takes too much.
fn learn(toolchain: Toolchain, arguments: &[&str], cut: Cut) -> Result<String> {
    let mut host = Command::new("cargo");
    host.args(["run", "--quiet", "--release", "--example", "adapt", "--"]).args(arguments);
    let printed = match output(&mut host) {
        Err(error) if error.to_string().contains("could not fetch") => return Ok(format!("skipped: {error}\n")),
        printed => printed?,
    };
    let elf = M4F.build_cut(toolchain, cut)?;
    let run = M4F.run(&elf, Some(&bench::plugin()?))?;
    let read = |file: &str| fs::read(format!("target/adapt/{file}.nrv")).with_context(|| format!("no {file}.nrv"));
    ensure!(read("device")? == read("learned")?, "the device has learned other weights than the host");
    let regions = bench::regions(&run);
    let ((inference, _), updates) = regions.split_last().context("nothing was counted")?;
    let update = updates.iter().map(|(instructions, _)| *instructions).max().unwrap_or_default();
    ensure!(update < INFERENCES * inference, "an update takes {update} instructions, an inference {inference}");
    let ram: u64 = run.log.split(' ').filter_map(|word| word.parse::<u64>().ok()).take(2).sum();
    ensure!(ram > 0 && ram < RAM, "{ram} bytes of RAM:\n{}", run.log);
    Ok(format!(
        "{printed}{}{} updates of up to {update} instructions, {:.2} inferences of {inference}; every weight the host's\n",
        run.log,
        updates.len(),
        update as f64 / *inference as f64
    ))
}
