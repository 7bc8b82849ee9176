//! From floats to integers and back.

/// From floats to integers: `x / scale` rounded to the nearest integer, halves away from 0, plus the zero point.
///
/// What is too large for an `i32` is held in its range and what is no number becomes the zero point, where LiteRT's kernel leaves it open.
#[derive(Clone, Copy, Debug)]
pub struct Quantize {
    /// Of the integers.
    pub scale: f32,
    /// Of the integers.
    pub zero_point: i16,
    /// -128 for `i8`, 0 for `u8`.
    pub least: i16,
}

impl Quantize {
    /// `u8` are written by their bits.
    #[inline(never)]
    pub fn run(&self, x: &[f32], y: &mut [i8]) {
        let least = i32::from(self.least);
        for (x, y) in x.iter().zip(y) {
            let steps = libm::roundf(x / self.scale) as i32;
            *y = steps.saturating_add(self.zero_point.into()).max(least).min(least + 255) as i8;
        }
    }
}

/// From integers to floats: `scale * (x - zero_point)`.
#[derive(Clone, Copy, Debug)]
pub struct Dequantize {
    /// Of the integers.
    pub scale: f32,
    /// Of the integers.
    pub zero_point: i16,
    /// -128 for `i8`, 0 for `u8`.
    pub least: i16,
}

impl Dequantize {
    /// `u8` are read by their bits.
    #[inline(never)]
    pub fn run(&self, x: &[i8], y: &mut [f32]) {
        for (x, y) in x.iter().zip(y) {
            let x = if self.least < 0 { i16::from(*x) } else { i16::from(*x as u8) };
            *y = self.scale * f32::from(x.wrapping_sub(self.zero_point));
        }
    }
}
