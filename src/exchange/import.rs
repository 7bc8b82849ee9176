//! From a model's file, LiteRT's or ONNX's, to a graph and a typed network, for `build.rs` and for the command line.

use core::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::println;

use super::codegen::{GenerateError, Generated, Head, generate, generate_with_head};
use super::graph::{CutError, Graph};
use super::litert;
#[cfg(feature = "onnx")]
use super::onnx;

/// Why a model was not imported.
#[derive(Debug)]
pub enum ImportError {
    /// A file could not be read or written.
    File(PathBuf, io::Error),
    /// The LiteRT model could not be read.
    LiteRt(litert::ReadError),
    /// The ONNX model could not be read.
    #[cfg(feature = "onnx")]
    Onnx(onnx::ReadError),
    /// The model cannot be cut there.
    Cut(CutError),
    /// No typed network can be made of the model.
    Generate(GenerateError),
    /// The file's name, without its ending, is not that of a Rust module.
    Name,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::LiteRt(error) => error.fmt(f),
            #[cfg(feature = "onnx")]
            Self::Onnx(error) => error.fmt(f),
            Self::Cut(error) => error.fmt(f),
            Self::Generate(error) => error.fmt(f),
            Self::Name => write!(f, "the model's name becomes a module's: rename it to letters, digits and `_`"),
        }
    }
}

impl core::error::Error for ImportError {}

/// The graph of a model: a `.tflite` file by its first bytes, otherwise an ONNX file (feature `onnx`).
pub fn read(file: &[u8]) -> Result<Graph, ImportError> {
    #[cfg(feature = "onnx")]
    if !litert::is_litert(file) {
        return onnx::read(file).map_err(ImportError::Onnx);
    }
    litert::read(file).map_err(ImportError::LiteRt)
}

/// Writes the network of the model `NAME.tflite` or `NAME.onnx` to the folder `out`: the module `NAME.rs` and the constants `NAME.nrv`.
pub fn write(model: impl AsRef<Path>, out: impl AsRef<Path>) -> Result<(), ImportError> {
    write_graph(&read_file(model.as_ref())?, &path(model.as_ref(), out.as_ref()))
}

/// Where a model is cut, and what goes on from there.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'a> {
    /// The last layer of the model that is taken, by its name or number (`nerve info` shows them): what it makes are features.
    pub layer: &'a str,
    /// Numbers that a fully connected layer, the head, makes of them: the classes of one's own. If they are as many as a fully connected layer makes
    /// that follows there in the model, the head begins with what that has learned.
    pub head: usize,
    /// Whether the head corrects the scales and biases of that layer too, a convolution or a fully connected one: its activation is left to the
    /// head, behind a [`ScaleShift`](crate::ScaleShift) that changes nothing at first. Of an image, the head takes the mean of its pixels then.
    pub corrections: bool,
}

/// Writes the first layers of the model `NAME.tflite` or `NAME.onnx` with a head, likewise: `Features`, a network in flash, `Head`, which a
/// [`Trainer`](crate::Trainer) trains on what it gives, and `Net`, both. The head begins with the weights file `NAME-head.nrv`.
pub fn write_cut(model: impl AsRef<Path>, cut: Cut, out: impl AsRef<Path>) -> Result<(), ImportError> {
    let whole = read_file(model.as_ref())?;
    let (graph, corrections) = if cut.corrections {
        whole.cut_before_activation(cut.layer).map(|(graph, activation)| (graph, Some(activation)))
    } else {
        whole.cut(cut.layer).map(|graph| (graph, None))
    }
    .map_err(ImportError::Cut)?;
    let known = whole.dense_behind(cut.layer, cut.head);
    let head = Head { outputs: cut.head, corrections, known: known.as_deref() };
    write_module(&path(model.as_ref(), out.as_ref()), |name| generate_with_head(&graph, name, head))
}

fn read_file(model: &Path) -> Result<Graph, ImportError> {
    let file = fs::read(model).map_err(|error| ImportError::File(model.into(), error))?;
    read(&file)
}

fn path(model: &Path, out: &Path) -> PathBuf {
    out.join(model.file_stem().unwrap_or_default())
}

/// Writes the network of a graph to the module `NAME.rs` and the constants `NAME.nrv`; the last part of `path` is NAME.
pub fn write_graph(graph: &Graph, path: &Path) -> Result<(), ImportError> {
    write_module(path, |name| generate(graph, name))
}

fn write_module(
    path: &Path,
    generate: impl FnOnce(&str) -> Result<Generated, GenerateError>,
) -> Result<(), ImportError> {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !letters || name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        return Err(ImportError::Name);
    }
    let generated = generate(name).map_err(ImportError::Generate)?;
    let head = generated.head.map(|head| ("-head.nrv", head));
    for (ending, content) in
        [(".rs", generated.source.into_bytes()), (".nrv", generated.weights)].into_iter().chain(head)
    {
        let path = path.with_file_name([name, ending].concat());
        fs::write(&path, content).map_err(|error| ImportError::File(path, error))?;
    }
    Ok(())
}

/// [`write()`] for `build.rs`, whose `OUT_DIR` is `out`; runs again when the model changes.
///
/// The program then has `mod kws { include!(concat!(env!("OUT_DIR"), "/kws.rs")); }`.
pub fn compile(model: impl AsRef<Path>, out: impl AsRef<Path>) -> Result<(), ImportError> {
    println!("cargo:rerun-if-changed={}", model.as_ref().display());
    write(model, out)
}

/// [`write_cut()`] for `build.rs`, likewise.
pub fn compile_cut(model: impl AsRef<Path>, cut: Cut, out: impl AsRef<Path>) -> Result<(), ImportError> {
    println!("cargo:rerun-if-changed={}", model.as_ref().display());
    write_cut(model, cut, out)
}
