//! How a kernel or a window moves over an image or a signal.

use const_panic::concat_panic;

use crate::kernels::Axis;
use crate::layers::Places;
use crate::numbers::{Array, fingerprint, mix};

/// The padding with which a stride of `S` makes `⌈n/S⌉` of `n`, as TensorFlow, LiteRT and PyTorch call it: half of what is missing
/// before the input, and half behind it; if that is odd, the larger half behind it.
///
/// For the padding of [`To`], [`To1d`] and pooling: `To<14, 14, 2, SAME>`.
pub const SAME: usize = usize::MAX;

/// Stride 1, and padding with zeros so that the size stays: [`SAME`] with the input's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Same;

/// An output of height `H` and width `W`, with stride `S`, `P` rows and columns of padding on each side or [`SAME`], and dilation `D`.
///
/// Where the two directions differ, a pair of [`To1d`] takes its place, the rows' first: `(To1d<14, 2, SAME>, To1d<28>)`.
pub type To<const H: usize, const W: usize, const S: usize = 1, const P: usize = 0, const D: usize = 1> =
    (To1d<H, S, P, D>, To1d<W, S, P, D>);

/// An output of length `L`, with stride `S`, `P` of padding at each end or [`SAME`], and dilation `D`: the distance of the inputs that a
/// kernel meets. `E` is the padding at the end, where it is another: `To1d<64, 1, 4, 2, 0>` is a causal convolution of 64 instants with
/// a kernel of 3 that meets every second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct To1d<const L: usize, const S: usize = 1, const P: usize = 0, const D: usize = 1, const E: usize = P>;

/// Strides, paddings, dilations and what they make of a size.
pub trait Geometry {
    /// Names them in a weights file's fingerprint.
    const FINGERPRINT: u32;
}

/// A geometry for kernels of `KH` by `KW` on images of `H` by `W`.
pub trait OnImage<const H: usize, const W: usize, const KH: usize, const KW: usize>: Geometry {
    /// The image that comes out.
    type Image<Pixel: Array>: Array<Elem = Pixel::Elem>;
    /// The rows that a kernel reaches over.
    type Ring<Row: Array>: Places<Row> + Array<Elem = Row::Elem>;
    /// Rows and columns. Evaluating it checks the sizes.
    const AXES: [Axis; 2];
}

/// A geometry for kernels of `K` on signals of length `L`, or along one direction of an image.
pub trait OnSignal<const L: usize, const K: usize>: Geometry {
    /// The signal that comes out.
    type Signal<Sample: Array>: Array<Elem = Sample::Elem>;
    /// The instants that a kernel reaches over; with dilation `D`, up to the next `D`th.
    type Ring<Row: Array>: Places<Row> + Array<Elem = Row::Elem>;
    /// The length that is stated for it.
    const STATED: usize;
    /// What the sizes lead to. Evaluating it checks whether the kernel fits.
    const AXIS: Axis;
    /// One row, and its columns. Evaluating it checks the sizes.
    const AXES: [Axis; 2] = {
        let columns = Self::AXIS;
        if columns.output != Self::STATED {
            concat_panic!(
                display: "from a length of ", L, display: ", a kernel or window of ", K, display: " with stride ", columns.stride,
                display: " leads to a length of ", columns.output, display: ", not ", Self::STATED
            );
        }
        [Axis::ONE, columns]
    };
}

impl Geometry for Same {
    const FINGERPRINT: u32 = fingerprint("Same", &[]);
}

impl<const H: usize, const W: usize, const KH: usize, const KW: usize> OnImage<H, W, KH, KW> for Same {
    type Image<Pixel: Array> = [[Pixel; W]; H];
    type Ring<Row: Array> = [Row; KH];
    const AXES: [Axis; 2] = [<Self as OnSignal<H, KH>>::AXIS, <Self as OnSignal<W, KW>>::AXIS];
}

impl<const L: usize, const K: usize> OnSignal<L, K> for Same {
    type Signal<Sample: Array> = [Sample; L];
    type Ring<Row: Array> = [Row; K];
    const STATED: usize = L;
    const AXIS: Axis = Axis::same(L, K, 1, 1);
}

impl<const OL: usize, const S: usize, const P: usize, const D: usize, const E: usize> Geometry
    for To1d<OL, S, P, D, E>
{
    const FINGERPRINT: u32 =
        if D == 1 && E == P { fingerprint("To", &[S, P]) } else { fingerprint("To", &[S, P, D, E]) };
}

impl<const L: usize, const K: usize, const OL: usize, const S: usize, const P: usize, const D: usize, const E: usize>
    OnSignal<L, K> for To1d<OL, S, P, D, E>
{
    type Signal<Sample: Array> = [Sample; OL];
    type Ring<Row: Array> = [[Row; D]; K];
    const STATED: usize = OL;
    const AXIS: Axis = match (P, E) {
        (SAME, SAME) => Axis::same(L, K, S, D),
        (SAME, _) | (_, SAME) => concat_panic!(display: "`SAME` is the padding of both ends"),
        padding => Axis::new(L, K, S, D, padding),
    };
}

/// The same in both directions is named as in one.
impl<R: Geometry, C: Geometry> Geometry for (R, C) {
    const FINGERPRINT: u32 =
        if R::FINGERPRINT == C::FINGERPRINT { R::FINGERPRINT } else { mix(R::FINGERPRINT, C::FINGERPRINT) };
}

impl<const H: usize, const W: usize, const KH: usize, const KW: usize, R: OnSignal<H, KH>, C: OnSignal<W, KW>>
    OnImage<H, W, KH, KW> for (R, C)
{
    type Image<Pixel: Array> = R::Signal<C::Signal<Pixel>>;
    type Ring<Row: Array> = R::Ring<Row>;
    const AXES: [Axis; 2] = {
        let (rows, columns) = (R::AXIS, C::AXIS);
        if rows.output != R::STATED || columns.output != C::STATED {
            concat_panic!(
                display: "from ", H, display: " by ", W, display: ", a kernel or window of ", KH, display: " by ", KW,
                display: " with stride ", rows.stride, display: " by ", columns.stride, display: " leads to ", rows.output,
                display: " by ", columns.output, display: ", not ", R::STATED, display: " by ", C::STATED
            );
        }
        [rows, columns]
    };
}
