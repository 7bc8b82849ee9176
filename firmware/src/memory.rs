//! What a program takes of the device's memory.

use core::ptr::addr_of;

unsafe extern "C" {
    static __vector_table: u32;
    static __sidata: u32;
    static __sdata: u32;
    static __edata: u32;
    static __ebss: u32;
    static _stack_end: u32;
    static _stack_start: u32;
}

/// Bytes of flash: code, constants, and the initial values of variables.
pub fn flash() -> usize {
    let (sdata, edata) = (addr_of!(__sdata).addr(), addr_of!(__edata).addr());
    addr_of!(__sidata).addr() - addr_of!(__vector_table).addr() + (edata - sdata)
}

/// Bytes of RAM in `static`s.
pub fn statics() -> usize {
    addr_of!(__ebss).addr() - addr_of!(__sdata).addr()
}

const PAINT: u32 = 0xc0de_cafe;
/// Left unpainted below the stack pointer for the painter itself.
const MARGIN: usize = 256;

/// Paints the free stack, so that [`peak_stack`] can tell how deep it was used since.
pub fn paint_stack() {
    let end = cortex_m::register::msp::read() as usize - MARGIN;
    let mut word = addr_of!(_stack_end).cast_mut();
    while word.addr() < end {
        // SAFETY: the words from `_stack_end` up to `MARGIN` below the stack pointer are RAM that belongs to the stack and holds no
        // live value: nothing but the stack lies there, and interrupts, which would push a frame, are not in use.
        unsafe {
            word.write_volatile(PAINT);
            word = word.add(1);
        }
    }
}

/// The most bytes of stack in use at any time since [`paint_stack`].
pub fn peak_stack() -> usize {
    let start = addr_of!(_stack_start);
    let mut word = addr_of!(_stack_end);
    // SAFETY: all words between the two symbols are RAM; reading one that the stack uses gives some value, which is all we ask.
    while word < start && unsafe { word.read_volatile() } == PAINT {
        // SAFETY: stays at or below `start`.
        word = unsafe { word.add(1) };
    }
    start.addr() - word.addr()
}
