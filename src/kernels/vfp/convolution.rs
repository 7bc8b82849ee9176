//! Windows of a convolution whose sizes are arguments: one copy in flash for all layers of a network.

use core::arch::asm;

use super::{columns, registers};
use crate::kernels::convolution::{LANES, Window};

/// [`Backend::add_windows`](super::Backend::add_windows), two outputs at a time.
#[inline(always)]
pub fn add_windows(x: &[f32], w: &[f32], b: Option<&[f32]>, y: &mut [f32], window: Window) -> bool {
    let Window { rows, scalars, outputs, gaps: [gap_x, gap_w], step } = window;
    let (Some(pixels), Some(row_of_w)) = (y.len().checked_div(outputs), scalars.checked_mul(outputs)) else {
        return false;
    };
    if rows == 0 || scalars == 0 || !outputs.is_multiple_of(LANES) || b.is_some_and(|b| b.len() != outputs) {
        return false;
    }
    // Of numbers of 32 bits, neither products nor sums are too large for 64.
    let reach = |row: usize, gap: usize| (rows as u64 - 1) * (row as u64 + gap as u64) + row as u64;
    let others = (pixels as u64).saturating_sub(1) * step as u64;
    if reach(scalars, gap_x) + others > x.len() as u64 || reach(row_of_w, gap_w) > w.len() as u64 {
        return false;
    }
    let (mut x, mut y) = (x.as_ptr(), y.as_mut_ptr());
    // SAFETY: `y` has room for the outputs of `pixels`. Their windows end within `x`, each `step` behind the one before, and the weights
    // within `w`, as the function has seen; neither `rows` nor `scalars` is 0.
    unsafe {
        for _ in 0..pixels / 2 {
            add_window::<2>(x, w, b, y, window);
            (x, y) = (x.wrapping_add(2 * step), y.wrapping_add(2 * outputs));
        }
        if pixels % 2 > 0 {
            add_window::<1>(x, w, b, y, window);
        }
    }
    true
}

/// The outputs of `P` neighbouring pixels. Eight channels of both are in registers, so that each weight is loaded once for the two.
///
/// # Safety
///
/// Neither `rows` nor `scalars` is 0, `outputs` is a multiple of 8, and `b` has as many. `x` is valid for the windows of `P` pixels, `w` for
/// the rows of `outputs` weights that meet them, `y` for `P` times `outputs` sums.
#[inline(always)]
unsafe fn add_window<const P: usize>(x: *const f32, w: &[f32], b: Option<&[f32]>, y: *mut f32, window: Window) {
    const { assert!(P == 1 || P == 2) };
    let Window { rows, scalars, outputs, gaps: [gap_x, gap_w], step } = window;
    macro_rules! scalar {
        ($x0:literal $x1:literal) => {
            concat!(
                "vldmia {w}!, {{s0-s7}}\n",
                ".if {two}\n",
                columns!("eight":
                    ["vmul.f32 s30, s\\i, " $x0]
                    ["vmul.f32 s31, s\\i, " $x1]
                    ["vadd.f32 s1\\i, s1\\i, s30"]
                    ["vadd.f32 s2\\i, s2\\i, s31"]
                ),
                ".else\n",
                columns!("eight": ["vmul.f32 s\\i, s\\i, " $x0]),
                columns!("eight": "vadd.f32 s1\\i, s1\\i, s\\i"),
                ".endif\n",
                "add {w}, {w}, {skip}\n",
            )
        };
    }
    let end = y.wrapping_add(outputs);
    let (mut w, mut y) = (w.as_ptr(), y);
    let mut starts = match b {
        Some(b) => [b.as_ptr(); 2],
        None => [y.cast_const(), end.cast_const()],
    };
    // The assembly moves `y` on, so that the compiler does not know how many turns there are and writes none of them out.
    while y != end {
        // SAFETY: `rows` times, this reads `scalars` of `x`, of each row from `gap_x` behind the one before on, and as many `step` further on
        // if there are two outputs, and for each of them the block's 8 among the `outputs` of the next row of `w`. It reads the 8 biases
        // of the block or the sums in `y`, writes the block's 8 sums of each output, and no other memory: what the caller has promised.
        // Every register that it changes is declared.
        unsafe {
            registers!(
                "vldmia {k}, {{s10-s17}}",
                ".if {two}",
                "vldmia {start1}, {{s20-s27}}",
                ".endif",
                "2:",
                "lsrs {k}, {scalars}, #1",
                "bcc 3f",
                // The first of an odd number alone.
                "vldmia {x0}!, {{s8}}",
                ".if {two}",
                "vldmia {x1}!, {{s18}}",
                ".endif",
                scalar!("s8" "s18"),
                "beq 4f",
                "3:",
                "vldmia {x0}!, {{s8-s9}}",
                ".if {two}",
                "vldmia {x1}!, {{s18-s19}}",
                ".endif",
                scalar!("s8" "s18"),
                scalar!("s9" "s19"),
                "subs {k}, {k}, #1",
                "bne 3b",
                "4:",
                "add {x0}, {x0}, {gap_x}",
                ".if {two}",
                "add {x1}, {x1}, {gap_x}",
                ".endif",
                "add {w}, {w}, {gap_w}",
                "subs {rows}, {rows}, #1",
                "bne 2b",
                "vstmia {y}!, {{s10-s17}}",
                ".if {two}",
                "add {y}, {y}, {skip}",
                "vstmia {y}, {{s20-s27}}",
                "sub {y}, {y}, {skip}",
                ".endif",
                x0 = inout(reg) x => _,
                x1 = inout(reg) x.wrapping_add((P - 1) * step) => _,
                w = inout(reg) w => _,
                y = inout(reg) y,
                k = inout(reg) starts[0] => _,
                start1 = in(reg) starts[1],
                rows = inout(reg) rows => _,
                scalars = in(reg) scalars,
                gap_x = in(reg) gap_x * size_of::<f32>(),
                gap_w = in(reg) gap_w * size_of::<f32>(),
                skip = in(reg) (outputs - LANES) * size_of::<f32>(),
                two = const P - 1,
                eight = const LANES,
            );
        }
        w = w.wrapping_add(LANES);
        starts = starts.map(|start| start.wrapping_add(LANES));
    }
}
