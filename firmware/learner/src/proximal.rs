//! Learning that is held to where it began.

use nerve::prelude::*;

/// `μ/2·‖w − w₀‖²` beside the loss: the proximal term of FedProx (Li et al. 2020), for devices that learn together.
pub struct Proximal<N: Params<f32>> {
    /// μ; 0: no such term.
    mu: f32,
    /// w₀, of the layers that learn.
    from: N::Grads,
}

impl<N: Params<f32>> Proximal<N> {
    /// None.
    pub const NONE: Self = Self { mu: 0.0, from: Zero::ZERO };

    /// Ends it.
    pub fn end(&mut self) {
        self.mu = 0.0;
    }

    /// Holds to what `net` is now. `shape` lends its shape alone.
    pub fn begin(&mut self, mu: f32, net: &mut N, shape: &mut N::Grads) {
        self.mu = mu;
        net.zip(shape, [&mut self.from], &mut |w, _, [from]| {
            from.iter_mut().zip(w).for_each(|(from, w)| *from = *w);
        });
    }

    /// The term.
    pub fn loss(&mut self, net: &mut N) -> f32 {
        if self.mu == 0.0 {
            return 0.0;
        }
        let mut sum = 0.0;
        net.zip(&mut self.from, [], &mut |w, from, []| {
            w.iter().zip(&*from).for_each(|(w, from)| sum += (w - from) * (w - from));
        });
        0.5 * self.mu * sum
    }

    /// Adds its gradient, `μ·(w − w₀)`, once for each of the `examples` whose gradients are summed.
    pub fn add_gradient(&mut self, net: &mut N, gradients: &mut N::Grads, examples: usize) {
        if self.mu == 0.0 {
            return;
        }
        let scale = self.mu * examples as f32;
        net.zip(&mut self.from, [gradients], &mut |w, from, [g]| {
            g.iter_mut().zip(w).zip(&*from).for_each(|((g, w), from)| *g += scale * (*w - from));
        });
    }
}
