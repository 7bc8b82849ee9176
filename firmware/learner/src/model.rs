//! What a device runs and learns.

use nerve::prelude::*;
use nerve::{Array, Forward, Layer, Loss, Scalar};
use nerve_protocol::{Error, Target};

/// What a device runs and learns: a network of `O` outputs, what they mean, and how many samples are kept to learn from beside each new one.
pub trait Model<const O: usize, const KEPT: usize> {
    /// What the host sends: `f32` or `i8`.
    type Input: Array<Elem: Into<f32>>;
    /// Layers that stay as they are, of integers perhaps; [`Linear`] where all learn.
    type Body: Forward<Self::Input, Out = Self::Row> + 'static;
    /// In flash.
    const BODY: &'static Self::Body;
    /// What the body makes of an input, and what samples are kept as.
    type Row: Array<Elem: Scalar<Float = f32>>;
    /// The layers that learn, in RAM.
    type Net: Layer<Self::Row, Out = [f32; O]> + Zero;
    /// What the outputs mean: [`Classes`] or [`Values`].
    type Task: Task<O>;
}

/// What outputs mean.
pub trait Task<const O: usize>: Loss<[f32; O], Self::Target> {
    /// What the network should find.
    type Target: Copy;
    /// It, as a value.
    const LOSS: Self;
    /// Whether the outputs are classes.
    const CLASSES: bool;

    /// What the host asks for.
    ///
    /// # Errors
    /// [`Error`], if it is of another kind or cannot be.
    fn target(target: Target) -> Result<Self::Target, Error>;
    /// Among as many groups as there are outputs, kept samples are balanced.
    fn group(target: &Self::Target) -> usize;
}

/// Logits of classes, of which a sample has one: cross-entropy.
pub struct Classes;

/// Values, of which a sample has all: mean squared error.
pub struct Values;

impl<const O: usize> Loss<[f32; O], usize> for Classes {
    fn loss(&self, y: &[f32; O], class: &usize, dy: &mut [f32; O]) -> Result<f32, TrainError> {
        CrossEntropy.loss(y, class, dy)
    }
}

impl<const O: usize> Task<O> for Classes {
    type Target = usize;
    const LOSS: Self = Self;
    const CLASSES: bool = true;

    fn target(target: Target) -> Result<usize, Error> {
        match target {
            Target::Class(class) if (class as usize) < O => Ok(class as usize),
            Target::Class(class) => Err(Error::ClassOutOfRange { class, classes: O as u32 }),
            Target::Values(_) => Err(Error::TargetKind { classes: true }),
        }
    }
    fn group(class: &usize) -> usize {
        *class
    }
}

impl<const O: usize> Loss<[f32; O]> for Values {
    fn loss(&self, y: &[f32; O], target: &[f32; O], dy: &mut [f32; O]) -> Result<f32, TrainError> {
        Mse.loss(y, target, dy)
    }
}

impl<const O: usize> Task<O> for Values {
    type Target = [f32; O];
    const LOSS: Self = Self;
    const CLASSES: bool = false;

    fn target(target: Target) -> Result<[f32; O], Error> {
        let Target::Values(values) = target else { return Err(Error::TargetKind { classes: false }) };
        let mut target = [0.0_f32; O];
        if !values.copy_to(&mut target) {
            return Err(Error::TargetLength { found: values.count::<f32>() as u32, expected: O as u32 });
        }
        target.iter().all(|v| v.is_finite()).then_some(target).ok_or(Error::NonFiniteTarget)
    }
    /// One for all.
    fn group(_: &[f32; O]) -> usize {
        0
    }
}
