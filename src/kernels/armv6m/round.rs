//! Sums to bytes.

use core::arch::naked_asm;

/// What [`round_one`] and [`round_three`] read.
#[repr(C)]
struct Call {
    zero_point: i32,
    exact: Exact,
    y_end: *const i8,
    /// Bytes from where outputs are written to their shifts.
    shifts: isize,
    constant: i32,
    /// From an output of a vector to that of the next one.
    outputs: usize,
    mantissas: *const i32,
    sums: *const i32,
    y: *mut i8,
}

/// An output of a sum, a mantissa, a shift and the zero point.
pub(super) type Exact = extern "C" fn(i32, i32, i32, i32) -> i32;

/// `y[vector * outputs + output]` of `sums[output][vector]`: the sum times `mantissa * 2^(shift - 31)`, rounded half up, then half away from
/// 0, then the zero point is added, held in 8 bits. By 16 bits of both factors, or `exact` where these do not tell. Returns false if it has
/// not done so.
#[inline(always)]
pub(crate) fn round<const P: usize>(
    sums: &[[i32; P]],
    (mantissas, shifts): (&[i32], &[i8]),
    zero_point: i8,
    outputs: usize,
    y: &mut [i8],
    exact: Exact,
) -> bool {
    let count = sums.len();
    let fits = count > 0
        && count <= mantissas.len().min(shifts.len())
        && (P == 1 || P == 3)
        && outputs.saturating_mul(P - 1).saturating_add(count) <= y.len();
    if !fits {
        return false;
    }
    let zero_point = i32::from(zero_point);
    let call = Call {
        zero_point,
        exact,
        y_end: y.as_ptr().wrapping_add(count),
        shifts: shifts.as_ptr().addr().wrapping_sub(y.as_ptr().addr()) as isize,
        constant: (zero_point << 21) + (1 << 20) + (1 << 16) - 1,
        outputs,
        mantissas: mantissas.as_ptr(),
        sums: sums.as_ptr().cast(),
        y: y.as_mut_ptr(),
    };
    // SAFETY: reads as many sums, mantissas and shifts as there are outputs, at least one; writes as many bytes of `y`, and of three vectors as
    // many from `outputs` on and from twice `outputs` on.
    unsafe { if P == 3 { round_three(&call) } else { round_one(&call) } }
    true
}

/// What [`round_all`] reads.
#[repr(C)]
struct Alike {
    sums: *const i32,
    y: *mut i8,
    y_end: *const i8,
    constant: i32,
    /// The smallest rest that tells.
    tells: u32,
    /// Bits behind the point of a product, and those before it.
    unit: u32,
    whole: u32,
    /// 16 bits of the mantissa.
    short: i32,
    /// What sums are shifted by.
    right: i32,
    mantissa: i32,
    shift: i32,
    zero_point: i32,
    exact: Exact,
}

/// `y[output]` of a sum times `mantissa * 2^(shift - 31)`, rounded once, halves up, with the zero point, held in 8 bits. By 16 bits of both
/// factors, or `exact` where these do not tell. Returns false if it has not done so: for a factor of 1/4 or more.
///
/// Of a sum that is shifted by k, X + e, and the mantissa, M + d, the product is X·M and from -2¹⁴ (X·d) to 2¹⁴ + 2¹⁵ (e·(M + d)), or 2¹⁴
/// where k is 0. If what lies there is rounded to one integer, that is told. Where X takes more than 16 bits, the product is 256 at least.
#[inline(always)]
pub(super) fn round_alike(
    sums: &[[i32; 1]],
    (mantissa, shift): (i32, i8),
    zero_point: i8,
    y: &mut [i8],
    exact: Exact,
) -> bool {
    let (shift, zero_point, short) = (i32::from(shift), i32::from(zero_point), ((mantissa >> 15) + 1) >> 1);
    let fits = !sums.is_empty() && sums.len() <= y.len() && short >= 1 << 14 && (-31..=-2).contains(&shift);
    if !fits {
        return false;
    }
    let right = (-6 - shift).max(0);
    let (unit, above) = if right > 0 { (21, 3 << 14) } else { (15 - shift, 1 << 14) };
    let whole = (32 - unit) as u32;
    let call = Alike {
        sums: sums.as_ptr().cast(),
        y: y.as_mut_ptr(),
        y_end: y.as_ptr().wrapping_add(sums.len()),
        constant: ((2 * zero_point + 1) << unit >> 1) + above,
        tells: ((1 << 14) + above as u32) << whole,
        unit: unit as u32,
        whole,
        short,
        right,
        mantissa,
        shift,
        zero_point,
        exact,
    };
    // SAFETY: reads as many sums as it writes bytes of `y`, at least one.
    unsafe { round_all(&call) };
    true
}

/// Loads a [`Call`] from r0: r4 sums, r7 outputs; r8 to r11 mantissas, shifts, constant and `outputs`; lr where outputs end, r12 the
/// smallest rest that tells. The first three are on the stack.
macro_rules! enter {
    () => {
        "push {{r4-r7, lr}}
         mov r4, r8
         mov r5, r9
         mov r6, r10
         mov r7, r11
         push {{r4-r7}}
         ldm r0!, {{r1-r3}}
         push {{r1-r3}}
         mov lr, r3
         ldm r0!, {{r1-r3}}
         mov r9, r1
         mov r10, r2
         mov r11, r3
         ldm r0!, {{r3, r4, r7}}
         mov r8, r3
         movs r1, #3
         lsls r1, r1, #26
         mov r12, r1"
    };
}

/// The next mantissa in r5, and what its sums are shifted by in r6; to `61` if one is out of range.
macro_rules! multiplier {
    () => {
        "mov r3, r9
         ldrsb r6, [r7, r3]
         mvns r6, r6
         subs r6, r6, #5
         mov r3, r8
         ldm r3!, {{r5}}
         mov r8, r3
         cmp r6, #25
         bhi 61f
         asrs r5, r5, #15
         bmi 61f
         adds r5, r5, #1
         asrs r5, r5, #1"
    };
}

/// The output of a sum, by 16 bits of it, as `Multiplier::of_16_bits` explains. To `$rare` if these do not tell, `$held` if it takes more than 8.
macro_rules! round {
    ($sum:literal $rare:literal $held:literal) => {
        concat!(
            "asrs ",
            $sum,
            ", r6
             sxth r3, ",
            $sum,
            "
             cmp r3, ",
            $sum,
            "
             bne ",
            $rare,
            "f
             muls ",
            $sum,
            ", r5
             add ",
            $sum,
            ", r10
             lsls r3, ",
            $sum,
            ", #11
             cmp r3, r12
             blo ",
            $rare,
            "f
             asrs ",
            $sum,
            ", ",
            $sum,
            ", #21
             sxtb r3, ",
            $sum,
            "
             cmp r3, ",
            $sum,
            "
             bne ",
            $held,
            "f"
        )
    };
}

/// The greatest or the least byte.
macro_rules! hold {
    ($y:literal) => {
        concat!(
            "asrs r3, ",
            $y,
            ", #31
             movs ",
            $y,
            ", #127
             eors ",
            $y,
            ", r3"
        )
    };
}

/// The end, and at `81` the exact output of the sum that r0 points to; r1 stays as it is.
macro_rules! leave {
    () => {
        "add sp, #12
         pop {{r4-r7}}
         mov r8, r4
         mov r9, r5
         mov r10, r6
         mov r11, r7
         pop {{r4-r7, pc}}
         81:
         push {{r1, lr}}
         ldr r0, [r0]
         mov r1, r8
         subs r1, r1, #4
         ldr r1, [r1]
         mov r2, r9
         ldrsb r2, [r7, r2]
         ldr r3, [sp, #12]
         mov r12, r3
         ldr r3, [sp, #8]
         blx r12
         pop {{r1}}
         pop {{r2}}
         movs r3, #3
         lsls r3, r3, #26
         mov r12, r3
         ldr r3, [sp, #8]
         mov lr, r3
         bx r2"
    };
}

/// Outputs of one vector: 29 instructions each.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn round_one(call: &Call) {
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r4, r10",
        "ldm r0!, {{r1-r3}}",
        "push {{r1-r4}}",
        "mov lr, r3",
        // r4 sums, r7 outputs; r1 mantissas, r2 what lies between outputs and their shifts; r10, lr and r12 as for three vectors. On the
        // stack: the zero point, `exact`, where outputs end.
        "ldm r0!, {{r2, r3}}",
        "mov r10, r3",
        "adds r0, r0, #4",
        "ldm r0!, {{r1, r4, r7}}",
        "movs r3, #3",
        "lsls r3, r3, #26",
        "mov r12, r3",
        "2:",
        "ldm r4!, {{r0}}",
        "ldm r1!, {{r5}}",
        "ldrsb r6, [r7, r2]",
        "mvns r6, r6",
        "subs r6, r6, #5",
        "cmp r6, #25",
        "bhi 61f",
        "asrs r5, r5, #15",
        "bmi 61f",
        "adds r5, r5, #1",
        "asrs r5, r5, #1",
        round!("r0" "61" "42"),
        "43:",
        "strb r0, [r7]",
        "adds r7, r7, #1",
        "cmp r7, lr",
        "bne 2b",
        "pop {{r1-r4}}",
        "mov r10, r4",
        "pop {{r4-r7, pc}}",
        "42:",
        hold!("r0"),
        "b 43b",
        "61:",
        "ldr r3, [sp, #4]",
        "mov r12, r3",
        "push {{r1, r2}}",
        "subs r0, r4, #4",
        "ldr r0, [r0]",
        "subs r1, r1, #4",
        "ldr r1, [r1]",
        "ldrsb r2, [r7, r2]",
        "ldr r3, [sp, #8]",
        "blx r12",
        "pop {{r1, r2}}",
        "movs r3, #3",
        "lsls r3, r3, #26",
        "mov r12, r3",
        "ldr r3, [sp, #8]",
        "mov lr, r3",
        "b 43b",
    )
}

/// Outputs of one vector by one multiplier: 18 instructions each.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn round_all(call: &Alike) {
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r4, r10",
        "push {{r0, r4, r5}}",
        // r4 sums, r7 outputs, r6 what sums are shifted by, r5 the mantissa, r1, r2 the product's bits; r10 the constant, lr where outputs
        // end, r12 the smallest rest that tells.
        "ldm r0!, {{r4, r7}}",
        "ldm r0!, {{r1-r3}}",
        "mov lr, r1",
        "mov r10, r2",
        "mov r12, r3",
        "ldm r0!, {{r1, r2, r5, r6}}",
        "2:",
        "ldm r4!, {{r0}}",
        "asrs r0, r6",
        "sxth r3, r0",
        "cmp r3, r0",
        "bne 42f",
        "muls r0, r5",
        "add r0, r10",
        "mov r3, r0",
        "lsls r3, r2",
        "cmp r3, r12",
        "blo 61f",
        "asrs r0, r1",
        "sxtb r3, r0",
        "cmp r3, r0",
        "bne 42f",
        "43:",
        "strb r0, [r7]",
        "adds r7, r7, #1",
        "cmp r7, lr",
        "bne 2b",
        "pop {{r0, r4, r5}}",
        "mov r10, r4",
        "pop {{r4-r7, pc}}",
        "42:",
        hold!("r0"),
        "b 43b",
        "61:",
        "subs r0, r4, #4",
        "ldr r0, [r0]",
        "ldr r3, [sp]",
        "ldr r1, [r3, #48]",
        "mov r12, r1",
        "adds r3, r3, #36",
        "ldm r3!, {{r1, r2}}",
        "ldr r3, [r3]",
        "blx r12",
        "ldr r3, [sp]",
        "ldr r1, [r3, #8]",
        "mov lr, r1",
        "ldr r1, [r3, #16]",
        "mov r12, r1",
        "ldr r1, [r3, #20]",
        "ldr r2, [r3, #24]",
        "b 43b",
    )
}

/// Outputs of three vectors: 21 instructions each, where the compiler has 40.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn round_three(call: &Call) {
    naked_asm!(
        enter!(),
        "2:",
        "ldm r4!, {{r0-r2}}",
        multiplier!(),
        round!("r0" "41" "42"),
        "43:",
        "strb r0, [r7]",
        round!("r1" "51" "52"),
        "53:",
        "mov r3, r11",
        "strb r1, [r7, r3]",
        round!("r2" "62" "64"),
        "65:",
        "mov r3, r11",
        "lsls r3, r3, #1",
        "strb r2, [r7, r3]",
        "adds r7, r7, #1",
        "cmp r7, lr",
        "bne 2b",
        "b 3f",
        "42:",
        hold!("r0"),
        "b 43b",
        "52:",
        hold!("r1"),
        "b 53b",
        "64:",
        hold!("r2"),
        "b 65b",
        "41:",
        "mov r0, r4",
        "subs r0, r0, #12",
        "bl 81f",
        "subs r3, r4, #4",
        "ldr r2, [r3]",
        "b 43b",
        "51:",
        "mov r0, r4",
        "subs r0, r0, #8",
        "bl 81f",
        "mov r1, r0",
        "subs r3, r4, #4",
        "ldr r2, [r3]",
        "b 53b",
        // All three.
        "61:",
        "mov r0, r4",
        "subs r0, r0, #12",
        "bl 81f",
        "strb r0, [r7]",
        "mov r0, r4",
        "subs r0, r0, #8",
        "bl 81f",
        "mov r3, r11",
        "strb r0, [r7, r3]",
        "62:",
        "subs r0, r4, #4",
        "bl 81f",
        "mov r2, r0",
        "b 65b",
        "3:",
        leave!(),
    )
}
