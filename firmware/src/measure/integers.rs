//! Networks of integers, with some weights, made when they are compiled. What a loop takes depends on the shapes alone.

use nerve::chain;
use nerve::quant::{
    Add, Addend, AveragePool, Axis, Conv2d, DepthwiseConv2d, FullyConnected, Integer, Multiplier, Output, Reshape,
    Weighted, Weights, packed_len,
};
use nerve::{Around, Branches};

/// From the middle of what sums reach to that of 8 bits.
const MULTIPLIER: Multiplier = Multiplier { mantissa: 0x5555_5555, shift: -10 };
const OUTPUT: Output = Output { zero_point: -3, least: -128, greatest: 127 };
const RELU: Output = Output { zero_point: -128, least: -128, greatest: 127 };

/// An image of `C` channels.
pub type Image<const H: usize, const W: usize, const C: usize> = [[[i8; C]; W]; H];

/// Some image.
pub const fn image<const H: usize, const W: usize, const C: usize>() -> Image<H, W, C> {
    [[const { bytes::<C>(1) }; W]; H]
}

const fn bytes<const N: usize>(seed: u32) -> [i8; N] {
    let (words, mut bytes, mut i) = (words::<N>(seed), [0; N], 0);
    while i < N {
        bytes[i] = (words[i] >> 24) as i8;
        i += 1;
    }
    bytes
}

/// Any word is two weights of one row and two of another.
const fn words<const N: usize>(mut state: u32) -> [i32; N] {
    let (mut words, mut i) = ([0; N], 0);
    while i < N {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        words[i] = (state ^ state >> 15) as i32;
        i += 1;
    }
    words
}

/// Weights for `O` outputs, `N` words or bytes of them.
const fn weights<W, const N: usize, const O: usize>(weights: &'static [W; N]) -> Weights<'static, W> {
    Weights {
        weights,
        biases: &[100; O],
        mantissas: &[MULTIPLIER.mantissa; O],
        shifts: &[MULTIPLIER.shift; O],
        rests: &[],
    }
}

/// Bytes of flash.
const fn size<W>(weights: &Weights<W>) -> usize {
    size_of_val(weights.weights) + size_of_val(weights.biases) + size_of_val(weights.mantissas) + weights.shifts.len()
}

const fn conv<const N: usize, const O: usize>(
    [height, width]: [Axis; 2],
    channels: usize,
    output: Output,
) -> Weighted<Conv2d, i32> {
    assert!(N == packed_len(O, height.kernel * width.kernel * channels));
    let op = Conv2d { height, width, channels, zero_point: -3, output };
    Weighted { op, weights: weights::<_, N, O>(&const { words(N as u32) }) }
}

const fn depthwise<const N: usize, const C: usize>(axis: Axis) -> Weighted<DepthwiseConv2d> {
    assert!(N == 9 * C);
    let op = DepthwiseConv2d { height: axis, width: axis, channels: C, multiplier: 1, zero_point: -128, output: RELU };
    Weighted { op, weights: weights::<_, N, C>(&const { bytes(N as u32) }) }
}

const fn dense<const N: usize, const O: usize>(inputs: usize, output: Output) -> Weighted<FullyConnected, i32> {
    assert!(N == packed_len(O, inputs));
    Weighted { op: FullyConnected { inputs, output }, weights: weights::<_, N, O>(&const { words(N as u32) }) }
}

type Conv<X, Y> = Integer<Weighted<Conv2d, i32>, X, Y>;
type Depthwise<X, Y> = Integer<Weighted<DepthwiseConv2d>, X, Y>;
type Dense<const I: usize, const O: usize> = Integer<Weighted<FullyConnected, i32>, [i8; I], [i8; O]>;
type Mean<X, Y> = Integer<AveragePool, X, Y>;

/// 784-100-10, as in floats.
pub mod mlp {
    use super::*;

    const HIDDEN: Weighted<FullyConnected, i32> = dense::<19_600, 100>(784, RELU);
    const LAST: Weighted<FullyConnected, i32> = dense::<250, 10>(100, OUTPUT);

    /// The network.
    pub type Net = chain![Dense<784, 100>, Dense<100, 10>];
    /// It, with weights.
    pub const NET: Net = pairs![Integer::new(HIDDEN), Integer::new(LAST)];
    /// Bytes of them.
    pub const SIZE: usize = size(&HIDDEN.weights) + size(&LAST.weights);
}

/// A first layer, then depthwise and pointwise ones by turns, the mean of the image and a dense layer: 0.4 million multiply-accumulates.
pub mod separable {
    use super::*;

    const FIRST: Weighted<Conv2d, i32> = conv::<112, 16>([Axis::same(32, 3, 2, 1); 2], 3, RELU);
    const WHOLE: Weighted<DepthwiseConv2d> = depthwise::<144, 16>(Axis::same(16, 3, 1, 1));
    const WIDER: Weighted<Conv2d, i32> = conv::<128, 32>([Axis::same(16, 1, 1, 1); 2], 16, RELU);
    const HALF: Weighted<DepthwiseConv2d> = depthwise::<288, 32>(Axis::same(16, 3, 2, 1));
    const WIDEST: Weighted<Conv2d, i32> = conv::<512, 64>([Axis::same(8, 1, 1, 1); 2], 32, RELU);
    const MEAN: AveragePool = mean(8, 64);
    const LAST: Weighted<FullyConnected, i32> = dense::<160, 10>(64, OUTPUT);

    /// The network.
    pub type Net = chain![
        Conv<Image<32, 32, 3>, Image<16, 16, 16>>,
        Depthwise<Image<16, 16, 16>, Image<16, 16, 16>>,
        Conv<Image<16, 16, 16>, Image<16, 16, 32>>,
        Depthwise<Image<16, 16, 32>, Image<8, 8, 32>>,
        Conv<Image<8, 8, 32>, Image<8, 8, 64>>,
        Mean<Image<8, 8, 64>, Image<1, 1, 64>>,
        Reshape<Image<1, 1, 64>, [i8; 64]>,
        Dense<64, 10>
    ];
    /// It, with weights.
    pub const NET: Net = pairs![
        Integer::new(FIRST),
        Integer::new(WHOLE),
        Integer::new(WIDER),
        Integer::new(HALF),
        Integer::new(WIDEST),
        Integer::new(MEAN),
        Reshape::new(),
        Integer::new(LAST)
    ];
    /// Bytes of them.
    pub const SIZE: usize = size(&FIRST.weights)
        + size(&WHOLE.weights)
        + size(&WIDER.weights)
        + size(&HALF.weights)
        + size(&WIDEST.weights)
        + size(&LAST.weights);
}

/// Two residual sums, the second one with a pointwise layer on the other side, the mean of the image and a dense layer: 2.3 million
/// multiply-accumulates.
pub mod residuals {
    use super::*;

    const FIRST: Weighted<Conv2d, i32> = conv::<112, 16>([Axis::same(16, 3, 1, 1); 2], 3, RELU);
    const INNER: Weighted<Conv2d, i32> = conv::<576, 16>([Axis::same(16, 3, 1, 1); 2], 16, RELU);
    const OUTER: Weighted<Conv2d, i32> = conv::<576, 16>([Axis::same(16, 3, 1, 1); 2], 16, OUTPUT);
    const HALF: Weighted<Conv2d, i32> = conv::<1152, 32>([Axis::same(16, 3, 2, 1); 2], 16, RELU);
    const AFTER: Weighted<Conv2d, i32> = conv::<2304, 32>([Axis::same(8, 3, 1, 1); 2], 32, OUTPUT);
    const BESIDE: Weighted<Conv2d, i32> = conv::<128, 32>([Axis::same(16, 1, 2, 1); 2], 16, OUTPUT);
    const MEAN: AveragePool = mean(8, 32);
    const LAST: Weighted<FullyConnected, i32> = dense::<80, 10>(32, OUTPUT);
    const ADD: Add = {
        let addend = Addend { zero_point: -3, multiplier: Multiplier { mantissa: 1 << 30, shift: 0 } };
        Add { a: addend, b: addend, multiplier: Multiplier { mantissa: 1 << 30, shift: -19 }, output: RELU }
    };

    type X = Image<16, 16, 16>;
    type Y = Image<8, 8, 32>;
    /// The network.
    pub type Net = chain![
        Conv<Image<16, 16, 3>, X>,
        Around<chain![Conv<X, X>, Conv<X, X>], Add>,
        Branches<chain![Conv<X, Y>, Conv<Y, Y>], Conv<X, Y>, Add>,
        Mean<Y, Image<1, 1, 32>>,
        Reshape<Image<1, 1, 32>, [i8; 32]>,
        Dense<32, 10>
    ];
    /// It, with weights.
    pub const NET: Net = pairs![
        Integer::new(FIRST),
        Around { path: (Integer::new(INNER), Integer::new(OUTER)), join: ADD },
        Branches { left: (Integer::new(HALF), Integer::new(AFTER)), right: Integer::new(BESIDE), join: ADD },
        Integer::new(MEAN),
        Reshape::new(),
        Integer::new(LAST)
    ];
    /// Bytes of them.
    pub const SIZE: usize = size(&FIRST.weights)
        + size(&INNER.weights)
        + size(&OUTER.weights)
        + size(&HALF.weights)
        + size(&AFTER.weights)
        + size(&BESIDE.weights)
        + size(&LAST.weights);
}

const fn mean(length: usize, channels: usize) -> AveragePool {
    let axis = Axis::valid(length, length, 1, 1);
    AveragePool { height: axis, width: axis, channels, output: OUTPUT }
}
