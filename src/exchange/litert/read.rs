//! The graph of a file.

use std::borrow::ToOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::error::{ReadError, Reason, Refusal};
use super::schema::{
    IDENTIFIER, OPERATORS, TYPES, VERSION, buffer, code, model, operator, operator_code, quantization, subgraph, tensor,
};
use super::shapes::{OF_SHAPES, is_about_shapes};
use super::table::{Table, Tables};
use super::variables::{Variables, rings};
use crate::exchange::graph::{Graph, Node, Quantization, Scalar, Value};

/// LiteRT's own limit.
const MAX_AXES: usize = 8;

pub(super) type Result<T> = core::result::Result<T, ReadError>;

pub(super) fn damaged<T>(what: impl Into<String>) -> Result<T> {
    Err(ReadError::Damaged(what.into()))
}

/// Whether a file begins like those of LiteRT.
pub fn is_litert(file: &[u8]) -> bool {
    file.get(4..8) == Some(IDENTIFIER)
}

/// The graph of a `.tflite` file.
///
/// Values that no node uses are left out. Takes at most 32 times the file's length in memory.
///
/// # Errors
/// [`ReadError`] says what is wrong, or what is not supported; of operators that are not, all.
pub fn read(file: &[u8]) -> Result<Graph> {
    if !is_litert(file) {
        return Err(ReadError::Format);
    }
    let root = Table::root(file)?;
    let version = root.u32(model::VERSION)?;
    if version != VERSION {
        return Err(ReadError::Version(version));
    }
    let subgraphs = root.tables(model::SUBGRAPHS)?;
    let subgraph = subgraphs.get(0)?;
    let reader = Reader {
        file,
        codes: root.tables(model::OPERATOR_CODES)?,
        buffers: root.tables(model::BUFFERS)?,
        tensors: subgraph.tables(subgraph::TENSORS)?,
        subgraphs,
        budget: 8 * file.len(),
        values: BTreeMap::new(),
        written: BTreeSet::new(),
        variables: Variables::default(),
        shapes: BTreeMap::new(),
        operator: None,
    };
    reader.graph(subgraph)
}

/// What has been read so far.
pub(super) struct Reader<'a> {
    file: &'a [u8],
    codes: Tables<'a>,
    buffers: Tables<'a>,
    /// Of the graph that is being read.
    pub(super) tensors: Tables<'a>,
    pub(super) subgraphs: Tables<'a>,
    /// Bytes that may still be taken. Tables may share their parts, so that a small file can describe a large graph.
    budget: usize,
    /// By their index in the file.
    values: BTreeMap<usize, Value>,
    /// Inputs and what operators have written.
    written: BTreeSet<usize>,
    pub(super) variables: Variables<'a>,
    /// What has been computed of shapes, by the index of the tensor.
    pub(super) shapes: BTreeMap<usize, Vec<i64>>,
    /// That is being read.
    pub(super) operator: Option<(usize, String)>,
}

impl<'a> Reader<'a> {
    fn graph(mut self, subgraph: Table<'a>) -> Result<Graph> {
        let operators = subgraph.tables(subgraph::OPERATORS)?;
        self.check_operators(operators)?;
        let inputs = self.indices(&subgraph, subgraph::INPUTS)?;
        for input in &inputs {
            self.input(*input)?;
        }
        let mut nodes = Vec::new();
        for index in 0..operators.len() {
            let operator = operators.get(index)?;
            let (code, name) = self.code(&operator)?;
            self.operator = Some((index, name.into()));
            match code {
                code::CALL_ONCE => self.call_once(&operator)?,
                code::VAR_HANDLE => self.var_handle(&operator)?,
                code::READ_VARIABLE => nodes.extend(self.read_variable(&operator)?),
                code::ASSIGN_VARIABLE => self.assign_variable(&operator)?,
                _ => nodes.extend(self.node(&operator, code)?),
            }
        }
        self.operator = None;
        let outputs = self.indices(&subgraph, subgraph::OUTPUTS)?;
        for output in &outputs {
            self.readable(*output)?;
        }
        // Without those that only operators' options came from.
        let places: BTreeMap<usize, usize> = self.values.keys().enumerate().map(|(new, old)| (*old, new)).collect();
        let place = |index: &mut usize| *index = places.get(index).copied().unwrap_or(*index);
        let variables = self.variables.placed(place);
        let mut graph = Graph { tensors: self.values.into_values().collect(), nodes, inputs, outputs };
        graph.inputs.iter_mut().chain(&mut graph.outputs).for_each(place);
        for node in &mut graph.nodes {
            node.inputs.iter_mut().flatten().chain(&mut node.outputs).for_each(place);
        }
        rings(graph, variables)
    }

    /// Refuses all operators that are not supported.
    fn check_operators(&mut self, operators: Tables<'a>) -> Result<()> {
        let mut refusals: BTreeMap<(usize, &str), Refusal> = BTreeMap::new();
        let (mut called, mut of_shapes) = (BTreeSet::from([0]), BTreeSet::new());
        for index in 0..operators.len() {
            let operator = operators.get(index)?;
            let (code, name) = self.code(&operator)?;
            if code == code::CALL_ONCE {
                called.insert(self.called(&operator)?);
            }
            let mut inputs = vec![];
            for input in operator.i32s(operator::INPUTS)?.filter(|input| *input >= 0) {
                self.take(size_of::<usize>())?;
                inputs.push(self.index(input)?);
            }
            let about_shapes = is_about_shapes(code, &inputs, |input| of_shapes.contains(input));
            if about_shapes {
                for output in self.indices(&operator, operator::OUTPUTS)? {
                    self.take(size_of::<usize>())?;
                    of_shapes.insert(output);
                }
            }
            let of_values = !about_shapes && (OF_SHAPES.contains(&code) || self.gathers(code, &inputs)?);
            let refused = super::operators::refused(code).or_else(|| of_values.then_some(Reason::Operator));
            let Some(reason) = refused else { continue };
            if let Some(refusal) = refusals.get_mut(&(code, name)) {
                refusal.times += 1;
                continue;
            }
            let first = self.indices(&operator, operator::OUTPUTS)?.first().copied();
            let tensor = first.map_or(Ok(String::new()), |index| self.name(index))?;
            refusals.insert((code, name), Refusal { operator: Some((index, name.into())), times: 1, tensor, reason });
        }
        if refusals.is_empty() && self.subgraphs.len() > called.len() {
            let reason = Reason::Graphs(self.subgraphs.len());
            refusals.insert((usize::MAX, ""), Refusal { operator: None, times: 1, tensor: String::new(), reason });
        }
        if refusals.is_empty() { Ok(()) } else { Err(ReadError::Unsupported(refusals.into_values().collect())) }
    }

    /// Whether an operator takes rows of what is no constant table.
    fn gathers(&self, code: usize, inputs: &[usize]) -> Result<bool> {
        let table = match code {
            code::GATHER => inputs.first(),
            code::EMBEDDING_LOOKUP => inputs.get(1),
            _ => None,
        };
        let Some(table) = table else { return Ok(false) };
        Ok(self.data(self.tensors.get(*table)?.u32(tensor::BUFFER)? as usize)?.is_none())
    }

    /// Number and name of an operator.
    pub fn code(&mut self, operator: &Table<'a>) -> Result<(usize, &'a str)> {
        let entry = self.codes.get(operator.u32(operator::OPCODE_INDEX)? as usize)?;
        let old = i8::from_le_bytes(entry.number(operator_code::DEPRECATED_BUILTIN_CODE)?);
        let code = entry.i32(operator_code::BUILTIN_CODE)?.max(i32::from(old));
        let code = usize::try_from(code).or_else(|_| damaged(format!("an operator has the code {code}")))?;
        if code == code::CUSTOM {
            return Ok((code, self.text(&entry, operator_code::CUSTOM_CODE)?));
        }
        Ok((code, OPERATORS.get(code).copied().unwrap_or("newer than this library")))
    }

    /// None of an operator whose output is known when the file is read.
    fn node(&mut self, operator: &Table<'a>, code: usize) -> Result<Option<Node>> {
        let mut inputs = Vec::new();
        for index in operator.i32s(operator::INPUTS)? {
            self.take(size_of::<Option<usize>>())?;
            inputs.push((index != -1).then(|| self.index(index)).transpose()?);
        }
        let outputs = self.indices(operator, operator::OUTPUTS)?;
        if self.of_shapes(operator, code, &inputs, &outputs)? {
            return Ok(None);
        }
        self.take(size_of::<Node>())?;
        // Shapes are checked against those of the outputs.
        for output in &outputs {
            self.value(*output)?;
        }
        let (op, inputs) = self.op(operator, code, &inputs, &outputs)?;
        for input in inputs.iter().flatten() {
            self.readable(*input)?;
        }
        for output in &outputs {
            self.write(*output)?;
        }
        Ok(Some(Node { op, inputs, outputs }))
    }

    /// An error unless the tensor is written for the first time.
    pub fn write(&mut self, output: usize) -> Result<()> {
        let constant = self.value(output)?.data.is_some();
        if constant || !self.written.insert(output) {
            return damaged(format!("tensor `{}` is written twice", self.name(output)?));
        }
        Ok(())
    }

    fn input(&mut self, index: usize) -> Result<()> {
        let value = self.value(index)?;
        let (batch, rank, constant) = (value.shape.first().copied(), value.shape.len(), value.data.is_some());
        let name = value.name.clone();
        if constant || !self.written.insert(index) {
            return damaged(format!("input `{name}` is a constant or there twice"));
        }
        if let Some(batch) = batch.filter(|batch| rank > 1 && *batch != 1) {
            return self.refuse(index, Reason::Batch(batch));
        }
        // The length that is open stands as 1 in the shape.
        let mut signature = self.tensors.get(index)?.i32s(tensor::SHAPE_SIGNATURE)?.skip(1);
        if signature.any(|length| length < 0) {
            return self.refuse(index, Reason::OpenShape);
        }
        Ok(())
    }

    /// An error unless an operator before has written the tensor, or it is an input or a constant.
    pub fn readable(&mut self, index: usize) -> Result<()> {
        if self.value(index)?.data.is_none() && !self.written.contains(&index) {
            return damaged(format!("tensor `{}` is read before it is written", self.name(index)?));
        }
        Ok(())
    }

    /// A tensor that the graph keeps.
    pub fn value(&mut self, index: usize) -> Result<&Value> {
        if !self.values.contains_key(&index) {
            let value = self.read_value(index)?;
            self.values.insert(index, value);
        }
        self.values.get(&index).map_or_else(|| damaged("a tensor is missing"), Ok)
    }

    /// Scale and zero point of a tensor that the graph does not keep, a variable or one that only describes, of the type with this name.
    pub fn steps(&mut self, index: usize, name: &str) -> Result<(f32, i32)> {
        let table = self.tensors.get(index)?;
        let kind = usize::from(u8::from_le_bytes(table.number(tensor::TYPE)?));
        if TYPES.get(kind) != Some(&name) {
            return self.refuse(index, Reason::Type(TYPES.get(kind).unwrap_or(&"newer than this library")));
        }
        let found = self.quantization(index, &table, Scalar::I8, &[])?;
        match found.map(|found| (found.scales, found.zero_points)).as_ref().map(|(s, z)| (&s[..], &z[..])) {
            Some((&[scale], &[zero])) => Ok((scale, zero)),
            _ => damaged(format!("tensor `{}` should have one scale and zero point", self.name(index)?)),
        }
    }

    /// The integers of a constant, or computed of shapes, that the graph does not keep, since an operator's options take them in.
    pub fn integers(&mut self, index: Option<usize>) -> Result<Vec<i64>> {
        let Some(index) = index else { return damaged("an operator lacks an input") };
        if let Some(computed) = self.shapes.get(&index).cloned() {
            self.take(8 * computed.len())?;
            return Ok(computed);
        }
        let value = self.read_value(index)?;
        let Some(data) = value.data else { return self.refuse(index, Reason::Computed) };
        self.take(8 * value.shape.iter().product::<usize>())?;
        match value.scalar {
            Scalar::I32 => Ok(data.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes).into()).collect()),
            Scalar::I64 => Ok(data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()),
            _ => damaged(format!("tensor `{}` should hold integers", value.name)),
        }
    }

    pub fn read_value(&mut self, index: usize) -> Result<Value> {
        let table = self.tensors.get(index)?;
        let name = self.name(index)?;
        let kind = usize::from(u8::from_le_bytes(table.number(tensor::TYPE)?));
        let scalar = match TYPES.get(kind).copied() {
            Some("FLOAT32") => Scalar::F32,
            Some("INT8") => Scalar::I8,
            Some("UINT8") => Scalar::U8,
            Some("INT32") => Scalar::I32,
            Some("INT64") => Scalar::I64,
            other => return self.refuse(index, Reason::Type(other.unwrap_or("newer than this library"))),
        };
        if table.bool(tensor::IS_VARIABLE)? {
            return self.refuse(index, Reason::State);
        }
        if table.has(tensor::SPARSITY) {
            return self.refuse(index, Reason::Sparse);
        }
        if table.u32(tensor::EXTERNAL_BUFFER)? != 0 {
            return self.refuse(index, Reason::External);
        }
        let lengths = table.i32s(tensor::SHAPE)?;
        if lengths.len() > MAX_AXES {
            return damaged(format!("tensor `{name}` has {} axes", lengths.len()));
        }
        let mut shape = Vec::new();
        // Lengths above that of any file are nobody's.
        let mut bytes = Some(scalar.bytes());
        for length in lengths {
            self.take(size_of::<usize>())?;
            let length = usize::try_from(length).unwrap_or(0);
            bytes = bytes
                .and_then(|bytes| bytes.checked_mul(length))
                .filter(|bytes| (1..=i32::MAX as usize).contains(bytes));
            shape.push(length);
        }
        let Some(bytes) = bytes else { return damaged(format!("tensor `{name}` has the shape {shape:?}")) };
        let data = self.data(table.u32(tensor::BUFFER)? as usize)?;
        if let Some(data) = data {
            if data.len() != bytes {
                return damaged(format!("tensor `{name}` has {} bytes of data and needs {bytes}", data.len()));
            }
            self.take(bytes)?;
        }
        let quantization = match scalar {
            Scalar::I8 | Scalar::U8 | Scalar::I32 => self.quantization(index, &table, scalar, &shape)?,
            _ => None,
        };
        self.take(size_of::<(usize, Value)>())?;
        Ok(Value { name, shape, scalar, quantization, data: data.map(<[u8]>::to_owned) })
    }

    fn quantization(
        &mut self,
        index: usize,
        table: &Table<'a>,
        scalar: Scalar,
        shape: &[usize],
    ) -> Result<Option<Quantization>> {
        let Some(table) = table.table(tensor::QUANTIZATION)? else { return Ok(None) };
        if table.number(quantization::DETAILS_TYPE)? != [0] {
            return self.refuse(index, Reason::Blocks);
        }
        let scales = table.numbers(quantization::SCALE)?;
        let zero_points = table.numbers(quantization::ZERO_POINT)?;
        if scales.is_empty() {
            return Ok(None);
        }
        self.take(scales.len() * size_of::<(f32, i32)>())?;
        let scales: Vec<f32> = scales.iter().copied().map(f32::from_le_bytes).collect();
        if !scales.iter().all(|scale| scale.is_finite() && *scale > 0.0) {
            return damaged(format!("tensor `{}` has a scale that is not positive", self.name(index)?));
        }
        let range = match scalar {
            Scalar::I8 => -128..=127,
            Scalar::U8 => 0..=255,
            _ => 0..=0,
        };
        let zero_points: Vec<i32> = match zero_points.len() {
            0 => scales.iter().map(|_| 0).collect(),
            _ => zero_points.iter().filter_map(|bytes| i64::from_le_bytes(*bytes).try_into().ok()).collect(),
        };
        if zero_points.len() != scales.len() || !zero_points.iter().all(|zero| range.contains(zero)) {
            return damaged(format!("tensor `{}` has a zero point out of range", self.name(index)?));
        }
        // An axis that is not there does no harm where there is no choice.
        let axis =
            if scales.len() == 1 || shape.len() == 1 { 0 } else { table.i32(quantization::QUANTIZED_DIMENSION)? };
        let axis = usize::try_from(axis).unwrap_or(usize::MAX);
        if scales.len() > 1 && shape.get(axis) != Some(&scales.len()) {
            return damaged(format!("tensor `{}` has {} scales", self.name(index)?, scales.len()));
        }
        Ok(Some(Quantization { scales, zero_points, axis }))
    }

    /// The bytes of a buffer, `None` if it is empty.
    fn data(&self, index: usize) -> Result<Option<&'a [u8]>> {
        // The first one is empty by agreement.
        if index == 0 {
            return Ok(None);
        }
        let table = self.buffers.get(index)?;
        let inside = table.bytes(buffer::DATA)?;
        // 0 and 1 are written where there is nothing elsewhere.
        let (offset, size) = (table.u64(buffer::OFFSET)?, table.u64(buffer::SIZE)?);
        if !inside.is_empty() || offset < 2 {
            return Ok(Some(inside).filter(|bytes| !bytes.is_empty()));
        }
        let range = usize::try_from(offset).ok().zip(usize::try_from(size).ok());
        let bytes = range.and_then(|(offset, size)| self.file.get(offset..)?.get(..size));
        bytes.map_or_else(|| damaged("a buffer lies outside of it"), |bytes| Ok(Some(bytes)))
    }

    fn name(&mut self, index: usize) -> Result<String> {
        let table = self.tensors.get(index)?;
        self.text(&table, tensor::NAME).map(ToOwned::to_owned)
    }

    fn text(&mut self, table: &Table<'a>, field: usize) -> Result<&'a str> {
        let bytes = table.bytes(field)?;
        self.take(bytes.len())?;
        core::str::from_utf8(bytes).or_else(|_| damaged("a name is not UTF-8"))
    }

    pub fn indices(&mut self, table: &Table<'a>, field: usize) -> Result<Vec<usize>> {
        let indices = table.i32s(field)?;
        self.take(indices.len() * size_of::<usize>())?;
        indices.map(|index| self.index(index)).collect()
    }

    /// A tensor's.
    pub fn index(&self, index: i32) -> Result<usize> {
        let index = usize::try_from(index).ok().filter(|index| *index < self.tensors.len());
        index.map_or_else(|| damaged("an operator names a tensor that is not there"), Ok)
    }

    /// Takes `bytes` of memory for what the file tells.
    pub fn take(&mut self, bytes: usize) -> Result<()> {
        self.budget = self.budget.checked_sub(bytes).map_or_else(|| damaged("its parts overlap"), Ok)?;
        Ok(())
    }

    /// An error, at the operator that is being read.
    pub fn refuse<T>(&mut self, index: usize, reason: Reason) -> Result<T> {
        let tensor = self.name(index)?;
        Err(ReadError::Unsupported(Vec::from([Refusal { operator: self.operator.clone(), times: 1, tensor, reason }])))
    }
}
