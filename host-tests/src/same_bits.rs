//! The program whose every weight must come out the same on every target, compiled for the host here and for devices by `firmware`.

use nerve::prelude::*;
use nerve::quant::{self, Axis, FullyConnected, Output, Weights, pack, pack_fours, packed_len};
use nerve::{Array, InRows, Layer, Mode, OutRow, Streamed, Tensor};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

type Input = [f32; 4];
type Net = chain![Standardize<4>, Dense<4, 9, Sigmoid>, Dropout<20>, Dense<9, 6, Tanh>, Elu, Dense<6, 3>];
const BATCH: usize = 32;

/// A network that PyTorch has trained, `torch/import.py`, ready for the device.
pub type Imported = chain![
    Conv2d<2, 3, 3, Relu>,
    MaxPool2d<2, 4, 5>,
    DepthwiseConv2d<3, 3, Elu>,
    Conv2d<3, 4, 3, Sigmoid, To<2, 3, 2, 1>>,
    Dropout<30>,
    Flatten<24>,
    Dense<24, 6, Tanh>,
    Dense<6, 3>
];
static IMPORTED: Imported = include_weights!(Imported, "../tests/torch/import-image.nrv");

/// Gives `word` the bits of layers of many widths, of integer operators of many shapes, of streams, of an imported network's logits, of every weight after 100 steps with each optimizer and of a recurrent network after
/// 40, of the logits of one batch of 32 and of 32 batches of 1, then of the gradients accumulated either way.
pub fn run(mut word: impl FnMut(u32)) {
    let mut rng = Pcg32::seed_from_u64(2023);
    // Every width of a tile and every remainder: a device has assembly for these.
    dense::<26, 1, 1>(&mut rng, &mut word);
    dense::<7, 2, 1>(&mut rng, &mut word);
    dense::<9, 4, 1>(&mut rng, &mut word);
    dense::<12, 8, 1>(&mut rng, &mut word);
    dense::<8, 10, 3>(&mut rng, &mut word);
    dense::<7, 20, 1>(&mut rng, &mut word);
    dense::<4, 21, 2>(&mut rng, &mut word);
    dense::<13, 27, 1>(&mut rng, &mut word);
    dense::<5, 41, 1>(&mut rng, &mut word);
    convolution(&mut rng, &mut word);
    exponentials(&mut word);
    integers(&mut rng, &mut word);
    integer_depthwise(&mut rng, &mut word);
    integer_sums(&mut rng, &mut word);
    streams(&mut rng, &mut word);
    other_layers(&mut Pcg32::seed_from_u64(4), &mut word);

    let mut x = [[0.0; 4]; BATCH];
    let mut classes = [0; BATCH];
    for (x, class) in x.iter_mut().zip(&mut classes) {
        for v in x.iter_mut() {
            *v = (rng.next_u32() >> 8) as f32 / 65536.0;
        }
        *class = (rng.next_u32() % 3) as usize;
    }

    each_word(&imported(), &mut word);

    let net = optimizers(&x, &classes, &mut word);
    recurrent(&x, &classes, &mut word);
    remembering(&x, &classes, &mut word);
    logits::<BATCH>(&net, &x, &mut word);
    logits::<1>(&net, &x, &mut word);
    gradients::<BATCH>(&net, &x, &classes, &mut word);
    gradients::<1>(&net, &x, &classes, &mut word);
}

/// Number of words of the logits, and of the gradients, that [`run`] gives twice at its end.
pub const LOGITS: usize = BATCH * 3;
/// See [`LOGITS`].
pub const GRADIENTS: usize = 4 * 9 + 9 + 9 * 6 + 6 + 6 * 3 + 3;

// Each part in a stack frame of its own: together they would not fit into 16 KiB of RAM.

#[inline(never)]
/// What [`Imported`] makes of the input that `torch/import.py` has given PyTorch.
pub fn imported() -> [f32; 3] {
    let mut x = [[[0.0; 2]; 10]; 8];
    for (i, v) in x.flat_mut().iter_mut().enumerate() {
        *v = ((i * 7 + 5) % 37) as f32 / 16.0 - 18.0 / 16.0;
    }
    let mut arena = Arena::<{ arena_len::<Imported, [[[f32; 2]; 10]; 8]>() }>::ZERO;
    *arena.predict(&IMPORTED, &x)
}

fn optimizers(x: &[Input; BATCH], classes: &[usize; BATCH], word: &mut impl FnMut(u32)) -> Net {
    let mut trainer = Trainer::<Net, Input, 1>::ZERO;
    trainer.clip = Clip::Norm(2.0);
    train(Sgd::new(0.1), &mut trainer, x, classes, word);
    train(Momentum::new(0.02, 0.9), &mut trainer, x, classes, word);
    train(Nesterov::new(0.02, 0.9), &mut trainer, x, classes, word);
    train(RmsProp::new(0.01), &mut trainer, x, classes, word);
    train(AdamW::new(0.01), &mut trainer, x, classes, word);
    train(Adam::new(0.01), &mut trainer, x, classes, word)
}

/// Trains on windows of 8 samples, then gives the state after a stream of them too.
#[inline(never)]
fn recurrent(x: &[Input; BATCH], classes: &[usize; BATCH], word: &mut impl FnMut(u32)) {
    type Net = chain![Gru<4, 6>, Last, Dense<6, 3>];
    let mut net = Net::ZERO;
    net.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(3));
    let mut trainer = Trainer::<Net, [Input; 8]>::ZERO;
    for _ in 0..10 {
        let result =
            trainer.epoch(&mut net, &mut Sgd::new(0.1), &CrossEntropy, x.as_chunks::<8>().0.iter().zip(classes));
        assert!(result.is_ok());
    }
    net.visit(&mut |tensor: &[f32]| each_word(tensor, word));
    let mut stream = Stream::<Net, [Input; 8]>::ZERO;
    for x in x {
        if let Some(logits) = stream.push(&net, x) {
            each_word(logits, word);
        }
    }
}

/// As [`recurrent`], with cells.
#[inline(never)]
fn remembering(x: &[Input; BATCH], classes: &[usize; BATCH], word: &mut impl FnMut(u32)) {
    type Net = chain![Lstm<4, 5>, Last, Dense<5, 3>];
    let mut net = Net::ZERO;
    net.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(3));
    let mut trainer = Trainer::<Net, [Input; 4]>::ZERO;
    for _ in 0..10 {
        let result =
            trainer.epoch(&mut net, &mut Sgd::new(0.1), &CrossEntropy, x.as_chunks::<4>().0.iter().zip(classes));
        assert!(result.is_ok());
    }
    net.visit(&mut |tensor: &[f32]| each_word(tensor, word));
    let (mut h, mut c) = ([0.0; 5], [0.0; 5]);
    x.iter().for_each(|x| net.0.0.step(x, &mut h, &mut c));
    each_word(&h, word);
    each_word(&c, word);
}

#[inline(never)]
fn train(
    mut optimizer: impl Optimizer<Net, f32>,
    trainer: &mut Trainer<Net, Input, 1>,
    x: &[Input; BATCH],
    classes: &[usize; BATCH],
    word: &mut impl FnMut(u32),
) -> Net {
    let mut rng = Pcg32::seed_from_u64(7);
    let mut net = Net::ZERO;
    net.init(Init::GlorotNormal, &mut rng);
    let ((((standardize, _), _), _), _) = &mut net.0;
    standardize.fit(x.iter());
    trainer.set_seed(1);
    for step in 0..100 {
        let schedule = Schedule::Cosine { peak: 0.05, warm_up: 10, total: 100 };
        optimizer.set_learning_rate(schedule.at(step));
        let i = rng.next_u32() as usize % BATCH;
        let result = trainer.step(&mut net, &mut optimizer, &CrossEntropy, &[x[i]], &[classes[i]]);
        assert!(result.is_ok());
    }
    net.visit(&mut |tensor: &[f32]| each_word(tensor, word));
    net
}

#[inline(never)]
fn logits<const B: usize>(net: &Net, x: &[Input; BATCH], word: &mut impl FnMut(u32)) {
    let mut pass = Pass::<Net, Input, B>::ZERO;
    for x in x.as_chunks::<B>().0 {
        each_word(pass.run(net, x).as_flattened(), word);
    }
}

#[inline(never)]
fn gradients<const B: usize>(net: &Net, x: &[Input; BATCH], classes: &[usize; BATCH], word: &mut impl FnMut(u32)) {
    let mut accumulator = Accumulator::<Net, Input, B>::ZERO;
    for (x, classes) in x.as_chunks::<B>().0.iter().zip(classes.as_chunks::<B>().0) {
        assert!(accumulator.accumulate(net, &CrossEntropy, x, classes).is_ok());
    }
    accumulator.gradients().visit(&mut |tensor: &[f32]| each_word(tensor, word));
}

#[inline(never)]
fn dense<const I: usize, const O: usize, const B: usize>(rng: &mut Pcg32, word: &mut impl FnMut(u32)) {
    layer::<Dense<I, O>, [f32; I], B>(rng, word);
}

#[inline(never)]
fn convolution(rng: &mut Pcg32, word: &mut impl FnMut(u32)) {
    layer::<Conv2d<2, 5, 3>, [[[f32; 2]; 4]; 4], 1>(rng, word);
    layer::<Conv2d<4, 8, 3>, [[[f32; 4]; 5]; 3], 1>(rng, word);
    layer::<Conv2d<3, 16, 3, Linear, To<2, 5, 2, 1>>, [[[f32; 3]; 10]; 4], 1>(rng, word);
    layer::<Conv<2, 4, 3, 2, Linear, (To1d<2, 1, 1, 2>, Same)>, [[[f32; 2]; 5]; 4], 1>(rng, word);
    sized_by_arguments(rng, word);
}

/// Activations and layers that the networks below have not.
#[inline(never)]
fn other_layers(rng: &mut Pcg32, word: &mut impl FnMut(u32)) {
    type Row = [f32; 12];
    layer::<chain![Relu6, HardTanh, HardSigmoid], Row, 1>(rng, word);
    layer::<Gelu, Row, 1>(rng, word);
    layer::<GeluTanh, Row, 1>(rng, word);
    layer::<Silu, Row, 1>(rng, word);
    layer::<HardSwish, Row, 1>(rng, word);
    layer::<chain![PRelu<4>, LayerNorm<4>, Softmax], [[f32; 4]; 3], 1>(rng, word);
    layer::<Embedding<3, 2>, [f32; 5], 1>(rng, word);
    layer::<Attention<6, 2>, [[f32; 6]; 5], 1>(rng, word);
    layer::<ConvTranspose2d<2, 3, 3, To<5, 7, 2, 1>>, [[[f32; 2]; 4]; 3], 1>(rng, word);
}

/// Loops with the sizes as arguments: inputs and pixels of even and odd number, one of each, kernels that lie outside.
#[inline(never)]
fn sized_by_arguments(rng: &mut Pcg32, word: &mut impl FnMut(u32)) {
    layer::<Conv2d<5, 8, 1>, [[[f32; 5]; 3]; 3], 1>(rng, word);
    layer::<Conv2d<6, 16, 1>, [[[f32; 6]; 2]; 2], 1>(rng, word);
    layer::<Conv2d<1, 24, 1>, [[[f32; 1]; 1]; 1], 1>(rng, word);
    layer::<DepthwiseConv2d<8, 3>, [[[f32; 8]; 4]; 5], 1>(rng, word);
    layer::<AvgPool2d<3, 1, 2, 2>, [[[f32; 24]; 5]; 3], 1>(rng, word);
    layer::<DepthwiseConv2d<16, 5, Linear, To<2, 1, 2, 2>>, [[[f32; 16]; 2]; 3], 1>(rng, word);
    layer::<Depthwise<8, 2, 3, Linear, (To1d<3, 2, 1, 3, 2>, To1d<5, 1, SAME, 2>)>, [[[f32; 8]; 5]; 6], 1>(rng, word);
}

/// What streams make of rows: of loops in assembly, where a kernel's rows go on at the first place of a ring.
#[inline(never)]
fn streams(rng: &mut Pcg32, word: &mut impl FnMut(u32)) {
    rows::<Conv1d<3, 16, 5>, [[f32; 3]; 12]>(rng, word);
    rows::<Conv1d<2, 5, 3, Linear, To1d<12, 1, 4, 2, 0>>, [[f32; 2]; 12]>(rng, word);
    rows::<Conv2d<2, 8, 3>, [[[f32; 2]; 5]; 7]>(rng, word);
    rows::<MaxPool2d<3, 2, 2, 2>, [[[f32; 24]; 5]; 5]>(rng, word);
    rows::<Conv<2, 8, 3, 2, Linear, (To1d<6, 1, 2, 2>, Same)>, [[[f32; 2]; 5]; 6]>(rng, word);
    type Separable = chain![DepthwiseConv2d<8, 3>, Conv2d<8, 16, 1>, MaxPool2d<2, 4, 2>];
    rows::<Separable, [[[f32; 8]; 4]; 8]>(rng, word);
    rows::<Depthwise<16, 3, 2, Linear, (To1d<3, 2, 1, 2>, Same)>, [[[f32; 16]; 2]; 7]>(rng, word);
}

/// The rows that a network with random weights makes of random ones.
fn rows<N: Streamed<X> + Tensors<f32> + Zero, X: InRows<Elem = f32>>(rng: &mut Pcg32, word: &mut impl FnMut(u32))
where
    OutRow<N, X>: Array<Elem = f32>,
{
    let (mut net, mut x, mut stream) = (N::ZERO, X::ZERO, Stream::<N, X>::ZERO);
    let mut fill =
        |tensor: &mut [f32]| tensor.iter_mut().for_each(|v| *v = (rng.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0);
    net.visit_mut(&mut fill);
    fill(x.flat_mut());
    for row in x.rows_mut() {
        if let Some(y) = stream.push(&net, row) {
            each_word(y.flat(), word);
        }
    }
    while let Some(y) = stream.finish(&net) {
        each_word(y.flat(), word);
    }
}

/// Matrix products and convolutions of random shapes: few channels and many, odd numbers of them, margins on one side, pixels of odd number,
/// one scale and one a channel, all inputs and weights the least ones.
#[inline(never)]
fn integers(rng: &mut Pcg32, word: &mut impl FnMut(u32)) {
    for _ in 0..60 {
        let mut below = |n: u32| (rng.next_u32() % n) as usize;
        let axes = [0, 1].map(|_| {
            let (input, kernel, stride, dilation) = (3 + below(4), 1 + below(3), 1 + below(2), 1 + below(2));
            if below(2) == 0 {
                Axis::same(input, kernel, stride, dilation)
            } else {
                Axis::valid(input, kernel, stride, dilation)
            }
        });
        let [height, width] = axes;
        let (outputs, channels) = ([1, 2, 3, 4, 6, 6, 7][below(7)], [1, 2, 3, 4, 8, 10, 36][below(7)]);
        let inputs = height.kernel * width.kernel * channels;
        let sizes = [height.input * width.input * channels, height.output * width.output * outputs];
        product(rng, word, pack, [outputs, inputs], sizes, |weights, zero_point, output, x, y| {
            quant::Conv2d { height, width, channels, zero_point, output }.run(weights, x, y);
        });

        let mut below = |n: u32| (rng.next_u32() % n) as usize;
        let (outputs, inputs) = (1 + below(7), 1 + [below(12), below(330), 600][below(3)]);
        product(rng, word, pack_fours, [outputs, inputs], [inputs, outputs], |weights, _, output, x, y| {
            FullyConnected { inputs, output }.run(weights, x, y);
        });
    }
    // More outputs than any loop makes at a time.
    for outputs in [63, 64, 65, 97, 128, 130] {
        let inputs = 1 + (rng.next_u32() % 32) as usize;
        product(rng, word, pack_fours, [outputs, inputs], [inputs, outputs], |weights, _, output, x, y| {
            FullyConnected { inputs, output }.run(weights, x, y);
        });
    }
}

/// What `run` makes of random weights and inputs.
#[inline(never)]
fn product(
    rng: &mut Pcg32,
    word: &mut impl FnMut(u32),
    pack: fn(&[i8], usize, &mut [i32]),
    [outputs, inputs]: [usize; 2],
    [x_len, y_len]: [usize; 2],
    run: impl Fn(&Weights<i32>, i8, Output, &[i8], &mut [i8]),
) {
    let (mut weights, mut packed) = ([0; 7 * 601], [0; 4 * 302]);
    let (mut x, mut y) = ([0; 36 * 36], [0; 7 * 36]);
    let least = rng.next_u32().is_multiple_of(4);
    for v in weights[..outputs * inputs].iter_mut().chain(&mut x[..x_len]) {
        *v = if least { i8::MIN } else { (rng.next_u32() >> 24) as i8 };
    }
    let packed = &mut packed[..packed_len(outputs, inputs)];
    pack(&weights[..outputs * inputs], inputs, packed);
    let (mut biases, mut mantissas, mut shifts) = ([0; 130], [0; 130], [0; 130]);
    let below_1 = !rng.next_u32().is_multiple_of(4);
    for ((bias, mantissa), shift) in biases.iter_mut().zip(&mut mantissas).zip(&mut shifts).take(outputs) {
        // Large ones too, as channels have whose weights are next to nothing.
        *bias = rng.next_u32() as i32 >> [0, 16][(rng.next_u32() % 2) as usize];
        *mantissa = (rng.next_u32() >> 2 | 1 << 30) as i32;
        *shift = if below_1 { -1 - (rng.next_u32() % 31) as i8 } else { 2 - (rng.next_u32() % 16) as i8 };
        // As of a channel without weights.
        if rng.next_u32().is_multiple_of(16) {
            (*mantissa, *shift) = (0, 0);
        }
    }
    let multipliers = if rng.next_u32().is_multiple_of(4) { 1 } else { outputs };
    let weights = Weights {
        weights: packed,
        biases: &biases[..outputs],
        mantissas: &mantissas[..multipliers],
        shifts: &shifts[..multipliers],
        rests: &[],
    };
    let zero_point = (rng.next_u32() >> 24) as i8;
    let least = if rng.next_u32().is_multiple_of(2) { i8::MIN } else { zero_point };
    let output = Output { zero_point, least, greatest: i8::MAX };
    run(&weights, zero_point, output, &x[..x_len], &mut y[..y_len]);
    for y in &y[..y_len] {
        word(*y as u8 as u32);
    }
}

/// Depthwise convolutions of integers: kernels of odd and even height, few channels and more than are summed up at a time, several outputs of
/// one, rows longer than the scratch, every kind of padding, and factors and sums that are out of the usual range.
#[inline(never)]
fn integer_depthwise(rng: &mut Pcg32, word: &mut impl FnMut(u32)) {
    // Height and width: pixels, kernel, stride, dilation; channels and outputs of each.
    const MOST: usize = 130;
    let same = Axis::same;
    let before = |axis: Axis, before| Axis { before, ..axis };
    let cases = [
        (same(5, 3, 1, 1), same(4, 3, 1, 1), 8, 1),
        (same(6, 3, 2, 1), same(7, 3, 2, 1), 6, 1),
        (before(same(4, 3, 2, 1), 1), before(same(4, 3, 2, 1), 0), 5, 1),
        (same(3, 3, 1, 1), same(3, 3, 1, 1), 1, 1),
        (same(1, 3, 1, 1), same(1, 3, 1, 1), 4, 1),
        (same(2, 3, 1, 1), same(90, 3, 1, 1), 4, 1),
        (Axis::valid(12, 10, 1, 1), Axis::valid(6, 4, 2, 1), 7, 1),
        (same(9, 10, 2, 1), same(8, 8, 2, 1), 1, 8),
        (same(4, 5, 1, 2), same(3, 1, 1, 1), 4, 1),
        (same(4, 3, 1, 1), same(5, 2, 1, 2), 4, 1),
        (Axis::valid(16, 15, 1, 1), Axis::valid(1, 1, 1, 1), 10, 1),
        (same(1, 1, 1, 1), same(12, 7, 1, 1), 5, 1),
        (same(2, 1, 1, 1), same(3, 2, 3, 1), 2, 3),
        (same(2, 40, 1, 1), same(4, 4, 1, 1), 4, 1),
        (same(1, 3, 1, 1), same(3, 3, 1, 1), MOST, 1),
        // Images that are higher than wide, and strides that differ.
        (same(9, 3, 1, 1), same(4, 3, 1, 1), 6, 1),
        (same(9, 3, 2, 1), same(5, 3, 2, 1), 5, 1),
        (same(7, 3, 2, 1), same(3, 3, 1, 1), 4, 1),
        (same(7, 3, 1, 1), same(3, 3, 2, 1), 4, 1),
        (same(8, 4, 1, 1), same(5, 3, 1, 1), 4, 1),
        (same(5, 4, 2, 1), same(7, 3, 1, 1), 4, 1),
        (same(5, 3, 3, 1), same(5, 3, 1, 1), 4, 1),
        (same(5, 3, 1, 2), same(9, 3, 1, 1), 4, 1),
        (same(6, 3, 1, 1), same(4, 3, 1, 1), 2, 4),
        (same(120, 3, 1, 1), same(2, 3, 1, 1), 4, 1),
        // Signals.
        (same(40, 5, 1, 1), same(1, 1, 1, 1), 6, 1),
        (same(41, 4, 1, 1), same(1, 1, 1, 1), 4, 1),
        (before(same(30, 7, 1, 1), 5), same(1, 1, 1, 1), 5, 1),
        (same(30, 5, 2, 1), same(1, 1, 1, 1), 4, 1),
        (same(31, 7, 3, 1), same(1, 1, 1, 1), 4, 1),
        (same(30, 6, 4, 1), same(1, 1, 1, 1), 1, 8),
        (same(231, 3, 1, 1), same(1, 1, 1, 1), 4, 1),
        (same(1, 1, 1, 1), same(31, 4, 1, 1), 4, 1),
        (same(2, 1, 1, 1), same(30, 5, 1, 2), 4, 1),
    ];
    for (i, (height, width, channels, multiplier)) in cases.into_iter().enumerate() {
        let outputs = channels * multiplier;
        let mut bytes = [0_i8; 2048];
        bytes.iter_mut().for_each(|v| *v = rng.next_u32() as i8);
        let (x, w) = bytes.split_at(height.input * width.input * channels);
        let w = &w[..height.kernel * width.kernel * outputs];
        let (mut biases, mut mantissas, mut shifts) = ([0; MOST], [0; MOST], [0; MOST]);
        for i in 0..outputs {
            biases[i] = rng.next_u32() as i32 >> 18;
            mantissas[i] = (rng.next_u32() >> 2 | 1 << 30) as i32;
            shifts[i] = -1 - (rng.next_u32() % 12) as i8;
        }
        // Once as they usually are, then out of range.
        for case in 0..3 {
            shifts[0] = if case == 1 { 1 } else { shifts[0] };
            biases[0] = if case == 2 { i32::MAX - 5 } else { biases[0] };
            let weights = Weights {
                weights: w,
                biases: &biases[..outputs],
                mantissas: &mantissas[..outputs],
                shifts: &shifts[..outputs],
                rests: &[],
            };
            let output = Output { zero_point: x[0], least: if i % 3 == 0 { -100 } else { -128 }, greatest: 127 };
            let conv = quant::DepthwiseConv2d { height, width, channels, multiplier, zero_point: x[1], output };
            let mut y = [0; 1024];
            let y = &mut y[..height.output * width.output * outputs];
            conv.run(&weights, x, y);
            y.iter().for_each(|y| word(*y as u8 as u32));
        }
    }
}

/// Sums of integers: one scale or another the larger one, or both, outputs far finer and far coarser, a range that is held, and a second
/// tensor that is repeated.
#[inline(never)]
fn integer_sums(rng: &mut Pcg32, word: &mut impl FnMut(u32)) {
    for case in 0..24 {
        let mut scale = |bits: u32| (1 + rng.next_u32() % (1 << bits)) as f32 / 1024.0;
        let a = scale(10);
        let (b, output) = (if case % 4 == 0 { a } else { scale(10) }, scale(if case % 3 == 0 { 4 } else { 12 }));
        let mut bytes = [0_i8; 80];
        bytes.iter_mut().for_each(|v| *v = rng.next_u32() as i8);
        let [least, greatest] = if case % 5 == 0 { [bytes[0].min(0), 100] } else { [i8::MIN, i8::MAX] };
        let mut add =
            quant::Add::new([(a, bytes[1]), (b, bytes[2])], output, Output { zero_point: bytes[0], least, greatest });
        if case % 7 == 0 {
            add.a.multiplier.mantissa -= 1 << 29;
        }
        let (y, x) = bytes.split_at_mut(40);
        add.run_in_place(y, &x[..[40, 13, 1][case % 3]]);
        y.iter().for_each(|y| word(*y as u8 as u32));
    }
}

/// Those of arguments large and small, and whether NaN stays NaN: there is assembly for pairs and triples of them.
#[inline(never)]
fn exponentials(word: &mut impl FnMut(u32)) {
    // Around the ends of the range, and around those of what the assembly takes for near 0.
    let x = [-1e30, 1e30, -87.4, -87.2, 88.2, 88.4, -44.8, -44.6, 43.9, 44.2, -0.0, 1e-40, 0.3, -3.0, 17.5];
    activations([x], word);
    activations(x.map(|x| [x]), word);
    activations([[x[0], x[12], x[13], x[14]], [x[11], x[10], x[5], x[14]]], word);
    let mut y = [[0.0; 3]];
    Sigmoid.forward(&[[f32::NAN, 1.0, f32::NAN]], &mut (), &mut y, Mode::Inference);
    y[0].iter().for_each(|y| word(u32::from(y.is_nan())));
}

#[inline(never)]
fn activations<const N: usize, const B: usize>(x: [[f32; N]; B], word: &mut impl FnMut(u32)) {
    let mut y = x;
    Sigmoid.forward(&x, &mut (), &mut y, Mode::Inference);
    each_word(y.as_flattened(), word);
    Softmax.forward(&x, &mut (), &mut y, Mode::Inference);
    each_word(y.as_flattened(), word);
}

/// The output of a layer, its gradients and the input's, for arbitrary inputs and output gradients.
fn layer<L, X, const B: usize>(rng: &mut Pcg32, word: &mut impl FnMut(u32))
where
    X: Tensor<Elem = f32>,
    L: Layer<X> + Zero,
{
    let mut random = |values: &mut [f32]| {
        for v in values {
            *v = (rng.next_u32() as f32 / 2_147_483_648.0 - 1.0) * (1 + rng.next_u32() % 9) as f32;
        }
    };
    let (mut layer, mut grads, mut x, mut dx) = (L::ZERO, <L as Params<f32>>::Grads::ZERO, [X::ZERO; B], [X::ZERO; B]);
    let (mut acts, mut scratch) = (L::Acts::<B>::ZERO, L::Scratch::<B>::ZERO);
    let (mut y, mut dy) = ([L::Out::ZERO; B], [L::Out::ZERO; B]);
    layer.visit_mut(&mut random);
    random(X::flatten_mut(&mut x));
    random(L::Out::flatten_mut(&mut dy));
    let mode = Mode::Training { seed: 0, first_example: 0, examples: B };
    layer.forward(&x, &mut acts, &mut y, mode);
    layer.backward(&x, &acts, &y, &mut dy, &mut scratch, Some(&mut dx), mode);
    layer.gradients(&x, &acts, &y, &dy, &scratch, &mut grads, false);
    each_word(L::Out::flatten(&y), word);
    each_word(X::flatten(&dx), word);
    grads.visit(&mut |tensor: &[f32]| each_word(tensor, word));
}

fn each_word(values: &[f32], word: &mut impl FnMut(u32)) {
    for v in values {
        word(v.to_bits());
    }
}
