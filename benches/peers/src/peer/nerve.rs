use std::hint::black_box;

use nerve::prelude::*;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

use super::networks::{Image, Tiny};
use crate::work::{self, LEARNING_RATE, Mlp, Network, Timed, time};

type Net<const I: usize, const H: usize, const O: usize> = chain![Dense<I, H, Sigmoid>, Dense<H, O>];

struct Ours<const I: usize, const H: usize, const O: usize, const B: usize> {
    net: Net<I, H, O>,
    pass: Pass<Net<I, H, O>, [f32; I], B>,
    trainer: Trainer<Net<I, H, O>, [f32; I], B>,
    task: Mlp<I, H, O, B>,
}

pub fn network<const I: usize, const H: usize, const O: usize, const B: usize>() -> Box<dyn Network> {
    let task = Mlp::<I, H, O, B>::new();
    let net = (Dense::new(*task.w1, task.b1), Dense::new(task.w2, task.b2));
    Box::new(Ours { net, pass: Pass::ZERO, trainer: Trainer::ZERO, task })
}

impl<const I: usize, const H: usize, const O: usize, const B: usize> Network for Ours<I, H, O, B> {
    fn forward(&mut self) {
        black_box(self.pass.run(&self.net, black_box(&self.task.x)));
    }
    fn step(&mut self) {
        let (x, classes) = black_box((&self.task.x, &self.task.classes));
        self.trainer.step(&mut self.net, &mut Sgd::new(LEARNING_RATE), &CrossEntropy, x, classes).unwrap();
    }
    fn logits(&mut self) -> Vec<f32> {
        self.pass.run(&self.net, &self.task.x).as_flattened().to_vec()
    }
}

pub fn cnn_step() -> Timed {
    assert_eq!(<Tiny as Tensors<f32>>::LEN, 9_098);
    let mut net = Box::new(Tiny::ZERO);
    net.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(1));
    let mut trainer = Box::new(Trainer::<Tiny, Image, { work::CNN_BATCH }>::ZERO);
    let mut optimizer = Box::new(Adam::new(0.001));
    let (images, classes) = work::images();
    Box::new(move |calls| {
        time(calls, || {
            trainer.step(&mut net, &mut *optimizer, &CrossEntropy, black_box(&images), &classes).unwrap();
        })
    })
}
