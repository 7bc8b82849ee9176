"""PyTorch's side of the comparison, on one thread. Answers each line of standard input with one line."""

import sys
import time

import torch

torch.set_num_threads(1)
torch.manual_seed(1)
learning_rate = float(sys.argv[1])
works = {}


def read(*shape):
    """The next values of standard input."""
    size = torch.Size(shape).numel()
    data = bytearray(sys.stdin.buffer.read(4 * size))
    return torch.frombuffer(data, dtype=torch.float32).reshape(shape).clone()


class Work:
    def __init__(self, net, optimizer, x, classes):
        self.net, self.optimizer, self.x, self.classes = net, optimizer, x, classes
        self.loss = torch.nn.CrossEntropyLoss()

    def forward(self, calls):
        with torch.inference_mode():
            for _ in range(calls):
                self.net(self.x)

    def step(self, calls):
        for _ in range(calls):
            self.optimizer.zero_grad()
            self.loss(self.net(self.x), self.classes).backward()
            self.optimizer.step()


def add(net, optimizer, x, classes):
    name = str(len(works))
    works[name] = Work(net, optimizer, x, classes)
    return name


def mlp(i, h, o, batch):
    net = torch.nn.Sequential(torch.nn.Linear(i, h), torch.nn.Sigmoid(), torch.nn.Linear(h, o))
    with torch.no_grad():
        for layer, shape in [(net[0], (i, h)), (net[2], (h, o))]:
            layer.weight.copy_(read(*shape).T)
            layer.bias.copy_(read(shape[1]))
    optimizer = torch.optim.SGD(net.parameters(), lr=learning_rate)
    return add(net, optimizer, read(batch, i), read(batch).long())


def cnn(batch):
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(8, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(784, 10),
    )
    assert sum(p.numel() for p in net.parameters()) == 9098
    return add(net, torch.optim.Adam(net.parameters(), lr=0.001), read(batch, 1, 28, 28), read(batch).long())


def answer(command, *arguments):
    if command == "version":
        return torch.__version__
    if command in ("mlp", "cnn"):
        return globals()[command](*map(int, arguments))
    work = works[arguments[0]]
    if command == "logits":
        return " ".join(str(v) for v in work.net(work.x).flatten().tolist())
    run = getattr(work, arguments[1])
    start = time.process_time_ns()
    run(int(arguments[2]))
    return time.process_time_ns() - start


for line in sys.stdin.buffer:
    print(answer(*line.decode().split()), flush=True)
