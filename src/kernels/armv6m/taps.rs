//! Products of integers side by side, of the taps of a kernel's window.

use core::arch::naked_asm;
use core::marker::PhantomData;
use core::ptr;

/// Taps that a list has room for: those of 5x5, a multiple of [`TURN`].
const MOST: usize = 27;

/// Taps that are taken in a turn.
const TURN: usize = 3;

/// Channels of a list at most.
pub(crate) const CHANNELS: usize = 128;

/// Weights of taps that fill a turn up.
static NONE: [i8; CHANNELS] = [0; CHANNELS];

/// Taps of a window: where the inputs and the weights of each begin.
pub(crate) struct Taps<'a> {
    list: [[*const i8; 2]; MOST],
    len: usize,
    /// Inputs and weights that are there of each tap.
    room: [usize; 2],
    slices: PhantomData<&'a [i8]>,
}

/// What [`products`] reads.
#[repr(C)]
struct Call {
    list: *const [*const i8; 2],
    /// Channels that are taken in fours, and all of them.
    fours: usize,
    channels: usize,
    from: *const i32,
    sums: *mut i32,
    shift: usize,
    list_end: *const [*const i8; 2],
}

impl<'a> Taps<'a> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { list: [[ptr::null(); 2]; MOST], len: 0, room: [usize::MAX; 2], slices: PhantomData }
    }

    /// Takes all taps away.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        (self.len, self.room) = (0, [usize::MAX; 2]);
    }

    /// Adds a tap: its inputs and its weights, of one channel after the other. Says whether there was room for it.
    #[inline(always)]
    pub(crate) fn push(&mut self, x: &'a [i8], w: &'a [i8]) -> bool {
        let Some(tap) = self.list.get_mut(self.len) else { return false };
        *tap = [x.as_ptr(), w.as_ptr()];
        self.len += 1;
        self.room = [self.room[0].min(x.len()), self.room[1].min(w.len())];
        true
    }

    /// `sums[i] = from[i] + Σ x[t][shift + i]·w[t][i]` over the taps, modulo 2³²; `from` are the sums themselves if it is `None`. Nothing if there
    /// are no taps or one of them is shorter, or for more than [`CHANNELS`].
    ///
    /// Four channels at a time, with their sums in the upper registers: 5.8 instructions for a product, where the compiler has 8.
    #[inline(never)]
    pub(crate) fn add(&mut self, shift: usize, from: Option<&[i32]>, sums: &mut [[i32; 1]]) {
        let channels = sums.len();
        let last = self.len.checked_sub(1).and_then(|last| self.list.get(last)).copied();
        let Some([last, _]) = last else { return };
        let fits = channels > 0
            && channels <= CHANNELS.min(self.room[1])
            && shift.saturating_add(channels) <= self.room[0]
            && from.is_none_or(|from| from.len() >= channels);
        if !fits {
            return;
        }
        while let (Some(tap), false) = (self.list.get_mut(self.len), self.len.is_multiple_of(TURN)) {
            *tap = [last, NONE.as_ptr()];
            self.len += 1;
        }
        let sums = sums.as_flattened_mut();
        let call = Call {
            list: self.list.as_ptr(),
            fours: channels & !3,
            channels,
            from: from.map_or(sums.as_ptr(), <[i32]>::as_ptr),
            sums: sums.as_mut_ptr(),
            shift,
            list_end: self.list.as_ptr().wrapping_add(self.len),
        };
        // SAFETY: reads as many turns of taps as there are, at least one, and as many inputs, `shift` behind the beginning of each, weights and
        // `from` as there are sums, which are all there; writes the sums.
        unsafe { products(&call) };
    }
}

/// Sums of the products of taps: of four channels, then of one.
///
/// # Safety
/// What the call points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn products(call: &Call) {
    /// Adds the product of a channel to its sum.
    macro_rules! product {
        ($channel:literal $sum:literal) => {
            concat!(
                "ldrsb r3, [r1, ",
                $channel,
                "]
                 ldrsb r4, [r2, ",
                $channel,
                "]
                 muls r3, r4, r3
                 add ",
                $sum,
                ", r3"
            )
        };
    }
    /// A tap of the list at r0: of the channels r5 to r5 + 3, of which r6 and r7 are two.
    macro_rules! tap {
        () => {
            concat!(
                "ldm r0!, {{r1, r2}}
                 add r1, lr\n",
                product!("r5" "r8"),
                "\n",
                product!("r6" "r9"),
                "\n",
                product!("r7" "r10"),
                "\n adds r7, r7, #1\n",
                product!("r7" "r11"),
                "\n subs r7, r7, #1"
            )
        };
    }
    naked_asm!(
        "push {{r4-r7, lr}}
         mov r4, r8
         mov r5, r9
         mov r6, r10
         mov r7, r11
         push {{r4-r7}}",
        // On the stack: the list, both ends of channels, where sums begin, and where they go to.
        "ldm r0!, {{r1-r5}}",
        "push {{r1-r5}}",
        "ldm r0!, {{r6, r7}}",
        "mov lr, r6",
        "mov r12, r7",
        "movs r5, #0",
        "b 4f",
        "2:",
        "ldr r1, [sp, #12]",
        "lsls r2, r5, #2",
        "adds r1, r1, r2",
        "ldm r1!, {{r2, r3, r4, r6}}",
        "mov r8, r2",
        "mov r9, r3",
        "mov r10, r4",
        "mov r11, r6",
        "adds r6, r5, #1",
        "adds r7, r5, #2",
        "ldr r0, [sp]",
        "3:",
        tap!(),
        tap!(),
        tap!(),
        "cmp r0, r12",
        "bne 3b",
        "ldr r1, [sp, #16]",
        "lsls r2, r5, #2",
        "adds r1, r1, r2",
        "mov r2, r8",
        "mov r3, r9",
        "mov r4, r10",
        "mov r6, r11",
        "stm r1!, {{r2, r3, r4, r6}}",
        "adds r5, r5, #4",
        "4:",
        "ldr r1, [sp, #4]",
        "cmp r5, r1",
        "bne 2b",
        "b 7f",
        "5:",
        "ldr r1, [sp, #12]",
        "lsls r7, r5, #2",
        "ldr r6, [r1, r7]",
        "mov r8, r6",
        "ldr r0, [sp]",
        "6:",
        "ldm r0!, {{r1, r2}}",
        "add r1, lr",
        product!("r5" "r8"),
        "cmp r0, r12",
        "bne 6b",
        "mov r6, r8",
        "ldr r1, [sp, #16]",
        "str r6, [r1, r7]",
        "adds r5, r5, #1",
        "7:",
        "ldr r1, [sp, #8]",
        "cmp r5, r1",
        "bne 5b",
        "add sp, #20",
        "pop {{r4-r7}}
         mov r8, r4
         mov r9, r5
         mov r10, r6
         mov r11, r7
         pop {{r4-r7, pc}}",
    )
}
