//! Training with any number of threads gives the same bits.

use nerve::ParallelTrainer;
use nerve::augment::{self, augmented};
use nerve::prelude::*;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

type Input = [f32; 7];
type Net = chain![Standardize<7>, Dense<7, 13, Tanh>, Dropout<25>, Dense<13, 3>];

fn data() -> Vec<(Input, usize)> {
    let mut rng = Pcg32::seed_from_u64(5);
    (0..203)
        .map(|_| {
            let x: Input = std::array::from_fn(|_| (rng.next_u32() >> 8) as f32 / 65536.0);
            (x, if x[0] > x[1] { 0 } else { 1 + usize::from(x[2] > x[3]) })
        })
        .collect()
}

fn net(data: &[(Input, usize)]) -> Net {
    let mut net = Net::ZERO;
    net.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(9));
    net.0.0.0.fit(data.iter().map(|(x, _)| x));
    net
}

/// Three epochs of batches of 50, in shards of 16, the last one ragged; returns the weights and the losses.
fn train(threads: usize) -> (Net, Vec<f32>) {
    let data = data();
    let mut net = net(&data);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let losses = pool.install(|| {
        let mut trainer = ParallelTrainer::<Net, Input>::new(50);
        trainer.set_seed(3);
        trainer.clip = Clip::Norm(1.0);
        let mut adam = Adam::new(0.01);
        let examples = || data.iter().map(|(x, class)| (x, class));
        let mut losses = Vec::new();
        for _ in 0..3 {
            losses.push(trainer.epoch(&mut net, &mut adam, &CrossEntropy, examples()).unwrap());
            let mut classes = Vec::new();
            losses.push(trainer.evaluate(&net, &CrossEntropy, examples(), |_, class| classes.push(*class)).unwrap());
            assert!(classes.iter().eq(data.iter().map(|(_, class)| class)), "shown in order");
        }
        losses
    });
    (net, losses)
}

#[test]
fn threads_do_not_change_a_bit() {
    let one = train(1);
    assert!(one.1[5] < one.1[1], "it learns: {:?}", one.1);
    for threads in [2, 3, 5] {
        assert_eq!(train(threads), one, "{threads} threads");
    }
}

/// Inputs that are made as they are asked for.
#[test]
fn augmented_examples_are_the_same_for_any_number_of_threads() {
    let (data, train) = (data(), |threads: usize| {
        let data = data();
        let mut net = net(&data);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut trainer = ParallelTrainer::<Net, Input>::new(50);
            let mut rng = Pcg32::seed_from_u64(4);
            for _ in 0..2 {
                let examples = data.iter().map(|(x, class)| (x, class));
                let examples = augmented(examples, &mut rng, |x, rng| augment::noise(x, 0.1, rng));
                trainer.epoch(&mut net, &mut Sgd::new(0.1), &CrossEntropy, examples).unwrap();
            }
        });
        net
    });
    let one = train(1);
    assert_ne!(one, net(&data));
    assert_eq!(train(3), one);
}

#[test]
fn a_batch_of_one_shard_has_the_bits_of_a_trainer() {
    let data = data();
    let (mut a, mut b) = (net(&data), net(&data));
    let mut parallel = ParallelTrainer::<Net, Input, 8>::new(8);
    let mut single = Trainer::<Net, Input, 8>::ZERO;
    let examples = || data.iter().map(|(x, class)| (x, class));
    let parallel_loss = parallel.epoch(&mut a, &mut Sgd::new(0.1), &CrossEntropy, examples()).unwrap();
    let single_loss = single.epoch(&mut b, &mut Sgd::new(0.1), &CrossEntropy, examples()).unwrap();
    assert_eq!(a, b);
    assert!((parallel_loss - single_loss).abs() < 1e-6);
}

#[test]
fn several_shards_agree_with_one_batch_but_for_rounding() {
    type Plain = chain![Dense<7, 13, Tanh>, Dense<13, 3>];
    let data = data();
    let mut a = Plain::ZERO;
    a.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(9));
    let mut b = a.clone();
    let examples = || data.iter().map(|(x, class)| (x, class));
    ParallelTrainer::<Plain, Input, 4>::new(32).epoch(&mut a, &mut Sgd::new(0.01), &CrossEntropy, examples()).unwrap();
    let mut single = Trainer::<Plain, Input, 32>::ZERO;
    single.epoch(&mut b, &mut Sgd::new(0.01), &CrossEntropy, examples()).unwrap();
    let mut expected = Vec::new();
    b.visit(&mut |tensor: &[f32]| expected.extend_from_slice(tensor));
    let mut expected = expected.iter();
    a.visit(&mut |tensor: &[f32]| {
        for (a, b) in tensor.iter().zip(&mut expected) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    });
}

#[test]
fn an_error_in_any_shard_changes_no_weight() {
    let mut data = data();
    let before = net(&data);
    data[40].1 = 3;
    let mut net = before.clone();
    let mut trainer = ParallelTrainer::<Net, Input>::new(203);
    let examples = data.iter().map(|(x, class)| (x, class));
    let result = trainer.epoch(&mut net, &mut Sgd::new(0.1), &CrossEntropy, examples);
    assert_eq!(result, Err(TrainError::ClassOutOfRange { class: 3, classes: 3 }));
    assert_eq!(net, before);
}
