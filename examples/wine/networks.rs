//! What lies between the standardisations of a [`Regressor`](common::regression::Regressor).

use nerve::prelude::*;

/// Measurements of a wine.
pub const FEATURES: usize = 11;

pub type Hidden20 = chain![Dense<FEATURES, 20, Sigmoid>, Dense<20, 1>];
pub type Hidden20x20 = chain![Dense<FEATURES, 20, Sigmoid>, Dense<20, 20, Sigmoid>, Dense<20, 1>];
pub type Hidden20x20x20 =
    chain![Dense<FEATURES, 20, Sigmoid>, Dense<20, 20, Sigmoid>, Dense<20, 20, Sigmoid>, Dense<20, 1>];
