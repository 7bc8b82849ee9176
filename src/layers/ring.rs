//! Rows that are kept for a while.

use crate::kernels::Axis;
use crate::numbers::{Array, Zero};

/// Memory for a constant number of rows.
pub trait Places<Row>: Zero {
    /// How many.
    const COUNT: usize;
    /// One of them, below [`COUNT`](Self::COUNT).
    fn place(&mut self, at: usize) -> &mut Row;
}

impl<Row: Array, const N: usize> Places<Row> for [Row; N] {
    const COUNT: usize = N;
    #[inline(always)]
    fn place(&mut self, at: usize) -> &mut Row {
        &mut self[at]
    }
}

impl<Row: Array, const D: usize, const N: usize> Places<Row> for [[Row; D]; N] {
    const COUNT: usize = D * N;
    #[inline(always)]
    fn place(&mut self, at: usize) -> &mut Row {
        &mut self.as_flattened_mut()[at]
    }
}

impl<Row, A: Places<Row>, B: Places<Row>> Places<Row> for (A, B) {
    const COUNT: usize = A::COUNT + B::COUNT;
    #[inline(always)]
    fn place(&mut self, at: usize) -> &mut Row {
        if at < A::COUNT { self.0.place(at) } else { self.1.place(at - A::COUNT) }
    }
}

/// The last rows that came, for a kernel that moves over them: row `i` lies at place `i` modulo the number of places.
pub struct Ring<P> {
    rows: P,
    /// Rows that came, and windows that were made. Both are put back now and then, so that neither grows without end.
    came: usize,
    made: usize,
}

impl<P: Zero> Zero for Ring<P> {
    const ZERO: Self = Self { rows: P::ZERO, came: 0, made: 0 };
    fn clear(&mut self) {
        (self.came, self.made) = (0, 0);
    }
}

impl<P> Ring<P> {
    /// Where the next row belongs.
    #[inline(always)]
    pub(crate) fn next<Row>(&mut self) -> &mut Row
    where
        P: Places<Row>,
    {
        self.rows.place(self.came % P::COUNT)
    }

    /// Takes the row in the place of the next one; whether a window along `axis` is complete with it, which then is made:
    /// `make(rows, number of the window, axis)`.
    #[inline(always)]
    pub(crate) fn take<Row: Array>(&mut self, axis: Axis, make: impl FnOnce(&[Row::Elem], usize, Axis)) -> bool
    where
        P: Places<Row> + Array<Elem = Row::Elem>,
    {
        self.came += 1;
        self.window(axis, 0, make)
    }

    /// [`take`](Self::take) without a row, where padding lies behind those that came.
    #[inline(always)]
    pub(crate) fn finish<Row: Array>(&mut self, axis: Axis, make: impl FnOnce(&[Row::Elem], usize, Axis)) -> bool
    where
        P: Places<Row> + Array<Elem = Row::Elem>,
    {
        self.window(axis, axis.behind(), make)
    }

    #[inline(always)]
    fn window<Row: Array>(&mut self, axis: Axis, behind: usize, make: impl FnOnce(&[Row::Elem], usize, Axis)) -> bool
    where
        P: Places<Row> + Array<Elem = Row::Elem>,
    {
        if self.made * axis.stride + axis.span() > self.came + axis.padding + behind {
            return false;
        }
        make(self.rows.flat(), self.made, Axis { input: self.came, output: self.made + 1, ..axis });
        self.made += 1;
        // Windows lie behind the padding by now; rows keep their places.
        if self.made >= 3 * P::COUNT {
            self.made -= P::COUNT;
            self.came = self.came.saturating_sub(P::COUNT * axis.stride);
        }
        true
    }
}

/// Rows that wait for another path.
pub struct Queue<P> {
    rows: P,
    first: usize,
    len: usize,
}

impl<P: Zero> Zero for Queue<P> {
    const ZERO: Self = Self { rows: P::ZERO, first: 0, len: 0 };
    fn clear(&mut self) {
        (self.first, self.len) = (0, 0);
    }
}

impl<P> Queue<P> {
    /// Where the next row belongs.
    #[inline(always)]
    pub(crate) fn next<Row>(&mut self) -> &mut Row
    where
        P: Places<Row>,
    {
        self.rows.place((self.first + self.len) % P::COUNT)
    }

    /// Takes the row in the place of the next one.
    #[inline(always)]
    pub(crate) fn take(&mut self) {
        self.len += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first row, which is there until the next one comes.
    #[inline(always)]
    pub(crate) fn pop<Row>(&mut self) -> &Row
    where
        P: Places<Row>,
    {
        let at = self.first % P::COUNT;
        (self.first, self.len) = (at + 1, self.len.saturating_sub(1));
        self.rows.place(at)
    }
}

/// The rows of an image as pixels: all of them or, in a `RING`, the last ones that came.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'x, P, const RING: bool>(pub(crate) &'x [P]);

impl<'x, P, const RING: bool> Rows<'x, P, RING> {
    /// The first pixel of a row.
    #[inline(always)]
    pub(crate) fn start(&self, row: usize, columns: usize) -> usize {
        let start = row * columns;
        if RING { start.checked_rem(self.0.len()).unwrap_or(0) } else { start }
    }

    /// A row of as many pixels.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize, columns: usize) -> Option<&'x [P]> {
        let start = self.start(row, columns);
        self.0.get(start..start + columns)
    }
}
