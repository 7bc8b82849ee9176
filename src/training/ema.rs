//! The mean of the weights that training goes through.

use crate::numbers::{Params, Real, Tensors, Zero, fingerprint, mix};
use crate::training::Optimizer;
use crate::training::optim::Descent;

/// An optimizer that keeps the exponential moving average of the weights beside them (Polyak and Juditsky 1992): often a better network than
/// the last one. `average += (w − average) · max(1 − decay, 1/t)` after step `t`, the plain mean while `t` is small.
///
/// ```
/// use nerve::{optim::Ema, prelude::*};
/// # type Net = Dense<2, 2>;
/// # fn main() -> Result<(), TrainError> {
/// # let (mut net, mut trainer) = (Net::ZERO, Trainer::<Net, [f32; 2]>::ZERO);
/// # let examples = || [(&[0.5, 1.0], &0)];
/// let mut optimizer = Ema::new(Adam::new(0.01), 0.999);
/// trainer.epoch(&mut net, &mut optimizer, &CrossEntropy, examples())?;
/// let best = optimizer.average(); // to be evaluated, and stored instead of `net`
/// # assert_eq!(*best, net); // After one step.
/// # Ok(())
/// # }
/// ```
///
/// What no optimizer steps, such as running statistics and frozen layers, is averaged too. Costs the network once more.
pub struct Ema<O, P, T = f32> {
    /// What steps.
    pub optimizer: O,
    /// How slowly the average forgets, usually 0.99 to 0.9999.
    pub decay: T,
    average: P,
    steps: [T; 1],
}

impl<O, P: Zero, T: Real> Ema<O, P, T> {
    /// Nothing averaged yet.
    pub const fn new(optimizer: O, decay: T) -> Self {
        Self { optimizer, decay, average: P::ZERO, steps: [T::ZERO] }
    }

    /// The average; all zeros before the first step.
    pub const fn average(&self) -> &P {
        &self.average
    }
}

impl<O: Optimizer<P, T>, P: Params<T>, T: Real> Optimizer<P, T> for Ema<O, P, T> {
    fn step(&mut self, params: &mut impl Descent<P, T>, scale: T) {
        self.optimizer.step(params, scale);
        self.steps[0] += T::ONE;
        let rate = (T::ONE - self.decay).max(T::ONE / self.steps[0]);
        // Both have their tensors in one order; those of the network are found anew for each of the average's.
        let mut index = 0;
        self.average.visit_mut(&mut |average| {
            let mut at = 0;
            params.params().visit(&mut |tensor| {
                if at == index {
                    average.iter_mut().zip(tensor).for_each(|(average, w)| *average += (*w - *average) * rate);
                }
                at += 1;
            });
            index += 1;
        });
    }
    fn set_learning_rate(&mut self, learning_rate: T) {
        self.optimizer.set_learning_rate(learning_rate);
    }
}

impl<O: Tensors<T>, P: Tensors<T>, T: Real> Tensors<T> for Ema<O, P, T> {
    const LEN: usize = O::LEN + P::LEN + 1;
    const FINGERPRINT: u32 = mix(fingerprint("Ema", &[]), mix(O::FINGERPRINT, P::FINGERPRINT));
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        self.optimizer.visit(f);
        self.average.visit(f);
        f(&self.steps);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        self.optimizer.visit_mut(f);
        self.average.visit_mut(f);
        f(&mut self.steps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Dense, Linear};
    use crate::training::optim::Sgd;

    /// `decay` 0.75: rates 1, ½, ⅓, ¼, ¼.
    #[test]
    fn the_first_steps_are_a_plain_mean() {
        let mut net = Dense::<1, 1, Linear, f64>::ZERO;
        let mut ema = Ema::new(Sgd::new(1.0), 0.75);
        let mut expected = 0.0;
        for (w, rate) in [8.0, 2.0, 5.0, 1.0, -3.0].into_iter().zip([1.0, 0.5, 1.0 / 3.0, 0.25, 0.25]) {
            let mut step = Dense::new([[net.w[0][0] - w]], [0.0]);
            ema.step(&mut (&mut net, &mut step), 1.0);
            expected += (w - expected) * rate;
            assert!((ema.average().w[0][0] - expected).abs() < 1e-12);
        }
        assert_eq!(ema.average().b, [0.0]);
    }
}
