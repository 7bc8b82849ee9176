//! A fleet that learns together, on Flower: emulated devices, some of them failing, and a thousand simulated ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use wait_timeout::ChildExt;

use crate::device::{LEARNER, M4F};
use crate::session::{self, LABELLED, refused, weights};
use crate::setup::{self, Toolchain};
use crate::{output, run as run_command};

const FOLDER: &str = "target/fleet";
const DIGITS: &str = "learner_digits";
const PACKAGES: &str = "flwr[simulation]>=1.42,<2 matplotlib numpy";
/// Where Flower's server listens.
const ADDRESS: (&str, &str) = ("127.0.0.1", "18763");
/// Two devices drop out, one sends weights that are poisoned.
const FAULTS: &str = "6:silent@3,7:late@5,3:poison@2";

/// Sets up what Flower needs, starts `devices` boards, and lets them learn for `rounds` rounds; then with faults; then a thousand without
/// boards. Prints a table and draws it.
pub fn run(devices: u32, rounds: u32) -> Result<()> {
    let toolchain = Toolchain::find(&[M4F.target])?;
    setup::qemu(false)?;
    let python = setup::python(PACKAGES, "import flwr, matplotlib, ray", "to let a fleet learn")?;
    if !Path::new("target/data/mnist/train-images-idx3-ubyte").exists() {
        output(Command::new("cargo").args([
            "run",
            "--quiet",
            "--release",
            "--example",
            "adapt",
            "--",
            "--device",
            "firmware/data",
        ]))?;
    }
    fs::create_dir_all(FOLDER)?;
    let folder = fs::canonicalize(FOLDER)?;
    build_host(DIGITS)?;
    let elf = M4F.build(toolchain, DIGITS)?;
    let boards: Vec<_> = (0..devices).map(|i| folder.join(format!("board-{i}"))).collect();
    let _boards = boards.iter().map(|board| M4F.start(&elf, board)).collect::<Result<Vec<_>>>()?;
    println!("{devices} boards listen at {FOLDER}/board-*/serial.sock");

    let flower = Flower::start(&python, &folder, devices)?;
    let emulated = format!("port=\"unix:{FOLDER}/board-{{}}/serial.sock\" devices={devices} rounds={rounds}");
    flower.run("fleet", "emulated", &emulated)?;
    flower.run("fleet", "faults", &format!("{emulated} faults=\"{FAULTS}\" alone=false"))?;
    flower.run("thousand", "thousand", &format!("devices=1000 fraction=0.05 rounds={rounds} alone=false"))?;
    run_command(Command::new(&python).args(["examples/fleet/report.py", FOLDER]))
}

/// Builds `nerve`, and a learner as a program of this machine; returns where it is.
fn build_host(learner: &str) -> Result<PathBuf> {
    output(Command::new("cargo").args(["build", "--quiet", "--release", "--bin", "nerve"]))?;
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not name its host")?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir("firmware").args(["build", "--quiet", "--release", "--locked", "--no-default-features"]);
    output(cargo.args(["--features", "host", "--target", host, "--bin", learner]))?;
    let program = Path::new(FOLDER).join(learner);
    fs::create_dir_all(FOLDER)?;
    fs::copy(Path::new("firmware/target").join(host).join("release").join(learner), &program)?;
    Ok(program)
}

/// Flower's server, as long as this lives.
struct Flower {
    path: String,
    home: PathBuf,
    server: Child,
}

impl Drop for Flower {
    fn drop(&mut self) {
        // Asked to end, it ends its own programs too.
        let _ = output(Command::new("kill").arg(self.server.id().to_string()));
        if !matches!(self.server.wait_timeout(Duration::from_secs(20)), Ok(Some(_))) {
            let _ = self.server.kill();
            let _ = self.server.wait();
        }
    }
}

impl Flower {
    fn start(python: &str, folder: &Path, devices: u32) -> Result<Self> {
        let programs = Path::new(python).parent().filter(|parent| parent.is_dir()).map(fs::canonicalize).transpose()?;
        let path = std::env::var("PATH").unwrap_or_default();
        let path = programs.map_or(path.clone(), |programs| format!("{}:{path}", programs.display()));
        let (host, port) = ADDRESS;
        let home = folder.join("flwr");
        fs::create_dir_all(&home)?;
        // All boards at once, since they wait for the host without sleeping; as many programs as there are cores.
        let connection = |name: &str, nodes: u32, at_once: usize| {
            format!(
                "[superlink.{name}]\naddress = \"{host}:{port}\"\ninsecure = true\noptions.num-supernodes = {nodes}\n\
                 options.backend.client-resources.num-cpus = 1\n\
                 options.backend.client-resources.num-gpus = 0\noptions.backend.init-args.num-cpus = {at_once}\n\n"
            )
        };
        let cores = thread::available_parallelism()?.get();
        let (fleet, thousand) = (connection("fleet", devices, devices as usize), connection("thousand", 1000, cores));
        fs::write(home.join("config.toml"), format!("[superlink]\ndefault = \"fleet\"\n\n{fleet}{thousand}"))?;
        let mut server = Command::new("flower-superlink");
        server.args([
            "--insecure",
            "--simulation",
            "--disable-runtime-dependency-installation",
            "--isolation",
            "subprocess",
        ]);
        server.args(["--host", host, "--port", port]).env("PATH", &path).env("FLWR_HOME", &home);
        // Ray lets its programs stand back behind all others, which is long on a busy machine.
        server.env("RAY_worker_niceness", "0");
        let log = fs::File::create(folder.join("superlink.log"))?;
        server.env("FLWR_TELEMETRY_ENABLED", "0").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let flower = Self { path, home, server: server.spawn().context("flower-superlink")? };
        for _ in 0..600 {
            if std::net::TcpStream::connect(format!("{host}:{port}")).is_ok() {
                return Ok(flower);
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!("Flower's server does not listen: {FOLDER}/superlink.log")
    }

    /// Runs the app on a connection of the configuration; what came of it is in the file of this name.
    fn run(&self, connection: &str, name: &str, config: &str) -> Result<()> {
        println!("\n{name}: {config}");
        let out = format!("{FOLDER}/{name}.json");
        let _ = fs::remove_file(&out);
        let mut flwr = Command::new("flwr");
        flwr.args([
            "run",
            "examples/fleet",
            connection,
            "--stream",
            "--run-config",
            &format!("{config} out=\"{out}\""),
        ]);
        flwr.env("PATH", &self.path).env("FLWR_HOME", &self.home).env("FLWR_TELEMETRY_ENABLED", "0");
        let log = output(&mut flwr)?;
        for line in log.lines().filter(|line| line.starts_with("round ")) {
            println!("{line}");
        }
        ensure!(Path::new(&out).exists(), "{log}");
        Ok(())
    }
}

/// Two emulated devices, each with flowers of its own, and the same learner on this machine: a round without Flower, and the same weights.
pub fn check(toolchain: Toolchain) -> Result<String> {
    let twin = format!("exec:{}", build_host(LEARNER)?.display());
    let elf = M4F.build(toolchain, LEARNER)?;
    let (mut all, mut bytes) = (Vec::new(), 0);
    let factory = weights(&ask(&twin, &["\"download\""])?, 0)?;
    for (device, flowers) in LABELLED.chunks(LABELLED.len().div_ceil(2)).enumerate() {
        let board = Path::new(FOLDER).join(format!("check-{device}"));
        let _emulator = M4F.start(&elf, &board)?;
        let rows: Vec<_> = flowers.iter().map(|([a, b, c, d], class)| format!("[{a},{b},{c},{d},{class}]")).collect();
        let train = format!("{{\"train\":{{\"samples\":[{}],\"epochs\":3,\"seed\":1}}}}", rows.join(","));
        let requests = [&*format!("{{\"upload\":{factory}}}"), &*train, "\"download\""];
        let port = format!("unix:{}", board.join("serial.sock").display());
        let answers = ask(&port, &requests)?;
        let learned = weights(&answers, 2)?;
        ensure!(learned != factory, "device {device} has learned nothing");
        ensure!(learned == weights(&ask(&twin, &requests)?, 2)?, "device {device} and this machine differ");
        bytes += answers.iter().flat_map(|answer| [number(answer, "sent"), number(answer, "received")]).sum::<u64>();
        all.push(learned);
    }
    ensure!(all[0] != all[1], "both devices have learned the same");
    Ok(format!("{} bytes over each line; every weight this machine's", bytes / 2))
}

/// What a device answers to each of these requests; an error if it refuses one.
fn ask(port: &str, requests: &[&str]) -> Result<Vec<String>> {
    let answers = session::ask(port, requests)?;
    ensure!(answers.iter().all(|answer| !refused(answer)), "{port}: {answers:?}");
    Ok(answers)
}

fn number(answer: &str, name: &str) -> u64 {
    let digits = answer.split_once(&format!("\"{name}\":")).map_or("", |(_, rest)| rest);
    digits.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
