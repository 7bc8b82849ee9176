//! Columns of a table.

use crate::Examples;
use crate::network::Net;

/// Takes each column to mean 0 and deviation 1, in the network's first layer.
pub fn standardise(net: &mut Net, examples: &Examples) {
    net.0.0.fit(examples.iter().map(|(x, _)| x));
}
