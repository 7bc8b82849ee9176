//! Inference and training steps on the host: `cargo bench`, or `cargo bench -- iris` for some of them.
//!
//! Criterion compares with the run before and says whether a change is more than noise. Examples a second stand beside the time.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nerve::prelude::*;
use nerve::{Layer, Optimizer, Tensor};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

use crate::networks::{Image, Tiny};

#[path = "../examples/cnn/networks.rs"]
#[allow(dead_code, reason = "not all of its networks are timed here")]
mod networks;

type Iris = chain![Dense<4, 10, Sigmoid>, Dense<10, 3>];
type Mnist = chain![Dense<784, 100, Sigmoid>, Dense<100, 10>];

/// Times the forward pass and a step of `optimizer` with batches of `B` examples.
fn network<N, X, const B: usize, const O: usize>(
    group: &mut BenchmarkGroup<WallTime>,
    name: &str,
    mut optimizer: impl Optimizer<N, f32>,
) where
    N: Layer<X, Out = [f32; O]> + Zero,
    X: Tensor<Elem = f32> + Zero,
{
    let mut rng = Pcg32::seed_from_u64(1);
    let mut net = Box::new(N::ZERO);
    net.init(Init::GlorotUniform, &mut rng);
    let mut x = Box::new([X::ZERO; B]);
    for value in X::flatten_mut(&mut *x) {
        *value = rng.next_u32() as f32 / 2f32.powi(31) - 1.0;
    }
    let classes: [usize; B] = std::array::from_fn(|example| example % O);

    group.throughput(Throughput::Elements(B as u64));
    let mut pass = Box::new(Pass::<N, X, B>::ZERO);
    group.bench_function(BenchmarkId::new("forward", B), |bencher| {
        bencher.iter(|| {
            black_box(pass.run(&net, black_box(&x)));
        });
    });
    let mut trainer = Box::new(Trainer::<N, X, B>::ZERO);
    group.bench_function(BenchmarkId::new(name, B), |bencher| {
        bencher.iter(|| trainer.step(&mut net, &mut optimizer, &CrossEntropy, black_box(&x), &classes).unwrap());
    });
}

fn iris(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("iris 4-10-3");
    network::<Iris, _, 1, 3>(&mut group, "SGD step", Sgd::new(0.01));
    network::<Iris, _, 16, 3>(&mut group, "Adam step", Adam::new(0.001));
}

fn mnist(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mnist 784-100-10");
    network::<Mnist, _, 1, 10>(&mut group, "SGD step", Sgd::new(0.01));
    network::<Mnist, _, 32, 10>(&mut group, "SGD step", Sgd::new(0.01));
    network::<Mnist, _, 128, 10>(&mut group, "Adam step", Adam::new(0.001));
}

fn tiny_cnn(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tiny cnn");
    network::<Tiny, Image, 1, 10>(&mut group, "SGD step", Sgd::new(0.01));
    network::<Tiny, Image, 64, 10>(&mut group, "Adam step", Adam::new(0.001));
}

criterion_group!(benches, iris, mnist, tiny_cnn);
criterion_main!(benches);
