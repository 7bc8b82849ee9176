//! Which class?

use nerve::prelude::*;

use crate::network::{CLASSES, Net, OUTPUTS};

/// The number of a class.
pub type Target = usize;

pub const LOSS: CrossEntropy = CrossEntropy;
pub const LOSS_NAME: &str = "cross-entropy";

/// Nothing is learned of classes before training.
pub struct Task;

impl Task {
    pub fn new(_: impl Iterator<Item = f32>) -> Self {
        Self
    }

    pub fn target(&self, value: f32) -> Target {
        value as usize
    }

    pub fn finish(&self, _: &mut Net) {}
}

/// A table, and how many are recognised.
pub fn judge(outputs: impl Iterator<Item = ([f32; OUTPUTS], f32)>) -> (String, String) {
    let mut confusion = Confusion::<OUTPUTS>::default();
    outputs.for_each(|(y, class)| confusion.add(class as usize, argmax(&y)));
    let (right, all) = (confusion.correct(), confusion.total());
    let recognised = format!("{right} of {all} recognised ({:.1} %)", 100.0 * confusion.accuracy());
    (confusion.named(&CLASSES).to_string(), recognised)
}
