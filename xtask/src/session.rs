//! A host's session with the learner on an emulated board: infer, drift, train, save, reset, infer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::device::{BOARDS, Board, LEARNER};
use crate::output;
use crate::setup::Toolchain;

// The flowers that the firmware is shown.
include!("../../firmware/data/flowers.rs");

/// The most bytes of RAM that the learner may take on any board: variables, and stack.
const STATICS: u32 = 3 * 1024;
/// See [`STATICS`].
const STACK: u32 = 6 * 1024;

/// Runs a session on every board and shows what it took.
pub fn run(toolchain: Toolchain) -> Result<String> {
    output(Command::new("cargo").args(["build", "--quiet", "--release", "--example", "device"]))?;
    let mut text = String::new();
    for board in BOARDS {
        text.push_str(&session(board, toolchain).with_context(|| format!("the session with {}", board.feature))?);
    }
    Ok(text)
}

/// The host's program at the serial line of a board.
struct Host {
    port: String,
}

impl Host {
    fn call(&self, arguments: &[&str]) -> Result<String> {
        // Boards without a floating-point unit take longer, as do busy machines.
        let mut device = Command::new("target/release/examples/device");
        output(device.args(["--port", &self.port, "--timeout", "30"]).args(arguments))
    }

    fn accuracy(&self, csv: &Path) -> Result<f32> {
        let printed = self.call(&["evaluate", &csv.to_string_lossy()])?;
        number(&printed, "accuracy ")
    }
}

fn session(board: &Board, toolchain: Toolchain) -> Result<String> {
    let elf = board.build(toolchain, LEARNER)?;
    let folder = Path::new("target/session").join(board.feature);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let file = |name: &str| folder.join(name);
    let (held_out, labelled, weights) = (file("held-out.csv"), file("labelled.csv"), file("tuned.nrv"));
    csv(&held_out, HELD_OUT.iter().map(|(x, class, _)| (x, *class)))?;
    csv(&labelled, LABELLED.iter().map(|(x, class)| (x, *class)))?;
    let path = |path: &PathBuf| path.to_string_lossy().into_owned();

    let emulator = board.start(&elf, &folder)?;
    let host = Host { port: format!("unix:{}", file("serial.sock").display()) };
    let class = host.call(&["infer", "5.1,3.5,1.4,0.2"])?;
    ensure!(class.starts_with("class 0,"), "a setosa was taken for {class}");
    let drifted = host.accuracy(&held_out)?;
    host.call(&["train", &path(&labelled), "--epochs", "30"])?;
    let learned = host.accuracy(&held_out)?;
    let samples_saved = samples(&host)?;
    host.call(&["save"])?;
    host.call(&["download", &path(&weights)])?;
    // What is learned after a save is lost by a reset, the program's own or a power cut; what was saved is not.
    let mut accuracies = Vec::new();
    host.call(&["train", &path(&labelled)])?;
    host.call(&["restart"])?;
    accuracies.push(host.accuracy(&held_out)?);
    ensure!(samples(&host)? == samples_saved, "the restart did not lose what was not saved");
    host.call(&["train", &path(&labelled)])?;
    drop(emulator);
    let emulator = board.start(&elf, &folder)?;
    accuracies.push(host.accuracy(&held_out)?);
    ensure!(samples(&host)? == samples_saved, "the power cut did not lose what was not saved");
    // The factory's network, then the tuned one again.
    host.call(&["factory-reset"])?;
    let factory = host.accuracy(&held_out)?;
    host.call(&["upload", &path(&weights)])?;
    accuracies.push(host.accuracy(&held_out)?);
    let info = host.call(&["info"])?;
    drop(emulator);

    ensure!(drifted < 75.0 && factory == drifted && learned >= 90.0, "accuracy {drifted} %, then {learned} %");
    ensure!(accuracies.iter().all(|accuracy| *accuracy == learned), "accuracy {learned} %, later {accuracies:?}");
    let (statics, stack) = (number(&info, "RAM ")?, number(&info, "variables, ")?);
    ensure!(statics <= STATICS as f32 && stack <= STACK as f32, "too much RAM:\n{info}");
    Ok(format!(
        "{}: drifted {drifted} %, learned {learned} %, kept over restart and power cut; {statics} bytes of variables, {stack} of stack\n",
        board.core
    ))
}

fn samples(host: &Host) -> Result<f32> {
    number(&host.call(&["info"])?, "samples learned ")
}

/// The number behind a name.
fn number(text: &str, name: &str) -> Result<f32> {
    let rest = text.split_once(name).with_context(|| format!("no {name}in: {text}"))?.1;
    Ok(rest.trim_start().split([' ', '\n']).next().unwrap_or_default().parse()?)
}

/// Writes the flowers as a sensor shows them that was calibrated anew.
fn csv<'a>(path: &Path, flowers: impl Iterator<Item = (&'a [f32; 4], usize)>) -> Result<()> {
    let rows = flowers.map(|(x, class)| {
        let [a, b, c, d] = x.map(|v| 0.75 * v + 1.5);
        format!("{a},{b},{c},{d},{class}\n")
    });
    Ok(fs::write(path, rows.collect::<String>())?)
}
