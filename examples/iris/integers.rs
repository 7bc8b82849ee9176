//! The network in integers, as a LiteRT model: for chips without a floating-point unit.

use anyhow::{Context, Result};
use nerve::executor::Executor;
use nerve::graph::{Activation, Graph, Node, Op, Quantization, Scalar, Value};
use nerve::{Tensors, argmax, litert};

use crate::networks::{Input, Net};

/// The network's `.tflite` file: `int8` centimetres in, `int8` logits out. Ranges are those that `flowers` lead to, weights have a scale for
/// each output, and the standardisation is computed into the first layer.
pub fn model<const H: usize>(net: &Net<H>, flowers: &[Input]) -> Vec<u8> {
    let ((standardize, hidden), output) = net;
    let mut figures = Vec::new();
    standardize.visit(&mut |tensor| figures.push(tensor.to_vec()));
    let (mean, inverse) = (&figures[0], &figures[1]);
    let rows = |outputs: usize, w: &dyn Fn(usize, usize) -> f32, inputs: usize| -> Vec<Vec<f32>> {
        (0..outputs).map(|o| (0..inputs).map(|i| w(i, o)).collect()).collect()
    };
    let first = rows(H, &|i, o| hidden.w[i][o] * inverse[i], 4);
    let shifted = |o: usize| hidden.b[o] - first[o].iter().zip(mean).map(|(w, mean)| w * mean).sum::<f32>();
    let first_bias: Vec<f32> = (0..H).map(shifted).collect();
    let second = rows(3, &|i, o| output.w[i][o], H);

    let products = |x: &[f32], w: &[Vec<f32>], b: &[f32]| -> Vec<f32> {
        w.iter().zip(b).map(|(w, b)| b + w.iter().zip(x).map(|(w, x)| w * x).sum::<f32>()).collect()
    };
    let sums: Vec<_> = flowers.iter().map(|x| products(x, &first, &first_bias)).collect();
    let units: Vec<Vec<f32>> = sums.iter().map(|x| x.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect()).collect();
    let logits: Vec<_> = units.iter().map(|x| products(x, &second, &output.b)).collect();

    let mut graph = Graph::default();
    let x = value(&mut graph, "centimetres", 4, range(flowers.iter().flatten()));
    let a = value(&mut graph, "sums", H, range(sums.iter().flatten()));
    let b = value(&mut graph, "units", H, (1.0 / 256.0, -128)); // What LiteRT demands of a logistic function.
    let y = value(&mut graph, "logits", 3, range(logits.iter().flatten()));
    fully_connected(&mut graph, x, &first, &first_bias, a);
    graph.nodes.push(Node { op: Op::Logistic, inputs: vec![Some(a)], outputs: vec![b] });
    fully_connected(&mut graph, b, &second, &output.b, y);
    (graph.inputs, graph.outputs) = (vec![x], vec![y]);
    litert::write(&graph)
}

/// How many of the flowers the model recognises.
pub fn recognised(model: &[u8], flowers: &[Input], species: &[usize]) -> Result<usize> {
    let graph = litert::read(model)?;
    let mut executor = Executor::new(&graph)?;
    let centimetres = graph.tensors[graph.inputs[0]].quantization.as_ref().context("no scale")?;
    let (scale, zero_point) = (centimetres.scales[0], centimetres.zero_points[0]);
    let mut right = 0;
    for (x, class) in flowers.iter().zip(species) {
        let x = x.map(|v| ((v / scale).round() as i32 + zero_point).clamp(-128, 127) as u8);
        let logits = executor.run(&[&x])?.concat();
        right += usize::from(argmax(&logits.iter().map(|v| *v as i8).collect::<Vec<_>>()) == *class);
    }
    Ok(right)
}

/// Scale and zero point with which 256 steps take in all values and 0.
fn range<'v>(values: impl Iterator<Item = &'v f32>) -> (f32, i32) {
    let (least, greatest) = values.fold((0f32, 0f32), |(least, greatest), v| (least.min(*v), greatest.max(*v)));
    let scale = (greatest - least) / 255.0;
    (scale, -128 - (least / scale).round() as i32)
}

fn value(graph: &mut Graph, name: &str, length: usize, (scale, zero_point): (f32, i32)) -> usize {
    graph.tensors.push(Value {
        name: name.to_owned(),
        shape: vec![1, length],
        scalar: Scalar::I8,
        quantization: Some(Quantization { scales: vec![scale], zero_points: vec![zero_point], axis: 0 }),
        data: None,
    });
    graph.tensors.len() - 1
}

/// From tensor `x` to tensor `y`, with weights `w[output][input]`.
fn fully_connected(graph: &mut Graph, x: usize, w: &[Vec<f32>], b: &[f32], y: usize) {
    let scale_of = |index: usize| graph.tensors[index].quantization.as_ref().map_or(1.0, |found| found.scales[0]);
    let input = scale_of(x);
    let largest = |row: &Vec<f32>| row.iter().fold(f32::MIN_POSITIVE, |largest, w| largest.max(w.abs())) / 127.0;
    let scales: Vec<f32> = w.iter().map(largest).collect();
    let weights =
        w.iter().zip(&scales).flat_map(|(row, scale)| row.iter().map(move |w| (w / scale).round() as i8 as u8));
    let biases = b.iter().zip(&scales).flat_map(|(b, scale)| ((b / (input * scale)).round() as i32).to_le_bytes());
    let constant = |name: &str, shape: Vec<usize>, scalar, scales: Vec<f32>, data: Vec<u8>| Value {
        name: name.to_owned(),
        shape,
        scalar,
        quantization: Some(Quantization { zero_points: vec![0; scales.len()], scales, axis: 0 }),
        data: Some(data),
    };
    let of_biases = scales.iter().map(|scale| input * scale).collect();
    let (weights, biases) = (weights.collect(), biases.collect());
    let at = graph.tensors.len();
    graph.tensors.push(constant("weights", vec![w.len(), w[0].len()], Scalar::I8, scales, weights));
    graph.tensors.push(constant("biases", vec![w.len()], Scalar::I32, of_biases, biases));
    let inputs = vec![Some(x), Some(at), Some(at + 1)];
    graph.nodes.push(Node { op: Op::FullyConnected { activation: Activation::None }, inputs, outputs: vec![y] });
}
