//! How good a network is on data it has not seen.

use core::fmt;

use crate::numbers::Real;

/// Counts of `(true class, predicted class)` over `C` classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion<const C: usize> {
    counts: [[u32; C]; C],
}

impl<const C: usize> Default for Confusion<C> {
    fn default() -> Self {
        Self { counts: [[0; C]; C] }
    }
}

impl<const C: usize> Confusion<C> {
    /// Counts one example. A class number of `C` or more is not counted.
    pub fn add(&mut self, class: usize, predicted: usize) {
        if let Some(count) = self.counts.get_mut(class).and_then(|row| row.get_mut(predicted)) {
            *count += 1;
        }
    }

    /// How many examples of `class` were taken for `predicted`.
    pub fn count(&self, class: usize, predicted: usize) -> u32 {
        self.counts[class][predicted]
    }

    /// How many examples of `class` there were.
    pub fn examples(&self, class: usize) -> u32 {
        self.counts[class].iter().sum()
    }

    /// How many were right.
    pub fn correct(&self) -> u32 {
        (0..C).map(|class| self.counts[class][class]).sum()
    }

    /// How many were counted.
    pub fn total(&self) -> u32 {
        self.counts.as_flattened().iter().sum()
    }

    /// Share of examples that were right, 0 to 1; NaN without examples.
    pub fn accuracy(&self) -> f32 {
        self.correct() as f32 / self.total() as f32
    }
}

/// A table with a row for each true class and a column for each predicted one.
impl<const C: usize> fmt::Display for Confusion<C> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "true \\ predicted")?;
        for predicted in 0..C {
            write!(f, "{predicted:>6}")?;
        }
        for (class, row) in self.counts.iter().enumerate() {
            write!(f, "\n{class:>16}")?;
            for count in row {
                write!(f, "{count:>6}")?;
            }
        }
        Ok(())
    }
}

/// Errors of a regression, gathered value by value.
#[derive(Clone, Debug, PartialEq)]
pub struct Regression<T = f32> {
    count: T,
    squares: T,
    absolutes: T,
    mean: T,
    spread: T,
}

impl<T: Real> Default for Regression<T> {
    fn default() -> Self {
        Self { count: T::ZERO, squares: T::ZERO, absolutes: T::ZERO, mean: T::ZERO, spread: T::ZERO }
    }
}

impl<T: Real> Regression<T> {
    /// Counts one predicted value. The variance of the targets is kept by Welford's method (1962).
    pub fn add(&mut self, target: T, predicted: T) {
        self.count += T::ONE;
        self.squares += (predicted - target) * (predicted - target);
        self.absolutes += (predicted - target).abs();
        let above = target - self.mean;
        self.mean += above / self.count;
        self.spread += above * (target - self.mean);
    }

    /// Mean squared error; NaN without values.
    pub fn mse(&self) -> T {
        self.squares / self.count
    }

    /// Mean absolute error; NaN without values.
    pub fn mae(&self) -> T {
        self.absolutes / self.count
    }

    /// Coefficient of determination: 1 is perfect, 0 as good as always predicting the mean.
    pub fn r2(&self) -> T {
        T::ONE - self.squares / self.spread
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn confusion_counts_by_hand() {
        let mut confusion = Confusion::<3>::default();
        for (class, predicted) in [(0, 0), (0, 0), (1, 1), (1, 2), (2, 2), (3, 0), (0, 3)] {
            confusion.add(class, predicted);
        }
        assert_eq!((confusion.correct(), confusion.total(), confusion.examples(1)), (4, 5, 2));
        assert_eq!(confusion.count(1, 2), 1);
        assert_eq!(confusion.accuracy(), 0.8);
        assert!(confusion.to_string().ends_with("               2     0     0     1"));
    }

    #[test]
    fn regression_by_hand() {
        let mut regression = Regression::<f64>::default();
        // Errors 0.5, 0, −1; targets' mean 2, squares about it 2.
        for (target, predicted) in [(1.0, 1.5), (2.0, 2.0), (3.0, 2.0)] {
            regression.add(target, predicted);
        }
        assert!((regression.mse() - 1.25 / 3.0).abs() < 1e-15);
        assert!((regression.mae() - 0.5).abs() < 1e-15);
        assert!((regression.r2() - (1.0 - 1.25 / 2.0)).abs() < 1e-15);
    }
}
