//! Any function of one element.

/// A function of one element, by its 256 values.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// Of 0, 1, .., 127, -128, .., -1; of `u8` in ascending order. What is a `u8` is in it by its bits.
    pub values: &'a [i8; 256],
}

impl Table<'_> {
    /// `y[i] = f(x[i])`.
    #[inline(never)]
    pub fn run(&self, x: &[i8], y: &mut [i8]) {
        for (x, y) in x.iter().zip(y) {
            *y = self.of(*x);
        }
    }

    /// `x[i] = f(x[i])`.
    #[inline(never)]
    pub fn run_in_place(&self, x: &mut [i8]) {
        for x in x {
            *x = self.of(*x);
        }
    }

    #[inline(always)]
    fn of(&self, x: i8) -> i8 {
        self.values[usize::from(x as u8)]
    }
}
