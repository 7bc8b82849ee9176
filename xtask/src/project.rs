//! Projects that `nerve new` writes, built and run as their owners would.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nerve::executor::Executor;
use nerve::{argmax, import};
use serde_json::{Value, json};

use crate::device::{Emulator, M0, M4F, M33};
use crate::session::{NERVE, ask, build_nerve, refusal};
use crate::setup::{self, Toolchain};
use crate::{device, output, without_warnings};

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

/// How long a device may take for an answer.
const PATIENCE: &str = "60";
/// Where the emulated MPS2-AN386 of a project that learns listens, as its README says.
const MPS2: &str = "tcp:localhost:4386";

/// Writes two projects for every board, one that answers and one that learns, and builds them without a warning; those with an emulator must
/// give the right answers, and know what they have learned after a power cut. Trains the networks, and tests them on the desktop.
pub fn check(toolchain: Toolchain) -> Result<String> {
    build_nerve()?;
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
        text += &answers(toolchain, board, target).with_context(|| format!("{board}, which answers"))?;
        text += &learns(toolchain, board, target).with_context(|| format!("{board}, which learns"))?;
    }

    let project = Project::new("with-model", M4F.feature, M4F.target, &["--model", MODEL])?;
    project.on_desktop()?;
    let answers = project.run(&project.build(toolchain)?)?;
    let expected = fs::read_to_string(project.file("tests/answers.txt"))?;
    let outputs = answers.lines().map(|line| line.split_once(": ").map_or("", |(_, outputs)| outputs));
    ensure!(outputs.eq(expected.lines()), "the device answers\n{answers}where the executor gives\n{expected}");
    new_classes(toolchain).context("a model whose last layer learns")?;
    new_values(toolchain).context("a model whose last layer learns values")?;
    Ok(text)
}

/// A project whose device answers lines of numbers.
fn answers(toolchain: Toolchain, board: &str, target: &'static str) -> Result<String> {
    let project = Project::new(board, board, target, &[])?;
    let again = Project::new(board, board, target, &[]).err().context("a project was overwritten")?;
    ensure!(again.to_string().contains("nothing is overwritten"), "{again}");
    if board == M4F.feature {
        project.train("model.tflite")?;
        project.on_desktop()?;
    }
    let elf = project.build(toolchain)?;
    let answers = match board {
        "mps2-an386" => project.run(&elf)?,
        "microbit" => project.run_on_microbit(&elf)?,
        "pico" => project.run_on_rp2040(&elf)?,
        _ => return Ok(format!("{board}: built; there is no emulator\n")),
    };
    let classes = answers.lines().map(|line| line.split(':').next().unwrap_or_default().trim_start_matches('\0'));
    ensure!(classes.eq(["class 0", "class 1", "class 2"]), "it answers\n{answers}");
    Ok(format!("{board}: every class right\n"))
}

/// A project whose device learns.
fn learns(toolchain: Toolchain, board: &str, target: &'static str) -> Result<String> {
    let project = Project::new(&format!("{board}-learns"), board, target, &["--learn"])?;
    if board == M4F.feature {
        project.train("factory.nrv")?;
        project.on_desktop()?;
    }
    let elf = project.build(toolchain)?;
    let start = || match board {
        "mps2-an386" => project.start(&elf),
        "microbit" => {
            let folder = device::folder(&M0);
            let emulator = M0.start(&elf, &folder)?;
            Ok((format!("unix:{}", fs::canonicalize(folder.join("serial.sock"))?.display()), Some(emulator)))
        }
        _ => Ok((format!("exec:{}", project.rp2040_device(&elf)?.display()), None)),
    };
    if !["mps2-an386", "microbit", "pico"].contains(&board) {
        return Ok(format!("{board}: built to learn\n"));
    }
    let known = json!({"infer": [[0.4, 3], [2.6, 110], [6.5, 160]]});
    // Somebody who walks faster than all before, shown beside what is known.
    let fast = json!({"infer": [[5.4, 142]]});
    let samples = json!([[0.4, 3, 0], [2.6, 110, 1], [6.5, 160, 2], [5.4, 142, 1], [5.2, 140, 1], [5.6, 145, 1]]);
    let learn = json!({"train": {"samples": samples, "epochs": 4, "seed": 1}});
    let [save, info, restart] = ["save", "info", "restart"].map(Value::from);
    let (port, emulator) = start()?;
    let told = tell(&port, &[known.clone(), fast.clone(), learn, fast.clone(), known, save, info.clone()])?;
    let [first, before, _, after, still, _, saved] = &told[..] else { bail!("{told:?}") };
    ensure!(finds(first, &[0, 1, 2]) && finds(still, &[0, 1, 2]), "known classes: {first}, then {still}");
    ensure!(finds(before, &[2]) && finds(after, &[1]), "a new walk: {before}, then {after}");
    // QEMU's micro:bit forgets its flash with its end, so it only starts anew.
    let again = if board == "microbit" {
        tell(&port, &[restart, fast, info])?[1..].to_vec()
    } else {
        drop(emulator);
        let (port, _emulator) = start()?;
        tell(&port, &[fast, info])?
    };
    let steps = |info: &Value| info["steps"].as_u64();
    let kept = finds(&again[0], &[1]) && steps(saved).is_some() && steps(&again[1]) == steps(saved);
    ensure!(kept, "{saved}\nis kept as\n{}", again[1]);
    Ok(format!("{board}: learns, and knows it after it has started anew\n"))
}

/// Whether these are the classes in an answer.
fn finds(answer: &Value, classes: &[usize]) -> bool {
    answer["classes"] == json!(classes)
}

/// The last layer of a model learns, on the emulated Cortex-M4F.
fn new_classes(toolchain: Toolchain) -> Result<()> {
    let project = Project::new("new-classes", M4F.feature, M4F.target, &["--learn", "--model", MODEL])?;
    project.on_desktop()?;
    let elf = project.build(toolchain)?;
    let examples = fs::read_to_string(project.file("examples.csv"))?;
    let x = examples.lines().next().context("no example")?;
    let x: Vec<i8> = x.split(',').map(|x| Ok(x.trim().parse()?)).collect::<Result<_>>()?;
    let infer = json!({"infer": [x]});
    let graph = import::read(&fs::read(MODEL)?)?;
    let outputs = Executor::new(&graph)?.run_all(&x.iter().map(|x| *x as u8).collect::<Vec<_>>())?;
    let class = argmax(&outputs.iter().map(|byte| *byte as i8).collect::<Vec<_>>());
    let other = (class + 1) % outputs.len();
    let sample: Vec<i64> = x.iter().map(|x| i64::from(*x)).chain([other as i64]).collect();
    let train = json!({"train": {"samples": [sample], "epochs": 40, "seed": 1}});
    let (port, emulator) = project.start(&elf)?;
    let told = tell(&port, &[infer.clone(), train, infer.clone(), json!("save")])?;
    ensure!(finds(&told[0], &[class]), "the model finds class {class}, the device {}", told[0]);
    ensure!(finds(&told[2], &[other]), "class {other} was not learned: {}", told[2]);
    drop(emulator);
    let (port, _emulator) = project.start(&elf)?;
    let told = tell(&port, &[infer.clone(), json!("factory_reset"), infer])?;
    let kept = finds(&told[0], &[other]) && finds(&told[2], &[class]);
    ensure!(kept, "after a power cut {}, after a reset {}", told[0], told[2]);
    Ok(())
}

/// The last layer of a model learns several values, likewise.
fn new_values(toolchain: Toolchain) -> Result<()> {
    let project = Project::new("new-values", M4F.feature, M4F.target, &["--learn", "--model", MODEL, "--values"])?;
    let elf = project.build(toolchain)?;
    let examples = fs::read_to_string(project.file("examples.csv"))?;
    let x: Vec<f32> = examples
        .lines()
        .next()
        .context("no example")?
        .split(',')
        .map(|x| Ok(x.trim().parse()?))
        .collect::<Result<_>>()?;
    let infer = json!({"infer": [x]});
    let (port, _emulator) = project.start(&elf)?;
    let outputs = tell(&port, &[infer])?[0]["outputs"][0].as_array().map_or(0, Vec::len);
    let sample: Vec<f32> = x.into_iter().chain((0..outputs).map(|i| i as f32 / 4.0)).collect();
    let evaluate = json!({"evaluate": [sample]});
    let train = json!({"train": {"samples": [sample], "epochs": 4, "seed": 1}});
    let told = tell(&port, &[evaluate.clone(), train, evaluate])?;
    let loss = |answer: &Value| answer["loss"].as_f64().unwrap_or(f64::INFINITY);
    ensure!(outputs > 1 && loss(&told[2]) < loss(&told[0]) / 2.0, "{outputs} values: {} becomes {}", told[0], told[2]);
    ensure!(told[0]["correct"].is_null(), "values are no classes: {}", told[0]);
    Ok(())
}

struct Project {
    folder: PathBuf,
    target: &'static str,
}

impl Project {
    fn new(name: &str, board: &str, target: &'static str, options: &[&str]) -> Result<Self> {
        let root = fs::canonicalize(".")?;
        let mut nerve = Command::new(root.join(NERVE));
        nerve.current_dir(FOLDER).args(["new", name, "--board", board]);
        for option in options {
            if option.starts_with("--") {
                nerve.arg(option)
            } else {
                nerve.arg(root.join(option))
            };
        }
        output(&mut nerve)?;
        let project = Self { folder: root.join(FOLDER).join(name), target };
        // The versions that are tested here anyway.
        fs::copy("Cargo.lock", project.file("Cargo.lock"))?;
        fs::copy("firmware/Cargo.lock", project.file("firmware/Cargo.lock"))?;
        for folder in [project.folder.clone(), project.file("firmware")] {
            output(Command::new("cargo").current_dir(folder).args(["fmt", "--all", "--check"]))?;
        }
        Ok(project)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Trains the network, which must give the very file that `nerve new` has written.
    fn train(&self, file: &str) -> Result<()> {
        let shipped = fs::read(self.file(file))?;
        output(self.cargo(&["run", "--quiet", "--package", "train"]).current_dir(&self.folder))?;
        ensure!(fs::read(self.file(file))? == shipped, "training gives another {file} than `nerve new`");
        Ok(())
    }

    /// Tests the network on the desktop.
    fn on_desktop(&self) -> Result<()> {
        without_warnings(self.cargo(&["test", "--quiet"]).current_dir(&self.folder)).map(drop)
    }

    /// Builds the firmware; returns its ELF file.
    fn build(&self, toolchain: Toolchain) -> Result<PathBuf> {
        let mut build = match toolchain {
            Toolchain::Rustup => self.cargo(&["build", "--target", self.target]),
            Toolchain::Debian => toolchain.cargo("build", self.target),
        };
        // Quick to build, and small enough for every board.
        for (name, value) in [("OPT_LEVEL", "1"), ("DEBUG_ASSERTIONS", "false"), ("OVERFLOW_CHECKS", "false")] {
            build.env(format!("CARGO_PROFILE_DEV_{name}"), value);
        }
        without_warnings(build.arg("--quiet").current_dir(self.file("firmware")))?;
        let target_dir = match toolchain {
            Toolchain::Rustup => fs::canonicalize(FOLDER)?.join("target"),
            Toolchain::Debian => self.file("firmware").join(toolchain.target_dir()),
        };
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        Ok(target_dir.join(self.target).join("debug").join(format!("{name}-firmware")))
    }

    /// Cargo with one folder for what is built, so that each dependency is built once; and with clippy for a compiler of the project, so that
    /// nothing is compiled once more to look at it.
    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.args(arguments).env("CARGO_TARGET_DIR", self.folder.with_file_name("target"));
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0");
        cargo.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver");
        cargo
    }

    /// A firmware by its own runner.
    fn runner(&self, elf: &Path) -> Result<Command> {
        let config = fs::read_to_string(self.file("firmware/.cargo/config.toml"))?;
        let runner = config.lines().find_map(|line| line.strip_prefix("runner = \"")).context("no runner")?;
        let mut words = runner.trim_end_matches('"').split(' ');
        let mut runner = Command::new(words.next().unwrap_or_default());
        runner.args(words).arg(elf).current_dir(self.file("firmware"));
        Ok(runner)
    }

    /// Runs the firmware with the examples as its input; returns its answers.
    fn run(&self, elf: &Path) -> Result<String> {
        output(self.runner(elf)?.stdin(File::open(self.file("examples.csv"))?))
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
        output(Command::new("node").arg(rp2040()?).arg(elf).arg(self.file("examples.csv")))
    }

    /// A program that runs the firmware in rp2040js, its UART at standard input and output; its flash is kept in the project's folder.
    fn rp2040_device(&self, elf: &Path) -> Result<PathBuf> {
        let program = self.file("device.sh");
        let elf = fs::canonicalize(elf)?;
        let (folder, emulator) = (self.folder.display(), rp2040()?);
        let text = format!("#!/bin/sh\ncd '{folder}' && exec node '{}' '{}'\n", emulator.display(), elf.display());
        fs::write(&program, text)?;
        fs::set_permissions(&program, Permissions::from_mode(0o755))?;
        Ok(program)
    }

    /// Starts a firmware that learns by its own runner; returns its port. Its flash is kept in the firmware's folder.
    fn start(&self, elf: &Path) -> Result<(String, Option<Emulator>)> {
        let emulator = Emulator(self.runner(elf)?.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?);
        let address = MPS2.trim_start_matches("tcp:");
        let listens = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(100));
            TcpStream::connect(address).is_ok()
        });
        ensure!(listens, "nothing listens at {address}");
        Ok((MPS2.into(), Some(emulator)))
    }
}

/// What a device answers to requests, none of which it may refuse.
fn tell(port: &str, requests: &[Value]) -> Result<Vec<Value>> {
    let answers = ask(port, PATIENCE, requests)?;
    let refused = answers.iter().zip(requests).find_map(|(answer, request)| Some((refusal(answer)?, request)));
    if let Some((why, request)) = refused {
        bail!("{request}: {why}");
    }
    ensure!(answers.len() == requests.len(), "{} answers to {} requests", answers.len(), requests.len());
    Ok(answers)
}

/// The program that boots an RP2040.
fn rp2040() -> Result<PathBuf> {
    setup::npm(RP2040, "to emulate a Raspberry Pi Pico")?;
    let program = Path::new(setup::NODE).join("rp2040.mjs");
    fs::write(&program, RP2040_PROGRAM)?;
    Ok(fs::canonicalize(program)?)
}
