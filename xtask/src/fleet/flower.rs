//! Flower's server, and what comes of a run of the app.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use wait_timeout::ChildExt;

use super::FOLDER;
use crate::output;

/// The connection to emulated boards.
pub const BOARDS: &str = "boards";
/// That to eight devices which are programs of this machine.
pub const SIMULATED: &str = "simulated";
/// That to a thousand of them.
pub const THOUSAND: &str = "thousand";

/// Where Flower's server listens.
const ADDRESS: (&str, &str) = ("127.0.0.1", "18763");

/// What came of a run, as the app writes it.
#[derive(Deserialize)]
pub struct Outcome {
    /// Accuracies: before the first round, after each.
    pub global: Vec<f64>,
    /// The same of each digit.
    pub classes: Vec<Vec<f64>>,
    /// What happened in each round.
    pub rounds: Vec<Round>,
    /// Accuracies of devices that learn alone.
    pub alone: Vec<f64>,
    /// The accuracy of a learner with all samples, if it was measured.
    pub pooled: Option<f64>,
}

/// A round.
#[derive(Deserialize)]
pub struct Round {
    /// Without which devices it went on, and why.
    pub out: Vec<String>,
    /// How many it went on with.
    #[serde(rename = "in")]
    pub taken: usize,
    /// What it cost those that answered.
    pub costs: Vec<Cost>,
    /// How long the server worked on what came back.
    pub seconds: f64,
}

/// What a round cost a device.
#[derive(Clone, Copy, Deserialize)]
pub struct Cost {
    /// Its number.
    pub device: u32,
    /// Bytes of weights over the network, to it and from it.
    pub down: f64,
    /// See [`down`](Self::down).
    pub up: f64,
    /// Bytes over its serial line, to it and from it.
    pub sent: f64,
    /// See [`sent`](Self::sent).
    pub received: f64,
    /// What both took, with its learning.
    pub seconds: f64,
}

/// Flower's server, as long as this lives.
pub struct Flower {
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
    /// Starts it; `boards` is how many devices [`BOARDS`] has.
    pub fn start(python: &str, folder: &Path, boards: u32) -> Result<Self> {
        let programs = Path::new(python).parent().filter(|parent| parent.is_dir()).map(fs::canonicalize).transpose()?;
        let path = std::env::var("PATH").unwrap_or_default();
        let path = programs.map_or(path.clone(), |programs| format!("{}:{path}", programs.display()));
        let (host, port) = ADDRESS;
        let home = folder.join("flwr");
        fs::create_dir_all(&home)?;
        let cores = thread::available_parallelism()?.get();
        // Boards all at once, since they sleep most of the time.
        let connection = |(name, nodes, at_once): (&str, u32, usize)| {
            format!(
                "[superlink.{name}]\naddress = \"{host}:{port}\"\ninsecure = true\noptions.num-supernodes = {nodes}\n\
                 options.backend.client-resources.num-cpus = 1\n\
                 options.backend.client-resources.num-gpus = 0\noptions.backend.init-args.num-cpus = {at_once}\n\n"
            )
        };
        let connections =
            [(BOARDS, boards, boards as usize), (SIMULATED, 8, cores), (THOUSAND, 1000, cores)].map(connection);
        let config = format!("[superlink]\ndefault = \"{SIMULATED}\"\n\n{}", connections.concat());
        fs::write(home.join("config.toml"), config)?;
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

    /// Runs the app on a connection with settings of its own; what came of it, which is also in a file of this name.
    pub fn run(&self, name: &str, connection: &str, config: &str) -> Result<Outcome> {
        println!("\n{name}: {config}");
        let out = format!("{FOLDER}/{name}.json");
        let _ = fs::remove_file(&out);
        let mut flwr = Command::new("flwr");
        flwr.args(["run", "examples/fleet", connection, "--stream", "--run-config"]);
        flwr.arg(format!("{config} out=\"{out}\"")).env("PATH", &self.path);
        flwr.env("FLWR_HOME", &self.home).env("FLWR_TELEMETRY_ENABLED", "0");
        let log = output(&mut flwr)?;
        for line in log.lines().filter(|line| line.starts_with("round ")) {
            println!("{line}");
        }
        let outcome = fs::read_to_string(&out).with_context(|| log.clone())?;
        serde_json::from_str(&outcome).with_context(|| out)
    }
}
