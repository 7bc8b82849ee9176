//! Pooling over space.

use const_panic::concat_panic;

use crate::params::{fingerprint, stateless};
use crate::{Layer, Mode, Real, Zero};

/// Fails to compile unless windows of `k` that do not overlap lead from `from` to `to`; what remains at the end is left out.
const fn check(name: &str, k: usize, from: (usize, usize), to: (usize, usize)) {
    if k == 0 {
        concat_panic!(display: name, display: ": the window must be at least 1");
    }
    let (height, width) = (from.0 / k, from.1 / k);
    if to.0 != height || to.1 != width {
        concat_panic!(
            display: name, display: ": from ", from.0, display: " by ", from.1, display: ", a window of ", k, display: " leads to `",
            display: name, display: "<", k, display: ", ", height, display: ", ", width, display: ">`, not `", display: name,
            display: "<", k, display: ", ", to.0, display: ", ", to.1, display: ">`"
        );
    }
}

/// A pooling layer of windows `K` by `K` with stride `K`, by what happens to one channel of a window.
macro_rules! pool {
    (
        $(#[$doc:meta])* $Name:ident, start $start:expr, |$sum:ident, $x:ident| $add:expr, finish |$total:ident| $finish:expr,
        backward |$dx:ident, $value:ident, $y:ident, $dy:ident| $back:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $Name<const K: usize, const OH: usize, const OW: usize>;

        impl<const K: usize, const OH: usize, const OW: usize> Zero for $Name<K, OH, OW> {
            const ZERO: Self = Self;
            fn clear(&mut self) {}
        }
        stateless!([T: Real, const K: usize, const OH: usize, const OW: usize] $Name<K, OH, OW>, fingerprint(stringify!($Name), &[K]));

        impl<const K: usize, const OH: usize, const OW: usize, const H: usize, const W: usize, const C: usize, T: Real>
            Layer<[[[T; C]; W]; H]> for $Name<K, OH, OW>
        {
            type Out = [[[T; C]; OW]; OH];
            type Acts<const B: usize> = ();
            type Scratch<const B: usize> = ();
            const CHECK: () = check(stringify!($Name), K, (H, W), (OH, OW));

            #[inline]
            fn forward<const B: usize>(&self, x: &[[[[T; C]; W]; H]; B], (): &mut (), y: &mut [Self::Out; B], _: Mode) {
                for (x, y) in x.iter().zip(y) {
                    for (rows, y) in x.chunks_exact(K).zip(y) {
                        *y = [[$start; C]; OW];
                        for row in rows {
                            for (window, y) in row.chunks_exact(K).zip(y.iter_mut()) {
                                for pixel in window {
                                    for ($sum, $x) in y.iter_mut().zip(pixel) {
                                        $add;
                                    }
                                }
                            }
                        }
                        for $total in y.as_flattened_mut() {
                            $finish
                        }
                    }
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
                _: Option<&mut ()>,
                _: Mode,
            ) {
                let Some(dx) = dx else { return };
                dx.clear();
                for (((x, dx), y), dy) in x.iter().zip(dx).zip(y).zip(dy) {
                    for (((x, dx), y), dy) in x.chunks_exact(K).zip(dx.chunks_exact_mut(K)).zip(y).zip(dy) {
                        for (x, dx) in x.iter().zip(dx) {
                            for (((x, dx), y), dy) in x.chunks_exact(K).zip(dx.chunks_exact_mut(K)).zip(y).zip(dy.iter_mut()) {
                                for (x, dx) in x.iter().zip(dx) {
                                    for ((($value, $dx), $y), $dy) in x.iter().zip(dx).zip(y).zip(dy.iter_mut()) {
                                        $back;
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
}

pool! {
    /// The largest value of each window of `K` by `K`, for each channel: to an image of height `OH` and width `OW`.
    ///
    /// `∂loss/∂y` goes to the largest value, the first of equals. Keeps nothing: the place is found again.
    MaxPool2d, start T::of(f64::NEG_INFINITY), |max, x| *max = if *x > *max || x.partial_cmp(x).is_none() { *x } else { *max }, finish |_y| {},
    // A later equal finds nothing left.
    backward |dx, x, y, dy| (*dx, *dy) = if *x == *y { (*dy, T::ZERO) } else { (T::ZERO, *dy) }
}

pool! {
    /// The mean of each window of `K` by `K`, for each channel: to an image of height `OH` and width `OW`.
    AvgPool2d, start T::ZERO, |sum, x| *sum += *x, finish |y| *y *= T::ONE / T::of((K * K) as f64),
    backward |dx, _x, _y, dy| *dx = *dy * (T::ONE / T::of((K * K) as f64))
}

/// The mean over all pixels, for each channel: an image `[[[T; C]; W]; H]` to `[T; C]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GlobalAvgPool;

impl Zero for GlobalAvgPool {
    const ZERO: Self = Self;
    fn clear(&mut self) {}
}
stateless!([T: Real] GlobalAvgPool, fingerprint("GlobalAvgPool", &[]));

impl<const H: usize, const W: usize, const C: usize, T: Real> Layer<[[[T; C]; W]; H]> for GlobalAvgPool {
    type Out = [T; C];
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();

    fn forward<const B: usize>(&self, x: &[[[[T; C]; W]; H]; B], (): &mut (), y: &mut [[T; C]; B], _: Mode) {
        let scale = T::ONE / T::of((H * W) as f64);
        for (x, y) in x.iter().zip(y) {
            *y = [T::ZERO; C];
            for pixel in x.as_flattened() {
                for (y, x) in y.iter_mut().zip(pixel) {
                    *y += *x;
                }
            }
            y.iter_mut().for_each(|y| *y *= scale);
        }
    }
    fn backward<const B: usize>(
        &self,
        _: &[[[[T; C]; W]; H]; B],
        (): &(),
        _: &[[T; C]; B],
        dy: &mut [[T; C]; B],
        (): &mut (),
        dx: Option<&mut [[[[T; C]; W]; H]; B]>,
        _: Option<&mut ()>,
        _: Mode,
    ) {
        let Some(dx) = dx else { return };
        let scale = T::ONE / T::of((H * W) as f64);
        for (dy, dx) in dy.iter().zip(dx) {
            dx.as_flattened_mut().fill(dy.map(|dy| dy * scale));
        }
    }
}
