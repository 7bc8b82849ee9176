//! Where a kernel meets its input.

use core::ops::Range;

use const_panic::concat_panic;

/// One direction in which a kernel moves.
#[derive(Clone, Copy)]
pub struct Axis {
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
}

impl Axis {
    /// A direction in which there is but one place.
    pub(crate) const ONE: Self = Self::new(1, 1, 1, 0);

    pub(crate) const fn new(input: usize, kernel: usize, stride: usize, padding: usize) -> Self {
        if stride == 0 || kernel == 0 {
            concat_panic!(display: "convolution: kernel and stride must be at least 1");
        }
        if input + 2 * padding < kernel {
            concat_panic!(
                display: "convolution: a kernel of ", kernel, display: " does not fit into an input of ", input,
                display: " with padding ", padding
            );
        }
        Self { input, output: (input + 2 * padding - kernel) / stride + 1, kernel, stride, padding }
    }

    pub(crate) const fn same(input: usize, kernel: usize) -> Self {
        if kernel.is_multiple_of(2) {
            concat_panic!(
                display: "convolution: `Same` needs an odd kernel, not ", kernel,
                display: "; state the output's size with `To` or `To1d`"
            );
        }
        Self::new(input, kernel, 1, kernel / 2)
    }

    /// The input that tap `k` of output `o` meets, if it is inside.
    #[inline(always)]
    pub(crate) fn input(self, o: usize, k: usize) -> Option<usize> {
        (o * self.stride + k).checked_sub(self.padding).filter(|i| *i < self.input)
    }

    /// The taps of output `o` that meet the input.
    #[inline(always)]
    pub(crate) fn taps(self, o: usize) -> Range<usize> {
        let start = o * self.stride;
        self.padding.saturating_sub(start)..self.kernel.min((self.input + self.padding).saturating_sub(start))
    }

    /// The outputs whose tap `k` meets the input.
    #[inline(always)]
    pub(crate) fn outputs(self, k: usize) -> Range<usize> {
        let first = self.padding.saturating_sub(k).div_ceil(self.stride);
        let end = (self.input + self.padding).saturating_sub(k).div_ceil(self.stride);
        first..end.clamp(first, self.output.max(first))
    }

    /// Calls `f(outputs, taps)` for each run of neighbouring outputs that meet the input with the same taps: one for each at the
    /// edges, one for all between.
    #[inline(always)]
    pub(crate) fn runs(self, mut f: impl FnMut(Range<usize>, Range<usize>)) {
        let mut o = 0;
        while o < self.output {
            let taps = self.taps(o);
            let mut end = o + 1;
            if taps.len() == self.kernel {
                // A stride of 0 was refused; where the compiler does not see it, a division would have a panic.
                let last = (self.input + self.padding - self.kernel).checked_div(self.stride).unwrap_or(0);
                end = (last + 1).min(self.output).max(end);
            }
            f(o..end, taps);
            o = end;
        }
    }
}
