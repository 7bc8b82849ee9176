//! Hands the board's memory map to the linker, and the linker scripts of the runtime and of the log.

use std::{env, error::Error, fs, path::PathBuf};

/// Programs that only exist for the size of their code, and do not log.
const SILENT: [&str; 3] = ["size_runtime", "size_inference", "size_training"];

fn main() -> Result<(), Box<dyn Error>> {
    let (flash, ram) = if env::var_os("CARGO_FEATURE_MICROBIT").is_some() {
        ("ORIGIN = 0x00000000, LENGTH = 256K", "ORIGIN = 0x20000000, LENGTH = 16K")
    } else {
        ("ORIGIN = 0x00000000, LENGTH = 4M", "ORIGIN = 0x20000000, LENGTH = 4M")
    };
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("memory.x"), format!("MEMORY {{\n  FLASH : {flash}\n  RAM : {ram}\n}}\n"))?;
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=--nmagic");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    for program in fs::read_dir("src/bin")? {
        let name = program?.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !SILENT.contains(&name.as_str()) {
            println!("cargo:rustc-link-arg-bin={name}=-Tdefmt.x");
        }
    }
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/bin");
    Ok(())
}
