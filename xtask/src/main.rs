//! `cargo xtask demo | test | emulate | images | listen | bench | peers | fleet | experiments`: each sets up what it needs and says so.

mod adapt;
mod bench;
mod demo;
mod device;
mod experiments;
mod fleet;
mod images;
mod listen;
mod litert;
mod model;
mod onnx;
mod package;
mod peers;
mod progress;
mod project;
mod session;
mod setup;
mod test;
mod train;

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;

use device::Pass;

/// The project's commands. `NERVE_TOOLCHAIN=rustup` or `=debian` chooses where the compiler for the device comes from; otherwise
/// rustup is tried first.
#[derive(Parser)]
enum Task {
    /// Trains Iris here, then classifies and learns on an emulated Cortex-M4F, and classifies in integers on a Cortex-M0.
    Demo,
    /// Runs all tests: format, lints, tests, docs, builds without std, and the emulated devices.
    Test {
        /// Only the steps whose names contain this, as in `cargo xtask test "same bits"`.
        #[arg(default_value = "")]
        part: String,
    },
    /// Runs a program of the firmware on an emulated board; `--program learner` waits for a host.
    Emulate {
        /// microbit, lm3s6965evb, mps2-an386, mps2-an505 or riscv-virt.
        #[arg(long, default_value = "mps2-an386")]
        board: String,
        /// A file of `firmware/src/bin`.
        #[arg(long, default_value = "iris", conflicts_with = "model")]
        program: String,
        /// A LiteRT or ONNX model to build the firmware around instead.
        #[arg(long)]
        model: Option<PathBuf>,
        /// The model's examples one after another, little endian; one of zeros without it. Of a stream, its rows.
        #[arg(long, requires = "model")]
        input: Option<PathBuf>,
        /// Where the model's outputs go, in the same form.
        #[arg(long, requires = "model")]
        output: Option<PathBuf>,
        /// Takes the input row by row, as a signal without end or as one image. A model with ring buffers always does.
        #[arg(long, requires = "model")]
        stream: bool,
        /// Prints what each layer takes too.
        #[arg(long, requires = "model", conflicts_with = "stream")]
        by_layer: bool,
    },
    /// Classifies real images with the convolutional networks on an emulated Cortex-M4F.
    Images,
    /// Hears words in sound on an emulated Cortex-M4F: what held-out voices say, or a file.
    Listen {
        /// A sound file of 16 bits at any rate, as `arecord -f S16_LE -r 16000 sound.wav` records it.
        #[arg(long)]
        wav: Option<PathBuf>,
    },
    /// Prints what the device code costs: instructions, modelled cycles and bytes.
    Bench {
        /// Writes the figures to `benches/device.md`, which the tests compare them with.
        #[arg(long)]
        write: bool,
    },
    /// Prints what the host's code costs beside burn, candle, dfdx, mynn, embedded-nn and PyTorch.
    Peers {
        /// LiteRT models, or folders of them: times these instead, beside LiteRT's reference kernels.
        models: Vec<PathBuf>,
    },
    /// Lets emulated devices learn together, on Flower; then with faults; then a thousand simulated ones. Prints a table and draws it.
    Fleet {
        /// Emulated devices.
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..))]
        devices: u32,
        /// Rounds of learning.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// Trains every example with several seeds and prints one table beside the references' figures. Takes three quarters of an
    /// hour on two cores.
    Experiments {
        /// The CSV "Life Expectancy (WHO)", as Kaggle has it; without it that experiment is skipped.
        #[arg(long)]
        life_expectancy: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let task = Task::parse();
    let result = enter_root().and_then(|here| match task {
        Task::Demo => demo::run(),
        Task::Test { part } => test::run(part),
        Task::Emulate { board, program, model: None, .. } => device::emulate(&board, &program),
        Task::Emulate { board, model: Some(model), input, output, stream, by_layer, .. } => device::board(&board)
            .and_then(|board| {
                let [input, output] = [input, output].map(|file| file.map(|file| here.join(file)));
                let pass = match (stream, by_layer) {
                    (true, _) => Pass::Stream,
                    (_, true) => Pass::ByLayer,
                    _ => Pass::Examples,
                };
                model::emulate(board, &here.join(model), input, output, pass)
            }),
        Task::Images => images::run(),
        Task::Listen { wav } => listen::run(wav.map(|file| here.join(file)).as_deref()),
        Task::Bench { write } => bench::run(write),
        Task::Peers { models } if models.is_empty() => peers::run_all(),
        Task::Peers { models } => litert::time(&models.iter().map(|model| here.join(model)).collect::<Vec<_>>()),
        Task::Fleet { devices, rounds } => fleet::run(devices, rounds),
        Task::Experiments { life_expectancy } => experiments::run(life_expectancy.map(|file| here.join(file))),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Goes to the project's folder; returns the one that we were called in.
fn enter_root() -> Result<PathBuf> {
    let here = env::current_dir()?;
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    env::set_current_dir(root)?;
    Ok(here)
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
    let _shown = progress::waiting_for(command);
    let output = command.output().with_context(|| format!("could not start {command:?}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{}{stdout}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(stdout)
}

/// [`output`] of a command that compiles; an error if it warns, too.
fn without_warnings(command: &mut Command) -> Result<String> {
    let _shown = progress::waiting_for(command);
    let output = command.output().with_context(|| format!("could not start {command:?}"))?;
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    if !output.status.success() || stderr.contains("warning") {
        bail!("{stderr}{stdout}");
    }
    Ok(stdout)
}
