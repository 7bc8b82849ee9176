//! Activation functions that are layers of their own, since their derivative is taken from the input.

use core::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use crate::layers::activation::{held, sigmoid};
use crate::layers::{Forward, InRows, Layer, Memory, Mode, Plan, in_place};
use crate::numbers::{Array, Real, Tensor, Zero, fingerprint, stateless};

macro_rules! unfused {
    ($(
        $(#[$doc:meta])*
        $Name:ident: |$x:ident| $f:expr, $slope:expr;
    )*) => {$(
        $(#[$doc])*
        ///
        /// A layer of its own, `chain![Dense<4, 10>, Gelu]`: in place in an [`Arena`](crate::Arena), while a pass of training keeps the input.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct $Name;

        impl $Name {
            #[inline]
            fn of<T: Real>($x: T) -> T {
                $f
            }
            #[inline]
            fn slope<T: Real>($x: T) -> T {
                $slope
            }
        }

        impl Zero for $Name {
            const ZERO: Self = Self;
            fn clear(&mut self) {}
        }
        stateless!([T: Real] $Name, fingerprint(stringify!($Name), &[]));

        impl<X: Tensor> Forward<X> for $Name {
            type Out = X;
            const PLAN: Plan = Plan::in_place::<X>();

            #[inline]
            fn infer(&self, x: &X, memory: Memory) {
                memory.write(|y: &mut X| y.flat_mut().iter_mut().zip(x.flat()).for_each(|(y, x)| *y = Self::of(*x)));
            }
            #[inline]
            fn infer_inside(&self, memory: Memory) {
                memory.write(|y: &mut X| y.flat_mut().iter_mut().for_each(|y| *y = Self::of(*y)));
            }
        }

        in_place!([X: Tensor + InRows] X, $Name, |_layer, row| row.flat_mut().iter_mut().for_each(|y| *y = Self::of(*y)));

        impl<X: Tensor> Layer<X> for $Name {
            type Acts<const B: usize> = ();
            type Scratch<const B: usize> = ();

            #[inline]
            fn forward<const B: usize>(&self, x: &[X; B], (): &mut (), y: &mut [X; B], _: Mode) {
                X::flatten_mut(y).iter_mut().zip(X::flatten(x)).for_each(|(y, x)| *y = Self::of(*x));
            }
            #[inline]
            fn backward<const B: usize>(
                &self,
                x: &[X; B],
                (): &(),
                _: &[X; B],
                dy: &mut [X; B],
                (): &mut (),
                dx: Option<&mut [X; B]>,
                        _: Mode,
            ) {
                let Some(dx) = dx else { return };
                for ((dx, dy), x) in X::flatten_mut(dx).iter_mut().zip(X::flatten(dy)).zip(X::flatten(x)) {
                    *dx = *dy * Self::slope(*x);
                }
            }
        }
    )*};
}

unfused! {
    /// `x · Φ(x)`, Φ being the normal distribution (Hendrycks and Gimpel 2016); `nn.GELU()`. An error function for each element:
    /// [`GeluTanh`] and [`HardSwish`] take less.
    Gelu: |x| x * normal(x), normal(x) + x * (x * x * T::of(-0.5)).exp() * T::of(0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2);
    /// `x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³)))`, within 5·10⁻⁴ of [`Gelu`] (Hendrycks and Gimpel 2016); `nn.GELU(approximate="tanh")`.
    GeluTanh: |x| T::of(0.5) * x * (T::ONE + bent(x).tanh()), {
        let tanh = bent(x).tanh();
        let inner = T::of(FRAC_2_SQRT_PI * FRAC_1_SQRT_2) * (T::ONE + T::of(3.0 * CUBE) * x * x);
        T::of(0.5) * (T::ONE + tanh) + T::of(0.5) * x * (T::ONE - tanh * tanh) * inner
    };
    /// `x / (1 + e⁻ˣ)` (Elfwing, Uchibe and Doya 2017), also called swish; `nn.SiLU()`.
    Silu: |x| x * sigmoid(x), {
        let y = sigmoid(x);
        y * (T::ONE + x * (T::ONE - y))
    };
    /// `x · min(max(x + 3, 0), 6) / 6` (Howard et al. 2019): a [`Silu`] without an exponential; `nn.Hardswish()`.
    HardSwish: |x| x * held(x + T::of(3.0), T::ZERO, T::of(6.0)) / T::of(6.0), {
        let three = T::of(3.0);
        if x <= -three {
            T::ZERO
        } else if x >= three {
            T::ONE
        } else {
            x / three + T::of(0.5)
        }
    };
}

/// Φ.
#[inline]
fn normal<T: Real>(x: T) -> T {
    T::of(0.5) * (T::ONE + (x * T::of(FRAC_1_SQRT_2)).erf())
}

/// What the cube is multiplied by in [`GeluTanh`].
const CUBE: f64 = 0.044715;

/// What [`GeluTanh`] takes the tanh of.
#[inline]
fn bent<T: Real>(x: T) -> T {
    T::of(FRAC_2_SQRT_PI * FRAC_1_SQRT_2) * (x + T::of(CUBE) * x * x * x)
}
