//! The two-dimensional convolution.

use core::marker::PhantomData;
use core::ops::Range;

use const_panic::concat_panic;
use rand_core::Rng;

use crate::kernels::product;
use crate::params::{fingerprint, mix};
use crate::{Activation, Init, Layer, Linear, Mode, Params, Real, Tensors, Zero};

/// A convolution of `C` channels into `O`, with kernels of `K` by `K`, activation `F`, geometry `G`, over scalars `T`.
///
/// An image is `[[[T; C]; W]; H]`: rows of pixels of channels, channels last. So the values that a kernel's row meets lie side by
/// side in memory, and so do the output channels that are computed together.
///
/// [`Same`], the default, keeps height and width: `Conv2d<8, 16, 3, Relu>` takes `[[[T; 8]; 14]; 14]` to `[[[T; 16]; 14]; 14]`.
/// With [`To`] the output's size is stated and checked: `Conv2d<1, 6, 5, Relu, To<24, 24>>` takes 28 by 28 to 24 by 24.
///
/// It is a correlation, as in every framework: with stride `S` and padding `P`,
/// `y[i][j][o] = f(b[o] + Σ x[i·S + u − P][j·S + v − P][c]·w[u][v][c][o])`, summed over `u`, `v` and `c` in this order; outside the
/// image, x is 0. A convolution in the mathematical sense, in which the kernel is turned by half a circle, is the same layer with `u`
/// and `v` of its weights counted backwards; since they are learned, that makes no difference.
///
/// Backpropagation: with `δ = ∂loss/∂y ⊙ f'`, `∂loss/∂w[u][v][c][o] = Σ x[i·S + u − P][j·S + v − P][c]·δ[i][j][o]` over the images
/// and pixels, `∂loss/∂b[o] = Σ δ[i][j][o]`, and `∂loss/∂x` adds `w[u][v][c][o]·δ[i][j][o]` to the pixel that `w` met.
///
/// Costs `(K·K·C·O + O)·size_of::<T>()` bytes, as much again for gradients and for each moment; `C·O` scalars of stack where `∂loss/∂x`
/// is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2d<const C: usize, const O: usize, const K: usize, F = Linear, G = Same, T = f32> {
    /// Weights, `w[row][column][input channel][output channel]`.
    pub w: [[[[T; O]; C]; K]; K],
    /// Biases.
    pub b: [T; O],
    kind: PhantomData<(F, G)>,
}

/// Stride 1, and padding with zeros so that height and width stay. Needs an odd kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Same;

/// An output of height `H` and width `W`, with stride `S` and `P` rows and columns of zeros on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct To<const H: usize, const W: usize, const S: usize = 1, const P: usize = 0>;

impl<const C: usize, const O: usize, const K: usize, F, G, T> Conv2d<C, O, K, F, G, T> {
    /// A layer with the given weights and biases.
    pub const fn new(w: [[[[T; O]; C]; K]; K], b: [T; O]) -> Self {
        Self { w, b, kind: PhantomData }
    }
}

impl<const C: usize, const O: usize, const K: usize, F, G, T: Real> Conv2d<C, O, K, F, G, T> {
    /// The weights as one tensor.
    fn weights(&self) -> &[T] {
        self.w.as_flattened().as_flattened().as_flattened()
    }
    fn weights_mut(&mut self) -> &mut [T] {
        self.w.as_flattened_mut().as_flattened_mut().as_flattened_mut()
    }
}

impl<const C: usize, const O: usize, const K: usize, F, G, T: Real> Zero for Conv2d<C, O, K, F, G, T> {
    const ZERO: Self = Self { w: Zero::ZERO, b: Zero::ZERO, kind: PhantomData };
    fn clear(&mut self) {
        self.w.clear();
        self.b.clear();
    }
}

impl<const C: usize, const O: usize, const K: usize, F: Activation, G: Geometry, T: Real> Tensors<T>
    for Conv2d<C, O, K, F, G, T>
{
    const LEN: usize = K * K * C * O + O;
    const FINGERPRINT: u32 = mix(mix(fingerprint("Conv2d", &[C, O, K]), G::FINGERPRINT), F::FINGERPRINT);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        f(self.weights());
        f(&self.b);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        f(self.weights_mut());
        f(&mut self.b);
    }
}

impl<const C: usize, const O: usize, const K: usize, F: Activation, G: Geometry, T: Real> Params<T>
    for Conv2d<C, O, K, F, G, T>
{
    type Grads = Self;
    fn zip<const N: usize>(
        &mut self,
        grads: &Self,
        mut moments: [&mut Self; N],
        f: &mut impl FnMut(&mut [T], &[T], [&mut [T]; N]),
    ) {
        f(self.weights_mut(), grads.weights(), moments.each_mut().map(|m| m.weights_mut()));
        f(&mut self.b, &grads.b, moments.each_mut().map(|m| m.b.as_mut_slice()));
    }
    fn init<R: Rng>(&mut self, init: Init, rng: &mut R) {
        init.fill(self.weights_mut(), K * K * C, K * K * O, rng);
        self.b.clear();
    }
}

/// How a kernel moves over an image.
pub trait Geometry {
    /// Names stride and padding in a weights file's fingerprint.
    const FINGERPRINT: u32;
}

impl Geometry for Same {
    const FINGERPRINT: u32 = fingerprint("Same", &[]);
}

impl<const H: usize, const W: usize, const S: usize, const P: usize> Geometry for To<H, W, S, P> {
    const FINGERPRINT: u32 = fingerprint("To", &[S, P]);
}

/// The output of an input of `size`, or what is wrong as a compile error.
const fn output(size: usize, kernel: usize, stride: usize, padding: usize) -> usize {
    if stride == 0 || kernel == 0 {
        concat_panic!(display: "Conv2d: kernel and stride must be at least 1");
    }
    if size + 2 * padding < kernel {
        concat_panic!(
            display: "Conv2d: a kernel of ", kernel, display: " does not fit into an input of ", size,
            display: " with padding ", padding
        );
    }
    (size + 2 * padding - kernel) / stride + 1
}

/// `Layer` for images of any size under a geometry.
macro_rules! layer {
    ([$($generics:tt)*] $Geometry:ty, [$oh:expr, $ow:expr], $stride:expr, $padding:expr, $check:expr) => {
        impl<const C: usize, const O: usize, const K: usize, const H: usize, const W: usize, $($generics)* F: Activation, T: Real>
            Layer<[[[T; C]; W]; H]> for Conv2d<C, O, K, F, $Geometry, T>
        {
            type Out = [[[T; O]; $ow]; $oh];
            type Acts<const B: usize> = ();
            type Scratch<const B: usize> = ();
            const CHECK: () = $check;

            #[inline]
            fn forward<const B: usize>(&self, x: &[[[[T; C]; W]; H]; B], (): &mut (), y: &mut [Self::Out; B], _: Mode) {
                for (x, y) in x.iter().zip(y) {
                    convolve(&self.w, &self.b, x, y, $stride, $padding);
                    y.as_flattened_mut().iter_mut().for_each(|pixel| F::forward(pixel));
                }
            }

            #[inline]
            fn backward<const B: usize>(
                &self,
                x: &[[[[T; C]; W]; H]; B],
                (): &(),
                y: &[Self::Out; B],
                dy: &mut [Self::Out; B],
                (): &mut (),
                dx: Option<&mut [[[[T; C]; W]; H]; B]>,
                grads: Option<&mut Self>,
                mode: Mode,
            ) {
                for (y, dy) in y.as_flattened().as_flattened().iter().zip(dy.as_flattened_mut().as_flattened_mut()) {
                    F::backward(y, dy);
                }
                if let Some(grads) = grads {
                    if !mode.accumulates() {
                        grads.clear();
                    }
                    for (x, dy) in x.iter().zip(dy.iter()) {
                        add_gradients(x, dy, &mut grads.w, &mut grads.b, $stride, $padding);
                    }
                }
                if let Some(dx) = dx {
                    back_to_input(&self.w, dy, dx, $stride, $padding);
                }
            }
        }
    };
}
layer!([] Same, [H, W], 1, K / 2, if K.is_multiple_of(2) {
    concat_panic!(display: "Conv2d: `Same` needs an odd kernel, not ", K, display: "; state the output's size with `To`")
});
layer!(
    [const OH: usize, const OW: usize, const S: usize, const P: usize,] To<OH, OW, S, P>, [OH, OW], S, P, {
        let (height, width) = (output(H, K, S, P), output(W, K, S, P));
        if OH != height || OW != width {
            concat_panic!(
                display: "Conv2d: from ", H, display: " by ", W, display: ", a kernel of ", K, display: ", stride ", S,
                display: " and padding ", P, display: " lead to `To<", height, display: ", ", width, display: ">`, not `To<", OH, display: ", ", OW, display: ">`"
            );
        }
    }
);

/// Taps of a kernel that meet the image, for output `o`.
#[inline(always)]
fn taps(o: usize, kernel: usize, size: usize, stride: usize, padding: usize) -> Range<usize> {
    let start = o * stride;
    padding.saturating_sub(start)..kernel.min((size + padding).saturating_sub(start))
}

/// Calls `f(outputs, taps)` for each run of neighbouring outputs that meet the image with the same taps: one for each at the edges, one
/// for all between.
#[inline(always)]
fn runs(
    outputs: usize,
    kernel: usize,
    size: usize,
    stride: usize,
    padding: usize,
    mut f: impl FnMut(Range<usize>, Range<usize>),
) {
    let mut o = 0;
    while o < outputs {
        let range = taps(o, kernel, size, stride, padding);
        let mut end = o + 1;
        if range.len() == kernel {
            end = ((size + padding - kernel) / stride + 1).clamp(end, outputs);
        }
        f(o..end, range);
        o = end;
    }
}

/// An element of a row of pixels. What lies outside is 0, which never happens; it saves a device the code of a panic.
#[inline(always)]
fn at<T: Real>(row: &[T], i: usize) -> T {
    row.get(i).copied().unwrap_or(T::ZERO)
}

#[inline(always)]
fn convolve<
    T: Real,
    const C: usize,
    const O: usize,
    const K: usize,
    const H: usize,
    const W: usize,
    const OH: usize,
    const OW: usize,
>(
    w: &[[[[T; O]; C]; K]; K],
    b: &[T; O],
    x: &[[[T; C]; W]; H],
    y: &mut [[[T; O]; OW]; OH],
    stride: usize,
    padding: usize,
) {
    for (oy, y) in y.iter_mut().enumerate() {
        *y = [*b; OW];
        for u in taps(oy, K, H, stride, padding) {
            let (row, w) = (x[oy * stride + u - padding].as_flattened(), &w[u]);
            runs(OW, K, W, stride, padding, |outputs, taps| {
                let first = (outputs.start * stride + taps.start - padding) * C;
                let value = |i: usize, k: usize| at(row, first + i * stride * C + k);
                product::<true, _, _>(value, w[taps].as_flattened(), &mut y[outputs]);
            });
        }
    }
}

#[inline(always)]
fn add_gradients<
    T: Real,
    const C: usize,
    const O: usize,
    const K: usize,
    const H: usize,
    const W: usize,
    const OH: usize,
    const OW: usize,
>(
    x: &[[[T; C]; W]; H],
    dy: &[[[T; O]; OW]; OH],
    dw: &mut [[[[T; O]; C]; K]; K],
    db: &mut [T; O],
    stride: usize,
    padding: usize,
) {
    for (oy, dy) in dy.iter().enumerate() {
        for u in taps(oy, K, H, stride, padding) {
            let (row, dw) = (x[oy * stride + u - padding].as_flattened(), &mut dw[u]);
            runs(OW, K, W, stride, padding, |outputs, taps| {
                let first = (outputs.start * stride + taps.start - padding) * C;
                let value = |k: usize, i: usize| at(row, first + i * stride * C + k);
                product::<true, _, _>(value, &dy[outputs], dw[taps].as_flattened_mut());
            });
        }
        for pixel in dy {
            for (db, dy) in db.iter_mut().zip(pixel) {
                *db += *dy;
            }
        }
    }
}

#[inline(always)]
fn back_to_input<
    T: Real,
    const C: usize,
    const O: usize,
    const K: usize,
    const H: usize,
    const W: usize,
    const OH: usize,
    const OW: usize,
    const B: usize,
>(
    w: &[[[[T; O]; C]; K]; K],
    dy: &[[[[T; O]; OW]; OH]; B],
    dx: &mut [[[[T; C]; W]; H]; B],
    stride: usize,
    padding: usize,
) {
    dx.clear();
    let mut transposed = [[T::ZERO; C]; O];
    for (u, w) in w.iter().enumerate() {
        for (v, w) in w.iter().enumerate() {
            for (c, w) in w.iter().enumerate() {
                for (row, w) in transposed.iter_mut().zip(w) {
                    row[c] = *w;
                }
            }
            // Outputs whose tap `v` meets the image.
            let first = padding.saturating_sub(v).div_ceil(stride);
            let end = OW.min((W + padding).saturating_sub(v).div_ceil(stride));
            if first >= end {
                continue;
            }
            for (dy, dx) in dy.iter().zip(dx.iter_mut()) {
                for (oy, dy) in dy.iter().enumerate() {
                    let Some(dx) = (oy * stride + u).checked_sub(padding).and_then(|row| dx.get_mut(row)) else {
                        continue;
                    };
                    let dy = &dy[first..end];
                    let column = first * stride + v - padding;
                    if stride == 1 {
                        product::<true, _, _>(|i, o| dy[i][o], &transposed, &mut dx[column..column + dy.len()]);
                    } else {
                        for (dy, dx) in dy.iter().zip(dx[column..].iter_mut().step_by(stride)) {
                            product::<true, _, _>(|_, o| dy[o], &transposed, core::slice::from_mut(dx));
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;
    use rand_pcg::Pcg32;

    fn random<const N: usize, const M: usize>(rng: &mut Pcg32) -> [[f32; N]; M] {
        core::array::from_fn(|_| core::array::from_fn(|_| rng.next_u32() as f32 / 2f32.powi(31) - 1.0))
    }

    /// The formula of the documentation, one term after the other.
    #[allow(clippy::needless_range_loop)]
    fn agree<
        const C: usize,
        const O: usize,
        const K: usize,
        const H: usize,
        const W: usize,
        const OH: usize,
        const OW: usize,
        const S: usize,
        const P: usize,
    >() {
        let mut rng = Pcg32::seed_from_u64(7);
        let mut layer = Conv2d::<C, O, K, Linear, To<OH, OW, S, P>>::ZERO;
        layer.init(Init::HeNormal, &mut rng);
        layer.b = random::<O, 1>(&mut rng)[0];
        let mut x = [[[[0f32; C]; W]; H]; 2];
        let mut dy = [[[[0f32; O]; OW]; OH]; 2];
        for pixel in x.as_flattened_mut().as_flattened_mut() {
            *pixel = random::<C, 1>(&mut rng)[0];
        }
        for pixel in dy.as_flattened_mut().as_flattened_mut() {
            *pixel = random::<O, 1>(&mut rng)[0];
        }
        let (mut y, mut dx) = (dy, x);
        layer.forward(&x, &mut (), &mut y, Mode::Inference);
        let mut grads = layer.clone();
        let mode = Mode::Training { accumulate: true, seed: 0, first_example: 0, examples: 2 };
        layer.backward(&x, &(), &y, &mut dy.clone(), &mut (), Some(&mut dx), Some(&mut grads), mode);

        let mut expected = (y, layer.clone(), x);
        expected.2.clear();
        let inside = |o: usize, k: usize, size: usize| (o * S + k).checked_sub(P).filter(|i| *i < size);
        for n in 0..2 {
            for (i, j) in (0..OH * OW).map(|p| (p / OW, p % OW)) {
                for o in 0..O {
                    let mut sum = layer.b[o];
                    for (u, v) in (0..K * K).map(|k| (k / K, k % K)) {
                        let (Some(row), Some(column)) = (inside(i, u, H), inside(j, v, W)) else { continue };
                        for c in 0..C {
                            sum += x[n][row][column][c] * layer.w[u][v][c][o];
                            expected.1.w[u][v][c][o] += x[n][row][column][c] * dy[n][i][j][o];
                        }
                    }
                    expected.0[n][i][j][o] = sum;
                    expected.1.b[o] += dy[n][i][j][o];
                }
            }
            for (u, v) in (0..K * K).map(|k| (k / K, k % K)) {
                for (i, j) in (0..OH * OW).map(|p| (p / OW, p % OW)) {
                    let (Some(row), Some(column)) = (inside(i, u, H), inside(j, v, W)) else { continue };
                    for c in 0..C {
                        for o in 0..O {
                            expected.2[n][row][column][c] += dy[n][i][j][o] * layer.w[u][v][c][o];
                        }
                    }
                }
            }
        }
        assert!(y == expected.0, "forward {C} {O} {K} {H} {W} {S} {P}");
        assert!(grads == expected.1, "gradients {C} {O} {K} {H} {W} {S} {P}");
        assert!(dx == expected.2, "input {C} {O} {K} {H} {W} {S} {P}");
    }

    #[test]
    fn fast_and_naive_agree_bit_for_bit() {
        agree::<1, 8, 3, 9, 9, 9, 9, 1, 1>();
        agree::<3, 5, 3, 7, 6, 5, 4, 1, 0>();
        agree::<2, 17, 5, 8, 8, 8, 8, 1, 2>();
        agree::<8, 16, 3, 6, 6, 3, 3, 2, 1>();
        agree::<4, 4, 2, 7, 5, 3, 2, 2, 0>();
        agree::<3, 2, 4, 5, 5, 4, 4, 2, 3>();
        agree::<6, 12, 1, 3, 4, 3, 4, 1, 0>();
        agree::<2, 3, 3, 2, 1, 2, 1, 1, 1>();
        agree::<2, 3, 5, 2, 2, 2, 2, 1, 2>();
        agree::<2, 3, 3, 9, 9, 3, 3, 3, 0>();
    }
}
