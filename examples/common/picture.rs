//! Digits as PNG.

use std::fs;
use std::path::Path;

use anyhow::Result;
use image::{GrayImage, Luma};

use crate::mnist::{Pixels, SIDE};

/// Pixels of the picture for one of a digit's.
const ZOOM: u32 = 2;
const GAP: u32 = 4;

/// Draws rows of digits, black on white, and prints where.
pub fn grid(path: &Path, rows: &[Vec<Pixels>]) -> Result<()> {
    let cell = SIDE as u32 * ZOOM + GAP;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let mut picture = GrayImage::from_pixel(columns * cell + GAP, rows.len() as u32 * cell + GAP, Luma([200]));
    for (row, digits) in rows.iter().enumerate() {
        for (column, digit) in digits.iter().enumerate() {
            for (i, v) in digit.iter().enumerate() {
                let shade = Luma([255 - (v.clamp(0.0, 1.0) * 255.0) as u8]);
                let (x, y) = ((i % SIDE) as u32, (i / SIDE) as u32);
                for (dx, dy) in (0..ZOOM * ZOOM).map(|k| (k % ZOOM, k / ZOOM)) {
                    picture.put_pixel(
                        GAP + column as u32 * cell + x * ZOOM + dx,
                        GAP + row as u32 * cell + y * ZOOM + dy,
                        shade,
                    );
                }
            }
        }
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    picture.save(path)?;
    println!("picture: {}", path.display());
    Ok(())
}
