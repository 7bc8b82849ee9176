//! Rows of a table for integers.

/// A row of a table for each integer, counted from 0; for what lies beyond the ends the row at the end, where LiteRT's kernel gives up.
#[derive(Clone, Copy, Debug)]
pub struct Embedding<'a, T> {
    /// One after another, at least one.
    pub rows: &'a [T],
    /// Numbers in a row, at least 1.
    pub len: usize,
}

impl<T: Copy> Embedding<'_, T> {
    /// `y`: a row for each integer of `x`.
    #[inline(never)]
    pub fn run(&self, x: &[i32], y: &mut [T]) {
        let len = self.len.max(1);
        let rows = self.rows.chunks_exact(len);
        let last = rows.len().saturating_sub(1);
        for (x, y) in x.iter().zip(y.chunks_exact_mut(len)) {
            let at = usize::try_from(*x).unwrap_or(0).min(last);
            for (y, row) in y.iter_mut().zip(rows.clone().nth(at).unwrap_or_default()) {
                *y = *row;
            }
        }
    }
}

/// From floats to integers of 32 bits, towards 0. What is too large for one is held in its range and what is no number becomes 0, where
/// LiteRT's kernel leaves it open.
#[derive(Clone, Copy, Debug)]
pub struct Cast;

impl Cast {
    /// `y[i]` of `x[i]`.
    #[inline(never)]
    pub fn run(&self, x: &[f32], y: &mut [i32]) {
        x.iter().zip(y).for_each(|(x, y)| *y = *x as i32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_the_ends_takes_the_row_at_the_end() {
        let embedding = Embedding { rows: &[1, 2, 3, 4, 5, 6], len: 2 };
        let (mut at, mut y) = ([0; 6], [0; 12]);
        Cast.run(&[0.9, 1.0, 2.99, 3.0, -7.0, f32::NAN], &mut at);
        embedding.run(&at, &mut y);
        assert_eq!(y, [1, 2, 3, 4, 5, 6, 5, 6, 1, 2, 1, 2]);
        embedding.run(&[i32::MAX, i32::MIN], &mut y);
        assert_eq!(y[..4], [5, 6, 1, 2]);
        Embedding { rows: &[], len: 0 }.run(&at, &mut y);
        assert_eq!(y[..4], [5, 6, 1, 2]);
    }
}
