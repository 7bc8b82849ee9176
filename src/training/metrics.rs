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

    /// How many were taken for `class`, rightly or not.
    pub fn predicted(&self, class: usize) -> u32 {
        self.counts.iter().map(|row| row[class]).sum()
    }

    /// Share of the examples taken for `class` that are of it, 0 to 1; 0 if there are none.
    pub fn precision(&self, class: usize) -> f32 {
        share(self.counts[class][class], self.predicted(class))
    }

    /// Share of the examples of `class` that were taken for it, 0 to 1; 0 if there are none.
    pub fn recall(&self, class: usize) -> f32 {
        share(self.counts[class][class], self.examples(class))
    }

    /// Harmonic mean of precision and recall, 0 to 1; 0 if the class was neither there nor predicted.
    pub fn f1(&self, class: usize) -> f32 {
        share(2 * self.counts[class][class], self.predicted(class) + self.examples(class))
    }

    /// Mean [`precision`](Self::precision) of the classes that were there or were predicted (macro average); NaN without examples.
    pub fn mean_precision(&self) -> f32 {
        self.mean(Self::precision)
    }

    /// As [`mean_precision`](Self::mean_precision), of [`recall`](Self::recall).
    pub fn mean_recall(&self) -> f32 {
        self.mean(Self::recall)
    }

    /// As [`mean_precision`](Self::mean_precision), of [`f1`](Self::f1): judges rare classes as strictly as the others.
    pub fn mean_f1(&self) -> f32 {
        self.mean(Self::f1)
    }

    fn mean(&self, of: impl Fn(&Self, usize) -> f32) -> f32 {
        let there = (0..C).filter(|class| self.examples(*class) + self.predicted(*class) > 0);
        let (sum, count) = there.fold((0.0, 0.0), |(sum, count), class| (sum + of(self, class), count + 1.0));
        sum / count
    }

    /// The table with names instead of numbers.
    pub fn named<'a>(&'a self, names: &'a [&str; C]) -> impl fmt::Display + 'a {
        Table { confusion: self, names: Some(names) }
    }

    /// Share of examples that were right, 0 to 1; NaN without examples.
    pub fn accuracy(&self) -> f32 {
        self.correct() as f32 / self.total() as f32
    }
}

fn share(part: u32, of: u32) -> f32 {
    part as f32 / of.max(1) as f32
}

/// A table with a row for each true class and a column for each predicted one, with recall and precision in percent.
impl<const C: usize> fmt::Display for Confusion<C> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        Table { confusion: self, names: None }.fmt(f)
    }
}

struct Table<'a, const C: usize> {
    confusion: &'a Confusion<C>,
    names: Option<&'a [&'a str; C]>,
}

impl<const C: usize> fmt::Display for Table<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        const CORNER: &str = "true \\ predicted";
        let Self { confusion, names } = self;
        let largest = confusion.counts.as_flattened().iter().max().copied().unwrap_or(0);
        // Two blanks, and at least as wide as 100.0.
        let column = 2 + (largest.checked_ilog10().unwrap_or(0) as usize + 1).max(5);
        let longest = names.iter().flat_map(|names| names.iter()).map(|name| name.chars().count()).max();
        let first = longest.unwrap_or(0).max(CORNER.len());
        write!(f, "{CORNER:>first$}")?;
        for class in 0..C {
            match names {
                Some(names) => write!(f, "  {:>1$.1$}", names[class], column - 2)?,
                None => write!(f, "{class:>column$}")?,
            }
        }
        write!(f, "  recall %")?;
        for (class, row) in confusion.counts.iter().enumerate() {
            match names {
                Some(names) => write!(f, "\n{:>first$}", names[class])?,
                None => write!(f, "\n{class:>first$}")?,
            }
            for count in row {
                write!(f, "{count:>column$}")?;
            }
            write!(f, "{:>10.1}", 100.0 * confusion.recall(class))?;
        }
        write!(f, "\n{:>first$}", "precision %")?;
        for class in 0..C {
            write!(f, "{:>column$.1}", 100.0 * confusion.precision(class))?;
        }
        write!(f, "{:>10.1}", 100.0 * confusion.accuracy())
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
        assert_eq!((confusion.precision(0), confusion.recall(0), confusion.f1(0)), (1.0, 1.0, 1.0));
        assert_eq!((confusion.precision(1), confusion.recall(1), confusion.f1(1)), (1.0, 0.5, 2.0 / 3.0));
        assert_eq!((confusion.precision(2), confusion.recall(2), confusion.f1(2)), (0.5, 1.0, 2.0 / 3.0));
        assert!((confusion.mean_f1() - 7.0 / 9.0).abs() < 1e-6);
        assert!((confusion.mean_precision() - 5.0 / 6.0).abs() < 1e-6);
        assert!((confusion.mean_recall() - 5.0 / 6.0).abs() < 1e-6);
        let table = "\
true \\ predicted      0      1      2  recall %
               0      2      0      0     100.0
               1      0      1      1      50.0
               2      0      0      1     100.0
     precision %  100.0  100.0   50.0      80.0";
        assert_eq!(confusion.to_string(), table);
        let named = confusion.named(&["setosa", "versicolor", "virginica"]).to_string();
        assert!(
            named.starts_with("true \\ predicted  setos  versi  virgi  recall %\n          setosa      2"),
            "{named}"
        );
    }

    #[test]
    fn what_was_never_seen_does_not_count() {
        let mut confusion = Confusion::<4>::default();
        assert!(confusion.mean_f1().is_nan());
        confusion.add(0, 0);
        confusion.add(0, 2);
        assert_eq!((confusion.precision(1), confusion.recall(2), confusion.f1(3)), (0.0, 0.0, 0.0));
        assert_eq!((confusion.mean_recall(), confusion.mean_precision()), (0.25, 0.5));
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
