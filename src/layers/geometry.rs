//! How a kernel moves over an image or a signal.

use core::ops::Range;

use const_panic::concat_panic;

use crate::numbers::{Tensor, fingerprint};

/// Stride 1, and padding with zeros so that the size stays. Needs an odd kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Same;

/// An output of height `H` and width `W`, with stride `S` and `P` rows and columns of zeros on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct To<const H: usize, const W: usize, const S: usize = 1, const P: usize = 0>;

/// An output of length `L`, with stride `S` and `P` zeros at each end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct To1d<const L: usize, const S: usize = 1, const P: usize = 0>;

/// A stride, a padding and what they make of a size.
pub trait Geometry {
    /// Names stride and padding in a weights file's fingerprint.
    const FINGERPRINT: u32;
}

/// A geometry for kernels of `KH` by `KW` on images of `H` by `W`.
pub trait OnImage<const H: usize, const W: usize, const KH: usize, const KW: usize>: Geometry {
    /// The image that comes out.
    type Image<Pixel: Tensor>: Tensor<Elem = Pixel::Elem>;
    /// Rows and columns. Evaluating it checks the sizes.
    const AXES: [Axis; 2];
}

/// A geometry for kernels of `K` on signals of length `L`.
pub trait OnSignal<const L: usize, const K: usize>: Geometry {
    /// The signal that comes out.
    type Signal<Sample: Tensor>: Tensor<Elem = Sample::Elem>;
    /// One row, and its columns. Evaluating it checks the sizes.
    const AXES: [Axis; 2];
}

impl Geometry for Same {
    const FINGERPRINT: u32 = fingerprint("Same", &[]);
}

impl<const H: usize, const W: usize, const KH: usize, const KW: usize> OnImage<H, W, KH, KW> for Same {
    type Image<Pixel: Tensor> = [[Pixel; W]; H];
    const AXES: [Axis; 2] = [Axis::same(H, KH), Axis::same(W, KW)];
}

impl<const L: usize, const K: usize> OnSignal<L, K> for Same {
    type Signal<Sample: Tensor> = [Sample; L];
    const AXES: [Axis; 2] = [Axis::ONE, Axis::same(L, K)];
}

impl<const OH: usize, const OW: usize, const S: usize, const P: usize> Geometry for To<OH, OW, S, P> {
    const FINGERPRINT: u32 = fingerprint("To", &[S, P]);
}

impl<
    const H: usize,
    const W: usize,
    const KH: usize,
    const KW: usize,
    const OH: usize,
    const OW: usize,
    const S: usize,
    const P: usize,
> OnImage<H, W, KH, KW> for To<OH, OW, S, P>
{
    type Image<Pixel: Tensor> = [[Pixel; OW]; OH];
    const AXES: [Axis; 2] = {
        let (rows, columns) = (Axis::new(H, KH, S, P), Axis::new(W, KW, S, P));
        if rows.output != OH || columns.output != OW {
            concat_panic!(
                display: "convolution: from ", H, display: " by ", W, display: ", a kernel of ", KH, display: " by ", KW,
                display: ", stride ", S, display: " and padding ", P, display: " lead to `To<", rows.output, display: ", ",
                columns.output, display: ">`, not `To<", OH, display: ", ", OW, display: ">`"
            );
        }
        [rows, columns]
    };
}

impl<const OL: usize, const S: usize, const P: usize> Geometry for To1d<OL, S, P> {
    const FINGERPRINT: u32 = fingerprint("To", &[S, P]);
}

impl<const L: usize, const K: usize, const OL: usize, const S: usize, const P: usize> OnSignal<L, K>
    for To1d<OL, S, P>
{
    type Signal<Sample: Tensor> = [Sample; OL];
    const AXES: [Axis; 2] = {
        let columns = Axis::new(L, K, S, P);
        if columns.output != OL {
            concat_panic!(
                display: "convolution: from a length of ", L, display: ", a kernel of ", K, display: ", stride ", S,
                display: " and padding ", P, display: " lead to `To1d<", columns.output, display: ">`, not `To1d<", OL,
                display: ">`"
            );
        }
        [Axis::ONE, columns]
    };
}

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
    const ONE: Self = Self::new(1, 1, 1, 0);

    const fn new(input: usize, kernel: usize, stride: usize, padding: usize) -> Self {
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

    const fn same(input: usize, kernel: usize) -> Self {
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
