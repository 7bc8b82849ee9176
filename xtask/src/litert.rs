//! Models in LiteRT's reference kernels and here: random ones have the same bits, a user's are timed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::{Context, Result, ensure};

use crate::{output, setup};

const MODELS: &str = "target/litert-models";
/// Another version's reference kernels may give other bits.
const LITERT: &str = "ai-edge-litert==2.3.0";
const HAS_LITERT: &str = "import ai_edge_litert, numpy; assert ai_edge_litert.__version__ == '2.3.0'";

/// Runs random models in LiteRT and here, with the same bits; skipped where LiteRT cannot be installed.
pub fn check() -> Result<String> {
    let python = match python() {
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

/// Measurements of a model, ours and LiteRT's by turns.
const TURNS: usize = 3;

/// Prints how long an inference of models takes on one thread, of LiteRT and here, in one run. Of a folder, all models are timed.
pub fn time(models: &[PathBuf]) -> Result<()> {
    let python = python()?;
    let mut build = Command::new("cargo");
    output(build.args(["build", "--quiet", "--release", "--example", "litert"]))?;
    println!("| model | LiteRT's reference kernels, µs | nerve, µs | times as fast |\n|---|---|---|---|");
    for model in tflite_files(models)? {
        let mut theirs = Command::new(&python);
        theirs.arg("host-tests/src/litert_time.py").arg(&model);
        let mut ours = Command::new("target/release/examples/litert");
        ours.arg("time").arg(&model);
        let name = model.file_stem().unwrap_or_default().display();
        match side_by_side([&mut theirs, &mut ours]) {
            Ok([theirs, ours]) => println!("| {name} | {theirs:.1} | {ours:.1} | {:.1} |", theirs / ours),
            Err(error) => eprintln!("{name}: {}", format!("{error:#}").trim().lines().last().unwrap_or_default()),
        }
    }
    Ok(())
}

/// The least that each of two commands prints.
fn side_by_side(mut commands: [&mut Command; 2]) -> Result<[f64; 2]> {
    let mut least = [f64::INFINITY; 2];
    for _ in 0..TURNS {
        for (least, command) in least.iter_mut().zip(&mut commands) {
            *least = least.min(output(command)?.trim().parse()?);
        }
    }
    Ok(least)
}

/// The files, and those of the folders.
fn tflite_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries: io::Result<Vec<_>> = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect();
            files.extend(entries?.into_iter().filter(|file| file.extension().is_some_and(|name| name == "tflite")));
        } else {
            files.push(fs::canonicalize(path).with_context(|| path.display().to_string())?);
        }
    }
    files.sort();
    ensure!(!files.is_empty(), "no .tflite file in {paths:?}");
    Ok(files)
}

fn python() -> Result<String> {
    setup::python(LITERT, HAS_LITERT, "to run models in it")
}

fn example(command: &str) -> Result<String> {
    let arguments = ["run", "--quiet", "--example", "litert", "--", command, MODELS];
    output(Command::new("cargo").args(arguments))
}
