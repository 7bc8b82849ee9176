use std::string::ToString;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::exchange::executor::Executor;
use crate::exchange::graph::{Conv, Padding, Quantization};

fn value(name: &str, shape: &[usize], scalar: Scalar, data: Option<Vec<u8>>) -> Value {
    let quantization = Some(Quantization { scales: vec![0.5], zero_points: vec![0], axis: 0 });
    Value { name: name.into(), shape: shape.into(), scalar, quantization, data }
}

/// A convolution of a kernel of 1 from two channels to one, which adds them up.
fn sums() -> Graph {
    let conv = Conv { padding: Padding::Same, strides: [1; 2], dilation: [1; 2], activation: Activation::None };
    Graph {
        tensors: vec![
            value("x", &[1, 1, 2, 2], Scalar::I8, None),
            value("w", &[1, 1, 1, 2], Scalar::I8, Some(vec![2, 2])),
            value("b", &[1], Scalar::I32, Some(vec![4, 0, 0, 0])),
            value("y", &[1, 1, 2, 1], Scalar::I8, None),
        ],
        nodes: vec![Node { op: Op::Conv2d(conv), inputs: vec![Some(0), Some(1), Some(2)], outputs: vec![3] }],
        inputs: vec![0],
        outputs: vec![3],
    }
}

#[test]
fn a_graph_runs() {
    let mut executor = Executor::new(&sums()).unwrap();
    assert!(executor.run(&[&[1, 2, 255, 0]]).unwrap().eq([[5, 1]]));
    assert!(executor.run(&[&[1, 2, 255]]).is_err() && executor.run(&[]).is_err());
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let refused = |change: fn(&mut Graph)| {
        let mut graph = sums();
        change(&mut graph);
        Executor::new(&graph).unwrap_err().to_string()
    };
    for (change, expected) in [
        (
            (|graph| graph.tensors[3].shape[2] = 3) as fn(&mut Graph),
            "operator 0 (CONV_2D): tensor `y`: its shape should be [1, 1, 2, 1]",
        ),
        (|graph| graph.tensors[1].data = None, "operator 0 (CONV_2D): tensor `w`: read before it is written"),
        (|graph| graph.tensors[2].scalar = Scalar::F32, "operator 0 (CONV_2D): tensor `b`: type f32 is not supported"),
        (
            |graph| graph.tensors[0].quantization = None,
            "operator 0 (CONV_2D): tensor `x`: should have one positive scale",
        ),
        (
            |graph| graph.tensors[1].quantization.as_mut().unwrap().zero_points = vec![1],
            "operator 0 (CONV_2D): tensor `w`: should have zero points 0",
        ),
        (
            |graph| graph.tensors[0].shape = vec![1, 1, 4, 1],
            "operator 0 (CONV_2D): tensor `w`: a convolution in groups",
        ),
        (|graph| graph.tensors[0].shape = vec![2, 1, 1, 2], "operator 0 (CONV_2D): tensor `x`: another shape than"),
        (|graph| graph.nodes[0].inputs.truncate(1), "operator 0 (CONV_2D): an input or output is missing"),
        (|graph| graph.nodes[0].outputs = vec![0], "operator 0 (CONV_2D): tensor `x`: read before it is written"),
        (|graph| graph.tensors[1].data = Some(vec![0; 3]), "tensor `w`: its shape does not fit its data"),
        (|graph| graph.tensors[0].shape[1] = usize::MAX, "tensor `x`: its shape does not fit its data"),
        (|graph| graph.outputs = vec![9], "read before it is written"),
    ] {
        let found = refused(change);
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}
