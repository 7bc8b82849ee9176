//! Weights from PyTorch: the networks of `torch/import.py` answer as they do there, and what does not fit is refused and named.

use std::collections::BTreeMap;
use std::path::Path;

use host_tests::same_bits::{self, Imported};
use nerve::prelude::*;
use nerve::pytorch::{self, ImportError};
use nerve::{Avg, Describe, Fold, Max, Pool, Same};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

#[path = "torch/import.rs"]
#[rustfmt::skip]
mod torch;

/// The files that `torch/import.py` has written.
macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("torch/import-", $name, ".safetensors"))
    };
}

type Image = [[[f32; 2]; 10]; 8];
type ImageNet = chain![
    BatchNorm<Conv2d<2, 3, 3>, Relu>,
    MaxPool2d<2, 4, 5>,
    DepthwiseConv2d<3, 3, Elu>,
    Conv2d<3, 4, 3, Sigmoid, To<2, 3, 2, 1>>,
    Dropout<30>,
    Flatten<24>,
    Dense<24, 6, Tanh>,
    Dense<6, 3>
];

type Signal = [[f32; 3]; 28];
type SignalNet = chain![
    BatchNorm<Conv1d<3, 4, 5, Linear, To1d<12, 2>>, LeakyRelu>,
    AvgPool1d<3, 4>,
    Flatten<16>,
    BatchNorm<Dense<16, 5>, Relu>,
    Dense<5, 3>
];

type ResidualNet =
    chain![Conv2d<2, 4, 3, Relu>, Residual<chain![Conv2d<4, 4, 3, Relu>, Conv2d<4, 4, 3>]>, GlobalAvgPool, Dense<4, 3>];

type Activations = chain![
    Conv2d<2, 3, 3>,
    PRelu<3>,
    DepthwiseConv2d<3, 3>,
    HardSwish,
    Conv2d<3, 4, 3, Linear, To<4, 5, 2, 1>>,
    Silu,
    Flatten<80>,
    PRelu<80>,
    Dense<80, 6>,
    Gelu,
    Dense<6, 6>,
    GeluTanh,
    Dense<6, 6, HardSigmoid>,
    Dense<6, 6, Relu6>,
    PRelu<1>,
    Dense<6, 6, HardTanh>,
    Dense<6, 3>
];

/// Of integers.
type Integers = [f32; 8];
type Layers = chain![Embedding<7, 5>, LayerNorm<5>, Flatten<40>, Dense<40, 6>, LayerNorm<6>, Dense<6, 3>];
type Decoder = chain![
    Conv2d<2, 4, 3, Relu, To<4, 5, 2, 1>>,
    ConvTranspose2d<4, 3, 4, To<8, 10, 2, 1>, Tanh>,
    ConvTranspose2d<3, 2, 3, To<8, 10, 1, 1>>,
    Flatten<160>,
    Dense<160, 3>
];

type Geometry = chain![
    Conv<2, 4, 3, 2, Relu, (To1d<4, 2, 2, 1, 0>, To1d<10, 1, 0, 1, 1>)>,
    Depthwise<4, 2, 3, Tanh, (To1d<3>, To1d<6, 1, 0, 2>)>,
    Pool<Max, 2, 3, (To1d<4, 1, 1>, To1d<3, 2, 1>)>,
    Pool<Avg, 3, 2, To<4, 4, 1, 1>>,
    Branches<Conv2d<4, 3, 1>, Conv<4, 2, 3, 1, Linear, (To1d<4, 1, 1>, To1d<4>)>, Concat<5>>,
    Flatten<80>,
    Dense<80, 3>
];

type Window = [[f32; 3]; 6];
type Remembering = chain![Lstm<3, 5>, Last, Dense<5, 4, Tanh>, Dense<4, 2>];
type Attentive = chain![
    Conv1d<3, 6, 3>,
    Residual<chain![LayerNorm<6>, Attention<6, 3>]>,
    Attention<6>,
    Last,
    Dense<6, 3>
];
type Recurrent = chain![Gru<3, 5>, Last, Dense<5, 4, Tanh>, Dense<4, 2>];

/// Multiples of 1/16 in a fixed disorder, as `torch/import.py` makes them.
fn input<X: nerve::Tensor<Elem = f32>>() -> X {
    let mut x = X::ZERO;
    for (i, v) in x.flat_mut().iter_mut().enumerate() {
        *v = ((i * 7 + 5) % 37) as f32 / 16.0 - 18.0 / 16.0;
    }
    x
}

/// Reads `file`, puts the weights through a weights file as for a device, and compares the logits.
fn answers<X, N, const O: usize>(file: &[u8], modules: &[&str], expected: [f32; O])
where
    X: nerve::Tensor<Elem = f32>,
    N: Describe<X> + nerve::Layer<X, Out = [f32; O]> + Zero,
{
    answers_to::<X, N, O>(input(), file, modules, expected);
}

fn answers_to<X, N, const O: usize>(x: X, file: &[u8], modules: &[&str], expected: [f32; O])
where
    X: nerve::Tensor<Elem = f32>,
    N: Describe<X> + nerve::Layer<X, Out = [f32; O]> + Zero,
{
    let (mut net, mut device) = (Box::new(N::ZERO), Box::new(N::ZERO));
    pytorch::load_named::<X, N>(&mut net, file, modules).unwrap();
    let mut buffer = vec![0; weights::file_len::<f32, N>()];
    weights::load(&mut *device, weights::save(&*net, &mut buffer).unwrap()).unwrap();
    let mut pass = Box::new(Pass::<N, X>::ZERO);
    let [logits] = pass.run(&device, &[x]);
    for (a, b) in logits.iter().zip(&expected) {
        assert!((a - b).abs() < 1e-6, "{logits:?} is not PyTorch's {expected:?}");
    }
}

#[test]
fn logits_are_pytorchs() {
    answers::<Image, ImageNet, 3>(file!("image"), &[], torch::IMAGE);
    answers::<Signal, SignalNet, 3>(file!("signal"), &[], torch::SIGNAL);
    answers::<Image, ResidualNet, 3>(file!("residual"), &[], torch::RESIDUAL);
    answers::<Image, Activations, 3>(file!("activations"), &[], torch::ACTIVATIONS);
    answers::<Window, Recurrent, 2>(file!("recurrent"), &["recurrent", "head"], torch::RECURRENT);
    answers::<Window, Remembering, 2>(file!("lstm"), &["recurrent", "head"], torch::LSTM);
    answers::<Window, Recurrent, 2>(file!("halves"), &["recurrent", "head"], torch::HALVES);
    answers_to::<Integers, Layers, 3>([0.0, 3.0, 6.0, 1.0, 5.0, 2.0, 4.0, 6.0], file!("layers"), &[], torch::LAYERS);
    let modules = ["before", "norm", "attention", "last", "head"];
    answers::<Window, Attentive, 3>(file!("attention"), &modules, torch::ATTENTION);
    answers::<Image, Decoder, 3>(file!("decoder"), &[], torch::DECODER);
    answers::<Image, Geometry, 3>(file!("geometry"), &["1", "3", "7.left", "7.right", "9"], torch::GEOMETRY);
}

#[test]
fn halves_are_converted_with_a_word() {
    let mut net = Recurrent::ZERO;
    let loaded = pytorch::load_named::<Window, _>(&mut net, file!("halves"), &["recurrent", "head"]).unwrap();
    assert_eq!(loaded.converted.len(), 8);
    assert!(loaded.to_string().starts_with("8 tensors of half precision"), "{loaded}");
    let loaded = pytorch::load_named::<Window, _>(&mut net, file!("recurrent"), &["recurrent", "head"]).unwrap();
    assert_eq!(loaded.to_string(), "all tensors have the network's type");
}

/// `cargo xtask test` compares these logits' bits with those of every emulated device.
#[test]
fn the_device_has_pytorchs_logits() {
    let mut net = Box::new(ImageNet::ZERO);
    pytorch::load::<Image, _>(&mut *net, file!("image")).unwrap();
    let mut deployed = Box::new(Imported::ZERO);
    net.fold_into(&mut deployed);
    let mut buffer = vec![0; weights::file_len::<f32, Imported>()];
    let file = weights::save(&*deployed, &mut buffer).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torch/import-image.nrv");
    if std::fs::read(&path).unwrap_or_default() != file {
        std::fs::write(&path, file).unwrap();
        panic!("{} was out of date and has been written anew: test again", path.display());
    }
    let logits = same_bits::imported();
    for (a, b) in logits.iter().zip(&torch::IMAGE) {
        assert!((a - b).abs() < 1e-6, "{logits:?} is not PyTorch's {:?}", torch::IMAGE);
    }
}

type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// What the image's file becomes by a change.
fn changed(change: impl FnOnce(&mut Tensors)) -> Vec<u8> {
    let file = SafeTensors::deserialize(file!("image")).unwrap();
    let mut tensors: Tensors = file
        .iter()
        .map(|(name, view)| (name.to_string(), (view.dtype(), view.shape().to_vec(), view.data().to_vec())))
        .collect();
    change(&mut tensors);
    let views = tensors
        .iter()
        .map(|(name, (dtype, shape, data))| (name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
    serialize(views, None).unwrap()
}

/// The error's message; the network must be as it was.
fn refused<X: nerve::Tensor<Elem = f32>, N: Describe<X> + Zero + PartialEq + Clone>(
    file: &[u8],
    modules: &[&str],
) -> (ImportError, String) {
    let mut net = Box::new(N::ZERO);
    net.visit_mut(&mut |tensor| tensor.fill(7.0));
    let before = net.clone();
    let error = pytorch::load_named::<X, N>(&mut net, file, modules).unwrap_err();
    assert!(net == before, "{error}: the network has changed");
    (error.clone(), error.to_string())
}

#[test]
fn what_does_not_fit_is_named_and_changes_nothing() {
    let image = |change: fn(&mut Tensors)| refused::<Image, ImageNet>(&changed(change), &[]).1;
    assert_eq!(
        image(|file| drop(file.remove("10.bias"))),
        "tensor `10.bias` of shape [6] is missing, which Dense<24, 6> needs"
    );
    assert_eq!(
        image(|file| file.retain(|name, _| !name.starts_with("12."))),
        "tensor `weight` of shape [3, 6] is missing, which Dense<6, 3> needs"
    );
    assert_eq!(
        image(|file| drop(file.insert("13.weight".into(), (Dtype::F32, vec![1], vec![0; 4])))),
        "tensor `13.weight` belongs to no layer of the network"
    );
    assert_eq!(
        image(|file| drop(file.insert("4.gain".into(), (Dtype::F32, vec![1], vec![0; 4])))),
        "tensor `4.gain` belongs to no layer of the network"
    );
    assert_eq!(
        image(|file| file.get_mut("10.weight").unwrap().1 = vec![24, 6]),
        "tensor `10.weight` has shape [24, 6] and Dense<24, 6> needs [6, 24]"
    );
    assert_eq!(
        image(|file| *file.get_mut("6.weight").unwrap() = (Dtype::I64, vec![4, 3, 3, 3], vec![0; 864])),
        "tensor `6.weight` is of type I64 and the network of F32: convert the model with .float() or .double()"
    );
    assert_eq!(
        image(|file| file.get_mut("12.weight").unwrap().2[..4].copy_from_slice(&f32::NAN.to_le_bytes())),
        "tensor `12.weight` has a value that is infinite or NaN"
    );

    let file = file!("image");
    for length in [0, 7, 8, 100, file.len() - 1] {
        assert!(matches!(refused::<Image, ImageNet>(&file[..length], &[]).0, ImportError::File(_)), "{length} bytes");
    }
    assert_eq!(
        refused::<Window, Remembering>(file!("recurrent"), &["recurrent", "head"]).1,
        "tensor `recurrent.weight_ih_l0` has shape [15, 3] and Lstm<3, 5> needs [20, 3]"
    );
    let recurrent = |modules| refused::<Window, Recurrent>(file!("recurrent"), modules).1;
    assert_eq!(
        recurrent(&[]),
        "the names do not tell the order of the modules head.0, head.2, recurrent: list them with `load_named`"
    );
    assert_eq!(recurrent(&["recurrent", "haed"]), "the file has no tensor of a module `haed`");
    assert_eq!(
        recurrent(&["head", "recurrent"]),
        "tensor `head.0.weight_ih_l0` of shape [15, 3] is missing, which Gru<3, 5> needs"
    );
    assert_eq!(recurrent(&["recurrent"]), "tensor `weight` of shape [4, 5] is missing, which Dense<5, 4> needs");
}

#[test]
fn a_network_that_pytorch_cannot_have_is_refused() {
    type Net = chain![Conv2d<2, 4, 3, Relu, Same>, Flatten<320>, Residual<Dense<320, 320>>];
    let mut net = Box::new(Net::ZERO);
    let error = pytorch::load::<Image, Net>(&mut net, file!("image")).unwrap_err();
    assert!(matches!(error, ImportError::Unsupported(_)), "{error}");
}
