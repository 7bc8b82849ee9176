//! What a network is called elsewhere: its layers as modules of PyTorch and nodes of ONNX, and where each of their parameters lies.

use core::fmt;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::infer::Fixed;
use crate::kernels::Axis;
use crate::layers::{
    Activation, Affine, Around, Attention, BatchNorm, Branches, Concat, Conv, ConvTranspose2d, Dense, Depthwise,
    Dropout, Elu, Embedding, Flatten, Forward, Frozen, Gelu, GeluTanh, GlobalAvgPool, Gru, HardSigmoid, HardSwish,
    HardTanh, JoinBackward, Last, Layer, LayerNorm, LeakyRelu, Linear, Lstm, OnFeatures, OnImage, OnSignal, PRelu,
    Pool, Pooling, Relu, Relu6, RoundedTo, RoundedWeights, Rounding, ScaleShift, Sigmoid, Silu, Softmax, Standardize,
    Sum, Tanh, To, WithChannels,
};
use crate::numbers::{Array, Real, Tensor, Tensors};

/// A network that PyTorch's weights can be read into, and that can be written as ONNX. Every layer of the library is one; a layer of
/// your own that is put together from those describes itself by them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no counterpart in PyTorch and ONNX for an input of shape `{X}`",
    note = "implement `Describe` for a layer of your own by describing the layers that it consists of"
)]
pub trait Describe<X: Tensor>: Layer<X> {
    /// Appends this layer, which follows those that `net` has.
    fn describe(net: &mut Description);
}

/// A network that another framework has no operators for.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsupported {
    pub(crate) by: &'static str,
    pub(crate) what: String,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} has no counterpart for {}", self.by, self.what)
    }
}

impl core::error::Error for Unsupported {}

/// The modules of a network, in order.
pub struct Description {
    pub(crate) modules: Vec<Module>,
    pub(crate) order: Order,
    /// Scalars of the layers so far.
    scalars: usize,
    /// The lengths of the present values' axes as they are here.
    shape: Vec<usize>,
    /// What no other framework has.
    pub(crate) refused: Option<String>,
}

/// How values lie elsewhere, compared with here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Order {
    /// As here.
    Same,
    /// An image or signal with the channels before the other axes.
    ChannelsFirst,
    /// A row whose `i`-th value is the one at `[i]` here.
    Row(Vec<usize>),
}

pub(crate) struct Module {
    pub kind: Kind,
    pub parameters: Vec<Parameter>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// With axes of length 1 behind the channels.
    Standardize {
        pixel: Vec<usize>,
    },
    /// To 256 steps, of which the least and the greatest are known.
    Rounding,
    Linear,
    Conv {
        axes: Vec<Axis>,
        groups: usize,
    },
    /// A stride, a padding at each end, and how much more comes out than the least, for each axis.
    ConvTranspose {
        kernel: usize,
        stride: usize,
        padding: usize,
        more: [usize; 2],
    },
    BatchNorm,
    LayerNorm,
    Attention {
        heads: usize,
    },
    Embedding,
    Pool {
        name: &'static str,
        axes: Vec<Axis>,
    },
    GlobalAvgPool,
    Activation(&'static str),
    /// Over an axis counted without the batch.
    Softmax {
        axis: usize,
    },
    /// With an axis of length 1 behind the channels for each axis of a pixel.
    PRelu {
        pixel: Vec<usize>,
    },
    /// Likewise.
    ScaleShift {
        pixel: Vec<usize>,
    },
    Gru {
        units: usize,
    },
    Lstm {
        units: usize,
    },
    /// The last element along an axis, counted without the batch.
    Last {
        axis: usize,
    },
    Flatten,
    /// Axes in a new order, counted without the batch.
    Transpose(Vec<usize>),
    /// From here on, until its [`Kind::Other`], the first of two branches.
    Fork,
    /// From here on, until its [`Kind::Join`], the second one, from where the first one began.
    Other,
    /// The branches' results as one, along an axis counted without the batch.
    Join {
        joined: Joined,
        axis: usize,
    },
}

/// What two branches become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// The sum of their elements.
    Sum,
    /// One behind the other along an axis.
    Concat,
}

/// A tensor of another framework.
pub(crate) struct Parameter {
    pub name: &'static str,
    pub shape: Vec<usize>,
    /// Where each of its elements, in row-major order, lies among the network's scalars. Of several elements in one place, the sum
    /// lies there.
    pub at: Vec<usize>,
}

impl Description {
    pub(crate) fn of<X: Tensor, N: Describe<X>>() -> Self {
        let mut net = Self { modules: Vec::new(), order: Order::Same, scalars: 0, shape: shape::<X>(), refused: None };
        N::describe(&mut net);
        net
    }

    fn push(&mut self, kind: Kind) {
        self.modules.push(Module { kind, parameters: Vec::new() });
    }

    /// Of a recurrent layer with `gates` gates, the tensors whose scalars lie in its `w`, `u` and `b`, all but the second bias.
    fn gates(&mut self, gates: usize, inputs: usize, units: usize) {
        let place =
            |rows: usize| move |index: &[usize]| (index[0] / units * rows + index[1]) * units + index[0] % units;
        let (input, state) = (place(inputs), place(units));
        let (states, biases) = (gates * inputs * units, gates * (inputs + units) * units);
        self.parameter("weight_ih_l0", &[gates * units, inputs], input);
        self.parameter("weight_hh_l0", &[gates * units, units], |index| states + state(index));
        self.parameter("bias_ih_l0", &[gates * units], |index| biases + index[0]);
    }

    /// A tensor of the module that was pushed last; `place` finds an index's scalar, counted from the layer's first.
    fn parameter(&mut self, name: &'static str, shape: &[usize], place: impl Fn(&[usize]) -> usize) {
        let mut index = vec![0; shape.len()];
        let at = (0..shape.iter().product())
            .map(|mut flat: usize| {
                for (i, length) in index.iter_mut().zip(shape).rev() {
                    *i = flat % length;
                    flat /= length;
                }
                self.scalars + place(&index)
            })
            .collect();
        if let Some(module) = self.modules.last_mut() {
            module.parameters.push(Parameter { name, shape: shape.to_vec(), at });
        }
    }

    /// Ends a layer of `scalars` whose output is `Y`.
    fn finish<Y: Tensor>(&mut self, scalars: usize) {
        self.scalars += scalars;
        self.shape = shape::<Y>();
    }

    fn activation(&mut self, name: &'static str) {
        const KNOWN: [&str; 8] = ["Sigmoid", "Tanh", "Relu", "Relu6", "HardTanh", "HardSigmoid", "LeakyRelu", "Elu"];
        match name {
            "Linear" => {}
            "Softmax" => {
                let axis = if self.order == Order::ChannelsFirst { 0 } else { self.shape.len().saturating_sub(1) };
                self.push(Kind::Softmax { axis });
            }
            name if KNOWN.contains(&name) => self.push(Kind::Activation(name)),
            name => self.refuse(format!("the activation {name}, which neither PyTorch nor ONNX has under this name")),
        }
    }

    fn refuse(&mut self, what: String) {
        self.refused.get_or_insert(what);
    }

    /// Brings images and signals into the order of convolutions.
    fn channels_first(&mut self) {
        if self.order == Order::Same {
            let rank = self.shape.len();
            self.push(Kind::Transpose([rank - 1].into_iter().chain(0..rank - 1).collect()));
            self.order = Order::ChannelsFirst;
        }
    }

    /// Brings them back into ours.
    pub(crate) fn channels_last(&mut self) {
        if self.order == Order::ChannelsFirst {
            let rank = self.shape.len();
            self.push(Kind::Transpose((1..rank).chain([0]).collect()));
            self.order = Order::Same;
        }
    }

    /// Where the values of a row lie here.
    fn row(&mut self) -> Vec<usize> {
        match core::mem::replace(&mut self.order, Order::Same) {
            Order::Row(row) => row,
            _ => (0..self.shape.iter().product()).collect(),
        }
    }

    /// The axes behind `C` channels elsewhere, all of length 1, and where the channels lie here.
    fn channels<const C: usize>(&self) -> (Vec<usize>, Vec<usize>) {
        let pixel = vec![1; if self.order == Order::ChannelsFirst { self.shape.len() - 1 } else { 0 }];
        let row = match &self.order {
            Order::Row(row) if C > 1 => row.clone(),
            _ => (0..C).collect(),
        };
        (pixel, row)
    }

    fn convolution(&mut self, channels: usize, outputs: usize, groups: usize, axes: &[Axis]) {
        self.channels_first();
        let kernel: Vec<usize> = axes.iter().map(|axis| axis.kernel).collect();
        let shape = [&[outputs, channels / groups][..], &kernel].concat();
        let size: usize = kernel.iter().product();
        self.push(Kind::Conv { axes: axes.to_vec(), groups });
        let columns = axes.last().map_or(1, |axis| axis.kernel);
        // Here, a depthwise kernel has its channels last, any other its output channels behind its input channels.
        let channels = shape[1];
        self.parameter("weight", &shape, |index| {
            let place = index[2..].iter().fold(0, |place, i| place * columns + i);
            (place * channels + index[1]) * outputs + index[0]
        });
        self.parameter("bias", &[outputs], |index| size * channels * outputs + index[0]);
    }

    fn pool(&mut self, name: &'static str, axes: &[Axis]) {
        self.channels_first();
        let name = if name == "AvgPool" { "AveragePool" } else { name };
        if name == "AveragePool" && axes.iter().any(|axis| axis.dilation > 1) {
            self.refuse("an average over windows with dilation: leave the dilation out".into());
        }
        self.push(Kind::Pool { name, axes: axes.to_vec() });
    }
}

pub(crate) fn shape<X: Tensor>() -> Vec<usize> {
    let mut shape = Vec::new();
    X::axes(&mut |length| shape.push(length));
    shape
}

impl<X: Tensor, L: Describe<X>, R: Describe<L::Out>> Describe<X> for (L, R) {
    fn describe(net: &mut Description) {
        L::describe(net);
        R::describe(net);
    }
}

impl<X: Tensor, L: Describe<X>> Describe<X> for Frozen<L> {
    fn describe(net: &mut Description) {
        L::describe(net);
    }
}

impl<const FEATURES: u32, X: Tensor, L: Describe<X>> Describe<X> for OnFeatures<FEATURES, L> {
    fn describe(net: &mut Description) {
        L::describe(net);
    }
}

/// Its weights are not the network's, and may be integers.
impl<X: Tensor, N, const BYTES: usize> Describe<X> for Fixed<'_, N, BYTES>
where
    Self: Layer<X>,
{
    fn describe(net: &mut Description) {
        net.refuse(
            "a Fixed network: describe the layers behind it, and put them behind its model by `Graph::then`".into(),
        );
        net.finish::<<Self as Forward<X>>::Out>(0);
    }
}

impl Description {
    /// Two paths from the present values, each described by its function; `joined` is what their outputs become.
    fn branches(&mut self, paths: [&dyn Fn(&mut Self); 2], joined: Joined) {
        let start = (self.modules.len(), self.scalars, self.shape.clone(), self.order.clone());
        if self.both(paths) && start.3 == Order::Same {
            // A branch that wants the channels first wants them where it begins.
            self.modules.truncate(start.0);
            (self.scalars, self.shape, self.order) = (start.1, start.2, start.3);
            self.channels_first();
            self.both(paths);
        }
        let axis = if self.order == Order::ChannelsFirst { 0 } else { self.shape.len().saturating_sub(1) };
        if joined == Joined::Concat && matches!(self.order, Order::Row(_)) {
            self.refuse("a Concat right behind a Flatten of several channels: put a Dense between".into());
        }
        self.push(Kind::Join { joined, axis });
    }

    /// Whether a path wants the channels first that did not begin so.
    fn both(&mut self, [left, right]: [&dyn Fn(&mut Self); 2]) -> bool {
        let (shape, order) = (self.shape.clone(), self.order.clone());
        let mut orders = vec![];
        self.push(Kind::Fork);
        for (path, last) in [(left, false), (right, true)] {
            path(self);
            if order == Order::ChannelsFirst && self.order == Order::Same && self.shape.len() > 1 {
                self.channels_first();
            }
            orders.push(self.order.clone());
            if !last {
                self.push(Kind::Other);
                (self.shape, self.order) = (shape.clone(), order.clone());
            }
        }
        if orders.iter().any(|order| *order != orders[0]) && order != Order::Same {
            self.refuse("branches that meet behind a Flatten of several channels: put a Dense between".into());
        }
        order == Order::Same && orders.contains(&Order::ChannelsFirst)
    }
}

/// A join that ONNX has.
pub trait DescribeJoin {
    const JOINED: Joined;
}

impl DescribeJoin for Sum {
    const JOINED: Joined = Joined::Sum;
}

impl<const C: usize> DescribeJoin for Concat<C> {
    const JOINED: Joined = Joined::Concat;
}

impl<X: Tensor, L: Describe<X>, J> Describe<X> for Around<L, J>
where
    J: DescribeJoin + JoinBackward<X, L::Out> + Tensors<X::Elem>,
{
    fn describe(net: &mut Description) {
        net.branches([&|_| (), &L::describe], J::JOINED);
        net.finish::<J::Out>(0);
    }
}

impl<X: Tensor, L: Describe<X>, R: Describe<X>, J> Describe<X> for Branches<L, R, J>
where
    J: DescribeJoin + JoinBackward<L::Out, R::Out> + Tensors<X::Elem>,
{
    fn describe(net: &mut Description) {
        net.branches([&L::describe, &R::describe], J::JOINED);
        net.finish::<J::Out>(0);
    }
}

impl<T: Real, const N: usize> Describe<[T; N]> for Standardize<N, T> {
    fn describe(net: &mut Description) {
        let row = match &net.order {
            Order::Row(row) => row.clone(),
            _ => (0..N).collect(),
        };
        net.push(Kind::Standardize { pixel: vec![] });
        net.parameter("mean", &[N], |index| row[index[0]]);
        net.parameter("inverse_deviation", &[N], |index| N + row[index[0]]);
        net.finish::<[T; N]>(2 * N);
    }
}

impl<T: Real, const N: usize, const L: usize> Describe<[[T; N]; L]> for Standardize<N, T> {
    fn describe(net: &mut Description) {
        let pixel = if net.order == Order::ChannelsFirst { vec![1] } else { vec![] };
        net.push(Kind::Standardize { pixel });
        net.parameter("mean", &[N], |index| index[0]);
        net.parameter("inverse_deviation", &[N], |index| N + index[0]);
        net.finish::<[[T; N]; L]>(2 * N);
    }
}

impl<X: Tensor<Elem = T>, T: Real> Describe<X> for Rounding<T> {
    fn describe(net: &mut Description) {
        net.push(Kind::Rounding);
        net.parameter("range", &[2], |index| index[0]);
        net.finish::<X>(2);
    }
}

/// The steps follow from the function before it.
impl<X: Tensor, const PARTS: u32, const ZERO: i32> Describe<X> for RoundedTo<PARTS, ZERO> {
    fn describe(_: &mut Description) {}
}

impl<X: Tensor, L: Describe<X>> Describe<X> for RoundedWeights<L>
where
    Self: Layer<X>,
{
    fn describe(net: &mut Description) {
        L::describe(net);
    }
}

impl<T: Real, F: Activation, const I: usize, const O: usize> Describe<[T; I]> for Dense<I, O, F, T> {
    fn describe(net: &mut Description) {
        let row = net.row();
        net.push(Kind::Linear);
        net.parameter("weight", &[O, I], |index| row[index[1]] * O + index[0]);
        net.parameter("bias", &[O], |index| I * O + index[0]);
        net.activation(F::NAME);
        net.finish::<[T; O]>(<Self as Tensors<T>>::LEN);
    }
}

impl<
    T: Real,
    F: Activation,
    G: OnImage<H, W, KH, KW>,
    const C: usize,
    const O: usize,
    const KH: usize,
    const KW: usize,
    const H: usize,
    const W: usize,
> Describe<[[[T; C]; W]; H]> for Conv<C, O, KH, KW, F, G, T>
{
    fn describe(net: &mut Description) {
        net.convolution(C, O, 1, &G::AXES);
        net.activation(F::NAME);
        net.finish::<G::Image<[T; O]>>(<Self as Tensors<T>>::LEN);
    }
}

impl<T: Real, F: Activation, G: OnSignal<L, K>, const C: usize, const O: usize, const K: usize, const L: usize>
    Describe<[[T; C]; L]> for Conv<C, O, 1, K, F, G, T>
{
    fn describe(net: &mut Description) {
        net.convolution(C, O, 1, &G::AXES[1..]);
        net.activation(F::NAME);
        net.finish::<G::Signal<[T; O]>>(<Self as Tensors<T>>::LEN);
    }
}

impl<
    T: Real,
    F: Activation,
    G: OnImage<H, W, KH, KW>,
    const C: usize,
    const KH: usize,
    const KW: usize,
    const H: usize,
    const W: usize,
> Describe<[[[T; C]; W]; H]> for Depthwise<C, KH, KW, F, G, T>
{
    fn describe(net: &mut Description) {
        net.convolution(C, C, C, &G::AXES);
        net.activation(F::NAME);
        net.finish::<G::Image<[T; C]>>(<Self as Tensors<T>>::LEN);
    }
}

impl<X: Tensor<Elem = T>, L: Describe<X> + Affine<T>, F: Activation, T: Real> Describe<X> for BatchNorm<L, F, T> {
    fn describe(net: &mut Description) {
        L::describe(net);
        let channels = L::Channels::LEN;
        net.push(Kind::BatchNorm);
        for (i, name) in ["weight", "bias", "running_mean", "running_var"].into_iter().enumerate() {
            net.parameter(name, &[channels], |index| i * channels + index[0]);
        }
        net.activation(F::NAME);
        net.finish::<L::Out>(4 * channels);
    }
}

impl<
    const C: usize,
    const O: usize,
    const K: usize,
    const H: usize,
    const W: usize,
    const OH: usize,
    const OW: usize,
    const S: usize,
    const P: usize,
    F: Activation,
    T: Real,
> Describe<[[[T; C]; W]; H]> for ConvTranspose2d<C, O, K, To<OH, OW, S, P>, F, T>
{
    fn describe(net: &mut Description) {
        net.channels_first();
        let more = [(OH, H), (OW, W)].map(|(to, from)| to + 2 * P - K - (from - 1) * S);
        net.push(Kind::ConvTranspose { kernel: K, stride: S, padding: P, more });
        net.parameter("weight", &[C, O, K, K], |index| ((index[2] * K + index[3]) * C + index[0]) * O + index[1]);
        net.parameter("bias", &[O], |index| K * K * C * O + index[0]);
        net.activation(F::NAME);
        net.finish::<[[[T; O]; OW]; OH]>(<Self as Tensors<T>>::LEN);
    }
}

impl<X: Tensor<Elem = T> + WithChannels<N>, const N: usize, T: Real> Describe<X> for LayerNorm<N, T> {
    fn describe(net: &mut Description) {
        net.channels_last();
        let row = match &net.order {
            Order::Row(row) => row.clone(),
            _ => (0..N).collect(),
        };
        net.push(Kind::LayerNorm);
        net.parameter("weight", &[N], |index| row[index[0]]);
        net.parameter("bias", &[N], |index| N + row[index[0]]);
        net.finish::<X>(2 * N);
    }
}

impl<T: Real, const D: usize, const H: usize, const L: usize> Describe<[[T; D]; L]> for Attention<D, H, T> {
    fn describe(net: &mut Description) {
        net.channels_last();
        // Each of the four has its biases behind its weights.
        let part = D * D + D;
        net.push(Kind::Attention { heads: H });
        net.parameter("in_proj_weight", &[3 * D, D], |index| index[0] / D * part + index[1] * D + index[0] % D);
        net.parameter("in_proj_bias", &[3 * D], |index| index[0] / D * part + D * D + index[0] % D);
        net.parameter("out_proj.weight", &[D, D], |index| 3 * part + index[1] * D + index[0]);
        net.parameter("out_proj.bias", &[D], |index| 3 * part + D * D + index[0]);
        net.finish::<[[T; D]; L]>(4 * part);
    }
}

impl<T: Real, const V: usize, const D: usize, const L: usize> Describe<[T; L]> for Embedding<V, D, T> {
    fn describe(net: &mut Description) {
        if matches!(net.order, Order::Row(_)) {
            net.refuse("an Embedding right behind a Flatten of several channels".into());
        }
        net.push(Kind::Embedding);
        net.parameter("weight", &[V, D], |index| index[0] * D + index[1]);
        net.finish::<[[T; D]; L]>(V * D);
    }
}

impl<T: Real, const I: usize, const H: usize, const L: usize> Describe<[[T; I]; L]> for Gru<I, H, T> {
    fn describe(net: &mut Description) {
        net.channels_last();
        net.push(Kind::Gru { units: H });
        net.gates(3, I, H);
        // The candidate's is a bias of its own, behind the others.
        let bias = 3 * (I + H) * H;
        net.parameter("bias_hh_l0", &[3 * H], |index| bias + index[0] + if index[0] < 2 * H { 0 } else { H });
        net.finish::<[[T; H]; L]>(<Self as Tensors<T>>::LEN);
    }
}

impl<T: Real, const I: usize, const H: usize, const L: usize> Describe<[[T; I]; L]> for Lstm<I, H, T> {
    fn describe(net: &mut Description) {
        net.channels_last();
        net.push(Kind::Lstm { units: H });
        net.gates(4, I, H);
        net.parameter("bias_hh_l0", &[4 * H], |index| 4 * (I + H) * H + index[0]);
        net.finish::<[[T; H]; L]>(<Self as Tensors<T>>::LEN);
    }
}

impl<X: Tensor + Copy, const L: usize> Describe<[X; L]> for Last {
    fn describe(net: &mut Description) {
        net.push(Kind::Last { axis: usize::from(net.order == Order::ChannelsFirst) });
        net.finish::<X>(0);
        if net.shape.len() == 1 && net.order == Order::ChannelsFirst {
            net.order = Order::Same;
        }
    }
}

impl<
    T: Real,
    M: Pooling,
    G: OnImage<H, W, KH, KW>,
    const C: usize,
    const H: usize,
    const W: usize,
    const KH: usize,
    const KW: usize,
> Describe<[[[T; C]; W]; H]> for Pool<M, KH, KW, G>
{
    fn describe(net: &mut Description) {
        net.pool(M::NAME, &G::AXES);
        net.finish::<G::Image<[T; C]>>(0);
    }
}

impl<T: Real, M: Pooling, G: OnSignal<L, K>, const C: usize, const L: usize, const K: usize> Describe<[[T; C]; L]>
    for Pool<M, 1, K, G>
{
    fn describe(net: &mut Description) {
        net.pool(M::NAME, &G::AXES[1..]);
        net.finish::<G::Signal<[T; C]>>(0);
    }
}

impl<X: Tensor> Describe<X> for GlobalAvgPool
where
    GlobalAvgPool: Layer<X>,
{
    fn describe(net: &mut Description) {
        net.channels_first();
        net.push(Kind::GlobalAvgPool);
        net.order = Order::Same;
        net.finish::<<Self as Forward<X>>::Out>(0);
    }
}

impl<X: Tensor, const N: usize> Describe<X> for Flatten<N> {
    fn describe(net: &mut Description) {
        // An image that no layer has seen yet is one of PyTorch all the same.
        if net.shape.len() == 3 {
            net.channels_first();
        }
        net.push(Kind::Flatten);
        if net.order == Order::ChannelsFirst {
            let channels = net.shape.last().copied().unwrap_or(1);
            let pixels = N / channels.max(1);
            net.order = Order::Row((0..N).map(|i| i % pixels * channels + i / pixels).collect());
        }
        net.finish::<[X::Elem; N]>(0);
    }
}

impl<X: Tensor, const PERCENT: u32> Describe<X> for Dropout<PERCENT> {
    fn describe(_: &mut Description) {}
}

impl<X: Tensor<Elem = T> + WithChannels<C>, const C: usize, T: Real> Describe<X> for PRelu<C, T> {
    fn describe(net: &mut Description) {
        let (pixel, row) = net.channels::<C>();
        net.push(Kind::PRelu { pixel });
        net.parameter("weight", &[C], |index| row[index[0]]);
        net.finish::<X>(C);
    }
}

impl<X: Tensor<Elem = T> + WithChannels<C>, const C: usize, F: Activation, T: Real> Describe<X>
    for ScaleShift<C, F, T>
{
    fn describe(net: &mut Description) {
        let (pixel, row) = net.channels::<C>();
        net.push(Kind::ScaleShift { pixel });
        net.parameter("weight", &[C], |index| row[index[0]]);
        net.parameter("bias", &[C], |index| C + row[index[0]]);
        net.activation(F::NAME);
        net.finish::<X>(2 * C);
    }
}

macro_rules! activations {
    ($($Name:ident),*) => {$(
        impl<X: Tensor> Describe<X> for $Name {
            fn describe(net: &mut Description) {
                net.activation(<$Name as Activation>::NAME);
            }
        }
    )*};
}
activations!(Elu, HardSigmoid, HardTanh, LeakyRelu, Linear, Relu, Relu6, Sigmoid, Softmax, Tanh);

macro_rules! unfused {
    ($($Name:ident),*) => {$(
        impl<X: Tensor> Describe<X> for $Name {
            fn describe(net: &mut Description) {
                net.push(Kind::Activation(stringify!($Name)));
            }
        }
    )*};
}
unfused!(Gelu, GeluTanh, HardSwish, Silu);
