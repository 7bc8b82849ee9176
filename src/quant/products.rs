//! Sums of products of windows and packed weights.

use super::{Output, Weights};
use crate::kernels::paired::{PIECE, Vectors, words_of_pair};

/// Outputs of a few vectors that are summed up at a time: half a KiB of a device's stack at most.
pub(super) const TOGETHER_BLOCK: usize = if cfg!(target_os = "none") { 32 } else { 64 };

/// The sums of `P` windows of `inputs` elements with all `weights`, biases included, `BLOCK` outputs at a time: `made(output, sums)` takes
/// those of the outputs from `output` on. `elements(vectors, first, length)` sets the vectors to the `length` elements of the windows from
/// `first` on. `sums` are room for a block.
#[inline(always)]
pub(super) fn each<const P: usize, const BLOCK: usize>(
    (vectors, sums): (&mut Vectors<P>, &mut [[i32; P]; BLOCK]),
    weights: &Weights<i32>,
    inputs: usize,
    mut elements: impl FnMut(&mut Vectors<P>, usize, usize),
    mut made: impl FnMut(usize, &[[i32; P]]),
) {
    let stride = words_of_pair(inputs);
    let mut rows = weights.weights;
    for (block, biases) in weights.biases.chunks(BLOCK).enumerate() {
        for (sums, bias) in sums.iter_mut().zip(biases) {
            *sums = [*bias; P];
        }
        let pairs = biases.len().div_ceil(2);
        let Some(sums) = sums.get_mut(..2 * pairs) else { return };
        let mut first = 0;
        while first < inputs {
            let length = inputs.wrapping_sub(first).min(PIECE);
            // Windows of one piece are there since the first block.
            if block == 0 || inputs > PIECE {
                vectors.begin(length);
                elements(vectors, first, length);
            }
            vectors.add_products(rows.get(first / 2..).unwrap_or(&[]), stride, sums);
            first = first.wrapping_add(PIECE);
        }
        made(block.wrapping_mul(BLOCK), sums.get(..biases.len()).unwrap_or(&[]));
        rows = rows.get(pairs.wrapping_mul(stride)..).unwrap_or(&[]);
    }
}

/// As [`each`], rounded twice: `y`, `[P, outputs]`. With `usual` multipliers, all below 1, a loop may round sums while they are in
/// registers: without it vww takes 12 % more instructions.
#[inline(always)]
pub(super) fn each_rounded<const P: usize>(
    (vectors, sums): (&mut Vectors<P>, &mut [[i32; P]; TOGETHER_BLOCK]),
    weights: &Weights<i32>,
    inputs: usize,
    usual: bool,
    mut elements: impl FnMut(&mut Vectors<P>, usize, usize),
    output: Output,
    y: &mut [i8],
) {
    if Vectors::<P>::ROUNDS && usual && inputs <= PIECE {
        vectors.begin(inputs);
        elements(vectors, 0, inputs);
        let multipliers = (weights.mantissas, weights.shifts);
        if vectors.round(weights.weights, weights.biases, multipliers, output.zero_point, y) {
            return output.hold(y);
        }
    }
    each((vectors, sums), weights, inputs, elements, |first, sums| weights.round_twice(output, first, sums, y));
    output.hold(y);
}
