//! Variables: what operators do with them, and how they become ring buffers over time.

use std::borrow::ToOwned;
use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::error::{ReadError, Reason, Refusal};
use super::operators::Options;
use super::read::{Reader, Result, damaged};
use super::schema::{code, operator, options, subgraph};
use super::table::{Table, Tables};
use crate::exchange::graph::{Graph, Node, Op, Value};

/// A variable, and what a run does with it.
#[derive(Default)]
pub struct Variable {
    name: String,
    /// That reads or assigns it first.
    operator: Option<(usize, String)>,
    /// What it holds before the first run.
    start: Option<Value>,
    /// The tensor that it is read to before it is assigned.
    read: Option<usize>,
    /// What was assigned last.
    assigned: Option<usize>,
}

/// The variables of a file.
#[derive(Default)]
pub struct Variables<'a> {
    all: Vec<Variable>,
    /// By container and name.
    named: BTreeMap<[&'a [u8]; 2], usize>,
    /// By the tensors of the graph that is being read.
    handles: BTreeMap<usize, usize>,
}

impl<'a> Reader<'a> {
    /// The graph that a `CALL_ONCE` runs before the first run.
    pub fn called(&self, operator: &Table<'a>) -> Result<usize> {
        let index = Options::of(operator, options::CALL_ONCE)?.i32(0)?;
        usize::try_from(index).or_else(|_| damaged(format!("a graph has the number {index}")))
    }

    /// Takes what variables hold before the first run from the graph that says so.
    pub fn call_once(&mut self, operator: &Table<'a>) -> Result<()> {
        let subgraph = self.subgraphs.get(self.called(operator)?)?;
        let tensors = core::mem::replace(&mut self.tensors, subgraph.tables(subgraph::TENSORS)?);
        let handles = core::mem::take(&mut self.variables.handles);
        self.starts(subgraph.tables(subgraph::OPERATORS)?)?;
        (self.tensors, self.variables.handles) = (tensors, handles);
        Ok(())
    }

    fn starts(&mut self, operators: Tables<'a>) -> Result<()> {
        for index in 0..operators.len() {
            let operator = operators.get(index)?;
            match self.code(&operator)?.0 {
                code::VAR_HANDLE => self.var_handle(&operator)?,
                code::ASSIGN_VARIABLE => {
                    let [handle, value] = self.ends(&operator, operator::INPUTS)?;
                    let variable = self.variable(handle)?;
                    let start = self.read_value(value)?;
                    if start.data.is_none() {
                        return self.refuse(value, Reason::Start);
                    }
                    self.variables.all[variable].start = Some(start);
                }
                _ => {
                    let first = self.indices(&operator, operator::OUTPUTS)?.first().copied();
                    return self.refuse(first.unwrap_or_default(), Reason::Start);
                }
            }
        }
        Ok(())
    }

    pub fn var_handle(&mut self, operator: &Table<'a>) -> Result<()> {
        let options = Options::of(operator, options::VAR_HANDLE)?;
        let name = [options.text(0)?, options.text(1)?];
        let [handle] = self.ends(operator, operator::OUTPUTS)?;
        self.take(size_of::<Variable>() + 2 * size_of::<[usize; 6]>() + name[1].len())?;
        let variable = self.variables.named.get(&name).copied().unwrap_or(self.variables.all.len());
        if variable == self.variables.all.len() {
            let Ok(text) = core::str::from_utf8(name[1]) else { return damaged("a name is not UTF-8") };
            self.variables.all.push(Variable { name: text.to_owned(), ..Variable::default() });
            self.variables.named.insert(name, variable);
        }
        self.variables.handles.insert(handle, variable);
        Ok(())
    }

    /// The node that a `READ_VARIABLE` is: none before the variable is assigned or read, then a copy.
    pub fn read_variable(&mut self, operator: &Table<'a>) -> Result<Option<Node>> {
        let [handle] = self.ends(operator, operator::INPUTS)?;
        let [output] = self.ends(operator, operator::OUTPUTS)?;
        let variable = self.variable(handle)?;
        self.take(size_of::<Node>())?;
        self.write(output)?;
        let (place, variable) = (self.operator.clone(), &mut self.variables.all[variable]);
        variable.operator = variable.operator.take().or(place);
        let Some(now) = variable.assigned.or(variable.read) else {
            variable.read = Some(output);
            return Ok(None);
        };
        Ok(Some(Node { op: Op::Reshape, inputs: vec![Some(now)], outputs: vec![output] }))
    }

    pub fn assign_variable(&mut self, operator: &Table<'a>) -> Result<()> {
        let [handle, value] = self.ends(operator, operator::INPUTS)?;
        let variable = self.variable(handle)?;
        self.readable(value)?;
        let (place, variable) = (self.operator.clone(), &mut self.variables.all[variable]);
        variable.operator = variable.operator.take().or(place);
        variable.assigned = Some(value);
        Ok(())
    }

    /// The variable of a handle.
    fn variable(&self, handle: usize) -> Result<usize> {
        self.variables.handles.get(&handle).map_or_else(|| damaged("a variable has no handle"), |found| Ok(*found))
    }

    /// As many inputs or outputs.
    fn ends<const N: usize>(&mut self, operator: &Table<'a>, field: usize) -> Result<[usize; N]> {
        let found = self.indices(operator, field)?;
        <[usize; N]>::try_from(found).or_else(|all| damaged(format!("an operator has {} inputs or outputs", all.len())))
    }
}

impl Variables<'_> {
    /// With the indices of tensors as `place` says.
    pub fn placed(self, place: impl Fn(&mut usize)) -> Vec<Variable> {
        let mut all = self.all;
        all.iter_mut().flat_map(|variable| [&mut variable.read, &mut variable.assigned]).flatten().for_each(place);
        all
    }
}

/// Elements of a tensor that lie side by side.
#[derive(Clone, Copy)]
struct Part {
    whole: usize,
    first: usize,
    len: usize,
}

/// What each tensor is a part of: itself if it is nothing else.
fn parts(graph: &Graph) -> Vec<Part> {
    let mut parts: Vec<Part> = graph
        .tensors
        .iter()
        .enumerate()
        .map(|(whole, value)| Part { whole, first: 0, len: value.elements() })
        .collect();
    for node in &graph.nodes {
        let Some(input) = node.inputs.first().copied().flatten() else { continue };
        let (from, shape) = (parts[input], &graph.tensors[input].shape);
        let behind = |axis: usize| shape[axis + 1..].iter().product::<usize>();
        let mut first = match &node.op {
            Op::Reshape | Op::Squeeze { .. } => from.first,
            Op::Split { axis } if ones(&shape[..*axis]) => from.first,
            Op::StridedSlice { slices } => {
                let whole = |axis: usize| slices[axis].len == shape[axis] && slices[axis].step == 1;
                let cut = (0..shape.len()).find(|axis| !whole(*axis) && shape[*axis] > 1).unwrap_or(0);
                let side_by_side = slices.get(cut).is_none_or(|slice| slice.step == 1 || slice.len == 1);
                if !ones(&shape[..cut]) || !side_by_side || !(cut + 1..shape.len()).all(whole) {
                    continue;
                }
                from.first + slices.get(cut).map_or(0, |slice| slice.begin * behind(cut))
            }
            _ => continue,
        };
        for output in &node.outputs {
            let len = parts[*output].len;
            parts[*output] = Part { whole: from.whole, first, len };
            first += len;
        }
    }
    parts
}

fn ones(shape: &[usize]) -> bool {
    shape.iter().all(|length| *length == 1)
}

/// The graph with each variable as a ring buffer.
pub fn rings(mut graph: Graph, variables: Vec<Variable>) -> Result<Graph> {
    if variables.is_empty() {
        return Ok(graph);
    }
    let parts = parts(&graph);
    let mut readers = vec![vec![]; graph.tensors.len()];
    for (at, node) in graph.nodes.iter().enumerate() {
        let moves = node.outputs.iter().any(|output| parts[*output].whole != *output);
        for input in node.inputs.iter().flatten().filter(|_| !moves) {
            readers[parts[*input].whole].push(at);
        }
    }
    let mut spelled = vec![false; graph.tensors.len()];
    for variable in variables {
        let Some(read) = variable.read else { continue };
        let given = graph.outputs.iter().any(|output| parts[*output].whole == read);
        let ring = match (&readers[read][..], variable.assigned) {
            (&[at], Some(assigned)) if !given => ring(&graph, &parts, at, read, assigned).map(|ring| (at, ring)),
            _ => None,
        };
        let Some((at, [x, before, y])) = ring else {
            let Variable { name: tensor, operator, .. } = variable;
            return Err(ReadError::Unsupported(vec![Refusal { operator, times: 1, tensor, reason: Reason::Variable }]));
        };
        // The tensor of what came before becomes the constant that comes first.
        let start = start(&graph.tensors[read], variable.start)?;
        let scalar = graph.tensors[read].scalar.bytes();
        graph.tensors[before].data = start.get(scalar * parts[before].first..).map(ToOwned::to_owned);
        graph.nodes[at] = Node { op: Op::Ring, inputs: vec![Some(x), Some(before)], outputs: vec![y] };
        (spelled[read], spelled[y]) = (true, true);
    }
    drop_unread(&mut graph, |tensor| spelled[parts[tensor].whole]);
    Ok(graph)
}

/// What is new, what came before, and both, if the node puts them together so that the last of that is assigned.
fn ring(graph: &Graph, parts: &[Part], at: usize, read: usize, assigned: usize) -> Option<[usize; 3]> {
    let node = &graph.nodes[at];
    let (&Op::Concatenation { axis }, &[Some(before), Some(x)], &[y]) = (&node.op, &node.inputs[..], &node.outputs[..])
    else {
        return None;
    };
    let len = |tensor: usize| graph.tensors[tensor].elements();
    let last = |part: Part, whole: usize| part.whole == whole && part.first + part.len == len(whole);
    let fits = ones(&graph.tensors[y].shape[..axis])
        && parts[x].whole != read
        && last(parts[before], read)
        && last(parts[assigned], y)
        && len(assigned) == len(read)
        && graph.tensors[assigned].scalar == graph.tensors[read].scalar;
    fits.then_some([x, before, y])
}

/// What a variable holds before the first run: what means 0 where the file does not say.
fn start(read: &Value, start: Option<Value>) -> Result<Vec<u8>> {
    let Some(start) = start else {
        let zero = read.quantization.as_ref().and_then(|found| found.zero_points.first()).copied();
        let zero = if read.scalar.bytes() == 1 { zero.unwrap_or(0) as u8 } else { 0 };
        return Ok(vec![zero; read.bytes()]);
    };
    let data = start.data.filter(|data| start.scalar == read.scalar && data.len() == read.bytes());
    data.map_or_else(|| damaged(format!("variable `{}` begins with what does not fit it", read.name)), Ok)
}

/// Leaves out nodes that nobody reads, of those that write such tensors, then tensors that no node names.
fn drop_unread(graph: &mut Graph, such: impl Fn(usize) -> bool) {
    let mut read = vec![0_usize; graph.tensors.len()];
    graph.outputs.iter().for_each(|output| read[*output] += 1);
    graph.nodes.iter().flat_map(|node| node.inputs.iter().flatten()).for_each(|input| read[*input] += 1);
    let mut nodes = vec![];
    for node in core::mem::take(&mut graph.nodes).into_iter().rev() {
        let unread = |output: &usize| read[*output] == 0 || graph.tensors[*output].data.is_some();
        if node.outputs.iter().all(|output| such(*output) && unread(output)) {
            node.inputs.iter().flatten().for_each(|input| read[*input] -= 1);
        } else {
            nodes.push(node);
        }
    }
    nodes.reverse();
    let mut named = vec![false; graph.tensors.len()];
    let ends = graph.inputs.iter().chain(&graph.outputs);
    let all = nodes.iter().flat_map(|node| node.inputs.iter().flatten().chain(&node.outputs));
    ends.chain(all).for_each(|tensor| named[*tensor] = true);
    let places: Vec<usize> =
        named.iter().scan(0, |next, named| Some(core::mem::replace(next, *next + usize::from(*named)))).collect();
    let mut kept = named.iter();
    graph.tensors.retain(|_| kept.next() == Some(&true));
    let place = |index: &mut usize| *index = places[*index];
    graph.inputs.iter_mut().chain(&mut graph.outputs).for_each(place);
    for node in &mut nodes {
        node.inputs.iter_mut().flatten().chain(&mut node.outputs).for_each(place);
    }
    graph.nodes = nodes;
}
