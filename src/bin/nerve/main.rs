//! `nerve info | run | quantise | import | train | new | device`: models, the way to one and onto a chip, and devices that learn, on the command
//! line.

mod device;
mod examples;
mod info;
mod new;
mod quantise;
mod run;
mod train;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use nerve::executor::Executor;
use nerve::graph::Graph;
use nerve::import::{self, Cut};
use nerve::lower::lower;

/// Looks into LiteRT's (TensorFlow Lite's) and ONNX models, trains new ones, puts them onto microcontrollers, and talks to devices that learn.
#[derive(Parser)]
#[command(version)]
enum Command {
    /// Prints a model's layers and what they take: multiply-accumulates, bytes of flash and RAM; and which of them cannot be run, if one cannot.
    Info {
        /// A `.tflite` or `.onnx` file.
        file: PathBuf,
        /// Instead what the layers keep when the network runs row by row, or which one cannot.
        #[arg(long)]
        stream: bool,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Runs a model on examples, with the bits of LiteRT's reference kernels where it is of integers.
    Run {
        /// A `.tflite` or `.onnx` file.
        file: PathBuf,
        /// Examples one after another, little endian, or `.npy`.
        #[arg(long)]
        input: PathBuf,
        /// Where the outputs go, in the same form.
        #[arg(long)]
        output: PathBuf,
    },
    /// Writes a model of floats as one of integers, and prints what that costs in accuracy, layer by layer.
    Quantise {
        /// A `.tflite` or `.onnx` file of floats.
        file: PathBuf,
        /// Typical inputs, a hundred or more, one after another: little endian, or `.npy`. A fifth of them is held out for the report.
        #[arg(long)]
        examples: PathBuf,
        /// The class of each example, `.npy` of integers or bytes: the report tells how many are recognised.
        #[arg(long)]
        labels: Option<PathBuf>,
        /// How the ranges of values are found.
        #[arg(long, value_enum, default_value_t)]
        range: quantise::Ranges,
        /// A layer that stays in floats, by the name that the report gives it; several times for several.
        #[arg(long, value_name = "LAYER")]
        keep: Vec<String>,
        /// Where the model goes: a `.tflite` file, or NAME.nrv for the constants and NAME.rs for the network in Rust.
        #[arg(long)]
        out: PathBuf,
        /// The noise layer by layer as a picture, an SVG file.
        #[arg(long, value_name = "FILE")]
        plot: Option<PathBuf>,
        /// The report as JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Writes a model as a network in Rust: NAME.rs, and its constants NAME.nrv.
    Import {
        /// NAME.tflite or NAME.onnx.
        file: PathBuf,
        /// The folder for both files.
        #[arg(long)]
        out: PathBuf,
        /// The last layer to take, by its name or number in `info`: what it makes are features for a head that is to learn.
        #[arg(long, value_name = "LAYER", requires = "head")]
        cut: Option<String>,
        /// Outputs of the head: the classes of your own.
        #[arg(long, requires = "cut")]
        head: Option<NonZeroUsize>,
        /// Lets the head correct the scales and biases of that layer too, a convolution or a fully connected one.
        #[arg(long, requires = "cut")]
        corrections: bool,
    },
    /// Trains a network on a table or on windows of a signal, and writes it with the program that trained it.
    Train(train::Options),
    /// Writes a cargo project of your own: firmware for a board around a network, and its tests on the desktop.
    New(new::Options),
    /// Runs, trains and keeps the network of a device with the firmware's learner, whichever it is.
    Device(device::Options),
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Info { file, stream: false, json } => read(&file).and_then(|graph| {
            info::print(&graph, json)?;
            // What cannot be run is shown all the same.
            lower(&graph).map(drop).with_context(|| format!("could not run {}", file.display()))
        }),
        Command::Info { file, stream: true, json } => read(&file).and_then(|graph| info::stream(&graph, json)),
        Command::Run { file, input, output } => read(&file).and_then(|graph| {
            let model = Executor::new(&graph).with_context(|| format!("could not run {}", file.display()))?;
            run::run(&graph, model, &input, &output)
        }),
        Command::Quantise { file, examples, labels, range, keep, out, plot, json } => read(&file).and_then(|graph| {
            let options = quantise::Options { examples, labels, range, keep, out, plot, json };
            quantise::run(&graph, &options).with_context(|| format!("could not quantise {}", file.display()))
        }),
        Command::Import { file, out, cut, head, corrections } => match (&cut, head) {
            (Some(layer), Some(head)) => import::write_cut(&file, Cut { layer, head: head.get(), corrections }, out),
            _ => import::write(&file, out),
        }
        .with_context(|| format!("could not import {}", file.display())),
        Command::Train(options) => train::run(&options),
        Command::New(options) => new::write(&options),
        Command::Device(options) => device::run(options),
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
    import::read(&bytes).with_context(|| format!("could not take over {}", file.display()))
}
