//! An operator that moves over rows.

use core::marker::PhantomData;

use super::Operator;
use crate::kernels;
use crate::layers::{Forward, InRows, Memory, OutRow, Plan, Ring, Streamed, length_of};
use crate::numbers::Array;
use crate::quant::{AveragePool, Axis, Conv2d, DepthwiseConv2d, MaxPool, Rows, Weighted};

/// An operator that makes a row of its output of some rows of its input.
pub trait RowOperator: Operator<i8, i8> {
    /// How its windows go from top to bottom.
    fn height(&self) -> Axis;
    /// Row `at` of the output, where its windows go so.
    fn row(&self, height: Axis, x: Rows, at: usize, y: &mut [i8]);
}

macro_rules! row_operators {
    ($($Op:ty),*) => {$(
        impl RowOperator for $Op {
            #[inline]
            fn height(&self) -> Axis {
                self.height
            }
            #[inline]
            fn row(&self, height: Axis, x: Rows, at: usize, y: &mut [i8]) {
                Self { height, ..*self }.row(x, at, y);
            }
        }
    )*};
}
row_operators!(AveragePool, MaxPool);

macro_rules! weighted_row_operators {
    ($($Op:ident, $W:ty);*) => {$(
        impl RowOperator for Weighted<$Op, $W> {
            #[inline]
            fn height(&self) -> Axis {
                self.op.height
            }
            #[inline]
            fn row(&self, height: Axis, x: Rows, at: usize, y: &mut [i8]) {
                $Op { height, ..self.op }.row(&self.weights, x, at, y);
            }
        }
    )*};
}
weighted_row_operators!(Conv2d, i32; DepthwiseConv2d, i8);

/// An operator that makes `Y` of `X`, both in memory at the same time; or, in a [`Stream`](crate::Stream), of the last `ROWS` rows of `X`,
/// a row of `Y` for every `STRIDE` of them.
#[derive(Clone, Copy, Debug)]
pub struct Windowed<Op, X, Y, const ROWS: usize, const STRIDE: usize> {
    op: Op,
    types: PhantomData<fn(X) -> Y>,
}

impl<Op, X, Y, const ROWS: usize, const STRIDE: usize> Windowed<Op, X, Y, ROWS, STRIDE> {
    /// The operator's sizes must be those of the types, and so its stride from top to bottom; its windows reach over `ROWS` rows at most and
    /// begin above the image with fewer. Where that is not so, a part of the output is not written, or it is another.
    pub const fn new(op: Op) -> Self {
        Self { op, types: PhantomData }
    }
}

impl<X, Y, Op, const ROWS: usize, const STRIDE: usize> Forward<X> for Windowed<Op, X, Y, ROWS, STRIDE>
where
    X: Array<Elem = i8>,
    Y: Array<Elem = i8>,
    Op: Operator<i8, i8>,
{
    type Out = Y;
    const PLAN: Plan = Plan::apart::<X>(length_of::<Y>()).with_scratch(Op::SCRATCH);

    #[inline]
    fn infer(&self, x: &X, memory: Memory) {
        memory.write(|y: &mut Y| self.op.run(x.flat(), y.flat_mut()));
    }
}

impl<X, Y, Op, const ROWS: usize, const STRIDE: usize> Streamed<X> for Windowed<Op, X, Y, ROWS, STRIDE>
where
    X: InRows<Elem = i8>,
    Y: InRows<Elem = i8>,
    Op: RowOperator,
{
    type State = Ring<[X::Row; ROWS]>;
    type Late<P: Array> = [P; ROWS];
    const STRIDE: usize = STRIDE;

    #[inline]
    fn place<'s>(ring: &'s mut Self::State, _: &'s mut OutRow<Self, X>) -> &'s mut X::Row {
        ring.next()
    }
    #[inline]
    fn advance(&self, ring: &mut Self::State, y: &mut OutRow<Self, X>) -> bool {
        ring.take(self.axis(), |x, at, rows| self.row(x, at, rows, y.flat_mut()))
    }
    #[inline]
    fn finish(&self, ring: &mut Self::State, y: &mut OutRow<Self, X>) -> bool {
        ring.finish(self.axis(), |x, at, rows| self.row(x, at, rows, y.flat_mut()))
    }
}

impl<X: InRows<Elem = i8>, Y, Op: RowOperator, const ROWS: usize, const STRIDE: usize>
    Windowed<Op, X, Y, ROWS, STRIDE>
{
    #[inline(always)]
    fn axis(&self) -> kernels::Axis {
        let Axis { input, kernel, stride, dilation, before, output } = self.op.height();
        kernels::Axis { input, output, kernel, stride, dilation, padding: before }
    }

    #[inline(always)]
    fn row(&self, x: &[i8], at: usize, rows: kernels::Axis, y: &mut [i8]) {
        let height = Axis { input: rows.input, output: rows.output, ..self.op.height() };
        self.op.row(height, Rows { data: x, len: X::Row::LEN }, at, y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::{Stream, arena_len};
    use crate::quant::{Each, Output, Table, Weights, samples};
    use std::vec::Vec;

    const WIDTH: Axis = Axis::same(4, 2, 1, 2);
    const OUTPUT: Output = Output { zero_point: 5, least: -100, greatest: 127 };
    /// What is not in the middle of the range is moved by one.
    const NEXT: Table = Table {
        values: &{
            let mut values = [0; 256];
            let mut i = 0;
            while i < 256 {
                values[i] = if i < 200 { (i as i32 - 127) as i8 } else { 90 };
                i += 1;
            }
            values
        },
    };

    /// Operators with windows that go so from top to bottom of 9 rows of 4 pixels of 2 channels: streamed twice, as the whole.
    fn agree<const ROWS: usize, const STRIDE: usize, const OUT: usize>(height: Axis) {
        type X = [[[i8; 2]; 4]; 9];
        type Y<const OUT: usize> = [[[i8; 2]; 4]; OUT];
        assert_eq!((height.output, height.stride), (OUT, STRIDE));
        let w = samples::w::<40>();
        let (mantissas, shifts) = samples::multipliers([0.01, 0.02], 0.2);
        let packed = samples::packed::<40>(&w, height.kernel * 4);
        let (packed, mantissas, shifts): (Vec<_>, Vec<_>, Vec<_>) =
            (packed.to_vec(), mantissas.to_vec(), shifts.to_vec());
        let (packed, mantissas, shifts): (&[i32], &[i32], &[i8]) = (packed.leak(), mantissas.leak(), shifts.leak());
        let weights = Weights { weights: packed, biases: &[1000, -500], mantissas, shifts, rests: &[] };
        let conv = Conv2d { height, width: WIDTH, channels: 2, zero_point: -7, output: OUTPUT };
        check::<Windowed<_, X, Y<OUT>, ROWS, STRIDE>, OUT>(&Windowed::new(Weighted { op: conv, weights }));
        let weights =
            Weights { weights: w.to_vec().leak() as &[i8], biases: &[1000, -500], mantissas, shifts, rests: &[] };
        let depthwise =
            DepthwiseConv2d { height, width: WIDTH, channels: 2, multiplier: 1, zero_point: -7, output: OUTPUT };
        check::<Windowed<_, X, Y<OUT>, ROWS, STRIDE>, OUT>(&Windowed::new(Weighted { op: depthwise, weights }));
        let average = AveragePool { height, width: WIDTH, channels: 2, output: OUTPUT };
        check::<Windowed<_, X, Y<OUT>, ROWS, STRIDE>, OUT>(&Windowed::new(average));
        let max = MaxPool { height, width: WIDTH, channels: 2, output: OUTPUT };
        check::<(Each<X>, Windowed<_, X, Y<OUT>, ROWS, STRIDE>), OUT>(&(Each::new(NEXT), Windowed::new(max)));
    }

    fn check<N: Streamed<[[[i8; 2]; 4]; 9]>, const OUT: usize>(net: &N)
    where
        OutRow<N, [[[i8; 2]; 4]; 9]>: Array<Elem = i8>,
    {
        let mut x = [[[0; 2]; 4]; 9];
        x.flat_mut().copy_from_slice(&samples::x::<72>());
        const BYTES: usize = 72 + 9 * 8 + 8;
        assert!(arena_len::<N, [[[i8; 2]; 4]; 9]>() <= BYTES);
        let mut memory = [0_u64; BYTES / 8];
        net.infer(&x, Memory::new(bytemuck::bytes_of_mut(&mut memory)));
        let whole: &[i8] = &bytemuck::cast_slice(&memory)[..OUT * 8];
        let mut stream = Stream::<N, [[[i8; 2]; 4]; 9]>::ZERO;
        for _ in 0..2 {
            let mut rows: Vec<i8> = Vec::new();
            for row in &x {
                rows.extend(stream.push(net, row).map(|y| y.flat()).unwrap_or_default());
            }
            while let Some(y) = stream.finish(net) {
                rows.extend(y.flat());
            }
            assert_eq!(rows, whole);
        }
        assert!(whole.iter().any(|y| *y != whole[0]));
    }

    #[test]
    fn rows_are_those_of_the_whole() {
        agree::<3, 1, 9>(Axis::same(9, 3, 1, 1));
        agree::<3, 2, 5>(Axis::same(9, 3, 2, 1));
        agree::<5, 1, 9>(Axis::same(9, 3, 1, 2));
        agree::<5, 3, 2>(Axis::valid(9, 3, 3, 2));
        agree::<4, 1, 6>(Axis::valid(9, 4, 1, 1));
        agree::<1, 2, 5>(Axis::same(9, 1, 2, 1));
        agree::<2, 4, 3>(Axis::same(9, 2, 4, 1));
    }
}
