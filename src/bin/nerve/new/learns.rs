//! What of a network learns on the device.

use anyhow::{Context, Result, ensure};
use minijinja::{Value, context};
use nerve::codegen::{self, Head};
use nerve::graph::{Graph, Op};

/// The most samples that are kept, and how many of each class.
const KEPT: (usize, usize) = (60, 4);

/// The part of a network that learns.
pub struct Learns {
    /// The last layer that stays as it is, by its number.
    layer: usize,
    /// Numbers that the network finds.
    outputs: usize,
    /// Whether they are no classes.
    values: bool,
}

impl Learns {
    /// All of the small network that a project trains.
    pub const OF_TRAINING: Self = Self { layer: 0, outputs: 3, values: false };

    /// The last layer of a model, of as many outputs as it has or of others; and the layers before it.
    pub fn of(graph: &Graph, outputs: Option<usize>, values: bool) -> Result<(Self, Graph)> {
        let dense = graph.nodes.iter().rev().find(|node| matches!(node.op, Op::FullyConnected { .. }));
        let dense = dense.context(
            "no layer is fully connected, such as the one that learns in the place of the last: begin with `nerve import --cut`",
        )?;
        let [input, output] = [dense.inputs.first().copied().flatten(), dense.outputs.first().copied()];
        let writes = |node: &&nerve::graph::Node| node.outputs.first() == input.as_ref();
        let layer = graph.nodes.iter().position(|node| writes(&node));
        let layer = layer.context("there is one layer, and the one that learns takes the place of the last: train it with `nerve new --learn`")?;
        let of_model = output.and_then(|output| graph.tensors.get(output)?.shape.last().copied());
        let outputs = outputs.or(of_model).context("the last layer has no outputs")?;
        let features = graph.cut(&layer.to_string())?;
        codegen::generate_with_head(&features, "model", Head { outputs, corrections: None, known: None })?;
        ensure!(features.inputs.len() == 1, "the model has {} inputs, and a device takes one", features.inputs.len());
        Ok((Self { layer, outputs, values: values || outputs == 1 }, features))
    }

    pub fn for_templates(&self) -> Value {
        let (most, each) = KEPT;
        context! {
            layer => self.layer,
            outputs => self.outputs,
            task => if self.values { "Values" } else { "Classes" },
            kept => (each * self.outputs.max(3)).min(most.max(self.outputs)),
        }
    }
}
