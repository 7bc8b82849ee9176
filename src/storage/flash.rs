//! A network whose weights lie in read-only memory.

use core::marker::PhantomData;

use crc::{CRC_32_ISO_HDLC, Crc, Table};

use crate::layers::{
    Activation, Around, Attention, Branches, Conv, ConvTranspose2d, Dense, Depthwise, Dropout, Elu, Embedding, Flatten,
    Frozen, Gelu, GeluTanh, Geometry, GlobalAvgPool, Gru, HardSigmoid, HardSwish, HardTanh, Last, LayerNorm, LeakyRelu,
    Linear, Lstm, OnFeatures, PRelu, Pool, Pooling, Relu, Relu6, ScaleShift, Sigmoid, Silu, Softmax, Standardize, Tanh,
    To,
};
use crate::numbers::{Tensors, Zero};
pub use crate::storage::constants::ConstantsFile;
use crate::storage::weights::{HEADER_LEN, header_len};

/// For the compiler alone, which would take minutes for a large file bit by bit; nothing of it comes into a program.
pub(crate) const FAST_CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

/// Bytes known at compile time, as a type. [`include_weights!`](crate::include_weights) makes one.
pub trait Source {
    /// The elements of a weights file.
    const ELEMENTS: &'static [u8];
}

/// What follows the elements of `A` in `S`.
pub struct After<S, A>(PhantomData<(S, A)>);

impl<S: Source, A: Tensors<f32>> Source for After<S, A> {
    const ELEMENTS: &'static [u8] = S::ELEMENTS.split_at(A::LEN * 4).1;
}

/// A network that can be made at compile time.
pub trait FromSource<S: Source>: Tensors<f32> {
    /// The network with the weights of `S`.
    const NETWORK: Self;
}

impl<S: Source, A: FromSource<S>, B: FromSource<After<S, A>>> FromSource<S> for (A, B) {
    const NETWORK: Self = (A::NETWORK, B::NETWORK);
}

impl<S: Source, const I: usize, const O: usize, F: Activation> FromSource<S> for Dense<I, O, F> {
    const NETWORK: Self = {
        let mut w = [[0.0; O]; I];
        let mut i = 0;
        while i < I {
            w[i] = floats(S::ELEMENTS, i * O);
            i += 1;
        }
        Dense::new(w, floats(S::ELEMENTS, I * O))
    };
}

impl<S: Source, const C: usize, const O: usize, const KH: usize, const KW: usize, F: Activation, G: Geometry>
    FromSource<S> for Conv<C, O, KH, KW, F, G>
{
    const NETWORK: Self = {
        let mut w = [[[[0.0; O]; C]; KW]; KH];
        let mut i = 0;
        while i < KH * KW * C {
            w[i / C / KW][i / C % KW][i % C] = floats(S::ELEMENTS, i * O);
            i += 1;
        }
        Conv::new(w, floats(S::ELEMENTS, KH * KW * C * O))
    };
}

impl<S: Source, const C: usize, const KH: usize, const KW: usize, F: Activation, G: Geometry> FromSource<S>
    for Depthwise<C, KH, KW, F, G>
{
    const NETWORK: Self = {
        let mut w = [[[0.0; C]; KW]; KH];
        let mut i = 0;
        while i < KH * KW {
            w[i / KW][i % KW] = floats(S::ELEMENTS, i * C);
            i += 1;
        }
        Depthwise::new(w, floats(S::ELEMENTS, KH * KW * C))
    };
}

impl<S: Source, const I: usize, const H: usize> FromSource<S> for Gru<I, H> {
    const NETWORK: Self = {
        let (w, u, b) = gates(S::ELEMENTS);
        Gru::new(w, u, b, floats(S::ELEMENTS, 3 * (I + H + 1) * H))
    };
}

impl<S: Source, const I: usize, const H: usize> FromSource<S> for Lstm<I, H> {
    const NETWORK: Self = {
        let (w, u, b) = gates(S::ELEMENTS);
        Lstm::new(w, u, b)
    };
}

/// Weights of the input and of the state, and biases, of each of `G` gates.
type Gates<const I: usize, const H: usize, const G: usize> = ([[[f32; H]; I]; G], [[[f32; H]; H]; G], [[f32; H]; G]);

const fn gates<const I: usize, const H: usize, const G: usize>(elements: &[u8]) -> Gates<I, H, G> {
    let (mut w, mut u, mut b) = ([[[0.0; H]; I]; G], [[[0.0; H]; H]; G], [[0.0; H]; G]);
    let mut at = 0;
    while at < G * I {
        w[at / I][at % I] = floats(elements, at * H);
        at += 1;
    }
    while at < G * (I + H) {
        u[(at - G * I) / H][(at - G * I) % H] = floats(elements, at * H);
        at += 1;
    }
    while at < G * (I + H + 1) {
        b[at - G * (I + H)] = floats(elements, at * H);
        at += 1;
    }
    (w, u, b)
}

impl<S: Source, L: FromSource<S>, J: Tensors<f32> + Zero> FromSource<S> for Around<L, J> {
    const NETWORK: Self = Self { path: L::NETWORK, join: J::ZERO };
}

impl<S: Source, L: FromSource<S>, R: FromSource<After<S, L>>, J: Tensors<f32> + Zero> FromSource<S>
    for Branches<L, R, J>
{
    const NETWORK: Self = Self { left: L::NETWORK, right: R::NETWORK, join: J::ZERO };
}

impl<S: Source, const N: usize> FromSource<S> for Standardize<N> {
    const NETWORK: Self = Standardize::new(floats(S::ELEMENTS, 0), floats(S::ELEMENTS, N));
}

macro_rules! without_weights {
    ($($Layer:ident),*) => {$(
        impl<S: Source> FromSource<S> for $Layer {
            const NETWORK: Self = $Layer;
        }
    )*};
}
without_weights!(
    Elu,
    Gelu,
    GeluTanh,
    GlobalAvgPool,
    HardSigmoid,
    HardSwish,
    HardTanh,
    Last,
    LeakyRelu,
    Linear,
    Relu,
    Relu6,
    Sigmoid,
    Silu,
    Softmax,
    Tanh
);

impl<S: Source, const C: usize> FromSource<S> for PRelu<C> {
    const NETWORK: Self = PRelu::new(floats(S::ELEMENTS, 0));
}

impl<S: Source, const C: usize, F: Activation> FromSource<S> for ScaleShift<C, F> {
    const NETWORK: Self = ScaleShift::new(floats(S::ELEMENTS, 0), floats(S::ELEMENTS, C));
}

impl<S: Source, const N: usize> FromSource<S> for LayerNorm<N> {
    const NETWORK: Self = LayerNorm { gamma: floats(S::ELEMENTS, 0), beta: floats(S::ELEMENTS, N) };
}

/// What follows a matrix of `D` by `D` and its biases.
type AfterDense<S, const D: usize> = After<S, Dense<D, D>>;

impl<S: Source, const D: usize, const H: usize> FromSource<S> for Attention<D, H> {
    const NETWORK: Self = Attention {
        query: <Dense<D, D> as FromSource<S>>::NETWORK,
        key: <Dense<D, D> as FromSource<AfterDense<S, D>>>::NETWORK,
        value: <Dense<D, D> as FromSource<AfterDense<AfterDense<S, D>, D>>>::NETWORK,
        output: <Dense<D, D> as FromSource<AfterDense<AfterDense<AfterDense<S, D>, D>, D>>>::NETWORK,
    };
}

impl<S: Source, const V: usize, const D: usize> FromSource<S> for Embedding<V, D> {
    const NETWORK: Self = {
        let mut w = [[0.0; D]; V];
        let mut i = 0;
        while i < V {
            w[i] = floats(S::ELEMENTS, i * D);
            i += 1;
        }
        Embedding::new(w)
    };
}

impl<
    S: Source,
    const C: usize,
    const O: usize,
    const K: usize,
    const OH: usize,
    const OW: usize,
    const STRIDE: usize,
    const P: usize,
    F: Activation,
> FromSource<S> for ConvTranspose2d<C, O, K, To<OH, OW, STRIDE, P>, F>
{
    const NETWORK: Self = {
        let mut w = [[[[0.0; O]; C]; K]; K];
        let mut i = 0;
        while i < K * K * C {
            w[i / C / K][i / C % K][i % C] = floats(S::ELEMENTS, i * O);
            i += 1;
        }
        ConvTranspose2d::new(w, floats(S::ELEMENTS, K * K * C * O))
    };
}

impl<S: Source, L: FromSource<S>> FromSource<S> for Frozen<L> {
    const NETWORK: Self = Frozen(L::NETWORK);
}

impl<S: Source, const FEATURES: u32, L: FromSource<S>> FromSource<S> for OnFeatures<FEATURES, L> {
    const NETWORK: Self = OnFeatures(L::NETWORK);
}

impl<S: Source, M: Pooling, const KH: usize, const KW: usize, G: Geometry> FromSource<S> for Pool<M, KH, KW, G> {
    const NETWORK: Self = Zero::ZERO;
}

impl<S: Source, const N: usize> FromSource<S> for Flatten<N> {
    const NETWORK: Self = Flatten;
}

impl<S: Source, const PERCENT: u32> FromSource<S> for Dropout<PERCENT> {
    const NETWORK: Self = Dropout;
}

/// `N` floats, from the element `first` on.
pub(crate) const fn floats<const N: usize>(elements: &[u8], first: usize) -> [f32; N] {
    let mut values = [0.0; N];
    let (bytes, _) = elements.as_chunks::<4>();
    let mut i = 0;
    while i < N {
        values[i] = f32::from_le_bytes(bytes[first + i]);
        assert!(values[i].is_finite(), "a weight is infinite or NaN: train again with a lower learning rate");
        i += 1;
    }
    values
}

/// The elements of the weights file of a `N`. Used by [`include_weights!`](crate::include_weights).
///
/// # Panics
/// In a constant, hence as a compile error, with what [`LoadError`](crate::weights::LoadError) would say.
pub const fn elements<N: Tensors<f32>>(file: &'static [u8]) -> &'static [u8] {
    assert!(file.len() >= HEADER_LEN, "the weights file has not the length of this network's");
    let version = file[4];
    assert!(file.len() == header_len(version) + N::LEN * 4, "the weights file has not the length of this network's");
    let (header, elements) = file.split_at(header_len(version));
    let (words, _) = header.split_at(6).1.as_chunks::<4>();
    assert!(matches!(header.split_at(4).0, b"nerv"), "not a weights file: it does not begin with `nerv`");
    assert!(version == 1 || version == 3, "the weights file is of another format");
    let same = version == 1 || N::FEATURES == 0 || u32::from_le_bytes(words[3]) == N::FEATURES;
    assert!(same, "the weights file was learned on other features");
    assert!(header[5] == 4, "the weights file does not hold f32");
    assert!(u32::from_le_bytes(words[0]) == N::FINGERPRINT, "the weights file is of another architecture");
    assert!(u32::from_le_bytes(words[1]) as usize == N::LEN, "the weights file has not the length of this network's");
    assert!(u32::from_le_bytes(words[2]) == FAST_CRC.checksum(elements), "the weights file is damaged");
    elements
}

/// `include_weights!(Net, "path")` is a constant of type `Net` with the weights of that file, which is checked by the compiler.
///
/// In a `static` it lies in read-only memory and costs no RAM: `static NET: Net = include_weights!(Net, "iris.nrv");`.
/// The path is relative to the source file, as with `include_bytes!`. For `f32`.
#[macro_export]
macro_rules! include_weights {
    ($Net:ty, $path:expr) => {{
        struct File;
        impl $crate::flash::Source for File {
            #[allow(long_running_const_eval)] // Checks every byte of the file.
            const ELEMENTS: &'static [u8] = $crate::flash::elements::<$Net>(include_bytes!($path));
        }
        <$Net as $crate::flash::FromSource<File>>::NETWORK
    }};
}
