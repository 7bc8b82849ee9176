//! The depthwise convolution.

use core::array::{from_mut, from_ref};
use core::marker::PhantomData;

use crate::kernels::Axis;
use crate::kernels::depthwise::{depthwise, is_shared};
use crate::layers::activation::probabilities;
use crate::layers::{
    Activation, Affine, Forward, Geometry, InRows, Layer, Linear, Memory, Mode, OnImage, OutRow, Ring, Rows, Same,
    Streamed, are_small, each_row, pixels, pixels_mut, scale_rows, weights_and_biases,
};
use crate::numbers::{Array, Real, Zero, fingerprint, mix};

/// A convolution of each of `C` channels with a kernel of its own, of `K` by `K`: [`Depthwise`] with a square kernel.
pub type DepthwiseConv2d<const C: usize, const K: usize, F = Linear, G = Same, T = f32> = Depthwise<C, K, K, F, G, T>;

/// A convolution of each of `C` channels with a kernel of its own, of height `KH` and width `KW`; activation `F`, geometry `G`, over
/// scalars `T`. [`DepthwiseConv2d`] is its usual form.
///
/// With a pointwise convolution behind it, `chain![DepthwiseConv2d<8, 3, Relu>, Conv2d<8, 16, 1, Relu>]`, it does much of the work of
/// `Conv2d<8, 16, 3, Relu>` with an eighth of its multiplications (Howard et al. 2017). Images and geometries are those of
/// [`Conv`](crate::Conv): `y[i][j][c] = f(b[c] + Σ x[i·S + u·D − P][j·S + v·D − P][c]·w[u][v][c])`, summed over `u` and `v` in this order.
///
/// Backpropagation: with `δ = ∂loss/∂y ⊙ f'`, `∂loss/∂w[u][v][c] = Σ x[i·S + u·D − P][j·S + v·D − P][c]·δ[i][j][c]` over the images and
/// pixels, `∂loss/∂b[c] = Σ δ[i][j][c]`, and `∂loss/∂x` adds `w[u][v][c]·δ[i][j][c]` to the pixel that `w` met.
///
/// Costs `(KH·KW·C + C)·size_of::<T>()` bytes, as much again for each moment and, in training, of stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Depthwise<const C: usize, const KH: usize, const KW: usize, F = Linear, G = Same, T = f32> {
    /// Weights, `w[row][column][channel]`.
    pub w: [[[T; C]; KW]; KH],
    /// Biases.
    pub b: [T; C],
    kind: PhantomData<fn() -> (F, G)>,
}

impl<const C: usize, const KH: usize, const KW: usize, F, G, T> Depthwise<C, KH, KW, F, G, T> {
    /// A layer with the given weights, `w[row][column][channel]`, and biases.
    pub const fn new(w: [[[T; C]; KW]; KH], b: [T; C]) -> Self {
        Self { w, b, kind: PhantomData }
    }
}

weights_and_biases!(
    [const C: usize, const KH: usize, const KW: usize, F: Activation, G: Geometry, T: Real] Depthwise<C, KH, KW, F, G, T>,
    scalars: KH * KW * C + C,
    fingerprint: {
        // A square kernel's side stands once.
        let kernel = if KH == KW { fingerprint("DepthwiseConv2d", &[C, KH]) } else { fingerprint("DepthwiseConv2d", &[C, KH, KW]) };
        mix(mix(kernel, G::FINGERPRINT), F::FINGERPRINT)
    },
    fan_in: KH * KW,
    fan_out: KH * KW
);

impl<
    const C: usize,
    const KH: usize,
    const KW: usize,
    const H: usize,
    const W: usize,
    F: Activation,
    G: OnImage<H, W, KH, KW>,
    T: Real,
> Forward<[[[T; C]; W]; H]> for Depthwise<C, KH, KW, F, G, T>
{
    type Out = G::Image<[T; C]>;
    const CHECK: () = {
        let _ = G::AXES;
    };

    #[inline]
    fn infer(&self, x: &[[[T; C]; W]; H], memory: Memory) {
        memory.write(|y| self.forward(from_ref(x), &mut (), from_mut(y), Mode::Inference));
    }
}

impl<
    const C: usize,
    const KH: usize,
    const KW: usize,
    const H: usize,
    const W: usize,
    F: Activation,
    G: OnImage<H, W, KH, KW>,
    T: Real,
> Layer<[[[T; C]; W]; H]> for Depthwise<C, KH, KW, F, G, T>
{
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();
    const PROBABILITIES: Option<&'static str> = probabilities::<F>();

    #[inline]
    fn forward<const B: usize>(&self, x: &[[[[T; C]; W]; H]; B], (): &mut (), y: &mut [Self::Out; B], _: Mode) {
        for (x, y) in x.iter().zip(y) {
            convolve(&self.w, &self.b, Rows::<_, false>(pixels(x.flat())), 0, pixels_mut(y.flat_mut()), G::AXES);
            F::forward(y.flat_mut(), C);
        }
    }

    #[inline]
    fn backward<const B: usize>(
        &self,
        _: &[[[[T; C]; W]; H]; B],
        (): &(),
        y: &[Self::Out; B],
        dy: &mut [Self::Out; B],
        (): &mut (),
        dx: Option<&mut [[[[T; C]; W]; H]; B]>,
        _: Mode,
    ) {
        F::backward(Array::flatten(y), Array::flatten_mut(dy), C);
        let Some(dx) = dx else { return };
        dx.clear();
        for (dy, dx) in dy.iter().zip(dx) {
            back_to_input(&self.w, pixels(dy.flat()), pixels_mut(dx.flat_mut()), G::AXES);
        }
    }

    #[inline]
    fn gradients<const B: usize>(
        &self,
        x: &[[[[T; C]; W]; H]; B],
        (): &(),
        _: &[Self::Out; B],
        dy: &[Self::Out; B],
        (): &(),
        grads: &mut Self,
        add: bool,
    ) {
        if !add {
            grads.clear();
        }
        for (x, dy) in x.iter().zip(dy) {
            add_gradients(pixels(x.flat()), pixels(dy.flat()), &mut grads.w, &mut grads.b, G::AXES);
        }
    }

    #[inline]
    fn gradients_are_finite<const B: usize>(
        &self,
        x: &[[[[T; C]; W]; H]; B],
        (): &(),
        _: &[Self::Out; B],
        dy: &[Self::Out; B],
        (): &(),
    ) -> bool {
        are_small(Array::flatten(x), Array::flatten(dy))
    }
}

impl<
    const C: usize,
    const KH: usize,
    const KW: usize,
    const H: usize,
    const W: usize,
    F: Activation,
    G: OnImage<H, W, KH, KW>,
    T: Real,
> Streamed<[[[T; C]; W]; H]> for Depthwise<C, KH, KW, F, G, T>
where
    G::Image<[T; C]>: InRows,
{
    type State = Ring<G::Ring<[[T; C]; W]>>;
    type Late<P: Array> = G::Ring<P>;
    const STRIDE: usize = G::AXES[0].stride;
    const STREAMS: () = G::AXES[0].begins_inside();

    #[inline]
    fn place<'s>(ring: &'s mut Self::State, _: &'s mut OutRow<Self, [[[T; C]; W]; H]>) -> &'s mut [[T; C]; W] {
        ring.next()
    }
    #[inline]
    fn advance(&self, ring: &mut Self::State, y: &mut OutRow<Self, [[[T; C]; W]; H]>) -> bool {
        ring.take(G::AXES[0], |x, at, rows| self.row(x, at, y.flat_mut(), [rows, G::AXES[1]]))
    }
    #[inline]
    fn finish(&self, ring: &mut Self::State, y: &mut OutRow<Self, [[[T; C]; W]; H]>) -> bool {
        ring.finish(G::AXES[0], |x, at, rows| self.row(x, at, y.flat_mut(), [rows, G::AXES[1]]))
    }
}

impl<const C: usize, const KH: usize, const KW: usize, F: Activation, G, T: Real> Depthwise<C, KH, KW, F, G, T> {
    /// Row `at` of the output, from rows in a ring.
    #[inline(always)]
    fn row(&self, x: &[T], at: usize, y: &mut [T], axes: [Axis; 2]) {
        convolve(&self.w, &self.b, Rows::<_, true>(pixels(x)), at, pixels_mut(y), axes);
        F::forward(y, C);
    }
}

/// The rows of the output from `from` on.
#[inline(always)]
fn convolve<const RING: bool, T: Real, const C: usize, const KH: usize, const KW: usize>(
    w: &[[[T; C]; KW]; KH],
    b: &[T; C],
    x: Rows<[T; C], RING>,
    from: usize,
    y: &mut [[T; C]],
    axes: [Axis; 2],
) {
    if is_shared(C) {
        let w = w.as_flattened().as_flattened();
        depthwise::<RING, _>(w, b, x.0.as_flattened(), from, y.as_flattened_mut(), C, axes);
        return;
    }
    let [_, columns] = axes;
    for (oy, y) in y.chunks_exact_mut(columns.output.max(1)).enumerate() {
        let oy = from + oy;
        y.fill(*b);
        each_row(x, oy, axes, |row, u| {
            let Some(w) = w.get(u) else { return };
            for (ox, y) in y.iter_mut().enumerate() {
                for (v, w) in w.iter().enumerate() {
                    if let Some(x) = columns.input(ox, v).and_then(|column| row.get(column)) {
                        add_products(y, x, w);
                    }
                }
            }
        });
    }
}

#[inline(always)]
fn add_gradients<T: Real, const C: usize, const KH: usize, const KW: usize>(
    x: &[[T; C]],
    dy: &[[T; C]],
    dw: &mut [[[T; C]; KW]; KH],
    db: &mut [T; C],
    axes: [Axis; 2],
) {
    let [_, columns] = axes;
    for (oy, dy) in dy.chunks_exact(columns.output).enumerate() {
        each_row(Rows::<_, false>(x), oy, axes, |row, u| {
            let Some(dw) = dw.get_mut(u) else { return };
            for (v, dw) in dw.iter_mut().enumerate() {
                for (ox, dy) in dy.iter().enumerate() {
                    if let Some(x) = columns.input(ox, v).and_then(|column| row.get(column)) {
                        add_products(dw, x, dy);
                    }
                }
            }
        });
        for pixel in dy {
            db.iter_mut().zip(pixel).for_each(|(db, dy)| *db += *dy);
        }
    }
}

#[inline(always)]
fn back_to_input<T: Real, const C: usize, const KH: usize, const KW: usize>(
    w: &[[[T; C]; KW]; KH],
    dy: &[[T; C]],
    dx: &mut [[T; C]],
    [rows, columns]: [Axis; 2],
) {
    for (u, w) in w.iter().enumerate() {
        for (v, w) in w.iter().enumerate() {
            for (oy, dy) in dy.chunks_exact(columns.output).enumerate() {
                let row = rows.input(oy, u).and_then(|row| dx.chunks_exact_mut(columns.input).nth(row));
                let Some(row) = row else { continue };
                for (ox, dy) in dy.iter().enumerate() {
                    if let Some(dx) = columns.input(ox, v).and_then(|column| row.get_mut(column)) {
                        add_products(dx, dy, w);
                    }
                }
            }
        }
    }
}

/// `sums += a·b`, channel by channel.
#[inline(always)]
fn add_products<T: Real, const C: usize>(sums: &mut [T; C], a: &[T; C], b: &[T; C]) {
    for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
        *sum += *a * *b;
    }
}

impl<const C: usize, const KH: usize, const KW: usize, G: Geometry, T: Real> Affine<T>
    for Depthwise<C, KH, KW, Linear, G, T>
{
    type Channels = [T; C];
    type With<F: Activation> = Depthwise<C, KH, KW, F, G, T>;
    fn scaled<F: Activation>(&self, scale: &[T; C], shift: &[T; C], to: &mut Self::With<F>) {
        scale_rows(pixels(self.w.flat()), scale, &[T::ZERO; C], pixels_mut(to.w.flat_mut()));
        scale_rows(&[self.b], scale, shift, core::slice::from_mut(&mut to.b));
    }
}
