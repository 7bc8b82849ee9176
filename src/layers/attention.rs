//! Attention of the rows of a window to each other.

use const_panic::concat_panic;
use rand_core::Rng;

use crate::kernels::{affine, gradients, times_transposed};
use crate::layers::{Activation, Dense, Forward, Layer, Linear, Memory, Mode, Plan, Softmax, are_small, length_of};
use crate::numbers::{Array, Init, Params, Real, Tensors, Zero, fingerprint};

/// Each row of a window becomes a mean of all rows' values, weighted by how its query fits their keys, with `H` heads (Vaswani et al. 2017):
/// `[[T; D]; L]`, `L` instants of `D` channels, to the same shape; `nn.MultiheadAttention(D, H, batch_first=True)` of a window with itself,
/// without a mask.
///
/// | | |
/// |---|---|
/// | queries, keys, values | `q = x·query`, `k = x·key`, `v = x·value` |
/// | weights of row `i`, in each head's `D/H` channels | `p = softmax(qᵢ·kⱼ / √(D/H))` over the rows `j` |
/// | output | `yᵢ = (Σⱼ pⱼ·vⱼ)·output`, the heads' channels side by side |
///
/// Rows have no order for it: what stands before it tells them apart, such as a [`Conv1d`](crate::Conv1d), or a channel with the time. It
/// mostly stands in a residual connection:
///
/// ```
/// use nerve::prelude::*;
///
/// /// 32 instants of 3 axes.
/// type Net = chain![
///     Conv1d<3, 16, 5, Relu>,
///     Residual<chain![LayerNorm<16>, Attention<16, 2>]>,
///     Last,
///     Dense<16, 4>
/// ];
/// let mut arena = Arena::<{ arena_len::<Net, [[f32; 3]; 32]>() }>::ZERO;
/// let logits: &[f32; 4] = arena.predict(&Net::ZERO, &[[0.0; 3]; 32]);
/// # assert_eq!(logits, &[0.0; 4]);
/// ```
///
/// Costs `4·(D·D + D)` scalars, as much again for each moment and, in training, of stack, and `4·L·D² + 2·L²·D` products. In an
/// [`Arena`](crate::Arena) keys and values lie beside input and output, `4·L·D` scalars; on the stack are `D + L`. A pass of training keeps
/// `4·B·L·D`, its backpropagation takes as many more and computes the weights of the rows anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention<const D: usize, const H: usize = 1, T = f32> {
    /// Makes the queries.
    pub query: Dense<D, D, Linear, T>,
    /// Makes the keys.
    pub key: Dense<D, D, Linear, T>,
    /// Makes the values.
    pub value: Dense<D, D, Linear, T>,
    /// Makes the output of the heads' means.
    pub output: Dense<D, D, Linear, T>,
}

impl<const D: usize, const H: usize, T: Real> Attention<D, H, T> {
    /// Channels of a head.
    const DEPTH: usize = match D.checked_div(H) {
        Some(depth) => depth,
        None => D,
    };

    fn parts(&self) -> [&Dense<D, D, Linear, T>; 4] {
        [&self.query, &self.key, &self.value, &self.output]
    }
    fn parts_mut(&mut self) -> [&mut Dense<D, D, Linear, T>; 4] {
        [&mut self.query, &mut self.key, &mut self.value, &mut self.output]
    }
}

impl<const D: usize, const H: usize, T: Real> Zero for Attention<D, H, T> {
    const ZERO: Self = Self { query: Zero::ZERO, key: Zero::ZERO, value: Zero::ZERO, output: Zero::ZERO };
    fn clear(&mut self) {
        self.parts_mut().into_iter().for_each(Zero::clear);
    }
}

impl<const D: usize, const H: usize, T: Real> Tensors<T> for Attention<D, H, T> {
    const LEN: usize = 4 * (D * D + D);
    const FINGERPRINT: u32 = fingerprint("Attention", &[D, H]);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        self.parts().into_iter().for_each(|part| part.visit(f));
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        self.parts_mut().into_iter().for_each(|part| part.visit_mut(f));
    }
}

impl<const D: usize, const H: usize, T: Real> Params<T> for Attention<D, H, T> {
    type Grads = Self;
    fn zip<const K: usize>(
        &mut self,
        grads: &mut Self,
        mut moments: [&mut Self; K],
        f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; K]),
    ) {
        self.query.zip(&mut grads.query, moments.each_mut().map(|m| &mut m.query), f);
        self.key.zip(&mut grads.key, moments.each_mut().map(|m| &mut m.key), f);
        self.value.zip(&mut grads.value, moments.each_mut().map(|m| &mut m.value), f);
        self.output.zip(&mut grads.output, moments.map(|m| &mut m.output), f);
    }
    fn init<R: Rng>(&mut self, init: Init, rng: &mut R) {
        self.parts_mut().into_iter().for_each(|part| part.init(init, rng));
    }
}

/// The weights of all rows for a query: that of a head whose channels begin at `first` in each row of keys.
#[inline(never)] // One copy in flash for every shape.
fn weigh<T: Real>(query: &[T], keys: &[T], width: usize, first: usize, p: &mut [T]) {
    let scale = T::ONE / T::of(query.len() as f64).sqrt();
    for (p, key) in p.iter_mut().zip(keys.chunks_exact(width.max(1))) {
        let key = key.get(first..).unwrap_or_default();
        *p = dot(query, key) * scale;
    }
    let rows = p.len();
    <Softmax as Activation>::forward(p, rows);
}

/// For each head, the mean of the values of all rows. `p` is memory for their weights.
#[inline(never)]
fn attend<T: Real>(query: &[T], keys: &[T], values: &[T], depth: usize, p: &mut [T], means: &mut [T]) {
    let width = query.len().max(1);
    let heads = query.chunks_exact(depth.max(1)).zip(means.chunks_exact_mut(depth.max(1)));
    for (head, (query, mean)) in heads.enumerate() {
        let first = head.wrapping_mul(depth);
        weigh(query, keys, width, first, p);
        mean.fill(T::EMPTY_SUM);
        for (p, value) in p.iter().zip(values.chunks_exact(width)) {
            add_scaled(mean, *p, value.get(first..).unwrap_or_default());
        }
    }
}

/// `∂loss/∂` the query of a row, added to that of all keys and values, given `∂loss/∂` its means. `p` and `dp` are memory for the weights.
#[inline(never)]
fn attend_backward<T: Real>(
    [query, keys, values]: [&[T]; 3],
    depth: usize,
    dmeans: &[T],
    [p, dp]: [&mut [T]; 2],
    [dquery, dkeys, dvalues]: [&mut [T]; 3],
) {
    let (width, depth) = (query.len().max(1), depth.max(1));
    let scale = T::ONE / T::of(depth as f64).sqrt();
    let heads = query.chunks_exact(depth).zip(dmeans.chunks_exact(depth)).zip(dquery.chunks_exact_mut(depth));
    for (head, ((query, dmean), dquery)) in heads.enumerate() {
        let first = head.wrapping_mul(depth);
        weigh(query, keys, width, first, p);
        let rows = values.chunks_exact(width).zip(dvalues.chunks_exact_mut(width));
        for ((p, dp), (value, dvalue)) in p.iter().zip(dp.iter_mut()).zip(rows) {
            *dp = dot(dmean, value.get(first..).unwrap_or_default());
            add_scaled(dvalue.get_mut(first..).unwrap_or_default(), *p, dmean);
        }
        <Softmax as Activation>::backward(p, dp, p.len());
        let rows = keys.chunks_exact(width).zip(dkeys.chunks_exact_mut(width));
        for (dp, (key, dkey)) in dp.iter().zip(rows) {
            let dp = *dp * scale;
            add_scaled(dquery, dp, key.get(first..).unwrap_or_default());
            add_scaled(dkey.get_mut(first..).unwrap_or_default(), dp, query);
        }
    }
}

/// The sum of products, as many as the shorter one has.
#[inline(always)]
fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::EMPTY_SUM, |sum, (a, b)| sum + *a * *b)
}

#[inline(always)]
fn add_scaled<T: Real>(to: &mut [T], scale: T, from: &[T]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += scale * *from);
}

impl<const D: usize, const H: usize, const L: usize, T: Real> Forward<[[T; D]; L]> for Attention<D, H, T> {
    type Out = [[T; D]; L];
    const CHECK: () = if H == 0 || !D.is_multiple_of(H) {
        concat_panic!(display: "Attention: the ", D, display: " channels do not divide into ", H, display: " heads of one size");
    };
    /// Output, keys and values.
    const PLAN: Plan = Plan::apart::<[[T; D]; L]>(length_of::<[[T; D]; L]>() + length_of::<[[[T; D]; L]; 2]>());

    #[inline]
    fn infer(&self, x: &[[T; D]; L], memory: Memory) {
        let Some((y, rest)) = memory.split::<[[T; D]; L]>() else { return };
        rest.write(|[keys, values]: &mut [[[T; D]; L]; 2]| {
            affine(x, &self.key.w, &self.key.b, keys);
            affine(x, &self.value.w, &self.value.b, values);
            // The queries lie where the output will.
            affine(x, &self.query.w, &self.query.b, y);
            let (mut p, mut means) = ([T::ZERO; L], [[T::ZERO; D]]);
            for y in y.iter_mut() {
                attend(y, keys.flat(), values.flat(), Self::DEPTH, &mut p, means.as_flattened_mut());
                affine(&means, &self.output.w, &self.output.b, core::array::from_mut(y));
            }
        });
    }
}

impl<const D: usize, const H: usize, const L: usize, T: Real> Layer<[[T; D]; L]> for Attention<D, H, T> {
    /// Of each example queries, keys, values, and the heads' means.
    type Acts<const B: usize> = [[[[T; D]; L]; 4]; B];
    /// `∂loss/∂` those.
    type Scratch<const B: usize> = [[[[T; D]; L]; 4]; B];

    #[inline]
    fn forward<const B: usize>(
        &self,
        x: &[[[T; D]; L]; B],
        acts: &mut Self::Acts<B>,
        y: &mut [[[T; D]; L]; B],
        _: Mode,
    ) {
        for ((x, [queries, keys, values, means]), y) in x.iter().zip(acts).zip(y) {
            affine(x, &self.query.w, &self.query.b, queries);
            affine(x, &self.key.w, &self.key.b, keys);
            affine(x, &self.value.w, &self.value.b, values);
            let mut p = [T::ZERO; L];
            for (query, means) in queries.iter().zip(means.iter_mut()) {
                attend(query, keys.flat(), values.flat(), Self::DEPTH, &mut p, means);
            }
            affine(means, &self.output.w, &self.output.b, y);
        }
    }

    #[inline]
    fn backward<const B: usize>(
        &self,
        _: &[[[T; D]; L]; B],
        acts: &Self::Acts<B>,
        _: &[[[T; D]; L]; B],
        dy: &mut [[[T; D]; L]; B],
        scratch: &mut Self::Scratch<B>,
        mut dx: Option<&mut [[[T; D]; L]; B]>,
        _: Mode,
    ) {
        let examples = acts.iter().zip(&*dy).zip(scratch).enumerate();
        for (example, (([queries, keys, values, _], dy), [dqueries, dkeys, dvalues, dmeans])) in examples {
            times_transposed::<false, _, _, _, _>(dy, &self.output.w, dmeans);
            dqueries.clear();
            dkeys.clear();
            dvalues.clear();
            let (mut p, mut dp) = ([T::ZERO; L], [T::ZERO; L]);
            for ((query, dmeans), dquery) in queries.iter().zip(&*dmeans).zip(&mut *dqueries) {
                attend_backward(
                    [query, keys.flat(), values.flat()],
                    Self::DEPTH,
                    dmeans,
                    [&mut p, &mut dp],
                    [dquery, dkeys.flat_mut(), dvalues.flat_mut()],
                );
            }
            if let Some(dx) = dx.as_mut().and_then(|dx| dx.get_mut(example)) {
                times_transposed::<false, _, _, _, _>(dqueries, &self.query.w, dx);
                times_transposed::<true, _, _, _, _>(dkeys, &self.key.w, dx);
                times_transposed::<true, _, _, _, _>(dvalues, &self.value.w, dx);
            }
        }
    }

    #[inline]
    fn gradients<const B: usize>(
        &self,
        x: &[[[T; D]; L]; B],
        acts: &Self::Acts<B>,
        _: &[[[T; D]; L]; B],
        dy: &[[[T; D]; L]; B],
        scratch: &Self::Scratch<B>,
        grads: &mut Self,
        add: bool,
    ) {
        if !add {
            grads.clear();
        }
        for (((x, [.., means]), dy), [dqueries, dkeys, dvalues, _]) in x.iter().zip(acts).zip(dy).zip(scratch) {
            gradients::<true, _, _, _, _>(means, dy, &mut grads.output.w, &mut grads.output.b);
            gradients::<true, _, _, _, _>(x, dqueries, &mut grads.query.w, &mut grads.query.b);
            gradients::<true, _, _, _, _>(x, dkeys, &mut grads.key.w, &mut grads.key.b);
            gradients::<true, _, _, _, _>(x, dvalues, &mut grads.value.w, &mut grads.value.b);
        }
    }

    #[inline]
    fn gradients_are_finite<const B: usize>(
        &self,
        x: &[[[T; D]; L]; B],
        acts: &Self::Acts<B>,
        _: &[[[T; D]; L]; B],
        dy: &[[[T; D]; L]; B],
        scratch: &Self::Scratch<B>,
    ) -> bool {
        are_small(x.flat(), dy.flat()) && are_small(acts.flat(), scratch.flat())
    }
}
