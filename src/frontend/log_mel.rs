//! Frames of log-mel energies from a stream of samples.

use core::marker::PhantomData;

use const_panic::concat_panic;

use crate::frontend::mel::{Mel, frequencies};
use crate::frontend::{fft, hann};
use crate::numbers::{Real, Zero};

/// Log-mel frames of sound: a Hann window over `WINDOW` samples, every `STEP` samples, filled with zeros to `FFT` of them, whose powers
/// are summed in `BANDS` bands of the scale `M`, of each the natural logarithm.
///
/// | | |
/// |---|---|
/// | window | `x[n]·½·(1 − cos(2π·n/WINDOW))`, Hann's, periodic |
/// | power | `p[k] = \|Σ x[n]·exp(−2πi·k·n/FFT)\|²`, `k` from 0 to `FFT/2`, of samples between −1 and 1 |
/// | band | `e[b] = Σ w[b][k]·p[k]`, weights of [`Htk`](crate::frontend::Htk) or [`Slaney`](crate::frontend::Slaney) |
/// | what comes out | `ln(max(e[b], `[`FLOOR`](Self::FLOOR)`))` |
///
/// The first frame comes with the sample `WINDOW`; a frame `t` begins at the sample `t·STEP`, nothing is padded. Of librosa it is
/// `feature.melspectrogram(center=False, win_length=WINDOW, hop_length=STEP, n_fft=FFT, ...)` of a signal with `(FFT − WINDOW)/2` zeros
/// before it, since librosa puts a short window into the middle of the transform.
///
/// `FFT` is 64, 128, 256, 512, 1,024 or 2,048, and at least `WINDOW`. A band with no frequency of the transform would be empty and is
/// refused:
///
/// ```compile_fail,E0080
/// use nerve::{Zero, frontend::{Htk, LogMel}};
///
/// // A band is 31 Hz wide at 20 Hz, and an FFT of 512 has a frequency every 31.25 Hz.
/// let ear = LogMel::<400, 160, 512, 128, Htk<16_000, 20, 8_000>>::ZERO;
/// ```
///
/// Costs `4·(WINDOW + FFT + BANDS)` bytes of RAM and 4 more, in flash `4·(WINDOW + 2·BANDS)`, and 2 KB for the sines of every length.
pub struct LogMel<const WINDOW: usize, const STEP: usize, const FFT: usize, const BANDS: usize, M> {
    /// The window's samples as far as they have come.
    samples: [f32; WINDOW],
    filled: usize,
    spectrum: [f32; FFT],
    bands: [f32; BANDS],
    mel: PhantomData<M>,
}

impl<const WINDOW: usize, const STEP: usize, const FFT: usize, const BANDS: usize, M: Mel> Zero
    for LogMel<WINDOW, STEP, FFT, BANDS, M>
{
    /// Before the first sample.
    const ZERO: Self = {
        let () = Self::CHECK;
        Self { samples: [0.0; WINDOW], filled: 0, spectrum: [0.0; FFT], bands: [0.0; BANDS], mel: PhantomData }
    };
    /// Begins anew.
    fn clear(&mut self) {
        self.filled = 0;
    }
}

impl<const WINDOW: usize, const STEP: usize, const FFT: usize, const BANDS: usize, M: Mel>
    LogMel<WINDOW, STEP, FFT, BANDS, M>
{
    /// What a band's energy is at least, so that silence has a logarithm.
    pub const FLOOR: f32 = 1e-10;

    const HANN: &[f32; WINDOW] = &hann::hann();
    const FREQUENCIES: &[f32; BANDS] = &frequencies::<M, BANDS>();
    /// What a band is multiplied with.
    const HEIGHTS: &[f32; BANDS] = &{
        let mut heights = [1.0; BANDS];
        let mut band = 0;
        while M::SLANEY && band < BANDS {
            heights[band] = 2.0 / (Self::edge(band + 1) - Self::edge(band.wrapping_sub(1)));
            band += 1;
        }
        heights
    };
    /// Between neighbouring frequencies of the transform, in Hz.
    const RESOLUTION: f32 = M::RATE as f32 / FFT as f32;

    const CHECK: () = {
        let mut known = false;
        let mut i = 0;
        while i < fft::LENGTHS.len() {
            known |= fft::LENGTHS[i] == FFT;
            i += 1;
        }
        if !known {
            concat_panic!(display: "LogMel: the FFT has ", FFT, display: " samples: 64, 128, 256, 512, 1024 or 2048");
        }
        if WINDOW < 1 || WINDOW > FFT {
            concat_panic!(display: "LogMel: a window of ", WINDOW, display: " samples in an FFT of ", FFT, display: ": 1 to as many");
        }
        if STEP < 1 || STEP > WINDOW {
            concat_panic!(display: "LogMel: a step of ", STEP, display: " samples with a window of ", WINDOW, display: ": 1 to as many");
        }
        if BANDS < 1 || M::LOWEST >= M::HIGHEST || M::HIGHEST > M::RATE / 2 {
            concat_panic!(
                display: "LogMel: ", BANDS, display: " bands from ", M::LOWEST, display: " to ", M::HIGHEST,
                display: " Hz: at least 1, to half the sample rate at most, which is ", M::RATE / 2
            );
        }
        let mut band = 0;
        while band < BANDS {
            // The first frequency above the band's beginning must be below its end.
            let bin = (Self::edge(band.wrapping_sub(1)) / Self::RESOLUTION) as usize + 1;
            if bin as f32 * Self::RESOLUTION >= Self::edge(band + 1) {
                concat_panic!(
                    display: "LogMel: no frequency of the FFT lies in band ", band,
                    display: ": take fewer bands, a longer FFT, or begin higher"
                );
            }
            band += 1;
        }
    };

    /// The frequency of a band, where the first begins (before 0), where the last ends (after it), nowhere beyond.
    const fn edge(band: usize) -> f32 {
        if band < BANDS {
            Self::FREQUENCIES[band]
        } else if band == BANDS {
            M::HIGHEST as f32
        } else if band == usize::MAX {
            M::LOWEST as f32
        } else {
            f32::INFINITY
        }
    }

    /// Takes samples, and gives each frame that they complete to `frame`.
    ///
    /// How the samples are cut into pieces makes no difference. A frame is computed when its last sample comes, the others cost a copy.
    #[inline]
    pub fn push<S: Sample>(&mut self, samples: &[S], mut frame: impl FnMut(&[f32; BANDS])) {
        for sample in samples {
            if let Some(place) = self.samples.get_mut(self.filled) {
                *place = sample.amplitude();
            }
            self.filled += 1;
            if self.filled >= WINDOW {
                self.transform();
                frame(&self.bands);
                self.samples.copy_within(STEP.min(WINDOW).., 0);
                self.filled = WINDOW - STEP;
            }
        }
    }

    /// The frame of the window.
    fn transform(&mut self) {
        let Self { samples, spectrum, bands, .. } = self;
        for ((x, sample), hann) in spectrum.iter_mut().zip(&*samples).zip(Self::HANN) {
            *x = *sample * *hann;
        }
        spectrum.get_mut(WINDOW..).unwrap_or_default().fill(0.0);

        *bands = [0.0; BANDS];
        let slope = |band: usize| {
            let (below, above) = (Self::edge(band.wrapping_sub(1)), Self::edge(band));
            (below, above, 1.0 / (above - below))
        };
        let (mut band, mut bin) = (0, 0u32);
        let (mut below, mut above, mut rise) = slope(band);
        fft::powers(spectrum, |power| {
            let frequency = bin as f32 * Self::RESOLUTION;
            bin += 1;
            if frequency < below {
                return;
            }
            while frequency > above {
                band += 1;
                (below, above, rise) = slope(band);
            }
            // Where a band rises, the one before it falls.
            let weight = (frequency - below) * rise;
            if let Some(band) = bands.get_mut(band) {
                *band += weight * power;
            }
            if let Some(band) = bands.get_mut(band.wrapping_sub(1)) {
                *band += (1.0 - weight) * power;
            }
        });
        for (band, height) in bands.iter_mut().zip(Self::HEIGHTS) {
            *band = Real::ln((*band * *height).max(Self::FLOOR));
        }
    }
}

/// What a sample may be.
pub trait Sample: sealed::Sealed + Copy {
    /// Between −1 and 1.
    #[doc(hidden)]
    fn amplitude(self) -> f32;
}

impl Sample for f32 {
    fn amplitude(self) -> f32 {
        self
    }
}

/// The largest are −1 and 1 − 2⁻¹⁵.
impl Sample for i16 {
    fn amplitude(self) -> f32 {
        f32::from(self) / 32_768.0
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for i16 {}
}
