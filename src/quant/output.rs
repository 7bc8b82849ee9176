//! What an operator writes.

use super::Multiplier;
use super::multiplier::SHORT;

/// The zero point of an operator's output, and the range that its fused activation leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// What means 0.
    pub zero_point: i8,
    /// -128, or more.
    pub least: i8,
    /// 127, or less.
    pub greatest: i8,
}

impl Output {
    /// The integer that stands for `x` steps from 0.
    #[inline(always)]
    pub fn of(self, x: i32) -> i8 {
        self.held(x.saturating_add(self.zero_point.into()))
    }

    /// The integer that stands for a sum times a factor, rounded [twice](Multiplier::twice), within 8 bits: it may have to be
    /// [held](Self::hold).
    #[inline(always)]
    pub(super) fn of_sum(self, multiplier: Multiplier, sum: i32) -> i8 {
        let whole = Self { least: i8::MIN, greatest: i8::MAX, ..self };
        if SHORT {
            let x = multiplier.of_16_bits(sum, self.zero_point.into());
            return x.map_or_else(|| whole.of(multiplier.not_lessened(sum)), |x| whole.held(x));
        }
        match multiplier.lessened(sum) {
            Some(x) => whole.held(x + i32::from(self.zero_point)),
            None => whole.of(multiplier.not_lessened(sum)),
        }
    }

    /// `x`, held in the range.
    #[inline(always)]
    pub fn held(self, x: i32) -> i8 {
        x.max(self.least.into()).min(self.greatest.into()) as i8
    }

    /// Holds what is held within 8 bits so far.
    #[inline(always)]
    pub(super) fn hold(self, y: &mut [i8]) {
        if (self.least, self.greatest) != (i8::MIN, i8::MAX) {
            self.hold_all(y);
        }
    }

    #[inline(never)]
    fn hold_all(self, y: &mut [i8]) {
        y.iter_mut().for_each(|y| *y = (*y).max(self.least).min(self.greatest));
    }
}
