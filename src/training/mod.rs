//! Learning, on a desktop or on a device: passes over batches, losses, optimizers, schedules, judging what came of it, and keeping what
//! was learned before. Uses `numbers`, `kernels`, `layers`, and `storage` for copies that bad training is taken back to.

mod error;
mod guard;
mod loss;
mod metrics;
pub mod optim;
#[cfg(feature = "rayon")]
mod parallel;
mod pass;
mod replay;
mod schedule;
mod shuffle;
mod trainer;

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
pub use shuffle::shuffle;
pub use trainer::Trainer;
