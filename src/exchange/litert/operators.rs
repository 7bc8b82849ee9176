//! What each operator computes, and whether its shapes agree with what it says.

use std::format;
use std::vec;
use std::vec::Vec;

use super::error::Reason;
use super::read::{Reader, Result, damaged};
use super::schema::{code, operator, options};
use super::table::Table;
use crate::exchange::graph::{Activation, Conv, Op, Padding, Pool, Scalar, Slice};

/// Why an operator is not supported; `None` if it is.
pub fn refused(code: usize) -> Option<Reason> {
    match code {
        code::ADD
        | code::ASSIGN_VARIABLE
        | code::AVERAGE_POOL_2D
        | code::CALL_ONCE
        | code::CAST
        | code::CONCATENATION
        | code::CONV_2D
        | code::DEPTHWISE_CONV_2D
        | code::DEQUANTIZE
        | code::ELU
        | code::EMBEDDING_LOOKUP
        | code::FULLY_CONNECTED
        | code::GATHER
        | code::GELU
        | code::HARD_SWISH
        | code::LEAKY_RELU
        | code::LOGISTIC
        | code::MAX_POOL_2D
        | code::MEAN
        | code::MUL
        | code::PACK
        | code::PAD
        | code::PADV2
        | code::PRELU
        | code::QUANTIZE
        | code::READ_VARIABLE
        | code::REDUCE_PROD
        | code::RELU
        | code::RELU6
        | code::RELU_N1_TO_1
        | code::RESHAPE
        | code::RESIZE_NEAREST_NEIGHBOR
        | code::SHAPE
        | code::SOFTMAX
        | code::SPLIT
        | code::SPLIT_V
        | code::SQUEEZE
        | code::STRIDED_SLICE
        | code::TANH
        | code::TRANSPOSE
        | code::TRANSPOSE_CONV
        | code::UNIDIRECTIONAL_SEQUENCE_LSTM
        | code::VAR_HANDLE => None,
        code::CUSTOM => Some(Reason::Custom),
        code::CALL | code::IF | code::WHILE => Some(Reason::ControlFlow),
        _ => Some(Reason::Operator),
    }
}

/// The table of an operator's options, whose fields are 0 where it is missing.
pub(super) struct Options<'a>(Option<Table<'a>>);

impl<'a> Options<'a> {
    /// Those of an operator, which are in a table with this tag.
    pub fn of(operator: &Table<'a>, tag: u8) -> Result<Self> {
        let found = operator.number(operator::OPTIONS_TYPE)?;
        let options = operator.table(operator::OPTIONS)?;
        if options.is_some() && found != [tag] {
            damaged("an operator has another one's options")
        } else {
            Ok(Self(options))
        }
    }

    pub fn bool(&self, field: usize) -> Result<bool> {
        Ok(self.0.as_ref().map_or(Ok(false), |table| table.bool(field))?)
    }

    pub fn text(&self, field: usize) -> Result<&'a [u8]> {
        Ok(self.0.as_ref().map_or(Ok(&[][..]), |table| table.bytes(field))?)
    }

    pub fn i32(&self, field: usize) -> Result<i32> {
        Ok(self.0.as_ref().map_or(Ok(0), |table| table.i32(field))?)
    }

    pub fn f32(&self, field: usize) -> Result<f32> {
        let value = self.0.as_ref().map_or(Ok(0.0), |table| table.f32(field))?;
        if value.is_finite() { Ok(value) } else { damaged("an option is infinite or no number") }
    }

    pub fn u8(&self, field: usize) -> Result<u8> {
        Ok(u8::from_le_bytes(self.0.as_ref().map_or(Ok([0]), |table| table.number(field))?))
    }

    /// A size, at least 1; 1 if it is missing from the table.
    fn sizes(&self, fields: [usize; 2]) -> Result<[usize; 2]> {
        let mut sizes = [1; 2];
        for (size, field) in sizes.iter_mut().zip(fields) {
            if self.0.as_ref().is_some_and(|table| table.has(field)) {
                *size = usize::try_from(self.i32(field)?).unwrap_or(0);
            }
        }
        if sizes.contains(&0) { damaged("a stride, dilation or window is not positive") } else { Ok(sizes) }
    }

    fn padding(&self, field: usize) -> Result<Padding> {
        match self.u8(field)? {
            0 => Ok(Padding::Same),
            1 => Ok(Padding::Valid),
            other => damaged(format!("a padding is {other}")),
        }
    }
}

impl<'a> Reader<'a> {
    /// What an operator computes, and the inputs that the graph keeps.
    pub fn op(
        &mut self,
        operator: &Table<'a>,
        code: usize,
        inputs: &[Option<usize>],
        outputs: &[usize],
    ) -> Result<(Op, Vec<Option<usize>>)> {
        if code == code::UNIDIRECTIONAL_SEQUENCE_LSTM {
            return self.lstm(operator, inputs, outputs);
        }
        let input = |at: usize| inputs.get(at).copied().flatten();
        let (expected, count) = match code {
            code::FULLY_CONNECTED | code::CONV_2D | code::DEPTHWISE_CONV_2D => (2..=3, 1),
            code::TRANSPOSE_CONV => (3..=4, 1),
            code::ADD
            | code::MUL
            | code::PAD
            | code::MEAN
            | code::PRELU
            | code::EMBEDDING_LOOKUP
            | code::GATHER
            | code::TRANSPOSE
            | code::RESIZE_NEAREST_NEIGHBOR => (2..=2, 1),
            code::PADV2 => (3..=3, 1),
            code::STRIDED_SLICE => (4..=4, 1),
            code::CONCATENATION => (1..=usize::MAX, 1),
            code::RESHAPE => (1..=2, 1),
            code::SPLIT => (2..=2, outputs.len().max(1)),
            code::SPLIT_V => (3..=3, outputs.len().max(1)),
            _ => (1..=1, 1),
        };
        // A bias.
        let may_lack = match (*expected.start(), *expected.end()) {
            (2, 3) => 2,
            (3, 4) => 3,
            _ => usize::MAX,
        };
        if !expected.contains(&inputs.len())
            || outputs.len() != count
            || inputs.iter().enumerate().any(|(at, input)| at != may_lack && input.is_none())
        {
            return damaged(format!("an operator has {} inputs and {} outputs", inputs.len(), outputs.len()));
        }
        let first = match code {
            code::SPLIT | code::GATHER => 1,
            code::TRANSPOSE_CONV => 2,
            _ => 0,
        };
        let (Some(first), Some(output)) = (input(first), outputs.first().copied()) else {
            return damaged("an operator has no input");
        };
        let from = self.value(first)?.shape.clone();
        let to = self.value(output)?.shape.clone();
        let x = vec![Some(first)];
        let with_bias = || (0..3).map(input).collect();

        let of = |tag: u8| Options::of(operator, tag);
        let agree = |agree: bool| if agree { Ok(()) } else { damaged(format!("an operator makes {to:?} of {from:?}")) };

        Ok(match code {
            code::FULLY_CONNECTED => {
                let options = of(options::FULLY_CONNECTED)?;
                if options.u8(1)? != 0 {
                    return self.refuse(output, Reason::Option("shuffled weights"));
                }
                self.check_range(first, input(1))?;
                (Op::FullyConnected { activation: self.activation(&options, 0, output)? }, with_bias())
            }
            code::CONV_2D => {
                let options = of(options::CONV_2D)?;
                self.check_range(first, input(1))?;
                let conv = Conv {
                    padding: options.padding(0)?,
                    strides: options.sizes([2, 1])?,
                    dilation: options.sizes([5, 4])?,
                    activation: self.activation(&options, 3, output)?,
                };
                (Op::Conv2d(conv), with_bias())
            }
            code::DEPTHWISE_CONV_2D => {
                let options = of(options::DEPTHWISE_CONV_2D)?;
                self.check_range(first, input(1))?;
                let conv = Conv {
                    padding: options.padding(0)?,
                    strides: options.sizes([2, 1])?,
                    dilation: options.sizes([6, 5])?,
                    activation: self.activation(&options, 4, output)?,
                };
                (Op::DepthwiseConv2d(conv), with_bias())
            }
            code::TRANSPOSE_CONV => {
                let options = of(options::TRANSPOSE_CONV)?;
                self.check_range(first, input(1))?;
                let shape = self.integers(input(0))?;
                agree(shape.iter().copied().eq(to.iter().map(|length| *length as i64)))?;
                let conv = Conv {
                    padding: options.padding(0)?,
                    strides: options.sizes([2, 1])?,
                    dilation: [1; 2],
                    activation: self.activation(&options, 3, output)?,
                };
                (Op::TransposeConv(conv), [2, 1, 3].map(input).into())
            }
            code::AVERAGE_POOL_2D | code::MAX_POOL_2D => {
                let options = of(options::POOL_2D)?;
                let pool = Pool {
                    padding: options.padding(0)?,
                    window: options.sizes([4, 3])?,
                    strides: options.sizes([2, 1])?,
                    activation: self.activation(&options, 5, output)?,
                };
                (if code == code::MAX_POOL_2D { Op::MaxPool2d(pool) } else { Op::AveragePool2d(pool) }, x)
            }
            code::ADD => (Op::Add { activation: self.activation(&of(options::ADD)?, 0, output)? }, inputs.to_vec()),
            code::MUL => (Op::Mul { activation: self.activation(&of(options::MUL)?, 0, output)? }, inputs.to_vec()),
            code::PAD | code::PADV2 => {
                let numbers = self.integers(input(1))?;
                let margins: Vec<[usize; 2]> = numbers
                    .as_chunks()
                    .0
                    .iter()
                    .map(|pair| pair.map(|n| usize::try_from(n).unwrap_or(usize::MAX)))
                    .collect();
                let sum =
                    |(length, [before, after]): (&usize, &[usize; 2])| length.checked_add(*before)?.checked_add(*after);
                agree(
                    numbers.len() == 2 * from.len()
                        && from.iter().zip(&margins).map(sum).eq(to.iter().copied().map(Some)),
                )?;
                if let Some(value) = input(2) {
                    let value = self.value(value)?;
                    if value.data.is_none() {
                        return self.refuse(input(2).unwrap_or_default(), Reason::Computed);
                    }
                    agree(value.elements() == 1)?;
                }
                (Op::Pad { margins }, x.into_iter().chain(input(2).map(Some)).collect())
            }
            code::MEAN => {
                let keep = of(options::REDUCER)?.bool(0)?;
                let axes = self.axes(input(1), from.len())?;
                let left = from.iter().enumerate().filter_map(|(axis, length)| match axes.contains(&axis) {
                    true => keep.then_some(1),
                    false => Some(*length),
                });
                agree(left.eq(to.iter().copied()))?;
                (Op::Mean { axes, keep }, x)
            }
            code::CONCATENATION => {
                let options = of(options::CONCATENATION)?;
                if self.activation(&options, 1, output)? != Activation::None {
                    return self.refuse(output, Reason::Option("an activation of a concatenation"));
                }
                let axis = axis(options.i32(0)?.into(), to.len())?;
                let parts: Vec<usize> = inputs.iter().flatten().copied().collect();
                agree(self.along(&parts, &to, axis)?)?;
                (Op::Concatenation { axis }, inputs.to_vec())
            }
            code::SOFTMAX => (Op::Softmax { beta: of(options::SOFTMAX)?.f32(0)? }, x),
            code::LEAKY_RELU => (Op::LeakyRelu { alpha: of(options::LEAKY_RELU)?.f32(0)? }, x),
            code::PRELU => (Op::PRelu, inputs.to_vec()),
            code::LOGISTIC => (Op::Logistic, x),
            code::ELU => (Op::Elu, x),
            code::GELU => (Op::Gelu { approximate: of(options::GELU)?.bool(0)? }, x),
            code::TANH => (Op::Tanh, x),
            code::RELU => (Op::Relu, x),
            code::RELU6 => (Op::Relu6, x),
            code::RELU_N1_TO_1 => (Op::ReluN1To1, x),
            code::HARD_SWISH => (Op::HardSwish, x),
            code::QUANTIZE => (Op::Quantize, x),
            code::DEQUANTIZE => (Op::Dequantize, x),
            code::CAST => (Op::Cast, x),
            code::EMBEDDING_LOOKUP => (Op::Gather, inputs.to_vec()),
            code::GATHER => {
                let options = of(options::GATHER)?;
                if options.i32(0)? != 0 || options.i32(1)? != 0 {
                    return self.refuse(output, Reason::Option("a choice along another axis than the first one"));
                }
                (Op::Gather, [1, 0].map(input).into())
            }
            code::RESHAPE => {
                agree(from.iter().product::<usize>() == to.iter().product::<usize>())?;
                if let Some(computed) = input(1).and_then(|shape| self.shapes.get(&shape)) {
                    let is = |(named, length): (&i64, &usize)| *named == -1 || usize::try_from(*named) == Ok(*length);
                    agree(computed.len() == to.len() && computed.iter().zip(&to).all(is))?;
                }
                (Op::Reshape, x)
            }
            code::SQUEEZE => {
                let mut axes = match &of(options::SQUEEZE)?.0 {
                    Some(table) => {
                        let named = table.i32s(0)?;
                        self.take(named.len() * size_of::<usize>())?;
                        named.map(|named| axis(named.into(), from.len())).collect::<Result<Vec<_>>>()?
                    }
                    None => vec![],
                };
                if axes.is_empty() {
                    axes = (0..from.len()).filter(|axis| from[*axis] == 1).collect();
                }
                axes.sort_unstable();
                axes.dedup();
                let left = from.iter().enumerate().filter(|(axis, _)| axes.binary_search(axis).is_err());
                agree(axes.iter().all(|axis| from[*axis] == 1) && left.map(|(_, length)| length).eq(&to))?;
                (Op::Squeeze { axes }, x)
            }
            code::SPLIT | code::SPLIT_V => {
                let named = self.integers(input(if code == code::SPLIT { 0 } else { 2 }))?;
                let axis = axis(named.first().copied().unwrap_or(i64::MAX), from.len())?;
                let first = from.clone();
                if !self.along(outputs, &first, axis)? {
                    return damaged(format!("a split of {from:?} has other parts"));
                }
                if code == code::SPLIT_V {
                    let sizes = self.integers(input(1))?;
                    for (size, output) in sizes.iter().zip(outputs) {
                        let length = self.value(*output)?.shape[axis] as i64;
                        agree(*size == -1 || *size == length)?;
                    }
                    agree(sizes.len() == outputs.len())?;
                } else {
                    for output in outputs {
                        let length = self.value(*output)?.shape[axis];
                        agree(length == to[axis])?;
                    }
                }
                (Op::Split { axis }, x)
            }
            code::STRIDED_SLICE => {
                let slices = self.slices(operator, &from, [input(1), input(2), input(3)], output)?;
                agree(slices.iter().filter(|slice| !slice.drop).map(|slice| slice.len).eq(to.iter().copied()))?;
                (Op::StridedSlice { slices }, x)
            }
            code::TRANSPOSE => {
                let order = self.integers(input(1))?;
                let order = order.iter().map(|named| axis(*named, from.len())).collect::<Result<Vec<_>>>()?;
                let mut sorted = order.clone();
                sorted.sort_unstable();
                agree(
                    sorted.into_iter().eq(0..from.len()) && order.iter().map(|axis| from[*axis]).eq(to.iter().copied()),
                )?;
                (Op::Transpose { order }, x)
            }
            code::RESIZE_NEAREST_NEIGHBOR => {
                let options = of(options::RESIZE_NEAREST)?;
                let (align_corners, half_pixel_centers) = (options.bool(0)?, options.bool(1)?);
                let size = self.integers(input(1))?;
                let &[batch, _, _, channels] = &from[..] else { return damaged("a resize is not of an image") };
                agree(size.len() == 2 && !(align_corners && half_pixel_centers))?;
                let expected = [batch as i64, size[0], size[1], channels as i64];
                agree(to.iter().map(|length| *length as i64).eq(expected))?;
                (Op::ResizeNearest { align_corners, half_pixel_centers }, x)
            }
            _ => return damaged(format!("operator {code} is not known")),
        })
    }

    fn activation(&mut self, options: &Options, field: usize, output: usize) -> Result<Activation> {
        match options.u8(field)? {
            0 => Ok(Activation::None),
            1 => Ok(Activation::Relu),
            2 => Ok(Activation::ReluN1To1),
            3 => Ok(Activation::Relu6),
            4 => self.refuse(output, Reason::Option("a fused TANH")),
            5 => self.refuse(output, Reason::Option("a fused SIGN_BIT")),
            other => damaged(format!("an activation is {other}")),
        }
    }

    /// Refuses integer weights between floats.
    pub fn check_range(&mut self, x: usize, weights: Option<usize>) -> Result<()> {
        let Some(weights) = weights else { return damaged("an operator lacks its weights") };
        if self.value(x)?.scalar == Scalar::F32 && self.value(weights)?.scalar != Scalar::F32 {
            return self.refuse(weights, Reason::DynamicRange);
        }
        Ok(())
    }

    /// Axes, each once, in ascending order.
    fn axes(&mut self, input: Option<usize>, rank: usize) -> Result<Vec<usize>> {
        let mut axes = self.integers(input)?.into_iter().map(|named| axis(named, rank)).collect::<Result<Vec<_>>>()?;
        axes.sort_unstable();
        axes.dedup();
        Ok(axes)
    }

    /// Whether `parts` along `axis` make up the shape `whole`.
    fn along(&mut self, parts: &[usize], whole: &[usize], axis: usize) -> Result<bool> {
        let mut sum = 0_usize;
        for part in parts {
            let shape = &self.value(*part)?.shape;
            if shape.len() != whole.len() || (0..whole.len()).any(|i| i != axis && shape[i] != whole[i]) {
                return Ok(false);
            }
            sum = sum.saturating_add(shape[axis]);
        }
        Ok(sum == whole[axis])
    }
}

/// An axis, counted from the end if it is negative.
fn axis(named: i64, rank: usize) -> Result<usize> {
    let axis = if named < 0 { named.checked_add(rank as i64) } else { Some(named) };
    let axis = axis.and_then(|axis| usize::try_from(axis).ok()).filter(|axis| *axis < rank);
    axis.map_or_else(|| damaged(format!("axis {named} of {rank}")), Ok)
}

/// What begins, ends and strides mean for the axes of `shape`: those that are not named are whole, ends are held to the axis, and the bits of
/// the masks say that a begin or an end is ignored, or that the axis goes away. `None` if they contradict or nothing is left.
pub(super) fn slices(shape: &[usize], numbers: &[Vec<i64>; 3], masks: [i32; 3]) -> Option<Vec<Slice>> {
    let [begins, ends, strides] = numbers;
    if begins.len() > shape.len() || ends.len() != begins.len() || strides.len() != begins.len() {
        return None;
    }
    let mut slices = Vec::new();
    for (axis, length) in shape.iter().enumerate() {
        let (Some(begin), Some(end), Some(step)) = (begins.get(axis), ends.get(axis), strides.get(axis)) else {
            slices.push(Slice { begin: 0, step: 1, len: *length, drop: false });
            continue;
        };
        let [no_begin, no_end, drop] = masks.map(|mask| axis < 32 && mask >> axis & 1 == 1);
        let (length, step) = (i64::try_from(*length).ok()?, *step);
        let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let inside = |n: i64| if n < 0 { n.saturating_add(length) } else { n }.clamp(low, high);
        if drop {
            let begin = if no_begin {
                0
            } else if *begin < 0 {
                begin.checked_add(length)?
            } else {
                *begin
            };
            if step < 1 || !(0..length).contains(&begin) {
                return None;
            }
            slices.push(Slice { begin: begin.try_into().ok()?, step: 1, len: 1, drop });
            continue;
        }
        let (first, last) = if step > 0 { (low, high) } else { (high, low) };
        let begin = if no_begin { first } else { inside(*begin) };
        let end = if no_end { last } else { inside(*end) };
        let len = if step > 0 { end - begin } else { begin - end };
        if step == 0 || len <= 0 {
            return None;
        }
        let len = (len as u64).div_ceil(step.unsigned_abs());
        slices.push(Slice {
            begin: begin.try_into().ok()?,
            step: step.try_into().ok()?,
            len: len.try_into().ok()?,
            drop,
        });
    }
    Some(slices)
}
