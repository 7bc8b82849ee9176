//! Sum of two tensors, one of which is halved exactly.

use core::arch::naked_asm;

/// The factors of a sum. With a product `a·b` that is rounded to the upper 32 bits, halves up:
/// `t = (2²¹·(x - zero_point)·mantissa + addend - (x < zero_point)) >> shift` of the one input, `s = 2·t + 2²⁰·x + constant` with the other
/// one, and `(s·mantissa + addend - (s < 0)) >> shift`, held within 8 bits.
#[repr(C)]
pub struct Factors {
    /// 2²¹ times the zero point of the input that is scaled.
    pub zero_point: i32,
    /// What is added to its product, its mantissa, and its shift.
    pub scaled: [i32; 3],
    /// -2²⁰ times the zero point of the input that is halved.
    pub constant: i32,
    /// The same of the sum.
    pub output: [i32; 3],
}

/// What [`add`] reads.
#[repr(C)]
struct Call<'f> {
    halved: *const i8,
    scaled: *const i8,
    y: *mut i8,
    end: *const i8,
    factors: &'f Factors,
}

impl Factors {
    /// Writes over `a`; `b` is as long. It is the one that is halved if `second`, otherwise `a` is.
    #[inline(always)]
    pub fn add(&self, a: &mut [i8], b: &[i8], second: bool) {
        if a.is_empty() || a.len() != b.len() {
            return;
        }
        let end = a.as_ptr().wrapping_add(a.len());
        let y = a.as_mut_ptr();
        let (halved, scaled) = if second { (b.as_ptr(), y.cast_const()) } else { (y.cast_const(), b.as_ptr()) };
        // SAFETY: reads each element of both before it writes it in the place of `a`, of which there is one and which end at `end`.
        unsafe { add(&Call { halved, scaled, y, end, factors: self }) };
    }
}

/// 15 instructions an element, where the compiler makes 77 of three multipliers.
///
/// # Safety
/// What the call points to must be there, one element at least.
#[unsafe(naked)]
unsafe extern "C" fn add(call: &Call) {
    naked_asm!(
        ".cpu cortex-m4",
        "push {{r3-r11, lr}}",
        "ldm r0!, {{r1-r4}}",
        "ldr r0, [r0]",
        "ldm r0, {{r5-r12}}",
        "2:",
        "ldrsb r0, [r2], #1",
        "rsb r0, r5, r0, lsl #21",
        "add lr, r6, r0, asr #31",
        "smmlar r0, r0, r7, lr",
        "ldrsb lr, [r1], #1",
        "asr r0, r0, r8",
        "add r0, r9, r0, lsl #1",
        "add r0, r0, lr, lsl #20",
        "add lr, r10, r0, asr #31",
        "smmlar r0, r0, r11, lr",
        "asr r0, r0, r12",
        "ssat r0, #8, r0",
        "strb r0, [r3], #1",
        "cmp r3, r4",
        "bne 2b",
        "pop {{r3-r11, pc}}",
    )
}
