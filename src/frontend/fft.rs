//! The Fourier transform of real samples, by the package `microfft`.

use microfft::real::{rfft_64, rfft_128, rfft_256, rfft_512, rfft_1024, rfft_2048};

/// The lengths that there are.
pub(super) const LENGTHS: [usize; 6] = [64, 128, 256, 512, 1024, 2048];

/// Gives each frequency's power, `|X|²`, from 0 to half the sample rate, to `power`; the samples are overwritten.
#[inline]
pub(super) fn powers<const N: usize>(samples: &mut [f32; N], mut power: impl FnMut(f32)) {
    macro_rules! transform {
        ($($length:literal: $rfft:ident),*) => {
            match N {
                $($length => samples.as_mut_slice().try_into().map(|samples| $rfft(samples).as_slice()).unwrap_or_default(),)*
                _ => &[],
            }
        };
    }
    let spectrum =
        transform!(64: rfft_64, 128: rfft_128, 256: rfft_256, 512: rfft_512, 1024: rfft_1024, 2048: rfft_2048);
    if let [ends, between @ ..] = spectrum {
        // Both ends are real, and lie in one number.
        power(ends.re * ends.re);
        for x in between {
            power(x.re * x.re + x.im * x.im);
        }
        power(ends.im * ends.im);
    }
}
