//! The IDX format of MNIST and its successors.

use anyhow::{Result, ensure};

use crate::mnist::{Pixels, SIDE};

/// Images of 28 by 28 bytes, scaled to 0 to 1.
pub fn images(bytes: &[u8]) -> Result<Vec<Pixels>> {
    let count = header(bytes, 3)?;
    for (offset, what) in [(8, "rows"), (12, "columns")] {
        let found = word(bytes, offset)?;
        ensure!(found == SIDE, "offset {offset}: {SIDE} {what} expected, found {found}");
    }
    let (images, rest) = body(bytes, 16, count, size_of::<[u8; SIDE * SIDE]>())?.as_chunks::<{ SIDE * SIDE }>();
    debug_assert!(rest.is_empty());
    Ok(images.iter().map(|image| image.map(|v| f32::from(v) / 255.0)).collect())
}

/// Classes from 0 to 9.
pub fn labels(bytes: &[u8]) -> Result<Vec<usize>> {
    let count = header(bytes, 1)?;
    let labels = body(bytes, 8, count, 1)?;
    if let Some(i) = labels.iter().position(|label| *label > 9) {
        anyhow::bail!("offset {}: a class from 0 to 9 expected, found {}", 8 + i, labels[i]);
    }
    Ok(labels.iter().map(|label| usize::from(*label)).collect())
}

/// Checks the magic number of unsigned bytes in `dimensions` dimensions; returns the first dimension.
fn header(bytes: &[u8], dimensions: usize) -> Result<usize> {
    let (found, expected) = (word(bytes, 0)?, 0x0800 + dimensions);
    ensure!(
        found == expected,
        "offset 0: {expected:#010x} expected (unsigned bytes, {dimensions} dimensions), found {found:#010x}"
    );
    word(bytes, 4)
}

fn word(bytes: &[u8], offset: usize) -> Result<usize> {
    let word = bytes.get(offset..).and_then(|rest| rest.first_chunk());
    let Some(word) = word else {
        anyhow::bail!("offset {offset}: a number of 4 bytes expected, the file ends at {}", bytes.len())
    };
    Ok(u32::from_be_bytes(*word) as usize)
}

fn body(bytes: &[u8], start: usize, count: usize, size: usize) -> Result<&[u8]> {
    let expected = start + count.saturating_mul(size);
    ensure!(
        bytes.len() == expected,
        "offset {start}: {count} items of {size} bytes expected, hence {expected} bytes in all; the file has {}",
        bytes.len()
    );
    Ok(&bytes[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(words: &[u32], body: &[u8]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).chain(body.iter().copied()).collect()
    }

    #[test]
    fn reads_what_is_well_formed() {
        let mut pixels = [0; 2 * 784];
        (pixels[0], pixels[783], pixels[784]) = (255, 51, 102);
        let images = images(&file(&[0x803, 2, 28, 28], &pixels)).unwrap();
        assert_eq!((images.len(), images[0][0], images[0][783], images[1][0]), (2, 1.0, 0.2, 0.4));
        assert_eq!(labels(&file(&[0x801, 3], &[9, 0, 4])).unwrap(), [9, 0, 4]);
    }

    #[test]
    fn says_where_a_file_is_wrong() {
        let message = |result: Result<Vec<Pixels>>| result.unwrap_err().to_string();
        assert!(message(images(&[])).starts_with("offset 0: a number of 4 bytes expected, the file ends at 0"));
        assert!(message(images(&file(&[0x801, 1], &[1]))).starts_with("offset 0: 0x00000803 expected"));
        assert!(message(images(&file(&[0x803, 1, 28, 27], &[0; 756]))).starts_with("offset 12: 28 columns"));
        assert!(message(images(&file(&[0x803, 2, 28, 28], &[0; 784]))).starts_with("offset 16: 2 items of 784 bytes"));
        assert!(message(images(&file(&[0x803, u32::MAX, 28, 28], &[0; 784]))).starts_with("offset 16"));
        let error = labels(&file(&[0x801, 2], &[3, 10])).unwrap_err().to_string();
        assert_eq!(error, "offset 9: a class from 0 to 9 expected, found 10");
    }
}
