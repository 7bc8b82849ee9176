//! Four channels at a time, with instructions for pairs of 16 bits.

use core::ops::Range;

use super::DepthwiseConv2d;
use crate::kernels::dsp::{Across, FACTORS, Kind, Shape, Windows, expand_weights};
use crate::quant::{Axis, Multiplier, Rows, Weights};

/// Words of scratch: what belongs to four outputs, and the part of an image's rows that their windows need, expanded. 2 KiB hold rows of 52
/// pixels for a kernel of 3x3; longer rows are made in pieces, and kernels of which nothing fits by the plain loop.
pub(super) const SCRATCH: usize = 512;

/// An axis, and what lies between neighbours on it.
struct Way<'w> {
    axis: &'w Axis,
    /// Bytes between pixels, outputs and weights.
    x: usize,
    y: usize,
    weights: usize,
}

impl Way<'_> {
    /// Pairs of a window's taps across this way, if it begins at a pair's first pixel or at its second.
    fn pairs(&self) -> [usize; 2] {
        let taps = self.axis.kernel;
        [taps.div_ceil(2), taps.wrapping_add(1).div_ceil(2)]
    }
}

/// What is to be made.
struct Task<'t> {
    conv: &'t DepthwiseConv2d,
    weights: &'t Weights<'t>,
    x: Rows<'t>,
    /// The way along which pixels are paired, and the other one.
    across: &'t Way<'t>,
    along: &'t Way<'t>,
    /// First output across, and number of them.
    at: usize,
    rows: usize,
}

impl DepthwiseConv2d {
    /// Makes the rows of the output from `at` on.
    pub(super) fn rows_of_pairs(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        if !self.in_fours(weights, x, at, y) {
            self.one_by_one(weights, x, at, y);
        }
        self.output.hold(y);
    }

    /// Makes the rows four outputs at a time, if it can: at least four outputs; one, or a multiple of four, of a channel; no dilation along
    /// rows, sums and factors in the usual range.
    #[inline(never)]
    fn in_fours(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) -> bool {
        let outputs = weights.outputs();
        let length = self.width.output.wrapping_mul(outputs);
        let rows = y.len().checked_div(length).unwrap_or(0);
        let down = Way { axis: &self.height, x: x.len, y: length, weights: self.width.kernel.wrapping_mul(outputs) };
        let right = Way { axis: &self.width, x: self.channels, y: outputs, weights: outputs };
        let whole = at == 0 && rows == self.height.output && x.data.len() >= self.height.input.saturating_mul(x.len);
        // A kernel of one row has nothing to pair but columns, and the longer way has fewer beginnings: 10 % of kws' cycles.
        let turned =
            whole && (self.height.kernel == 1 || (slides(&right, &down) && down.axis.output > right.axis.output));
        let (across, along, rows) = if turned { (&right, &down, self.width.output) } else { (&down, &right, rows) };
        let usual = along.axis.dilation == 1 && along.axis.kernel > 0 && outputs >= 4 && self.in_range(weights);
        if !usual || (self.multiplier != 1 && (self.multiplier == 0 || !self.multiplier.is_multiple_of(4))) {
            return false;
        }
        let task = Task { conv: self, weights, x, across, along, at, rows };
        let stride = across.axis.stride;
        let signal = whole
            && (along.axis.kernel, along.axis.output, along.axis.before) == (1, 1, 0)
            && across.axis.dilation == 1
            && (stride == 1 || stride.is_multiple_of(2));
        if signal { task.signal(y) } else { task.image(y) }
    }

    /// Few shapes come here: the least code.
    #[inline(never)]
    fn one_by_one(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        let (outputs, width) = (weights.outputs().max(1), self.width.output.max(1));
        for (place, y) in y.iter_mut().enumerate() {
            let (pixel, output) = (place / outputs, place % outputs);
            let (row, column) = (at.wrapping_add(pixel / width), pixel % width);
            let channel = output.checked_div(self.multiplier).unwrap_or(0);
            let mut sum = weights.biases.get(output).copied().unwrap_or(0);
            for (tap, w) in weights.weights.iter().skip(output).step_by(outputs).enumerate() {
                let x = self.tap(x, [row, column], tap).and_then(|place| x.data.get(place.wrapping_add(channel)));
                sum = sum.wrapping_add(i32::from(*w) * i32::from(x.copied().unwrap_or(self.zero_point)));
            }
            *y = weights.round(self.output, output, sum);
        }
    }

    /// Where the pixel begins that a tap of a window needs, if it is in the image.
    #[inline(never)]
    fn tap(&self, x: Rows, [row, column]: [usize; 2], tap: usize) -> Option<usize> {
        let row = self.height.at(row, tap.checked_div(self.width.kernel)?)?;
        let column = self.width.at(column, tap % self.width.kernel)?;
        Some(x.place(row).wrapping_add(column.wrapping_mul(self.channels)))
    }

    /// Whether sums can be doubled, and factors are shifts to the right.
    fn in_range(&self, weights: &Weights) -> bool {
        let products = self.height.kernel.saturating_mul(self.width.kernel).saturating_mul(1 << 14);
        let room = (1_usize << 30).saturating_sub(products) as u32;
        weights.biases.iter().enumerate().all(|(output, bias)| {
            let multiplier = weights.multiplier(output);
            bias.unsigned_abs() < room && multiplier.mantissa >= 0 && (-22..0).contains(&multiplier.shift)
        })
    }
}

/// Whether windows share columns in registers ([`Columns::slide`]).
fn slides(across: &Way, along: &Way) -> bool {
    across.pairs()[0] == 2 && along.axis.kernel == 3 && along.axis.stride <= 2 && along.axis.dilation == 1
}

/// Scratch: the constants of windows that begin at a pair's first pixel, those of windows that begin at its second, and columns.
type Parts<'s> = ([&'s mut [u32]; 2], &'s mut [u32]);

impl Task<'_> {
    /// Pairs of the pixels of some windows across are expanded, for all windows along: two, one beside the other, where pairs have a pixel
    /// for it.
    #[inline(never)]
    fn image(&self, y: &mut [i8]) -> bool {
        let Self { across: Way { axis, .. }, along, .. } = *self;
        let stride = along.axis.stride;
        let two = axis.dilation == 1 && axis.stride == 1 && !axis.kernel.is_multiple_of(2);
        let slides = slides(self.across, along);
        let of_column = self.across.pairs()[0].saturating_mul(4);
        let mut scratch = [0; SCRATCH];
        let Some(mut parts) = self.parts(&mut scratch, two) else { return false };
        let room = parts.1.len().checked_div(of_column).and_then(|room| room.checked_sub(along.axis.kernel));
        let Some(most) = room.and_then(|more| more.checked_div(stride)) else { return false };
        let mut start = 0;
        while start < along.axis.output {
            let count = along.axis.output.wrapping_sub(start).min(most.wrapping_add(1));
            let (from, inside) = inside(along.axis, start, count);
            let shape = Shape {
                across: self.from(self.at.wrapping_mul(axis.stride)),
                of_column,
                inside,
                windows: [count, if two { count } else { 0 }],
                stride,
                steps: [along.x, along.y, self.across.y],
                rows: self.rows,
                slides,
                shared: slides && axis.dilation == 1 && axis.stride == if two { 1 } else { 2 },
            };
            parts.1.fill(u32::from(i16::from(self.conv.zero_point) as u16) * 0x1_0001);
            let y = y.get_mut(start.wrapping_mul(along.y)..);
            self.fours(&mut parts, shape, from.wrapping_mul(along.x), (0..0, 0), y);
            start = start.wrapping_add(count);
        }
        true
    }

    /// Pairs of a signal's samples are expanded, for all windows, those that begin at a pair's first sample and those that begin at its
    /// second. Without this way streaming_wakeword takes 70 % more instructions.
    #[inline(never)]
    fn signal(&self, y: &mut [i8]) -> bool {
        let Self { across: Way { axis, x, y: length, .. }, .. } = *self;
        let Axis { stride, input, before, .. } = **axis;
        let (together, stride_of_pairs) = if stride == 1 && self.rows > 1 { (2, 1) } else { (1, stride.div_ceil(2)) };
        let span = self.across.pairs()[together - 1];
        let mut scratch = [0; SCRATCH];
        let Some(mut parts) = self.parts(&mut scratch, together == 2) else { return false };
        let room = (parts.1.len() / 4).checked_sub(span).and_then(|more| more.checked_div(stride_of_pairs));
        let Some(most) = room.map(|more| more.wrapping_add(1).wrapping_mul(together)) else { return false };
        for start in (0..self.rows).step_by(most.max(1)) {
            let count = most.min(self.rows.wrapping_sub(start));
            let turns = count.div_ceil(together);
            let pairs = turns.wrapping_sub(1).wrapping_mul(stride_of_pairs).wrapping_add(span);
            // Pairs that lie in the signal whole.
            let first = start.wrapping_mul(stride);
            let from = before.saturating_sub(first).div_ceil(2).min(pairs);
            let to = (input.wrapping_add(before).saturating_sub(first) / 2).clamp(from, pairs);
            let shape = Shape {
                across: self.from(first.wrapping_add(2 * from)),
                of_column: 4,
                inside: (from, to - from),
                windows: [turns, if together == 2 { count / 2 } else { 0 }],
                stride: stride_of_pairs,
                steps: [x.wrapping_mul(2), length.wrapping_mul(together), *length],
                rows: together.min(count),
                slides: false,
                shared: false,
            };
            self.fours(&mut parts, shape, 0, (from..to, pairs), y.get_mut(start.wrapping_mul(*length)..));
        }
        true
    }

    /// Makes each four outputs, of windows that begin `from` bytes further on in the image; the last four may be made twice in part. Pairs of a
    /// signal that are not `whole`, up to `edge`, are put one after the other.
    #[inline(never)]
    fn fours(
        &self,
        (constants, columns): &mut Parts,
        shape: Shape,
        from: usize,
        (whole, edge): (Range<usize>, usize),
        y: Option<&mut [i8]>,
    ) {
        let outputs = self.weights.outputs();
        let (Some(last), Some(y)) = (outputs.checked_sub(4), y) else { return };
        let kind = if self.conv.multiplier == 1 { Kind::Channels } else { Kind::Channel };
        let lens = [constants[0].len(), constants[1].len()];
        let first = shape.across.first.wrapping_sub(2 * whole.start);
        let image = (self.x.data, self.conv.zero_point, kind);
        let Some(mut windows) = Windows::new(shape, image, columns, lens) else { return };
        for output in (0..outputs).step_by(4) {
            let output = output.min(last);
            let channel = from.wrapping_add(output.checked_div(self.conv.multiplier).unwrap_or(0));
            let [window, below] = constants;
            self.constants(output, 0, window);
            self.constants(output, 1, below);
            for pair in (0..whole.start).chain(whole.end..edge) {
                windows.put_one(first.wrapping_add(2 * pair), channel, pair);
            }
            windows.run([window, below], channel, y.get_mut(output..).unwrap_or_default());
        }
    }

    /// From place `first` on, margin included.
    fn from(&self, first: usize) -> Across {
        let Way { axis, x, .. } = *self.across;
        let Axis { input, stride, dilation, before, .. } = *axis;
        // Rows of a stream lie in a ring.
        let ring = if x == self.x.len { self.x.data.len() } else { usize::MAX };
        Across { first, stride, dilation, before, input, step: x, ring }
    }

    /// Parts of scratch, with constants of one window, or of `two`.
    fn parts<'s>(&self, scratch: &'s mut [u32], two: bool) -> Option<Parts<'s>> {
        let [window, below] = self
            .across
            .pairs()
            .map(|pairs| pairs.saturating_mul(4).saturating_mul(self.along.axis.kernel).saturating_add(FACTORS));
        let (window, rest) = scratch.split_at_mut_checked(window)?;
        let (below, rest) = rest.split_at_mut_checked(if two { below } else { 0 })?;
        Some(([window, below], rest))
    }

    /// The constants of four outputs from `first` on, for windows that begin at a pair's pixel `place`.
    #[inline(never)]
    fn constants(&self, first: usize, place: usize, words: &mut [u32]) {
        let [b, of_window @ .., m, a, s] = words.as_chunks_mut::<4>().0 else { return };
        let Weights { weights, biases, mantissas, shifts, .. } = *self.weights;
        let Multiplier { mantissa, shift } = self.weights.multiplier(first);
        let zero_point = i32::from(self.conv.output.zero_point) as u32;
        *b = four(biases, first).unwrap_or_default().map(|bias| (bias as u32) << 1);
        *m = four(mantissas, first).unwrap_or([mantissa; 4]).map(|mantissa| mantissa as u32);
        *s = four(shifts, first).unwrap_or([shift; 4]).map(|shift| shift.unsigned_abs().into());
        *a = s.map(|shift| (1_u32.wrapping_shl(shift) >> 1).wrapping_add(zero_point.wrapping_shl(shift)));
        let ways = [self.across, self.along].map(|way| (way.axis.kernel, way.weights));
        expand_weights(weights, ways, first, place, of_window);
    }
}

/// Four of them from `first` on, if there are so many.
#[inline(always)]
fn four<T: Copy>(all: &[T], first: usize) -> Option<[T; 4]> {
    all.get(first..)?.first_chunk().copied()
}

/// Where the columns begin that `count` windows from `start` on need, and how many lie before the image, and how many in it.
#[inline(always)]
fn inside(axis: &Axis, start: usize, count: usize) -> (usize, (usize, usize)) {
    let all = count.saturating_sub(1).wrapping_mul(axis.stride).wrapping_add(axis.kernel);
    let start = start.wrapping_mul(axis.stride);
    let before = axis.before.saturating_sub(start).min(all);
    let first = start.wrapping_add(before).saturating_sub(axis.before);
    (first, (before, axis.input.saturating_sub(first).min(all.wrapping_sub(before))))
}
