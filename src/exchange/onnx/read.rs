//! The graph of a file.

use std::borrow::ToOwned;
use std::collections::BTreeMap;
use std::format;
use std::rc::Rc;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::constant::{Constant, data_type, product};
use super::error::{Fault, ReadError, Reason, Refusal, Result};
use super::gelu;
use super::quantised;
use super::view::{Factor, View, merged, sorted};
use super::wire::{Field, Message};
use crate::exchange::fold;
use crate::exchange::graph::{Graph, Node, Op, Quantization, Scalar, Value};

/// The oldest version of operators that is read.
const OPSET: i64 = 13;

/// The graph of an ONNX file, with channels last inside and with inputs and outputs as the file has them.
///
/// The batch, an input's first axis, is 1 where it is open. Takes at most 64 times the file's length in memory.
///
/// # Errors
/// [`ReadError`] says what is wrong, or what is not supported, all of it.
pub fn read(file: &[u8]) -> Result<Graph> {
    let model = Message(file);
    // Any bytes may begin like a message.
    let well_formed = model.fields().all(|field| field.is_ok());
    let Some(graph) = well_formed.then(|| model.message(7)).transpose()?.flatten() else {
        return Err(ReadError::Format);
    };
    let mut opset = 0;
    for import in model.messages(8) {
        let import = import?;
        if matches!(import.text(1)?, "" | "ai.onnx") {
            opset = import.i64(2)?;
        }
    }
    if opset < OPSET {
        return Err(ReadError::Opset(opset));
    }
    let reader = Reader {
        graph: Graph::default(),
        values: BTreeMap::new(),
        uses: BTreeMap::new(),
        refusals: vec![],
        budget: 16 * file.len() + 4096,
        opset,
        name: String::new(),
        writers: vec![],
        moved: BTreeMap::new(),
        sources: BTreeMap::new(),
    };
    reader.read(graph)
}

/// What a name stands for.
#[derive(Clone)]
pub enum Known {
    Constant(Rc<Constant>),
    View(View),
    /// A part of a GELU of this.
    Gelu(View, gelu::Part),
    /// What a node writes that is not supported.
    Unknown,
}

/// A NodeProto.
pub struct Operator<'a> {
    pub name: &'a str,
    pub inputs: Vec<&'a str>,
    pub outputs: Vec<&'a str>,
    attributes: BTreeMap<&'a str, Message<'a>>,
}

impl<'a> Operator<'a> {
    fn read(node: Message<'a>) -> Result<Self> {
        let mut attributes = BTreeMap::new();
        for attribute in node.messages(5) {
            let attribute = attribute?;
            attributes.insert(attribute.text(1)?, attribute);
        }
        let domain = node.text(7)?;
        // Operators of others may have the same names.
        let name = if matches!(domain, "" | "ai.onnx") { node.text(4)? } else { domain };
        let texts = |number| node.texts(number).collect::<Result<Vec<_>>>();
        Ok(Self { name, inputs: texts(1)?, outputs: texts(2)?, attributes })
    }

    pub fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }

    pub fn int(&self, name: &str, default: i64) -> Result<i64> {
        self.attributes.get(name).map_or(Ok(default), |attribute| attribute.i64(3))
    }

    pub fn ints(&self, name: &str) -> Result<Option<Vec<i64>>> {
        self.attributes.get(name).map(|attribute| attribute.i64s(8)).transpose()
    }

    pub fn float(&self, name: &str, default: f32) -> core::result::Result<f32, Fault> {
        let Some(attribute) = self.attributes.get(name) else { return Ok(default) };
        let value = attribute.f32s(2)?.last().copied().unwrap_or(0.0);
        if value.is_finite() { Ok(value) } else { Err(Fault::Damaged("an option is infinite or no number")) }
    }

    pub fn text(&self, name: &str, default: &'static str) -> Result<&'a str> {
        self.attributes.get(name).map_or(Ok(default), |attribute| attribute.text(4))
    }

    pub fn tensor(&self, name: &str) -> Result<Option<Message<'a>>> {
        self.attributes.get(name).map_or(Ok(None), |attribute| attribute.message(5))
    }

    /// Of a Constant's attributes that hold numbers themselves.
    pub fn numbers(&self) -> Result<Option<Constant>> {
        for (name, attribute) in &self.attributes {
            let integers = |list: bool, n: Vec<i64>| Constant::integers(if list { vec![n.len()] } else { vec![] }, n);
            let floats = |list: bool, x: Vec<f32>| Constant::floats(if list { vec![x.len()] } else { vec![] }, x);
            return Ok(Some(match *name {
                "value_int" => integers(false, vec![attribute.i64(3)?]),
                "value_ints" => integers(true, attribute.i64s(8)?),
                "value_float" => floats(false, vec![attribute.f32s(2)?.last().copied().unwrap_or(0.0)]),
                "value_floats" => floats(true, attribute.f32s(7)?),
                _ => continue,
            }));
        }
        Ok(None)
    }
}

/// How a tensor lies to which an operator is tied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the value.
    Rows,
    /// Of an image with channels last; of a signal as an image of one row.
    ChannelsLast,
}

impl Form {
    /// For each axis of the tensor, that of the value; none where the length is 1.
    pub fn dims(self, rank: usize) -> Vec<Option<usize>> {
        match (self, rank) {
            (Self::ChannelsLast, 4) => [0, 2, 3, 1].map(Some).into(),
            (Self::ChannelsLast, 3) => vec![Some(0), None, Some(2), Some(1)],
            _ => (0..rank).map(Some).collect(),
        }
    }

    /// The tensor's shape.
    pub fn shape(self, shape: &[usize]) -> Vec<usize> {
        self.dims(shape.len()).into_iter().map(|axis| axis.map_or(1, |axis| shape[axis])).collect()
    }
}

/// What has been read so far.
pub struct Reader<'a> {
    pub graph: Graph,
    values: BTreeMap<&'a str, Known>,
    /// How often a name is read.
    pub uses: BTreeMap<&'a str, usize>,
    refusals: Vec<Refusal>,
    /// Bytes that may still be taken. Nodes may share constants, so that a small file can describe a large graph.
    budget: usize,
    pub opset: i64,
    /// Of what is being written.
    name: String,
    /// For each tensor of the graph the node that writes it.
    pub writers: Vec<Option<usize>>,
    /// Tensors in another order of axes.
    moved: BTreeMap<(usize, Vec<Factor>), usize>,
    /// Tensors in another shape, and what they were.
    sources: BTreeMap<usize, usize>,
}

impl<'a> Reader<'a> {
    fn read(mut self, graph: Message<'a>) -> Result<Graph> {
        for tensor in graph.messages(5) {
            let tensor = tensor?;
            let name = tensor.text(8)?;
            match Constant::read(tensor) {
                Ok(constant) => {
                    self.values.insert(name, Known::Constant(Rc::new(constant)));
                }
                Err(fault) => self.fault(fault, None, name)?,
            }
        }
        if graph.messages(15).next().is_some() {
            self.refuse(Reason::Option("a sparse constant"), None, "sparse_initializer");
        }
        for input in graph.messages(11) {
            self.input(input?)?;
        }
        let mut outputs = vec![];
        for output in graph.messages(12) {
            outputs.push(output?.text(1)?);
        }
        let mut nodes = vec![];
        for node in graph.messages(1) {
            let node = node?;
            self.take(size_of::<(Message, Option<Node>)>())?;
            for input in node.texts(1) {
                *self.uses.entry(input?).or_insert(0) += 1;
            }
            nodes.push(node);
        }
        for output in &outputs {
            *self.uses.entry(output).or_insert(0) += 1;
        }
        for node in nodes {
            let operator = Operator::read(node)?;
            let first = operator.outputs.iter().copied().find(|name| !name.is_empty()).unwrap_or_default();
            self.name = first.to_owned();
            self.take(2 * first.len())?;
            if let Err(fault) = self.operator(&operator) {
                let name = Some(node.text(3)?).filter(|name| !name.is_empty()).unwrap_or(first);
                self.fault(fault, Some(operator.name), name)?;
                for output in &operator.outputs {
                    self.values.insert(output, Known::Unknown);
                }
            }
        }
        for output in outputs {
            self.name = output.to_owned();
            match self.values.get(output).cloned() {
                None => return Err(ReadError::Damaged(format!("output `{output}` is written by no node"))),
                Some(Known::Unknown) => {}
                Some(Known::Gelu(..)) => self.refuse(Reason::Option(gelu::OUTSIDE), None, output),
                Some(Known::Constant(_)) => self.refuse(Reason::Option("an output that is constant"), None, output),
                Some(Known::View(view)) => {
                    let shape = view.shape();
                    let view = self.arranged(&view, &(0..shape.len()).collect::<Vec<_>>())?;
                    let tensor = self.shaped(view.tensor, &shape)?;
                    self.graph.outputs.push(tensor);
                }
            }
        }
        if !self.refusals.is_empty() {
            return Err(ReadError::Unsupported(self.refusals));
        }
        if self.graph.inputs.is_empty() || self.graph.outputs.is_empty() {
            return Err(ReadError::Damaged("the model has no input or no output".into()));
        }
        fold::fold(&mut self.graph);
        prune(&mut self.graph);
        if self.graph.tensors.iter().all(|value| value.quantization.is_none()) {
            return Ok(self.graph);
        }
        self.take(
            self.graph
                .tensors
                .iter()
                .map(|value| size_of::<Value>() / 8 + value.data.as_ref().map_or(0, Vec::len))
                .sum(),
        )?;
        let mut graph = quantised::integers(&self.graph).map_err(ReadError::Unsupported)?;
        prune(&mut graph);
        Ok(graph)
    }

    /// An input, unless it is only the default of one.
    fn input(&mut self, input: Message<'a>) -> Result<()> {
        let name = input.text(1)?;
        if self.values.contains_key(name) {
            return Ok(());
        }
        let damaged = || ReadError::Damaged(format!("input `{name}` has no shape"));
        let of_tensor = input.message(2)?.map(|kind| kind.message(1)).transpose()?.flatten().ok_or_else(damaged)?;
        let mut lengths = vec![];
        for dimension in of_tensor.message(2)?.ok_or_else(damaged)?.messages(1) {
            let length = dimension?.all(1).last().transpose()?;
            lengths.push(match length {
                Some(Field::Number(length)) => Some(usize::try_from(length).unwrap_or(0)),
                _ => None,
            });
        }
        let kind = of_tensor.i64(1)?;
        let scalar = match kind {
            data_type::FLOAT => Scalar::F32,
            other => {
                self.refuse(Reason::Type(other), None, name);
                Scalar::F32
            }
        };
        if let Some(first) = lengths.first_mut() {
            first.get_or_insert(1);
        }
        let shape: Vec<usize> = lengths.iter().map(|length| length.unwrap_or(1)).collect();
        if lengths.contains(&None) {
            self.refuse(Reason::OpenShape, None, name);
        } else if shape.contains(&0) || product(&shape).is_none() {
            return Err(ReadError::Damaged(format!("input `{name}` has the shape {shape:?}")));
        } else if shape.len() > 1 && shape[0] != 1 && !(shape.len() == 3 && shape[1] == 1) {
            self.refuse(Reason::Batch(shape[0]), None, name);
        }
        self.name = name.to_owned();
        let tensor = self.tensor(&shape, scalar, None)?;
        self.graph.inputs.push(tensor);
        self.values.insert(name, Known::View(View::rows(tensor, &shape)));
        Ok(())
    }

    /// What a name stands for; none if it is empty, for what is left out.
    pub fn known(&self, name: &str) -> core::result::Result<Option<Known>, Fault> {
        match self.values.get(name) {
            Some(Known::Unknown) => Err(Fault::Unknown),
            Some(known) => Ok(Some(known.clone())),
            None if name.is_empty() => Ok(None),
            None => Err(Fault::Damaged("reads what is not written before")),
        }
    }

    pub fn write(&mut self, name: &'a str, known: Known) -> core::result::Result<(), Fault> {
        self.take(name.len() + size_of::<Known>())?;
        if name.is_empty() {
            return Ok(());
        }
        match self.values.insert(name, known) {
            None => Ok(()),
            Some(_) => Err(Fault::Damaged("writes what is there already")),
        }
    }

    /// Takes a fault down; an error if the file is damaged.
    fn fault(&mut self, fault: Fault, operator: Option<&str>, name: &'a str) -> Result<()> {
        match fault {
            Fault::Damaged(what) => {
                Err(ReadError::Damaged(format!("node `{name}` ({}): {what}", operator.unwrap_or_default())))
            }
            Fault::Read(error) => Err(error),
            Fault::Unknown => Ok(()),
            Fault::Refused(reason) => {
                self.refuse(reason, operator, name);
                if operator.is_none() {
                    self.values.insert(name, Known::Unknown);
                }
                Ok(())
            }
        }
    }

    fn refuse(&mut self, reason: Reason, operator: Option<&str>, name: &str) {
        let same = |refusal: &&mut Refusal| refusal.operator.as_deref() == operator && refusal.reason == reason;
        match self.refusals.iter_mut().find(same) {
            Some(refusal) => refusal.times += 1,
            None => self.refusals.push(Refusal {
                operator: operator.map(ToOwned::to_owned),
                name: name.into(),
                times: 1,
                reason,
            }),
        }
    }

    /// Takes `bytes` of memory for what the file tells.
    pub fn take(&mut self, bytes: usize) -> Result<()> {
        let left = self.budget.checked_sub(bytes);
        self.budget = left.ok_or_else(|| {
            ReadError::Damaged("it describes far more than it holds: its nodes share constants".into())
        })?;
        Ok(())
    }

    /// A new tensor of the graph.
    pub fn tensor(&mut self, shape: &[usize], scalar: Scalar, data: Option<Vec<u8>>) -> Result<usize> {
        if product(shape).is_none() || shape.contains(&0) {
            return Err(ReadError::Damaged(format!("`{}` has the shape {shape:?}", self.name)));
        }
        self.take(self.name.len() + size_of_val(shape) + data.as_ref().map_or(0, Vec::len))?;
        let value = Value { name: self.name.clone(), shape: shape.into(), scalar, quantization: None, data };
        self.writers.push(None);
        Ok(self.graph.add(value))
    }

    /// A constant of the graph.
    pub fn floats(&mut self, shape: &[usize], elements: impl IntoIterator<Item = f32>) -> Result<usize> {
        let data: Vec<u8> = elements.into_iter().flat_map(f32::to_le_bytes).collect();
        self.tensor(shape, Scalar::F32, Some(data))
    }

    /// A constant of the graph that integers are made of again.
    pub fn quantised_floats(
        &mut self,
        shape: &[usize],
        elements: impl IntoIterator<Item = f32>,
        steps: Option<Quantization>,
    ) -> Result<usize> {
        let tensor = self.floats(shape, elements)?;
        self.graph.tensors[tensor].quantization = steps;
        Ok(tensor)
    }

    /// A node that writes a tensor of this shape, of the type of its first input.
    pub fn emit(&mut self, op: Op, inputs: &[usize], shape: &[usize]) -> Result<usize> {
        let scalar = inputs.first().map_or(Scalar::F32, |input| self.graph.tensors[*input].scalar);
        let output = self.tensor(shape, scalar, None)?;
        self.push(op, inputs, &[output])?;
        Ok(output)
    }

    pub fn push(&mut self, op: Op, inputs: &[usize], outputs: &[usize]) -> Result<()> {
        self.take(size_of::<Node>() / 8 + size_of_val(inputs))?;
        for output in outputs {
            self.writers[*output] = Some(self.graph.nodes.len());
        }
        self.graph.nodes.push(Node {
            op,
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: outputs.to_vec(),
        });
        Ok(())
    }

    pub fn shape(&self, tensor: usize) -> &[usize] {
        &self.graph.tensors[tensor].shape
    }

    /// A tensor's elements in another shape.
    pub fn shaped(&mut self, tensor: usize, shape: &[usize]) -> Result<usize> {
        if self.shape(tensor) == shape {
            return Ok(tensor);
        }
        let source = self.sources.get(&tensor).copied().unwrap_or(tensor);
        if self.shape(source) == shape {
            return Ok(source);
        }
        let reshaped = self.emit(Op::Reshape, &[source], shape)?;
        self.sources.insert(reshaped, source);
        Ok(reshaped)
    }

    /// A value whose elements lie in the order of these axes, moved there if they do not.
    pub fn arranged(&mut self, view: &View, order: &[usize]) -> Result<View> {
        if view.lies(order) {
            return Ok(view.clone());
        }
        let wanted: Vec<Factor> = order.iter().flat_map(|axis| &view.axes[*axis]).copied().collect();
        let key = (self.sources.get(&view.tensor).copied().unwrap_or(view.tensor), wanted);
        let moved = match self.moved.get(&key) {
            Some(moved) => *moved,
            None => {
                let whole: Vec<usize> =
                    [1].into_iter().chain(sorted(&key.1).iter().map(|factor| factor.length)).collect();
                let parts = match self.shape(view.tensor) == whole {
                    true => key.1.clone(),
                    // As few axes as the move can be told by.
                    false => merged(&key.1),
                };
                let from = sorted(&parts);
                let lengths = |parts: &[Factor]| [1].into_iter().chain(parts.iter().map(|part| part.length)).collect();
                let (before, after): (Vec<usize>, Vec<usize>) = (lengths(&from), lengths(&parts));
                let place = |part: &Factor| 1 + from.iter().position(|other| other == part).unwrap_or(0);
                let order = [0].into_iter().chain(parts.iter().map(place)).collect();
                let tensor = self.shaped(view.tensor, &before)?;
                let moved = self.emit(Op::Transpose { order }, &[tensor], &after)?;
                self.moved.insert(key, moved);
                moved
            }
        };
        let shape = view.shape();
        let mut axes = view.axes.clone();
        let mut step = shape.iter().product();
        for axis in order {
            for factor in &mut axes[*axis] {
                step /= factor.length;
                factor.step = step;
            }
        }
        Ok(View { tensor: moved, axes })
    }

    /// How a value lies, or is to lie if it cannot be said.
    pub fn form(&self, view: &View) -> Form {
        let shape = view.shape();
        if !(3..=4).contains(&shape.len()) {
            return Form::Rows;
        }
        let order: Vec<usize> = Form::ChannelsLast.dims(shape.len()).into_iter().flatten().collect();
        let last = view.lies(&order);
        match view.is_row_major() {
            true if last && self.shape(view.tensor) == Form::ChannelsLast.shape(&shape) => Form::ChannelsLast,
            true => Form::Rows,
            false if last || shape.len() == 4 => Form::ChannelsLast,
            false => Form::Rows,
        }
    }

    /// The tensor of a value in a form.
    pub fn formed(&mut self, view: &View, form: Form) -> Result<usize> {
        let shape = view.shape();
        let order: Vec<usize> = form.dims(shape.len()).into_iter().flatten().collect();
        let view = self.arranged(view, &order)?;
        self.shaped(view.tensor, &form.shape(&shape))
    }

    /// The value that a new node writes, in a form.
    pub fn formed_value(&mut self, op: Op, inputs: &[usize], shape: &[usize], form: Form) -> Result<View> {
        let tensor = self.emit(op, inputs, &form.shape(shape))?;
        Ok(View::of(tensor, shape, &form.dims(shape.len())))
    }
}

/// Leaves out nodes whose outputs nobody reads, and tensors of no node.
fn prune(graph: &mut Graph) {
    let mut read = vec![false; graph.tensors.len()];
    graph.outputs.iter().for_each(|output| read[*output] = true);
    let mut nodes: Vec<_> = core::mem::take(&mut graph.nodes);
    nodes.reverse();
    nodes.retain(|node| {
        let needed = node.outputs.iter().any(|output| read[*output]);
        if needed {
            node.inputs.iter().flatten().for_each(|input| read[*input] = true);
        }
        needed
    });
    nodes.reverse();
    let written = nodes.iter().flat_map(|node| &node.outputs).chain(&graph.inputs);
    written.for_each(|tensor| read[*tensor] = true);
    let mut places = vec![0; read.len()];
    let mut count = 0;
    for (place, read) in places.iter_mut().zip(&read) {
        *place = count;
        count += usize::from(*read);
    }
    let mut kept = read.iter();
    graph.tensors.retain(|_| kept.next() == Some(&true));
    for node in &mut nodes {
        node.inputs.iter_mut().flatten().chain(&mut node.outputs).for_each(|tensor| *tensor = places[*tensor]);
    }
    graph.inputs.iter_mut().chain(&mut graph.outputs).for_each(|tensor| *tensor = places[*tensor]);
    graph.nodes = nodes;
}
