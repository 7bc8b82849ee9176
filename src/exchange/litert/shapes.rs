//! What files compute with shapes: Keras writes `Flatten`, `Reshape` and `UpSampling2D` of any number of examples so. Of one example all of it
//! is known when a file is read.

use std::format;
use std::vec;
use std::vec::Vec;

use super::error::Reason;
use super::operators::Options;
use super::read::{Reader, Result, damaged};
use super::schema::{code, options};
use super::table::Table;
use crate::exchange::graph::Slice;

/// Operators that are supported on shapes alone.
pub const OF_SHAPES: [usize; 2] = [code::PACK, code::REDUCE_PROD];

/// Whether an operator computes with shapes, `computed` being whether a tensor has been computed of them.
pub fn is_about_shapes(code: usize, inputs: &[usize], computed: impl Fn(&usize) -> bool) -> bool {
    match code {
        code::SHAPE => true,
        code::PACK | code::CONCATENATION | code::ADD | code::MUL => inputs.iter().any(computed),
        _ => inputs.first().is_some_and(computed),
    }
}

impl<'a> Reader<'a> {
    /// Computes what an operator makes of shapes, which [`integers`](Self::integers) gives from then on. False if it is about something else.
    pub fn of_shapes(
        &mut self,
        operator: &Table<'a>,
        code: usize,
        inputs: &[Option<usize>],
        outputs: &[usize],
    ) -> Result<bool> {
        let inputs: Vec<usize> = inputs.iter().flatten().copied().collect();
        let (Some(first), &[output]) = (inputs.first(), outputs) else { return Ok(false) };
        if !is_about_shapes(code, &inputs, |input| self.shapes.contains_key(input)) {
            return Ok(false);
        }
        let made = match code {
            code::SHAPE => self.value(*first)?.shape.iter().map(|length| *length as i64).collect(),
            code::STRIDED_SLICE => {
                let whole = self.integers(Some(*first))?;
                let numbers = [1, 2, 3].map(|at| inputs.get(at).copied());
                let slices = self.slices(operator, &[whole.len()], numbers, output)?;
                let [Slice { begin, step, len, .. }] = slices[..] else {
                    return damaged("a slice of a shape has axes");
                };
                (0..len).filter_map(|i| whole.get(begin.wrapping_add_signed(step * i as isize)).copied()).collect()
            }
            code::PACK | code::CONCATENATION => {
                let mut all = vec![];
                for input in &inputs {
                    all.extend(self.integers(Some(*input))?);
                }
                all
            }
            code::GATHER => {
                let from = self.integers(Some(*first))?;
                let places = self.integers(inputs.get(1).copied())?;
                places.iter().filter_map(|at| from.get(usize::try_from(*at).ok()?).copied()).collect()
            }
            code::REDUCE_PROD => vec![self.integers(Some(*first))?.into_iter().fold(1, i64::saturating_mul)],
            code::ADD | code::MUL => {
                let (a, b) = (self.integers(Some(*first))?, self.integers(inputs.get(1).copied())?);
                let of = if code == code::ADD { i64::saturating_add } else { i64::saturating_mul };
                let len = a.len().max(b.len());
                if [&a, &b].iter().any(|side| ![1, len].contains(&side.len())) {
                    return damaged("shapes of different lengths are put together");
                }
                a.iter().cycle().zip(b.iter().cycle()).take(len).map(|(a, b)| of(*a, *b)).collect()
            }
            code::CAST | code::RESHAPE | code::SQUEEZE => self.integers(Some(*first))?,
            _ => return self.refuse(output, Reason::Computed),
        };
        let described = self.read_value(output)?;
        if described.data.is_some() || described.elements() != made.len() || self.shapes.contains_key(&output) {
            return damaged(format!("tensor `{}` is not what its operator makes of a shape", described.name));
        }
        self.take(made.len() * size_of::<i64>())?;
        self.shapes.insert(output, made);
        Ok(true)
    }

    /// What a `STRIDED_SLICE` takes of a tensor of this shape: `numbers` are where it begins, ends and its strides.
    pub(super) fn slices(
        &mut self,
        operator: &Table<'a>,
        shape: &[usize],
        numbers: [Option<usize>; 3],
        output: usize,
    ) -> Result<Vec<Slice>> {
        let options = Options::of(operator, options::STRIDED_SLICE)?;
        if options.i32(2)? != 0 || options.i32(3)? != 0 || options.bool(5)? {
            return self.refuse(output, Reason::Option("an ellipsis, a new axis or an offset"));
        }
        let masks = [options.i32(0)?, options.i32(1)?, options.i32(4)?];
        let [begins, ends, strides] = numbers;
        let numbers = [self.integers(begins)?, self.integers(ends)?, self.integers(strides)?];
        let slices = super::operators::slices(shape, &numbers, masks);
        slices.map_or_else(|| damaged(format!("a slice of {shape:?} is empty or outside")), Ok)
    }
}
