//! What a network is called elsewhere: its layers as modules of PyTorch and nodes of ONNX, and where each of their parameters lies.

use core::fmt;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::kernels::Axis;
use crate::layers::{
    Activation, Affine, Around, BatchNorm, Branches, Concat, Conv, Dense, Depthwise, Dropout, Elu, Flatten, Forward,
    Frozen, GlobalAvgPool, Gru, JoinBackward, Last, Layer, LeakyRelu, Linear, Lstm, OnImage, OnSignal, Pool, Pooling,
    Relu, Sigmoid, Softmax, Standardize, Sum, Tanh,
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
    Standardize,
    Linear,
    Conv {
        axes: Vec<Axis>,
        groups: usize,
    },
    BatchNorm,
    Pool {
        name: &'static str,
        axes: Vec<Axis>,
    },
    GlobalAvgPool,
    Activation(&'static str),
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
        const KNOWN: [&str; 7] = ["Linear", "Sigmoid", "Tanh", "Relu", "LeakyRelu", "Elu", "Softmax"];
        if !KNOWN.contains(&name) {
            self.refuse(format!("the activation {name}, which neither PyTorch nor ONNX has under this name"));
        }
        if name != "Linear" {
            self.push(Kind::Activation(name));
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
        net.push(Kind::Standardize);
        net.parameter("mean", &[N], |index| row[index[0]]);
        net.parameter("inverse_deviation", &[N], |index| N + row[index[0]]);
        net.finish::<[T; N]>(2 * N);
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

macro_rules! activations {
    ($($Name:ident),*) => {$(
        impl<X: Tensor> Describe<X> for $Name {
            fn describe(net: &mut Description) {
                net.activation(<$Name as Activation>::NAME);
            }
        }
    )*};
}
activations!(Elu, LeakyRelu, Linear, Relu, Sigmoid, Tanh);

impl<X: Tensor> Describe<X> for Softmax {
    fn describe(net: &mut Description) {
        if net.shape.len() != 1 {
            net.refuse("a Softmax over an image or signal as a whole: put a Flatten before it".into());
        }
        net.activation(<Softmax as Activation>::NAME);
    }
}
