//! A graph, run on the host.

use core::fmt;
use std::vec;
use std::vec::Vec;

use bytemuck::{cast_slice, cast_slice_mut};

use super::graph::{Graph, Scalar, Value};
use super::lower::{Filling, Kernel, LowerError, Step, Unfit, lower};
use crate::quant::{Cast, Embedding, Table};

/// Bytes that the values of a graph may take at most.
pub const MEMORY: usize = 1 << 30;

/// A graph with the memory to run it.
///
/// Integers are computed by the operators of [`quant`](crate::quant), with the bits of LiteRT's reference kernels, and hence as on a device.
/// Ring buffers go on from one run to the next.
#[derive(Clone, Debug)]
pub struct Executor {
    steps: Vec<Step>,
    values: Vec<Data>,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

/// The inputs are not as long as the graph's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputError {
    /// Which one, from 0; the number of inputs if there are too many or too few.
    pub input: usize,
    /// Bytes that it should have, or the number of inputs.
    pub expected: usize,
    /// Bytes that it has, or the number of inputs.
    pub found: usize,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "input {} has {} bytes instead of {}", self.input, self.found, self.expected)
    }
}

impl core::error::Error for InputError {}

/// The elements of a tensor; `u8` by their bits.
#[derive(Clone, Debug)]
enum Data {
    I8(Vec<i8>),
    F32(Vec<f32>),
    I32(Vec<i32>),
}

impl Data {
    fn zeros(value: &Value) -> Self {
        match value.scalar {
            Scalar::F32 => Self::F32(vec![0.0; value.elements()]),
            Scalar::I8 | Scalar::U8 => Self::I8(vec![0; value.elements()]),
            Scalar::I32 => Self::I32(vec![0; value.elements()]),
            // No operator computes with them.
            Scalar::I64 => Self::I8(vec![]),
        }
    }

    fn bytes(&self) -> &[u8] {
        const { assert!(cfg!(target_endian = "little"), "bytes of a graph are those of its memory") };
        match self {
            Self::I8(data) => cast_slice(data),
            Self::F32(data) => cast_slice(data),
            Self::I32(data) => cast_slice(data),
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::I8(data) => cast_slice_mut(data),
            Self::F32(data) => cast_slice_mut(data),
            Self::I32(data) => cast_slice_mut(data),
        }
    }

    fn integers(&self) -> &[i8] {
        if let Self::I8(data) = self { data } else { &[] }
    }

    fn floats(&self) -> &[f32] {
        if let Self::F32(data) = self { data } else { &[] }
    }

    fn words(&self) -> &[i32] {
        if let Self::I32(data) = self { data } else { &[] }
    }
}

impl Executor {
    /// Checks the graph and takes memory for its values.
    pub fn new(graph: &Graph) -> Result<Self, LowerError> {
        let steps = lower(graph)?;
        let bytes = graph.tensors.iter().fold(0_usize, |sum, value| sum.saturating_add(value.bytes()));
        if bytes > MEMORY {
            return Err(LowerError { operator: None, tensor: Default::default(), why: Unfit::Memory });
        }
        let values = graph.tensors.iter().map(|value| {
            let mut data = Data::zeros(value);
            data.bytes_mut().iter_mut().zip(value.data.iter().flatten()).for_each(|(to, byte)| *to = *byte);
            data
        });
        let (inputs, outputs) = (graph.inputs.clone(), graph.outputs.clone());
        let mut executor = Self { steps, values: values.collect(), inputs, outputs };
        executor.reset();
        Ok(executor)
    }

    /// Forgets earlier runs, which only ring buffers remember.
    pub fn reset(&mut self) {
        for step in &self.steps {
            if let (Kernel::Ring(start), Some(output)) = (&step.kernel, step.outputs.first()) {
                let bytes = self.values[*output].bytes_mut().iter_mut().rev();
                bytes.zip(start.iter().rev()).for_each(|(to, byte)| *to = *byte);
            }
        }
    }

    /// Runs one example: bytes of each input, little endian, give those of each output. They lie in the executor's memory: nothing is allocated.
    pub fn run(&mut self, inputs: &[&[u8]]) -> Result<impl Iterator<Item = &[u8]>, InputError> {
        if inputs.len() != self.inputs.len() {
            return Err(InputError { input: inputs.len(), expected: self.inputs.len(), found: inputs.len() });
        }
        for (input, bytes) in inputs.iter().enumerate() {
            self.read(input, bytes)?;
        }
        self.run_steps();
        Ok(self.written())
    }

    fn read(&mut self, input: usize, bytes: &[u8]) -> Result<(), InputError> {
        let to = self.values[self.inputs[input]].bytes_mut();
        if bytes.len() != to.len() {
            return Err(InputError { input, expected: to.len(), found: bytes.len() });
        }
        to.copy_from_slice(bytes);
        Ok(())
    }

    /// The bytes of the outputs.
    fn written(&self) -> impl Iterator<Item = &[u8]> {
        self.outputs.iter().map(|index| self.values[*index].bytes())
    }

    fn run_steps(&mut self) {
        for Step { kernel, inputs, outputs } in &self.steps {
            for (part, index) in outputs.iter().enumerate() {
                let mut y = core::mem::replace(&mut self.values[*index], Data::I8(vec![]));
                run(kernel, part, |at| inputs.get(at).map(|index| &self.values[*index]), &mut y);
                self.values[*index] = y;
            }
        }
    }

    /// The elements of a tensor of floats as the last run has left them; none if it is of integers.
    pub(super) fn floats(&self, tensor: usize) -> &[f32] {
        self.values.get(tensor).map_or(&[], Data::floats)
    }

    /// Of long short-term memory of floats that has written a tensor in the last run, the largest cell, whatever its sign; 0 of another operator.
    pub(super) fn largest_cell(&self, tensor: usize) -> f32 {
        let mut largest = 0_f32;
        for Step { kernel, inputs, outputs } in &self.steps {
            if let (Kernel::Float(op), [x, ..], true) = (kernel, &inputs[..], outputs.contains(&tensor)) {
                let mut again = self.floats(tensor).to_vec();
                op.remember(self.floats(*x), &mut again, |cells| {
                    largest = cells.iter().fold(largest, |largest, cell| largest.max(cell.abs()));
                });
            }
        }
        largest
    }

    /// Likewise of integers.
    pub(super) fn integers(&self, tensor: usize) -> &[i8] {
        self.values.get(tensor).map_or(&[], Data::integers)
    }

    /// Runs examples that lie one after another, each of them with the bytes of all inputs; the outputs lie likewise.
    pub fn run_all(&mut self, examples: &[u8]) -> Result<Vec<u8>, InputError> {
        let length = self.inputs.iter().map(|index| self.values[*index].bytes().len()).sum::<usize>();
        let mut outputs = vec![];
        for mut example in examples.chunks(length.max(1)) {
            for input in 0..self.inputs.len() {
                let length = self.values[self.inputs[input]].bytes().len();
                let (bytes, rest) = example.split_at(example.len().min(length));
                self.read(input, bytes)?;
                example = rest;
            }
            self.run_steps();
            self.written().for_each(|bytes| outputs.extend(bytes));
        }
        Ok(outputs)
    }
}

/// Makes an output, the one of this number.
fn run<'v>(kernel: &Kernel, part: usize, input: impl Fn(usize) -> Option<&'v Data>, y: &mut Data) {
    let integers = |at: usize| input(at).map_or(&[][..], Data::integers);
    let floats = |at: usize| input(at).map_or(&[][..], Data::floats);
    let words = |at: usize| input(at).map_or(&[][..], Data::words);
    if let Kernel::Gather(parts) = kernel {
        if let Some(part) = parts.get(part) {
            match y {
                Data::I8(y) => part.gather(integers(0), y),
                Data::F32(y) => part.gather(floats(0), y),
                Data::I32(y) => part.gather(words(0), y),
            }
        }
        return;
    }
    match y {
        Data::I8(y) => match kernel {
            Kernel::FullyConnected(op, constants) => op.run(&constants.borrow(), integers(0), y),
            Kernel::Conv2d(op, constants) => op.run(&constants.borrow(), integers(0), y),
            Kernel::DepthwiseConv2d(op, constants) => op.run(&constants.borrow(), integers(0), y),
            Kernel::TransposeConv(op, constants) => op.run(&constants.borrow(), integers(0), y),
            Kernel::Lstm(op, input, state) => {
                let mut cells = vec![0; state.biases.len() / 4];
                op.run(&input.borrow(), &state.borrow(), integers(0), &mut cells, y);
            }
            Kernel::Gru(op, input, state) => {
                let mut states = vec![0; state.biases.len() / 3];
                op.run(&input.borrow(), &state.borrow(), integers(0), &mut states, y);
            }
            Kernel::AveragePool(op) => op.run(integers(0), y),
            Kernel::MaxPool(op) => op.run(integers(0), y),
            Kernel::Add(op) => op.run(integers(0), integers(1), y),
            Kernel::Mul(op) => op.run(integers(0), integers(1), y),
            Kernel::PRelu(op, slopes) => op.run(integers(0), slopes, y),
            Kernel::Mean(op) => op.run(integers(0), y),
            Kernel::Softmax(op) => op.run(integers(0), y),
            Kernel::Table(values) => Table { values }.run(integers(0), y),
            Kernel::Quantize(op) => op.run(floats(0), y),
            Kernel::Embedding(len) => Embedding { rows: integers(1), len: *len }.run(words(0), y),
            _ => moved(kernel, integers, y, |filling| if let Filling::I8(value) = filling { value } else { 0 }),
        },
        Data::F32(y) => match kernel {
            Kernel::Float(op) => op.run(floats(0), floats(1), y),
            Kernel::Dequantize(op) => op.run(integers(0), y),
            Kernel::Embedding(len) => Embedding { rows: floats(1), len: *len }.run(words(0), y),
            _ => moved(kernel, floats, y, |filling| if let Filling::F32(value) = filling { value } else { 0.0 }),
        },
        Data::I32(y) => match kernel {
            Kernel::Cast => Cast.run(floats(0), y),
            _ => moved(kernel, words, y, |_| 0),
        },
    }
}

/// Operators that only move elements.
fn moved<'v, T: Copy + 'v>(
    kernel: &Kernel,
    input: impl Fn(usize) -> &'v [T],
    y: &mut [T],
    filling: impl Fn(Filling) -> T,
) {
    match kernel {
        Kernel::Copy => y.iter_mut().zip(input(0)).for_each(|(y, x)| *y = *x),
        Kernel::Pad(part, value) => {
            y.fill(filling(*value));
            part.scatter(input(0), y);
        }
        Kernel::Concatenation(parts) => {
            for (i, part) in parts.iter().enumerate() {
                part.scatter(input(i), y);
            }
        }
        Kernel::ResizeNearest(op) => op.run(input(0), y),
        Kernel::Ring(_) => {
            let x = input(0);
            y.rotate_left(x.len());
            let kept = y.len() - x.len();
            y[kept..].copy_from_slice(x);
        }
        _ => {}
    }
}
