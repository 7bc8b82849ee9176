//! Networks in integers.

use anyhow::Result;
use nerve::executor::Executor;
use nerve::quantise::{Quantised, Range, quantise};
use nerve::{Describe, Tensor, argmax, graph::Graph};
use rayon::prelude::*;

use crate::session::Examples;

/// Inputs that show the ranges of a network's values.
const TYPICAL: usize = 500;

/// The network in integers, with the ranges that the first of the `typical` inputs lead to.
pub fn quantised<X: Tensor<Elem = f32>, N: Describe<X>>(net: &N, typical: &[X]) -> Result<Quantised> {
    let typical: Vec<u8> = typical.iter().take(TYPICAL).flat_map(bytes).collect();
    Ok(quantise(&Graph::of::<X, N>(net)?, &typical, Range::default())?)
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

/// The percentage of held-out examples that a classifier recognises in integers.
pub fn accuracy<X, N>(net: &N, typical: &[X], test: Examples<X, usize>) -> Result<f64>
where
    X: Tensor<Elem = f32> + Sync,
    N: Describe<X>,
{
    let right = recognised(&quantised(net, typical)?, test.x, test.y)?;
    Ok(100.0 * right as f64 / test.x.len() as f64)
}

fn bytes<X: Tensor<Elem = f32>>(x: &X) -> Vec<u8> {
    x.flat().iter().flat_map(|x| x.to_le_bytes()).collect()
}
