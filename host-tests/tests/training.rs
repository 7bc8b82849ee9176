//! Batches, errors, and the memory of training.

use std::sync::Mutex;

use host_tests::same_bits;
use nerve::prelude::*;
use proptest::prelude::*;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

/// A batch of 32 and 32 batches of 1 give the same bits in logits, and in gradients as accumulated.
#[test]
fn the_batch_size_does_not_change_a_bit() {
    let mut words = Vec::new();
    same_bits::run(|word| words.push(word));
    let (rest, gradients) = words.split_at(words.len() - 2 * same_bits::GRADIENTS);
    let logits = &rest[rest.len() - 2 * same_bits::LOGITS..];
    assert_eq!(logits[..same_bits::LOGITS], logits[same_bits::LOGITS..]);
    assert_eq!(gradients[..same_bits::GRADIENTS], gradients[same_bits::GRADIENTS..]);
    assert!(words.iter().all(|word| f32::from_bits(*word).is_finite()));
    assert!(rest.iter().filter(|word| **word != 0).count() > rest.len() / 2);
}

macro_rules! shapes {
    ($($test:ident: $I:literal, $H:literal, $O:literal, $B:literal;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(8))]
            $(
                /// An example's output has the same bits in any batch, at odd shapes too.
                #[test]
                fn $test(seed: u64, scale in 0.01f32..100.0) {
                    type Net = chain![Dense<$I, $H, Tanh>, Dense<$H, $O, Sigmoid>];
                    let mut rng = Pcg32::seed_from_u64(seed);
                    let mut net = Net::ZERO;
                    net.init(Init::HeUniform, &mut rng);
                    let mut data = Dense::<$B, $I>::ZERO;
                    data.init(Init::HeNormal, &mut rng);
                    let x = data.w.map(|row| row.map(|v| v * scale));
                    let mut whole = Pass::<Net, [f32; $I], $B>::ZERO;
                    let mut single = Arena::<{ arena_len::<Net, [f32; $I]>() }>::ZERO;
                    for (x, y) in x.iter().zip(whole.run(&net, &x)) {
                        prop_assert_eq!(single.predict(&net, x).map(f32::to_bits), y.map(f32::to_bits));
                    }
                }
            )*
        }
    };
}
shapes! {
    shape_1_1_1: 1, 1, 1, 2;
    shape_3_17_5: 3, 17, 5, 7;
    shape_33_12_9: 33, 12, 9, 5;
    shape_70_65_13: 70, 65, 13, 6;
}

type Small = chain![Dense<2, 4, Relu>, Dense<4, 2>];

fn small() -> Small {
    let mut net = Small::ZERO;
    net.init(Init::HeUniform, &mut Pcg32::seed_from_u64(3));
    net
}

/// Bad input is an error before a weight changes, and training can go on after it.
#[test]
fn what_is_not_finite_changes_no_weight() {
    let mut net = small();
    let before = net.clone();
    let mut trainer = Trainer::<Small, [f32; 2]>::ZERO;
    let mut sgd = Sgd::new(0.1);
    for bad in [f32::NAN, f32::INFINITY, 3e38] {
        let result = trainer.step(&mut net, &mut sgd, &CrossEntropy, &[[bad, -bad]], &[0]);
        assert!(matches!(result, Err(TrainError::NonFiniteLoss | TrainError::NonFiniteGradient)), "{bad}: {result:?}");
        assert_eq!(net, before);
    }
    assert_eq!(
        trainer.step(&mut net, &mut sgd, &CrossEntropy, &[[1.0, 2.0]], &[2]),
        Err(TrainError::ClassOutOfRange { class: 2, classes: 2 })
    );
    assert_eq!(net, before);
    assert!(trainer.step(&mut net, &mut sgd, &CrossEntropy, &[[1.0, 2.0]], &[1]).unwrap().is_finite());
    assert_ne!(net, before);
}

/// The loss is finite and a gradient is not: x is huge, and the error signal above 1.
#[test]
fn a_gradient_that_overflows_is_an_error() {
    let mut net = Dense::<1, 1>::ZERO;
    let mut trainer = Trainer::<_, [f32; 1]>::ZERO;
    let result = trainer.step(&mut net, &mut Sgd::new(0.1), &Mse, &[[1e38]], &[[-100.0]]);
    assert_eq!((result, net), (Err(TrainError::NonFiniteGradient), Dense::ZERO));
    // Large gradients whose sum alone overflows are none.
    let mut net = Dense::<16, 1>::ZERO;
    let mut trainer = Trainer::<_, [f32; 16]>::ZERO;
    assert!(trainer.step(&mut net, &mut Sgd::new(1e-38), &Mse, &[[1.6e38; 16]], &[[-1.0]]).is_ok());
}

/// A step is refused if, and only if, one of its gradients is not finite. A wide layer tells by its inputs and derivatives.
#[test]
fn the_gradients_decide_whether_a_step_is_refused() {
    type Wide = chain![Dense<6, 5, Relu>, Dense<5, 4>];
    let mut rng = Pcg32::seed_from_u64(7);
    let mut fill = |values: &mut [f32]| {
        // From next to nothing to what can be multiplied no more.
        let size = 2f32.powi(rng.next_u32() as i32 % 120);
        values.iter_mut().for_each(|v| *v = (rng.next_u32() as f32 / 2f32.powi(31) - 1.0) * size);
    };
    let mut outcomes = [0; 2];
    for case in 0..2000 {
        let (mut net, mut x, mut target) = (Wide::ZERO, [[0.0; 6]], [[0.0; 4]]);
        net.visit_mut(&mut fill);
        fill(&mut x[0]);
        fill(&mut target[0]);
        let mut accumulator = Accumulator::<Wide, [f32; 6]>::ZERO;
        if accumulator.accumulate(&net, &Mae, &x, &target).is_err() {
            continue;
        }
        let mut finite = true;
        accumulator.gradients().visit(&mut |tensor: &[f32]| finite &= tensor.iter().all(|g| g.is_finite()));
        outcomes[usize::from(finite)] += 1;
        let before = net.clone();
        let mut trainer = Trainer::<Wide, [f32; 6]>::ZERO;
        let result = trainer.step(&mut net, &mut Sgd::new(1e-38), &Mae, &x, &target);
        assert_eq!(result.is_ok(), finite, "{case}: {result:?}");
        assert!(finite || net == before);
    }
    assert!(outcomes.iter().all(|count| *count > 20), "{outcomes:?}");
}

/// An epoch over a number of examples that the batch size does not divide: each counts once.
#[test]
fn an_epoch_takes_the_rest_too() {
    let data: Vec<([f32; 2], usize)> = (0..7).map(|i| ([i as f32 * 0.3, 1.0 - i as f32 * 0.2], i % 2)).collect();
    let (mut net, mut trainer) = (small(), Trainer::<Small, [f32; 2], 4>::ZERO);
    let examples = || data.iter().map(|(x, class)| (x, class));
    let mut seen = 0;
    let before = trainer.evaluate(&net, &CrossEntropy, examples(), |_, _| seen += 1).unwrap();
    assert_eq!(seen, 7);
    let mut by_hand = Accumulator::<Small, [f32; 2]>::ZERO;
    let mean: f32 =
        data.iter().map(|(x, class)| by_hand.accumulate(&net, &CrossEntropy, &[*x], &[*class]).unwrap()).sum::<f32>()
            / 7.0;
    assert!((before - mean).abs() < 1e-6);

    // Learning rate 0: the epoch's mean loss is that of the evaluation.
    let loss = trainer.epoch(&mut net, &mut Sgd::new(0.0), &CrossEntropy, examples()).unwrap();
    assert!((loss - before).abs() < 1e-6);
    let mut expected = small();
    for chunk in data.chunks(4) {
        let mut by_hand = Accumulator::<Small, [f32; 2]>::ZERO;
        for (x, class) in chunk {
            by_hand.accumulate(&expected, &CrossEntropy, &[*x], &[*class]).unwrap();
        }
        by_hand.apply(&mut expected, &mut Sgd::new(0.1)).unwrap();
    }
    let mut net = small();
    trainer.epoch(&mut net, &mut Sgd::new(0.1), &CrossEntropy, examples()).unwrap();
    assert_eq!(net, expected);
}

type Autoencoder =
    chain![Dense<784, 128, Sigmoid>, Dense<128, 9, Sigmoid>, Dense<9, 128, Sigmoid>, Dense<128, 784, Sigmoid>];
type Pixels = [f32; 784];
static NET: Mutex<Autoencoder> = Mutex::new(Autoencoder::ZERO);
static TRAINER: Mutex<Trainer<Autoencoder, Pixels, 8>> = Mutex::new(Trainer::ZERO);
static ADAM: Mutex<Adam<Autoencoder>> = Mutex::new(Adam::new(0.01));
static IMAGES: Mutex<[Pixels; 8]> = Mutex::new([[0.0; 784]; 8]);

/// Network and moments are 2.4 MB; none of it crosses the stack, in a debug build either.
#[test]
fn an_autoencoder_trains_in_256_kib_of_stack() {
    let training = std::thread::Builder::new().stack_size(256 * 1024).spawn(|| {
        let (mut net, mut trainer) = (NET.lock().unwrap(), TRAINER.lock().unwrap());
        let (mut adam, mut images) = (ADAM.lock().unwrap(), IMAGES.lock().unwrap());
        net.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(1));
        for (i, image) in images.iter_mut().enumerate() {
            for (j, pixel) in image.iter_mut().enumerate() {
                *pixel = if (j / 28 + i) % 8 < 3 { 0.9 } else { 0.1 };
            }
        }
        let mut losses = Vec::new();
        for _ in 0..60 {
            losses.push(trainer.step(&mut *net, &mut *adam, &Mse, &images, &images).unwrap());
        }
        let mut file = vec![0; weights::file_len::<f32, Autoencoder>()];
        weights::save(&*net, &mut file).unwrap();
        weights::load(&mut *net, &file).unwrap();
        losses
    });
    let losses = training.unwrap().join().unwrap();
    assert!(losses[59] < 0.5 * losses[0], "{losses:?}");
}

#[test]
fn no_examples_are_an_error() {
    let mut net = Dense::<2, 2>::ZERO;
    let mut trainer = Trainer::<_, [f32; 2]>::ZERO;
    let nothing: [([f32; 2], usize); 0] = [];
    let none = || nothing.iter().map(|(x, class)| (x, class));
    assert_eq!(trainer.epoch(&mut net, &mut Sgd::new(0.1), &CrossEntropy, none()), Err(TrainError::NoExamples));
    assert_eq!(trainer.evaluate(&net, &CrossEntropy, none(), |_, _| ()), Err(TrainError::NoExamples));
    let mut trainer = nerve::ParallelTrainer::<Dense<2, 2>, [f32; 2]>::new(8);
    assert_eq!(trainer.epoch(&mut net, &mut Sgd::new(0.1), &CrossEntropy, none()), Err(TrainError::NoExamples));
    assert_eq!(trainer.evaluate(&net, &CrossEntropy, none(), |_, _| ()), Err(TrainError::NoExamples));
}
