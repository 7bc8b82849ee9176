//! Noise, and how much of it there is.

use common::mnist::Pixels;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg32;
use rayon::prelude::*;

/// The images with Gaussian noise, not clipped; the same for the same seed.
pub fn noisy(images: &[Pixels], sigma: f32, seed: u64) -> Vec<Pixels> {
    let add = |(i, image): (usize, &Pixels)| {
        let mut rng = Pcg32::new(seed, i as u64);
        image.map(|pixel| {
            let normal: f32 = StandardNormal.sample(&mut rng);
            pixel + sigma * normal
        })
    };
    images.par_iter().enumerate().map(add).collect()
}

/// Mean squared difference of a pixel, and mean over the images of each one's peak signal-to-noise ratio in decibels, for a peak of 1.
pub fn errors(images: &[Pixels], clean: &[Pixels]) -> (f64, f64) {
    let (mut squares, mut decibels) = (0.0, 0.0);
    for (image, clean) in images.iter().zip(clean) {
        let mse = image.iter().zip(clean).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / image.len() as f64;
        squares += mse;
        decibels -= 10.0 * mse.log10();
    }
    (squares / images.len() as f64, decibels / images.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_stated_deviation_and_depends_on_the_seed_alone() {
        let clean = vec![[0.5; 784]; 100];
        let noise = noisy(&clean, 0.4, 1);
        let (mse, psnr) = errors(&noise, &clean);
        assert!((mse - 0.16).abs() < 0.004 && (psnr - 7.96).abs() < 0.1, "{mse} {psnr}");
        assert_eq!(noise, noisy(&clean, 0.4, 1));
        assert_ne!(noise, noisy(&clean, 0.4, 2));
        assert_ne!(noise[0], noise[1]);
    }
}
