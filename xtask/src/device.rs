//! Builds the firmware and runs it on an emulated board.

use std::collections::BTreeSet;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use defmt_decoder::{DecodeError, Table};
use wait_timeout::ChildExt;

use crate::setup::{self, QEMU_ARM, QEMU_RISCV, Toolchain};
use crate::{output, progress};

/// A board that QEMU emulates.
pub struct Board {
    /// The core, for people.
    pub core: &'static str,
    /// The firmware's feature.
    pub feature: &'static str,
    /// The compiler's target.
    pub target: &'static str,
    /// KiB of flash and of RAM.
    pub memory: (u64, u64),
    /// QEMU's program and the arguments that choose the machine.
    qemu: (&'static str, &'static str),
}

/// Cortex-M0.
pub const M0: Board = Board {
    core: "Cortex-M0",
    feature: "microbit",
    target: "thumbv6m-none-eabi",
    memory: (256, 16),
    qemu: (QEMU_ARM, "-M microbit -cpu cortex-m0"),
};
/// Cortex-M3.
pub const M3: Board = Board {
    core: "Cortex-M3",
    feature: "lm3s6965evb",
    target: "thumbv7m-none-eabi",
    memory: (256, 64),
    qemu: (QEMU_ARM, "-M lm3s6965evb -cpu cortex-m3"),
};
/// Cortex-M4F.
pub const M4F: Board = Board {
    core: "Cortex-M4F",
    feature: "mps2-an386",
    target: "thumbv7em-none-eabihf",
    memory: (4096, 4096),
    qemu: (QEMU_ARM, "-M mps2-an386 -cpu cortex-m4"),
};
/// Cortex-M33.
pub const M33: Board = Board {
    core: "Cortex-M33",
    feature: "mps2-an505",
    target: "thumbv8m.main-none-eabihf",
    memory: (4096, 4096),
    qemu: (QEMU_ARM, "-M mps2-an505 -cpu cortex-m33"),
};
/// Cortex-M55.
pub const M55: Board = Board {
    core: "Cortex-M55",
    feature: "mps3-an547",
    target: M33.target,
    memory: (512, 4096),
    qemu: (QEMU_ARM, "-M mps3-an547"),
};
/// RISC-V.
pub const RISCV: Board = Board {
    core: "RV32IMAC",
    feature: "riscv-virt",
    target: "riscv32imac-unknown-none-elf",
    memory: (4096, 4096),
    qemu: (QEMU_RISCV, "-M virt -bios none"),
};

/// Every board that is emulated, but the Cortex-M55, which runs the program of the same bits alone.
pub const BOARDS: [&Board; 5] = [&M0, &M3, &M4F, &M33, &RISCV];

/// The program that talks to a host.
pub const LEARNER: &str = "learner";

/// Long past what any program here takes.
const TIMEOUT: Duration = Duration::from_secs(240);

/// What a program on a device left.
pub struct Run {
    /// Its decoded log.
    pub log: String,
    /// What the emulator's plugin wrote.
    pub plugin: String,
}

impl Board {
    /// Builds one of the firmware's programs; returns its ELF file.
    pub fn build(&self, toolchain: Toolchain, program: &str) -> Result<PathBuf> {
        build(toolchain, self.target, self.feature, program)
    }

    /// Builds the program that learns new classes on top of a model; returns its ELF file.
    pub fn build_cut(&self, toolchain: Toolchain, cut: Cut) -> Result<PathBuf> {
        let variables = match cut {
            Cut::Digits { corrections: false } => vec![],
            Cut::Digits { corrections: true } => vec![("NERVE_CUT_CORRECTIONS", "1".into())],
            Cut::Model { model, layer, head } => {
                let model = fs::canonicalize(model)?.into_os_string();
                vec![("NERVE_CUT_MODEL", model), ("NERVE_CUT_LAYER", layer.into()), ("NERVE_CUT_HEAD", head.into())]
            }
        };
        Ok(build_with(toolchain, RELEASE, self.target, self.feature, &["adapt"], variables)?.join("adapt"))
    }

    /// Builds one of the firmware's programs for size, for a board whose memory it would not fit otherwise; returns its ELF file.
    pub fn build_small(&self, toolchain: Toolchain, program: &str) -> Result<PathBuf> {
        let size = [("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s".into())];
        Ok(build_with(toolchain, RELEASE, self.target, self.feature, &[program], size)?.join(program))
    }

    /// Builds a program for it as a debugger wants it, without optimisation.
    pub fn build_unoptimised(&self, toolchain: Toolchain, program: &str) -> Result<PathBuf> {
        let none = [("CARGO_PROFILE_DEV_OPT_LEVEL", "0".into())];
        Ok(build_with(toolchain, DEV, self.target, self.feature, &[program], none)?.join(program))
    }

    /// The board that runs this one's code and has the memory for any program.
    pub fn roomy(&self) -> &Board {
        // A Cortex-M4F runs what is compiled for the M0 and the M3.
        if self.memory == M4F.memory { self } else { &M4F }
    }

    /// Builds one of the firmware's programs for [`roomy`](Self::roomy), compiled for this board's core; returns its ELF file.
    pub fn build_roomy(&self, toolchain: Toolchain, program: &str) -> Result<PathBuf> {
        build(toolchain, self.target, self.roomy().feature, program)
    }

    /// The emulator with a program, without its serial line.
    fn qemu(&self, elf: &Path) -> Command {
        let (program, machine) = self.qemu;
        let mut qemu = Command::new(program);
        qemu.args(machine.split(' ')).args(["-nographic", "-monitor", "none"]);
        qemu.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(elf);
        qemu
    }

    /// Starts a program that talks over its serial line. Its flash is kept in `folder`.
    pub fn start(&self, elf: &Path, folder: &Path) -> Result<Emulator> {
        fs::create_dir_all(folder)?;
        let socket = folder.join("serial.sock");
        // One that is left from before would be taken for this one's.
        let _ = fs::remove_file(&socket);
        let mut qemu = self.qemu(&fs::canonicalize(elf)?);
        qemu.current_dir(folder).args(["-serial", "unix:serial.sock,server=on,wait=off"]);
        let child =
            qemu.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().context(self.qemu.0)?;
        let emulator = Emulator(child);
        for _ in 0..100 {
            if socket.exists() {
                return Ok(emulator);
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("{} did not open its serial line", self.qemu.0)
    }

    /// Runs a program until it ends; an error with its log if it does not succeed.
    pub fn run(&self, elf: &Path, plugin: Option<&Path>) -> Result<Run> {
        let mut qemu = self.qemu(elf);
        qemu.args(["-serial", "none", "-icount", "shift=0"]);
        if let Some(plugin) = plugin {
            qemu.arg("-plugin").arg(plugin).args(["-d", "plugin"]);
        }
        let _shown = progress::waiting(format!("{} on the emulated {}", elf.display(), self.core));
        let mut child =
            qemu.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context(self.qemu.0)?;
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        let status = child.wait_timeout(TIMEOUT)?;
        if status.is_none() {
            child.kill()?;
            child.wait()?;
        }
        let frames = stdout.join().map_err(|_| anyhow!("reading the device's log failed"))?;
        let plugin = stderr.join().map_err(|_| anyhow!("reading the emulator's messages failed"))?;
        let (log, plugin) = (decode(elf, &frames)?, String::from_utf8_lossy(&plugin).into_owned());
        match status {
            Some(status) if status.success() => Ok(Run { log, plugin }),
            Some(status) => bail!("the device ended with a failure ({status}):\n{log}{plugin}"),
            None => bail!("the device did not end within {} s:\n{log}{plugin}", TIMEOUT.as_secs()),
        }
    }
}

/// Boards that are not emulated: the firmware's feature, the compiler's target.
pub const REAL_BOARDS: [(&str, &str); 3] =
    [("nrf52840-dk", M4F.target), ("stm32f4-discovery", M4F.target), ("pico2", M33.target)];

/// A network whose last layer learns new classes.
pub enum Cut<'a> {
    /// That of eight digits.
    Digits {
        /// Whether the layer before it is corrected too.
        corrections: bool,
    },
    /// A LiteRT model's.
    Model {
        /// A `.tflite` file.
        model: &'a Path,
        /// The name of the last of its layers to take.
        layer: &'a str,
        /// The number of classes.
        head: &'a str,
    },
}

/// Builds one of the firmware's programs for the board with this feature; returns its ELF file.
pub fn build(toolchain: Toolchain, target: &str, feature: &str, program: &str) -> Result<PathBuf> {
    Ok(build_all(toolchain, target, feature, &[program])?.join(program))
}

/// Builds several of them; returns the folder of their ELF files.
pub fn build_all(toolchain: Toolchain, target: &str, feature: &str, programs: &[&str]) -> Result<PathBuf> {
    build_with(toolchain, RELEASE, target, feature, programs, [])
}

/// How the program `model` runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Over whole examples.
    Examples,
    /// As a stream, over rows.
    Stream,
    /// Over whole examples, each layer a region.
    ByLayer,
}

impl Pass {
    /// As a stream, or over whole examples.
    pub fn new(stream: bool) -> Self {
        if stream { Self::Stream } else { Self::Examples }
    }

    /// The variable of the build that chooses it.
    fn variable(self) -> Option<&'static str> {
        match self {
            Self::Examples => None,
            Self::Stream => Some("NERVE_STREAM"),
            Self::ByLayer => Some("NERVE_BY_LAYER"),
        }
    }
}

/// Builds the program that runs a LiteRT model; returns its ELF file.
pub fn build_model(toolchain: Toolchain, target: &str, feature: &str, model: &Path, pass: Pass) -> Result<PathBuf> {
    let variables = [("NERVE_MODEL", model.into())].into_iter().chain(pass.variable().map(|name| (name, "1".into())));
    Ok(build_with(toolchain, RELEASE, target, feature, &["model"], variables)?.join("model"))
}

/// A profile of cargo's, and the folder of what it builds.
const RELEASE: (&str, &str) = ("release", "release");
/// See [`RELEASE`].
const DEV: (&str, &str) = ("dev", "debug");

/// Builds programs, with variables in the environment of the build; returns the folder of their ELF files.
fn build_with<'v>(
    toolchain: Toolchain,
    (profile, folder): (&str, &str),
    target: &str,
    feature: &str,
    programs: &[&str],
    variables: impl IntoIterator<Item = (&'v str, OsString)>,
) -> Result<PathBuf> {
    let mut cargo = toolchain.cargo("build", target);
    cargo.current_dir("firmware").args(["--quiet", "--locked", "--no-default-features", "--features", feature]);
    [Pass::Stream, Pass::ByLayer].into_iter().filter_map(Pass::variable).for_each(|name| _ = cargo.env_remove(name));
    cargo.args(["--profile", profile]).envs(variables);
    output(cargo.args(programs.iter().flat_map(|program| ["--bin", program])))?;
    Ok(Path::new("firmware").join(toolchain.target_dir()).join(target).join(folder))
}

/// The number behind a name in what a device or a program says.
pub fn number<N: FromStr<Err: Error + Send + Sync + 'static>>(text: &str, name: &str) -> Result<N> {
    let rest = text.split_once(name).with_context(|| format!("no {name}in: {text}"))?.1;
    Ok(rest.trim_start().split([' ', ',', '\n']).next().unwrap_or_default().parse()?)
}

/// A board that runs, as long as this lives.
pub struct Emulator(pub Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where a board's flash and serial line are.
pub fn folder(board: &Board) -> PathBuf {
    Path::new("target/emulated").join(board.feature)
}

/// The board with this feature.
pub fn board(feature: &str) -> Result<&'static Board> {
    let choose = || format!("--board {feature}: choose one of {}", BOARDS.map(|board| board.feature).join(", "));
    BOARDS.into_iter().find(|board| board.feature == feature).with_context(choose)
}

/// Runs a program on the board with this feature and prints its log; the learner goes on until it is stopped.
pub fn emulate(feature: &str, program: &str) -> Result<()> {
    let board = board(feature)?;
    let file = |entry: io::Result<fs::DirEntry>| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned());
    let programs: BTreeSet<_> = fs::read_dir("firmware/src/bin")?.filter_map(file).collect();
    ensure!(
        programs.contains(program),
        "--program {program}: choose one of {}",
        programs.into_iter().collect::<Vec<_>>().join(", ")
    );
    let toolchain = Toolchain::find(&[board.target])?;
    setup::qemu(board.qemu.0 == QEMU_RISCV)?;
    let elf = board.build(toolchain, program).with_context(|| format!("{program} does not build for {feature}"))?;
    if !program.starts_with(LEARNER) {
        print!("{}", board.run(&elf, None)?.log);
        return Ok(());
    }
    let folder = folder(board);
    let mut emulator = board.start(&elf, &folder)?;
    println!("{} listens at --port unix:{} until Ctrl-C", board.core, folder.join("serial.sock").display());
    println!(
        "its flash is {}; another terminal: cargo run --release --features cli -- device --help",
        folder.join("flash.bin").display()
    );
    let status = emulator.0.wait()?;
    bail!("the device ended ({status})")
}

/// Reads to the end beside the main thread, so that the device never waits for a full pipe.
fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What cannot be read is missed by those who look for it.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// The lines of a `defmt` log; the texts are in the ELF file.
fn decode(elf: &Path, frames: &[u8]) -> Result<String> {
    let elf = fs::read(elf)?;
    let table = Table::parse(&elf)?.context("the program has no defmt log")?;
    let mut decoder = table.new_stream_decoder();
    decoder.received(frames);
    let mut lines = String::new();
    loop {
        match decoder.decode() {
            Ok(frame) => {
                let message = frame.display_message();
                match frame.level() {
                    Some(level) => lines.push_str(&format!("[{}] {message}\n", level.as_str())),
                    None => lines.push_str(&format!("{message}\n")),
                }
            }
            Err(DecodeError::UnexpectedEof) => return Ok(lines),
            Err(DecodeError::Malformed) => bail!("the device's log is damaged after:\n{lines}"),
        }
    }
}
