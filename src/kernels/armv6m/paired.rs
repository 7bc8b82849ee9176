//! Products with two rows of weights at a time, of one vector and of three.
//!
//! What is added up lies in the upper registers, which take part in an addition and nothing else: that leaves the lower ones for factors.
//! In all, kws takes 2.4 instructions for a product of three vectors, ad01 3.6 for one of one vector; with the compiler's loops, which keep
//! sums in the lower ones, 3.0 and 4.4. Of the latter 3.4 are the least: a byte is loaded or extracted, multiplied and added.

use core::arch::naked_asm;

use crate::kernels::paired::{PIECE, RUN, each_row, offset};

/// Vectors expanded to words, as those of the plain twin.
pub(crate) struct Vectors<const P: usize> {
    /// Quads of inputs, in the order 0, 2, 1, 3, as their weights are. Of three vectors, both words of each input.
    x: [i32; 2 * PIECE],
    /// Of one vector, the sum times -128.
    offset: i32,
    /// Length in quads of inputs.
    quads: usize,
}

/// What [`one`] and [`three`] read.
#[repr(C)]
struct Call {
    x: *const i32,
    x_end: *const i32,
    weights: *const i32,
    sums: *mut i32,
    sums_end: *const i32,
    /// Bytes from the end of what is read of a pair of rows to where the next one begins.
    gap: usize,
    /// Bytes of assembly that the first turn leaves out, and of one vector, bytes of weights that belong to them.
    skip: usize,
    skipped: usize,
    /// What belongs to the sums of row 0: of three vectors, their mixed ones.
    offset: [i32; 2],
}

impl<const P: usize> Vectors<P> {
    /// Words of a quad of inputs.
    const WORDS: usize = if P == 3 { 8 } else { 4 };

    #[inline(always)]
    pub(crate) fn new() -> Self {
        const { assert!(P == 1 || P == 3) };
        const { assert!(PIECE < 1 << (23 - 14), "256 times a sum takes 32 bits") };
        Self { x: [0; 2 * PIECE], offset: 0, quads: 0 }
    }

    /// Of each vector, `length` inputs are set from now on, at most [`PIECE`].
    #[inline(always)]
    pub(crate) fn begin(&mut self, length: usize) {
        self.quads = length.min(PIECE).div_ceil(4);
        self.offset = 0;
    }

    /// The inputs from `first` on are `x`, as many of each vector; both are multiples of 4, unless `x` are the last ones.
    #[inline(never)]
    pub(crate) fn put(&mut self, first: usize, x: [&[i8]; P]) {
        let [(x, x_rest), (y, y_rest), (z, z_rest)] = [x[0], x[P / 2], x[P - 1]].map(|x| x.as_chunks::<4>());
        let start = first / 4 * Self::WORDS;
        self.expand(start, [x, y, z]);
        if !x_rest.is_empty() {
            let last = [x_rest, y_rest, z_rest].map(|x| [[0, 1, 2, 3].map(|at| x.get(at).copied().unwrap_or(0))]);
            self.expand(start + x.len() * Self::WORDS, last.each_ref().map(|x| &x[..]));
        }
    }

    /// Sets the words from `start` on.
    #[inline(never)]
    fn expand(&mut self, start: usize, [x, y, z]: [&[[i8; 4]]; 3]) {
        let to = self.x.get_mut(start..).unwrap_or_default();
        if P == 3 {
            let quads = x.len().min(y.len()).min(z.len()).min(to.len() / 8);
            if quads > 0 {
                let [x, y, z] = [x, y, z].map(|x| x.as_ptr().cast());
                // SAFETY: so many quads of each are there, and there is room for them.
                unsafe { expand_three(x, y, z, to.as_mut_ptr(), 4 * quads) };
            }
            return;
        }
        for ([a, b, c, d], to) in x.iter().zip(to.as_chunks_mut().0) {
            let [a, b, c, d] = [*a, *b, *c, *d].map(i32::from);
            *to = [a, c, b, d];
            self.offset -= (a + b + c + d) << 7;
        }
    }

    /// The inputs of each vector are windows of some rows, so many bytes apart, which begin at `starts` in `x`; rows of a window are multiples
    /// of 4 long.
    #[inline(never)]
    pub(crate) fn put_windows(&mut self, x: &[i8], starts: [usize; P], len: usize, rows: [usize; 2]) {
        each_row(x, starts, len, rows, |first, x| self.put(first, x));
    }

    /// Adds to `sums[row]` the products of each vector with rows of packed weights, modulo 2³². A pair of rows begins `stride` words after
    /// the one before it.
    #[inline(never)]
    pub(crate) fn add_products(&self, weights: &[i32], stride: usize, sums: &mut [[i32; P]]) {
        let pairs = sums.len() / 2;
        let sums = sums.get_mut(..2 * pairs).unwrap_or_default().as_flattened_mut().as_mut_ptr_range();
        // A run of three vectors is as long as their sums stay apart, a turn two quads of them, or four of one.
        let (run, turn, code) = if P == 3 { (RUN, 2, THREE) } else { (PIECE / 4, 4, ONE) };
        let x = self.x.get(..self.quads * Self::WORDS).unwrap_or(&[]);
        for (at, x) in x.chunks(run * Self::WORDS).enumerate() {
            let quads = x.len() / Self::WORDS;
            let words = 2 * quads;
            let read = pairs.saturating_sub(1).saturating_mul(stride).saturating_add(words);
            let weights = weights.get(at * 2 * run..).unwrap_or(&[]);
            if pairs == 0 || stride < words || weights.len() < read {
                return;
            }
            let skipped = quads.wrapping_neg() % turn;
            let call = Call {
                x: x.as_ptr(),
                x_end: x.as_ptr_range().end,
                weights: weights.as_ptr(),
                sums: sums.start,
                sums_end: sums.end,
                gap: (stride - words) * size_of::<i32>(),
                skip: skipped * code,
                skipped: skipped * 2 * size_of::<i32>(),
                offset: if P == 3 { offset(x.as_chunks().0.as_chunks().0) } else { [self.offset, 0] },
            };
            // SAFETY: reads `words` words from every `stride`th of `weights` on, as many times as there are `pairs`, which end within it; the
            // `quads` quads of the vectors, at least one; and adds to the sums of each pair.
            unsafe { if P == 3 { three(&call) } else { one(&call) } }
        }
    }
}

/// Expands `len` bytes of three vectors: 10 instructions for an input of each.
///
/// # Safety
/// `len` is a multiple of 4 and not 0. So many bytes of each can be read, and there is room for two words of each.
#[unsafe(naked)]
unsafe extern "C" fn expand_three(x: *const i8, y: *const i8, z: *const i8, to: *mut i32, len: usize) {
    /// `x + y * 2^21` and `z + y * 2^11`.
    macro_rules! input {
        () => {
            "ldrsb r4, [r0, r7]
             ldrsb r6, [r1, r7]
             ldrsb r5, [r2, r7]
             lsls r6, r6, #11
             adds r5, r5, r6
             lsls r6, r6, #10
             adds r4, r4, r6
             stmia r3!, {{r4, r5}}"
        };
    }
    naked_asm!(
        "push {{r4-r7, lr}}",
        "ldr r4, [sp, #20]",
        "mov r12, r4",
        "movs r7, #0",
        "2:",
        input!(),
        "adds r7, r7, #2",
        input!(),
        "subs r7, r7, #1",
        input!(),
        "adds r7, r7, #2",
        input!(),
        "adds r7, r7, #1",
        "cmp r7, r12",
        "bne 2b",
        "pop {{r4-r7, pc}}",
    )
}

/// Bytes of assembly for a quad of one vector, and of three.
const ONE: usize = 54;
/// See [`ONE`].
const THREE: usize = 100;

/// Puts r4 to r11 away. `push` takes none of the upper registers.
macro_rules! enter {
    () => {
        "push {{r4-r7, lr}}
         mov r4, r8
         mov r5, r9
         mov r6, r10
         mov r7, r11
         push {{r4-r7}}"
    };
}

/// Fetches what [`enter`] put away, and returns.
macro_rules! leave {
    () => {
        "pop {{r4-r7}}
         mov r8, r4
         mov r9, r5
         mov r10, r6
         mov r11, r7
         pop {{r4-r7, pc}}"
    };
}

/// Adds the products of one vector with pairs of rows. With halfwords `(w1 << 8) | (w0 + 128)`, `256·A + U` and U are summed up, where A is row
/// 1's sum and U that of x·(w0 + 128): a byte with a sign takes two instructions to load.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn one(call: &Call) {
    /// r1 weights; r8 the sum of row 0, r9 the mixed one; inputs in registers.
    macro_rules! inputs {
        ($at:literal $upper:literal $x:literal $y:literal) => {
            concat!(
                "ldr r2, [r1, #",
                $at,
                "]
                 uxtb r3, r2
                 muls r3, ",
                $x,
                ", r3
                 add r8, r3
                 ldrb r3, [r1, #",
                $upper,
                "]
                 muls r3, ",
                $y,
                ", r3
                 add r8, r3
                 sxth r3, r2
                 muls r3, ",
                $x,
                ", r3
                 add r9, r3
                 asrs r2, r2, #16
                 muls r2, ",
                $y,
                ", r2
                 add r9, r2"
            )
        };
    }
    naked_asm!(
        enter!(),
        // r12 where a turn is entered, r10 the sums, r11 the call, lr the end of the inputs.
        "ldr r1, [r0, #24]",
        "adr r2, 2f",
        "adds r2, r2, r1",
        "mov r12, r2",
        "ldr r2, [r0, #12]",
        "mov r10, r2",
        "ldr r2, [r0, #4]",
        "mov lr, r2",
        "ldr r1, [r0, #8]",
        "mov r11, r0",
        "3:",
        "mov r3, r11",
        "ldr r0, [r3]",
        "ldr r3, [r3, #28]",
        "subs r1, r1, r3",
        "movs r3, #0",
        "mov r8, r3",
        "mov r9, r3",
        "mov pc, r12",
        ".p2align 2",
        "2:",
        "ldm r0!, {{r4-r7}}",
        inputs!("0" "2" "r4" "r5"),
        inputs!("4" "6" "r6" "r7"),
        "ldm r0!, {{r4-r7}}",
        inputs!("8" "10" "r4" "r5"),
        inputs!("12" "14" "r6" "r7"),
        "ldm r0!, {{r4-r7}}",
        inputs!("16" "18" "r4" "r5"),
        inputs!("20" "22" "r6" "r7"),
        "ldm r0!, {{r4-r7}}",
        inputs!("24" "26" "r4" "r5"),
        inputs!("28" "30" "r6" "r7"),
        "adds r1, r1, #32",
        "cmp r0, lr",
        "bne 2b",
        "mov r2, r11",
        "ldr r3, [r2, #32]",
        "mov r4, r8",
        "mov r5, r9",
        "subs r5, r5, r4",
        "asrs r5, r5, #8",
        "adds r4, r4, r3",
        "mov r0, r10",
        "ldm r0!, {{r6, r7}}",
        "subs r0, r0, #8",
        "adds r6, r6, r4",
        "adds r7, r7, r5",
        "stmia r0!, {{r6, r7}}",
        "mov r10, r0",
        "ldr r3, [r2, #20]",
        "adds r1, r1, r3",
        "ldr r3, [r2, #16]",
        "cmp r0, r3",
        "beq 4f",
        "b 3b",
        "4:",
        leave!(),
    )
}

/// Adds the products of three vectors with pairs of rows.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn three(call: &Call) {
    /// r0 inputs, r1 weights; r8 and r9 the mixed sums of row 0, r10 and r11 those of row 1; `$odd` is 1 more than `$even`.
    macro_rules! input {
        ($even:literal $odd:literal) => {
            concat!(
                "ldm r0!, {{r2, r3}}
                 ldrb r4, [r1, #",
                $even,
                "]
                 mov r5, r4
                 muls r4, r2, r4
                 add r8, r4
                 muls r5, r3, r5
                 add r9, r5
                 ldrsb r4, [r1, ",
                $odd,
                "]
                 muls r2, r4, r2
                 add r10, r2
                 muls r3, r4, r3
                 add r11, r3"
            )
        };
    }
    /// Adds the three sums that are mixed in `$left` and `$right`, less than 0, to those that r0 points to. As `apart` of the plain twin.
    macro_rules! apart {
        ($left:literal $right:literal) => {
            concat!(
                "mov r2, ",
                $left,
                "
                 rsbs r2, r2, #0
                 mov r3, ",
                $right,
                "
                 rsbs r3, r3, #0
                 lsls r4, r2, #11
                 asrs r4, r4, #11
                 subs r2, r2, r4
                 lsrs r2, r2, #10
                 subs r6, r3, r2
                 lsls r6, r6, #10
                 asrs r6, r6, #10
                 subs r5, r3, r6
                 asrs r5, r5, #11
                 ldm r0!, {{r2, r3, r7}}
                 subs r4, r2, r4
                 subs r5, r3, r5
                 subs r6, r7, r6
                 subs r0, r0, #12
                 stmia r0!, {{r4-r6}}"
            )
        };
    }
    naked_asm!(
        enter!(),
        // On the stack: where a turn is entered, the sums, the call.
        "ldr r1, [r0, #24]",
        "adr r2, 2f",
        "adds r1, r1, r2",
        "ldr r2, [r0, #12]",
        "mov r3, r0",
        "push {{r1-r3}}",
        "ldr r2, [r0, #4]",
        "mov lr, r2",
        "ldr r1, [r0, #8]",
        "3:",
        "ldr r7, [sp, #8]",
        "ldr r2, [r7, #32]",
        "rsbs r2, r2, #0",
        "mov r8, r2",
        "ldr r2, [r7, #36]",
        "rsbs r2, r2, #0",
        "mov r9, r2",
        "movs r2, #0",
        "mov r10, r2",
        "mov r11, r2",
        "ldr r0, [r7]",
        "ldr r2, [sp]",
        "movs r6, #1",
        "movs r7, #3",
        "mov pc, r2",
        ".p2align 2",
        "2:",
        input!("0" "r6"),
        input!("2" "r7"),
        "adds r1, r1, #4",
        input!("0" "r6"),
        input!("2" "r7"),
        "adds r1, r1, #4",
        input!("0" "r6"),
        input!("2" "r7"),
        "adds r1, r1, #4",
        input!("0" "r6"),
        input!("2" "r7"),
        "adds r1, r1, #4",
        "cmp r0, lr",
        "bne 2b",
        "ldr r0, [sp, #4]",
        apart!("r8" "r9"),
        apart!("r10" "r11"),
        "str r0, [sp, #4]",
        "ldr r7, [sp, #8]",
        "ldr r2, [r7, #20]",
        "adds r1, r1, r2",
        "ldr r2, [r7, #16]",
        "cmp r0, r2",
        "beq 4f",
        "b 3b",
        "4:",
        "add sp, #12",
        leave!(),
    )
}
