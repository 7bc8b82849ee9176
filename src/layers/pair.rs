//! How layers are put together.

use crate::layers::{Descend, Forward, InRows, Layer, Memory, Mode, OutRow, Plan, Streamed};
use crate::numbers::{Array, Float, Zero};

/// What a pair keeps in a forward pass: `a`'s and `b`'s own, and the batch between them.
pub struct PairActs<A, M, B> {
    pub(crate) a: A,
    pub(crate) between: M,
    pub(crate) b: B,
}

impl<A: Zero, M: Zero, B: Zero> Zero for PairActs<A, M, B> {
    const ZERO: Self = Self { a: A::ZERO, between: M::ZERO, b: B::ZERO };
    fn clear(&mut self) {
        self.a.clear();
        self.between.clear();
        self.b.clear();
    }
}

impl<X: Array, L: Forward<X>, R: Forward<L::Out>> Forward<X> for (L, R) {
    type Out = R::Out;
    const CHECK: () = {
        let ((), ()) = (L::CHECK, R::CHECK);
    };
    const PLAN: Plan = L::PLAN.then(R::PLAN);

    #[inline]
    fn infer(&self, x: &X, memory: Memory) {
        let mut between = memory.across(R::PLAN);
        self.0.infer(x, between.reborrow());
        self.1.infer_inside(between);
    }
    #[inline]
    fn infer_inside(&self, mut memory: Memory) {
        self.0.infer_inside(memory.reborrow());
        self.1.infer_inside(memory.across(L::PLAN));
    }
}

impl<X: InRows, L: Streamed<X>, R: Streamed<L::Out>> Streamed<X> for (L, R) {
    type State = (L::State, R::State);
    type Late<P: Array> = (L::Late<P>, R::Late<P>);
    const STRIDE: usize = L::STRIDE * R::STRIDE;
    const STREAMS: () = {
        let ((), ()) = (L::STREAMS, R::STREAMS);
    };

    #[inline]
    fn place<'s>((left, right): &'s mut Self::State, y: &'s mut OutRow<R, L::Out>) -> &'s mut X::Row {
        L::place(left, R::place(right, y))
    }
    #[inline]
    fn advance(&self, (left, right): &mut Self::State, y: &mut OutRow<R, L::Out>) -> bool {
        self.0.advance(left, R::place(right, y)) && self.1.advance(right, y)
    }
    #[inline]
    fn finish(&self, (left, right): &mut Self::State, y: &mut OutRow<R, L::Out>) -> bool {
        while self.0.finish(left, R::place(right, y)) {
            if self.1.advance(right, y) {
                return true;
            }
        }
        self.1.finish(right, y)
    }
}

impl<X: Array, L: Layer<X>, R: Layer<L::Out>> Layer<X> for (L, R) {
    type Acts<const B: usize> = PairActs<L::Acts<B>, [L::Out; B], R::Acts<B>>;
    type Scratch<const B: usize> = PairActs<L::Scratch<B>, [L::Out; B], R::Scratch<B>>;
    const PROBABILITIES: Option<&'static str> = R::PROBABILITIES;

    #[inline]
    fn forward<const B: usize>(&self, x: &[X; B], acts: &mut Self::Acts<B>, y: &mut [R::Out; B], mode: Mode) {
        self.0.forward(x, &mut acts.a, &mut acts.between, mode.side(1));
        self.1.forward(&acts.between, &mut acts.b, y, mode.side(2));
    }

    #[inline]
    fn backward<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        y: &[R::Out; B],
        dy: &mut [R::Out; B],
        scratch: &mut Self::Scratch<B>,
        dx: Option<&mut [X; B]>,
        mode: Mode,
    ) {
        let between = &mut scratch.between;
        if mode.trains() && size_of::<L::Grads>() > 0 || dx.is_some() {
            self.1.backward(&acts.between, &acts.b, y, dy, &mut scratch.b, Some(between), mode.side(2));
            self.0.backward(x, &acts.a, &acts.between, between, &mut scratch.a, dx, mode.side(1));
        } else {
            self.1.backward(&acts.between, &acts.b, y, dy, &mut scratch.b, None, mode.side(2));
        }
    }

    #[inline]
    fn gradients<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        y: &[R::Out; B],
        dy: &[R::Out; B],
        scratch: &Self::Scratch<B>,
        (left, right): &mut Self::Grads,
        add: bool,
    ) {
        self.0.gradients(x, &acts.a, &acts.between, &scratch.between, &scratch.a, left, add);
        self.1.gradients(&acts.between, &acts.b, y, dy, &scratch.b, right, add);
    }

    #[inline]
    fn descend<const B: usize, const K: usize>(
        &mut self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        y: &[R::Out; B],
        dy: &[R::Out; B],
        scratch: &Self::Scratch<B>,
        mut moments: [&mut Self::Grads; K],
        f: &mut Descend<Float<X>, K>,
    ) {
        let left = moments.each_mut().map(|m| &mut m.0);
        self.0.descend(x, &acts.a, &acts.between, &scratch.between, &scratch.a, left, f);
        self.1.descend(&acts.between, &acts.b, y, dy, &scratch.b, moments.map(|m| &mut m.1), f);
    }

    #[inline]
    fn gradients_are_finite<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        y: &[R::Out; B],
        dy: &[R::Out; B],
        scratch: &Self::Scratch<B>,
    ) -> bool {
        self.0.gradients_are_finite(x, &acts.a, &acts.between, &scratch.between, &scratch.a)
            && self.1.gradients_are_finite(&acts.between, &acts.b, y, dy, &scratch.b)
    }

    #[inline]
    fn observe<const B: usize>(&mut self, acts: &Self::Acts<B>) {
        self.0.observe(&acts.a);
        self.1.observe(&acts.b);
    }
}

/// `chain![A, B, C]` is the type of the network `A`, then `B`, then `C`: the pairs `((A, B), C)`.
///
/// A shape mistake is a compile error that names both shapes:
///
/// ```compile_fail,E0277
/// use nerve::prelude::*;
///
/// type Net = chain![Dense<4, 10, Sigmoid>, Dense<9, 3>]; // 10 outputs into 9 inputs
/// static ARENA: Arena<{ arena_len::<Net, [f32; 4]>() }> = Arena::ZERO;
/// ```
#[macro_export]
macro_rules! chain {
    ($a:ty $(,)?) => { $a };
    ($a:ty, $b:ty $(, $rest:ty)* $(,)?) => { $crate::chain!(($a, $b) $(, $rest)*) };
}
