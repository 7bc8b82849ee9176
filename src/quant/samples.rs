//! Inputs and weights of the tests. What is expected of them was computed by `ai-edge-litert` 2.3.0, `OpResolverType.BUILTIN_REF`.

use rand_core::Rng;
use rand_pcg::Pcg32;

use super::{Multiplier, Output, pack};

pub fn x<const N: usize>() -> [i8; N] {
    core::array::from_fn(|i| (i * 37 + 139) as u8 as i8)
}

pub fn w<const N: usize>() -> [i8; N] {
    core::array::from_fn(|i| ((i * 53 + 7) % 255) as i8).map(|w| w.wrapping_sub(127))
}

/// Mantissas and shifts of the factors from inputs with the scale 0.05.
pub fn multipliers<const N: usize>(scales: [f32; N], y_scale: f32) -> ([i32; N], [i8; N]) {
    let multipliers = scales.map(|scale| Multiplier::new(f64::from(0.05_f32) * f64::from(scale) / f64::from(y_scale)));
    (multipliers.map(|multiplier| multiplier.mantissa), multipliers.map(|multiplier| multiplier.shift))
}

/// Without an activation.
pub fn output(zero_point: i8) -> Output {
    Output { zero_point, least: -128, greatest: 127 }
}

/// Biases without the zero point, from weights of each output.
pub fn folded<'w, const N: usize>(
    biases: [i32; N],
    zero_point: i32,
    weights: impl Fn(usize) -> std::boxed::Box<dyn Iterator<Item = &'w i8> + 'w>,
) -> [i32; N] {
    core::array::from_fn(|output| biases[output] - zero_point * weights(output).map(|w| i32::from(*w)).sum::<i32>())
}

/// Weights `[outputs, inputs]`, of `N` words.
pub fn packed<const N: usize>(weights: &[i8], inputs: usize) -> [i32; N] {
    let mut packed = [0; N];
    pack(weights, inputs, &mut packed);
    packed
}

/// Any number up to `most`, `least` at least.
pub fn between(rng: &mut Pcg32, least: usize, most: usize) -> usize {
    least + rng.next_u32() as usize % (most + 1 - least)
}

/// Any integers.
pub fn integers(rng: &mut Pcg32, count: usize) -> std::vec::Vec<i8> {
    (0..count).map(|_| rng.next_u32() as i8).collect()
}

/// A factor between 2⁻¹² and 4.
pub fn multiplier(rng: &mut Pcg32) -> Multiplier {
    Multiplier::new(libm::exp2(between(rng, 0, 14_000) as f64 / 1000.0 - 12.0))
}

/// What [`Multiplier::twice`] says, in wide integers.
pub fn twice(multiplier: Multiplier, x: i64) -> i64 {
    let Multiplier { mantissa, shift } = multiplier;
    let product = (i128::from(x) << shift.max(0)) * i128::from(mantissa);
    let high = (product + (1 << 30)).div_euclid(1 << 31);
    let parts = 1 << -shift.min(0);
    ((2 * high.abs() + parts) / (2 * parts) * high.signum()) as i64
}
