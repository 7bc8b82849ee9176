//! `onnx_in FOLDER` runs the ONNX models there, which `onnx_in.py` has written, and compares what they make with onnxruntime's outputs.
//!
//! Floats agree within 1e-5 of the largest. Integers are rounded by each operator: onnxruntime rounds halves to even, LiteRT's kernels and
//! so ours away from 0 or upwards. So an output may be apart by a unit of its scale for each operator that rounds; nearly all are by one
//! at most.

use std::cell::Cell;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use host_tests::reference::{compare, far, roundings, units_apart};
use nerve::onnx;

/// Of all outputs of integers, those that are apart by one unit at most.
const NEAR: f64 = 0.99;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: onnx_in FOLDER")?);
    let floats = compare(&folder.join("f32"), |_, found, expected| far(found, expected, 1e-5))?;
    let (all, near, most) = (Cell::new(0), Cell::new(0), Cell::new(0.0_f32));
    let integers = compare(&folder.join("i8"), |graph, found, expected| {
        let Some(apart) = units_apart(graph, found, expected) else {
            return Some("no integers, or another length".into());
        };
        let largest = apart.iter().copied().fold(0.0, f32::max);
        all.set(all.get() + apart.len());
        near.set(near.get() + apart.iter().filter(|units| **units <= 1.0).count());
        most.set(most.get().max(largest));
        (largest > roundings(graph) as f32).then(|| format!("{largest} units apart"))
    })?;
    let refused = refused(&folder.join("refused"))?;
    let share = near.get() as f64 / all.get() as f64;
    println!(
        "{floats} of floats within 1e-5 of the largest output, {refused} refused by name; {integers} of integers, {:.2} % of their outputs within one unit, {} at most",
        100.0 * share,
        most.get()
    );
    if share < NEAR { Err("too many outputs are apart".into()) } else { Ok(()) }
}

/// Models that must be refused, `NAME.onnx`, with what must be named, `NAME.txt`.
fn refused(folder: &Path) -> Result<usize, Box<dyn Error>> {
    let mut count = 0;
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "onnx") {
            let named = fs::read_to_string(path.with_extension("txt"))?;
            match onnx::read(&fs::read(&path)?) {
                Err(error) if error.to_string().contains(&named) => count += 1,
                other => return Err(format!("{}: `{named}` is not in {other:?}", path.display()).into()),
            }
        }
    }
    Ok(count)
}
