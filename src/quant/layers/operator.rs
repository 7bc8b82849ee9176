//! What operators have in common.

use crate::layers::Join;
use crate::numbers::{Array, Scalar};
use crate::quant::{
    Add, AveragePool, Cast, Conv2d, DepthwiseConv2d, Dequantize, Embedding, FullyConnected, Gru, Lstm, MaxPool, Mean,
    Mul, PRelu, Quantize, ResizeNearest, Rows, Softmax, Strided, TransposeConv, Weights,
};

/// An operator that makes one tensor of another one.
pub trait Operator<A, B> {
    /// Bytes of its loop's scratch on the stack.
    const SCRATCH: usize = 0;
    /// Writes `y`.
    fn run(&self, x: &[A], y: &mut [B]);
    /// As [`run`](Self::run), for one row of output, of which there will be many.
    #[inline]
    fn run_row(&self, x: &[A], y: &mut [B]) {
        self.run(x, y);
    }
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
    Softmax: i8 => i8,
    Quantize: f32 => i8,
    Dequantize: i8 => f32,
    Cast: f32 => i32,
}

impl<T: Copy> Operator<i32, T> for Embedding<'_, T> {
    #[inline]
    fn run(&self, x: &[i32], y: &mut [T]) {
        Embedding::run(self, x, y);
    }
}

/// Takes elements at regular distances.
impl<T: Copy> Operator<T, T> for Strided {
    #[inline]
    fn run(&self, x: &[T], y: &mut [T]) {
        self.gather(x, y);
    }
}

impl<T: Copy> Operator<T, T> for ResizeNearest {
    #[inline]
    fn run(&self, x: &[T], y: &mut [T]) {
        Self::run(self, x, y);
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
    ($($Op:ty, $W:ty, $scratch:expr);*) => {$(
        impl Operator<i8, i8> for Weighted<$Op, $W> {
            const SCRATCH: usize = $scratch;

            #[inline]
            fn run(&self, x: &[i8], y: &mut [i8]) {
                self.op.run(&self.weights, x, y);
            }
        }
    )*};
}
weighted!(FullyConnected, i32, FullyConnected::SCRATCH; Conv2d, i32, Conv2d::SCRATCH; TransposeConv, i8, 0);

impl Operator<i8, i8> for Weighted<DepthwiseConv2d> {
    const SCRATCH: usize = DepthwiseConv2d::SCRATCH;

    #[inline]
    fn run(&self, x: &[i8], y: &mut [i8]) {
        self.op.run(&self.weights, x, y);
    }
    #[inline]
    fn run_row(&self, x: &[i8], y: &mut [i8]) {
        self.op.row(&self.weights, Rows { data: x, len: self.op.width.input.wrapping_mul(self.op.channels) }, 0, y);
    }
}

/// An operator that keeps its outputs and a number of 16 bits for each unit from one step to the next.
pub trait RecurrentOperator: Copy {
    /// Bytes of its loop's scratch on the stack.
    const SCRATCH: usize;
    /// All steps of a signal; `kept` are the numbers after the last one.
    fn run(&self, input: &Weights<i32>, state: &Weights<i32>, x: &[i8], kept: &mut [i16], y: &mut [i8]);
    /// One step from the outputs `before`, none at the first one.
    fn step(&self, input: &Weights<i32>, state: &Weights<i32>, x: &[i8], before: &[i8], kept: &mut [i16], y: &mut [i8]);
}

macro_rules! recurrent {
    ($($Op:ty),*) => {$(
        impl RecurrentOperator for $Op {
            const SCRATCH: usize = <$Op>::SCRATCH;

            #[inline]
            fn run(&self, input: &Weights<i32>, state: &Weights<i32>, x: &[i8], kept: &mut [i16], y: &mut [i8]) {
                <$Op>::run(self, input, state, x, kept, y);
            }
            #[inline]
            fn step(
                &self,
                input: &Weights<i32>,
                state: &Weights<i32>,
                x: &[i8],
                before: &[i8],
                kept: &mut [i16],
                y: &mut [i8],
            ) {
                <$Op>::step(self, input, state, x, before, kept, y);
            }
        }
    )*};
}
recurrent!(Gru, Lstm);

/// A recurrent operator of `UNITS` units with its weights, which lie in flash. Takes two bytes of stack for each unit.
#[derive(Clone, Copy, Debug)]
pub struct Recurrent<Op, const UNITS: usize> {
    /// The operator.
    pub op: Op,
    /// What it multiplies its input with.
    pub input: Weights<'static, i32>,
    /// What it multiplies its outputs before with.
    pub state: Weights<'static, i32>,
}

impl<Op: RecurrentOperator, const UNITS: usize> Operator<i8, i8> for Recurrent<Op, UNITS> {
    const SCRATCH: usize = Op::SCRATCH + size_of::<[i16; UNITS]>();

    #[inline]
    fn run(&self, x: &[i8], y: &mut [i8]) {
        self.op.run(&self.input, &self.state, x, &mut [0; UNITS], y);
    }
}

/// A margin: the output is filled, then the input is scattered in it.
#[derive(Clone, Copy, Debug)]
pub struct Padded<T> {
    /// Where the input lies in the output.
    pub part: Strided,
    /// What lies around it.
    pub value: T,
}

impl<T: Copy> Operator<T, T> for Padded<T> {
    #[inline]
    fn run(&self, x: &[T], y: &mut [T]) {
        y.fill(self.value);
        self.part.scatter(x, y);
    }
}

/// An operator of two tensors that writes in the place of the first one. The second one is repeated if it is shorter.
pub trait InPlace: Copy {
    /// What both tensors are of.
    type Elem: Scalar;
    /// Writes over `a`.
    fn run_in_place(&self, a: &mut [Self::Elem], b: &[Self::Elem]);
}

/// One whose tensors may come in either order: with it, [`Around`](crate::Around) and [`Branches`](crate::Branches) join their paths.
pub trait Merge: InPlace {
    /// The same operator with its inputs exchanged.
    fn exchanged(self) -> Self;
}

macro_rules! in_place {
    ($($Op:ty),*) => {$(
        impl InPlace for $Op {
            type Elem = i8;
            #[inline]
            fn run_in_place(&self, a: &mut [i8], b: &[i8]) {
                <$Op>::run_in_place(self, a, b);
            }
        }
    )*};
}
in_place!(Add, Mul, PRelu);

impl Merge for Add {
    #[inline]
    fn exchanged(self) -> Self {
        Self { a: self.b, b: self.a, ..self }
    }
}

impl Merge for Mul {
    #[inline]
    fn exchanged(self) -> Self {
        let [a, b] = self.zero_points;
        Self { zero_points: [b, a], ..self }
    }
}

impl<A: Array<Elem = Op::Elem>, B: Array<Elem = Op::Elem>, Op: Merge> Join<A, B> for Op {
    type Out = A;
    const CHECK: () =
        assert!(A::LEN.is_multiple_of(B::LEN), "the second path's output is repeated to the first one's length");
    const OVER: [bool; 2] = [true, A::LEN == B::LEN];

    #[inline]
    fn join(&self, a: Option<&[Op::Elem]>, b: Option<&[Op::Elem]>, y: &mut [Op::Elem]) {
        match (a, b) {
            (None, Some(b)) => self.run_in_place(y, b),
            (Some(a), None) => self.exchanged().run_in_place(y, a),
            (Some(a), Some(b)) => {
                y.iter_mut().zip(a).for_each(|(y, a)| *y = *a);
                self.run_in_place(y, b);
            }
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::infer::{Arena, arena_len};
    use crate::layers::{Around, Branches, Forward};
    use crate::quant::{Each, Integer, Mul, Multiplier, Output, Reshape, Strided, Table};

    type X = [i8; 16];
    const OUTPUT: Output = Output { zero_point: 0, least: -128, greatest: 127 };
    /// The product of `a + 3` and `b`.
    const OP: Mul =
        Mul { zero_points: [-3, 0], multiplier: Multiplier { mantissa: 1 << 30, shift: 1 }, output: OUTPUT };
    /// 2, whatever the element.
    const TWO: Table = Table { values: &[2; 256] };
    /// The first element.
    const FIRST: Strided = Strided { lengths: [1; 8], steps: [0; 8], first: 0 };

    fn run<N: Forward<X>, const BYTES: usize>(net: &N) -> N::Out {
        let mut x = [0; 16];
        x.iter_mut().zip(1..).for_each(|(x, i)| *x = i);
        let mut arena = Arena::<BYTES>::ZERO;
        *arena.predict(net, &x)
    }

    fn expected(of: impl Fn(i8) -> i8) -> X {
        core::array::from_fn(|i| of(i as i8 + 1))
    }

    #[test]
    fn a_path_is_merged_with_the_input() {
        type Whole = Around<Each<X>, Mul>;
        let whole = Around { path: Each::new(TWO), join: OP };
        assert_eq!(run::<Whole, 16>(&whole), expected(|x| (x + 3) * 2));
        assert_eq!(arena_len::<Whole, X>(), 16);
        type Inside = (Reshape<X, X>, Whole);
        assert_eq!(run::<Inside, 32>(&(Reshape::new(), whole)), expected(|x| (x + 3) * 2));
        assert_eq!(arena_len::<Inside, X>(), 32);
    }

    #[test]
    fn a_shorter_path_is_repeated() {
        type Short = Around<Integer<Strided, X, [i8; 1]>, Mul>;
        let short = Around { path: Integer::new(FIRST), join: OP };
        assert_eq!(run::<Short, 24>(&short), expected(|x| x + 3));
        assert_eq!(arena_len::<Short, X>(), 24);
        assert_eq!(run::<(Reshape<X, X>, Short), 24>(&(Reshape::new(), short)), expected(|x| x + 3));
    }

    #[test]
    fn two_paths_are_merged_beside_the_input() {
        type Two = Branches<Reshape<X, X>, Each<X>, Mul>;
        let two = Branches { left: Reshape::new(), right: Each::new(TWO), join: OP };
        assert_eq!(run::<Two, 32>(&two), expected(|x| (x + 3) * 2));
        type Inside = (Reshape<X, X>, Two);
        assert_eq!(run::<Inside, 48>(&(Reshape::new(), two)), expected(|x| (x + 3) * 2));
        assert_eq!((arena_len::<Two, X>(), arena_len::<Inside, X>()), (32, 48));
    }
}
