//! How a last layer learns new classes from a few examples: for this example, and for the firmware that does the same.

use core::array::from_ref;

use nerve::prelude::*;
use nerve::{Array, Layer, Replay, Scalar};
use rand_core::Rng;

/// What learns from `F` integers: the last layer, behind the numbers that they mean.
pub type Head<const F: usize, const C: usize> = chain![Standardize<F>, Dense<F, C>];
/// It, and corrections of the layer before it.
pub type Corrected<const F: usize, const C: usize> = chain![Standardize<F>, ScaleShift<F, Relu>, Dense<F, C>];

/// Learning rate of both.
pub const RATE: f32 = 0.01;
/// How often a device is shown all new examples.
pub const ROUNDS: usize = 3;
/// Examples that it keeps, of all classes.
pub const KEPT: usize = 100;

/// What learning takes beside the network that learns `C` classes.
pub struct Learning<N: Layer<X>, X: Array<Elem: Scalar<Float = f32>>, const C: usize> {
    accumulator: Accumulator<N, X>,
    optimizer: Momentum<N>,
    kept: Replay<X, KEPT, C>,
}

impl<N, X, const C: usize> Learning<N, X, C>
where
    N: Layer<X, Out = [f32; C]>,
    X: Array<Elem: Scalar<Float = f32>>,
{
    /// Nothing kept.
    pub const fn new(learning_rate: f32) -> Self {
        Self { accumulator: Accumulator::ZERO, optimizer: Momentum::new(learning_rate, 0.9), kept: Replay::new() }
    }

    /// Keeps an example to learn from beside others, perhaps in the place of another one.
    ///
    /// # Errors
    /// There is no such class.
    pub fn keep(&mut self, x: X, class: usize, rng: &mut impl Rng) -> Result<(), TrainError> {
        self.kept.insert(x, class, rng)
    }

    /// A step on the mean loss of an example and of those kept.
    ///
    /// # Errors
    /// A loss or gradient is not finite, or there is no such class; the network is as it was.
    pub fn step(&mut self, net: &mut N, x: &X, class: usize) -> Result<(), TrainError> {
        let Self { accumulator, optimizer, kept } = self;
        accumulator.accumulate(net, &CrossEntropy, from_ref(x), &[class])?;
        for (x, class) in kept.iter() {
            accumulator.accumulate(net, &CrossEntropy, from_ref(x), from_ref(class))?;
        }
        accumulator.apply(net, optimizer)
    }
}
