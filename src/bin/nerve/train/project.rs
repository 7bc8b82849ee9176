//! The training program as a project of its own: it runs with cargo, and is what the user goes on with.

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};

use super::split::Parts;
use super::table::Table;
use crate::new;

const MAIN: &str = include_str!("template/main.rs");
const CLASSES: &str = include_str!("template/classes.rs");
const VALUES: &str = include_str!("template/values.rs");
const TABLE: &str = include_str!("template/table.rs");
const WINDOWS: &str = include_str!("template/windows.rs");
/// Of the convolutions.
const KERNEL: usize = 5;

/// What is to be trained, and where.
pub struct Project<'a> {
    /// Of the network's files.
    pub name: &'a str,
    pub table: &'a Table,
    /// Rows of a window.
    pub window: Option<usize>,
    pub hidden: usize,
    pub folder: &'a Path,
}

impl Project<'_> {
    /// Writes the project and runs it.
    pub fn train(&self, parts: &Parts) -> Result<()> {
        self.write(parts).with_context(|| format!("could not write {}", self.folder.display()))?;
        let folder = self.folder.display();
        println!("\nCompiling the training program in {folder}: the first time takes a minute");
        let mut cargo = Command::new("cargo");
        cargo.args(["run", "--release"]).current_dir(self.folder);
        if !io::stderr().is_terminal() {
            // Its progress is for people.
            cargo.arg("--quiet");
        }
        if env::var_os("CARGO_TARGET_DIR").is_none()
            && let Some(target) = target()
        {
            cargo.env("CARGO_TARGET_DIR", target);
        }
        let status = cargo.status().context("could not start cargo, which compiles the network: https://rustup.rs")?;
        ensure!(status.success(), "the training program in {folder} has failed");
        println!("\nwritten to {folder}:");
        let name = self.name;
        for (file, what) in [
            (format!("{name}.tflite"), "the network in integers, for `nerve new --model` and `nerve import`"),
            (format!("{name}-float.tflite"), "the same in floats"),
            (format!("{name}.nrv"), "its weights for the Rust type"),
            ("src/network.rs".into(), "the Rust type"),
            ("src/main.rs".into(), "the training program, to go on with"),
            ("learning-curve.svg".into(), "the losses"),
        ] {
            println!("  {file:24} {what}");
        }
        Ok(())
    }

    fn write(&self, parts: &Parts) -> Result<()> {
        let source = self.folder.join("src");
        let main = source.join("main.rs");
        match fs::read_to_string(&main) {
            Ok(text) if text != MAIN => {
                bail!(
                    "{} is another program: run `cargo run --release` there, or name another folder with --out",
                    main.display()
                )
            }
            _ => fs::create_dir_all(&source)?,
        }
        let task = if self.table.classes.is_some() { CLASSES } else { VALUES };
        let inputs = if self.window.is_some() { WINDOWS } else { TABLE };
        for (file, text) in
            [("main.rs", MAIN), ("task.rs", task), ("inputs.rs", inputs), ("network.rs", &self.network())]
        {
            fs::write(source.join(file), text)?;
        }
        fs::write(self.folder.join("Cargo.toml"), self.manifest()?)?;
        fs::write(self.folder.join("rustfmt.toml"), new::RUSTFMT)?;
        for (part, name) in parts.iter().zip(["train", "validation", "test"]) {
            let mut text = self.heading();
            for (x, target) in part {
                x.iter().try_for_each(|x| write!(text, "{x},"))?;
                writeln!(text, "{target}")?;
            }
            fs::write(self.folder.join(format!("{name}.csv")), text)?;
        }
        Ok(())
    }

    /// The first line of the files of examples.
    fn heading(&self) -> String {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\"").replace(['\n', '\r'], " "));
        let rows = 0..self.window.unwrap_or(1);
        let inputs = rows.flat_map(|row| self.table.columns.iter().map(move |column| (row, column)));
        let names = inputs.map(|(row, column)| match self.window {
            Some(_) => quoted(&format!("{column} {row}")),
            None => quoted(column),
        });
        names.chain([quoted(&self.table.target) + "\n"]).collect::<Vec<_>>().join(",")
    }

    fn network(&self) -> String {
        let Self { name, table, hidden, .. } = self;
        let columns = table.columns.len();
        let inputs = table.columns.join(", ").replace(['\n', '\r'], " ");
        let (input, layers) = match self.window {
            None => (
                format!("/// {inputs}.\npub type Input = [f32; {columns}];"),
                vec![format!("Standardize<{columns}>"), format!("Dense<{columns}, {hidden}, Relu>")],
            ),
            Some(rows) => (
                format!("/// {rows} samples of {inputs}.\npub type Input = [[f32; {columns}]; {rows}];"),
                vec![
                    format!("Standardize<{columns}>"),
                    format!("Conv1d<{columns}, {hidden}, {KERNEL}, Relu>"),
                    format!("MaxPool1d<2, {}>", rows / 2),
                    format!("Conv1d<{hidden}, {hidden}, {KERNEL}, Relu>"),
                    format!("MaxPool1d<2, {}>", rows / 4),
                    "GlobalAvgPool".into(),
                ],
            ),
        };
        let layers = layers.join(",\n    ");
        let outputs = match &table.classes {
            Some(classes) => format!(
                "pub const OUTPUTS: usize = {};\n/// Classes of {:?}, in the order of the outputs.\npub const CLASSES: [&str; OUTPUTS] = {classes:?};",
                classes.len(),
                table.target
            ),
            None => format!("/// {:?}\npub const OUTPUTS: usize = 1;", table.target),
        };
        format!(
            "//! The network, for training and for the device.\n\nuse nerve::prelude::*;\n\n/// Of the files.\npub const NAME: &str = {name:?};\n\
             {input}\n{outputs}\n\npub type Net = chain![\n    {layers},\n    Dense<{hidden}, OUTPUTS>\n];\n"
        )
    }

    fn manifest(&self) -> Result<String> {
        let mut package: String =
            self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
        if !package.starts_with(|c: char| c.is_ascii_alphabetic()) {
            package.insert_str(0, "of-");
        }
        let [nerve] = new::source(None, [""])?;
        Ok(format!(
            "[package]\nname = \"{package}-training\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n[dependencies]\n\
             indicatif = \"0.18\"\n\
             nerve = {{ {nerve}, features = [\"litert\"] }}\n\
             plotters = {{ version = \"0.3.7\", default-features = false, features = [\"svg_backend\", \"line_series\"] }}\n\
             rand_core = {{ version = \"0.10\", default-features = false }}\n\
             rand_pcg = {{ version = \"0.10\", default-features = false }}\n"
        ))
    }
}

/// A folder for what is compiled, the same for all projects, beside cargo's other caches.
fn target() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    Some(home.or_else(|| Some(env::home_dir()?.join(".cargo")))?.join("nerve-train"))
}
