//! Another height and width.

/// Another height and width, each pixel being the nearest one.
#[derive(Clone, Copy, Debug)]
pub struct ResizeNearest {
    /// From top to bottom.
    pub height: Nearest,
    /// From left to right.
    pub width: Nearest,
    /// Channels of input and output.
    pub channels: usize,
}

/// How pixels are found along one axis: pixel `i` is pixel `(i + offset) * scale` of the input, in `f32`.
#[derive(Clone, Copy, Debug)]
pub struct Nearest {
    /// Pixels of the input.
    pub input: usize,
    /// Pixels of the output.
    pub output: usize,
    /// `input / output`; with corners on each other `(input - 1) / (output - 1)`.
    pub scale: f32,
    /// 1/2 if pixels are taken at their centres.
    pub offset: f32,
    /// To the nearest integer, halves up, if corners lie on each other; down otherwise.
    pub round: bool,
}

impl Nearest {
    /// From `input` to `output` pixels.
    pub fn new(input: usize, output: usize, align_corners: bool, half_pixel_centers: bool) -> Self {
        let scale = if align_corners && output > 1 {
            input.saturating_sub(1) as f32 / (output - 1) as f32
        } else {
            input as f32 / output as f32
        };
        Self { input, output, scale, offset: if half_pixel_centers { 0.5 } else { 0.0 }, round: align_corners }
    }

    fn of(&self, i: usize) -> usize {
        let at = (i as f32 + self.offset) * self.scale;
        let at = if self.round { libm::roundf(at) } else { libm::floorf(at) };
        (at as usize).min(self.input.saturating_sub(1))
    }
}

impl ResizeNearest {
    /// `x`: `[height, width, channels]`, `y`: `[output height, output width, channels]`.
    #[inline(never)]
    pub fn run<T: Copy>(&self, x: &[T], y: &mut [T]) {
        let row = self.width.output.wrapping_mul(self.channels).max(1);
        for (i, y) in y.chunks_exact_mut(row).enumerate() {
            let at = self.height.of(i).wrapping_mul(self.width.input);
            for (i, y) in y.chunks_exact_mut(self.channels.max(1)).enumerate() {
                let first = at.wrapping_add(self.width.of(i)).wrapping_mul(self.channels);
                for (y, x) in y.iter_mut().zip(x.get(first..).unwrap_or(&[])) {
                    *y = *x;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;

    #[test]
    fn is_that_of_litert() {
        for (align_corners, half_pixel_centers, expected) in [
            (false, false, [-117, -117, -80, -80, -43, -43, -6]),
            (true, false, [-117, -80, -80, -43, -43, -6, -6]),
            (false, true, [-117, -117, -80, -43, -43, -6, -6]),
        ] {
            let width = Nearest::new(4, 7, align_corners, half_pixel_centers);
            let resize = ResizeNearest { height: Nearest::new(1, 1, false, false), width, channels: 1 };
            let mut y = [0; 7];
            resize.run(&samples::x::<4>(), &mut y);
            assert_eq!(y, expected);
        }
    }
}
