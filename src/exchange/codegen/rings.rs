//! Ring buffers as they take the least memory: each is read once, and holds only what is read of it.

use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

use crate::exchange::graph::{Graph, Node, Op, Value};

/// A ring buffer that nobody has read yet.
#[derive(Clone)]
struct Ring {
    /// What is new at each step.
    x: usize,
    /// What comes first.
    start: Value,
    /// That is longer than both.
    axis: usize,
}

/// The graph with ring buffers of the parts that splits and slices take of them, and of each reader its own; and the number that each of
/// its operators had.
pub fn apart(mut graph: Graph) -> (Graph, Vec<usize>) {
    let nodes = core::mem::take(&mut graph.nodes);
    let mut apart = Apart { graph, numbers: vec![], rings: BTreeMap::new() };
    for (number, node) in nodes.into_iter().enumerate() {
        apart.node(node);
        apart.numbers.resize(apart.graph.nodes.len(), number);
    }
    for output in apart.graph.outputs.clone() {
        if let Some(ring) = apart.rings.remove(&output) {
            apart.put(ring, output);
        }
    }
    let Apart { graph, mut numbers, .. } = apart;
    numbers.resize(graph.nodes.len(), 0);
    (graph, numbers)
}

struct Apart {
    graph: Graph,
    numbers: Vec<usize>,
    /// By the tensor that they are in the graph.
    rings: BTreeMap<usize, Ring>,
}

impl Apart {
    fn node(&mut self, mut node: Node) {
        let first = node.inputs.first().copied().flatten();
        let shape = |tensor: usize| &self.graph.tensors[tensor].shape;
        match (&node.op, first, &node.outputs[..], &node.inputs[..]) {
            (Op::Ring, _, &[y], &[Some(x), Some(start)]) => {
                let axis = shape(x).iter().zip(shape(y)).position(|(x, y)| x != y).unwrap_or(0);
                self.rings.insert(y, Ring { x, start: self.graph.tensors[start].clone(), axis });
                return;
            }
            (Op::Split { axis }, Some(whole), outputs, _) => {
                if let Some(ring) = self.rings.get(&whole).filter(|ring| ring.axis != *axis).cloned() {
                    let mut parts = vec![];
                    let mut begin = 0;
                    for output in outputs {
                        let len = self.graph.tensors[*output].shape[*axis];
                        let mut x = self.graph.tensors[ring.x].clone();
                        x.shape[*axis] = len;
                        let x = self.graph.add(x);
                        parts.push(x);
                        self.rings
                            .insert(*output, Ring { x, start: part(&ring.start, *axis, begin, len), axis: ring.axis });
                        begin += len;
                    }
                    let (op, inputs) = (Op::Split { axis: *axis }, vec![Some(ring.x)]);
                    self.graph.nodes.push(Node { op, inputs, outputs: parts });
                    return;
                }
            }
            (Op::StridedSlice { slices }, Some(whole), &[y], _) => {
                if let Some(ring) = self.rings.get(&whole) {
                    let (from, to) = (shape(whole), shape(y));
                    let new = shape(ring.x)[ring.axis];
                    let last = slices.iter().zip(from).enumerate().all(|(axis, (slice, length))| {
                        let whole = axis == ring.axis || slice.len == *length;
                        slice.step == 1 && !slice.drop && whole && slice.begin + slice.len == *length
                    });
                    if last && to[ring.axis] > new {
                        let (kept, before) = (to[ring.axis] - new, from[ring.axis] - to[ring.axis]);
                        let ring = Ring { start: part(&ring.start, ring.axis, before, kept), ..*ring };
                        self.rings.insert(y, ring);
                        return;
                    }
                }
            }
            _ => {}
        }
        for input in node.inputs.iter_mut().flatten() {
            if let Some(ring) = self.rings.get(input).cloned() {
                *input = self.graph.add(self.graph.tensors[*input].clone());
                self.put(ring, *input);
            }
        }
        self.graph.nodes.push(node);
    }

    /// The node that a ring buffer is.
    fn put(&mut self, ring: Ring, y: usize) {
        let inputs = vec![Some(ring.x), Some(self.graph.add(ring.start))];
        self.graph.nodes.push(Node { op: Op::Ring, inputs, outputs: vec![y] });
    }
}

/// Some of a constant's elements along an axis.
fn part(whole: &Value, axis: usize, begin: usize, len: usize) -> Value {
    let behind = whole.shape[axis + 1..].iter().product::<usize>() * whole.scalar.bytes();
    let chunks = whole.data.as_deref().unwrap_or_default().chunks(whole.shape[axis] * behind);
    let data = chunks.flat_map(|chunk| chunk.iter().skip(begin * behind).take(len * behind)).copied().collect();
    let mut shape = whole.shape.clone();
    shape[axis] = len;
    Value { shape, data: Some(data), name: whole.name.clone(), quantization: whole.quantization.clone(), ..*whole }
}
