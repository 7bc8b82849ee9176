//! What the code for the device costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use object::{Object, ObjectSection, ObjectSymbol};

use crate::device::M4F;
use crate::output;
use crate::setup::{self, Toolchain};

/// Work and what plain C of gcc 12.2 -O3 takes for it under the same model.
const PEERS: [(&str, u64, u64); 4] = [
    ("Iris 4-10-3 forward", 971, 2_168),
    ("Iris 4-10-3 SGD step", 1_353, 2_847),
    ("784-100-10 forward", 244_322, 453_502),
    ("convolution 3x3, 16x16x8 to 16", 977_003, 1_821_122),
];

/// Programs, what they hold beyond the runtime, and the most that may take.
const SIZES: [(&str, &str, u64); 2] =
    [("size_inference", "inference", 4 * 1024), ("size_training", "inference and training", 8 * 1024)];

pub fn run() -> Result<()> {
    println!("{}", table()?);
    Ok(())
}

/// The figures as tables; an error if one is above its limit.
pub fn table() -> Result<String> {
    let toolchain = Toolchain::find(&[M4F.target])?;
    setup::qemu(false)?;
    let mut text = String::from(
        "Cortex-M4F, f32, batch 1, zero wait states\n\n\
         | work | instructions | cycles | plain C: instructions | cycles | ratio of cycles |\n|---|---|---|---|---|---|\n",
    );
    let elf = M4F.build(toolchain, "cost")?;
    let run = M4F.run(&elf, Some(&plugin()?))?;
    let regions: Vec<_> = run.plugin.lines().filter_map(region).collect();
    ensure!(
        regions.len() == run.log.lines().count(),
        "a region for each line of the log expected:\n{}{}",
        run.log,
        run.plugin
    );
    let mut over = Vec::new();
    for (name, (instructions, cycles)) in run.log.lines().zip(regions) {
        let Some((_, c_instructions, c_cycles)) = PEERS.iter().find(|(peer, ..)| *peer == name) else {
            text.push_str(&format!("| {name} | {instructions} | {cycles} | | | |\n"));
            continue;
        };
        let ratio = cycles as f64 / *c_cycles as f64;
        text.push_str(&format!(
            "| {name} | {instructions} | {cycles} | {c_instructions} | {c_cycles} | {ratio:.2} |\n"
        ));
        if cycles >= *c_cycles {
            over.push(name.to_owned());
        }
    }

    text.push_str("\n| code beyond the runtime | bytes | limit |\n|---|---|---|\n");
    let runtime = code(&M4F.build(toolchain, "size_runtime")?)?;
    for (program, what, limit) in SIZES {
        let bytes = code(&M4F.build(toolchain, program)?)?.saturating_sub(runtime);
        text.push_str(&format!("| {what} | {bytes} | {limit} |\n"));
        if bytes > limit {
            over.push(what.to_owned());
        }
    }
    text.push_str(&format!("\n{}", sections(&M4F.build(toolchain, "iris")?)?));
    if !over.is_empty() {
        bail!("{text}\nabove the limit: {}", over.join(", "));
    }
    Ok(text)
}

/// Builds the plugin that counts.
fn plugin() -> Result<PathBuf> {
    output(Command::new("cargo").args(["build", "--quiet", "--release", "--package", "m4-cycles"]))?;
    Ok(Path::new("target/release").join(if cfg!(target_os = "macos") {
        "libm4_cycles.dylib"
    } else {
        "libm4_cycles.so"
    }))
}

/// Instructions and cycles of `region 0 instructions 971 cycles 2168`.
fn region(line: &str) -> Option<(u64, u64)> {
    let mut words = line.strip_prefix("region ")?.split(' ');
    Some((words.nth(2)?.parse().ok()?, words.nth(1)?.parse().ok()?))
}

/// Bytes of code and constants.
fn code(elf: &Path) -> Result<u64> {
    let bytes = fs::read(elf)?;
    let file = object::File::parse(&*bytes)?;
    Ok(file.sections().filter(|s| [".text", ".rodata"].contains(&s.name().unwrap_or(""))).map(|s| s.size()).sum())
}

/// The demo's memory by section: the weights that are used where they lie are in `.rodata`.
fn sections(elf: &Path) -> Result<String> {
    let bytes = fs::read(elf)?;
    let file = object::File::parse(&*bytes)?;
    let mut text = String::from("| section of the demo | bytes | memory |\n|---|---|---|\n");
    for section in file.sections().filter(|s| s.size() > 0) {
        let name = section.name()?;
        let memory = match name {
            ".vector_table" | ".text" | ".rodata" => "flash",
            ".data" => "flash and RAM",
            ".bss" => "RAM",
            _ => continue,
        };
        text.push_str(&format!("| {name} | {} | {memory} |\n", section.size()));
    }
    let trained =
        file.symbols().find(|s| s.name().is_ok_and(|n| n.contains("TRAINED"))).context("no symbol TRAINED")?;
    let index = trained.section_index().context("TRAINED lies in no section")?;
    let lies_in = file.section_by_index(index)?.name()?.to_owned();
    ensure!(lies_in == ".rodata", "the static network lies in {lies_in}, not in flash");
    text.push_str(&format!("\nThe static network `TRAINED`: {} bytes, all in {lies_in}.\n", trained.size()));
    Ok(text)
}
