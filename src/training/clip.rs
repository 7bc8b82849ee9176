//! Limits of gradients.

use core::hint::black_box;

use crate::layers::Descend;
use crate::numbers::{Params, Real, add_squares};
use crate::training::Optimizer;
use crate::training::optim::Descent;

/// What is done to a mean gradient before an optimizer sees it, so that a few examples that are far off do not throw the weights far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Clip<T> {
    /// Nothing.
    #[default]
    Off,
    /// If its Euclidean norm is above this, it is scaled down to it; it keeps its direction (Pascanu, Mikolov and Bengio 2013). A
    /// [`Trainer`](crate::Trainer), which holds no gradients, computes them twice for it.
    Norm(T),
    /// Each derivative is held between minus this and this.
    Value(T),
}

/// A step along the mean gradient of so many examples, of which `descent` has the sum.
#[inline]
pub(super) fn step<P: Params<T>, T: Real>(
    mut descent: impl Descent<P, T>,
    optimizer: &mut impl Optimizer<P, T>,
    clip: Clip<T>,
    examples: u32,
) {
    let examples = T::of(f64::from(examples));
    let (mut scale, mut limit) = (T::ONE / examples, None);
    match clip {
        Clip::Off => {}
        Clip::Norm(limit) => {
            let mut squares = T::ZERO;
            descent.visit(&mut |g| add_squares(g, &mut squares));
            let norm = scale * squares.sqrt();
            if norm > limit {
                scale *= limit / norm;
            }
        }
        Clip::Value(each) => limit = Some(each * examples),
    }
    optimizer.step(&mut Held { descent, limit }, scale);
}

/// Gradients between minus the limit and the limit.
struct Held<D, T> {
    descent: D,
    limit: Option<T>,
}

impl<D: Descent<P, T>, P: Params<T>, T: Real> Descent<P, T> for Held<D, T> {
    #[inline]
    fn each<const K: usize>(&mut self, moments: [&mut P::Grads; K], f: &mut Descend<T, K>) {
        self.descent.each(moments, &mut |w, g, moments| {
            hold(g, self.limit);
            f(w, g, moments);
        });
    }
    fn visit(&mut self, f: &mut dyn FnMut(&[T])) {
        self.descent.visit(f);
    }
    fn params(&self) -> &P {
        self.descent.params()
    }
}

#[inline(never)] // One copy in flash for all tensors, and of what follows whether there is a limit or not.
fn hold<T: Real>(gradients: &mut [T], limit: Option<T>) {
    let Some(limit) = limit else { return };
    for g in gradients {
        // What the compiler does not see through it does not unroll: a sixth of the code.
        let g = black_box(g);
        if *g > limit {
            *g = limit;
        } else if *g < -limit {
            *g = -limit;
        }
    }
}
