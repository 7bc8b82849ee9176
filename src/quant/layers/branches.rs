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
    const PLAN: Plan = {
        let inside = length_of::<X>() + L::PLAN.outside;
        // Where the input lies elsewhere, it is copied if what it is merged with is shorter.
        Plan { outside: if L::Out::LEN == X::LEN { L::PLAN.outside } else { inside }, inside, stays: true }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::{Arena, arena_len};
    use crate::quant::{Each, Integer, Mul, Multiplier, Output, Reshape, Strided, Table};

    type X = [i8; 16];
    const OUTPUT: Output = Output { zero_point: 0, least: -128, greatest: 127 };
    /// The product of `a + 3` and `b`.
    const OP: Mul =
        Mul { zero_points: [-3, 0], multiplier: Multiplier { mantissa: 1 << 30, shift: 1 }, output: OUTPUT };
    /// 2, whatever the element.
    const TWO: Table = Table { values: &[2; 256] };
    /// The first element.
    const FIRST: Strided = Strided { lengths: [1; 8], steps: [0; 8], first: 0 };

    fn run<N: Forward<X>, const BYTES: usize>(net: &N) -> N::Out {
        let mut x = [0; 16];
        x.iter_mut().zip(1..).for_each(|(x, i)| *x = i);
        let mut arena = Arena::<BYTES>::ZERO;
        *arena.predict(net, &x)
    }

    fn expected(of: impl Fn(i8) -> i8) -> X {
        core::array::from_fn(|i| of(i as i8 + 1))
    }

    #[test]
    fn a_path_is_merged_with_the_input() {
        type Whole = Around<Each<X>, Mul>;
        let whole = Around { path: Each::new(TWO), op: OP };
        assert_eq!(run::<Whole, 16>(&whole), expected(|x| (x + 3) * 2));
        assert_eq!(arena_len::<Whole, X>(), 16);
        type Inside = (Reshape<X, X>, Whole);
        assert_eq!(run::<Inside, 32>(&(Reshape::new(), whole)), expected(|x| (x + 3) * 2));
        assert_eq!(arena_len::<Inside, X>(), 32);
    }

    #[test]
    fn a_shorter_path_is_repeated() {
        type Short = Around<Integer<Strided, X, [i8; 1]>, Mul>;
        let short = Around { path: Integer::new(FIRST), op: OP };
        assert_eq!(run::<Short, 24>(&short), expected(|x| x + 3));
        assert_eq!(arena_len::<Short, X>(), 24);
        assert_eq!(run::<(Reshape<X, X>, Short), 24>(&(Reshape::new(), short)), expected(|x| x + 3));
    }

    #[test]
    fn two_paths_are_merged_beside_the_input() {
        type Two = Branches<Reshape<X, X>, Each<X>, Mul>;
        let two = Branches { left: Reshape::new(), right: Each::new(TWO), op: OP };
        assert_eq!(run::<Two, 32>(&two), expected(|x| (x + 3) * 2));
        type Inside = (Reshape<X, X>, Two);
        assert_eq!(run::<Inside, 48>(&(Reshape::new(), two)), expected(|x| (x + 3) * 2));
        assert_eq!((arena_len::<Two, X>(), arena_len::<Inside, X>()), (32, 48));
    }
}
