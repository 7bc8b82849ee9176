"""What crosses the network, and what a server takes of it."""

import numpy as np


def compressed(update, lost):
    """An update in int8 with its scale, and what this loses, which the next one makes up for (error feedback, Seide et al. 2014)."""
    update = update + lost
    scale = np.float32(np.abs(update).max() / 127 or 1)
    integers = np.rint(update / scale).astype(np.int8)
    return [integers, np.array([scale])], update - integers * scale


def update_in(arrays, weights):
    """What a device changes, of its weights or of differences in int8 with their scale."""
    first, *scale = arrays
    if first.shape != weights.shape:
        raise ValueError(f"{first.size} weights, where {weights.size} are expected")
    update = first * scale[0] if scale else first - weights
    if not np.isfinite(update).all():
        raise ValueError("a weight is infinite or NaN")
    return update


def suspicious(measures, times):
    """Of each of these, what is said of it if it is no size, or more than so many times the median of all; otherwise nothing."""
    for measure in measures:
        limits = {name: times * np.nanmedian([other[name] for other in measures]) for name in measure}
        beyond = [(name, size) for name, size in measure.items() if not 0 <= size <= limits[name]]
        yield ", ".join(f"{name} {size:.3g}, where {limits[name]:.3g} is the most" for name, size in beyond)
