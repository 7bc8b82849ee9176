//! Where windows lie along an axis.

use core::ops::Range;

/// How windows go along one axis of an image. Tap `t` of window `w` lies at `w * stride + t * dilation - before`, outside of the image if
/// that is negative or not below `input`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Pixels of the image.
    pub input: usize,
    /// Taps of a window.
    pub kernel: usize,
    /// Pixels from one window to the next, at least 1.
    pub stride: usize,
    /// Pixels from one tap to the next, at least 1.
    pub dilation: usize,
    /// Pixels that lie before the image.
    pub before: usize,
    /// Number of windows.
    pub output: usize,
}

impl Axis {
    /// `ceil(input / stride)` windows; what they need around the image lies half before it, the larger half behind it.
    pub const fn same(input: usize, kernel: usize, stride: usize, dilation: usize) -> Self {
        let output = ceil(input, stride);
        let needed = output.saturating_sub(1).saturating_mul(stride).saturating_add(span(kernel, dilation));
        let before = needed.saturating_sub(input) / 2;
        Self { input, kernel, stride, dilation, before, output }
    }

    /// As many windows as lie in the image.
    pub const fn valid(input: usize, kernel: usize, stride: usize, dilation: usize) -> Self {
        let output = ceil((input + 1).saturating_sub(span(kernel, dilation)), stride);
        Self { input, kernel, stride, dilation, before: 0, output }
    }

    /// Pixels from the first tap of a window to the last one.
    #[cfg(feature = "litert")]
    pub(crate) const fn span(&self) -> usize {
        span(self.kernel, self.dilation)
    }

    /// Pixels that lie behind the image.
    #[cfg(feature = "litert")]
    pub(crate) const fn after(&self) -> usize {
        let Self { input, kernel, stride, dilation, before, output } = *self;
        let end = output.saturating_sub(1).saturating_mul(stride).saturating_add(span(kernel, dilation));
        end.saturating_sub(before).saturating_sub(input)
    }

    /// Where a tap lies, if it is in the image.
    #[inline(always)]
    pub(crate) fn at(&self, window: usize, tap: usize) -> Option<usize> {
        let from_margin = window.wrapping_mul(self.stride).wrapping_add(tap.wrapping_mul(self.dilation));
        from_margin.checked_sub(self.before).filter(|at| *at < self.input)
    }

    /// The window of which a tap lies at a pixel of the image.
    #[inline(always)]
    pub(crate) fn window(&self, at: usize, tap: usize) -> Option<usize> {
        let first = at.wrapping_add(self.before).checked_sub(tap.wrapping_mul(self.dilation))?;
        let window = first.checked_div(self.stride)?;
        (window.wrapping_mul(self.stride) == first && window < self.output).then_some(window)
    }

    /// The windows that lie in the image with all of their taps.
    #[inline(never)]
    pub(crate) fn whole(&self) -> Range<usize> {
        let room = self.input.wrapping_add(self.before).checked_sub(span(self.kernel, self.dilation));
        let last = room.and_then(|room| room.checked_div(self.stride));
        ceil(self.before, self.stride)..last.map_or(0, |last| last.wrapping_add(1).min(self.output))
    }

    /// The taps of a window that lie in the image.
    #[inline(always)]
    pub(crate) fn inside(&self, window: usize) -> Range<usize> {
        let start = window.wrapping_mul(self.stride);
        let first = ceil(self.before.saturating_sub(start), self.dilation);
        let end = ceil(self.input.wrapping_add(self.before).saturating_sub(start), self.dilation).min(self.kernel);
        first.min(end)..end
    }
}

/// Pixels from the first tap to the last one.
const fn span(kernel: usize, dilation: usize) -> usize {
    kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1)
}

const fn ceil(n: usize, divisor: usize) -> usize {
    if divisor <= 1 { n } else { n.div_ceil(divisor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_lie_as_in_litert() {
        let same = Axis::same(10, 3, 2, 1);
        assert_eq!((same.before, same.output), (0, 5));
        assert_eq!((same.inside(4), same.at(4, 1), same.at(4, 2)), (0..2, Some(9), None));
        let dilated = Axis::same(5, 3, 1, 2);
        assert_eq!((dilated.before, dilated.output, dilated.inside(0), dilated.inside(4)), (2, 5, 1..3, 0..2));
        assert_eq!(
            (same.whole(), dilated.whole(), Axis::same(1, 3, 1, 1).whole()),
            (0..4, 2..3, Range { start: 1, end: 0 })
        );
        assert_eq!(Axis::valid(10, 3, 2, 2).output, 3);
        assert_eq!(Axis::valid(2, 3, 1, 1).output, 0);
    }
}
