//! Steps along gradients that are held nowhere, beside the same steps along stored ones: the same weights, bit for bit.

use nerve::optim::{AdamW, Ema, Nesterov, RmsProp};
use nerve::prelude::*;
use nerve::{Clip, Layer, Loss, Rounded, Tensor};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

const STEPS: usize = 3;

fn random(values: &mut [f32], rng: &mut Pcg32) {
    values.iter_mut().for_each(|v| *v = rng.next_u32() as f32 / 2f32.powi(31) - 1.0);
}

fn bits(tensors: &impl Tensors<f32>) -> Vec<u32> {
    let mut bits = vec![];
    tensors.visit(&mut |tensor: &[f32]| bits.extend(tensor.iter().map(|w| w.to_bits())));
    bits
}

/// The same weights and moments after some steps either way, and none after a sample that is not a number.
fn agree<N, X, O, const B: usize>(name: &str, optimizer: fn() -> O)
where
    N: Layer<X> + Zero,
    X: Tensor<Elem = f32> + Copy,
    Mse: Loss<N::Out, N::Out>,
    O: Optimizer<N, f32> + Tensors<f32>,
{
    assert!(size_of::<<N as Params<f32>>::Grads>() > 512, "{name}: fewer are computed all at once");
    // Norms and values above the limits, and below them.
    for clip in [Clip::Off, Clip::Norm(1e-3), Clip::Norm(1e3), Clip::Value(1e-3)] {
        let mut rng = Pcg32::seed_from_u64(3);
        let (mut computed, mut stored) = (Box::new(N::ZERO), Box::new(N::ZERO));
        computed.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(1));
        stored.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(1));
        let before = bits(&*computed);
        let mut trainer = Box::new(Trainer::<N, X, B>::ZERO);
        let mut accumulator = Box::new(Accumulator::<N, X, B>::ZERO);
        (trainer.clip, accumulator.trainer.clip) = (clip, clip);
        let [mut of_computed, mut of_stored] = [optimizer(), optimizer()].map(Box::new);
        for _ in 0..STEPS {
            let (mut x, mut target) = ([X::ZERO; B], [<N::Out as Zero>::ZERO; B]);
            random(X::flatten_mut(&mut x), &mut rng);
            random(<N::Out as nerve::Array>::flatten_mut(&mut target), &mut rng);
            trainer.step(&mut computed, &mut *of_computed, &Mse, &x, &target).unwrap();
            accumulator.accumulate(&stored, &Mse, &x, &target).unwrap();
            accumulator.apply(&mut stored, &mut *of_stored).unwrap();
        }
        let learned = [bits(&*computed), bits(&*of_computed)];
        assert_eq!(learned, [bits(&*stored), bits(&*of_stored)], "{name}, {B}, {clip:?}");
        assert_ne!(learned[0], before, "{name}");

        let (mut x, mut target) = ([X::ZERO; B], [<N::Out as Zero>::ZERO; B]);
        X::flatten_mut(&mut x)[0] = f32::NAN;
        <N::Out as nerve::Array>::flatten_mut(&mut target)[0] = f32::NAN;
        let refused = trainer.step(&mut computed, &mut *of_computed, &Mse, &x, &target);
        assert!(refused.is_err(), "{name}");
        assert_eq!(learned, [bits(&*computed), bits(&*of_computed)], "{name}");
    }
}

fn with_adam<N: Layer<X> + Zero, X: Tensor<Elem = f32> + Copy>(name: &str)
where
    Mse: Loss<N::Out, N::Out>,
{
    agree::<N, X, _, 1>(name, || Adam::<N>::new(0.01));
    agree::<N, X, _, 3>(name, || Adam::<N>::new(0.01));
}

#[test]
fn every_layer() {
    // More rows than lie on the stack at a time, and a rest; rows of a few.
    with_adam::<chain![Dense<11, 13, Tanh>, Dense<13, 5>, Dense<5, 2, Sigmoid>], [f32; 11]>("dense");
    with_adam::<
        chain![Conv2d<2, 3, 3, Tanh>, Conv2d<3, 4, 2, Relu, To<3, 2, 2>>, Flatten<24>, Dense<24, 2>],
        [[[f32; 2]; 5]; 6],
    >("images");
    // Of a row of a kernel, more than lies on the stack at a time.
    with_adam::<Conv2d<24, 64, 3, Tanh, To<3, 3, 2, 1>>, [[[f32; 24]; 6]; 5]>("wide images");
    with_adam::<Conv1d<24, 64, 3, Tanh, To1d<9, 1, 1, 2>>, [[f32; 24]; 11]>("wide signals");
    with_adam::<chain![Conv1d<2, 24, 3, Tanh, To1d<6, 1, 1, 2>>, GlobalAvgPool, Dense<24, 2>], [[f32; 2]; 8]>(
        "signals",
    );
    with_adam::<chain![DepthwiseConv2d<8, 3, Tanh>, ConvTranspose2d<8, 8, 2, To<6, 6, 2, 0>>], [[[f32; 8]; 3]; 3]>(
        "others",
    );
    with_adam::<chain![BatchNorm<Conv2d<1, 16, 3>, Tanh>, LayerNorm<16>, PRelu<16>, ScaleShift<16>], [[[f32; 1]; 4]; 4]>(
        "normalisations",
    );
    with_adam::<chain![Gru<2, 5>, Lstm<5, 3>, Last, Dense<3, 2>], [[f32; 2]; 6]>("recurrent");
    with_adam::<chain![Embedding<50, 3>, Flatten<12>, Dense<12, 2>], [f32; 4]>("embedding");
    with_adam::<
        chain![
            Residual<chain![Dense<8, 8, Tanh>, Frozen<Dense<8, 8>>]>,
            Branches<Dense<8, 6>, Dense<8, 5>, Concat<11>>
        ],
        [f32; 8],
    >("paths");
    with_adam::<Rounded<chain![Dense<7, 16, Relu>, Dense<16, 2>]>, [f32; 7]>("rounded");
}

#[test]
fn every_optimizer() {
    type Net = chain![Conv2d<1, 2, 3, Relu>, Flatten<32>, Dense<32, 4>];
    type Image = [[[f32; 1]; 4]; 4];
    agree::<Net, Image, _, 1>("SGD", || Sgd { learning_rate: 0.1, weight_decay: 0.01 });
    agree::<Net, Image, _, 2>("momentum", || Momentum::<Net>::new(0.1, 0.9));
    agree::<Net, Image, _, 1>("Nesterov", || Nesterov::<Net>::new(0.1, 0.9));
    agree::<Net, Image, _, 1>("RMSprop", || RmsProp::<Net>::new(0.01));
    agree::<Net, Image, _, 1>("AdamW", || AdamW::<Net>::new(0.01));
    agree::<Net, Image, _, 1>("average", || Ema::<_, Net>::new(Sgd::new(0.1), 0.9));
}

/// What does not hold gradients does not take their memory.
#[test]
fn a_trainer_is_smaller_by_the_gradients() {
    type Net = chain![Dense<20, 30, Relu>, Dense<30, 4>];
    let difference = size_of::<Accumulator<Net, [f32; 20]>>() - size_of::<Trainer<Net, [f32; 20]>>();
    assert!((size_of::<Net>()..size_of::<Net>() + 16).contains(&difference), "{difference}");
}
