//! Activation functions, as a type parameter of a layer (`Dense<4, 10, Sigmoid>`) and as layers of their own.

use crate::kernels::backend::{Elementary, apply};
use crate::layers::{Forward, InRows, Layer, Memory, Mode, Plan, in_place};
use crate::numbers::{Array, Real, Tensor, Zero, fingerprint, stateless};

/// A function of each row of `width` values, in place: of a layer's outputs for an example, or of an image's channels at a pixel.
///
/// The derivative is computed from the output, so that the input need not be kept. Functions that fall and rise again have outputs
/// that do not tell the derivative: [`Gelu`](crate::Gelu), [`GeluTanh`](crate::GeluTanh), [`Silu`](crate::Silu) and
/// [`HardSwish`](crate::HardSwish) are layers of their own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no activation that a layer can have as a parameter",
    note = "`Gelu`, `GeluTanh`, `Silu` and `HardSwish` are layers of their own, since their derivative needs the input: `chain![Dense<4, 10>, Gelu]`"
)]
pub trait Activation {
    /// For messages, exported networks and the weights file's fingerprint.
    const NAME: &str;
    /// Names the function in a weights file's fingerprint.
    const FINGERPRINT: u32 = fingerprint(Self::NAME, &[]);
    /// Whether the outputs are probabilities.
    const PROBABILITIES: bool = false;
    /// Replaces the inputs in `rows` by the outputs.
    fn forward<T: Real>(rows: &mut [T], width: usize);
    /// Replaces `∂loss/∂outputs` in `dy` by `∂loss/∂inputs`, given the outputs `y`.
    fn backward<T: Real>(y: &[T], dy: &mut [T], width: usize);
}

/// `dy *= slope(y)`, a chunk at a time. Whole chunks are stored at once: on a desktop, because the compiler would rather jump over the
/// store, against all prediction, where a slope may be 1; on a Cortex-M4F, because loads and stores of neighbours pipeline.
#[inline(always)]
fn multiply_by_slopes<T: Real>(y: &[T], dy: &mut [T], slope: impl Fn(T) -> T) {
    const CHUNK: usize = if cfg!(target_arch = "arm") { 4 } else { 8 };
    let ((y, y_rest), (dy, dy_rest)) = (y.as_chunks::<CHUNK>(), dy.as_chunks_mut::<CHUNK>());
    for (dy, y) in dy.iter_mut().zip(y) {
        let mut new = *dy;
        for (new, y) in new.iter_mut().zip(y) {
            *new *= slope(*y);
        }
        *dy = new;
    }
    for (dy, y) in dy_rest.iter_mut().zip(y_rest) {
        *dy *= slope(*y);
    }
}

macro_rules! elementwise {
    ($(
        $(#[$doc:meta])*
        $Name:ident: $T:ident, |$x:ident| $f:expr, |$y:ident| $slope:expr;
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct $Name;

        impl Activation for $Name {
            const NAME: &str = stringify!($Name);
            #[inline]
            fn forward<$T: Real>(rows: &mut [$T], _: usize) {
                for v in rows {
                    *v = (|$x: $T| $f)(*v);
                }
            }
            #[inline]
            fn backward<$T: Real>(y: &[$T], dy: &mut [$T], _: usize) {
                multiply_by_slopes(y, dy, |$y: $T| $slope);
            }
        }

        activation_layer!($Name);
        in_place!([X: Tensor + InRows] X, $Name, |_layer, row| <$Name as Activation>::forward(row.flat_mut(), X::LEN));
    )*};
}

/// The name of a function that makes probabilities.
pub(super) const fn probabilities<F: Activation>() -> Option<&'static str> {
    if F::PROBABILITIES { Some(F::NAME) } else { None }
}

/// The length of a tensor's last axis, its channels.
#[inline(always)]
pub(super) fn channels<X: Tensor>() -> usize {
    let mut last = 1;
    X::axes(&mut |length| last = length);
    last
}

/// The layer that applies an activation to an input of any shape, to the channels of each pixel or instant.
macro_rules! activation_layer {
    ($Name:ident) => {
        impl Zero for $Name {
            const ZERO: Self = Self;
            fn clear(&mut self) {}
        }
        stateless!([T: Real] $Name, <$Name as Activation>::FINGERPRINT);

        impl<X: Tensor> Forward<X> for $Name {
            type Out = X;
            const PLAN: Plan = Plan::in_place::<X>();

            #[inline]
            fn infer(&self, x: &X, mut memory: Memory) {
                memory.reborrow().write(|y| *y = *x);
                Forward::<X>::infer_inside(self, memory);
            }
            #[inline]
            fn infer_inside(&self, memory: Memory) {
                memory.write(|y: &mut X| <$Name as Activation>::forward(y.flat_mut(), channels::<X>()));
            }
        }

        impl<X: Tensor> Layer<X> for $Name {
            type Acts<const B: usize> = ();
            type Scratch<const B: usize> = ();
            const PROBABILITIES: Option<&'static str> = probabilities::<$Name>();

            #[inline]
            fn forward<const B: usize>(&self, x: &[X; B], (): &mut (), y: &mut [X; B], _: Mode) {
                X::flatten_mut(y).copy_from_slice(X::flatten(x));
                <$Name as Activation>::forward(X::flatten_mut(y), channels::<X>());
            }
            #[inline]
            fn backward<const B: usize>(
                &self,
                _: &[X; B],
                (): &(),
                y: &[X; B],
                dy: &mut [X; B],
                (): &mut (),
                dx: Option<&mut [X; B]>,
                        _: Mode,
            ) {
                let Some(dx) = dx else { return };
                <$Name as Activation>::backward(X::flatten(y), X::flatten_mut(dy), channels::<X>());
                X::flatten_mut(dx).copy_from_slice(X::flatten(dy));
            }
        }
    };
}

elementwise! {
    /// `x`: no activation, for logits and regression.
    Linear: T, |x| x, |_y| T::ONE;
    /// `tanh x`.
    Tanh: T, |x| x.tanh(), |y| T::ONE - y * y;
    /// `max(x, 0)`; the derivative at 0 is taken as 0.
    Relu: T, |x| if x > T::ZERO { x } else { T::ZERO }, |y| if y > T::ZERO { T::ONE } else { T::ZERO };
    /// `x` held between 0 and 6.
    Relu6: T, |x| held(x, T::ZERO, T::of(6.0)), |y| inside(y, T::ZERO, T::of(6.0));
    /// `x` held between −1 and 1.
    HardTanh: T, |x| held(x, -T::ONE, T::ONE), |y| inside(y, -T::ONE, T::ONE);
    /// `x + 3` held between 0 and 6, divided by 6 (Howard et al. 2019): a sigmoid without an exponential.
    HardSigmoid: T, |x| held(x + T::of(3.0), T::ZERO, T::of(6.0)) / T::of(6.0), |y| inside(y, T::ZERO, T::ONE) / T::of(6.0);
    /// `x` above 0, `x / 100` below; with another slope, [`PRelu`](crate::PRelu).
    LeakyRelu: T, |x| if x > T::ZERO { x } else { x * T::of(0.01) }, |y| if y > T::ZERO { T::ONE } else { T::of(0.01) };
    /// `x` above 0, `eˣ − 1` below (Clevert et al. 2015, with α = 1).
    Elu: T, |x| if x > T::ZERO { x } else { x.exp_m1() }, |y| if y > T::ZERO { T::ONE } else { y + T::ONE };
}

/// `x` between two ends, and the end beyond it.
#[inline(always)]
pub(super) fn held<T: Real>(x: T, least: T, greatest: T) -> T {
    if x < least {
        least
    } else if x > greatest {
        greatest
    } else {
        x
    }
}

/// 1 between two ends, 0 at them: the derivative of [`held`] by what it has become.
#[inline(always)]
fn inside<T: Real>(y: T, least: T, greatest: T) -> T {
    if y > least && y < greatest { T::ONE } else { T::ZERO }
}

/// `1 / (1 + e⁻ˣ)`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sigmoid;

impl Activation for Sigmoid {
    const NAME: &str = "Sigmoid";
    const PROBABILITIES: bool = true;
    #[inline]
    fn forward<T: Real>(rows: &mut [T], _: usize) {
        if apply(Elementary::Sigmoid, rows) {
            return;
        }
        for v in rows.iter_mut() {
            *v = -*v;
        }
        exp_each(rows, |_| ());
        for v in rows {
            *v = T::ONE / (T::ONE + *v);
        }
    }
    #[inline]
    fn backward<T: Real>(y: &[T], dy: &mut [T], _: usize) {
        multiply_by_slopes(y, dy, |y| y * (T::ONE - y));
    }
}
activation_layer!(Sigmoid);
in_place!([X: Tensor + InRows] X, Sigmoid, |_layer, row| <Sigmoid as Activation>::forward(row.flat_mut(), X::LEN));

/// `eˣⁱ / Σ eˣʲ` over an example's outputs, or over the channels of each pixel or instant: probabilities.
///
/// A classifier is trained on its logits, with [`CrossEntropy`](crate::CrossEntropy), which holds the softmax already. Put this
/// behind the logits where probabilities are wanted, or train through it with another loss.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Softmax;

impl Activation for Softmax {
    const NAME: &str = "Softmax";
    const PROBABILITIES: bool = true;
    #[inline]
    fn forward<T: Real>(rows: &mut [T], width: usize) {
        for row in rows.chunks_exact_mut(width.max(1)) {
            let max = largest(row);
            for v in row.iter_mut() {
                *v -= max;
            }
            softmax(row);
        }
    }
    #[inline]
    fn backward<T: Real>(y: &[T], dy: &mut [T], width: usize) {
        for (y, dy) in y.chunks_exact(width.max(1)).zip(dy.chunks_exact_mut(width.max(1))) {
            let mut mean = T::EMPTY_SUM;
            for (dy, y) in dy.iter().zip(y) {
                mean += *dy * *y;
            }
            for (dy, y) in dy.iter_mut().zip(y) {
                *dy = *y * (*dy - mean);
            }
        }
    }
}
activation_layer!(Softmax);
in_place!([X: Tensor + InRows] X, Softmax, |_layer, row| {
    <Softmax as Activation>::forward(row.flat_mut(), channels::<X>());
});
// Of numbers that come at once; over rows it has to wait for the last.

/// Exponentials that are computed side by side.
const LANES: usize = if cfg!(target_os = "none") { 1 } else { 4 };

/// `eˣ` in place. A function of its own: on a desktop, where it is a vector, because the compiler would rather gather its vectors from
/// several of them; without a floating-point unit because it would repeat the whole for every output of a row.
#[cfg_attr(target_abi = "eabihf", inline(always))]
#[cfg_attr(not(target_abi = "eabihf"), inline(never))]
fn exp_lanes<T: Real>(x: &mut [T; LANES]) {
    *x = x.map(T::exp);
}

/// `eˣ` in place; `each` is shown every one, in order.
#[inline(always)]
fn exp_each<T: Real>(row: &mut [T], mut each: impl FnMut(T)) {
    if apply(Elementary::Exp, row) {
        row.iter().for_each(|v| each(*v));
        return;
    }
    let (chunks, rest) = row.as_chunks_mut();
    for chunk in chunks {
        exp_lanes(chunk);
        chunk.iter().for_each(|v| each(*v));
    }
    if !rest.is_empty() {
        let mut last: [T; LANES] = core::array::from_fn(|i| rest.get(i).copied().unwrap_or(T::ZERO));
        exp_lanes(&mut last);
        for (v, last) in rest.iter_mut().zip(last) {
            *v = last;
            each(last);
        }
    }
}

/// `1 / (1 + e⁻ˣ)`.
#[inline]
pub(crate) fn sigmoid<T: Real>(x: T) -> T {
    T::ONE / (T::ONE + (-x).exp())
}

/// The largest of an example's outputs.
#[inline]
pub(crate) fn largest<T: Real>(row: &[T]) -> T {
    row.iter().copied().reduce(T::max).unwrap_or(T::ZERO)
}

/// `eˣⁱ / Σ eˣʲ` in place; returns the sum.
#[inline(always)]
pub(crate) fn softmax<T: Real>(row: &mut [T]) -> T {
    let mut sum = T::EMPTY_SUM;
    exp_each(row, |v| sum += v);
    let scale = T::ONE / sum;
    for v in row {
        *v *= scale;
    }
    sum
}

/// The index of the largest of `scores`, the first of equals: the predicted class. 0 for an empty slice.
pub fn argmax<T: PartialOrd>(scores: &[T]) -> usize {
    let mut best = 0;
    for (i, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = i;
        }
    }
    best
}
