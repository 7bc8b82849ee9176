//! Learning, on a desktop or on a device: passes over batches, losses, optimizers, schedules, judging what came of it, and keeping what
//! was learned before. Uses `numbers`, `kernels`, `layers`, and `storage` for copies that bad training is taken back to.

mod accumulator;
mod auc;
pub mod augment;
mod classes;
mod clip;
mod early_stopping;
mod ema;
mod error;
mod guard;
mod loss;
mod metrics;
pub mod optim;
#[cfg(feature = "rayon")]
mod pace;
#[cfg(feature = "rayon")]
mod parallel;
mod pass;
mod replay;
mod schedule;
mod shuffle;
mod threshold;
mod trainer;
mod triplet;

pub use accumulator::Accumulator;
pub use auc::roc_auc;
pub use classes::{ClassWeights, Focal, LabelSmoothing};
pub use clip::Clip;
pub use early_stopping::EarlyStopping;
pub use error::TrainError;
pub use guard::Guard;
pub use loss::{BinaryCrossEntropy, CrossEntropy, Huber, Loss, Mae, Mse};
pub use metrics::{Confusion, Regression};
pub use optim::Optimizer;
#[cfg(feature = "rayon")]
pub use parallel::ParallelTrainer;
pub use pass::Pass;
pub use replay::Replay;
pub use schedule::Schedule;
pub use shuffle::{shuffle, split};
pub use threshold::Threshold;
pub use trainer::Trainer;
pub use triplet::Triplet;
