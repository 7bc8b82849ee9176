"""The networks of this example in PyTorch, with the same protocol: the references of its table.

    python3 examples/signal/pytorch.py target/data/watch/watch.csv    (needs torch and numpy; one thread)

Five seeds, each with two other people held out. Glorot-uniform weights, those of a GRU's state orthogonal, zero biases, Adam 0.003,
batch 32, shuffled each epoch, 40 epochs.
"""
import statistics
import sys

import numpy as np
import torch
from torch import nn

STEPS, STRIDE, EPOCHS, BATCH, RATE = 48, 24, 40, 32, 0.003


class Gru(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.dense = nn.GRU(6, 24, batch_first=True), nn.Linear(24, 7)

    def forward(self, x):
        return self.dense(self.gru(x)[0][:, -1])


class Cnn(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv1d(6, 16, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(16, 24, 5, padding=2), nn.ReLU(),
            nn.MaxPool1d(2), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(24, 7),
        )

    def forward(self, x):
        return super().forward(x.transpose(1, 2))


class Features(nn.Module):
    """Softmax regression on each channel's mean and standard deviation."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(12, 7)

    def forward(self, x):
        return self.dense(torch.cat([x.mean(1), x.std(1, unbiased=False)], 1))


def init(net):
    for module in net.modules():
        if isinstance(module, (nn.Conv1d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.GRU):
            for weight in module.weight_ih_l0.data.chunk(3):
                nn.init.xavier_uniform_(weight)
            for weight in module.weight_hh_l0.data.chunk(3):
                nn.init.orthogonal_(weight)
            nn.init.zeros_(module.bias_ih_l0)
            nn.init.zeros_(module.bias_hh_l0)


def accuracy(network, seed, parts):
    torch.manual_seed(seed)
    (x, y), (test_x, test_y) = parts
    net = network()
    init(net)
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(y)).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        return 100 * (net(test_x).argmax(1) == test_y).double().mean().item()


def main():
    torch.set_num_threads(1)
    table = np.loadtxt(sys.argv[1], delimiter=",", skiprows=1)
    windows = []
    for recording in range(140):
        rows = table[table[:, 0] == recording]
        for start in range(0, len(rows) - STEPS + 1, STRIDE):
            windows.append((int(rows[0, 1]), int(rows[0, 2]), rows[start : start + STEPS, 3:]))
    for network in (Features, Cnn, Gru):
        figures = []
        for seed in range(1, 6):
            held_out = (2 * seed - 1, 2 * seed)
            parts = [[w for w in windows if (w[0] in held_out) == test] for test in (False, True)]
            parts = [(torch.tensor(np.stack([w[2] for w in p]), dtype=torch.float32), torch.tensor([w[1] for w in p])) for p in parts]
            figures.append(accuracy(network, seed, parts))
            print(f"{network.__name__} seed {seed}: {figures[-1]:.1f} % of {len(parts[1][1])}", file=sys.stderr, flush=True)
        print(f"{network.__name__}: held-out accuracy {statistics.mean(figures):.1f} ± {statistics.stdev(figures):.1f} %")


main()
