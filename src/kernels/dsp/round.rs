//! Sums to bytes, four at a time.

use core::arch::asm;

/// Of each sum s with the mantissa m, `s * m * 2^(shift - 31)`, rounded half up, then half away from 0, then the zero point is added, held
/// in 8 bits. `None` if a mantissa is below 2³⁰ or a shift is not below 0.
#[inline(always)]
pub fn round_four(sums: [i32; 4], mantissas: [i32; 4], shifts: [i8; 4], zero_point: i8) -> Option<[i8; 4]> {
    let usual = mantissas.iter().fold(-1, |all, mantissa| all & mantissa) >> 30 == 1;
    // A byte below 0 has its highest bit.
    if !usual || u32::from_le_bytes(shifts.map(|shift| shift as u8)) & 0x8080_8080 != 0x8080_8080 {
        return None;
    }
    let twice = 2 * i32::from(zero_point) + 1;
    Some([0, 1, 2, 3].map(|i| round(sums[i], mantissas[i], shifts[i], twice) as i8))
}

/// As in `three`, whose `round!` says why: with n bits to the right, `!shift` is n - 1.
#[inline(always)]
fn round(mut sum: i32, mantissa: i32, shift: i8, twice: i32) -> i32 {
    // SAFETY: nothing but these registers and the flag of saturation, which nobody reads, is changed.
    unsafe {
        asm!(
            ".cpu cortex-m4",
            "smmlar {s}, {s}, {m}, {s}",
            "add {s}, {s}, {s}, asr #31",
            "asr {s}, {s}, {n}",
            "qadd {s}, {s}, {twice}",
            "ssat {s}, #8, {s}, asr #1",
            s = inout(reg) sum,
            m = in(reg) mantissa << 1,
            n = in(reg) i32::from(!shift),
            twice = in(reg) twice,
            options(pure, nomem, nostack)
        );
    }
    sum
}
