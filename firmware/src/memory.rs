//! What a program takes of the device's memory.

use crate::arch::{program_start, stack_end};

unsafe extern "C" {
    static __sidata: u32;
    static __sdata: u32;
    static __edata: u32;
    static __ebss: u32;
    static _stack_start: u32;
}

/// Bytes of flash: code, constants, and the initial values of variables.
pub fn flash() -> usize {
    let (sdata, edata) = ((&raw const __sdata).addr(), (&raw const __edata).addr());
    (&raw const __sidata).addr() - program_start().addr() + (edata - sdata)
}

/// Bytes of RAM in `static`s.
pub fn statics() -> usize {
    (&raw const __ebss).addr() - (&raw const __sdata).addr()
}

const PAINT: u32 = 0xc0de_cafe;
/// Left unpainted below the painter's own frame.
const MARGIN: usize = 256;

/// Paints the free stack, so that [`peak_stack`] can tell how deep it was used since.
#[inline(never)]
pub fn paint_stack() {
    let here = 0u32;
    let end = (&raw const here).addr() - MARGIN;
    let mut word = stack_end().cast_mut();
    while word.addr() < end {
        // SAFETY: the words from the stack's end up to `MARGIN` below this frame are RAM that belongs to the stack and holds no
        // live value: nothing but the stack lies there, and interrupts, which would push a frame, are not in use.
        unsafe {
            word.write_volatile(PAINT);
            word = word.add(1);
        }
    }
}

/// The most bytes of stack in use at any time since [`paint_stack`].
pub fn peak_stack() -> usize {
    let start = &raw const _stack_start;
    let mut word = stack_end();
    // SAFETY: all words between the two symbols are RAM; reading one that the stack uses gives some value, which is all we ask.
    while word < start && unsafe { word.read_volatile() } == PAINT {
        // SAFETY: stays at or below `start`.
        word = unsafe { word.add(1) };
    }
    start.addr() - word.addr()
}
