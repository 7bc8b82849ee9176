//! The depthwise convolution with its sizes as arguments: one copy in flash for all layers of a network.

use crate::kernels::{Axis, backend};
use crate::numbers::Real;

/// Channels whose sums are in registers together.
const LANES: usize = 8;

/// Whether a layer of `channels` takes the shared loop: on a device, where flash is short. A desktop has the channels in vectors of its
/// own width. MobileNet of 29 layers takes 104 KB of code on the Cortex-M4F if each of its layers has loops for its shape.
pub(crate) const fn is_shared(channels: usize) -> bool {
    cfg!(target_os = "none") && channels > 0 && channels.is_multiple_of(LANES)
}

/// `y[i][j][c] = b[c] + Σ x[..][..][c]·w[u][v][c]`, summed over `u` and `v` in this order; images row by row, channels last. `y` is the
/// rows of the output from `from` on; in a `RING`, `x` is the last rows, each at its place modulo their number.
#[inline(never)]
pub(crate) fn depthwise<const RING: bool, T: Real>(
    w: &[T],
    b: &[T],
    x: &[T],
    from: usize,
    y: &mut [T],
    channels: usize,
    [rows, columns]: [Axis; 2],
) {
    let next = channels.max(1);
    let steps = [columns.dilation * channels, channels];
    for (oy, y) in y.chunks_exact_mut((columns.output * channels).max(1)).enumerate() {
        let oy = if RING { from + oy } else { oy };
        let us = rows.taps(oy);
        for (ox, y) in y.chunks_exact_mut(next).enumerate() {
            let vs = columns.taps(ox);
            let left = (ox * columns.stride + vs.start * columns.dilation).saturating_sub(columns.padding);
            for (block, (y, b)) in y.as_chunks_mut::<LANES>().0.iter_mut().zip(b.as_chunks::<LANES>().0).enumerate() {
                let mut sums = *b;
                for u in us.clone() {
                    let row = (oy * rows.stride + u * rows.dilation).saturating_sub(rows.padding);
                    let row = row * columns.input * channels;
                    let row = if RING { row.checked_rem(x.len()).unwrap_or(0) } else { row };
                    let (x, w) = (
                        x.get(row + left * channels + block * LANES..).unwrap_or(&[]),
                        w.get((u * columns.kernel + vs.start) * channels + block * LANES..).unwrap_or(&[]),
                    );
                    if !backend::add_taps(&mut sums, x, w, steps, vs.len()) {
                        add_taps(&mut sums, x, w, steps, vs.len());
                    }
                }
                *y = sums;
            }
        }
    }
}

/// [`backend::add_taps`], as it is on other targets.
#[inline(always)]
fn add_taps<T: Real>(sums: &mut [T; LANES], mut x: &[T], mut w: &[T], steps: [usize; 2], taps: usize) {
    for _ in 0..taps {
        let (Some(of_x), Some(of_w)) = (x.first_chunk::<LANES>(), w.first_chunk::<LANES>()) else { return };
        for ((sum, x), w) in sums.iter_mut().zip(of_x).zip(of_w) {
            *sum += *x * *w;
        }
        (x, w) = (x.get(steps[0]..).unwrap_or(&[]), w.get(steps[1]..).unwrap_or(&[]));
    }
}
