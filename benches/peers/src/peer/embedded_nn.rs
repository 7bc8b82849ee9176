//! Inference only. Its sigmoid is read from a table.

use std::hint::black_box;

use embedded_nn::float_ops::{fast_sigmoid_f32_slice, fully_connected_f32};
use embedded_nn::types::Dims;

use crate::work::{Kind, Mlp, Network};

struct EmbeddedNn<const I: usize, const H: usize, const O: usize, const B: usize> {
    /// `[outputs][inputs]`.
    w1: Vec<f32>,
    w2: Vec<f32>,
    task: Mlp<I, H, O, B>,
    hidden: Vec<f32>,
    y: Vec<f32>,
}

pub fn network<const I: usize, const H: usize, const O: usize, const B: usize>() -> Box<dyn Network> {
    let task = Mlp::<I, H, O, B>::new();
    let transposed = |w: &[f32], outputs: usize| -> Vec<f32> {
        (0..outputs).flat_map(|o| w.iter().skip(o).step_by(outputs)).copied().collect()
    };
    Box::new(EmbeddedNn {
        w1: transposed(task.w1.as_flattened(), H),
        w2: transposed(task.w2.as_flattened(), O),
        task,
        hidden: vec![0.0; B * H],
        y: vec![0.0; B * O],
    })
}

fn layer(batch: usize, x: &[f32], w: &[f32], b: &[f32], y: &mut [f32]) {
    let dims = |n: usize, c: usize| Dims { n: n as i32, h: 1, w: 1, c: c as i32 };
    let inputs = x.len() / batch;
    fully_connected_f32(&dims(batch, inputs), x, &dims(inputs, b.len()), w, Some(b), &dims(batch, b.len()), y).unwrap();
}

impl<const I: usize, const H: usize, const O: usize, const B: usize> Network for EmbeddedNn<I, H, O, B> {
    fn kind(&self) -> Kind {
        Kind::InferenceOnly
    }
    fn forward(&mut self) {
        layer(B, black_box(self.task.x.as_flattened()), &self.w1, &self.task.b1, &mut self.hidden);
        fast_sigmoid_f32_slice(&mut self.hidden);
        layer(B, &self.hidden, &self.w2, &self.task.b2, &mut self.y);
        black_box(&mut self.y);
    }
    fn step(&mut self) {
        unimplemented!("inference only")
    }
    fn logits(&mut self) -> Vec<f32> {
        self.forward();
        self.y.clone()
    }
}
