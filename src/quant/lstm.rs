//! Long short-term memory.

use super::{Multiplier, Weights, fixed, multiplier::round_shift, products};
use crate::kernels::paired::Vectors;

/// Long short-term memory, of steps in time: outputs in 8 bits, cells in 16, gates between them in fixed point.
///
/// | | |
/// |---|---|
/// | gates `i`, `f`, `g`, `o` | sums of the products with `x` and of those with the outputs before, each rounded twice ([`Multiplier::twice`]) to 3 bits before the point and 12 behind it, and added; sums that are too large are the largest |
/// | cell | `c' = σ(f)·c + σ(i)·tanh(g)`, both products rounded to the nearest integer, halves away from 0 |
/// | output | `σ(o)·tanh(c')`, rounded twice |
///
/// The functions are those of gemmlowp with 16 bits. Outputs before the first step mean 0, and so do the cells. LiteRT keeps both from one
/// call to the next until `reset_all_variables`.
#[derive(Clone, Copy, Debug)]
pub struct Lstm {
    /// Elements of a step that is read.
    pub inputs: usize,
    /// Bits of a cell before the point, from 0 to 6.
    pub bits: u32,
    /// The least that a cell may be.
    pub least: i16,
    /// The greatest.
    pub greatest: i16,
    /// 2⁻³⁰ divided by the scale of the output.
    pub multiplier: Multiplier,
    /// Of the output.
    pub zero_point: i8,
}

/// Units that are computed at a time.
const UNITS: usize = 16;
/// Their gates.
const GATES: usize = 4 * UNITS;

impl Lstm {
    /// Bytes on the stack: a vector, expanded, and a block of sums and gates.
    pub(super) const SCRATCH: usize = size_of::<(Vectors<1>, [[i32; 1]; GATES], [i16; GATES])>();

    /// `x`: `[steps, inputs]`, `y`: `[steps, units]`. Weights of the input `[4 * units, inputs]` and of the output before `[4 * units, units]`,
    /// [packed](super::pack), for each unit its gates `i`, `f`, `g` and `o`; of either 4 multipliers, to gates with 12 bits behind the point.
    /// `cells`, one of each unit, are those after the last step.
    #[inline(never)]
    pub fn run(&self, input: &Weights<i32>, state: &Weights<i32>, x: &[i8], cells: &mut [i16], y: &mut [i8]) {
        cells.fill(0);
        let mut before: &[i8] = &[];
        for (x, y) in x.chunks_exact(self.inputs.max(1)).zip(y.chunks_exact_mut(cells.len().max(1))) {
            self.step(input, state, x, before, cells, y);
            before = y;
        }
    }

    /// One step from the outputs `before` and the `cells`, to `y` and the cells after it. Where there are no outputs before, they mean 0.
    #[inline(always)]
    pub fn step(
        &self,
        input: &Weights<i32>,
        state: &Weights<i32>,
        x: &[i8],
        before: &[i8],
        cells: &mut [i16],
        y: &mut [i8],
    ) {
        let units = cells.len();
        let (mut vectors, mut sums) = (Vectors::<1>::new(), [[0]; GATES]);
        for (block, (cells, y)) in cells.chunks_mut(UNITS).zip(y.chunks_mut(UNITS)).enumerate() {
            let mut gates = [0_i16; GATES];
            for (weights, x, length) in [(input, x, self.inputs), (state, before, units)] {
                if x.is_empty() {
                    continue;
                }
                products::each(
                    (&mut vectors, &mut sums),
                    &weights.part(length, GATES * block, 4 * cells.len()),
                    length,
                    |vectors, first, length| {
                        vectors.put(0, [x.get(first..).and_then(|x| x.get(..length)).unwrap_or(&[])]);
                    },
                    |_, sums| {
                        for (unit, sums) in gates.as_chunks_mut::<4>().0.iter_mut().zip(sums.as_chunks::<4>().0) {
                            for (i, (gate, [sum])) in unit.iter_mut().zip(sums).enumerate() {
                                let sum = weights.multiplier(i).twice(*sum).saturating_add((*gate).into());
                                *gate = fixed::held(sum);
                            }
                        }
                    },
                );
            }
            for ((gates, cell), y) in gates.as_chunks::<4>().0.iter().zip(cells).zip(y) {
                self.unit(*gates, cell, y);
            }
        }
    }

    #[inline(always)]
    fn unit(&self, [i, f, g, o]: [i16; 4], cell: &mut i16, y: &mut i8) {
        let product = |a: i16, b: i16| i32::from(a) * i32::from(b);
        let [i, f, o] = [i, f, o].map(|gate| fixed::logistic(gate, 3));
        let kept = round_shift(product(f, *cell), 15);
        let bits = self.bits.min(6);
        let added = round_shift(product(i, fixed::tanh(g, 3)), 15 + bits);
        *cell = (kept + added).max(self.least.into()).min(self.greatest.into()) as i16;
        let output = self.multiplier.twice(product(o, fixed::tanh(*cell, bits)));
        *y = output.saturating_add(self.zero_point.into()).clamp(-128, 127) as i8;
    }
}
