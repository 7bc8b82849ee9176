//! The area under the ROC curve.

use core::cmp::Ordering;

use crate::numbers::Real;

/// The area under the receiver operating characteristic of `(score, positive)`, 0 to 1: how likely a positive example scores above a negative
/// one, half of it where they score the same (Mann and Whitney 1947). NaN without examples of both kinds, or with a score that is NaN.
///
/// Sorts the examples by their scores, in place.
///
/// ```
/// let mut scores = [(0.1, false), (0.4, false), (0.35, true), (0.8, true)];
/// assert_eq!(nerve::roc_auc(&mut scores), 0.75);
/// ```
pub fn roc_auc<T: Real>(examples: &mut [(T, bool)]) -> f32 {
    if examples.iter().any(|(score, _)| score.partial_cmp(score).is_none()) {
        return f32::NAN;
    }
    examples.sort_unstable_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal));
    // Pairs that are in order, twice, so that half a pair is 1.
    let (mut below, mut positives, mut twice) = (0u64, 0u64, 0u64);
    for equals in examples.chunk_by(|a, b| a.0 == b.0) {
        let positive = equals.iter().filter(|(_, positive)| *positive).count() as u64;
        let negative = equals.len() as u64 - positive;
        twice += positive * (2 * below + negative);
        below += negative;
        positives += positive;
    }
    (twice as f64 / (2 * positives * below) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_share_of_pairs_in_order() {
        let mut x = 7u32;
        let mut random = || {
            x = x.wrapping_mul(1664525).wrapping_add(1013904223);
            x >> 24
        };
        for _ in 0..50 {
            let mut examples: [(f32, bool); 40] = core::array::from_fn(|_| ((random() / 16) as f32, random() < 90));
            let (mut pairs, mut ordered) = (0.0, 0.0);
            for (a, _) in examples.iter().filter(|(_, positive)| *positive) {
                for (b, _) in examples.iter().filter(|(_, positive)| !positive) {
                    pairs += 1.0;
                    ordered += if a > b {
                        1.0
                    } else if a == b {
                        0.5
                    } else {
                        0.0
                    };
                }
            }
            let expected: f32 = ordered / pairs;
            assert!((roc_auc(&mut examples) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn without_both_kinds_it_is_nan() {
        assert!(roc_auc::<f32>(&mut []).is_nan());
        assert!(roc_auc(&mut [(1.0, true), (2.0, true)]).is_nan());
        assert!(roc_auc(&mut [(f64::NAN, true), (2.0, false)]).is_nan());
    }
}
