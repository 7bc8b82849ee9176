//! `nerve info | run | import`: LiteRT's models on the command line.

mod examples;
mod info;
mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use nerve::executor::Executor;
use nerve::graph::Graph;
use nerve::{import, litert};

/// Looks into LiteRT's (TensorFlow Lite's) models.
#[derive(Parser)]
#[command(version)]
enum Command {
    /// Prints a model's layers and what they take: multiply-accumulates, bytes of flash and RAM.
    Info {
        /// A `.tflite` file.
        file: PathBuf,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Runs a model on examples, with the bits of LiteRT's reference kernels.
    Run {
        /// A `.tflite` file.
        file: PathBuf,
        /// Examples one after another, little endian, or `.npy`.
        #[arg(long)]
        input: PathBuf,
        /// Where the outputs go, in the same form.
        #[arg(long)]
        output: PathBuf,
    },
    /// Writes a model as a network in Rust: NAME.rs, and its constants NAME.nrv.
    Import {
        /// A `.tflite` file, NAME.tflite.
        file: PathBuf,
        /// The folder for both files.
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Info { file, json } => read(&file).and_then(|graph| Ok(info::print(&graph, json)?)),
        Command::Run { file, input, output } => read(&file).and_then(|graph| {
            let model = Executor::new(&graph).with_context(|| format!("could not run {}", file.display()))?;
            run::run(&graph, model, &input, &output)
        }),
        Command::Import { file, out } => {
            import::write(&file, out).with_context(|| format!("could not import {}", file.display()))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn read(file: &Path) -> Result<Graph> {
    let bytes = fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
    litert::read(&bytes).with_context(|| format!("could not take over {}", file.display()))
}
