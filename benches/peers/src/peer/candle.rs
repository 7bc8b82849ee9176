use std::hint::black_box;

use candle_core::{Device, Module, Result, Tensor, Var};
use candle_nn::{Linear, Optimizer, SGD, loss, ops};

use crate::work::{LEARNING_RATE, Mlp, Network};

struct Candle {
    hidden: Linear,
    output: Linear,
    x: Tensor,
    targets: Tensor,
    optimizer: SGD,
}

pub fn network<const I: usize, const H: usize, const O: usize, const B: usize>() -> Box<dyn Network> {
    try_network::<I, H, O, B>().expect("candle makes a network")
}

fn try_network<const I: usize, const H: usize, const O: usize, const B: usize>() -> Result<Box<dyn Network>> {
    let task = Mlp::<I, H, O, B>::new();
    let mut vars = Vec::new();
    let mut linear = |w: &[f32], b: &[f32]| {
        let (inputs, outputs) = (w.len() / b.len(), b.len());
        // Weights lie as `[outputs][inputs]`.
        let w = Tensor::from_slice(w, (inputs, outputs), &Device::Cpu)?.t()?.contiguous()?;
        let (w, b) = (Var::from_tensor(&w)?, Var::from_slice(b, outputs, &Device::Cpu)?);
        let linear = Linear::new(w.as_tensor().clone(), Some(b.as_tensor().clone()));
        vars.extend([w, b]);
        Ok::<_, candle_core::Error>(linear)
    };
    let hidden = linear(task.w1.as_flattened(), &task.b1)?;
    let output = linear(task.w2.as_flattened(), &task.b2)?;
    Ok(Box::new(Candle {
        hidden,
        output,
        x: Tensor::from_slice(task.x.as_flattened(), (B, I), &Device::Cpu)?,
        targets: Tensor::from_iter(task.classes.iter().map(|c| *c as u32), &Device::Cpu)?,
        optimizer: SGD::new(vars, f64::from(LEARNING_RATE))?,
    }))
}

impl Candle {
    fn run(&self) -> Result<Tensor> {
        self.output.forward(&ops::sigmoid(&self.hidden.forward(&self.x)?)?)
    }
}

impl Network for Candle {
    fn forward(&mut self) {
        black_box(self.run().unwrap());
    }
    fn step(&mut self) {
        let loss = loss::cross_entropy(&self.run().unwrap(), &self.targets).unwrap();
        self.optimizer.backward_step(&loss).unwrap();
    }
    fn logits(&mut self) -> Vec<f32> {
        self.run().unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }
}
