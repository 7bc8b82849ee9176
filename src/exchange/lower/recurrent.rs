//! Operators that go from step to step.

use core::ops::Range;
use std::vec;
use std::vec::Vec;

use super::weighted::Constants;
use super::{At, Kernel, LowerError, Unfit};
use crate::exchange::float::{Float, Gates};
use crate::exchange::graph::{Lstm, LstmQuantization, Scalar, Value};
use crate::quant::{self, Multiplier};

/// Integer gates have 12 bits behind the point, their functions 15.
const GATE: f64 = 1.0 / 4096.0;
const FUNCTION: f64 = 1.0 / 32_768.0;

/// From `[1, steps, inputs]` to `[1, steps, units]`.
pub fn lstm(at: &At, lstm: &Lstm) -> Result<Kernel, LowerError> {
    let ends = Ends::new(at, 4, 4)?;
    match lstm.quantization {
        Some(quantization) if ends.integers => of_integers(at, lstm, quantization, ends),
        None if !ends.integers => {
            let clip = if lstm.cell_clip > 0.0 { lstm.cell_clip } else { f32::INFINITY };
            let Ends { inputs, units, .. } = ends;
            Ok(Kernel::Float(Float::Lstm { inputs, units, gates: ends.of_floats(at)?, clip }))
        }
        _ => at.refuse(Some(ends.y), Unfit::Case("an LSTM whose states have another type than its input")),
    }
}

/// From `[1, steps, inputs]` to `[1, steps, units]`.
pub fn gru(at: &At) -> Result<Kernel, LowerError> {
    let ends = Ends::new(at, 3, 4)?;
    let Ends { x, y, integers, inputs, units, .. } = ends;
    if !integers {
        return Ok(Kernel::Float(Float::Gru { inputs, units, gates: ends.of_floats(at)? }));
    }
    let (of_x, of_y) = (at.steps(x)?, at.steps(y)?);
    let multiplier = Multiplier::new(FUNCTION / f64::from(of_y.0));
    let op = quant::Gru { inputs, multiplier, zero_point: of_y.1 as i8 };
    let input = gates(at, ends.input(), of_x, [units, inputs], &[Some(7), Some(8), Some(9)])?;
    let state = gates(at, ends.state(), of_y, [units; 2], &[None, None, Some(10)])?;
    Ok(Kernel::Gru(op, input, state))
}

/// What a recurrent operator reads and writes: the signal, weights of the input for each gate, those of the output before, biases.
struct Ends<'g> {
    x: &'g Value,
    y: &'g Value,
    integers: bool,
    inputs: usize,
    units: usize,
    gates: usize,
    biases: usize,
}

impl<'g> Ends<'g> {
    fn new(at: &At<'g>, gates: usize, biases: usize) -> Result<Self, LowerError> {
        let (x, y, integers) = at.pair()?;
        let &[1, steps, inputs] = &x.shape[..] else {
            return at.refuse(Some(x), Unfit::Case("another shape than that of one signal"));
        };
        let &[1, _, units] = &y.shape[..] else {
            return at.refuse(Some(y), Unfit::Case("another shape than that of one signal"));
        };
        at.makes(y, &[1, steps, units])?;
        let ends = Self { x, y, integers, inputs, units, gates, biases };
        for (matrices, columns) in [(ends.input(), inputs), (ends.state(), units)] {
            for index in matrices {
                let w = at.input(index)?;
                at.ensure(w.shape == [units, columns], w, Unfit::Shape(vec![units, columns]))?;
            }
        }
        for index in ends.biases() {
            let bias = at.input(index)?;
            at.ensure(bias.shape == [units], bias, Unfit::Shape(vec![units]))?;
        }
        Ok(ends)
    }

    /// Where they are among a node's inputs.
    fn input(&self) -> Range<usize> {
        1..1 + self.gates
    }

    fn state(&self) -> Range<usize> {
        1 + self.gates..1 + 2 * self.gates
    }

    fn biases(&self) -> Range<usize> {
        1 + 2 * self.gates..1 + 2 * self.gates + self.biases
    }

    fn of_floats(&self, at: &At) -> Result<Gates, LowerError> {
        let all = |indices: Range<usize>| {
            let mut all = vec![];
            for index in indices {
                let value = at.input(index)?;
                let Some(values) = value.floats() else { return at.refuse(Some(value), Unfit::Computed) };
                all.extend(values);
            }
            Ok(all)
        };
        Ok(Gates { input: all(self.input())?, state: all(self.state())?, biases: all(self.biases())? })
    }
}

fn of_integers(
    at: &At,
    lstm: &Lstm,
    LstmQuantization { cell, state, hidden }: LstmQuantization,
    ends: Ends,
) -> Result<Kernel, LowerError> {
    let Ends { x, y, inputs, units, .. } = ends;
    let of_x = at.steps(x)?;
    // An `f32` is a power of two if its fraction is 0.
    let power = i32::from((cell.to_bits() >> 23) as u16) - 127;
    let fits = cell > 0.0 && cell.to_bits().trailing_zeros() >= 23 && (-15..=-9).contains(&power);
    at.ensure(fits, y, Unfit::Quantization("cells whose scale is a power of two from 2⁻¹⁵ to 2⁻⁹"))?;
    let positive =
        [state, hidden].iter().all(|(scale, zero)| scale.is_finite() && *scale > 0.0 && (-128..=127).contains(zero));
    at.ensure(positive, y, Unfit::Quantization("states with one positive scale and a zero point in its range"))?;
    let clip = if lstm.cell_clip > 0.0 { (lstm.cell_clip / cell).min(32_767.0) as i16 } else { 0 };
    let (least, greatest) = if clip > 0 { (-clip, clip) } else { (i16::MIN, i16::MAX) };
    let op = quant::Lstm {
        inputs,
        bits: (15 + power).unsigned_abs(),
        least,
        greatest,
        multiplier: Multiplier::new(FUNCTION / f64::from(hidden.0) * FUNCTION),
        zero_point: hidden.1 as i8,
    };
    let input = gates(at, ends.input(), of_x, [units, inputs], &[Some(9), Some(10), Some(11), Some(12)])?;
    let state = gates(at, ends.state(), state, [units; 2], &[None; 4])?;
    Ok(Kernel::Lstm(op, input, state))
}

/// The weights, and biases where there are some, of what is read with this scale and zero point: the gates of each unit after one another.
fn gates(
    at: &At,
    matrices: Range<usize>,
    (scale, zero): (f32, i32),
    [units, columns]: [usize; 2],
    biases: &[Option<usize>],
) -> Result<Constants<i32>, LowerError> {
    let mut constants = Constants { weights: vec![], biases: vec![], mantissas: vec![], shifts: vec![], rests: vec![] };
    let mut of_gates = vec![];
    for (matrix, bias) in matrices.clone().zip(biases) {
        let w = at.input(matrix)?;
        at.ensure(w.scalar == Scalar::I8, w, Unfit::Type(w.scalar))?;
        let (w_scale, w_zero) = at.steps(w)?;
        at.ensure(w_zero == 0, w, Unfit::Quantization("zero point 0, as weights have in int8 models"))?;
        let multiplier = Multiplier::new(f64::from(w_scale * scale) / GATE);
        constants.mantissas.push(multiplier.mantissa);
        constants.shifts.push(multiplier.shift);
        of_gates.push(bias.map_or_else(|| Ok(vec![0; units]), |bias| self::bias(at, bias))?);
    }
    for unit in 0..units {
        for (matrix, biases) in matrices.clone().zip(&of_gates) {
            let w = at.input(matrix)?;
            let Some(data) = &w.data else { return at.refuse(Some(w), Unfit::Computed) };
            let row = data[unit * columns..][..columns].iter().map(|byte| *byte as i8);
            let sum: i32 = row.clone().map(i32::from).sum();
            constants.biases.push(biases[unit].wrapping_sub(zero.wrapping_mul(sum)));
            constants.weights.extend(row);
        }
    }
    Ok(constants.packed(columns))
}

fn bias(at: &At, input: usize) -> Result<Vec<i32>, LowerError> {
    let bias = at.input(input)?;
    at.ensure(bias.scalar == Scalar::I32, bias, Unfit::Type(bias.scalar))?;
    let Some(data) = &bias.data else { return at.refuse(Some(bias), Unfit::Computed) };
    Ok(data.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect())
}
