//! Digits as PNG.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use anyhow::Result;
use png::{BitDepth, ColorType, Encoder};

use crate::mnist::{Pixels, SIDE};

/// Pixels of the picture for one of a digit's.
const ZOOM: usize = 2;
const GAP: usize = 4;
const BACKGROUND: u8 = 200;

/// Draws rows of digits, black on white, and prints where.
pub fn grid(path: &Path, rows: &[Vec<Pixels>]) -> Result<()> {
    let cell = SIDE * ZOOM + GAP;
    let width = rows.iter().map(Vec::len).max().unwrap_or(0) * cell + GAP;
    let height = rows.len() * cell + GAP;
    let mut picture = vec![BACKGROUND; width * height];
    for (row, digits) in rows.iter().enumerate() {
        for (column, digit) in digits.iter().enumerate() {
            for (i, v) in digit.iter().enumerate() {
                let (x, y) = (GAP + column * cell + i % SIDE * ZOOM, GAP + row * cell + i / SIDE * ZOOM);
                for line in y..y + ZOOM {
                    picture[line * width + x..][..ZOOM].fill(255 - (v.clamp(0.0, 1.0) * 255.0) as u8);
                }
            }
        }
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut encoder = Encoder::new(BufWriter::new(File::create(path)?), width as u32, height as u32);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    encoder.write_header()?.write_image_data(&picture)?;
    println!("picture: {}", path.display());
    Ok(())
}
