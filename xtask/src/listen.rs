//! Words in a stream of sound, heard by an emulated Cortex-M4F.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::device::M4F;
use crate::output;
use crate::setup::{self, Toolchain};

pub fn run(wav: Option<&Path>) -> Result<()> {
    let toolchain = Toolchain::find(&[M4F.target])?;
    setup::qemu(false)?;
    print!("{}", hear(toolchain, wav)?);
    Ok(())
}

/// What host and device hear in a sound file, or in what held-out voices say; an error unless it is the same.
pub fn hear(toolchain: Toolchain, wav: Option<&Path>) -> Result<String> {
    let mut host = Command::new("cargo");
    host.args(["run", "--quiet", "--release", "--example", "listen", "--", "--weights", "firmware/data/listen.nrv"]);
    if let Some(wav) = wav {
        host.arg("--wav").arg(wav);
    }
    let printed = match output(&mut host) {
        Err(error) if error.to_string().contains("no espeak-ng") => return Ok(format!("skipped: {error:#}\n")),
        printed => printed?,
    };
    let run = M4F.run(&M4F.build(toolchain, "listen")?, None)?;
    let heard = |text: &str| -> Vec<String> {
        let behind = text.rsplit("heard:").next().unwrap_or_default();
        behind.lines().filter(|line| line.contains(" ms: ")).map(String::from).collect()
    };
    ensure!(heard(&printed) == heard(&run.log), "host and device hear different words:\n{printed}\n{}", run.log);
    Ok(format!("{printed}on {}:\n{}", M4F.core, run.log))
}
