//! Where a kernel meets its input.

use core::ops::Range;

use const_panic::concat_panic;

/// One direction in which a kernel moves: its tap `k` of output `o` meets input `o·stride + k·dilation − padding`, if there is such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    /// Before the input.
    pub(crate) padding: usize,
}

impl Axis {
    /// A direction in which there is but one place.
    pub(crate) const ONE: Self = Self::new(1, 1, 1, 1, (0, 0));

    /// With padding before and behind the input.
    pub(crate) const fn new(
        input: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
        (before, behind): (usize, usize),
    ) -> Self {
        let span = span(kernel, stride, dilation);
        let padded = input + before + behind;
        if padded < span {
            concat_panic!(
                display: "a kernel of ", kernel, display: " with dilation ", dilation, display: " does not fit into an input of ",
                input, display: " with padding ", before, display: " and ", behind
            );
        }
        Self { input, output: (padded - span) / stride + 1, kernel, stride, dilation, padding: before }
    }

    /// An output of `⌈input/stride⌉`.
    pub(crate) const fn same(input: usize, kernel: usize, stride: usize, dilation: usize) -> Self {
        let missing = (input.saturating_sub(1) / at_least_one(stride, "stride") * stride
            + span(kernel, stride, dilation))
        .saturating_sub(input);
        Self::new(input, kernel, stride, dilation, (missing / 2, missing - missing / 2))
    }

    /// The padding behind the input that an output meets.
    pub(crate) const fn behind(self) -> usize {
        let end = self.output.saturating_sub(1) * self.stride + self.kernel.saturating_sub(1) * self.dilation + 1;
        end.saturating_sub(self.input + self.padding)
    }

    /// The inputs from the first that a kernel meets to the last.
    #[inline(always)]
    pub(crate) const fn span(self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// Fails to compile unless each output meets an input that the one before it does not: then each input gives one output at most.
    pub(crate) const fn begins_inside(self) {
        if self.padding >= self.span() {
            concat_panic!(
                display: "a stream's first window must reach into it: a kernel that reaches over ", self.span(),
                display: " has a padding of ", self.padding
            );
        }
    }

    /// Whether the first tap of each output meets the input of the same number.
    #[inline(always)]
    pub(crate) const fn is_identity(self) -> bool {
        self.stride == 1 && self.padding == 0 && self.output == self.input
    }

    /// The input that tap `k` of output `o` meets, if it is inside.
    #[inline(always)]
    pub(crate) fn input(self, o: usize, k: usize) -> Option<usize> {
        (o * self.stride + k * self.dilation).checked_sub(self.padding).filter(|i| *i < self.input)
    }

    /// The taps of output `o` that meet the input.
    #[inline(always)]
    pub(crate) const fn taps(self, o: usize) -> Range<usize> {
        let start = o * self.stride;
        let end = ceil((self.input + self.padding).saturating_sub(start), self.dilation);
        ceil(self.padding.saturating_sub(start), self.dilation)..if end < self.kernel { end } else { self.kernel }
    }

    /// [`taps`](Self::taps), known to the compiler where no output meets padding.
    #[inline(always)]
    pub(crate) fn whole_or_taps(self, o: usize) -> Range<usize> {
        if self.padding == 0 && self.behind() == 0 { 0..self.kernel } else { self.taps(o) }
    }

    /// Whether there is an output that meets padding alone.
    pub(crate) const fn has_empty_window(self) -> bool {
        let mut o = 0;
        while o < self.output {
            let taps = self.taps(o);
            if taps.start >= taps.end {
                return true;
            }
            o += 1;
        }
        false
    }

    /// The outputs whose tap `k` meets the input.
    #[inline(always)]
    pub(crate) fn outputs(self, k: usize) -> Range<usize> {
        let k = k * self.dilation;
        let first = self.padding.saturating_sub(k).div_ceil(self.stride);
        let end = (self.input + self.padding).saturating_sub(k).div_ceil(self.stride);
        first..end.clamp(first, self.output.max(first))
    }

    /// Calls `f(outputs, taps, first)` for each run of neighbouring outputs that meet the input with the same taps: one for each at the
    /// edges, one for all between. `first` is the input that the first of these taps meets for the first of these outputs.
    #[inline(always)]
    pub(crate) fn runs(self, mut f: impl FnMut(Range<usize>, Range<usize>, usize)) {
        let mut o = 0;
        while o < self.output {
            let taps = self.taps(o);
            let mut end = o + 1;
            if taps.len() == self.kernel {
                // A stride of 0 was refused; where the compiler does not see it, a division would have a panic.
                let span = (self.kernel - 1) * self.dilation + 1;
                let last = (self.input + self.padding - span).checked_div(self.stride).unwrap_or(0);
                end = (last + 1).min(self.output).max(end);
            }
            let first = o * self.stride + taps.start * self.dilation - self.padding;
            f(o..end, taps, first);
            o = end;
        }
    }

    /// Calls `f(taps, first)` for those of `taps` that meet neighbouring inputs, all of them or, with dilation, each alone; `first` is the
    /// input that the first of them meets. `DILATED` says whether there is any: with both cases in one function, `f` would be compiled
    /// twice, and takes up to 1 % more instructions.
    #[inline(always)]
    pub(crate) fn neighbours<const DILATED: bool>(
        self,
        taps: Range<usize>,
        first: usize,
        mut f: impl FnMut(Range<usize>, usize),
    ) {
        if !DILATED {
            return f(taps, first);
        }
        for (i, tap) in taps.enumerate() {
            f(tap..tap + 1, first + i * self.dilation);
        }
    }
}

/// The inputs from the first that a kernel meets to the last.
const fn span(kernel: usize, stride: usize, dilation: usize) -> usize {
    at_least_one(stride, "stride");
    (at_least_one(kernel, "size") - 1) * at_least_one(dilation, "dilation") + 1
}

const fn at_least_one(number: usize, name: &str) -> usize {
    if number == 0 {
        concat_panic!(display: "the ", display: name, display: " of a kernel or window must be at least 1");
    }
    number
}

/// Without a division where there is nothing to divide: some processors have none.
#[inline(always)]
const fn ceil(n: usize, divisor: usize) -> usize {
    if divisor <= 1 { n } else { n.div_ceil(divisor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_is_that_of_tensorflow() {
        let paddings = |axis: Axis| (axis.output, axis.padding, axis.behind());
        assert_eq!(paddings(Axis::same(10, 3, 2, 1)), (5, 0, 1));
        assert_eq!(paddings(Axis::same(49, 10, 2, 1)), (25, 4, 5));
        assert_eq!(paddings(Axis::same(5, 3, 1, 2)), (5, 2, 2));
        assert_eq!(paddings(Axis::same(6, 2, 1, 1)), (6, 0, 1));
        assert_eq!(paddings(Axis::same(7, 1, 3, 1)), (3, 0, 0));
    }

    /// Each way of asking where taps lie, against the formula.
    #[test]
    fn taps_outputs_and_runs_agree() {
        for code in 0..6 * 5 * 4 * 4 * 36 {
            let [input, kernel, stride, dilation] =
                [1 + code % 6, 1 + code / 6 % 5, 1 + code / 30 % 4, 1 + code / 120 % 4];
            let (before, behind) = (code / 480 % 6, code / 2880);
            if input + before + behind < (kernel - 1) * dilation + 1 {
                continue;
            }
            let axis = Axis::new(input, kernel, stride, dilation, (before, behind));
            let meets = |o, k| axis.input(o, k).is_some();
            for o in 0..axis.output {
                assert!((0..kernel).filter(|k| meets(o, *k)).eq(axis.taps(o)), "{axis:?}");
            }
            for k in 0..kernel {
                assert!((0..axis.output).filter(|o| meets(*o, k)).eq(axis.outputs(k)), "{axis:?}");
            }
            let mut next = 0;
            axis.runs(|outputs, taps, first| {
                assert_eq!(outputs.start, next, "{axis:?}");
                next = outputs.end;
                assert!(outputs.clone().all(|o| axis.taps(o).eq(taps.clone())), "{axis:?}");
                assert!(taps.is_empty() || axis.input(outputs.start, taps.start) == Some(first), "{axis:?}");
            });
            assert_eq!(next, axis.output, "{axis:?}");
        }
    }
}
