//! More examples than there are: each is changed anew, at random, whenever it is trained with.
//!
//! [`augmented`] wraps the examples of an epoch; what is done to each is a closure that calls functions of this module, or does what it likes:
//!
//! ```
//! use nerve::augment::{self, augmented};
//! use nerve::prelude::*;
//! use rand_core::SeedableRng;
//!
//! type Image = [[[f32; 1]; 8]; 8];
//! type Net = chain![Conv2d<1, 4, 3, Relu>, GlobalAvgPool, Dense<4, 2>];
//!
//! # fn main() -> Result<(), TrainError> {
//! # let train: [(Image, usize); 2] = [([[[0.0]; 8]; 8], 0), ([[[1.0]; 8]; 8], 1)];
//! # let (mut net, mut trainer, mut optimizer) = (Net::ZERO, Trainer::<Net, Image, 2>::ZERO, Sgd::new(0.1));
//! let mut rng = rand_pcg::Pcg32::seed_from_u64(1);
//! for _epoch in 0..3 {
//!     let examples = augmented(train.iter().map(|(x, class)| (x, class)), &mut rng, |x, rng| {
//!         augment::shift(x, 1, rng);
//!         augment::turn(x, 10.0, rng);
//!         augment::noise(x, 0.05, rng);
//!     });
//!     trainer.epoch(&mut net, &mut optimizer, &CrossEntropy, examples)?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The same seed makes the same examples, on a device as on a desktop. Each takes a copy of the input on the stack, and one more while it is
//! moved or turned.

use core::f64::consts::{FRAC_PI_2, PI};

use rand_core::Rng;

use crate::numbers::{Array, Real, Tensor, normal, uniform};

/// Copies of the inputs as `change` leaves them, one by one as they are asked for, beside their targets.
pub fn augmented<'a, X: Array + 'a, Target: 'a, R: Rng>(
    examples: impl IntoIterator<Item = (&'a X, &'a Target)>,
    rng: &mut R,
    mut change: impl FnMut(&mut X, &mut R),
) -> impl Iterator<Item = (X, &'a Target)> {
    examples.into_iter().map(move |(x, target)| {
        let mut x = *x;
        change(&mut x, rng);
        (x, target)
    })
}

/// Moves an image by up to `most` pixels to each side, each distance equally likely; what comes in is 0.
pub fn shift<T: Real, const C: usize, const W: usize, const H: usize>(
    image: &mut [[[T; C]; W]; H],
    most: usize,
    rng: &mut impl Rng,
) {
    let (down, right) = (distance(most, rng), distance(most, rng));
    let from = *image;
    each_pixel(image, |i, j| pixel(&from, i as isize - down, j as isize - right));
}

/// Changes left and right of an image, every second time.
pub fn flip<T: Real, const C: usize, const W: usize, const H: usize>(image: &mut [[[T; C]; W]; H], rng: &mut impl Rng) {
    if rng.next_u32() >> 31 == 1 {
        image.iter_mut().for_each(|row| row.reverse());
    }
}

/// Turns an image around its centre by up to `most` degrees either way, with each pixel between the four nearest ones; what comes in is 0.
pub fn turn<T: Real, const C: usize, const W: usize, const H: usize>(
    image: &mut [[[T; C]; W]; H],
    most: T,
    rng: &mut impl Rng,
) {
    let angle = either_way(most, rng) * T::of(PI / 180.0);
    let (cosine, sine) = (angle.cos(), (T::of(FRAC_PI_2) - angle).cos());
    let middle = |length: usize| T::of((length as f64 - 1.0) / 2.0);
    let from = *image;
    each_pixel(image, |i, j| {
        let (y, x) = (T::of(i as f64) - middle(H), T::of(j as f64) - middle(W));
        let (row, top) = floor(middle(H) + cosine * y + sine * x);
        let (column, left) = floor(middle(W) + cosine * x - sine * y);
        let mut mean = [T::ZERO; C];
        for (row, down) in [(row, T::ONE - top), (row + 1, top)] {
            for (column, right) in [(column, T::ONE - left), (column + 1, left)] {
                for (mean, v) in mean.iter_mut().zip(pixel(&from, row, column)) {
                    *mean += down * right * v;
                }
            }
        }
        mean
    });
}

/// Makes a square of `side` pixels 0, all of it inside the image (DeVries and Taylor 2017).
pub fn cutout<T: Real, const C: usize, const W: usize, const H: usize>(
    image: &mut [[[T; C]; W]; H],
    side: usize,
    rng: &mut impl Rng,
) {
    let (top, left) = (below(H.saturating_sub(side) + 1, rng), below(W.saturating_sub(side) + 1, rng));
    for row in image.iter_mut().skip(top).take(side) {
        row.iter_mut().skip(left).take(side).for_each(|pixel| *pixel = [T::ZERO; C]);
    }
}

/// Adds normally distributed noise to each number of an image, a signal or a row.
pub fn noise<X: Tensor>(x: &mut X, deviation: X::Elem, rng: &mut impl Rng) {
    x.flat_mut().iter_mut().for_each(|v| *v += deviation * normal::<X::Elem>(rng));
}

/// Multiplies all numbers by one between `1 − most` and `1 + most`: another loudness, another light.
pub fn scale<X: Tensor>(x: &mut X, most: X::Elem, rng: &mut impl Rng) {
    let factor = X::Elem::ONE + either_way(most, rng);
    x.flat_mut().iter_mut().for_each(|v| *v *= factor);
}

/// Moves a signal by up to `most` samples in time, either way; the sample at its end is repeated.
pub fn delay<T: Real, const C: usize, const L: usize>(signal: &mut [[T; C]; L], most: usize, rng: &mut impl Rng) {
    let later = distance(most, rng);
    let from = *signal;
    for (at, sample) in signal.iter_mut().enumerate() {
        *sample = nearest(&from, at as isize - later);
    }
}

/// Makes up to `most` samples in a row 0 (Park et al. 2019).
pub fn mask<T: Real, const C: usize, const L: usize>(signal: &mut [[T; C]; L], most: usize, rng: &mut impl Rng) {
    let length = below(most.min(L) + 1, rng);
    let first = below(L - length + 1, rng);
    signal.iter_mut().skip(first).take(length).for_each(|sample| *sample = [T::ZERO; C]);
}

/// Lets a signal run faster or slower by up to the share `most`, around its middle, with each sample between the two nearest ones; the sample
/// at its end is repeated.
pub fn warp<T: Real, const C: usize, const L: usize>(signal: &mut [[T; C]; L], most: T, rng: &mut impl Rng) {
    let speed = T::ONE + either_way(most, rng);
    let middle = T::of((L as f64 - 1.0) / 2.0);
    let from = *signal;
    for (at, sample) in signal.iter_mut().enumerate() {
        let (before, part) = floor(middle + speed * (T::of(at as f64) - middle));
        let (a, b) = (nearest(&from, before), nearest(&from, before + 1));
        for ((to, a), b) in sample.iter_mut().zip(a).zip(b) {
            *to = a + part * (b - a);
        }
    }
}

/// Makes each pixel what `f` says of its row and column.
fn each_pixel<T, const C: usize, const W: usize, const H: usize>(
    image: &mut [[[T; C]; W]; H],
    f: impl Fn(usize, usize) -> [T; C],
) {
    for (i, row) in image.iter_mut().enumerate() {
        for (j, pixel) in row.iter_mut().enumerate() {
            *pixel = f(i, j);
        }
    }
}

/// 0 outside of the image.
fn pixel<T: Real, const C: usize, const W: usize, const H: usize>(
    image: &[[[T; C]; W]; H],
    row: isize,
    column: isize,
) -> [T; C] {
    let found = usize::try_from(row).ok().zip(usize::try_from(column).ok());
    found.and_then(|(row, column)| image.get(row)?.get(column)).copied().unwrap_or([T::ZERO; C])
}

/// The sample at the end for what is beyond it.
fn nearest<T: Real, const C: usize, const L: usize>(signal: &[[T; C]; L], at: isize) -> [T; C] {
    let at = usize::try_from(at).unwrap_or(0).min(L.saturating_sub(1));
    signal.get(at).copied().unwrap_or([T::ZERO; C])
}

/// The integer below, and what is above it.
fn floor<T: Real>(x: T) -> (isize, T) {
    let floor = libm::floor(x.to_f64());
    (floor as isize, x - T::of(floor))
}

/// From 0 to `bound − 1`.
fn below(bound: usize, rng: &mut impl Rng) -> usize {
    ((u64::from(rng.next_u32()) * bound as u64) >> 32) as usize
}

/// From `−most` to `most`.
fn distance(most: usize, rng: &mut impl Rng) -> isize {
    below(2 * most + 1, rng) as isize - most as isize
}

/// Likewise, of all numbers between.
fn either_way<T: Real>(most: T, rng: &mut impl Rng) -> T {
    most * (T::of(2.0) * uniform::<T>(rng) - T::ONE)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use rand_core::SeedableRng;
    use rand_pcg::Pcg32;

    use super::*;

    type Image = [[[f64; 2]; 9]; 7];
    type Signal = [[f64; 2]; 20];
    const TIMES: usize = 500;

    fn rng() -> Pcg32 {
        Pcg32::seed_from_u64(3)
    }

    /// Black but for one pixel.
    fn dot(row: usize, column: usize) -> Image {
        let mut image = [[[0.0; 2]; 9]; 7];
        image[row][column] = [1.0, 0.5];
        image
    }

    /// Each channel is a line over time.
    fn line() -> Signal {
        core::array::from_fn(|at| [at as f64, -2.0 * at as f64])
    }

    /// The brightness, and its centre.
    fn centre(image: &Image) -> [f64; 3] {
        let mut sums = [0.0; 3];
        for (i, row) in image.iter().enumerate() {
            for (j, [v, half]) in row.iter().enumerate() {
                assert!((v - 2.0 * half).abs() < 1e-12, "channels of a pixel stay together");
                sums = [sums[0] + v, sums[1] + v * i as f64, sums[2] + v * j as f64];
            }
        }
        sums
    }

    #[test]
    fn a_shift_reaches_every_distance_and_no_other() {
        let (mut rng, mut seen) = (rng(), [[0; 5]; 5]);
        for _ in 0..TIMES {
            let mut image = dot(3, 4);
            shift(&mut image, 2, &mut rng);
            let [sum, row, column] = centre(&image);
            assert_eq!(sum, 1.0);
            seen[row as usize - 1][column as usize - 2] += 1;
        }
        assert!(seen.as_flattened().iter().all(|n| (5..40).contains(n)), "{seen:?}");
        let mut image = dot(0, 0);
        while centre(&image)[0] > 0.0 {
            image = dot(0, 0);
            shift(&mut image, 1, &mut rng); // What leaves the image is gone.
        }
    }

    #[test]
    fn half_of_the_images_are_flipped() {
        let (mut rng, mut flipped) = (rng(), 0);
        for _ in 0..TIMES {
            let mut image = dot(2, 1);
            flip(&mut image, &mut rng);
            flipped += usize::from(image == dot(2, 7));
            assert!(image == dot(2, 1) || image == dot(2, 7));
        }
        assert!((200..300).contains(&flipped), "{flipped}");
    }

    #[test]
    fn a_turned_pixel_keeps_its_distance_and_brightness() {
        let (mut rng, mut most) = (rng(), 0.0_f64);
        for _ in 0..TIMES {
            let mut image = dot(3, 6); // 2 to the right of the centre
            turn(&mut image, 30.0, &mut rng);
            let [sum, row, column] = centre(&image);
            let (down, right) = (row / sum - 3.0, column / sum - 4.0);
            assert!((sum - 1.0).abs() < 0.3 && (down.hypot(right) - 2.0).abs() < 0.2, "{sum} {down} {right}");
            let degrees = down.atan2(right).to_degrees();
            assert!(degrees.abs() < 33.0, "{degrees}");
            most = most.max(degrees.abs());
        }
        assert!(most > 25.0, "{most}");
        let mut image = dot(1, 8);
        turn(&mut image, 0.0, &mut rng);
        let pairs = image.flat().iter().zip(dot(1, 8).flat().to_vec());
        assert!(pairs.into_iter().all(|(found, expected)| (found - expected).abs() < 1e-12));
    }

    #[test]
    fn a_square_is_cut_out() {
        let mut rng = rng();
        for side in [0, 3, 7, 8, 100] {
            let mut image = [[[1.0; 2]; 9]; 7];
            cutout(&mut image, side, &mut rng);
            let black = image.as_flattened().iter().filter(|pixel| **pixel == [0.0; 2]).count();
            assert_eq!(black, side.min(7) * side.min(9));
        }
    }

    #[test]
    fn noise_and_scale_have_the_size_that_they_are_told() {
        let mut rng = rng();
        let mut x = [0f64; 20_000];
        noise(&mut x, 0.5, &mut rng);
        let variance = x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64;
        assert!((variance - 0.25).abs() < 0.01, "{variance}");
        let factors: Vec<f64> = (0..TIMES)
            .map(|_| {
                let mut x = line();
                scale(&mut x, 0.2, &mut rng);
                assert!(x.iter().zip(line()).all(|(x, of)| (x[1] * of[0] - x[0] * of[1]).abs() < 1e-9));
                x[1][0]
            })
            .collect();
        let [least, greatest] =
            [factors.iter().copied().fold(9.0, f64::min), factors.iter().copied().fold(0.0, f64::max)];
        assert!((0.8..0.81).contains(&least) && (1.19..1.2).contains(&greatest), "{least} {greatest}");
    }

    #[test]
    fn a_delay_repeats_the_ends() {
        let (mut rng, mut seen) = (rng(), [0; 7]);
        for _ in 0..TIMES {
            let mut signal = line();
            delay(&mut signal, 3, &mut rng);
            let later = 10 - signal[10][0] as isize;
            seen[(later + 3) as usize] += 1;
            for (at, sample) in signal.iter().enumerate() {
                let from = (at as isize - later).clamp(0, 19) as f64;
                assert_eq!(*sample, [from, -2.0 * from]);
            }
        }
        assert!(seen.iter().all(|n| *n > 40), "{seen:?}");
    }

    #[test]
    fn samples_in_a_row_are_masked() {
        let (mut rng, mut lengths) = (rng(), [0; 6]);
        for _ in 0..TIMES {
            let mut signal = [[1.0; 2]; 20];
            mask(&mut signal, 5, &mut rng);
            let ends = signal.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!(ends <= 2);
            lengths[signal.iter().filter(|sample| **sample == [0.0; 2]).count()] += 1;
        }
        assert!(lengths.iter().all(|n| *n > 40), "{lengths:?}");
        mask(&mut [[1.0; 2]; 4], 100, &mut rng);
    }

    #[test]
    fn a_warped_line_has_another_slope_around_its_middle() {
        let (mut rng, mut slopes) = (rng(), Vec::new());
        for _ in 0..TIMES {
            let mut signal = line();
            warp(&mut signal, 0.3, &mut rng);
            let slope = signal[10][0] - signal[9][0];
            slopes.push(slope);
            for (at, [v, _]) in signal.iter().enumerate() {
                let expected = (9.5 + slope * (at as f64 - 9.5)).clamp(0.0, 19.0);
                assert!((v - expected).abs() < 1e-9, "{v} {expected}");
            }
        }
        assert!(slopes.iter().all(|slope| (0.7..1.3).contains(slope)));
        assert!(slopes.iter().any(|slope| *slope < 0.75) && slopes.iter().any(|slope| *slope > 1.25));
    }

    #[test]
    fn examples_are_made_when_they_are_asked_for_and_follow_from_the_seed() {
        let data = [(line(), 0), (line(), 1), (line(), 2)];
        let (mut a, mut b, mut calls) = (rng(), rng(), 0);
        let mut of = |rng: &mut Pcg32, take: usize| -> Vec<(Signal, usize)> {
            let examples = augmented(data.iter().map(|(x, y)| (x, y)), rng, |x, rng| {
                calls += 1;
                noise(x, 1.0, rng);
            });
            examples.take(take).map(|(x, y)| (x, *y)).collect()
        };
        let (first, second) = (of(&mut a, 3), of(&mut a, 2));
        assert_eq!(of(&mut b, 3), first);
        assert_eq!(calls, 8);
        assert!(first.iter().map(|(_, y)| *y).eq(0..3));
        assert!(first[0].0 != second[0].0 && first[0].0 != first[1].0 && data[0].0 == line());
    }
}
