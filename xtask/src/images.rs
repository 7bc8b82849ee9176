//! The convolutional networks on an emulated Cortex-M4F, with real digits and clothes.

use std::process::Command;

use anyhow::Result;

use crate::device::M4F;
use crate::output;
use crate::setup::{self, Toolchain};

/// The firmware's program, and how the example names its network.
const NETWORKS: [(&str, &str); 3] =
    [("tiny_cnn", "--network tiny"), ("lenet_5", "--network lenet-5"), ("residuals", "--network residuals --fashion")];

pub fn run() -> Result<()> {
    let toolchain = Toolchain::find(&[M4F.target])?;
    setup::qemu(false)?;
    print!("{}", classify(toolchain)?);
    Ok(())
}

/// What host and device print; an error if a logit differs in a bit. Says so if the images cannot be fetched.
pub fn classify(toolchain: Toolchain) -> Result<String> {
    let mut text = String::new();
    for (program, network) in NETWORKS {
        let mut host = Command::new("cargo");
        host.args(["run", "--quiet", "--release", "--example", "cnn", "--"]).args(network.split(' '));
        match output(host.args(["--device", "firmware/data", "--out", "target/images"])) {
            Ok(printed) => text.push_str(&printed),
            Err(error) if error.to_string().contains("could not fetch") => {
                text.push_str(&format!("skipped {program}: {error}\n"));
                continue;
            }
            Err(error) => return Err(error),
        }
        text.push_str(&M4F.run(&M4F.build(toolchain, program)?, None)?.log);
    }
    Ok(text)
}
