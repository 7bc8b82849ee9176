//! A cargo project around a network, for a board: from the templates in `project`, and what `boards` has for each board.

mod boards;
mod example;
mod learns;
mod name;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, context};
use nerve::{codegen, import};

use boards::Board;
use learns::Learns;

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
    /// The device learns from its host, `nerve device`, and keeps in flash what it has learned: of a model, the last layer learns.
    #[arg(long)]
    learn: bool,
    /// Outputs of the layer that learns: classes of your own, of which it knows nothing at first [default: those of the model, as it knows them].
    #[arg(long, requires = "learn", requires = "model")]
    head: Option<NonZeroUsize>,
    /// The outputs that are learned are values, such as a position or a temperature, and no classes; one output always is.
    #[arg(long, requires = "learn", requires = "model")]
    values: bool,
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

/// A file's path in the project, and its template.
type File = (&'static str, &'static str);

/// How projects are formatted: `rustfmt.toml`.
pub const RUSTFMT: &str = "max_width = 120\nuse_small_heuristics = \"Max\"\n";

/// Files of every project.
const FILES: [File; 7] = [
    (".gitignore", "target\n{% if learn %}\nflash.bin\n{% endif %}\n"),
    ("rustfmt.toml", RUSTFMT),
    ("Cargo.toml", template!("Cargo.toml")),
    ("README.md", template!("README.md")),
    ("firmware/.cargo/config.toml", template!("firmware/config.toml")),
    ("firmware/Cargo.toml", template!("firmware/Cargo.toml")),
    ("firmware/build.rs", template!("firmware/build.rs")),
];
/// Files of a project whose device answers lines of numbers.
const ANSWERS: [File; 4] = [
    ("src/lib.rs", template!("lib.rs")),
    ("src/line.rs", template!("line.rs")),
    ("tests/network.rs", template!("network.rs")),
    ("firmware/src/main.rs", template!("firmware/main.rs")),
];
/// Files of a project whose device learns.
const LEARNS: [File; 3] = [
    ("src/lib.rs", template!("learn/lib.rs")),
    ("tests/network.rs", template!("learn/network.rs")),
    ("firmware/src/main.rs", template!("learn/main.rs")),
];
/// The file of a project that takes over a model.
const BUILD: [File; 1] = [("build.rs", template!("build.rs"))];
/// Files of a project that trains its network.
const TRAINING: [File; 2] =
    [("train/Cargo.toml", template!("train/Cargo.toml")), ("train/src/main.rs", template!("train/main.rs"))];
/// Its examples, without their classes and with them.
const EXAMPLES: [&str; 2] = [include_str!("project/train/examples.csv"), include_str!("project/learn/examples.csv")];
/// What `train` writes: a model, or a weights file for what learns.
const TRAINED: [(&str, &[u8]); 2] = [
    ("model.tflite", include_bytes!("project/train/model.tflite")),
    ("factory.nrv", include_bytes!("project/learn/factory.nrv")),
];

/// Writes the project into a new folder here.
pub fn write(options: &Options) -> Result<()> {
    let Options { name, board, model, learn, head, values, nerve } = options;
    let learn = *learn;
    name::check(name)?;
    let folder = Path::new(name);
    ensure!(
        !folder.exists(),
        "`{name}` is there already, and nothing is overwritten: choose another name, or remove it"
    );

    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let mut learns = Learns::OF_TRAINING;
    let model_name = match model {
        Some(file) => {
            let bytes = fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
            let name = match file.extension().and_then(|ending| ending.to_str()) {
                Some("tflite") => "model.tflite",
                Some("onnx") => "model.onnx",
                _ => bail!("{} is no .tflite and no .onnx file by its ending", file.display()),
            };
            let context = || format!("could not take over {}", file.display());
            let mut graph = import::read(&bytes).with_context(context)?;
            if learn {
                (learns, graph) = Learns::of(&graph, head.map(NonZeroUsize::get), *values).with_context(context)?;
            } else {
                codegen::generate(&graph, "model").with_context(context)?;
            }
            let example = example::of(&graph).with_context(context)?;
            files.push((name.into(), bytes));
            files.push(("examples.csv".into(), example.inputs.into()));
            files.push(("tests/answers.txt".into(), example.outputs.into()));
            name
        }
        None => {
            let (name, trained) = TRAINED[usize::from(learn)];
            files.push((name.into(), trained.into()));
            files.push(("examples.csv".into(), EXAMPLES[usize::from(learn)].into()));
            name
        }
    };
    let mut environment = Environment::new();
    environment
        .set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).lstrip_blocks(true).trim_blocks(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let facts = board.facts();
    let [library, learner] = source(nerve.as_deref(), ["", "firmware/learner"])?;
    let context = context! {
        name,
        crate => name.replace('-', "_"),
        board => facts.for_templates(&environment, learn)?,
        model => model_name,
        train => model.is_none(),
        build => model.is_some() || !learn,
        learn,
        nerve => library,
        learner,
        ..learns.for_templates()
    };
    let templates = FILES
        .iter()
        .chain(if learn { &LEARNS[..] } else { &ANSWERS })
        .chain(if learn && model.is_none() { &[] } else { &BUILD[..] })
        .chain(if model.is_none() { &TRAINING[..] } else { &[] })
        .copied()
        .chain([("firmware/src/board.rs", facts.module)])
        .chain(facts.memory.map(|memory| ("firmware/memory.x", memory)));
    for (path, template) in templates {
        files.push((path.into(), environment.render_named_str(path, template, &context)?.into()));
    }

    for (path, content) in files {
        let path = folder.join(path);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, content));
        written.with_context(|| format!("could not write {}", path.display()))?;
    }
    println!("{name} for {}: {name}/README.md says how to run it", facts.title);
    Ok(())
}

/// The library's packages in these folders of its source, as `Cargo.toml` names them.
pub fn source<const N: usize>(wish: Option<&str>, folders: [&str; N]) -> Result<[String; N]> {
    let checkout = Path::new(CHECKOUT).join("firmware").exists().then_some(CHECKOUT);
    let version = match wish.or(checkout) {
        Some(folder) if Path::new(folder).join("Cargo.toml").exists() => {
            let root = fs::canonicalize(folder)?;
            return Ok(
                folders.map(|folder| format!("path = {:?}", root.join(folder).components().collect::<PathBuf>()))
            );
        }
        Some(version) => {
            let is_version = version.starts_with(|c: char| c.is_ascii_digit());
            ensure!(is_version, "--nerve {version}: there is no Cargo.toml, and a version begins with a digit");
            version
        }
        None => env!("CARGO_PKG_VERSION"),
    };
    Ok(folders.map(|_| format!("version = {version:?}")))
}
