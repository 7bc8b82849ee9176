//! Batch normalisation: PyTorch's values, folding, and what a batch that is not full leaves out.

use nerve::prelude::*;
use nerve::{Array, Fold, Layer, Mode, ParallelTrainer, Params, Same};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

// A module of its own, whose long lines are left as they were written.
#[rustfmt::skip]
#[path = "torch/batch_norm.rs"]
mod torch;

type Image = [[[f64; 2]; 4]; 3];
type Normed = BatchNorm<Conv2d<2, 3, 3, Linear, Same, f64>, Tanh, f64>;

/// Multiples of 1/16 in a fixed disorder, as `torch/batch_norm.py` makes them, and `more`.
fn fill(values: &mut [f64], factor: usize, more: f64) {
    for (i, v) in values.iter_mut().enumerate() {
        *v = ((i * factor + 5) % 37) as f64 / 16.0 - 18.0 / 16.0 + more;
    }
}

fn close(name: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < tolerance, "{name}: {found:?} is not {expected:?}");
    }
}

#[test]
fn it_has_pytorchs_values() {
    const CLOSE: f64 = 1e-11;
    let mut net = Normed::ZERO;
    let mut tensors = [(11, 0.0), (3, 0.0), (5, 2.0), (9, 0.0), (2, 0.0), (4, 2.0)].into_iter();
    net.visit_mut(&mut |tensor: &mut [f64]| {
        let (factor, more) = tensors.next().unwrap();
        fill(tensor, factor, more);
    });
    // A fourth example, of which nothing may be seen.
    let mut x = [Image::ZERO; 4];
    fill(Image::flatten_mut(&mut x[..3]), 7, 0.0);
    x[3] = [[[1e3; 2]; 4]; 3];
    let (mut acts, mut scratch) =
        (<Normed as Layer<Image>>::Acts::<4>::ZERO, <Normed as Layer<Image>>::Scratch::<4>::ZERO);
    let mut y = [[[[0.0; 3]; 4]; 3]; 4];
    let mode = Mode::Training { seed: 0, first_example: 0, examples: 3 };
    net.forward(&x, &mut acts, &mut y, mode);
    close("y", Array::flatten(&y[..3]), &torch::Y, CLOSE);

    let (mut dy, mut dx, mut grads) = (y, x, <Normed as Params<f64>>::Grads::ZERO);
    fill(Array::flatten_mut(&mut dy[..3]), 13, 0.0);
    dy[3].clear();
    net.backward(&x, &acts, &y, &mut dy, &mut scratch, Some(&mut dx), mode);
    net.gradients(&x, &acts, &y, &dy, &scratch, &mut grads, false);
    let (conv, scale) = &grads;
    close("dx", Image::flatten(&dx[..3]), &torch::DX, CLOSE);
    assert_eq!(dx[3], Image::ZERO);
    close("dw", conv.w.as_flattened().as_flattened().as_flattened(), &torch::DW, CLOSE);
    close("db", &conv.b, &[0.0; 3], CLOSE);
    close("dgamma", &scale.gamma, &torch::DGAMMA, CLOSE);
    close("dbeta", &scale.beta, &torch::DBETA, CLOSE);

    net.observe(&acts);
    close("running mean", &net.mean, &torch::MEAN, CLOSE);
    close("running variance", &net.variance, &torch::VARIANCE, CLOSE);
    net.forward(&x, &mut acts, &mut y, Mode::Inference);
    close("inference", Array::flatten(&y[..3]), &torch::INFERENCE, CLOSE);
}

type Signal = [[f64; 2]; 6];
type Trained = chain![
    BatchNorm<Conv1d<2, 4, 3, Linear, Same, f64>, Relu, f64>,
    Residual<chain![BatchNorm<Conv1d<4, 4, 3, Linear, Same, f64>, Linear, f64>, Relu]>,
    GlobalAvgPool,
    BatchNorm<Dense<4, 5, Linear, f64>, Tanh, f64>,
    Dense<5, 3, Linear, f64>
];
type Deployed = chain![
    Conv1d<2, 4, 3, Relu, Same, f64>,
    Residual<chain![Conv1d<4, 4, 3, Linear, Same, f64>, Relu]>,
    GlobalAvgPool,
    Dense<4, 5, Tanh, f64>,
    Dense<5, 3, Linear, f64>
];

/// Random signals with the number of the half in which they are larger, or 2.
fn signals(count: usize) -> Vec<(Signal, usize)> {
    let mut rng = Pcg32::seed_from_u64(3);
    (0..count)
        .map(|_| {
            let x: Signal = std::array::from_fn(|_| std::array::from_fn(|_| f64::from(rng.next_u32()) / 2f64.powi(31)));
            let half = |part: &[[f64; 2]]| part.as_flattened().iter().sum::<f64>();
            let difference = half(&x[..3]) - half(&x[3..]);
            (x, if difference > 1.0 { 0 } else { 1 + usize::from(difference < -1.0) })
        })
        .collect()
}

fn trained() -> Trained {
    let (data, mut net) = (signals(75), Trained::ZERO);
    net.init(Init::HeNormal, &mut Pcg32::seed_from_u64(1));
    let (mut trainer, mut adam) = (Trainer::<Trained, Signal, 8>::ZERO, Adam::new(0.01));
    let mut epoch =
        || trainer.epoch(&mut net, &mut adam, &CrossEntropy, data.iter().map(|(x, class)| (x, class))).unwrap();
    let first = epoch();
    let last = (0..60).map(|_| epoch()).last().unwrap();
    assert!(last < 0.5 * first, "{first} {last}");
    net
}

/// The network for the device gives the outputs of the trained one's inference.
#[test]
fn folding_keeps_the_outputs() {
    let net = trained();
    let mut deployed = Deployed::ZERO;
    net.fold_into(&mut deployed);
    let (mut arena, mut deployed_arena) =
        (Arena::<{ arena_len::<Trained, Signal>() }>::ZERO, Arena::<{ arena_len::<Deployed, Signal>() }>::ZERO);
    for (x, _) in &signals(100) {
        let (expected, found) = (*arena.predict(&net, x), deployed_arena.predict(&deployed, x));
        close("logits", found, &expected, 1e-12 * 30.0);
    }
}

/// Frozen, it computes as in inference and passes the derivative of that on.
#[test]
fn frozen_it_is_the_folded_layer() {
    type Frozen1 = chain![Dense<3, 4, Tanh, f64>, Frozen<BatchNorm<Dense<4, 3, Linear, f64>, Tanh, f64>>];
    type Frozen2 = chain![Dense<3, 4, Tanh, f64>, Frozen<Dense<4, 3, Tanh, f64>>];
    let mut rng = Pcg32::seed_from_u64(8);
    let mut net = Frozen1::ZERO;
    net.visit_mut(&mut |tensor: &mut [f64]| {
        tensor.iter_mut().for_each(|v| *v = 0.1 + f64::from(rng.next_u32()) / 2f64.powi(32))
    });
    let statistics = net.1.clone();
    let mut folded = Frozen2::ZERO;
    net.fold_into(&mut folded);
    let (x, targets) = ([[0.3, -0.2, 0.9], [1.0, 0.5, -0.7]], [1, 2]);
    let (mut trainer, mut plain) = (Trainer::<Frozen1, [f64; 3], 2>::ZERO, Trainer::<Frozen2, [f64; 3], 2>::ZERO);
    trainer.step(&mut net, &mut Sgd::new(0.5), &CrossEntropy, &x, &targets).unwrap();
    plain.step(&mut folded, &mut Sgd::new(0.5), &CrossEntropy, &x, &targets).unwrap();
    close("weights", net.0.w.as_flattened(), folded.0.w.as_flattened(), 1e-13);
    assert_eq!(net.1, statistics);
}

/// Every shard is shown, in order, with any number of threads.
#[test]
fn threads_do_not_change_a_bit() {
    let data = signals(75);
    let train = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut net = Trained::ZERO;
        net.init(Init::HeNormal, &mut Pcg32::seed_from_u64(1));
        pool.install(|| {
            let (mut trainer, mut adam) = (ParallelTrainer::<Trained, Signal, 8>::new(24), Adam::new(0.01));
            let examples = data.iter().map(|(x, class)| (x, class));
            trainer.epoch(&mut net, &mut adam, &CrossEntropy, examples).unwrap();
        });
        net
    };
    assert_eq!(train(1), train(3));
}
