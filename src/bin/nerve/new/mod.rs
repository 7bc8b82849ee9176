//! A cargo project around a network, for a board: from the templates in `project`, and what `boards` has for each board.

mod boards;
mod example;
mod name;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, context};

use boards::Board;

/// What a project is made from.
#[derive(Args)]
pub struct Options {
    /// The project's name, and that of its folder.
    name: String,
    /// What it runs on.
    #[arg(long, value_enum)]
    board: Board,
    /// A `.tflite` or `.onnx` file with one input and one output; without it the project trains a small network of its own.
    #[arg(long)]
    model: Option<PathBuf>,
    /// The library: a folder with its source, or a published version [default: the source that this program was built from, or its version].
    #[arg(long, value_name = "FOLDER|VERSION")]
    nerve: Option<String>,
}

/// Where this program was built, if that is a checkout of the project and not a package.
const CHECKOUT: &str = env!("CARGO_MANIFEST_DIR");

macro_rules! template {
    ($file:literal) => {
        include_str!(concat!("project/", $file, ".j2"))
    };
}

/// Files of every project: path, template.
const FILES: [(&str, &str); 11] = [
    (".gitignore", "target\n"),
    ("Cargo.toml", template!("Cargo.toml")),
    ("README.md", template!("README.md")),
    ("build.rs", template!("build.rs")),
    ("src/lib.rs", template!("lib.rs")),
    ("src/line.rs", template!("line.rs")),
    ("tests/network.rs", template!("network.rs")),
    ("firmware/.cargo/config.toml", template!("firmware/config.toml")),
    ("firmware/Cargo.toml", template!("firmware/Cargo.toml")),
    ("firmware/build.rs", template!("firmware/build.rs")),
    ("firmware/src/main.rs", template!("firmware/main.rs")),
];
/// Files of a project that trains its network.
const TRAINING: [(&str, &str); 3] = [
    ("examples.csv", include_str!("project/train/examples.csv")),
    ("train/Cargo.toml", template!("train/Cargo.toml")),
    ("train/src/main.rs", template!("train/main.rs")),
];
/// What `train` writes.
const TRAINED: &[u8] = include_bytes!("project/train/model.tflite");

/// Writes the project into a new folder here.
pub fn write(options: &Options) -> Result<()> {
    let Options { name, board, model, nerve } = options;
    name::check(name)?;
    let folder = Path::new(name);
    ensure!(
        !folder.exists(),
        "`{name}` is there already, and nothing is overwritten: choose another name, or remove it"
    );

    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let model_name = match model {
        Some(file) => {
            let bytes = fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
            let name = match file.extension().and_then(|ending| ending.to_str()) {
                Some("tflite") => "model.tflite",
                Some("onnx") => "model.onnx",
                _ => bail!("{} is no .tflite and no .onnx file by its ending", file.display()),
            };
            let example = example::of(&bytes).with_context(|| format!("could not take over {}", file.display()))?;
            files.push((name.into(), bytes));
            files.push(("examples.csv".into(), example.inputs.into()));
            files.push(("tests/answers.txt".into(), example.outputs.into()));
            name
        }
        None => {
            files.push(("model.tflite".into(), TRAINED.into()));
            "model.tflite"
        }
    };
    let mut environment = Environment::new();
    environment
        .set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).lstrip_blocks(true).trim_blocks(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let facts = board.facts();
    let context = context! {
        name,
        crate => name.replace('-', "_"),
        board => facts.for_templates(),
        model => model_name,
        train => model.is_none(),
        nerve => source(nerve.as_deref())?,
    };
    for (path, template) in FILES.iter().chain(if model.is_none() { &TRAINING[..] } else { &[] }) {
        files.push((path.into(), environment.render_named_str(path, template, &context)?.into()));
    }
    files.push(("firmware/src/board.rs".into(), facts.module.into()));
    files.extend(facts.memory.map(|memory| ("firmware/memory.x".into(), memory.into())));

    for (path, content) in files {
        let path = folder.join(path);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, content));
        written.with_context(|| format!("could not write {}", path.display()))?;
    }
    println!("{name} for {}: {name}/README.md says how to run it", facts.title);
    Ok(())
}

/// The library, as `Cargo.toml` names it.
pub fn source(wish: Option<&str>) -> Result<String> {
    let checkout = Path::new(CHECKOUT).join("firmware").exists().then_some(CHECKOUT);
    match wish.or(checkout) {
        Some(folder) if Path::new(folder).join("Cargo.toml").exists() => {
            Ok(format!("path = {:?}", fs::canonicalize(folder)?))
        }
        Some(version) => {
            let is_version = version.starts_with(|c: char| c.is_ascii_digit());
            ensure!(is_version, "--nerve {version}: there is no Cargo.toml, and a version begins with a digit");
            Ok(format!("version = {version:?}"))
        }
        None => Ok(format!("version = {:?}", env!("CARGO_PKG_VERSION"))),
    }
}
