//! Sums and products of floats, between integers or in a model of floats.

use super::{InPlace, Merge};

macro_rules! of_floats {
    ($($(#[$doc:meta])* $Name:ident: $op:tt;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $Name {
            /// The least and the greatest value that is written.
            pub range: [f32; 2],
        }

        impl InPlace for $Name {
            type Elem = f32;
            #[inline(never)]
            fn run_in_place(&self, a: &mut [f32], b: &[f32]) {
                let [least, greatest] = self.range;
                for (a, b) in a.iter_mut().zip(b.iter().cycle()) {
                    *a = (*a $op *b).max(least).min(greatest);
                }
            }
        }

        impl Merge for $Name {
            fn exchanged(self) -> Self {
                self
            }
        }
    )*};
}
of_floats! {
    /// Sum of two tensors of floats. [`Sum`](crate::Sum) is one of equal shapes, through which a network learns.
    AddFloats: +;
    /// Product of two tensors of floats.
    MulFloats: *;
}
