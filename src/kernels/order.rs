//! Keeps a loop's steps in the order in which they are written.
//!
//! The compiler moves all loads of an unrolled loop to its beginning and all sums to its end. A core that has seven registers for both then
//! spends half of its time on putting values away and fetching them.
#![allow(unsafe_code)]

/// `sums`, which are computed before anything that is read from memory after this. Costs no instruction.
#[cfg(all(target_os = "none", any(target_arch = "arm", target_arch = "riscv32")))]
#[inline(always)]
pub(crate) fn settled([mut a, mut b]: [i32; 2]) -> [i32; 2] {
    // SAFETY: no instruction, so that the values in the two registers stay what they are.
    unsafe {
        core::arch::asm!("/* {0} {1} */", inout(reg) a, inout(reg) b, options(nostack, preserves_flags));
    }
    [a, b]
}

/// `sums`, where the compiler's order is left to it.
#[cfg(not(all(target_os = "none", any(target_arch = "arm", target_arch = "riscv32"))))]
#[inline(always)]
pub(crate) fn settled(sums: [i32; 2]) -> [i32; 2] {
    sums
}

/// `values`, read by their place in one register and a distance each. The compiler has many such places, each a distance from the other,
/// and no registers for all of them. Costs no instruction.
#[cfg(all(target_os = "none", target_arch = "arm"))]
#[allow(clippy::pointers_in_nomem_asm_block, reason = "nothing is read by no instruction")]
#[inline(always)]
pub(crate) fn placed<T>(values: &[T]) -> &[T] {
    let mut place = values.as_ptr();
    // SAFETY: no instruction, so that the place stays what it is, that of the values.
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) place, options(pure, nomem, nostack, preserves_flags));
        core::slice::from_raw_parts(place, values.len())
    }
}

/// `values`, where the compiler's places are left to it.
#[cfg(not(all(target_os = "none", target_arch = "arm")))]
#[inline(always)]
pub(crate) fn placed<T>(values: &[T]) -> &[T] {
    values
}
