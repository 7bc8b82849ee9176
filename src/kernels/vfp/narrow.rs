//! Layers of up to three outputs, too few for the tiles of other layers: five rows of weights are in registers together.

use core::arch::asm;

use super::{registers, turns, unrolled};

/// Rows that are in registers together.
const ROWS: usize = 5;

/// Whether a row of `n` columns is for this module.
pub const fn is_narrow(n: usize) -> bool {
    n > 0 && n <= 3
}

/// `n` if it is narrow. Others never come here, but their assembly must be valid in builds that do not leave it out.
const fn narrow(n: usize) -> usize {
    if is_narrow(n) { n } else { 1 }
}

/// `y[j] = b[j] + Σᵢ x[i]·w[i][j]`, i in ascending order.
#[inline(always)]
pub fn affine<const M: usize, const N: usize>(x: &[f32; M], w: &[[f32; N]; M], b: &[f32; N], y: &mut [f32; N]) {
    // `$count` scalars of `w`, of which `s0` holds number 0, in row `r0` and column `c0`, and so on.
    macro_rules! rows {
        ($count:literal, $last:literal, $last_row:literal: $($k:literal $row:ident $column:ident),*) => {
            concat!(
                "vldmia {x}!, {{s16-s", $last_row, "}}\n",
                "vldmia {w}!, {{s0-s", $last, "}}\n",
                $(
                    ".if {", $count, "} > ", $k, "\n",
                    "vmul.f32 s", $k, ", s", $k, ", s{", stringify!($row), "}\n",
                    ".endif\n",
                )*
                $(
                    ".if {", $count, "} > ", $k, "\n",
                    "vadd.f32 s{", stringify!($column), "}, s{", stringify!($column), "}, s", $k, "\n",
                    ".endif\n",
                )*
            )
        };
    }
    macro_rules! assembly {
        ($($k:literal $row:ident $column:ident),*) => {
            // SAFETY: reads the `N` biases, and from left to right the `M` scalars of `x` and the `M` rows of `w`; writes the `N` scalars
            // of `y`, and no other memory. Every register that it changes is declared.
            unsafe {
                registers!(
                    "vldmia {b}, {{s21-s{last_column}}}",
                    ".rept {unrolled}",
                    rows!("scalars", "{last}", "20": $($k $row $column),*),
                    ".endr",
                    ".if {turns}",
                    "2:",
                    rows!("scalars", "{last}", "20": $($k $row $column),*),
                    "subs {k}, {k}, #1",
                    "bne 2b",
                    ".endif",
                    ".if {rest}",
                    rows!("rest", "{rest_last}", "{rest_row}": $($k $row $column),*),
                    ".endif",
                    "vstmia {y}, {{s21-s{last_column}}}",
                    x = inout(reg) x.as_ptr() => _,
                    w = inout(reg) w.as_ptr() => _,
                    b = in(reg) b.as_ptr(),
                    y = in(reg) y.as_mut_ptr(),
                    k = inout(reg) turns(M / ROWS) => _,
                    unrolled = const unrolled(M / ROWS),
                    turns = const turns(M / ROWS),
                    scalars = const ROWS * narrow(N),
                    last = const ROWS * narrow(N) - 1,
                    rest = const M % ROWS * narrow(N),
                    rest_last = const (M % ROWS * narrow(N)).saturating_sub(1),
                    rest_row = const 15 + M % ROWS,
                    last_column = const 20 + narrow(N),
                    $($row = const 16 + $k / narrow(N), $column = const 21 + $k % narrow(N),)*
                );
            }
        };
    }
    assembly!(
        0 r0 c0, 1 r1 c1, 2 r2 c2, 3 r3 c3, 4 r4 c4, 5 r5 c5, 6 r6 c6, 7 r7 c7, 8 r8 c8, 9 r9 c9, 10 r10 c10, 11 r11 c11,
        12 r12 c12, 13 r13 c13, 14 r14 c14
    );
}
