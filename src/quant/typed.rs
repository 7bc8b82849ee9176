//! The type of a network in integers, from that of the network in floats.

use super::{
    Add, AddFloats, AveragePool, Cast, Constant, Conv2d, DepthwiseConv2d, Each, Embedding, FullyConnected, Integer,
    Lstm, MaxPool, Mean, Merged, Mul, MulFloats, Quantize, Recurrent, Reshape, Strided, Weighted, Windowed,
};
use crate::layers::{
    self, Activation, Affine, Around, Avg, BatchNorm, Branches, Concat, Conv, Dense, Depthwise, Dropout, Elu, Flatten,
    Forward, Frozen, Gelu, GeluTanh, Geometry, GlobalAvgPool, HardSwish, HardTanh, Join, Last, LeakyRelu, Linear, Max,
    OnImage, OnSignal, Pool, Relu, Relu6, Same, Sigmoid, Silu, Softmax, Standardize, Sum, Tanh, To1d,
};
use crate::numbers::{Array, Tensor};

/// The network `N` in integers, which takes inputs `X`: what [`Fold`](crate::Fold) is to normalisations, this is to floats.
///
/// Of `int8` inputs, a [`Standardize`] that stands first lies in the weights of the [`Dense`] behind it, which takes inputs whose ranges are
/// alike. Of floats it stays a step of floats, and what comes of it is rounded: that is right for any inputs, and costs two operations and a
/// division for each of them on a chip that may have no instructions for that. `quantise` of a graph does one or the other, by its examples.
///
/// ```
/// use nerve::{Quantised, prelude::*, quant::{Each, FullyConnected, Integer, Weighted}};
///
/// type Trained = chain![Dense<4, 10, Sigmoid>, Dense<10, 3>];
/// type Deployed = Quantised<Trained, [i8; 4]>;
///
/// fn is(deployed: &Deployed) -> &chain![
///     Integer<Weighted<FullyConnected, i32>, [i8; 4], [i8; 10]>,
///     Each<[i8; 10]>,
///     Integer<Weighted<FullyConnected, i32>, [i8; 10], [i8; 3]>
/// ] {
///     deployed
/// }
/// ```
///
/// `quantise::of` makes the value on a host (feature `litert`). The module that `import` writes of its file has the same type: firmware can say
/// of which network its integers are, `let net: &Quantised<Trained, [i8; 4]> = &model::NET;`.
///
/// [`Attention`](crate::Attention), [`LayerNorm`](crate::LayerNorm), [`ConvTranspose2d`](crate::ConvTranspose2d), [`PRelu`](crate::PRelu),
/// [`ScaleShift`](crate::ScaleShift), [`HardSigmoid`](crate::HardSigmoid), kernels whose rows lie apart (dilation), the [`Last`] row of an image, and a
/// `Standardize` that does not stand first have no type here: what they become is not told by their type. Graphs take all but the first two of them.
/// A `Softmax` that is concatenated with other values has a step to their scale behind it, so that `typed` refuses its graph.
pub type Quantised<N, X> =
    <<N as Forward<<X as Input>::Floats>>::Out as Ends>::Net<<N as Quantise<<X as Input>::Floats, Start<X>>>::Chain>;

/// A layer of inputs `X` that has a counterpart in integers, which follows the layers `P`; see [`Quantised`].
#[diagnostic::on_unimplemented(
    message = "the type of `{Self}` does not say what it is in integers",
    note = "`nerve::Quantised` names the layers of which it does; `quantise` takes graphs of more, and leaves layers in floats"
)]
pub trait Quantise<X: Array, P: Chain>: Forward<X> {
    /// The layers of integers so far.
    type Chain: Chain;
}

/// Layers in series.
pub trait Chain {
    /// What they make.
    type Out: Array<Elem = i8>;
    /// Ready for a layer of integers.
    type Entered: Chain;
    /// With one more, which makes `Y`.
    type With<L, Y: Array<Elem = i8>>: Chain;
    /// Whose last operator holds its outputs in any range.
    type Open: Chain;
    /// With outputs held in the range of an activation, by the last operator if it is open.
    type Clamped: Chain;
    /// All of them as a network.
    type Net;
}

type Entered<P> = <P as Chain>::Entered;
type Out<P> = <Entered<P> as Chain>::Out;
type Next<P, L, Y> = <Entered<P> as Chain>::With<L, Y>;
type Net<P> = <P as Chain>::Net;
/// Of outputs that are as the inputs are.
type Also<P, L> = Next<P, L, Out<P>>;
type Open<P, L, Y> = <Next<P, L, Y> as Chain>::Open;
/// What a signal is inside: an image of one row.
type Row<Y> = [Y; 1];

/// No layer yet, of a network that takes `X`.
pub struct Start<X>(X);
/// No layer yet, of a path.
pub struct Path<X>(X);
/// The layers `N`, which make `Y`.
pub struct After<N, Y, F = Held>(N, Y, F);
/// The last operator has an activation or can have none.
pub struct Held;
/// The last operator can still take an activation.
pub struct Free;

/// What a network of integers takes, floats or integers.
pub trait Input: Array {
    /// What it means.
    type Floats: Tensor;
    /// Whether floats are taken.
    const FLOATS: bool;
    /// The layers that lead to what the first layer of integers takes.
    type Entered: Chain;
}

macro_rules! inputs {
    ($([$($generics:tt)*] $Floats:ty, $Integers:ty, $Inside:ty, $Entered:ty, $Rounded:ty;)*) => {$(
        impl<$($generics)*> Input for $Integers {
            type Floats = $Floats;
            const FLOATS: bool = false;
            type Entered = $Entered;
        }
        impl<$($generics)*> Input for $Floats {
            type Floats = Self;
            const FLOATS: bool = true;
            type Entered = After<$Rounded, $Inside>;
        }
    )*};
}
inputs! {
    [const N: usize] [f32; N], [i8; N], [i8; N], Path<Self>, Integer<Quantize, Self, [i8; N]>;
    [const C: usize, const L: usize] [[f32; C]; L], [[i8; C]; L], Row<[[i8; C]; L]>,
        After<Reshape<Self, Row<Self>>, Row<Self>>,
        (Integer<Quantize, Self, [[i8; C]; L]>, Reshape<[[i8; C]; L], Row<[[i8; C]; L]>>);
    [const C: usize, const W: usize, const H: usize] [[[f32; C]; W]; H], [[[i8; C]; W]; H], [[[i8; C]; W]; H],
        Path<Self>, Integer<Quantize, Self, [[[i8; C]; W]; H]>;
}

impl<X: Input> Chain for Start<X> {
    type Out = Out<X::Entered>;
    type Entered = X::Entered;
    type With<L, Y: Array<Elem = i8>> = Next<X::Entered, L, Y>;
    type Open = Self;
    type Clamped = <X::Entered as Chain>::Clamped;
    type Net = Net<X::Entered>;
}

impl<X: Array<Elem = i8>> Chain for Path<X> {
    type Out = X;
    type Entered = Self;
    type With<L, Y: Array<Elem = i8>> = After<L, Y>;
    type Open = Self;
    type Clamped = After<Each<X>, X>;
    type Net = Reshape<X, X>;
}

impl<N, Y: Array<Elem = i8>> Chain for After<N, Y> {
    type Out = Y;
    type Entered = Self;
    type With<L, Z: Array<Elem = i8>> = After<(N, L), Z>;
    type Open = After<N, Y, Free>;
    type Clamped = After<(N, Each<Y>), Y>;
    type Net = N;
}

impl<N, Y: Array<Elem = i8>> Chain for After<N, Y, Free> {
    type Out = Y;
    type Entered = Self;
    type With<L, Z: Array<Elem = i8>> = After<(N, L), Z>;
    type Open = Self;
    type Clamped = After<N, Y>;
    type Net = N;
}

/// What a network makes.
pub trait Ends {
    /// The network.
    type Net<P: Chain>;
}

impl<const N: usize> Ends for [f32; N] {
    type Net<P: Chain> = Net<P>;
}

impl<const C: usize, const L: usize> Ends for [[f32; C]; L] {
    type Net<P: Chain> = Net<Next<P, Reshape<Out<P>, [[i8; C]; L]>, [[i8; C]; L]>>;
}

impl<const C: usize, const W: usize, const H: usize> Ends for [[[f32; C]; W]; H] {
    type Net<P: Chain> = Net<P>;
}

/// An activation of an operator with weights.
#[diagnostic::on_unimplemented(
    message = "the type of the activation `{Self}` does not say what it is in integers",
    note = "take `Linear`, `Relu`, `Relu6`, `HardTanh`, `LeakyRelu`, `Elu`, `Sigmoid`, `Tanh` or `Softmax`"
)]
pub trait Behind: Activation {
    /// What comes of the layers that end with the operator.
    type Of<P: Chain>: Chain;
}

macro_rules! behind {
    ($($Name:ident: $Of:ty;)*) => {$(
        impl Behind for $Name {
            type Of<P: Chain> = $Of;
        }
    )*};
}
behind! {
    Linear: P::Open;
    Relu: P;
    Relu6: P;
    HardTanh: P;
    LeakyRelu: Also<P, Each<Out<P>>>;
    Elu: Also<P, Each<Out<P>>>;
    Sigmoid: Also<P, Each<Out<P>>>;
    Tanh: Also<P, Each<Out<P>>>;
    Softmax: Also<P, Integer<super::Softmax, Out<P>, Out<P>>>;
}

/// How windows go from top to bottom, in the type of a layer that moves so; `K` rows each.
pub trait Rows<const K: usize>: Geometry {
    /// The layer.
    type Windowed<Op, X, Y>;
}

impl<const K: usize> Rows<K> for Same {
    type Windowed<Op, X, Y> = Windowed<Op, X, Y, K, 1>;
}

impl<const K: usize, const L: usize, const S: usize, const P: usize, const E: usize> Rows<K> for To1d<L, S, P, 1, E> {
    type Windowed<Op, X, Y> = Windowed<Op, X, Y, K, S>;
}

impl<const K: usize, R: Rows<K>, C: Geometry> Rows<K> for (R, C) {
    type Windowed<Op, X, Y> = R::Windowed<Op, X, Y>;
}

/// A pooling that integers have.
pub trait Pools {
    /// The operator.
    type Op;
}

impl Pools for Max {
    type Op = MaxPool;
}

impl Pools for Avg {
    type Op = AveragePool;
}

macro_rules! quantise {
    ($([$($generics:tt)*] $X:ty, $Layer:ty => $Chain:ty;)*) => {$(
        impl<P: Chain, $($generics)*> Quantise<$X, P> for $Layer
        where
            Self: Forward<$X>,
        {
            type Chain = $Chain;
        }
    )*};
}

/// As an image of one row.
type OnRow<Op, X, Y> = Windowed<Op, Row<X>, Row<Y>, 1, 1>;
type OnRows<G, const K: usize, Op, X, Y> = <G as Rows<K>>::Windowed<Op, X, Y>;

quantise! {
    [const I: usize, const O: usize, F: Behind] [f32; I], Dense<I, O, F> =>
        F::Of<Next<P, Integer<Weighted<FullyConnected, i32>, [i8; I], [i8; O]>, [i8; O]>>;
    [const C: usize, const O: usize, const KH: usize, const KW: usize, const H: usize, const W: usize,
        F: Behind, G: OnImage<H, W, KH, KW> + Rows<KH>] [[[f32; C]; W]; H], Conv<C, O, KH, KW, F, G> =>
        F::Of<Next<P, OnRows<G, KH, Weighted<Conv2d, i32>, [[[i8; C]; W]; H], G::Image<[i8; O]>>, G::Image<[i8; O]>>>;
    [const C: usize, const O: usize, const K: usize, const L: usize, F: Behind, G: OnSignal<L, K>]
        [[f32; C]; L], Conv<C, O, 1, K, F, G> =>
        F::Of<Next<P, OnRow<Weighted<Conv2d, i32>, [[i8; C]; L], G::Signal<[i8; O]>>, Row<G::Signal<[i8; O]>>>>;
    [const C: usize, const KH: usize, const KW: usize, const H: usize, const W: usize, F: Behind,
        G: OnImage<H, W, KH, KW> + Rows<KH>] [[[f32; C]; W]; H], Depthwise<C, KH, KW, F, G> =>
        F::Of<Next<P, OnRows<G, KH, Weighted<DepthwiseConv2d>, [[[i8; C]; W]; H], G::Image<[i8; C]>>, G::Image<[i8; C]>>>;
    [const C: usize, const KH: usize, const KW: usize, const H: usize, const W: usize, M: Pools,
        G: OnImage<H, W, KH, KW> + Rows<KH>] [[[f32; C]; W]; H], Pool<M, KH, KW, G> =>
        Next<P, OnRows<G, KH, M::Op, [[[i8; C]; W]; H], G::Image<[i8; C]>>, G::Image<[i8; C]>>;
    [const C: usize, const K: usize, const L: usize, M: Pools, G: OnSignal<L, K>] [[f32; C]; L], Pool<M, 1, K, G> =>
        Next<P, OnRow<M::Op, [[i8; C]; L], G::Signal<[i8; C]>>, Row<G::Signal<[i8; C]>>>;
    [const C: usize, const L: usize] [[f32; C]; L], GlobalAvgPool => Next<P, Integer<Mean, Out<P>, [i8; C]>, [i8; C]>;
    [const C: usize, const W: usize, const H: usize] [[[f32; C]; W]; H], GlobalAvgPool =>
        Next<P, Integer<Mean, Out<P>, [i8; C]>, [i8; C]>;
    [const N: usize, X: Tensor] X, Flatten<N> => Next<P, Reshape<Out<P>, [i8; N]>, [i8; N]>;
    [const I: usize, const H: usize, const L: usize] [[f32; I]; L], layers::Gru<I, H> => Recurrence<P, super::Gru, I, H, L>;
    [const I: usize, const H: usize, const L: usize] [[f32; I]; L], layers::Lstm<I, H> => Recurrence<P, Lstm, I, H, L>;
    [const C: usize, const L: usize] [[f32; C]; L], Last =>
        Next<Next<P, Integer<Strided, Out<P>, Row<[i8; C]>>, Row<[i8; C]>>, Reshape<Row<[i8; C]>, [i8; C]>, [i8; C]>;
    [X: Tensor, const PERCENT: u32] X, Dropout<PERCENT> => P;
    [X: Tensor] X, Linear => P;
    [X: Tensor] X, Relu => <Entered<P> as Chain>::Clamped;
    [X: Tensor] X, Relu6 => <Entered<P> as Chain>::Clamped;
    [X: Tensor] X, HardTanh => <Entered<P> as Chain>::Clamped;
    [X: Tensor] X, LeakyRelu => Also<P, Each<Out<P>>>;
    [X: Tensor] X, Elu => Also<P, Each<Out<P>>>;
    [X: Tensor] X, Sigmoid => Also<P, Each<Out<P>>>;
    [X: Tensor] X, Tanh => Also<P, Each<Out<P>>>;
    [X: Tensor] X, HardSwish => Also<P, Each<Out<P>>>;
    [X: Tensor] X, Gelu => Also<P, Each<Out<P>>>;
    [X: Tensor] X, GeluTanh => Also<P, Each<Out<P>>>;
    [X: Tensor] X, Silu => Open<P, Around<Each<Out<P>>, Mul>, Out<P>>;
    [X: Tensor] X, Softmax => Also<P, Integer<super::Softmax, Out<P>, Out<P>>>;
    [X: Tensor, L: Quantise<X, P>] X, Frozen<L> => L::Chain;
    [X: Tensor, L: Affine<f32, With<F>: Quantise<X, P>>, F: Activation] X, BatchNorm<L, F> => <L::With<F> as Quantise<X, P>>::Chain;
    [X: Tensor, A: Quantise<X, P>, B: Quantise<A::Out, A::Chain>] X, (A, B) => B::Chain;
    [X: Tensor, L: Quantise<X, Path<Out<P>>>] X, Around<L, Sum> => Open<P, Around<Net<L::Chain>, Add>, Out<P>>;
    [X: Tensor, L: Quantise<X, Path<Out<P>>>, R: Quantise<X, Path<Out<P>>>] X, Branches<L, R, Sum> =>
        Open<P, Branches<Net<L::Chain>, Net<R::Chain>, Add>, <L::Chain as Chain>::Out>;
}

type Recurrence<P, Op, const I: usize, const H: usize, const L: usize> = Next<
    Next<
        Next<P, Reshape<Out<P>, [[i8; I]; L]>, [[i8; I]; L]>,
        Integer<Recurrent<Op, H>, [[i8; I]; L], [[i8; H]; L]>,
        [[i8; H]; L],
    >,
    Reshape<[[i8; H]; L], Row<[[i8; H]; L]>>,
    Row<[[i8; H]; L]>,
>;

impl<X: Tensor, P: Chain, L: Quantise<X, Path<Out<P>>>, const C: usize> Quantise<X, P> for Around<L, Concat<C>>
where
    Self: Forward<X>,
    Concat<C>: Join<Out<P>, <L::Chain as Chain>::Out>,
{
    type Chain = Next<P, Around<Net<L::Chain>, Concat<C>>, <Concat<C> as Join<Out<P>, <L::Chain as Chain>::Out>>::Out>;
}

impl<X: Tensor, P: Chain, L: Quantise<X, Path<Out<P>>>, R: Quantise<X, Path<Out<P>>>, const C: usize> Quantise<X, P>
    for Branches<L, R, Concat<C>>
where
    Self: Forward<X>,
    Concat<C>: Join<<L::Chain as Chain>::Out, <R::Chain as Chain>::Out>,
{
    type Chain = Next<
        P,
        Branches<Net<L::Chain>, Net<R::Chain>, Concat<C>>,
        <Concat<C> as Join<<L::Chain as Chain>::Out, <R::Chain as Chain>::Out>>::Out,
    >;
}

/// In the weights of the next layer.
impl<const N: usize> Quantise<[f32; N], Start<[i8; N]>> for Standardize<N> {
    type Chain = Path<[i8; N]>;
}

impl<const N: usize> Quantise<[f32; N], Start<[f32; N]>> for Standardize<N> {
    type Chain = After<
        ((Around<Constant<[f32; N]>, Sum>, Merged<MulFloats, [f32; N]>), Integer<Quantize, [f32; N], [i8; N]>),
        [i8; N],
    >;
}

/// Of a signal of several instants.
impl<const N: usize, const L: usize> Quantise<[[f32; N]; L], Start<[[f32; N]; L]>> for Standardize<N> {
    type Chain = After<
        (
            (
                (Reshape<[[f32; N]; L], Row<[[f32; N]; L]>>, Merged<AddFloats, Row<[[f32; N]; L]>>),
                Merged<MulFloats, Row<[[f32; N]; L]>>,
            ),
            Integer<Quantize, Row<[[f32; N]; L]>, Row<[[i8; N]; L]>>,
        ),
        Row<[[i8; N]; L]>,
    >;
}

/// Floats count rows.
impl<const V: usize, const D: usize, const L: usize> Quantise<[f32; L], Start<[f32; L]>> for layers::Embedding<V, D> {
    type Chain = After<
        (
            (Integer<Cast, [f32; L], [i32; L]>, Integer<Embedding<'static, i8>, [i32; L], [[i8; D]; L]>),
            Reshape<[[i8; D]; L], Row<[[i8; D]; L]>>,
        ),
        Row<[[i8; D]; L]>,
    >;
}
