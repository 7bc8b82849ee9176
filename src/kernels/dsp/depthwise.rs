//! Windows of four channels, as pairs of 16 bits.
//!
//! The columns of pixels that windows need are expanded once, rows in pairs, for all windows that a column belongs to. A window is a
//! run of such pairs then, margins included. Pairs of an odd number of rows hold one row more, with which they are two windows, one
//! below the other.

use core::arch::asm;

/// Four outputs of the windows of some columns.
pub struct Windows<'w> {
    /// Each for channels 0, 2, 1 and 3: twice the biases; twice the weights, as the columns are; mantissas; what is added before the shift;
    /// shifts. Of a sum s with the mantissa m, `(s·m·2⁻³² + addend - (s < 0)) >> shift` is made, the product being rounded, halves up, and
    /// held within 8 bits. Then the same with the weights for the window below, or nothing.
    pub constants: [&'w [u32]; 2],
    /// Columns, in which those that are not in the image hold what lies around it. Each has quadruples of pairs, of channels 0, 2, 1 and 3
    /// of one row in the lower, of the next in the upper 16 bits.
    pub columns: &'w mut [u32],
    /// Words of a column.
    pub of_column: usize,
    /// First column in the image, and the number of those.
    pub inside: (usize, usize),
    /// Number of windows, and the columns from one to the next.
    pub windows: (usize, usize),
    /// Bytes from a pixel to the next one, in the image and in the output.
    pub steps: (usize, usize),
    /// Whether all outputs are of one channel.
    pub one_channel: bool,
    /// What lies around the image.
    pub around: i8,
}

impl Windows<'_> {
    /// Makes `rows` rows of outputs, each `length` bytes after the other. `row(at, tap)` is where the pixels begin that a tap of row `at` of
    /// the output needs, if they are in the image; usually `apart` bytes from those of the tap before. Makes less if slices do not fit
    /// together.
    #[inline(always)]
    pub fn run(
        &mut self,
        x: &[i8],
        (row, apart): (impl Fn(usize, usize) -> Option<usize>, usize),
        rows: usize,
        (y, length): (&mut [i8], usize),
    ) {
        let (first, inside) = self.inside;
        let (windows, advance) = (self.windows.0, self.windows.1.saturating_mul(self.of_column));
        let read = if self.one_channel { 1 } else { 4 };
        let span =
            |count: usize, step: usize, len: usize| count.saturating_sub(1).saturating_mul(step).saturating_add(len);
        let words = self.constants[0].len().saturating_sub(16);
        let last_row = span(rows, length, span(windows, self.steps.1, 4));
        let fits = self.of_column > 0
            && self.of_column.is_multiple_of(4)
            && span(first.saturating_add(inside), self.of_column, self.of_column) <= self.columns.len()
            && words > 0
            && words.is_multiple_of(4)
            && span(windows, advance, words) <= self.columns.len()
            && self.constants.iter().all(|constants| constants.is_empty() || constants.len() == words + 16)
            && windows > 0
            && self.steps.1 > 0
            && last_row <= y.len();
        if !fits {
            return;
        }
        let Some(limit) = x.len().checked_sub(span(inside, self.steps.0, read)) else { return };
        let around = [self.around; 4];
        let two = !self.constants[1].is_empty();
        let mut at = 0;
        while at < rows {
            if inside > 0 {
                let pairs = self.of_column / 4;
                let last = 2 * pairs - 1;
                // All rows are in the image, one after another.
                let whole = match (row(at, 0), row(at, last)) {
                    (Some(start), Some(end)) if end <= limit && end == start.wrapping_add(last * apart) => Some(start),
                    _ => None,
                };
                let columns = self.columns.as_mut_ptr().wrapping_add(first * self.of_column);
                // The longer way is that within the loop. Without the way down the columns streaming_wakeword takes 12 % more instructions.
                if let Some(start) = whole.filter(|_| inside < pairs) {
                    for column in 0..inside {
                        let a = x.as_ptr().wrapping_add(start + column * self.steps.0);
                        let to = columns.wrapping_add(column * self.of_column);
                        let [a, b] = [a, a.wrapping_add(apart)].map(|start| (start, 2 * apart));
                        // SAFETY: the last row's last pixel is before `limit`'s, as below. The last of the columns is in the slice.
                        unsafe { pack(a, b, to, 4, pairs, self.one_channel) };
                    }
                } else {
                    for pair in 0..pairs {
                        let [a, b] = [2 * pair, 2 * pair + 1].map(|tap| match row(at, tap) {
                            Some(start) if start <= limit => (x.as_ptr().wrapping_add(start), self.steps.0),
                            _ => (around.as_ptr(), 0),
                        });
                        let to = columns.wrapping_add(4 * pair);
                        // SAFETY: from the start of a row's pixels to the last byte of the last one are no more bytes than from `limit` to
                        // the end of `x`; where the step is 0, `around` is read over and over. The last of the columns is in the slice.
                        unsafe { pack(a, b, to, self.of_column, inside, self.one_channel) };
                    }
                }
            }
            for constants in self.constants.iter().take(1 + usize::from(two && at + 1 < rows)) {
                let y = y.as_mut_ptr().wrapping_add(at * length);
                // SAFETY: the last window of any row is in `columns`, the last output of the last row in `y`, and there are as many
                // constants as a window needs.
                unsafe { pixels(constants, (self.columns.as_ptr(), advance), words / 4, windows, (y, self.steps.1)) };
                at += 1;
            }
        }
    }
}

/// Writes the weights of four outputs from `first` on, of `[height, width, outputs]`, as constants of [`Windows`]: for a window, column by
/// column, and for one that begins a row further down, if there is room for it.
#[inline(always)]
pub fn expand_weights(
    weights: &[i8],
    [height, width, outputs]: [usize; 3],
    first: usize,
    window: &mut [[u32; 4]],
    below: &mut [[u32; 4]],
) {
    let pairs = height.div_ceil(2);
    let fits = width > 0
        && pairs > 0
        && height.saturating_mul(width).saturating_mul(outputs) <= weights.len()
        && first.saturating_add(4) <= outputs
        && pairs.saturating_mul(width) <= window.len();
    if !fits {
        return;
    }
    let none = [0; 4];
    for pair in 0..pairs {
        let [a, b] = [2 * pair, 2 * pair + 1].map(|row| {
            let start = weights.as_ptr().wrapping_add(row * width * outputs + first);
            if row < height { (start, outputs) } else { (none.as_ptr(), 0) }
        });
        let to = window.as_mut_ptr().wrapping_add(pair).cast();
        // SAFETY: four weights of each column are there, and there is room for every column's quadruples; where the step is 0, `none` is read
        // over and over.
        unsafe { pack(a, b, to, 4 * pairs, width, false) };
    }
    let mut below = below.iter_mut();
    for quads in window.chunks_exact_mut(pairs) {
        let mut last = [0; 4];
        for quad in quads {
            // Both halves doubled, each for itself.
            *quad = quad.map(|pair| pair << 1 & !0x1_0000);
            if let Some(below) = below.next() {
                *below = core::array::from_fn(|lane| quad[lane] << 16 | last[lane] >> 16);
            }
            last = *quad;
        }
    }
}

/// Where pixels begin, and the bytes from one to the next.
type Pixels = (*const i8, usize);

/// Writes channels 0, 2, 1 and 3 of `count` pixels, those of `a` in the lower and those of `b` in the upper 16 bits, to four words each
/// `step` words; or the first channel four times.
///
/// # Safety
/// `count` is not 0; each pixel's four channels, or its first one, can be read, and each place's words written.
#[inline(never)]
unsafe fn pack(a: Pixels, b: Pixels, y: *mut u32, step: usize, count: usize, one_channel: bool) {
    macro_rules! each {
        ($($line:literal)*) => {
            asm!(
                ".cpu cortex-m4",
                "2:",
                $($line,)*
                "add {a}, {a}, {a_step}",
                "add {b}, {b}, {b_step}",
                "strd {t4}, {t3}, [{y}]",
                "strd {t2}, {t1}, [{y}, #8]",
                "add {y}, {y}, {y_step}",
                "cmp {y}, {end}",
                "bne 2b",
                a = inout(reg) a.0 => _,
                b = inout(reg) b.0 => _,
                y = inout(reg) y => _,
                a_step = in(reg) a.1,
                b_step = in(reg) b.1,
                y_step = in(reg) step * size_of::<u32>(),
                end = in(reg) y.wrapping_add(count * step),
                t0 = out(reg) _,
                t1 = out(reg) _,
                t2 = out(reg) _,
                t3 = out(reg) _,
                t4 = out(reg) _,
                options(nostack)
            )
        };
    }
    // SAFETY: reads and writes what the caller says. `ldr` needs no alignment, `strd` that of words. Every register that is changed is
    // declared.
    unsafe {
        if one_channel {
            each!(
                "ldrsb {t0}, [{a}]"
                "ldrsb {t1}, [{b}]"
                "pkhbt {t4}, {t0}, {t1}, lsl #16"
                "mov {t3}, {t4}"
                "mov {t2}, {t4}"
                "mov {t1}, {t4}"
            );
        } else {
            each!(
                "ldr {t0}, [{a}]"
                "ldr {t1}, [{b}]"
                "sxtb16 {t2}, {t0}"
                "sxtb16 {t3}, {t1}"
                "sxtb16 {t0}, {t0}, ror #8"
                "sxtb16 {t1}, {t1}, ror #8"
                "pkhbt {t4}, {t2}, {t3}, lsl #16"
                "pkhtb {t3}, {t3}, {t2}, asr #16"
                "pkhbt {t2}, {t0}, {t1}, lsl #16"
                "pkhtb {t1}, {t1}, {t0}, asr #16"
            );
        }
    }
}

/// Four outputs of each of `count` windows, which are `steps` quadruples from `x` on; the windows are `advance` words apart, the outputs
/// `step` bytes.
///
/// # Safety
/// Neither `count` nor `steps` nor `step` is 0. All these words and `16 + 4 * steps` constants can be read, all these outputs written.
#[inline(always)]
unsafe fn pixels(
    constants: &[u32],
    (x, advance): (*const u32, usize),
    steps: usize,
    count: usize,
    (y, step): (*mut i8, usize),
) {
    /// Steps that lie one after another; the first turn begins in the middle, where steps are not a multiple.
    const TURN: usize = 6;
    /// Bytes of assembly for a step.
    const STEP: usize = 24;
    let back = (advance * size_of::<u32>()).wrapping_sub(steps * 4 * size_of::<u32>());
    let skip = (steps.next_multiple_of(TURN) - steps) * STEP;
    macro_rules! step {
        () => {
            "ldmia.w r0!, {{r6-r9}}
             ldmia.w r1!, {{r10-r12, lr}}
             smlad r2, r6, r10, r2
             smlad r3, r7, r11, r3
             smlad r4, r8, r12, r4
             smlad r5, r9, lr, r5"
        };
    }
    // SAFETY: reads and writes what the caller says. Pointers to words are aligned, as `ldm` needs; `str` does not. Every register that is
    // changed is declared, but r6 and r7, which are put back.
    unsafe {
        asm!(
            ".cpu cortex-m4",
            "vmov s0, s1, r6, r7",
            "vmov s2, s3, r2, r3",
            "vmov s4, s5, r4, r5",
            "vmov s6, r1",
            "adr.w r12, 3f",
            "add r12, r12, r8",
            "orr r12, r12, #1",
            "vmov s7, r12",
            "vmov s8, r9",
            "2:",
            "ldmia r1!, {{r2-r5}}",
            "vmov r12, s7",
            "bx r12",
            ".p2align 2",
            "3:",
            step!(),
            step!(),
            step!(),
            step!(),
            step!(),
            step!(),
            "vmov r12, s8",
            "cmp r1, r12",
            "bne 3b",
            "ldmia r1!, {{r6-r9}}",
            "ldmia r1!, {{r10-r12, lr}}",
            "add r10, r10, r2, asr #31",
            "add r11, r11, r3, asr #31",
            "add r12, r12, r4, asr #31",
            "add lr, lr, r5, asr #31",
            "smmlar r2, r2, r6, r10",
            "smmlar r3, r3, r7, r11",
            "smmlar r4, r4, r8, r12",
            "smmlar r5, r5, r9, lr",
            "ldmia r1, {{r6-r9}}",
            "vmov r10, r11, s2, s3",
            "asr r2, r2, r6",
            "asr r3, r3, r7",
            "asr r4, r4, r8",
            "asr r5, r5, r9",
            "ssat r2, #8, r2",
            "ssat r3, #8, r3",
            "ssat r4, #8, r4",
            "ssat r5, #8, r5",
            "bfi r2, r4, #8, #8",
            "bfi r2, r3, #16, #8",
            "bfi r2, r5, #24, #8",
            "vmov r6, r7, s4, s5",
            "str r2, [r10]",
            "add r10, r10, r11",
            "add r0, r0, r6",
            "vmov s2, r10",
            "vmov r1, s6",
            "cmp r10, r7",
            "bne 2b",
            "vmov r6, r7, s0, s1",
            inout("r0") x => _,
            inout("r1") constants.as_ptr() => _,
            inout("r2") y => _,
            inout("r3") step => _,
            inout("r4") back => _,
            inout("r5") y.wrapping_add(count * step) => _,
            inout("r8") skip => _,
            inout("r9") constants.as_ptr().wrapping_add(4 + 4 * steps) => _,
            out("r10") _, out("r11") _, out("r12") _, out("lr") _,
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _, out("s8") _,
            options(nostack)
        );
    }
}
