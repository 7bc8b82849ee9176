//! Pooling over space or time.

use core::array::{from_mut, from_ref};
use core::hint::black_box;
use core::marker::PhantomData;
use core::ops::Range;

use const_panic::concat_panic;

use crate::kernels::Axis;
use crate::layers::{
    Forward, Geometry, InRows, Layer, Memory, Mode, OnImage, OnSignal, OutRow, Ring, Rows, Streamed, To, To1d, pixels,
    pixels_mut,
};
use crate::numbers::{Array, Real, Zero, fingerprint, mix, stateless};

/// The largest value of each window of `K` by `K`, for each channel: to an image of height `OH` and width `OW`. Windows lie side by side;
/// with a stride `S` of less than `K` they overlap. `P` rows and columns of padding on each side, or [`SAME`](crate::SAME), are no values.
///
/// `∂loss/∂y` goes to the largest value, the first of equals. Keeps nothing: the place is found again.
pub type MaxPool2d<const K: usize, const OH: usize, const OW: usize, const S: usize = K, const P: usize = 0> =
    Pool<Max, K, K, To<OH, OW, S, P>>;

/// The largest value of each window of `K` instants, for each channel: to a signal of length `OL`. Stride and padding as for
/// [`MaxPool2d`].
pub type MaxPool1d<const K: usize, const OL: usize, const S: usize = K, const P: usize = 0> =
    Pool<Max, 1, K, To1d<OL, S, P>>;

/// The mean of each window of `K` by `K`, for each channel: to an image of height `OH` and width `OW`. Stride and padding as for
/// [`MaxPool2d`]; padding does not count, as in LiteRT and in PyTorch with `count_include_pad=False`.
pub type AvgPool2d<const K: usize, const OH: usize, const OW: usize, const S: usize = K, const P: usize = 0> =
    Pool<Avg, K, K, To<OH, OW, S, P>>;

/// The mean of each window of `K` instants, for each channel: to a signal of length `OL`. Stride and padding as for [`AvgPool2d`].
pub type AvgPool1d<const K: usize, const OL: usize, const S: usize = K, const P: usize = 0> =
    Pool<Avg, 1, K, To1d<OL, S, P>>;

/// What `M` makes of windows of height `KH` and width `KW`, channel by channel; geometry `G`, as for [`Conv`](crate::Conv): strides,
/// paddings and dilations of their own for rows and columns. What remains at the end of an image or signal is left out. [`MaxPool2d`],
/// [`AvgPool2d`], [`MaxPool1d`] and [`AvgPool1d`] are its usual forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pool<M, const KH: usize, const KW: usize, G>(PhantomData<fn() -> (M, G)>);

impl<M, const KH: usize, const KW: usize, G> Zero for Pool<M, KH, KW, G> {
    const ZERO: Self = Self(PhantomData);
    fn clear(&mut self) {}
}
stateless!(
    [T: Real, M: Pooling, const KH: usize, const KW: usize, G: Geometry] Pool<M, KH, KW, G>,
    {
        let windows = mix(fingerprint("Pool", &[KH, KW]), fingerprint(M::NAME, &[]));
        // Windows side by side need no name.
        if G::FINGERPRINT == <To1d<0, KW> as Geometry>::FINGERPRINT { windows } else { mix(windows, G::FINGERPRINT) }
    }
);

/// What becomes of one channel of a window.
pub trait Pooling {
    /// For messages and the weights file's fingerprint.
    const NAME: &str;
    /// Before the first value.
    fn start<T: Real>() -> T;
    /// Takes in a value.
    fn add<T: Real>(sum: &mut T, x: T);
    /// After the last of `count` values.
    fn finish<T: Real>(sum: &mut T, count: usize);
    /// `∂loss/∂x` of a value; `dy` may be changed for those that follow.
    fn backward<T: Real>(x: T, y: T, dy: &mut T, count: usize) -> T;
}

/// The largest value of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Max;

impl Pooling for Max {
    const NAME: &str = "MaxPool";
    fn start<T: Real>() -> T {
        T::of(f64::NEG_INFINITY)
    }
    #[inline(always)]
    fn add<T: Real>(max: &mut T, x: T) {
        // A value that is not a number is passed on.
        *max = if x > *max || x.partial_cmp(&x).is_none() { x } else { *max };
    }
    #[inline(always)]
    fn finish<T: Real>(_: &mut T, _: usize) {}
    #[inline(always)]
    fn backward<T: Real>(x: T, y: T, dy: &mut T, _: usize) -> T {
        // A later equal finds nothing left. Two selections, not a branch, for vectors.
        let (dx, rest) = if x == y { (*dy, T::ZERO) } else { (T::ZERO, *dy) };
        *dy = rest;
        dx
    }
}

/// The mean of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Avg;

impl Pooling for Avg {
    const NAME: &str = "AvgPool";
    fn start<T: Real>() -> T {
        T::ZERO
    }
    #[inline(always)]
    fn add<T: Real>(sum: &mut T, x: T) {
        *sum += x;
    }
    #[inline(always)]
    fn finish<T: Real>(sum: &mut T, count: usize) {
        *sum *= T::ONE / T::of(count as f64);
    }
    #[inline(always)]
    fn backward<T: Real>(_: T, _: T, dy: &mut T, count: usize) -> T {
        *dy * (T::ONE / T::of(count as f64))
    }
}

/// `Layer` for one kind of input, whose pixels lie in rows and columns.
macro_rules! layer {
    ([$($generics:tt)*] $Input:ty, $Pool:ty, $axes:expr, $Out:ty) => {
        impl<const C: usize, $($generics)* M: Pooling, T: Real> Forward<$Input> for $Pool {
            type Out = $Out;
            const CHECK: () = check_windows($axes);

            #[inline]
            fn infer(&self, x: &$Input, memory: Memory) {
                memory.write(|y| self.forward(from_ref(x), &mut (), from_mut(y), Mode::Inference));
            }
        }

        impl<const C: usize, $($generics)* M: Pooling, T: Real> Layer<$Input> for $Pool {
            type Acts<const B: usize> = ();
            type Scratch<const B: usize> = ();

            #[inline]
            fn forward<const B: usize>(&self, x: &[$Input; B], (): &mut (), y: &mut [$Out; B], _: Mode) {
                for (x, y) in x.iter().zip(y) {
                    pool::<M, T, C, false>(Rows(pixels(x.flat())), 0, pixels_mut(y.flat_mut()), $axes);
                }
            }

            #[inline]
            fn backward<const B: usize>(
                &self,
                x: &[$Input; B],
                (): &(),
                y: &[$Out; B],
                dy: &mut [$Out; B],
                (): &mut (),
                dx: Option<&mut [$Input; B]>,
                        _: Mode,
            ) {
                let Some(dx) = dx else { return };
                for (((x, dx), y), dy) in x.iter().zip(dx).zip(y).zip(dy) {
                    let (x, dx) = (pixels(x.flat()), pixels_mut(dx.flat_mut()));
                    back::<M, T, C>(x, dx, pixels(y.flat()), pixels(dy.flat()), $axes);
                }
            }
        }
    };
}
layer!(
    [const KH: usize, const KW: usize, const H: usize, const W: usize, G: OnImage<H, W, KH, KW>,]
    [[[T; C]; W]; H], Pool<M, KH, KW, G>, G::AXES, G::Image<[T; C]>
);
layer!(
    [const K: usize, const L: usize, G: OnSignal<L, K>,]
    [[T; C]; L], Pool<M, 1, K, G>, G::AXES, G::Signal<[T; C]>
);

/// Elements of a window's row that the compiler may write out.
const WRITTEN_OUT: usize = 64;

/// Channels of wide windows whose values are in registers together.
const LANES: usize = 8;

/// The rows of the output from `from` on.
#[inline(always)]
fn pool<M: Pooling, T: Real, const C: usize, const RING: bool>(
    x: Rows<[T; C], RING>,
    from: usize,
    y: &mut [[T; C]],
    axes: [Axis; 2],
) {
    // The compiler would write all of a window out: 54 KB for one of 8x8 of 64 channels.
    let wide = cfg!(target_os = "none") && axes[1].kernel * C > WRITTEN_OUT && C.is_multiple_of(LANES);
    for (oy, y) in y.chunks_exact_mut(axes[1].output.max(1)).enumerate() {
        let oy = from + oy;
        for (ox, y) in y.iter_mut().enumerate() {
            if wide {
                for (block, y) in black_box(y.as_mut_slice()).as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                    *y = window::<M, _, _, _, _, _>(x, [oy, ox], axes, |row| {
                        let row = x.0.get(black_box(row)).unwrap_or(&[]).iter();
                        row.filter_map(move |pixel| pixel.as_chunks().0.get(block))
                    });
                }
            } else {
                *y = window::<M, _, _, _, _, _>(x, [oy, ox], axes, |row| x.0.get(row).unwrap_or(&[]).iter());
            }
        }
    }
}

/// What becomes of a window's pixels, or of some of their channels.
#[inline(always)]
fn window<'x, M: Pooling, T: Real, P, I: Iterator<Item = &'x [T; N]>, const N: usize, const RING: bool>(
    x: Rows<P, RING>,
    place: [usize; 2],
    axes: [Axis; 2],
    run: impl Fn(Range<usize>) -> I,
) -> [T; N] {
    // In registers, so that a window's values do not wait for each other's stores.
    let mut sums = [M::start(); N];
    let count = each_run(x, place, axes, |row| {
        run(row).for_each(|pixel| sums.iter_mut().zip(pixel).for_each(|(sum, x)| M::add(sum, *x)));
    });
    sums.iter_mut().for_each(|sum| M::finish(sum, count));
    sums
}

/// `Streamed` for one kind of input: an image, or a signal as an image of one column.
macro_rules! streamed {
    ([$($generics:tt)*] $Input:ty, $Pool:ty, $axes:expr, $Out:ty) => {
        impl<const C: usize, $($generics)* M: Pooling, T: Real> Streamed<$Input> for $Pool
        where
            $Out: InRows,
        {
            type State = Ring<G::Ring<<$Input as InRows>::Row>>;
            type Late<P: Array> = G::Ring<P>;
            const STRIDE: usize = $axes[0].stride;
            const STREAMS: () = $axes[0].begins_inside();

            #[inline]
            fn place<'s>(ring: &'s mut Self::State, _: &'s mut OutRow<Self, $Input>) -> &'s mut <$Input as InRows>::Row {
                ring.next()
            }
            #[inline]
            fn advance(&self, ring: &mut Self::State, y: &mut OutRow<Self, $Input>) -> bool {
                let y = pixels_mut(y.flat_mut());
                ring.take($axes[0], |x, at, rows| pool::<M, T, C, true>(Rows(pixels(x)), at, y, [rows, $axes[1]]))
            }
            #[inline]
            fn finish(&self, ring: &mut Self::State, y: &mut OutRow<Self, $Input>) -> bool {
                let y = pixels_mut(y.flat_mut());
                ring.finish($axes[0], |x, at, rows| pool::<M, T, C, true>(Rows(pixels(x)), at, y, [rows, $axes[1]]))
            }
        }
    };
}
streamed!(
    [const KH: usize, const KW: usize, const H: usize, const W: usize, G: OnImage<H, W, KH, KW>,]
    [[[T; C]; W]; H], Pool<M, KH, KW, G>, G::AXES, G::Image<[T; C]>
);
streamed!(
    [const K: usize, const L: usize, G: OnSignal<L, K>,]
    [[T; C]; L], Pool<M, 1, K, G>, [G::AXES[1], Axis::ONE], G::Signal<[T; C]>
);

#[inline(always)]
fn back<M: Pooling, T: Real, const C: usize>(
    x: &[[T; C]],
    dx: &mut [[T; C]],
    y: &[[T; C]],
    dy: &[[T; C]],
    axes: [Axis; 2],
) {
    // Windows that lie side by side meet each pixel once.
    let overlap = axes.iter().any(|axis| axis.stride < axis.kernel || axis.dilation > 1);
    if overlap || !axes.iter().all(|axis| axis.padding == 0 && axis.output * axis.kernel == axis.input) {
        dx.fill([T::ZERO; C]);
    }
    let rows = y.chunks_exact(axes[1].output).zip(dy.chunks_exact(axes[1].output));
    for (oy, (y, dy)) in rows.enumerate() {
        for (ox, (y, dy)) in y.iter().zip(dy).enumerate() {
            let mut left = *dy;
            let count = axes[0].whole_or_taps(oy).len() * axes[1].whole_or_taps(ox).len();
            each_run(Rows::<_, false>(x), [oy, ox], axes, |row| {
                let (Some(x), Some(dx)) = (x.get(row.clone()), dx.get_mut(row)) else { return };
                for (x, dx) in x.iter().zip(dx) {
                    let mut pixel = if overlap { *dx } else { [T::ZERO; C] };
                    for (((x, dx), y), left) in x.iter().zip(&mut pixel).zip(y).zip(&mut left) {
                        let derivative = M::backward(*x, *y, left, count);
                        *dx = if overlap { *dx + derivative } else { derivative };
                    }
                    *dx = pixel;
                }
            });
        }
    }
}

/// Calls `f` with the runs of neighbouring pixels, in each row, that an output's window meets; returns how many it meets in all.
#[inline(always)]
fn each_run<P, const RING: bool>(
    x: Rows<P, RING>,
    [oy, ox]: [usize; 2],
    [rows, columns]: [Axis; 2],
    mut f: impl FnMut(Range<usize>),
) -> usize {
    let (us, vs) = (rows.whole_or_taps(oy), columns.whole_or_taps(ox));
    let count = us.len() * vs.len();
    let left = ox * columns.stride + vs.start * columns.dilation - columns.padding;
    for u in us {
        let start = x.start(oy * rows.stride + u * rows.dilation - rows.padding, columns.input) + left;
        if columns.dilation == 1 {
            f(start..start + vs.len());
        } else {
            vs.clone().enumerate().map(|(i, _)| start + i * columns.dilation).for_each(|pixel| f(pixel..pixel + 1));
        }
    }
    count
}

/// Fails to compile unless there is something in each window.
const fn check_windows([rows, columns]: [Axis; 2]) {
    if rows.has_empty_window() || columns.has_empty_window() {
        concat_panic!(display: "pooling: a window lies in the padding as a whole: pad less");
    }
}

/// The mean over all pixels or instants, for each channel: an image `[[[T; C]; W]; H]` or a signal `[[T; C]; L]` to `[T; C]`.
///
/// In a [`Stream`](crate::Stream), running sums: a mean each time that as many rows have come. For one at each step over the last `K`
/// there is `AvgPool1d<K, OL, 1>`, which keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GlobalAvgPool;

impl Zero for GlobalAvgPool {
    const ZERO: Self = Self;
    fn clear(&mut self) {}
}
stateless!([T: Real] GlobalAvgPool, fingerprint("GlobalAvgPool", &[]));

/// `Layer` for one kind of input.
macro_rules! global {
    ([$($generics:tt)*] $Input:ty) => {
        impl<const C: usize, $($generics)* T: Real> Forward<$Input> for GlobalAvgPool {
            type Out = [T; C];

            #[inline]
            fn infer(&self, x: &$Input, memory: Memory) {
                memory.write(|y| self.forward(from_ref(x), &mut (), from_mut(y), Mode::Inference));
            }
        }

        impl<const C: usize, $($generics)* T: Real> Layer<$Input> for GlobalAvgPool {
            type Acts<const B: usize> = ();
            type Scratch<const B: usize> = ();

            #[inline]
            fn forward<const B: usize>(&self, x: &[$Input; B], (): &mut (), y: &mut [[T; C]; B], _: Mode) {
                for (x, y) in x.iter().zip(y) {
                    let x = pixels::<T, C>(x.flat());
                    let scale = T::ONE / T::of(x.len() as f64);
                    *y = [T::ZERO; C];
                    add_pixels(x, y);
                    y.iter_mut().for_each(|y| *y *= scale);
                }
            }

            #[inline]
            fn backward<const B: usize>(
                &self,
                _: &[$Input; B],
                (): &(),
                _: &[[T; C]; B],
                dy: &mut [[T; C]; B],
                (): &mut (),
                dx: Option<&mut [$Input; B]>,
                        _: Mode,
            ) {
                let Some(dx) = dx else { return };
                for (dy, dx) in dy.iter().zip(dx) {
                    let dx = pixels_mut::<T, C>(dx.flat_mut());
                    let scale = T::ONE / T::of(dx.len() as f64);
                    dx.fill(dy.map(|dy| dy * scale));
                }
            }
        }
    };
}
global!([const H: usize, const W: usize,] [[[T; C]; W]; H]);
global!([const L: usize,] [[T; C]; L]);

#[inline(always)]
fn add_pixels<T: Real, const C: usize>(x: &[[T; C]], sums: &mut [T; C]) {
    for pixel in x {
        sums.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += *x);
    }
}

/// What a mean over rows keeps: the row that comes, the sums, and how many rows are in them.
pub struct Sums<Row, Y> {
    row: Row,
    sums: Y,
    rows: usize,
}

impl<Row: Zero, Y: Zero> Zero for Sums<Row, Y> {
    const ZERO: Self = Self { row: Row::ZERO, sums: Y::ZERO, rows: 0 };
    fn clear(&mut self) {
        self.sums.clear();
        self.rows = 0;
    }
}

/// `Streamed` for one kind of input.
macro_rules! streamed_global {
    ([$($generics:tt)*] $Input:ty) => {
        impl<const C: usize, $($generics)* T: Real> Streamed<$Input> for GlobalAvgPool {
            type State = Sums<<$Input as InRows>::Row, [T; C]>;
            type Late<P: Array> = [P; 0];
            const STRIDE: usize = <$Input as InRows>::ROWS;

            #[inline]
            fn place<'s>(state: &'s mut Self::State, _: &'s mut [T; C]) -> &'s mut <$Input as InRows>::Row {
                &mut state.row
            }
            #[inline]
            fn advance(&self, Sums { row, sums, rows }: &mut Self::State, y: &mut [T; C]) -> bool {
                add_pixels(pixels(row.flat()), sums);
                *rows += 1;
                let complete = *rows == <$Input as InRows>::ROWS;
                if complete {
                    let scale = T::ONE / T::of((<$Input as Array>::LEN / C) as f64);
                    *y = sums.map(|sum| sum * scale);
                    sums.clear();
                    *rows = 0;
                }
                complete
            }
        }
    };
}
streamed_global!([const H: usize, const W: usize,] [[[T; C]; W]; H]);
streamed_global!([const L: usize,] [[T; C]; L]);
