//! `eˣ` and the sigmoid of a row, with the bits of [`real`](crate::real)'s `exp`.
//!
//! Two or three values are computed side by side, so that no operation waits for the one before it.

use core::arch::asm;

use super::registers;
use crate::numbers::EXP;

/// `eˣ` in place.
#[inline(always)]
pub fn exp(row: &mut [f32]) {
    const CONSTANTS: [f32; 12] = {
        let [lowest, highest, log2_e, round, ln_2_high, ln_2_low, c4, c3, c2, c1, c0, one] = EXP;
        [log2_e, biased(round), -ln_2_high, -ln_2_low, c4, c3, c2, c1, c0, one, lowest, highest]
    };
    in_groups(row, |triples| exp_of_triples(triples, &CONSTANTS), |pairs| exp_of_pairs(pairs, &CONSTANTS));
}

/// `1 / (1 + e⁻ˣ)` in place.
///
/// `e⁻ˣ` is computed of `x` itself: with the signs of some constants changed, each intermediate result is that of `−x` or its negative.
#[inline(always)]
pub fn sigmoid(row: &mut [f32]) {
    const CONSTANTS: [f32; 12] = {
        let [lowest, highest, log2_e, round, ln_2_high, ln_2_low, c4, c3, c2, c1, c0, one] = EXP;
        [-log2_e, biased(round), ln_2_high, ln_2_low, c4, -c3, c2, -c1, c0, one, -highest, -lowest]
    };
    in_groups(row, |triples| sigmoid_of_triples(triples, &CONSTANTS), |pairs| sigmoid_of_pairs(pairs, &CONSTANTS));
}

/// A row in pairs, the first three of an odd number as a triple.
#[inline(always)]
fn in_groups(row: &mut [f32], triples: impl Fn(&mut [[f32; 3]]), pairs: impl Fn(&mut [[f32; 2]])) {
    if let [x] = row {
        let mut pair = [[*x, 0.0]];
        pairs(&mut pair);
        *x = pair[0][0];
        return;
    }
    let Some((in_triples, in_pairs)) = row.split_at_mut_checked(if !row.len().is_multiple_of(2) { 3 } else { 0 })
    else {
        return;
    };
    triples(in_triples.as_chunks_mut().0);
    pairs(in_pairs.as_chunks_mut().0);
}

/// What rounds `x·log₂e` leaves `n` in the low bits. Of nearly all `x`, `n` is from −[`BIAS`] to `BIAS` − 1: with it, never negative and
/// below 128, so that one comparison finds those.
const BIAS: u32 = 64;

const fn biased(round: f32) -> f32 {
    round + BIAS as f32
}

/// The operation for each of the values side by side: `each!(2 "vmul.f32" t, x, log2_e)` is `vmul.f32 s3, s0, s18` and
/// `vmul.f32 s4, s1, s18`.
macro_rules! each {
    (2 $($line:tt)*) => { concat!(each!(@lane 0 $($line)*), each!(@lane 1 $($line)*)) };
    (3 $($line:tt)*) => { concat!(each!(2 $($line)*), each!(@lane 2 $($line)*)) };
    (@lane $lane:tt $operation:literal $first:tt $(, $operand:tt)*) => {
        concat!($operation, " ", register!($first $lane), $(", ", register!($operand $lane),)* "\n")
    };
}

/// Where the numbers of a value are, and the constants.
macro_rules! register {
    (x 0) => {
        "s0"
    };
    (x 1) => {
        "s1"
    };
    (x 2) => {
        "s2"
    };
    (t 0) => {
        "s3"
    };
    (t 1) => {
        "s4"
    };
    (t 2) => {
        "s5"
    };
    (r 0) => {
        "s6"
    };
    (r 1) => {
        "s7"
    };
    (r 2) => {
        "s8"
    };
    (low 0) => {
        "s9"
    };
    (low 1) => {
        "s10"
    };
    (low 2) => {
        "s11"
    };
    (p 0) => {
        "s12"
    };
    (p 1) => {
        "s13"
    };
    (p 2) => {
        "s14"
    };
    (q 0) => {
        "s15"
    };
    (q 1) => {
        "s16"
    };
    (q 2) => {
        "s17"
    };
    (n 0) => {
        "{n0}"
    };
    (n 1) => {
        "{n1}"
    };
    (n 2) => {
        "{n2}"
    };
    (log2_e $lane:tt) => {
        "s18"
    };
    (round $lane:tt) => {
        "s19"
    };
    (ln_2_high $lane:tt) => {
        "s20"
    };
    (ln_2_low $lane:tt) => {
        "s21"
    };
    (c4 $lane:tt) => {
        "s22"
    };
    (c3 $lane:tt) => {
        "s23"
    };
    (c2 $lane:tt) => {
        "s24"
    };
    (c1 $lane:tt) => {
        "s25"
    };
    (c0 $lane:tt) => {
        "s26"
    };
    (one $lane:tt) => {
        "s27"
    };
    ($text:literal $lane:tt) => {
        $text
    };
}

/// `n = round(x·log₂e)`, also in `r`.
macro_rules! round {
    ($lanes:tt) => {
        concat!(
            each!($lanes "vmul.f32" t, x, log2_e),
            each!($lanes "vadd.f32" t, t, round),
            each!($lanes "vsub.f32" r, t, round),
            each!($lanes "vmov" n, t),
        )
    };
}

/// `1 / (1 + x)`.
macro_rules! reciprocal_of_one_more {
    ($lanes:tt) => {
        concat!(each!($lanes "vadd.f32" x, x, one), each!($lanes "vdiv.f32" x, one, x))
    };
}

/// A function for groups of `$lanes` values; `$sum` adds the parts of `r` to `eʳ`, and `$end` makes of `x = eˣ` what is stored.
macro_rules! function {
    ($name:ident, $lanes:tt, $last:literal, $sum:literal, $end:expr) => {
        #[inline(always)]
        fn $name(groups: &mut [[f32; $lanes]], constants: &[f32; 12]) {
            if groups.is_empty() {
                return;
            }
            // SAFETY: reads the 12 `constants`; `groups.len()` times, which is not 0, reads and writes the next group, and no other memory.
            // Every register that it changes is declared.
            unsafe {
                registers!(
                    "vldmia {constants}!, {{s18-s27}}",
                    "2:",
                    concat!("vldmia {group}, {{s0-", $last, "}}"),
                    round!($lanes),
                    "cmp {near_0}, {n0}, lsr #7",
                    "it eq",
                    "cmpeq {near_0}, {n1}, lsr #7",
                    concat!(".if ", $lanes, " > 2"),
                    "it eq",
                    "cmpeq {near_0}, {n2}, lsr #7",
                    ".endif",
                    "bne 4f",
                    "3:",
                    // r = x − n·ln 2
                    each!($lanes "vmul.f32" t, r, ln_2_high),
                    each!($lanes "vmul.f32" low, r, ln_2_low),
                    each!($lanes "vadd.f32" x, x, t),
                    each!($lanes "vadd.f32" r, x, low),
                    // eʳ
                    each!($lanes "vmul.f32" t, r, r),
                    each!($lanes "vmul.f32" p, r, c3),
                    each!($lanes "vmul.f32" q, t, c4),
                    each!($lanes "vadd.f32" p, p, c2),
                    each!($lanes "vmul.f32" r, r, c1),
                    each!($lanes "vadd.f32" p, q, p),
                    each!($lanes "vadd.f32" r, r, c0),
                    each!($lanes "vmul.f32" p, p, t),
                    each!($lanes "vadd.f32" p, p, r),
                    each!($lanes "vmul.f32" p, p, t),
                    each!($lanes $sum p, p, low),
                    each!($lanes $sum p, p, x),
                    each!($lanes "vadd.f32" p, p, one),
                    // eˣ = 2ⁿ·eʳ
                    each!($lanes "add" n, "{one}", n, "lsl #23"),
                    each!($lanes "vmov" t, n),
                    each!($lanes "vmul.f32" x, p, t),
                    $end,
                    concat!("vstmia {group}!, {{s0-", $last, "}}"),
                    "subs {count}, {count}, #1",
                    "bne 2b",
                    "b 5f",
                    // Far from 0, or NaN.
                    "4:",
                    "vldmia {constants}, {{s28-s29}}",
                    ".irp i,0,1,2",
                    concat!(".if ", $lanes, " > \\i"),
                    "vcmp.f32 s\\i, s28",
                    "vmrs APSR_nzcv, fpscr",
                    "it mi",
                    "vmovmi.f32 s\\i, s28",
                    "vcmp.f32 s\\i, s29",
                    "vmrs APSR_nzcv, fpscr",
                    "it gt",
                    "vmovgt.f32 s\\i, s29",
                    ".endif",
                    ".endr",
                    round!($lanes),
                    "b 3b",
                    "5:",
                    constants = inout(reg) constants.as_ptr() => _,
                    group = inout(reg) groups.as_mut_ptr() => _,
                    count = inout(reg) groups.len() => _,
                    one = in(reg) 1f32.to_bits().wrapping_sub(BIAS << 23),
                    near_0 = in(reg) biased(EXP[3]).to_bits() >> 7,
                    n0 = out(reg) _,
                    n1 = out(reg) _,
                    n2 = out(reg) _,
                );
            }
        }
    };
}
function!(exp_of_pairs, 2, "s1", "vadd.f32", "");
function!(exp_of_triples, 3, "s2", "vadd.f32", "");
function!(sigmoid_of_pairs, 2, "s1", "vsub.f32", reciprocal_of_one_more!(2));
function!(sigmoid_of_triples, 3, "s2", "vsub.f32", reciprocal_of_one_more!(3));
