//! First layers that stay as they are while others learn.

use crate::infer::{Arena, arena_len};
use crate::layers::{Fold, Forward, Layer, Memory, Mode, Plan};
use crate::numbers::{Array, Float, Real, Tensor, Zero, fingerprint, stateless};

/// Any network of inference, of integers too, as the first layers of one that learns. It is used where it lies, in flash for a `static`, and
/// nothing is kept of it for training but the `BYTES` of one inference, [`arena_len`], where [`Frozen`](crate::Frozen) keeps the output of
/// every layer. So derivatives end here: it must stand first.
///
/// ```
/// use nerve::{Fixed, prelude::*};
///
/// type Image = [[[f32; 1]; 28]; 28];
/// type Body = chain![Conv2d<1, 8, 3, Relu>, MaxPool2d<2, 14, 14>, Conv2d<8, 16, 3, Relu>, MaxPool2d<2, 7, 7>, Flatten<784>];
/// type Net = chain![Fixed<'static, Body, { arena_len::<Body, Image>() }>, Dense<784, 10>];
///
/// static BODY: Body = Body::ZERO; // `include_weights!(Body, "body.nrv")`
/// # fn main() -> Result<(), TrainError> {
/// let mut net: Net = (Fixed(&BODY), Dense::ZERO);
/// let mut trainer = Trainer::<Net, Image>::ZERO;
/// trainer.step(&mut net, &mut Sgd::new(0.01), &CrossEntropy, &[[[[0.0]; 28]; 28]], &[3])?;
/// // With `Frozen<Body>`, 50,176 bytes of outputs for each example of a batch, instead of 31,360 for all.
/// assert_eq!(size_of::<Pass<Net, Image>>(), 31_360 + 4 * (784 + 10));
/// # Ok(())
/// # }
/// ```
///
/// A weights file of the network holds the other layers alone.
#[derive(Debug)]
pub struct Fixed<'a, N, const BYTES: usize>(pub &'a N);

impl<N, const BYTES: usize> Clone for Fixed<'_, N, BYTES> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N, const BYTES: usize> Copy for Fixed<'_, N, BYTES> {}

stateless!([N, T: Real, const BYTES: usize] Fixed<'_, N, BYTES>, fingerprint("Fixed", &[BYTES]));

/// It stays where it lies.
impl<N, const BYTES: usize> Fold for Fixed<'_, N, BYTES> {
    type Folded = Self;
    fn fold_into(&self, folded: &mut Self) {
        *folded = *self;
    }
}

impl<X: Array, N: Forward<X>, const BYTES: usize> Forward<X> for Fixed<'_, N, BYTES> {
    type Out = N::Out;
    const CHECK: () = {
        let () = N::CHECK;
        assert!(BYTES >= arena_len::<N, X>(), "`Fixed` needs the bytes of `arena_len`");
    };
    const PLAN: Plan = N::PLAN;

    #[inline]
    fn infer(&self, x: &X, memory: Memory) {
        self.0.infer(x, memory);
    }
    #[inline]
    fn infer_inside(&self, memory: Memory) {
        self.0.infer_inside(memory);
    }
}

impl<X, N, const BYTES: usize> Layer<X> for Fixed<'_, N, BYTES>
where
    X: Array,
    N: Forward<X, Out: Tensor<Elem = Float<X>>>,
{
    type Acts<const B: usize> = Arena<BYTES>;
    type Scratch<const B: usize> = ();

    #[inline]
    fn forward<const B: usize>(&self, x: &[X; B], arena: &mut Arena<BYTES>, y: &mut [N::Out; B], _: Mode) {
        for (x, y) in x.iter().zip(y) {
            *y = *arena.predict(self.0, x);
        }
    }
    /// Nothing learns here.
    #[inline]
    fn backward<const B: usize>(
        &self,
        _: &[X; B],
        _: &Arena<BYTES>,
        _: &[N::Out; B],
        _: &mut [N::Out; B],
        (): &mut (),
        dx: Option<&mut [X; B]>,
        _: Mode,
    ) {
        if let Some(dx) = dx {
            dx.clear();
        }
    }
}
