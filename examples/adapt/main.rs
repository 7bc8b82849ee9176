//! New digits, or sounds, from a few examples of each: by the last layer alone, on integers that a device's frozen layers make, and for comparison by the
//! whole network in floats.

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
use common::{classification, integers};
use features::Features;
use learning::{Head, Learning, RATE, ROUNDS};
use nerve::prelude::*;
use nerve::{Array, Layer, Scalar};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

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
const FLOAT_RATE: f32 = 0.01;
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
    /// Likewise with the keyword network of MLPerf Tiny, `kws_int8.tflite`, of which a new last layer learns sounds that are no words.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["firmware", "device"])]
    keywords: Option<PathBuf>,
    /// For the picture, and for the device.
    #[arg(long, default_value = "target/adapt")]
    out: PathBuf,
}

/// The digits that the network is trained on, and the new ones.
const PARTS: [(&str, Range<usize>); 2] = [("the eight digits", 0..KNOWN), ("the two new ones", KNOWN..DIGITS)];

/// Inputs with their classes.
type Labelled<X> = (Vec<X>, Vec<usize>);

fn main() -> ExitCode {
    options::end(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    if let Some(file) = &options.keywords {
        return sounds::run(file, &options.out);
    }
    let data = Source::Digits.load(options.data.as_deref())?;
    let given = first(&data.train, 0..KNOWN, GIVEN);
    let shown = first(&data.train, KNOWN..DIGITS, SHOWN);
    let task = Task { given, shown, test: first(&data.test, 0..DIGITS, usize::MAX) };
    if let Some(folder) = &options.device {
        let (network, mut head) = device::read(folder)?;
        let features = Features::new(&network, LAST)?;
        return task.by_rows(&features, &mut head, &PARTS, Some(&options.out)).map(drop);
    }

    let eight = trained(&data, options.epochs)?;
    let mut ten = Box::new(Ten::ZERO);
    ten.0.clone_from(&eight.0);
    for (to, from) in ten.1.w.iter_mut().chain([&mut ten.1.b]).zip(eight.1.w.iter().chain([&eight.1.b])) {
        to[..KNOWN].copy_from_slice(from);
    }
    let typical = as_images(&first(&data.train, 0..KNOWN, TYPICAL));
    let network = integers::quantised(&*eight, &typical.0)?.graph;
    let features = Features::new(&network, LAST)?;
    let mut head = (features.meaning(), ten.1.clone());
    if let Some(folder) = &options.firmware {
        device::write_firmware(folder, &network, &features, &head)?;
    }
    let by_last = task.by_rows(&features, &mut head, &PARTS, None)?;
    let Task { given, shown, test } = task;
    let (test, mut by_all) = (as_images(&test), vec![]);
    learn(&mut *ten, FLOAT_RATE, &as_images(&given), &as_images(&shown), |ten| {
        by_all.push(shares(ten, &test, &PARTS))
    })?;
    report("all layers, in floats", &by_all[ROUNDS], &PARTS);
    let curves = [("the last layer, on integers", by_last), ("all layers, in floats", by_all)].into_iter();
    let curves = curves.flat_map(|(name, rounds)| {
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

/// What is to be learned from examples, and what it is tested on.
struct Task<X> {
    /// To keep from the beginning.
    given: Labelled<X>,
    /// New ones.
    shown: Labelled<X>,
    test: Labelled<X>,
}

impl<X: AsRef<[f32]> + Sync> Task<X> {
    /// The last layer learns from what the frozen ones make of the inputs; `out` takes what a device needs to do the same. Returns the shares
    /// that it recognises, before and after each round.
    fn by_rows<const F: usize, const C: usize>(
        &self,
        features: &Features<F>,
        head: &mut Head<F, C>,
        parts: &[(&str, Range<usize>)],
        out: Option<&Path>,
    ) -> Result<Vec<Vec<f64>>> {
        let rows = |(x, classes): &Labelled<X>| Ok::<_, anyhow::Error>((features.rows(x)?, classes.clone()));
        if let Some(out) = out {
            device::write_shown(out, features, head, &self.given, &self.shown)?;
        }
        let (test, mut rounds) = (rows(&self.test)?, vec![]);
        learn(head, RATE, &rows(&self.given)?, &rows(&self.shown)?, |head| rounds.push(shares(head, &test, parts)))?;
        report("before", &rounds[0], parts);
        report("the last layer, on integers", &rounds[ROUNDS], parts);
        out.map_or(Ok(()), |out| device::write_learned(out, features, head))?;
        Ok(rounds)
    }
}

/// The first `count` images of each of these digits.
fn first(Part { images, labels }: &Part, of: Range<usize>, count: usize) -> Labelled<Pixels> {
    let mut taken = [0; DIGITS];
    let wanted = |(_, digit): &(&Pixels, &usize)| {
        let wanted = of.contains(digit) && taken[**digit] < count;
        taken[**digit] += usize::from(wanted);
        wanted
    };
    images.iter().zip(labels).filter(wanted).unzip()
}

fn as_images((pixels, digits): &Labelled<Pixels>) -> Labelled<Image> {
    let image = |pixels: &Pixels| from_fn(|row| from_fn(|column| [pixels[row * SIDE + column]]));
    (pixels.iter().map(image).collect(), digits.clone())
}

fn trained(data: &Mnist, epochs: u32) -> Result<Box<Eight>> {
    let plan = Plan { optimizer: Kind::Adam, learning_rate: 0.001, epochs, batch: 64, seed: 1, resume: None };
    let bar = progress("eight digits", plan.epochs)?;
    let session = Session::<Eight, Image>::new(&plan, Init::GlorotUniform, bar.clone())?;
    let [train, test] = [&data.train, &data.test].map(|part| as_images(&first(part, 0..KNOWN, usize::MAX)));
    let [train, test] = [&train, &test].map(|(x, y)| Examples { x, y });
    let trained = classification::train::<_, _, KNOWN>(session, &plan, train, test)?;
    bar.finish_and_clear();
    Ok(trained.net)
}

/// As a device learns; `each` is shown the network before and after each round.
fn learn<N, X, const C: usize>(
    net: &mut N,
    rate: f32,
    given: &Labelled<X>,
    shown: &Labelled<X>,
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

/// Percent of the examples of each part of the classes that are recognised.
fn shares<N, X, const C: usize>(net: &N, (x, classes): &Labelled<X>, parts: &[(&str, Range<usize>)]) -> Vec<f64>
where
    N: Layer<X, Out = [f32; C]>,
    X: Array<Elem: Scalar<Float = f32>>,
{
    let mut pass = Box::new(Pass::<N, X>::ZERO);
    let right: Vec<bool> =
        x.iter().zip(classes).map(|(x, class)| argmax(&pass.run(net, from_ref(x))[0]) == *class).collect();
    let share = |(_, part): &(&str, Range<usize>)| {
        let of_part = || classes.iter().zip(&right).filter(|(class, _)| part.contains(class));
        100.0 * of_part().filter(|(_, right)| **right).count() as f64 / of_part().count() as f64
    };
    parts.iter().map(share).collect()
}

fn report(what: &str, shares: &[f64], parts: &[(&str, Range<usize>)]) {
    let shares = shares.iter().zip(parts).map(|(share, (name, _))| format!("{share:.2} % of the held-out of {name}"));
    println!("{what}: {}", shares.collect::<Vec<_>>().join(", "));
}
