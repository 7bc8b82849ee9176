//! The long short-term memory.

use rand_core::Rng;

use crate::kernels::{Matrix, Rows, Strided, times_transposed};
use crate::layers::rounded::Weighted;
use crate::layers::{Activation, Descend, Forward, Layer, Memory, Mode, Sigmoid, Streamed, Tanh, are_small, gates};
use crate::numbers::{Array, Init, Params, Real, Tensors, Zero, fingerprint};

/// A long short-term memory (LSTM): `I` inputs at each step of time, `H` units with an output and a cell each, over scalars `T`.
///
/// As a layer it takes a window `[[T; I]; L]`, `L` steps with the channels last, to the outputs after each step, `[[T; H]; L]`, from
/// outputs and cells of 0; [`Last`](crate::Last) takes the last of them. On a device, [`step`](Self::step) takes one sample at a time and
/// needs no window; the outputs have the same bits.
///
/// Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000 and without peepholes, as in PyTorch and Keras:
///
/// | | |
/// |---|---|
/// | input gate | `i = σ(b[0] + x·w[0] + h·u[0])` |
/// | forget gate | `f = σ(b[1] + x·w[1] + h·u[1])` |
/// | candidate | `g = tanh(b[2] + x·w[2] + h·u[2])` |
/// | output gate | `o = σ(b[3] + x·w[3] + h·u[3])` |
/// | next cell | `c' = f ⊙ c + i ⊙ g` |
/// | next output | `h' = o ⊙ tanh(c')` |
///
/// PyTorch's `nn.LSTM` has two biases for each of the four, which only occur as their sum: `b = b_ih + b_hh`. Its matrices
/// `weight_ih_l0` and `weight_hh_l0` hold the gates in the same order, each transposed.
///
/// [`init`](Params::init) draws `w` as it is told, each gate for itself, makes each matrix of `u` orthogonal (Saxe et al. 2014), and
/// zeroes the biases but for the forget gate's, which are 1, so that a cell begins by keeping what it holds (Jozefowicz et al. 2015).
///
/// Backpropagation goes through time over the whole window (Werbos 1990) and no further: windows are where it is truncated.
///
/// Costs `4·(I + H + 1)·H·size_of::<T>()` bytes, as much again for each moment. A pass over windows keeps gates, cells
/// and outputs, `6·B·L·H` scalars, training `4·B·L·H + 6·B·H` more, and a step takes `6·H` scalars of stack, `B` times in a pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Lstm<const I: usize, const H: usize, T = f32> {
    /// Weights of the input, `w[gate][input][unit]`, for input gate, forget gate, candidate and output gate.
    pub w: [[[T; H]; I]; 4],
    /// Weights of the output before, `u[gate][unit before][unit]`.
    pub u: [[[T; H]; H]; 4],
    /// Biases, `b[gate][unit]`.
    pub b: [[T; H]; 4],
}

impl<const I: usize, const H: usize, T> Lstm<I, H, T> {
    /// A layer with the given weights and biases.
    pub const fn new(w: [[[T; H]; I]; 4], u: [[[T; H]; H]; 4], b: [[T; H]; 4]) -> Self {
        Self { w, u, b }
    }
}

impl<const I: usize, const H: usize, T: Real> Lstm<I, H, T> {
    /// Takes the outputs `h` and the cells `c` one step further, with the input `x`. A signal begins with both 0.
    ///
    /// ```
    /// use nerve::prelude::*;
    ///
    /// type Net = chain![Lstm<3, 8>, Last, Dense<8, 2>];
    /// # let mut net = Net::ZERO;
    /// # net.init(Init::GlorotUniform, &mut <rand_pcg::Pcg32 as rand_core::SeedableRng>::seed_from_u64(1));
    /// # let samples = [[0.1, 0.2, 0.3]; 5];
    /// let ((lstm, _), dense) = &net;
    /// let (mut h, mut c) = ([0.0; 8], [0.0; 8]);
    /// for x in &samples {
    ///     lstm.step(x, &mut h, &mut c);
    /// }
    /// let mut arena = Arena::<{ arena_len::<Dense<8, 2>, [f32; 8]>() }>::ZERO;
    /// let logits = arena.predict(dense, &h);
    /// # let mut window = Arena::<{ arena_len::<Net, [[f32; 3]; 5]>() }>::ZERO;
    /// # assert_eq!(logits, window.predict(&net, &samples));
    /// ```
    #[inline]
    pub fn step(&self, x: &[T; I], h: &mut [T; H], c: &mut [T; H]) {
        let (h, c, mut gates) = (core::array::from_mut(h), core::array::from_mut(c), <[_; 4]>::ZERO);
        self.advance(&Rows(core::slice::from_ref(x)), h, c, gates.each_mut());
    }

    /// The step for `B` states, with a row of `x` for each. Leaves `i`, `f`, `g` and `o`.
    #[inline(always)]
    fn advance<const B: usize>(
        &self,
        x: &impl Matrix<T>,
        h: &mut [[T; H]; B],
        c: &mut [[T; H]; B],
        [i, f, g, o]: [&mut [[T; H]; B]; 4],
    ) {
        gates::of_input(x, &self.w, &self.b, [&mut *i, f, g, o]);
        gates::add_state(h, &self.u, [&mut *i, f, g, o]);
        for (((((i, f), g), o), c), h) in i.iter_mut().zip(f).zip(g).zip(o).zip(c).zip(h) {
            <Sigmoid as Activation>::forward(i, H);
            <Sigmoid as Activation>::forward(f, H);
            <Tanh as Activation>::forward(g, H);
            <Sigmoid as Activation>::forward(o, H);
            for (((c, i), f), g) in c.iter_mut().zip(i).zip(f).zip(g) {
                *c = *f * *c + *i * *g;
            }
            *h = *c;
            <Tanh as Activation>::forward(h, H);
            for (h, o) in h.iter_mut().zip(o) {
                *h *= *o;
            }
        }
    }
}

impl<const I: usize, const H: usize, T: Real> Zero for Lstm<I, H, T> {
    const ZERO: Self = Self { w: Zero::ZERO, u: Zero::ZERO, b: Zero::ZERO };
    fn clear(&mut self) {
        self.w.clear();
        self.u.clear();
        self.b.clear();
    }
}

impl<const I: usize, const H: usize, T: Real> Tensors<T> for Lstm<I, H, T> {
    const LEN: usize = 4 * (I + H + 1) * H;
    const FINGERPRINT: u32 = fingerprint("Lstm", &[I, H]);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        f(self.w.as_flattened().as_flattened());
        f(self.u.as_flattened().as_flattened());
        f(self.b.as_flattened());
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        f(self.w.as_flattened_mut().as_flattened_mut());
        f(self.u.as_flattened_mut().as_flattened_mut());
        f(self.b.as_flattened_mut());
    }
}

impl<const I: usize, const H: usize, T: Real> Params<T> for Lstm<I, H, T> {
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
    }
    fn init<R: Rng>(&mut self, init: Init, rng: &mut R) {
        gates::init(&mut self.w, &mut self.u, init, rng);
        self.b = [[T::ZERO; H], [T::ONE; H], [T::ZERO; H], [T::ZERO; H]];
    }
}

impl<const I: usize, const H: usize, T: Real> Weighted<T> for Lstm<I, H, T> {
    fn rounded(&self, to: &mut Self) {
        gates::round(&self.w, &mut to.w);
        gates::round(&self.u, &mut to.u);
        to.b = self.b;
    }
}

/// What backpropagation through time writes.
pub struct LstmScratch<const H: usize, const L: usize, const B: usize, T> {
    /// Of each example and step, `∂loss/∂` what went into `i`, `f`, `g` and `o`.
    gates: [[[[T; H]; L]; B]; 4],
    /// Those of one step.
    step: [[[T; H]; B]; 4],
    /// `∂loss/∂h` by the steps after it.
    dh: [[T; H]; B],
    /// `∂loss/∂c` by the steps after it.
    dc: [[T; H]; B],
}

impl<const H: usize, const L: usize, const B: usize, T: Real> Zero for LstmScratch<H, L, B, T> {
    const ZERO: Self = Self { gates: Zero::ZERO, step: Zero::ZERO, dh: Zero::ZERO, dc: Zero::ZERO };
    fn clear(&mut self) {
        self.gates.clear();
        self.step.clear();
        self.dh.clear();
        self.dc.clear();
    }
}

impl<const I: usize, const H: usize, const L: usize, T: Real> Forward<[[T; I]; L]> for Lstm<I, H, T> {
    type Out = [[T; H]; L];

    #[inline]
    fn infer(&self, x: &[[T; I]; L], memory: Memory) {
        memory.write(|y: &mut [[T; H]; L]| {
            let (mut h, mut c, mut gates) = ([[T::ZERO; H]], [[T::ZERO; H]], <[_; 4]>::ZERO);
            for (x, y) in x.iter().zip(y) {
                self.advance(&Rows(core::slice::from_ref(x)), &mut h, &mut c, gates.each_mut());
                [*y] = h;
            }
        });
    }
}

impl<const I: usize, const H: usize, const L: usize, T: Real> Streamed<[[T; I]; L]> for Lstm<I, H, T> {
    /// The input of a step, and output and cell after it.
    type State = ([T; I], ([T; H], [T; H]));
    type Late<P: Array> = [P; 0];

    #[inline]
    fn place<'s>((x, _): &'s mut Self::State, _: &'s mut [T; H]) -> &'s mut [T; I] {
        x
    }
    #[inline]
    fn advance(&self, (x, (h, c)): &mut Self::State, y: &mut [T; H]) -> bool {
        self.step(x, h, c);
        *y = *h;
        true
    }
}

impl<const I: usize, const H: usize, const L: usize, T: Real> Layer<[[T; I]; L]> for Lstm<I, H, T> {
    /// `i`, `f`, `g`, `o` and `c` of each step.
    type Acts<const B: usize> = [[[[T; H]; B]; 5]; L];
    type Scratch<const B: usize> = LstmScratch<H, L, B, T>;

    #[inline]
    fn forward<const B: usize>(
        &self,
        x: &[[[T; I]; L]; B],
        acts: &mut Self::Acts<B>,
        y: &mut [[[T; H]; L]; B],
        _: Mode,
    ) {
        let (mut h, mut cells) = ([[T::ZERO; H]; B], [[T::ZERO; H]; B]);
        for (t, [i, f, g, o, c]) in acts.iter_mut().enumerate() {
            let x = Strided { data: x.flat().get(t * I..).unwrap_or_default(), row: L * I, column: 1 };
            self.advance(&x, &mut h, &mut cells, [i, f, g, o]);
            *c = cells;
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
        _: &[[[T; H]; L]; B],
        dy: &mut [[[T; H]; L]; B],
        scratch: &mut Self::Scratch<B>,
        dx: Option<&mut [[[T; I]; L]; B]>,
        _: Mode,
    ) {
        let LstmScratch { gates, step, dh, dc } = scratch;
        dh.clear();
        dc.clear();
        for (t, [i, f, g, o, c]) in acts.iter().enumerate().rev() {
            for m in 0..B {
                let before = acts.get(t.wrapping_sub(1)).map_or([T::ZERO; H], |[.., c]| c[m]);
                for k in 0..H {
                    let (i, f, g, o, c) = (i[m][k], f[m][k], g[m][k], o[m][k], c[m][k].tanh());
                    let d = dy[m][t][k] + dh[m][k];
                    let cell = dc[m][k] + d * o * (T::ONE - c * c);
                    let derivatives = [
                        cell * g * i * (T::ONE - i),
                        cell * before[k] * f * (T::ONE - f),
                        cell * i * (T::ONE - g * g),
                        d * c * o * (T::ONE - o),
                    ];
                    for ((all, step), d) in gates.iter_mut().zip(step.iter_mut()).zip(derivatives) {
                        all[m][t][k] = d;
                        step[m][k] = d;
                    }
                    dh[m][k] = T::ZERO;
                    dc[m][k] = cell * f;
                }
            }
            for (d, u) in step.iter().zip(&self.u) {
                times_transposed::<true, _, _, _, _>(d, u, dh);
            }
        }
        if let Some(dx) = dx {
            gates::input_gradients(gates.each_ref(), &self.w, dx);
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
            let d = scratch.gates.each_ref().map(|gate| &gate[m]);
            gates::add_gradients(&x[m], &y[m], d, d, &mut grads.w, &mut grads.u, &mut grads.b);
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
        let d = scratch.gates.each_ref();
        gates::descend(x, &mut self.w, moments.each_mut().map(|m| &mut m.w), d, 0, f);
        gates::descend(y, &mut self.u, moments.each_mut().map(|m| &mut m.u), d, 1, f);
        f(self.b.flat_mut(), gates::sums(d).flat_mut(), moments.map(|m| m.b.flat_mut()));
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
    use std::vec::Vec;

    use rand_core::SeedableRng;
    use rand_pcg::Pcg32;

    /// The formulas of the documentation, one term after the other.
    #[test]
    fn window_and_steps_have_the_bits_of_the_formulas() {
        const L: usize = 7;
        let mut rng = Pcg32::seed_from_u64(3);
        let mut lstm = Lstm::<3, 13>::ZERO;
        lstm.visit_mut(&mut |tensor| Init::GlorotUniform.fill(tensor, 3, 3, &mut rng));
        let mut windows = [[[0f32; 3]; L]; 5];
        Init::HeNormal.fill(windows.flat_mut(), 2, 2, &mut rng);
        let (mut acts, mut outputs) = (Zero::ZERO, [[[0.0; 13]; L]; 5]);
        lstm.forward(&windows, &mut acts, &mut outputs, Mode::Inference);

        for (window, outputs) in windows.iter().zip(outputs) {
            let (mut streamed, mut cells) = ([0.0; 13], [0.0; 13]);
            let (mut h, mut c) = ([0.0; 13], [0.0; 13]);
            for (x, output) in window.iter().zip(outputs) {
                lstm.step(x, &mut streamed, &mut cells);
                assert_eq!(streamed.map(f32::to_bits), output.map(f32::to_bits));

                let sum = |gate: usize, unit: usize| {
                    let inputs = x.iter().zip(&lstm.w[gate]);
                    let terms = inputs.chain(h.iter().zip(&lstm.u[gate])).map(|(v, w)| v * w[unit]);
                    terms.fold(lstm.b[gate][unit], |sum, term| sum + term)
                };
                let sigmoid = |x: f32| 1.0 / (1.0 + Real::exp(-x));
                let (cell, output): (Vec<f32>, Vec<f32>) = (0..13)
                    .map(|k| {
                        let (i, f) = (sigmoid(sum(0, k)), sigmoid(sum(1, k)));
                        let (g, o) = (Real::tanh(sum(2, k)), sigmoid(sum(3, k)));
                        let cell = f * c[k] + i * g;
                        (cell, o * Real::tanh(cell))
                    })
                    .unzip();
                c.copy_from_slice(&cell);
                h.copy_from_slice(&output);
                assert_eq!(streamed.map(f32::to_bits), h.map(f32::to_bits));
                assert_eq!(cells.map(f32::to_bits), c.map(f32::to_bits));
            }
        }
    }

    #[test]
    fn a_new_cell_keeps_what_it_holds() {
        let mut lstm = Lstm::<5, 24, f64>::ZERO;
        lstm.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(3));
        assert_eq!(lstm.b, [[0.0; 24], [1.0; 24], [0.0; 24], [0.0; 24]]);
        assert_ne!(lstm.u[0], lstm.u[3]);
        assert!(lstm.w[3].as_flattened().iter().any(|w| w.abs() > 0.3));
    }
}
