//! The forward pass of inference in planned memory.
//!
//! A pass works in one array. A tensor lies at one of its ends; what computes the next one reads it there and writes to the other end, and
//! the one after that writes back. So the array is as long as the largest neighbouring pair, plus, inside of branches, what they hold.

use core::hint::black_box;
use core::mem::size_of;

use bytemuck::try_from_bytes_mut;

use crate::numbers::Array;

/// A part of a network as inference uses it: one example of `X` becomes one of [`Out`](Self::Out), whose scalars may be others.
///
/// There are two ways in. The input lies elsewhere ([`infer`](Self::infer)), or at an end of the memory
/// ([`infer_inside`](Self::infer_inside)), where it may be overwritten.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot take an input of shape `{X}`",
    label = "this layer does not fit the output `{X}` of what stands before it",
    note = "each layer's input must have the shape of the output of the layer before it: `Dense<I, O>` reads `[T; I]` and writes `[T; O]`"
)]
pub trait Forward<X: Array> {
    /// What one example becomes.
    type Out: Array;
    /// Conditions on shapes that the type system cannot express. Evaluated when an [`Arena`](crate::Arena)'s length or a
    /// [`Pass`](crate::Pass) of the network is named.
    const CHECK: () = ();
    /// The memory that it takes.
    const PLAN: Plan = Plan::apart::<X>(length_of::<Self::Out>());

    /// Writes the output to the end of `memory`.
    fn infer(&self, x: &X, memory: Memory);

    /// Given the input at the end of `memory`, writes the output there or to the other end, as [`PLAN`](Self::PLAN) says.
    #[inline]
    fn infer_inside(&self, memory: Memory) {
        if let Some((x, rest)) = memory.split::<X>() {
            self.infer(x, rest);
        }
    }
}

/// How much memory a pass takes, in bytes, and where its output is then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Bytes if the input lies elsewhere.
    pub outside: usize,
    /// Bytes if the input lies in the memory, itself included.
    pub inside: usize,
    /// Whether the output lies at the end where the input lay.
    pub stays: bool,
    /// Bytes beside the memory, on the stack: the largest scratch of a kernel, of which there is one at a time.
    pub scratch: usize,
}

impl Plan {
    /// Reads `X` while it writes; takes `outside` bytes beside it.
    pub const fn apart<X>(outside: usize) -> Self {
        Self { outside, inside: length_of::<X>() + outside, stays: false, scratch: 0 }
    }

    /// Changes `X` where it lies.
    pub const fn in_place<X>() -> Self {
        Self { outside: length_of::<X>(), inside: length_of::<X>(), stays: true, scratch: 0 }
    }

    /// This, then `next`, which finds its input in the memory.
    pub const fn then(self, next: Self) -> Self {
        Self {
            outside: max(self.outside, next.inside),
            inside: max(self.inside, next.inside),
            stays: self.stays == next.stays,
            scratch: max(self.scratch, next.scratch),
        }
    }

    /// This, by kernels with a scratch of so many bytes.
    pub const fn with_scratch(self, scratch: usize) -> Self {
        Self { scratch: max(self.scratch, scratch), ..self }
    }
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// Where every tensor may begin.
const ALIGNMENT: usize = 8;

/// Bytes that a tensor takes of the memory.
pub const fn length_of<X>() -> usize {
    const {
        assert!(
            size_of::<X>() > 0,
            "a size of 0: every layer needs at least one input, output, channel, row and column"
        )
    };
    size_of::<X>().next_multiple_of(ALIGNMENT)
}

/// How far a load of an `f32` reaches from an address in a register, in bytes, on an Arm core.
const REACH: usize = 1020;

/// Memory between two ends, and the end at which the tensor lies that one is concerned with.
///
/// What does not fit is `None`, which never happens in an [`Arena`](crate::Arena): its length is that of the [`Plan`].
pub struct Memory<'m> {
    bytes: &'m mut [u8],
    end: End,
}

#[derive(Clone, Copy)]
enum End {
    Low,
    High,
}

impl<'m> Memory<'m> {
    /// All of it; the first tensor lies at its beginning.
    #[inline(always)]
    pub(crate) fn new(bytes: &'m mut [u8]) -> Self {
        Self { bytes, end: End::Low }
    }

    /// The same memory for a while.
    #[inline(always)]
    pub fn reborrow(&mut self) -> Memory<'_> {
        Memory { bytes: self.bytes, end: self.end }
    }

    /// The same memory, at the end where the output of a pass with this [`Plan`] lies if its input lay at this one; or the other way round.
    #[inline(always)]
    pub fn across(self, plan: Plan) -> Self {
        if plan.stays { self } else { self.turned() }
    }

    #[inline(always)]
    pub(crate) fn turned(self) -> Self {
        let end = match self.end {
            End::Low => End::High,
            End::High => End::Low,
        };
        Self { end, ..self }
    }

    /// The tensor at the end, and the rest, in which the next is written to the other end.
    #[inline(always)]
    pub fn split<X: Array>(self) -> Option<(&'m mut X, Memory<'m>)> {
        let Self { bytes, end } = self;
        let (tensor, rest) = match end {
            End::Low => bytes.split_at_mut_checked(length_of::<X>())?,
            End::High => {
                let (rest, tensor) = bytes.split_at_mut_checked(bytes.len().checked_sub(length_of::<X>())?)?;
                (tensor, rest)
            }
        };
        let tensor: &mut X = try_from_bytes_mut(tensor.get_mut(..size_of::<X>())?).ok()?;
        // The compiler would reach what lies beyond a large one from the start of the memory, and add up an address for each load.
        let tensor = if cfg!(target_os = "none") && size_of::<X>() > REACH { black_box(tensor) } else { tensor };
        Some((tensor, Memory { bytes: rest, end }.turned()))
    }

    /// The tensor at the end.
    #[inline(always)]
    pub fn tensor<X: Array>(self) -> Option<&'m mut X> {
        Some(self.split()?.0)
    }

    /// Writes the tensor at the end.
    #[inline(always)]
    pub fn write<Y: Array>(self, write: impl FnOnce(&mut Y)) {
        if let Some(y) = self.tensor() {
            write(y);
        }
    }
}
