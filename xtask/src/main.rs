//! `cargo xtask demo | test | bench`: each sets up what it needs and says so.

mod bench;
mod demo;
mod device;
mod setup;
mod test;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;

/// The project's commands. `NERVE_TOOLCHAIN=rustup` or `=debian` chooses where the compiler for the device comes from; otherwise
/// rustup is tried first.
#[derive(Parser)]
enum Task {
    /// Trains Iris here, then classifies and learns on an emulated Cortex-M4F.
    Demo,
    /// Runs all tests: format, lints, tests, docs, builds without std, and the emulated devices.
    Test,
    /// Prints what the device code costs: instructions, modelled cycles and bytes.
    Bench,
}

fn main() -> ExitCode {
    let task = Task::parse();
    let result = std::env::set_current_dir(root()).map_err(Into::into).and_then(|()| match task {
        Task::Demo => demo::run(),
        Task::Test => test::run(),
        Task::Bench => bench::run(),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The project's folder.
fn root() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path
}

/// Runs to the end; an error unless it succeeds.
fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("could not start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed ({status})");
    }
    Ok(())
}

/// Runs to the end and returns what it printed; an error with all of it unless it succeeds.
fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("could not start {command:?}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{}{stdout}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(stdout)
}
