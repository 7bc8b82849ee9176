//! New digits, or sounds, from a few examples of each: by the last layer, on integers that a device's frozen layers make, without and with corrections of the
//! layer before it, and for comparison by the whole network in floats.

mod device;
mod features;
mod learning;
mod sounds;

use std::array::{from_fn, from_ref};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, value_parser};
use common::mnist::{Mnist, Part, Pixels, SIDE, Source};
use common::options::{self, Kind, Plan};
use common::plot::{self, Curve};
use common::session::{Examples, Session, progress};
use common::table::Stats;
use common::{classification, integers};
use features::Features;
use learning::{Corrected, Learning, RATE, ROUNDS};
use nerve::prelude::*;
use nerve::{Array, Layer, Scalar};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;
use rayon::prelude::*;

const DIGITS: usize = 10;
/// The network is trained on the first eight.
const KNOWN: usize = 8;
/// Examples of each known digit to keep.
const GIVEN: usize = 10;
/// Examples of each new digit.
const SHOWN: usize = 20;

type Image = [[[f32; 1]; SIDE]; SIDE];
/// What stays as it is on a device.
type Body = chain![
    Conv2d<1, 8, 3, Relu>,
    MaxPool2d<2, 14, 14>,
    Conv2d<8, 16, 3, Relu>,
    MaxPool2d<2, 7, 7>,
    Flatten<784>,
    Dense<784, FEATURES, Relu>
];
/// Numbers that it makes of an image.
const FEATURES: usize = 64;
/// Its last layer in integers.
const LAST: &str = "5";
/// Knows eight digits.
type Eight = (Body, Dense<FEATURES, KNOWN>);
/// Has a place for all of them.
type Ten = (Body, Dense<FEATURES, DIGITS>);

/// Of the whole network in floats, for which the rate of a last layer alone is too large.
const FLOAT_RATE: f32 = 0.005;
/// Learning rates to choose from.
const RATES: [f32; 6] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05];
/// Draws of examples to learn from, of which the device is shown the first.
const DRAWS: usize = 5;
/// Training images that are held out where rates are chosen: the last ones.
const HELD_OUT: usize = 10_000;
/// Images of each digit that show the ranges of values.
const TYPICAL: usize = 60;

#[derive(Parser)]
#[command(about = "Learn new digits from a few examples, by the last layer of an integer network")]
struct Options {
    /// Folder of the four IDX files; without it they are fetched once.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// How often the eight digits are trained on.
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..))]
    epochs: u32,
    /// Writes what the firmware is built with: the network of eight digits in integers, and the last layer that it begins with.
    #[arg(long, value_name = "FOLDER")]
    firmware: Option<PathBuf>,
    /// Takes the network in this folder instead of training one, and leaves in `--out` what the emulated device is shown and must have learned.
    #[arg(long, value_name = "FOLDER", conflicts_with = "firmware")]
    device: Option<PathBuf>,
    /// With corrections of the last layer that is frozen.
    #[arg(long, requires = "device")]
    corrections: bool,
    /// Tries learning rates, on the last 10,000 training images instead of the test images.
    #[arg(long, conflicts_with_all = ["firmware", "device"])]
    choose: bool,
    /// Likewise with the keyword network of MLPerf Tiny, `kws_int8.tflite`, of which a new last layer learns sounds that are no words.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["firmware", "device", "choose"])]
    keywords: Option<PathBuf>,
    /// For the picture, and for the device.
    #[arg(long, default_value = "target/adapt")]
    out: PathBuf,
}

/// The digits that the network is trained on, the new ones, and all.
const PARTS: [(&str, Range<usize>); 3] =
    [("the eight digits", 0..KNOWN), ("the two new ones", KNOWN..DIGITS), ("all ten", 0..DIGITS)];

/// Inputs with their classes.
type Labelled<X> = (Vec<X>, Vec<usize>);

fn main() -> ExitCode {
    options::end(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    if let Some(file) = &options.keywords {
        return sounds::run(file, &options.out);
    }
    let mut data = Source::Digits.load(options.data.as_deref())?;
    if let Some(folder) = &options.device {
        let (task, test) = (Task::draw(&data.train, 0), all(&data.test, 0..DIGITS));
        let (network, head) = device::read(folder)?;
        if options.corrections {
            let features = Features::to_correct(&network, LAST)?;
            return on_device(&task, &test, &features, corrected(&features, head.1), &PARTS, &options.out);
        }
        return on_device(&task, &test, &Features::new(&network, LAST)?, head, &PARTS, &options.out);
    }
    if options.choose {
        let Part { images, labels } = &mut data.train;
        let first = images.len() - HELD_OUT;
        data.test = Part { images: images.split_off(first), labels: labels.split_off(first) };
    }

    let eight = trained(&data, options.epochs)?;
    let mut ten = Box::new(Ten::ZERO);
    ten.0.clone_from(&eight.0);
    for (to, from) in ten.1.w.iter_mut().chain([&mut ten.1.b]).zip(eight.1.w.iter().chain([&eight.1.b])) {
        to[..KNOWN].copy_from_slice(from);
    }
    let typical = as_images(&some(&data.train, 0..KNOWN, TYPICAL, 0));
    let network = integers::quantised(&*eight, &typical.0)?.graph;
    let features = Features::new(&network, LAST)?;
    let head = (features.meaning(), ten.1.clone());
    if let Some(folder) = &options.firmware {
        device::write_firmware(folder, &network, &features, &head)?;
    }

    let draws: Vec<_> = (0..DRAWS).map(|draw| Task::draw(&data.train, draw)).collect();
    let test = all(&data.test, 0..DIGITS);
    let rates = |usual| if options.choose { RATES.to_vec() } else { vec![usual] };
    let by_rows = |features: &Features<FEATURES>| -> Result<_> {
        let rows = |examples: &Labelled<Pixels>| features.labelled(examples);
        Ok((draws.iter().map(|task| task.map(rows)).collect::<Result<Vec<_>>>()?, rows(&test)?))
    };
    let (rows, test_rows) = by_rows(&features)?;
    println!(
        "| % of {} held-out images, {DRAWS} draws of examples | rate | {} |",
        test.0.len(),
        PARTS.map(|(name, _)| name).join(" | ")
    );
    println!("|---|---|---|---|---|");
    println!("| before | | {} |", shares(&head, &test_rows, &PARTS).map(|share| format!("{share:.2}")).join(" | "));
    let by_last = try_draws(LAST_LAYER, &head, &rates(RATE), &rows, &test_rows)?;
    let features = Features::to_correct(&network, LAST)?;
    let (rows, test_rows) = by_rows(&features)?;
    let corrected = corrected(&features, head.1);
    try_draws("the last layer and corrections, on integers", &corrected, &rates(RATE), &rows, &test_rows)?;
    let images: Vec<_> =
        draws.iter().map(|task| task.map(|examples| Ok(as_images(examples)))).collect::<Result<_>>()?;
    let by_all = try_draws(ALL_LAYERS, &*ten, &rates(FLOAT_RATE), &images, &as_images(&test))?;
    let curves = [(LAST_LAYER, by_last), (ALL_LAYERS, by_all)].into_iter().flat_map(|(name, rounds)| {
        let curve = |part: usize| Curve {
            name: format!("{name}: {}", PARTS[part].0),
            points: rounds.iter().enumerate().map(|(round, shares)| (round as f64, shares[part])).collect(),
            spread: vec![],
            pale: part > 0,
        };
        // A pale line has the colour of the one behind it.
        [curve(1), curve(0)]
    });
    let title = format!("Two new digits from {SHOWN} examples of each");
    let axes = ("rounds of all examples", "recognised of the held-out ones, %");
    plot::curves(&options.out.join("adapt.svg"), &title, axes, &curves.collect::<Vec<_>>())
}

const LAST_LAYER: &str = "the last layer, on integers";
const ALL_LAYERS: &str = "all layers, in floats";

/// The last layer behind corrections that change nothing yet.
fn corrected(features: &Features<FEATURES>, last: Dense<FEATURES, DIGITS>) -> Corrected<FEATURES, DIGITS> {
    ((features.meaning(), ScaleShift::new([1.0; FEATURES], [0.0; FEATURES])), last)
}

/// What is to be learned from.
struct Task<X> {
    /// To keep from the beginning.
    given: Labelled<X>,
    /// New ones.
    shown: Labelled<X>,
}

impl Task<Pixels> {
    /// Other digits for each draw.
    fn draw(train: &Part, draw: usize) -> Self {
        Self { given: some(train, 0..KNOWN, GIVEN, draw), shown: some(train, KNOWN..DIGITS, SHOWN, draw) }
    }
}

impl<X> Task<X> {
    fn map<Y>(&self, f: impl Fn(&Labelled<X>) -> Result<Labelled<Y>>) -> Result<Task<Y>> {
        Ok(Task { given: f(&self.given)?, shown: f(&self.shown)? })
    }
}

/// What a device learns from integers that the frozen layers make of the inputs; `out` takes what it needs to do the same.
fn on_device<X, N, const F: usize, const C: usize, const P: usize>(
    task: &Task<X>,
    test: &Labelled<X>,
    features: &Features<F>,
    mut net: N,
    parts: &[(&str, Range<usize>); P],
    out: &Path,
) -> Result<()>
where
    X: AsRef<[f32]> + Sync,
    N: Layer<[i8; F], Out = [f32; C]>,
{
    device::write_shown(out, features, &net, &task.given, &task.shown)?;
    let test = features.labelled(test)?;
    let report = |when: &str, net: &N| {
        let of_parts = shares(net, &test, parts).into_iter().zip(parts);
        let of_parts: Vec<_> = of_parts.map(|(share, (name, _))| format!("{share:.2} % of {name}")).collect();
        println!("{when}: {}, of {} held-out examples", of_parts.join(", "), test.0.len());
    };
    report("before", &net);
    learn(&mut net, RATE, &task.map(|examples| features.labelled(examples))?, |_| ())?;
    report("after", &net);
    device::write_learned(out, features, &net)
}

/// Learns from each draw, beginning with `net`; prints how many of each part of the test are recognised then: means and deviations over the draws.
/// Returns the means before and after each round, at the last of the rates.
fn try_draws<X, N, const C: usize>(
    what: &str,
    net: &N,
    rates: &[f32],
    draws: &[Task<X>],
    test: &Labelled<X>,
) -> Result<Vec<[f64; 3]>>
where
    X: Array<Elem: Scalar<Float = f32>>,
    N: Layer<X, Out = [f32; C]> + Clone + Sync,
{
    let mut rounds = vec![];
    for rate in rates {
        let learned = draws.par_iter().map(|task| {
            let (mut net, mut rounds) = (Box::new(net.clone()), vec![]);
            learn(&mut *net, *rate, task, |net| rounds.push(shares(net, test, &PARTS)))?;
            Ok(rounds)
        });
        let learned: Vec<Vec<[f64; 3]>> = learned.collect::<Result<_>>()?;
        let stats = |round: usize| {
            [0, 1, 2].map(|part| Stats::new(&learned.iter().map(|rounds| rounds[round][part]).collect::<Vec<_>>()))
        };
        println!("| {what} | {rate} | {} |", stats(ROUNDS).map(|stats| format!("{stats:.2}")).join(" | "));
        rounds = (0..=ROUNDS).map(|round| stats(round).map(|stats| stats.mean)).collect();
    }
    Ok(rounds)
}

/// `count` images of each of these digits, those of a draw.
fn some(Part { images, labels }: &Part, of: Range<usize>, count: usize, draw: usize) -> Labelled<Pixels> {
    let mut seen = [0; DIGITS];
    let wanted = |(_, digit): &(&Pixels, &usize)| {
        seen[**digit] += 1;
        of.contains(digit) && (draw * count..(draw + 1) * count).contains(&(seen[**digit] - 1))
    };
    images.iter().zip(labels).filter(wanted).unzip()
}

/// All images of these digits.
fn all(part: &Part, of: Range<usize>) -> Labelled<Pixels> {
    some(part, of, part.images.len(), 0)
}

fn as_images((pixels, digits): &Labelled<Pixels>) -> Labelled<Image> {
    let image = |pixels: &Pixels| from_fn(|row| from_fn(|column| [pixels[row * SIDE + column]]));
    (pixels.iter().map(image).collect(), digits.clone())
}

fn trained(data: &Mnist, epochs: u32) -> Result<Box<Eight>> {
    let plan = Plan { optimizer: Kind::Adam, learning_rate: 0.001, epochs, batch: 64, seed: 1, resume: None };
    let bar = progress("eight digits", plan.epochs)?;
    let session = Session::<Eight, Image>::new(&plan, Init::GlorotUniform, bar.clone())?;
    let [train, test] = [&data.train, &data.test].map(|part| as_images(&all(part, 0..KNOWN)));
    let [train, test] = [&train, &test].map(|(x, y)| Examples { x, y });
    let trained = classification::train::<_, _, KNOWN>(session, &plan, train, test)?;
    bar.finish_and_clear();
    Ok(trained.net)
}

/// As a device learns; `each` is shown the network before and after each round.
fn learn<N, X, const C: usize>(
    net: &mut N,
    rate: f32,
    Task { given, shown }: &Task<X>,
    mut each: impl FnMut(&N),
) -> Result<()>
where
    N: Layer<X, Out = [f32; C]>,
    X: Array<Elem: Scalar<Float = f32>>,
{
    let (mut learning, mut rng) = (Box::new(Learning::<N, X, C>::new(rate)), Pcg32::seed_from_u64(0));
    for (x, class) in given.0.iter().zip(&given.1) {
        learning.keep(*x, *class, &mut rng)?;
    }
    each(net);
    for round in 0..ROUNDS {
        for (x, class) in shown.0.iter().zip(&shown.1) {
            learning.step(net, x, *class)?;
            if round == 0 {
                learning.keep(*x, *class, &mut rng)?;
            }
        }
        each(net);
    }
    Ok(())
}

/// How many examples of each part of the classes are recognised, in percent.
fn shares<N, X, const C: usize, const P: usize>(
    net: &N,
    (x, classes): &Labelled<X>,
    parts: &[(&str, Range<usize>); P],
) -> [f64; P]
where
    N: Layer<X, Out = [f32; C]>,
    X: Array<Elem: Scalar<Float = f32>>,
{
    let mut pass = Box::new(Pass::<N, X>::ZERO);
    let right: Vec<bool> =
        x.iter().zip(classes).map(|(x, class)| argmax(&pass.run(net, from_ref(x))[0]) == *class).collect();
    parts.each_ref().map(|(_, part)| {
        let of_part = || classes.iter().zip(&right).filter(|(class, _)| part.contains(class));
        let count = of_part().filter(|(_, right)| **right).count();
        100.0 * count as f64 / of_part().count() as f64
    })
}
