//! Dropout.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

use crate::layers::{Forward, InRows, Layer, Memory, Mode, Plan, in_place};
use crate::numbers::{Real, Tensor, Zero, fingerprint, stateless};

/// In training, sets each value to zero with a chance of `PERCENT` and scales the others up so that the mean stays
/// (Srivastava et al. 2014); otherwise passes everything on.
///
/// Which values are dropped follows from [`Trainer::seed`](crate::Trainer) and the example's number. Backpropagation draws them again,
/// so nothing is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dropout<const PERCENT: u32>;

impl<const PERCENT: u32> Zero for Dropout<PERCENT> {
    const ZERO: Self = Self;
    fn clear(&mut self) {}
}
stateless!([T: Real, const PERCENT: u32] Dropout<PERCENT>, fingerprint("Dropout", &[PERCENT as usize]));

/// `to = from`, with what is dropped in this example left at zero.
fn drop<T: Real>(from: &[T], to: &mut [T], percent: u32, mode: Mode, index: usize) {
    let Mode::Training { seed, first_example, .. } = mode else {
        to.copy_from_slice(from);
        return;
    };
    let mut rng = Pcg32::seed_from_u64(seed ^ (first_example + index as u64).wrapping_mul(0xd134_2543_de82_ef95));
    let threshold = (u64::from(percent) << 32) / 100;
    let scale = T::of(100.0) / T::of(f64::from(100 - percent));
    for (from, to) in from.iter().zip(to) {
        let dropped = u64::from(rng.next_u32()) < threshold;
        *to = if dropped { T::ZERO } else { *from * scale };
    }
}

impl<X: Tensor, const PERCENT: u32> Forward<X> for Dropout<PERCENT> {
    type Out = X;
    const PLAN: Plan = Plan::in_place::<X>();
    const CHECK: () = assert!(PERCENT < 100, "Dropout<PERCENT>: PERCENT must be below 100");

    #[inline]
    fn infer(&self, x: &X, memory: Memory) {
        memory.write(|y| *y = *x);
    }
    #[inline]
    fn infer_inside(&self, _: Memory) {}
}

in_place!([X: Tensor + InRows, const PERCENT: u32] X, Dropout<PERCENT>, |_layer, _row| ());

impl<X: Tensor, const PERCENT: u32> Layer<X> for Dropout<PERCENT> {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();

    fn forward<const B: usize>(&self, x: &[X; B], (): &mut (), y: &mut [X; B], mode: Mode) {
        for (index, (x, y)) in x.iter().zip(y).enumerate() {
            drop(x.flat(), y.flat_mut(), PERCENT, mode, index);
        }
    }
    fn backward<const B: usize>(
        &self,
        _: &[X; B],
        (): &(),
        _: &[X; B],
        dy: &mut [X; B],
        (): &mut (),
        dx: Option<&mut [X; B]>,
        mode: Mode,
    ) {
        let Some(dx) = dx else { return };
        for (index, (dy, dx)) in dy.iter().zip(dx).enumerate() {
            drop(dy.flat(), dx.flat_mut(), PERCENT, mode, index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAINING: Mode = Mode::Training { seed: 7, first_example: 100, examples: 4 };

    #[test]
    fn drops_the_stated_share_and_keeps_the_mean() {
        let x = [[1f64; 20_000]];
        let mut y = x;
        Dropout::<30>.forward(&x, &mut (), &mut y, TRAINING);
        let dropped = y[0].iter().filter(|v| **v == 0.0).count();
        assert!((5_800..6_200).contains(&dropped), "{dropped} of 20000");
        assert!(y[0].iter().all(|v| *v == 0.0 || *v == 100.0 / 70.0));
        Dropout::<30>.forward(&x, &mut (), &mut y, Mode::Inference);
        assert_eq!(x, y);
    }

    #[test]
    fn an_example_drops_the_same_values_in_any_batch_and_in_backpropagation() {
        let x = [[1f32; 50]; 4];
        let mut whole = x;
        Dropout::<50>.forward(&x, &mut (), &mut whole, TRAINING);
        assert_ne!(whole[0], whole[1]);
        for (i, expected) in whole.iter().enumerate() {
            let mut one = [[0f32; 50]];
            let mode = Mode::Training { seed: 7, first_example: 100 + i as u64, examples: 1 };
            Dropout::<50>.forward(&[[1f32; 50]], &mut (), &mut one, mode);
            assert_eq!(one[0], *expected);
        }
        let mut dx = x;
        Dropout::<50>.backward(&x, &(), &whole, &mut x.clone(), &mut (), Some(&mut dx), TRAINING);
        assert_eq!(dx, whole);
    }
}
