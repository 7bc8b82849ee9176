//! For a desktop: outputs side by side in the widest vectors of the machine, of which two rows of a kernel are multiplied at once.
//!
//! With one row at a time, as 32 bits, and windows at the image's sides by themselves, vww takes 1.4 times as long.
//!
//! The twin is [`plain_rows`](super::DepthwiseConv2d::plain_rows).

use super::DepthwiseConv2d;
use crate::kernels::x86::taps::{Shape, Taps};
use crate::quant::{Rows, Weights};

/// Elements outside the image that outputs side by side meet.
const AROUND: usize = 16;

impl DepthwiseConv2d {
    /// Makes the rows of the output from `at` on; says whether its kernel is not too large for that.
    pub(super) fn rows_of_lanes(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) -> bool {
        let Self { width, multiplier, output, .. } = *self;
        let outputs = weights.outputs().max(1);
        let length = width.output.saturating_mul(outputs).max(1);
        let Some(shape) = self.shape(y.len() / length) else { return false };
        let [rows, columns] = shape.windows.map(|windows| windows.max(1));
        let (mut taps, mut first) = (Taps::new(shape), 0);
        while first < outputs {
            // Outputs of one input lie side by side.
            let (channel, rest) = match multiplier {
                1 => (first, outputs.wrapping_sub(first)),
                _ => (first / multiplier.max(1), multiplier.wrapping_sub(first % multiplier.max(1))),
            };
            let w = (weights.weights.get(first..).unwrap_or(&[]), outputs);
            let count = taps.set(rest, w, weights.constants(first));
            for (part, y) in y.chunks_mut(length.saturating_mul(rows)).enumerate() {
                let row = at.wrapping_add(part.wrapping_mul(rows));
                for (part, y) in y.chunks_mut(outputs.saturating_mul(columns).saturating_mul(rows)).enumerate() {
                    self.put(&mut taps, x, [row, part.wrapping_mul(columns)], channel);
                    taps.make((output.zero_point, [output.least, output.greatest]), (first, outputs), y);
                }
            }
            first = first.wrapping_add(count.max(1));
        }
        true
    }

    fn shape(&self, rows: usize) -> Option<Shape> {
        let Self { height, width, multiplier, .. } = *self;
        let shape = Shape {
            kernel: [height.kernel, width.kernel],
            dilation: [height.dilation, width.dilation],
            stride: [height.stride, width.stride],
            windows: [rows, width.output],
            one: multiplier != 1,
        };
        shape.fit()
    }

    /// Sets what the part from this window on needs of the image.
    #[inline(always)]
    fn put(&self, taps: &mut Taps, x: Rows, [row, column]: [usize; 2], channel: usize) {
        let Self { height, width, channels, .. } = *self;
        let around = [self.zero_point; AROUND];
        let [rows, columns] = taps.shape().pairs();
        let start = column.wrapping_mul(width.stride).wrapping_sub(width.before);
        let top = row.wrapping_mul(height.stride).wrapping_sub(height.before);
        for pair in 0..rows {
            let row = top.wrapping_add(pair);
            let both =
                [row, row.wrapping_add(height.dilation)].map(|row| if row < height.input { x.row(row) } else { &[] });
            let columns = (0..columns).map(|column| {
                let column = start.wrapping_add(column);
                let at =
                    if column < width.input { column.wrapping_mul(channels).wrapping_add(channel) } else { usize::MAX };
                both.map(|row| row.get(at..).filter(|x| !x.is_empty()).unwrap_or(&around))
            });
            taps.put(pair, columns);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::quant::Rows;
    use crate::quant::depthwise::tests::Case;
    use rand_core::SeedableRng;
    use rand_pcg::Pcg32;
    use std::vec;

    #[test]
    fn random_shapes_give_the_bytes_of_the_plain_loop() {
        let mut rng = Pcg32::seed_from_u64(1);
        for turn in 0..400 {
            let case = Case::random(&mut rng, turn);
            let rows = Rows { data: &case.x, len: case.conv.width.input * case.conv.channels };
            let mut y = vec![0; case.outputs()];
            let mut expected = y.clone();
            assert!(case.conv.rows_of_lanes(&case.weights(), rows, 0, &mut y));
            case.conv.plain_rows(&case.weights(), rows, 0, &mut expected);
            assert_eq!(y, expected, "{:?}", case.conv);
        }
    }
}
