//! Projects that `nerve new` writes, built and run as their owners would.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::device::{M0, M4F, M33};
use crate::setup::{self, Toolchain};
use crate::{device, output};

const FOLDER: &str = "target/projects";
/// A model of another's.
const MODEL: &str = "firmware/data/digits.tflite";
/// The boards, and their targets.
const BOARDS: [(&str, &str); 7] = [
    ("mps2-an386", M4F.target),
    ("nrf52840-dk", M4F.target),
    ("stm32f4-discovery", M4F.target),
    ("pico2", M33.target),
    ("pico", M0.target),
    ("microbit", M0.target),
    ("esp32c3", ESP32C3),
];
/// The target of the ESP32-C3.
pub const ESP32C3: &str = "riscv32imc-unknown-none-elf";
/// Emulates the RP2040.
const RP2040: &str = "rp2040js@1.4.1";
/// Boots a program on it.
const RP2040_PROGRAM: &str = include_str!("rp2040.mjs");

/// Writes a project for every board and builds it; those with an emulator must give the right answers. Trains the network of one, and tests
/// it on the desktop.
pub fn check(toolchain: Toolchain) -> Result<String> {
    output(Command::new("cargo").args(["build", "--quiet", "--features", "cli", "--bin", "nerve"]))?;
    if Path::new(FOLDER).exists() {
        for entry in fs::read_dir(FOLDER)? {
            let path = entry?.path();
            if !path.ends_with("target") {
                fs::remove_dir_all(path)?;
            }
        }
    }
    fs::create_dir_all(FOLDER)?;

    let mut text = String::new();
    for (board, target) in BOARDS {
        let project = Project::new(board, board, target, None)?;
        let again = Project::new(board, board, target, None).err().context("a project was overwritten")?;
        ensure!(again.to_string().contains("nothing is overwritten"), "{again}");
        if board == M4F.feature {
            let shipped = fs::read(project.file("model.tflite"))?;
            project.on_desktop(&["run", "--quiet", "--package", "train"])?;
            ensure!(
                fs::read(project.file("model.tflite"))? == shipped,
                "training gives another model than `nerve new`"
            );
            project.on_desktop(&["test", "--quiet"])?;
        }
        let elf = project.build(toolchain).context(board)?;
        let answers = match board {
            "mps2-an386" => project.run(toolchain),
            "microbit" => project.run_on_microbit(&elf),
            "pico" => project.run_on_rp2040(&elf),
            _ => {
                text += &format!("{board}: built; there is no emulator\n");
                continue;
            }
        };
        let answers = answers.context(board)?;
        let classes = answers.lines().map(|line| line.split(':').next().unwrap_or_default().trim_start_matches('\0'));
        ensure!(classes.eq(["class 0", "class 1", "class 2"]), "{board} answers\n{answers}");
        text += &format!("{board}: every class right\n");
    }

    let project = Project::new("with-model", M4F.feature, M4F.target, Some(MODEL))?;
    project.on_desktop(&["test", "--quiet"])?;
    let answers = project.run(toolchain)?;
    let expected = fs::read_to_string(project.file("tests/answers.txt"))?;
    let outputs = answers.lines().map(|line| line.split_once(": ").map_or("", |(_, outputs)| outputs));
    ensure!(outputs.eq(expected.lines()), "the device answers\n{answers}where the executor gives\n{expected}");
    Ok(text)
}

struct Project {
    folder: PathBuf,
    target: &'static str,
}

impl Project {
    fn new(name: &str, board: &str, target: &'static str, model: Option<&str>) -> Result<Self> {
        let root = fs::canonicalize(".")?;
        let mut nerve = Command::new(root.join("target/debug/nerve"));
        nerve.current_dir(FOLDER).args(["new", name, "--board", board]);
        if let Some(model) = model {
            nerve.arg("--model").arg(root.join(model));
        }
        output(&mut nerve)?;
        let project = Self { folder: root.join(FOLDER).join(name), target };
        // The versions that are tested here anyway.
        fs::copy("Cargo.lock", project.file("Cargo.lock"))?;
        fs::copy("firmware/Cargo.lock", project.file("firmware/Cargo.lock"))?;
        Ok(project)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs cargo in the project's folder.
    fn on_desktop(&self, arguments: &[&str]) -> Result<String> {
        output(self.shared(Command::new("cargo").args(arguments)).current_dir(&self.folder))
    }

    /// Builds the firmware; returns its ELF file.
    fn build(&self, toolchain: Toolchain) -> Result<PathBuf> {
        output(self.firmware(toolchain, "build").arg("--quiet"))?;
        let target_dir = match toolchain {
            Toolchain::Rustup => Path::new(FOLDER).join("target"),
            Toolchain::Debian => self.file("firmware").join(toolchain.target_dir()),
        };
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        Ok(target_dir.join(self.target).join("release").join(format!("{name}-firmware")))
    }

    /// Runs the firmware by its own runner, with the examples as its input; returns its answers.
    fn run(&self, toolchain: Toolchain) -> Result<String> {
        let mut cargo = self.firmware(toolchain, "run");
        output(cargo.arg("--quiet").stdin(File::open(self.file("examples.csv"))?))
    }

    /// Runs the firmware in QEMU, with the examples at its UART; returns its answers.
    fn run_on_microbit(&self, elf: &Path) -> Result<String> {
        let folder = device::folder(&M0);
        let _emulator = M0.start(elf, &folder)?;
        let mut line = UnixStream::connect(folder.join("serial.sock"))?;
        line.set_read_timeout(Some(Duration::from_secs(60)))?;
        let examples = fs::read_to_string(self.file("examples.csv"))?;
        let mut answers = BufReader::new(line.try_clone()?);
        let mut text = String::new();
        for example in examples.lines() {
            writeln!(line, "{example}")?;
            answers.read_line(&mut text)?;
        }
        Ok(text)
    }

    /// Runs the firmware in rp2040js, likewise.
    fn run_on_rp2040(&self, elf: &Path) -> Result<String> {
        setup::npm(RP2040, "to emulate a Raspberry Pi Pico")?;
        let program = Path::new(setup::NODE).join("rp2040.mjs");
        fs::write(&program, RP2040_PROGRAM)?;
        output(Command::new("node").arg(program).arg(elf).arg(self.file("examples.csv")))
    }

    fn firmware(&self, toolchain: Toolchain, subcommand: &str) -> Command {
        let mut cargo = toolchain.cargo(subcommand, self.target);
        cargo.current_dir(self.file("firmware")).arg("--release");
        // Quick to build.
        for (name, value) in [("LTO", "off"), ("OPT_LEVEL", "1"), ("DEBUG", "0"), ("CODEGEN_UNITS", "16")] {
            cargo.env(format!("CARGO_PROFILE_RELEASE_{name}"), value);
        }
        if toolchain == Toolchain::Rustup {
            self.shared(&mut cargo);
        }
        cargo
    }

    /// With one folder for what is built, so that each dependency is built once.
    fn shared<'a>(&self, cargo: &'a mut Command) -> &'a mut Command {
        cargo.env("CARGO_TARGET_DIR", self.folder.with_file_name("target"))
    }
}
