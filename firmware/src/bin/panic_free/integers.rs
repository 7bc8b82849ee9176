//! Every operator on integers, whatever its sizes, and every layer of them.

use core::hint::black_box;

use nerve::prelude::{Arena, Zero, arena_len};
use nerve::quant::{
    Add, Addend, AveragePool, Axis, Cast, Constant, Conv2d, DepthwiseConv2d, Dequantize, Each, Embedding,
    FullyConnected, Gru, Integer, Lstm, MaxPool, Mean, Merged, Mul, Multiplier, Nearest, Output, PRelu, Padded,
    Quantize, Recurrent, Reshape, ResizeNearest, Rows, Softmax, Strided, Table, TransposeConv, Weighted, Weights,
};
use nerve::{Around, Branches, Concat, Sum, chain};

const MULTIPLIER: Multiplier = Multiplier { mantissa: 1 << 30, shift: -1 };
const OUTPUT: Output = Output { zero_point: 0, least: -128, greatest: 127 };
const AXIS: Axis = Axis::same(6, 3, 1, 1);
const ALL: Strided = Strided { lengths: [1, 1, 1, 1, 1, 6, 6, 4], steps: [0, 0, 0, 0, 0, 24, 4, 1], first: 0 };

const CONV: Conv2d = Conv2d { height: AXIS, width: AXIS, channels: 2, zero_point: 1, output: OUTPUT };
const DEPTHWISE: DepthwiseConv2d =
    DepthwiseConv2d { height: AXIS, width: AXIS, channels: 4, multiplier: 1, zero_point: 1, output: OUTPUT };
const TRANSPOSED: TransposeConv =
    TransposeConv { height: AXIS, width: AXIS, channels: 4, zero_point: 1, output: OUTPUT };
const PRELU: PRelu = PRelu { zero_points: [1, 2], positive: MULTIPLIER, negative: MULTIPLIER, output: OUTPUT };
const ADD: Add = {
    let addend = Addend { zero_point: 1, multiplier: MULTIPLIER };
    Add { a: addend, b: addend, multiplier: MULTIPLIER, output: OUTPUT }
};
const MUL: Mul = Mul { zero_points: [1, 2], multiplier: MULTIPLIER, output: OUTPUT };
const LSTM: Lstm = Lstm { inputs: 4, bits: 4, least: -99, greatest: 99, multiplier: MULTIPLIER, zero_point: 1 };
const GRU: Gru = Gru { inputs: 4, multiplier: MULTIPLIER, zero_point: 1 };
const AVERAGE: AveragePool = AveragePool { height: AXIS, width: AXIS, channels: 4, output: OUTPUT };
const LARGEST: MaxPool = MaxPool { height: AXIS, width: AXIS, channels: 4, output: OUTPUT };
const MEAN: Mean = Mean { kept: ALL, summed: ALL, zero: 3, multiplier: MULTIPLIER, output: OUTPUT };
const RESIZE: ResizeNearest = {
    let axis = Nearest { input: 6, output: 6, scale: 1.0, offset: 0.0, round: false };
    ResizeNearest { height: axis, width: axis, channels: 4 }
};
const SOFTMAX: Softmax = Softmax { len: 4, multiplier: MULTIPLIER, least: -(1 << 26) };
const QUANTIZE: Quantize = Quantize { scale: 0.5, zero_point: 1, least: -128 };
const DEQUANTIZE: Dequantize = Dequantize { scale: 0.5, zero_point: 1, least: -128 };
const TABLE: Table = Table { values: &[3; 256] };

const fn weights<W>(weights: &'static [W]) -> Weights<'static, W> {
    Weights { weights, biases: &[1; 4], mantissas: &[1 << 30; 4], shifts: &[-1; 4], rests: &[5; 4] }
}

type Image = [[[f32; 4]; 6]; 6];
type Pixels = [[[i8; 4]; 6]; 6];
/// Each layer, each join of both scalars, in planned memory.
type Net = chain![
    Around<Integer<Padded<f32>, Image, Image>, Sum>,
    Branches<Integer<Strided, Image, [[[f32; 1]; 6]; 6]>, Integer<ResizeNearest, Image, [[[f32; 3]; 6]; 6]>, Concat<4>>,
    Integer<Quantize, Image, Pixels>,
    Integer<Weighted<Conv2d, i32>, Pixels, Pixels>,
    Around<chain![Integer<Weighted<DepthwiseConv2d>, Pixels, Pixels>, Each<Pixels>], Add>,
    Branches<Integer<AveragePool, Pixels, Pixels>, Integer<MaxPool, Pixels, Pixels>, Mul>,
    Branches<Each<Pixels>, Constant<Pixels>, Add>,
    Around<Integer<ResizeNearest, Pixels, [[[i8; 2]; 6]; 6]>, Concat<6>>,
    Integer<Strided, [[[i8; 6]; 6]; 6], Pixels>,
    Integer<Padded<i8>, Pixels, Pixels>,
    Merged<Mul, Pixels>,
    Integer<Weighted<TransposeConv>, Pixels, Pixels>,
    Merged<PRelu, Pixels>,
    Integer<Mean, Pixels, [[[i8; 4]; 1]; 1]>,
    Reshape<[[[i8; 4]; 1]; 1], [i8; 4]>,
    Integer<Weighted<FullyConnected, i32>, [i8; 4], [i8; 4]>,
    Integer<Recurrent<Lstm, 4>, [i8; 4], [i8; 4]>,
    Integer<Recurrent<Gru, 4>, [i8; 4], [i8; 4]>,
    Merged<Add, [i8; 4]>,
    Integer<Softmax, [i8; 4], [i8; 4]>,
    Integer<Dequantize, [i8; 4], [f32; 4]>
];

/// Rows of a table for integers that are floats at first.
type Reading = chain![Integer<Cast, [f32; 6], [i32; 6]>, Integer<Embedding<'static, i8>, [i32; 6], [[i8; 4]; 6]>];

static READING: Reading = (Integer::new(Cast), Integer::new(Embedding { rows: &[1; 36], len: 4 }));

/// The value of a `chain!`.
macro_rules! pairs {
    ($a:expr) => { $a };
    ($a:expr, $b:expr $(, $rest:expr)*) => { pairs!(($a, $b) $(, $rest)*) };
}

static NET: Net = pairs!(
    Around { path: Integer::new(Padded { part: ALL, value: 0.5 }), join: Sum },
    Branches { left: Integer::new(ALL), right: Integer::new(RESIZE), join: Concat },
    Integer::new(QUANTIZE),
    Integer::new(Weighted { op: CONV, weights: weights(&[1; 40]) }),
    Around {
        path: (Integer::new(Weighted { op: DEPTHWISE, weights: weights(&[1; 36]) }), Each::new(TABLE)),
        join: ADD
    },
    Branches { left: Integer::new(AVERAGE), right: Integer::new(LARGEST), join: MUL },
    Branches { left: Each::new(TABLE), right: Constant::new(&[1; 144]), join: ADD },
    Around { path: Integer::new(RESIZE), join: Concat },
    Integer::new(ALL),
    Integer::new(Padded { part: ALL, value: 1 }),
    Merged::new(MUL, &[1; 4]),
    Integer::new(Weighted { op: TRANSPOSED, weights: weights(&[1; 144]) }),
    Merged::new(PRELU, &[1; 4]),
    Integer::new(MEAN),
    Reshape::new(),
    Integer::new(Weighted { op: FullyConnected { inputs: 4, output: OUTPUT }, weights: weights(&[1; 4]) }),
    Integer::new(Recurrent { op: LSTM, input: weights(&[1; 32]), state: weights(&[1; 32]) }),
    Integer::new(Recurrent { op: GRU, input: weights(&[1; 24]), state: weights(&[1; 24]) }),
    Merged::new(ADD, &[1; 4]),
    Integer::new(SOFTMAX),
    Integer::new(DEQUANTIZE)
);

pub fn use_them() {
    black_box(
        black_box(Arena::<{ arena_len::<Net, Image>() }>::ZERO).predict(black_box(&NET), black_box(&Image::ZERO)),
    );

    black_box(
        black_box(Arena::<{ arena_len::<Reading, [f32; 6]>() }>::ZERO)
            .predict(black_box(&READING), black_box(&[0.5; 6])),
    );

    let (x, mut y, floats, mut made) = ([1; 64], [0; 64], [0.5; 64], [0.0; 64]);
    let (x, y) = (black_box(&x[..]), black_box(&mut y[..]));
    let (floats, made) = (black_box(&floats[..]), black_box(&mut made[..]));
    let rows = Rows { data: x, len: black_box(8) };
    let packed = black_box(weights(&[1; 40]));
    black_box(FullyConnected { inputs: 4, output: OUTPUT }).run(&packed, x, y);
    black_box(CONV).run(&packed, x, y);
    black_box(CONV).row(&packed, rows, black_box(1), y);
    black_box(LSTM).run(&packed, &packed, x, black_box(&mut [0; 4]), y);
    black_box(GRU).run(&packed, &packed, x, black_box(&mut [0; 4]), y);
    let plain = black_box(weights(&[1; 40]));
    black_box(DEPTHWISE).run(&plain, x, y);
    black_box(DEPTHWISE).row(&plain, rows, black_box(1), y);
    black_box(AVERAGE).run(x, y);
    black_box(AVERAGE).row(rows, black_box(1), y);
    black_box(LARGEST).run(x, y);
    black_box(LARGEST).row(rows, black_box(1), y);
    black_box(TRANSPOSED).run(&plain, x, y);
    black_box(PRELU).run(x, x, y);
    black_box(PRELU).run_in_place(y, x);
    black_box(ADD).run(x, x, y);
    black_box(ADD).run_in_place(y, x);
    black_box(MUL).run(x, x, y);
    black_box(MUL).run_in_place(y, x);
    black_box(MEAN).run(x, y);
    black_box(SOFTMAX).run(x, y);
    black_box(RESIZE).run(x, y);
    black_box(RESIZE).run(floats, made);
    black_box(ALL).gather(x, y);
    black_box(ALL).scatter(x, y);
    black_box(ALL).gather(floats, made);
    black_box(ALL).scatter(floats, made);
    black_box(TABLE).run(x, y);
    black_box(TABLE).run_in_place(y);
    black_box(QUANTIZE).run(floats, y);
    black_box(DEQUANTIZE).run(x, made);
    let mut integers = [0; 8];
    let integers = black_box(&mut integers);
    Cast.run(floats, integers);
    Embedding { rows: x, len: black_box(4) }.run(integers, y);
    Embedding { rows: floats, len: black_box(4) }.run(integers, made);
    black_box((y, made));
}
