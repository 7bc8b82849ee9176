//! How kernels and windows move over images and signals.

use std::vec;
use std::vec::Vec;

use super::error::{Fault, Reason};
use super::read::Operator;
use crate::exchange::graph::Padding;
use crate::quant::Axis;

type Result<T> = core::result::Result<T, Fault>;

/// Along one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Along {
    pub output: usize,
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    /// Elements that lie before and behind the input, as many as are met.
    pub margins: [usize; 2],
    same: bool,
}

impl Along {
    /// Over a signal as an image of one row, its height.
    const ONE: Self = Self { output: 1, kernel: 1, stride: 1, dilation: 1, margins: [0; 2], same: true };

    /// With what lies around as a margin.
    pub fn with_margin(self) -> Self {
        Self { same: self.margins == [0; 2], ..self }
    }

    /// LiteRT's name of the padding; none if it is a margin.
    pub fn padding(axes: [Self; 2]) -> Option<Padding> {
        if axes.iter().all(|axis| axis.margins == [0; 2]) {
            Some(Padding::Valid)
        } else {
            axes.iter().all(|axis| axis.same).then_some(Padding::Same)
        }
    }
}

const WRONG: Fault = Fault::Damaged("has kernels, strides or pads that do not fit its input");

/// The numbers of an attribute.
fn sizes(operator: &Operator, name: &str) -> Result<Option<Vec<usize>>> {
    let Some(named) = operator.ints(name)? else { return Ok(None) };
    let sizes: Vec<usize> =
        named.iter().filter_map(|n| usize::try_from(*n).ok().filter(|n| *n <= i32::MAX as usize)).collect();
    if sizes.len() == named.len() { Ok(Some(sizes)) } else { Err(WRONG) }
}

/// Height and width of `lengths`, one or two, for kernels of `kernel`; those are the operator's own if it names them.
pub fn along(operator: &Operator, lengths: &[usize], kernel: Option<&[usize]>) -> Result<[Along; 2]> {
    let rank = lengths.len();
    let sizes = |name: &str| sizes(operator, name);
    let ones = || vec![1; rank];
    let named = sizes("kernel_shape")?;
    let kernels = match (kernel, named) {
        (Some(kernel), Some(named)) if named != kernel => return Err(WRONG),
        (Some(kernel), _) => kernel.to_vec(),
        (None, Some(named)) => named,
        (None, None) => return Err(WRONG),
    };
    let (strides, dilations) = (sizes("strides")?.unwrap_or_else(ones), sizes("dilations")?.unwrap_or_else(ones));
    let pads = sizes("pads")?.unwrap_or_else(|| vec![0; 2 * rank]);
    let positive = [&kernels, &strides, &dilations].iter().all(|each| each.len() == rank && !each.contains(&0));
    if !positive || pads.len() != 2 * rank {
        return Err(WRONG);
    }
    let (auto, ceil) = (operator.text("auto_pad", "NOTSET")?, operator.int("ceil_mode", 0)? != 0);
    let mut found = vec![];
    for axis in 0..rank {
        let (input, kernel, stride, dilation) = (lengths[axis], kernels[axis], strides[axis], dilations[axis]);
        let span = (kernel - 1).checked_mul(dilation).ok_or(WRONG)?.checked_add(1).ok_or(WRONG)?;
        let missing = (input.div_ceil(stride) - 1).saturating_mul(stride).saturating_add(span).saturating_sub(input);
        let halves = [missing / 2, missing - missing / 2];
        let [before, behind] = match auto {
            "SAME_UPPER" => halves,
            "SAME_LOWER" => [halves[1], halves[0]],
            "VALID" => [0, 0],
            _ => [pads[axis], pads[rank + axis]],
        };
        let room = input.saturating_add(before).saturating_add(behind).checked_sub(span).ok_or(WRONG)?;
        let mut output = if ceil { room.div_ceil(stride) } else { room / stride } + 1;
        if ceil {
            // A window begins in the input or before it.
            output = output.min((input.saturating_add(before) - 1) / stride + 1);
        }
        let end = (output - 1).saturating_mul(stride).saturating_add(span);
        let behind = end.saturating_sub(input.saturating_add(before));
        let same = output == input.div_ceil(stride) && [before, behind] == halves;
        found.push(Along { output, kernel, stride, dilation, margins: [before, behind], same });
    }
    image(&found, Along::ONE)
}

/// Of a signal, with `one` as its height.
fn image<T: Copy>(found: &[T], one: T) -> Result<[T; 2]> {
    match *found {
        [height, width] => Ok([height, width]),
        [width] => Ok([one, width]),
        _ => Err(Fault::Refused(Reason::Option("an image of another number of axes than 4, or 3 for a signal"))),
    }
}

/// Along one axis of a transposed convolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Back {
    pub kernel: usize,
    pub stride: usize,
    /// Elements that come of the input without padding.
    pub whole: usize,
    /// Of those, how many are left out in front.
    pub before: usize,
    /// And how many stay.
    pub output: usize,
    /// Whether LiteRT's padding `SAME` leaves out as many.
    pub same: bool,
}

impl Back {
    const ONE: Self = Self { kernel: 1, stride: 1, whole: 1, before: 0, output: 1, same: true };
}

/// Height and width of a transposed convolution of `lengths`, one or two, with a kernel of `kernels`.
pub fn back(operator: &Operator, lengths: &[usize], kernels: &[usize]) -> Result<[Back; 2]> {
    let rank = lengths.len();
    let all = |name: &str, count: usize, otherwise: usize| {
        let sizes = sizes(operator, name)?.unwrap_or_else(|| vec![otherwise; count]);
        if sizes.len() == count { Ok(sizes) } else { Err(WRONG) }
    };
    let (strides, more) = (all("strides", rank, 1)?, all("output_padding", rank, 0)?);
    let mut pads = all("pads", 2 * rank, 0)?;
    match operator.text("auto_pad", "NOTSET")? {
        "NOTSET" => {}
        "VALID" => pads.fill(0),
        _ => return Err(Fault::Refused(Reason::Option("padding by the size of the output"))),
    }
    if operator.has("output_shape") {
        return Err(Fault::Refused(Reason::Option("padding by the size of the output")));
    }
    if all("dilations", rank, 1)?.iter().any(|dilation| *dilation != 1) {
        return Err(Fault::Refused(Reason::Option("a transposed convolution with dilation")));
    }
    if sizes(operator, "kernel_shape")?.is_some_and(|named| named != kernels) || strides.contains(&0) {
        return Err(WRONG);
    }
    let mut found = vec![];
    for axis in 0..rank {
        let (input, kernel, stride, more) = (lengths[axis], kernels[axis], strides[axis], more[axis]);
        let [before, behind] = [pads[axis], pads[rank + axis]];
        if more >= stride {
            return Err(WRONG);
        }
        let all = (input - 1).saturating_mul(stride).saturating_add(kernel);
        let whole = all.saturating_add(more.saturating_sub(behind));
        let output = all.saturating_add(more).checked_sub(before.saturating_add(behind)).filter(|output| *output > 0);
        let output = output.ok_or(WRONG)?;
        let forth = Axis::same(output, kernel, stride, 1);
        let same = (forth.output, forth.before) == (input, before);
        found.push(Back { kernel, stride, whole, before, output, same });
    }
    image(&found, Back::ONE)
}
