//! Integer models in QDQ form: operators of floats between QuantizeLinear and DequantizeLinear become those of integers.
//!
//! Unsigned integers become signed ones, 128 less, which mean the same. Nothing that reads integers is computed in floats.

use std::vec;
use std::vec::Vec;

use super::constant::{Constant, Elements, axis};
use super::error::{Fault, Reason, Refusal};
use super::read::Operator;
use crate::exchange::graph::{Graph, Node, Op, Quantization, Scalar, Value};
use crate::exchange::quantise::{demanded, quantised as to_integer};

type Result<T> = core::result::Result<T, Fault>;

/// Scales and zero points of a QuantizeLinear or DequantizeLinear, and whether its integers have no sign.
pub struct Steps {
    quantization: Quantization,
    unsigned: bool,
}

impl Steps {
    pub fn read(operator: &Operator, scales: &Constant, zeros: Option<&Constant>, shape: &[usize]) -> Result<Self> {
        const WRONG: Fault = Fault::Damaged("has scales that are not positive, or as many zero points");
        if operator.int("block_size", 0)? != 0 {
            return Err(Fault::Refused(Reason::Option("scales of blocks")));
        }
        if !matches!(operator.int("output_dtype", 0)?, 0 | 2 | 3) {
            return Err(Fault::Refused(Reason::Type(operator.int("output_dtype", 0)?)));
        }
        let scales = scales.as_floats()?.to_vec();
        let zero_points = zeros.map_or(Ok(vec![0; scales.len()]), |zeros| {
            let byte = |zero: &i64| u8::try_from(*zero).map(i32::from).or(i8::try_from(*zero).map(i32::from));
            zeros.as_integers()?.iter().map(|zero| byte(zero).map_err(|_| WRONG)).collect()
        })?;
        let positive = scales.iter().all(|scale| scale.is_finite() && *scale > 0.0);
        if !positive || scales.is_empty() || zero_points.len() != scales.len() {
            return Err(WRONG);
        }
        let axis = if scales.len() == 1 { 0 } else { axis(operator.int("axis", 1)?, shape.len())? };
        if scales.len() > 1 && shape[axis] != scales.len() {
            return Err(WRONG);
        }
        let unsigned = zeros.map_or(operator.int("output_dtype", 2)? == 2, |zeros| zeros.unsigned);
        Ok(Self { quantization: Quantization { scales, zero_points, axis }, unsigned })
    }

    /// Of signed integers.
    pub fn signed(&self, unsigned: bool) -> Quantization {
        let mut signed = self.quantization.clone();
        if unsigned {
            signed.zero_points.iter_mut().for_each(|zero| *zero -= 128);
        }
        signed
    }

    /// Of a value that an operator writes: one scale.
    pub fn of_value(&self, unsigned: bool) -> Result<Quantization> {
        let signed = self.signed(unsigned);
        match signed.zero_points[..] {
            [-128..=127] => Ok(signed),
            _ => Err(Fault::Refused(Reason::Quantization("one scale and a zero point of eight bits"))),
        }
    }

    pub fn is_unsigned(&self) -> bool {
        self.unsigned
    }

    /// Scale and zero point of an element.
    fn at(&self, shape: &[usize], element: usize) -> (f32, i32) {
        let Quantization { scales, zero_points, axis } = &self.quantization;
        let at = match scales.len() {
            1 => 0,
            count => element / shape[axis + 1..].iter().product::<usize>() % count,
        };
        (scales[at], zero_points[at])
    }
}

/// Floats as integers, halves to even.
pub fn quantised(x: &Constant, steps: &Steps) -> Result<Constant> {
    let (least, greatest) = if steps.unsigned { (0, 255) } else { (-128, 127) };
    let shape = &x.shape;
    let integers = x.as_floats()?.iter().enumerate().map(|(element, x)| {
        let (scale, zero) = steps.at(shape, element);
        (libm::rintf(x / scale) as i64).saturating_add(zero.into()).clamp(least, greatest)
    });
    let integers = integers.collect();
    Ok(Constant { unsigned: steps.unsigned, ..Constant::integers(x.shape.clone(), integers) })
}

/// What integers mean, which remembers how they were.
pub fn real(x: &Constant, steps: &Steps) -> Result<Constant> {
    let real = |(element, q): (usize, &i64)| {
        let (scale, zero) = steps.at(&x.shape, element);
        q.saturating_sub(zero.into()) as f32 * scale
    };
    let elements = Elements::Floats(x.as_integers()?.iter().enumerate().map(real).collect());
    Ok(Constant { steps: Some(steps.signed(x.unsigned)), ..Constant::new(x.shape.clone(), elements) })
}

/// Whether integers of an operator's input and output mean the same.
fn moves(op: &Op) -> bool {
    matches!(
        op,
        Op::Reshape
            | Op::Squeeze { .. }
            | Op::Transpose { .. }
            | Op::Split { .. }
            | Op::StridedSlice { .. }
            | Op::Pad { .. }
            | Op::MaxPool2d(_)
            | Op::AveragePool2d(_)
            | Op::ResizeNearest { .. }
    )
}

/// What the readers of a tensor quantise it to.
#[derive(Clone, Copy, PartialEq)]
enum Target {
    Unread,
    /// As this tensor is.
    As(usize),
    Floats,
}

/// The graph with its operators in integers; what has no counterpart is named.
pub fn integers(float: &Graph) -> core::result::Result<Graph, Vec<Refusal>> {
    let mut to = Builder {
        float,
        to: Graph::default(),
        place: vec![None; float.tensors.len()],
        integer: vec![None; float.tensors.len()],
        targets: targets(float),
        refusals: vec![],
    };
    for input in &float.inputs {
        let place = to.to.add(float.tensors[*input].clone());
        to.place[*input] = Some(place);
        to.to.inputs.push(place);
    }
    for node in &float.nodes {
        if let Err(reason) = to.node(node) {
            let name = float.tensors[node.outputs[0]].name.clone();
            to.refusals.push(Refusal { operator: Some(node.op.name().into()), name, times: 1, reason });
            // What comes after it is looked at too.
            for output in &node.outputs {
                to.place[*output] = Some(to.to.add(Value { data: None, ..float.tensors[*output].clone() }));
            }
        }
    }
    for output in &float.outputs {
        let place = match to.integer[*output] {
            Some(integers) => {
                let place = to.to.add(float.tensors[*output].clone());
                to.emit(Op::Dequantize, vec![integers], vec![place]);
                place
            }
            None => to.copied(*output),
        };
        to.to.outputs.push(place);
    }
    if to.refusals.is_empty() { Ok(to.to) } else { Err(to.refusals) }
}

fn targets(graph: &Graph) -> Vec<Target> {
    let mut targets = vec![Target::Unread; graph.tensors.len()];
    graph.outputs.iter().for_each(|output| targets[*output] = Target::Floats);
    for node in graph.nodes.iter().rev() {
        let target = match (&node.op, &node.outputs[..]) {
            (Op::Quantize, &[output]) => Target::As(output),
            // The parts of a whole have its steps.
            (op, &[output]) if moves(op) || matches!(op, Op::Concatenation { .. }) => targets[output],
            _ => Target::Floats,
        };
        let steps = |target: Target| match target {
            Target::As(tensor) => graph.tensors[tensor].quantization.as_ref(),
            _ => None,
        };
        for input in node.inputs.iter().flatten() {
            targets[*input] = match targets[*input] {
                Target::Unread => target,
                found if steps(found).is_some() && steps(found) == steps(target) => found,
                _ => Target::Floats,
            };
        }
    }
    targets
}

struct Builder<'g> {
    float: &'g Graph,
    to: Graph,
    /// Where tensors are in the new graph as they were.
    place: Vec<Option<usize>>,
    /// Where tensors of floats are in the new graph as integers.
    integer: Vec<Option<usize>>,
    targets: Vec<Target>,
    refusals: Vec<Refusal>,
}

impl Builder<'_> {
    fn emit(&mut self, op: Op, inputs: Vec<usize>, outputs: Vec<usize>) {
        self.to.nodes.push(Node { op, inputs: inputs.into_iter().map(Some).collect(), outputs });
    }

    /// A tensor as it was.
    fn copied(&mut self, tensor: usize) -> usize {
        match self.place[tensor] {
            Some(place) => place,
            None => {
                let place = self.to.add(self.float.tensors[tensor].clone());
                self.place[tensor] = Some(place);
                place
            }
        }
    }

    /// A new tensor of integers in place of a tensor.
    fn like(&mut self, tensor: usize, quantization: Option<Quantization>, data: Option<Vec<u8>>) -> usize {
        let Value { name, shape, .. } = self.float.tensors[tensor].clone();
        self.to.add(Value { name, shape, scalar: Scalar::I8, quantization, data })
    }

    /// Integers with these steps: themselves if they have them.
    fn with_steps(&mut self, tensor: usize, integers: usize, steps: &Quantization) -> usize {
        if self.to.tensors[integers].quantization.as_ref() == Some(steps) {
            return integers;
        }
        let again = self.like(tensor, Some(steps.clone()), None);
        self.emit(Op::Quantize, vec![integers], vec![again]);
        again
    }

    fn node(&mut self, node: &Node) -> core::result::Result<(), Reason> {
        let inputs: Vec<usize> = node.inputs.iter().flatten().copied().collect();
        let (Some(&x), Some(&output)) = (inputs.first(), node.outputs.first()) else { return Err(Reason::Floats) };
        match node.op {
            Op::Dequantize => {
                self.integer[output] = self.place[x];
                return Ok(());
            }
            Op::Quantize => {
                let steps = self.float.tensors[output].quantization.clone().ok_or(Reason::Floats)?;
                self.place[output] = Some(match self.integer[x] {
                    Some(integers) => self.with_steps(output, integers, &steps),
                    None => {
                        let (x, y) = (self.copied(x), self.like(output, Some(steps), None));
                        self.emit(Op::Quantize, vec![x], vec![y]);
                        y
                    }
                });
                return Ok(());
            }
            _ => {}
        }
        let value = |input: &usize| self.float.tensors[*input].data.is_none();
        let of_integers = inputs.iter().filter(|input| value(input)).map(|input| self.integer[*input].is_some());
        let (all, any) = of_integers.fold((true, false), |(all, any), found| (all && found, any || found));
        if !any {
            // Floats as yet, which are scaled or moved; not most of the work, nor what has integers for weights.
            let works = matches!(
                node.op,
                Op::FullyConnected { .. }
                    | Op::Conv2d(_)
                    | Op::DepthwiseConv2d(_)
                    | Op::TransposeConv(_)
                    | Op::UnidirectionalSequenceLstm(_)
                    | Op::Gru
            );
            if works || inputs.iter().any(|input| !value(input) && self.float.tensors[*input].quantization.is_some()) {
                return Err(Reason::Floats);
            }
            let inputs = inputs.iter().map(|input| self.copied(*input)).collect();
            let outputs = node.outputs.iter().map(|output| self.copied(*output)).collect();
            self.emit(node.op.clone(), inputs, outputs);
            return Ok(());
        }
        if !all {
            return Err(Reason::Floats);
        }
        if moves(&node.op)
            && let Some(integers) = self.integer[x]
        {
            let steps = self.to.tensors[integers].quantization.clone();
            let mut from = vec![integers];
            for constant in &inputs[1..] {
                from.push(self.constant(*constant, steps.as_ref())?);
            }
            let outputs: Vec<usize> =
                node.outputs.iter().map(|output| self.like(*output, steps.clone(), None)).collect();
            for (output, integers) in node.outputs.iter().zip(&outputs) {
                self.integer[*output] = Some(*integers);
            }
            self.emit(node.op.clone(), from, outputs);
            return Ok(());
        }
        let Target::As(target) = self.targets[output] else { return Err(Reason::Floats) };
        let target = self.float.tensors[target].quantization.clone().ok_or(Reason::Floats)?;
        let from = match node.op {
            Op::FullyConnected { .. } | Op::Conv2d(_) | Op::TransposeConv(_) => self.weighted(&inputs, 0)?,
            Op::DepthwiseConv2d(_) => self.weighted(&inputs, 3)?,
            Op::UnidirectionalSequenceLstm(_) | Op::Gru => return Err(Reason::Floats),
            _ => {
                let joins = matches!(node.op, Op::Concatenation { .. });
                let each = inputs.iter().map(|input| match self.integer[*input] {
                    Some(integers) if joins => Ok(self.with_steps(*input, integers, &target)),
                    Some(integers) => Ok(integers),
                    None => self.constant(*input, joins.then_some(&target)),
                });
                each.collect::<core::result::Result<_, _>>()?
            }
        };
        let fixed = demanded(&node.op).map(|(scale, zero)| Quantization {
            scales: vec![scale],
            zero_points: vec![zero],
            axis: 0,
        });
        let written = self.like(output, Some(fixed.unwrap_or_else(|| target.clone())), None);
        self.emit(node.op.clone(), from, vec![written]);
        self.integer[output] = Some(self.with_steps(output, written, &target));
        Ok(())
    }

    /// A constant in integers: with these steps, with its own, or with those of its range.
    fn constant(&mut self, tensor: usize, steps: Option<&Quantization>) -> core::result::Result<usize, Reason> {
        let value = &self.float.tensors[tensor];
        let elements = value.floats().unwrap_or_default();
        let own = value.quantization.clone().filter(|own| own.scales.len() == 1);
        let steps = steps.cloned().or(own).unwrap_or_else(|| {
            let largest = elements.iter().fold(f32::MIN_POSITIVE * 127.0, |largest, x| largest.max(x.abs()));
            Quantization { scales: vec![largest / 127.0], zero_points: vec![0], axis: 0 }
        });
        let (scale, zero) = (steps.scales[0], steps.zero_points[0]);
        if !scale.is_finite() {
            return Err(Reason::Quantization("constants that are finite"));
        }
        let data = elements.iter().map(|x| to_integer(*x, (scale, zero)) as u8).collect();
        Ok(self.like(tensor, Some(steps), Some(data)))
    }

    /// The integers, weights and biases of a product, whose outputs lie along an axis of the weights.
    fn weighted(&mut self, inputs: &[usize], axis: usize) -> core::result::Result<Vec<usize>, Reason> {
        let &[x, w, b] = inputs else { return Err(Reason::Floats) };
        let x = self.integer[x].ok_or(Reason::Floats)?;
        let of_x = self.to.tensors[x].quantization.as_ref().map_or(1.0, |steps| steps.scales[0]);
        let value = &self.float.tensors[w];
        let (Some(weights), Some(steps)) = (value.floats(), value.quantization.clone()) else {
            return Err(Reason::Floats);
        };
        if steps.zero_points.iter().any(|zero| *zero != 0) {
            return Err(Reason::Quantization("weights with zero points 0 (QuantType.QInt8)"));
        }
        let outputs = value.shape[axis];
        let row = weights.len() / outputs;
        let scale = |output: usize| steps.scales[if steps.scales.len() == 1 { 0 } else { output }];
        let output = |at: usize| if axis == 0 { at / row } else { at % outputs };
        let data = weights.iter().enumerate().map(|(at, w)| to_integer(*w, (scale(output(at)), 0)) as u8).collect();
        let biases = self.float.tensors[b].floats().unwrap_or_default();
        let scales: Vec<f32> = (0..outputs).map(|output| of_x * scale(output)).collect();
        if !scales.iter().all(|scale| scale.is_normal()) {
            return Err(Reason::Quantization("scales whose products are not too small or large"));
        }
        let integers =
            biases.iter().zip(&scales).map(|(bias, scale)| libm::round(f64::from(*bias) / f64::from(*scale)) as i32);
        let integers = integers.flat_map(i32::to_le_bytes).collect();
        let weights = self.like(w, Some(steps), Some(data));
        let biases = self.like(b, None, Some(integers));
        self.to.tensors[biases].scalar = Scalar::I32;
        self.to.tensors[biases].quantization = Some(Quantization { zero_points: vec![0; outputs], scales, axis: 0 });
        Ok(vec![x, weights, biases])
    }
}
