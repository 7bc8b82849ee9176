//! Windows of a signal.

use crate::Examples;
use crate::network::Net;

/// Takes each channel to mean 0 and deviation 1, in the network's first layer.
pub fn standardise(net: &mut Net, examples: &Examples) {
    net.0.0.0.0.0.0.fit(examples.iter().flat_map(|(window, _)| window));
}
