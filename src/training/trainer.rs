//! Training a network over fixed memory.

use core::borrow::Borrow;

use const_panic::concat_panic;

use crate::layers::{Descend, Layer, Mode, each_gradient};
use crate::numbers::{Array, Float, Params, Real, Zero, is_finite};
use crate::training::optim::Descent;
use crate::training::{Clip, Loss, Optimizer, Pass, TrainError, clip};

/// The memory of training with batches of up to `B` examples: a [`Pass`] and what backpropagation needs. Each [`step`](Self::step) is one on the
/// mean gradient of a batch; for one on the mean over several batches there is an [`Accumulator`](crate::Accumulator).
///
/// Gradients are held nowhere. Backpropagation leaves the derivatives by the output of each layer, which are few; they tell whether all
/// gradients are finite, before any weight changes. Then each layer's gradients are computed piece by piece, and each piece goes into
/// the optimizer at once.
pub struct Trainer<N: Layer<X>, X: Array, const B: usize = 1> {
    pub(super) backward: Backward<N, X, B>,
    batch: [X; B],
    /// The limit of gradients.
    pub clip: Clip<Float<X>>,
}

/// Bytes of gradients that are computed all at once, on the stack: less code, and as quick as can be.
const FEW: usize = 512;

/// A pass forward and back.
pub(super) struct Backward<N: Layer<X>, X: Array, const B: usize> {
    pass: Pass<N, X, B>,
    dy: [N::Out; B],
    scratch: N::Scratch<B>,
    examples: u64,
    seed: u64,
}

/// Whether a network's outputs are what a loss takes; if not, it does not compile.
const fn accept<X: Array, N: Layer<X>, Target, L: Loss<N::Out, Target>>() {
    if let (Some(loss), Some(activation)) = (L::LOGITS, N::PROBABILITIES) {
        concat_panic!(
            display: "`", display: loss, display: "` takes logits and holds the softmax or sigmoid itself: drop the `", display: activation,
            display: "` with which the network ends, and put it behind the trained network where probabilities are wanted; or drop `",
            display: loss, display: "` for a loss of probabilities, such as `Mse`"
        );
    }
}

/// The mean loss of some examples.
pub(super) fn mean<T: Real>(sum: T, examples: u32) -> Result<T, TrainError> {
    if examples == 0 { Err(TrainError::NoExamples) } else { Ok(sum / T::of(f64::from(examples))) }
}

impl<N: Layer<X>, X: Array, const B: usize> Backward<N, X, B> {
    const ZERO: Self = Self { pass: Pass::ZERO, dy: Zero::ZERO, scratch: Zero::ZERO, examples: 0, seed: 0 };

    /// The derivatives of the examples that have a target, the first ones; returns the sum of the losses.
    #[inline]
    pub fn run<Target, L: Loss<N::Out, Target>>(
        &mut self,
        network: &N,
        loss: &L,
        x: &[X; B],
        targets: [Option<&Target>; B],
    ) -> Result<Float<X>, TrainError> {
        const { accept::<X, N, Target, L>() };
        let examples = targets.iter().flatten().count();
        let mode = Mode::Training { seed: self.seed, first_example: self.examples, examples };
        network.forward(x, &mut self.pass.acts, &mut self.pass.y, mode);
        let mut sum = Float::<X>::EMPTY_SUM;
        for ((y, dy), target) in self.pass.y.iter().zip(&mut self.dy).zip(targets) {
            match target {
                Some(target) => sum += loss.loss(y, target, dy)?,
                None => dy.clear(),
            }
        }
        if !sum.is_finite() {
            return Err(TrainError::NonFiniteLoss);
        }
        network.backward(x, &self.pass.acts, &self.pass.y, &mut self.dy, &mut self.scratch, None, mode);
        self.examples += examples as u64;
        Ok(sum)
    }

    /// The gradients of the batch, in place of those that were there or added to them.
    #[inline]
    pub fn gradients(&self, network: &N, x: &[X; B], gradients: &mut N::Grads, add: bool) {
        network.gradients(x, &self.pass.acts, &self.pass.y, &self.dy, &self.scratch, gradients, add);
    }

    /// Steps along the mean gradient of the batch's first examples, if all of it is finite.
    #[inline]
    fn descend(
        &self,
        network: &mut N,
        optimizer: &mut impl Optimizer<N, Float<X>>,
        x: &[X; B],
        examples: u32,
        clip: Clip<Float<X>>,
    ) -> Result<(), TrainError> {
        let small = network.gradients_are_finite(x, &self.pass.acts, &self.pass.y, &self.dy, &self.scratch);
        if size_of::<N::Grads>() <= FEW {
            self.descend_at_once(network, optimizer, x, small, clip, examples)?;
        } else {
            descend(Computed { network, backward: self, x }, optimizer, small, clip, examples)?;
        }
        self.show(network);
        Ok(())
    }

    /// With all gradients on the stack. In a debug build they are there wherever this is called, and nowhere else.
    #[inline]
    fn descend_at_once(
        &self,
        network: &mut N,
        optimizer: &mut impl Optimizer<N, Float<X>>,
        x: &[X; B],
        finite: bool,
        clip: Clip<Float<X>>,
        examples: u32,
    ) -> Result<(), TrainError> {
        let mut gradients = N::Grads::ZERO;
        self.gradients(network, x, &mut gradients, false);
        descend((network, &mut gradients), optimizer, finite, clip, examples)
    }

    /// Shows the network the last pass, after a step.
    pub fn show(&self, network: &mut N) {
        network.observe(&self.pass.acts);
    }
}

/// Steps along the mean of gradients, if they are known to be finite or turn out to be.
#[inline]
pub(super) fn descend<P: Params<T>, T: Real>(
    mut gradients: impl Descent<P, T>,
    optimizer: &mut impl Optimizer<P, T>,
    mut finite: bool,
    clip: Clip<T>,
    examples: u32,
) -> Result<(), TrainError> {
    if !finite {
        finite = true;
        gradients.visit(&mut |g| finite &= is_finite(g));
    }
    if !finite {
        return Err(TrainError::NonFiniteGradient);
    }
    clip::step(gradients, optimizer, clip, examples);
    Ok(())
}

/// Gradients that are computed while they are asked for.
struct Computed<'a, N: Layer<X>, X: Array, const B: usize> {
    network: &'a mut N,
    backward: &'a Backward<N, X, B>,
    x: &'a [X; B],
}

impl<N: Layer<X>, X: Array, const B: usize> Descent<N, Float<X>> for Computed<'_, N, X, B> {
    #[inline]
    fn each<const K: usize>(&mut self, moments: [&mut N::Grads; K], f: &mut Descend<Float<X>, K>) {
        let Backward { pass, dy, scratch, .. } = self.backward;
        self.network.descend(self.x, &pass.acts, &pass.y, dy, scratch, moments, f);
    }
    fn visit(&mut self, f: &mut dyn FnMut(&[Float<X>])) {
        let Backward { pass, dy, scratch, .. } = self.backward;
        each_gradient(self.network, self.x, &pass.acts, &pass.y, dy, scratch, f);
    }
    fn params(&self) -> &N {
        self.network
    }
}

impl<N: Layer<X>, X: Array, const B: usize> Trainer<N, X, B> {
    /// No clipping, seed 0.
    pub const ZERO: Self = Self { backward: Backward::ZERO, batch: Zero::ZERO, clip: Clip::Off };

    /// Chooses the random numbers of layers such as [`Dropout`](crate::Dropout), and starts counting examples from 0.
    pub fn set_seed(&mut self, seed: u64) {
        self.set_example(seed, 0);
    }

    pub(super) fn set_example(&mut self, seed: u64, example: u64) {
        (self.backward.seed, self.backward.examples) = (seed, example);
    }

    /// One step on the mean gradient of a batch; returns the mean loss before the step.
    ///
    /// # Errors
    /// [`TrainError`], before a weight changes.
    #[inline]
    pub fn step<Target>(
        &mut self,
        network: &mut N,
        optimizer: &mut impl Optimizer<N, Float<X>>,
        loss: &impl Loss<N::Out, Target>,
        x: &[X; B],
        targets: &[Target; B],
    ) -> Result<Float<X>, TrainError> {
        let sum = self.backward.run(network, loss, x, targets.each_ref().map(Some))?;
        self.backward.descend(network, optimizer, x, B as u32, self.clip)?;
        Ok(sum / Float::<X>::of(B as f64))
    }

    /// One [`step`](Self::step) for every `B` examples, and one for the rest; returns the mean loss.
    ///
    /// Give the examples in another order each epoch: [`shuffle`](crate::shuffle) a list of references or indices. Inputs may be values too, as
    /// [`augmented`](crate::augment::augmented) makes them.
    ///
    /// # Errors
    /// [`TrainError`], before the step that would have followed it; [`TrainError::NoExamples`] if there are none.
    pub fn epoch<'a, Target: 'a>(
        &mut self,
        network: &mut N,
        optimizer: &mut impl Optimizer<N, Float<X>>,
        loss: &impl Loss<N::Out, Target>,
        examples: impl IntoIterator<Item = (impl Borrow<X>, &'a Target)>,
    ) -> Result<Float<X>, TrainError> {
        let mut examples = examples.into_iter();
        let (mut sum, mut count) = (Float::<X>::ZERO, 0u32);
        loop {
            let (targets, filled) = self.gather(&mut examples);
            if filled == 0 {
                break;
            }
            sum += self.backward.run(network, loss, &self.batch, targets)?;
            self.backward.descend(network, optimizer, &self.batch, filled, self.clip)?;
            count += filled;
        }
        mean(sum, count)
    }

    /// The mean loss over `examples`, without training; `each` is shown every output beside its target.
    ///
    /// # Errors
    /// [`TrainError`] if a loss is not finite, a target cannot be, or there are no examples.
    pub fn evaluate<'a, Target: 'a>(
        &mut self,
        network: &N,
        loss: &impl Loss<N::Out, Target>,
        examples: impl IntoIterator<Item = (impl Borrow<X>, &'a Target)>,
        mut each: impl FnMut(&N::Out, &Target),
    ) -> Result<Float<X>, TrainError> {
        let mut examples = examples.into_iter();
        let (mut sum, mut count) = (Float::<X>::ZERO, 0u32);
        loop {
            let (targets, filled) = self.gather(&mut examples);
            if filled == 0 {
                break;
            }
            sum += self.losses(network, loss, targets, &mut each)?;
            count += filled;
        }
        if !sum.is_finite() {
            return Err(TrainError::NonFiniteLoss);
        }
        mean(sum, count)
    }

    /// The gradients of up to `B` examples, in place of those that were there; returns the sum of the losses.
    #[cfg(feature = "rayon")]
    pub(super) fn gradients_of<Target>(
        &mut self,
        network: &N,
        loss: &impl Loss<N::Out, Target>,
        examples: &[(impl Borrow<X>, &Target)],
        gradients: &mut N::Grads,
    ) -> Result<Float<X>, TrainError> {
        let (targets, _) = self.gather(&mut examples.iter().map(|(x, target)| (x.borrow(), *target)));
        let sum = self.backward.run(network, loss, &self.batch, targets)?;
        self.backward.gradients(network, &self.batch, gradients, false);
        Ok(sum)
    }

    /// The sum of the losses of up to `B` examples.
    #[cfg(feature = "rayon")]
    pub(super) fn loss_of<Target>(
        &mut self,
        network: &N,
        loss: &impl Loss<N::Out, Target>,
        examples: &[(impl Borrow<X>, &Target)],
    ) -> Result<Float<X>, TrainError> {
        let (targets, _) = self.gather(&mut examples.iter().map(|(x, target)| (x.borrow(), *target)));
        self.losses(network, loss, targets, |_, _| ())
    }

    /// The outputs of the last pass.
    #[cfg(feature = "rayon")]
    pub(super) fn outputs(&self) -> &[N::Out; B] {
        &self.backward.pass.y
    }

    /// The sum of the losses of the gathered batch; `each` is shown every output that has a target.
    fn losses<Target, L: Loss<N::Out, Target>>(
        &mut self,
        network: &N,
        loss: &L,
        targets: [Option<&Target>; B],
        mut each: impl FnMut(&N::Out, &Target),
    ) -> Result<Float<X>, TrainError> {
        const { accept::<X, N, Target, L>() };
        let mut sum = Float::<X>::ZERO;
        let y = self.backward.pass.run(network, &self.batch);
        for ((y, target), dy) in y.iter().zip(targets).zip(&mut self.backward.dy) {
            if let Some(target) = target {
                sum += loss.loss(y, target, dy)?;
                each(y, target);
            }
        }
        Ok(sum)
    }

    /// Copies up to `B` inputs into the batch.
    fn gather<'a, Target: 'a>(
        &mut self,
        examples: &mut impl Iterator<Item = (impl Borrow<X>, &'a Target)>,
    ) -> ([Option<&'a Target>; B], u32) {
        let (mut targets, mut filled) = ([None; B], 0);
        for ((slot, target), (x, t)) in self.batch.iter_mut().zip(&mut targets).zip(examples) {
            slot.flat_mut().copy_from_slice(x.borrow().flat());
            *target = Some(t);
            filled += 1;
        }
        (targets, filled)
    }
}
