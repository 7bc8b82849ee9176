//! Windows of a signal.

use crate::network::Net;
use crate::{Examples, mean_and_deviation};

/// Takes each channel to mean 0 and deviation 1, in the network's first layer, a pointwise convolution.
pub fn standardise(net: &mut Net, examples: &Examples) {
    let layer = &mut net.0.0.0.0.0.0.0;
    for channel in 0..layer.b.len() {
        let samples = examples.iter().flat_map(|(window, _)| window.iter().map(|sample| sample[channel]));
        let (mean, deviation) = mean_and_deviation(samples);
        layer.w[0][0][channel].fill(0.0);
        layer.w[0][0][channel][channel] = 1.0 / deviation;
        layer.b[channel] = -mean / deviation;
    }
}
