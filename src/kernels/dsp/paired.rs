//! Products with two rows of weights at a time, of one vector and of two.
//!
//! With words `(w1 << 8) | (w0 + 128)`, SMLAD of a word gives `256·A + U`, where A is row 1's sum and U that of x·(w0 + 128); UXTB16 and
//! SMLAD give U. So A is `(256·A + U - U) / 256`, exactly while it takes 24 bits: of up to 511 inputs it does. Row 0's sum is U less 128
//! times the sum of x.
//!
//! `.cpu` makes the assembler know the instructions where the compiler does not count on them: on a Cortex-M33 they are an option.

use core::arch::{asm, naked_asm};
use core::mem::MaybeUninit;

use crate::kernels::paired::PIECE;

/// Words of a piece that is expanded to 16 bits.
const WORDS: usize = PIECE / 2;

/// Vectors expanded to 16 bits, quad by quad: two words of the first one, then two of the second.
pub(crate) struct Vectors<const P: usize> {
    /// The first `quads` quads are written.
    x: [[MaybeUninit<u32>; WORDS]; P],
    /// Of each vector, the sum times -128.
    offsets: [i32; P],
    /// Length in quads of inputs.
    quads: usize,
}

/// What [`one`] and [`two`] read.
#[repr(C)]
struct Call {
    weights: *const i32,
    /// The first and the last but one of the sums.
    sums: *mut i32,
    end: *const i32,
    x: *const u32,
    /// Turns of four quads, the first of which may begin in the middle.
    turns: usize,
    /// Bytes of assembly that the first turn leaves out.
    skip: usize,
    /// Bytes from the end of what is read of a pair of rows to the next one that this pair's place goes to.
    gap: usize,
    /// Of [`one`], bytes from a pair of rows to the one that is taken together with it; of [`two`], the second vector's offset.
    other: usize,
    offset: i32,
}

impl<const P: usize> Vectors<P> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        const { assert!(P == 1 || P == 2) };
        Self { x: [[MaybeUninit::uninit(); WORDS]; P], offsets: [0; P], quads: 0 }
    }

    /// Of each vector, `length` inputs are set from now on, at most [`PIECE`].
    #[inline(always)]
    pub(crate) fn begin(&mut self, length: usize) {
        self.quads = length.min(PIECE).div_ceil(4);
        self.offsets = [0; P];
    }

    /// Of vector `at`, the inputs from `first` on are `x`; both are multiples of 4, unless `x` is the last.
    #[inline(never)]
    pub(crate) fn set(&mut self, at: usize, first: usize, x: &[i8]) {
        let left = self.quads.saturating_sub(first / 4);
        let Some(offset) = self.offsets.get_mut(at) else { return };
        let (whole, rest) = x.as_chunks::<4>();
        if whole.len() + usize::from(!rest.is_empty()) > left {
            return;
        }
        let mut sum = 0;
        let mut to = self.x.as_mut_ptr().cast::<u32>().wrapping_add(2 * (P * (first / 4) + at));
        if !whole.is_empty() {
            // SAFETY: reads the quads of `whole`, which are at least one; writes two words of each to every `P`th pair of words from that
            // of `first` and `at` on, where `at` is below `P`, and there are so many `left` of the vector. Every register that it changes
            // is declared.
            unsafe {
                asm!(
                    ".cpu cortex-m4",
                    "2:",
                    "ldr {a}, [{x}], #4",
                    "sxtb16 {b}, {a}, ror #8",
                    "sxtb16 {a}, {a}",
                    "smlad {sum}, {a}, {ones}, {sum}",
                    "smlad {sum}, {b}, {ones}, {sum}",
                    "strd {a}, {b}, [{to}], #{step}",
                    "subs {quads}, {quads}, #1",
                    "bne 2b",
                    x = inout(reg) whole.as_ptr() => _,
                    to = inout(reg) to,
                    sum = inout(reg) sum,
                    ones = in(reg) 0x0001_0001,
                    quads = inout(reg) whole.len() => _,
                    a = out(reg) _,
                    b = out(reg) _,
                    step = const 8 * P,
                    options(nostack)
                );
            }
        }
        if !rest.is_empty() {
            let mut x = [0; 4];
            x.iter_mut().zip(rest).for_each(|(to, x)| *to = i32::from(*x));
            sum += x[0] + x[1] + x[2];
            // SAFETY: there is `left` a quad more than `whole` has.
            unsafe {
                to.write((x[2] << 16 | x[0] & 0xffff) as u32);
                to.add(1).write((x[3] << 16 | x[1] & 0xffff) as u32);
            }
        }
        *offset -= 128 * sum;
    }

    /// As [`set`](Self::set), `length` times `x`.
    #[inline(never)]
    pub(crate) fn fill(&mut self, at: usize, first: usize, length: usize, x: i8) {
        let word = (i32::from(x) << 16 | i32::from(x) & 0xffff) as u32;
        let pairs = self.x.as_flattened_mut().as_chunks_mut::<2>().0.iter_mut();
        for pair in pairs.skip(P * (first / 4) + at).step_by(P).take(length / 4) {
            *pair = [MaybeUninit::new(word); 2];
        }
        if let Some(offset) = self.offsets.get_mut(at) {
            *offset -= 128 * length as i32 * i32::from(x);
        }
    }

    /// Adds to `sums[row]` the products of each vector with rows of packed weights, modulo 2³². A pair of rows begins `stride` words after
    /// the one before it.
    #[inline(never)]
    pub(crate) fn add_products(&self, weights: &[i32], stride: usize, sums: &mut [[i32; P]]) {
        let words = 2 * self.quads;
        let pairs = sums.len() / 2;
        let read = pairs.saturating_sub(1).saturating_mul(stride).saturating_add(words);
        if self.quads == 0 || pairs == 0 || stride < words || weights.len() < read {
            return;
        }
        let turns = self.quads.div_ceil(4);
        let left_out = 4 * turns - self.quads;
        let call = |weights: *const i32, sums: &mut [[i32; P]], gap: usize, other: usize| Call {
            weights,
            end: sums.as_ptr().wrapping_add(sums.len()).cast(),
            sums: sums.as_mut_ptr().cast(),
            x: self.x.as_ptr().cast(),
            turns,
            skip: left_out * if P == 1 { ONE } else { TWO },
            gap: gap * size_of::<i32>(),
            other,
            offset: self.offsets[0],
        };
        if let [_, second] = self.offsets[..] {
            let sums = sums.get_mut(..2 * pairs).unwrap_or_default();
            let call = call(weights.as_ptr(), sums, stride - words, second as usize);
            // SAFETY: reads `words` words from every `stride`th of `weights` on, as many times as there are `pairs`, which end within it;
            // the `quads` quads of both vectors; and adds to the four sums of each pair.
            unsafe { two(&call) };
            return;
        }
        let four = pairs / 2;
        if four > 0 {
            let gap = 2 * stride - words;
            let sums = sums.get_mut(..4 * four).unwrap_or_default();
            let call = call(weights.as_ptr(), sums, gap, stride * size_of::<i32>());
            // SAFETY: as above, of two pairs of rows at a time, which have four sums.
            unsafe { one(&call) };
        }
        if let Some((last, _)) = sums.get_mut(4 * four..).unwrap_or_default().split_first_chunk_mut::<2>() {
            let mut both = [last[0], last[1], [0; P], [0; P]];
            let call = call(weights.as_ptr().wrapping_add(2 * four * stride), &mut both, 0, 0);
            // SAFETY: as above, of the last pair twice: the second time for sums that nobody reads.
            unsafe { one(&call) };
            *last = [both[0], both[1]];
        }
    }
}

/// Bytes of assembly for a quad in [`one`] and in [`two`].
const ONE: usize = 60;
/// See [`ONE`].
const TWO: usize = 48;

/// Loads a [`Call`] from r0 into s0 to s8, where `skip` becomes the place within the turn at `3:`; r0 are the weights.
macro_rules! enter {
    () => {
        "push {{r3-r11, lr}}
         vldmia r0, {{s0-s8}}
         adr.w r1, 3f
         vmov r2, s5
         add r1, r1, r2
         orr r1, r1, #1
         vmov s5, r1
         vmov r0, s0"
    };
}

/// Two pairs of rows, one vector.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn one(call: &Call) {
    /// r0, r1 weights; r2 inputs; r4, r6 the mixed sums, r5, r7 those of row 0.
    macro_rules! quad {
        () => {
            "ldrd r8, r9, [r0], #8
             ldrd r10, r11, [r1], #8
             ldrd r12, lr, [r2], #8
             smlad r4, r8, r12, r4
             smlad r6, r10, r12, r6
             uxtb16 r8, r8
             uxtb16 r10, r10
             smlad r5, r8, r12, r5
             smlad r7, r10, r12, r7
             smlad r4, r9, lr, r4
             smlad r6, r11, lr, r6
             uxtb16 r9, r9
             uxtb16 r11, r11
             smlad r5, r9, lr, r5
             smlad r7, r11, lr, r7"
        };
    }
    naked_asm!(
        ".cpu cortex-m4",
        enter!(),
        "2:",
        "vmov r1, s7",
        "add r1, r1, r0",
        "vmov r2, s3",
        "vmov r3, s4",
        "vmov r4, s8",
        "mov r5, r4",
        "mov r6, r4",
        "mov r7, r4",
        "vmov r8, s5",
        "bx r8",
        ".p2align 2",
        "3:",
        quad!(),
        quad!(),
        quad!(),
        quad!(),
        "subs r3, r3, #1",
        "bne.w 3b",
        "sub r4, r4, r5",
        "sub r6, r6, r7",
        "vmov r1, s1",
        "ldm r1, {{r8-r11}}",
        "add r8, r8, r5",
        "add r9, r9, r4, asr #8",
        "add r10, r10, r7",
        "add r11, r11, r6, asr #8",
        "stmia r1!, {{r8-r11}}",
        "vmov s1, r1",
        "vmov r2, s6",
        "add r0, r0, r2",
        "vmov r2, s2",
        "cmp r1, r2",
        "bne.w 2b",
        "pop {{r3-r11, pc}}",
    )
}

/// A pair of rows, two vectors.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn two(call: &Call) {
    /// r0 weights; r1 inputs; r3, r4 the mixed sums of the two vectors, r5, r6 those of row 0.
    macro_rules! quad {
        () => {
            "ldrd r7, r8, [r0], #8
             ldmia.w r1!, {{r9-r12}}
             smlad r3, r7, r9, r3
             smlad r4, r7, r11, r4
             uxtb16 r7, r7
             smlad r5, r7, r9, r5
             smlad r6, r7, r11, r6
             smlad r3, r8, r10, r3
             smlad r4, r8, r12, r4
             uxtb16 r8, r8
             smlad r5, r8, r10, r5
             smlad r6, r8, r12, r6"
        };
    }
    naked_asm!(
        ".cpu cortex-m4",
        enter!(),
        "vmov lr, s1",
        "2:",
        "vmov r1, s3",
        "vmov r2, s4",
        "vmov r3, s8",
        "vmov r4, s7",
        "mov r5, r3",
        "mov r6, r4",
        "vmov r7, s5",
        "bx r7",
        ".p2align 2",
        "3:",
        quad!(),
        quad!(),
        quad!(),
        quad!(),
        "subs r2, r2, #1",
        "bne.w 3b",
        "sub r3, r3, r5",
        "sub r4, r4, r6",
        "ldm lr, {{r9-r12}}",
        "add r9, r9, r5",
        "add r10, r10, r6",
        "add r11, r11, r3, asr #8",
        "add r12, r12, r4, asr #8",
        "stmia lr!, {{r9-r12}}",
        "vmov r2, s6",
        "add r0, r0, r2",
        "vmov r2, s2",
        "cmp lr, r2",
        "bne.w 2b",
        "pop {{r3-r11, pc}}",
    )
}

/// What [`round_two`] reads.
#[repr(C)]
struct Rounded {
    sums: *const [i32; 2],
    mantissas: *const i32,
    shifts: *const i8,
    y: [*mut i8; 2],
    end: *const [i32; 2],
    /// Twice the zero point, and 1.
    zero_point: i32,
    /// Bytes from a mantissa to the next one, and from a shift.
    steps: [usize; 2],
}

/// `y[v][output] = round(round(sums[output][v] * 2^left * mantissa / 2^31) / 2^right) + zero_point`, held in 8 bits. The first rounding is
/// half up, the second half away from 0. Mantissas are 2³⁰ or more, or 0 with a shift of 0.
///
/// 12 instructions an output where the compiler needs 23: SMMLAR of the sum, twice the mantissa less 2³², and the sum is the first rounding.
#[inline(always)]
pub(crate) fn round<const P: usize>(
    sums: &[[i32; P]],
    mantissas: &[i32],
    shifts: &[i8],
    zero_point: i8,
    y: &mut [&mut [i8]; P],
) -> bool {
    let outputs = sums.len();
    let fits = |len: usize| len == 1 || len >= outputs;
    if P != 2 || outputs == 0 || !fits(mantissas.len()) || !fits(shifts.len()) || y.iter().any(|y| y.len() < outputs) {
        return false;
    }
    let sums = sums.as_ptr().cast();
    let mut to = y.iter_mut().map(|y| y.as_mut_ptr());
    let mut to = || to.next().unwrap_or(core::ptr::null_mut());
    let rounded = Rounded {
        sums,
        mantissas: mantissas.as_ptr(),
        shifts: shifts.as_ptr(),
        y: [to(), to()],
        end: sums.wrapping_add(outputs),
        zero_point: 2 * i32::from(zero_point) + 1,
        steps: [if mantissas.len() == 1 { 0 } else { size_of::<i32>() }, usize::from(shifts.len() > 1)],
    };
    // SAFETY: there is an output. Of each, this reads two sums, its multiplier or the one of all, and writes a byte of both `y`, all of
    // which are there.
    unsafe { round_two(&rounded) };
    true
}

/// Both outputs of each channel.
///
/// # Safety
/// What is pointed to must be there.
#[unsafe(naked)]
unsafe extern "C" fn round_two(rounded: &Rounded) {
    naked_asm!(
        ".cpu cortex-m4",
        "push {{r3-r11, lr}}",
        "vldmia r0, {{s0-s8}}",
        "vmov r0, s0",
        "vmov r1, s1",
        "vmov r2, s2",
        "vmov r3, s3",
        "vmov r4, s4",
        "vmov r5, s5",
        "vmov r6, s6",
        "vmov r12, s7",
        "vmov lr, s8",
        "2:",
        "ldr r7, [r1]",
        "ldrsb r8, [r2]",
        "ldrd r10, r11, [r0], #8",
        "add r1, r1, r12",
        "add r2, r2, lr",
        "lsl r7, r7, #1",
        "rsbs r8, r8, #0",
        "ble 4f",
        "sub r8, r8, #1",
        "smmlar r10, r10, r7, r10",
        "smmlar r11, r11, r7, r11",
        "add r10, r10, r10, asr #31",
        "add r11, r11, r11, asr #31",
        // `((t >> (n - 1)) + 1) >> 1` is `(t + (1 << (n - 1))) >> n`, and overflows nowhere; the zero point comes with the 1.
        "asr r10, r10, r8",
        "asr r11, r11, r8",
        "qadd r10, r10, r6",
        "qadd r11, r11, r6",
        "3:",
        "asr r10, r10, #1",
        "asr r11, r11, #1",
        "ssat r10, #8, r10",
        "ssat r11, #8, r11",
        "strb r10, [r3], #1",
        "strb r11, [r4], #1",
        "cmp r0, r5",
        "bne 2b",
        "pop {{r3-r11, pc}}",
        // No shift to the right.
        "4:",
        "rsb r8, r8, #0",
        "lsl r10, r10, r8",
        "lsl r11, r11, r8",
        "smmlar r10, r10, r7, r10",
        "smmlar r11, r11, r7, r11",
        "cmp r7, #0",
        "itt eq",
        "moveq r10, #0",
        "moveq r11, #0",
        // The zero point is added without an overflow.
        "ssat r10, #16, r10",
        "ssat r11, #16, r11",
        "add r10, r6, r10, lsl #1",
        "add r11, r6, r11, lsl #1",
        "b 3b",
    )
}
