//! Two paths from one tensor that are merged.

use super::Merge;
use crate::layers::{Forward, Memory, Plan, length_of};
use crate::numbers::Array;

/// The input merged with what `L` makes of it, which may be a part that is repeated.
///
/// The input is held while `L` works beside it; the result is written over it.
#[derive(Clone, Copy, Debug)]
pub struct Around<L, Op> {
    /// The path.
    pub path: L,
    /// The input is its first one.
    pub op: Op,
}

impl<X: Array<Elem = i8>, L: Forward<X, Out: Array<Elem = i8>>, Op: Merge> Forward<X> for Around<L, Op> {
    type Out = X;
    const CHECK: () = {
        let () = L::CHECK;
        assert!(X::LEN.is_multiple_of(L::Out::LEN), "a path's output is repeated to the input's length");
    };
    const PLAN: Plan = Plan {
        stays: true,
        // Where the input lies elsewhere, it is copied if what it is merged with is shorter.
        ..Plan::apart::<X>(if L::Out::LEN == X::LEN { L::PLAN.outside } else { length_of::<X>() + L::PLAN.outside })
    };

    #[inline]
    fn infer(&self, x: &X, mut memory: Memory) {
        if L::Out::LEN == X::LEN {
            self.path.infer(x, memory.reborrow());
            memory.write(|y: &mut L::Out| self.op.exchanged().run_in_place(y.flat_mut(), x.flat()));
        } else if let Some((y, mut rest)) = memory.split::<X>() {
            *y = *x;
            self.path.infer(x, rest.reborrow());
            rest.write(|f: &mut L::Out| self.op.run_in_place(y.flat_mut(), f.flat()));
        }
    }
    #[inline]
    fn infer_inside(&self, memory: Memory) {
        let Some((x, mut rest)) = memory.split::<X>() else { return };
        self.path.infer(x, rest.reborrow());
        rest.write(|f: &mut L::Out| self.op.run_in_place(x.flat_mut(), f.flat()));
    }
}

/// What `L` makes of the input, merged with what `R` makes of it, which may be a part that is repeated.
///
/// The input is held at its end of the memory while `L` works in the rest, then `R` in what is left; the result is written over `L`'s.
#[derive(Clone, Copy, Debug)]
pub struct Branches<L, R, Op> {
    /// The first path.
    pub left: L,
    /// The second path.
    pub right: R,
    /// What merges them.
    pub op: Op,
}

impl<X: Array, L: Forward<X, Out: Array<Elem = i8>>, R: Forward<X, Out: Array<Elem = i8>>, Op: Merge> Forward<X>
    for Branches<L, R, Op>
{
    type Out = L::Out;
    const CHECK: () = {
        let ((), ()) = (L::CHECK, R::CHECK);
        assert!(
            L::Out::LEN.is_multiple_of(R::Out::LEN),
            "the second path's output is repeated to the first one's length"
        );
    };
    const PLAN: Plan = {
        let right = length_of::<L::Out>() + R::PLAN.outside;
        Plan::apart::<X>(if L::PLAN.outside > right { L::PLAN.outside } else { right })
    };

    #[inline]
    fn infer(&self, x: &X, mut memory: Memory) {
        self.left.infer(x, memory.reborrow());
        let Some((y, mut rest)) = memory.split::<L::Out>() else { return };
        self.right.infer(x, rest.reborrow());
        rest.write(|f: &mut R::Out| self.op.run_in_place(y.flat_mut(), f.flat()));
    }
}
