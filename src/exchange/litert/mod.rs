//! LiteRT's (TensorFlow Lite's) `.tflite` files, feature `litert`, on the host: read into a [graph](crate::graph), and written from one.
//!
//! ```
//! use nerve::{graph::Graph, litert};
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! let file = litert::write(&Graph::default())?;
//! let graph = litert::read(&file)?;
//! assert_eq!(graph, Graph::default());
//! # Ok(())
//! # }
//! ```
//!
//! A file may come from anyone: it is held against the format as it is read, and what it says against its own length, before memory is
//! taken.

mod build;
mod error;
mod lstm;
mod operators;
mod read;
mod schema;
mod shapes;
mod table;
#[cfg(test)]
mod tests;
mod variables;
mod write;

pub use error::{ReadError, Reason, Refusal};
#[cfg(feature = "onnx")]
pub(super) use read::is_litert;
pub use read::read;
pub use write::write;
