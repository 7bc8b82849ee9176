//! What is timed.

use std::time::Duration;

use cpu_time::ProcessTime;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

/// One column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    MlpForward1,
    MlpForward32,
    MlpStep1,
    MlpStep32,
    IrisForward,
    IrisStep,
    CnnEpoch,
}

impl Work {
    pub const ALL: [Self; 7] = [
        Self::MlpForward1,
        Self::MlpForward32,
        Self::MlpStep1,
        Self::MlpStep32,
        Self::IrisForward,
        Self::IrisStep,
        Self::CnnEpoch,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::MlpForward1 => "784-100-10 forward, batch 1",
            Self::MlpForward32 => "forward, batch 32",
            Self::MlpStep1 => "SGD step, batch 1",
            Self::MlpStep32 => "SGD step, batch 32",
            Self::IrisForward => "Iris 4-10-3 forward",
            Self::IrisStep => "Iris SGD step",
            Self::CnnEpoch => "tiny CNN, epoch of 60,000",
        }
    }

    /// How many of the timed calls the column shows: one, or an epoch of 60,000 images from single steps.
    pub fn scale(self) -> f64 {
        if self == Self::CnnEpoch { 60_000.0 / CNN_BATCH as f64 } else { 1.0 }
    }
}

/// Runs the work so many times and returns the CPU time that it took.
pub type Timed = Box<dyn FnMut(u32) -> Duration>;

/// Time of the CPU, not of the clock: it is the same on a machine that is busy with other things, and it includes whatever threads
/// a library starts.
pub fn time(calls: u32, mut work: impl FnMut()) -> Duration {
    let start = ProcessTime::now();
    for _ in 0..calls {
        work();
    }
    start.elapsed()
}

pub const LEARNING_RATE: f32 = 0.01;
/// Of the tiny CNN.
pub const CNN_BATCH: usize = 64;

/// A network `I`-`H`(sigmoid)-`O` and a batch of `B` for it.
pub struct Mlp<const I: usize, const H: usize, const O: usize, const B: usize> {
    pub w1: Box<[[f32; H]; I]>,
    pub b1: [f32; H],
    pub w2: [[f32; O]; H],
    pub b2: [f32; O],
    pub x: Box<[[f32; I]; B]>,
    pub classes: [usize; B],
}

impl<const I: usize, const H: usize, const O: usize, const B: usize> Mlp<I, H, O, B> {
    /// The same for every library.
    pub fn new() -> Self {
        let mut rng = Pcg32::seed_from_u64(1);
        let mut mlp = Self {
            w1: Box::new([[0.0; H]; I]),
            b1: [0.0; H],
            w2: [[0.0; O]; H],
            b2: [0.0; O],
            x: Box::new([[0.0; I]; B]),
            classes: std::array::from_fn(|example| example % O),
        };
        fill(mlp.w1.as_flattened_mut(), 1.0 / (I as f32).sqrt(), &mut rng);
        fill(&mut mlp.b1, 0.1, &mut rng);
        fill(mlp.w2.as_flattened_mut(), 1.0 / (H as f32).sqrt(), &mut rng);
        fill(&mut mlp.b2, 0.1, &mut rng);
        fill(mlp.x.as_flattened_mut(), 1.0, &mut rng);
        mlp
    }
}

/// Rows of pixels of one channel.
pub type Image = [[[f32; 1]; 28]; 28];

/// A batch of images and classes for the tiny CNN.
pub fn images() -> (Box<[Image; CNN_BATCH]>, [usize; CNN_BATCH]) {
    let mut images = Box::new([[[[0.0; 1]; 28]; 28]; CNN_BATCH]);
    fill(images.as_flattened_mut().as_flattened_mut().as_flattened_mut(), 1.0, &mut Pcg32::seed_from_u64(2));
    (images, std::array::from_fn(|example| example % 10))
}

fn fill(values: &mut [f32], range: f32, rng: &mut Pcg32) {
    values.iter_mut().for_each(|v| *v = range * (rng.next_u32() as f32 / 2f32.powi(31) - 1.0));
}

/// What a library's network can be held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its logits equal ours, before a step and after.
    Exact,
    /// Its logits equal ours; it trains with another loss.
    OtherLoss,
    /// Its activation is an approximation, and it does not train.
    InferenceOnly,
}

/// A library's network with its batch.
pub trait Network {
    fn kind(&self) -> Kind {
        Kind::Exact
    }
    /// Computes the batch's logits.
    fn forward(&mut self);
    /// One step of gradient descent on the batch's mean cross-entropy.
    fn step(&mut self);
    /// The logits, to be compared.
    fn logits(&mut self) -> Vec<f32>;

    fn time_forward(&mut self, calls: u32) -> Duration {
        time(calls, || self.forward())
    }
    fn time_step(&mut self, calls: u32) -> Duration {
        time(calls, || self.step())
    }
}
