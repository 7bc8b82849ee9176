//! What quantisation costs.

use core::fmt;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::build::quantised;
use super::{QuantiseError, Quantised, examples_of};
use crate::exchange::executor::Executor;
use crate::exchange::graph::{Graph, Scalar};
use crate::layers::argmax;

/// Decibels of a bit.
const BIT: f32 = 6.0;

/// The float network beside the integer one, on examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// One for each operator, in their order.
    pub layers: Vec<LayerNoise>,
    /// Of each example, the index of the greatest output in floats and in integers.
    pub greatest: Vec<[usize; 2]>,
}

impl Report {
    /// In how many examples both have the same greatest output.
    pub fn agreeing(&self) -> usize {
        self.greatest.iter().filter(|[float, integer]| float == integer).count()
    }

    /// The layer in which most decibels are lost, and how many, if that is more than a bit: the first one to keep in floats, or to let
    /// [learn with rounding](crate::Round).
    pub fn most_lost(&self) -> Option<(&LayerNoise, f32)> {
        let drops = self.layers.windows(2).map(|pair| (&pair[1], pair[0].decibels - pair[1].decibels));
        // An infinite one comes behind layers that only move what is exact.
        let drops = drops.filter(|(_, drop)| drop.is_finite() && *drop > BIT);
        drops.max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// How far the output of an operator is from that of floats.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNoise {
    /// The operator, as LiteRT calls it.
    pub operator: &'static str,
    /// The tensor that it writes.
    pub tensor: String,
    /// Signal to quantisation noise in decibels: `10 log₁₀(Σ x² / Σ (x - x̂)²)`, of all layers until there; infinite without noise.
    pub decibels: f32,
}

impl Quantised {
    /// Runs both networks on `examples`, which should not be those that the ranges were found with.
    pub fn report(&self, examples: &[u8]) -> Result<Report, QuantiseError> {
        let (mut float, mut integer) = (Executor::new(&self.float)?, Executor::new(&self.graph)?);
        let examples = examples_of(&self.float, examples)?;
        let mut sums = vec![(0.0, 0.0); self.pairs.len()];
        let mut greatest = vec![];
        for example in examples {
            float.run_all(example)?;
            integer.run_all(&self.inputs(example))?;
            for ((tensor, integers), (signal, noise)) in self.pairs.iter().zip(&mut sums) {
                for (x, y) in float.floats(*tensor).iter().zip(real(&integer, &self.graph, *integers)) {
                    *signal += f64::from(*x) * f64::from(*x);
                    *noise += (f64::from(*x) - f64::from(y)).powi(2);
                }
            }
            let [Some(a), Some(b)] = [self.float.outputs.first(), self.graph.outputs.first()] else { continue };
            greatest.push([argmax(float.floats(*a)), argmax(&real(&integer, &self.graph, *b))]);
        }
        let layers = self.float.nodes.iter().filter_map(|node| {
            let at = self.pairs.iter().position(|(tensor, _)| *tensor == node.outputs[0])?;
            let (signal, noise) = sums[at];
            let decibels = if noise > 0.0 { 10.0 * (signal / noise).log10() } else { f64::INFINITY } as f32;
            let tensor = self.float.tensors[node.outputs[0]].name.clone();
            Some(LayerNoise { operator: node.op.name(), tensor, decibels })
        });
        Ok(Report { layers: layers.collect(), greatest })
    }

    /// The inputs of an example as the integer network takes them.
    pub fn inputs(&self, mut example: &[u8]) -> Vec<u8> {
        let mut found = vec![];
        for input in &self.graph.inputs {
            let value = &self.graph.tensors[*input];
            let length = 4 * value.elements();
            let (x, rest) = example.split_at_checked(length).unwrap_or((example, &[]));
            example = rest;
            match value.quantization.as_ref().filter(|_| value.scalar == Scalar::I8) {
                None => found.extend_from_slice(x),
                Some(steps) => {
                    let steps = (steps.scales[0], steps.zero_points[0]);
                    let floats = x.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
                    found.extend(floats.map(|x| quantised(x, steps) as u8));
                }
            }
        }
        found
    }
}

/// What the elements of a tensor mean.
fn real(executor: &Executor, graph: &Graph, tensor: usize) -> Vec<f32> {
    match &graph.tensors[tensor].quantization {
        None => executor.floats(tensor).to_vec(),
        Some(steps) => {
            let (scale, zero) = (steps.scales[0], steps.zero_points[0]);
            executor.integers(tensor).iter().map(|q| scale * (i32::from(*q) - zero) as f32).collect()
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let width = self.layers.iter().map(|layer| layer.tensor.len()).max().unwrap_or(0);
        for LayerNoise { operator, tensor, decibels } in &self.layers {
            // A bar of half the decibels: 6 are a bit.
            let bar = "#".repeat((decibels.clamp(0.0, 80.0) / 2.0) as usize);
            writeln!(f, "{operator:24} {tensor:width$} {decibels:6.1} dB {bar}")?;
        }
        writeln!(f, "the greatest output is the same in {} of {} examples", self.agreeing(), self.greatest.len())?;
        match self.most_lost() {
            Some((LayerNoise { tensor, .. }, drop)) => {
                writeln!(
                    f,
                    "most is lost in `{tensor}`: {drop:.1} dB; the first one to keep in floats, or to let learn with rounding"
                )
            }
            None => Ok(()),
        }
    }
}
