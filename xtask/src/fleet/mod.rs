//! A fleet that learns together, on Flower: emulated devices, some of them failing, and a thousand simulated ones.

mod flower;
mod report;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, slice};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::device::{LEARNER, M4F};
use crate::output;
use crate::session::{LABELLED, PATIENCE, ask, build_nerve, refusal, weights};
use crate::setup::{self, Toolchain};

use flower::{BOARDS, Flower, Outcome, SIMULATED, THOUSAND};

const FOLDER: &str = "target/fleet";
const DIGITS: &str = "learner_digits";
const PACKAGES: &str = "flwr[simulation]>=1.42,<2 numpy";
/// Two devices drop out, one sends weights that are poisoned.
const FAULTS: &str = "faults=\"6:silent@3,7:late@5,3:poison@2\"";
/// Everything that can go wrong, each with a device, and what is said of it.
const EVERY_FAULT: &str = "faults=\"0:silent@1,1:late@1,2:damaged@1,3:nan@1,4:poison@1,5:hung@2\"";
const REASONS: [&str; 6] =
    ["could not open", "no answer within", "damaged", "infinite or NaN", "update of norm", "no answer in the time"];
const FED_AVG: &str = "strategy=\"FedAvg\" options=\"{}\"";
const FED_ADAM: &str = "strategy=\"FedAdam\" options='{\"eta\": 0.03}'";
const FED_MEDIAN: &str = "strategy=\"FedMedian\" options=\"{}\"";

/// Names of trials whose costs are the base of what is drawn.
const INT8: &str = "differences in int8";
const MANY: &str = "1,000 simulated, 50 in a round";

/// What a fleet was tried for, and what came of it.
struct Trial {
    /// Whether its accuracies are in the picture.
    drawn: bool,
    /// Whether it was on boards, the cost of each of which is printed.
    boards: bool,
    name: &'static str,
    outcome: Outcome,
}

/// Sets up what Flower needs, starts `devices` boards, and lets them learn for `rounds` rounds; then with faults; then devices without
/// boards, in other ways, and a thousand of them. Prints tables and draws them.
pub fn run(devices: u32, rounds: u32) -> Result<()> {
    let toolchain = Toolchain::find(&[M4F.target])?;
    setup::qemu(false)?;
    let python = setup::python(PACKAGES, "import flwr, numpy, ray", "to let a fleet learn")?;
    if !Path::new("target/data/mnist/train-images-idx3-ubyte").exists() {
        let mut adapt = Command::new("cargo");
        output(adapt.args(["run", "--quiet", "--release", "--example", "adapt", "--", "--device", "firmware/data"]))?;
    }
    fs::create_dir_all(FOLDER)?;
    let folder = fs::canonicalize(FOLDER)?;
    build_host(DIGITS)?;
    let elf = M4F.build(toolchain, DIGITS)?;
    let boards: Vec<_> = (0..devices).map(|i| folder.join(format!("board-{i}"))).collect();
    let _boards = boards.iter().map(|board| M4F.start(&elf, board)).collect::<Result<Vec<_>>>()?;
    println!("{devices} boards listen at {FOLDER}/board-*/serial.sock");

    let boards = format!("rounds={rounds} devices={devices} port=\"unix:{FOLDER}/board-{{}}/serial.sock\"");
    let simulated = format!("rounds={rounds} alone=false");
    let poison = "faults=\"3:poison@2\" suspicious=1e9";
    let (avg, adam, median) = (FED_AVG, FED_ADAM, FED_MEDIAN);
    let settings = [
        (true, "FedProx", BOARDS, boards.clone()),
        (true, "FedProx, two drop out, one is poisoned", BOARDS, format!("{boards} alone=false {FAULTS}")),
        (false, INT8, SIMULATED, format!("{simulated} int8=true")),
        (false, "FedAvg", SIMULATED, format!("{simulated} {avg}")),
        (true, "FedAvg, two drop out, one is poisoned", SIMULATED, format!("{simulated} {avg} {FAULTS}")),
        (false, "FedAdam", SIMULATED, format!("{simulated} {adam}")),
        (true, "FedMedian, two drop out, one is poisoned", SIMULATED, format!("{simulated} {median} {FAULTS}")),
        (false, "one is poisoned and let in", SIMULATED, format!("{simulated} {poison}")),
        (false, "FedMedian, one is poisoned and let in", SIMULATED, format!("{simulated} {median} {poison}")),
        (true, MANY, THOUSAND, format!("{simulated} devices=1000 fraction=0.05")),
    ];
    let flower = Flower::start(&python, &folder, devices)?;
    let mut trials = Vec::new();
    for (drawn, name, connection, config) in settings {
        let outcome = flower.run(name, connection, &config)?;
        trials.push(Trial { drawn, boards: connection == BOARDS, name, outcome });
    }
    report::print(&trials);
    report::draw(&trials)?;

    let config = format!("rounds=2 alone=false round-seconds=120.0 {EVERY_FAULT}");
    let faulty = flower.run("every fault", SIMULATED, &config)?;
    let round = faulty.rounds.last().context("no round")?;
    for (device, reason) in REASONS.iter().enumerate() {
        let said = round.out.iter().any(|out| out.starts_with(&format!("device {device}: ")) && out.contains(reason));
        ensure!(said, "`{reason}` is not said of device {device}: {:?}", round.out);
    }
    ensure!(round.taken == 2, "{} devices were let in instead of 2", round.taken);
    Ok(())
}

/// Builds `nerve`, and a learner as a program of this machine; returns where it is.
fn build_host(learner: &str) -> Result<PathBuf> {
    build_nerve()?;
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not name its host")?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir("firmware").args(["build", "--quiet", "--release", "--locked", "--no-default-features"]);
    output(cargo.args(["--features", "host", "--target", host, "--bin", learner]))?;
    let program = Path::new(FOLDER).join(learner);
    fs::create_dir_all(FOLDER)?;
    // A program that runs cannot be written over.
    let _ = fs::remove_file(&program);
    fs::copy(Path::new("firmware/target").join(host).join("release").join(learner), &program)?;
    Ok(program)
}

/// Two emulated devices, each with flowers of its own, and the same learner on this machine: a round without Flower, and the same weights.
/// Then what is said of devices that fail.
pub fn check(toolchain: Toolchain) -> Result<String> {
    let twin = format!("exec:{}", build_host(LEARNER)?.display());
    let elf = M4F.build(toolchain, LEARNER)?;
    let (mut all, mut bytes) = (Vec::new(), 0);
    let factory = learned(&twin, &[json!("download")])?.0;
    for (device, flowers) in LABELLED.chunks(LABELLED.len().div_ceil(2)).enumerate() {
        let board = Path::new(FOLDER).join(format!("check-{device}"));
        let _emulator = M4F.start(&elf, &board)?;
        let rows: Vec<_> = flowers.iter().map(|([a, b, c, d], class)| json!([a, b, c, d, class])).collect();
        let train = json!({"train": {"samples": rows, "epochs": 3, "seed": 1}});
        let requests = [json!({"upload": factory}), json!({"proximal": 0.1}), train, json!("download")];
        let port = format!("unix:{}", board.join("serial.sock").display());
        let (weights, crossed) = learned(&port, &requests)?;
        ensure!(weights != factory, "device {device} has learned nothing");
        ensure!(weights == learned(&twin, &requests)?.0, "device {device} and this machine differ");
        // A late answer is not taken for that of the next request.
        fails(&port, "0.001", &requests[0], "no answer within")?;
        ensure!(weights == learned(&port, &requests)?.0, "device {device} learns otherwise after a late answer");
        bytes += crossed;
        all.push(weights);
    }
    ensure!(all[0] != all[1], "both devices have learned the same");
    fails("unix:/nobody", PATIENCE, &json!("download"), "could not open")?;
    fails("exec:cat", PATIENCE, &json!("download"), "damaged")?;
    fails(&twin, PATIENCE, &json!({"upload": vec![1e39; factory.len()]}), "infinite or NaN")?;
    Ok(format!("{} bytes over each line; every weight this machine's", bytes / 2))
}

/// What a server takes of what devices send, and what int8 loses; skipped where numpy cannot be installed.
pub fn updates() -> Result<String> {
    match setup::python("numpy", "import numpy", "to check what a fleet's server takes") {
        Ok(python) => output(Command::new(python).arg("host-tests/src/fleet_updates.py")),
        Err(error) => Ok(format!("skipped: {error:#}")),
    }
}

/// The weights that the last of these requests asks for, and the bytes that all have sent over the line, both ways.
fn learned(port: &str, requests: &[Value]) -> Result<(Vec<Value>, u64)> {
    let answers = ask(port, PATIENCE, requests)?;
    ensure!(answers.iter().all(|answer| refusal(answer).is_none()), "{port}: {answers:?}");
    let bytes =
        answers.iter().flat_map(|answer| [&answer["sent"], &answer["received"]]).filter_map(Value::as_u64).sum();
    Ok((weights(&answers, requests.len() - 1)?, bytes))
}

/// An error unless the request is refused for this reason.
fn fails(port: &str, timeout: &str, request: &Value, reason: &str) -> Result<()> {
    let answers = ask(port, timeout, slice::from_ref(request))?;
    let said = answers.first().and_then(refusal).unwrap_or_default();
    ensure!(said.contains(reason), "`{reason}` expected of {port}: {said}");
    Ok(())
}
