//! Products with weights.

use std::vec;
use std::vec::Vec;

use super::{At, Kernel, LowerError, Unfit, float_range};
use crate::exchange::float::{self, Float};
use crate::exchange::graph::{Activation, Conv, Padding, Scalar, Value};
use crate::quant::{
    Axis, Conv2d, DepthwiseConv2d, FullyConnected, Multiplier, TransposeConv, Weights, pack, pack_fours, packed_len,
};

/// The constants of an integer product, which [`Weights`] borrows.
#[derive(Clone, Debug)]
pub struct Constants<W = i8> {
    /// As in [`Weights`].
    pub weights: Vec<W>,
    /// As in [`Weights`], the input's zero point folded in.
    pub biases: Vec<i32>,
    /// As in [`Weights`].
    pub mantissas: Vec<i32>,
    /// As in [`Weights`].
    pub shifts: Vec<i8>,
    /// As in [`Weights`].
    pub rests: Vec<u32>,
}

impl<W> Constants<W> {
    /// For an operator's `run`.
    pub fn borrow(&self) -> Weights<'_, W> {
        let Self { weights, biases, mantissas, shifts, rests } = self;
        Weights { weights, biases, mantissas, shifts, rests }
    }
}

impl Constants {
    /// With rows of `inputs` weights packed by two.
    pub(super) fn packed(self, inputs: usize) -> Constants<i32> {
        self.packed_by(pack, inputs)
    }

    /// With rows of `inputs` weights packed by four.
    fn packed_fours(self, inputs: usize) -> Constants<i32> {
        self.packed_by(pack_fours, inputs)
    }

    fn packed_by(self, pack: fn(&[i8], usize, &mut [i32]), inputs: usize) -> Constants<i32> {
        let Self { weights, biases, mantissas, shifts, rests } = self;
        let mut packed = vec![0; packed_len(biases.len(), inputs)];
        pack(&weights, inputs, &mut packed);
        Constants { weights: packed, biases, mantissas, shifts, rests }
    }
}

/// Vectors along the last axis, or all elements of the input as one vector or several.
pub fn fully_connected(at: &At, activation: Activation) -> Result<Kernel, LowerError> {
    let (x, y, integers) = at.pair()?;
    let w = at.input(1)?;
    let &[outputs, inputs] = &w.shape[..] else {
        return at.refuse(Some(w), Unfit::Contradiction("should be a matrix"));
    };
    let vectors = x.elements() / inputs;
    let fits = x.elements() == vectors * inputs && y.shape.last() == Some(&outputs);
    at.ensure(fits && y.elements() == vectors * outputs, y, Unfit::Shape(vec![vectors, outputs]))?;
    if !integers {
        let weights = float_weights(at, w, outputs)?;
        return Ok(Kernel::Float(Float::FullyConnected { inputs, weights, range: float_range(activation) }));
    }
    let mut constants = constants(at, x, w, y, outputs, 0)?;
    choose(at, x, w, y, inputs, &mut constants)?;
    Ok(Kernel::FullyConnected(
        FullyConnected { inputs, output: at.range(y, activation)? },
        constants.packed_fours(inputs),
    ))
}

/// Chooses multipliers that make of each sum what `f64` does, which LiteRT's kernel computes with.
fn choose(
    at: &At,
    x: &Value,
    w: &Value,
    y: &Value,
    inputs: usize,
    constants: &mut Constants,
) -> Result<(), LowerError> {
    let (y_scale, zero) = at.steps(y)?;
    let (x_scale, _) = at.steps(x)?;
    // Sums that inputs can lead to.
    let of_output = constants.biases.iter().zip(constants.weights.chunks_exact(inputs)).map(|(bias, w)| {
        let [least, greatest] = [-128, 127].map(|x: i64| {
            let other = -1 - x;
            let sum = w.iter().fold(0, |sum, w| sum + i64::from(*w) * if *w < 0 { other } else { x });
            (sum + i64::from(*bias)).clamp(i32::MIN.into(), i32::MAX.into()) as i32
        });
        least..=greatest
    });
    let mut sums: Vec<_> = of_output.collect();
    if constants.mantissas.len() == 1 {
        let least = sums.iter().map(|sums| *sums.start()).min().unwrap_or(0);
        let greatest = sums.iter().map(|sums| *sums.end()).max().unwrap_or(0);
        sums = vec![least..=greatest];
    }
    let scales = w.quantization.iter().flat_map(|found| &found.scales);
    for (i, (scale, sums)) in scales.zip(sums).enumerate() {
        let real = f64::from(x_scale) * f64::from(*scale) / f64::from(y_scale);
        let (multiplier, rest) = Multiplier::exact(real, sums, -127 - zero..=127 - zero);
        (constants.mantissas[i], constants.shifts[i]) = (multiplier.mantissa, multiplier.shift);
        constants.rests.push(rest);
    }
    if constants.rests.iter().all(|rest| *rest == 0) {
        constants.rests.clear();
    }
    Ok(())
}

/// From an image to another one, with weights `[outputs, height, width, channels]`.
pub fn conv(at: &At, conv: &Conv) -> Result<Kernel, LowerError> {
    let (x, y, integers) = at.pair()?;
    let w = at.input(1)?;
    let (&[_, height, width, channels], &[outputs, kh, kw, of_channels]) = (image(at, x)?, image(at, w)?);
    at.ensure(channels == of_channels, w, Unfit::Case("a convolution in groups"))?;
    let [height, width] = axes(at, w, conv, [height, width], [kh, kw])?;
    at.makes(y, &[1, height.output, width.output, outputs])?;
    if !integers {
        let weights = float_weights(at, w, outputs)?;
        let range = float_range(conv.activation);
        return Ok(Kernel::Float(Float::Conv2d { height, width, channels, weights, range }));
    }
    let inputs = kh * kw * channels;
    let constants = constants(at, x, w, y, outputs, 0)?;
    let zero_point = at.steps(x)?.1 as i8;
    let output = at.range(y, conv.activation)?;
    Ok(Kernel::Conv2d(Conv2d { height, width, channels, zero_point, output }, constants.packed(inputs)))
}

/// From an image to another one, with weights `[1, height, width, outputs]`.
pub fn depthwise(at: &At, conv: &Conv) -> Result<Kernel, LowerError> {
    let (x, y, integers) = at.pair()?;
    let w = at.input(1)?;
    let (&[_, height, width, channels], &[one, kh, kw, outputs]) = (image(at, x)?, image(at, w)?);
    let multiplier = outputs / channels;
    let fits = one == 1 && outputs == multiplier * channels;
    at.ensure(fits, w, Unfit::Contradiction("should have a multiple of the input's channels"))?;
    let [height, width] = axes(at, w, conv, [height, width], [kh, kw])?;
    at.makes(y, &[1, height.output, width.output, outputs])?;
    if !integers {
        let weights = float_weights(at, w, outputs)?;
        let range = float_range(conv.activation);
        return Ok(Kernel::Float(Float::DepthwiseConv2d { height, width, channels, multiplier, weights, range }));
    }
    let constants = constants(at, x, w, y, outputs, 3)?;
    let zero_point = at.steps(x)?.1 as i8;
    let output = at.range(y, conv.activation)?;
    Ok(Kernel::DepthwiseConv2d(DepthwiseConv2d { height, width, channels, multiplier, zero_point, output }, constants))
}

/// From an image to another one, of which a convolution with weights `[outputs, height, width, channels]` would make the first.
pub fn transposed(at: &At, conv: &Conv) -> Result<Kernel, LowerError> {
    let (x, y, integers) = at.pair()?;
    let w = at.input(1)?;
    let (&[_, rows, columns, channels], &[_, to_rows, to_columns, _]) = (image(at, x)?, image(at, y)?);
    let &[outputs, kh, kw, of_channels] = image(at, w)?;
    let fits = channels == of_channels && conv.dilation == [1; 2];
    at.ensure(fits, w, Unfit::Contradiction("should have the input's channels and no dilation"))?;
    at.makes(y, &[1, to_rows, to_columns, outputs])?;
    let [height, width] = axes(at, w, conv, [to_rows, to_columns], [kh, kw])?;
    let leads_back = [height.output, width.output] == [rows, columns];
    at.ensure(leads_back, y, Unfit::Case("another size than one of which a convolution makes the input"))?;
    if !integers {
        let weights = float_weights(at, w, outputs)?;
        let range = float_range(conv.activation);
        return Ok(Kernel::Float(Float::TransposeConv { height, width, channels, weights, range }));
    }
    let constants = Constants { biases: biases(at, outputs)?, ..constants(at, x, w, y, outputs, 0)? };
    let zero_point = at.steps(x)?.1 as i8;
    let output = at.range(y, conv.activation)?;
    Ok(Kernel::TransposeConv(TransposeConv { height, width, channels, zero_point, output }, constants))
}

/// The four axes of an image or of a convolution's weights; of an image, the batch must be 1.
fn image<'v>(at: &At, value: &'v Value) -> Result<&'v [usize; 4], LowerError> {
    match <&[usize; 4]>::try_from(&value.shape[..]) {
        Ok(shape) if shape[0] == 1 || value.data.is_some() => Ok(shape),
        _ => at.refuse(Some(value), Unfit::Case("another shape than that of one image")),
    }
}

pub(super) fn axis(padding: Padding, input: usize, kernel: usize, stride: usize, dilation: usize) -> Axis {
    match padding {
        Padding::Same => Axis::same(input, kernel, stride, dilation),
        Padding::Valid => Axis::valid(input, kernel, stride, dilation),
    }
}

fn axes(at: &At, w: &Value, conv: &Conv, sizes: [usize; 2], kernel: [usize; 2]) -> Result<[Axis; 2], LowerError> {
    let positive = conv.strides.iter().chain(&conv.dilation).all(|n| *n > 0 && *n <= i32::MAX as usize);
    at.ensure(positive, w, Unfit::Contradiction("has a stride or dilation out of range"))?;
    Ok([0, 1].map(|i| axis(conv.padding, sizes[i], kernel[i], conv.strides[i], conv.dilation[i])))
}

fn float_weights(at: &At, w: &Value, outputs: usize) -> Result<float::Weights, LowerError> {
    let Some(weights) = w.floats() else { return at.refuse(Some(w), Unfit::Computed) };
    let biases = match at.optional(2) {
        None => vec![0.0; outputs],
        Some(bias) => match bias.floats().filter(|biases| biases.len() == outputs) {
            Some(biases) => biases,
            None => return at.refuse(Some(bias), Unfit::Computed),
        },
    };
    Ok(float::Weights { weights, biases })
}

/// Of weights whose outputs lie along `axis`, the first or the last one.
fn constants(at: &At, x: &Value, w: &Value, y: &Value, outputs: usize, axis: usize) -> Result<Constants, LowerError> {
    at.ensure(w.scalar == Scalar::I8, w, Unfit::Type(w.scalar))?;
    let Some(data) = &w.data else { return at.refuse(Some(w), Unfit::Computed) };
    let weights: Vec<i8> = data.iter().map(|byte| *byte as i8).collect();
    let mut biases = biases(at, outputs)?;
    let (x_scale, zero_point) = at.steps(x)?;
    let (y_scale, _) = at.steps(y)?;
    let of_output = weights.len() / outputs;
    for (i, weight) in weights.iter().enumerate() {
        let output = if axis == 0 { i / of_output } else { i % outputs };
        let folded = i32::from(*weight).wrapping_mul(zero_point);
        biases[output] = biases[output].wrapping_sub(folded);
    }
    let Some(found) = &w.quantization else { return at.refuse(Some(w), Unfit::Quantization("scales")) };
    let fits = found.scales.len() == 1 || found.scales.len() == outputs && found.axis == axis;
    at.ensure(fits, w, Unfit::Quantization("one scale, or one for each output"))?;
    let symmetric = found.zero_points.iter().all(|zero| *zero == 0);
    at.ensure(symmetric, w, Unfit::Quantization("zero points 0, as weights have in int8 models"))?;
    let factor = |scale: &f32| Multiplier::new(f64::from(x_scale) * f64::from(*scale) / f64::from(y_scale));
    let multipliers: Vec<Multiplier> = found.scales.iter().map(factor).collect();
    Ok(Constants {
        weights,
        biases,
        mantissas: multipliers.iter().map(|multiplier| multiplier.mantissa).collect(),
        shifts: multipliers.iter().map(|multiplier| multiplier.shift).collect(),
        rests: vec![],
    })
}

fn biases(at: &At, outputs: usize) -> Result<Vec<i32>, LowerError> {
    let Some(bias) = at.optional(2) else { return Ok(vec![0; outputs]) };
    at.ensure(bias.scalar == Scalar::I32, bias, Unfit::Type(bias.scalar))?;
    at.ensure(bias.elements() == outputs, bias, Unfit::Shape(vec![outputs]))?;
    let Some(data) = &bias.data else { return at.refuse(Some(bias), Unfit::Computed) };
    Ok(data.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect())
}
