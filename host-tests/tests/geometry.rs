//! Kernels and windows of every geometry against their formulas, one term after the other: the same bits, forward and backward.

use nerve::prelude::*;
use nerve::{Array, Avg, Layer, Max, Mode, Pool, Tensor};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

const BATCH: usize = 2;

/// A direction: kernel, stride, dilation, padding before and behind.
#[derive(Clone, Copy)]
struct Along(usize, usize, usize, usize, usize);

impl Along {
    /// As LiteRT's documentation has it.
    fn same(input: usize, kernel: usize, stride: usize, dilation: usize) -> Self {
        let needed = (input.div_ceil(stride) - 1) * stride + (kernel - 1) * dilation + 1;
        let padding = needed.saturating_sub(input);
        Self(kernel, stride, dilation, padding / 2, padding - padding / 2)
    }
    fn output(self, input: usize) -> usize {
        (input + self.3 + self.4 - (self.0 - 1) * self.2 - 1) / self.1 + 1
    }
    fn input(self, output: usize, tap: usize, size: usize) -> Option<usize> {
        (output * self.1 + tap * self.2).checked_sub(self.3).filter(|i| *i < size)
    }
}

/// What a kernel or window makes of what it meets.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Conv,
    Depthwise,
    Max,
    Avg,
}

fn random(values: &mut [f32], rng: &mut Pcg32) {
    values.iter_mut().for_each(|v| *v = rng.next_u32() as f32 / 2f32.powi(31) - 1.0);
}

fn agree<L, X>(kind: Kind, [rows, columns]: [Along; 2])
where
    X: Tensor<Elem = f32>,
    L: Layer<X, Acts<BATCH> = (), Scratch<BATCH> = ()> + Zero,
{
    let name = core::any::type_name::<L>();
    fn axes<T: Array>() -> Vec<usize> {
        let mut sizes = Vec::new();
        T::axes(&mut |size| sizes.push(size));
        sizes
    }
    let (from, to) = (axes::<X>(), axes::<L::Out>());
    let ([h, w, c], [oh, ow, o]) = (from[..].try_into().unwrap(), to[..].try_into().unwrap());
    assert_eq!([oh, ow], [rows.output(h), columns.output(w)], "{name}");

    let mut rng = Pcg32::seed_from_u64(7);
    let mut layer = L::ZERO;
    layer.visit_mut(&mut |tensor| random(tensor, &mut rng));
    let mut parameters: Vec<Vec<f32>> = Vec::new();
    layer.visit(&mut |tensor| parameters.push(tensor.to_vec()));
    let (mut x, mut dy, mut y, mut dx) =
        ([X::ZERO; BATCH], [L::Out::ZERO; BATCH], [L::Out::ZERO; BATCH], [X::ZERO; BATCH]);
    random(X::flatten_mut(&mut x), &mut rng);
    random(L::Out::flatten_mut(&mut dy), &mut rng);
    let mut grads = <L as Params<f32>>::Grads::ZERO;
    let mut expected_dy = dy;
    let expected_dy = L::Out::flatten_mut(&mut expected_dy).to_vec();
    layer.forward(&x, &mut (), &mut y, Mode::Inference);
    let mode = Mode::Training { seed: 0, first_example: 0, examples: BATCH };
    layer.backward(&x, &(), &y, &mut dy, &mut (), Some(&mut dx), mode);
    layer.gradients(&x, &(), &y, &dy, &(), &mut grads, false);
    let mut found: Vec<Vec<f32>> = Vec::new();
    grads.visit(&mut |tensor: &[f32]| found.push(tensor.to_vec()));

    let x = X::flatten(&x);
    let mut expected_y = vec![0.0; BATCH * oh * ow * o];
    let mut expected: Vec<Vec<f32>> = parameters.iter().map(|tensor| vec![0.0; tensor.len()]).collect();
    let mut expected_dx = vec![0.0; x.len()];
    // All that tap (u, v) of output (i, j) meets: for each, its place in x, and the first place in the kernel.
    let meets = |n: usize, i: usize, j: usize, u: usize, v: usize| {
        let (row, column) = (rows.input(i, u, h)?, columns.input(j, v, w)?);
        Some((((n * h + row) * w + column) * c, u * columns.0 + v))
    };
    let outputs = || (0..BATCH * oh * ow).map(|p| (p, p / ow / oh, p / ow % oh, p % ow));
    let taps = || (0..rows.0 * columns.0).map(|k| (k / columns.0, k % columns.0));
    for (p, n, i, j) in outputs() {
        for o_ in 0..o {
            let (y, dy) = (&mut expected_y[p * o + o_], expected_dy[p * o + o_]);
            let met: Vec<_> = taps().filter_map(|(u, v)| meets(n, i, j, u, v)).collect();
            match kind {
                Kind::Conv | Kind::Depthwise => {
                    *y = parameters[1][o_];
                    for (at, tap) in met {
                        for c_ in if kind == Kind::Conv { 0..c } else { o_..o_ + 1 } {
                            let place = if kind == Kind::Conv { (tap * c + c_) * o + o_ } else { tap * c + c_ };
                            *y += x[at + c_] * parameters[0][place];
                            expected[0][place] += x[at + c_] * dy;
                        }
                    }
                    expected[1][o_] += dy;
                }
                Kind::Max => {
                    *y = met.iter().map(|(at, _)| x[at + o_]).fold(f32::NEG_INFINITY, f32::max);
                    let (at, _) = met.iter().find(|(at, _)| x[at + o_] == *y).unwrap();
                    expected_dx[at + o_] += dy;
                }
                Kind::Avg => {
                    *y = met.iter().fold(0.0, |sum, (at, _)| sum + x[at + o_]) * (1.0 / met.len() as f32);
                    met.iter().for_each(|(at, _)| expected_dx[at + o_] += dy * (1.0 / met.len() as f32));
                }
            }
        }
    }
    if matches!(kind, Kind::Conv | Kind::Depthwise) {
        for (u, v) in taps() {
            for (p, n, i, j) in outputs() {
                let Some((at, tap)) = meets(n, i, j, u, v) else { continue };
                for c_ in 0..c {
                    for o_ in if kind == Kind::Conv { 0..o } else { c_..c_ + 1 } {
                        let place = if kind == Kind::Conv { (tap * c + c_) * o + o_ } else { tap * c + c_ };
                        expected_dx[at + c_] += expected_dy[p * o + o_] * parameters[0][place];
                    }
                }
            }
        }
    }
    assert!(L::Out::flatten(&y) == expected_y, "forward of {name}");
    assert!(found == expected, "gradients of {name}");
    assert!(X::flatten(&dx) == expected_dx, "derivatives by the input of {name}");
}

/// Kernels of `$kh` by `$kw` on images of `$h` by `$w`.
macro_rules! geometries {
    ($($name:ident: [$h:literal, $w:literal], [$kh:literal, $kw:literal], $G:ty, $rows:expr, $columns:expr;)*) => {$(
        #[test]
        fn $name() {
            let along = [$rows, $columns];
            agree::<Conv<1, 8, $kh, $kw, Linear, $G>, [[[f32; 1]; $w]; $h]>(Kind::Conv, along);
            agree::<Conv<3, 5, $kh, $kw, Linear, $G>, [[[f32; 3]; $w]; $h]>(Kind::Conv, along);
            agree::<Conv<2, 17, $kh, $kw, Linear, $G>, [[[f32; 2]; $w]; $h]>(Kind::Conv, along);
            agree::<Conv<8, 16, $kh, $kw, Linear, $G>, [[[f32; 8]; $w]; $h]>(Kind::Conv, along);
            agree::<Depthwise<3, $kh, $kw, Linear, $G>, [[[f32; 3]; $w]; $h]>(Kind::Depthwise, along);
            agree::<Depthwise<8, $kh, $kw, Linear, $G>, [[[f32; 8]; $w]; $h]>(Kind::Depthwise, along);
            agree::<Pool<Max, $kh, $kw, $G>, [[[f32; 3]; $w]; $h]>(Kind::Max, along);
            agree::<Pool<Avg, $kh, $kw, $G>, [[[f32; 5]; $w]; $h]>(Kind::Avg, along);
        }
    )*};
}
geometries! {
    same: [9, 9], [3, 3], Same, Along::same(9, 3, 1, 1), Along::same(9, 3, 1, 1);
    same_of_even_kernels: [4, 6], [2, 4], Same, Along::same(4, 2, 1, 1), Along::same(6, 4, 1, 1);
    same_larger_than_the_image: [2, 2], [5, 3], Same, Along::same(2, 5, 1, 1), Along::same(2, 3, 1, 1);
    same_of_a_column: [2, 1], [3, 3], Same, Along::same(2, 3, 1, 1), Along::same(1, 3, 1, 1);
    pointwise: [3, 4], [1, 1], Same, Along::same(3, 1, 1, 1), Along::same(4, 1, 1, 1);
    none: [7, 6], [3, 3], To<5, 4>, Along(3, 1, 1, 0, 0), Along(3, 1, 1, 0, 0);
    wide_padding: [8, 8], [5, 5], To<8, 8, 1, 2>, Along(5, 1, 1, 2, 2), Along(5, 1, 1, 2, 2);
    stride_2: [6, 6], [3, 3], To<3, 3, 2, 1>, Along(3, 2, 1, 1, 1), Along(3, 2, 1, 1, 1);
    stride_2_of_even_kernels: [7, 5], [2, 2], To<3, 2, 2>, Along(2, 2, 1, 0, 0), Along(2, 2, 1, 0, 0);
    side_by_side: [9, 9], [3, 3], To<3, 3, 3>, Along(3, 3, 1, 0, 0), Along(3, 3, 1, 0, 0);
    stride_beyond_the_kernel: [8, 7], [2, 1], To<3, 3, 3>, Along(2, 3, 1, 0, 0), Along(1, 3, 1, 0, 0);
    tall_with_same: [13, 6], [10, 4], To<7, 3, 2, SAME>, Along::same(13, 10, 2, 1), Along::same(6, 4, 2, 1);
    strides_apart: [7, 9], [3, 5], (To1d<4, 2, SAME>, To1d<5>), Along::same(7, 3, 2, 1), Along(5, 1, 1, 0, 0);
    same_and_stride: [5, 8], [3, 2], (Same, To1d<4, 2>), Along::same(5, 3, 1, 1), Along(2, 2, 1, 0, 0);
    each_side: [5, 6], [3, 3], (To1d<6, 1, 2, 1, 1>, To1d<5, 1, 0, 1, 1>), Along(3, 1, 1, 2, 1), Along(3, 1, 1, 0, 1);
    dilation: [9, 8], [3, 2], To<5, 6, 1, 0, 2>, Along(3, 1, 2, 0, 0), Along(2, 1, 2, 0, 0);
    dilation_with_same: [8, 9], [3, 3], To<8, 9, 1, SAME, 3>, Along::same(8, 3, 1, 3), Along::same(9, 3, 1, 3);
    dilation_of_rows: [9, 5], [3, 3], (To1d<5, 1, 0, 2>, To1d<5, 1, SAME>), Along(3, 1, 2, 0, 0), Along::same(5, 3, 1, 1);
    all_at_once: [9, 11], [2, 3], (To1d<5, 2, 2, 3, 1>, To1d<4, 3, 1, 2, 2>), Along(2, 2, 3, 2, 1), Along(3, 3, 2, 1, 2);
}
