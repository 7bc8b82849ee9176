//! Policies of learning on a device: replay against forgetting, a guard that takes bad training back, frozen layers.

use nerve::prelude::*;
use nerve::quant::{Dequantize, Integer};
use nerve::{Fixed, Guard, Replay};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

type Input = [f32; 2];
type Net = chain![Dense<2, 8, Tanh>, Dense<8, 2>];

/// Points about two centres, one for each class; the centres of a `world` lie elsewhere than another's.
fn points(world: usize, count: usize, rng: &mut Pcg32) -> Vec<(Input, usize)> {
    const CENTRES: [[Input; 2]; 2] = [[[-1.0, -1.0], [-1.0, 1.0]], [[1.0, 1.0], [1.0, -1.0]]];
    (0..count)
        .map(|i| {
            let class = i % 2;
            (CENTRES[world][class].map(|v| v + 0.4 * (rng.next_u32() as f32 / 2f32.powi(31) - 1.0)), class)
        })
        .collect()
}

fn accuracy(net: &Net, examples: &[(Input, usize)]) -> f32 {
    let (mut arena, mut confusion) = (Arena::<{ arena_len::<Net, Input>() }>::ZERO, Confusion::<2>::default());
    examples.iter().for_each(|(x, class)| confusion.add(*class, argmax(arena.predict(net, x))));
    confusion.accuracy()
}

/// Trains in one world, then in the other; returns the accuracies there and in the first after it.
fn two_worlds(seed: u64, replay: bool) -> (f32, f32) {
    let mut rng = Pcg32::seed_from_u64(seed);
    let (first, second, held_out) = (points(0, 60, &mut rng), points(1, 60, &mut rng), points(0, 200, &mut rng));
    let mut net = Net::ZERO;
    net.init(Init::GlorotUniform, &mut rng);
    let (mut trainer, mut sgd) = (Trainer::<Net, Input>::ZERO, Sgd::new(0.1));
    let mut kept = Replay::<Input, 16, 2>::new();
    for _ in 0..10 {
        trainer.epoch(&mut net, &mut sgd, &CrossEntropy, first.iter().map(|(x, class)| (x, class))).unwrap();
    }
    first.iter().for_each(|(x, class)| kept.insert(*x, *class, &mut rng).unwrap());
    assert!(accuracy(&net, &held_out) > 0.95);
    for _ in 0..10 {
        for (x, class) in &second {
            trainer.step(&mut net, &mut sgd, &CrossEntropy, &[*x], &[*class]).unwrap();
            let chosen = rng.next_u32() as usize % kept.iter().count();
            if let Some((x, class)) = kept.iter().nth(chosen).filter(|_| replay) {
                trainer.step(&mut net, &mut sgd, &CrossEntropy, &[*x], &[*class]).unwrap();
            }
        }
    }
    (accuracy(&net, &second), accuracy(&net, &held_out))
}

/// The numbers that integers mean are exact here, and so all that is learned from them.
#[test]
fn what_learns_on_integers_has_the_bits_of_what_learns_on_their_numbers() {
    type Head<First> = (First, chain![Dense<4, 6, Tanh>, Dense<6, 3>]);
    let mut rng = Pcg32::seed_from_u64(7);
    let rows: [[i8; 4]; 30] = core::array::from_fn(|_| core::array::from_fn(|_| rng.next_u32() as i8));
    let numbers = rows.map(|row| row.map(|q| 0.25 * (f32::from(q) + 5.0)));
    let classes = rows.map(|row| usize::from(row[0] > row[1]) + usize::from(row[2] > 40));
    let mut of_integers: Head<Standardize<4>> = (Standardize::new([-5.0; 4], [0.25; 4]), Zero::ZERO);
    of_integers.init(Init::GlorotUniform, &mut rng);
    let mut of_numbers: Head<Dropout<0>> = (Dropout, of_integers.1.clone());
    let (mut trainer, mut other) = (Trainer::<_, [i8; 4], 8>::ZERO, Trainer::<_, [f32; 4], 8>::ZERO);
    let (mut optimizer, mut others) = (Adam::new(0.01), Adam::new(0.01));
    for _ in 0..20 {
        let loss = trainer.epoch(&mut of_integers, &mut optimizer, &CrossEntropy, rows.iter().zip(&classes)).unwrap();
        let same = other.epoch(&mut of_numbers, &mut others, &CrossEntropy, numbers.iter().zip(&classes)).unwrap();
        assert_eq!(loss.to_bits(), same.to_bits());
    }
    assert_eq!(of_integers.1, of_numbers.1);
    // Only what learns has gradients, and the integers come back from a file with what they mean.
    assert_eq!(size_of::<<Head<Standardize<4>> as Params<f32>>::Grads>(), 4 * (4 * 6 + 6 + 6 * 3 + 3));
    let mut file = [0; weights::file_len::<f32, Head<Standardize<4>>>()];
    let mut loaded = Head::<Standardize<4>>::ZERO;
    weights::load(&mut loaded, weights::save(&of_integers, &mut file).unwrap()).unwrap();
    assert_eq!(loaded, of_integers);
}

#[test]
fn what_learns_behind_fixed_layers_has_the_bits_of_what_learns_behind_frozen_ones() {
    type Body = chain![Dense<2, 8, Tanh>, Dense<8, 6, Relu>];
    type Behind<First> = (First, Dense<6, 2>);
    let mut rng = Pcg32::seed_from_u64(9);
    let examples = points(0, 60, &mut rng);
    let mut frozen: Behind<Frozen<Body>> = Zero::ZERO;
    frozen.init(Init::GlorotUniform, &mut rng);
    frozen.0.0.init(Init::GlorotUniform, &mut rng);
    let body = frozen.0.0.clone();
    let mut fixed: Behind<Fixed<Body, { arena_len::<Body, Input>() }>> = (Fixed(&body), frozen.1.clone());
    let (mut trainer, mut other) = (Trainer::<_, Input, 4>::ZERO, Trainer::<_, Input, 4>::ZERO);
    let (mut optimizer, mut others) = (Momentum::new(0.05, 0.9), Momentum::new(0.05, 0.9));
    for _ in 0..3 {
        let examples = || examples.iter().map(|(x, class)| (x, class));
        trainer.epoch(&mut fixed, &mut optimizer, &CrossEntropy, examples()).unwrap();
        other.epoch(&mut frozen, &mut others, &CrossEntropy, examples()).unwrap();
    }
    assert_eq!(fixed.1, frozen.1);
    let mut arena = Arena::<{ arena_len::<Behind<Frozen<Body>>, Input>() }>::ZERO;
    for (x, _) in &examples {
        let expected = *arena.predict(&frozen, x);
        assert_eq!(*arena.predict(&fixed, x), expected);
    }
}

#[test]
fn integers_may_be_fixed_layers() {
    type Body = Integer<Dequantize, [i8; 4], [f32; 4]>;
    static BODY: Body = Integer::new(Dequantize { scale: 0.25, zero_point: -5, least: -128 });
    let head = Dense::<4, 2>::new([[0.1, -0.1], [0.2, 0.3], [-0.3, 0.1], [0.05, 0.0]], [0.0; 2]);
    let mut fixed: (Fixed<Body, { arena_len::<Body, [i8; 4]>() }>, _) = (Fixed(&BODY), head.clone());
    let mut standardized = (Standardize::new([-5.0; 4], [0.25; 4]), head);
    let (mut trainer, mut other) = (Trainer::<_, [i8; 4]>::ZERO, Trainer::<_, [i8; 4]>::ZERO);
    for (x, class) in [([1, 2, 3, 4], 0), ([-128, 127, 0, 9], 1)] {
        let loss = trainer.step(&mut fixed, &mut Sgd::new(0.1), &CrossEntropy, &[x], &[class]).unwrap();
        let same = other.step(&mut standardized, &mut Sgd::new(0.1), &CrossEntropy, &[x], &[class]).unwrap();
        assert_eq!(loss, same);
    }
    assert_eq!(fixed.1, standardized.1);
}

#[test]
fn replay_keeps_what_was_learned_before() {
    const SEEDS: u64 = 10;
    let mean = |replay| {
        let sums = (0..SEEDS).map(|seed| two_worlds(seed, replay)).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        (sums.0 / SEEDS as f32, sums.1 / SEEDS as f32)
    };
    let (without, with) = (mean(false), mean(true));
    println!("new world, old world: without replay {without:?}, with {with:?}");
    assert!(without.0 > 0.95 && with.0 > 0.95, "both learn the new: {without:?} {with:?}");
    assert!(with.1 > 0.95, "replay keeps the old: {with:?}");
    assert!(without.1 < with.1 - 0.1, "without it, it is forgotten: {without:?} {with:?}");
}

type State = (Net, Momentum<Net>);
const LEN: usize = weights::file_len::<f32, State>();

fn bits(net: &mut Net, optimizer: &mut Momentum<Net>) -> Vec<u32> {
    let mut bits = Vec::new();
    (net, optimizer).visit(&mut |tensor: &[f32]| bits.extend(tensor.iter().map(|v| v.to_bits())));
    bits
}

/// A round of training on `examples` under guard; tells whether it was kept.
fn guarded(
    net: &mut Net,
    optimizer: &mut Momentum<Net>,
    examples: &[(Input, usize)],
    held_out: &[(Input, usize)],
) -> bool {
    let mut trainer = Trainer::<Net, Input>::ZERO;
    let before = trainer.evaluate(net, &CrossEntropy, held_out.iter().map(|(x, c)| (x, c)), |_, _| ()).unwrap();
    let mut copy = [0; LEN];
    let guard = Guard::begin(&mut (&mut *net, &mut *optimizer), before, &mut copy).unwrap();
    let trained = trainer.epoch(net, optimizer, &CrossEntropy, examples.iter().map(|(x, c)| (x, c)));
    let after =
        trained.and_then(|_| trainer.evaluate(net, &CrossEntropy, held_out.iter().map(|(x, c)| (x, c)), |_, _| ()));
    guard.end(&mut (net, optimizer), after).unwrap()
}

#[test]
fn the_guard_keeps_good_training_and_takes_bad_training_back() {
    for seed in 0..10 {
        let mut rng = Pcg32::seed_from_u64(seed);
        let (good, held_out) = (points(0, 40, &mut rng), points(0, 40, &mut rng));
        let bad: Vec<_> = good.iter().map(|(x, class)| (*x, 1 - class)).collect();
        let endless: Vec<_> = good.iter().map(|(x, class)| (x.map(|v| v * f32::MAX), *class)).collect();
        let mut net = Net::ZERO;
        net.init(Init::GlorotUniform, &mut rng);
        let mut optimizer = Momentum::new(0.05, 0.9);
        assert!(guarded(&mut net, &mut optimizer, &good, &held_out), "good training is kept");
        let kept = bits(&mut net, &mut optimizer);
        for (examples, rate, name) in
            [(&bad, 0.05, "wrong labels"), (&endless, 0.05, "overflow"), (&good, f32::INFINITY, "divergence")]
        {
            optimizer.learning_rate = rate;
            assert!(!guarded(&mut net, &mut optimizer, examples, &held_out), "{name}, seed {seed}");
            assert!(bits(&mut net, &mut optimizer) == kept, "{name} left a trace, seed {seed}");
        }
        optimizer.learning_rate = 0.05;
        assert!(guarded(&mut net, &mut optimizer, &good, &held_out), "it goes on learning");
    }
}

/// Gradients and moments of all but the last layer are not there at all.
#[test]
fn frozen_layers_take_no_ram_for_training() {
    type Body = chain![Dense<64, 100, Tanh>, Dense<100, 50, Tanh>];
    type Whole = chain![Body, Dense<50, 3>];
    type LastAlone = chain![Frozen<Body>, Dense<50, 3>];
    let last = size_of::<Dense<50, 3>>();
    assert_eq!(size_of::<<LastAlone as Params<f32>>::Grads>(), last);
    assert_eq!(size_of::<Adam<LastAlone>>() - size_of::<Adam<Dense<50, 3>>>(), 0);
    let saved = size_of::<Accumulator<Whole, [f32; 64]>>() - size_of::<Accumulator<LastAlone, [f32; 64]>>();
    assert_eq!(saved, size_of::<Body>());
}
