//! Talks to a device that runs the firmware's `learner`, over a serial port or to the emulator.
//!
//! `cargo run --release --example device -- --help` lists the commands.

mod link;
mod network;
mod samples;

use std::fs;
use std::num::ParseFloatError;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand, value_parser};
use common::options;
use indicatif::{ProgressBar, ProgressStyle};
use nerve::shuffle;
use nerve_protocol::{Info, Numbers, OVERHEAD, Reply, Request};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

use link::Link;
use network::Format;
use samples::Shape;

#[derive(Parser)]
#[command(about = "Run, train and keep a network on a device")]
struct Options {
    /// A serial port (/dev/ttyACM0, COM3), unix:PATH or tcp:HOST:PORT. `cargo xtask emulate --program learner` says where it listens.
    #[arg(long, default_value = "unix:target/emulated/mps2-an386/serial.sock")]
    port: String,
    /// Of a serial port.
    #[arg(long, default_value_t = 115_200)]
    baud: u32,
    /// Seconds to wait for an answer.
    #[arg(long, default_value_t = 5.0, value_parser = options::positive, allow_negative_numbers = true)]
    timeout: f32,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What device it is, what it has learned, what it has left.
    Info,
    /// What the network makes of each input, as in `infer 5.1,3.5,1.4,0.2 7.1,3.0,5.9,2.1`.
    Infer {
        /// Numbers between commas.
        #[arg(required = true, allow_hyphen_values = true)]
        inputs: Vec<Input>,
    },
    /// Learns from samples: a CSV of numbers, the class in the last column, or the values that the network should find in the last ones.
    Train {
        csv: PathBuf,
        /// How often all samples are trained on.
        #[arg(long, default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
        epochs: u32,
        /// Of the order of the samples.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Loss on samples, and accuracy if they have classes, without learning.
    Evaluate { csv: PathBuf },
    /// Writes what was learned to flash.
    Save,
    /// Goes back to what was saved last.
    Load,
    /// Goes back to the network that the firmware was built with, and saves it.
    FactoryReset,
    /// Starts the device's program anew.
    Restart,
    /// Gives the device the network of a weights file (.nrv), or the weights of a PyTorch model (.safetensors).
    Upload { file: PathBuf },
    /// Writes the device's network to a weights file (.nrv), or for other runtimes (.onnx).
    Download { file: PathBuf },
}

/// Numbers between commas.
#[derive(Clone)]
struct Input(Vec<f32>);

impl FromStr for Input {
    type Err = ParseFloatError;
    fn from_str(text: &str) -> std::result::Result<Self, ParseFloatError> {
        text.split(',').map(|number| number.trim().parse()).collect::<std::result::Result<_, _>>().map(Self)
    }
}

fn main() -> ExitCode {
    options::end(run(Options::parse()))
}

fn run(Options { port, baud, timeout, command }: Options) -> Result<()> {
    let mut link = Link::open(&port, baud, Duration::try_from_secs_f32(timeout)?)?;
    match command {
        Command::Info => {
            let Info {
                board,
                fingerprint,
                inputs,
                integers,
                outputs,
                classes,
                file_len,
                steps,
                writes_left,
                statics,
                peak_stack,
                ..
            } = info(&mut link)?;
            println!("board              {board}");
            let (scalar, kind) = (if integers { "i8" } else { "f32" }, if classes { "classes" } else { "values" });
            println!("network            {inputs} inputs ({scalar}), {outputs} {kind}, architecture {fingerprint:08x}");
            println!("weights file       {file_len} bytes");
            println!("samples learned    {steps}");
            println!("saves left         {writes_left}");
            println!("RAM                {statics} bytes of variables, {peak_stack} bytes of stack at most");
        }
        Command::Infer { inputs } => {
            let shape = Shape::from(&info(&mut link)?);
            for Input(input) in &inputs {
                let input = shape.input(input)?;
                match link.call(&Request::Infer { input: Numbers::new(&input) })? {
                    Reply::Output { class: Some(class), outputs } => {
                        println!("class {class}, logits {:?}", outputs.floats().collect::<Vec<_>>());
                    }
                    Reply::Output { class: None, outputs } => {
                        println!("values {:?}", outputs.floats().collect::<Vec<_>>());
                    }
                    other => return Err(link::unexpected(&other)),
                }
            }
        }
        Command::Train { csv, epochs, seed } => train(&mut link, &csv, epochs, seed)?,
        Command::Evaluate { csv } => evaluate(&mut link, &csv)?,
        Command::Save => {
            link.done(&Request::Save)?;
            println!("saved");
        }
        Command::Load => {
            link.done(&Request::Load)?;
            println!("loaded what was saved last");
        }
        Command::FactoryReset => {
            link.done(&Request::FactoryReset)?;
            println!("back to the network of the firmware, and saved");
        }
        Command::Restart => {
            link.done(&Request::Restart)?;
            println!("restarted; what was not saved is lost");
        }
        Command::Upload { file } => upload(&mut link, &file)?,
        Command::Download { file } => download(&mut link, &file)?,
    }
    Ok(())
}

fn info(link: &mut Link) -> Result<Info<'_>> {
    match link.call(&Request::Info)? {
        Reply::Info(info) => {
            ensure!(
                info.protocol == nerve_protocol::VERSION,
                "the device speaks version {} of the protocol, this program {}: build both from the same source",
                info.protocol,
                nerve_protocol::VERSION
            );
            Ok(info)
        }
        other => Err(link::unexpected(&other)),
    }
}

fn train(link: &mut Link, csv: &Path, epochs: u32, seed: u64) -> Result<()> {
    let mut samples = Shape::from(&info(link)?).read(csv)?;
    let mut rng = Pcg32::seed_from_u64(seed);
    let bar = progress(u64::from(epochs) * samples.len() as u64, "samples")?;
    let (mut mean, mut learned, mut taken_back) = (f32::NAN, 0, 0);
    for _epoch in 0..epochs {
        shuffle(&mut samples, &mut rng);
        let mut sum = 0.0;
        for sample in &samples {
            match link.call(&Request::Train { input: sample.input(), target: sample.target() })? {
                Reply::Trained { loss, steps, kept } => {
                    (sum, learned, taken_back) = (sum + loss, steps, taken_back + u32::from(!kept));
                }
                other => return Err(link::unexpected(&other)),
            }
            bar.inc(1);
        }
        mean = sum / samples.len() as f32;
        bar.set_message(format!("loss {mean:.4}"));
    }
    bar.finish_and_clear();
    println!("loss {mean:.4} in the last epoch, {learned} samples learned so far");
    if taken_back > 0 {
        println!("{taken_back} of these steps made the device's kept samples worse and were taken back");
    }
    Ok(())
}

fn evaluate(link: &mut Link, csv: &Path) -> Result<()> {
    let shape = Shape::from(&info(link)?);
    let samples = shape.read(csv)?;
    let bar = progress(samples.len() as u64, "samples")?;
    let (mut sum, mut correct) = (0.0, 0);
    for sample in &samples {
        match link.call(&Request::Evaluate { input: sample.input(), target: sample.target() })? {
            Reply::Evaluated { class, loss } => {
                sum += loss;
                correct += usize::from(class == sample.class());
            }
            other => return Err(link::unexpected(&other)),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let count = samples.len();
    let loss = sum / count as f32;
    if shape.classes {
        println!("loss {loss:.4}, accuracy {:.1} % ({correct} of {count})", 100.0 * correct as f32 / count as f32);
    } else {
        println!("loss {loss:.4}, the mean squared error");
    }
    Ok(())
}

fn upload(link: &mut Link, path: &Path) -> Result<()> {
    let format = Format::of(path)?;
    ensure!(format != Format::Onnx, "{}: a device takes .nrv or .safetensors", path.display());
    let mut file = fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
    let Info { fingerprint, frame, .. } = info(link)?;
    let piece = frame as usize - OVERHEAD;
    if format == Format::SafeTensors {
        let present = fetch(link)?;
        file = network::from_pytorch(&present, &file, fingerprint).with_context(|| path.display().to_string())?;
    }
    link.done(&Request::BeginUpload { length: u32::try_from(file.len())? })?;
    let bar = progress(file.len() as u64, "bytes")?;
    let mut offset = 0;
    for bytes in file.chunks(piece) {
        link.done(&Request::Upload { offset, bytes })?;
        offset += bytes.len() as u32;
        bar.inc(bytes.len() as u64);
    }
    bar.finish_and_clear();
    link.done(&Request::EndUpload)?;
    println!("{} uploaded; `save` keeps it", path.display());
    Ok(())
}

fn download(link: &mut Link, path: &Path) -> Result<()> {
    let format = Format::of(path)?;
    ensure!(format != Format::SafeTensors, "{}: a device's network becomes .nrv or .onnx", path.display());
    let fingerprint = info(link)?.fingerprint;
    let mut file = fetch(link)?;
    if format == Format::Onnx {
        file = network::to_onnx(&file, fingerprint)?;
    }
    fs::write(path, &file).with_context(|| format!("could not write {}", path.display()))?;
    println!("{} bytes downloaded to {}", file.len(), path.display());
    Ok(())
}

/// The device's network as a weights file.
fn fetch(link: &mut Link) -> Result<Vec<u8>> {
    let length = match link.call(&Request::BeginDownload)? {
        Reply::File { length } => length,
        other => return Err(link::unexpected(&other)),
    };
    let bar = progress(u64::from(length), "bytes")?;
    let mut file = Vec::new();
    while file.len() < length as usize {
        match link.call(&Request::Download { offset: u32::try_from(file.len())? })? {
            Reply::Piece { offset, bytes } if offset as usize == file.len() && !bytes.is_empty() => {
                file.extend_from_slice(bytes);
                bar.inc(bytes.len() as u64);
            }
            other => return Err(link::unexpected(&other)),
        }
    }
    bar.finish_and_clear();
    Ok(file)
}

fn progress(length: u64, unit: &str) -> Result<ProgressBar> {
    let template = format!("{{wide_bar}} {{pos}}/{{len}} {unit}, {{eta}} left {{msg}}");
    Ok(ProgressBar::new(length).with_style(ProgressStyle::with_template(&template)?))
}
