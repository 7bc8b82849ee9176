//! Convolution.

use core::ops::Range;

use super::products::{self, TOGETHER_BLOCK};
use super::{Axis, Output, Rows, Weights};
use crate::kernels::paired::{Run, TOGETHER, Vectors};
use crate::kernels::rows::copy_rows;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
use crate::kernels::{
    paired::{PIECE, packed_len, words_of_pair},
    x86::lanes::Lanes,
};

/// Convolution of an image.
///
/// Its sums are rounded twice ([`Multiplier::twice`](super::Multiplier::twice)), with one scale as with one a channel. A few pixels of
/// the output are made at a time: weights are loaded once for all of them.
#[derive(Clone, Copy, Debug)]
pub struct Conv2d {
    /// From top to bottom.
    pub height: Axis,
    /// From left to right.
    pub width: Axis,
    /// Channels of the input.
    pub channels: usize,
    /// Zero point of the input, which lies around the image.
    pub zero_point: i8,
    /// What is written.
    pub output: Output,
}

impl Conv2d {
    /// Bytes on the stack: vectors, expanded, a block of sums, and parts of windows.
    pub(super) const SCRATCH: usize =
        size_of::<(Vectors<TOGETHER>, [[i32; TOGETHER]; TOGETHER_BLOCK], [[i8; PART]; TOGETHER])>();

    /// `x`: `[height, width, channels]`, weights: `[outputs, kernel height, kernel width, channels]`, [packed](super::pack), `y`:
    /// `[output height, output width, outputs]`.
    pub fn run(&self, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) {
        let rows = Rows { data: x, len: self.width.input.wrapping_mul(self.channels) };
        self.pixels(weights, rows, 0, y);
    }

    /// Row `at` of the output, `[output width, outputs]`.
    pub fn row(&self, weights: &Weights<i32>, x: Rows, at: usize, y: &mut [i8]) {
        let length = self.width.output.wrapping_mul(weights.outputs());
        let Some(y) = y.get_mut(..length) else { return };
        if self.width.output < TOGETHER {
            // A row of a signal is one pixel.
            self.windows(x, at).pixels::<1>(weights, y);
        } else {
            self.pixels(weights, x, at, y);
        }
    }

    /// Elements of a window.
    #[inline(always)]
    fn inputs(&self) -> usize {
        self.height.kernel.wrapping_mul(self.width.kernel).wrapping_mul(self.channels)
    }

    /// Pixels from the first one of row `at` on, of that row and those after it. The last ones are made together with some before
    /// them, once more: another loop for them would take 1 KB.
    #[inline(never)]
    fn pixels(&self, weights: &Weights<i32>, x: Rows, at: usize, y: &mut [i8]) {
        let mut windows = self.windows(x, at);
        #[cfg(all(target_arch = "x86_64", feature = "std"))]
        if self.inputs() <= PIECE && y.len() / weights.outputs().max(1) >= MANY {
            return windows.pixels_in_lanes(weights, y);
        }
        windows.usual = Vectors::<TOGETHER>::ROUNDS && weights.lessen();
        let outputs = weights.outputs().max(1);
        let count = y.len() / outputs;
        #[cfg(all(target_arch = "x86_64", feature = "std"))]
        if count < TOGETHER {
            return windows.pixels::<1>(weights, y);
        }
        let rest = count % TOGETHER;
        let whole = y.get_mut(..count.wrapping_sub(rest).wrapping_mul(outputs)).unwrap_or_default();
        windows.pixels::<TOGETHER>(weights, whole);
        if rest > 0 {
            let first = count.saturating_sub(TOGETHER);
            windows.skip_to(at, first);
            windows.pixels::<TOGETHER>(weights, y.get_mut(first.wrapping_mul(outputs)..).unwrap_or_default());
        }
    }

    /// So many pixels of the image from row `at` on, if windows are pixels that lie one after another. Without this short way vww takes 9 %
    /// longer.
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    fn pixels_of_image<'x>(&self, x: Rows<'x>, at: usize, count: usize) -> Option<&'x [i8]> {
        let Self { height, width, channels, .. } = *self;
        let alone = [height, width].iter().all(|axis| (axis.kernel, axis.stride, axis.before) == (1, 1, 0));
        let pixels = x.data.get(x.place(at)..)?.get(..count.wrapping_mul(channels))?;
        (alone && width.input == width.output).then_some(pixels)
    }

    /// From the first one of row `at` on.
    #[inline(always)]
    fn windows<'x>(&'x self, x: Rows<'x>, at: usize) -> Windows<'x> {
        let whole = [self.height.whole(), self.width.whole()];
        let (start, parts) = (self.start(x, [at, 0]), [[0; PART]; TOGETHER]);
        Windows { conv: self, x, whole, at: [at, 0], start, usual: false, parts }
    }

    /// Where a window begins, if it lies in the image.
    #[inline(never)]
    fn start(&self, x: Rows, [row, column]: [usize; 2]) -> usize {
        let Self { height, width, channels, .. } = self;
        let row_start = x.place(row.wrapping_mul(height.stride).wrapping_sub(height.before));
        let column_start = column.wrapping_mul(width.stride).wrapping_sub(width.before).wrapping_mul(*channels);
        row_start.wrapping_add(column_start)
    }
}

/// Pixels for which it is worth to lay weights out side by side.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
const MANY: usize = 8;

/// Elements that are handled at a time where windows do not lie in the image as they are needed.
const PART: usize = 64;

/// Goes through the windows, row by row.
struct Windows<'x> {
    conv: &'x Conv2d,
    x: Rows<'x>,
    /// Rows and columns of those that lie in the image.
    whole: [Range<usize>; 2],
    /// Row and column of the next one.
    at: [usize; 2],
    /// Where the next one begins, if it lies in the image.
    start: usize,
    /// Whether all multipliers are known to be below 1, as they usually are.
    usual: bool,
    /// For windows that are put together.
    parts: [[i8; PART]; TOGETHER],
}

impl Windows<'_> {
    /// Makes pixels `P` at a time; the last may be fewer, and are made as if there were others.
    #[inline(never)]
    fn pixels<const P: usize>(&mut self, weights: &Weights<i32>, y: &mut [i8]) {
        let (mut vectors, mut sums) = (Vectors::<P>::new(), [[0; P]; TOGETHER_BLOCK]);
        let outputs = weights.outputs().max(1);
        let mut rest = y;
        while !rest.is_empty() {
            let made = if self.usual { self.run(&mut vectors, weights, rest) } else { 0 };
            let len = if made > 0 { made } else { P }.saturating_mul(outputs).min(rest.len());
            let (y, others) = rest.split_at_mut(len);
            if made == 0 {
                self.next((&mut vectors, &mut sums), weights, y);
            }
            rest = others;
        }
    }

    /// Makes the pixels of a row from here on whose windows lie in the image, if there is a loop for them; says how many. Without it vww takes
    /// 7 % more instructions on the Cortex-M4F.
    #[inline(never)]
    fn run<const P: usize>(&mut self, vectors: &mut Vectors<P>, weights: &Weights<i32>, y: &mut [i8]) -> usize {
        let Conv2d { height, width, channels, output, .. } = self.conv;
        let ([row, column], [rows, columns], outputs) = (self.at, &self.whole, weights.outputs().max(1));
        if width.dilation != 1 || !rows.contains(&row) || !columns.contains(&column) {
            return 0;
        }
        let run = Run {
            start: self.start,
            advance: width.stride.wrapping_mul(*channels),
            len: width.kernel.wrapping_mul(*channels),
            rows: [height.kernel, height.dilation.wrapping_mul(self.x.len)],
        };
        // The windows of all rows, if a row's follow those of the one before it, as pixels do.
        let goes_on = *columns == (0..width.output)
            && run.advance.wrapping_mul(width.output) == height.stride.wrapping_mul(self.x.len);
        let end = if goes_on { rows.end.wrapping_sub(row).wrapping_mul(width.output) } else { columns.end };
        let count = end.wrapping_sub(column).min(y.len() / outputs) / P * P;
        let Some(y) = y.get_mut(..count.wrapping_mul(outputs)) else { return 0 };
        let (biases, multipliers) = (weights.biases, (weights.mantissas, weights.shifts));
        if count == 0
            || !vectors.round_run((self.x.data, run), weights.weights, biases, multipliers, output.zero_point, y)
        {
            return 0;
        }
        output.hold(y);
        self.skip_to(row, column.wrapping_add(count));
        count
    }

    /// Makes all pixels, of outputs that lie side by side in vectors, which are laid out once for all pixels.
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    fn pixels_in_lanes(&mut self, weights: &Weights<i32>, y: &mut [i8]) {
        let (inputs, outputs, output) = (self.conv.inputs(), weights.outputs(), self.conv.output);
        let (start, held) = (self.at, (output.zero_point, [output.least, output.greatest]));
        let pixels = self.conv.pixels_of_image(self.x, start[0], y.len() / outputs.max(1));
        let (mut lanes, mut vectors) = (Lanes::new(), Vectors::new());
        vectors.begin(inputs);
        let mut first = 0;
        while first < outputs {
            let rows = weights.weights.get(packed_len(first, inputs)..).unwrap_or(&[]);
            let count = lanes.set(rows, words_of_pair(inputs), weights.constants(first));
            if let Some(pixels) = pixels {
                let mut pixels = pixels.chunks_exact(inputs.max(1));
                let next = |vectors: &mut Vectors<TOGETHER>| {
                    vectors.put(0, [(); TOGETHER].map(|()| pixels.next().unwrap_or(&[])));
                };
                lanes.make(&mut vectors, next, held, (first, outputs), y);
            } else {
                self.go_to(start);
                let next = |vectors: &mut Vectors<TOGETHER>| {
                    let windows = self.next_windows();
                    self.put(vectors, windows, 0, inputs);
                };
                lanes.make(&mut vectors, next, held, (first, outputs), y);
            }
            first = first.wrapping_add(count);
        }
    }

    /// Rows and columns of the next windows, and where they begin.
    #[inline(always)]
    fn next_windows<const P: usize>(&mut self) -> ([[usize; 2]; P], [usize; P]) {
        let (mut windows, mut starts) = ([[0; 2]; P], [usize::MAX; P]);
        for (window, start) in windows.iter_mut().zip(&mut starts) {
            *window = self.take(start);
        }
        (windows, starts)
    }

    /// Makes the outputs of the next `P` windows.
    #[inline(always)]
    fn next<const P: usize>(
        &mut self,
        memory: (&mut Vectors<P>, &mut [[i32; P]; TOGETHER_BLOCK]),
        weights: &Weights<i32>,
        y: &mut [i8],
    ) {
        let conv = self.conv;
        let windows = self.next_windows();
        let (inputs, usual) = (conv.inputs(), self.usual);
        products::each_rounded(
            memory,
            weights,
            inputs,
            usual,
            |vectors, first, length| self.put(vectors, windows, first, length),
            conv.output,
            y,
        );
    }

    /// To the window so many from the first one of row `at` on.
    #[inline(never)]
    fn skip_to(&mut self, at: usize, windows: usize) {
        let width = self.conv.width.output.max(1);
        self.go_to([at.wrapping_add(windows / width), windows % width]);
    }

    /// The next window, and where it begins if it lies in the image.
    #[cfg_attr(target_os = "none", inline(never))]
    fn take(&mut self, start: &mut usize) -> [usize; 2] {
        let Conv2d { width, channels, .. } = self.conv;
        let at @ [row, column] = self.at;
        if self.whole[0].contains(&row) && self.whole[1].contains(&column) {
            *start = self.start;
        }
        self.at[1] = column.wrapping_add(1);
        self.start = self.start.wrapping_add(width.stride.wrapping_mul(*channels));
        if self.at[1] >= width.output {
            self.go_to([row.wrapping_add(1), 0]);
        }
        at
    }

    fn go_to(&mut self, at: [usize; 2]) {
        (self.at, self.start) = (at, self.conv.start(self.x, at));
    }

    /// Sets vectors to the `length` elements of windows from `first` on. They begin at `starts`, or at `usize::MAX` if they
    /// do not lie in the image.
    #[inline(never)]
    fn put<const P: usize>(
        &mut self,
        vectors: &mut Vectors<P>,
        (windows, starts): ([[usize; 2]; P], [usize; P]),
        first: usize,
        length: usize,
    ) {
        let Self { conv, x, .. } = *self;
        let Conv2d { height, width, channels, .. } = conv;
        if length == conv.inputs() {
            let (row, step) = (width.kernel.wrapping_mul(*channels), height.dilation.wrapping_mul(x.len));
            let span = height.kernel.wrapping_sub(1).wrapping_mul(step).wrapping_add(row);
            // In a ring, rows may go on at the first place. Where runs are made, few windows come here.
            if !Vectors::<P>::ROUNDS
                && row.is_multiple_of(4)
                && width.dilation == 1
                && starts.iter().all(|start| start.saturating_add(span) <= x.data.len())
            {
                return vectors.put_windows(x.data, starts, row, [height.kernel, step]);
            }
            if length <= PART && width.dilation == 1 && self.gather(&windows, &starts) {
                // What lies behind a window is multiplied by zeros.
                return vectors.put(0, self.parts(length.next_multiple_of(4)));
            }
        }
        if P > 1 && channels.is_multiple_of(4) {
            self.put_taps(vectors, windows, first, length);
        } else {
            self.put_bytes(vectors, windows, first, length);
        }
    }

    /// The beginnings of the parts.
    #[inline(always)]
    fn parts<const P: usize>(&self, length: usize) -> [&[i8]; P] {
        let mut parts = self.parts.iter();
        [(); P].map(|()| parts.next().and_then(|part| part.get(..length)).unwrap_or(&[]))
    }

    /// As [`put`](Self::put), a tap of each window after the other: three times as fast as [`put_bytes`](Self::put_bytes), 5 % of resnet8. One
    /// window is not worth another copy.
    #[inline(never)]
    fn put_taps<const P: usize>(
        &mut self,
        vectors: &mut Vectors<P>,
        windows: [[usize; 2]; P],
        first: usize,
        length: usize,
    ) {
        let Self { conv, x, ref whole, ref mut parts, .. } = *self;
        let Conv2d { height, width, channels, .. } = *conv;
        parts[0] = [conv.zero_point; PART];
        // Taps of a row lie side by side if no window reaches over the image's sides.
        let inside = windows.iter().all(|[_, column]| whole[1].contains(column));
        let taps = if width.dilation == 1 && inside { width.kernel } else { 1 };
        let (run, end) = (taps.wrapping_mul(channels), first.wrapping_add(length));
        let mut at = 0_usize;
        for down in 0..height.kernel {
            for tap in (0..width.kernel).step_by(taps.max(1)) {
                let (mut from, to) = (first.max(at), end.min(at.wrapping_add(run)));
                let mut starts = [usize::MAX; P];
                for (start, window) in starts.iter_mut().zip(windows) {
                    *start = conv.place(x, window, [down, tap]);
                }
                // What lies around the image is there in parts.
                let step = if starts.contains(&usize::MAX) { PART } else { run };
                while from < to {
                    let here = step.min(to.wrapping_sub(from));
                    let around = parts[0].get(..here).unwrap_or(&[]);
                    let skip = from.wrapping_sub(at);
                    let of = |start: usize| x.data.get(start..)?.get(skip..)?.get(..here);
                    vectors.put(from.wrapping_sub(first), starts.map(|start| of(start).unwrap_or(around)));
                    from = from.wrapping_add(here);
                }
                at = at.wrapping_add(run);
            }
        }
    }

    /// As [`put`](Self::put), of any windows, put together beforehand.
    #[inline(never)]
    fn put_bytes<const P: usize>(
        &mut self,
        vectors: &mut Vectors<P>,
        windows: [[usize; 2]; P],
        first: usize,
        length: usize,
    ) {
        let end = first.wrapping_add(length);
        for from in (first..end).step_by(PART) {
            let here = PART.min(end.wrapping_sub(from));
            self.put_together(&windows, from, here);
            vectors.put(from.wrapping_sub(first), self.parts(here.next_multiple_of(4)));
        }
    }

    /// Sets the parts to the `here` elements of windows from `from` on.
    #[inline(never)]
    fn put_together(&mut self, windows: &[[usize; 2]], from: usize, here: usize) {
        for (part, window) in self.parts.iter_mut().zip(windows) {
            *part = [self.conv.zero_point; PART];
            self.conv.runs(self.x, *window, |at, run| {
                // What of both lies together.
                let (skip, to) = (from.saturating_sub(at), at.saturating_sub(from));
                let (run, to) = (run.get(skip..).unwrap_or(&[]), part.get_mut(to..here).unwrap_or_default());
                let len = run.len().min(to.len());
                copy_rows(run, to, [1, len], [0, 0]);
            });
        }
    }

    /// Sets the parts to windows, row by row, unless one goes on at the first place of a ring.
    #[inline(never)]
    fn gather(&mut self, windows: &[[usize; 2]], starts: &[usize]) -> bool {
        let Self { conv: Conv2d { height, width, channels, zero_point, .. }, x, ref mut parts, .. } = *self;
        let (len, step) = (width.kernel.wrapping_mul(*channels), height.dilation.wrapping_mul(x.len));
        for ((part, [row, column]), start) in parts.iter_mut().zip(windows).zip(starts) {
            let (mut from, mut to, mut end, mut size) = (*start, 0, PART, [height.kernel, len]);
            if from == usize::MAX {
                *part = [*zero_point; PART];
                let (rows, columns) = (height.inside(*row), width.inside(*column));
                from = self.conv.place(x, [*row, *column], [rows.start, columns.start]);
                if from == usize::MAX {
                    continue;
                }
                to = rows.start.wrapping_mul(len).wrapping_add(columns.start.wrapping_mul(*channels));
                end = rows.end.wrapping_mul(len);
                size = [rows.len(), columns.len().wrapping_mul(*channels)];
            }
            let (Some(x), Some(part)) = (x.data.get(from..), part.get_mut(to..end)) else { return false };
            if !copy_rows(x, part, size, [step, len]) {
                return false;
            }
        }
        true
    }
}

impl Conv2d {
    /// Where a tap of a window lies in the image; `usize::MAX` if it does not.
    #[cfg_attr(target_os = "none", inline(never))]
    fn place(&self, x: Rows, [row, column]: [usize; 2], [down, tap]: [usize; 2]) -> usize {
        match (self.height.at(row, down), self.width.at(column, tap)) {
            (Some(row), Some(column)) => x.place(row).wrapping_add(column.wrapping_mul(self.channels)),
            _ => usize::MAX,
        }
    }

    /// Calls `run` with the parts of a window that lie in the image, and their places in it.
    #[inline(always)]
    fn runs(&self, x: Rows, [row, column]: [usize; 2], mut run: impl FnMut(usize, &[i8])) {
        let Self { height, width, channels, .. } = *self;
        let inside = width.inside(column);
        // Taps that lie side by side are one run.
        let taps = if width.dilation == 1 { inside.len() } else { 1 };
        for down in height.inside(row) {
            for tap in inside.clone().step_by(taps.max(1)) {
                let at = down.wrapping_mul(width.kernel).wrapping_add(tap).wrapping_mul(channels);
                let found = x.data.get(self.place(x, [row, column], [down, tap])..).unwrap_or(&[]);
                run(at, found.get(..taps.wrapping_mul(channels)).unwrap_or(&[]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;
    use std::boxed::Box;

    #[test]
    fn is_that_of_litert() {
        let weights = samples::w::<24>();
        let biases = samples::folded([1000, -500], -7, |output| Box::new(weights[12 * output..][..12].iter()));
        let (mantissas, shifts) = samples::multipliers([0.01, 0.02], 0.2);
        let packed = samples::packed::<12>(&weights, 12);
        let weights = Weights { weights: &packed, biases: &biases, mantissas: &mantissas, shifts: &shifts, rests: &[] };
        let conv = Conv2d {
            height: Axis::same(4, 3, 2, 1),
            width: Axis::same(4, 2, 1, 2),
            channels: 2,
            zero_point: -7,
            output: samples::output(5),
        };
        let mut y = [0; 16];
        conv.run(&weights, &samples::x::<32>(), &mut y);
        assert_eq!(y, [-13, 46, 20, 59, 54, -9, -41, -13, 1, 93, 5, 46, -30, -2, -17, -11]);
    }

    #[test]
    fn makes_a_row_of_the_last_rows_that_came() {
        let weights = samples::w::<24>();
        let (mantissas, shifts) = samples::multipliers([0.01, 0.02], 0.2);
        let packed = samples::packed::<12>(&weights, 12);
        let weights =
            Weights { weights: &packed, biases: &[1000, -500], mantissas: &mantissas, shifts: &shifts, rests: &[] };
        let conv = Conv2d {
            height: Axis::same(9, 3, 2, 1),
            width: Axis::same(4, 2, 1, 2),
            channels: 2,
            zero_point: -7,
            output: samples::output(5),
        };
        let (x, mut whole) = (samples::x::<72>(), [0; 40]);
        conv.run(&weights, &x, &mut whole);
        let (mut ring, mut made) = ([0; 24], 0);
        for (at, row) in x.chunks(8).enumerate() {
            ring[at % 3 * 8..][..8].copy_from_slice(row);
            // The row is complete with its last one, or at the image's end.
            while made < 5 && (2 * made + 1).min(8) <= at {
                let mut y = [0; 8];
                conv.row(&weights, Rows { data: &ring, len: 8 }, made, &mut y);
                assert_eq!(y, whole[8 * made..][..8]);
                made += 1;
            }
        }
        assert_eq!(made, 5);
    }

    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    #[test]
    fn outputs_side_by_side_are_those_one_after_another() {
        use crate::kernels::paired::pack;
        use rand_core::SeedableRng;
        use rand_pcg::Pcg32;
        use std::{vec, vec::Vec};

        let mut rng = Pcg32::seed_from_u64(1);
        for turn in 0..300 {
            let mut any = |least, most| samples::between(&mut rng, least, most);
            let mut axis = || {
                let (input, kernel) = (any(1, 9), any(1, 3));
                Axis::same(input, kernel, any(1, 2), any(1, 2))
            };
            let (height, width) = (axis(), axis());
            let (channels, outputs) = ([any(1, 9), 4 * any(1, 16)][turn % 2], any(1, 90));
            let zero_point = any(0, 255) as i8;
            let output = Output { zero_point: any(0, 255) as i8, least: [-128, -20][any(0, 1)], greatest: 127 };
            let conv = Conv2d { height, width, channels, zero_point, output };
            let scales = [1, outputs][any(0, 1)];
            let multipliers: Vec<_> = (0..scales).map(|_| samples::multiplier(&mut rng)).collect();
            let (mantissas, shifts): (Vec<_>, Vec<_>) = multipliers.iter().map(|m| (m.mantissa, m.shift)).unzip();
            let w = samples::integers(&mut rng, conv.inputs() * outputs);
            let mut packed = vec![0; packed_len(outputs, conv.inputs())];
            pack(&w, conv.inputs(), &mut packed);
            let biases: Vec<i32> =
                (0..outputs).map(|_| samples::between(&mut rng, 0, 60_000) as i32 - 30_000).collect();
            let weights =
                Weights { weights: &packed, biases: &biases, mantissas: &mantissas, shifts: &shifts, rests: &[] };
            let x = samples::integers(&mut rng, height.input * width.input * channels);
            let rows = Rows { data: &x, len: width.input * channels };
            let [mut y, mut expected] = [(); 2].map(|()| vec![0; height.output * width.output * outputs]);
            conv.windows(rows, 0).pixels_in_lanes(&weights, &mut y);
            conv.windows(rows, 0).pixels::<TOGETHER>(&weights, &mut expected);
            assert_eq!(y, expected, "{conv:?}");
        }
    }
}
