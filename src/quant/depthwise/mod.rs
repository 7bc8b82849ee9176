//! Convolution of each channel for itself.

#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
mod pairs;
#[cfg(all(target_arch = "arm", target_os = "none", not(target_has_atomic = "32")))]
mod taps;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
mod wide;

use super::{Axis, Output, Rows, Weights};
#[cfg(all(target_arch = "arm", target_os = "none", not(target_has_atomic = "32")))]
use crate::kernels::armv6m::Taps;
use crate::kernels::paired::DSP;
use crate::kernels::taps::{TAPS, add_taps};

/// Outputs that are summed up together, side by side.
#[cfg(not(all(target_arch = "arm", target_os = "none", target_abi = "eabihf")))]
const BLOCK: usize = 16;

/// Sums that are rounded at a time.
const SUMS: usize = if DSP { 64 } else { 128 };

/// Taps whose weights are laid out for several pixels, at most: those of a kernel of 3x3.
const TILES: usize = if DSP { 0 } else { 9 };

/// Windows for which it is worth to lay weights out side by side: with fewer, streams take twice as long.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
const MANY: usize = 8;

/// Elements of an image that a tap meets, and its weights.
type Tap<'w> = (&'w [i8], &'w [i8]);

/// Convolution of each channel for itself; channel `c` makes the outputs `c * multiplier` to `(c + 1) * multiplier - 1`.
///
/// Its sums are rounded twice ([`Multiplier::twice`](super::Multiplier::twice)), with one scale as with one a channel.
#[derive(Clone, Copy, Debug)]
pub struct DepthwiseConv2d {
    /// From top to bottom.
    pub height: Axis,
    /// From left to right.
    pub width: Axis,
    /// Channels of the input.
    pub channels: usize,
    /// Outputs of a channel.
    pub multiplier: usize,
    /// Zero point of the input, which lies around the image.
    pub zero_point: i8,
    /// What is written.
    pub output: Output,
}

impl DepthwiseConv2d {
    /// Bytes on the stack: rows of four channels, expanded, and their constants.
    #[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
    pub(super) const SCRATCH: usize = size_of::<[u32; pairs::SCRATCH]>();
    /// Bytes on the stack: a block of sums, what lies around an image, and where taps are.
    #[cfg(all(target_arch = "arm", target_os = "none", not(target_has_atomic = "32")))]
    pub(super) const SCRATCH: usize = size_of::<([[i32; 1]; SUMS], [i8; SUMS], Taps)>();
    /// Bytes on the stack: a block of sums, what lies around an image, and weights for several pixels.
    #[cfg(not(all(
        target_arch = "arm",
        target_os = "none",
        any(target_abi = "eabihf", not(target_has_atomic = "32"))
    )))]
    pub(super) const SCRATCH: usize = size_of::<([[i32; 1]; SUMS], [i8; SUMS], [[i8; SUMS]; TILES])>();

    /// `x`: `[height, width, channels]`, weights: `[kernel height, kernel width, outputs]`, `y`: `[output height, output width, outputs]`.
    pub fn run(&self, weights: &Weights, x: &[i8], y: &mut [i8]) {
        let rows = Rows { data: x, len: self.width.input.wrapping_mul(self.channels) };
        self.rows(weights, rows, 0, y);
    }

    /// Row `at` of the output, `[output width, outputs]`.
    pub fn row(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        if DSP && self.multiplier == 1 && self.width.output == 1 {
            // One pixel, as a signal has: otherwise 4 times as many instructions.
            self.side_by_side(weights, x, at, y);
            return self.output.hold(y);
        }
        self.rows(weights, x, at, y);
    }

    /// The rows of the output from `at` on.
    #[inline(never)]
    fn rows(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        #[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
        self.rows_of_pairs(weights, x, at, y);
        #[cfg(all(target_arch = "arm", target_os = "none", not(target_has_atomic = "32")))]
        if self.multiplier == 1 {
            self.rows_of_taps(weights, x, at, y);
            return self.output.hold(y);
        }
        #[cfg(all(target_arch = "x86_64", feature = "std"))]
        if (self.multiplier != 1 || y.len() / weights.outputs().max(1) >= MANY) && self.rows_of_lanes(weights, x, at, y)
        {
            return;
        }
        #[cfg(not(all(target_arch = "arm", target_os = "none", target_abi = "eabihf")))]
        self.plain_rows(weights, x, at, y);
    }

    #[cfg(not(all(target_arch = "arm", target_os = "none", target_abi = "eabihf")))]
    #[inline(always)]
    fn plain_rows(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        if self.multiplier == 1 {
            self.side_by_side(weights, x, at, y);
        } else {
            let length = self.width.output.wrapping_mul(weights.outputs());
            for (row, y) in y.chunks_exact_mut(length.max(1)).enumerate() {
                self.plain_row(weights, x, at.wrapping_add(row), y);
            }
        }
        self.output.hold(y);
    }

    #[cfg(not(all(target_arch = "arm", target_os = "none", target_abi = "eabihf")))]
    #[inline(always)]
    fn plain_row(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        // One copy of the loop for both cases.
        let (together, step) = if self.multiplier == 1 { (weights.outputs(), 1) } else { (self.multiplier, 0) };
        for (column, y) in y.chunks_exact_mut(weights.outputs().max(1)).enumerate() {
            for (channel, y) in y.chunks_exact_mut(together.max(1)).enumerate() {
                self.pixel(weights, x, [at, column], [channel, step], y);
            }
        }
    }

    /// Rows of outputs, one of a channel.
    ///
    /// Pixels with few channels are made together: they lie side by side in the image as in the output, only weights have to be laid out once
    /// for each. Without this vww takes 9 % more instructions on a Cortex-M3, 5 % on RISC-V.
    #[inline(always)]
    fn side_by_side(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        let taps = self.height.kernel.wrapping_mul(self.width.kernel);
        let together = (SUMS / weights.outputs().max(1)).min(self.width.whole().len());
        if DSP || self.width.stride > 1 || taps > TILES || together <= 1 {
            self.runs(weights, (weights.weights, weights.outputs()), 1, x, at, y);
        } else {
            self.runs_of_tiles(weights, together, x, at, y);
        }
    }

    #[inline(never)]
    fn runs_of_tiles(&self, weights: &Weights, together: usize, x: Rows, at: usize, y: &mut [i8]) {
        let mut tiles = [[0; SUMS]; TILES];
        for (tile, w) in tiles.iter_mut().zip(weights.weights.chunks(weights.outputs().max(1))) {
            tile.iter_mut().zip(w.iter().cycle()).for_each(|(tile, w)| *tile = *w);
        }
        self.runs(weights, (tiles.as_flattened(), SUMS), together, x, at, y);
    }

    /// Rows of outputs, `together` pixels at a time where all of their taps lie in the image. Weights of a tap are `step` after those of the
    /// one before.
    #[inline(never)]
    fn runs(&self, weights: &Weights, w: (&[i8], usize), together: usize, x: Rows, at: usize, y: &mut [i8]) {
        let outputs = weights.outputs().max(1);
        let whole = self.width.whole();
        let (around, mut sums) = ([self.zero_point; SUMS], [[0]; SUMS]);
        let none = (&around[..], &[0; SUMS][..]);
        let mut taps = [none; TAPS];
        for (row, y) in y.chunks_exact_mut(self.width.output.wrapping_mul(outputs).max(1)).enumerate() {
            let (mut column, mut rest) = (0, y);
            while column < self.width.output {
                let count = if whole.contains(&column) { together.min(whole.end - column) } else { 1 };
                let Some((y, after)) = rest.split_at_mut_checked(count.wrapping_mul(outputs)) else { return };
                self.run_of_pixels(weights, w, x, [at.wrapping_add(row), column], (&mut sums, &mut taps, none), y);
                (column, rest) = (column.wrapping_add(count), after);
            }
        }
    }

    /// Outputs of one or more pixels, a few taps at a time.
    #[inline(always)]
    fn run_of_pixels<'w>(
        &self,
        weights: &Weights,
        (w, step): (&'w [i8], usize),
        x: Rows<'w>,
        [at, column]: [usize; 2],
        (sums, taps, none): (&mut [[i32; 1]; SUMS], &mut [Tap<'w>; TAPS], Tap<'w>),
        y: &mut [i8],
    ) {
        let inside = self.width.inside(column);
        let left = column.wrapping_mul(self.width.stride).wrapping_sub(self.width.before);
        let apart = self.width.dilation.wrapping_mul(self.channels);
        let outputs = weights.outputs().max(1);
        let pixels = y.len() / outputs;
        for (block, biases) in weights.biases.chunks(SUMS).enumerate() {
            let first = block.wrapping_mul(SUMS);
            let Some(sums) = sums.get_mut(..biases.len().wrapping_mul(pixels)) else { return };
            let count = sums.len();
            for sums in sums.chunks_mut(biases.len().max(1)) {
                sums.iter_mut().zip(biases).for_each(|(sum, bias)| *sum = [*bias]);
            }
            let mut w = w.get(first..).unwrap_or(&[]);
            let mut ready = 0;
            for tap in 0..self.height.kernel {
                let row = self.height.at(at, tap).map_or(&[][..], |at| x.row(at));
                let mut place = left.wrapping_mul(self.channels).wrapping_add(first);
                for tap in 0..self.width.kernel {
                    let x = if inside.contains(&tap) { row.get(place..).and_then(|x| x.get(..count)) } else { None };
                    if let Some(to) = taps.get_mut(ready) {
                        *to = (x.unwrap_or(none.0), w);
                    }
                    ready = ready.wrapping_add(1);
                    if ready == TAPS {
                        add_taps(taps, sums);
                        ready = 0;
                    }
                    place = place.wrapping_add(apart);
                    w = w.get(step..).unwrap_or(&[]);
                }
            }
            if ready > 0 {
                taps.iter_mut().skip(ready).for_each(|tap| *tap = none);
                add_taps(taps, sums);
            }
            for (sums, y) in sums.chunks(biases.len().max(1)).zip(y.chunks_exact_mut(outputs)) {
                weights.round_twice(self.output, first, sums, y);
            }
        }
    }

    /// Outputs of a pixel, from those of `channel` on, each of the channel `step` after that of the one before it: 1 or 0.
    #[cfg(not(all(target_arch = "arm", target_os = "none", target_abi = "eabihf")))]
    #[inline(never)]
    fn pixel(&self, weights: &Weights, x: Rows, [at, column]: [usize; 2], [channel, step]: [usize; 2], y: &mut [i8]) {
        for (block, y) in y.chunks_mut(BLOCK).enumerate() {
            let done = block.wrapping_mul(BLOCK);
            let start = channel.wrapping_mul(self.multiplier).wrapping_add(done);
            let input = channel.wrapping_add(done.wrapping_mul(step));
            let mut sums = [0; BLOCK];
            for (sum, bias) in sums.iter_mut().zip(weights.biases.get(start..).unwrap_or(&[])) {
                *sum = *bias;
            }
            let mut w = weights.weights.get(start..).unwrap_or(&[]);
            for tap in 0..self.height.kernel {
                let row = self.height.at(at, tap).map_or(&[][..], |at| x.row(at));
                for tap in 0..self.width.kernel {
                    let first = self.width.at(column, tap).map_or(usize::MAX, |at| at.wrapping_mul(self.channels));
                    let x = row.get(first..).unwrap_or(&[]);
                    for (output, (sum, w)) in sums.iter_mut().zip(w).enumerate() {
                        let x =
                            x.get(input.wrapping_add(output.wrapping_mul(step))).copied().unwrap_or(self.zero_point);
                        *sum = sum.wrapping_add(i32::from(x) * i32::from(*w));
                    }
                    w = w.get(weights.outputs()..).unwrap_or(&[]);
                }
            }
            for (output, (y, sum)) in y.iter_mut().zip(sums).enumerate() {
                *y = self.output.of_sum(weights.multiplier(start.wrapping_add(output)), sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;
    use std::boxed::Box;
    use std::vec;
    use std::vec::Vec;

    /// A convolution of any shape, with all that it reads.
    pub(super) struct Case {
        pub(super) conv: DepthwiseConv2d,
        pub(super) x: Vec<i8>,
        w: Vec<i8>,
        biases: Vec<i32>,
        mantissas: Vec<i32>,
        shifts: Vec<i8>,
    }

    impl Case {
        /// Every second one makes one output of each channel, some are wide.
        pub(super) fn random(rng: &mut Pcg32, turn: usize) -> Self {
            let mut below = |n: u32| (rng.next_u32() % n) as usize;
            let mut axis = |most: u32, windows: u32| {
                let (kernel, stride, dilation) = (1 + below(most), 1 + below(3), 1 + below(2));
                let (before, output) = (below(kernel as u32), 1 + below(windows));
                let end = (output - 1) * stride + (kernel - 1) * dilation + 1;
                Axis { input: (end - before).saturating_sub(below(2)).max(1), kernel, stride, dilation, before, output }
            };
            let (height, width) = (axis(4, 5), axis(8, if turn % 10 > 7 { 150 } else { 5 }));
            let (channels, multiplier) =
                if turn.is_multiple_of(2) { (1 + below(150), 1) } else { (1 + below(3), [2, 3, 8, 20, 70][below(5)]) };
            let outputs = channels * multiplier;
            let least = [-128, -20][below(2)];
            let output = Output { zero_point: below(40) as i8 - 20, least, greatest: 127 };
            let zero_point = below(256) as u8 as i8;
            let mut bytes = |count: usize| -> Vec<i8> { (0..count).map(|_| below(256) as u8 as i8).collect() };
            let (x, w) = (bytes(height.input * width.input * channels), bytes(height.kernel * width.kernel * outputs));
            let scales = if turn.is_multiple_of(5) { 1 } else { outputs };
            Self {
                conv: DepthwiseConv2d { height, width, channels, multiplier, zero_point, output },
                x,
                w,
                biases: (0..outputs).map(|_| below(60_000) as i32 - 30_000).collect(),
                mantissas: (0..scales).map(|_| (1 << 30) + below(1 << 30) as i32).collect(),
                shifts: (0..scales).map(|_| below(14) as i8 - 12).collect(),
            }
        }

        pub(super) fn weights(&self) -> Weights<'_> {
            let Self { w, biases, mantissas, shifts, .. } = self;
            Weights { weights: w, biases, mantissas, shifts, rests: &[] }
        }

        /// Elements of the output.
        pub(super) fn outputs(&self) -> usize {
            self.conv.height.output * self.conv.width.output * self.biases.len()
        }

        /// Output `i`, as a textbook has it.
        fn naive(&self, i: usize) -> i8 {
            let DepthwiseConv2d { height, width, channels, multiplier, zero_point, output } = self.conv;
            let outputs = self.biases.len();
            let (o, column, row) = (i % outputs, i / outputs % width.output, i / outputs / width.output);
            let mut sum = self.biases[o];
            for (tap, w) in self.w.iter().skip(o).step_by(outputs).enumerate() {
                let at = (height.at(row, tap / width.kernel), width.at(column, tap % width.kernel));
                let x = match at {
                    (Some(row), Some(column)) => self.x[(row * width.input + column) * channels + o / multiplier],
                    _ => zero_point,
                };
                sum += i32::from(x) * i32::from(*w);
            }
            output.of(self.weights().multiplier(o).twice(sum))
        }
    }

    #[test]
    fn random_shapes_give_the_bytes_of_a_naive_loop() {
        let mut rng = Pcg32::seed_from_u64(2);
        for turn in 0..200 {
            let case = Case::random(&mut rng, turn);
            let rows = Rows { data: &case.x, len: case.conv.width.input * case.conv.channels };
            let mut y = vec![0; case.outputs()];
            case.conv.plain_rows(&case.weights(), rows, 0, &mut y);
            assert!((0..y.len()).all(|i| y[i] == case.naive(i)), "{:?}", case.conv);
        }
    }

    #[test]
    fn with_several_outputs_a_channel_is_that_of_litert() {
        let weights = samples::w::<24>();
        let biases =
            samples::folded([1000, -500, 0, 70], -7, |output| Box::new(weights.iter().skip(output).step_by(4)));
        let (mantissas, shifts) = samples::multipliers([0.01, 0.02, 0.015, 0.03], 0.2);
        let weights =
            Weights { weights: &weights, biases: &biases, mantissas: &mantissas, shifts: &shifts, rests: &[] };
        let conv = DepthwiseConv2d {
            height: Axis::same(3, 3, 2, 1),
            width: Axis::same(4, 2, 2, 1),
            channels: 2,
            multiplier: 2,
            zero_point: -7,
            output: samples::output(5),
        };
        let mut y = [0; 16];
        conv.run(&weights, &samples::x::<24>(), &mut y);
        assert_eq!(y, [-1, -70, 28, 25, 27, 75, -45, 117, 26, 21, 29, -63, -26, 75, 40, 95]);
    }

    #[test]
    fn with_one_scale_is_that_of_litert() {
        let weights = samples::w::<12>();
        let biases = samples::folded([1000, -500, 0], -7, |output| Box::new(weights.iter().skip(output).step_by(3)));
        let (mantissas, shifts) = samples::multipliers([0.01], 0.1);
        let weights =
            Weights { weights: &weights, biases: &biases, mantissas: &mantissas, shifts: &shifts, rests: &[] };
        let axis = Axis::valid(3, 2, 1, 1);
        let conv = DepthwiseConv2d {
            height: axis,
            width: axis,
            channels: 3,
            multiplier: 1,
            zero_point: -7,
            output: samples::output(5),
        };
        let mut y = [0; 12];
        conv.run(&weights, &samples::x::<27>(), &mut y);
        assert_eq!(y, [125, -13, 1, -25, -47, 11, -19, 84, 95, -16, -72, -18]);
    }
}
