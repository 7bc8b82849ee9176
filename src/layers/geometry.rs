//! How a kernel moves over an image or a signal.

use const_panic::concat_panic;

use crate::kernels::Axis;
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
