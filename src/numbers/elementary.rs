//! Elementary functions of `f32`, computed from `+ − × ÷` alone and hence with the same bits on every target.

use crate::numbers::Real;

/// What [`exp`] computes with, in the order in which it is used. The split of `ln 2` is Cody and Waite's, as in Cephes (S. Moshier, 1992).
/// The polynomial is the minimax one of its degree for `(eʳ − 1 − r) / r²`, weighted by `r²·e⁻ʳ` (Remez' criterion, by Lawson's iteration):
/// it is off by 0.05 units in the last place of `eʳ` at most.
#[allow(clippy::excessive_precision)]
pub(crate) const EXP: [f32; 12] = [
    // The least and the greatest argument.
    -87.3,
    88.3,
    core::f32::consts::LOG2_E,
    // Added to a small number it leaves the nearest integer in the low bits.
    12_582_912.0,
    // ln 2, the high part and the low one.
    0.693_359_375,
    -2.121_944_4e-4,
    // The polynomial's coefficients, the highest first.
    1.381_441_5e-3,
    8.368_615_1e-3,
    4.166_775_2e-2,
    1.666_652_0e-1,
    0.5,
    1.0,
];

/// `eˣ` without a branch, so that a loop over a row vectorises; a third of `libm::expf`'s instructions on a Cortex-M4F.
///
/// `x = n·ln 2 + r` with `n` an integer and `|r| ≤ ½ ln 2`; then `eˣ = 2ⁿ·eʳ`.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let [lowest, highest, log2_e, round, ln_2_high, ln_2_low, c4, c3, c2, c1, c0, one] = EXP;
    let x = if x < lowest { lowest } else { x };
    let x = if x > highest { highest } else { x };
    let rounded = x * log2_e + round;
    let n = rounded - round;
    let (high, low) = (x - n * ln_2_high, n * ln_2_low);
    let r = high - low;
    // Estrin's order: neighbouring operations do not wait for one another.
    let r2 = r * r;
    let p = (c4 * r2 + (c3 * r + c2)) * r2 + (c1 * r + c0);
    // Not `+ r`, which is rounded, but the exact `+ high` of which it is made.
    let e_to_r = p * r2 - low + high + one;
    let two_to_n = f32::from_bits((rounded.to_bits() << 23).wrapping_add(one.to_bits()));
    e_to_r * two_to_n
}

/// Hyperbolic tangent: near 0 the polynomial of Cephes' `tanhf` (S. Moshier, 1992), elsewhere `1 − 2/(e²ˣ + 1)`, which would cancel
/// there.
#[inline(always)]
#[allow(clippy::excessive_precision)]
pub(super) fn tanh(x: f32) -> f32 {
    const NEAR_0: f32 = 0.625;

    let size = f32::from_bits(x.to_bits() & !SIGN);
    let y = if size < NEAR_0 {
        let s = size * size;
        let p = -5.704_988_727_4e-3 * s + 2.063_908_879_5e-2;
        let p = (p * s - 5.373_971_555_3e-2) * s + 1.333_144_220_4e-1;
        let p = p * s - 3.333_328_194_2e-1;
        p * s * size + size
    } else {
        1.0 - 2.0 / (Real::exp(2.0 * size) + 1.0)
    };
    f32::from_bits(y.to_bits() | (x.to_bits() & SIGN))
}

/// The bit of an `f32` that is its sign.
const SIGN: u32 = 1 << 31;

/// Natural logarithm at half of `libm::logf`'s cost, without its division.
///
/// `x = 2ⁿ·(1 + r)` with `√½ ≤ 1 + r < √2`; the polynomial for `ln(1 + r)` is that of Cephes' `logf` (S. Moshier, 1992).
#[inline]
#[allow(clippy::excessive_precision)]
pub(super) fn ln(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_375;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const TWO_TO_23: f32 = 8_388_608.0;

    // One comparison finds the ordinary numbers: above the subnormals, below infinity, and not negative.
    const LEAST: u32 = f32::MIN_POSITIVE.to_bits();
    let ordinary = x.to_bits().wrapping_sub(LEAST) < f32::INFINITY.to_bits() - LEAST;
    let (x, below) = if ordinary {
        (x, 0)
    } else if x > 0.0 && x < f32::INFINITY {
        (x * TWO_TO_23, 23)
    } else {
        return if x == 0.0 {
            f32::NEG_INFINITY
        } else if x < 0.0 {
            f32::NAN
        } else {
            x
        };
    };
    let n = (x.to_bits() as i32 - core::f32::consts::FRAC_1_SQRT_2.to_bits() as i32) >> 23;
    let r = f32::from_bits((x.to_bits() as i32 - (n << 23)) as u32) - 1.0;
    let n = (n - below) as f32;
    let (r2, r3) = (r * r, r * r * r);
    let a = 7.037_683_629_2e-2 * r2 + (-1.151_461_031_0e-1 * r + 1.167_699_874_0e-1);
    let b = -1.242_014_084_6e-1 * r2 + (1.424_932_278_7e-1 * r - 1.666_805_766_5e-1);
    let c = 2.000_071_476_5e-1 * r2 + (-2.499_999_399_3e-1 * r + 3.333_333_117_4e-1);
    let p = (a * r3 + b) * r3 + c;
    let small = n * LN_2_LOW - 0.5 * r2 + p * r3;
    n * LN_2_HIGH + (r + small)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function, its exact value, its arguments from one to another of the same sign, and the worst error that is stated in its docs, in
    /// units in the last place.
    type Claim = (&'static str, fn(f32) -> f32, fn(f64) -> f64, f32, f32, f64);
    const CLAIMS: [Claim; 4] = [
        ("exp", Real::exp, libm::exp, 0.0, 88.0, 0.891),
        ("exp", Real::exp, libm::exp, -0.0, -87.0, 0.895),
        ("ln", Real::ln, libm::log, f32::from_bits(1), f32::MAX, 0.887),
        ("tanh", Real::tanh, libm::tanh, 0.0, 20.0, 1.325),
    ];

    /// Compares every `step`th argument with the `f64` value; the worst found is what is stated, or less by at most `slack`.
    fn check(step: usize, slack: f64) {
        for (name, f, exact, from, to, stated) in CLAIMS {
            let worst = (from.to_bits()..=to.to_bits()).step_by(step).map(f32::from_bits).map(|x| {
                let exact = exact(f64::from(x));
                let nearest = (exact as f32).abs();
                let ulp = f64::from(f32::from_bits(nearest.to_bits() + 1)) - f64::from(nearest);
                (f64::from(f(x)) - exact).abs() / ulp
            });
            let worst = worst.fold(0.0, f64::max);
            std::println!("{name} from {from} to {to}: within {worst:.4} units in the last place");
            assert!((stated - slack..=stated).contains(&worst), "{name}: {worst}, stated {stated}");
        }
    }

    #[test]
    fn errors_are_those_stated() {
        check(1009, 0.12);
    }

    #[test]
    #[ignore = "minutes, and only with --release"]
    fn errors_are_those_stated_for_every_argument() {
        check(1, 0.001);
    }

    #[test]
    fn ln_of_special_values() {
        assert_eq!(ln(1.0), 0.0);
        assert_eq!((ln(0.0), ln(f32::INFINITY)), (f32::NEG_INFINITY, f32::INFINITY));
        assert!(ln(-1.0).is_nan() && ln(f32::NAN).is_nan());
    }

    #[test]
    fn tanh_of_special_values() {
        for x in [0.0, 1e-45, 1e-30, 20.0, 1e30, f32::INFINITY] {
            let y = Real::tanh(x);
            assert_eq!(y, if x < 1.0 { x } else { 1.0 });
            assert_eq!(Real::tanh(-x).to_bits(), (-y).to_bits());
        }
        assert!(Real::tanh(f32::NAN).is_nan());
    }

    #[test]
    fn exp_holds_its_end_values_and_passes_nan_on() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), exp(-1e30));
        assert!(exp(-1e30) < 2e-38 && exp(-1e30) > 0.0);
        assert!(exp(f32::INFINITY) > 2e38 && exp(1e30).is_finite());
        assert!(exp(f32::NAN).is_nan());
    }
}
