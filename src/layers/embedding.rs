//! Rows of numbers for small integers.

use core::array::{from_mut, from_ref};

use rand_core::Rng;

use crate::layers::{Descend, Forward, Layer, Memory, Mode, in_rows};
use crate::numbers::{Array, Init, Params, Real, Tensors, Zero, fingerprint};

/// `L` integers from 0 to `V − 1`, such as characters, states or the hours of a day, become `L` trained rows of `D` numbers each: `[T; L]` to
/// `[[T; D]; L]`; `nn.Embedding(V, D)`.
///
/// An integer is a number of the input like any other, `7.0`. What is not one is rounded towards 0, and beyond the ends the row at the end is
/// taken. Costs `V·D` scalars; no derivative goes back through it.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding<const V: usize, const D: usize, T = f32> {
    /// The row of each integer.
    pub w: [[T; D]; V],
}

impl<const V: usize, const D: usize, T> Embedding<V, D, T> {
    /// With the given rows.
    pub const fn new(w: [[T; D]; V]) -> Self {
        Self { w }
    }
}

/// Which row a number means.
#[inline]
fn index<T: Real>(x: T, rows: usize) -> usize {
    // What is below 0 or not a number becomes 0.
    (x.to_f64() as usize).min(rows.saturating_sub(1))
}

/// Adds the derivatives of those of `V` rows that are `rows`, of which `from` is the first.
#[inline]
fn add_rows<T: Real, const D: usize>(of: usize, x: &[T], dy: &[[T; D]], from: usize, rows: &mut [[T; D]]) {
    for (dy, x) in dy.iter().zip(x) {
        if let Some(row) = index(*x, of).checked_sub(from).and_then(|i| rows.get_mut(i)) {
            row.iter_mut().zip(dy).for_each(|(dw, dy)| *dw += *dy);
        }
    }
}

impl<const V: usize, const D: usize, T: Real> Zero for Embedding<V, D, T> {
    const ZERO: Self = Self { w: Zero::ZERO };
    fn clear(&mut self) {
        self.w.clear();
    }
}

impl<const V: usize, const D: usize, T: Real> Tensors<T> for Embedding<V, D, T> {
    const LEN: usize = V * D;
    const FINGERPRINT: u32 = fingerprint("Embedding", &[V, D]);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        f(self.w.flat());
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        f(self.w.flat_mut());
    }
}

impl<const V: usize, const D: usize, T: Real> Params<T> for Embedding<V, D, T> {
    type Grads = Self;
    fn zip<const K: usize>(
        &mut self,
        grads: &mut Self,
        moments: [&mut Self; K],
        f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; K]),
    ) {
        f(self.w.flat_mut(), grads.w.flat_mut(), moments.map(|m| m.w.flat_mut()));
    }
    fn init<R: Rng>(&mut self, init: Init, rng: &mut R) {
        // Of the V inputs of the matrix one is 1 and the others are 0.
        init.fill(self.w.flat_mut(), 1, D, rng);
    }
}

impl<const V: usize, const D: usize, const L: usize, T: Real> Forward<[T; L]> for Embedding<V, D, T> {
    type Out = [[T; D]; L];

    #[inline]
    fn infer(&self, x: &[T; L], memory: Memory) {
        memory.write(|y| self.forward(from_ref(x), &mut (), from_mut(y), Mode::Inference));
    }
}

impl<const V: usize, const D: usize, const L: usize, T: Real> Layer<[T; L]> for Embedding<V, D, T> {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();

    #[inline]
    fn forward<const B: usize>(&self, x: &[[T; L]; B], (): &mut (), y: &mut [[[T; D]; L]; B], _: Mode) {
        for (y, x) in y.as_flattened_mut().iter_mut().zip(x.as_flattened()) {
            if let Some(row) = self.w.get(index(*x, V)) {
                *y = *row;
            }
        }
    }
    #[inline]
    fn backward<const B: usize>(
        &self,
        _: &[[T; L]; B],
        (): &(),
        _: &[[[T; D]; L]; B],
        _: &mut [[[T; D]; L]; B],
        (): &mut (),
        dx: Option<&mut [[T; L]; B]>,
        _: Mode,
    ) {
        if let Some(dx) = dx {
            dx.clear();
        }
    }

    #[inline]
    fn gradients<const B: usize>(
        &self,
        x: &[[T; L]; B],
        (): &(),
        _: &[[[T; D]; L]; B],
        dy: &[[[T; D]; L]; B],
        (): &(),
        grads: &mut Self,
        add: bool,
    ) {
        if !add {
            grads.clear();
        }
        add_rows(V, x.as_flattened(), dy.as_flattened(), 0, &mut grads.w);
    }

    #[inline]
    fn descend<const B: usize, const K: usize>(
        &mut self,
        x: &[[T; L]; B],
        (): &(),
        _: &[[[T; D]; L]; B],
        dy: &[[[T; D]; L]; B],
        (): &(),
        moments: [&mut Self; K],
        f: &mut Descend<T, K>,
    ) {
        in_rows(&mut self.w, moments.map(|m| &mut m.w), f, |from, rows| {
            rows.fill([T::ZERO; D]);
            add_rows(V, x.as_flattened(), dy.as_flattened(), from, rows);
        });
    }

    #[inline]
    fn gradients_are_finite<const B: usize>(
        &self,
        _: &[[T; L]; B],
        (): &(),
        _: &[[[T; D]; L]; B],
        dy: &[[[T; D]; L]; B],
        (): &(),
    ) -> bool {
        T::are_small(dy.flat())
    }
}
