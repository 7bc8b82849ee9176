//! `onnx_in FOLDER` runs the ONNX models there, which `onnx_in.py` has written, and compares what they make with onnxruntime's outputs.

use std::error::Error;
use std::path::PathBuf;

use host_tests::reference;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: onnx_in FOLDER")?);
    let compared = reference::compare(&folder, |found, expected| reference::far(found, expected, 1e-5))?;
    println!("{compared} ONNX models agree within 1e-5 of the largest output");
    Ok(())
}
