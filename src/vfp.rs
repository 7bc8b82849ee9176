//! Matrix products in assembly, for a Cortex-M with a floating-point unit of single precision (VFP): M4F, M7, M33.
//!
//! On these cores a load takes two cycles alone and one among others, and a result that the next instruction uses takes one more.
//! The compiler spreads loads among the operations, as suits larger cores, and cannot be talked out of it. So here neighbours are
//! loaded together, then multiplied, then added: 3.4 to 3.6 cycles for each product of a wide layer instead of 4.5.
//!
//! Sums are those of [`kernels`](crate::kernels): one product after the other is added, none is fused. Each function takes what it
//! reads and writes as references, and looks at lengths before its only `unsafe` block. Its safe twin is the loop in `kernels`
//! that runs on all other targets; the same-bits test compares the two on a device.
//!
//! How to read the assembly: `.irp i,…` repeats its lines for each `i`, `.if` leaves out those past the tile's width. So
//! `s\i`, `s1\i` and `s2\i` are three groups of ten registers.
#![allow(unsafe_code)]

use core::arch::asm;

/// Columns of the tiles of a row of `n`: all of the same width, as wide as the registers allow.
const fn width(n: usize) -> usize {
    if n == 0 { 1 } else { n.div_ceil(n.div_ceil(20)) }
}

/// Columns of a tile; the last of a row has what is left over. Where nothing is, there is no last tile, but its assembly must be valid
/// in builds that do not leave it out.
const fn tile(n: usize, last: bool) -> usize {
    if last && n % width(n) > 0 { n % width(n) } else { width(n) }
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
macro_rules! columns {
    ($count:literal: $([$($piece:literal)*])*) => {
        concat!(".irp i,0,1,2,3,4,5,6,7,8,9\n.if {", $count, "} > \\i\n", $($($piece,)* "\n",)* ".endif\n.endr\n")
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

/// `c[j] += Σₖ a[k·stride]·b[k][j]`, k in ascending order.
#[inline(always)]
pub fn add_products<const N: usize>(a: &[f32], stride: usize, b: &[[f32; N]], c: &mut [f32; N]) {
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
            concat!(
                "vldr s30, [{a}]\n",
                "add {a}, {a}, {stride}\n",
                "vldmia {b}!, {{s0-s{end1}}}\n",
                columns!("width1": "vmul.f32 s\\i, s\\i, s30"),
                columns!("width1": "vadd.f32 s1\\i, s1\\i, s\\i"),
                ".if {width2}\n",
                "vldmia {b}!, {{s0-s{end2}}}\n",
                columns!("width2": "vmul.f32 s\\i, s\\i, s30"),
                columns!("width2": "vadd.f32 s2\\i, s2\\i, s\\i"),
                ".endif\n",
                "add {b}, {b}, {skip}\n",
            )
        };
    }
    // SAFETY: `add_products` has seen that `b` has a row and `a` holds `(b.len() - 1)·stride + 1` scalars; `tiles` gives columns
    // among the `N`. `b.len()` times, this reads `a` at the next multiple of `stride` and the tile's columns of the next row of
    // `b`; it reads and writes those columns of `c`, and no other memory. Every register that it changes is declared.
    unsafe {
        registers!(
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
            skip = in(reg) (N - tile(N, LAST)) * size_of::<f32>(),
            end = const 9 + tile(N, LAST),
            width1 = const first(tile(N, LAST)),
            end1 = const first(tile(N, LAST)).saturating_sub(1),
            width2 = const tile(N, LAST) - first(tile(N, LAST)),
            end2 = const (tile(N, LAST) - first(tile(N, LAST))).saturating_sub(1),
        );
    }
}

/// `c[i][j] = a[i]·b[j]`.
#[inline(always)]
pub fn products<const M: usize, const N: usize>(a: &[f32; M], b: &[f32; N], c: &mut [[f32; N]; M]) {
    if M == 0 {
        return;
    }
    tiles::<N>(|n, last| {
        if last {
            products_of_tile::<M, N, true>(a, b, c, n);
        } else {
            products_of_tile::<M, N, false>(a, b, c, n);
        }
    });
}

#[inline(always)]
fn products_of_tile<const M: usize, const N: usize, const LAST: bool>(
    a: &[f32; M],
    b: &[f32; N],
    c: &mut [[f32; N]; M],
    n: usize,
) {
    // SAFETY: `products` has seen that `M` is not 0; `tiles` gives columns among the `N`. This reads the tile's columns of `b`, and
    // `M` times the next scalar of `a`, and writes the tile's columns of the next row of `c`, and no other memory. Every register
    // that it changes is declared.
    unsafe {
        registers!(
            "vldmia {b}, {{s10-s{end}}}",
            "2:",
            "vldmia {a}!, {{s30}}",
            columns!("width1": "vmul.f32 s\\i, s1\\i, s30"),
            "vstmia {c}!, {{s0-s{end1}}}",
            ".if {width2}",
            columns!("width2": "vmul.f32 s\\i, s2\\i, s30"),
            "vstmia {c}!, {{s0-s{end2}}}",
            ".endif",
            "add {c}, {c}, {skip}",
            "subs {m}, {m}, #1",
            "bne 2b",
            a = inout(reg) a.as_ptr() => _,
            b = in(reg) b.as_ptr().wrapping_add(n),
            c = inout(reg) c.as_mut_ptr().cast::<f32>().wrapping_add(n) => _,
            m = inout(reg) M => _,
            skip = in(reg) (N - tile(N, LAST)) * size_of::<f32>(),
            end = const 9 + tile(N, LAST),
            width1 = const first(tile(N, LAST)),
            end1 = const first(tile(N, LAST)).saturating_sub(1),
            width2 = const tile(N, LAST) - first(tile(N, LAST)),
            end2 = const (tile(N, LAST) - first(tile(N, LAST))).saturating_sub(1),
        );
    }
}

/// `sums[r] += Σₖ a[k]·rows[r][k]`, k in ascending order, for `R` = 4 or 8 rows.
#[inline(always)]
pub fn add_dot_products<const R: usize, const N: usize>(a: &[f32; N], rows: &[[f32; N]; R], sums: &mut [f32; R]) {
    const { assert!(R == 4 || R == 8) };
    // Eight columns at a time, of two rows in turns: so no addition waits for the one before it.
    macro_rules! columns_of_rows {
        ($count:literal, $end:literal) => {
            concat!(
                "vldmia {a}!, {{s20-s2{", $end, "}}}\n",
                columns_of_rows!($count, $end, "row0" "s28", "row1" "s29"),
                columns_of_rows!($count, $end, "row2" "s30", "row3" "s31"),
                ".if {rows} > 4\n",
                columns_of_rows!($count, $end, "row4" "s8", "row5" "s9"),
                columns_of_rows!($count, $end, "row6" "s18", "row7" "s19"),
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
    let row = |r: usize| rows[r % R].as_ptr();
    // SAFETY: `rows` and `sums` are `R`, 4 or 8. Reads `sums`, and from left to right the `N` scalars of `a` and of each row: eight
    // at a time, then those left over. Of the pointers to rows 4 to 7, nothing is read unless `R` is 8. Writes `sums`, and no other
    // memory. Every register that it changes is declared.
    unsafe {
        registers!(
            "vldmia {sums}!, {{s28-s31}}",
            ".if {rows} > 4",
            "vldmia {sums}!, {{s8-s9}}",
            "vldmia {sums}!, {{s18-s19}}",
            ".endif",
            ".if {n} >= 8",
            "2:",
            columns_of_rows!("eight", "seven"),
            "subs {k}, {k}, #1",
            "bne 2b",
            ".endif",
            ".if {rest}",
            columns_of_rows!("rest", "rest_end"),
            ".endif",
            ".if {rows} > 4",
            "vstmdb {sums}!, {{s18-s19}}",
            "vstmdb {sums}!, {{s8-s9}}",
            ".endif",
            "vstmdb {sums}!, {{s28-s31}}",
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
            n = const N,
            eight = const 8,
            seven = const 7,
            rest = const N % 8,
            rest_end = const (N % 8).saturating_sub(1),
        );
    }
}

/// `1 / (1 + e⁻ˣ)` in place, with the constants and operations of `real`'s `exp`. Two values take turns, so that no operation waits for
/// the one before it.
#[inline(always)]
pub fn sigmoid(pairs: &mut [[f32; 2]], constants: &[f32; 13]) {
    // `s\i`, `s1\i`, `s2\i` and `s3\i` are four registers of each value.
    macro_rules! both {
        ($($line:literal)*) => { concat!(".irp i,0,1\n", $($line, "\n",)* ".endr\n") };
    }
    macro_rules! in_turns {
        ($($line:literal)*) => { concat!($(both!($line)),*) };
    }
    if pairs.is_empty() {
        return;
    }
    // SAFETY: reads the 13 `constants`; `pairs.len()` times, which is not 0, reads and writes the next pair, and no other memory. Every
    // register that it changes is declared.
    unsafe {
        registers!(
            "vldmia {constants}!, {{s2-s9}}",
            "vldmia {constants}, {{s12-s16}}",
            "2:",
            "vldmia {pair}, {{s0-s1}}",
            in_turns!("vneg.f32 s\\i, s\\i"),
            both!("vcmp.f32 s\\i, s2" "vmrs APSR_nzcv, fpscr" "it mi" "vmovmi.f32 s\\i, s2"),
            both!("vcmp.f32 s\\i, s3" "vmrs APSR_nzcv, fpscr" "it gt" "vmovgt.f32 s\\i, s3"),
            // n = round(x·log₂e); r = x − n·ln 2
            in_turns!("vmul.f32 s1\\i, s\\i, s4" "vadd.f32 s1\\i, s1\\i, s5" "vsub.f32 s2\\i, s1\\i, s5"),
            "vmov {n0}, s10",
            "vmov {n1}, s11",
            in_turns!("vmul.f32 s1\\i, s2\\i, s6" "vsub.f32 s\\i, s\\i, s1\\i"),
            in_turns!("vmul.f32 s2\\i, s2\\i, s7"),
            "vmov s18, s0",
            "vmov s19, s1",
            "vmov s28, s20",
            "vmov s29, s21",
            in_turns!("vsub.f32 s\\i, s\\i, s2\\i"),
            // eʳ
            in_turns!("vmul.f32 s1\\i, s\\i, s\\i"),
            in_turns!("vmul.f32 s2\\i, s\\i, s8" "vadd.f32 s2\\i, s2\\i, s9"),
            in_turns!("vmul.f32 s2\\i, s2\\i, s1\\i"),
            in_turns!("vmul.f32 s3\\i, s\\i, s12" "vadd.f32 s3\\i, s3\\i, s13" "vadd.f32 s2\\i, s2\\i, s3\\i"),
            in_turns!("vmul.f32 s2\\i, s2\\i, s1\\i"),
            in_turns!("vmul.f32 s3\\i, s\\i, s14" "vadd.f32 s3\\i, s3\\i, s15" "vadd.f32 s2\\i, s2\\i, s3\\i"),
            in_turns!("vmul.f32 s2\\i, s2\\i, s1\\i"),
            "vsub.f32 s20, s20, s28",
            "vsub.f32 s21, s21, s29",
            "vadd.f32 s20, s20, s18",
            "vadd.f32 s21, s21, s19",
            in_turns!("vadd.f32 s2\\i, s2\\i, s16"),
            // 2ⁿ·eʳ
            "add {n0}, {one}, {n0}, lsl #23",
            "add {n1}, {one}, {n1}, lsl #23",
            "vmov s30, {n0}",
            "vmov s31, {n1}",
            in_turns!("vmul.f32 s\\i, s2\\i, s3\\i" "vadd.f32 s\\i, s\\i, s16" "vdiv.f32 s\\i, s16, s\\i"),
            "vstmia {pair}!, {{s0-s1}}",
            "subs {count}, {count}, #1",
            "bne 2b",
            constants = inout(reg) constants.as_ptr() => _,
            pair = inout(reg) pairs.as_mut_ptr() => _,
            count = inout(reg) pairs.len() => _,
            one = in(reg) 1.0f32.to_bits(),
            n0 = out(reg) _,
            n1 = out(reg) _,
        );
    }
}

/// [`Real`](crate::Real)'s methods that say whether the target has assembly, for `f32`. Where the compiler's own code is as
/// short, in rows of up to three, it is left to it.
macro_rules! methods {
    () => {
        #[inline(always)]
        fn sigmoid(pairs: &mut [[f32; 2]]) -> bool {
            $crate::vfp::sigmoid(pairs, &EXP);
            true
        }
        #[inline(always)]
        fn add_products<const N: usize>(a: &[f32], stride: usize, b: &[[f32; N]], c: &mut [f32; N]) -> bool {
            if N > 3 {
                $crate::vfp::add_products(a, stride, b, c);
            }
            N > 3
        }
        #[inline(always)]
        fn products<const M: usize, const N: usize>(a: &[f32; M], b: &[f32; N], c: &mut [[f32; N]; M]) -> bool {
            if N > 3 {
                $crate::vfp::products(a, b, c);
            }
            N > 3
        }
        #[inline(always)]
        fn add_dot_products<const R: usize, const N: usize>(
            a: &[f32; N],
            rows: &[[f32; N]; R],
            sums: &mut [f32; R],
        ) -> bool {
            if N > 3 {
                $crate::vfp::add_dot_products(a, rows, sums);
            }
            N > 3
        }
    };
}
pub(crate) use methods;
