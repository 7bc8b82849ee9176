//! Convolution over images and signals.

use core::array::{from_mut, from_ref};
use core::hint::black_box;
use core::marker::PhantomData;

use crate::kernels::Axis;
use crate::kernels::convolution::{convolve as shared, is_shared};
use crate::kernels::{NARROW, Strided, add_dot_products, product, sum_rows};
use crate::layers::activation::probabilities;
use crate::layers::{
    Activation, Affine, Descend, Forward, Geometry, InRows, Layer, Linear, Memory, Mode, OnImage, OnSignal, OutRow,
    Ring, Rows, Same, Streamed, are_small, scale_rows, weights_and_biases,
};
use crate::numbers::{Array, Real, Zero, fingerprint, mix};

/// A convolution of `C` channels into `O` with kernels of `K` by `K`, over images `[[[T; C]; W]; H]`.
///
/// [`Same`], the default, keeps height and width: `Conv2d<8, 16, 3, Relu>` takes `[[[T; 8]; 14]; 14]` to `[[[T; 16]; 14]; 14]`.
/// With [`To`](crate::To) the output's size is stated and checked: `Conv2d<1, 6, 5, Relu, To<24, 24>>` takes 28 by 28 to 24 by 24,
/// `Conv2d<1, 8, 3, Relu, To<14, 14, 2, SAME>>` to 14 by 14. A kernel of 1 is the pointwise convolution; for a kernel of another height
/// than width, there is [`Conv`].
pub type Conv2d<const C: usize, const O: usize, const K: usize, F = Linear, G = Same, T = f32> =
    Conv<C, O, K, K, F, G, T>;

/// A convolution of `C` channels into `O` with kernels of `K`, over signals `[[T; C]; L]`: `L` instants of `C` channels.
///
/// [`Same`], the default, keeps the length. With [`To1d`](crate::To1d) the output's length is stated and checked:
/// `Conv1d<3, 16, 5, Relu, To1d<62, 2>>` takes a window of 127 instants to 62.
pub type Conv1d<const C: usize, const O: usize, const K: usize, F = Linear, G = Same, T = f32> =
    Conv<C, O, 1, K, F, G, T>;

/// A convolution of `C` channels into `O` with kernels of height `KH` and width `KW`, activation `F`, geometry `G`, over scalars `T`.
/// [`Conv2d`] and [`Conv1d`] are its usual forms.
///
/// Height and width may differ, and so may strides, paddings, one at each end, and dilations: with
/// `To<25, 5, 2, SAME>`, `Conv<1, 64, 10, 4, Relu, _>` takes 49 by 10 to 25 by 5; `(To1d<24, 2, 1, 1, 0>, To1d<10, 1, 4, 2>)` takes rows
/// in steps of 2 with one row of padding above and none below, and columns with dilation 2 and 4 of padding on each side.
///
/// Channels are last: an image is `[[[T; C]; W]; H]`, rows of pixels of channels, and a signal `[[T; C]; L]`. So the values that a
/// kernel's row meets lie side by side in memory, and so do the output channels that are computed together.
///
/// It is a correlation, as in every framework: with stride `S`, dilation `D` and padding `P` before the image, which the geometry has
/// for rows and columns apart, `y[i][j][o] = f(b[o] + Σ x[i·S + u·D − P][j·S + v·D − P][c]·w[u][v][c][o])`, summed over `u`, `v` and
/// `c` in this order; outside the image, x is 0. A convolution in the mathematical sense, in which the kernel is turned by half a
/// circle, is the same layer with `u` and `v` of its weights counted backwards; since they are learned, that makes no difference.
///
/// Backpropagation: with `δ = ∂loss/∂y ⊙ f'`, `∂loss/∂w[u][v][c][o] = Σ x[i·S + u·D − P][j·S + v·D − P][c]·δ[i][j][o]` over the
/// images and pixels, `∂loss/∂b[o] = Σ δ[i][j][o]`, and `∂loss/∂x` adds `w[u][v][c][o]·δ[i][j][o]` to the pixel that `w` met.
///
/// Costs `(KH·KW·C·O + O)·size_of::<T>()` bytes, as much again for each moment; training takes `KW·C·O` scalars of stack for the gradients of
/// a row of the kernel, and `C·O` where `∂loss/∂x` is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv<const C: usize, const O: usize, const KH: usize, const KW: usize, F = Linear, G = Same, T = f32> {
    /// Weights, `w[row][column][input channel][output channel]`.
    pub w: [[[[T; O]; C]; KW]; KH],
    /// Biases.
    pub b: [T; O],
    kind: PhantomData<fn() -> (F, G)>,
}

impl<const C: usize, const O: usize, const KH: usize, const KW: usize, F, G, T> Conv<C, O, KH, KW, F, G, T> {
    /// A layer with the given weights, `w[row][column][input channel][output channel]`, and biases.
    pub const fn new(w: [[[[T; O]; C]; KW]; KH], b: [T; O]) -> Self {
        Self { w, b, kind: PhantomData }
    }
}

weights_and_biases!(
    [const C: usize, const O: usize, const KH: usize, const KW: usize, F: Activation, G: Geometry, T: Real]
    Conv<C, O, KH, KW, F, G, T>,
    scalars: KH * KW * C * O + O,
    fingerprint: mix(mix(fingerprint("Conv", &[C, O, KH, KW]), G::FINGERPRINT), F::FINGERPRINT),
    fan_in: KH * KW * C,
    fan_out: KH * KW * O
);

/// `Layer` for one kind of input, whose pixels lie in rows and columns.
macro_rules! layer {
    ([$($generics:tt)*] $Input:ty, $Conv:ty, $columns:ident, $axes:expr, $Out:ty) => {
        impl<const C: usize, const O: usize, $($generics)* F: Activation, T: Real> Forward<$Input> for $Conv {
            type Out = $Out;
            const CHECK: () = {
                let _ = $axes;
            };

            #[inline]
            fn infer(&self, x: &$Input, memory: Memory) {
                memory.write(|y| self.forward(from_ref(x), &mut (), from_mut(y), Mode::Inference));
            }
        }

        impl<const C: usize, const O: usize, $($generics)* F: Activation, T: Real> Layer<$Input> for $Conv {
            type Acts<const B: usize> = ();
            type Scratch<const B: usize> = ();
    const PROBABILITIES: Option<&'static str> = probabilities::<F>();

            #[inline]
            fn forward<const B: usize>(&self, x: &[$Input; B], (): &mut (), y: &mut [$Out; B], _: Mode) {
                for (x, y) in x.iter().zip(y) {
                    let (x, pixels) = (Rows::<_, false>(pixels(x.flat())), pixels_mut(y.flat_mut()));
                    if const { $axes[1].dilation > 1 } {
                        convolve::<true, _, _, _, _, _, _>(&self.w, &self.b, x, 0, pixels, $axes);
                    } else {
                        convolve::<false, _, _, _, _, _, _>(&self.w, &self.b, x, 0, pixels, $axes);
                    }
                    F::forward(y.flat_mut(), O);
                }
            }

            #[inline]
            fn backward<const B: usize>(
                &self,
                _: &[$Input; B],
                (): &(),
                y: &[$Out; B],
                dy: &mut [$Out; B],
                (): &mut (),
                dx: Option<&mut [$Input; B]>,
                _: Mode,
            ) {
                F::backward(Array::flatten(y), Array::flatten_mut(dy), O);
                if let Some(dx) = dx {
                    let (dy, dx) = (pixels(Array::flatten(dy)), pixels_mut(Array::flatten_mut(dx)));
                    back_to_input(&self.w, dy, dx, $axes);
                }
            }

            #[inline]
            fn gradients<const B: usize>(
                &self,
                x: &[$Input; B],
                (): &(),
                _: &[$Out; B],
                dy: &[$Out; B],
                (): &(),
                grads: &mut Self,
                add: bool,
            ) {
                if !add {
                    grads.clear();
                }
                let (x, dy) = (pixels(Array::flatten(x)), pixels(Array::flatten(dy)));
                for (u, row) in grads.w.iter_mut().enumerate() {
                    add_row_gradients(x, dy, u, row, $axes);
                }
                sum_rows::<true, _, _>(dy, &mut grads.b);
            }

            // On a device one copy for looking at gradients and for a step along them.
            #[cfg_attr(not(target_os = "none"), inline)]
            #[cfg_attr(target_os = "none", inline(never))]
            fn descend<const B: usize, const MOMENTS: usize>(
                &mut self,
                x: &[$Input; B],
                (): &(),
                _: &[$Out; B],
                dy: &[$Out; B],
                (): &(),
                mut moments: [&mut Self; MOMENTS],
                f: &mut Descend<T, MOMENTS>,
            ) {
                let (x, dy) = (pixels(Array::flatten(x)), pixels(Array::flatten(dy)));
                let mut rows = moments.each_mut().map(|m| m.w.iter_mut());
                for (u, w) in self.w.iter_mut().enumerate() {
                    let moments = rows.each_mut().map(|rows| rows.next().map_or(&mut [][..], |row| row.as_mut_slice()));
                    if const { $columns * C * O * size_of::<T>() > MANY } {
                        let mut taps = moments.map(|row| row.iter_mut());
                        for (v, w) in w.iter_mut().enumerate() {
                            let mut tap = [[T::ZERO; O]; C];
                            add_tap_gradients(x, dy, [u, v], &mut tap, $axes);
                            f(w.flat_mut(), tap.flat_mut(), taps.each_mut().map(|taps| taps.next().map_or(&mut [][..], Array::flat_mut)));
                        }
                    } else {
                        let mut row = [[[T::ZERO; O]; C]; $columns];
                        add_row_gradients(x, dy, u, &mut row, $axes);
                        f(w.flat_mut(), row.flat_mut(), moments.map(Array::flatten_mut));
                    }
                }
                let mut b = [T::ZERO; O];
                sum_rows::<true, _, _>(dy, &mut b);
                f(&mut self.b, &mut b, moments.map(|m| m.b.as_mut_slice()));
            }

            #[inline]
            fn gradients_are_finite<const B: usize>(
                &self,
                x: &[$Input; B],
                (): &(),
                _: &[$Out; B],
                dy: &[$Out; B],
                (): &(),
            ) -> bool {
                are_small(Array::flatten(x), Array::flatten(dy))
            }
        }
    };
}
layer!(
    [const KH: usize, const KW: usize, const H: usize, const W: usize, G: OnImage<H, W, KH, KW>,]
    [[[T; C]; W]; H], Conv<C, O, KH, KW, F, G, T>, KW, G::AXES, G::Image<[T; O]>
);
layer!(
    [const K: usize, const L: usize, G: OnSignal<L, K>,]
    [[T; C]; L], Conv<C, O, 1, K, F, G, T>, K, G::AXES, G::Signal<[T; O]>
);

/// `Streamed` for one kind of input: an image, or a signal as an image of one column.
macro_rules! streamed {
    ([$($generics:tt)*] $Input:ty, $Conv:ty, $axes:expr, $Out:ty, |$w:ident| $kernel:expr) => {
        impl<const C: usize, const O: usize, $($generics)* F: Activation, T: Real> Streamed<$Input> for $Conv
        where
            $Out: InRows,
        {
            type State = Ring<G::Ring<<$Input as InRows>::Row>>;
            type Late<P: Array> = G::Ring<P>;
            const STRIDE: usize = $axes[0].stride;
            const STREAMS: () = $axes[0].begins_inside();

            #[inline]
            fn place<'s>(ring: &'s mut Self::State, _: &'s mut OutRow<Self, $Input>) -> &'s mut <$Input as InRows>::Row {
                ring.next()
            }
            #[inline]
            fn advance(&self, ring: &mut Self::State, y: &mut OutRow<Self, $Input>) -> bool {
                let ($w, y) = (&self.w, y.flat_mut());
                ring.take($axes[0], |x, at, rows| convolve_row::<F, _, _, _, _, _>($kernel, &self.b, x, at, y, [rows, $axes[1]]))
            }
            #[inline]
            fn finish(&self, ring: &mut Self::State, y: &mut OutRow<Self, $Input>) -> bool {
                let ($w, y) = (&self.w, y.flat_mut());
                ring.finish($axes[0], |x, at, rows| convolve_row::<F, _, _, _, _, _>($kernel, &self.b, x, at, y, [rows, $axes[1]]))
            }
        }
    };
}
streamed!(
    [const KH: usize, const KW: usize, const H: usize, const W: usize, G: OnImage<H, W, KH, KW>,]
    [[[T; C]; W]; H], Conv<C, O, KH, KW, F, G, T>, G::AXES, G::Image<[T; O]>, |w| Some(w)
);
streamed!(
    [const K: usize, const L: usize, G: OnSignal<L, K>,]
    [[T; C]; L], Conv<C, O, 1, K, F, G, T>, [G::AXES[1], Axis::ONE], G::Signal<[T; O]>,
    |w| w.as_flattened().as_chunks::<1>().0.first_chunk::<K>()
);

/// Row `at` of the output, from rows in a ring.
#[inline(always)]
fn convolve_row<F: Activation, T: Real, const C: usize, const O: usize, const KH: usize, const KW: usize>(
    w: Option<&[[[[T; O]; C]; KW]; KH]>,
    b: &[T; O],
    x: &[T],
    at: usize,
    y: &mut [T],
    [rows, columns]: [Axis; 2],
) {
    let (Some(w), x, out) = (w, Rows::<_, true>(pixels(x)), pixels_mut(y)) else { return };
    // The only row that is kept is an image of its own: for a pointwise convolution.
    let (at, rows) = if x.0.len() == columns.input { (0, Axis::ONE) } else { (at, rows) };
    if columns.dilation > 1 {
        convolve::<true, _, _, _, _, _, _>(w, b, x, at, out, [rows, columns]);
    } else {
        convolve::<false, _, _, _, _, _, _>(w, b, x, at, out, [rows, columns]);
    }
    F::forward(y, O);
}

/// Pixels of `C` channels.
#[inline(always)]
pub(crate) fn pixels<T, const C: usize>(flat: &[T]) -> &[[T; C]] {
    flat.as_chunks().0
}
#[inline(always)]
pub(crate) fn pixels_mut<T, const C: usize>(flat: &mut [T]) -> &mut [[T; C]] {
    flat.as_chunks_mut().0
}

/// The pixels that one example's output row and a kernel's row `u` have to do with: `f(row of x, u)`.
#[inline(always)]
pub(crate) fn each_row<P, const RING: bool>(
    x: Rows<P, RING>,
    oy: usize,
    [rows, columns]: [Axis; 2],
    mut f: impl FnMut(&[P], usize),
) {
    for u in rows.taps(oy) {
        if let Some(row) = rows.input(oy, u).and_then(|row| x.row(row, columns.input)) {
            f(row, u);
        }
    }
}

/// The rows of the output from `from` on.
#[inline(always)]
fn convolve<
    const DILATED: bool,
    const RING: bool,
    T: Real,
    const C: usize,
    const O: usize,
    const KH: usize,
    const KW: usize,
>(
    w: &[[[[T; O]; C]; KW]; KH],
    b: &[T; O],
    x: Rows<[T; C], RING>,
    from: usize,
    y: &mut [[T; O]],
    axes: [Axis; 2],
) {
    let [rows, columns] = axes;
    if is_shared(O, columns) {
        // An image of which each pixel is taken alone is one row.
        let axes = if !RING && KH * KW == 1 && rows.is_identity() && columns.is_identity() {
            [Axis::ONE, Axis { input: x.0.len(), output: y.len(), ..columns }]
        } else {
            axes
        };
        let w = w.as_flattened().as_flattened().as_flattened();
        // Sizes that the compiler knows make it copy the loop for each layer.
        let (b, channels, axes) = black_box((b.as_slice(), C, axes));
        return shared::<RING, _>(w, b, x.0.as_flattened(), from, y.as_flattened_mut(), channels, axes);
    }
    for (oy, y) in y.chunks_exact_mut(columns.output.max(1)).enumerate() {
        let oy = from + oy;
        y.fill(*b);
        columns.runs(|outputs, taps, first| {
            let Some(y) = y.get_mut(outputs) else { return };
            // Few channels, for a desktop's vectors; others take the kernel's rows one by one.
            if taps.len() == KW && columns.dilation == 1 && O <= NARROW && !cfg!(target_os = "none") {
                let rest = convolve_inside::<_, _, _, _, _, _, 4>(w, x, y, (oy, first), axes);
                let first = first + rest * columns.stride;
                convolve_inside::<_, _, _, _, _, _, 1>(w, x, &mut y[rest..], (oy, first), axes);
                return;
            }
            each_row(x, oy, axes, |row, u| {
                let Some(w) = w.get(u) else { return };
                columns.neighbours::<DILATED>(taps.clone(), first, |taps, first| {
                    let row = row.as_flattened().get(first * C..);
                    if let (Some(data), Some(w)) = (row, w.get(taps)) {
                        let x = Strided { data, row: columns.stride * C, column: 1 };
                        product::<true, _, _>(&x, w.as_flattened(), y);
                    }
                });
            });
        });
    }
}

/// Outputs that meet the input with all columns of the kernel, `R` side by side, their sums held in registers over the whole kernel;
/// returns how many were computed.
#[inline(always)]
fn convolve_inside<
    const RING: bool,
    T: Real,
    const C: usize,
    const O: usize,
    const KH: usize,
    const KW: usize,
    const R: usize,
>(
    w: &[[[[T; O]; C]; KW]; KH],
    x: Rows<[T; C], RING>,
    y: &mut [[T; O]],
    (oy, first): (usize, usize),
    axes: [Axis; 2],
) -> usize {
    let outside = [[T::ZERO; C]; KW];
    let (tiles, _) = y.as_chunks_mut::<R>();
    let count = tiles.len() * R;
    for (i, y) in tiles.iter_mut().enumerate() {
        let first = first + i * R * axes[1].stride;
        let mut sums = *y;
        each_row(x, oy, axes, |row, u| {
            // Each output's part of the row: of a length that is known, so that nothing is checked below.
            let mut patches = [&outside; R];
            for (r, patch) in patches.iter_mut().enumerate() {
                if let Some(pixels) = row.get(first + r * axes[1].stride..).and_then(|row| row.first_chunk()) {
                    *patch = pixels;
                }
            }
            for (v, w) in w[u].iter().enumerate() {
                for (c, w) in w.iter().enumerate() {
                    for (sum, patch) in sums.iter_mut().zip(&patches) {
                        let x = patch[v][c];
                        for (sum, w) in sum.iter_mut().zip(w) {
                            *sum += x * *w;
                        }
                    }
                }
            }
        });
        *y = sums;
    }
    count
}

/// Bytes of gradients of a kernel's row that may lie on a device's stack; of more, a tap's do at a time.
const MANY: usize = if cfg!(target_os = "none") { 2048 } else { 1 << 14 };

/// Adds the gradients of the weights of a tap, by its row and column, over a whole batch: with the bits of [`add_row_gradients`].
#[inline(always)]
fn add_tap_gradients<T: Real, const C: usize, const O: usize>(
    x: &[[T; C]],
    dy: &[[T; O]],
    [u, v]: [usize; 2],
    dw: &mut [[T; O]; C],
    [rows, columns]: [Axis; 2],
) {
    let outputs = columns.outputs(v);
    let Some(first) = columns.input(outputs.start, v) else { return };
    let examples = x.chunks_exact((rows.input * columns.input).max(1));
    for (x, dy) in examples.zip(dy.chunks_exact((rows.output * columns.output).max(1))) {
        for (oy, dy) in dy.chunks_exact(columns.output.max(1)).enumerate() {
            let row = rows.input(oy, u).and_then(|row| Rows::<_, false>(x).row(row, columns.input));
            let (Some(row), Some(dy)) = (row, dy.get(outputs.clone())) else { continue };
            let data = row.as_flattened().get(first * C..).unwrap_or(&[]);
            product::<true, _, _>(&Strided { data, row: 1, column: columns.stride * C }, dy, dw);
        }
    }
}

/// Adds the gradients of the weights in row `u` of the kernel, over a whole batch.
#[inline(always)]
fn add_row_gradients<T: Real, const C: usize, const O: usize, const KW: usize>(
    x: &[[T; C]],
    dy: &[[T; O]],
    u: usize,
    dw: &mut [[[T; O]; C]; KW],
    [rows, columns]: [Axis; 2],
) {
    let examples = x.chunks_exact((rows.input * columns.input).max(1));
    for (x, dy) in examples.zip(dy.chunks_exact((rows.output * columns.output).max(1))) {
        for (oy, dy) in dy.chunks_exact(columns.output.max(1)).enumerate() {
            let row = rows.input(oy, u).and_then(|row| Rows::<_, false>(x).row(row, columns.input));
            let Some(row) = row else { continue };
            if columns.dilation > 1 {
                add_gradients::<true, _, _, _, _>(row, dy, dw, columns);
            } else {
                add_gradients::<false, _, _, _, _>(row, dy, dw, columns);
            }
        }
    }
}

#[inline(always)]
fn add_gradients<const DILATED: bool, T: Real, const C: usize, const O: usize, const KW: usize>(
    x: &[[T; C]],
    dy: &[[T; O]],
    dw: &mut [[[T; O]; C]; KW],
    columns: Axis,
) {
    columns.runs(|outputs, taps, first| {
        let Some(dy) = dy.get(outputs) else { return };
        columns.neighbours::<DILATED>(taps, first, |taps, first| {
            let data = x.as_flattened().get(first * C..).unwrap_or(&[]);
            if let Some(dw) = dw.get_mut(taps) {
                product::<true, _, _>(&Strided { data, row: 1, column: columns.stride * C }, dy, dw.as_flattened_mut());
            }
        });
    });
}

/// For a whole batch, so that each tap's weights are laid out anew but once.
#[inline(always)]
fn back_to_input<T: Real, const C: usize, const O: usize, const KH: usize, const KW: usize>(
    w: &[[[[T; O]; C]; KW]; KH],
    dy: &[[T; O]],
    dx: &mut [[T; C]],
    [rows, columns]: [Axis; 2],
) {
    dx.as_flattened_mut().fill(T::ZERO);
    let mut transposed = [[T::ZERO; C]; O];
    for (u, w) in w.iter().enumerate() {
        for (v, tap) in w.iter().enumerate() {
            for (c, w) in tap.iter().enumerate() {
                for (row, w) in transposed.iter_mut().zip(w) {
                    row[c] = *w;
                }
            }
            let outputs = columns.outputs(v);
            let Some(column) = columns.input(outputs.start, v).filter(|_| !outputs.is_empty()) else { continue };
            let examples = dy.chunks_exact(rows.output * columns.output);
            for (dy, dx) in examples.zip(dx.chunks_exact_mut(rows.input * columns.input)) {
                for (oy, dy) in dy.chunks_exact(columns.output).enumerate() {
                    let row = rows.input(oy, u).and_then(|row| dx.chunks_exact_mut(columns.input).nth(row));
                    let (Some(dx), Some(dy)) = (row.and_then(|row| row.get_mut(column..)), dy.get(outputs.clone()))
                    else {
                        continue;
                    };
                    let mut pixels = dy.iter().zip(dx.iter_mut().step_by(columns.stride));
                    // Assembly takes the weights as they lie, four channels at a time; nothing is laid out anew then.
                    if C.is_multiple_of(4) && pixels.all(|(dy, dx)| add_dot_products(dy, tap, dx)) {
                        continue;
                    }
                    if columns.stride == 1 {
                        if let Some(dx) = dx.get_mut(..dy.len()) {
                            product::<true, _, _>(
                                &Strided { data: dy.as_flattened(), row: O, column: 1 },
                                &transposed,
                                dx,
                            );
                        }
                    } else {
                        for (dy, dx) in dy.iter().zip(dx.iter_mut().step_by(columns.stride)) {
                            product::<true, _, _>(
                                &Strided { data: dy, row: O, column: 1 },
                                &transposed,
                                core::slice::from_mut(dx),
                            );
                        }
                    }
                }
            }
        }
    }
}

impl<const C: usize, const O: usize, const KH: usize, const KW: usize, G: Geometry, T: Real> Affine<T>
    for Conv<C, O, KH, KW, Linear, G, T>
{
    type Channels = [T; O];
    type With<F: Activation> = Conv<C, O, KH, KW, F, G, T>;
    fn scaled<F: Activation>(&self, scale: &[T; O], shift: &[T; O], to: &mut Self::With<F>) {
        scale_rows(pixels(self.w.flat()), scale, &[T::ZERO; O], pixels_mut(to.w.flat_mut()));
        scale_rows(&[self.b], scale, shift, core::slice::from_mut(&mut to.b));
    }
}
