//! Rows of a part of an image, copied.

#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
pub(crate) use crate::kernels::dsp::copy_rows;

/// Copies rows of `run` elements, which begin `steps` after the one before in `x` and `y`. Where rows of `y` touch, what lies behind the last
/// one may be written too. Returns false, having copied some or none, if one of both is too short.
#[cfg(not(all(target_arch = "arm", target_os = "none", target_abi = "eabihf")))]
#[inline(never)]
pub(crate) fn copy_rows(x: &[i8], y: &mut [i8], [rows, run]: [usize; 2], steps: [usize; 2]) -> bool {
    /// The first layer of an image with three colours has rows of 9.
    const STEP: usize = 16;
    let short = run <= STEP && steps[1] == run;
    let (mut x, mut y) = (x, y);
    for _ in 0..rows {
        // What is too much is written over by the next row.
        if let (true, Some(from), Some(to)) = (short, x.first_chunk::<STEP>(), y.first_chunk_mut::<STEP>()) {
            *to = *from;
        } else {
            let (Some(from), Some(to)) = (x.get(..run), y.get_mut(..run)) else { return false };
            let ((from, last), (to, last_to)) = (from.as_chunks::<4>(), to.as_chunks_mut());
            to.iter_mut().zip(from).for_each(|(to, x)| *to = *x);
            last_to.iter_mut().zip(last).for_each(|(to, x)| *to = *x);
        }
        (x, y) = (x.get(steps[0]..).unwrap_or(&[]), y.get_mut(steps[1]..).unwrap_or_default());
    }
    true
}
