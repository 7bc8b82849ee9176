//! Products of one vector with four rows of weights at a time, rounded while they are in registers.

use core::arch::{asm, naked_asm};
use core::mem::MaybeUninit;

use super::paired::{ONE, WORDS};
use crate::kernels::paired::{PIECE, words_of_pair};

/// What [`rounded`] reads, into s0 to s15.
#[repr(C)]
struct Call {
    weights: *const i32,
    y: *mut i8,
    /// Where the outputs end that are made four at a time.
    fours_end: *const i8,
    x: *const u32,
    /// Turns of four quads, the first of which may begin in the middle, and bytes of assembly that it leaves out.
    turns: usize,
    skip: usize,
    /// Outputs behind the fours.
    rest: usize,
    /// Bytes of a pair of rows.
    pair: usize,
    /// The sum of the inputs times -128.
    offset: i32,
    quads: usize,
    /// Bytes from four mantissas to the next four: 16, or 0.
    step: usize,
    biases: *const i32,
    mantissas: *const i32,
    shifts: *const i8,
    zero_point: i32,
    y_end: *const i8,
}

/// `y[output]`: products of `x` with all rows of packed weights, and biases, are multiplied by `mantissa * 2^(shift - 31)`, rounded once,
/// halves away from 0, then the zero point is added, held in 8 bits; one multiplier may be that of all. Returns false if it has not done so:
/// for more than [`PIECE`] inputs, or a factor of 1/4 or more.
#[inline(always)]
pub(crate) fn round_once(
    x: &[i8],
    weights: &[i32],
    biases: &[i32],
    (mantissas, shifts): (&[i32], &[i8]),
    zero_point: i8,
    y: &mut [i8],
) -> bool {
    let (inputs, outputs) = (x.len(), biases.len());
    let (Some(mantissa), Some(shift)) = (mantissas.first(), shifts.first()) else { return false };
    let alike = mantissas.len() == 1;
    let fits = (1..=PIECE).contains(&inputs)
        && (1..=y.len().min(1 << 16)).contains(&outputs)
        && outputs.div_ceil(2) * words_of_pair(inputs) <= weights.len()
        && if alike { lessens(*shift) } else { outputs <= mantissas.len().min(shifts.len()) && all_lessen(shifts) };
    if !fits {
        return false;
    }
    let (four_mantissas, four_shifts) = ([*mantissa; 4], [*shift; 4]);
    let (mantissas, shifts) = if alike { (&four_mantissas[..], &four_shifts[..]) } else { (mantissas, shifts) };
    let mut expanded = [MaybeUninit::<u32>::uninit(); WORDS];
    let quads = inputs.div_ceil(4);
    // SAFETY: there is room for as many quads of inputs.
    let sum = unsafe { expand(x, expanded.as_mut_ptr().cast()) };
    let (turns, fours) = (quads.div_ceil(4), outputs / 4 * 4);
    let call = Call {
        weights: weights.as_ptr(),
        y: y.as_mut_ptr(),
        fours_end: y.as_ptr().wrapping_add(fours),
        x: expanded.as_ptr().cast(),
        turns,
        skip: (4 * turns - quads) * ONE,
        rest: outputs % 4,
        pair: words_of_pair(inputs) * size_of::<i32>(),
        offset: -128 * sum,
        quads,
        step: if alike { 0 } else { size_of::<[i32; 4]>() },
        biases: biases.as_ptr(),
        mantissas: mantissas.as_ptr(),
        shifts: shifts.as_ptr(),
        zero_point: zero_point.into(),
        y_end: y.as_ptr().wrapping_add(outputs),
    };
    // SAFETY: reads as many pairs of rows as there are for the outputs, the quads of `x`, all of them written, and a bias and a multiplier for
    // each output, or four that are the same, which are all there; writes as many bytes of `y`.
    unsafe { rounded(&call) };
    true
}

/// Whether a factor is below 1/4.
#[inline(always)]
fn lessens(shift: i8) -> bool {
    shift < -1
}

#[inline(always)]
fn all_lessen(shifts: &[i8]) -> bool {
    let (fours, rest) = shifts.as_chunks::<4>();
    let all = |four: &[i8; 4]| {
        let four = u32::from_le_bytes(four.map(|shift| shift as u8));
        // Signs are set, and not all of the other bits.
        four & 0x8080_8080 == 0x8080_8080 && ((four & 0x7f7f_7f7f) + 0x0101_0101) & 0x8080_8080 == 0
    };
    fours.iter().all(all) && rest.iter().all(|shift| lessens(*shift))
}

/// Writes quads of inputs as 16 bits, in the order of packed weights, zeros behind the last one, and returns their sum.
///
/// # Safety
/// There is at least one input, and room for two words of each quad.
#[inline(always)]
unsafe fn expand(x: &[i8], to: *mut u32) -> i32 {
    let (quads, rest) = x.as_chunks::<4>();
    let (mut from, mut to, mut sum) = (x.as_ptr(), to, 0);
    if !quads.is_empty() {
        // SAFETY: reads so many quads, and writes two words of each. Every register that is changed is declared.
        unsafe {
            asm!(
                ".cpu cortex-m4",
                "2:",
                "ldr {a}, [{x}], #4",
                "sxtb16 {b}, {a}, ror #8",
                "sxtb16 {a}, {a}",
                "smlad {sum}, {a}, {ones}, {sum}",
                "smlad {sum}, {b}, {ones}, {sum}",
                "strd {a}, {b}, [{to}], #8",
                "cmp {x}, {end}",
                "bne 2b",
                x = inout(reg) from,
                to = inout(reg) to,
                sum = inout(reg) sum,
                ones = in(reg) 0x0001_0001,
                end = in(reg) quads.as_ptr_range().end,
                a = out(reg) _,
                b = out(reg) _,
                options(nostack)
            );
        }
    }
    if let [a, rest @ ..] = rest {
        let [a, b, c] = [Some(a), rest.first(), rest.get(1)].map(|x| i32::from(x.copied().unwrap_or(0)));
        sum += a + b + c;
        // SAFETY: there is room for one more quad.
        unsafe { to.cast::<[u32; 2]>().write([a as u32 & 0xffff | (c as u32) << 16, b as u32 & 0xffff]) };
    }
    let _ = from;
    sum
}

/// 71 instructions for four outputs beside 15 for each quad, 18 for one of the last ones beside 17.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn rounded(call: &Call) {
    /// Of a sum s, with its mantissa m and n bits to the right of the upper word: `t = (s·m - (s < 0))·2⁻³²`, rounded down, then
    /// `t >> n`, the last bit that went, and the zero point, in m.
    macro_rules! round {
        ($s:literal $m:literal $n:literal $low:literal $zero_point:literal) => {
            concat!(
                concat!("smull ", $low, ", ", $m, ", ", $s, ", ", $m, "\n"),
                concat!("adds ", $low, ", ", $low, ", ", $s, ", asr #31\n"),
                concat!("adc ", $m, ", ", $m, ", ", $s, ", asr #31\n"),
                concat!("asrs ", $m, ", ", $m, ", ", $n, "\n"),
                concat!("adc ", $m, ", ", $m, ", ", $zero_point, "\n"),
                concat!("ssat ", $m, ", #8, ", $m, "\n"),
            )
        };
    }
    naked_asm!(
        ".cpu cortex-m4",
        "push {{r3-r11, lr}}",
        "vldmia r0, {{s0-s15}}",
        "adr.w r1, 3f",
        "vmov r2, s5",
        "add r1, r1, r2",
        "orr r1, r1, #1",
        "vmov s5, r1",
        "vmov r0, s0",
        "vmov r1, s1",
        "vmov r2, s2",
        "cmp r1, r2",
        "beq.w 5f",
        "2:",
        products_of_one!(),
        "vmov r1, s11",
        "ldmia.w r1!, {{r8-r11}}",
        "vmov s11, r1",
        "add r8, r8, r5",
        "add r9, r9, r4, asr #8",
        "add r10, r10, r7",
        "add r11, r11, r6, asr #8",
        "vmov r1, s12",
        "vmov r2, s10",
        "ldm r1, {{r4-r7}}",
        "add r1, r1, r2",
        "vmov s12, r1",
        // Four shifts, of which each byte becomes -1 less it.
        "vmov r1, s13",
        "ldr r3, [r1]",
        "add r1, r1, r2, lsr #2",
        "vmov s13, r1",
        "mvn r3, r3",
        "vmov r2, s14",
        "uxtb lr, r3",
        round!("r8" "r4" "lr" "r12" "r2"),
        "uxtb lr, r3, ror #8",
        round!("r9" "r5" "lr" "r12" "r2"),
        "uxtb lr, r3, ror #16",
        round!("r10" "r6" "lr" "r12" "r2"),
        "lsr lr, r3, #24",
        round!("r11" "r7" "lr" "r12" "r2"),
        "bfi r4, r5, #8, #8",
        "bfi r6, r7, #8, #8",
        "pkhbt r4, r4, r6, lsl #16",
        "vmov r1, s1",
        "str r4, [r1], #4",
        "vmov s1, r1",
        "vmov r2, s7",
        "add r0, r0, r2",
        "vmov r2, s2",
        "cmp r1, r2",
        "bne.w 2b",
        "5:",
        "vmov r3, s6",
        "cmp r3, #0",
        "beq.w 8f",
        // The third of the last ones is in a pair of its own.
        "vmov r1, s7",
        "cmp r3, #3",
        "ite eq",
        "addeq r1, r1, r0",
        "movne r1, r0",
        "vmov r2, s3",
        "vmov r3, s9",
        "vmov r4, s8",
        "mov r5, r4",
        "mov r6, r4",
        "mov r7, r4",
        "6:",
        quad_of_one!(),
        "subs r3, r3, #1",
        "bne 6b",
        "sub r4, r4, r5",
        "asr r4, r4, #8",
        "vmov r0, s11",
        "vmov r1, s12",
        "vmov r2, s13",
        "vmov r3, s1",
        "vmov r6, s14",
        "vmov r11, s10",
        "lsr r11, r11, #2",
        "7:",
        "ldr r8, [r0], #4",
        "add r8, r8, r5",
        "mov r5, r4",
        "mov r4, r7",
        "ldr r9, [r1]",
        "add r1, r1, r11",
        "ldrsb r10, [r2]",
        "add r2, r2, r11, lsr #2",
        "mvn r10, r10",
        round!("r8" "r9" "r10" "r12" "r6"),
        "strb r9, [r3], #1",
        "vmov r12, s15",
        "cmp r3, r12",
        "bne 7b",
        "8:",
        "pop {{r3-r11, pc}}",
    )
}
