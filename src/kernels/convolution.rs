//! The convolution with its sizes as arguments: one copy in flash for all layers of a network.

use crate::kernels::{Axis, backend};
use crate::numbers::Real;

/// Channels whose sums are in registers together.
pub(super) const LANES: usize = 8;

/// Whether a layer of `outputs` channels takes the shared loop: on a device, where flash is short, if the kernel's columns lie side by side.
/// A ResNet of nine convolutions takes 36 KB less code on the Cortex-M4F than with loops for the shape of each, for as many instructions; a
/// first layer of one channel takes 2 % more of them.
pub(crate) const fn is_shared(outputs: usize, columns: Axis) -> bool {
    cfg!(target_os = "none") && outputs > 0 && outputs.is_multiple_of(LANES) && columns.dilation == 1
}

/// What the kernel meets of the input for one output: `rows` times as many neighbouring `scalars`.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(super) rows: usize,
    pub(super) scalars: usize,
    pub(super) outputs: usize,
    /// From the end of a row of the input to the start of the next, and of the weights.
    pub(super) gaps: [usize; 2],
    /// From the window of one output to that of its neighbour.
    pub(super) step: usize,
}

/// `y[i][j][o] = b[o] + Σ x[..][..][c]·w[u][v][c][o]`, summed over `u`, `v` and `c` in this order; images row by row, channels last. `y` is
/// the rows of the output from `from` on; in a `RING`, `x` is the last rows, each at its place modulo their number.
#[inline(never)]
pub(crate) fn convolve<const RING: bool, T: Real>(
    w: &[T],
    b: &[T],
    x: &[T],
    from: usize,
    y: &mut [T],
    channels: usize,
    [rows, columns]: [Axis; 2],
) {
    let outputs = b.len();
    let (row_of_x, row_of_w) = (columns.input * channels, columns.kernel * channels * outputs);
    let below = rows.dilation * row_of_x;
    columns.runs(|os, vs, left| {
        let scalars = vs.len() * channels;
        let gaps = [below.saturating_sub(scalars), row_of_w.saturating_sub(scalars * outputs)];
        let window = Window { rows: 0, scalars, outputs, gaps, step: columns.stride * channels };
        let (x_left, w_left) = (left * channels, vs.start * channels * outputs);
        for (oy, y) in y.chunks_exact_mut((columns.output * outputs).max(1)).enumerate() {
            let oy = if RING { from + oy } else { oy };
            let us = rows.taps(oy);
            let top = (oy * rows.stride + us.start * rows.dilation).saturating_sub(rows.padding) * row_of_x;
            let top = if RING { top.checked_rem(x.len()).unwrap_or(0) } else { top };
            // In a ring, the kernel's rows may go on at the first place.
            let before_end = if RING { (x.len() - top).div_ceil(below.max(1)).min(us.len()) } else { us.len() };
            let Some(y) = y.get_mut(os.start * outputs..os.end * outputs) else { return };
            let mut part = |b, top, first, rows| {
                let (x, w) = (x.get(top + x_left..), w.get(first * row_of_w + w_left..));
                add_windows(x.unwrap_or(&[]), w.unwrap_or(&[]), b, y, Window { rows, ..window });
            };
            part(Some(b), top, us.start, before_end);
            if RING && before_end < us.len() {
                let again = (top + before_end * below).saturating_sub(x.len());
                part(None, again, us.start + before_end, us.len() - before_end);
            }
        }
    });
}

/// The window's products for the pixels of a run, beginning with the biases or, without them, with what is there.
#[inline(always)]
fn add_windows<T: Real>(x: &[T], w: &[T], b: Option<&[T]>, y: &mut [T], window: Window) {
    if backend::add_windows(x, w, b, y, window) {
        return;
    }
    let Window { rows, scalars, outputs, gaps, step } = window;
    for (pixel, y) in y.chunks_exact_mut(outputs.max(1)).enumerate() {
        if let Some(b) = b {
            y.iter_mut().zip(b).for_each(|(y, b)| *y = *b);
        }
        for (block, sums) in y.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            for row in 0..rows {
                let x = x.get(row * (scalars + gaps[0]) + pixel * step..).unwrap_or(&[]);
                let w = w.get(row * (scalars * outputs + gaps[1])..).unwrap_or(&[]);
                for (x, w) in x.iter().take(scalars).zip(w.chunks_exact(outputs.max(1))) {
                    let Some(w) = w.as_chunks::<LANES>().0.get(block) else { break };
                    for (sum, w) in sums.iter_mut().zip(w) {
                        *sum += *x * *w;
                    }
                }
            }
        }
    }
}
