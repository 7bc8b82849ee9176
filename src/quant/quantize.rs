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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_away_from_0_and_what_is_large_is_held() {
        let quantize = Quantize { scale: 0.5, zero_point: 3, least: -128 };
        let mut y = [0; 8];
        quantize.run(&[0.25, -0.25, 0.2, 1.0, -1e9, 1e30, f32::NAN, f32::NEG_INFINITY], &mut y);
        assert_eq!(y, [4, 2, 3, 5, -128, 127, 3, -128]);
        Quantize { least: 0, ..quantize }.run(&[126.0], &mut y);
        assert_eq!(y[0] as u8, 255);
        let mut x = [0.0; 2];
        Dequantize { scale: 0.5, zero_point: 3, least: 0 }.run(&[-1, 3], &mut x);
        assert_eq!(x, [126.0, 0.0]);
    }
}
