//! Transposed convolution over images.

use core::array::{from_mut, from_ref};
use core::marker::PhantomData;

use const_panic::concat_panic;

use crate::layers::activation::probabilities;
use crate::layers::{Activation, Forward, Layer, Linear, Memory, Mode, To, are_small, weights_and_biases};
use crate::numbers::{Array, Real, Zero, fingerprint, mix};

/// What a convolution does to the derivatives of its input, as a layer of its own: with a stride of 2 it doubles an image, for decoders;
/// `nn.ConvTranspose2d(C, O, K, stride=S, padding=P, output_padding=…)`. Takes `[[[T; C]; W]; H]` to `[[[T; O]; OW]; OH]`, kernels being `K` by
/// `K`, with the geometry [`To<OH, OW, S, P>`](To), which a convolution from there back to `H` by `W` would have: `OH = (H − 1)·S − 2·P + K`,
/// or up to `S − 1` more.
///
/// ```
/// use nerve::{ConvTranspose2d, prelude::*};
///
/// /// 7 by 7 pixels of 8 channels to 28 by 28 of one.
/// type Decoder = chain![ConvTranspose2d<8, 4, 4, To<14, 14, 2, 1>, Relu>, ConvTranspose2d<4, 1, 4, To<28, 28, 2, 1>>];
/// let mut arena = Arena::<{ arena_len::<Decoder, [[[f32; 8]; 7]; 7]>() }>::ZERO;
/// let image: &[[[f32; 1]; 28]; 28] = arena.predict(&Decoder::ZERO, &[[[0.0; 8]; 7]; 7]);
/// # assert_eq!(image[27][27], [0.0]);
/// ```
///
/// `y[i·S + u − P][j·S + v − P][o]` sums up `x[i][j][c]·w[u][v][c][o]`: each output begins with its bias and adds what meets it over `u`, `v`
/// and `c` in this order (Zeiler et al. 2010). Costs `(K·K·C·O + O)·size_of::<T>()` bytes, as much again for each moment and, in training, of stack.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvTranspose2d<const C: usize, const O: usize, const K: usize, G, F = Linear, T = f32> {
    /// Weights, `w[row][column][input channel][output channel]`.
    pub w: [[[[T; O]; C]; K]; K],
    /// Biases.
    pub b: [T; O],
    kind: PhantomData<fn() -> (G, F)>,
}

impl<const C: usize, const O: usize, const K: usize, G, F, T> ConvTranspose2d<C, O, K, G, F, T> {
    /// A layer with the given weights, `w[row][column][input channel][output channel]`, and biases.
    pub const fn new(w: [[[[T; O]; C]; K]; K], b: [T; O]) -> Self {
        Self { w, b, kind: PhantomData }
    }
}

weights_and_biases!(
    [const C: usize, const O: usize, const K: usize, const OH: usize, const OW: usize, const S: usize, const P: usize, F: Activation, T: Real]
    ConvTranspose2d<C, O, K, To<OH, OW, S, P>, F, T>,
    scalars: K * K * C * O + O,
    fingerprint: mix(fingerprint("ConvTranspose2d", &[C, O, K, S, P]), F::FINGERPRINT),
    fan_in: K * K * C,
    fan_out: K * K * O
);

/// The input, along one direction, that a tap brings to an output.
#[inline(always)]
fn input(output: usize, tap: usize, stride: usize, padding: usize) -> Option<usize> {
    let from = (output + padding).checked_sub(tap)?;
    from.is_multiple_of(stride).then_some(from / stride)
}

/// Whether a convolution with this geometry leads from the output to the input.
const fn leads_back(input: usize, output: usize, kernel: usize, stride: usize, padding: usize) -> bool {
    stride > 0 && kernel > 0 && output + 2 * padding >= kernel && (output + 2 * padding - kernel) / stride + 1 == input
}

impl<
    const C: usize,
    const O: usize,
    const K: usize,
    const H: usize,
    const W: usize,
    const OH: usize,
    const OW: usize,
    const S: usize,
    const P: usize,
    F: Activation,
    T: Real,
> Forward<[[[T; C]; W]; H]> for ConvTranspose2d<C, O, K, To<OH, OW, S, P>, F, T>
{
    type Out = [[[T; O]; OW]; OH];
    const CHECK: () = if P >= K || !leads_back(H, OH, K, S, P) || !leads_back(W, OW, K, S, P) {
        concat_panic!(
            display: "a transposed convolution with a kernel of ", K, display: ", stride ", S, display: " and padding ", P,
            display: " leads from ", H, display: " by ", W, display: " to (", H, display: " - 1) * stride - 2 * padding + kernel rows and as many columns for ", W,
            display: ", or up to stride - 1 more, not to ", OH, display: " by ", OW, display: "; the padding must be smaller than the kernel"
        );
    };

    #[inline]
    fn infer(&self, x: &[[[T; C]; W]; H], memory: Memory) {
        memory.write(|y| self.forward(from_ref(x), &mut (), from_mut(y), Mode::Inference));
    }
}

impl<
    const C: usize,
    const O: usize,
    const K: usize,
    const H: usize,
    const W: usize,
    const OH: usize,
    const OW: usize,
    const S: usize,
    const P: usize,
    F: Activation,
    T: Real,
> Layer<[[[T; C]; W]; H]> for ConvTranspose2d<C, O, K, To<OH, OW, S, P>, F, T>
{
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();
    const PROBABILITIES: Option<&'static str> = probabilities::<F>();

    fn forward<const B: usize>(
        &self,
        x: &[[[[T; C]; W]; H]; B],
        (): &mut (),
        y: &mut [[[[T; O]; OW]; OH]; B],
        _: Mode,
    ) {
        for (x, y) in x.iter().zip(&mut *y) {
            for (i, row) in y.iter_mut().enumerate() {
                for (j, y) in row.iter_mut().enumerate() {
                    *y = self.b;
                    each_tap::<K, S, P>([i, j], |[u, v], [from_i, from_j]| {
                        let Some((x, w)) = pixel(x, [from_i, from_j]).zip(pixel(&self.w, [u, v])) else { return };
                        for (x, w) in x.iter().zip(w) {
                            y.iter_mut().zip(w).for_each(|(y, w)| *y += *x * *w);
                        }
                    });
                }
            }
        }
        F::forward(Array::flatten_mut(y), O);
    }

    fn backward<const B: usize>(
        &self,
        _: &[[[[T; C]; W]; H]; B],
        (): &(),
        y: &[[[[T; O]; OW]; OH]; B],
        dy: &mut [[[[T; O]; OW]; OH]; B],
        (): &mut (),
        dx: Option<&mut [[[[T; C]; W]; H]; B]>,
        _: Mode,
    ) {
        F::backward(Array::flatten(y), Array::flatten_mut(dy), O);
        let Some(dx) = dx else { return };
        dx.clear();
        for (dy, dx) in dy.iter().zip(dx) {
            for (i, row) in dy.iter().enumerate() {
                for (j, dy) in row.iter().enumerate() {
                    each_tap::<K, S, P>([i, j], |tap, from| {
                        let Some((dx, w)) = pixel_mut(dx, from).zip(pixel(&self.w, tap)) else { return };
                        for (dx, w) in dx.iter_mut().zip(w) {
                            *dx += w.iter().zip(dy).fold(T::EMPTY_SUM, |sum, (w, dy)| sum + *w * *dy);
                        }
                    });
                }
            }
        }
    }

    fn gradients<const B: usize>(
        &self,
        x: &[[[[T; C]; W]; H]; B],
        (): &(),
        _: &[[[[T; O]; OW]; OH]; B],
        dy: &[[[[T; O]; OW]; OH]; B],
        (): &(),
        grads: &mut Self,
        add: bool,
    ) {
        if !add {
            grads.clear();
        }
        for (x, dy) in x.iter().zip(dy) {
            for (i, row) in dy.iter().enumerate() {
                for (j, dy) in row.iter().enumerate() {
                    grads.b.iter_mut().zip(dy).for_each(|(db, dy)| *db += *dy);
                    each_tap::<K, S, P>([i, j], |tap, from| {
                        let Some((x, dw)) = pixel(x, from).zip(pixel_mut(&mut grads.w, tap)) else { return };
                        for (x, dw) in x.iter().zip(dw) {
                            dw.iter_mut().zip(dy).for_each(|(dw, dy)| *dw += *x * *dy);
                        }
                    });
                }
            }
        }
    }

    fn gradients_are_finite<const B: usize>(
        &self,
        x: &[[[[T; C]; W]; H]; B],
        (): &(),
        _: &[[[[T; O]; OW]; OH]; B],
        dy: &[[[[T; O]; OW]; OH]; B],
        (): &(),
    ) -> bool {
        are_small(Array::flatten(x), Array::flatten(dy))
    }
}

/// Calls `f` for each tap, and the input that it brings to an output, which may lie outside of the image.
#[inline(always)]
fn each_tap<const K: usize, const S: usize, const P: usize>(
    [i, j]: [usize; 2],
    mut f: impl FnMut([usize; 2], [usize; 2]),
) {
    for u in 0..K {
        let Some(from_i) = input(i, u, S, P) else { continue };
        for v in 0..K {
            let Some(from_j) = input(j, v, S, P) else { continue };
            f([u, v], [from_i, from_j]);
        }
    }
}

#[inline(always)]
fn pixel<X, const W: usize, const H: usize>(x: &[[X; W]; H], [i, j]: [usize; 2]) -> Option<&X> {
    x.get(i)?.get(j)
}

#[inline(always)]
fn pixel_mut<X, const W: usize, const H: usize>(x: &mut [[X; W]; H], [i, j]: [usize; 2]) -> Option<&mut X> {
    x.get_mut(i)?.get_mut(j)
}
