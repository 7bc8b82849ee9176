//! What operators have in common.

use crate::quant::{
    Add, AveragePool, Conv2d, DepthwiseConv2d, Dequantize, FullyConnected, MaxPool, Mean, Mul, Quantize, ResizeNearest,
    Softmax, Strided, Weights,
};

/// An operator that makes one tensor of another one.
pub trait Operator<A, B> {
    /// Writes `y`.
    fn run(&self, x: &[A], y: &mut [B]);
}

macro_rules! operators {
    ($($Op:ty: $A:ty => $B:ty),* $(,)?) => {$(
        impl Operator<$A, $B> for $Op {
            #[inline]
            fn run(&self, x: &[$A], y: &mut [$B]) {
                <$Op>::run(self, x, y);
            }
        }
    )*};
}
operators! {
    AveragePool: i8 => i8,
    MaxPool: i8 => i8,
    Mean: i8 => i8,
    ResizeNearest: i8 => i8,
    Softmax: i8 => i8,
    Quantize: f32 => i8,
    Dequantize: i8 => f32,
}

/// Takes elements at regular distances.
impl Operator<i8, i8> for Strided {
    #[inline]
    fn run(&self, x: &[i8], y: &mut [i8]) {
        self.gather(x, y);
    }
}

/// An operator with its weights, which lie in flash.
#[derive(Clone, Copy, Debug)]
pub struct Weighted<Op, W: 'static = i8> {
    /// The operator.
    pub op: Op,
    /// What it reads beside its input.
    pub weights: Weights<'static, W>,
}

macro_rules! weighted {
    ($($Op:ty, $W:ty);*) => {$(
        impl Operator<i8, i8> for Weighted<$Op, $W> {
            #[inline]
            fn run(&self, x: &[i8], y: &mut [i8]) {
                self.op.run(&self.weights, x, y);
            }
        }
    )*};
}
weighted!(FullyConnected, i32; Conv2d, i32; DepthwiseConv2d, i8);

/// A margin: the output is filled, then the input is scattered in it.
#[derive(Clone, Copy, Debug)]
pub struct Padded {
    /// Where the input lies in the output.
    pub part: Strided,
    /// What lies around it.
    pub value: i8,
}

impl Operator<i8, i8> for Padded {
    #[inline]
    fn run(&self, x: &[i8], y: &mut [i8]) {
        y.fill(self.value);
        self.part.scatter(x, y);
    }
}

/// An operator of two tensors that writes in the place of the first one. The second one is repeated if it is shorter.
pub trait Merge: Copy {
    /// Writes over `a`.
    fn run_in_place(&self, a: &mut [i8], b: &[i8]);
    /// The same operator with its inputs exchanged.
    fn exchanged(self) -> Self;
}

impl Merge for Add {
    #[inline]
    fn run_in_place(&self, a: &mut [i8], b: &[i8]) {
        Add::run_in_place(self, a, b);
    }
    #[inline]
    fn exchanged(self) -> Self {
        Self { a: self.b, b: self.a, ..self }
    }
}

impl Merge for Mul {
    #[inline]
    fn run_in_place(&self, a: &mut [i8], b: &[i8]) {
        Mul::run_in_place(self, a, b);
    }
    #[inline]
    fn exchanged(self) -> Self {
        let [a, b] = self.zero_points;
        Self { zero_points: [b, a], ..self }
    }
}
