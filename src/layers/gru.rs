//! The gated recurrent unit.

use rand_core::Rng;

use crate::kernels::{Matrix, Rows, Strided, sum_rows, times_transposed};
use crate::layers::rounded::Weighted;
use crate::layers::{Activation, Descend, Forward, Layer, Memory, Mode, Sigmoid, Streamed, Tanh, are_small, gates};
use crate::numbers::{Array, Init, Params, Real, Tensors, Zero, fingerprint};

/// A gated recurrent unit (GRU): `I` inputs at each step of time, a state of `H` units, over scalars `T`.
///
/// As a layer it takes a window `[[T; I]; L]`, `L` steps with the channels last, to the states after each step, `[[T; H]; L]`, from
/// the state 0; [`Last`](crate::Last) takes the last of them. In a [`Stream`](crate::Stream) it takes a step with each sample that comes
/// and needs no window; [`step`](Self::step) is one alone. The states have the same bits.
///
/// Cho et al. 2014, with the reset gate applied after the hidden product, as in cuDNN and PyTorch:
///
/// | | |
/// |---|---|
/// | reset gate | `r = σ(b[0] + x·w[0] + h·u[0])` |
/// | update gate | `z = σ(b[1] + x·w[1] + h·u[1])` |
/// | candidate | `q = c + h·u[2]`, `n = tanh(b[2] + x·w[2] + r ⊙ q)` |
/// | next state | `h' = (1 − z) ⊙ n + z ⊙ h`, computed as `n + z ⊙ (h − n)` |
///
/// PyTorch's `nn.GRU` has two biases for each of the three. Those of a gate only occur as their sum, so one is redundant, and
/// `b[0] = b_ir + b_hr`, `b[1] = b_iz + b_hz`; the reset gate parts those of the candidate, `b[2] = b_in`, `c = b_hn`. Its matrices
/// `weight_ih_l0` and `weight_hh_l0` hold the gates in the same order, each transposed.
///
/// [`init`](Params::init) draws `w` as it is told, each gate for itself, makes each matrix of `u` orthogonal (Saxe et al. 2014), so that
/// a state neither grows nor shrinks by it, and zeroes the biases.
///
/// Backpropagation goes through time over the whole window (Werbos 1990) and no further: windows are where it is truncated.
///
/// Costs `(3·(I + H + 1) + 1)·H·size_of::<T>()` bytes, as much again for each moment. A pass over windows keeps
/// gates and states, `5·B·L·H` scalars, training as many again and `4·B·H`, and a step takes `5·H` scalars of stack, `B` times in a
/// pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Gru<const I: usize, const H: usize, T = f32> {
    /// Weights of the input, `w[gate][input][unit]`, for reset gate, update gate and candidate.
    pub w: [[[T; H]; I]; 3],
    /// Weights of the state, `u[gate][unit of the state before][unit]`.
    pub u: [[[T; H]; H]; 3],
    /// Biases, `b[gate][unit]`.
    pub b: [[T; H]; 3],
    /// Bias of the candidate that the reset gate scales.
    pub c: [T; H],
}

impl<const I: usize, const H: usize, T> Gru<I, H, T> {
    /// A layer with the given weights and biases.
    pub const fn new(w: [[[T; H]; I]; 3], u: [[[T; H]; H]; 3], b: [[T; H]; 3], c: [T; H]) -> Self {
        Self { w, u, b, c }
    }
}

impl<const I: usize, const H: usize, T: Real> Gru<I, H, T> {
    /// Takes the state `h` one step further, with the input `x`. A signal begins with the state 0.
    ///
    /// ```
    /// use nerve::prelude::*;
    ///
    /// type Net = chain![Gru<3, 8>, Last, Dense<8, 2>];
    /// # let mut net = Net::ZERO;
    /// # net.init(Init::GlorotUniform, &mut <rand_pcg::Pcg32 as rand_core::SeedableRng>::seed_from_u64(1));
    /// # let samples = [[0.1, 0.2, 0.3]; 5];
    /// let ((gru, _), dense) = &net;
    /// let mut h = [0.0; 8];
    /// for x in &samples {
    ///     gru.step(x, &mut h);
    /// }
    /// let mut arena = Arena::<{ arena_len::<Dense<8, 2>, [f32; 8]>() }>::ZERO;
    /// let logits = arena.predict(dense, &h);
    /// # let mut window = Arena::<{ arena_len::<Net, [[f32; 3]; 5]>() }>::ZERO;
    /// # assert_eq!(logits, window.predict(&net, &samples));
    /// ```
    #[inline]
    pub fn step(&self, x: &[T; I], h: &mut [T; H]) {
        let mut gates = Zero::ZERO;
        self.advance(&Rows(core::slice::from_ref(x)), core::array::from_mut(h), &mut gates);
    }

    /// The step for `B` states, with a row of `x` for each. Leaves `r`, `z`, `n` and `q`.
    #[inline(always)]
    fn advance<const B: usize>(&self, x: &impl Matrix<T>, h: &mut [[T; H]; B], [r, z, n, q]: &mut [[[T; H]; B]; 4]) {
        gates::of_input(x, &self.w, &self.b, [r, z, n]);
        *q = [self.c; B];
        gates::add_state(h, &self.u, [r, z, q]);
        for ((((r, z), n), q), h) in r.iter_mut().zip(z).zip(n).zip(q).zip(h) {
            <Sigmoid as Activation>::forward(r, H);
            <Sigmoid as Activation>::forward(z, H);
            for ((n, r), q) in n.iter_mut().zip(r).zip(q) {
                *n += *r * *q;
            }
            <Tanh as Activation>::forward(n, H);
            for ((h, z), n) in h.iter_mut().zip(z).zip(n) {
                *h = *n + *z * (*h - *n);
            }
        }
    }
}

impl<const I: usize, const H: usize, T: Real> Zero for Gru<I, H, T> {
    const ZERO: Self = Self { w: Zero::ZERO, u: Zero::ZERO, b: Zero::ZERO, c: Zero::ZERO };
    fn clear(&mut self) {
        self.w.clear();
        self.u.clear();
        self.b.clear();
        self.c.clear();
    }
}

impl<const I: usize, const H: usize, T: Real> Tensors<T> for Gru<I, H, T> {
    const LEN: usize = (3 * (I + H + 1) + 1) * H;
    const FINGERPRINT: u32 = fingerprint("Gru", &[I, H]);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        f(self.w.as_flattened().as_flattened());
        f(self.u.as_flattened().as_flattened());
        f(self.b.as_flattened());
        f(&self.c);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        f(self.w.as_flattened_mut().as_flattened_mut());
        f(self.u.as_flattened_mut().as_flattened_mut());
        f(self.b.as_flattened_mut());
        f(&mut self.c);
    }
}

impl<const I: usize, const H: usize, T: Real> Params<T> for Gru<I, H, T> {
    type Grads = Self;
    fn zip<const N: usize>(
        &mut self,
        grads: &mut Self,
        mut moments: [&mut Self; N],
        f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; N]),
    ) {
        f(self.w.flat_mut(), grads.w.flat_mut(), moments.each_mut().map(|m| m.w.flat_mut()));
        f(self.u.flat_mut(), grads.u.flat_mut(), moments.each_mut().map(|m| m.u.flat_mut()));
        f(self.b.flat_mut(), grads.b.flat_mut(), moments.each_mut().map(|m| m.b.flat_mut()));
        f(&mut self.c, &mut grads.c, moments.each_mut().map(|m| m.c.as_mut_slice()));
    }
    fn init<R: Rng>(&mut self, init: Init, rng: &mut R) {
        gates::init(&mut self.w, &mut self.u, init, rng);
        self.b.clear();
        self.c.clear();
    }
}

impl<const I: usize, const H: usize, T: Real> Weighted<T> for Gru<I, H, T> {
    fn rounded(&self, to: &mut Self) {
        gates::round(&self.w, &mut to.w);
        gates::round(&self.u, &mut to.u);
        (to.b, to.c) = (self.b, self.c);
    }
}

/// What backpropagation through time writes.
pub struct GruScratch<const H: usize, const L: usize, const B: usize, T> {
    /// Of each example and step, `∂loss/∂` what went into `r`, `z` and `n`, and `∂loss/∂q`.
    gates: [[[[T; H]; L]; B]; 4],
    /// Of one step, the first, second and fourth of those.
    step: [[[T; H]; B]; 3],
    /// `∂loss/∂h` by the steps after it.
    dh: [[T; H]; B],
}

impl<const H: usize, const L: usize, const B: usize, T: Real> Zero for GruScratch<H, L, B, T> {
    const ZERO: Self = Self { gates: Zero::ZERO, step: Zero::ZERO, dh: Zero::ZERO };
    fn clear(&mut self) {
        self.gates.clear();
        self.step.clear();
        self.dh.clear();
    }
}

impl<const I: usize, const H: usize, const L: usize, T: Real> Forward<[[T; I]; L]> for Gru<I, H, T> {
    type Out = [[T; H]; L];

    #[inline]
    fn infer(&self, x: &[[T; I]; L], memory: Memory) {
        memory.write(|y: &mut [[T; H]; L]| {
            let (mut h, mut gates) = ([[T::ZERO; H]], Zero::ZERO);
            for (x, y) in x.iter().zip(y) {
                self.advance(&Rows(core::slice::from_ref(x)), &mut h, &mut gates);
                [*y] = h;
            }
        });
    }
}

impl<const I: usize, const H: usize, const L: usize, T: Real> Streamed<[[T; I]; L]> for Gru<I, H, T> {
    /// The input of a step, and the state after it.
    type State = ([T; I], [T; H]);
    type Late<P: Array> = [P; 0];

    #[inline]
    fn place<'s>((x, _): &'s mut Self::State, _: &'s mut [T; H]) -> &'s mut [T; I] {
        x
    }
    #[inline]
    fn advance(&self, (x, h): &mut Self::State, y: &mut [T; H]) -> bool {
        self.step(x, h);
        *y = *h;
        true
    }
}

impl<const I: usize, const H: usize, const L: usize, T: Real> Layer<[[T; I]; L]> for Gru<I, H, T> {
    /// `r`, `z`, `n` and `q` of each step.
    type Acts<const B: usize> = [[[[T; H]; B]; 4]; L];
    type Scratch<const B: usize> = GruScratch<H, L, B, T>;

    #[inline]
    fn forward<const B: usize>(
        &self,
        x: &[[[T; I]; L]; B],
        acts: &mut Self::Acts<B>,
        y: &mut [[[T; H]; L]; B],
        _: Mode,
    ) {
        let mut h = [[T::ZERO; H]; B];
        for (t, gates) in acts.iter_mut().enumerate() {
            let x = Strided { data: x.flat().get(t * I..).unwrap_or_default(), row: L * I, column: 1 };
            self.advance(&x, &mut h, gates);
            for (y, h) in y.iter_mut().zip(&h) {
                y[t] = *h;
            }
        }
    }

    #[inline]
    fn backward<const B: usize>(
        &self,
        _: &[[[T; I]; L]; B],
        acts: &Self::Acts<B>,
        y: &[[[T; H]; L]; B],
        dy: &mut [[[T; H]; L]; B],
        scratch: &mut Self::Scratch<B>,
        dx: Option<&mut [[[T; I]; L]; B]>,
        _: Mode,
    ) {
        let GruScratch { gates, step, dh } = scratch;
        dh.clear();
        for (t, [r, z, n, q]) in acts.iter().enumerate().rev() {
            for m in 0..B {
                let before = y[m].get(t.wrapping_sub(1)).copied().unwrap_or([T::ZERO; H]);
                for i in 0..H {
                    let (r, z, n, q) = (r[m][i], z[m][i], n[m][i], q[m][i]);
                    let d = dy[m][t][i] + dh[m][i];
                    let dn = d * (T::ONE - z) * (T::ONE - n * n);
                    let (dr, dz, dq) = (dn * q * r * (T::ONE - r), d * (before[i] - n) * z * (T::ONE - z), dn * r);
                    for (gate, d) in gates.iter_mut().zip([dr, dz, dn, dq]) {
                        gate[m][t][i] = d;
                    }
                    for (gate, d) in step.iter_mut().zip([dr, dz, dq]) {
                        gate[m][i] = d;
                    }
                    dh[m][i] = d * z;
                }
            }
            for (d, u) in step.iter().zip(&self.u) {
                times_transposed::<true, _, _, _, _>(d, u, dh);
            }
        }
        if let Some(dx) = dx {
            let [dr, dz, dn, _] = gates.each_ref();
            gates::input_gradients([dr, dz, dn], &self.w, dx);
        }
    }

    #[inline]
    fn gradients<const B: usize>(
        &self,
        x: &[[[T; I]; L]; B],
        _: &Self::Acts<B>,
        y: &[[[T; H]; L]; B],
        _: &[[[T; H]; L]; B],
        scratch: &Self::Scratch<B>,
        grads: &mut Self,
        add: bool,
    ) {
        if !add {
            grads.clear();
        }
        // Example by example, so that the order of the sums does not depend on the batch.
        for m in 0..B {
            let [dr, dz, dn, dq] = scratch.gates.each_ref().map(|gate| &gate[m]);
            let Self { w, u, b, c } = &mut *grads;
            gates::add_gradients(&x[m], &y[m], [dr, dz, dn], [dr, dz, dq], w, u, b);
            sum_rows::<true, _, _>(dq, c);
        }
    }

    #[inline]
    fn descend<const B: usize, const K: usize>(
        &mut self,
        x: &[[[T; I]; L]; B],
        _: &Self::Acts<B>,
        y: &[[[T; H]; L]; B],
        _: &[[[T; H]; L]; B],
        scratch: &Self::Scratch<B>,
        mut moments: [&mut Self; K],
        f: &mut Descend<T, K>,
    ) {
        let [dr, dz, dn, dq] = scratch.gates.each_ref();
        gates::descend(x, &mut self.w, moments.each_mut().map(|m| &mut m.w), [dr, dz, dn], 0, f);
        gates::descend(y, &mut self.u, moments.each_mut().map(|m| &mut m.u), [dr, dz, dq], 1, f);
        let (mut b, [mut c]) = (gates::sums([dr, dz, dn]), gates::sums([dq]));
        f(self.b.flat_mut(), b.flat_mut(), moments.each_mut().map(|m| m.b.flat_mut()));
        f(&mut self.c, &mut c, moments.map(|m| m.c.as_mut_slice()));
    }

    #[inline]
    fn gradients_are_finite<const B: usize>(
        &self,
        x: &[[[T; I]; L]; B],
        _: &Self::Acts<B>,
        y: &[[[T; H]; L]; B],
        _: &[[[T; H]; L]; B],
        scratch: &Self::Scratch<B>,
    ) -> bool {
        are_small(x.flat(), y.flat()) && T::are_small(scratch.gates.flat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;
    use rand_pcg::Pcg32;

    /// The formulas of the documentation, one term after the other.
    #[test]
    fn window_and_steps_have_the_bits_of_the_formulas() {
        const L: usize = 7;
        let mut rng = Pcg32::seed_from_u64(3);
        let mut gru = Gru::<3, 13>::ZERO;
        gru.visit_mut(&mut |tensor| Init::GlorotUniform.fill(tensor, 3, 3, &mut rng));
        let mut windows = [[[0f32; 3]; L]; 5];
        Init::HeNormal.fill(windows.flat_mut(), 2, 2, &mut rng);
        let (mut acts, mut states) = (Zero::ZERO, [[[0.0; 13]; L]; 5]);
        gru.forward(&windows, &mut acts, &mut states, Mode::Inference);

        for (window, states) in windows.iter().zip(states) {
            let (mut streamed, mut h) = ([0.0; 13], [0.0; 13]);
            for (x, state) in window.iter().zip(states) {
                gru.step(x, &mut streamed);
                assert_eq!(streamed.map(f32::to_bits), state.map(f32::to_bits));

                let sum = |gate: usize, unit: usize, mut sum: f32, with_x: bool, with_h: bool| {
                    for (x, w) in x.iter().zip(&gru.w[gate]).filter(|_| with_x) {
                        sum += x * w[unit];
                    }
                    for (h, u) in h.iter().zip(&gru.u[gate]).filter(|_| with_h) {
                        sum += h * u[unit];
                    }
                    sum
                };
                let sigmoid = |x: f32| 1.0 / (1.0 + Real::exp(-x));
                h = core::array::from_fn(|i| {
                    let (r, z) =
                        (sigmoid(sum(0, i, gru.b[0][i], true, true)), sigmoid(sum(1, i, gru.b[1][i], true, true)));
                    let n = Real::tanh(sum(2, i, gru.b[2][i], true, false) + r * sum(2, i, gru.c[i], false, true));
                    n + z * (h[i] - n)
                });
                assert_eq!(streamed.map(f32::to_bits), h.map(f32::to_bits));
            }
        }
    }

    #[test]
    fn the_matrices_of_the_state_start_orthogonal() {
        let mut gru = Gru::<5, 24, f64>::ZERO;
        gru.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(3));
        for u in &gru.u {
            for (i, a) in u.iter().enumerate() {
                for (j, b) in u.iter().enumerate() {
                    let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                    let expected = if i == j { 1.0 } else { 0.0 };
                    assert!((dot - expected).abs() < 1e-12, "{i} {j}: {dot}");
                }
            }
        }
        assert_ne!(gru.u[0], gru.u[1]);
        assert!(gru.w[2].as_flattened().iter().any(|w| w.abs() > 0.3));
    }
}
