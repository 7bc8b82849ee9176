//! Matrix products and exponentials in assembly, for a Cortex-M with a floating-point unit of single precision (VFP): M4F, M7, M33.
//!
//! On these cores a load takes two cycles alone and one among others, and a result that the next instruction uses takes one more.
//! The compiler spreads loads among the operations, as suits larger cores, and cannot be talked out of it. So here neighbours are
//! loaded together, then multiplied, then added: 3.4 cycles for each product of a wide layer instead of 4.5, and 3.2 of a convolution.
//!
//! Sums are those of [`kernels`](crate::kernels): one product after the other is added, none is fused. Each function takes what it
//! reads and writes as references, and looks at lengths before its `unsafe` block. Its safe twin is the loop in `kernels`
//! (or in `activation`) that runs on all other targets; the same-bits test compares the two on a device.
//!
//! How to read the assembly: `.irp i,…` repeats its lines for each `i`, `.if` leaves out those past the tile's width. So
//! `s\i`, `s1\i` and `s2\i` are three groups of ten registers.
#![allow(unsafe_code)]

use core::arch::asm;

mod convolution;
mod exp;
mod narrow;

use exp::{exp, sigmoid};

use crate::kernels::Strided;
use crate::kernels::backend::{Backend, Elementary};
use crate::kernels::convolution::Window;
use crate::numbers::Real;

/// Columns of the tiles of a row of `n`: all of the same width, as wide as the registers allow.
const fn width(n: usize) -> usize {
    if n == 0 { 1 } else { n.div_ceil(n.div_ceil(20)) }
}

/// Columns of a tile; the last of a row has what is left over. Where nothing is, there is no last tile, but its assembly must be valid
/// in builds that do not leave it out.
const fn tile(n: usize, last: bool) -> usize {
    if last && !n.is_multiple_of(width(n)) { n % width(n) } else { width(n) }
}

/// Columns whose products are in registers at the same time: a tile's first ten, then the others.
const fn first(columns: usize) -> usize {
    if columns < 10 { columns } else { 10 }
}

/// Calls `f(first column, last)` for each tile of a row.
#[inline(always)]
fn tiles<const N: usize>(mut f: impl FnMut(usize, bool)) {
    let mut n = 0;
    while n + width(N) <= N {
        f(n, false);
        n += width(N);
    }
    if n < N {
        f(n, true);
    }
}

/// Repeats lines of assembly, each whole or in pieces, for each of ten columns below `{$count}`.
///
/// The compiler counts lines to know how far its branches and constants have to reach, and would count these once. `.space` is the one
/// directive whose size it believes, also where `.if` leaves it out.
macro_rules! columns {
    (@size $($piece:literal)*) => { ".space 40\n" };
    ($count:literal: $([$($piece:literal)*])*) => {
        concat!(
            ".irp i,0,1,2,3,4,5,6,7,8,9\n.if {", $count, "} > \\i\n", $($($piece,)* "\n",)* ".endif\n.endr\n",
            ".if 0\n", $(columns!(@size $($piece)*),)* ".endif\n",
        )
    };
    ($count:literal: $($line:literal)*) => { columns!($count: $([$line])*) };
}

/// `asm!` that may change every register of the unit, and leaves the stack alone.
macro_rules! registers {
    ($($tokens:tt)*) => {
        asm!(
            $($tokens)*
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
            out("s8") _, out("s9") _, out("s10") _, out("s11") _, out("s12") _, out("s13") _, out("s14") _, out("s15") _,
            out("s16") _, out("s17") _, out("s18") _, out("s19") _, out("s20") _, out("s21") _, out("s22") _, out("s23") _,
            out("s24") _, out("s25") _, out("s26") _, out("s27") _, out("s28") _, out("s29") _, out("s30") _, out("s31") _,
            options(nostack)
        )
    };
}

/// [`registers`] for one of the tiles of rows of `$N` columns, with its numbers of columns and registers; `skip` is what lies between the
/// tile in a row and in the next, in bytes.
macro_rules! on_tile {
    ($N:ident, $LAST:ident, $($tokens:tt)*) => {
        registers!(
            $($tokens)*
            skip = const ($N - tile($N, $LAST)) * size_of::<f32>(),
            end = const 9 + tile($N, $LAST),
            width1 = const first(tile($N, $LAST)),
            end1 = const first(tile($N, $LAST)).saturating_sub(1),
            width2 = const tile($N, $LAST) - first(tile($N, $LAST)),
            end2 = const (tile($N, $LAST) - first(tile($N, $LAST))).saturating_sub(1),
        )
    };
}

/// [`on_tile`] for all `$M` rows, which [`each_row`] goes through.
macro_rules! on_rows_of_tile {
    ($M:ident, $N:ident, $LAST:ident, $($tokens:tt)*) => {
        on_tile!(
            $N, $LAST, $($tokens)*
            k = inout(reg) turns($M / 2) => _,
            odd = const $M % 2,
            unrolled = const unrolled($M / 2),
            turns = const turns($M / 2),
        )
    };
}

/// `$row!(register)` for each row, with the row's factor from `$factors` in that register: two rows a turn, the first alone if the number
/// is odd.
macro_rules! each_row {
    ($factors:literal, $row:ident) => {
        concat!(
            ".if {odd}\n",
            "vldmia {", $factors, "}!, {{s30}}\n",
            $row!("s30"),
            ".endif\n",
            ".rept {unrolled}\n",
            each_row!(@two $factors, $row),
            ".endr\n",
            ".if {turns}\n",
            "2:\n",
            each_row!(@two $factors, $row),
            "subs {k}, {k}, #1\n",
            "bne 2b\n",
            ".endif\n",
        )
    };
    (@two $factors:literal, $row:ident) => {
        concat!("vldmia {", $factors, "}!, {{s30-s31}}\n", $row!("s30"), $row!("s31"))
    };
}

/// Adds the products of the factor in register `$factor` and a row of `{b}` to a tile's sums, in `s10` and on.
macro_rules! add_row {
    ($factor:literal) => {
        concat!(
            "vldmia {b}!, {{s0-s{end1}}}\n",
            columns!("width1": ["vmul.f32 s\\i, s\\i, " $factor]),
            columns!("width1": "vadd.f32 s1\\i, s1\\i, s\\i"),
            ".if {width2}\n",
            "vldmia {b}!, {{s0-s{end2}}}\n",
            columns!("width2": ["vmul.f32 s\\i, s\\i, " $factor]),
            columns!("width2": "vadd.f32 s2\\i, s2\\i, s\\i"),
            ".endif\n",
            ".if {skip}\n",
            "add {b}, {b}, #{skip}\n",
            ".endif\n",
        )
    };
}

/// `c[j] += Σₖ a[k·stride]·b[k][j]`, k in ascending order.
#[inline(always)]
fn add_products<const N: usize>(a: &[f32], stride: usize, b: &[[f32; N]], c: &mut [f32; N]) {
    if b.is_empty() || (b.len() - 1).saturating_mul(stride) >= a.len() {
        return;
    }
    tiles::<N>(|n, last| {
        if last {
            add_products_to_tile::<N, true>(a, stride, b, c, n);
        } else {
            add_products_to_tile::<N, false>(a, stride, b, c, n);
        }
    });
}

#[inline(always)]
fn add_products_to_tile<const N: usize, const LAST: bool>(
    a: &[f32],
    stride: usize,
    b: &[[f32; N]],
    c: &mut [f32; N],
    n: usize,
) {
    macro_rules! one_row {
        () => {
            concat!("vldr s30, [{a}]\n", "add {a}, {a}, {stride}\n", add_row!("s30"))
        };
    }
    // SAFETY: `add_products` has seen that `b` has a row and `a` holds `(b.len() - 1)·stride + 1` scalars; `tiles` gives columns
    // among the `N`. `b.len()` times, this reads `a` at the next multiple of `stride` and the tile's columns of the next row of
    // `b`; it reads and writes those columns of `c`, and no other memory. Every register that it changes is declared.
    unsafe {
        on_tile!(
            N, LAST,
            "vldmia {c}, {{s10-s{end}}}",
            // Two rows a turn; of an odd number, the first turn takes one.
            "adds {k}, {k}, #1",
            "lsrs {k}, {k}, #1",
            "bcc 3f",
            "2:",
            one_row!(),
            "3:",
            one_row!(),
            "subs {k}, {k}, #1",
            "bne 2b",
            "vstmia {c}, {{s10-s{end}}}",
            a = inout(reg) a.as_ptr() => _,
            b = inout(reg) b.as_ptr().cast::<f32>().wrapping_add(n) => _,
            c = in(reg) c.as_mut_ptr().wrapping_add(n),
            k = inout(reg) b.len() => _,
            stride = in(reg) stride * size_of::<f32>(),
        );
    }
}

/// `sums[c] += Σₜ x[t·steps[0] + c]·w[t·steps[1] + c]`, t in ascending order.
#[inline(always)]
fn add_taps(sums: &mut [f32; 8], x: &[f32], w: &[f32], steps: [usize; 2], taps: usize) {
    let [of_x, of_w] = steps.map(|step| taps.saturating_sub(1).saturating_mul(step).saturating_add(8));
    if taps == 0 || x.len() < of_x || w.len() < of_w {
        return;
    }
    // SAFETY: `taps` is not 0. So many times, this reads 8 scalars of `x` and of `w` from the next multiple of their step on, which end within
    // both. It reads and writes the 8 `sums`, and no other memory. Every register that it changes is declared.
    unsafe {
        registers!(
            "vldmia {sums}, {{s10-s17}}",
            "2:",
            "vldmia {x}, {{s0-s7}}",
            "vldmia {w}, {{s20-s27}}",
            columns!("eight": "vmul.f32 s\\i, s\\i, s2\\i"),
            columns!("eight": "vadd.f32 s1\\i, s1\\i, s\\i"),
            "add {x}, {x}, {step_x}",
            "add {w}, {w}, {step_w}",
            "subs {taps}, {taps}, #1",
            "bne 2b",
            "vstmia {sums}, {{s10-s17}}",
            sums = in(reg) sums.as_mut_ptr(),
            x = inout(reg) x.as_ptr() => _,
            w = inout(reg) w.as_ptr() => _,
            step_x = in(reg) steps[0] * size_of::<f32>(),
            step_w = in(reg) steps[1] * size_of::<f32>(),
            taps = inout(reg) taps => _,
            eight = const 8,
        );
    }
}

/// `y[j] = b[j] + Σᵢ x[i]·w[i][j]`, i in ascending order.
#[inline(always)]
fn affine<const M: usize, const N: usize>(x: &[f32; M], w: &[[f32; N]; M], b: &[f32; N], y: &mut [f32; N]) {
    if narrow::is_narrow(N) {
        return narrow::affine(x, w, b, y);
    }
    tiles::<N>(|n, last| {
        if last {
            affine_tile::<M, N, true>(x, w, b, y, n);
        } else {
            affine_tile::<M, N, false>(x, w, b, y, n);
        }
    });
}

#[inline(always)]
fn affine_tile<const M: usize, const N: usize, const LAST: bool>(
    x: &[f32; M],
    w: &[[f32; N]; M],
    b: &[f32; N],
    y: &mut [f32; N],
    n: usize,
) {
    // SAFETY: `tiles` gives columns among the `N`. Reads the tile's columns of the biases and, `M` times, the next scalar of `x` and
    // those columns of the next row of `w`; writes those columns of `y`, and no other memory. Every register that it changes is declared.
    unsafe {
        on_rows_of_tile!(
            M, N, LAST,
            "vldmia {bias}, {{s10-s{end}}}",
            each_row!("x", add_row),
            "vstmia {y}, {{s10-s{end}}}",
            x = inout(reg) x.as_ptr() => _,
            b = inout(reg) w.as_ptr().cast::<f32>().wrapping_add(n) => _,
            bias = in(reg) b.as_ptr().wrapping_add(n),
            y = in(reg) y.as_mut_ptr().wrapping_add(n),
        );
    }
}

/// Of a loop's `n` turns, those that are written out: all of few.
const fn unrolled(n: usize) -> usize {
    if n <= 4 { n } else { 0 }
}

/// The others.
const fn turns(n: usize) -> usize {
    n - unrolled(n)
}

/// `c[i][j] = a[i]·b[j]`, and `copy = b`.
#[inline(always)]
fn products<const M: usize, const N: usize>(a: &[f32; M], b: &[f32; N], c: &mut [[f32; N]; M], copy: &mut [f32; N]) {
    tiles::<N>(|n, last| {
        if last {
            products_of_tile::<M, N, true>(a, b, c, copy, n);
        } else {
            products_of_tile::<M, N, false>(a, b, c, copy, n);
        }
    });
}

#[inline(always)]
fn products_of_tile<const M: usize, const N: usize, const LAST: bool>(
    a: &[f32; M],
    b: &[f32; N],
    c: &mut [[f32; N]; M],
    copy: &mut [f32; N],
    n: usize,
) {
    macro_rules! row {
        ($factor:literal) => {
            concat!(
                columns!("width1": ["vmul.f32 s\\i, s1\\i, " $factor]),
                "vstmia {c}!, {{s0-s{end1}}}\n",
                ".if {width2}\n",
                columns!("width2": ["vmul.f32 s\\i, s2\\i, " $factor]),
                "vstmia {c}!, {{s0-s{end2}}}\n",
                ".endif\n",
                ".if {skip}\n",
                "add {c}, {c}, #{skip}\n",
                ".endif\n",
            )
        };
    }
    // SAFETY: `tiles` gives columns among the `N`. This reads the tile's columns of `b`, and `M` times the next scalar of `a`, and
    // writes the tile's columns of `copy` and of the next row of `c`, and no other memory. Every register that it changes is declared.
    unsafe {
        on_rows_of_tile!(
            M, N, LAST,
            "vldmia {b}, {{s10-s{end}}}",
            "vstmia {copy}, {{s10-s{end}}}",
            each_row!("a", row),
            a = inout(reg) a.as_ptr() => _,
            b = in(reg) b.as_ptr().wrapping_add(n),
            c = inout(reg) c.as_mut_ptr().cast::<f32>().wrapping_add(n) => _,
            copy = in(reg) copy.as_mut_ptr().wrapping_add(n),
        );
    }
}

/// `sums[r] += Σₖ a[k]·rows[r][k]`, k in ascending order, for `R` = 4 or 8 rows.
#[inline(always)]
fn add_dot_products<const R: usize, const N: usize>(a: &[f32; N], rows: &[[f32; N]; R], sums: &mut [f32; R]) {
    const { assert!(R == 4 || R == 8) };
    // Assembly that is not for this `N` must be valid too.
    const fn short(n: usize) -> usize {
        if n < 8 { n } else { 8 }
    }
    macro_rules! load_sums {
        () => {
            "vldmia {sums}!, {{s28-s31}}\n.if {rows} > 4\nvldmia {sums}!, {{s8-s9}}\nvldmia {sums}!, {{s18-s19}}\n.endif"
        };
    }
    macro_rules! store_sums {
        () => {
            ".if {rows} > 4\nvstmdb {sums}!, {{s18-s19}}\nvstmdb {sums}!, {{s8-s9}}\n.endif\nvstmdb {sums}!, {{s28-s31}}"
        };
    }
    // Up to eight columns at a time, of two rows in turns: so no addition waits for the one before it.
    macro_rules! columns_of_rows {
        (
            $count:literal, $end:literal:
            $row0:literal $row1:literal $row2:literal $row3:literal $row4:literal $row5:literal $row6:literal $row7:literal
        ) => {
            concat!(
                "vldmia {a}!, {{s20-s2{", $end, "}}}\n",
                columns_of_rows!($count, $end, $row0 "s28", $row1 "s29"),
                columns_of_rows!($count, $end, $row2 "s30", $row3 "s31"),
                ".if {rows} > 4\n",
                columns_of_rows!($count, $end, $row4 "s8", $row5 "s9"),
                columns_of_rows!($count, $end, $row6 "s18", $row7 "s19"),
                ".endif\n",
            )
        };
        ($count:literal, $end:literal, $row0:literal $sum0:literal, $row1:literal $sum1:literal) => {
            concat!(
                "vldmia {", $row0, "}!, {{s0-s{", $end, "}}}\n",
                "vldmia {", $row1, "}!, {{s10-s1{", $end, "}}}\n",
                columns!($count: "vmul.f32 s\\i, s\\i, s2\\i" "vmul.f32 s1\\i, s1\\i, s2\\i"),
                columns!($count: ["vadd.f32 " $sum0 ", " $sum0 ", s\\i"] ["vadd.f32 " $sum1 ", " $sum1 ", s1\\i"]),
            )
        };
    }
    if N <= 8 {
        // Each row ends where the next one starts, so one pointer is enough, and the caller keeps its own in registers.
        // SAFETY: `rows` and `sums` are `R`, 4 or 8. Reads `sums`, the `N` scalars of `a` and the `N` of each row, one row after the
        // other; writes `sums`, and no other memory. Every register that it changes is declared.
        unsafe {
            registers!(
                load_sums!(),
                ".if {n}",
                columns_of_rows!("n", "end": "row" "row" "row" "row" "row" "row" "row" "row"),
                ".endif",
                store_sums!(),
                a = inout(reg) a.as_ptr() => _,
                row = inout(reg) rows.as_ptr() => _,
                sums = inout(reg) sums.as_mut_ptr() => _,
                rows = const R,
                n = const short(N),
                end = const short(N).saturating_sub(1),
            );
        }
        return;
    }
    let row = |r: usize| rows[r % R].as_ptr();
    // SAFETY: `rows` and `sums` are `R`, 4 or 8. Reads `sums`, and from left to right the `N` scalars of `a` and of each row: eight
    // at a time, which is at least once, then those left over. Of the pointers to rows 4 to 7, nothing is read unless `R` is 8. Writes
    // `sums`, and no other memory. Every register that it changes is declared.
    unsafe {
        registers!(
            load_sums!(),
            "2:",
            columns_of_rows!("eight", "seven": "row0" "row1" "row2" "row3" "row4" "row5" "row6" "row7"),
            "subs {k}, {k}, #1",
            "bne 2b",
            ".if {rest}",
            columns_of_rows!("rest", "rest_end": "row0" "row1" "row2" "row3" "row4" "row5" "row6" "row7"),
            ".endif",
            store_sums!(),
            a = inout(reg) a.as_ptr() => _,
            row0 = inout(reg) row(0) => _,
            row1 = inout(reg) row(1) => _,
            row2 = inout(reg) row(2) => _,
            row3 = inout(reg) row(3) => _,
            row4 = inout(reg) row(4) => _,
            row5 = inout(reg) row(5) => _,
            row6 = inout(reg) row(6) => _,
            row7 = inout(reg) row(7) => _,
            sums = inout(reg) sums.as_mut_ptr() => _,
            k = inout(reg) N / 8 => _,
            rows = const R,
            eight = const 8,
            seven = const 7,
            rest = const N % 8,
            rest_end = const (N % 8).saturating_sub(1),
        );
    }
}

/// A Cortex-M with a floating-point unit. Most rows of up to three are left to the compiler, whose own code is as short.
pub(crate) struct Vfp;

impl Backend for Vfp {
    #[inline(always)]
    fn product<const ADD: bool, const N: usize>(a: Strided<f32>, b: &[[f32; N]], c: &mut [[f32; N]]) -> usize {
        if !ADD || N <= 3 {
            return 0;
        }
        let rows = if c.len() > 12 { of_any_length(c) } else { c };
        // Each row from the one before it: 12 instructions less for a call than by its number.
        let mut a = a;
        for c in rows {
            add_products(a.data, a.column, b, c);
            a = a.skip_rows(1);
        }
        N
    }
    #[inline(always)]
    fn affine<const M: usize, const N: usize>(x: &[f32; M], w: &[[f32; N]; M], b: &[f32; N], y: &mut [f32; N]) -> bool {
        affine(x, w, b, y);
        true
    }
    #[inline(always)]
    fn gradients<const M: usize, const N: usize>(
        x: &[f32; M],
        dy: &[f32; N],
        gw: &mut [[f32; N]; M],
        gb: &mut [f32; N],
    ) -> bool {
        if N > 3 {
            products(x, dy, gw, gb);
        }
        N > 3
    }
    /// Eight or four rows at a time.
    #[inline(always)]
    fn dot_products<const ADD: bool, const N: usize>(a: &[f32; N], rows: &[[f32; N]], sums: &mut [f32]) -> bool {
        if N <= 3 {
            return false;
        }
        if !ADD {
            sums.fill(f32::EMPTY_SUM);
        }
        let ((sums_8, sums), (rows_8, rows)) = (sums.as_chunks_mut::<8>(), rows.as_chunks::<8>());
        let rows_8 = if rows_8.len() >= 8 { of_any_length(rows_8) } else { rows_8 };
        for (sums, rows) in sums_8.iter_mut().zip(rows_8) {
            add_dot_products(a, rows, sums);
        }
        let ((sums_4, sums), (rows_4, rows)) = (sums.as_chunks_mut::<4>(), rows.as_chunks::<4>());
        for (sums, rows) in sums_4.iter_mut().zip(rows_4) {
            add_dot_products(a, rows, sums);
        }
        for (sum, row) in sums.iter_mut().zip(rows) {
            for (a, b) in a.iter().zip(row) {
                *sum += *a * *b;
            }
        }
        true
    }
    #[inline(always)]
    fn add_windows(x: &[f32], w: &[f32], b: Option<&[f32]>, y: &mut [f32], window: Window) -> bool {
        convolution::add_windows(x, w, b, y, window)
    }
    #[inline(always)]
    fn add_taps(sums: &mut [f32; 8], x: &[f32], w: &[f32], steps: [usize; 2], taps: usize) -> bool {
        add_taps(sums, x, w, steps, taps);
        true
    }
    #[inline(always)]
    fn apply(f: Elementary, row: &mut [f32]) -> bool {
        match f {
            Elementary::Exp => exp(row),
            Elementary::Sigmoid => sigmoid(row),
        }
        true
    }
}

/// The same rows. The compiler takes assembly for short and would write out all turns of a loop over it whose number it knows.
#[inline(always)]
fn of_any_length<R>(rows: R) -> R {
    core::hint::black_box(rows)
}

use {columns, registers};
