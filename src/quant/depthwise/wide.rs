//! For a desktop: outputs side by side in the widest vectors of the machine.
//!
//! The twin is [`plain_rows`](super::DepthwiseConv2d::plain_rows).

use super::DepthwiseConv2d;
use crate::kernels::backend::widest;
use crate::quant::{Rows, Weights};

/// Outputs that are rounded together.
const BLOCK: usize = 64;

/// Windows beside each other that share what is loaded of the weights.
const TOGETHER: usize = 4;

impl DepthwiseConv2d {
    /// Makes the rows of the output from `at` on.
    pub(super) fn rows_of_lanes(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        let outputs = weights.outputs().max(1);
        let whole = self.width.whole();
        widest(
            #[inline(always)]
            || {
                for (row, mut y) in y.chunks_exact_mut(self.width.output.saturating_mul(outputs).max(1)).enumerate() {
                    let row = at.wrapping_add(row);
                    let mut column = 0;
                    while column < self.width.output {
                        let end = column.wrapping_add(TOGETHER);
                        let count = if whole.contains(&column) && end <= whole.end { TOGETHER } else { 1 };
                        let (now, rest) = y.split_at_mut(count.wrapping_mul(outputs).min(y.len()));
                        if count == TOGETHER {
                            self.windows::<TOGETHER>(weights, x, [row, column], now);
                        } else {
                            self.windows::<1>(weights, x, [row, column], now);
                        }
                        (y, column) = (rest, column.wrapping_add(count));
                    }
                }
            },
        );
        self.output.hold(y);
    }

    /// The outputs of `P` windows, in blocks that belong to inputs side by side, or to one input.
    #[inline(always)]
    fn windows<const P: usize>(&self, weights: &Weights, x: Rows, window: [usize; 2], y: &mut [i8]) {
        let (mut first, outputs) = (0, weights.outputs());
        while first < outputs {
            let (channel, end) = if self.multiplier == 1 {
                (first, outputs)
            } else {
                let channel = first / self.multiplier.max(1);
                (channel, channel.wrapping_add(1).saturating_mul(self.multiplier.max(1)).min(outputs))
            };
            let count = end.wrapping_sub(first).min(BLOCK);
            let mut sums = [[[0]; BLOCK]; P];
            let (vectors, halves) = (count / 16 * 16, count / 8 * 8);
            for at in (0..vectors).step_by(16) {
                self.lanes::<16, P>(weights, x, window, [first, channel], at, &mut sums);
            }
            for at in (vectors..halves).step_by(8) {
                self.lanes::<8, P>(weights, x, window, [first, channel], at, &mut sums);
            }
            for at in halves..count {
                self.lanes::<1, P>(weights, x, window, [first, channel], at, &mut sums);
            }
            for (y, sums) in y.chunks_exact_mut(outputs.max(1)).zip(&sums) {
                weights.round_twice(self.output, first, sums.get(..count).unwrap_or(&[]), y);
            }
            first = first.wrapping_add(count);
        }
    }

    /// The sums `at` to `at + N - 1` of those of the outputs from `first` on, which belong to the inputs from `channel` on. More than one
    /// window lie in the image from left to right.
    #[inline(always)]
    fn lanes<const N: usize, const P: usize>(
        &self,
        weights: &Weights,
        x: Rows,
        [row, column]: [usize; 2],
        [first, channel]: [usize; 2],
        at: usize,
        sums: &mut [[[i32; 1]; BLOCK]; P],
    ) {
        let chunk = |biases: &[i32]| biases.get(first.wrapping_add(at)..)?.first_chunk::<N>().copied();
        let Some(biases) = chunk(weights.biases) else { return };
        let mut lanes = [biases; P];
        let channel = if self.multiplier == 1 { channel.wrapping_add(at) } else { channel };
        let all = self.width.inside(column);
        let left = column.wrapping_mul(self.width.stride).wrapping_sub(self.width.before);
        let [pixel, step] = [self.width.stride, self.width.dilation].map(|pixels| pixels.wrapping_mul(self.channels));
        let around = self.zero_point.into();
        let mut w = weights.weights.get(first.wrapping_add(at)..).unwrap_or(&[]).chunks(weights.outputs().max(1));
        for tap in 0..self.height.kernel {
            let row = self.height.at(row, tap).map_or(&[][..], |row| x.row(row));
            let inside = if row.is_empty() { 0..0 } else { all.clone() };
            for w in w.by_ref().take(inside.start) {
                lanes.iter_mut().for_each(|lanes| add_products(lanes, |_| around, w));
            }
            let mut place = left.wrapping_mul(self.channels).wrapping_add(inside.start.wrapping_mul(step));
            place = place.wrapping_add(channel);
            for w in w.by_ref().take(inside.len()) {
                let mut place_of_window = place;
                for lanes in &mut lanes {
                    let x = row.get(place_of_window..).unwrap_or(&[]);
                    if self.multiplier != 1 {
                        let x = x.first().map_or(around, |x| i32::from(*x));
                        add_products(lanes, |_| x, w);
                    } else if let Some(x) = x.first_chunk::<N>() {
                        add_products(lanes, |i| x[i].into(), w);
                    }
                    place_of_window = place_of_window.wrapping_add(pixel);
                }
                place = place.wrapping_add(step);
            }
            for w in w.by_ref().take(self.width.kernel.wrapping_sub(inside.end)) {
                lanes.iter_mut().for_each(|lanes| add_products(lanes, |_| around, w));
            }
        }
        for (sums, lanes) in sums.iter_mut().zip(lanes) {
            if let Some(sums) = sums.get_mut(at..).and_then(|sums| sums.first_chunk_mut::<N>()) {
                *sums = lanes.map(|sum| [sum]);
            }
        }
    }
}

/// Adds products with the weights that `w` begin with.
#[inline(always)]
fn add_products<const N: usize>(lanes: &mut [i32; N], x: impl Fn(usize) -> i32, w: &[i8]) {
    if let Some(w) = w.first_chunk::<N>() {
        for (i, (lane, w)) in lanes.iter_mut().zip(w).enumerate() {
            *lane = lane.wrapping_add(x(i) * i32::from(*w));
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
