//! What each operator becomes in the graph.

use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use super::constant::{Constant, Elements, axes, axis, broadcast, data_type, reshaped};
use super::error::{Fault, Reason};
use super::folded::{folded, order, shape_of, slices, squeezed, unsqueezed};
use super::quantised::Steps;
use super::read::{Form, Known, Operator, Reader};
use super::view::{View, places, row_major};
use super::windows::{Along, Back, along, back};
use crate::exchange::fold;
use crate::exchange::graph::{Activation, Conv, Lstm, Op, Padding, Pool, Quantization, Scalar, Slice};

pub type Result<T> = core::result::Result<T, Fault>;

const MISSING: Fault = Fault::Damaged("lacks an input or output");
const SHAPES: Fault = Fault::Damaged("has shapes that do not fit together");

pub fn option<T>(option: &'static str) -> Result<T> {
    Err(Fault::Refused(Reason::Option(option)))
}

fn computed<T>(what: &'static str) -> Result<T> {
    Err(Fault::Refused(Reason::Computed(what)))
}

/// Whether an operator is one of those below, or is computed when the model is read.
fn is_supported(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "Add",
        "And",
        "AveragePool",
        "BatchNormalization",
        "Cast",
        "Ceil",
        "Clip",
        "Concat",
        "Constant",
        "ConstantOfShape",
        "Conv",
        "ConvTranspose",
        "DequantizeLinear",
        "Div",
        "Dropout",
        "Elu",
        "Equal",
        "Erf",
        "Expand",
        "Flatten",
        "Floor",
        "GRU",
        "Gather",
        "Gelu",
        "Gemm",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "Greater",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "LSTM",
        "LeakyRelu",
        "Less",
        "MatMul",
        "Max",
        "MaxPool",
        "Min",
        "Mod",
        "Mul",
        "Neg",
        "Not",
        "Or",
        "PRelu",
        "Pad",
        "QuantizeLinear",
        "Range",
        "Reciprocal",
        "ReduceMean",
        "ReduceProd",
        "Relu",
        "Reshape",
        "Resize",
        "Shape",
        "Sigmoid",
        "Size",
        "Slice",
        "Softmax",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Tanh",
        "Transpose",
        "Unsqueeze",
        "Where",
    ];
    NAMES.contains(&name)
}

/// A constant that is 1 or a list of 1, as a number.
fn number(constant: &Constant) -> Result<f32> {
    match constant.as_floats()? {
        [number] => Ok(*number),
        _ => Err(Fault::Damaged("should have a single number")),
    }
}

impl<'a> Reader<'a> {
    /// Takes an operator over.
    pub fn operator(&mut self, operator: &Operator<'a>) -> Result<()> {
        if !is_supported(operator.name) {
            return Err(Fault::Refused(Reason::Operator));
        }
        let &[output, ..] = &operator.outputs[..] else { return Err(MISSING) };
        let mut inputs = vec![];
        for input in &operator.inputs {
            inputs.push(self.known(input)?);
        }
        let constants = inputs.iter().map(|input| match input {
            None => Some(None),
            Some(Known::Constant(constant)) => Some(Some(constant.clone())),
            Some(_) => None,
        });
        if let Some(constants) = constants.collect::<Option<Vec<_>>>()
            && let Some(constant) = folded(operator, &constants, self.opset)?
        {
            self.take(constant.len() * 8)?;
            return self.write(output, Known::Constant(Rc::new(constant)));
        }
        // Between QuantizeLinear and DequantizeLinear, integers are only told in another shape.
        const SHAPES_ONLY: &[&str] =
            &["DequantizeLinear", "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose"];
        let integers = inputs.iter().any(
            |input| matches!(input, Some(Known::View(view)) if self.graph.tensors[view.tensor].scalar != Scalar::F32),
        );
        if integers && !SHAPES_ONLY.contains(&operator.name) {
            return Err(Fault::Refused(Reason::Type(data_type::INT8)));
        }
        let mut node = At { reader: self, operator, inputs };
        if let Some(known) = node.of_gelu()? {
            return self.write(output, known);
        }
        let written = match operator.name {
            "Constant" => return Err(Fault::Refused(Reason::Option("a constant of this kind"))),
            "Shape" => {
                let (first, last) = (operator.int("start", 0)?, operator.int("end", i64::MAX)?);
                let shape = shape_of(&node.view(0)?.shape(), first, last)?;
                return self.write(output, Known::Constant(Rc::new(shape)));
            }
            "Size" => {
                let count = node.view(0)?.elements() as i64;
                return self.write(output, Known::Constant(Rc::new(Constant::integers(vec![], vec![count]))));
            }
            "Split" => return node.split(),
            "LSTM" => {
                let op = Op::UnidirectionalSequenceLstm(Lstm { cell_clip: 0.0, quantization: None });
                return node.recurrent(op, &[0, 2, 3, 1]);
            }
            "GRU" => return node.recurrent(Op::Gru, &[1, 0, 2]),
            "QuantizeLinear" => node.quantize()?,
            "DequantizeLinear" => node.dequantize()?,
            "Identity" => node.view(0)?,
            "Dropout" => node.dropout()?,
            "Cast" => node.cast()?,
            "Relu" => node.each(Op::Relu)?,
            "Sigmoid" => node.each(Op::Logistic)?,
            "Tanh" => node.each(Op::Tanh)?,
            "HardSwish" => node.each(Op::HardSwish)?,
            "Gelu" => match operator.text("approximate", "none")? {
                "none" => node.each(Op::Gelu { approximate: false })?,
                "tanh" => node.each(Op::Gelu { approximate: true })?,
                _ => return option("a Gelu that is approximated otherwise than by tanh"),
            },
            "Elu" => match operator.float("alpha", 1.0)? {
                1.0 => node.each(Op::Elu)?,
                _ => return option("an Elu whose alpha is not 1"),
            },
            "LeakyRelu" => {
                let alpha = operator.float("alpha", 0.01)?;
                node.each(Op::LeakyRelu { alpha })?
            }
            "PRelu" => match node.constant(1, "slopes")? {
                Some(slope) if slope.len() == 1 => node.each(Op::LeakyRelu { alpha: number(&slope)? })?,
                Some(slopes) => {
                    let x = node.view(0)?;
                    node.with_constant(Op::PRelu, x, &slopes)?
                }
                None => return Err(MISSING),
            },
            "HardSigmoid" => node.hard_sigmoid()?,
            "Clip" | "Min" | "Max" => node.clip()?,
            "Softmax" => node.softmax()?,
            "Add" | "Sub" | "Mul" | "Div" => node.pair()?,
            "Neg" => {
                let x = node.view(0)?;
                node.with_constant(Op::Mul { activation: Activation::None }, x, &Constant::floats(vec![], vec![-1.0]))?
            }
            "Conv" => node.conv()?,
            "ConvTranspose" => node.conv_transpose()?,
            "Gemm" | "MatMul" => node.product()?,
            "BatchNormalization" => node.batch_normalization()?,
            "MaxPool" | "AveragePool" => node.pool()?,
            "GlobalMaxPool" => node.global_max()?,
            "GlobalAveragePool" => {
                let x = node.view(0)?;
                let axes: Vec<usize> = (2..x.axes.len()).collect();
                node.mean(x, &axes, true)?
            }
            "ReduceMean" => node.reduce_mean()?,
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose" | "Expand" => node.shape()?,
            "Concat" => node.concat()?,
            "Slice" => node.slice()?,
            "Gather" => node.gather()?,
            "Pad" => node.pad()?,
            "Resize" => node.resize()?,
            _ => return computed("what it reads"),
        };
        if operator.outputs.iter().skip(1).any(|output| self.uses.contains_key(output)) {
            return option("a second output");
        }
        self.write(output, Known::View(written))
    }
}

/// An operator that reads what is only known when the network runs.
pub struct At<'r, 'a> {
    pub reader: &'r mut Reader<'a>,
    pub operator: &'r Operator<'a>,
    pub inputs: Vec<Option<Known>>,
}

impl<'a> At<'_, 'a> {
    /// An input that is computed.
    pub fn view(&self, at: usize) -> Result<View> {
        match self.inputs.get(at) {
            Some(Some(Known::View(view))) => Ok(view.clone()),
            Some(Some(_)) => option("a constant in place of a value"),
            _ => Err(MISSING),
        }
    }

    /// An input that is a constant; none if it is left out.
    fn constant(&self, at: usize, what: &'static str) -> Result<Option<Rc<Constant>>> {
        match self.inputs.get(at) {
            Some(Some(Known::Constant(constant))) => Ok(Some(constant.clone())),
            Some(Some(_)) => computed(what),
            _ => Ok(None),
        }
    }

    fn integers(&self, at: usize, what: &'static str) -> Result<Option<Vec<i64>>> {
        self.constant(at, what)?.map(|constant| Ok(constant.as_integers()?.to_vec())).transpose()
    }

    /// Axes of an attribute, or of an input where newer operators have them.
    fn axes(&self, since: i64, at: usize) -> Result<Option<Vec<i64>>> {
        if self.reader.opset >= since { self.integers(at, "axes") } else { Ok(self.operator.ints("axes")?) }
    }

    /// A function of each element.
    pub fn each_of(&mut self, op: Op, x: &View) -> Result<View> {
        let shape = self.reader.shape(x.tensor).to_vec();
        let tensor = self.reader.emit(op, &[x.tensor], &shape)?;
        Ok(View { tensor, axes: x.axes.clone() })
    }

    fn each(&mut self, op: Op) -> Result<View> {
        let x = self.view(0)?;
        self.each_of(op, &x)
    }

    fn steps(&self, x: &View) -> Result<Steps> {
        let Some(scales) = self.constant(1, "a scale")? else { return Err(MISSING) };
        let zeros = self.constant(2, "a zero point")?;
        Steps::read(self.operator, &scales, zeros.as_deref(), &x.shape())
    }

    fn quantize(&mut self) -> Result<View> {
        let x = self.view(0)?;
        let steps = self.steps(&x)?;
        let steps = steps.of_value(steps.is_unsigned())?;
        let shape = self.reader.shape(x.tensor).to_vec();
        let tensor = self.reader.tensor(&shape, Scalar::I8, None)?;
        self.reader.graph.tensors[tensor].quantization = Some(steps);
        self.reader.push(Op::Quantize, &[x.tensor], &[tensor])?;
        Ok(View { tensor, axes: x.axes })
    }

    fn dequantize(&mut self) -> Result<View> {
        let x = self.view(0)?;
        let steps = self.steps(&x)?;
        let steps = steps.of_value(steps.is_unsigned())?;
        if self.reader.graph.tensors[x.tensor].quantization != Some(steps) {
            return Err(Fault::Refused(Reason::Quantization(
                "the scale and zero point of the QuantizeLinear before it",
            )));
        }
        let shape = self.reader.shape(x.tensor).to_vec();
        let tensor = self.reader.tensor(&shape, Scalar::F32, None)?;
        self.reader.push(Op::Dequantize, &[x.tensor], &[tensor])?;
        Ok(View { tensor, axes: x.axes })
    }

    /// What the weights of outputs along an axis were as integers, once these lie along another one.
    fn of_outputs(weights: &Constant, axis: usize, to: usize) -> Result<Option<Quantization>> {
        let Some(steps) = weights.steps.clone() else { return Ok(None) };
        if steps.scales.len() > 1 && steps.axis != axis {
            return Err(Fault::Refused(Reason::Quantization("one scale, or one for each output")));
        }
        Ok(Some(Quantization { axis: if steps.scales.len() == 1 { 0 } else { to }, ..steps }))
    }

    fn dropout(&mut self) -> Result<View> {
        let training = self.constant(2, "training_mode")?;
        if training.is_some_and(|training| training.elements != Elements::Integers(vec![0])) {
            return option("a dropout that goes on after training");
        }
        self.view(0)
    }

    fn cast(&mut self) -> Result<View> {
        match self.operator.int("to", 1)? {
            data_type::FLOAT => self.view(0),
            other => Err(Fault::Refused(Reason::Type(other))),
        }
    }

    /// `max(0, min(1, alpha x + beta))`, as `min(max(6 alpha x + 6 beta, 0), 6) / 6`.
    fn hard_sigmoid(&mut self) -> Result<View> {
        let (alpha, beta) = (self.operator.float("alpha", 0.2)?, self.operator.float("beta", 0.5)?);
        let number = |x| Constant::floats(vec![], vec![x]);
        let (mul, add) = (Op::Mul { activation: Activation::None }, Op::Add { activation: Activation::None });
        let mut x = self.view(0)?;
        if alpha * 6.0 != 1.0 {
            x = self.with_constant(mul.clone(), x, &number(6.0 * alpha))?;
        }
        let x = self.with_constant(add, x, &number(6.0 * beta))?;
        let x = self.each_of(Op::Relu6, &x)?;
        self.with_constant(mul, x, &number(1.0 / 6.0))
    }

    fn clip(&mut self) -> Result<View> {
        let (x, least, greatest) = match self.operator.name {
            "Clip" => (self.view(0)?, self.constant(1, "the least value")?, self.constant(2, "the greatest value")?),
            name => {
                if self.inputs.len() != 2 {
                    return option("more or fewer than two values");
                }
                let (x, bound) = match self.view(0) {
                    Ok(x) => (x, self.constant(1, "one of both")?),
                    Err(_) => (self.view(1)?, self.constant(0, "one of both")?),
                };
                if name == "Max" { (x, bound, None) } else { (x, None, bound) }
            }
        };
        let least = least.map_or(Ok(f32::MIN), |least| number(&least))?;
        let greatest = greatest.map_or(Ok(f32::MAX), |greatest| number(&greatest))?;
        let ops: &[Op] = match (least, greatest) {
            (..=f32::MIN, f32::MAX..) => &[],
            (0.0, f32::MAX..) => &[Op::Relu],
            (0.0, 6.0) => &[Op::Relu6],
            (-1.0, 1.0) => &[Op::ReluN1To1],
            (0.0, 1.0) => &[Op::ReluN1To1, Op::Relu],
            _ => return option("a clip to another range than 0 to 6, 0 to 1, -1 to 1 or above 0"),
        };
        ops.iter().try_fold(x, |x, op| self.each_of(op.clone(), &x))
    }

    fn softmax(&mut self) -> Result<View> {
        let x = self.view(0)?;
        let rank = x.axes.len();
        let along = axis(self.operator.int("axis", -1)?, rank)?;
        let length = x.shape()[along];
        let mut order: Vec<usize> = (0..rank).filter(|axis| *axis != along).collect();
        order.push(along);
        // Its elements lie next to each other already, or they are moved.
        let mut step = 1;
        let inner = x.axes[along].iter().rev().all(|factor| {
            let fits = factor.step == step;
            step *= factor.length;
            fits
        });
        let x = if inner { x } else { self.reader.arranged(&x, &order)? };
        let rows = x.elements() / length;
        let last = self.reader.shape(x.tensor).last() == Some(&length);
        let shape = if rows == 1 { vec![1, length] } else { vec![1, rows, length] };
        let tensor = if last { x.tensor } else { self.reader.shaped(x.tensor, &shape)? };
        self.each_of(Op::Softmax { beta: 1.0 }, &View { tensor, axes: x.axes })
    }

    /// Sums, differences, products and quotients.
    fn pair(&mut self) -> Result<View> {
        let &[Some(a), Some(b)] = &[self.inputs.first(), self.inputs.get(1)] else { return Err(MISSING) };
        let (Some(a), Some(b)) = (a.clone(), b.clone()) else { return Err(MISSING) };
        let (mul, add) = (Op::Mul { activation: Activation::None }, Op::Add { activation: Activation::None });
        let minus = Constant::floats(vec![], vec![-1.0]);
        let of = |constant: &Constant, f: fn(f32) -> f32| -> Result<Constant> {
            Ok(Constant::floats(constant.shape.clone(), constant.as_floats()?.iter().map(|x| f(*x)).collect()))
        };
        match (self.operator.name, a, b) {
            ("Add", Known::View(x), Known::Constant(c)) | ("Add", Known::Constant(c), Known::View(x)) => {
                self.with_constant(add, x, &c)
            }
            ("Mul", Known::View(x), Known::Constant(c)) | ("Mul", Known::Constant(c), Known::View(x)) => {
                self.with_constant(mul, x, &c)
            }
            ("Sub", Known::View(x), Known::Constant(c)) => self.with_constant(add, x, &of(&c, |x| -x)?),
            ("Div", Known::View(x), Known::Constant(c)) => self.with_constant(mul, x, &of(&c, |x| 1.0 / x)?),
            ("Sub", Known::Constant(c), Known::View(x)) => {
                let x = self.with_constant(mul, x, &minus)?;
                self.with_constant(add, x, &c)
            }
            ("Add", Known::View(a), Known::View(b)) => self.with_view(add, a, b),
            ("Mul", Known::View(a), Known::View(b)) => self.with_view(mul, a, b),
            ("Sub", Known::View(a), Known::View(b)) => {
                let b = self.with_constant(mul, b, &minus)?;
                self.with_view(add, a, b)
            }
            _ => option("a quotient whose divisor is computed"),
        }
    }

    /// A form of `x` in which the axes that `other`, of as many axes, is repeated along come before those that it has.
    fn repeating(&self, x: &View, other: &[usize]) -> Result<Form> {
        let shape = x.shape();
        let form = self.reader.form(x);
        let fits = |form: &Form| {
            let dims = form.dims(shape.len()).into_iter().flatten().filter(|axis| shape[*axis] > 1);
            let repeated: Vec<bool> = dims.map(|axis| other[axis] == 1).collect();
            repeated.is_sorted_by(|before, after| before >= after)
        };
        let mut forms = [form, Form::ChannelsLast, Form::Rows].into_iter();
        forms.find(fits).map_or_else(|| option("a sum or product that repeats an axis behind one that is not"), Ok)
    }

    fn with_constant(&mut self, op: Op, mut x: View, constant: &Constant) -> Result<View> {
        let shape = x.shape();
        let rank = shape.len().max(constant.shape.len());
        let ahead = |shape: &[usize]| [vec![1; rank - shape.len()], shape.to_vec()].concat();
        let (shape, of_constant) = (ahead(&shape), ahead(&constant.shape));
        if broadcast(&shape, &of_constant).as_ref() != Some(&shape) {
            return option("a value that is repeated to the shape of a constant");
        }
        while x.axes.len() < rank {
            x.axes.insert(0, vec![]);
        }
        constant.as_floats()?;
        if constant.len() == 1 {
            let c =
                self.reader.quantised_floats(&[1], constant.as_floats()?.iter().copied(), constant.steps.clone())?;
            let to = self.reader.shape(x.tensor).to_vec();
            let tensor = self.reader.emit(op, &[x.tensor, c], &to)?;
            return Ok(View { tensor, axes: x.axes });
        }
        if of_constant == shape {
            let to = self.reader.shape(x.tensor).to_vec();
            let elements = constant.as_floats()?;
            let steps = constant.steps.clone().filter(|steps| steps.scales.len() == 1);
            let c = self.reader.quantised_floats(&to, x.numbers().into_iter().map(|at| elements[at]), steps)?;
            let tensor = self.reader.emit(op, &[x.tensor, c], &to)?;
            return Ok(View { tensor, axes: x.axes });
        }
        let form = self.repeating(&x, &of_constant)?;
        let tensor = self.reader.formed(&x, form)?;
        let c = self.reader.formed_constant(&constant.clone().shaped(of_constant), form)?;
        Ok(self.reader.formed_value(op, &[tensor, c], &shape, form)?)
    }

    fn with_view(&mut self, op: Op, mut a: View, mut b: View) -> Result<View> {
        let rank = a.axes.len().max(b.axes.len());
        for view in [&mut a, &mut b] {
            while view.axes.len() < rank {
                view.axes.insert(0, vec![]);
            }
        }
        let shape = broadcast(&a.shape(), &b.shape()).ok_or(SHAPES)?;
        if a.shape() != shape {
            core::mem::swap(&mut a, &mut b);
        }
        if a.shape() != shape {
            return option("a sum or product that repeats both values");
        }
        if a.shape() == b.shape() {
            if a.axes == b.axes {
                let to = self.reader.shape(a.tensor).to_vec();
                let b = self.reader.shaped(b.tensor, &to)?;
                let tensor = self.reader.emit(op, &[a.tensor, b], &to)?;
                return Ok(View { tensor, axes: a.axes });
            }
            let form =
                if self.reader.form(&b) == Form::ChannelsLast { Form::ChannelsLast } else { self.reader.form(&a) };
            let [a, b] = [&a, &b].map(|view| self.reader.formed(view, form));
            return Ok(self.reader.formed_value(op, &[a?, b?], &shape, form)?);
        }
        let form = self.repeating(&a, &b.shape())?;
        let [a, b] = [&a, &b].map(|view| self.reader.formed(view, form));
        Ok(self.reader.formed_value(op, &[a?, b?], &shape, form)?)
    }

    /// Weights of a convolution `[outputs, channels of a group, height, width]` with the channels last.
    fn conv(&mut self) -> Result<View> {
        let x = self.view(0)?;
        let shape = x.shape();
        let Some(w) = self.constant(1, "weights")? else { return Err(MISSING) };
        let elements = w.as_floats()?;
        if !(3..=4).contains(&shape.len()) {
            return option("a convolution of another number of axes than 4, or 3 for a signal");
        }
        if shape[0] != 1 {
            return Err(Fault::Refused(Reason::Batch(shape[0])));
        }
        if w.shape.len() != shape.len() || w.shape.contains(&0) {
            return Err(SHAPES);
        }
        let (outputs, of_group, channels) = (w.shape[0], w.shape[1], shape[1]);
        let groups = usize::try_from(self.operator.int("group", 1)?).unwrap_or(0);
        if groups == 0 || of_group.checked_mul(groups) != Some(channels) || !outputs.is_multiple_of(groups) {
            return Err(SHAPES);
        }
        let axes = along(self.operator, &shape[2..], Some(&w.shape[2..]))?;
        let biases = match self.constant(2, "biases")? {
            Some(bias) => bias.as_floats()?.to_vec(),
            None => vec![0.0; outputs],
        };
        if biases.len() != outputs {
            return Err(SHAPES);
        }
        let taps = axes[0].kernel * axes[1].kernel;
        let (x, padding) = self.margins(&x, axes, None)?;
        let conv = Conv {
            padding,
            strides: axes.map(|axis| axis.stride),
            dilation: axes.map(|axis| axis.dilation),
            activation: Activation::None,
        };
        let [kh, kw] = axes.map(|axis| axis.kernel);
        let to = [1, axes[0].output, axes[1].output, outputs];
        let value = |tensor| {
            let mut to = vec![1, outputs];
            to.extend(if shape.len() == 4 { vec![axes[0].output, axes[1].output] } else { vec![axes[1].output] });
            let form = Form::ChannelsLast.dims(to.len());
            Ok(View::of(tensor, &to, &form))
        };
        let at = |output: usize, tap: usize, channel: usize| elements[(output * of_group + channel) * taps + tap];
        let reader = &mut *self.reader;
        if groups > 1 && of_group == 1 {
            let ordered = (0..taps).flat_map(|tap| (0..outputs).map(move |output| at(output, tap, 0)));
            let steps = Self::of_outputs(&w, 0, 3)?;
            let weights = reader.quantised_floats(&[1, kh, kw, outputs], ordered, steps)?;
            let biases = reader.floats(&[outputs], biases)?;
            return value(reader.emit(Op::DepthwiseConv2d(conv), &[x, weights, biases], &to)?);
        }
        // Each group reads its own channels.
        let mut parts = vec![x];
        if groups > 1 {
            let mut part = reader.shape(x).to_vec();
            part[3] = of_group;
            parts.clear();
            for _ in 0..groups {
                parts.push(reader.tensor(&part, Scalar::F32, None)?);
            }
            reader.push(Op::Split { axis: 3 }, &[x], &parts)?;
        }
        let each = outputs / groups;
        let mut made = vec![];
        for (group, part) in parts.into_iter().enumerate() {
            let of = |output| (0..taps).flat_map(move |tap| (0..of_group).map(move |channel| at(output, tap, channel)));
            let rows = group * each..(group + 1) * each;
            let mut steps = Self::of_outputs(&w, 0, 0)?;
            if let Some(steps) = steps.as_mut().filter(|steps| steps.scales.len() > 1) {
                steps.scales = steps.scales[rows.clone()].to_vec();
                steps.zero_points = steps.zero_points[rows.clone()].to_vec();
            }
            let weights = reader.quantised_floats(&[each, kh, kw, of_group], rows.clone().flat_map(of), steps)?;
            let biases = reader.floats(&[each], biases[rows].iter().copied())?;
            made.push(reader.emit(Op::Conv2d(conv), &[part, weights, biases], &[1, to[1], to[2], each])?);
        }
        match made[..] {
            [one] => value(one),
            _ => value(reader.emit(Op::Concatenation { axis: 3 }, &made, &to)?),
        }
    }

    /// Weights of a transposed convolution, `[channels, outputs, height, width]`, with the outputs first and the channels last. Where LiteRT has
    /// no name for the padding, all that comes of the input is computed, and its margins are cut off.
    fn conv_transpose(&mut self) -> Result<View> {
        let x = self.view(0)?;
        let shape = x.shape();
        let Some(w) = self.constant(1, "weights")? else { return Err(MISSING) };
        let elements = w.as_floats()?;
        if !(3..=4).contains(&shape.len()) {
            return option("a transposed convolution of another number of axes than 4, or 3 for a signal");
        }
        if shape[0] != 1 {
            return Err(Fault::Refused(Reason::Batch(shape[0])));
        }
        if self.operator.int("group", 1)? != 1 {
            return option("a transposed convolution in groups");
        }
        if w.shape.len() != shape.len() || w.shape.contains(&0) || w.shape[0] != shape[1] {
            return Err(SHAPES);
        }
        let (channels, outputs) = (w.shape[0], w.shape[1]);
        let axes = back(self.operator, &shape[2..], &w.shape[2..])?;
        let biases = match self.constant(2, "biases")? {
            Some(bias) => bias.as_floats()?.to_vec(),
            None => vec![0.0; outputs],
        };
        if biases.len() != outputs {
            return Err(SHAPES);
        }
        let same = axes.iter().all(|axis| axis.same);
        let [kh, kw] = axes.map(|axis| axis.kernel);
        let taps = kh * kw;
        let of = |output: usize| {
            (0..taps).flat_map(move |tap| {
                (0..channels).map(move |channel| elements[(channel * outputs + output) * taps + tap])
            })
        };
        let conv = Conv {
            padding: if same { Padding::Same } else { Padding::Valid },
            strides: axes.map(|axis| axis.stride),
            dilation: [1; 2],
            activation: Activation::None,
        };
        let steps = Self::of_outputs(&w, 1, 0)?;
        let tensor = self.reader.formed(&x, Form::ChannelsLast)?;
        let weights = self.reader.quantised_floats(&[outputs, kh, kw, channels], (0..outputs).flat_map(of), steps)?;
        let biases = self.reader.floats(&[outputs], biases)?;
        let of_length = |length: fn(&Back) -> usize| {
            let mut to = vec![1, outputs];
            to.extend(axes[4 - shape.len()..].iter().map(length));
            to
        };
        let to = of_length(if same { |axis| axis.output } else { |axis| axis.whole });
        let whole =
            self.reader.formed_value(Op::TransposeConv(conv), &[tensor, weights, biases], &to, Form::ChannelsLast)?;
        if same {
            return Ok(whole);
        }
        let mut taken = vec![(0, 1, 1), (0, 1, outputs)];
        taken.extend(axes[4 - shape.len()..].iter().map(|axis| (axis.before, 1, axis.output)));
        self.sliced(&whole, &taken)
    }

    /// The tensor that kernels go over, with a margin around it where LiteRT has no name for the padding.
    fn margins(&mut self, x: &View, axes: [Along; 2], value: Option<f32>) -> Result<(usize, Padding)> {
        let tensor = self.reader.formed(x, Form::ChannelsLast)?;
        if let Some(padding) = Along::padding(axes) {
            return Ok((tensor, padding));
        }
        let [height, width] = axes.map(|axis| axis.margins);
        let mut shape = self.reader.shape(tensor).to_vec();
        for (length, [before, behind]) in shape[1..3].iter_mut().zip([height, width]) {
            *length = length.saturating_add(before).saturating_add(behind);
        }
        let mut inputs = vec![tensor];
        if let Some(value) = value {
            inputs.push(self.reader.floats(&[1], [value])?);
        }
        let margins = vec![[0; 2], height, width, [0; 2]];
        Ok((self.reader.emit(Op::Pad { margins }, &inputs, &shape)?, Padding::Valid))
    }

    fn pool(&mut self) -> Result<View> {
        let x = self.view(0)?;
        let shape = x.shape();
        if !(3..=4).contains(&shape.len()) {
            return option("a pooling of another number of axes than 4, or 3 for a signal");
        }
        if shape[0] != 1 {
            return Err(Fault::Refused(Reason::Batch(shape[0])));
        }
        let axes = along(self.operator, &shape[2..], None)?;
        if axes.iter().any(|axis| axis.dilation > 1) {
            return option("a pooling with dilation");
        }
        let largest = self.operator.name == "MaxPool";
        let (x, padding) = if largest {
            // Where nothing is below 0, a margin of it is never the largest alone.
            let value = if self.is_positive(x.tensor) { None } else { Some(f32::MIN) };
            self.margins(&x, axes, value)?
        } else {
            let counts = self.operator.int("count_include_pad", 0)? != 0;
            let open = axes.iter().any(|axis| axis.margins != [0; 2]);
            if counts && open && self.operator.int("ceil_mode", 0)? != 0 {
                return option("ceil_mode of an average that counts its padding");
            }
            match Along::padding(axes) {
                Some(padding) if !open || !counts => (self.reader.formed(&x, Form::ChannelsLast)?, padding),
                None if !counts => return option("padding that an average does not count, unless it is SAME_UPPER's"),
                _ => self.margins(&x, axes.map(Along::with_margin), None)?,
            }
        };
        let pool = Pool {
            padding,
            window: axes.map(|axis| axis.kernel),
            strides: axes.map(|axis| axis.stride),
            activation: Activation::None,
        };
        self.pooled(if largest { Op::MaxPool2d(pool) } else { Op::AveragePool2d(pool) }, x, &shape, axes)
    }

    fn pooled(&mut self, op: Op, x: usize, shape: &[usize], axes: [Along; 2]) -> Result<View> {
        let mut to = vec![1, shape[1]];
        to.extend(axes[4 - shape.len()..].iter().map(|axis| axis.output));
        Ok(self.reader.formed_value(op, &[x], &to, Form::ChannelsLast)?)
    }

    fn global_max(&mut self) -> Result<View> {
        let x = self.view(0)?;
        let shape = x.shape();
        if !(3..=4).contains(&shape.len()) || shape[0] != 1 {
            return option("a pooling of another number of axes than 4, or 3 for a signal");
        }
        let tensor = self.reader.formed(&x, Form::ChannelsLast)?;
        let window = [self.reader.shape(tensor)[1], self.reader.shape(tensor)[2]];
        let pool = Pool { padding: Padding::Valid, window, strides: [1; 2], activation: Activation::None };
        let mut to = shape.clone();
        to[2..].fill(1);
        Ok(self.reader.formed_value(Op::MaxPool2d(pool), &[tensor], &to, Form::ChannelsLast)?)
    }

    /// Whether a tensor is known to have nothing below 0.
    fn is_positive(&self, mut tensor: usize) -> bool {
        // As deep as exporters go.
        for _ in 0..8 {
            let Some(node) = self.reader.writers[tensor].and_then(|at| self.reader.graph.nodes.get(at)) else {
                return false;
            };
            match node.op {
                Op::Relu | Op::Relu6 | Op::Logistic | Op::Softmax { .. } => return true,
                Op::MaxPool2d(_) | Op::AveragePool2d(_) | Op::Reshape | Op::Transpose { .. } => {}
                _ => return false,
            }
            let Some(Some(input)) = node.inputs.first() else { return false };
            tensor = *input;
        }
        false
    }

    /// A matrix product with constant weights, and a bias.
    fn product(&mut self) -> Result<View> {
        let gemm = self.operator.name == "Gemm";
        let mut x = match &self.inputs[..] {
            [Some(Known::Constant(_)), Some(Known::View(_)), ..] => {
                return option("a product whose first factor is constant");
            }
            _ => self.view(0)?,
        };
        let Some(w) = self.constant(1, "one factor of a product")? else { return Err(MISSING) };
        let (mut alpha, mut by_column) = (1.0, true);
        if gemm {
            alpha = self.operator.float("alpha", 1.0)?;
            by_column = self.operator.int("transB", 0)? == 0;
            if self.operator.int("transA", 0)? != 0 {
                x.axes.reverse();
            }
        }
        let &[first, second] = &w.shape[..] else {
            return option("a product with more or fewer than two axes of weights");
        };
        let (inputs, outputs) = if by_column { (first, second) } else { (second, first) };
        let shape = x.shape();
        let Some((&columns, others)) = shape.split_last() else { return Err(SHAPES) };
        if columns != inputs || outputs == 0 || inputs == 0 || gemm && shape.len() != 2 {
            return Err(SHAPES);
        }
        let elements = w.as_floats()?;
        let biases = match if gemm { self.constant(2, "biases")? } else { None } {
            None => vec![0.0; outputs],
            Some(bias) => {
                if others.iter().product::<usize>() > 1 && bias.len() > outputs {
                    return option("a bias for each row");
                }
                let beta = self.operator.float("beta", 1.0)?;
                let bias = bias.repeated(&[1, outputs]).or_else(|_| bias.repeated(&[outputs]))?;
                bias.as_floats()?.iter().map(|bias| beta * bias).collect()
            }
        };
        let to = [others, &[outputs]].concat();
        let one = others.iter().product::<usize>() == 1;
        // The elements of one vector stay as they lie: the weights are put in their order.
        let order: Vec<usize> = if one { x.numbers() } else { (0..inputs).collect() };
        let tensor = if one {
            self.reader.shaped(x.tensor, &[1, inputs])?
        } else {
            let x = self.reader.arranged(&x, &(0..shape.len()).collect::<Vec<_>>())?;
            self.reader.shaped(x.tensor, &shape)?
        };
        let at = |output: usize, input: usize| match by_column {
            true => elements[input * outputs + output],
            false => elements[output * inputs + input],
        };
        let order = &order;
        let rows = (0..outputs).flat_map(|output| order.iter().map(move |input| alpha * at(output, *input)));
        let steps = Self::of_outputs(&w, if by_column { 1 } else { 0 }, 0)?;
        if steps.is_some() && alpha != 1.0 {
            return option("a factor of integers");
        }
        let weights = self.reader.quantised_floats(&[outputs, inputs], rows, steps)?;
        let biases = self.reader.floats(&[outputs], biases)?;
        let written = if one { vec![1, outputs] } else { to.clone() };
        let op = Op::FullyConnected { activation: Activation::None };
        let tensor = self.reader.emit(op, &[tensor, weights, biases], &written)?;
        Ok(View::rows(tensor, &to))
    }

    fn batch_normalization(&mut self) -> Result<View> {
        let x = self.view(0)?;
        if self.operator.int("training_mode", 0)? != 0 {
            return option("a normalisation that goes on training");
        }
        let epsilon = self.operator.float("epsilon", 1e-5)?;
        let shape = x.shape();
        let &[_, channels, ..] = &shape[..] else { return Err(SHAPES) };
        let mut parameters = vec![];
        for at in 1..5 {
            let Some(constant) = self.constant(at, "scale, bias, mean and variance")? else { return Err(MISSING) };
            if constant.as_floats()?.len() != channels {
                return Err(SHAPES);
            }
            parameters.push(constant);
        }
        let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|at| parameters[at].as_floats().unwrap_or_default());
        // Into the weights of a node that nothing else reads, as a network's own normalisation is.
        let name = self.operator.inputs[0];
        let alone = self.reader.uses.get(name) == Some(&1) && self.reader.graph.tensors[x.tensor].name == name;
        let before = self.reader.writers[x.tensor].filter(|_| alone);
        let weighted = |op: &Op| match op {
            Op::Conv2d(_) | Op::DepthwiseConv2d(_) => true,
            Op::FullyConnected { .. } => shape.len() == 2,
            _ => false,
        };
        let graph = &mut self.reader.graph;
        let epsilon = f64::from(epsilon);
        if let Some(before) = before.filter(|at| weighted(&graph.nodes[*at].op))
            && fold::normalise(graph, before, [weight, bias, mean, variance], epsilon).is_some()
        {
            return Ok(x);
        }
        let factor: Vec<f64> =
            weight.iter().zip(variance).map(|(w, v)| f64::from(*w) / libm::sqrt(f64::from(*v) + epsilon)).collect();
        let addends = bias.iter().zip(mean).zip(&factor).map(|((b, m), f)| (f64::from(*b) - f64::from(*m) * f) as f32);
        let addends = addends.collect();
        let mut of_channel = vec![1; shape.len()];
        of_channel[1] = channels;
        let factor = Constant::floats(of_channel.clone(), factor.iter().map(|f| *f as f32).collect());
        let x = self.with_constant(Op::Mul { activation: Activation::None }, x, &factor)?;
        self.with_constant(Op::Add { activation: Activation::None }, x, &Constant::floats(of_channel, addends))
    }

    fn reduce_mean(&mut self) -> Result<View> {
        let x = self.view(0)?;
        let rank = x.axes.len();
        let axes = match self.axes(18, 1)?.filter(|named| !named.is_empty()) {
            Some(named) => axes(&named, rank)?,
            None if self.operator.int("noop_with_empty_axes", 0)? != 0 => return Ok(x),
            None => (0..rank).collect(),
        };
        let keep = self.operator.int("keepdims", 1)? != 0;
        self.mean(x, &axes, keep)
    }

    fn mean(&mut self, x: View, gone: &[usize], keep: bool) -> Result<View> {
        let shape = x.shape();
        let left = |view: View| {
            let axes = view.axes.into_iter().enumerate().filter(|(axis, _)| keep || !gone.contains(axis));
            View { tensor: view.tensor, axes: axes.map(|(_, axis)| axis).collect() }
        };
        if gone.iter().all(|axis| shape[*axis] == 1) {
            return Ok(left(x));
        }
        // A mean over a signal is one over an image.
        let form = match shape.len() {
            3 | 4 if !gone.contains(&1) => Form::ChannelsLast,
            _ => self.reader.form(&x),
        };
        let tensor = self.reader.formed(&x, form)?;
        let dims = form.dims(shape.len());
        let image = (shape.len() == 3 && gone.contains(&2)) || shape.len() == 4;
        let is_gone = |axis: &Option<usize>| axis.map_or(image, |axis| gone.contains(&axis));
        let axes = dims.iter().enumerate().filter(|(_, axis)| is_gone(axis)).map(|(at, _)| at).collect();
        let rest: Vec<Option<usize>> = dims.iter().filter(|axis| !is_gone(axis)).copied().collect();
        let to: Vec<usize> = rest.iter().map(|axis| axis.map_or(1, |axis| shape[axis])).collect();
        let tensor = self.reader.emit(Op::Mean { axes, keep: false }, &[tensor], &to)?;
        let mut ones = shape.clone();
        gone.iter().for_each(|axis| ones[*axis] = 1);
        Ok(left(View::of(tensor, &ones, &rest)))
    }

    /// Operators that only say in another way where elements lie.
    fn shape(&mut self) -> Result<View> {
        let x = self.view(0)?;
        let shape = x.shape();
        let to = match self.operator.name {
            "Transpose" => {
                let order = order(self.operator, shape.len())?;
                return Ok(View { tensor: x.tensor, axes: order.iter().map(|axis| x.axes[*axis].clone()).collect() });
            }
            "Squeeze" => {
                let gone = squeezed(&shape, self.integers(1, "axes")?)?;
                let axes = x.axes.into_iter().enumerate().filter(|(axis, _)| !gone.contains(axis));
                return Ok(View { tensor: x.tensor, axes: axes.map(|(_, axis)| axis).collect() });
            }
            "Expand" => {
                let named = self.integers(1, "a shape")?.ok_or(MISSING)?;
                let named: Vec<usize> = named.iter().map(|n| usize::try_from(*n).unwrap_or(usize::MAX)).collect();
                let to = broadcast(&shape, &named).ok_or(SHAPES)?;
                if to.iter().product::<usize>() != x.elements() {
                    return option("a value that is repeated");
                }
                to
            }
            "Unsqueeze" => unsqueezed(&shape, &self.integers(1, "axes")?.ok_or(MISSING)?)?,
            "Flatten" => {
                let at = self.operator.int("axis", 1)?;
                let at = if at == shape.len() as i64 { shape.len() } else { axis(at, shape.len())? };
                [&shape[..at], &shape[at..]].map(|part| part.iter().product()).into()
            }
            _ => {
                let named = self.integers(1, "a shape")?.ok_or(MISSING)?;
                reshaped(&shape, &named, self.operator.int("allowzero", 0)? != 0)?
            }
        };
        if let Some(reshaped) = x.reshaped(&to) {
            return Ok(reshaped);
        }
        let x = self.reader.arranged(&x, &(0..shape.len()).collect::<Vec<_>>())?;
        x.reshaped(&to).ok_or(SHAPES)
    }

    fn concat(&mut self) -> Result<View> {
        let views: Vec<View> = self
            .inputs
            .iter()
            .filter_map(|input| if let Some(Known::View(view)) = input { Some(view.clone()) } else { None })
            .collect();
        let Some(first) = views.first() else { return Err(MISSING) };
        let mut shape = first.shape();
        let along = axis(self.operator.int("axis", i64::MAX)?, shape.len())?;
        let form = if views.iter().any(|view| self.reader.form(view) == Form::ChannelsLast) {
            Form::ChannelsLast
        } else {
            Form::Rows
        };
        shape[along] = 0;
        let mut parts = vec![];
        for input in core::mem::take(&mut self.inputs) {
            let (part, tensor) = match input {
                Some(Known::View(view)) => (view.shape(), self.reader.formed(&view, form)?),
                Some(Known::Constant(constant)) => {
                    constant.as_floats()?;
                    if constant.shape.len() != shape.len() {
                        return Err(SHAPES);
                    }
                    (constant.shape.clone(), self.reader.formed_constant(&constant, form)?)
                }
                _ => return Err(MISSING),
            };
            let fits =
                part.len() == shape.len() && (0..part.len()).all(|axis| axis == along || part[axis] == shape[axis]);
            if !fits {
                return Err(SHAPES);
            }
            shape[along] = shape[along].saturating_add(part[along]);
            parts.push(tensor);
        }
        let axis = form.dims(shape.len()).iter().position(|axis| *axis == Some(along)).ok_or(SHAPES)?;
        Ok(self.reader.formed_value(Op::Concatenation { axis }, &parts, &shape, form)?)
    }

    fn split(&mut self) -> Result<()> {
        let x = self.view(0)?;
        let shape = x.shape();
        let along = axis(self.operator.int("axis", 0)?, shape.len())?;
        let count = self.operator.outputs.len();
        let lengths = match self.integers(1, "lengths of parts")? {
            Some(named) => named.iter().map(|n| usize::try_from(*n).unwrap_or(0)).collect(),
            None => {
                let each = shape[along].div_ceil(count);
                let rest = shape[along].saturating_sub(each * (count - 1));
                [vec![each; count - 1], vec![rest]].concat()
            }
        };
        if lengths.len() != count
            || lengths.contains(&0)
            || lengths.iter().try_fold(0, |sum: usize, n| sum.checked_add(*n)) != Some(shape[along])
        {
            return Err(SHAPES);
        }
        let form = self.reader.form(&x);
        let tensor = self.reader.formed(&x, form)?;
        let dims = form.dims(shape.len());
        let (mut tensors, mut views) = (vec![], vec![]);
        for length in lengths {
            let mut part = shape.clone();
            part[along] = length;
            let tensor = self.reader.tensor(&form.shape(&part), Scalar::F32, None)?;
            tensors.push(tensor);
            views.push(View::of(tensor, &part, &dims));
        }
        let axis = dims.iter().position(|axis| *axis == Some(along)).ok_or(SHAPES)?;
        self.reader.push(Op::Split { axis }, &[tensor], &tensors)?;
        for (output, view) in self.operator.outputs.iter().zip(views) {
            self.reader.write(output, Known::View(view))?;
        }
        Ok(())
    }

    /// Elements along each axis: begin, step, length.
    fn sliced(&mut self, x: &View, taken: &[(usize, isize, usize)]) -> Result<View> {
        let shape = x.shape();
        if taken.iter().zip(&shape).all(|((begin, step, len), length)| (*begin, *step, len) == (0, 1, length)) {
            return Ok(x.clone());
        }
        if taken.iter().any(|(.., len)| *len == 0) {
            return option("a slice of nothing");
        }
        let form = self.reader.form(x);
        let tensor = self.reader.formed(x, form)?;
        let slices = form.dims(shape.len()).into_iter().map(|axis| {
            let (begin, step, len) = axis.map_or((0, 1, 1), |axis| taken[axis]);
            Slice { begin, step, len, drop: false }
        });
        let to: Vec<usize> = taken.iter().map(|(.., len)| *len).collect();
        Ok(self.reader.formed_value(Op::StridedSlice { slices: slices.collect() }, &[tensor], &to, form)?)
    }

    fn slice(&mut self) -> Result<View> {
        let x = self.view(0)?;
        let [Some(starts), Some(ends)] = [self.integers(1, "starts")?, self.integers(2, "ends")?] else {
            return Err(MISSING);
        };
        let taken = slices(&x.shape(), &starts, &ends, self.integers(3, "axes")?, self.integers(4, "steps")?)?;
        self.sliced(&x, &taken)
    }

    /// One index of an axis, which then goes.
    fn gather(&mut self) -> Result<View> {
        let x = self.view(0)?;
        let shape = x.shape();
        let Some(index) = self.constant(1, "an index")? else { return Err(MISSING) };
        let along = axis(self.operator.int("axis", 0)?, shape.len())?;
        let &[number] = index.as_integers()? else { return option("a choice of several elements") };
        let mut taken: Vec<_> = shape.iter().map(|length| (0, 1, *length)).collect();
        taken[along] = (axis(number, shape[along])?, 1, 1);
        let mut view = self.sliced(&x, &taken)?;
        match index.shape[..] {
            [] => {
                view.axes.remove(along);
            }
            [1] => {}
            _ => return option("an index of several axes"),
        }
        Ok(view)
    }

    fn pad(&mut self) -> Result<View> {
        let x = self.view(0)?;
        let shape = x.shape();
        if self.operator.text("mode", "constant")? != "constant" {
            return option("a margin that reflects or repeats");
        }
        let pads = self.integers(1, "pads")?.ok_or(MISSING)?;
        let named = self.integers(3, "axes")?.unwrap_or_else(|| (0..shape.len() as i64).collect());
        let value = self.constant(2, "the value of a margin")?.map_or(Ok(0.0), |value| number(&value))?;
        if Some(pads.len()) != named.len().checked_mul(2) {
            return Err(SHAPES);
        }
        let mut margins = vec![[0; 2]; shape.len()];
        for (at, named_axis) in named.iter().enumerate() {
            let both = [pads[at], pads[named.len() + at]].map(usize::try_from);
            let [Ok(before), Ok(behind)] = both else { return option("a margin that cuts off") };
            margins[axis(*named_axis, shape.len())?] = [before, behind];
        }
        let sum =
            |(length, [before, behind]): (&usize, &[usize; 2])| length.saturating_add(*before).saturating_add(*behind);
        let to: Vec<usize> = shape.iter().zip(&margins).map(sum).collect();
        if to == shape {
            return Ok(x);
        }
        let form = self.reader.form(&x);
        let mut inputs = vec![self.reader.formed(&x, form)?];
        if value != 0.0 {
            inputs.push(self.reader.floats(&[1], [value])?);
        }
        let margins = form.dims(shape.len()).iter().map(|axis| axis.map_or([0; 2], |axis| margins[axis])).collect();
        Ok(self.reader.formed_value(Op::Pad { margins }, &inputs, &to, form)?)
    }

    fn resize(&mut self) -> Result<View> {
        let x = self.view(0)?;
        let shape = x.shape();
        let mode = self.operator.text("mode", "nearest")?;
        let coordinates = self.operator.text("coordinate_transformation_mode", "half_pixel")?;
        let rounding = self.operator.text("nearest_mode", "round_prefer_floor")?;
        if (mode, coordinates, rounding) != ("nearest", "asymmetric", "floor") || shape.len() != 4 {
            return option("another resize than of images, nearest, asymmetric and floor, as nn.Upsample has it");
        }
        let (scales, sizes) = (self.constant(2, "scales")?, self.integers(3, "sizes")?);
        let to: Vec<usize> = match (sizes, scales.filter(|scales| scales.len() > 0)) {
            (Some(sizes), _) => sizes.iter().map(|n| usize::try_from(*n).unwrap_or(0)).collect(),
            (None, Some(scales)) if scales.len() == 4 => {
                let scaled =
                    scales.as_floats()?.iter().zip(&shape).map(|(scale, length)| (scale * *length as f32) as usize);
                scaled.collect()
            }
            _ => return Err(MISSING),
        };
        let whole = to.len() == 4 && to.iter().zip(&shape).all(|(to, from)| *to > 0 && to.is_multiple_of(*from));
        if !whole || to[..2] != shape[..2] {
            return option("a resize by another than a whole factor");
        }
        let tensor = self.reader.formed(&x, Form::ChannelsLast)?;
        let op = Op::ResizeNearest { align_corners: false, half_pixel_centers: false };
        Ok(self.reader.formed_value(op, &[tensor], &to, Form::ChannelsLast)?)
    }

    /// ONNX has steps before the batch. `order` says where it has the gates that `op` has one after another.
    fn recurrent(&mut self, op: Op, order: &[usize]) -> Result<()> {
        let x = self.view(0)?;
        let shape = x.shape();
        let &[steps, batch, inputs] = &shape[..] else { return Err(SHAPES) };
        let units = usize::try_from(self.operator.int("hidden_size", 0)?).unwrap_or(0);
        if batch != 1 {
            return Err(Fault::Refused(Reason::Batch(batch)));
        }
        for (found, what) in [
            (self.operator.text("direction", "forward")? != "forward", "another direction than forward"),
            (self.operator.int("layout", 0)? != 0, "the batch first: leave the attribute layout out"),
            (self.operator.int("input_forget", 0)? != 0, "coupled gates"),
            (
                op == Op::Gru && self.operator.int("linear_before_reset", 0)? == 0,
                "a reset gate in front of the hidden product: PyTorch's nn.GRU has it behind (linear_before_reset = 1)",
            ),
            (self.operator.has("clip"), "gates that are clipped"),
            (self.operator.has("activations"), "activations of its own"),
            (self.inputs.get(4).is_some_and(Option::is_some), "sequence lengths"),
            (self.inputs.get(7).is_some_and(Option::is_some), "peepholes"),
            (
                self.operator.outputs.get(2).is_some_and(|name| self.reader.uses.contains_key(name)),
                "the last cells as an output",
            ),
        ] {
            if found {
                return option(what);
            }
        }
        for at in [5, 6] {
            let zero = self
                .constant(at, "a state to begin with")?
                .is_none_or(|state| state.as_floats().is_ok_and(|state| state.iter().all(|x| *x == 0.0)));
            if !zero {
                return option("another state to begin with than 0");
            }
        }
        let [Some(w), Some(r)] = [self.constant(1, "weights")?, self.constant(2, "weights")?] else {
            return Err(MISSING);
        };
        let gates = units.checked_mul(order.len()).ok_or(SHAPES)?;
        if units == 0 || w.shape != [1, gates, inputs] || r.shape != [1, gates, units] {
            return Err(SHAPES);
        }
        let bias = match self.constant(3, "biases")? {
            Some(bias) => bias.as_floats()?.to_vec(),
            None => vec![0.0; 2 * gates],
        };
        if bias.len() != 2 * gates {
            return Err(SHAPES);
        }
        let x = self.reader.arranged(&x, &[0, 1, 2])?;
        let mut tensors = vec![self.reader.shaped(x.tensor, &[1, steps, inputs])?];
        for (weights, columns) in [(&w, inputs), (&r, units)] {
            let weights = weights.as_floats()?;
            for gate in order {
                let rows = weights[gate * units * columns..][..units * columns].iter().copied();
                tensors.push(self.reader.floats(&[units, columns], rows)?);
            }
        }
        for (at, gate) in order.iter().enumerate() {
            let [of_input, of_state] = [*gate, order.len() + gate].map(|gate| bias[gate * units..][..units].iter());
            if op == Op::Gru && at == 2 {
                // The reset gate is between them.
                tensors.push(self.reader.floats(&[units], of_input.copied())?);
                tensors.push(self.reader.floats(&[units], of_state.copied())?);
            } else {
                tensors.push(self.reader.floats(&[units], of_input.zip(of_state).map(|(a, b)| a + b))?);
            }
        }
        let y = self.reader.emit(op, &tensors, &[1, steps, units])?;
        let all = View::rows(y, &[steps, 1, 1, units]);
        if let Some(last) = self.operator.outputs.get(1).filter(|name| self.reader.uses.contains_key(*name)) {
            let rows = View::rows(y, &[1, steps, units]);
            let view = self.sliced(&rows, &[(0, 1, 1), (steps - 1, 1, 1), (0, 1, units)])?;
            self.reader.write(last, Known::View(view))?;
        }
        self.reader.write(self.operator.outputs[0], Known::View(all))
    }
}

impl Reader<'_> {
    /// A constant of a value's axes, in a form; axes of length 1 in front are left out.
    fn formed_constant(&mut self, constant: &Constant, form: Form) -> Result<usize> {
        let steps = row_major(&constant.shape);
        let dims = form.dims(constant.shape.len());
        let shape = form.shape(&constant.shape);
        let steps: Vec<isize> = dims.iter().map(|axis| axis.map_or(0, |axis| steps[axis] as isize)).collect();
        let elements = constant.as_floats()?;
        let at = places(&shape, &steps, 0);
        let steps = constant.steps.clone().filter(|steps| steps.scales.len() == 1);
        Ok(self.quantised_floats(&shape, at.into_iter().map(|at| elements[at]), steps)?)
    }
}
