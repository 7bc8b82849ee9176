use std::hint::black_box;

use dfdx::nn::modules;
use dfdx::optim::{Sgd, SgdConfig};
use dfdx::prelude::*;

use crate::work::{LEARNING_RATE, Mlp, Network};

type Net<const I: usize, const H: usize, const O: usize> =
    ((modules::Linear<I, H, f32, Cpu>, Sigmoid), modules::Linear<H, O, f32, Cpu>);

struct Dfdx<const I: usize, const H: usize, const O: usize, const B: usize> {
    net: Net<I, H, O>,
    x: Tensor<Rank2<B, I>, f32, Cpu>,
    targets: Tensor<Rank2<B, O>, f32, Cpu>,
    gradients: Option<Gradients<f32, Cpu>>,
    optimizer: Sgd<Net<I, H, O>, f32, Cpu>,
}

pub fn network<const I: usize, const H: usize, const O: usize, const B: usize>() -> Box<dyn Network> {
    let task = Mlp::<I, H, O, B>::new();
    let cpu = Cpu::default();
    let mut net: Net<I, H, O> = ((modules::Linear::build(&cpu), Sigmoid), modules::Linear::build(&cpu));
    // Weights lie as `[outputs][inputs]`.
    let transposed = |w: &[f32], outputs: usize| -> Vec<f32> {
        (0..outputs).flat_map(|o| w.iter().skip(o).step_by(outputs)).copied().collect()
    };
    net.0.0.weight.copy_from(&transposed(task.w1.as_flattened(), H));
    net.0.0.bias.copy_from(&task.b1);
    net.1.weight.copy_from(&transposed(task.w2.as_flattened(), O));
    net.1.bias.copy_from(&task.b2);
    let one_hot: Vec<f32> =
        task.classes.iter().flat_map(|c| (0..O).map(move |o| f32::from(u8::from(o == *c)))).collect();
    let config = SgdConfig { lr: LEARNING_RATE.into(), momentum: None, weight_decay: None };
    let optimizer = Sgd::new(&net, config);
    Box::new(Dfdx::<I, H, O, B> {
        x: cpu.tensor(task.x.as_flattened().to_vec()),
        targets: cpu.tensor(one_hot),
        gradients: Some(net.alloc_grads()),
        optimizer,
        net,
    })
}

impl<const I: usize, const H: usize, const O: usize, const B: usize> Network for Dfdx<I, H, O, B> {
    fn forward(&mut self) {
        black_box(self.net.forward(self.x.clone()));
    }
    fn step(&mut self) {
        let logits = self.net.forward_mut(self.x.clone().traced(self.gradients.take().unwrap()));
        let loss = cross_entropy_with_logits_loss(logits, self.targets.clone());
        let mut gradients = loss.backward();
        self.optimizer.update(&mut self.net, &gradients).unwrap();
        self.net.zero_grads(&mut gradients);
        self.gradients = Some(gradients);
    }
    fn logits(&mut self) -> Vec<f32> {
        self.net.forward(self.x.clone()).as_vec()
    }
}
