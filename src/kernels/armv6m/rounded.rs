//! Products of one vector with two rows of weights at a time, rounded while they are in registers.

use core::arch::naked_asm;
use core::mem::MaybeUninit;

use crate::kernels::paired::{PIECE, words_of_pair};

/// Words of weights, of four products each, at most of which this loop is faster than that in [blocks](super::Vectors), of 3.5 instructions a
/// product and 1,000 beside.
const FEW: usize = 1024;

/// What [`rounded`] reads.
#[repr(C)]
struct Call {
    x: *const i8,
    inputs: usize,
    /// Room for the inputs.
    expanded: *mut [i32; 4],
    mantissas: *const i32,
    shifts: *const i8,
    /// From one multiplier to the next: 1, or 0.
    step: usize,
    zero_point: i32,
    weights: *const i32,
    biases: *const i32,
    y: *mut i8,
    /// Where outputs end.
    end: *const i8,
}

/// `y[output]`: products of `x` with all rows of packed weights, and biases, are multiplied by `mantissa * 2^(shift - 31)`, rounded once,
/// halves away from 0, then the zero point is added, held in 8 bits; one multiplier may be that of all. Returns false if it has not done so: for
/// more than [`PIECE`] inputs or [`FEW`] words of weights, a factor of 1/4 or more, or a sum near 2³¹.
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
    let step = usize::from(mantissas.len() > 1);
    let multipliers = if step == 0 { 1 } else { outputs };
    let fits = (1..=PIECE).contains(&inputs)
        && (1..=y.len().min(1 << 16)).contains(&outputs)
        && outputs.div_ceil(2) * words_of_pair(inputs) <= weights.len().min(FEW)
        && multipliers <= mantissas.len().min(shifts.len());
    if !fits {
        return false;
    }
    let mut expanded = [const { MaybeUninit::<[i32; 4]>::uninit() }; PIECE / 4];
    let call = Call {
        x: x.as_ptr(),
        inputs,
        expanded: expanded.as_mut_ptr().cast(),
        mantissas: mantissas.as_ptr(),
        shifts: shifts.as_ptr(),
        step,
        zero_point: zero_point.into(),
        weights: weights.as_ptr(),
        biases: biases.as_ptr(),
        y: y.as_mut_ptr(),
        end: y.as_ptr().wrapping_add(outputs),
    };
    // SAFETY: reads the inputs, at least one, for which there is room in quads; as many quads of pairs of rows for each two outputs, a bias
    // and a multiplier for each output, or the first one, which are all there; writes as many bytes of `y`.
    unsafe { rounded(&call) }
}

/// 3.75 instructions a product, 45 an output.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn rounded(call: &Call) -> bool {
    /// The products of two inputs r4 and r5 with their halfwords in r6: r2 the sums with the lower bytes, r3 those with both.
    macro_rules! two {
        () => {
            "uxtb r7, r6
             muls r7, r4
             adds r2, r2, r7
             sxth r7, r6
             muls r4, r7
             adds r3, r3, r4
             asrs r6, r6, #16
             uxtb r7, r6
             muls r7, r5
             adds r2, r2, r7
             muls r5, r6
             adds r3, r3, r5\n"
        };
    }
    /// The next output, of a sum s without its bias. With n bits to the right of the upper word, and halves of both factors, the lower ones
    /// with a sign: `t = (s·m - (s < 0))·2⁻³²`, rounded down, then `t >> n`, the last bit that went, and the zero point.
    macro_rules! round {
        ($s:literal) => {
            concat!(
                "mov r0, r11\n",
                "ldmia r0!, {{r4}}\n",
                "mov r11, r0\n",
                concat!("adds ", $s, ", ", $s, ", r4\n"),
                "mov r6, r12\n",
                "ldr r5, [sp, #0]\n",
                "lsls r7, r6, #2\n",
                "ldr r5, [r5, r7]\n",
                concat!("sxth r0, ", $s, "\n"),
                concat!("subs r4, ", $s, ", r0\n"),
                "bvs 7f\n",
                "asrs r4, r4, #16\n",
                concat!("asrs ", $s, ", ", $s, ", #31\n"),
                "sxth r6, r5\n",
                "subs r5, r5, r6\n",
                "lsrs r5, r5, #16\n",
                "mov r7, r0\n",
                "muls r7, r6\n",
                concat!("adds r7, r7, ", $s, "\n"),
                "asrs r7, r7, #16\n",
                "muls r0, r5\n",
                "adds r7, r7, r0\n",
                "muls r6, r4\n",
                "adds r7, r7, r6\n",
                "asrs r7, r7, #16\n",
                "muls r4, r5\n",
                "adds r4, r4, r7\n",
                "mov r6, r12\n",
                "ldr r7, [sp, #4]\n",
                "ldrsb r7, [r7, r6]\n",
                "ldr r0, [sp, #8]\n",
                "add r12, r0\n",
                "ldr r0, [sp, #12]\n",
                "mvns r7, r7\n",
                "beq 7f\n",
                "bmi 7f\n",
                "asrs r4, r7\n",
                "adcs r4, r0\n",
                "sxtb r0, r4\n",
                "cmp r0, r4\n",
                "beq 4f\n",
                "asrs r4, r4, #31\n",
                "movs r0, #127\n",
                "eors r0, r4\n",
                "4:\n",
                "mov r4, r10\n",
                "strb r0, [r4]\n",
                "adds r4, r4, #1\n",
                "mov r10, r4\n",
            )
        };
    }
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "push {{r5-r7}}",
        // Inputs as words, in the order of packed weights, zeros behind the last one; r12 their sum.
        "ldmia r0!, {{r1-r3}}",
        "movs r4, #0",
        "mov r12, r4",
        "subs r2, r2, #4",
        "bmi 5f",
        "4:",
        "ldrsb r5, [r1, r4]",
        "add r12, r5",
        "adds r4, r4, #2",
        "ldrsb r6, [r1, r4]",
        "add r12, r6",
        "subs r4, r4, #1",
        "ldrsb r7, [r1, r4]",
        "add r12, r7",
        "stmia r3!, {{r5-r7}}",
        "adds r4, r4, #2",
        "ldrsb r5, [r1, r4]",
        "add r12, r5",
        "stmia r3!, {{r5}}",
        "adds r4, r4, #1",
        "subs r2, r2, #4",
        "bpl 4b",
        "5:",
        "adds r2, r2, #4",
        "beq 5f",
        "movs r6, #0",
        "movs r7, #0",
        "ldrsb r5, [r1, r4]",
        "add r12, r5",
        "subs r2, r2, #1",
        "beq 4f",
        "adds r4, r4, #1",
        "ldrsb r7, [r1, r4]",
        "add r12, r7",
        "subs r2, r2, #1",
        "beq 4f",
        "adds r4, r4, #1",
        "ldrsb r6, [r1, r4]",
        "add r12, r6",
        "4:",
        "stmia r3!, {{r5-r7}}",
        "movs r5, #0",
        "stmia r3!, {{r5}}",
        "5:",
        "mov r9, r3",
        // The sum times -128, where inputs begin, and where outputs end.
        "mov r5, r12",
        "lsls r5, r5, #7",
        "rsbs r5, r5, #0",
        "subs r0, r0, #4",
        "ldr r6, [r0]",
        "ldr r7, [r0, #32]",
        "adds r0, r0, #4",
        "ldmia r0!, {{r1-r4}}",
        "push {{r1-r7}}",
        "ldmia r0!, {{r1-r3}}",
        "mov r11, r2",
        "mov r10, r3",
        "movs r0, #0",
        "mov r12, r0",
        "2:",
        "ldr r0, [sp, #20]",
        "ldr r2, [sp, #16]",
        "mov r3, r2",
        "3:",
        "ldmia r0!, {{r4, r5}}",
        "ldmia r1!, {{r6}}",
        two!(),
        "ldmia r0!, {{r4, r5}}",
        "ldmia r1!, {{r6}}",
        two!(),
        "cmp r0, r9",
        "bne 3b",
        "subs r3, r3, r2",
        "asrs r3, r3, #8",
        round!("r2"),
        "ldr r0, [sp, #24]",
        "cmp r4, r0",
        "beq 6f",
        round!("r3"),
        "ldr r0, [sp, #24]",
        "cmp r4, r0",
        "beq 6f",
        "b 2b",
        "6:",
        "movs r0, #1",
        "b 8f",
        "7:",
        "movs r0, #0",
        "8:",
        "add sp, #28",
        "pop {{r5-r7}}",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "pop {{r4-r7, pc}}",
    )
}
