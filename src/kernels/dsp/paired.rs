//! Products with two rows of weights at a time, of one vector and of three.
//!
//! With words `(w1 << 8) | (w0 + 128)`, SMLAD of a word gives `256·A + U`, where A is row 1's sum and U that of x·(w0 + 128); UXTB16 and
//! SMLAD give U. So A is `(256·A + U - U) / 256`, exactly while it takes 24 bits: of up to 511 inputs it does. Row 0's sum is U less 128
//! times the sum of x.
//!
//! `.cpu` makes the assembler know the instructions where the compiler does not count on them: on a Cortex-M33 they are an option.

use core::arch::{asm, naked_asm};
use core::mem::MaybeUninit;
use core::ptr;

use super::rows;
use crate::kernels::paired::{PIECE, Run};

/// Words of a piece that is expanded to 16 bits.
pub(super) const WORDS: usize = PIECE / 2;

/// Vectors expanded to 16 bits, a word of each one after another.
pub(crate) struct Vectors<const P: usize> {
    /// The first `quads` quads are written.
    x: MaybeUninit<[[u32; WORDS]; P]>,
    /// Of each vector, the sum.
    sums: [i32; P],
    /// Length in quads of inputs.
    quads: usize,
}

/// What [`one`] and [`three`] read.
#[repr(C)]
struct Call {
    weights: *const i32,
    /// Where the sums are, or the outputs, and where the last of them but one ends.
    to: *mut u8,
    end: *const u8,
    x: *const u32,
    /// Turns of four quads of one vector, of eight quads of three, the first of which may begin in the middle.
    turns: usize,
    /// Bytes of assembly that the first turn leaves out.
    skip: usize,
    /// Bytes from the end of what is read of a pair of rows to the next one that this pair's place goes to.
    gap: usize,
    /// Of one vector, bytes from a pair of rows to the one that is taken together with it; of three, from a vector's outputs to
    /// the next one's.
    other: usize,
    offsets: [i32; 3],
    /// The following of what is rounded alone; of sums, null.
    biases: *const i32,
    /// Bytes from the biases to the mantissas, and from the first output to the shifts.
    mantissas: usize,
    shifts: usize,
    /// Twice the zero point, and 1.
    zero_point: i32,
}

impl<const P: usize> Vectors<P> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        const { assert!(P == 1 || P == 3) };
        // Zeros would be those of `x` too.
        Self { x: MaybeUninit::uninit(), sums: [1; P], quads: 1 }
    }

    /// Of each vector, `length` inputs are set from now on, at most [`PIECE`].
    #[inline(always)]
    pub(crate) fn begin(&mut self, length: usize) {
        self.quads = length.min(PIECE).div_ceil(4);
        self.sums = [0; P];
    }

    /// The inputs from `first` on are `x`, as many of each vector; both are multiples of 4; of one vector, unless `x`
    /// are the last ones.
    #[inline(never)]
    pub(crate) fn put(&mut self, first: usize, x: [&[i8]; P]) {
        let quads = x.map(|x| x.as_chunks::<4>());
        let len = quads.iter().map(|(whole, _)| whole.len()).min().unwrap_or(0);
        if len > 0 && first / 4 + len <= self.quads {
            // SAFETY: so many quads of each are there, and there is room for them.
            unsafe { self.expand(first / 4, x.map(<[i8]>::as_ptr), [len, 1, 0]) };
        }
        if P == 1 && quads.iter().any(|(_, rest)| !rest.is_empty()) && first / 4 + len < self.quads {
            let last = quads.map(|(_, rest)| {
                let mut quad = [0; 4];
                quad.iter_mut().zip(rest).for_each(|(to, x)| *to = *x);
                quad
            });
            // SAFETY: as above, of one quad.
            unsafe { self.expand(first / 4 + len, last.each_ref().map(|quad| quad.as_ptr()), [1, 1, 0]) };
        }
    }

    /// The inputs of each vector are windows of `rows` rows, `step` apart, which begin at `starts` in `x`; rows of a window are multiples
    /// of 4 long.
    #[inline(never)]
    pub(crate) fn put_windows(&mut self, x: &[i8], starts: [usize; P], len: usize, [rows, step]: [usize; 2]) {
        let span = rows.saturating_sub(1).saturating_mul(step).saturating_add(len);
        let fits = starts.iter().all(|start| start.saturating_add(span) <= x.len());
        let quads = len / 4;
        if fits && quads > 0 && rows > 0 && step >= len && quads.saturating_mul(rows) <= self.quads {
            // SAFETY: each window ends within `x`, and there is room for its quads.
            unsafe {
                self.expand(0, starts.map(|start| x.as_ptr().wrapping_add(start)), [quads, rows, step - 4 * quads])
            };
        }
    }

    /// Sets all inputs to windows of `rows` rows of `len` elements, `step` apart. Rows that are no multiples of 4 long are copied first, one after
    /// another, to where nothing is expanded.
    ///
    /// # Safety
    /// There is a row and an element in it. All elements can be read, `quads` holds them, and if they are copied, thrice as many are at most
    /// [`WORDS`].
    #[inline(never)]
    unsafe fn put_all(&mut self, mut x: [*const i8; P], len: usize, [rows, step]: [usize; 2]) {
        let mut size = [len / 4, rows, step.wrapping_sub(len)];
        if !len.is_multiple_of(4) {
            let quads = self.quads;
            let mut to = self.x.as_mut_ptr().cast::<u32>().wrapping_add(P * (WORDS - quads));
            for x in &mut x {
                let copy = to;
                to = to.wrapping_add(quads);
                // SAFETY: there is room for `quads` words of each vector behind twice as many that are expanded.
                unsafe {
                    to.wrapping_sub(1).write(0);
                    rows::copy(*x, copy.cast(), [rows, len], [step, len]);
                }
                *x = copy.cast();
            }
            size = [quads, 1, 0];
        }
        self.sums = [0; P];
        // SAFETY: what the caller says, and of copies, zeros are behind the last element.
        unsafe { self.expand(0, x, size) };
    }

    /// `rows` times `quads` quads of each vector; `gap` bytes lie between them.
    ///
    /// # Safety
    /// Neither is 0. All these quads can be read, and from quad `first` on there is room for them.
    #[inline(always)]
    unsafe fn expand(&mut self, first: usize, x: [*const i8; P], [quads, rows, gap]: [usize; 3]) {
        let mut to = self.x.as_mut_ptr().cast::<u32>().wrapping_add(2 * P * first);
        if let (&[a, b, c], [first, second, third]) = (&x[..], &mut self.sums[..]) {
            let sums = [*first, *second, *third];
            let mut call = Expanded { x: [a, b, c], to, sums, len: 4 * quads, rows, gap };
            // SAFETY: what the caller says.
            unsafe { expand_three(&mut call) };
            [*first, *second, *third] = call.sums;
            return;
        }
        for (mut x, sum) in x.into_iter().zip(&mut self.sums) {
            for _ in 0..rows {
                // SAFETY: what the caller says. Every register that is changed is declared.
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
                        "subs {quads}, {quads}, #1",
                        "bne 2b",
                        x = inout(reg) x,
                        to = inout(reg) to,
                        sum = inout(reg) *sum,
                        ones = in(reg) 0x0001_0001,
                        quads = inout(reg) quads => _,
                        a = out(reg) _,
                        b = out(reg) _,
                        options(nostack)
                    );
                }
                x = x.wrapping_add(gap);
            }
        }
    }

    /// What the sums of row 0 begin with.
    #[inline(always)]
    fn offsets(&self) -> [i32; 3] {
        [0, 1, 2].map(|at| -128 * self.sums.get(at).copied().unwrap_or(0))
    }

    /// What all loops read.
    #[inline(always)]
    fn call(&self) -> Call {
        const { assert!(PIECE / 2 * 128 < 1 << 15, "sums of a piece are in halves") };
        let (turn, of_quad) = if P == 1 { (4, ONE) } else { (8, THREE) };
        let turns = self.quads.div_ceil(turn);
        Call {
            weights: ptr::null(),
            to: ptr::null_mut(),
            end: ptr::null(),
            x: self.x.as_ptr().cast(),
            turns,
            skip: (turn * turns - self.quads) * of_quad,
            gap: 0,
            other: 0,
            offsets: self.offsets(),
            biases: ptr::null(),
            mantissas: 0,
            shifts: 0,
            zero_point: 0,
        }
    }

    /// Whether [`round`](Self::round) makes anything.
    pub(crate) const ROUNDS: bool = P == 3;

    /// `y[vector][output]`: products with all rows of packed weights, as long as the vectors, and biases, are multiplied by
    /// `mantissa * 2^(shift - 31)`, rounded half up, then half away from 0, then the zero point is added, held in 8 bits. Mantissas are 2³⁰ or
    /// more and shifts below 0, or both are 0. Returns false if it has not done so: for an odd number of outputs, or one scale for all.
    #[inline(never)]
    pub(crate) fn round(
        &self,
        weights: &[i32],
        biases: &[i32],
        multipliers: (&[i32], &[i8]),
        zero_point: i8,
        y: &mut [i8],
    ) -> bool {
        let Some(mut call) = self.rounding(weights, biases, multipliers, zero_point) else { return false };
        let fits = biases.len().saturating_mul(P) <= y.len();
        if fits {
            // SAFETY: there is room for the outputs.
            unsafe { self.write(&mut call, multipliers.1, y) };
        }
        fits
    }

    /// As [`round`](Self::round), of one window after another, of which so many begin in `x` as there are outputs in `y`, a multiple of `P`.
    #[inline(never)]
    pub(crate) fn round_run(
        &mut self,
        (x, run): (&[i8], Run),
        weights: &[i32],
        biases: &[i32],
        multipliers: (&[i32], &[i8]),
        zero_point: i8,
        y: &mut [i8],
    ) -> bool {
        let Run { start, advance, len, rows: [rows, step] } = run;
        let inputs = len.saturating_mul(rows);
        self.begin(inputs);
        let Some(mut call) = self.rounding(weights, biases, multipliers, zero_point) else { return false };
        let outputs = (P * biases.len()).max(1);
        let span =
            |count: usize, step: usize, len: usize| count.saturating_sub(1).saturating_mul(step).saturating_add(len);
        let windows = P * (y.len() / outputs);
        let fits = inputs <= PIECE
            && step >= len
            && (len.is_multiple_of(4) || 3 * self.quads <= WORDS)
            && span(windows, advance, span(rows, step, len)) <= x.len().saturating_sub(start);
        if !fits {
            return false;
        }
        let mut x = x.as_ptr().wrapping_add(start);
        for y in y.chunks_exact_mut(outputs) {
            let all = [(); P].map(|()| {
                let here = x;
                x = x.wrapping_add(advance);
                here
            });
            // SAFETY: the last window ends within `x`, and there is room for the outputs.
            unsafe {
                self.put_all(all, len, [rows, step]);
                self.write(&mut call, multipliers.1, y);
            }
        }
        true
    }

    /// What [`write`](Self::write) reads.
    #[inline(never)]
    fn rounding(
        &self,
        weights: &[i32],
        biases: &[i32],
        (mantissas, shifts): (&[i32], &[i8]),
        zero_point: i8,
    ) -> Option<Call> {
        let outputs = biases.len();
        let fits = P == 3
            && outputs > 0
            && outputs.is_multiple_of(2)
            && self.quads > 0
            && self.quads.saturating_mul(outputs) <= weights.len()
            && outputs <= mantissas.len()
            && outputs <= shifts.len();
        fits.then(|| Call {
            weights: weights.as_ptr(),
            other: outputs,
            biases: biases.as_ptr(),
            mantissas: mantissas.as_ptr().addr().wrapping_sub(biases.as_ptr().addr()),
            zero_point: 2 * i32::from(zero_point) + 1,
            ..self.call()
        })
    }

    /// Writes outputs.
    ///
    /// # Safety
    /// `call` is of [`rounding`](Self::rounding), and `shifts` are its. There is room for the outputs of all vectors.
    #[inline(always)]
    unsafe fn write(&self, call: &mut Call, shifts: &[i8], y: &mut [i8]) {
        call.to = y.as_mut_ptr().cast();
        call.end = y.as_ptr().wrapping_add(call.other).cast();
        call.shifts = shifts.as_ptr().addr().wrapping_sub(y.as_ptr().addr());
        call.offsets = self.offsets();
        // SAFETY: reads a pair of rows, two biases and two multipliers of each two outputs, which are all there, and the vectors; writes two
        // bytes of each of the three rows of `y`.
        unsafe { three(call) };
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
        let call = |weights: &[i32], sums: &mut [[i32; P]], gap: usize, other: usize| Call {
            weights: weights.as_ptr(),
            to: sums.as_mut_ptr().cast(),
            end: sums.as_ptr_range().end.cast(),
            gap: gap * size_of::<i32>(),
            other,
            ..self.call()
        };
        if P == 3 {
            let sums = sums.get_mut(..2 * pairs).unwrap_or_default();
            let call = call(weights, sums, stride - words, 0);
            // SAFETY: reads `words` words from every `stride`th of `weights` on, as many times as there are `pairs`, which end within it;
            // the `quads` quads of the vectors; and adds to the six sums of each pair.
            unsafe { three(&call) };
            return;
        }
        let four = pairs / 2;
        if four > 0 {
            let gap = 2 * stride - words;
            let sums = sums.get_mut(..4 * four).unwrap_or_default();
            let call = call(weights, sums, gap, stride * size_of::<i32>());
            // SAFETY: as above, of two pairs of rows at a time, which have four sums.
            unsafe { one(&call) };
        }
        if let Some((last, _)) = sums.get_mut(4 * four..).unwrap_or_default().split_first_chunk_mut::<2>() {
            let mut both = [last[0], last[1], [0; P], [0; P]];
            let call = call(weights.get(2 * four * stride..).unwrap_or(&[]), &mut both, 0, 0);
            // SAFETY: as above, of the last pair twice: the second time for sums that nobody reads.
            unsafe { one(&call) };
            *last = [both[0], both[1]];
        }
    }
}

/// What [`expand_three`] reads.
#[repr(C)]
struct Expanded {
    x: [*const i8; 3],
    to: *mut u32,
    sums: [i32; 3],
    /// Bytes of a row, rows, and bytes between them.
    len: usize,
    rows: usize,
    gap: usize,
}

/// Expands rows of quads of three vectors, and adds them up.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn expand_three(call: &mut Expanded) {
    naked_asm!(
        ".cpu cortex-m4",
        "push {{r0, r4-r11, lr}}",
        "add r1, r0, #28",
        "vldmia r1, {{s1-s3}}",
        "ldm r0, {{r0-r3}}",
        // Sums in halves, which hold those of a piece.
        "mov r4, #0",
        "mov r5, #0",
        "mov r6, #0",
        "3:",
        "vmov r7, s1",
        "add r7, r7, r0",
        "2:",
        "ldr r8, [r0], #4",
        "ldr r9, [r1], #4",
        "ldr r10, [r2], #4",
        "sxtb16 r11, r8, ror #8",
        "sxtb16 r12, r9, ror #8",
        "sxtb16 lr, r10, ror #8",
        "sxtb16 r8, r8",
        "sxtb16 r9, r9",
        "sxtb16 r10, r10",
        "sadd16 r4, r4, r11",
        "sadd16 r5, r5, r12",
        "sadd16 r6, r6, lr",
        "sadd16 r4, r4, r8",
        "sadd16 r5, r5, r9",
        "sadd16 r6, r6, r10",
        "stmia r3!, {{r8-r12, lr}}",
        "cmp r0, r7",
        "bne 2b",
        "vmov r8, s2",
        "vmov r9, s3",
        "add r0, r0, r9",
        "add r1, r1, r9",
        "add r2, r2, r9",
        "subs r8, r8, #1",
        "vmov s2, r8",
        "bne 3b",
        "pop {{r0}}",
        "add r0, r0, #16",
        "ldm r0, {{r1-r3}}",
        "mov r7, #0x00010001",
        "smlad r4, r4, r7, r1",
        "smlad r5, r5, r7, r2",
        "smlad r6, r6, r7, r3",
        "stm r0, {{r4-r6}}",
        "pop {{r4-r11, pc}}",
    )
}

/// Bytes of assembly for a quad of one vector, and of three.
const ONE: usize = 60;
/// See [`ONE`].
const THREE: usize = 80;

/// Loads a [`Call`] from r0 into s0 to s14, where `skip` becomes the place within the turn at `3:`; r0 are the weights.
macro_rules! enter {
    () => {
        "push {{r3-r11, lr}}
         vldmia r0, {{s0-s14}}
         adr.w r1, 3f
         vmov r2, s5
         add r1, r1, r2
         orr r1, r1, #1
         vmov s5, r1
         vmov r0, s0"
    };
}

/// r0, r1 weights; r2 inputs; r4, r6 the mixed sums, r5, r7 those of row 0.
macro_rules! quad_of_one {
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
         smlad r7, r11, lr, r7\n"
    };
}

/// From the beginning of two pairs of rows to their sums: r4, r6 256 times those of row 1, r5, r7 those of row 0.
macro_rules! products_of_one {
    () => {
        concat!(
            "vmov r1, s7
             add r1, r1, r0
             vmov r2, s3
             vmov r3, s4
             vmov r4, s8
             mov r5, r4
             mov r6, r4
             mov r7, r4
             vmov r8, s5
             bx r8
             .p2align 2
             3:\n",
            quad_of_one!(),
            quad_of_one!(),
            quad_of_one!(),
            quad_of_one!(),
            "subs r3, r3, #1
             bne.w 3b
             sub r4, r4, r5
             sub r6, r6, r7"
        )
    };
}

/// Two pairs of rows, one vector.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn one(call: &Call) {
    naked_asm!(
        ".cpu cortex-m4",
        enter!(),
        "2:",
        products_of_one!(),
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

/// r0 weights; r1 inputs; r3 to r5 the mixed sums of the vectors, r6 to r8 those of row 0. Loads of single words that are neighbours take
/// a cycle each but the first: with LDRD and LDM alone, 3 instructions fewer, a quad takes 25 cycles instead of 24.
macro_rules! quad_of_three {
    () => {
        "ldr r9, [r0], #4
         ldr r10, [r0], #4
         ldr r11, [r1], #4
         ldr r12, [r1], #4
         ldr lr, [r1], #4
         smlad r3, r9, r11, r3
         smlad r4, r9, r12, r4
         smlad r5, r9, lr, r5
         uxtb16 r9, r9
         smlad r6, r9, r11, r6
         smlad r7, r9, r12, r7
         smlad r8, r9, lr, r8
         ldmia.w r1!, {{r11, r12, lr}}
         smlad r3, r10, r11, r3
         smlad r4, r10, r12, r4
         smlad r5, r10, lr, r5
         uxtb16 r10, r10
         smlad r6, r10, r11, r6
         smlad r7, r10, r12, r7
         smlad r8, r10, lr, r8\n"
    };
}

/// From the beginning of a pair of rows to its sums: r3 to r5 256 times those of row 1, r6 to r8 those of row 0.
macro_rules! products_of_three {
    () => {
        concat!(
            "vmov r1, r2, s3, s4
             vmov r3, r4, s8, s9
             vmov r5, s10
             mov r6, r3
             mov r7, r4
             mov r8, r5
             vmov r9, s5
             bx r9
             .p2align 2
             3:\n",
            quad_of_three!(),
            quad_of_three!(),
            quad_of_three!(),
            quad_of_three!(),
            quad_of_three!(),
            quad_of_three!(),
            quad_of_three!(),
            quad_of_three!(),
            "subs r2, r2, #1
             bne.w 3b
             sub r3, r3, r6
             sub r4, r4, r7
             sub r5, r5, r8"
        )
    };
}

/// A pair of rows, three vectors: sums or, with biases, outputs, which take 13 instructions each beside the products.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn three(call: &Call) {
    /// Of a sum s, with twice its mantissa m and n bits to the right: `t = (s·m + s·2³²)·2⁻³²`, halves up, `t - (s < 0)`, then
    /// `((t >> (n - 1)) + 2 * zero_point + 1) >> 1`, which is `((t + (1 << (n - 1))) >> n) + zero_point` and overflows nowhere.
    macro_rules! round {
        ($s:literal $m:literal $shift:literal) => {
            concat!(
                "smmlar ",
                $s,
                ", ",
                $s,
                ", ",
                $m,
                ", ",
                $s,
                "
                 add ",
                $s,
                ", ",
                $s,
                ", ",
                $s,
                ", asr #31
                 asr ",
                $s,
                ", ",
                $s,
                ", ",
                $shift,
                "
                 qadd ",
                $s,
                ", ",
                $s,
                ", r2
                 ssat ",
                $s,
                ", #8, ",
                $s,
                ", asr #1"
            )
        };
    }
    naked_asm!(
        ".cpu cortex-m4",
        enter!(),
        "2:",
        products_of_three!(),
        "vmov r1, s1",
        "vmov r2, r9, s11, s12",
        "cmp r2, #0",
        "beq.w 5f",
        "vmov lr, s13",
        "ldr r10, [r2, r9]",
        "ldr r11, [r2], #4",
        "ldr r9, [r2, r9]",
        "ldr r12, [r2], #4",
        "ldrh lr, [r1, lr]",
        "vmov s11, r2",
        "add r6, r6, r11",
        "add r7, r7, r11",
        "add r8, r8, r11",
        "add r3, r12, r3, asr #8",
        "add r4, r12, r4, asr #8",
        "add r5, r12, r5, asr #8",
        "lsl r10, r10, #1",
        "lsl r9, r9, #1",
        // Of two shifts, each byte becomes -1 less it; those above do not count.
        "mvn lr, lr",
        "lsr r12, lr, #8",
        "vmov r2, s14",
        round!("r6" "r10" "lr"),
        round!("r7" "r10" "lr"),
        round!("r8" "r10" "lr"),
        round!("r3" "r9" "r12"),
        round!("r4" "r9" "r12"),
        round!("r5" "r9" "r12"),
        "bfi r6, r3, #8, #8",
        "bfi r7, r4, #8, #8",
        "bfi r8, r5, #8, #8",
        "vmov r2, s7",
        "strh r8, [r1, r2, lsl #1]",
        "strh r7, [r1, r2]",
        "strh r6, [r1], #2",
        "vmov s1, r1",
        "vmov r2, s2",
        "cmp r1, r2",
        "bne.w 2b",
        "pop {{r3-r11, pc}}",
        "5:",
        "ldm r1, {{r2, r9-r12, lr}}",
        "add r2, r2, r6",
        "add r9, r9, r7",
        "add r10, r10, r8",
        "add r11, r11, r3, asr #8",
        "add r12, r12, r4, asr #8",
        "add lr, lr, r5, asr #8",
        "stmia r1!, {{r2, r9-r12, lr}}",
        "vmov s1, r1",
        "vmov r2, s6",
        "add r0, r0, r2",
        "vmov r2, s2",
        "cmp r1, r2",
        "bne.w 2b",
        "pop {{r3-r11, pc}}",
    )
}
