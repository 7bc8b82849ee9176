//! The firmware's learner on the desktop: its commands, what a reset keeps, and 100,000 bad frames and files.

use std::iter::once;

use host_tests::learner::{FACTORY, FILE, FRAME, Input, Memory, Net, Watched, factory, flash};
use nerve::OnFeatures;
use nerve::checkpoint::CheckpointStore;
use nerve::prelude::*;
use nerve::quant::Reshape;
use nerve_learner::{Device, Learner, Model, Values, Whole};
use nerve_protocol::{Error, Numbers, Reply, Request, Target, encode};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

// The flowers that the firmware is shown.
include!("../../firmware/data/flowers.rs");

const SETOSA: Input = [5.1, 3.5, 1.4, 0.2];

fn memory() -> Box<Memory> {
    Box::new(Memory::ZERO)
}

/// The loss, and whether the step was kept.
fn train(device: &mut Watched, x: &Input, class: u32) -> Result<(f32, bool), Error> {
    device.call(&Request::Train { input: Numbers::new(x), target: Target::Class(class) }, |reply| match reply {
        Reply::Trained { loss, kept, .. } => Ok((*loss, *kept)),
        Reply::Error(error) => Err(*error),
        other => panic!("{other:?}"),
    })
}

fn steps(device: &mut Watched) -> u64 {
    device.call(&Request::Info, |reply| match reply {
        Reply::Info(info) => info.steps,
        other => panic!("{other:?}"),
    })
}

fn done(device: &mut Watched, request: Request) -> Result<(), Error> {
    device.call(&request, |reply| match reply {
        Reply::Done => Ok(()),
        Reply::Error(error) => Err(*error),
        other => panic!("{other:?}"),
    })
}

#[test]
fn training_is_kept_over_a_restart_only_if_it_was_saved() {
    let mut flash = flash();
    let mut memory_1 = memory();
    let mut device = Watched::new(&mut memory_1, &mut flash);
    assert_eq!(done(&mut device, Request::Load), Err(Error::NothingSaved));
    let first = train(&mut device, &SETOSA, 0).unwrap().0;
    for _ in 0..20 {
        train(&mut device, &SETOSA, 0).unwrap();
    }
    assert!(train(&mut device, &SETOSA, 0).unwrap().0 < first);
    done(&mut device, Request::Save).unwrap();
    let saved = device.network().clone();
    train(&mut device, &SETOSA, 0).unwrap();
    assert_ne!(*device.network(), saved);

    let mut memory_2 = memory();
    let mut device = Watched::new(&mut memory_2, &mut flash);
    assert_eq!(*device.network(), saved);
    done(&mut device, Request::FactoryReset).unwrap();

    let mut memory_3 = memory();
    assert_eq!(*Watched::new(&mut memory_3, &mut flash).network(), factory());
}

#[test]
fn a_device_learns_in_the_same_bits_as_the_desktop() {
    let (mut flash, mut memory) = (flash(), memory());
    let mut device = Watched::new(&mut memory, &mut flash);
    let (mut net, mut accumulator, mut optimizer) =
        (factory(), Accumulator::<Net, Input>::ZERO, Momentum::new(0.02, 0.9));
    for (seen, (x, class)) in LABELLED[..6].iter().enumerate() {
        assert!(train(&mut device, x, *class as u32).unwrap().1);
        for (x, class) in once(&(*x, *class)).chain(&LABELLED[..seen]) {
            accumulator.accumulate(&net, &CrossEntropy, &[*x], &[*class]).unwrap();
        }
        accumulator.apply(&mut net, &mut optimizer).unwrap();
    }
    assert_eq!(*device.network(), net);
}

#[test]
fn the_proximal_term_pulls_back_to_where_it_began_until_other_weights_come() {
    let list = |net: &Net| {
        let mut list = Vec::new();
        net.visit(&mut |tensor: &[f32]| list.extend_from_slice(tensor));
        list
    };
    let (x, class) = (LABELLED[0].0, LABELLED[0].1 as u32);
    let learned = |mu, steps| {
        let (mut flash, mut memory) = (flash(), memory());
        let mut device = Watched::new(&mut memory, &mut flash);
        done(&mut device, Request::Proximal { mu }).unwrap();
        for _ in 0..steps {
            train(&mut device, &x, class).unwrap();
        }
        list(device.network())
    };
    let (begin, mu, learning_rate) = (list(&factory()), 3.0, 0.02);
    // Where it begins, the term is flat; the second step is shorter by what the first has moved, times η·μ.
    let (first, free) = (learned(0.0, 1), learned(0.0, 2));
    assert_eq!(learned(mu, 1), first);
    assert_ne!(first, begin);
    for (((held, free), first), begin) in learned(mu, 2).iter().zip(&free).zip(&first).zip(&begin) {
        let expected = free - learning_rate * mu * (first - begin);
        assert!((held - expected).abs() <= 1e-6 * (1.0 + expected.abs()), "{held}, not {expected}");
    }
    let distance = |weights: &[f32]| weights.iter().zip(&begin).map(|(w, b)| (w - b).powi(2)).sum::<f32>().sqrt();
    let distances = [0.0, 0.3, 3.0, 30.0].map(|mu| distance(&learned(mu, 60)));
    assert!(distances.is_sorted_by(|a, b| a > b) && distances[3] > 0.0, "{distances:?}");

    let (mut flash, mut memory) = (flash(), memory());
    let mut device = Watched::new(&mut memory, &mut flash);
    for mu in [-1.0, f32::NAN, f32::INFINITY] {
        assert_eq!(done(&mut device, Request::Proximal { mu }), Err(Error::Proximal));
    }
    done(&mut device, Request::Proximal { mu }).unwrap();
    device.upload(FACTORY).unwrap();
    train(&mut device, &x, class).unwrap();
    train(&mut device, &x, class).unwrap();
    assert_eq!(list(device.network()), free);
}

/// A long run of flowers of one species, which would take the place of the others.
#[test]
fn a_stream_of_one_class_leaves_the_others_known() {
    let known = |net: &Net| {
        let mut arena = Arena::<{ arena_len::<Net, Input>() }>::ZERO;
        HELD_OUT.iter().filter(|(x, class, _)| argmax(arena.predict(net, x)) == *class).count()
    };
    let (mut flash, mut memory) = (flash(), memory());
    let mut device = Watched::new(&mut memory, &mut flash);
    let (mut net, mut trainer, mut optimizer) = (factory(), Trainer::<Net, Input>::ZERO, Momentum::new(0.02, 0.9));
    let virginicas = LABELLED.iter().filter(|(_, class)| *class == 2).cycle().take(300);
    for (x, class) in LABELLED.iter().chain(virginicas) {
        train(&mut device, x, *class as u32).unwrap();
        trainer.step(&mut net, &mut optimizer, &CrossEntropy, &[*x], &[*class]).unwrap();
    }
    let (with, without) = (known(device.network()), known(&net));
    assert!(with >= 42 && without <= 38, "{with} of 45 are known with the kept samples, {without} without");
}

#[test]
fn a_step_that_would_make_things_worse_is_taken_back() {
    let (mut flash, mut memory) = (flash(), memory());
    let mut device = Watched::new(&mut memory, &mut flash);
    let (mut kept, mut taken_back) = (0, 0);
    for i in 0..200 {
        // Labels that change every 20 samples: the momentum goes on towards the old one.
        let before = (device.network().clone(), steps(&mut device));
        let step_kept = train(&mut device, &SETOSA, i / 20 % 2).unwrap().1;
        assert_eq!(*device.network() == before.0, !step_kept);
        assert_eq!(steps(&mut device), before.1 + u64::from(step_kept));
        kept += u32::from(step_kept);
        taken_back += u32::from(!step_kept);
    }
    assert!(kept > 100 && taken_back > 5, "{kept} steps kept, {taken_back} taken back");
}

#[test]
fn bad_requests_are_refused_by_name() {
    let (mut flash, mut memory) = (flash(), memory());
    let mut device = Watched::new(&mut memory, &mut flash);
    let mut error = |request: &Request| {
        device.call(request, |reply| match reply {
            Reply::Error(error) => *error,
            other => panic!("{other:?}"),
        })
    };
    let x = Numbers::new(&SETOSA);
    assert_eq!(
        error(&Request::Infer { input: Numbers::new(&[1.0_f32]) }),
        Error::InputLength { found: 1, expected: 4 }
    );
    assert_eq!(error(&Request::Infer { input: Numbers::new(&[f32::NAN; 4]) }), Error::NonFiniteInput);
    assert_eq!(
        error(&Request::Train { input: x, target: Target::Class(3) }),
        Error::ClassOutOfRange { class: 3, classes: 3 }
    );
    assert_eq!(error(&Request::Upload { offset: 0, bytes: &[] }), Error::NoTransfer);
    assert_eq!(error(&Request::EndUpload), Error::NoTransfer);
    assert_eq!(error(&Request::Download { offset: 0 }), Error::NoTransfer);
    let (found, expected) = (1, FILE as u32);
    assert_eq!(error(&Request::BeginUpload { length: 1 }), Error::FileLength { found, expected });

    let mut errors = Vec::new();
    let mut collect = |reply: &Reply| errors.push(format!("{reply:?}"));
    device.send(&[1; 3 * FRAME], &mut collect);
    device.send(&[0], &mut collect);
    device.send(&[7, 7, 0], &mut collect);
    assert_eq!(errors, ["Error(FrameTooLong { limit: 256 })", "Error(Malformed)"]);
    assert_eq!(device.infer(&SETOSA).len(), 3);
}

#[test]
fn an_upload_takes_effect_whole_or_not_at_all() {
    let (mut flash, mut memory) = (flash(), memory());
    let mut device = Watched::new(&mut memory, &mut flash);
    let mut other = factory();
    other.visit_mut(&mut |tensor: &mut [f32]| tensor.iter_mut().for_each(|v| *v *= 0.5));
    let mut file = [0; FILE];
    weights::save(&other, &mut file).unwrap();

    // Interrupted: announced, a piece, the end too early, the wrong piece; then from where the device waits.
    done(&mut device, Request::BeginUpload { length: FILE as u32 }).unwrap();
    done(&mut device, Request::Upload { offset: 0, bytes: &file[..100] }).unwrap();
    let (found, expected) = (100, FILE as u32);
    assert_eq!(done(&mut device, Request::EndUpload), Err(Error::FileLength { found, expected }));
    let again = Request::Upload { offset: 0, bytes: &file[..100] };
    assert_eq!(done(&mut device, again), Err(Error::Offset { expected: 100 }));
    let too_much = [0; 200];
    done(&mut device, Request::Upload { offset: 100, bytes: &file[100..300] }).unwrap();
    let beyond = Request::Upload { offset: 300, bytes: &too_much };
    assert_eq!(done(&mut device, beyond), Err(Error::Offset { expected: 300 }));
    assert_eq!(*device.network(), factory());
    done(&mut device, Request::Upload { offset: 300, bytes: &file[300..] }).unwrap();
    done(&mut device, Request::EndUpload).unwrap();
    assert_eq!(*device.network(), other);

    let download = |device: &mut Watched| {
        device.call(&Request::BeginDownload, |reply| {
            assert!(matches!(reply, Reply::File { length } if *length as usize == FILE))
        });
        let mut bytes = Vec::new();
        while bytes.len() < FILE {
            let offset = bytes.len() as u32;
            bytes.extend(device.call(&Request::Download { offset }, |reply| match reply {
                Reply::Piece { bytes, .. } => bytes.to_vec(),
                other => panic!("{other:?}"),
            }));
        }
        bytes
    };
    assert_eq!(download(&mut device), file);
}

/// Frames of every kind: random bytes, good frames with damage, and good frames of random requests.
#[test]
fn seventy_thousand_bad_frames() {
    let mut rng = Pcg32::seed_from_u64(5);
    let (mut flash, mut memory) = (flash(), memory());
    let mut device = Watched::new(&mut memory, &mut flash);
    let (mut answers, mut refusals) = (0, 0);
    for _ in 0..70_000 {
        let mut bytes = match rng.next_u32() % 4 {
            0 => (0..rng.next_u32() % 80).map(|_| rng.next_u32() as u8).collect(),
            _ => frame(&mut rng),
        };
        if rng.next_u32().is_multiple_of(2) {
            damage(&mut bytes, &mut rng);
        }
        device.send(&bytes, |reply| {
            answers += 1;
            refusals += u32::from(matches!(reply, Reply::Error(_)));
        });
    }
    // Of both there must be many, or the test looks at one side alone.
    assert!(answers > 50_000 && refusals > 20_000 && answers - refusals > 10_000, "{refusals} of {answers} refused");
    device.send(&[0], |_| ());
    done(&mut device, Request::FactoryReset).unwrap();
    let mut arena = Arena::<{ arena_len::<Net, Input>() }>::ZERO;
    let expected = arena.predict(&factory(), &SETOSA).map(f32::to_bits);
    assert_eq!(device.infer(&SETOSA), expected);
}

/// Files that a device takes, it must have taken as they are; all others change nothing.
#[test]
fn thirty_thousand_bad_files() {
    let mut rng = Pcg32::seed_from_u64(6);
    let (mut flash, mut memory) = (flash(), memory());
    let mut device = Watched::new(&mut memory, &mut flash);
    let mut taken = 0;
    for _ in 0..30_000 {
        let mut file = FACTORY.to_vec();
        match rng.next_u32() % 5 {
            0 => file.iter_mut().for_each(|byte| *byte = rng.next_u32() as u8),
            1 => file.truncate(rng.next_u32() as usize % FILE),
            // Other weights with the right checksum, some of which are infinite or NaN.
            2 => {
                let at = 18 + 4 * (rng.next_u32() as usize % 91);
                file[at..at + 4].copy_from_slice(&rng.next_u32().to_le_bytes());
                let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&file[18..]);
                file[14..18].copy_from_slice(&checksum.to_le_bytes());
            }
            _ => damage(&mut file, &mut rng),
        }
        let before = device.network().clone();
        let mut expected = before.clone();
        let good = weights::load(&mut expected, &file).is_ok();
        assert_eq!(device.upload(&file).is_ok(), good);
        assert_eq!(*device.network(), expected);
        taken += u32::from(good);
    }
    assert!((1_000..15_000).contains(&taken), "{taken} files taken");
}

fn frame(rng: &mut Pcg32) -> Vec<u8> {
    let random = rng.next_u32();
    let numbers: Vec<f32> = (0..if random.is_multiple_of(8) { rng.next_u32() % 20 } else { 4 })
        .map(|_| {
            if rng.next_u32().is_multiple_of(16) {
                f32::from_bits(rng.next_u32())
            } else {
                (rng.next_u32() % 80) as f32 / 10.0
            }
        })
        .collect();
    let bytes: Vec<u8> = (0..rng.next_u32() % 200).map(|_| rng.next_u32() as u8).collect();
    let class = if random.is_multiple_of(9) { rng.next_u32() } else { random / 9 % 3 };
    let (input, target) = (
        Numbers::new(&numbers),
        if random.is_multiple_of(50) { Target::Values(Numbers::new(&numbers)) } else { Target::Class(class) },
    );
    let offset = [0, rng.next_u32() % 400, rng.next_u32()][rng.next_u32() as usize % 3];
    let request = match rng.next_u32() % 128 {
        0 => Request::FactoryReset,
        1 => Request::Save,
        2 => Request::Load,
        3 => Request::Restart,
        4..10 => Request::Info,
        10..40 => Request::Infer { input },
        40..70 => Request::Train { input, target },
        70..87 => Request::Evaluate { input, target },
        87..90 => Request::Proximal { mu: if random.is_multiple_of(3) { f32::from_bits(rng.next_u32()) } else { 0.5 } },
        90..96 => Request::BeginUpload { length: if random.is_multiple_of(2) { FILE as u32 } else { offset } },
        96..106 => Request::Upload { offset, bytes: &bytes },
        106..112 => Request::EndUpload,
        112..118 => Request::BeginDownload,
        _ => Request::Download { offset },
    };
    let mut buffer = [0; 2 * FRAME];
    encode(&request, &mut buffer).unwrap().to_vec()
}

/// Flips a bit, cuts, repeats, or puts something in.
fn damage(bytes: &mut Vec<u8>, rng: &mut Pcg32) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.next_u32() as usize % bytes.len();
    match rng.next_u32() % 4 {
        0 => bytes[at] ^= 1 << (rng.next_u32() % 8),
        1 => bytes.truncate(at),
        2 => bytes.extend_from_within(at..),
        _ => bytes.insert(at, rng.next_u32() as u8),
    }
}

/// Learns values instead of classes, from integers.
struct Plane;

impl Model<2, 20> for Plane {
    type Input = [i8; 2];
    type Body = Reshape<[i8; 2], [i8; 2]>;
    const BODY: &'static Self::Body = &Reshape::new();
    type Row = [i8; 2];
    type Net = chain![OnFeatures<5, Standardize<2>>, Dense<2, 12, Tanh>, Dense<12, 2>];
    type Task = Values;
}

#[test]
fn values_are_learned_from_integers_and_what_cannot_be_is_refused() {
    type Net = <Plane as Model<2, 20>>::Net;
    const LEN: usize = weights::file_len::<f32, Net>();
    const ARENA_LEN: usize = arena_len::<Whole<'static, Plane, 2, 20>, [i8; 2]>();
    let mut rng = Pcg32::seed_from_u64(3);
    let mut net = Net::ZERO;
    net.init(Init::GlorotUniform, &mut rng);
    net.0.0 = OnFeatures(Standardize::new([0.0; 2], [1.0 / 64.0; 2]));
    let mut factory = [0; LEN];
    weights::save(&net, &mut factory).unwrap();

    let mut flash = flash();
    let end = flash.bytes.len() as u32;
    let store = CheckpointStore::new(&mut flash, 0..end, 10_000).unwrap();
    let mut memory = Box::new(nerve_learner::Memory::<Plane, 2, 20, LEN, ARENA_LEN>::ZERO);
    let device = Device { board: "the desktop", memory: || (0, 0) };
    let mut learner = Learner::new(&mut memory, store, &factory, 0.05, device).unwrap();
    let mut losses = Vec::new();
    for _ in 0..600 {
        let x = [rng.next_u32() as i8, rng.next_u32() as i8];
        let [a, b] = x.map(|x| f32::from(x) / 128.0);
        let (input, target) = (Numbers::new(&x), [a * b, a - 0.5 * b]);
        let target = Target::Values(Numbers::new(&target));
        let Ok(Reply::Evaluated { class: None, loss }) = learner.handle(Request::Evaluate { input, target }, FRAME)
        else {
            panic!("a sample was not evaluated")
        };
        losses.push(loss);
        assert!(matches!(learner.handle(Request::Train { input, target }, FRAME), Ok(Reply::Trained { .. })));
    }
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    let (before, after) = (mean(&losses[..50]), mean(&losses[550..]));
    assert!(after < 0.1 * before, "the loss was {before}, now {after}");

    let before = learner.network().clone();
    let (x, values) = ([1_i8, 2], [0.5_f32, f32::NAN]);
    let input = Numbers::new(&x);
    let mut refused = |input, target| learner.handle(Request::Train { input, target }, FRAME).unwrap_err();
    assert_eq!(refused(input, Target::Class(1)), Error::TargetKind { classes: false });
    assert_eq!(refused(input, Target::Values(Numbers::new(&values))), Error::NonFiniteTarget);
    let [good, short] = [&values[..1], &[]].map(|values: &[f32]| Target::Values(Numbers::new(values)));
    assert_eq!(refused(input, good), Error::TargetLength { found: 1, expected: 2 });
    assert_eq!(refused(input, short), Error::TargetLength { found: 0, expected: 2 });
    let target = [0.5_f32; 2];
    let (found, expected) = (1, 2);
    let target = Target::Values(Numbers::new(&target));
    assert_eq!(refused(Numbers::new(&x[..1]), target), Error::InputLength { found, expected });
    assert_eq!(*learner.network(), before);

    // A head of other features, and one that does not name its own.
    let mut upload = |file: &[u8]| {
        learner.handle(Request::BeginUpload { length: file.len() as u32 }, FRAME)?;
        for (at, bytes) in file.chunks(100).enumerate() {
            learner.handle(Request::Upload { offset: 100 * at as u32, bytes }, FRAME)?;
        }
        learner.handle(Request::EndUpload, FRAME).map(|_| ())
    };
    let mut other = factory;
    other[18] = 6;
    assert_eq!(upload(&other), Err(Error::Features { found: 6, expected: 5 }));
    let unnamed = [b"nerv\x01", &factory[5..18], &factory[22..]].concat();
    assert_eq!(upload(&unnamed), Ok(()));
    assert!(upload(&factory[..LEN - 1]).is_err());
    assert_eq!(*learner.network(), net);
}
