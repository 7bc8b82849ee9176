//! Rows of a part of an image, copied.

use core::arch::asm;

/// Copies rows of `run` elements, which begin `steps` after the one before in `x` and `y`. Returns false, having copied none, if one of both
/// is too short.
#[inline(never)]
pub(crate) fn copy_rows(x: &[i8], y: &mut [i8], [rows, run]: [usize; 2], steps: [usize; 2]) -> bool {
    let span = |step: usize| rows.saturating_sub(1).saturating_mul(step).saturating_add(run);
    if span(steps[0]) > x.len() || span(steps[1]) > y.len() {
        return false;
    }
    if rows > 0 && run > 0 {
        // SAFETY: the last row ends within its slice.
        unsafe { copy(x.as_ptr(), y.as_mut_ptr(), [rows, run], steps) };
    }
    true
}

/// Copies rows as [`copy_rows`] does.
///
/// # Safety
/// There is a row, and an element in it. All rows can be read, and written.
#[inline(never)]
pub(super) unsafe fn copy(x: *const i8, y: *mut i8, [rows, run]: [usize; 2], steps: [usize; 2]) {
    macro_rules! each {
        ($($line:literal)*) => {
            asm!(
                "2:",
                $($line,)*
                "add {x}, {x}, {x_step}",
                "add {y}, {y}, {y_step}",
                "subs {rows}, {rows}, #1",
                "bne 2b",
                x = inout(reg) x => _,
                y = inout(reg) y => _,
                rows = inout(reg) rows => _,
                run = in(reg) run,
                x_step = in(reg) steps[0],
                y_step = in(reg) steps[1],
                at = out(reg) _,
                t = out(reg) _,
                options(nostack)
            )
        };
    }
    // SAFETY: reads and writes what the caller says. `ldr` and `str` need no alignment. Every register that is changed is declared.
    unsafe {
        if run < 4 {
            each!(
                "subs {at}, {run}, #1"
                "3:"
                "ldrb {t}, [{x}, {at}]"
                "strb {t}, [{y}, {at}]"
                "subs {at}, {at}, #1"
                "bpl 3b"
            );
        } else {
            // From the last word on; the first one may be another time what is there already.
            each!(
                "subs {at}, {run}, #4"
                "beq 4f"
                "3:"
                "ldr {t}, [{x}, {at}]"
                "str {t}, [{y}, {at}]"
                "subs {at}, {at}, #4"
                "bgt 3b"
                "4:"
                "ldr {t}, [{x}]"
                "str {t}, [{y}]"
            );
        }
    }
}
