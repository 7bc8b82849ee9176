//! What makes one tensor of two.

use const_panic::concat_panic;

use crate::numbers::{Array, Real, Scalar, Tensor, Zero, fingerprint, stateless};

/// Makes one tensor of the outputs of two paths, `A` and `B`; of several at once where they lie one after another.
#[diagnostic::on_unimplemented(
    message = "`{Self}` makes nothing of the shapes `{A}` and `{B}`",
    note = "a sum is one of equal shapes; `Concat` wants shapes that are equal but for the last axis, the channels"
)]
pub trait Join<A: Array, B: Array<Elem = A::Elem>> {
    /// The tensor.
    type Out: Array<Elem = A::Elem>;
    /// Conditions on shapes, as those of [`Forward`](crate::Forward).
    const CHECK: () = ();
    /// Whether the output may be written where the first or the second path's output lies, which is then as long.
    const OVER: [bool; 2];
    /// Writes `y`. What is `None` lies in `y` already, where [`OVER`](Self::OVER) allows it.
    fn join(&self, a: Option<&[A::Elem]>, b: Option<&[A::Elem]>, y: &mut [A::Elem]);
}

/// A [`Join`] through which derivatives go back.
pub trait JoinBackward<A: Tensor, B: Tensor<Elem = A::Elem>>: Join<A, B> {
    /// Given `dy = ∂loss/∂y`, the elements of `∂loss/∂a`.
    fn first(dy: &[A::Elem]) -> impl Iterator<Item = &A::Elem>;
    /// Given `dy = ∂loss/∂y`, the elements of `∂loss/∂b`.
    fn second(dy: &[A::Elem]) -> impl Iterator<Item = &A::Elem>;
}

/// `a + b`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum;

impl Zero for Sum {
    const ZERO: Self = Self;
    fn clear(&mut self) {}
}
// The name under which weights of residual connections have been stored from the beginning.
stateless!([T: Real] Sum, fingerprint("Residual", &[]));

impl<X: Tensor> Join<X, X> for Sum {
    type Out = X;
    const OVER: [bool; 2] = [true; 2];

    #[inline]
    fn join(&self, a: Option<&[X::Elem]>, b: Option<&[X::Elem]>, y: &mut [X::Elem]) {
        match (a, b) {
            (Some(a), Some(b)) => sums(a, b, y),
            (one, other) => [one, other].into_iter().flatten().for_each(|x| add(x, y)),
        }
    }
}

impl<X: Tensor> JoinBackward<X, X> for Sum {
    #[inline]
    fn first(dy: &[X::Elem]) -> impl Iterator<Item = &X::Elem> {
        dy.iter()
    }
    #[inline]
    fn second(dy: &[X::Elem]) -> impl Iterator<Item = &X::Elem> {
        dy.iter()
    }
}

fn sums<T: Real>(a: &[T], b: &[T], y: &mut [T]) {
    for (y, (a, b)) in y.iter_mut().zip(a.iter().zip(b)) {
        *y = *a + *b;
    }
}

/// `y += x`. One copy in flash for all sums.
#[inline(never)]
fn add<T: Real>(x: &[T], y: &mut [T]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += *x;
    }
}

/// The channels of `a`, then those of `b`, `C` in all: of a row its numbers, of an image or signal those of each pixel or instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Concat<const C: usize>;

impl<const C: usize> Zero for Concat<C> {
    const ZERO: Self = Self;
    fn clear(&mut self) {}
}
stateless!([T: Real, const C: usize] Concat<C>, fingerprint("Concat", &[C]));

/// An array as it is with `C` channels, which are its last axis.
pub trait WithChannels<const C: usize>: Array {
    /// How many it has.
    const CHANNELS: usize;
    /// The array with `C` of them.
    type With: Array<Elem = Self::Elem>;
}

impl<T: Scalar, const N: usize, const C: usize> WithChannels<C> for [T; N] {
    const CHANNELS: usize = N;
    type With = [T; C];
}

impl<T: Scalar, const N: usize, const L: usize, const C: usize> WithChannels<C> for [[T; N]; L] {
    const CHANNELS: usize = N;
    type With = [[T; C]; L];
}

impl<T: Scalar, const N: usize, const W: usize, const H: usize, const C: usize> WithChannels<C> for [[[T; N]; W]; H] {
    const CHANNELS: usize = N;
    type With = [[[T; C]; W]; H];
}

impl<A: WithChannels<C>, B: WithChannels<C, With = A::With, Elem = A::Elem>, const C: usize> Join<A, B> for Concat<C> {
    type Out = A::With;
    const CHECK: () = if A::CHANNELS + B::CHANNELS != C {
        concat_panic!(
            display: "Concat: ", A::CHANNELS, display: " and ", B::CHANNELS, display: " channels are `Concat<",
            A::CHANNELS + B::CHANNELS, display: ">`, not `Concat<", C, display: ">`"
        );
    };
    const OVER: [bool; 2] = [false; 2];

    #[inline]
    fn join(&self, a: Option<&[A::Elem]>, b: Option<&[A::Elem]>, y: &mut [A::Elem]) {
        concat([a.unwrap_or_default(), b.unwrap_or_default()], [A::CHANNELS, B::CHANNELS], y);
    }
}

impl<A: Tensor + WithChannels<C>, B: Tensor + WithChannels<C, With = A::With, Elem = A::Elem>, const C: usize>
    JoinBackward<A, B> for Concat<C>
{
    #[inline]
    fn first(dy: &[A::Elem]) -> impl Iterator<Item = &A::Elem> {
        dy.chunks_exact(C.max(1)).flat_map(|dy| dy.iter().take(A::CHANNELS))
    }
    #[inline]
    fn second(dy: &[A::Elem]) -> impl Iterator<Item = &A::Elem> {
        dy.chunks_exact(C.max(1)).flat_map(|dy| dy.iter().skip(A::CHANNELS))
    }
}

/// One copy in flash for all shapes.
#[inline(never)]
fn concat<T: Copy>([a, b]: [&[T]; 2], [of_a, of_b]: [usize; 2], y: &mut [T]) {
    let sides = a.chunks_exact(of_a.max(1)).zip(b.chunks_exact(of_b.max(1)));
    for (y, (a, b)) in y.chunks_exact_mut((of_a + of_b).max(1)).zip(sides) {
        y.iter_mut().zip(a.iter().chain(b)).for_each(|(y, x)| *y = *x);
    }
}
