//! For a desktop: outputs side by side in the widest vectors of the machine.
//!
//! The twin is [`plain_rows`](super::DepthwiseConv2d::plain_rows).

use super::DepthwiseConv2d;
use crate::kernels::backend::widest;
use crate::quant::{Rows, Weights};

/// Outputs that are rounded together.
const BLOCK: usize = 64;

impl DepthwiseConv2d {
    /// Makes the rows of the output from `at` on.
    pub(super) fn rows_of_lanes(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        let outputs = weights.outputs().max(1);
        widest(
            #[inline(always)]
            || {
                for (row, y) in y.chunks_exact_mut(self.width.output.saturating_mul(outputs).max(1)).enumerate() {
                    for (column, y) in y.chunks_exact_mut(outputs).enumerate() {
                        self.window(weights, x, [at.wrapping_add(row), column], y);
                    }
                }
            },
        );
        self.output.hold(y);
    }

    /// The outputs of a window, in blocks that belong to inputs side by side, or to one input.
    #[inline(always)]
    fn window(&self, weights: &Weights, x: Rows, window: [usize; 2], y: &mut [i8]) {
        let mut first = 0;
        while first < y.len() {
            let (channel, end) = if self.multiplier == 1 {
                (first, y.len())
            } else {
                let channel = first / self.multiplier.max(1);
                (channel, channel.wrapping_add(1).saturating_mul(self.multiplier.max(1)).min(y.len()))
            };
            let count = end.wrapping_sub(first).min(BLOCK);
            let mut sums = [[0]; BLOCK];
            let sums = sums.get_mut(..count).unwrap_or_default();
            let (vectors, halves) = (count / 16 * 16, count / 8 * 8);
            for at in (0..vectors).step_by(16) {
                self.lanes::<16>(weights, x, window, [first, channel], at, sums);
            }
            for at in (vectors..halves).step_by(8) {
                self.lanes::<8>(weights, x, window, [first, channel], at, sums);
            }
            for at in halves..count {
                self.lanes::<1>(weights, x, window, [first, channel], at, sums);
            }
            weights.round_twice(self.output, first, sums, y);
            first = first.wrapping_add(count);
        }
    }

    /// The sums `at` to `at + N - 1` of those of the outputs from `first` on, which belong to the inputs from `channel` on.
    #[inline(always)]
    fn lanes<const N: usize>(
        &self,
        weights: &Weights,
        x: Rows,
        [row, column]: [usize; 2],
        [first, channel]: [usize; 2],
        at: usize,
        sums: &mut [[i32; 1]],
    ) {
        let chunk = |biases: &[i32]| biases.get(first.wrapping_add(at)..)?.first_chunk::<N>().copied();
        let Some(mut lanes) = chunk(weights.biases) else { return };
        let channel = if self.multiplier == 1 { channel.wrapping_add(at) } else { channel };
        let inside = self.width.inside(column);
        let left = column.wrapping_mul(self.width.stride).wrapping_sub(self.width.before);
        let step = self.width.dilation.wrapping_mul(self.channels);
        let mut w = weights.weights.get(first.wrapping_add(at)..).unwrap_or(&[]);
        for tap in 0..self.height.kernel {
            let row = self.height.at(row, tap).map_or(&[][..], |row| x.row(row));
            let mut place = left.wrapping_mul(self.channels).wrapping_add(channel);
            for tap in 0..self.width.kernel {
                let Some(w_lanes) = w.first_chunk::<N>() else { break };
                let x = if inside.contains(&tap) { row.get(place..).unwrap_or(&[]) } else { &[] };
                let x_lanes = match (x.first_chunk::<N>(), x.first()) {
                    (Some(x), _) if self.multiplier == 1 => *x,
                    (_, Some(x)) => [*x; N],
                    _ => [self.zero_point; N],
                };
                lanes = core::array::from_fn(|i| lanes[i].wrapping_add(i32::from(x_lanes[i]) * i32::from(w_lanes[i])));
                place = place.wrapping_add(step);
                w = w.get(weights.outputs()..).unwrap_or(&[]);
            }
        }
        if let Some(sums) = sums.get_mut(at..).and_then(|sums| sums.first_chunk_mut::<N>()) {
            *sums = lanes.map(|sum| [sum]);
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
            case.conv.rows_of_lanes(&case.weights(), rows, 0, &mut y);
            case.conv.plain_rows(&case.weights(), rows, 0, &mut expected);
            assert_eq!(y, expected, "{:?}", case.conv);
        }
    }
}
