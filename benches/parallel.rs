//! A step of training on one thread, always on all threads, and as [`ParallelTrainer`] chooses: `cargo bench --features rayon --bench parallel`.
//!
//! Prints the median time of each way, taken by turns.

use std::hint::black_box;
use std::time::{Duration, Instant};

use nerve::optim::Descent;
use nerve::prelude::*;
use nerve::{Layer, Optimizer, ParallelTrainer, Tensor};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::networks::{Image, Tiny};

#[path = "../examples/cnn/networks.rs"]
#[allow(dead_code, reason = "not all of its networks are timed here")]
mod networks;

type Iris = chain![Dense<4, 10, Sigmoid>, Dense<10, 3>];
type Mnist = chain![Dense<784, 100, Sigmoid>, Dense<100, 10>];

/// Examples in a shard of a batch, as the trainer has them.
const SHARD: usize = 16;
const BATCHES: [usize; 4] = [32, 64, 128, 512];
/// Steps of each way in a turn.
const STEPS: usize = 20;
const TIME: Duration = Duration::from_secs(2);

fn main() {
    println!(
        "| network | batch | one thread, µs | all threads, µs | the trainer's choice, µs | choice / the better of both |"
    );
    println!("|---|---|---|---|---|---|");
    network::<Iris, _, 3>("Iris 4-10-3");
    network::<Mnist, _, 10>("784-100-10");
    network::<Tiny, Image, 10>("tiny CNN");
}

fn network<N, X, const O: usize>(name: &str)
where
    N: Layer<X, Out = [f32; O]> + Zero,
    X: Tensor<Elem = f32>,
{
    for batch in BATCHES {
        let mut rng = Pcg32::seed_from_u64(1);
        let mut net = Box::new(N::ZERO);
        net.init(Init::GlorotUniform, &mut rng);
        let mut x = vec![X::ZERO; batch];
        x.iter_mut().flat_map(X::flat_mut).for_each(|v| *v = rng.next_u32() as f32 / 2f32.powi(31) - 1.0);
        let examples: Vec<_> = x.into_iter().enumerate().map(|(at, x)| (x, at % O)).collect();

        let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let pools: [ThreadPool; 2] = [pool(1), pool(0)];
        let mut trainers = [(); 2].map(|()| ParallelTrainer::<N, X, SHARD>::new(batch));
        let mut shards: Vec<_> = (0..batch / SHARD).map(|_| Box::new(Accumulator::<N, X, SHARD>::ZERO)).collect();
        let mut sgd = Sgd::new(1e-6);
        let mut chosen = |way: usize| {
            pools[way].install(|| {
                let examples = black_box(&examples).iter().map(|(x, class)| (x, class));
                trainers[way].epoch(&mut *net, &mut sgd, &CrossEntropy, examples).expect("finite")
            })
        };
        let mut always = Always { net: Box::new(N::ZERO), sum: Box::new(Zero::ZERO) };
        let mut of_all = || pools[1].install(|| always.step(&mut shards, &examples));

        let (mut times, start) = ([const { Vec::new() }; 3], Instant::now());
        while start.elapsed() < TIME {
            for (way, times) in times.iter_mut().enumerate() {
                for _ in 0..STEPS {
                    let start = Instant::now();
                    match way {
                        0 => black_box(chosen(0)),
                        1 => black_box(of_all()),
                        _ => black_box(chosen(1)),
                    };
                    times.push(start.elapsed().as_secs_f64() * 1e6);
                }
            }
        }
        let [one, all, chosen] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        println!("| {name} | {batch} | {one:.1} | {all:.1} | {chosen:.1} | {:.2} |", chosen / one.min(all));
    }
}

/// The same work, by hand, on all threads whether that is worth it or not.
struct Always<N: Params<f32>> {
    net: Box<N>,
    sum: Box<N::Grads>,
}

impl<N: Params<f32>> Always<N> {
    fn step<X, const O: usize>(&mut self, shards: &mut [Box<Accumulator<N, X, SHARD>>], examples: &[(X, usize)]) -> f32
    where
        X: Tensor<Elem = f32>,
        N: Layer<X, Out = [f32; O]> + Sync,
    {
        let net = &*self.net;
        let work = shards.par_iter_mut().zip(examples.par_chunks_exact(SHARD));
        let losses = work.map(|(accumulator, shard)| {
            let x = std::array::from_fn::<X, SHARD, _>(|at| shard[at].0);
            let classes = std::array::from_fn(|at| shard[at].1);
            accumulator.accumulate(net, &CrossEntropy, &x, &classes).expect("finite")
        });
        let loss = losses.sum();
        self.sum.clear();
        for shard in shards.iter_mut() {
            self.net.zip(shard.gradients_mut(), [&mut self.sum], &mut |_, from, [to]| {
                to.iter_mut().zip(&*from).for_each(|(to, from)| *to += *from);
            });
            // Forgets what was accumulated.
            shard.apply(&mut self.net, &mut Nothing).expect("finite");
        }
        Sgd::new(1e-6).step(&mut (&mut *self.net, &mut *self.sum), 1.0 / examples.len() as f32);
        loss
    }
}

/// An optimizer that changes nothing.
struct Nothing;

impl<N: Params<f32>> Optimizer<N, f32> for Nothing {
    fn step(&mut self, _: &mut impl Descent<N, f32>, _: f32) {}
    fn set_learning_rate(&mut self, _: f32) {}
}
