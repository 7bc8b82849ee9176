//! Why training stops.

use core::fmt;

/// Why training stopped. The network's weights are as they were before the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum TrainError {
    /// The loss is infinite or NaN: an input is, or the weights have diverged.
    NonFiniteLoss,
    /// A gradient is infinite or NaN.
    NonFiniteGradient,
    /// There are no examples, neither to learn from nor to judge by.
    NoExamples,
    /// A target names a class that the network has no output for.
    ClassOutOfRange {
        /// The target.
        class: usize,
        /// The network's outputs.
        classes: usize,
    },
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            TrainError::NonFiniteLoss => f.write_str(
                "the loss is infinite or NaN: look for such values in the inputs, standardise them, or lower the learning rate",
            ),
            TrainError::NonFiniteGradient => {
                f.write_str("a gradient is infinite or NaN: lower the learning rate or clip the gradient, by `Trainer::clip`")
            }
            TrainError::NoExamples => {
                f.write_str("there are no examples: look where the iterator comes from, which may be used up, or filtered too much")
            }
            TrainError::ClassOutOfRange { class, classes } => {
                write!(f, "the target is class {class}, but the network has {classes} outputs, for classes 0 to {}", classes - 1)
            }
        }
    }
}

impl core::error::Error for TrainError {}
