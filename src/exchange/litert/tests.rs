//! What is refused, and how it is said.

use std::format;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

use super::build::{Field, Fields, file};
use super::schema::{
    IDENTIFIER, TYPES, VERSION, buffer, code, model, operator, operator_code, options, quantization, subgraph, tensor,
};
use super::{ReadError, Reason, read, write};
use crate::exchange::graph::{Graph, Op, Scalar, Slice};
use crate::exchange::lower::lower;

fn tensor(kind: &str, shape: &[i32], buffer: i32, more: Fields) -> Fields {
    let kind = TYPES.iter().position(|name| *name == kind).unwrap();
    let mut fields = vec![
        (tensor::SHAPE, Field::i32s(shape.iter().copied())),
        (tensor::TYPE, Field::u8(kind as u8)),
        (tensor::BUFFER, Field::i32(buffer)),
        (tensor::NAME, Field::text(&format!("{kind}{shape:?}"))),
    ];
    fields.extend(more);
    fields
}

fn node(code: i32, inputs: &[i32], outputs: &[i32]) -> Fields {
    vec![
        (operator::OPCODE_INDEX, Field::i32(code)),
        (operator::INPUTS, Field::i32s(inputs.iter().copied())),
        (operator::OUTPUTS, Field::i32s(outputs.iter().copied())),
    ]
}

fn with_options(mut node: Fields, tag: u8, fields: Fields) -> Fields {
    node.extend([(operator::OPTIONS_TYPE, Field::u8(tag)), (operator::OPTIONS, Field::Table(fields))]);
    node
}

/// A file whose first buffer is empty; the graph reads tensor 0 and gives the last one.
fn model(codes: &[usize], tensors: Vec<Fields>, nodes: Vec<Fields>, buffers: &[&[u8]]) -> Vec<u8> {
    model_with(codes, tensors, nodes, None, buffers)
}

/// With a second graph, of no inputs and outputs.
fn model_with(
    codes: &[usize],
    tensors: Vec<Fields>,
    nodes: Vec<Fields>,
    second: Option<(Vec<Fields>, Vec<Fields>)>,
    buffers: &[&[u8]],
) -> Vec<u8> {
    let codes = codes.iter().map(|code| vec![(operator_code::BUILTIN_CODE, Field::i32(*code as i32))]);
    let buffers = [&[][..]].into_iter().chain(buffers.iter().copied());
    let subgraph = vec![
        (subgraph::INPUTS, Field::i32s([0])),
        (subgraph::OUTPUTS, Field::i32s([tensors.len() as i32 - 1])),
        (subgraph::TENSORS, Field::Tables(tensors)),
        (subgraph::OPERATORS, Field::Tables(nodes)),
    ];
    let second = second.map(|(tensors, nodes)| {
        vec![(subgraph::TENSORS, Field::Tables(tensors)), (subgraph::OPERATORS, Field::Tables(nodes))]
    });
    let root = vec![
        (model::VERSION, Field::i32(VERSION as i32)),
        (model::OPERATOR_CODES, Field::Tables(codes.collect())),
        (model::SUBGRAPHS, Field::Tables([Some(subgraph), second].into_iter().flatten().collect())),
        (model::BUFFERS, Field::Tables(buffers.map(|bytes| vec![(buffer::DATA, Field::bytes(bytes, 16))]).collect())),
    ];
    file(IDENTIFIER, &root)
}

/// A model of one ReLU, from a tensor to a tensor.
fn relu(from: Fields, to: Fields) -> Result<Graph, ReadError> {
    read(&model(&[code::RELU], vec![from, to], vec![node(0, &[0], &[1])], &[]))
}

fn floats(shape: &[i32]) -> Fields {
    tensor("FLOAT32", shape, 0, vec![])
}

fn refused(result: Result<Graph, ReadError>) -> Reason {
    let Err(ReadError::Unsupported(refusals)) = result else { panic!("{result:?}") };
    refusals[0].reason.clone()
}

fn damaged(result: Result<Graph, ReadError>, what: &str) {
    let Err(ReadError::Damaged(why)) = result else { panic!("{result:?}") };
    assert!(why.contains(what), "{why}");
}

#[test]
fn tensors_that_are_not_supported_are_refused() {
    assert!(relu(floats(&[1, 2]), floats(&[1, 2])).is_ok());
    let with = |field, value| tensor("FLOAT32", &[1, 2], 0, vec![(field, value)]);
    for name in ["INT16", "FLOAT16", "STRING", "INT4", "RESOURCE"] {
        assert_eq!(refused(relu(tensor(name, &[1, 2], 0, vec![]), floats(&[1, 2]))), Reason::Type(name));
    }
    assert_eq!(refused(relu(floats(&[2, 2]), floats(&[2, 2]))), Reason::Batch(2));
    assert_eq!(refused(relu(floats(&[1, 2]), with(tensor::IS_VARIABLE, Field::bool(true)))), Reason::State);
    assert_eq!(refused(relu(floats(&[1, 2]), with(tensor::SPARSITY, Field::Table(vec![])))), Reason::Sparse);
    assert_eq!(refused(relu(floats(&[1, 2]), with(tensor::EXTERNAL_BUFFER, Field::i32(1)))), Reason::External);
    let blocks = with(tensor::QUANTIZATION, Field::Table(vec![(quantization::DETAILS_TYPE, Field::u8(2))]));
    assert!(relu(floats(&[1, 2]), blocks).is_ok(), "floats have no scales");
    // An open batch is one; an open length is refused.
    let signature = |axes: [i32; 2]| with(tensor::SHAPE_SIGNATURE, Field::i32s(axes));
    assert!(relu(signature([-1, 2]), floats(&[1, 2])).is_ok());
    assert_eq!(refused(relu(signature([-1, -1]), floats(&[1, 2]))), Reason::OpenShape);
}

#[test]
fn shapes_and_data_that_contradict_are_damage() {
    damaged(relu(floats(&[1, 0]), floats(&[1, 2])), "shape");
    damaged(relu(floats(&[1, -1]), floats(&[1, 2])), "shape");
    damaged(relu(floats(&[1, 1 << 16, 1 << 16, 1 << 16, 1 << 16]), floats(&[1, 2])), "shape");
    damaged(relu(floats(&[1; 9]), floats(&[1, 2])), "9 axes");
    let constant = |length: usize, tensors: fn(Fields) -> Vec<Fields>| {
        let tensors = tensors(tensor("FLOAT32", &[1, 2], 1, vec![]));
        read(&model(&[code::RELU], tensors, vec![node(0, &[0], &[1])], &[&vec![0; length]]))
    };
    damaged(constant(7, |x| vec![floats(&[1, 2]), x]), "7 bytes of data and needs 8");
    damaged(constant(8, |x| vec![floats(&[1, 2]), x]), "written twice");
    damaged(constant(8, |x| vec![x, floats(&[1, 2])]), "input");
}

#[test]
fn order_and_indices_are_checked() {
    let run = |nodes: Vec<Fields>| {
        let tensors = vec![floats(&[1, 2]), floats(&[1, 2]), floats(&[1, 2])];
        read(&model(&[code::RELU, code::ADD], tensors, nodes, &[]))
    };
    assert!(run(vec![node(0, &[0], &[1]), node(1, &[0, 1], &[2])]).is_ok());
    damaged(run(vec![node(1, &[0, 1], &[2]), node(0, &[0], &[1])]), "before it is written");
    damaged(run(vec![node(0, &[0], &[1]), node(0, &[0], &[1])]), "written twice");
    damaged(run(vec![node(0, &[0], &[1])]), "before it is written");
    damaged(run(vec![node(0, &[3], &[1])]), "not there");
    damaged(run(vec![node(0, &[-1], &[1])]), "inputs");
    damaged(run(vec![node(0, &[0, 0], &[1])]), "2 inputs");
    damaged(run(vec![node(2, &[0], &[1])]), "offset");
}

#[test]
fn all_operators_that_are_not_supported_are_named() {
    let nodes =
        vec![node(0, &[0], &[1]), node(1, &[0], &[1]), node(2, &[0], &[1]), node(1, &[0], &[1]), node(3, &[0], &[1])];
    let codes = [code::RELU, 23, code::CUSTOM, code::WHILE];
    let error = read(&model(&codes, vec![floats(&[1, 2]), floats(&[1, 2])], nodes, &[])).unwrap_err().to_string();
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines.len(), 3, "{error}");
    assert!(lines[0].starts_with("operator 1 (RESIZE_BILINEAR) and 1 more of its kind, tensor `0[1, 2]`"), "{error}");
    assert!(lines[1].contains("custom") && lines[2].contains("control flow"), "{error}");
}

#[test]
fn dynamic_range_models_are_refused() {
    let scale = Field::Table(vec![(quantization::SCALE, Field::f32s([0.5]))]);
    let weights = tensor("INT8", &[3, 2], 1, vec![(tensor::QUANTIZATION, scale)]);
    let tensors = vec![floats(&[1, 2]), weights, floats(&[1, 3])];
    let result = read(&model(&[code::FULLY_CONNECTED], tensors, vec![node(0, &[0, 1, -1], &[2])], &[&[1; 6]]));
    assert_eq!(refused(result), Reason::DynamicRange);
}

#[test]
fn an_lstm_is_read_without_its_variables_or_refused_by_what_it_has() {
    let lstm = |changes: &[(usize, i32)], options: Fields| {
        let constant = |shape: &[i32], buffer| tensor("FLOAT32", shape, buffer, vec![]);
        let variable = tensor("FLOAT32", &[1, 4], 0, vec![(tensor::IS_VARIABLE, Field::bool(true))]);
        let (w, u, b) = (constant(&[4, 3], 1), constant(&[4, 4], 2), constant(&[4], 3));
        let tensors = vec![floats(&[1, 2, 3]), w, u, b, variable, floats(&[1, 2, 4])];
        let mut inputs = [0, 1, 1, 1, 1, 2, 2, 2, 2, -1, -1, -1, 3, 3, 3, 3, -1, -1, 4, 4, -1, -1, -1, -1];
        changes.iter().for_each(|(at, input)| inputs[*at] = *input);
        let node = with_options(node(0, &inputs, &[5]), options::UNIDIRECTIONAL_SEQUENCE_LSTM, options);
        read(&model(&[code::UNIDIRECTIONAL_SEQUENCE_LSTM], tensors, vec![node], &[&[0; 48], &[0; 64], &[0; 16]]))
    };
    let tanh = || (0, Field::u8(4));
    let graph = lstm(&[], vec![tanh()]).unwrap();
    assert_eq!((graph.nodes[0].inputs.len(), graph.tensors.len()), (13, 5));
    for (changes, option) in [
        (&[(10, 3)][..], "a peephole of an LSTM"),
        (&[(16, 2)], "a projection of an LSTM"),
        (&[(21, 3)], "layer normalization in an LSTM"),
        (&[(1, -1), (5, -1), (12, -1)], "an LSTM with coupled gates"),
    ] {
        assert_eq!(refused(lstm(changes, vec![tanh()])), Reason::Option(option));
    }
    let activation = lstm(&[], vec![(0, Field::u8(1))]);
    assert_eq!(refused(activation), Reason::Option("an LSTM with another activation than TANH"));
    let time_major = lstm(&[], vec![tanh(), (3, Field::bool(true))]);
    assert_eq!(refused(time_major), Reason::Option("time before the batch in an LSTM"));
    for missing in [2, 8, 12, 18, 19] {
        damaged(lstm(&[(missing, -1)], vec![tanh()]), "lacks an input");
    }
    damaged(lstm(&[], vec![tanh(), (1, Field::f32(-1.0))]), "negative");
}

#[test]
fn a_quantised_dimension_that_is_not_there_does_no_harm_to_a_vector() {
    let bias = |shape: &[i32]| {
        let table = Field::Table(vec![
            (quantization::SCALE, Field::f32s([0.5, 0.25])),
            (quantization::ZERO_POINT, Field::i64s([0, 0])),
            (quantization::QUANTIZED_DIMENSION, Field::i32(3)),
        ]);
        relu(tensor("INT32", shape, 0, vec![(tensor::QUANTIZATION, table)]), floats(shape))
    };
    assert_eq!(bias(&[2]).unwrap().tensors[0].quantization.as_ref().unwrap().axis, 0);
    damaged(bias(&[1, 2]), "2 scales");
}

#[test]
fn data_may_lie_behind_the_tables() {
    let tensors = || vec![floats(&[1, 2]), tensor("FLOAT32", &[1, 2], 1, vec![]), floats(&[1, 2])];
    let nodes = || vec![node(0, &[0, 1], &[2])];
    let mut bytes = model(&[code::ADD], tensors(), nodes(), &[&[7; 8]]);
    let inside = read(&bytes).unwrap();
    // The same, from elsewhere.
    let at = bytes.len() as u64 + 64;
    let outside = |offset: u64| {
        let entry = vec![
            (buffer::OFFSET, Field::Number(offset.to_le_bytes().into())),
            (buffer::SIZE, Field::Number(8_u64.to_le_bytes().into())),
        ];
        let subgraph = vec![
            (subgraph::INPUTS, Field::i32s([0])),
            (subgraph::OUTPUTS, Field::i32s([2])),
            (subgraph::TENSORS, Field::Tables(tensors())),
            (subgraph::OPERATORS, Field::Tables(nodes())),
        ];
        let root = vec![
            (model::VERSION, Field::i32(VERSION as i32)),
            (model::OPERATOR_CODES, Field::Tables(vec![vec![(operator_code::BUILTIN_CODE, Field::i32(0))]])),
            (model::SUBGRAPHS, Field::Tables(vec![subgraph])),
            (model::BUFFERS, Field::Tables(vec![vec![], entry])),
        ];
        file(IDENTIFIER, &root)
    };
    bytes = outside(at);
    bytes.resize(at as usize, 0);
    damaged(read(&bytes), "buffer");
    bytes.extend([7; 8]);
    assert_eq!(read(&bytes).unwrap(), inside);
    damaged(read(&outside(u64::MAX)), "buffer");
}

#[test]
fn shapes_are_computed_as_the_file_is_read() {
    // Keras' `Reshape` of any number of examples: [1, 2, 3] to [shape(x)[0], 3, shape(x)[0] * factor].
    let run = |factor: i32, axes: i32, to: &[i32]| {
        let integers = |shape: &[i32], buffer| tensor("INT32", shape, buffer, vec![]);
        let tensors = vec![
            floats(&[1, 2, 3]),
            integers(&[3], 0),
            integers(&[1], 1),
            integers(&[1], 2),
            integers(&[], 0),
            integers(&[], 3),
            integers(&[], 0),
            integers(&[], 4),
            integers(&[axes], 0),
            floats(to),
        ];
        let first = with_options(node(1, &[1, 2, 3, 3], &[4]), options::STRIDED_SLICE, vec![(4, Field::i32(1))]);
        let nodes =
            vec![node(0, &[0], &[1]), first, node(2, &[4, 5], &[6]), node(3, &[4, 7, 6], &[8]), node(4, &[0, 8], &[9])];
        let codes = [code::SHAPE, code::STRIDED_SLICE, code::MUL, code::PACK, code::RESHAPE];
        let numbers = [0, 1, factor, 3].map(i32::to_le_bytes);
        read(&model(&codes, tensors, nodes, &numbers.each_ref().map(|bytes| &bytes[..])))
    };
    let graph = run(2, 3, &[1, 3, 2]).unwrap();
    assert_eq!(graph.nodes.iter().map(|node| &node.op).collect::<Vec<_>>(), [&Op::Reshape]);
    assert_eq!(graph.tensors.iter().map(|value| &value.shape[..]).collect::<Vec<_>>(), [&[1, 2, 3][..], &[1, 3, 2]]);
    assert!(run(-1, 3, &[1, 3, 2]).is_ok(), "-1 is what is left");
    damaged(run(3, 3, &[1, 3, 2]), "makes");
    damaged(run(2, 2, &[1, 3, 2]), "of a shape");
    // Of values they are not supported, all of which is said.
    let tensors =
        vec![floats(&[1]), floats(&[1, 1]), floats(&[1, 1]), tensor("INT32", &[1], 1, vec![]), floats(&[1, 1])];
    let nodes = vec![node(0, &[0], &[1]), node(1, &[1], &[2]), node(2, &[2, 3], &[4])];
    const EXP: usize = 47;
    let Err(ReadError::Unsupported(refusals)) =
        read(&model(&[code::PACK, EXP, code::GATHER], tensors, nodes, &[&[0; 4]]))
    else {
        panic!("it is read")
    };
    let names = refusals.iter().filter_map(|refusal| Some((&refusal.operator.as_ref()?.1[..], refusal.reason.clone())));
    let names = names.collect::<std::collections::BTreeMap<_, _>>();
    let expected = ["EXP", "GATHER", "PACK"].map(|name| (name, Reason::Operator));
    assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn rows_of_a_table_are_taken_whichever_operator_says_so() {
    let run = |code: usize, inputs: &[i32], axis: i32, integers: &str, to: &[i32]| {
        let tensors = vec![tensor(integers, &[1, 3], 0, vec![]), floats(to), tensor("FLOAT32", &[4, 2], 1, vec![])];
        let node = node(0, inputs, &[1]);
        let node =
            if code == code::GATHER { with_options(node, options::GATHER, vec![(0, Field::i32(axis))]) } else { node };
        read(&model(&[code], tensors, vec![node], &[&[0; 32]]))
    };
    let gather = run(code::GATHER, &[2, 0], 0, "INT32", &[1, 3, 2]).unwrap();
    assert_eq!(gather.nodes[0].op, Op::Gather);
    assert_eq!(run(code::EMBEDDING_LOOKUP, &[0, 2], 0, "INT32", &[1, 3, 2]).unwrap(), gather);
    assert!(lower(&gather).is_ok());
    assert_eq!(read(&write(&gather).unwrap()).unwrap(), gather);
    assert!(matches!(refused(run(code::GATHER, &[2, 0], 1, "INT32", &[4, 1, 3])), Reason::Option(_)));
    let why = |graph: Graph| lower(&graph).unwrap_err().to_string();
    assert!(why(run(code::GATHER, &[2, 0], 0, "INT64", &[1, 3, 2]).unwrap()).contains("type i64"));
    assert!(why(run(code::GATHER, &[2, 0], 0, "INT32", &[1, 2, 3]).unwrap()).contains("[1, 3, 2]"));
}

#[test]
fn slices_are_those_of_numpy() {
    let slice = |length: i32, [begin, end, step]: [i32; 3], masks: [i32; 3], to: &[i32]| {
        let constant = |buffer| tensor("INT32", &[1], buffer, vec![]);
        let tensors = vec![floats(&[length]), constant(1), constant(2), constant(3), floats(to)];
        let [open_begin, open_end, drop] = masks.map(Field::i32);
        let fields = vec![(0, open_begin), (1, open_end), (4, drop)];
        let node = with_options(node(0, &[0, 1, 2, 3], &[4]), options::STRIDED_SLICE, fields);
        let data = [begin, end, step].map(i32::to_le_bytes);
        let graph = read(&model(&[code::STRIDED_SLICE], tensors, vec![node], &[&data[0], &data[1], &data[2]]))?;
        let Op::StridedSlice { slices } = &graph.nodes[0].op else { panic!("{graph:?}") };
        Ok::<_, ReadError>(slices[0])
    };
    let is = |begin, step, len| Ok(Slice { begin, step, len, drop: false });
    assert_eq!(slice(5, [1, 4, 1], [0; 3], &[3]), is(1, 1, 3)); // x[1:4]
    assert_eq!(slice(5, [-2, 9, 1], [0; 3], &[2]), is(3, 1, 2)); // x[-2:9]
    assert_eq!(slice(5, [4, -1, -2], [0, 1, 0], &[3]), is(4, -2, 3)); // x[4::-2]
    assert_eq!(slice(5, [0, 1, -1], [1, 0, 0], &[3]), is(4, -1, 3)); // x[:1:-1]
    assert_eq!(slice(5, [-1, 0, 1], [0, 0, 1], &[]), Ok(Slice { begin: 4, step: 1, len: 1, drop: true })); // x[-1]
    for empty in [[4, 1, 1], [1, 4, -1], [1, 4, 0], [5, 9, 1]] {
        assert!(slice(5, empty, [0; 3], &[3]).is_err(), "{empty:?}");
    }
    assert!(slice(5, [5, 6, 1], [0, 0, 1], &[]).is_err());
    assert!(slice(5, [i32::MIN, i32::MAX, i32::MIN], [0; 3], &[1]).is_err());
    assert_eq!(slice(5, [i32::MAX, i32::MIN, i32::MIN], [0; 3], &[1]), is(4, i32::MIN as isize, 1));
}

#[test]
fn parts_that_overlap_take_no_memory_twice() {
    // Each operator's inputs become the same long list behind the tables.
    let count = 500;
    let long = 100_000_u32;
    let tensors = (0..=count).map(|at| floats(&[if at == 0 { 1 } else { long as i32 }, 2])).collect();
    let nodes = (0..count).map(|at| node(0, &[at, 12345], &[at + 1])).collect();
    let mut bytes = model(&[code::CONCATENATION], tensors, nodes, &[]);
    let marks: Vec<usize> =
        (4..bytes.len() - 4).filter(|at| bytes[*at..at + 4] == 12345_i32.to_le_bytes()).map(|at| at - 8).collect();
    assert_eq!(marks.len(), count as usize);
    let end = bytes.len();
    bytes.extend(long.to_le_bytes());
    bytes.resize(end + 4 + 4 * long as usize, 0);
    for at in 0..end - 4 {
        let target = at + u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
        if marks.contains(&target) {
            bytes[at..at + 4].copy_from_slice(&((end - at) as u32).to_le_bytes());
        }
    }
    damaged(read(&bytes), "overlap");
}

/// How a model with a variable is spelled: `x` [1, 2, 3] is new, what comes before it is as it is read or a part of that, and both are
/// concatenated to `y` [1, 5, 3], which goes through a ReLU.
struct Spelled {
    /// Rows of the variable.
    rows: i32,
    /// The operators between, on the tensors of [`Spelled::read`].
    nodes: Vec<Fields>,
    /// What the variable holds before the first run, if that is said.
    start: Option<Vec<f32>>,
}

const RELU: i32 = 0;
const READ: i32 = 2;
const ASSIGN: i32 = 3;
const CONCATENATION: i32 = 4;
const SLICE: i32 = 5;
const SPLIT: i32 = 6;
const ADD: i32 = 8;
const RESHAPE: i32 = 9;

// Tensors.
const X: i32 = 0;
const HANDLE: i32 = 1;
/// What is read.
const BEFORE: i32 = 2;
const BOTH: i32 = 3;
/// Two rows, and three.
const TWO: i32 = 4;
const THREE: i32 = 5;
const OTHER_THREE: i32 = 6;
/// What slices and splits are told.
const FROM_ROW_0: i32 = 7;
const FROM_ROW_2: i32 = 8;
const ONES: i32 = 9;
const TWO_AND_THREE: i32 = 10;
const AXIS: i32 = 11;
const TO_ROW_3: i32 = 12;
const Y: i32 = 13;

fn concatenation(inputs: &[i32], output: i32) -> Fields {
    with_options(node(CONCATENATION, inputs, &[output]), options::CONCATENATION, vec![(0, Field::i32(1))])
}

fn slice(inputs: [i32; 3], open_ends: i32, to: i32) -> Fields {
    let [from, begin, end] = inputs;
    let node = node(SLICE, &[from, begin, end, ONES], &[to]);
    with_options(node, options::STRIDED_SLICE, vec![(1, Field::i32(open_ends))])
}

/// The last three rows of five.
fn last(from: i32, to: i32) -> Fields {
    slice([from, FROM_ROW_2, ONES], 0b111, to)
}

/// The first three rows of five.
fn first(from: i32, to: i32) -> Fields {
    slice([from, FROM_ROW_0, TO_ROW_3], 0b101, to)
}

/// Into two rows and three.
fn split(from: i32, to: [i32; 2]) -> Fields {
    with_options(node(SPLIT, &[from, TWO_AND_THREE, AXIS], &to), options::SPLIT_V, vec![])
}

impl Spelled {
    fn read(self) -> Result<Graph, ReadError> {
        let Self { rows, nodes, start } = self;
        let integers = |shape: &[i32], buffer| tensor("INT32", shape, buffer, vec![]);
        let tensors = vec![
            floats(&[1, 2, 3]),
            tensor("RESOURCE", &[], 0, vec![]),
            floats(&[1, rows, 3]),
            floats(&[1, 5, 3]),
            floats(&[1, 2, 3]),
            floats(&[1, 3, 3]),
            floats(&[1, 3, 3]),
            integers(&[3], 1),
            integers(&[3], 2),
            integers(&[3], 3),
            integers(&[2], 4),
            integers(&[1], 5),
            integers(&[3], 6),
            floats(&[1, 5, 3]),
        ];
        let options = || vec![(0, Field::text("")), (1, Field::text("state"))];
        let handle = |tensor| with_options(node(1, &[], &[tensor]), options::VAR_HANDLE, options());
        let data = |values: &[i32]| values.iter().copied().flat_map(i32::to_le_bytes).collect::<Vec<_>>();
        let integers = [&[0, 0, 0][..], &[0, 2, 0], &[1, 1, 1], &[2, 3], &[1], &[0, 3, 0]].map(data);
        let begin = start.iter().flatten().copied().flat_map(f32::to_le_bytes).collect::<Vec<_>>();
        let mut buffers: Vec<&[u8]> = integers.iter().map(|data| &data[..]).collect();
        buffers.push(&begin);
        let mut all = vec![handle(HANDLE), node(READ, &[HANDLE], &[BEFORE])];
        let second = start.map(|_| {
            all.insert(0, with_options(node(7, &[], &[]), options::CALL_ONCE, vec![(0, Field::i32(1))]));
            let tensors = vec![tensor("RESOURCE", &[], 0, vec![]), tensor("FLOAT32", &[1, rows, 3], 7, vec![])];
            (tensors, vec![handle(0), node(ASSIGN, &[0, 1], &[])])
        });
        all.extend(nodes);
        let codes = [
            code::RELU,
            code::VAR_HANDLE,
            code::READ_VARIABLE,
            code::ASSIGN_VARIABLE,
            code::CONCATENATION,
            code::STRIDED_SLICE,
            code::SPLIT_V,
            code::CALL_ONCE,
            code::ADD,
            code::RESHAPE,
        ];
        read(&model_with(&codes, tensors, all, second, &buffers))
    }
}

#[test]
fn variables_become_ring_buffers_however_they_are_spelled() {
    let relu = || node(RELU, &[BOTH], &[Y]);
    let assign = |value| node(ASSIGN, &[HANDLE, value], &[]);
    let spellings = || {
        [
            // What is kept is read, its last rows are assigned: by a slice, or by a split.
            (3, vec![concatenation(&[BEFORE, X], BOTH), last(BOTH, THREE), assign(THREE), relu()]),
            (3, vec![concatenation(&[BEFORE, X], BOTH), split(BOTH, [TWO, THREE]), relu(), assign(THREE)]),
            // All of it is assigned, what is kept is a part of what is read.
            (5, vec![last(BEFORE, THREE), concatenation(&[THREE, X], BOTH), assign(BOTH), relu()]),
            (5, vec![split(BEFORE, [TWO, THREE]), concatenation(&[THREE, X], BOTH), relu(), assign(BOTH)]),
            // In another shape in between.
            (
                3,
                vec![
                    node(RESHAPE, &[BEFORE], &[OTHER_THREE]),
                    concatenation(&[OTHER_THREE, X], BOTH),
                    last(BOTH, THREE),
                    assign(THREE),
                    relu(),
                ],
            ),
        ]
    };
    for with_start in [false, true] {
        for (i, (rows, nodes)) in spellings().into_iter().enumerate() {
            let start = with_start.then(|| (0..3 * rows).map(|at| (3 * rows - at) as f32).collect());
            let graph = Spelled { rows, nodes, start }.read().unwrap_or_else(|error| panic!("{i}: {error}"));
            let ops: Vec<_> = graph.nodes.iter().map(|node| &node.op).collect();
            assert_eq!(ops, [&Op::Ring, &Op::Relu], "{i}");
            let [Some(x), Some(start)] = graph.nodes[0].inputs[..] else { panic!("{i}") };
            assert_eq!((x, graph.tensors.len()), (graph.inputs[0], 4), "{i}");
            let start = &graph.tensors[start];
            let expected: Vec<f32> = (0..9).map(|at| if with_start { (9 - at) as f32 } else { 0.0 }).collect();
            assert_eq!(
                (&start.shape[..], start.scalar, start.floats().unwrap()),
                (&[1, 3, 3][..], Scalar::F32, expected)
            );
        }
    }
}

#[test]
fn variables_that_are_no_ring_buffers_are_refused_by_name() {
    let relu = || node(RELU, &[BOTH], &[Y]);
    let assign = |value| node(ASSIGN, &[HANDLE, value], &[]);
    let both = || concatenation(&[BEFORE, X], BOTH);
    let spellings = [
        // A sum.
        (3, vec![node(ADD, &[BEFORE, BEFORE], &[THREE]), assign(THREE), concatenation(&[THREE, X], BOTH), relu()]),
        // The first rows stay, not the last.
        (3, vec![both(), first(BOTH, THREE), assign(THREE), relu()]),
        // What is new comes first.
        (3, vec![concatenation(&[X, BEFORE], BOTH), last(BOTH, THREE), assign(THREE), relu()]),
        // It is read elsewhere.
        (3, vec![both(), last(BOTH, THREE), assign(THREE), node(RELU, &[BEFORE], &[OTHER_THREE]), relu()]),
        // It is not assigned.
        (3, vec![both(), relu()]),
        // What is assigned is computed.
        (3, vec![both(), last(BOTH, THREE), node(RELU, &[THREE], &[OTHER_THREE]), assign(OTHER_THREE), relu()]),
        // As many rows come before as are kept, but other ones.
        (5, vec![first(BEFORE, THREE), concatenation(&[THREE, X], BOTH), assign(BOTH), relu()]),
    ];
    for (i, (rows, nodes)) in spellings.into_iter().enumerate() {
        let error = Spelled { rows, nodes, start: None }.read().expect_err("it is read");
        let text = error.to_string();
        assert_eq!(refused(Err(error)), Reason::Variable, "{i}");
        assert!(text.starts_with("operator 1 (READ_VARIABLE), tensor `state`: a variable that is no ring"), "{text}");
    }
}
