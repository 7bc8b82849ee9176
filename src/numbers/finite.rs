//! Looks at all scalars of a network or of its gradients.

use crate::numbers::{Real, Tensors};

#[inline(never)] // One copy in flash for all tensors.
pub(crate) fn add_squares<T: Real>(tensor: &[T], sum: &mut T) {
    for g in tensor {
        *sum += *g * *g;
    }
}

pub(crate) fn all_finite<T: Real>(tensors: &impl Tensors<T>) -> bool {
    // A Cortex-M's floating-point unit adds more quickly than an integer is looked at. Sums may overflow though their terms do not.
    cfg!(target_abi = "eabihf") && sums_are_finite(tensors) || each_is_finite(tensors)
}

/// Rare where sums are quick, hence not worth a copy of its code for each tensor.
#[cold]
fn each_is_finite<T: Real>(tensors: &impl Tensors<T>) -> bool {
    let mut finite = true;
    tensors.visit(&mut |tensor| finite &= is_finite(tensor));
    finite
}

#[inline(never)] // One copy in flash for all tensors.
pub(crate) fn is_finite<T: Real>(tensor: &[T]) -> bool {
    /// Looked at side by side, in vectors.
    const LANES: usize = if cfg!(target_os = "none") { 1 } else { 32 };
    let (chunks, rest) = tensor.as_chunks::<LANES>();
    chunks.iter().all(|chunk| chunk.iter().fold(true, |finite, v| finite & v.is_finite()))
        && rest.iter().all(|v| v.is_finite())
}

/// Whether sums of all elements are finite; several side by side, which do not wait for one another.
#[inline(always)]
fn sums_are_finite<T: Real>(tensors: &impl Tensors<T>) -> bool {
    let mut sums = [T::ZERO; 8];
    tensors.visit(&mut |tensor| {
        let (chunks, rest) = tensor.as_chunks::<8>();
        for chunk in chunks {
            add(chunk, &mut sums);
        }
        add(rest, &mut sums);
    });
    let mut sum = T::ZERO;
    sums.iter().for_each(|v| sum += *v);
    sum.is_finite()
}

#[inline(always)]
fn add<T: Real>(values: &[T], sums: &mut [T]) {
    for (sum, v) in sums.iter_mut().zip(values) {
        *sum += *v;
    }
}
