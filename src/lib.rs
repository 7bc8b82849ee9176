//! TODO
#![no_std]

#[cfg(test)]
extern crate std;

mod activation;
mod dense;
mod dropout;
pub mod flash;
mod init;
mod kernels;
mod layer;
mod loss;
mod memory;
mod metrics;
pub mod optim;
mod params;
mod real;
mod schedule;
mod standardize;
mod tensor;
mod train;
pub mod weights;

pub use activation::{Activation, Elu, LeakyRelu, Linear, Relu, Sigmoid, Softmax, Tanh, argmax};
pub use dense::Dense;
pub use dropout::Dropout;
pub use init::{Init, shuffle};
pub use layer::{Frozen, Layer, Mode, PairActs};
pub use loss::{BinaryCrossEntropy, CrossEntropy, Huber, Loss, Mae, Mse};
pub use memory::assert_fits;
pub use metrics::{Confusion, Regression};
pub use optim::Optimizer;
pub use params::{Params, Tensors};
pub use real::Real;
pub use schedule::Schedule;
pub use standardize::Standardize;
pub use tensor::{Tensor, Zero};
pub use train::{Pass, TrainError, Trainer};

/// Everything a program that trains or runs a network names.
pub mod prelude {
    pub use crate::optim::{Adam, AdamW, Momentum, Nesterov, Optimizer, RmsProp, Sgd};
    pub use crate::{
        BinaryCrossEntropy, Confusion, CrossEntropy, Dense, Dropout, Elu, Frozen, Huber, Init, LeakyRelu, Linear, Mae,
        Mse, Params, Pass, Regression, Relu, Schedule, Sigmoid, Softmax, Standardize, Tanh, Tensors, TrainError,
        Trainer, Zero, argmax, chain, include_weights, shuffle, weights,
    };
}
