//! The integer layers before the last one, with a device's bits.

use std::array::from_fn;

use anyhow::{Context, Result, ensure};
use common::session::progress;
use indicatif::ParallelProgressIterator;
use nerve::executor::Executor;
use nerve::graph::{Graph, Value};
use nerve::prelude::*;
use nerve::quant::Quantize;
use rayon::prelude::*;

use crate::Labelled;

/// The layers that make `F` integers of an input.
pub struct Features<const F: usize> {
    executor: Executor,
    /// What names them, in a device's weights files too.
    pub name: u32,
    input: Quantize,
    scale: f32,
    zero_point: i32,
}

impl<const F: usize> Features<F> {
    /// The network up to this layer.
    pub fn new(network: &Graph, layer: &str) -> Result<Self> {
        Self::of(&network.cut(layer)?, layer)
    }

    /// The network up to this layer, without its activation.
    pub fn to_correct(network: &Graph, layer: &str) -> Result<Self> {
        Self::of(&network.cut_before_activation(layer)?.0, layer)
    }

    fn of(graph: &Graph, layer: &str) -> Result<Self> {
        let [input, row] = [graph.inputs[0], graph.outputs[0]].map(|value| &graph.tensors[value]);
        ensure!(row.elements() == F, "layer {layer} makes {} numbers, not {F}", row.elements());
        let (input, (scale, zero_point)) = (meaning(input)?, meaning(row)?);
        let input = Quantize { scale: input.0, zero_point: input.1 as i16, least: -128 };
        Ok(Self { executor: Executor::new(graph)?, name: graph.fingerprint(), input, scale, zero_point })
    }

    /// What their integers mean.
    pub fn meaning(&self) -> Standardize<F> {
        Standardize::new([self.zero_point as f32; F], [self.scale; F])
    }

    /// Numbers as the network takes them.
    pub fn input(&self, numbers: &[f32]) -> Vec<u8> {
        let mut input = vec![0; numbers.len()];
        self.input.run(numbers, &mut input);
        input.into_iter().map(|x| x as u8).collect()
    }

    /// What they make of inputs.
    fn rows<X: AsRef<[f32]> + Sync>(&self, inputs: &[X]) -> Result<Vec<[i8; F]>> {
        let bar = progress("frozen layers", inputs.len() as u32)?;
        let rows = inputs.par_iter().progress_with(bar).map_with(self.executor.clone(), |executor, input| {
            let row = executor.run_all(&self.input(input.as_ref()))?;
            Ok(from_fn(|i| row[i] as i8))
        });
        rows.collect()
    }

    /// Inputs with their classes, as what they make of them.
    pub fn labelled<X: AsRef<[f32]> + Sync>(&self, (inputs, classes): &Labelled<X>) -> Result<Labelled<[i8; F]>> {
        Ok((self.rows(inputs)?, classes.clone()))
    }
}

fn meaning(value: &Value) -> Result<(f32, i32)> {
    let found = value.quantization.as_ref().with_context(|| format!("`{}` is not of integers", value.name))?;
    Ok((found.scales[0], found.zero_points[0]))
}
