//! Operators that go from step to step.

use std::vec;
use std::vec::Vec;

use super::weighted::Constants;
use super::{At, Kernel, LowerError, Unfit};
use crate::exchange::float::{Float, Gates};
use crate::exchange::graph::{Lstm, LstmQuantization, Scalar, Value};
use crate::quant::{self, Multiplier};

/// Where the weights of the input, those of the output before, and the biases begin among a node's inputs.
const INPUT: usize = 1;
const STATE: usize = 5;
const BIASES: usize = 9;

/// Integer gates have 12 bits behind the point, their functions 15.
const GATE: f64 = 1.0 / 4096.0;
const FUNCTION: f64 = 1.0 / 32_768.0;

/// From `[1, steps, inputs]` to `[1, steps, units]`.
pub fn lstm(at: &At, lstm: &Lstm) -> Result<Kernel, LowerError> {
    let (x, y, integers) = at.pair()?;
    let &[1, steps, inputs] = &x.shape[..] else {
        return at.refuse(Some(x), Unfit::Case("another shape than that of one signal"));
    };
    let &[1, _, units] = &y.shape[..] else {
        return at.refuse(Some(y), Unfit::Case("another shape than that of one signal"));
    };
    at.makes(y, &[1, steps, units])?;
    for gate in 0..4 {
        for (first, columns) in [(INPUT, inputs), (STATE, units)] {
            let w = at.input(first + gate)?;
            at.ensure(w.shape == [units, columns], w, Unfit::Shape(vec![units, columns]))?;
        }
        let bias = at.input(BIASES + gate)?;
        at.ensure(bias.shape == [units], bias, Unfit::Shape(vec![units]))?;
    }
    match lstm.quantization {
        Some(quantization) if integers => of_integers(at, lstm, quantization, [x, y], [inputs, units]),
        None if !integers => of_floats(at, lstm, [inputs, units]),
        _ => at.refuse(Some(y), Unfit::Case("an LSTM whose states have another type than its input")),
    }
}

fn of_integers(
    at: &At,
    lstm: &Lstm,
    LstmQuantization { cell, state, hidden }: LstmQuantization,
    [x, y]: [&Value; 2],
    [inputs, units]: [usize; 2],
) -> Result<Kernel, LowerError> {
    let (x_scale, x_zero) = at.steps(x)?;
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
    let input = gates(at, INPUT, (x_scale, x_zero), units, inputs, true)?;
    let state = gates(at, STATE, state, units, units, false)?;
    Ok(Kernel::Lstm(op, input, state))
}

/// The weights of what is read with this scale and zero point, the gates of each unit after one another.
fn gates(
    at: &At,
    first: usize,
    (scale, zero): (f32, i32),
    units: usize,
    columns: usize,
    with_biases: bool,
) -> Result<Constants<i32>, LowerError> {
    let mut constants = Constants { weights: vec![], biases: vec![], mantissas: vec![], shifts: vec![], rests: vec![] };
    let mut biases = vec![];
    for gate in 0..4 {
        let w = at.input(first + gate)?;
        at.ensure(w.scalar == Scalar::I8, w, Unfit::Type(w.scalar))?;
        let (w_scale, w_zero) = at.steps(w)?;
        at.ensure(w_zero == 0, w, Unfit::Quantization("zero point 0, as weights have in int8 models"))?;
        let multiplier = Multiplier::new(f64::from(w_scale * scale) / GATE);
        constants.mantissas.push(multiplier.mantissa);
        constants.shifts.push(multiplier.shift);
        biases.push(if with_biases { bias(at, BIASES + gate)? } else { vec![0; units] });
    }
    for unit in 0..units {
        for (gate, biases) in biases.iter().enumerate() {
            let w = at.input(first + gate)?;
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

fn of_floats(at: &At, lstm: &Lstm, [inputs, units]: [usize; 2]) -> Result<Kernel, LowerError> {
    let all = |first: usize| {
        let mut all = vec![];
        for gate in 0..4 {
            let value = at.input(first + gate)?;
            let Some(values) = value.floats() else { return at.refuse(Some(value), Unfit::Computed) };
            all.extend(values);
        }
        Ok(all)
    };
    let gates = Gates { input: all(INPUT)?, state: all(STATE)?, biases: all(BIASES)? };
    let clip = if lstm.cell_clip > 0.0 { lstm.cell_clip } else { f32::INFINITY };
    Ok(Kernel::Float(Float::Lstm { inputs, units, gates, clip }))
}
