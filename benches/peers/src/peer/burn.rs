use std::hint::black_box;

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};

use crate::work::{self, LEARNING_RATE, Mlp, Network, Timed, time};

/// The backends for CPUs.
pub fn devices() -> [(&'static str, Device); 2] {
    #[allow(deprecated)] // In favour of flex, but not slower everywhere.
    [("burn, flex", Device::flex()), ("burn, ndarray", Device::ndarray())]
}

#[derive(Module, Debug)]
struct Net {
    hidden: Linear,
    output: Linear,
}

impl Net {
    fn new<const I: usize, const H: usize, const O: usize, const B: usize>(
        task: &Mlp<I, H, O, B>,
        device: &Device,
    ) -> Self {
        Self {
            hidden: linear(task.w1.as_flattened(), &task.b1, device),
            output: linear(task.w2.as_flattened(), &task.b2, device),
        }
    }
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.output.forward(activation::sigmoid(self.hidden.forward(x)))
    }
}

fn linear(w: &[f32], b: &[f32], device: &Device) -> Linear {
    let weight = Tensor::from_data(TensorData::new(w.to_vec(), [w.len() / b.len(), b.len()]), device);
    Linear { weight: Param::from_tensor(weight), bias: Some(Param::from_tensor(Tensor::from_floats(b, device))) }
}

fn targets(classes: &[usize], device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(classes.iter().map(|c| *c as i32).collect(), [classes.len()]), device)
}

struct Burn {
    /// Without the bookkeeping of derivatives.
    inference: Net,
    inference_x: Tensor<2>,
    training: Option<Net>,
    x: Tensor<2>,
    targets: Tensor<1, Int>,
    loss: CrossEntropyLoss,
    optimizer: ModuleOptimizer,
}

pub fn network<const I: usize, const H: usize, const O: usize, const B: usize>(device: &Device) -> Box<dyn Network> {
    let task = Mlp::<I, H, O, B>::new();
    let training = device.clone().autodiff();
    let x = TensorData::new(task.x.as_flattened().to_vec(), [B, I]);
    Box::new(Burn {
        inference: Net::new(&task, device),
        inference_x: Tensor::from_data(x.clone(), device),
        training: Some(Net::new(&task, &training)),
        x: Tensor::from_data(x, &training),
        targets: targets(&task.classes, &training),
        loss: CrossEntropyLossConfig::new().init(&training),
        optimizer: SgdConfig::new().init(),
    })
}

impl Network for Burn {
    fn forward(&mut self) {
        black_box(self.inference.forward(self.inference_x.clone()));
    }
    fn step(&mut self) {
        let net = self.training.take().unwrap();
        let loss = self.loss.forward(net.forward(self.x.clone()), self.targets.clone());
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        self.training = Some(self.optimizer.step(f64::from(LEARNING_RATE), net, gradients));
    }
    fn logits(&mut self) -> Vec<f32> {
        self.training.as_ref().unwrap().forward(self.x.clone()).into_data().try_to_vec().unwrap()
    }
}

#[derive(Module, Debug)]
struct Cnn {
    first: Conv2d,
    second: Conv2d,
    pool: MaxPool2d,
    output: Linear,
}

pub fn cnn_step(device: &Device) -> Timed {
    let device = device.clone().autodiff();
    let conv = |channels| Conv2dConfig::new(channels, [3, 3]).with_padding(PaddingConfig2d::Same).init(&device);
    let mut net = Some(Cnn {
        first: conv([1, 8]),
        second: conv([8, 16]),
        pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
        output: LinearConfig::new(784, 10).init(&device),
    });
    assert_eq!(net.as_ref().unwrap().num_params(), 9_098);
    let (images, classes) = work::images();
    let images =
        TensorData::new(images.as_flattened().as_flattened().as_flattened().to_vec(), [work::CNN_BATCH, 1, 28, 28]);
    let (x, targets) = (Tensor::<4>::from_data(images, &device), targets(&classes, &device));
    let loss = CrossEntropyLossConfig::new().init(&device);
    let mut optimizer = AdamConfig::new().init();
    Box::new(move |calls| {
        time(calls, || {
            let cnn = net.take().unwrap();
            let y = cnn.pool.forward(activation::relu(cnn.first.forward(x.clone())));
            let y = cnn.pool.forward(activation::relu(cnn.second.forward(y)));
            let loss = loss.forward(cnn.output.forward(y.flatten(1, 3)), targets.clone());
            let gradients = GradientsParams::from_grads(loss.backward(), &cnn);
            net = Some(optimizer.step(0.001, cnn, gradients));
        })
    })
}
