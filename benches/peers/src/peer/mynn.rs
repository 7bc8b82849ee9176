//! Batch 1 only. It has a sigmoid at the output too and trains with the squared error.

use std::hint::black_box;

use mynn::activations::Activation;
use mynn::network::{EndLayer, Layer, ProcessLayer};

use crate::work::{Kind, LEARNING_RATE, Mlp, Network};

/// With the standard library's `exp`: faster and more exact than the `SIGMOID` that it brings.
const SIGMOID: Activation = Activation { function: &|x| 1.0 / (1.0 + (-x).exp()), derivative: &|y| y * (1.0 - y) };

struct Mynn<const I: usize, const H: usize, const O: usize> {
    net: ProcessLayer<H, I, O, ProcessLayer<O, H, O, EndLayer<O>>>,
    x: [f32; I],
    target: [f32; O],
}

pub fn network<const I: usize, const H: usize, const O: usize, const B: usize>() -> Box<dyn Network> {
    let task = Mlp::<I, H, O, B>::new();
    let output = ProcessLayer::new_with(EndLayer(), transposed(&task.w2), task.b2);
    let net = ProcessLayer::new_with(output, transposed(&task.w1), task.b1);
    let target = std::array::from_fn(|o| f32::from(u8::from(o == task.classes[0])));
    assert_eq!(B, 1);
    Box::new(Mynn { net, x: task.x[0], target })
}

/// Weights lie as `[outputs][inputs]`.
fn transposed<const I: usize, const O: usize>(w: &[[f32; O]; I]) -> [[f32; I]; O] {
    std::array::from_fn(|o| std::array::from_fn(|i| w[i][o]))
}

impl<const I: usize, const H: usize, const O: usize> Network for Mynn<I, H, O> {
    fn kind(&self) -> Kind {
        Kind::OtherLoss
    }
    fn forward(&mut self) {
        black_box(self.net.predict(black_box(self.x), &SIGMOID));
    }
    fn step(&mut self) {
        // `ProcessLayer::train` for one example; it takes arrays of all examples by value.
        let outputs = self.net.predict(black_box(self.x), &SIGMOID);
        self.net.back_propagate(LEARNING_RATE, outputs, black_box(self.target), &SIGMOID);
    }
    fn logits(&mut self) -> Vec<f32> {
        self.net.predict(self.x, &SIGMOID).iter().map(|y| (y / (1.0 - y)).ln()).collect()
    }
}
