//! From a `.tflite` file to a typed network, for `build.rs` and for the command line.

use core::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::println;

use super::codegen::{GenerateError, generate};
use super::graph::Graph;
use super::litert::{self, ReadError};

/// Why a model was not imported.
#[derive(Debug)]
pub enum ImportError {
    /// A file could not be read or written.
    File(PathBuf, io::Error),
    /// The model could not be read.
    Read(ReadError),
    /// No typed network can be made of the model.
    Generate(GenerateError),
    /// The file's name, without its ending, is not that of a Rust module.
    Name,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Read(error) => error.fmt(f),
            Self::Generate(error) => error.fmt(f),
            Self::Name => write!(f, "the model's name becomes a module's: rename it to letters, digits and `_`"),
        }
    }
}

impl core::error::Error for ImportError {}

/// Writes the network of the model `NAME.tflite` to the folder `out`: the module `NAME.rs` and the constants `NAME.nrv`.
pub fn write(model: impl AsRef<Path>, out: impl AsRef<Path>) -> Result<(), ImportError> {
    let (model, out) = (model.as_ref(), out.as_ref());
    let file = fs::read(model).map_err(|error| ImportError::File(model.into(), error))?;
    let graph = litert::read(&file).map_err(ImportError::Read)?;
    write_graph(&graph, &out.join(model.file_stem().unwrap_or_default()))
}

/// Writes the network of a graph to the module `NAME.rs` and the constants `NAME.nrv`; the last part of `path` is NAME.
pub fn write_graph(graph: &Graph, path: &Path) -> Result<(), ImportError> {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !letters || name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        return Err(ImportError::Name);
    }
    let generated = generate(graph, name).map_err(ImportError::Generate)?;
    for (ending, content) in [("rs", generated.source.as_bytes()), ("nrv", &generated.weights)] {
        let path = path.with_extension(ending);
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
