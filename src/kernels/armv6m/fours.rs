//! Products of one vector with four rows of weights at a time, added up in the upper registers. As those of [pairs](super::paired).

use core::arch::naked_asm;
use core::mem::MaybeUninit;
use core::slice::from_raw_parts;

use super::round::{Exact, round, round_alike};
use crate::kernels::fours::words_of_four;
use crate::kernels::paired::words_of_pair;

/// Inputs whose products are summed up at a time, and outputs: as many as leave the stack's numbers near its end.
const PIECE: usize = 128;
/// See [`PIECE`].
const BLOCK: usize = 64;

/// Bytes on the stack.
pub(crate) const SCRATCH: usize = size_of::<Room>();

/// `y[output]`: products of `x` with all rows of packed weights, and biases, are multiplied by `mantissa * 2^(shift - 31)`, rounded once,
/// halves up, then the zero point is added, held in 8 bits; one multiplier may be that of all. Returns false if it has not done so. `exact`
/// makes an output where 16 bits of the factors do not tell.
#[inline(always)]
pub(crate) fn round_once(
    x: &[i8],
    weights: &[i32],
    biases: &[i32],
    (mantissas, shifts): (&[i32], &[i8]),
    zero_point: i8,
    y: &mut [i8],
    exact: Exact,
) -> bool {
    let (inputs, outputs) = (x.len(), biases.len());
    let fits = (1..=1 << 14).contains(&inputs)
        && (1..=y.len().min(1 << 16)).contains(&outputs)
        && outputs.div_ceil(2) * words_of_pair(inputs) <= weights.len();
    if !fits {
        return false;
    }
    let mut room = Room::new();
    if inputs <= PIECE && outputs <= BLOCK {
        // SAFETY: there is a row of weights and a bias for each output.
        let sums = unsafe {
            let vector = room.expand(x);
            room.add(vector, weights.as_ptr(), [inputs, 0], biases.as_ptr(), outputs);
            room.sums(outputs)
        };
        return rounded(sums, (mantissas, shifts), zero_point, y, exact);
    }
    let (mut first, mut vector) = (0, Vector { quads: 1, offset: 0 });
    while first < outputs {
        let count = BLOCK.min(outputs - first);
        let rows = weights.as_ptr().wrapping_add(first / 4 * words_of_four(inputs));
        let mut before = biases.as_ptr().wrapping_add(first);
        let mut from = 0;
        while from < inputs {
            // SAFETY: as above.
            unsafe {
                if first == 0 || inputs > PIECE {
                    let x = x.get(from..).unwrap_or(&[]);
                    vector = room.expand(x.get(..PIECE).unwrap_or(x));
                }
                room.add(vector, rows, [inputs, from], before, count);
            }
            before = room.sums.as_ptr().cast();
            from += PIECE;
        }
        let of = |all: usize| if all == 1 { 0 } else { first };
        let multipliers =
            (mantissas.get(of(mantissas.len())..).unwrap_or(&[]), shifts.get(of(shifts.len())..).unwrap_or(&[]));
        // SAFETY: so many are written.
        let sums = unsafe { room.sums(count) };
        if !rounded(sums, multipliers, zero_point, y.get_mut(first..).unwrap_or_default(), exact) {
            return false;
        }
        first += count;
    }
    true
}

#[inline(always)]
fn rounded(sums: &[[i32; 1]], multipliers: (&[i32], &[i8]), zero_point: i8, y: &mut [i8], exact: Exact) -> bool {
    match multipliers {
        ([mantissa], [shift]) => round_alike(sums, (*mantissa, *shift), zero_point, y, exact),
        _ => round(sums, multipliers, zero_point, sums.len(), y, exact),
    }
}

/// Room for a vector of up to [`PIECE`] inputs, expanded, and the sums of a block of outputs.
struct Room {
    /// For the loop that adds to the sums.
    call: MaybeUninit<Call>,
    /// Quads of inputs, in the order 0, 2, 1, 3, as their weights are.
    x: [MaybeUninit<[i32; 4]>; PIECE / 4],
    sums: [MaybeUninit<[i32; 1]>; BLOCK],
}

/// What is known of a vector.
#[derive(Clone, Copy)]
struct Vector {
    /// Length in quads of inputs.
    quads: usize,
    /// The sum times -128.
    offset: i32,
}

/// What [`fours`] reads.
#[repr(C)]
struct Call {
    weights: *const i32,
    x_end: *const i32,
    offset: i32,
    biases: *const i32,
    x: *const i32,
    /// Bytes of assembly that the first turn leaves out.
    skip: usize,
    sums: *mut i32,
    sums_end: *const i32,
    /// Bytes from the end of what is read of four rows to the next ones.
    gap: usize,
}

impl Room {
    #[inline(always)]
    fn new() -> Self {
        let (x, sums) = ([const { MaybeUninit::uninit() }; PIECE / 4], [const { MaybeUninit::uninit() }; BLOCK]);
        Self { call: MaybeUninit::uninit(), x, sums }
    }

    /// Sets the vector.
    ///
    /// # Safety
    /// There is at least one input, and [`PIECE`] at most.
    #[inline(always)]
    unsafe fn expand(&mut self, x: &[i8]) -> Vector {
        // SAFETY: there is room for them.
        let sum = unsafe { expand(x.as_ptr(), self.x.as_mut_ptr().cast(), x.len()) };
        Vector { quads: x.len().div_ceil(4), offset: -(sum << 7) }
    }

    /// The first sums.
    ///
    /// # Safety
    /// So many are written.
    #[inline(always)]
    unsafe fn sums(&self, count: usize) -> &[[i32; 1]] {
        // SAFETY: what the caller says.
        unsafe { from_raw_parts(self.sums.as_ptr().cast(), count) }
    }

    /// Sums of what is there `before`, and the products of the vector, which are the inputs from `first` on of as many as a row has.
    ///
    /// # Safety
    /// The vector is set. The rows are there, and so many numbers before, [`BLOCK`] at most.
    #[inline(always)]
    unsafe fn add(
        &mut self,
        Vector { quads, offset }: Vector,
        rows: *const i32,
        [inputs, first]: [usize; 2],
        before: *const i32,
        outputs: usize,
    ) {
        let (whole, rest) = (outputs / 4 * 4, outputs % 4);
        let (x, sums) = (self.x.as_ptr().cast::<i32>(), self.sums.as_mut_ptr().cast::<i32>());
        let x_end = x.wrapping_add(4 * quads);
        // SAFETY: what the caller says; there is room for four sums of the last three.
        unsafe {
            let call = |rows: *const i32, biases: *const i32, sums: *mut i32, outputs: usize| Call {
                weights: rows.wrapping_add(first),
                x_end,
                offset,
                biases,
                x,
                skip: quads.wrapping_neg() % TURN * QUAD,
                sums,
                sums_end: sums.wrapping_add(outputs),
                gap: size_of::<i32>() * (words_of_four(inputs) - 4 * quads),
            };
            if whole > 0 {
                fours(self.call.write(call(rows, before, sums, whole)));
            }
            if rest == 0 {
                return;
            }
            let skipped = whole / 4 * words_of_four(inputs);
            let (before, sums) = (before.wrapping_add(whole), sums.wrapping_add(whole));
            if rest > 2 {
                let padded = [*before, *before.wrapping_add(1), *before.wrapping_add(2), 0];
                fours(self.call.write(call(rows.wrapping_add(skipped), padded.as_ptr(), sums, 4)));
            } else {
                let both = pair(x, x_end, rows.wrapping_add(first / 2 + skipped), offset);
                sums.write((*before).wrapping_add(both as i32));
                if rest > 1 {
                    sums.wrapping_add(1).write((*before.wrapping_add(1)).wrapping_add((both >> 32) as i32));
                }
            }
        }
    }
}

/// The products with a pair of rows, that of the first one in the lower half: 3.75 instructions each.
///
/// # Safety
/// The inputs are there, at least a quad of them, and as many weights of either row.
#[unsafe(naked)]
unsafe extern "C" fn pair(x: *const i32, x_end: *const i32, rows: *const i32, offset: i32) -> u64 {
    /// The products of two inputs r4 and r5 with their halfwords in r6: r2 the sums with the lower bytes, r3 those with both.
    macro_rules! two {
        () => {
            "ldm r0!, {{r4, r5}}
             ldm r1!, {{r6}}
             uxtb r7, r6
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
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r12, r1",
        "mov r1, r2",
        "mov r2, r3",
        "2:",
        two!(),
        two!(),
        "cmp r0, r12",
        "bne 2b",
        "subs r3, r3, r2",
        "asrs r1, r3, #8",
        "mov r0, r2",
        "pop {{r4-r7, pc}}",
    )
}

/// Quads of inputs in a turn, and the bytes of assembly of each.
const TURN: usize = 4;
/// See [`TURN`].
const QUAD: usize = 104;

/// Writes inputs as words, in the order of packed weights, zeros behind the last one, and returns their sum: 4.75 instructions each.
///
/// # Safety
/// So many can be read, at least one, and there is room for quads of them.
#[unsafe(naked)]
unsafe extern "C" fn expand(x: *const i8, to: *mut [i32; 4], inputs: usize) -> i32 {
    naked_asm!(
        "push {{r4-r7, lr}}",
        "movs r3, #0",
        "mov r12, r3",
        "subs r2, r2, #4",
        "bmi 5f",
        "4:",
        "ldrsb r4, [r0, r3]",
        "add r12, r4",
        "adds r3, r3, #2",
        "ldrsb r5, [r0, r3]",
        "add r12, r5",
        "subs r3, r3, #1",
        "ldrsb r6, [r0, r3]",
        "add r12, r6",
        "adds r3, r3, #2",
        "ldrsb r7, [r0, r3]",
        "add r12, r7",
        "stmia r1!, {{r4-r7}}",
        "adds r3, r3, #1",
        "subs r2, r2, #4",
        "bpl 4b",
        "5:",
        "adds r2, r2, #4",
        "beq 6f",
        "movs r5, #0",
        "movs r6, #0",
        "movs r7, #0",
        "ldrsb r4, [r0, r3]",
        "add r12, r4",
        "subs r2, r2, #1",
        "beq 4f",
        "adds r3, r3, #1",
        "ldrsb r6, [r0, r3]",
        "add r12, r6",
        "subs r2, r2, #1",
        "beq 4f",
        "adds r3, r3, #1",
        "ldrsb r5, [r0, r3]",
        "add r12, r5",
        "4:",
        "stmia r1!, {{r4-r7}}",
        "6:",
        "mov r0, r12",
        "pop {{r4-r7, pc}}",
    )
}

/// Four rows at a time: 3.25 instructions a product, 33 for four sums, 3 a turn.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn fours(call: &Call) {
    /// The products of two inputs r4 and r5 with a word of weights: with the lower bytes, and with halfwords, 256 times the upper ones more.
    macro_rules! two {
        ($w:literal $even:literal $odd:literal) => {
            concat!(
                concat!("uxtb r6, ", $w, "\n"),
                "muls r6, r4\n",
                concat!("add ", $even, ", r6\n"),
                concat!("sxth r6, ", $w, "\n"),
                "muls r6, r4\n",
                concat!("add ", $odd, ", r6\n"),
                concat!("asrs ", $w, ", ", $w, ", #16\n"),
                concat!("uxtb r6, ", $w, "\n"),
                "muls r6, r5\n",
                concat!("add ", $even, ", r6\n"),
                concat!("muls ", $w, ", r5\n"),
                concat!("add ", $odd, ", ", $w, "\n"),
            )
        };
    }
    macro_rules! quad {
        () => {
            concat!(
                "ldm r0!, {{r4, r5}}\n",
                "ldm r1!, {{r2, r3}}\n",
                two!("r2" "r8" "r9"),
                two!("r3" "r10" "r11"),
                "ldm r0!, {{r4, r5}}\n",
                "ldm r1!, {{r2, r3}}\n",
                two!("r2" "r8" "r9"),
                two!("r3" "r10" "r11"),
            )
        };
    }
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r4, r8",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "push {{r4-r7}}",
        // r1 weights, r7 biases, r12 the inputs' end, lr the offset. On the stack: the inputs, where the first turn begins, the sums, their
        // end, the gap.
        "ldm r0!, {{r1-r3, r7}}",
        "mov r12, r2",
        "mov lr, r3",
        "ldm r0!, {{r2-r6}}",
        "adr r0, 3f",
        "adds r3, r3, r0",
        "push {{r2-r6}}",
        "2:",
        "ldr r2, [r7]",
        "ldr r4, [r7, #8]",
        "add r2, lr",
        "add r4, lr",
        "mov r8, r2",
        "mov r9, r2",
        "mov r10, r4",
        "mov r11, r4",
        "ldr r0, [sp]",
        "ldr r6, [sp, #4]",
        "mov pc, r6",
        ".p2align 2",
        "3:",
        quad!(),
        quad!(),
        quad!(),
        quad!(),
        "cmp r0, r12",
        "beq 4f",
        "b 3b",
        "4:",
        "mov r2, r8",
        "mov r3, r9",
        "mov r4, r10",
        "mov r5, r11",
        "subs r3, r3, r2",
        "subs r5, r5, r4",
        "asrs r3, r3, #8",
        "asrs r5, r5, #8",
        "ldr r0, [r7, #4]",
        "adds r3, r3, r0",
        "ldr r0, [r7, #12]",
        "adds r5, r5, r0",
        "adds r7, r7, #16",
        "ldr r0, [sp, #8]",
        "stm r0!, {{r2-r5}}",
        "str r0, [sp, #8]",
        "ldr r6, [sp, #16]",
        "adds r1, r1, r6",
        "ldr r6, [sp, #12]",
        "cmp r0, r6",
        "beq 5f",
        "b 2b",
        "5:",
        "add sp, #20",
        "pop {{r4-r7}}",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "pop {{r4-r7, pc}}",
    )
}
