//! The rows of an image, all of them or the last ones.

/// Rows of an image, each as long as the others. Row `y` lies at place `y` modulo the number of places: if there are fewer places than
/// rows, the last rows that came are there.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'x> {
    /// The places, one after another.
    pub data: &'x [i8],
    /// Elements of a row.
    pub len: usize,
}

impl<'x> Rows<'x> {
    /// Row `y`; empty if there is no place.
    #[inline(always)]
    pub(super) fn row(&self, y: usize) -> &'x [i8] {
        self.data.get(self.place(y)..).and_then(|rest| rest.get(..self.len)).unwrap_or(&[])
    }

    /// Where row `y` begins, if there is one.
    #[inline(always)]
    pub(super) fn place(&self, y: usize) -> usize {
        let at = y.wrapping_mul(self.len);
        if at < self.data.len() { at } else { at.checked_rem(self.data.len()).unwrap_or(0) }
    }
}
