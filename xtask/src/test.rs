//! All tests, a line for each step, the whole output of a step only if it fails.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::MetadataCommand;

use crate::device::{self, BOARDS, Board, LEARNER, M0, M4F, M55, REAL_BOARDS};
use crate::setup::{self, Toolchain};
use crate::{
    adapt, bench, fleet, images, listen, litert, model, onnx, output, package, progress, project, session, train,
};

const NO_ATOMICS: &str = "riscv32i-unknown-none-elf";

/// The steps so far.
#[derive(Default)]
struct Steps {
    /// In the names of the steps to run.
    part: String,
    passed: AtomicU32,
    failed: Mutex<Vec<&'static str>>,
}

impl Steps {
    /// Runs a step; what it returns is shown.
    fn step(&self, name: &'static str, step: impl FnOnce() -> Result<String>) {
        if !name.contains(&self.part) {
            return;
        }
        let start = Instant::now();
        let result = step();
        let seconds = start.elapsed().as_secs();
        match result {
            Ok(shown) => {
                self.passed.fetch_add(1, Ordering::Relaxed);
                let shown: String = shown.lines().map(|line| format!("        {line}\n")).collect();
                progress::print(&format!("ok      {name} ({seconds} s)\n{shown}"));
            }
            Err(error) => {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).push(name);
                progress::print(&format!("FAILED  {name} ({seconds} s)\n{error:#}\n"));
            }
        }
    }
}

/// Runs the steps whose names contain `part`: those for the host and those for devices side by side, since a linker, an emulator or a
/// training keeps one core busy.
pub fn run(part: String) -> Result<()> {
    let toolchain =
        Toolchain::find(&[&BOARDS.map(|board| board.target)[..], &[NO_ATOMICS, project::ESP32C3]].concat())?;
    setup::qemu(true)?;
    setup::lints()?;
    let steps = Steps { part, ..Steps::default() };
    thread::scope(|scope| {
        scope.spawn(|| on_devices(&steps, toolchain));
        on_host(&steps, toolchain);
    });

    let (passed, failed) =
        (steps.passed.into_inner(), steps.failed.into_inner().unwrap_or_else(PoisonError::into_inner));
    ensure!(passed > 0 || !failed.is_empty(), "no step's name contains `{}`", steps.part);
    println!("{passed} passed, {} failed", failed.len());
    if !failed.is_empty() {
        bail!("failed: {}", failed.join("; "));
    }
    Ok(())
}

/// What builds in the workspace's folder.
fn on_host(steps: &Steps, toolchain: Toolchain) {
    steps.step("format", || {
        output(&mut cargo("fmt --all --check"))?;
        output(cargo("fmt --all --check").current_dir("firmware"))
    });
    steps
        .step("lints", || output(&mut cargo("clippy --quiet --workspace --all-targets --all-features -- -D warnings")));
    steps.step("tests", tests);
    steps.step("each feature alone, and all but each", package::features);
    steps.step("the packaged crate in a new project, for the host and the Cortex-M4F", || package::stranger(toolchain));
    steps.step("documentation of the packages, as docs.rs builds it", package::documentation);
    steps.step("the oldest dependencies", package::oldest_dependencies);
    steps.step("the interfaces beside the last version's", package::interfaces);
    steps.step("the oldest compiler", package::oldest_compiler);
    steps.step("licences and advisories", package::licences);
    steps.step(
        "no_std, without features and with those that need no std: Cortex-M4F, Cortex-M0, RISC-V without atomics",
        || {
            for features in ["", "checkpoint,defmt,frontend,serde"] {
                let mut check = toolchain.cargo("check", M4F.target);
                check.args(["--target", M0.target, "--target", NO_ATOMICS]);
                output(check.args(["--quiet", "--lib", "--package", "nerve", "--features", features]))?;
            }
            Ok(String::new())
        },
    );
    steps.step("networks exported as ONNX, in onnxruntime", onnx::check);
    steps.step("random ONNX models, in onnxruntime, and PyTorch's exports", onnx::check_read);
    steps.step("random models, in LiteRT's reference kernels", litert::check);
    steps.step("what the server of a fleet takes and refuses", fleet::updates);
    steps.step("Iris within a point of PyTorch", || {
        output(&mut cargo("run --quiet --release --example iris -- --table")).map(|_| String::new())
    });
    steps.step("networks that `nerve train` makes of CSV files", train::check);
    steps.step("the page from CSV to a board, word for word", || train::page(toolchain));
    steps.step("the firmware's weights are those that the examples train", || {
        let iris = firmware_data("iris", &["iris.nrv", "iris.tflite", "flowers.rs"])?;
        let anomaly = firmware_data("anomaly", &["anomaly.nrv", "anomaly.bin"])?;
        Ok(iris + &anomaly + &firmware_data("signal", &["signal-cnn.nrv", "signal-gru.nrv", "signal.bin"])?)
    });
    steps.step("MNIST: an epoch, the same bits with any number of threads, and resumed", mnist);
    steps.step("digits and clothes on the emulated Cortex-M4F: every logit the host's", || images::classify(toolchain));
}

/// What builds in the firmware's folder.
fn on_devices(steps: &Steps, toolchain: Toolchain) {
    if toolchain == Toolchain::Rustup {
        steps.step("lints of the firmware", || lint_firmware(toolchain));
    } else {
        println!("skipped lints of the firmware: Debian's toolchain has no clippy for it");
    }
    steps.step("no panic path in inference, training and loading weights: every core", || {
        for board in BOARDS {
            // Linked, not run.
            board.build_roomy(toolchain, "panic_free").context(board.core)?;
        }
        Ok(String::new())
    });
    steps.step("the demo on every emulated board", || demo(toolchain));
    steps.step("LiteRT models on the emulated boards: every byte the executor's", model::check);
    steps.step("a 1-D CNN and a GRU on a signal, on the emulated Cortex-M4F", || {
        Ok(M4F.run(&M4F.build(toolchain, "signal")?, None)?.log)
    });
    steps.step("anomalies of a machine on the emulated Cortex-M4F: every error and threshold the host's", || {
        Ok(M4F.run(&M4F.build(toolchain, "anomaly")?, None)?.log)
    });
    steps.step("words in a stream of sound on the emulated Cortex-M4F: heard when the host hears them", || {
        let text = listen::hear(toolchain, None)?;
        Ok(text.lines().last().unwrap_or_default().into())
    });
    steps.step("the learner builds for nRF52840-DK, STM32F4 Discovery and Raspberry Pi Pico 2", || {
        for (feature, target) in REAL_BOARDS {
            device::build(toolchain, target, feature, LEARNER).context(feature)?;
        }
        Ok(String::new())
    });
    steps.step("a project of one's own for every board", || project::check(toolchain));
    steps.step("the same bits on host (debug, release) and on every emulated core", || same_bits(toolchain));
    steps.step("a host's session with the learner on every emulated board, its power cut in between", || {
        session::run(toolchain)
    });
    steps
        .step("new digits and sounds on integer networks, on the emulated Cortex-M4F: every weight the host's", || {
            adapt::check(toolchain)
        });
    steps.step(
        "a host's sessions with a learner of digits and one of values on the emulated Cortex-M4F, power cut in saves too",
        || session::digits_and_values(toolchain),
    );
    steps.step("a round of two emulated devices, and of some that fail: every weight the host's", || {
        fleet::check(toolchain)
    });
    steps.step("cost on the device, beside benches/device.md", bench::check);
}

fn cargo(arguments: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments.split(' '));
    command
}

fn lint_firmware(toolchain: Toolchain) -> Result<String> {
    for board in BOARDS {
        let mut clippy = toolchain.cargo("clippy", board.target);
        clippy.current_dir("firmware").args(["--quiet", "--release", "--locked", "--no-default-features"]);
        clippy.args(["--features", board.feature, "--bins"]);
        output(clippy.args(["--", "-D", "warnings"]))?;
    }
    Ok(String::new())
}

/// Runs the tests of every package and of the docs, and adds up the closing lines. The lints look at examples that have no tests.
fn tests() -> Result<String> {
    let metadata = MetadataCommand::new().other_options(["--locked".into()]).exec()?;
    let targets = metadata.workspace_packages().into_iter().flat_map(|package| &package.targets);
    let mut programs = cargo("test --workspace --lib --bins --tests");
    for target in targets.filter(|target| target.is_example() && target.test) {
        programs.args(["--example", &target.name]);
    }
    let all = output(&mut programs)? + &output(&mut cargo("test --workspace --doc"))?;
    let count = |what: &str| -> u32 {
        let counts = all.lines().filter(|line| line.starts_with("test result")).flat_map(|line| line.split([';', '.']));
        counts.filter_map(|part| part.trim().strip_suffix(what)?.trim().parse::<u32>().ok()).sum()
    };
    let (passed, ignored) = (count("passed"), count("ignored"));
    ensure!(passed > 0, "no test ran:\n{all}");
    Ok(format!("{passed} tests passed, {ignored} ignored"))
}

/// Trains the firmware's networks anew and compares what is written with what is there.
fn firmware_data(example: &str, files: &[&str]) -> Result<String> {
    let arguments = format!("run --quiet --release --example {example} -- --firmware target/firmware-data");
    match output(&mut cargo(&arguments)) {
        Err(error) if error.to_string().contains("could not fetch") => {
            return Ok(format!("skipped {example}: {error}"));
        }
        result => result?,
    };
    for file in files {
        let [old, new] =
            ["firmware/data", "target/firmware-data"].map(|folder| std::fs::read(format!("{folder}/{file}")));
        ensure!(
            old? == new?,
            "firmware/data/{file} is out of date: cargo run --release --example {example} -- --firmware firmware/data"
        );
    }
    Ok(String::new())
}

/// Trains 784-10-10 with one thread and with three, then goes on from the weights file.
fn mnist() -> Result<String> {
    let train = |folder: &str, options: &str| {
        let arguments = format!(
            "run --quiet --release --example mnist -- --hidden 10 --optimizer momentum --epochs 1 --out target/mnist-test/{folder} {options}"
        );
        let printed = output(&mut cargo(arguments.trim_end()))?;
        let weights = std::fs::read(format!("target/mnist-test/{folder}/784-10-10-momentum.nrv"))?;
        let row = printed.lines().find_map(|line| line.strip_prefix("| momentum | ")).context("no accuracy")?;
        Ok::<_, anyhow::Error>((weights, row.split(' ').next().unwrap_or_default().parse::<f32>()?))
    };
    let (one, first) = match train("one", "--threads 1") {
        Err(error) if error.to_string().contains("could not fetch") => return Ok(format!("skipped: {error}")),
        result => result?,
    };
    let (three, _) = train("three", "--threads 3")?;
    ensure!(one == three, "three threads train other weights than one");
    let (_, second) = train("resumed", "--resume target/mnist-test/one/784-10-10-momentum.nrv")?;
    ensure!(first > 85.0 && second > first, "held-out accuracy {first} %, then {second} %");
    Ok(format!("held-out accuracy {first} % after one epoch, {second} % after another"))
}

/// Classifies and learns on every board, and classifies in integers on one; shows the whole log of one, and what each takes.
fn demo(toolchain: Toolchain) -> Result<String> {
    let mut log = String::new();
    let mut costs = Vec::new();
    for board in BOARDS {
        let run = board.run(&board.build(toolchain, "iris")?, None).context(board.feature)?;
        costs.extend(
            run.log.lines().find(|line| line.starts_with("cost: ")).map(|cost| format!("{}: {cost}", board.core)),
        );
        if board.feature == M4F.feature {
            log = run.log;
        }
    }
    ensure!(costs.len() == BOARDS.len(), "a board did not say what the demo costs");
    let integers = M0.run(&M0.build(toolchain, "iris_int8")?, None).context("iris_int8")?.log;
    Ok(format!("{log}{}\n{integers}", costs.join("\n")))
}

/// Compares every word that the same-bits program prints.
fn same_bits(toolchain: Toolchain) -> Result<String> {
    let host = |profile: &str| output(&mut cargo(&format!("run --quiet --example same_bits --profile {profile}")));
    let device = |board: &Board| {
        let program = board.build_roomy(toolchain, "same_bits")?;
        Ok::<_, anyhow::Error>(board.roomy().run(&program, None)?.log)
    };
    let expected = host("dev")?;
    let mut runs = vec![("the host's release build", host("release")?)];
    for board in BOARDS {
        runs.push((board.core, device(board)?));
    }
    runs.push((M55.core, M55.run(&M55.build_small(toolchain, "same_bits")?, None)?.log));
    // Assembly that the optimiser would drop must be valid too.
    let unoptimised = M4F.build_unoptimised(toolchain, "same_bits")?;
    runs.push(("the Cortex-M4F, unoptimised", M4F.run(&unoptimised, None)?.log));
    for (name, words) in runs {
        let differing = expected.lines().zip(words.lines()).position(|(a, b)| a != b);
        if let Some(word) = differing {
            bail!("word {word} differs between the host's debug build and {name}");
        }
        ensure!(
            expected.len() == words.len(),
            "{name} printed {} words, not {}",
            words.lines().count(),
            expected.lines().count()
        );
    }
    Ok(format!("{} words, all equal", expected.lines().count()))
}
