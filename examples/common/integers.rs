//! Networks in integers.

use anyhow::Result;
use indicatif::ProgressBar;
use nerve::executor::Executor;
use nerve::prelude::*;
use nerve::quantise::{Quantised, Range, quantise};
use nerve::{Describe, Layer, Round, Tensor, graph::Graph};
use rayon::prelude::*;

use crate::classification;
use crate::options::Plan;
use crate::session::{Examples, Session};
use crate::table::Stats;

/// Inputs that show the ranges of a network's values.
const TYPICAL: usize = 500;
/// Of training with rounding.
const EPOCHS: u32 = 2;
/// How much slower that learns.
const SLOWER: f32 = 0.1;

/// The network in integers, with the ranges that the first of the `typical` inputs lead to.
pub fn quantised<X: Tensor<Elem = f32>, N: Describe<X>>(net: &N, typical: &[X]) -> Result<Quantised> {
    with_range(net, typical, Range::default())
}

fn with_range<X: Tensor<Elem = f32>, N: Describe<X>>(net: &N, typical: &[X], range: Range) -> Result<Quantised> {
    let typical: Vec<u8> = typical.iter().take(TYPICAL).flat_map(bytes).collect();
    Ok(quantise(&Graph::of::<X, N>(net)?, &typical, range, &[])?)
}

/// How many of the examples a classifier in integers recognises.
pub fn recognised<X: Tensor<Elem = f32> + Sync>(net: &Quantised, x: &[X], classes: &[usize]) -> Result<usize> {
    let executor = Executor::new(&net.graph)?;
    let right = x.par_iter().zip(classes).map_with(executor, |executor, (x, class)| {
        let outputs = executor.run_all(&net.inputs(&bytes(x)))?;
        Ok(usize::from(argmax(&outputs.iter().map(|y| *y as i8).collect::<Vec<_>>()) == *class))
    });
    right.sum()
}

/// Held-out accuracies of a network in percent: in floats, in integers with the ranges of each [`Range`], and in integers after it has learned
/// with rounding.
pub type Accuracies = [f64; 4];

/// The accuracies of a network whose training in floats, by a `plan`, has ended with the accuracy `floats` in percent; it learns on with rounding.
pub fn compare<X, N, const C: usize>(
    net: &N,
    floats: f64,
    plan: &Plan,
    train: Examples<X, usize>,
    test: Examples<X, usize>,
) -> Result<Accuracies>
where
    X: Tensor<Elem = f32> + Sync,
    N: Describe<X> + Round<Rounded: Describe<X> + Layer<X, Out = [f32; C]>>,
{
    let plan = Plan { epochs: EPOCHS, learning_rate: SLOWER * plan.learning_rate, resume: None, ..*plan };
    let mut session = Session::<N::Rounded, X>::new(&plan, Init::GlorotUniform, ProgressBar::hidden())?;
    net.round_into(&mut session.net);
    let rounded = classification::train(session, &plan, train, test)?.net;
    let of = |range| accuracy(&with_range(net, train.x, range)?, test);
    let learned = accuracy(&quantised(&*rounded, train.x)?, test)?;
    Ok([floats, of(Range::MinMax)?, of(Range::MeanSquaredError)?, learned])
}

fn accuracy<X: Tensor<Elem = f32> + Sync>(net: &Quantised, test: Examples<X, usize>) -> Result<f64> {
    Ok(100.0 * recognised(net, test.x, test.y)? as f64 / test.x.len() as f64)
}

/// Prints the head of a table.
pub fn heading() {
    println!(
        "| accuracy, % | seeds | floats | integers: minimum and maximum | least squared error | after {EPOCHS} epochs with rounding |"
    );
    println!("|---|---|---|---|---|---|");
}

/// Prints the means over seeds, and of integers how far they are from floats.
pub fn row(name: &str, seeds: &[Accuracies]) {
    let mean = |column: usize| Stats::new(&seeds.iter().map(|seed| seed[column]).collect::<Vec<_>>()).mean;
    let floats = mean(0);
    print!("| {name} | {} | {floats:.2} |", seeds.len());
    for column in 1..4 {
        print!(" {:.2} ({:+.2}) |", mean(column), mean(column) - floats);
    }
    println!();
}

fn bytes<X: Tensor<Elem = f32>>(x: &X) -> Vec<u8> {
    x.flat().iter().flat_map(|x| x.to_le_bytes()).collect()
}
