//! A typed network of a graph's operators, on a host: the value that [`codegen`](super::codegen) would write as a program.

use core::any::{TypeId, type_name};
use core::fmt;
use std::vec::{IntoIter, Vec};

use super::float::Float;
use super::graph::{Graph, Op, Scalar};
use super::lower::{Constants, Kernel, LowerError, Step, fused, lower};
use crate::layers::{Around, Branches, Concat, Sum};
use crate::numbers::Array;
use crate::quant::{
    Add, AddFloats, AveragePool, Cast, Constant, Conv2d, DepthwiseConv2d, Each, Embedding, FullyConnected, Gru,
    Integer, Lstm, MaxPool, Mean, Merge, Merged, Mul, MulFloats, Quantize, Recurrent, Reshape, RowOperator, Softmax,
    Strided, Table, Weighted, Weights, Windowed,
};

impl Graph {
    /// The graph as the network of integers `N`, such as [`Quantised`](crate::Quantised) names it. Its constants stay in memory as long as the
    /// program runs.
    ///
    /// # Errors
    /// [`TypeError`] says which operator is not that of the type.
    pub fn typed<N: Typed>(&self) -> Result<N, TypeError> {
        let &[at] = &self.inputs[..] else { return Err(TypeError::Ends) };
        let steps: Vec<_> = fused(self, lower(self)?).into_iter().enumerate().collect();
        let mut steps = Steps { graph: self, steps: steps.into_iter(), at };
        let net = N::of(&mut steps)?;
        match steps.next() {
            Some((operator, _)) => Err(steps.refuse(Some(operator), "nothing")),
            None if self.outputs == [steps.at] => Ok(net),
            None => Err(TypeError::Ends),
        }
    }
}

/// Why a graph is not the network of a type.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeError {
    /// An operator cannot be run at all.
    Lower(LowerError),
    /// A typed network has one input, and the output of the last operator.
    Ends,
    /// An operator, or its tensors, are not those of a layer.
    Operator {
        /// Number of the operator, and its name; none if there are no more.
        operator: Option<(usize, &'static str)>,
        /// What the type has in its place.
        layer: &'static str,
    },
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Lower(error) => error.fmt(f),
            Self::Ends => write!(f, "a network of a type has one input and one output"),
            Self::Operator { operator: Some((at, name)), layer } => {
                write!(
                    f,
                    "operator {at} ({name}): the type has `{layer}` in its place, or its tensors have other shapes"
                )
            }
            Self::Operator { operator: None, layer } => {
                write!(f, "behind the last operator, the type still has `{layer}`")
            }
        }
    }
}

impl core::error::Error for TypeError {}

impl From<LowerError> for TypeError {
    fn from(error: LowerError) -> Self {
        Self::Lower(error)
    }
}

/// What is left of a graph.
pub struct Steps<'g> {
    graph: &'g Graph,
    /// By their operators' numbers; none where an operator lies in another one.
    steps: IntoIter<(usize, Option<Step>)>,
    /// The tensor that the next layer reads.
    at: usize,
}

impl Steps<'_> {
    fn next(&mut self) -> Option<(usize, Step)> {
        self.steps.find_map(|(operator, step)| Some((operator, step?)))
    }

    fn peek(&self) -> Option<&Step> {
        self.steps.as_slice().iter().find_map(|(_, step)| step.as_ref())
    }

    fn refuse(&self, operator: Option<usize>, layer: &'static str) -> TypeError {
        let operator = operator.and_then(|at| Some((at, self.graph.nodes.get(at)?.op.name())));
        TypeError::Operator { operator, layer }
    }

    /// Whether the elements of a tensor are an `X`.
    fn is<X: Array>(&self, tensor: usize) -> bool {
        let Some(value) = self.graph.tensors.get(tensor) else { return false };
        let scalar = match value.scalar {
            Scalar::F32 => TypeId::of::<f32>(),
            Scalar::I32 => TypeId::of::<i32>(),
            Scalar::I8 | Scalar::U8 => TypeId::of::<i8>(),
            Scalar::I64 => return false,
        };
        let mut lengths = Vec::new();
        X::axes(&mut |length| lengths.push(length));
        TypeId::of::<X::Elem>() == scalar && value.axes() == lengths
    }

    /// What `make` makes of the next operator, for a layer `L` from `X` to `Y`; beside its input it may read a constant.
    fn one<L, X: Array, Y: Array>(&mut self, make: impl FnOnce(Kernel, &[u8]) -> Option<L>) -> Result<L, TypeError> {
        let layer = type_name::<L>();
        let Some((operator, Step { kernel, inputs, outputs })) = self.next() else {
            return Err(self.refuse(None, layer));
        };
        let reads = inputs.contains(&self.at);
        let other = inputs.iter().filter(|input| **input != self.at).map(|input| &self.graph.tensors[*input]);
        let constants: Option<Vec<&[u8]>> = other.map(|value| value.data.as_deref()).collect();
        let constant = match constants.as_deref() {
            Some([]) => Some(&[][..]),
            Some([one]) => Some(*one),
            _ => None,
        };
        let fits = reads && self.is::<X>(self.at) && outputs.len() == 1 && self.is::<Y>(outputs[0]);
        let made = constant.filter(|_| fits).and_then(|constant| make(kernel, constant));
        self.at = outputs.first().copied().unwrap_or_default();
        made.ok_or_else(|| self.refuse(Some(operator), layer))
    }

    /// What joins tensors, the first of which may be the second one of the operator.
    fn join<J: OfJoin>(&mut self, tensors: [usize; 2]) -> Result<J, TypeError> {
        let layer = type_name::<J>();
        let Some((operator, Step { kernel, inputs, outputs })) = self.next() else {
            return Err(self.refuse(None, layer));
        };
        let exchanged = inputs != tensors;
        let fits = inputs.len() == 2 && (0..2).all(|i| inputs[i] == tensors[if exchanged { 1 - i } else { i }]);
        self.at = outputs.first().copied().unwrap_or_default();
        // Channels are put side by side, the last axis.
        let along = match self.graph.nodes[operator].op {
            Op::Concatenation { axis } => axis + 1 == self.graph.tensors[self.at].shape.len(),
            _ => true,
        };
        let join = if fits && along { J::of(kernel, exchanged) } else { None };
        join.ok_or_else(|| self.refuse(Some(operator), layer))
    }
}

/// A network that [`Graph::typed`] can make.
pub trait Typed: Sized {
    /// Of the next steps.
    fn of(steps: &mut Steps) -> Result<Self, TypeError>;
}

impl<A: Typed, B: Typed> Typed for (A, B) {
    fn of(steps: &mut Steps) -> Result<Self, TypeError> {
        Ok((A::of(steps)?, B::of(steps)?))
    }
}

impl<Op: OfKernel, X: Array, Y: Array> Typed for Integer<Op, X, Y> {
    fn of(steps: &mut Steps) -> Result<Self, TypeError> {
        steps.one::<Self, X, Y>(|kernel, constant| Some(Self::new(Op::of(kernel, constant)?)))
    }
}

impl<Op: OfKernel + RowOperator, X: Array, Y: Array, const ROWS: usize, const STRIDE: usize> Typed
    for Windowed<Op, X, Y, ROWS, STRIDE>
{
    fn of(steps: &mut Steps) -> Result<Self, TypeError> {
        steps.one::<Self, X, Y>(|kernel, constant| {
            let op = Op::of(kernel, constant)?;
            let height = op.height();
            let fits = (height.span(), height.stride) == (ROWS, STRIDE) && height.before < ROWS;
            fits.then(|| Self::new(op))
        })
    }
}

impl<X: Array<Elem = i8>> Typed for Each<X> {
    fn of(steps: &mut Steps) -> Result<Self, TypeError> {
        steps.one::<Self, X, X>(|kernel, _| match kernel {
            Kernel::Table(values) => Some(Self::new(Table { values: std::boxed::Box::leak(values) })),
            _ => None,
        })
    }
}

/// A path may be nothing but its input.
impl<X: Array, Y: Array> Typed for Reshape<X, Y> {
    fn of(steps: &mut Steps) -> Result<Self, TypeError> {
        let copies = |step: &Step| matches!(step.kernel, Kernel::Copy) && step.inputs[..] == [steps.at];
        if !steps.peek().is_some_and(copies) && steps.is::<X>(steps.at) && steps.is::<Y>(steps.at) {
            return Ok(Self::new());
        }
        steps.one::<Self, X, Y>(|kernel, _| matches!(kernel, Kernel::Copy).then(Self::new))
    }
}

/// The operator that joins it reads it.
impl<Y: Array<Elem = f32>> Typed for Constant<Y> {
    fn of(steps: &mut Steps) -> Result<Self, TypeError> {
        let read = steps.peek().map_or(&[][..], |step| &step.inputs);
        let constant = read.iter().find_map(|input| Some((*input, steps.graph.tensors[*input].floats()?)));
        let Some((tensor, floats)) = constant.filter(|(tensor, _)| steps.is::<Y>(*tensor)) else {
            return Err(steps.refuse(None, type_name::<Self>()));
        };
        steps.at = tensor;
        Ok(Self::new(floats.leak()))
    }
}

macro_rules! merged {
    ($($Op:ident: $Float:ident),*) => {$(
        impl<X: Array<Elem = f32>> Typed for Merged<$Op, X> {
            fn of(steps: &mut Steps) -> Result<Self, TypeError> {
                steps.one::<Self, X, X>(|kernel, constant| match kernel {
                    Kernel::Float(Float::$Float(range)) if !constant.is_empty() => {
                        let floats: Vec<f32> = constant.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
                        Some(Self::new($Op { range }, floats.leak()))
                    }
                    _ => None,
                })
            }
        }
    )*};
}
merged!(AddFloats: Add, MulFloats: Mul);

impl<L: Typed, J: OfJoin> Typed for Around<L, J> {
    fn of(steps: &mut Steps) -> Result<Self, TypeError> {
        let from = steps.at;
        let path = L::of(steps)?;
        Ok(Self { path, join: steps.join([from, steps.at])? })
    }
}

impl<L: Typed, R: Typed, J: OfJoin> Typed for Branches<L, R, J> {
    fn of(steps: &mut Steps) -> Result<Self, TypeError> {
        let from = steps.at;
        let left = L::of(steps)?;
        let first = core::mem::replace(&mut steps.at, from);
        let right = R::of(steps)?;
        Ok(Self { left, right, join: steps.join([first, steps.at])? })
    }
}

/// What joins two tensors.
pub trait OfJoin: Sized {
    /// Of an operator whose tensors may be exchanged.
    fn of(kernel: Kernel, exchanged: bool) -> Option<Self>;
}

macro_rules! joins {
    ($($Op:ident),*) => {$(
        impl OfJoin for $Op {
            fn of(kernel: Kernel, exchanged: bool) -> Option<Self> {
                match kernel {
                    Kernel::$Op(op) if exchanged => Some(op.exchanged()),
                    Kernel::$Op(op) => Some(op),
                    _ => None,
                }
            }
        }
    )*};
}
joins!(Add, Mul);

impl OfJoin for Sum {
    fn of(kernel: Kernel, _: bool) -> Option<Self> {
        matches!(kernel, Kernel::Float(Float::Add([f32::MIN, f32::MAX]))).then_some(Self)
    }
}

impl<const C: usize> OfJoin for Concat<C> {
    fn of(kernel: Kernel, exchanged: bool) -> Option<Self> {
        (matches!(kernel, Kernel::Concatenation(_)) && !exchanged).then_some(Self)
    }
}

/// An operator of one tensor.
pub trait OfKernel: Sized {
    /// With what it reads beside that.
    fn of(kernel: Kernel, constant: &[u8]) -> Option<Self>;
}

macro_rules! operators {
    ($($Op:ty: $kernel:pat => $value:expr;)*) => {$(
        impl OfKernel for $Op {
            fn of(kernel: Kernel, _: &[u8]) -> Option<Self> {
                match kernel {
                    $kernel => Some($value),
                    _ => None,
                }
            }
        }
    )*};
}
operators! {
    AveragePool: Kernel::AveragePool(op) => op;
    MaxPool: Kernel::MaxPool(op) => op;
    Mean: Kernel::Mean(op) => op;
    Softmax: Kernel::Softmax(op) => op;
    Quantize: Kernel::Quantize(op) => op;
    Cast: Kernel::Cast => Cast;
    Weighted<FullyConnected, i32>: Kernel::FullyConnected(op, constants) => Weighted { op, weights: lent(constants) };
    Weighted<Conv2d, i32>: Kernel::Conv2d(op, constants) => Weighted { op, weights: lent(constants) };
    Weighted<DepthwiseConv2d>: Kernel::DepthwiseConv2d(op, constants) => Weighted { op, weights: lent(constants) };
}

impl OfKernel for Strided {
    fn of(kernel: Kernel, _: &[u8]) -> Option<Self> {
        match kernel {
            Kernel::Gather(parts) => parts.first().copied(),
            _ => None,
        }
    }
}

impl OfKernel for Embedding<'static, i8> {
    fn of(kernel: Kernel, constant: &[u8]) -> Option<Self> {
        let Kernel::Embedding(len) = kernel else { return None };
        let rows: Vec<i8> = constant.iter().map(|x| *x as i8).collect();
        Some(Self { rows: rows.leak(), len })
    }
}

macro_rules! recurrent {
    ($($Op:ident: $gates:literal),*) => {$(
        impl<const UNITS: usize> OfKernel for Recurrent<$Op, UNITS> {
            fn of(kernel: Kernel, _: &[u8]) -> Option<Self> {
                match kernel {
                    Kernel::$Op(op, input, state) if state.biases.len() == $gates * UNITS => {
                        Some(Self { op, input: lent(input), state: lent(state) })
                    }
                    _ => None,
                }
            }
        }
    )*};
}
recurrent!(Gru: 3, Lstm: 4);

/// Constants that stay.
fn lent<W>(Constants { weights, biases, mantissas, shifts, rests }: Constants<W>) -> Weights<'static, W> {
    Weights {
        weights: weights.leak(),
        biases: biases.leak(),
        mantissas: mantissas.leak(),
        shifts: shifts.leak(),
        rests: rests.leak(),
    }
}
