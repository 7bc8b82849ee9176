//! Pooling over space or time.

use core::array::{from_mut, from_ref};
use core::marker::PhantomData;

use const_panic::concat_panic;

use crate::layers::{Forward, Layer, Memory, Mode, pixels, pixels_mut};
use crate::numbers::{Array, Real, Zero, fingerprint, mix, stateless};

/// The largest value of each window of `K` by `K`, for each channel: to an image of height `OH` and width `OW`.
///
/// `∂loss/∂y` goes to the largest value, the first of equals. Keeps nothing: the place is found again.
pub type MaxPool2d<const K: usize, const OH: usize, const OW: usize> = Pool<Max, K, K, OH, OW>;

/// The largest value of each window of `K` instants, for each channel: to a signal of length `OL`.
pub type MaxPool1d<const K: usize, const OL: usize> = Pool<Max, 1, K, 1, OL>;

/// The mean of each window of `K` by `K`, for each channel: to an image of height `OH` and width `OW`.
pub type AvgPool2d<const K: usize, const OH: usize, const OW: usize> = Pool<Avg, K, K, OH, OW>;

/// The mean of each window of `K` instants, for each channel: to a signal of length `OL`.
pub type AvgPool1d<const K: usize, const OL: usize> = Pool<Avg, 1, K, 1, OL>;

/// What `M` makes of windows of height `KH` and width `KW` that do not overlap, channel by channel. What remains at the end of an image
/// or signal is left out. [`MaxPool2d`], [`AvgPool2d`], [`MaxPool1d`] and [`AvgPool1d`] are its usual forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pool<M, const KH: usize, const KW: usize, const OH: usize, const OW: usize>(PhantomData<fn() -> M>);

impl<M, const KH: usize, const KW: usize, const OH: usize, const OW: usize> Zero for Pool<M, KH, KW, OH, OW> {
    const ZERO: Self = Self(PhantomData);
    fn clear(&mut self) {}
}
stateless!(
    [T: Real, M: Pooling, const KH: usize, const KW: usize, const OH: usize, const OW: usize] Pool<M, KH, KW, OH, OW>,
    mix(fingerprint("Pool", &[KH, KW]), fingerprint(M::NAME, &[]))
);

/// What becomes of one channel of a window.
pub trait Pooling {
    /// For messages and the weights file's fingerprint.
    const NAME: &str;
    /// Before the first value.
    fn start<T: Real>() -> T;
    /// Takes in a value.
    fn add<T: Real>(sum: &mut T, x: T);
    /// After the last of `count` values.
    fn finish<T: Real>(sum: &mut T, count: usize);
    /// `∂loss/∂x` of a value; `dy` may be changed for those that follow.
    fn backward<T: Real>(x: T, y: T, dy: &mut T, count: usize) -> T;
}

/// The largest value of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Max;

impl Pooling for Max {
    const NAME: &str = "MaxPool";
    fn start<T: Real>() -> T {
        T::of(f64::NEG_INFINITY)
    }
    #[inline(always)]
    fn add<T: Real>(max: &mut T, x: T) {
        // A value that is not a number is passed on.
        *max = if x > *max || x.partial_cmp(&x).is_none() { x } else { *max };
    }
    #[inline(always)]
    fn finish<T: Real>(_: &mut T, _: usize) {}
    #[inline(always)]
    fn backward<T: Real>(x: T, y: T, dy: &mut T, _: usize) -> T {
        // A later equal finds nothing left. Two selections, not a branch, for vectors.
        let (dx, rest) = if x == y { (*dy, T::ZERO) } else { (T::ZERO, *dy) };
        *dy = rest;
        dx
    }
}

/// The mean of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Avg;

impl Pooling for Avg {
    const NAME: &str = "AvgPool";
    fn start<T: Real>() -> T {
        T::ZERO
    }
    #[inline(always)]
    fn add<T: Real>(sum: &mut T, x: T) {
        *sum += x;
    }
    #[inline(always)]
    fn finish<T: Real>(sum: &mut T, count: usize) {
        *sum *= T::ONE / T::of(count as f64);
    }
    #[inline(always)]
    fn backward<T: Real>(_: T, _: T, dy: &mut T, count: usize) -> T {
        *dy * (T::ONE / T::of(count as f64))
    }
}

/// `Layer` for one kind of input, whose pixels lie in rows of `$width`.
macro_rules! layer {
    ([$($generics:tt)*] $Input:ty, $Pool:ty, $width:expr, $Out:ty, $check:expr) => {
        impl<const C: usize, $($generics)* M: Pooling, T: Real> Forward<$Input> for $Pool {
            type Out = $Out;
            const CHECK: () = $check;

            #[inline]
            fn infer(&self, x: &$Input, memory: Memory) {
                memory.write(|y| self.forward(from_ref(x), &mut (), from_mut(y), Mode::Inference));
            }
        }

        impl<const C: usize, $($generics)* M: Pooling, T: Real> Layer<$Input> for $Pool {
            type Acts<const B: usize> = ();
            type Scratch<const B: usize> = ();

            #[inline]
            fn forward<const B: usize>(&self, x: &[$Input; B], (): &mut (), y: &mut [$Out; B], _: Mode) {
                for (x, y) in x.iter().zip(y) {
                    self.pool::<T, C>(pixels(x.flat()), pixels_mut(y.flat_mut()), $width);
                }
            }

            #[inline]
            fn backward<const B: usize>(
                &self,
                x: &[$Input; B],
                (): &(),
                y: &[$Out; B],
                dy: &mut [$Out; B],
                (): &mut (),
                dx: Option<&mut [$Input; B]>,
                _: Option<&mut ()>,
                _: Mode,
            ) {
                let Some(dx) = dx else { return };
                for (((x, dx), y), dy) in x.iter().zip(dx).zip(y).zip(dy) {
                    let (x, dx) = (pixels(x.flat()), pixels_mut(dx.flat_mut()));
                    self.back::<T, C>(x, dx, pixels(y.flat()), pixels(dy.flat()), $width);
                }
            }
        }
    };
}
layer!(
    [const H: usize, const W: usize, const KH: usize, const KW: usize, const OH: usize, const OW: usize,]
    [[[T; C]; W]; H], Pool<M, KH, KW, OH, OW>, W, [[[T; C]; OW]; OH], check_image(M::NAME, [KH, KW], [H, W], [OH, OW])
);
layer!(
    [const L: usize, const K: usize, const OL: usize,]
    [[T; C]; L], Pool<M, 1, K, 1, OL>, L, [[T; C]; OL], check_signal(M::NAME, K, L, OL)
);

impl<M: Pooling, const KH: usize, const KW: usize, const OH: usize, const OW: usize> Pool<M, KH, KW, OH, OW> {
    #[inline(always)]
    fn pool<T: Real, const C: usize>(&self, x: &[[T; C]], y: &mut [[T; C]], width: usize) {
        for (rows, y) in x.chunks_exact(KH * width).zip(y.chunks_exact_mut(OW)) {
            for (column, y) in y.iter_mut().enumerate() {
                // In registers, so that a window's values do not wait for each other's stores.
                let mut sums = [M::start(); C];
                for window in rows.chunks_exact(width).filter_map(|row| row.as_chunks::<KW>().0.get(column)) {
                    for pixel in window {
                        sums.iter_mut().zip(pixel).for_each(|(sum, x)| M::add(sum, *x));
                    }
                }
                sums.iter_mut().for_each(|sum| M::finish(sum, KH * KW));
                *y = sums;
            }
        }
    }

    #[inline(always)]
    fn back<T: Real, const C: usize>(
        &self,
        x: &[[T; C]],
        dx: &mut [[T; C]],
        y: &[[T; C]],
        dy: &[[T; C]],
        width: usize,
    ) {
        // What the windows leave out.
        if dx.len() > OH * KH * OW * KW {
            dx.fill([T::ZERO; C]);
        }
        let rows = x.chunks_exact(KH * width).zip(dx.chunks_exact_mut(KH * width));
        for (((x, dx), y), dy) in rows.zip(y.chunks_exact(OW)).zip(dy.chunks_exact(OW)) {
            for (column, (y, dy)) in y.iter().zip(dy).enumerate() {
                let mut left = *dy;
                for (x, dx) in x.chunks_exact(width).zip(dx.chunks_exact_mut(width)) {
                    let (x, dx) = (x.as_chunks::<KW>().0.get(column), dx.as_chunks_mut::<KW>().0.get_mut(column));
                    let (Some(x), Some(dx)) = (x, dx) else { continue };
                    for (x, dx) in x.iter().zip(dx) {
                        let mut pixel = [T::ZERO; C];
                        for (((x, dx), y), left) in x.iter().zip(&mut pixel).zip(y).zip(&mut left) {
                            *dx = M::backward(*x, *y, left, KH * KW);
                        }
                        *dx = pixel;
                    }
                }
            }
        }
    }
}

/// Fails to compile unless windows that do not overlap lead from `from` to `to`.
const fn check_image(name: &str, kernel: [usize; 2], from: [usize; 2], to: [usize; 2]) {
    check_window(name, kernel);
    let (height, width) = (from[0] / kernel[0], from[1] / kernel[1]);
    if to[0] != height || to[1] != width {
        concat_panic!(
            display: name, display: "2d: from ", from[0], display: " by ", from[1], display: ", a window of ", kernel[1],
            display: " leads to `", display: name, display: "2d<", kernel[1], display: ", ", height, display: ", ", width,
            display: ">`, not `", display: name, display: "2d<", kernel[1], display: ", ", to[0], display: ", ", to[1],
            display: ">`"
        );
    }
}

/// As [`check_image`].
const fn check_signal(name: &str, kernel: usize, from: usize, to: usize) {
    check_window(name, [1, kernel]);
    let length = from / kernel;
    if to != length {
        concat_panic!(
            display: name, display: "1d: from a length of ", from, display: ", a window of ", kernel, display: " leads to `",
            display: name, display: "1d<", kernel, display: ", ", length, display: ">`, not `", display: name, display: "1d<",
            kernel, display: ", ", to, display: ">`"
        );
    }
}

const fn check_window(name: &str, kernel: [usize; 2]) {
    if kernel[0] == 0 || kernel[1] == 0 {
        concat_panic!(display: name, display: ": the window must be at least 1");
    }
}

/// The mean over all pixels or instants, for each channel: an image `[[[T; C]; W]; H]` or a signal `[[T; C]; L]` to `[T; C]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GlobalAvgPool;

impl Zero for GlobalAvgPool {
    const ZERO: Self = Self;
    fn clear(&mut self) {}
}
stateless!([T: Real] GlobalAvgPool, fingerprint("GlobalAvgPool", &[]));

/// `Layer` for one kind of input.
macro_rules! global {
    ([$($generics:tt)*] $Input:ty) => {
        impl<const C: usize, $($generics)* T: Real> Forward<$Input> for GlobalAvgPool {
            type Out = [T; C];

            #[inline]
            fn infer(&self, x: &$Input, memory: Memory) {
                memory.write(|y| self.forward(from_ref(x), &mut (), from_mut(y), Mode::Inference));
            }
        }

        impl<const C: usize, $($generics)* T: Real> Layer<$Input> for GlobalAvgPool {
            type Acts<const B: usize> = ();
            type Scratch<const B: usize> = ();

            #[inline]
            fn forward<const B: usize>(&self, x: &[$Input; B], (): &mut (), y: &mut [[T; C]; B], _: Mode) {
                for (x, y) in x.iter().zip(y) {
                    let x = pixels::<T, C>(x.flat());
                    let scale = T::ONE / T::of(x.len() as f64);
                    *y = [T::ZERO; C];
                    for pixel in x {
                        y.iter_mut().zip(pixel).for_each(|(y, x)| *y += *x);
                    }
                    y.iter_mut().for_each(|y| *y *= scale);
                }
            }

            #[inline]
            fn backward<const B: usize>(
                &self,
                _: &[$Input; B],
                (): &(),
                _: &[[T; C]; B],
                dy: &mut [[T; C]; B],
                (): &mut (),
                dx: Option<&mut [$Input; B]>,
                _: Option<&mut ()>,
                _: Mode,
            ) {
                let Some(dx) = dx else { return };
                for (dy, dx) in dy.iter().zip(dx) {
                    let dx = pixels_mut::<T, C>(dx.flat_mut());
                    let scale = T::ONE / T::of(dx.len() as f64);
                    dx.fill(dy.map(|dy| dy * scale));
                }
            }
        }
    };
}
global!([const H: usize, const W: usize,] [[[T; C]; W]; H]);
global!([const L: usize,] [[T; C]; L]);
