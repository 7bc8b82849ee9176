//! Long short-term memory: its many inputs, and the variables that it keeps its states in.

use std::format;
use std::vec::Vec;

use super::error::Reason;
use super::operators::Options;
use super::read::{Reader, Result, damaged};
use super::schema::{operator, options};
use super::table::Table;
use crate::exchange::graph::{Lstm, LstmQuantization, Op, Scalar};

/// Where LiteRT has its inputs.
pub mod input {
    use core::ops::Range;

    /// Input, weights of the input, weights of the output before.
    pub const X_AND_WEIGHTS: Range<usize> = 0..9;
    pub const PEEPHOLES: Range<usize> = 9..12;
    pub const BIASES: Range<usize> = 12..16;
    pub const PROJECTION: Range<usize> = 16..18;
    /// Of the output before.
    pub const STATE: usize = 18;
    pub const CELLS: usize = 19;
    pub const NORMS: Range<usize> = 20..24;
    /// Without the norms.
    pub const SHORT: usize = 20;
    pub const ALL: usize = 24;
}
/// The last of its intermediates is the output before a projection.
pub const INTERMEDIATES: usize = 5;
/// The fused activation that is supported.
pub const TANH: u8 = 4;

impl<'a> Reader<'a> {
    pub(super) fn lstm(
        &mut self,
        operator: &Table<'a>,
        inputs: &[Option<usize>],
        outputs: &[usize],
    ) -> Result<(Op, Vec<Option<usize>>)> {
        let (&[output], input::SHORT | input::ALL) = (outputs, inputs.len()) else {
            return damaged(format!("an operator has {} inputs and {} outputs", inputs.len(), outputs.len()));
        };
        let options = Options::of(operator, options::UNIDIRECTIONAL_SEQUENCE_LSTM)?;
        let any =
            |range: core::ops::Range<usize>| inputs.get(range).is_some_and(|part| part.iter().any(Option::is_some));
        let unsupported = [
            (any(input::PEEPHOLES), "a peephole of an LSTM"),
            (any(input::PROJECTION), "a projection of an LSTM"),
            (any(input::NORMS), "layer normalization in an LSTM"),
            (inputs[1].is_none() && inputs[5].is_none(), "an LSTM with coupled gates"),
            (options.u8(0)? != TANH, "an LSTM with another activation than TANH"),
            (options.bool(3)?, "time before the batch in an LSTM"),
            (options.bool(5)?, "diagonal weights in an LSTM"),
        ];
        if let Some((_, option)) = unsupported.into_iter().find(|(found, _)| *found) {
            return self.refuse(output, Reason::Option(option));
        }
        let kept: Vec<_> = [&inputs[input::X_AND_WEIGHTS], &inputs[input::BIASES]].concat();
        let (Some(x), Some(state), Some(cells), None) =
            (inputs[0], inputs[input::STATE], inputs[input::CELLS], kept.iter().find(|input| input.is_none()))
        else {
            return damaged("an LSTM lacks an input");
        };
        self.check_range(x, inputs[1])?;
        let quantization = match self.value(x)?.scalar {
            Scalar::I8 => {
                let mut intermediates = operator.i32s(operator::INTERMEDIATES)?;
                let hidden = intermediates.nth(INTERMEDIATES - 1).map(|hidden| self.index(hidden)).transpose()?;
                let Some(hidden) = hidden else { return damaged("an LSTM lacks its intermediates") };
                let (cell, _) = self.steps(cells, "INT16")?;
                Some(LstmQuantization { cell, state: self.steps(state, "INT8")?, hidden: self.steps(hidden, "INT8")? })
            }
            _ => None,
        };
        let cell_clip = options.f32(1)?;
        if cell_clip < 0.0 {
            return damaged("an LSTM's clip is negative");
        }
        Ok((Op::UnidirectionalSequenceLstm(Lstm { cell_clip, quantization }), kept))
    }
}
