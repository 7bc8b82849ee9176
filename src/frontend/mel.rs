//! Bands of frequency as wide as hearing tells apart.

/// A scale of pitch with the bands that go with it, for samples at [`RATE`](Self::RATE).
///
/// A band rises from 0 at the band's before it to its largest value at its own frequency, and falls to 0 at the next one's, along straight
/// lines over frequency. The frequencies lie at equal distances on the scale from [`LOWEST`](Self::LOWEST) to
/// [`HIGHEST`](Self::HIGHEST), both included.
pub trait Mel: Send + Sync {
    /// Samples a second.
    const RATE: u32;
    /// Where the first band begins, in Hz.
    const LOWEST: u32;
    /// Where the last band ends, in Hz.
    const HIGHEST: u32;
    /// Frequencies of Slaney's scale, and bands of one area; HTK's, and bands of one height, if not.
    #[doc(hidden)]
    const SLANEY: bool;
}

/// The scale `m = 2595·log₁₀(1 + f/700)` of HTK (Young et al., The HTK Book), with bands whose largest value is 1: in librosa
/// `filters.mel(htk=True, norm=None)`. In Hz: the sample rate, where the first band begins, and where the last one ends.
pub struct Htk<const RATE: u32, const LOWEST: u32, const HIGHEST: u32>;

/// The scale of Slaney's Auditory Toolbox (1998), linear up to 1 kHz, where a mel is 66⅔ Hz, then logarithmic, `ln 6.4` in 27 mel, with
/// bands of area 1 over Hz: in librosa `filters.mel()` as it is. In Hz: the sample rate, where the first band begins, and where the last
/// one ends.
pub struct Slaney<const RATE: u32, const LOWEST: u32, const HIGHEST: u32>;

impl<const RATE: u32, const LOWEST: u32, const HIGHEST: u32> Mel for Htk<RATE, LOWEST, HIGHEST> {
    const RATE: u32 = RATE;
    const LOWEST: u32 = LOWEST;
    const HIGHEST: u32 = HIGHEST;
    const SLANEY: bool = false;
}

impl<const RATE: u32, const LOWEST: u32, const HIGHEST: u32> Mel for Slaney<RATE, LOWEST, HIGHEST> {
    const RATE: u32 = RATE;
    const LOWEST: u32 = LOWEST;
    const HIGHEST: u32 = HIGHEST;
    const SLANEY: bool = true;
}

/// Slaney's scale ends being linear here, in Hz, and has this many Hz a mel until then and this many mel for each `ln` of the frequency
/// from then on.
const KNEE: f64 = 1_000.0;
const LINEAR: f64 = 200.0 / 3.0;
const LOGARITHMIC: f64 = 27.0 / 1.856_297_990_365_626_3;
/// `2595 / ln 10`: HTK's mel for each `ln` of `1 + f/700`.
const HTK: f64 = 2595.0 / core::f64::consts::LN_10;

const fn to_mel(slaney: bool, hz: f64) -> f64 {
    match (slaney, hz < KNEE) {
        (true, true) => hz / LINEAR,
        (true, false) => KNEE / LINEAR + LOGARITHMIC * ln(hz / KNEE),
        (false, _) => HTK * ln(1.0 + hz / 700.0),
    }
}

const fn to_hz(slaney: bool, mel: f64) -> f64 {
    match (slaney, mel < KNEE / LINEAR) {
        (true, true) => mel * LINEAR,
        (true, false) => KNEE * exp((mel - KNEE / LINEAR) / LOGARITHMIC),
        (false, _) => 700.0 * (exp(mel / HTK) - 1.0),
    }
}

/// The frequency of each of `BANDS` bands, in Hz.
pub(super) const fn frequencies<M: Mel, const BANDS: usize>() -> [f32; BANDS] {
    let mut frequencies = [0.0; BANDS];
    let (lowest, highest) = (to_mel(M::SLANEY, M::LOWEST as f64), to_mel(M::SLANEY, M::HIGHEST as f64));
    let mut i = 0;
    while i < BANDS {
        let mel = lowest + (highest - lowest) * (i + 1) as f64 / (BANDS + 1) as f64;
        frequencies[i] = to_hz(M::SLANEY, mel) as f32;
        i += 1;
    }
    frequencies
}

/// The series for small numbers, squared ten times.
const fn exp(x: f64) -> f64 {
    let x = x / 1024.0;
    let (mut sum, mut n) = (1.0, 8);
    while n > 0 {
        sum = 1.0 + x / n as f64 * sum;
        n -= 1;
    }
    while n < 10 {
        sum *= sum;
        n += 1;
    }
    sum
}

/// Newton's method on [`exp`], for numbers from 10⁻³ to 10³.
const fn ln(x: f64) -> f64 {
    let (mut y, mut n) = (0.0, 0);
    while n < 30 {
        let power = exp(y);
        // Converges to the third order from wherever it begins.
        y += 2.0 * (x - power) / (x + power);
        n += 1;
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_constants_are_those_of_numbers() {
        for i in -600..=600 {
            let x = f64::from(i) / 100.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-12, "{x}");
            assert!((ln(x.exp()) - x).abs() < 1e-11, "{x}");
        }
    }

    /// Values of librosa 0.11: `mel_frequencies(5, fmin=125, fmax=7500, htk=...)`, the three between the ends.
    #[test]
    fn frequencies_are_librosas() {
        let close = |found: [f32; 3], expected: [f64; 3]| {
            for (a, b) in found.iter().zip(expected) {
                assert!((f64::from(*a) / b - 1.0).abs() < 1e-6, "{found:?} is not {expected:?}");
            }
        };
        close(frequencies::<Htk<16_000, 125, 7_500>, 3>(), [764.852594154, 1900.961360728, 3918.212117039]);
        close(frequencies::<Slaney<16_000, 125, 7_500>, 3>(), [832.198710256, 1744.151116228, 3616.784949608]);
    }
}
