//! Products of one vector with four rows of weights at a time, rounded while they are in registers. As those of [pairs](super::paired).

use core::arch::{asm, naked_asm};
use core::mem::MaybeUninit;
use core::ptr::without_provenance;

use super::paired::WORDS;
use crate::kernels::fours::words_of_four;
use crate::kernels::paired::{PIECE, words_of_pair};

/// Outputs that are summed up at a time where inputs are more than [`PIECE`].
const BLOCK: usize = 64;

/// Bytes on the stack.
pub(crate) const SCRATCH: usize = size_of::<([u32; WORDS], [i32; BLOCK])>();

/// `y[output]`: products of `x` with all rows of packed weights, and biases, are multiplied by `mantissa * 2^(shift - 31)`, rounded once,
/// halves up, then the zero point is added, held in 8 bits; one multiplier may be that of all. Returns false if it has not done so: for a
/// factor of 1/4 or more.
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
    let fits = inputs > 0
        && inputs <= 1 << 14
        && (1..=y.len().min(1 << 16)).contains(&outputs)
        && outputs.div_ceil(2) * words_of_pair(inputs) <= weights.len()
        && if alike {
            lessens(*shift)
        } else {
            outputs <= mantissas.len().min(shifts.len()) && all_lessen(mantissas, shifts)
        };
    if !fits {
        return false;
    }
    let zero_point = i32::from(zero_point);
    let made = if alike {
        let (mantissa, bits) = (without_provenance(*mantissa as usize), !i32::from(*shift) as usize);
        let zero_point = (2 * zero_point + 1) << bits >> 1;
        Made { how: How::ByOne, mantissa, shift: without_provenance(bits), zero_point }
    } else {
        Made { how: How::BySeveral, mantissa: mantissas.as_ptr(), shift: shifts.as_ptr(), zero_point }
    };
    let mut room = [MaybeUninit::uninit(); WORDS];
    if inputs > PIECE {
        // SAFETY: there are a row, a bias, a multiplier if not one for all, and room for each output.
        unsafe { in_pieces(x, &mut room, weights.as_ptr(), biases, y.as_mut_ptr(), made) };
        return true;
    }
    // SAFETY: there are a row, a bias, a multiplier if not one for all, and room for each output.
    unsafe {
        let vector = Vector::new(x, &mut room);
        vector.make(weights.as_ptr(), [inputs, 0], biases.as_ptr(), y.as_mut_ptr(), outputs, made);
    }
    true
}

/// More than [`PIECE`] inputs.
///
/// # Safety
/// As [`Vector::make`] says, of all pieces together.
#[inline(never)]
unsafe fn in_pieces(
    x: &[i8],
    room: &mut [MaybeUninit<u32>; WORDS],
    weights: *const i32,
    biases: &[i32],
    y: *mut i8,
    made: Made,
) {
    let mut sums = [0_i32; BLOCK];
    for (block, biases) in biases.chunks(BLOCK).enumerate() {
        let first = block * BLOCK;
        let weights = weights.wrapping_add(first / 4 * words_of_four(x.len()));
        let mut before = biases.as_ptr();
        for (piece, here) in x.chunks(PIECE).enumerate() {
            let from = piece * PIECE;
            let last = from + here.len() == x.len();
            let kept = Made { how: How::Kept, ..made };
            let (to, made) =
                if last { (y.wrapping_add(first), made.apart(first)) } else { (sums.as_mut_ptr().cast(), kept) };
            // SAFETY: what the caller says; there is room for so many sums.
            unsafe {
                Vector::new(here, room).make(weights, [x.len(), from], before, to, biases.len(), made);
            }
            before = sums.as_ptr();
        }
    }
}

/// Whether a factor is below 1/4, and not so small that the zero point in its steps takes more than 30 bits.
#[inline(always)]
fn lessens(shift: i8) -> bool {
    (-23..-1).contains(&shift)
}

/// Whether factors are below 1/4, or 0, as those of outputs without weights.
#[inline(always)]
fn all_lessen(mantissas: &[i32], shifts: &[i8]) -> bool {
    let (fours, rest) = shifts.as_chunks::<4>();
    let usual = |four: &[i8; 4]| {
        let four = u32::from_le_bytes(four.map(|shift| shift as u8));
        // Signs are set, and not all of the other bits.
        four & 0x8080_8080 == 0x8080_8080 && ((four & 0x7f7f_7f7f) + 0x0101_0101) & 0x8080_8080 == 0
    };
    let lessens = |(mantissa, shift): (&i32, &i8)| *shift < -1 || (*mantissa, *shift) == (0, 0);
    fours.iter().all(usual) && rest.iter().all(|shift| *shift < -1) || mantissas.iter().zip(shifts).all(lessens)
}

/// What becomes of sums.
#[repr(C)]
#[derive(Clone, Copy)]
struct Made {
    how: How,
    /// The mantissa, or where they are.
    mantissa: *const i32,
    /// How far the upper word of a product goes to the right, or where shifts are.
    shift: *const i8,
    /// The zero point; by one multiplier, with a half, shifted to the left as far.
    zero_point: i32,
}

/// Rounded by one multiplier or by several, or kept. By one, rows lie together unless they are said to lie apart.
#[repr(usize)]
#[derive(Clone, Copy)]
enum How {
    ByOne = 0,
    BySeveral = 1,
    Kept = 2,
    ByOneApart = 3,
}

impl Made {
    /// Of the outputs from `first` on, whose rows lie apart.
    #[inline(always)]
    fn apart(self, first: usize) -> Self {
        match self.how {
            How::BySeveral => {
                Self { mantissa: self.mantissa.wrapping_add(first), shift: self.shift.wrapping_add(first), ..self }
            }
            _ => Self { how: How::ByOneApart, ..self },
        }
    }

    /// Writes an output.
    ///
    /// # Safety
    /// There is room for it, and its multiplier is there.
    #[inline(always)]
    unsafe fn write(self, sum: i32, output: usize, to: *mut i8) {
        let upper = |mantissa: i32| ((i64::from(sum) * i64::from(mantissa)) >> 32) as i32;
        // SAFETY: what the caller says.
        unsafe {
            let y = match self.how {
                How::Kept => return to.cast::<i32>().wrapping_add(output).write(sum),
                How::ByOne | How::ByOneApart => {
                    (upper(self.mantissa.addr() as i32) + self.zero_point) >> self.shift.addr()
                }
                How::BySeveral => {
                    let bits = !i32::from(*self.shift.wrapping_add(output));
                    let doubled = upper(*self.mantissa.wrapping_add(output)).wrapping_shr(bits as u32 - 1);
                    (doubled + 2 * self.zero_point + 1) >> 1
                }
            };
            to.wrapping_add(output).write(y.clamp(-128, 127) as i8);
        }
    }
}

/// Up to [`PIECE`] inputs, expanded to 16 bits.
struct Vector<'x> {
    /// The first `quads` quads are written.
    x: &'x [MaybeUninit<u32>; WORDS],
    quads: usize,
    /// The sum times -128.
    offset: i32,
}

/// What [`fours`] reads, into s0 to s13.
#[repr(C)]
struct Call {
    weights: *const i32,
    /// Where outputs are written, or sums, and where the last one ends.
    to: *mut i8,
    end: *const i8,
    x: *const u32,
    offset: i32,
    biases: *const i32,
    /// Bytes of assembly from the turn's beginning to where four rows begin, and to where they go on after an odd quad.
    begin: isize,
    resume: isize,
    x_end: *const u32,
    /// Where rows lie apart, bytes from the end of what is read of four rows to the next ones.
    gap: usize,
    made: Made,
}

impl<'x> Vector<'x> {
    /// 16 bits of each input, in the order of packed weights, zeros behind the last one.
    ///
    /// # Safety
    /// There is at least one input, and [`PIECE`] at most.
    #[inline(always)]
    unsafe fn new(x: &[i8], room: &'x mut [MaybeUninit<u32>; WORDS]) -> Self {
        macro_rules! quad {
            () => {
                "ldr {a}, [{x}], #4
                 sxtb16 {b}, {a}, ror #8
                 sxtb16 {a}, {a}
                 smlad {sum}, {a}, {ones}, {sum}
                 smlad {sum}, {b}, {ones}, {sum}
                 strd {a}, {b}, [{to}], #8\n"
            };
        }
        let (quads, rest) = x.as_chunks::<4>();
        let (mut from, mut to, mut sum) = (x.as_ptr(), room.as_mut_ptr().cast::<u32>(), 0_i32);
        if !quads.is_empty() {
            // SAFETY: reads so many quads, and writes two words of each. Every register that is changed is declared.
            unsafe {
                asm!(
                    ".cpu cortex-m4",
                    "tst {count}, #1",
                    "bne 3f",
                    "2:",
                    quad!(),
                    "3:",
                    quad!(),
                    "cmp {x}, {end}",
                    "bne 2b",
                    x = inout(reg) from,
                    to = inout(reg) to,
                    sum = inout(reg) sum,
                    ones = in(reg) 0x0001_0001,
                    count = in(reg) quads.len(),
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
        Self { x: room, quads: x.len().div_ceil(4), offset: -128 * sum }
    }

    /// Makes outputs of inputs `first..` of so many: `to[output]`, of the rows from `weights` on.
    ///
    /// # Safety
    /// The vector lies within those inputs. There are a row, a bias, a multiplier if not one for all, and room for each output.
    #[inline(always)]
    unsafe fn make(
        &self,
        weights: *const i32,
        [inputs, first]: [usize; 2],
        biases: *const i32,
        to: *mut i8,
        outputs: usize,
        made: Made,
    ) {
        let (whole, rest) = (outputs / 4 * 4, outputs % 4);
        if whole > 0 {
            let skip = (self.quads / 2).wrapping_neg() % DOUBLES * DOUBLE;
            let size = if matches!(made.how, How::Kept) { size_of::<i32>() } else { 1 };
            let call = Call {
                weights: weights.wrapping_add(first),
                to,
                end: to.wrapping_add(whole * size),
                x: self.x.as_ptr().cast(),
                offset: self.offset,
                biases,
                begin: if self.quads.is_multiple_of(2) { skip as isize } else { -SINGLE },
                resume: skip as isize,
                x_end: self.x.as_ptr().cast::<u32>().wrapping_add(2 * self.quads),
                gap: size_of::<i32>() * (words_of_four(inputs) - 4 * self.quads),
                made,
            };
            // SAFETY: what the caller says.
            unsafe { fours(&call) };
        }
        // Those of a pair lie 1 word from one another if it is alone, 2 in a four.
        let (step, first) = if rest > 2 { (2, first) } else { (1, first / 2) };
        let rows = weights.wrapping_add(whole / 4 * words_of_four(inputs) + first);
        for pair in 0..rest.div_ceil(2) {
            // SAFETY: what the caller says.
            unsafe {
                let sums = self.pair(rows.wrapping_add(pair), step);
                for (output, sum) in (whole + 2 * pair..outputs).zip(sums) {
                    made.write(sum.wrapping_add(*biases.wrapping_add(output)), output, to);
                }
            }
        }
    }

    /// The products with a pair of rows, whose words are `step` words from one another.
    ///
    /// # Safety
    /// The rows are there.
    #[inline(always)]
    unsafe fn pair(&self, weights: *const i32, step: usize) -> [i32; 2] {
        let mut sums = [self.offset; 2];
        let [even, odd] = &mut sums;
        // SAFETY: reads two words a quad of either. Every register that is changed is declared.
        unsafe {
            asm!(
                ".cpu cortex-m4",
                "2:",
                "ldr {b}, [{w}, {step}]",
                "ldr {a}, [{w}]",
                "add {w}, {w}, {step}, lsl #1",
                "ldrd {c}, {d}, [{x}], #8",
                "smlad {odd}, {a}, {c}, {odd}",
                "uxtb16 {a}, {a}",
                "smlad {even}, {a}, {c}, {even}",
                "smlad {odd}, {b}, {d}, {odd}",
                "uxtb16 {b}, {b}",
                "smlad {even}, {b}, {d}, {even}",
                "cmp {x}, {end}",
                "bne 2b",
                w = inout(reg) weights => _,
                x = inout(reg) self.x.as_ptr() => _,
                end = in(reg) self.x.as_ptr().wrapping_add(2 * self.quads),
                step = in(reg) size_of::<i32>() * step,
                even = inout(reg) *even,
                odd = inout(reg) *odd,
                a = out(reg) _,
                b = out(reg) _,
                c = out(reg) _,
                d = out(reg) _,
                options(nostack, readonly)
            );
        }
        [*even, odd.wrapping_sub(*even) >> 8]
    }
}

/// Pairs of quads in a turn, the bytes of assembly of each, and those of a single one.
const DOUBLES: usize = 4;
/// See [`DOUBLES`].
const DOUBLE: usize = 108;
/// See [`DOUBLES`].
const SINGLE: isize = 68;

/// Outputs of four rows at a time: 42 instructions beside 27 for each two quads.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn fours(call: &Call) {
    /// r4, r6 the sums of rows 0 and 2, r5, r7 the mixed ones; a quad of inputs in two registers, its weights from r0 on.
    macro_rules! quad {
        ($x:literal $y:literal) => {
            concat!(
                "ldmia r0!, {{r1, r3, r12, lr}}\n",
                concat!("smlad r5, r1, ", $x, ", r5\n"),
                concat!("smlad r7, r3, ", $x, ", r7\n"),
                "uxtb16 r1, r1\n",
                "uxtb16 r3, r3\n",
                concat!("smlad r4, r1, ", $x, ", r4\n"),
                concat!("smlad r6, r3, ", $x, ", r6\n"),
                concat!("smlad r5, r12, ", $y, ", r5\n"),
                concat!("smlad r7, lr, ", $y, ", r7\n"),
                "uxtb16 r12, r12\n",
                "uxtb16 lr, lr\n",
                concat!("smlad r4, r12, ", $y, ", r4\n"),
                concat!("smlad r6, lr, ", $y, ", r6\n"),
            )
        };
    }
    macro_rules! double {
        () => {
            concat!("ldmia r2!, {{r8-r11}}\n", quad!("r8" "r9"), quad!("r10" "r11"))
        };
    }
    /// Of a sum, with its mantissa m and n bits to the right of the upper word: the last bit that goes, and the zero point, are added.
    macro_rules! round {
        ($s:literal $m:literal $n:literal $zero_point:literal) => {
            concat!(
                concat!("smmul ", $s, ", ", $s, ", ", $m, "\n"),
                concat!("asrs ", $s, ", ", $s, ", ", $n, "\n"),
                concat!("adcs ", $s, ", ", $s, ", ", $zero_point, "\n"),
                concat!("ssat ", $s, ", #8, ", $s, "\n"),
            )
        };
    }
    /// Of a sum, with the mantissa in r1: the zero point and a half, to the left by as many bits, are in r3.
    macro_rules! round_by_one {
        ($s:literal) => {
            concat!(
                concat!("smmla ", $s, ", ", $s, ", r1, r3\n"),
                concat!("asrs ", $s, ", ", $s, ", r2\n"),
                concat!("ssat ", $s, ", #8, ", $s, "\n"),
            )
        };
    }
    naked_asm!(
        ".cpu cortex-m4",
        "push {{r3-r11, lr}}",
        "vldmia r0, {{s0-s13}}",
        "adr.w r1, 3f",
        "orr r1, r1, #1",
        "vmov r2, r3, s6, s7",
        "add r2, r2, r1",
        "add r3, r3, r1",
        "vmov s6, s7, r2, r3",
        "vmov r0, s0",
        "2:",
        "vmov r1, r12, s5, s6",
        "ldmia.w r1!, {{r3, r8-r10}}",
        "vmov s5, r1",
        "vmov s14, s15, r8, r10",
        "vmov r2, r11, s3, s4",
        "add r4, r3, r11",
        "add r6, r9, r11",
        "mov r5, r4",
        "mov r7, r6",
        "bx r12",
        // An odd quad.
        ".p2align 2",
        "ldrd r8, r9, [r2], #8",
        quad!("r8" "r9"),
        "vmov r1, r3, s7, s8",
        "cmp r2, r3",
        "beq 8f",
        "bx r1",
        ".p2align 2",
        "3:",
        double!(),
        double!(),
        double!(),
        double!(),
        "vmov r1, s8",
        "cmp r2, r1",
        "bne.w 3b",
        "8:",
        "vmov r8, r10, s14, s15",
        "subs r5, r5, r4",
        "subs r7, r7, r6",
        "add r5, r8, r5, asr #8",
        "add r7, r10, r7, asr #8",
        "vmov r1, s10",
        "cbnz r1, 6f",
        "9:",
        "vmov r1, r2, s11, s12",
        "vmov r3, s13",
        round_by_one!("r4"),
        round_by_one!("r5"),
        round_by_one!("r6"),
        round_by_one!("r7"),
        "4:",
        "bfi r4, r5, #8, #8",
        "bfi r6, r7, #8, #8",
        "pkhbt r4, r4, r6, lsl #16",
        "vmov r1, r2, s1, s2",
        "str r4, [r1], #4",
        "5:",
        "vmov s1, r1",
        "cmp r1, r2",
        "bne.w 2b",
        "pop {{r3-r11, pc}}",
        "6:",
        "vmov r3, s9",
        "add r0, r0, r3",
        "cmp r1, #2",
        "beq 7f",
        "bhi 9b",
        "vmov r1, r2, s11, s12",
        "ldmia.w r1!, {{r8-r10, r12}}",
        // Four shifts, of which each byte becomes -1 less it.
        "ldr r3, [r2], #4",
        "vmov s11, s12, r1, r2",
        "mvns r3, r3",
        "vmov r2, s13",
        "uxtb r1, r3",
        round!("r4" "r8" "r1" "r2"),
        "uxtb r1, r3, ror #8",
        round!("r5" "r9" "r1" "r2"),
        "uxtb r1, r3, ror #16",
        round!("r6" "r10" "r1" "r2"),
        "lsrs r1, r3, #24",
        round!("r7" "r12" "r1" "r2"),
        "b 4b",
        "7:",
        "vmov r1, r2, s1, s2",
        "stmia r1!, {{r4-r7}}",
        "b 5b",
    )
}
