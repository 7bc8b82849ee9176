"""What devices see: MNIST's digits, each device three classes of them, through a sensor of its own."""

from pathlib import Path

import numpy as np


def _read(folder, part):
    images = np.fromfile(Path(folder) / f"{part}-images-idx3-ubyte", np.uint8, offset=16).reshape(-1, 28, 28)
    return images, np.fromfile(Path(folder) / f"{part}-labels-idx1-ubyte", np.uint8, offset=8)


def _seen(images, device):
    """Images as the device's sensor shows them: moved, paler, on a background that is not black."""
    rng = np.random.default_rng(device)
    moved = np.roll(images, rng.integers(-2, 3, 2), (1, 2))
    return np.clip(moved * rng.uniform(0.4, 1) + rng.uniform(0, 80), 0, 255).round()


def _rows(images, labels):
    """As the learner takes them: pixels from -128 to 127, the class behind them."""
    return np.column_stack([images.reshape(len(images), -1) - 128, labels])


def of_device(folder, device, count):
    images, labels = _read(folder, "train")
    classes = [(device + step) % 10 for step in (0, 3, 8)]
    chosen = np.random.default_rng(device).choice(np.flatnonzero(np.isin(labels, classes)), count, replace=False)
    return _rows(_seen(images[chosen], device), labels[chosen])


def of_all(folder, devices, count):
    """Held-out images of all classes, through the sensors of all devices."""
    images, labels = _read(folder, "t10k")
    parts = [slice(i, count, min(devices, count)) for i in range(min(devices, count))]
    return np.concatenate([_rows(_seen(images[part], device), labels[part]) for device, part in enumerate(parts)])
