"""The networks of this example in PyTorch, with the same protocol: the references of its table.

    python3 examples/cnn/pytorch.py residuals target/data/fashion-mnist    (needs torch and numpy; one thread)

Glorot-uniform weights, zero biases, pixels/255, Adam 0.001, batch 64, shuffled each epoch, 10 epochs, seeds 1 to 3.
"""
import gzip
import statistics
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

EPOCHS, BATCH = 10, 64


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


def conv(inputs, outputs, size, **options):
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, **options), nn.ReLU())


NETWORKS = {
    "tiny": lambda: nn.Sequential(
        conv(1, 8, 3, padding=1), nn.MaxPool2d(2), conv(8, 16, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(784, 10)
    ),
    "lenet-5": lambda: nn.Sequential(
        conv(1, 6, 5, padding=2), nn.MaxPool2d(2), conv(6, 16, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    ),
    "residuals": lambda: nn.Sequential(
        conv(1, 16, 3, stride=2, padding=1), Residual(conv(16, 16, 3, padding=1), conv(16, 16, 3, padding=1)),
        conv(16, 32, 3, stride=2, padding=1), Residual(conv(32, 32, 3, padding=1), conv(32, 32, 3, padding=1)),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    ),
}


def read(folder, name, header):
    """The numbers of an IDX file, as it is or compressed."""
    path = Path(folder) / name
    data = path.read_bytes() if path.exists() else gzip.decompress(path.with_name(name + ".gz").read_bytes())
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=header).copy())


def part(folder, name):
    images = read(folder, f"{name}-images-idx3-ubyte", 16).view(-1, 1, 28, 28).float() / 255
    return images, read(folder, f"{name}-labels-idx1-ubyte", 8).long()


def accuracy(seed, network, train, test):
    torch.manual_seed(seed)
    net = network()
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
    for epoch in range(EPOCHS):
        for batch in torch.randperm(len(train[1])).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(train[0][batch]), train[1][batch]).backward()
            optimizer.step()
        with torch.no_grad():
            logits = torch.cat([net(images) for images in test[0].split(1000)])
        correct = 100 * (logits.argmax(1) == test[1]).double().mean().item()
        print(f"seed {seed}, epoch {epoch + 1}: {correct:.2f} %", file=sys.stderr, flush=True)
    return correct


def main():
    torch.set_num_threads(1)
    name, folder = sys.argv[1:]
    train, test = part(folder, "train"), part(folder, "t10k")
    figures = [accuracy(seed, NETWORKS[name], train, test) for seed in (1, 2, 3)]
    print(f"{name}: held-out accuracy {statistics.mean(figures):.2f} ± {statistics.stdev(figures):.2f} %")


main()
