//! A graph as steps of one output that read one tensor or two, and what all paths to a tensor go through.

use std::borrow::ToOwned;
use std::format;
use std::vec;
use std::vec::Vec;

use super::{GenerateError, rings};
use crate::exchange::graph::{Graph, Node, Op, Quantization, Value};
use crate::exchange::lower::{self, Kernel, fused, lower};

/// One operator, or a part of one.
pub struct Step {
    /// Number of the operator in the graph.
    pub operator: usize,
    /// What is run.
    pub kernel: Kernel,
    /// One tensor, or two.
    pub inputs: Vec<usize>,
}

/// Where each tensor comes from.
pub struct Paths {
    /// The graph with one input and one output.
    pub graph: Graph,
    /// For each of its operators the number of the model's.
    pub numbers: Vec<usize>,
    /// The step that writes a tensor.
    pub steps: Vec<Option<Step>>,
    /// The last tensor through which all paths to it go, and the number of such tensors before it.
    pub before: Vec<Option<(usize, usize)>>,
}

impl Paths {
    pub fn new(graph: &Graph) -> Result<Self, GenerateError> {
        // Before the graph is changed, so that a refusal names its operators.
        lower(graph)?;
        let (graph, ahead) = with_one_of_each(graph)?;
        let (graph, numbers) = rings::apart(graph);
        let numbers = numbers.into_iter().map(|number| number.saturating_sub(ahead)).collect();
        let count = graph.tensors.len();
        let steps = fused(&graph, lower(&graph)?);
        let mut paths = Self { numbers, steps: (0..count).map(|_| None).collect(), before: vec![None; count], graph };
        paths.before[paths.graph.inputs[0]] = Some((paths.graph.inputs[0], 0));
        for (operator, step) in steps.into_iter().enumerate() {
            let Some(lower::Step { kernel, mut inputs, outputs }) = step else { continue };
            match kernel {
                Kernel::Gather(parts) => {
                    for (part, output) in parts.into_iter().zip(outputs) {
                        let kernel = Kernel::Gather(vec![part]);
                        paths.push(Step { operator, kernel, inputs: inputs.clone() }, output);
                    }
                }
                Kernel::Concatenation(_) if inputs.len() == 1 => {
                    paths.push(Step { operator, kernel: Kernel::Copy, inputs }, outputs[0]);
                }
                Kernel::Concatenation(_) => {
                    while inputs.len() > 1 {
                        // Neighbours first that have most in common.
                        let common = |at: &usize| paths.common(&inputs[*at..*at + 2]).map(|(_, depth)| depth);
                        let at = (0..inputs.len() - 1).rev().max_by_key(common).unwrap_or(0);
                        let pair = inputs[at..at + 2].to_vec();
                        let output = if inputs.len() == 2 { outputs[0] } else { paths.half(operator, &pair) };
                        inputs.splice(at..at + 2, [output]);
                        let kernel = Kernel::Concatenation(vec![]);
                        paths.push(Step { operator, kernel, inputs: pair }, output);
                    }
                }
                kernel => paths.push(Step { operator, kernel, inputs }, outputs[0]),
            }
        }
        Ok(paths)
    }

    /// The tensors between two, without the first one, through which all paths from that to the second go.
    pub fn series(&self, from: usize, to: usize) -> Result<Vec<usize>, GenerateError> {
        let mut tensors = vec![];
        let mut at = to;
        while at != from {
            tensors.push(at);
            let Some((before, _)) = self.before[at].filter(|(before, _)| *before != at) else {
                return Err(GenerateError::Ends);
            };
            at = before;
        }
        tensors.reverse();
        Ok(tensors)
    }

    /// An error at the operator of a step, which writes a tensor.
    pub fn refuse<T>(&self, step: &Step, tensor: usize, why: &'static str) -> Result<T, GenerateError> {
        let name = self.graph.nodes.get(step.operator).map_or("", |node| node.op.name());
        let number = self.numbers.get(step.operator).copied().unwrap_or_default();
        let tensor = self.graph.tensors[tensor].name.clone();
        Err(GenerateError::Untyped { operator: (number, name), tensor, why })
    }

    fn push(&mut self, step: Step, output: usize) {
        self.before[output] = self.common(&step.inputs).map(|(tensor, depth)| (tensor, depth + 1));
        self.steps[output] = Some(step);
    }

    /// A tensor for a part of a concatenation.
    fn half(&mut self, operator: usize, pair: &[usize]) -> usize {
        let [a, b] = [0, 1].map(|i| &self.graph.tensors[pair[i]]);
        let mut value = Value { name: format!("{}, {}", a.name, b.name), data: None, ..a.clone() };
        let axis = self.concatenated(operator);
        value.shape[axis] += b.shape[axis];
        self.steps.push(None);
        self.before.push(None);
        self.graph.add(value)
    }

    /// The axis of a concatenation.
    pub fn concatenated(&self, operator: usize) -> usize {
        if let Op::Concatenation { axis } = self.graph.nodes[operator].op { axis } else { 0 }
    }

    /// The last tensor through which all paths to these go, and how many lie before it.
    fn common(&self, tensors: &[usize]) -> Option<(usize, usize)> {
        let mut computed = tensors.iter().copied().filter(|tensor| self.graph.tensors[*tensor].data.is_none());
        let first = computed.next()?;
        let all = computed.try_fold(first, |all, tensor| self.meet(all, tensor))?;
        Some((all, self.before[all]?.1))
    }

    fn meet(&self, mut a: usize, mut b: usize) -> Option<usize> {
        while a != b {
            let ((before_a, depth_a), (before_b, depth_b)) = (self.before[a]?, self.before[b]?);
            if depth_a >= depth_b {
                a = before_a;
            } else {
                b = before_b;
            }
        }
        Some(a)
    }
}

/// Several inputs as parts of one, outputs likewise, one after another; and how many operators come to stand before the others.
fn with_one_of_each(graph: &Graph) -> Result<(Graph, usize), GenerateError> {
    let mut graph = graph.clone();
    let mut ahead = vec![];
    if graph.inputs.len() != 1 {
        let inputs = core::mem::take(&mut graph.inputs);
        let (whole, parts) = row(&mut graph, "inputs", &inputs)?;
        ahead.push(node(Op::Split { axis: 1 }, &[whole], &parts));
        ahead.extend(parts.iter().zip(&inputs).map(|(part, input)| node(Op::Reshape, &[*part], &[*input])));
        graph.inputs = vec![whole];
    }
    if graph.outputs.len() != 1 {
        let outputs = core::mem::take(&mut graph.outputs);
        let (whole, parts) = row(&mut graph, "outputs", &outputs)?;
        graph.nodes.extend(parts.iter().zip(&outputs).map(|(part, output)| node(Op::Reshape, &[*output], &[*part])));
        graph.nodes.push(node(Op::Concatenation { axis: 1 }, &parts, &[whole]));
        graph.outputs = vec![whole];
    }
    let count = ahead.len();
    graph.nodes.splice(0..0, ahead);
    Ok((graph, count))
}

/// New tensors: the elements of `values` one after another, and each of its parts.
fn row(graph: &mut Graph, name: &str, values: &[usize]) -> Result<(usize, Vec<usize>), GenerateError> {
    let scalar = values.first().map(|first| graph.tensors[*first].scalar).ok_or(GenerateError::Ends)?;
    if values.iter().any(|value| graph.tensors[*value].scalar != scalar) {
        return Err(GenerateError::Ends);
    }
    let elements: Vec<usize> = values.iter().map(|value| graph.tensors[*value].elements()).collect();
    let mut push = |name, elements| {
        let quantization = Some(Quantization { scales: vec![1.0], zero_points: vec![0], axis: 0 });
        graph.add(Value { name, shape: vec![1, elements], scalar, quantization, data: None })
    };
    let whole = push(name.to_owned(), elements.iter().sum());
    let parts = elements.iter().map(|elements| push(name.to_owned(), *elements)).collect();
    Ok((whole, parts))
}

fn node(op: Op, inputs: &[usize], outputs: &[usize]) -> Node {
    Node { op, inputs: inputs.iter().copied().map(Some).collect(), outputs: outputs.into() }
}
