//! The order of an epoch.

use rand_core::Rng;

/// Puts `items` into random order (Fisher and Yates), each order equally likely to within 2⁻³² per item.
/// The same seed gives the same order on every target.
pub fn shuffle<E>(items: &mut [E], rng: &mut impl Rng) {
    for last in (1..items.len()).rev() {
        let chosen = (u64::from(rng.next_u32()) * (last as u64 + 1)) >> 32;
        items.swap(last, chosen as usize);
    }
}

/// Shuffles `items` and cuts them in two: those to train with, and a `share` (0 to 1, rounded to the nearest item) that is held out from
/// training to judge it by.
///
/// Examples that belong together, such as windows of one recording, must not be cut apart: split the recordings.
pub fn split<'a, E>(items: &'a mut [E], share: f32, rng: &mut impl Rng) -> (&'a mut [E], &'a mut [E]) {
    shuffle(items, rng);
    let held_out = (items.len() as f32 * share + 0.5) as usize;
    items.split_at_mut(items.len().saturating_sub(held_out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;
    use rand_pcg::Pcg32;
    use std::vec::Vec;

    #[test]
    fn a_split_keeps_every_item() {
        for (share, held_out) in [(0.0, 0), (0.2, 2), (0.25, 3), (1.0, 10), (7.0, 10), (-1.0, 0), (f32::NAN, 0)] {
            let mut items: Vec<usize> = (0..10).collect();
            let (train, rest) = split(&mut items, share, &mut Pcg32::seed_from_u64(2));
            assert_eq!((train.len(), rest.len()), (10 - held_out, held_out));
            items.sort_unstable();
            assert!(items.iter().copied().eq(0..10));
        }
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_reaches_every_order() {
        let mut rng = Pcg32::seed_from_u64(2);
        let mut seen = [0u32; 27];
        for _ in 0..6000 {
            let mut items = [0usize, 1, 2];
            shuffle(&mut items, &mut rng);
            seen[items[0] * 9 + items[1] * 3 + items[2]] += 1;
        }
        let orders: Vec<u32> = seen.into_iter().filter(|n| *n > 0).collect();
        assert_eq!(orders.len(), 6);
        assert!(orders.iter().all(|n| (880..1120).contains(n)), "{orders:?}");
    }
}
