//! Windows of four channels, as pairs of 16 bits.
//!
//! Pixels are expanded once, in pairs across the windows' way, for all windows that they belong to: a window is a run of columns of such
//! pairs, margins included. Pairs of an odd number of taps hold one pixel more, with which they are two windows, one beside the other.

use core::arch::{asm, naked_asm};

/// Whether `count` places, each `len` long and `step` after the one before it, end within `end` if the first is `first`.
#[inline(never)]
fn fit(first: usize, step: usize, count: usize, len: usize, end: usize) -> bool {
    let last = count.saturating_sub(1).saturating_mul(step).saturating_add(first);
    count > 0 && last.saturating_add(len) <= end
}

/// Of four outputs: twice the biases; twice the weights, as columns are; mantissas; what is added before the shift; shifts. Of a sum s with the
/// mantissa m, `(s·m·2⁻³² + addend - (s < 0)) >> shift` is made, the product being rounded, halves up, and held within 8 bits.
pub type Constants = [u32];

/// Words of biases and factors.
pub const FACTORS: usize = 16;

/// How rows of pixels lie across.
#[derive(Clone, Copy)]
pub struct Across {
    /// Place of the first window's first tap, margin included.
    pub first: usize,
    /// Pixels from a window to the next, and from a tap to the next.
    pub stride: usize,
    pub dilation: usize,
    /// Pixels before the image, and in it.
    pub before: usize,
    pub input: usize,
    /// Bytes from a row of pixels to the next, and of all places: a row behind them is at the first one again.
    pub step: usize,
    pub ring: usize,
}

impl Across {
    /// Where a row of pixels begins, if it is in the image.
    #[inline(always)]
    fn start(&self, at: usize) -> Option<usize> {
        let at = at.checked_sub(self.before).filter(|at| *at < self.input)?;
        let start = at.wrapping_mul(self.step);
        if start < self.ring { Some(start) } else { start.checked_rem(self.ring) }
    }
}

/// Where windows lie, and their outputs.
#[derive(Clone, Copy)]
pub struct Shape {
    pub across: Across,
    /// Words of a column: quadruples of pairs of pixels, each word for one of four channels.
    pub of_column: usize,
    /// First column in the image, and the number of those.
    pub inside: (usize, usize),
    /// Windows of a row: if they begin at a pair's first pixel, and if at its second, or 0.
    pub windows: [usize; 2],
    /// Columns from a window to the next.
    pub stride: usize,
    /// Bytes from a pixel to the next one, in the image and in the output, and from a row of outputs to the next.
    pub steps: [usize; 3],
    /// Rows of outputs.
    pub rows: usize,
    /// Whether windows are three columns of two pairs, one or two columns after each other. What a column adds to three sums is added while it
    /// is in registers, as the weights are ([`slide`]): without this kws takes 19 % more cycles, vww 9 %.
    pub slides: bool,
    /// Whether the next windows' first pair is the second of these.
    pub shared: bool,
}

/// Windows, of which four outputs are made at a time.
pub struct Windows<'w> {
    shape: Shape,
    x: &'w [i8],
    /// What lies around the image.
    around: i8,
    kind: Kind,
    columns: &'w mut [u32],
    /// Lengths of constants.
    lens: [usize; 2],
    /// The last place in the image where the pixels of all columns may begin, and where those of one may.
    limits: [usize; 2],
}

impl<'w> Windows<'w> {
    /// `None` if slices do not fit together.
    #[inline(always)]
    pub fn new(
        shape: Shape,
        (x, around, kind): (&'w [i8], i8, Kind),
        columns: &'w mut [u32],
        lens: [usize; 2],
    ) -> Option<Self> {
        let Shape { of_column, inside: (first, inside), windows, stride, steps, rows, slides, shared, .. } = shape;
        let fits = |window: usize| {
            let words = lens[window].saturating_sub(FACTORS);
            words > 0
                && words.is_multiple_of(4)
                && (!slides || (of_column == 8 && words == SLID && (1..=2).contains(&stride)))
                && fit(0, stride.saturating_mul(of_column), windows[window], words, columns.len())
        };
        let fits = rows > 0
            && of_column > 0
            && of_column.is_multiple_of(4)
            && (inside == 0 || fit(first.saturating_mul(of_column), of_column, inside, of_column, columns.len()))
            && steps[1] > 0
            && (slides || !shared)
            && fits(0)
            && (windows[1] == 0 || fits(1));
        let pixel = if kind == Kind::Channel { 1 } else { 4 };
        let limit = |count: usize| x.len().checked_sub((count - 1).saturating_mul(steps[0]).saturating_add(pixel));
        let limits = [limit(inside.max(1))?, limit(1)?];
        fits.then_some(Self { shape, x, around, kind, columns, lens, limits })
    }

    /// Makes all rows, of the channels that are `channel` bytes behind the first one. Makes nothing if slices do not fit together.
    #[inline(always)]
    pub fn run(&mut self, constants: [&Constants; 2], channel: usize, y: &mut [i8]) {
        let Shape { ref across, of_column, inside, windows, steps: [_, step, row], rows, shared, .. } = self.shape;
        let two = windows[1] > 0;
        let last = |window: usize| if two { (rows - 1 - window) / 2 * 2 + window } else { rows - 1 };
        let fits = constants.map(<[u32]>::len) == self.lens
            && fit(last(0).saturating_mul(row), step, windows[0], 4, y.len())
            && (!two || rows == 1 || fit(last(1).saturating_mul(row), step, windows[1], 4, y.len()));
        if !fits {
            return;
        }
        let across = *across;
        let (mut at, mut turn) = (0, 0);
        while at < rows {
            let turned = shared && turn % 2 == 1;
            let first = usize::from(shared && turn > 0);
            let mut tap = across.first.wrapping_add(at.wrapping_mul(across.stride));
            tap = tap.wrapping_add(across.dilation.wrapping_mul(2 * first));
            for pair in first..of_column / 4 {
                let place = inside.0 * of_column + 4 * (pair ^ usize::from(turned));
                // SAFETY: the last of the columns is in the slice.
                unsafe { self.put(tap, (channel, self.limits[0]), place, inside.1) };
                tap = tap.wrapping_add(2 * across.dilation);
            }
            for (window, constants) in constants.into_iter().enumerate().take(if two { 2 } else { 1 }) {
                if at < rows {
                    // SAFETY: the last window of any row is in the columns, the last output of the last row in `y`, and there are as many
                    // constants as a window needs.
                    unsafe { self.row((constants, window), turned, y.as_mut_ptr().wrapping_add(at * row)) };
                    at += 1;
                }
            }
            turn += 1;
        }
    }

    /// Writes the pair of one column, of a signal, that begins at place `at`, margin included.
    pub fn put_one(&mut self, at: usize, channel: usize, column: usize) {
        let place = column.saturating_mul(self.shape.of_column);
        if place.saturating_add(4) <= self.columns.len() {
            // SAFETY: the column is in the slice.
            unsafe { self.put(at, (channel, self.limits[1]), place, 1) };
        }
    }

    /// Writes a pair of rows of pixels, of which the first is at place `at`, to as many columns, from word `place` on; what begins behind the
    /// limit is as if it were around the image.
    ///
    /// # Safety
    /// There are so many pixels from the limit on, and so many columns.
    #[inline(never)]
    unsafe fn put(&mut self, at: usize, (channel, limit): (usize, usize), place: usize, count: usize) {
        let Shape { across, steps: [step, ..], .. } = &self.shape;
        let (around, step) = ([self.around; 4], *step);
        let starts = [across.start(at), across.start(at.wrapping_add(across.dilation))];
        let [a, b] = starts.map(|start| match start.map(|start| start.wrapping_add(channel)) {
            Some(start) if start <= limit => (self.x.as_ptr().wrapping_add(start), step),
            _ => (around.as_ptr(), 0),
        });
        if count > 0 {
            // SAFETY: what the caller says; where the step is 0, `around` is read over and over.
            unsafe {
                pack(a, b, self.columns.as_mut_ptr().wrapping_add(place), self.shape.of_column, count, self.kind)
            };
        }
    }

    /// Makes a row of outputs. If it is `turned`, each column's second pair comes first.
    ///
    /// # Safety
    /// All windows are in the columns, all outputs can be written, and there are as many constants as windows need.
    #[inline(always)]
    unsafe fn row(&self, (constants, window): (&Constants, usize), turned: bool, y: *mut i8) {
        let Shape { of_column, windows, stride, steps: [_, step, _], slides, .. } = self.shape;
        let (x, count) = (self.columns.as_ptr(), windows[window]);
        let words = constants.len().wrapping_sub(FACTORS);
        let (rest, size, of) = if slides {
            (count.wrapping_neg() % TURN, if stride == 1 { ONE } else { TWO }, [usize::from(turned) * 16, stride - 1])
        } else {
            let back = stride.wrapping_mul(of_column).wrapping_sub(words);
            ((words / 4).wrapping_neg() % STEPS, STEP, [back, words].map(|words| words.wrapping_mul(size_of::<u32>())))
        };
        let (len, skip) = (count.wrapping_mul(step), rest.wrapping_mul(size));
        let row = Row { constants: constants.as_ptr(), x, y, step, len, skip, of };
        // SAFETY: what the caller says.
        unsafe { if slides { slide(&row) } else { pixels(&row) } }
    }
}

/// Writes the weights of four outputs from `first` on, as constants need them, column by column. Along both ways are so many taps, their
/// weights so far apart: those of a pair, and those of a column. The first tap of each column is a pair's pixel `place`, 0 or 1.
#[inline(always)]
pub fn expand_weights(
    weights: &[i8],
    [(across, down), (along, right)]: [(usize, usize); 2],
    first: usize,
    place: usize,
    to: &mut [[u32; 4]],
) {
    let pairs = to.len().checked_div(along).unwrap_or(0);
    let last = across.wrapping_sub(1).saturating_mul(down).saturating_add(along.wrapping_sub(1).saturating_mul(right));
    if last.saturating_add(first).saturating_add(4) > weights.len() {
        return;
    }
    let none = [0; 4];
    for pair in 0..pairs {
        let [a, b] = [2 * pair, 2 * pair + 1].map(|at| match at.checked_sub(place).filter(|tap| *tap < across) {
            Some(tap) => (weights.as_ptr().wrapping_add(tap.wrapping_mul(down).wrapping_add(first)), right),
            None => (none.as_ptr(), 0),
        });
        let to = to.as_mut_ptr().wrapping_add(pair).cast();
        // SAFETY: four weights of each column are there, and there is room for every column's quadruples; where the step is 0, `none` is read
        // over and over.
        unsafe { pack(a, b, to, 4 * pairs, along, Kind::Weights) };
    }
}

/// Where pixels begin, and the bytes from one to the next.
type Pixels = (*const i8, usize);

/// What is packed.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// Four channels of a pixel.
    Channels,
    /// One channel, four times.
    Channel,
    /// Four weights, doubled.
    Weights,
}

/// Writes `count` pixels, those of `a` in the lower and those of `b` in the upper 16 bits, to four words each `step` words.
///
/// # Safety
/// `count` is not 0; each pixel's four channels, or its first one, can be read, and each place's words written.
#[inline(never)]
unsafe fn pack(a: Pixels, b: Pixels, y: *mut u32, step: usize, count: usize, kind: Kind) {
    macro_rules! each {
        ($($temporary:ident)*; $($line:literal)*) => {
            asm!(
                ".cpu cortex-m4",
                "2:",
                $($line,)*
                "add {a}, {a}, {a_step}",
                "add {b}, {b}, {b_step}",
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
                t4 = out(reg) _,
                $($temporary = out(reg) _,)*
                options(nostack)
            )
        };
    }
    // SAFETY: reads and writes what the caller says. `ldr` and `str` need no alignment. Every register that is changed is declared.
    unsafe {
        match kind {
            Kind::Channel => each!(;
                "ldrsb {t0}, [{a}]"
                "ldrsb {t1}, [{b}]"
                "pkhbt {t4}, {t0}, {t1}, lsl #16"
                "str {t4}, [{y}]"
                "str {t4}, [{y}, #4]"
                "str {t4}, [{y}, #8]"
                "str {t4}, [{y}, #12]"
            ),
            Kind::Channels => each!(t2 t3;
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
                "str {t4}, [{y}]"
                "str {t2}, [{y}, #4]"
                "str {t3}, [{y}, #8]"
                "str {t1}, [{y}, #12]"
            ),
            Kind::Weights => each!(t2 t3;
                "ldr {t0}, [{a}]"
                "ldr {t1}, [{b}]"
                "sxtb16 {t2}, {t0}"
                "sxtb16 {t3}, {t1}"
                "sxtb16 {t0}, {t0}, ror #8"
                "sxtb16 {t1}, {t1}, ror #8"
                "sadd16 {t2}, {t2}, {t2}"
                "sadd16 {t3}, {t3}, {t3}"
                "sadd16 {t0}, {t0}, {t0}"
                "sadd16 {t1}, {t1}, {t1}"
                "pkhbt {t4}, {t2}, {t3}, lsl #16"
                "pkhtb {t3}, {t3}, {t2}, asr #16"
                "pkhbt {t2}, {t0}, {t1}, lsl #16"
                "pkhtb {t1}, {t1}, {t0}, asr #16"
                "str {t4}, [{y}]"
                "str {t2}, [{y}, #4]"
                "str {t3}, [{y}, #8]"
                "str {t1}, [{y}, #12]"
            ),
        }
    }
}

/// What [`pixels`] and [`slide`] read, into s8 to s15.
#[repr(C)]
struct Row {
    constants: *const u32,
    x: *const u32,
    y: *mut i8,
    /// Bytes from an output to the next, and of all of them.
    step: usize,
    len: usize,
    /// Bytes of assembly that the first turn leaves out.
    skip: usize,
    /// Of [`pixels`], bytes from a window's end to the next one's beginning, and of its weights. Of [`slide`], those from the place of a column's
    /// first pair to its second pair's, if that comes first, and whether windows are two columns after each other.
    of: [usize; 2],
}

/// Steps of [`pixels`] that lie one after another; the first turn begins in the middle, where there are not a multiple of them.
const STEPS: usize = 8;
/// Bytes of assembly for a step.
const STEP: usize = 24;
/// Outputs of [`slide`] that lie one after another, likewise.
const TURN: usize = 4;

/// Four outputs of each window.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn pixels(call: &Row) {
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
    naked_asm!(
        ".cpu cortex-m4",
        "push {{r3-r11, lr}}",
        "vldmia r0, {{s8-s15}}",
        "vmov r1, s8",
        "vmov r2, s15",
        "add r2, r2, r1",
        "add r2, r2, #16",
        "vmov s15, r2",
        "vmov r3, s10",
        "vmov r2, s12",
        "add r2, r2, r3",
        "vmov s12, r2",
        "adr.w r12, 3f",
        "vmov r2, s13",
        "add r12, r12, r2",
        "orr r12, r12, #1",
        "vmov s13, r12",
        "vmov r0, s9",
        "2:",
        "ldmia r1!, {{r2-r5}}",
        "vmov r12, s13",
        "bx r12",
        ".p2align 2",
        "3:",
        step!(),
        step!(),
        step!(),
        step!(),
        step!(),
        step!(),
        step!(),
        step!(),
        "vmov r12, s15",
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
        "vmov r10, s10",
        "vmov r11, s11",
        "vmov r12, s12",
        "asr r2, r2, r6",
        "asr r3, r3, r7",
        "asr r4, r4, r8",
        "asr r5, r5, r9",
        "ssat r2, #8, r2",
        "ssat r3, #8, r3",
        "ssat r4, #8, r4",
        "ssat r5, #8, r5",
        "bfi r2, r3, #8, #8",
        "bfi r2, r4, #16, #8",
        "bfi r2, r5, #24, #8",
        "vmov r6, s14",
        "add r0, r0, r6",
        "str r2, [r10]",
        "add r10, r10, r11",
        "vmov s10, r10",
        "vmov r1, s8",
        "cmp r10, r12",
        "bne 2b",
        "pop {{r3-r11, pc}}",
    )
}

/// Words of three columns of two pairs.
const SLID: usize = 24;
/// Bytes of assembly for an output of [`slide`], one column after the one before it, and two.
const ONE: usize = 72;
/// See [`ONE`].
const TWO: usize = 84;

/// Outputs of four channels one after the other: 18 instructions each, or 21.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn slide(call: &Row) {
    /// From the sum in r12 to the output: r1 is where the one before it is.
    macro_rules! output {
        ($step:literal) => {
            concat!(
                "vmov r10, s1
                 vmov r11, s2
                 add r11, r11, r12, asr #31
                 smmlar r12, r12, r10, r11
                 vmov r10, s3
                 asr.w r12, r12, r10
                 ssat r12, #8, r12\n",
                $step,
                "strb.w r12, [r1]\n"
            )
        };
    }
    /// r0 columns; r2 to r7 weights of columns 0, 1 and 2; r8, r9 sums that have two columns, and one.
    macro_rules! one {
        () => {
            concat!(
                "ldr.w r11, [r0, #16]
                 ldr.w r10, [r0], #32
                 smlad r12, r10, r6, r8
                 smlad r8, r10, r4, r9
                 vmov r9, s0
                 smlad r12, r11, r7, r12
                 smlad r8, r11, r5, r8
                 smlad r9, r10, r2, r9
                 smlad r9, r11, r3, r9\n",
                output!("add.w r1, r1, lr\n")
            )
        };
    }
    /// r8 is the sum that has one column.
    macro_rules! two {
        () => {
            concat!(
                "ldr.w r9, [r0, #16]
                 ldr.w r10, [r0, #32]
                 ldr.w r11, [r0, #48]
                 ldr.w lr, [r0], #64
                 smlad r12, lr, r4, r8
                 vmov r8, s0
                 smlad r12, r9, r5, r12
                 smlad r8, r10, r2, r8
                 smlad r12, r10, r6, r12
                 smlad r8, r11, r3, r8
                 smlad r12, r11, r7, r12\n",
                output!("vmov r10, s11\n add.w r1, r1, r10\n")
            )
        };
    }
    naked_asm!(
        ".cpu cortex-m4",
        "push {{r4-r11, lr}}",
        "vldmia r0, {{s8-s15}}",
        // What lies between columns and constants stays.
        "vmov r0, s8",
        "vmov r1, s9",
        "sub r1, r1, r0",
        "vmov s9, r1",
        "vmov r1, s10",
        "vmov r2, s11",
        "sub r1, r1, r2",
        "vmov s10, r1",
        "add r0, r0, #16",
        "vmov s5, r0",
        "vmov r1, s13",
        "vmov r2, s15",
        "adr.w r3, 3f",
        "adr.w r12, 6f",
        "adr.w r0, 4f",
        "cmp r2, #0",
        "it ne",
        "movne r3, r12",
        "add r3, r3, r1",
        "orr r3, r3, #1",
        "vmov s15, r3",
        // Two columns after each other: into the turn.
        "ite ne",
        "movne r0, r3",
        "orreq r0, r0, #1",
        "vmov s13, r0",
        "2:",
        "vmov r12, s8",
        "vmov lr, s14",
        "add r10, r12, lr",
        "rsb lr, lr, #16",
        "add r11, r12, lr",
        "vmov r0, s9",
        "add r0, r0, r12",
        "vldr s0, [r12]",
        "vldr s1, [r12, #112]",
        "vldr s2, [r12, #128]",
        "vldr s3, [r12, #144]",
        "ldr r2, [r10, #16]",
        "ldr r3, [r11, #16]",
        "ldr r4, [r10, #48]",
        "ldr r5, [r11, #48]",
        "ldr r6, [r10, #80]",
        "ldr r7, [r11, #80]",
        "ldr r11, [r0, #16]",
        "ldr r10, [r0], #32",
        "add r12, r12, #4",
        "vmov s8, r12",
        "vmov r1, s10",
        "vmov r12, s12",
        "add r12, r12, r1",
        "vmov s4, r12",
        "vmov lr, s11",
        "vmov r9, s0",
        "smlad r8, r10, r2, r9",
        "vmov r12, s13",
        "smlad r8, r11, r3, r8",
        "bx r12",
        ".p2align 2",
        "6:",
        two!(),
        two!(),
        two!(),
        two!(),
        "vmov r12, s4",
        "cmp r1, r12",
        "bne.w 6b",
        "b.w 5f",
        ".p2align 2",
        "4:",
        "ldr r11, [r0, #16]",
        "ldr r10, [r0], #32",
        "vmov r12, s15",
        "smlad r8, r10, r4, r8",
        "smlad r9, r10, r2, r9",
        "smlad r8, r11, r5, r8",
        "smlad r9, r11, r3, r9",
        "bx r12",
        ".p2align 2",
        "3:",
        one!(),
        one!(),
        one!(),
        one!(),
        "vmov r12, s4",
        "cmp r1, r12",
        "bne.w 3b",
        "5:",
        "vmov r1, s10",
        "vmov r2, s8",
        "vmov r3, s5",
        "add r1, r1, #1",
        "vmov s10, r1",
        "cmp r2, r3",
        "bne.w 2b",
        "pop {{r4-r11, pc}}",
    )
}
