//! Layers that compute with the numbers that a network of integers can tell apart.

use rand_core::Rng;

use crate::layers::{Descend, Forward, Layer, Memory, Mode, Plan};
use crate::numbers::{Array, Init, Params, Real, Tensor, Tensors, Zero, fingerprint, mix, stateless, untrained};

/// Share of a batch's range in the one that follows.
const MOMENTUM: f64 = 0.01;

/// The scale and the zero point with which 256 steps take in the range from `least` to `greatest`, and 0 exactly.
pub(crate) fn steps<T: Real>(least: T, greatest: T) -> (T, i32) {
    let scale = (greatest - least) / T::of(255.0);
    let is_normal = scale.is_finite() && scale >= T::of(f64::from(f32::MIN_POSITIVE));
    let scale = if is_normal { scale } else { T::ONE / T::of(255.0) };
    (scale, (-128 - nearest(least / scale)).clamp(-128, 127))
}

/// The nearest integer, of two the one farther from 0.
#[inline(always)]
fn nearest<T: Real>(x: T) -> i32 {
    let x = x.to_f64();
    (x + if x < 0.0 { -0.5 } else { 0.5 }) as i32
}

/// `x` in steps, and whether it lies between the first and the last of them.
#[inline(always)]
fn rounded<T: Real>(x: T, (scale, zero): (T, i32)) -> (T, bool) {
    let q = nearest(x / scale).saturating_add(zero);
    let held = q.clamp(-128, 127);
    (scale * T::of(f64::from(held - zero)), held == q)
}

/// `y = x` in steps.
fn round_all<T: Real>(x: &[T], y: &mut [T], steps: (T, i32)) {
    x.iter().zip(y).for_each(|(x, y)| *y = rounded(*x, steps).0);
}

/// `dx = dy` where `x` lies between the first and the last step, 0 elsewhere.
fn pass_inside<T: Real>(x: &[T], dy: &[T], dx: &mut [T], steps: (T, i32)) {
    for ((dx, dy), x) in dx.iter_mut().zip(dy).zip(x) {
        *dx = if rounded(*x, steps).1 { *dy } else { T::ZERO };
    }
}

/// Values in 256 steps, as an `int8` network has them (Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
/// Integer-Arithmetic-Only Inference"). [`Round`](crate::Round) puts it behind each layer that makes new values.
///
/// The steps take in a range that follows what comes by: the first batch's least and greatest value, then a hundredth of the way to each
/// further batch's. Until a batch has been learned, values pass as they are. The derivative is that of no rounding inside of the range and 0
/// outside (a straight-through estimator, Bengio et al. 2013). As in a [`BatchNorm`](crate::BatchNorm), a batch is what is computed together.
///
/// Holds two scalars, which are stored and not trained; [`Graph::of`](crate::graph::Graph::of) hands them to
/// [`quantise`](crate::quantise).
#[derive(Clone, Debug, PartialEq)]
pub struct Rounding<T = f32> {
    /// Least and greatest value; both 0 if nothing has come by.
    range: [T; 2],
}

impl<T: Real> Rounding<T> {
    fn steps(&self) -> Option<(T, i32)> {
        let [least, greatest] = self.range;
        (least < greatest).then(|| steps(least, greatest))
    }
}

impl<T: Real> Zero for Rounding<T> {
    const ZERO: Self = Self { range: Zero::ZERO };
    fn clear(&mut self) {
        self.range.clear();
    }
}

impl<T: Real> Tensors<T> for Rounding<T> {
    const LEN: usize = 2;
    const FINGERPRINT: u32 = fingerprint("Rounding", &[]);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        f(&self.range);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        f(&mut self.range);
    }
}
untrained!([T: Real] Rounding<T>);

impl<X: Tensor<Elem = T>, T: Real> Forward<X> for Rounding<T> {
    type Out = X;
    const PLAN: Plan = Plan::in_place::<X>();

    fn infer(&self, x: &X, mut memory: Memory) {
        memory.reborrow().write(|y| *y = *x);
        Forward::<X>::infer_inside(self, memory);
    }
    fn infer_inside(&self, memory: Memory) {
        let Some(steps) = self.steps() else { return };
        memory.write(|y: &mut X| y.flat_mut().iter_mut().for_each(|y| *y = rounded(*y, steps).0));
    }
}

impl<X: Tensor<Elem = T>, T: Real> Layer<X> for Rounding<T> {
    /// The batch's least and greatest value.
    type Acts<const B: usize> = [T; 2];
    type Scratch<const B: usize> = ();

    fn forward<const B: usize>(&self, x: &[X; B], range: &mut [T; 2], y: &mut [X; B], mode: Mode) {
        if let Mode::Training { examples, .. } = mode {
            let [mut least, mut greatest] = [T::ZERO; 2];
            for x in x.iter().take(examples).flat_map(|x| x.flat()) {
                least = if *x < least { *x } else { least };
                greatest = if *x > greatest { *x } else { greatest };
            }
            *range = [least, greatest];
        }
        let (x, y) = (X::flatten(x), X::flatten_mut(y));
        match self.steps() {
            Some(steps) => round_all(x, y, steps),
            None => y.copy_from_slice(x),
        }
    }

    fn backward<const B: usize>(
        &self,
        x: &[X; B],
        _: &[T; 2],
        _: &[X; B],
        dy: &mut [X; B],
        (): &mut (),
        dx: Option<&mut [X; B]>,
        _: Mode,
    ) {
        let Some(dx) = dx else { return };
        let (x, dy, dx) = (X::flatten(x), X::flatten(dy), X::flatten_mut(dx));
        match self.steps() {
            Some(steps) => pass_inside(x, dy, dx, steps),
            None => dx.copy_from_slice(dy),
        }
    }

    fn observe<const B: usize>(&mut self, range: &[T; 2]) {
        if self.steps().is_none() {
            self.range = *range;
            return;
        }
        for (end, seen) in self.range.iter_mut().zip(range) {
            *end += T::of(MOMENTUM) * (*seen - *end);
        }
    }
}

/// Values in 256 steps of `1 / PARTS`, of which 0 is number `ZERO`: what LiteRT demands of the outputs of functions that end somewhere, 256 and
/// −128 of [`Sigmoid`](crate::Sigmoid) and [`Softmax`](crate::Softmax), 128 and 0 of [`Tanh`](crate::Tanh). Otherwise as [`Rounding`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RoundedTo<const PARTS: u32, const ZERO: i32>;

impl<const PARTS: u32, const ZERO: i32> RoundedTo<PARTS, ZERO> {
    fn steps<T: Real>() -> (T, i32) {
        (T::ONE / T::of(f64::from(PARTS)), ZERO)
    }
}

impl<const PARTS: u32, const ZERO: i32> Zero for RoundedTo<PARTS, ZERO> {
    const ZERO: Self = Self;
    fn clear(&mut self) {}
}
stateless!([T: Real, const PARTS: u32, const ZERO: i32] RoundedTo<PARTS, ZERO>, fingerprint("RoundedTo", &[PARTS as usize, ZERO as usize]));

impl<X: Tensor, const PARTS: u32, const ZERO: i32> Forward<X> for RoundedTo<PARTS, ZERO> {
    type Out = X;
    const PLAN: Plan = Plan::in_place::<X>();

    fn infer(&self, x: &X, mut memory: Memory) {
        memory.reborrow().write(|y| *y = *x);
        Forward::<X>::infer_inside(self, memory);
    }
    fn infer_inside(&self, memory: Memory) {
        memory.write(|y: &mut X| y.flat_mut().iter_mut().for_each(|y| *y = rounded(*y, Self::steps()).0));
    }
}

impl<X: Tensor, const PARTS: u32, const ZERO: i32> Layer<X> for RoundedTo<PARTS, ZERO> {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();

    fn forward<const B: usize>(&self, x: &[X; B], (): &mut (), y: &mut [X; B], _: Mode) {
        round_all(X::flatten(x), X::flatten_mut(y), Self::steps());
    }
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
        pass_inside(X::flatten(x), X::flatten(dy), X::flatten_mut(dx), Self::steps());
    }
}

/// A layer of weights, and biases for each of its outputs, which lie side by side.
pub trait Weighted<T: Real>: Params<T, Grads = Self> + Zero {
    /// Writes the layer whose weights are the nearest of 255 multiples, as far above 0 as below, of a scale of each output, or of each matrix of a
    /// recurrent layer.
    fn rounded(&self, to: &mut Self);
}

/// `to = w` in multiples of a 127th of the largest of each column; `largest` is as long as a row.
pub(super) fn round_columns<T: Real>(w: &[T], to: &mut [T], largest: &mut [T]) {
    largest.fill(T::ZERO);
    for row in w.chunks_exact(largest.len()) {
        largest.iter_mut().zip(row).for_each(|(largest, w)| *largest = w.abs().max(*largest));
    }
    for (row, to) in w.chunks_exact(largest.len()).zip(to.chunks_exact_mut(largest.len())) {
        for ((to, w), largest) in to.iter_mut().zip(row).zip(&*largest) {
            let scale = *largest / T::of(127.0);
            *to = if scale > T::ZERO { scale * T::of(f64::from(nearest(*w / scale))) } else { T::ZERO };
        }
    }
}

/// The layer `L` with its weights in 255 steps for each output, or for each matrix of a recurrent layer, as an `int8` network has them. What is trained, and stored, are the weights
/// before they are rounded; their derivative is taken for that of the rounded ones. [`Round`](crate::Round) puts it around each layer
/// of weights.
///
/// Costs twice `L`.
#[derive(Clone, Debug, PartialEq)]
pub struct RoundedWeights<L> {
    layer: L,
    /// What it computes with.
    rounded: L,
}

impl<L> RoundedWeights<L> {
    /// The layer before it is rounded.
    pub fn layer(&self) -> &L {
        &self.layer
    }

    /// Changes the layer.
    pub(super) fn change<T: Real>(&mut self, change: impl FnOnce(&mut L))
    where
        L: Weighted<T>,
    {
        change(&mut self.layer);
        self.layer.rounded(&mut self.rounded);
    }
}

impl<L: Zero> Zero for RoundedWeights<L> {
    const ZERO: Self = Self { layer: L::ZERO, rounded: L::ZERO };
    fn clear(&mut self) {
        self.layer.clear();
        self.rounded.clear();
    }
}

impl<T: Real, L: Weighted<T>> Tensors<T> for RoundedWeights<L> {
    const LEN: usize = L::LEN;
    const FINGERPRINT: u32 = mix(fingerprint("RoundedWeights", &[]), L::FINGERPRINT);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        self.layer.visit(f);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        self.change(|layer| layer.visit_mut(f));
    }
}

impl<T: Real, L: Weighted<T>> Params<T> for RoundedWeights<L> {
    type Grads = L;
    fn zip<const K: usize>(
        &mut self,
        grads: &mut L,
        moments: [&mut L; K],
        f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; K]),
    ) {
        self.change(|layer| layer.zip(grads, moments, f));
    }
    fn init<R: Rng>(&mut self, init: Init, rng: &mut R) {
        self.change(|layer| layer.init(init, rng));
    }
}

impl<X: Array, L: Forward<X>> Forward<X> for RoundedWeights<L> {
    type Out = L::Out;
    const CHECK: () = L::CHECK;
    const PLAN: Plan = L::PLAN;

    fn infer(&self, x: &X, memory: Memory) {
        self.rounded.infer(x, memory);
    }
    fn infer_inside(&self, memory: Memory) {
        self.rounded.infer_inside(memory);
    }
}

impl<X: Tensor, L: Layer<X> + Weighted<X::Elem>> Layer<X> for RoundedWeights<L>
where
    X::Elem: Real,
{
    type Acts<const B: usize> = L::Acts<B>;
    type Scratch<const B: usize> = L::Scratch<B>;
    const PROBABILITIES: Option<&'static str> = L::PROBABILITIES;

    fn forward<const B: usize>(&self, x: &[X; B], acts: &mut L::Acts<B>, y: &mut [L::Out; B], mode: Mode) {
        self.rounded.forward(x, acts, y, mode);
    }
    fn backward<const B: usize>(
        &self,
        x: &[X; B],
        acts: &L::Acts<B>,
        y: &[L::Out; B],
        dy: &mut [L::Out; B],
        scratch: &mut L::Scratch<B>,
        dx: Option<&mut [X; B]>,
        mode: Mode,
    ) {
        self.rounded.backward(x, acts, y, dy, scratch, dx, mode);
    }
    fn gradients<const B: usize>(
        &self,
        x: &[X; B],
        acts: &L::Acts<B>,
        y: &[L::Out; B],
        dy: &[L::Out; B],
        scratch: &L::Scratch<B>,
        grads: &mut L,
        add: bool,
    ) {
        self.rounded.gradients(x, acts, y, dy, scratch, grads, add);
    }
    fn descend<const B: usize, const K: usize>(
        &mut self,
        x: &[X; B],
        acts: &L::Acts<B>,
        y: &[L::Out; B],
        dy: &[L::Out; B],
        scratch: &L::Scratch<B>,
        moments: [&mut L; K],
        f: &mut Descend<X::Elem, K>,
    ) {
        self.change(|layer| layer.descend(x, acts, y, dy, scratch, moments, f));
    }
    fn gradients_are_finite<const B: usize>(
        &self,
        x: &[X; B],
        acts: &L::Acts<B>,
        y: &[L::Out; B],
        dy: &[L::Out; B],
        scratch: &L::Scratch<B>,
    ) -> bool {
        self.rounded.gradients_are_finite(x, acts, y, dy, scratch)
    }
}
