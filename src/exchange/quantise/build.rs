//! The graph in integers.

use std::vec;
use std::vec::Vec;

use super::ranges::Measured;
use crate::exchange::graph::{Graph, Lstm, LstmQuantization, Node, Op, Quantization, Scalar, Value};
use crate::layers;

/// For each tensor, one that has the same scale and zero point, the same for all of those.
pub fn groups(graph: &Graph) -> Vec<usize> {
    let mut groups: Vec<usize> = (0..graph.tensors.len()).collect();
    for node in &graph.nodes {
        let tensors: Vec<usize> = match node.op {
            Op::Reshape
            | Op::Squeeze { .. }
            | Op::MaxPool2d(_)
            | Op::AveragePool2d(_)
            | Op::Pad { .. }
            | Op::Concatenation { .. }
            | Op::Split { .. }
            | Op::StridedSlice { .. }
            | Op::Transpose { .. }
            | Op::Ring
            | Op::ResizeNearest { .. } => node.inputs.iter().flatten().chain(&node.outputs).copied().collect(),
            Op::Gather => node.inputs[1..].iter().flatten().chain(&node.outputs).copied().collect(),
            _ => vec![],
        };
        let Some(first) = tensors.first().map(|first| groups[*first]) else { continue };
        for tensor in tensors {
            let old = groups[tensor];
            groups.iter_mut().filter(|group| **group == old).for_each(|group| *group = first);
        }
    }
    groups
}

/// What LiteRT demands of a function's output.
pub fn demanded(op: &Op) -> Option<(f32, i32)> {
    match op {
        Op::Logistic | Op::Softmax { .. } => Some((1.0 / 256.0, -128)),
        Op::Tanh => Some((1.0 / 128.0, 0)),
        _ => None,
    }
}

/// Powers of two that LiteRT has for the scale of cells.
const CELLS: [i32; 7] = [-15, -14, -13, -12, -11, -10, -9];

/// The graph, and for each of the tensors of `float` that it has, both their indices. What writes a tensor of `keep` stays in
/// floats, and so do inputs where the network takes `floats`.
pub fn build(
    float: &Graph,
    groups: &[usize],
    Measured { ranges, cells }: &Measured,
    keep: &[bool],
    floats: bool,
) -> (Graph, Vec<(usize, usize)>) {
    let mut steps: Vec<(f32, i32)> = ranges.iter().map(|(least, greatest)| layers::steps(*least, *greatest)).collect();
    let mut is_kept = kept(float, keep);
    float.inputs.iter().filter(|_| floats).for_each(|input| is_kept[*input] = true);
    // A group that a function alone writes to has what that demands.
    for (group, steps) in steps.iter_mut().enumerate() {
        let mut sources = float.nodes.iter().filter_map(|node| {
            let moves = node.inputs.first().copied().flatten().is_some_and(|x| groups[x] == groups[node.outputs[0]]);
            (groups[node.outputs[0]] == group && !moves).then(|| demanded(&node.op))
        });
        let constants = (0..groups.len()).any(|tensor| {
            groups[tensor] == group && (float.tensors[tensor].data.is_some() || float.inputs.contains(&tensor))
        });
        if let Some(Some(first)) = sources.next()
            && !constants
            && sources.all(|other| other == Some(first))
        {
            *steps = first;
        }
    }
    let mut to = Builder {
        float,
        graph: Graph::default(),
        place: vec![None; groups.len()],
        other: vec![None; groups.len()],
        is_kept,
        groups,
        steps,
        cells,
    };
    to.graph.inputs = float.inputs.iter().map(|input| to.value(*input)).collect();
    for node in &float.nodes {
        to.node(node);
    }
    let end = |output: &usize| if keep[*output] { to.real(*output) } else { to.read(*output) };
    to.graph.outputs = float.outputs.iter().map(end).collect();
    let pairs = to.place.iter().enumerate().filter_map(|(tensor, place)| Some((tensor, (*place)?)));
    let pairs = pairs.filter(|(tensor, _)| float.tensors[*tensor].data.is_none()).collect();
    (to.graph, pairs)
}

/// The tensors that stay what they are: those of `keep`, inputs that are shifted or scaled by constants, in their shape or in another, and what
/// becomes of them; inputs that a node of `keep` reads; what counts rows of a table.
fn kept(graph: &Graph, keep: &[bool]) -> Vec<bool> {
    let mut kept: Vec<bool> = graph.tensors.iter().map(|value| value.scalar != Scalar::F32).collect();
    // An input with its elements in other shapes, in their order.
    let mut shapes: Vec<Vec<usize>> = graph.inputs.iter().map(|input| vec![*input]).collect();
    for node in &graph.nodes {
        if let (Op::Reshape | Op::Squeeze { .. }, [Some(x), ..]) = (&node.op, &node.inputs[..]) {
            shapes.iter_mut().filter(|shapes| shapes.contains(x)).for_each(|shapes| shapes.push(node.outputs[0]));
        }
        let keeps = node.outputs.iter().any(|output| keep[*output]);
        let read = node.inputs.iter().flatten().filter(|input| graph.tensors[**input].data.is_none());
        let read: Vec<usize> = read.copied().collect();
        let goes_on = match node.op {
            Op::Cast => true,
            Op::Add { .. } | Op::Mul { .. } => read.len() == 1,
            _ => false,
        };
        for x in read {
            let input = shapes.iter().find(|shapes| shapes.contains(&x));
            if keeps || goes_on && (kept[x] || input.is_some()) {
                let until = input.and_then(|shapes| shapes.iter().position(|shape| *shape == x));
                let before = input.into_iter().flatten().take(until.map_or(0, |until| until + 1));
                before.chain(&node.outputs).for_each(|tensor| kept[*tensor] = true);
            }
        }
    }
    kept
}

struct Builder<'f> {
    float: &'f Graph,
    graph: Graph,
    /// Where each tensor is in the new graph.
    place: Vec<Option<usize>>,
    /// Where each tensor of floats is in integers, and each one of integers in floats, if something reads it so.
    other: Vec<Option<usize>>,
    is_kept: Vec<bool>,
    groups: &'f [usize],
    /// Of each group.
    steps: Vec<(f32, i32)>,
    /// How far the cells behind each tensor are from 0.
    cells: &'f [f32],
}

impl Builder<'_> {
    /// A tensor that is not a constant, as it is written.
    fn value(&mut self, tensor: usize) -> usize {
        let steps = (!self.is_kept[tensor]).then(|| self.steps[self.groups[tensor]]);
        let place = self.graph.add(integers(&self.float.tensors[tensor], steps));
        self.place[tensor] = Some(place);
        place
    }

    /// A tensor as an operator of integers reads it.
    fn read(&mut self, tensor: usize) -> usize {
        let steps = self.steps[self.groups[tensor]];
        let value = &self.float.tensors[tensor];
        if let Some(elements) = value.floats() {
            let quantised = elements.iter().map(|x| quantised(*x, steps) as u8).collect();
            return self.graph.add(Value { data: Some(quantised), ..integers(value, Some(steps)) });
        }
        let place = self.place[tensor].unwrap_or_default();
        if !self.is_kept[tensor] || value.scalar != Scalar::F32 {
            return place;
        }
        if let Some(found) = self.other[tensor] {
            return found;
        }
        let found = self.graph.add(integers(value, Some(steps)));
        self.graph.nodes.push(Node { op: Op::Quantize, inputs: vec![Some(place)], outputs: vec![found] });
        self.other[tensor] = Some(found);
        found
    }

    /// A tensor as an operator of floats reads it.
    fn real(&mut self, tensor: usize) -> usize {
        let value = &self.float.tensors[tensor];
        if value.data.is_some() {
            return self.graph.add(value.clone());
        }
        let place = self.place[tensor].unwrap_or_default();
        if self.is_kept[tensor] {
            return place;
        }
        if let Some(found) = self.other[tensor] {
            return found;
        }
        let found = self.graph.add(integers(value, None));
        self.graph.nodes.push(Node { op: Op::Dequantize, inputs: vec![Some(place)], outputs: vec![found] });
        self.other[tensor] = Some(found);
        found
    }

    fn node(&mut self, node: &Node) {
        let output = node.outputs[0];
        if self.is_kept[output] {
            let inputs = node.inputs.iter().map(|input| input.map(|input| self.real(input))).collect();
            let outputs = node.outputs.iter().map(|output| self.value(*output)).collect();
            self.graph.nodes.push(Node { op: node.op.clone(), inputs, outputs });
            return;
        }
        let op = match node.op {
            Op::UnidirectionalSequenceLstm(lstm) => {
                let quantization = Some(self.inside(output));
                Op::UnidirectionalSequenceLstm(Lstm { quantization, ..lstm })
            }
            _ => node.op.clone(),
        };
        let inputs = match node.op {
            Op::UnidirectionalSequenceLstm(_) => self.gates(node, 4),
            Op::Gru => self.gates(node, 3),
            Op::FullyConnected { .. } | Op::Conv2d(_) | Op::TransposeConv(_) => self.weighted(node, false),
            Op::DepthwiseConv2d(_) => self.weighted(node, true),
            _ => node.inputs.iter().map(|input| input.map(|input| self.read(input))).collect(),
        };
        let steps = self.steps[self.groups[output]];
        if let Some(demanded) = demanded(&node.op).filter(|demanded| *demanded != steps) {
            let written = self.graph.add(integers(&self.float.tensors[output], Some(demanded)));
            self.graph.nodes.push(Node { op, inputs, outputs: vec![written] });
            let outputs = vec![self.value(output)];
            self.graph.nodes.push(Node { op: Op::Quantize, inputs: vec![Some(written)], outputs });
            return;
        }
        self.limit(node);
        let outputs = node.outputs.iter().map(|output| self.value(*output)).collect();
        self.graph.nodes.push(Node { op, inputs, outputs });
    }

    /// Coarser steps of an output than its range needs, where LiteRT's multipliers would be too large.
    fn limit(&mut self, node: &Node) {
        let largest = node.inputs.iter().flatten().map(|input| self.steps[self.groups[*input]].0).fold(0.0, f32::max);
        let least = match node.op {
            Op::Add { .. } => largest * 2.0_f32.powi(-18),
            Op::HardSwish => largest / 64.0,
            _ => return,
        };
        let (scale, zero_point) = &mut self.steps[self.groups[node.outputs[0]]];
        if *scale < least {
            (*scale, *zero_point) = (least, 0);
        }
    }

    /// The input of a product, weights with a scale for each output, and biases.
    fn weighted(&mut self, node: &Node, outputs_last: bool) -> Vec<Option<usize>> {
        let &[Some(x), Some(w), ..] = &node.inputs[..] else { return vec![] };
        let x = self.read(x);
        let input = self.graph.tensors[x].quantization.as_ref().map_or(1.0, |found| found.scales[0]);
        let value = &self.float.tensors[w];
        let weights = value.floats().unwrap_or_default();
        let outputs = if outputs_last { value.shape.last() } else { value.shape.first() }.copied().unwrap_or(1);
        let row = weights.len() / outputs;
        let output = |at: usize| if outputs_last { at % outputs } else { at / row };
        let bias = node.inputs.get(2).copied().flatten();
        let biases = bias.and_then(|bias| self.float.tensors[bias].floats()).unwrap_or_else(|| vec![0.0; outputs]);
        let mut scales = vec![f32::MIN_POSITIVE; outputs];
        for (at, w) in weights.iter().enumerate() {
            scales[output(at)] = scales[output(at)].max(w.abs() / 127.0);
        }
        for (scale, bias) in scales.iter_mut().zip(&biases) {
            // A bias takes 31 bits at most.
            *scale = scale.max(bias.abs() / input / (1 << 30) as f32);
        }
        let axis = if outputs_last && outputs > 1 { value.shape.len() - 1 } else { 0 };
        let data = weights.iter().enumerate().map(|(at, w)| libm::roundf(w / scales[output(at)]) as i8 as u8).collect();
        let of_biases: Vec<f32> = scales.iter().map(|scale| input * scale).collect();
        let rounded = biases.iter().zip(&of_biases).flat_map(|(bias, scale)| nearest(*bias, *scale)).collect();
        let name = bias.map_or("biases", |bias| &self.float.tensors[bias].name[..]);
        let weights = constant(&value.name, &value.shape, Scalar::I8, axis, scales, data);
        let biases = constant(name, &[outputs], Scalar::I32, 0, of_biases, rounded);
        [x, self.graph.add(weights), self.graph.add(biases)].map(Some).into()
    }

    /// The input of a recurrent operator, weights with a scale for each gate, biases in the steps of the products that they are added to.
    /// Outputs are read again as they are written.
    fn gates(&mut self, node: &Node, gates: usize) -> Vec<Option<usize>> {
        let Some(Some(x)) = node.inputs.first() else { return vec![] };
        let x = self.read(*x);
        let input = self.graph.tensors[x].quantization.as_ref().map_or(1.0, |found| found.scales[0]);
        let (state, _) = self.steps[self.groups[node.outputs[0]]];
        let mut inputs = vec![Some(x)];
        let mut scales = vec![];
        for at in node.inputs[1..].iter().flatten() {
            let Value { name, shape, .. } = &self.float.tensors[*at];
            let elements = self.float.tensors[*at].floats().unwrap_or_default();
            let made = if shape.len() == 1 {
                // Behind those of the gates, that of a GRU's last hidden product.
                let gate = inputs.len() - 1 - 2 * gates;
                let scale: f32 = if gate < gates { input * scales[gate] } else { state * scales[2 * gates - 1] };
                let data = elements.iter().flat_map(|bias| nearest(*bias, scale)).collect();
                constant(name, shape, Scalar::I32, 0, vec![scale], data)
            } else {
                let scale = elements.iter().fold(f32::MIN_POSITIVE, |scale, w| scale.max(w.abs() / 127.0));
                scales.push(scale);
                let data = elements.iter().map(|w| libm::roundf(w / scale) as i8 as u8).collect();
                constant(name, shape, Scalar::I8, 0, vec![scale], data)
            };
            inputs.push(Some(self.graph.add(made)));
        }
        inputs
    }

    /// What integers inside of long short-term memory mean, which writes `output`.
    fn inside(&self, output: usize) -> LstmQuantization {
        let state = self.steps[self.groups[output]];
        let cell = CELLS.map(|power| 2_f32.powi(power));
        let fits = cell.iter().find(|cell| 32_767.0 * **cell >= self.cells[output]);
        let cell = fits.copied().unwrap_or(cell[CELLS.len() - 1]);
        LstmQuantization { cell, state, hidden: state }
    }
}

/// A constant of integers without zero points.
fn constant(name: &str, shape: &[usize], scalar: Scalar, axis: usize, scales: Vec<f32>, data: Vec<u8>) -> Value {
    Value {
        name: name.into(),
        shape: shape.into(),
        scalar,
        quantization: Some(Quantization { zero_points: vec![0; scales.len()], scales, axis }),
        data: Some(data),
    }
}

/// The nearest integer of 32 bits.
fn nearest(x: f32, scale: f32) -> [u8; 4] {
    (libm::round(f64::from(x) / f64::from(scale)) as i32).to_le_bytes()
}

/// The tensor in integers, if it has steps.
fn integers(value: &Value, steps: Option<(f32, i32)>) -> Value {
    Value {
        name: value.name.clone(),
        shape: value.shape.clone(),
        scalar: if steps.is_some() { Scalar::I8 } else { value.scalar },
        quantization: steps.map(|(scale, zero)| Quantization { scales: vec![scale], zero_points: vec![zero], axis: 0 }),
        data: None,
    }
}

/// The integer nearest to `x`.
pub fn quantised(x: f32, (scale, zero_point): (f32, i32)) -> i8 {
    (libm::roundf(x / scale) as i32).saturating_add(zero_point).clamp(-128, 127) as i8
}
