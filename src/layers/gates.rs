//! What layers with a state and `G` gates have in common: weights of the input, of the state before, and biases for each gate.

use rand_core::Rng;

use crate::kernels::{Matrix, Rows, Strided, gradients, product, sum_rows, times_transposed};
use crate::layers::rounded::round_columns;
use crate::layers::{Descend, in_rows};
use crate::numbers::{Init, Real, Zero, orthogonal};

/// `gates = b + x·w`, a row of `x` for each of `B` states.
#[inline(always)]
pub(super) fn of_input<T: Real, const I: usize, const H: usize, const B: usize, const G: usize>(
    x: &impl Matrix<T>,
    w: &[[[T; H]; I]; G],
    b: &[[T; H]; G],
    gates: [&mut [[T; H]; B]; G],
) {
    for ((gate, w), b) in gates.into_iter().zip(w).zip(b) {
        *gate = [*b; B];
        product::<true, _, _>(x, w, gate);
    }
}

/// `gates += h·u`.
#[inline(always)]
pub(super) fn add_state<T: Real, const H: usize, const B: usize, const G: usize>(
    h: &[[T; H]; B],
    u: &[[[T; H]; H]; G],
    gates: [&mut [[T; H]; B]; G],
) {
    for (gate, u) in gates.into_iter().zip(u) {
        product::<true, _, _>(&Rows(h), u, gate);
    }
}

/// Draws `w` as it is told, each gate for itself, and makes each matrix of `u` orthogonal.
pub(super) fn init<T: Real, R: Rng, const I: usize, const H: usize, const G: usize>(
    w: &mut [[[T; H]; I]; G],
    u: &mut [[[T; H]; H]; G],
    init: Init,
    rng: &mut R,
) {
    for w in w {
        init.fill(w.as_flattened_mut(), I, H, rng);
    }
    for u in u {
        orthogonal(u, rng);
    }
}

/// `to = w` in 255 steps for each gate.
pub(super) fn round<T: Real, const R: usize, const H: usize, const G: usize>(
    w: &[[[T; H]; R]; G],
    to: &mut [[[T; H]; R]; G],
) {
    for (w, to) in w.iter().zip(to) {
        round_columns(w.as_flattened(), to.as_flattened_mut(), &mut [T::ZERO]);
    }
}

/// Adds the derivatives of one example over its `L` steps: `input` and `state` are those with respect to `b + x·w` and to `h·u`, `y`
/// the states after each step. Before the first, the state was 0.
#[inline(always)]
pub(super) fn add_gradients<T: Real, const I: usize, const H: usize, const L: usize, const G: usize>(
    x: &[[T; I]; L],
    y: &[[T; H]; L],
    input: [&[[T; H]; L]; G],
    state: [&[[T; H]; L]; G],
    dw: &mut [[[T; H]; I]; G],
    du: &mut [[[T; H]; H]; G],
    db: &mut [[T; H]; G],
) {
    for ((d, dw), db) in input.into_iter().zip(dw).zip(db) {
        gradients::<true, _, _, _, _>(x, d, dw, db);
    }
    let before = Strided { data: y.as_flattened(), row: 1, column: H };
    for (d, du) in state.into_iter().zip(du) {
        product::<true, _, _>(&before, d.get(1..).unwrap_or_default(), du);
    }
}

/// As [`Layer::descend`](crate::Layer::descend) for the matrices, whose input at a step meets the gates `late` steps later.
#[inline(always)]
pub(super) fn descend<
    T: Real,
    const I: usize,
    const H: usize,
    const L: usize,
    const B: usize,
    const G: usize,
    const K: usize,
>(
    x: &[[[T; I]; L]; B],
    w: &mut [[[T; H]; I]; G],
    mut moments: [&mut [[[T; H]; I]; G]; K],
    gates: [&[[[T; H]; L]; B]; G],
    late: usize,
    f: &mut Descend<T, K>,
) {
    for (i, (w, gate)) in w.iter_mut().zip(gates).enumerate() {
        in_rows(w, moments.each_mut().map(|m| &mut m[i]), f, |from, rows| {
            rows.as_flattened_mut().fill(T::ZERO);
            for (x, d) in x.iter().zip(gate) {
                let x = Strided { data: x.as_flattened().get(from..).unwrap_or_default(), row: 1, column: I };
                product::<true, _, _>(&x, d.get(late..).unwrap_or_default(), rows);
            }
        });
    }
}

/// The sums of the derivatives over all examples and steps.
#[inline(always)]
pub(super) fn sums<T: Real, const H: usize, const L: usize, const B: usize, const G: usize>(
    gates: [&[[[T; H]; L]; B]; G],
) -> [[T; H]; G] {
    gates.map(|gate| {
        let mut sums = [T::ZERO; H];
        sum_rows::<true, _, _>(gate.as_flattened(), &mut sums);
        sums
    })
}

/// `dx = Σ gates·wᵀ` for each example.
#[inline(always)]
pub(super) fn input_gradients<
    T: Real,
    const I: usize,
    const H: usize,
    const L: usize,
    const B: usize,
    const G: usize,
>(
    gates: [&[[[T; H]; L]; B]; G],
    w: &[[[T; H]; I]; G],
    dx: &mut [[[T; I]; L]; B],
) {
    for (m, dx) in dx.iter_mut().enumerate() {
        dx.clear();
        for (gate, w) in gates.iter().zip(w) {
            times_transposed::<true, _, _, _, _>(&gate[m], w, dx);
        }
    }
}
