//! Products of the taps of windows, of channels side by side: those of two rows of a kernel at once.

use bytemuck::cast_slice;
use fearless_simd::prelude::*;

use super::rounded::{Constants, MOST, Multipliers, lanes};
use super::{put, with_lanes};

/// Pairs of weights, at most.
const TAPS: usize = 64;

/// Pairs of elements of the image, at most.
const PAIRS: usize = 256;

/// Windows that share what is loaded of the weights.
const TOGETHER: usize = 4;

/// A kernel's weights of outputs side by side, and the part of the image that some windows need.
pub(crate) struct Taps {
    /// Of two taps, one above the other, words with both weights of each output.
    weights: [i32; MOST * TAPS],
    /// Likewise of elements of the image, of each output, or of the one input that all outputs have.
    image: [i32; MOST * PAIRS],
    constants: Constants,
    shape: Shape,
    /// Outputs side by side.
    outputs: usize,
}

/// How windows lie, from top to bottom and from left to right.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Taps.
    pub(crate) kernel: [usize; 2],
    /// Elements from tap to tap.
    pub(crate) dilation: [usize; 2],
    /// Elements from window to window.
    pub(crate) stride: [usize; 2],
    /// Windows of a part.
    pub(crate) windows: [usize; 2],
    /// Whether all outputs have one input.
    pub(crate) one: bool,
}

impl Shape {
    /// With as many of the windows in a part as there is room for: whole rows, or a part of one row; none if the kernel is too large.
    pub(crate) fn fit(self) -> Option<Self> {
        let [rows, columns] = self.windows;
        let fits = |windows: &[usize; 2]| {
            let [rows, columns] = Self { windows: *windows, ..self }.pairs();
            rows.saturating_mul(columns) <= if self.one { MOST * PAIRS } else { PAIRS }
        };
        let parts = (1..=rows).rev().map(|rows| [rows, columns]).chain((1..columns).rev().map(|columns| [1, columns]));
        let windows = parts.into_iter().find(fits)?;
        (self.kernel[0].div_ceil(2).saturating_mul(self.kernel[1]) <= TAPS).then_some(Self { windows, ..self })
    }

    /// Rows of pairs of elements that a part needs, and columns.
    pub(crate) fn pairs(self) -> [usize; 2] {
        let last = [self.kernel[0].saturating_sub(1) / 2 * 2, self.kernel[1].saturating_sub(1)];
        core::array::from_fn(|axis| {
            let start = self.windows[axis].saturating_sub(1).saturating_mul(self.stride[axis]);
            start.saturating_add(last[axis].saturating_mul(self.dilation[axis])).saturating_add(1)
        })
    }
}

impl Taps {
    pub(crate) fn new(shape: Shape) -> Self {
        let (weights, image) = ([0; MOST * TAPS], [0; MOST * PAIRS]);
        Self { weights, image, constants: Constants::ZERO, shape, outputs: 0 }
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Takes `outputs` side by side, or as many as fit, and returns how many: weights begin `stride` after those of the tap before, `constants`
    /// are the bias, mantissa and shift of each.
    #[inline(never)]
    pub(crate) fn set(
        &mut self,
        outputs: usize,
        (weights, stride): (&[i8], usize),
        constants: impl Iterator<Item = [i32; 3]>,
    ) -> usize {
        let width = with_lanes!(outputs, simd => super::width(simd));
        self.outputs = outputs.min(width);
        constants.take(width).enumerate().for_each(|(lane, constants)| self.constants.set(lane, constants));
        let [rows, columns] = self.shape.kernel;
        for (pair, to) in
            self.weights.chunks_exact_mut(width.saturating_mul(columns).max(1)).take(rows.div_ceil(2)).enumerate()
        {
            for (column, to) in to.chunks_exact_mut(width).enumerate() {
                let [upper, lower] = [2 * pair, 2 * pair + 1].map(|row| {
                    let at = row.wrapping_mul(columns).wrapping_add(column).wrapping_mul(stride);
                    weights.get(at..).filter(|_| row < rows).unwrap_or(&[0; MOST])
                });
                to.iter_mut().zip(upper).zip(lower).for_each(|((to, x), y)| *to = pair_of(*x, *y));
            }
        }
        self.outputs
    }

    /// Sets a row of pairs: of each column what begins at the two elements that belong to the first output.
    #[inline(never)]
    pub(crate) fn put<'x>(&mut self, row: usize, columns: impl Iterator<Item = [&'x [i8]; 2]>) {
        with_lanes!(self.outputs, simd => self.put_with(simd, row, columns));
    }

    #[inline(always)]
    fn put_with<'x, S: Simd>(&mut self, simd: S, row: usize, columns: impl Iterator<Item = [&'x [i8]; 2]>) {
        let (width, step) = (super::width(simd), self.step(simd));
        let place = row.wrapping_mul(self.shape.pairs()[1]).wrapping_mul(step);
        let to = self.image.get_mut(place..).unwrap_or_default();
        for (to, [x, y]) in to.chunks_exact_mut(step).zip(columns) {
            match (to.get_mut(..width), x.get(..width), y.get(..width)) {
                (Some(to), Some(x), Some(y)) => S::i32s::from_fn(simd, |i| pair_of(x[i], y[i])).store_slice(to),
                // One input, or the last ones of the image.
                _ => to.iter_mut().zip(x).zip(y).for_each(|((to, x), y)| *to = pair_of(*x, *y)),
            }
        }
    }

    /// Words from one element of the image to the next.
    #[inline(always)]
    fn step<S: Simd>(&self, simd: S) -> usize {
        if self.shape.one { 1 } else { super::width(simd) }
    }

    /// The outputs of the windows of a part, those from `first` on of `outputs` of each, held in a range.
    #[inline(never)]
    pub(crate) fn make(&self, (zero_point, range): (i8, [i8; 2]), (first, outputs): (usize, usize), y: &mut [i8]) {
        with_lanes!(self.outputs, simd => self.make_with(simd, (zero_point, range), (first, outputs), y));
    }

    #[inline(always)]
    fn make_with<S: Simd>(
        &self,
        simd: S,
        (zero_point, range): (i8, [i8; 2]),
        (first, outputs): (usize, usize),
        y: &mut [i8],
    ) {
        let multipliers = Multipliers::new(simd, &self.constants, zero_point, range);
        let Shape { stride, windows, .. } = self.shape;
        let [row, column] =
            [self.shape.pairs()[1].wrapping_mul(stride[0]), stride[1]].map(|by| by.wrapping_mul(self.step(simd)));
        let mut at = [0_usize; 2];
        for y in y.chunks_mut(outputs.saturating_mul(TOGETHER).max(1)) {
            let starts = [(); TOGETHER].map(|()| {
                let start = at[0].wrapping_mul(row).wrapping_add(at[1].wrapping_mul(column));
                at[1] = at[1].wrapping_add(1);
                if at[1] >= windows[1] {
                    at = [at[0].wrapping_add(1), 0];
                }
                start
            });
            let mut rounded = self.sums(simd, starts);
            // Not `map` of an array, whose closure would be compiled for any x86-64.
            for sums in &mut rounded {
                *sums = multipliers.round(*sums);
            }
            let [a, b, c, d] = rounded;
            let made = a.narrow(b).narrow(c.narrow(d));
            let made: &[i8] = cast_slice(made.as_slice());
            for (y, made) in y.chunks_mut(outputs.max(1)).zip(made.chunks_exact(super::width(simd))) {
                let y = y.get_mut(first..).unwrap_or_default();
                put(y.get_mut(..self.outputs).unwrap_or_default(), made);
            }
        }
    }

    /// The sums of windows that begin there.
    #[inline(always)]
    fn sums<S: Simd>(&self, simd: S, starts: [usize; TOGETHER]) -> [S::i32s; TOGETHER] {
        let Shape { kernel: [_, columns], dilation, one, .. } = self.shape;
        let (width, step) = (super::width(simd), self.step(simd));
        let [row, column] =
            [self.shape.pairs()[1].wrapping_mul(2 * dilation[0]), dilation[1]].map(|by| by.wrapping_mul(step));
        let mut sums = [lanes(simd, &self.constants.biases); TOGETHER];
        let mut weights = self.weights.chunks_exact(width);
        for pair in 0..self.shape.kernel[0].div_ceil(2) {
            let mut tap = pair.wrapping_mul(row);
            for weights in weights.by_ref().take(columns) {
                let weights = S::i32s::from_slice(simd, weights).bitcast::<S::i16s>();
                for (sums, start) in sums.iter_mut().zip(starts) {
                    let image = self.image.get(start.wrapping_add(tap)..).unwrap_or(&[]);
                    let image = if one {
                        image.first().map(|x| S::i32s::splat(simd, *x))
                    } else {
                        image.get(..width).map(|x| S::i32s::from_slice(simd, x))
                    };
                    if let Some(image) = image {
                        *sums += image.bitcast::<S::i16s>().pairwise_dot_product(weights);
                    }
                }
                tap = tap.wrapping_add(column);
            }
        }
        sums
    }
}

#[inline(always)]
fn pair_of(x: i8, y: i8) -> i32 {
    i32::from(x) & 0xffff | i32::from(y) << 16
}
