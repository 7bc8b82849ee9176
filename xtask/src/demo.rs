//! The main job: from training on this machine to learning on the device.

use std::process::Command;

use anyhow::Result;

use crate::device::{M0, M4F};
use crate::setup::{self, Toolchain};

pub fn run() -> Result<()> {
    let toolchain = Toolchain::find(&[M4F.target, M0.target])?;
    setup::qemu(false)?;
    println!("On this machine:");
    let mut train = Command::new("cargo");
    train.args(["run", "--quiet", "--release", "--example", "iris", "--", "--firmware", "firmware/data"]);
    crate::run(&mut train)?;
    println!("\nOn the device:");
    let elf = M4F.build(toolchain, "iris")?;
    print!("{}", M4F.run(&elf, None)?.log);
    println!("\nOn one without a floating-point unit, beside the same network in integers:");
    let elf = M0.build(toolchain, "iris_int8")?;
    print!("{}", M0.run(&elf, None)?.log);
    Ok(())
}
