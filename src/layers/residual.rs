//! The residual connection.

use rand_core::Rng;

use crate::layers::{Forward, Layer, Memory, Mode, PairActs, Plan};
use crate::numbers::{Init, Params, Real, Tensor, Tensors, Zero, fingerprint, mix};

/// `y = x + f(x)` (He et al. 2016), for a layer or chain `L` whose output has its input's shape.
///
/// Keeps `f(x)` in a pass, since the derivative of an activation at the end of `L` is taken from its output.
#[derive(Clone, Debug, PartialEq)]
pub struct Residual<L>(pub L);

impl<L: Zero> Zero for Residual<L> {
    const ZERO: Self = Self(L::ZERO);
    fn clear(&mut self) {
        self.0.clear();
    }
}

impl<T: Real, L: Tensors<T>> Tensors<T> for Residual<L> {
    const LEN: usize = L::LEN;
    const FINGERPRINT: u32 = mix(fingerprint("Residual", &[]), L::FINGERPRINT);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        self.0.visit(f);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        self.0.visit_mut(f);
    }
}

impl<T: Real, L: Params<T>> Params<T> for Residual<L> {
    type Grads = L::Grads;
    fn zip<const K: usize>(
        &mut self,
        grads: &L::Grads,
        moments: [&mut L::Grads; K],
        f: &mut impl FnMut(&mut [T], &[T], [&mut [T]; K]),
    ) {
        self.0.zip(grads, moments, f);
    }
    fn init<R: Rng>(&mut self, init: Init, rng: &mut R) {
        self.0.init(init, rng);
    }
}

impl<X: Tensor, L: Forward<X, Out = X>> Forward<X> for Residual<L> {
    type Out = X;
    const CHECK: () = L::CHECK;
    /// The input is held while `L` works beside it; the sum is written over it.
    const PLAN: Plan = Plan { stays: true, ..Plan::apart::<X>(L::PLAN.outside) };

    #[inline]
    fn infer(&self, x: &X, mut memory: Memory) {
        self.0.infer(x, memory.reborrow());
        memory.write(|y| add(x, y));
    }
    #[inline]
    fn infer_inside(&self, memory: Memory) {
        let Some((x, mut rest)) = memory.split::<X>() else { return };
        self.0.infer(x, rest.reborrow());
        rest.write(|f| add(f, x));
    }
}

/// `y += x`. One copy in flash for all sums.
#[inline(never)]
fn add_each<T: Real>(x: &[T], y: &mut [T]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += *x;
    }
}

#[inline]
fn add<X: Tensor>(x: &X, y: &mut X) {
    add_each(x.flat(), y.flat_mut());
}

impl<T: Real, X: Tensor<Elem = T>, L: Layer<X, Out = X>> Layer<X> for Residual<L> {
    type Acts<const B: usize> = PairActs<L::Acts<B>, [X; B], ()>;
    type Scratch<const B: usize> = PairActs<L::Scratch<B>, [X; B], ()>;

    fn forward<const B: usize>(&self, x: &[X; B], acts: &mut Self::Acts<B>, y: &mut [X; B], mode: Mode) {
        self.0.forward(x, &mut acts.a, &mut acts.between, mode);
        let sides = X::flatten(x).iter().zip(X::flatten(&acts.between));
        for (y, (x, f)) in X::flatten_mut(y).iter_mut().zip(sides) {
            *y = *x + *f;
        }
    }
    fn backward<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        _: &[X; B],
        dy: &mut [X; B],
        scratch: &mut Self::Scratch<B>,
        mut dx: Option<&mut [X; B]>,
        grads: Option<&mut Self::Grads>,
        mode: Mode,
    ) {
        let inner = &mut scratch.between;
        X::flatten_mut(inner).copy_from_slice(X::flatten(dy));
        self.0.backward(x, &acts.a, &acts.between, inner, &mut scratch.a, dx.as_deref_mut(), grads, mode);
        let Some(dx) = dx else { return };
        for (dx, dy) in X::flatten_mut(dx).iter_mut().zip(X::flatten(dy)) {
            *dx += *dy;
        }
    }

    fn observe<const B: usize>(&mut self, acts: &Self::Acts<B>) {
        self.0.observe(&acts.a);
    }
}
