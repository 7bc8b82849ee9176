//! What lies between the standardisations of a [`Regressor`](common::regression::Regressor).

use nerve::prelude::*;

/// Numeric inputs: all columns but country, status and the target.
pub const FEATURES: usize = 19;

pub type Hidden20 = chain![Dense<FEATURES, 20, Sigmoid>, Dense<20, 1>];
pub type Hidden10x10 = chain![Dense<FEATURES, 10, Sigmoid>, Dense<10, 10, Sigmoid>, Dense<10, 1>];
pub type Hidden20x15x10 =
    chain![Dense<FEATURES, 20, Sigmoid>, Dense<20, 15, Sigmoid>, Dense<15, 10, Sigmoid>, Dense<10, 1>];
