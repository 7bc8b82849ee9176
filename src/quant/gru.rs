//! The gated recurrent unit.

use super::{Multiplier, Weights, fixed, multiplier::round_shift, products};
use crate::kernels::paired::Vectors;

/// A gated recurrent unit, of steps in time: states in 16 bits, outputs in 8, gates in fixed point as those of an [`Lstm`](super::Lstm). LiteRT
/// has no such operator; the reset gate is applied behind the hidden product, as in cuDNN, PyTorch and the [layer of floats](crate::Gru).
///
/// | | |
/// |---|---|
/// | gates `r`, `z` | sums of the products with `x` and of those with the outputs before, each rounded twice ([`Multiplier::twice`]) to 3 bits before the point and 12 behind it, and added; sums that are too large are the largest |
/// | candidate | of the product `p` with `x` and the product `q` with the outputs before, rounded likewise: `n = tanh(p + σ(r)·q)` |
/// | state | `h' = n + σ(z)·(h - n)`, a fraction of 2¹⁵ |
/// | output | `h'` in the output's steps, rounded twice |
///
/// Products of two numbers of 16 bits are rounded to the nearest integer, halves away from 0. A signal begins with the state 0.
#[derive(Clone, Copy, Debug)]
pub struct Gru {
    /// Elements of a step that is read.
    pub inputs: usize,
    /// 2⁻¹⁵ divided by the scale of the output.
    pub multiplier: Multiplier,
    /// Of the output.
    pub zero_point: i8,
}

/// Units that are computed at a time.
const UNITS: usize = 16;
/// Their sums with `x`, or with the outputs before.
const SUMS: usize = 3 * UNITS;

impl Gru {
    /// Bytes on the stack: a vector, expanded, and a block of sums and gates.
    pub(super) const SCRATCH: usize = size_of::<(Vectors<1>, [[i32; 1]; SUMS], [[i16; 4]; UNITS])>();

    /// `x`: `[steps, inputs]`, `y`: `[steps, units]`. Weights of the input `[3 * units, inputs]` and of the output before `[3 * units, units]`,
    /// [packed](super::pack), for each unit those of `r`, of `z` and of the candidate, whose biases are both used; of either 3 multipliers, to
    /// numbers with 12 bits behind the point. `states`, one of each unit, are those after the last step.
    #[inline(never)]
    pub fn run(&self, input: &Weights<i32>, state: &Weights<i32>, x: &[i8], states: &mut [i16], y: &mut [i8]) {
        states.fill(0);
        let mut before: &[i8] = &[];
        for (x, y) in x.chunks_exact(self.inputs.max(1)).zip(y.chunks_exact_mut(states.len().max(1))) {
            self.step(input, state, x, before, states, y);
            before = y;
        }
    }

    /// One step from the outputs `before` and the `states`, to `y` and the states after it. Where there are no outputs before, they mean 0.
    #[inline(always)]
    pub fn step(
        &self,
        input: &Weights<i32>,
        state: &Weights<i32>,
        x: &[i8],
        before: &[i8],
        states: &mut [i16],
        y: &mut [i8],
    ) {
        let units = states.len();
        let zeros = [self.zero_point; 4];
        let (mut vectors, mut sums) = (Vectors::<1>::new(), [[0]; SUMS]);
        for (block, (states, y)) in states.chunks_mut(UNITS).zip(y.chunks_mut(UNITS)).enumerate() {
            // r, z, p and q of each unit.
            let mut gates = [[0_i16; 4]; UNITS];
            for (weights, x, length, candidate) in [(input, x, self.inputs, 2), (state, before, units, 3)] {
                products::each(
                    (&mut vectors, &mut sums),
                    &weights.part(length, SUMS * block, 3 * states.len()),
                    length,
                    |vectors, first, length| match x.get(first..).and_then(|x| x.get(..length)) {
                        Some(x) => vectors.put(0, [x]),
                        None => (0..length).step_by(4).for_each(|at| {
                            vectors.put(at, [zeros.get(..length.wrapping_sub(at)).unwrap_or(&zeros)]);
                        }),
                    },
                    |_, sums| {
                        for (gates, sums) in gates.iter_mut().zip(sums.as_chunks::<3>().0) {
                            for (i, [sum]) in sums.iter().enumerate() {
                                let Some(gate) = gates.get_mut(if i == 2 { candidate } else { i }) else { continue };
                                let sum = weights.multiplier(i).twice(*sum).saturating_add((*gate).into());
                                *gate = fixed::held(sum);
                            }
                        }
                    },
                );
            }
            for ((gates, state), y) in gates.iter().zip(states).zip(y) {
                self.unit(*gates, state, y);
            }
        }
    }

    #[inline(always)]
    fn unit(&self, [r, z, p, q]: [i16; 4], state: &mut i16, y: &mut i8) {
        let [r, z] = [r, z].map(|gate| i32::from(fixed::logistic(gate, 3)));
        let n: i32 = fixed::tanh(fixed::held(i32::from(p) + round_shift(r * i32::from(q), 15)), 3).into();
        // Between the candidate and the state before.
        let next = n + round_shift(z * (i32::from(*state) - n), 15);
        *state = next as i16;
        let output = self.multiplier.twice(next);
        *y = output.saturating_add(self.zero_point.into()).clamp(-128, 127) as i8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::Stream;
    use crate::kernels::paired::{pack, packed_len};
    use crate::quant::{Integer, Recurrent};
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;
    use std::vec;
    use std::vec::Vec;

    const MULTIPLIER: Multiplier = Multiplier { mantissa: 1_800_000_000, shift: -8 };

    /// Matrices of weights, biases with the zero points folded in, and multipliers.
    struct Side {
        columns: usize,
        weights: Vec<i8>,
        biases: Vec<i32>,
        multipliers: [Multiplier; 3],
    }

    impl Side {
        fn random(units: usize, columns: usize, rng: &mut Pcg32) -> Self {
            let weights = (0..3 * units * columns).map(|_| (rng.next_u32() as i8).max(-127)).collect();
            let biases = (0..3 * units).map(|_| rng.next_u32() as i32 >> 18).collect();
            // Of gates that are neither all open nor all closed.
            let shift = -1 - columns.ilog2() as i8 / 2;
            let mut multiplier = || Multiplier { mantissa: (1 << 30) + (rng.next_u32() >> 3) as i32, shift };
            Self { columns, weights, biases, multipliers: [(); 3].map(|()| multiplier()) }
        }

        fn of(&self, unit: usize, gate: usize, x: &[i8]) -> i64 {
            let row = 3 * unit + gate;
            let w = &self.weights[row * self.columns..][..self.columns];
            let sum = w.iter().zip(x).map(|(w, x)| i32::from(*w) * i32::from(*x)).sum::<i32>() + self.biases[row];
            self.multipliers[gate].twice(sum).into()
        }

        fn packed(&self) -> Weights<'static, i32> {
            let mut packed = vec![0; packed_len(self.biases.len(), self.columns)];
            pack(&self.weights, self.columns, &mut packed);
            Weights {
                weights: packed.leak(),
                biases: self.biases.clone().leak(),
                mantissas: self.multipliers.map(|multiplier| multiplier.mantissa).to_vec().leak(),
                shifts: self.multipliers.map(|multiplier| multiplier.shift).to_vec().leak(),
                rests: &[],
            }
        }
    }

    /// A number of the products' scale as 16 bits.
    fn short(x: i64) -> i16 {
        x.clamp(-32_768, 32_767) as i16
    }

    /// A product of fractions of 2¹⁵, halves away from 0.
    fn product(a: i64, b: i64) -> i64 {
        let (product, half) = (a * b, 1 << 14);
        if product < 0 { -((half - product) >> 15) } else { (product + half) >> 15 }
    }

    /// The formulas of the documentation, one unit after the other.
    fn naive(input: &Side, state: &Side, zero_point: i8, units: usize, x: &[i8]) -> (Vec<i16>, Vec<i8>) {
        let (mut h, mut before, mut all) = (vec![0_i64; units], vec![zero_point; units], vec![]);
        for x in x.chunks(input.columns) {
            let y: Vec<i8> = (0..units)
                .map(|unit| {
                    let both = |gate| i64::from(short(input.of(unit, gate, x))) + state.of(unit, gate, &before);
                    let [r, z] = [0, 1].map(|gate| i64::from(fixed::logistic(short(both(gate)), 3)));
                    let [p, q] = [input.of(unit, 2, x), state.of(unit, 2, &before)].map(|x| i64::from(short(x)));
                    let n = i64::from(fixed::tanh(short(p + product(r, q)), 3));
                    h[unit] = n + product(z, h[unit] - n);
                    (i64::from(MULTIPLIER.twice(h[unit] as i32)) + i64::from(zero_point)).clamp(-128, 127) as i8
                })
                .collect();
            all.extend(&y);
            before = y;
        }
        (h.into_iter().map(|h| i16::try_from(h).unwrap()).collect(), all)
    }

    #[test]
    fn steps_have_the_bits_of_the_formulas() {
        let mut rng = Pcg32::seed_from_u64(5);
        for case in 0..40_usize {
            // Longer than a piece of the vectors too.
            let (units, inputs) = (1 + case * 7 % 41, [1, 3, 24, 300][case % 4]);
            let [input, state] = [inputs, units].map(|columns| Side::random(units, columns, &mut rng));
            let zero_point = rng.next_u32() as i8;
            let x: Vec<i8> = (0..9 * inputs).map(|_| rng.next_u32() as i8).collect();
            let (mut states, mut y) = (vec![1; units], vec![0; 9 * units]);
            let gru = Gru { inputs, multiplier: MULTIPLIER, zero_point };
            gru.run(&input.packed(), &state.packed(), &x, &mut states, &mut y);
            assert_eq!((states, y), naive(&input, &state, zero_point, units, &x), "{case}");
        }
    }

    #[test]
    fn a_stream_carries_the_state() {
        type X = [[i8; 5]; 9];
        type Net = Integer<Recurrent<Gru, 19>, X, [[i8; 19]; 9]>;
        let mut rng = Pcg32::seed_from_u64(6);
        let [input, state] = [5, 19].map(|columns| Side::random(19, columns, &mut rng));
        let op = Gru { inputs: 5, multiplier: MULTIPLIER, zero_point: -30 };
        let net = Net::new(Recurrent { op, input: input.packed(), state: state.packed() });
        let mut stream = Stream::<Net, X>::ZERO;
        for _ in 0..2 {
            let x: Vec<i8> = (0..40 * 5).map(|_| rng.next_u32() as i8).collect();
            let rows = x.as_chunks::<5>().0;
            let streamed: Vec<i8> = rows.iter().flat_map(|row| *stream.push(&net, row).unwrap()).collect();
            assert_eq!(streamed, naive(&input, &state, -30, 19, &x).1);
            stream.reset();
        }
    }
}
