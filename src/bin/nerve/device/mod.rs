//! Talks to a device that runs the firmware's learner, over a serial port or to the emulator.

mod lines;
mod link;
mod port;
mod remote;
mod samples;

use std::fs;
use std::num::ParseFloatError;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, value_parser};
use nerve_protocol::{Info, Request};

use link::{Link, LinkError};
use remote::Evaluated;

#[derive(Args)]
#[command(arg_required_else_help = true)]
pub struct Options {
    #[command(flatten)]
    line: Line,
    /// Takes requests from standard input, each a line of JSON, and answers each with another: for programs.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Where the device is.
#[derive(Args)]
struct Line {
    /// A serial port (/dev/ttyACM0, COM3), unix:PATH, tcp:HOST:PORT, or exec:PROGRAM, a learner that is a program of this machine. `cargo xtask
    /// emulate --program learner` says where it listens.
    #[arg(long, global = true, default_value = "unix:target/emulated/mps2-an386/serial.sock")]
    port: String,
    /// Of a serial port.
    #[arg(long, global = true, default_value_t = 115_200)]
    baud: u32,
    /// Seconds to wait for an answer.
    #[arg(long, global = true, default_value = "5", value_parser = seconds, allow_negative_numbers = true)]
    timeout: Duration,
}

impl Line {
    fn open(&self) -> Result<Link, LinkError> {
        Link::open(&self.port, self.baud, self.timeout)
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f32(seconds).ok());
    seconds.filter(|seconds| !seconds.is_zero()).ok_or_else(|| "a number above 0 expected".into())
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
    /// Gives the device the network of a weights file (.nrv).
    Upload { file: PathBuf },
    /// Writes what the device has learned to a weights file (.nrv).
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

pub fn run(Options { line, json, command }: Options) -> Result<()> {
    let command = match (command, json) {
        (None, true) => return lines::serve(&line),
        (Some(command), false) => command,
        _ => bail!("either a command, or --json and requests in standard input"),
    };
    let mut link = line.open()?;
    match command {
        Command::Info => {
            let Info {
                board,
                fingerprint,
                features,
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
            } = link.info()?;
            println!("board              {board}");
            let (scalar, kind) = (if integers { "i8" } else { "f32" }, if classes { "classes" } else { "values" });
            println!("network            {inputs} inputs ({scalar}), {outputs} {kind}, architecture {fingerprint:08x}");
            if features != 0 {
                println!("features           {features:08x}, on which alone its weights files are of use");
            }
            println!("weights file       {file_len} bytes");
            println!("samples learned    {steps}");
            println!("saves left         {writes_left}");
            // Devices that do not measure their stack say 0.
            let stack = if peak_stack > 0 { format!(", {peak_stack} bytes of stack at most") } else { String::new() };
            println!("RAM                {statics} bytes of variables{stack}");
        }
        Command::Infer { inputs } => {
            let shape = link.shape()?;
            for Input(input) in &inputs {
                match link.infer(&shape.input(input)?)? {
                    (Some(class), outputs) => println!("class {class}, logits {outputs:?}"),
                    (None, outputs) => println!("values {outputs:?}"),
                }
            }
        }
        Command::Train { csv, epochs, seed } => {
            let mut samples = link.shape()?.read(&csv)?;
            let learned = link.train(&mut samples, epochs, seed)?;
            println!("loss {:.4} in the last epoch, {} samples learned so far", learned.loss, learned.steps);
            if learned.taken_back > 0 {
                let steps = learned.taken_back;
                println!("{steps} of these steps made the device's kept samples worse and were taken back");
            }
        }
        Command::Evaluate { csv } => {
            let shape = link.shape()?;
            let samples = shape.read(&csv)?;
            let (Evaluated { loss, correct }, count) = (link.evaluate(&samples)?, samples.len());
            if shape.classes {
                let percent = 100.0 * correct as f32 / count as f32;
                println!("loss {loss:.4}, accuracy {percent:.1} % ({correct} of {count})");
            } else {
                println!("loss {loss:.4}, the mean squared error");
            }
        }
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
            link.restart()?;
            println!("restarted; what was not saved is lost");
        }
        Command::Upload { file } => {
            link.upload(&fs::read(&file).with_context(|| format!("could not read {}", file.display()))?)?;
            println!("{} uploaded; `save` keeps it", file.display());
        }
        Command::Download { file } => {
            let bytes = link.download()?;
            fs::write(&file, &bytes).with_context(|| format!("could not write {}", file.display()))?;
            println!("{} bytes downloaded to {}", bytes.len(), file.display());
        }
    }
    Ok(())
}
