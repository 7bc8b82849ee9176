//! Two paths from one tensor.

use const_panic::concat_panic;
use rand_core::Rng;

use crate::layers::{
    Descend, Forward, InRows, Join, JoinBackward, Layer, Memory, Mode, OutRow, PairActs, Plan, Queue, Streamed, Sum,
    length_of,
};
use crate::numbers::{Array, Init, Params, Real, Tensor, Tensors, Zero, fingerprint, mix};

/// `y = x + f(x)` (He et al. 2016), for a layer or chain `L` whose output has its input's shape.
pub type Residual<L> = Around<L, Sum>;

/// The input joined with what `L` makes of it: `x + f(x)` with [`Sum`], which is a [`Residual`]; the channels of `x`, then those of `f(x)`,
/// with [`Concat`](crate::Concat) (Huang et al. 2017).
///
/// The input is held while `L` works beside it; a sum is written over it. Keeps `f(x)` in a pass, since the derivative of an activation at
/// the end of `L` is taken from its output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Around<L, J> {
    /// The path around which the input goes.
    pub path: L,
    /// The input is its first tensor.
    pub join: J,
}

/// What `L` makes of the input, joined with what `R` makes of it: a residual sum with a layer on either side, or channels side by side.
/// More than two paths are branches in branches.
///
/// ```
/// use nerve::{Branches, Concat, Sum, prelude::*};
///
/// /// A residual sum that halves the size, with a projection of its input.
/// type Halved = Branches<
///     chain![Conv2d<8, 16, 3, Relu, To<7, 7, 2, 1>>, Conv2d<16, 16, 3>],
///     Conv2d<8, 16, 1, Linear, To<7, 7, 2>>,
///     Sum,
/// >;
/// /// Kernels of 1, 3 and 5 side by side.
/// type Inception = Branches<Branches<Conv2d<16, 4, 1>, Conv2d<16, 8, 3>, Concat<12>>, Conv2d<16, 4, 5>, Concat<16>>;
///
/// type Net = chain![Halved, Relu, Inception, GlobalAvgPool];
/// let mut arena = Arena::<{ arena_len::<Net, [[[f32; 8]; 14]; 14]>() }>::ZERO;
/// let y: &[f32; 16] = arena.predict(&Net::ZERO, &[[[0.0; 8]; 14]; 14]);
/// # assert_eq!(y, &[0.0; 16]);
/// ```
///
/// The input is held while `L` works beside it, then `R` beside both; a sum is written over the output of `L`, a concatenation beside the
/// two. Training keeps both outputs, and one input more for `∂loss/∂x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Branches<L, R, J> {
    /// The first path.
    pub left: L,
    /// The second path.
    pub right: R,
    /// What joins them.
    pub join: J,
}

impl<L: Zero, J: Zero> Zero for Around<L, J> {
    const ZERO: Self = Self { path: L::ZERO, join: J::ZERO };
    fn clear(&mut self) {
        self.path.clear();
    }
}

impl<L: Zero, R: Zero, J: Zero> Zero for Branches<L, R, J> {
    const ZERO: Self = Self { left: L::ZERO, right: R::ZERO, join: J::ZERO };
    fn clear(&mut self) {
        self.left.clear();
        self.right.clear();
    }
}

impl<T: Real, L: Tensors<T>, J: Tensors<T>> Tensors<T> for Around<L, J> {
    const LEN: usize = L::LEN;
    const FINGERPRINT: u32 = mix(J::FINGERPRINT, L::FINGERPRINT);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        self.path.visit(f);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        self.path.visit_mut(f);
    }
}

impl<T: Real, L: Tensors<T>, R: Tensors<T>, J: Tensors<T>> Tensors<T> for Branches<L, R, J> {
    const LEN: usize = L::LEN + R::LEN;
    const FINGERPRINT: u32 =
        mix(mix(fingerprint("Branches", &[]), J::FINGERPRINT), mix(L::FINGERPRINT, R::FINGERPRINT));
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        self.left.visit(f);
        self.right.visit(f);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        self.left.visit_mut(f);
        self.right.visit_mut(f);
    }
}

impl<T: Real, L: Params<T>, J: Tensors<T>> Params<T> for Around<L, J> {
    type Grads = L::Grads;
    fn zip<const K: usize>(
        &mut self,
        grads: &mut L::Grads,
        moments: [&mut L::Grads; K],
        f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; K]),
    ) {
        self.path.zip(grads, moments, f);
    }
    fn init<R: Rng>(&mut self, init: Init, rng: &mut R) {
        self.path.init(init, rng);
    }
}

impl<T: Real, L: Params<T>, R: Params<T>, J: Tensors<T>> Params<T> for Branches<L, R, J> {
    type Grads = (L::Grads, R::Grads);
    fn zip<const K: usize>(
        &mut self,
        grads: &mut Self::Grads,
        mut moments: [&mut Self::Grads; K],
        f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; K]),
    ) {
        self.left.zip(&mut grads.0, moments.each_mut().map(|m| &mut m.0), f);
        self.right.zip(&mut grads.1, moments.each_mut().map(|m| &mut m.1), f);
    }
    fn init<G: Rng>(&mut self, init: Init, rng: &mut G) {
        self.left.init(init, rng);
        self.right.init(init, rng);
    }
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

impl<X: Array, L: Forward<X, Out: Array<Elem = X::Elem>>, J: Join<X, L::Out>> Forward<X> for Around<L, J> {
    type Out = J::Out;
    const CHECK: () = {
        let ((), ()) = (L::CHECK, J::CHECK);
    };
    const PLAN: Plan = {
        let both = length_of::<L::Out>() + length_of::<J::Out>();
        let outside = if J::OVER[1] { L::PLAN.outside } else { max(L::PLAN.outside, both) };
        let beside = if J::OVER[0] { L::PLAN.outside } else { outside };
        Plan { outside, inside: length_of::<X>() + beside, stays: J::OVER[0], scratch: L::PLAN.scratch }
    };

    #[inline]
    fn infer(&self, x: &X, mut memory: Memory) {
        if J::OVER[1] {
            self.path.infer(x, memory.reborrow());
            memory.write(|y: &mut J::Out| self.join.join(Some(x.flat()), None, y.flat_mut()));
        } else {
            let mut memory = memory.turned();
            self.path.infer(x, memory.reborrow());
            let Some((f, rest)) = memory.split::<L::Out>() else { return };
            rest.write(|y: &mut J::Out| self.join.join(Some(x.flat()), Some(f.flat()), y.flat_mut()));
        }
    }
    #[inline]
    fn infer_inside(&self, memory: Memory) {
        let Some((x, mut rest)) = memory.split::<X>() else { return };
        if J::OVER[0] {
            self.path.infer(x, rest.reborrow());
            rest.write(|f: &mut L::Out| self.join.join(None, Some(f.flat()), x.flat_mut()));
        } else {
            self.infer(x, rest);
        }
    }
}

impl<X, L, R, J> Forward<X> for Branches<L, R, J>
where
    X: Array,
    L: Forward<X>,
    R: Forward<X, Out: Array<Elem = <L::Out as Array>::Elem>>,
    J: Join<L::Out, R::Out>,
{
    type Out = J::Out;
    const CHECK: () = {
        let ((), (), ()) = (L::CHECK, R::CHECK, J::CHECK);
    };
    const PLAN: Plan = {
        let (left, right) = (length_of::<L::Out>(), length_of::<R::Out>());
        let outside = max(L::PLAN.outside, left + R::PLAN.outside);
        Plan::apart::<X>(if J::OVER[0] { outside } else { max(outside, left + right + length_of::<J::Out>()) })
            .with_scratch(max(L::PLAN.scratch, R::PLAN.scratch))
    };

    #[inline]
    fn infer(&self, x: &X, memory: Memory) {
        // A sum lies where the first path's output lay, what is written beside both at the other end.
        let mut memory = if J::OVER[0] { memory } else { memory.turned() };
        self.left.infer(x, memory.reborrow());
        let Some((a, mut rest)) = memory.split::<L::Out>() else { return };
        if J::OVER[0] {
            self.right.infer(x, rest.reborrow());
            rest.write(|b: &mut R::Out| self.join.join(None, Some(b.flat()), a.flat_mut()));
        } else {
            let mut rest = rest.turned();
            self.right.infer(x, rest.reborrow());
            let Some((b, rest)) = rest.split::<R::Out>() else { return };
            rest.write(|y: &mut J::Out| self.join.join(Some(a.flat()), Some(b.flat()), y.flat_mut()));
        }
    }
}

/// What a residual connection keeps: the rows of the input that wait for those of the path, a row of the path, and its state.
pub struct Beside<W, Row, S> {
    waiting: Queue<W>,
    made: Row,
    path: S,
}

impl<W: Zero, Row: Zero, S: Zero> Zero for Beside<W, Row, S> {
    const ZERO: Self = Self { waiting: Zero::ZERO, made: Row::ZERO, path: S::ZERO };
    fn clear(&mut self) {
        self.waiting.clear();
        self.path.clear();
    }
}

impl<X, L, J> Streamed<X> for Around<L, J>
where
    X: InRows,
    L: Streamed<X, Out: InRows + Array<Elem = X::Elem>>,
    J: Join<X, L::Out, Out: InRows> + Join<X::Row, OutRow<L, X>, Out = <<J as Join<X, L::Out>>::Out as InRows>::Row>,
{
    type State = Beside<(L::Late<X::Row>, [X::Row; 1]), OutRow<L, X>, L::State>;
    type Late<P: Array> = L::Late<P>;
    const STREAMS: () = {
        let () = L::STREAMS;
        same_pace([1, L::STRIDE]);
    };

    #[inline]
    fn place<'s>(state: &'s mut Self::State, _: &'s mut OutRow<Self, X>) -> &'s mut X::Row {
        state.waiting.next()
    }
    #[inline]
    fn advance(&self, Beside { waiting, made, path }: &mut Self::State, y: &mut OutRow<Self, X>) -> bool {
        let x: &X::Row = waiting.next();
        *L::place(path, made) = *x;
        waiting.take();
        let complete = self.path.advance(path, made);
        if complete {
            join(&self.join, waiting.pop(), made, y);
        }
        complete
    }
    #[inline]
    fn finish(&self, Beside { waiting, made, path }: &mut Self::State, y: &mut OutRow<Self, X>) -> bool {
        let complete = self.path.finish(path, made);
        if complete {
            join(&self.join, waiting.pop(), made, y);
        }
        complete
    }
}

impl<X, L, R, J> Streamed<X> for Branches<L, R, J>
where
    X: InRows,
    L: Streamed<X>,
    R: Streamed<X, Out: Array<Elem = <L::Out as Array>::Elem>>,
    J: Join<L::Out, R::Out, Out: InRows>
        + Join<OutRow<L, X>, OutRow<R, X>, Out = <<J as Join<L::Out, R::Out>>::Out as InRows>::Row>,
{
    /// Of each path its state, and the rows that wait for those of the other one.
    type State = (
        (L::State, Queue<(R::Late<OutRow<L, X>>, [OutRow<L, X>; 1])>),
        (R::State, Queue<(L::Late<OutRow<R, X>>, [OutRow<R, X>; 1])>),
    );
    type Late<P: Array> = (L::Late<P>, R::Late<P>);
    const STRIDE: usize = L::STRIDE;
    const STREAMS: () = {
        let ((), ()) = (L::STREAMS, R::STREAMS);
        same_pace([L::STRIDE, R::STRIDE]);
    };

    #[inline]
    fn place<'s>(((left, a), _): &'s mut Self::State, _: &'s mut OutRow<Self, X>) -> &'s mut X::Row {
        L::place(left, a.next())
    }
    #[inline]
    fn advance(&self, ((left, a), (right, b)): &mut Self::State, y: &mut OutRow<Self, X>) -> bool {
        *R::place(right, b.next()) = *L::place(left, a.next());
        if self.left.advance(left, a.next()) {
            a.take();
        }
        if self.right.advance(right, b.next()) {
            b.take();
        }
        let complete = !a.is_empty() && !b.is_empty();
        if complete {
            join(&self.join, a.pop(), b.pop(), y);
        }
        complete
    }
    #[inline]
    fn finish(&self, ((left, a), (right, b)): &mut Self::State, y: &mut OutRow<Self, X>) -> bool {
        if a.is_empty() && self.left.finish(left, a.next()) {
            a.take();
        }
        if b.is_empty() && self.right.finish(right, b.next()) {
            b.take();
        }
        let complete = !a.is_empty() && !b.is_empty();
        if complete {
            join(&self.join, a.pop(), b.pop(), y);
        }
        complete
    }
}

/// A row of each path.
#[inline(always)]
fn join<A: Array, B: Array<Elem = A::Elem>, J: Join<A, B>>(join: &J, a: &A, b: &B, y: &mut J::Out) {
    join.join(Some(a.flat()), Some(b.flat()), y.flat_mut());
}

/// Fails to compile unless as many rows come out of one path as out of the other.
const fn same_pace([left, right]: [usize; 2]) {
    if left != right {
        concat_panic!(
            display: "branches that cannot run row by row: one path makes a row of ", left, display: ", the other one of ", right
        );
    }
}

impl<X, L, J> Layer<X> for Around<L, J>
where
    X: Tensor,
    L: Layer<X>,
    J: JoinBackward<X, L::Out> + Tensors<X::Elem>,
{
    type Acts<const B: usize> = PairActs<L::Acts<B>, [L::Out; B], ()>;
    /// The derivatives by the output of `L`.
    type Scratch<const B: usize> = PairActs<L::Scratch<B>, [L::Out; B], ()>;

    fn forward<const B: usize>(&self, x: &[X; B], acts: &mut Self::Acts<B>, y: &mut [J::Out; B], mode: Mode) {
        self.path.forward(x, &mut acts.a, &mut acts.between, mode);
        self.join.join(Some(X::flatten(x)), Some(Array::flatten(&acts.between)), Array::flatten_mut(y));
    }
    fn backward<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        _: &[J::Out; B],
        dy: &mut [J::Out; B],
        scratch: &mut Self::Scratch<B>,
        mut dx: Option<&mut [X; B]>,
        mode: Mode,
    ) {
        let inner = &mut scratch.between;
        write(J::second(Array::flatten(dy)), Array::flatten_mut(inner));
        self.path.backward(x, &acts.a, &acts.between, inner, &mut scratch.a, dx.as_deref_mut(), mode);
        if let Some(dx) = dx {
            add(J::first(Array::flatten(dy)), X::flatten_mut(dx));
        }
    }
    fn gradients<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        _: &[J::Out; B],
        _: &[J::Out; B],
        scratch: &Self::Scratch<B>,
        grads: &mut Self::Grads,
        add: bool,
    ) {
        self.path.gradients(x, &acts.a, &acts.between, &scratch.between, &scratch.a, grads, add);
    }
    fn descend<const B: usize, const K: usize>(
        &mut self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        _: &[J::Out; B],
        _: &[J::Out; B],
        scratch: &Self::Scratch<B>,
        moments: [&mut Self::Grads; K],
        f: &mut Descend<X::Elem, K>,
    ) {
        self.path.descend(x, &acts.a, &acts.between, &scratch.between, &scratch.a, moments, f);
    }
    fn gradients_are_finite<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        _: &[J::Out; B],
        _: &[J::Out; B],
        scratch: &Self::Scratch<B>,
    ) -> bool {
        self.path.gradients_are_finite(x, &acts.a, &acts.between, &scratch.between, &scratch.a)
    }

    fn observe<const B: usize>(&mut self, acts: &Self::Acts<B>) {
        self.path.observe(&acts.a);
    }
}

impl<X, L, R, J> Layer<X> for Branches<L, R, J>
where
    X: Tensor,
    L: Layer<X>,
    R: Layer<X>,
    J: JoinBackward<L::Out, R::Out> + Tensors<X::Elem>,
{
    type Acts<const B: usize> = (PairActs<L::Acts<B>, [L::Out; B], ()>, PairActs<R::Acts<B>, [R::Out; B], ()>);
    /// The derivatives by the output of each path, and by the input of the second one.
    type Scratch<const B: usize> =
        (PairActs<L::Scratch<B>, [L::Out; B], ()>, PairActs<R::Scratch<B>, [R::Out; B], [X; B]>);

    fn forward<const B: usize>(&self, x: &[X; B], acts: &mut Self::Acts<B>, y: &mut [J::Out; B], mode: Mode) {
        let (left, right) = acts;
        self.left.forward(x, &mut left.a, &mut left.between, mode.side(1));
        self.right.forward(x, &mut right.a, &mut right.between, mode.side(2));
        let (a, b) = (Array::flatten(&left.between), Array::flatten(&right.between));
        self.join.join(Some(a), Some(b), Array::flatten_mut(y));
    }
    fn backward<const B: usize>(
        &self,
        x: &[X; B],
        (a, b): &Self::Acts<B>,
        _: &[J::Out; B],
        dy: &mut [J::Out; B],
        (left, right): &mut Self::Scratch<B>,
        mut dx: Option<&mut [X; B]>,
        mode: Mode,
    ) {
        let (da, db) = (&mut left.between, &mut right.between);
        write(J::first(Array::flatten(dy)), Array::flatten_mut(da));
        write(J::second(Array::flatten(dy)), Array::flatten_mut(db));
        let by_right = dx.is_some().then_some(&mut right.b);
        self.right.backward(x, &b.a, &b.between, db, &mut right.a, by_right, mode.side(2));
        self.left.backward(x, &a.a, &a.between, da, &mut left.a, dx.as_deref_mut(), mode.side(1));
        if let Some(dx) = dx {
            add(X::flatten(&right.b).iter(), X::flatten_mut(dx));
        }
    }
    fn gradients<const B: usize>(
        &self,
        x: &[X; B],
        (a, b): &Self::Acts<B>,
        _: &[J::Out; B],
        _: &[J::Out; B],
        (left, right): &Self::Scratch<B>,
        (to_left, to_right): &mut Self::Grads,
        add: bool,
    ) {
        self.left.gradients(x, &a.a, &a.between, &left.between, &left.a, to_left, add);
        self.right.gradients(x, &b.a, &b.between, &right.between, &right.a, to_right, add);
    }
    fn descend<const B: usize, const K: usize>(
        &mut self,
        x: &[X; B],
        (a, b): &Self::Acts<B>,
        _: &[J::Out; B],
        _: &[J::Out; B],
        (left, right): &Self::Scratch<B>,
        mut moments: [&mut Self::Grads; K],
        f: &mut Descend<X::Elem, K>,
    ) {
        let of_left = moments.each_mut().map(|m| &mut m.0);
        self.left.descend(x, &a.a, &a.between, &left.between, &left.a, of_left, f);
        self.right.descend(x, &b.a, &b.between, &right.between, &right.a, moments.map(|m| &mut m.1), f);
    }
    fn gradients_are_finite<const B: usize>(
        &self,
        x: &[X; B],
        (a, b): &Self::Acts<B>,
        _: &[J::Out; B],
        _: &[J::Out; B],
        (left, right): &Self::Scratch<B>,
    ) -> bool {
        self.left.gradients_are_finite(x, &a.a, &a.between, &left.between, &left.a)
            && self.right.gradients_are_finite(x, &b.a, &b.between, &right.between, &right.a)
    }

    fn observe<const B: usize>(&mut self, (left, right): &Self::Acts<B>) {
        self.left.observe(&left.a);
        self.right.observe(&right.a);
    }
}

fn write<'d, T: Real>(from: impl Iterator<Item = &'d T>, to: &mut [T]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

fn add<'d, T: Real>(from: impl Iterator<Item = &'d T>, to: &mut [T]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += *from);
}
