//! Products of pixels with a matrix whose sizes are arguments: one copy in flash for all pointwise convolutions of a network.

use core::arch::asm;

use super::{columns, registers};

/// Channels whose sums are in registers together.
pub const LANES: usize = 8;

/// `y[p][o] = b[o] + Σ x[p][i]·w[i][o]`, i in ascending order, for pixels of as many channels as there are biases, a multiple of 8; two
/// pixels at a time, so that each weight is loaded once for both. Does nothing if the slices do not fit together.
#[inline(never)]
pub fn pointwise(x: &[f32], w: &[f32], b: &[f32], y: &mut [f32]) {
    let outputs = b.len();
    let Some(inputs) = w.len().checked_div(outputs).filter(|inputs| *inputs > 0) else { return };
    if !outputs.is_multiple_of(LANES) || w.len() != inputs * outputs {
        return;
    }
    let (twos, ones) = (2 * inputs, 2 * outputs);
    let mut pairs = y.chunks_exact_mut(ones);
    for (y, x) in (&mut pairs).zip(x.chunks_exact(twos)) {
        let (x0, x1) = x.split_at(inputs);
        let (y0, y1) = y.split_at_mut(outputs);
        let blocks = y0.as_chunks_mut().0.iter_mut().zip(y1.as_chunks_mut().0).zip(b.as_chunks().0);
        for (block, ((y0, y1), b)) in blocks.enumerate() {
            two_pixels([x0, x1], w, block, b, [y0, y1]);
        }
    }
    let y = pairs.into_remainder();
    let last = x.len().checked_sub(inputs).and_then(|start| x.get(start..));
    if let (Some(x), false) = (last, y.is_empty()) {
        for (block, (y, b)) in y.as_chunks_mut().0.iter_mut().zip(b.as_chunks().0).enumerate() {
            // Its twin is thrown away.
            two_pixels([x, x], w, block, b, [y, &mut [0.0; LANES]]);
        }
    }
}

#[inline(always)]
fn two_pixels([x0, x1]: [&[f32]; 2], w: &[f32], block: usize, b: &[f32; LANES], [y0, y1]: [&mut [f32; LANES]; 2]) {
    let inputs = x0.len();
    let Some(outputs) = w.len().checked_div(inputs) else { return };
    if x1.len() != inputs || w.len() != inputs * outputs || (block + 1) * LANES > outputs {
        return;
    }
    macro_rules! channels {
        ($x0:literal $x1:literal) => {
            concat!(
                "vldmia {w}, {{s0-s7}}\n",
                columns!("eight":
                    ["vmul.f32 s30, s\\i, " $x0]
                    ["vmul.f32 s31, s\\i, " $x1]
                    ["vadd.f32 s1\\i, s1\\i, s30"]
                    ["vadd.f32 s2\\i, s2\\i, s31"]
                ),
                "add {w}, {w}, {row}\n",
            )
        };
    }
    // SAFETY: `x0` and `x1` hold `inputs` scalars, which is not 0, and `w` as many rows of `outputs`, among whose columns the block's 8 are.
    // This reads those, the 8 scalars of `b`, and writes the 8 of `y0` and of `y1`, and no other memory. Every register that it changes is
    // declared.
    unsafe {
        registers!(
            "vldmia {b}, {{s10-s17}}",
            "vldmia {b}, {{s20-s27}}",
            "lsrs {k}, {k}, #1",
            // The first of an odd number alone.
            "bcc 3f",
            "vldmia {x0}!, {{s8}}",
            "vldmia {x1}!, {{s18}}",
            channels!("s8" "s18"),
            "cmp {k}, #0",
            "beq 4f",
            "3:",
            "vldmia {x0}!, {{s8-s9}}",
            "vldmia {x1}!, {{s18-s19}}",
            channels!("s8" "s18"),
            channels!("s9" "s19"),
            "subs {k}, {k}, #1",
            "bne 3b",
            "4:",
            "vstmia {y0}, {{s10-s17}}",
            "vstmia {y1}, {{s20-s27}}",
            x0 = inout(reg) x0.as_ptr() => _,
            x1 = inout(reg) x1.as_ptr() => _,
            w = inout(reg) w.as_ptr().wrapping_add(block * LANES) => _,
            k = inout(reg) inputs => _,
            row = in(reg) outputs * size_of::<f32>(),
            b = in(reg) b.as_ptr(),
            y0 = in(reg) y0.as_mut_ptr(),
            y1 = in(reg) y1.as_mut_ptr(),
            eight = const LANES,
        );
    }
}
