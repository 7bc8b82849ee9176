//! The Hann window.

use core::f64::consts::PI;

/// `½·(1 − cos(2π·n/N))`: of the two kinds the periodic one, which spectra use.
pub(super) const fn hann<const N: usize>() -> [f32; N] {
    let mut window = [0.0; N];
    let mut n = 1;
    while n < N {
        // Its two halves are mirrored, and it is the square of a sine.
        let nearer = if 2 * n < N { n } else { N - n };
        let sine = sine(PI * nearer as f64 / N as f64);
        window[n] = (sine * sine) as f32;
        n += 1;
    }
    window
}

/// Of angles up to `π/2`, by the Taylor series to the power of 21: exact to an `f64`'s 16 digits.
const fn sine(x: f64) -> f64 {
    let (mut sum, mut n) = (1.0, 20);
    while n >= 2 {
        sum = 1.0 - x * x / (n * (n + 1)) as f64 * sum;
        n -= 2;
    }
    x * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_that_of_the_formula() {
        fn check<const N: usize>() {
            for (n, found) in hann::<N>().into_iter().enumerate() {
                let expected = 0.5 - 0.5 * (2.0 * PI * n as f64 / N as f64).cos();
                assert!((f64::from(found) - expected).abs() < 6e-8, "{n} of {N}: {found} is not {expected}");
            }
        }
        check::<1>();
        check::<7>();
        check::<64>();
        check::<400>();
        check::<2048>();
    }
}
