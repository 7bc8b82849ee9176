//! Rows of outputs on a core with few registers.

use super::{DepthwiseConv2d, SUMS};
use crate::kernels::armv6m::{CHANNELS, Taps};
use crate::quant::{Rows, Weights};

const _: () = assert!(SUMS <= CHANNELS, "a block's taps are one list");

impl DepthwiseConv2d {
    /// The rows of the output from `at` on, one output of a channel.
    #[inline(never)]
    pub(super) fn rows_of_taps(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        let (around, mut sums, mut taps) = ([self.zero_point; SUMS], [[0]; SUMS], Taps::new());
        let length = self.width.output.wrapping_mul(weights.outputs()).max(1);
        for (row, y) in y.chunks_exact_mut(length).enumerate() {
            for block in 0..weights.outputs().div_ceil(SUMS) {
                let first = block.wrapping_mul(SUMS);
                self.block(weights, x, [at.wrapping_add(row), first], (&around, &mut taps, &mut sums), y);
            }
        }
    }

    /// Outputs of a row, of the channels from `first` on. The taps of a window are found once for all that lie in the image: the inputs of the
    /// next one are as much further on. Without this vww takes 14 % more instructions.
    #[inline(always)]
    fn block<'a>(
        &self,
        weights: &Weights<'a>,
        x: Rows<'a>,
        [at, first]: [usize; 2],
        (around, taps, sums): (&'a [i8], &mut Taps<'a>, &mut [[i32; 1]; SUMS]),
        y: &mut [i8],
    ) {
        let biases = weights.biases.get(first..).unwrap_or(&[]);
        let biases = biases.get(..SUMS).unwrap_or(biases);
        let Some(sums) = sums.get_mut(..biases.len()) else { return };
        let (whole_row, whole) = (self.height.whole().contains(&at), self.width.whole());
        let step = self.width.stride.wrapping_mul(self.channels);
        // From the window whose taps these are to this one.
        let mut shift = None::<usize>;
        for (column, y) in y.chunks_exact_mut(weights.outputs().max(1)).enumerate() {
            let in_image = whole_row && whole.contains(&column);
            shift = shift.filter(|_| in_image).map(|shift| shift.wrapping_add(step));
            if let Some(shift) = shift {
                taps.add(shift, Some(biases), sums);
            } else {
                let from = self.list(weights, x, [at, column, first], around, taps, sums);
                taps.add(0, from, sums);
                shift = (in_image && from.is_some()).then_some(0);
            }
            weights.round_twice(self.output, first, sums, y);
        }
    }

    /// Lists the taps of a window, for the channels from `first` on. What the list has no room for is in `sums` then; returns what else
    /// belongs to them.
    #[inline(never)]
    fn list<'a>(
        &self,
        weights: &Weights<'a>,
        x: Rows<'a>,
        [at, column, first]: [usize; 3],
        around: &'a [i8],
        taps: &mut Taps<'a>,
        sums: &mut [[i32; 1]],
    ) -> Option<&'a [i32]> {
        let mut from = weights.biases.get(first..);
        let mut w = weights.weights.get(first..).unwrap_or(&[]);
        taps.clear();
        for tap in 0..self.height.kernel {
            let row = self.height.at(at, tap).map_or(&[][..], |at| x.row(at));
            for tap in 0..self.width.kernel {
                let place = self.width.at(column, tap).map(|at| at.wrapping_mul(self.channels).wrapping_add(first));
                let x = place.and_then(|place| row.get(place..)).filter(|x| x.len() >= sums.len()).unwrap_or(around);
                if !taps.push(x, w) {
                    taps.add(0, from.take(), sums);
                    taps.clear();
                    taps.push(x, w);
                }
                w = w.get(weights.outputs()..).unwrap_or(&[]);
            }
        }
        from
    }
}
