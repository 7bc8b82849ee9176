//! Arrays of any rank over one scalar.

use core::fmt::Debug;

use bytemuck::Pod;

use crate::numbers::Real;

/// Plain data with an all-zero constant, so that big state can lie in a `static` and never crosses the stack.
pub trait Zero: Send + Sync {
    /// All zeros.
    const ZERO: Self;
    /// Sets every element to zero, in place.
    fn clear(&mut self);
}

/// One number of a tensor: real, or an integer that stands for one.
pub trait Scalar: Array<Elem = Self> + PartialOrd + Debug {
    /// The real number that one becomes in a layer that learns: itself if it is real, `f32` for an integer.
    type Float: Real;
}

/// An array of any rank over one scalar, `T`, `[T; N]`, `[[T; N]; M]`, …, seen as a flat slice in row-major order.
///
/// It is plain data ([`Pod`]): an array of any scalar may lie in the same memory as one of another before it.
pub trait Array: Zero + Pod {
    /// The scalar.
    type Elem: Scalar;
    /// Number of scalars.
    const LEN: usize;
    /// Calls `f` with the length of each axis, the outermost first.
    fn axes(f: &mut impl FnMut(usize));
    /// Several tensors as one slice.
    fn flatten(xs: &[Self]) -> &[Self::Elem];
    /// Several tensors as one mutable slice.
    fn flatten_mut(xs: &mut [Self]) -> &mut [Self::Elem];
    /// This tensor as a slice.
    #[inline]
    fn flat(&self) -> &[Self::Elem] {
        Self::flatten(core::slice::from_ref(self))
    }
    /// This tensor as a mutable slice.
    #[inline]
    fn flat_mut(&mut self) -> &mut [Self::Elem] {
        Self::flatten_mut(core::slice::from_mut(self))
    }
}

/// The scalar of what a network makes of `X` if it learns.
pub type Float<X> = <<X as Array>::Elem as Scalar>::Float;

/// An [`Array`] of real numbers, with which a network can learn.
pub trait Tensor: Array<Elem: Real> {}

impl<A: Array<Elem: Real>> Tensor for A {}

macro_rules! scalar {
    ($($T:ty: $Float:ty),*) => {$(
        impl Zero for $T {
            const ZERO: Self = 0 as $T;
            #[inline]
            fn clear(&mut self) {
                *self = Self::ZERO;
            }
        }
        impl Scalar for $T {
            type Float = $Float;
        }
        impl Array for $T {
            type Elem = $T;
            const LEN: usize = 1;
            fn axes(_: &mut impl FnMut(usize)) {}
            #[inline]
            fn flatten(xs: &[Self]) -> &[$T] {
                xs
            }
            #[inline]
            fn flatten_mut(xs: &mut [Self]) -> &mut [$T] {
                xs
            }
        }
    )*};
}
scalar!(f32: f32, f64: f64, i8: f32, u8: f32, i16: f32, i32: f32);

impl<X: Zero, const N: usize> Zero for [X; N] {
    const ZERO: Self = [X::ZERO; N];
    #[inline]
    fn clear(&mut self) {
        for x in self {
            x.clear();
        }
    }
}

impl<X: Array, const N: usize> Array for [X; N] {
    type Elem = X::Elem;
    const LEN: usize = N * X::LEN;
    fn axes(f: &mut impl FnMut(usize)) {
        f(N);
        X::axes(f);
    }
    #[inline]
    fn flatten(xs: &[Self]) -> &[X::Elem] {
        X::flatten(xs.as_flattened())
    }
    #[inline]
    fn flatten_mut(xs: &mut [Self]) -> &mut [X::Elem] {
        X::flatten_mut(xs.as_flattened_mut())
    }
}

impl Zero for () {
    const ZERO: Self = ();
    fn clear(&mut self) {}
}

impl<A: Zero, B: Zero> Zero for (A, B) {
    const ZERO: Self = (A::ZERO, B::ZERO);
    fn clear(&mut self) {
        self.0.clear();
        self.1.clear();
    }
}
