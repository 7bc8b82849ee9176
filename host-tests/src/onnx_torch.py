"""python3 onnx_torch.py FOLDER: writes networks as PyTorch's exporter does, NAME.onnx, inputs NAME.x and what PyTorch makes of them, NAME.y.

Needs torch and onnxscript."""
import sys
import warnings
from pathlib import Path

import torch
from torch import nn

EXAMPLES = 3
# Whether by the exporter that traces operators, or by that of TorchScript, and the opset: of all networks, and of some.
ALL = ((True, 20), (False, 17))
SOME = ("resnet", "signal", "lstm", "gru", "lstm-state"), ((True, 18), (True, 26), (False, 13), (False, 23))


class Block(nn.Module):
    """Of a residual network; with a projection where the size changes."""

    def __init__(self, channels, outputs, stride):
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(channels, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        same = stride == 1 and channels == outputs
        self.beside = nn.Identity() if same else nn.Sequential(nn.Conv2d(channels, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return torch.relu(self.path(x) + self.beside(x))


class Inverted(nn.Module):
    """Of a MobileNetV2 or V3."""

    def __init__(self, channels, wide, outputs, stride, activation):
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide), activation(),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), activation(),
            nn.Conv2d(wide, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.around = stride == 1 and channels == outputs

    def forward(self, x):
        return x + self.path(x) if self.around else self.path(x)


class Inception(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.paths = nn.ModuleList([nn.Conv2d(channels, 4, 1), nn.Conv2d(channels, 5, 3, padding=1), nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(channels, 3, 1))])

    def forward(self, x):
        return torch.cat([path(x) for path in self.paths], 1)


class Recurrent(nn.Module):
    def __init__(self, layer, inputs, units, **options):
        super().__init__()
        self.recurrent, self.head = layer(inputs, units, batch_first=True, **options), nn.LazyLinear(4)

    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


class TimeFirst(Recurrent):
    def forward(self, x):
        self.recurrent.batch_first = False
        return self.head(self.recurrent(x.transpose(0, 1))[0][-1])


class LastState(Recurrent):
    def forward(self, x):
        state = self.recurrent(x)[1]
        return self.head((state[0] if isinstance(state, tuple) else state)[-1])


class Dense(nn.Module):
    """Of a DenseNet."""

    def __init__(self, channels, more):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(channels + at * more), nn.ReLU(), nn.Conv2d(channels + at * more, more, 3, padding=1, bias=False)) for at in range(3))

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


class Excited(nn.Module):
    """Channels weighted by what is in all of the image, as in MobileNetV3 and EfficientNet."""

    def __init__(self, channels):
        super().__init__()
        self.weights = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 4, 1), nn.ReLU(), nn.Conv2d(4, channels, 1), nn.Hardsigmoid())

    def forward(self, x):
        return x * self.weights(x)


class Mean(nn.Module):
    def forward(self, x):
        return x.mean([2, 3])


def separable(channels, outputs, stride):
    return [nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def head(channels, classes=10):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]


def mobile(activation):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), activation(), Inverted(8, 16, 8, 1, activation), Inverted(8, 24, 12, 2, activation),
        Inverted(12, 24, 12, 1, activation), nn.Dropout(0.2), *head(12))


IMAGE, SIGNAL, SEQUENCE = (3, 32, 32), (6, 48), (12, 5)
NETWORKS = {
    "lenet": (nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                            nn.Linear(400, 84), nn.ReLU(), nn.Linear(84, 10), nn.Softmax(1)), (1, 28, 28)),
    "resnet": (nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), Block(8, 8, 1), Block(8, 16, 2), *head(16)), IMAGE),
    "mobilenet-v2": (mobile(nn.ReLU6), IMAGE),
    "mobilenet-v3": (mobile(nn.Hardswish), IMAGE),
    "convnext": (mobile(nn.GELU), IMAGE),
    "gelu-tanh": (mobile(lambda: nn.GELU(approximate="tanh")), IMAGE),
    "silu": (mobile(nn.SiLU), IMAGE),
    "leaky": (mobile(lambda: nn.LeakyReLU(0.1)), IMAGE),
    "inception": (nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), Inception(6), nn.Sigmoid(), nn.AvgPool2d(2), *head(12)), IMAGE),
    "signal": (nn.Sequential(nn.Conv1d(6, 16, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(16, 24, 5, padding=2), nn.Tanh(), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
                             nn.Linear(24, 7)), SIGNAL),
    "mobilenet-v1": (nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), *separable(8, 12, 1), *separable(12, 16, 2), Mean(), nn.Linear(16, 10)), IMAGE),
    "densenet": (nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1, bias=False), Dense(6, 4), nn.BatchNorm2d(18), nn.ReLU(), nn.AvgPool2d(2), *head(18)), IMAGE),
    "excited": (nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.Hardswish(), Excited(8), *head(8)), IMAGE),
    "lstm": (Recurrent(nn.LSTM, 5, 7), SEQUENCE),
    "gru": (Recurrent(nn.GRU, 5, 7), SEQUENCE),
    "lstm-layers": (Recurrent(nn.LSTM, 5, 7, num_layers=2), SEQUENCE),
    "gru-layers": (Recurrent(nn.GRU, 5, 7, num_layers=3, dropout=0.2), SEQUENCE),
    "lstm-without-biases": (Recurrent(nn.LSTM, 5, 7, bias=False), SEQUENCE),
    "lstm-state": (LastState(nn.LSTM, 5, 7), SEQUENCE),
    "gru-state": (LastState(nn.GRU, 5, 7, num_layers=2), SEQUENCE),
    "gru-time-first": (TimeFirst(nn.GRU, 5, 7), SEQUENCE),
}
# What is not supported, and how it is named.
REFUSED = {
    "lstm-both-ways": (Recurrent(nn.LSTM, 5, 7, bidirectional=True), "another direction than forward"),
    "gru-both-ways": (Recurrent(nn.GRU, 5, 7, bidirectional=True), "another direction than forward"),
}


def export(net, x, path, traced, opset):
    torch.onnx.export(net, (x,), f"{path}.onnx", dynamo=traced, opset_version=opset, external_data=False, verbose=False)


folder = Path(sys.argv[1])
refused = folder.parent / "refused"
for made in (folder, refused):
    made.mkdir(parents=True, exist_ok=True)
warnings.filterwarnings("ignore")
torch.manual_seed(1)
count = 0
for name, (net, shape) in NETWORKS.items():
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_mean, module.running_var):
                tensor.add_(0.5 * torch.rand_like(tensor))
    net.eval()
    x = torch.randn(EXAMPLES, *shape)
    with torch.no_grad():
        y = torch.cat([net(x) for x in x.split(1)])
    for traced, opset in ALL + (SOME[1] if name in SOME[0] else ()):
        path = folder / f"{name}-{'traced' if traced else 'script'}-{opset}"
        export(net, x[:1], path, traced, opset)
        x.numpy().tofile(f"{path}.x")
        y.numpy().tofile(f"{path}.y")
        count += 1
for name, (net, text) in REFUSED.items():
    x = torch.randn(1, *SEQUENCE)
    net.eval()(x)
    for traced, opset in ALL:
        path = refused / f"{name}-{'traced' if traced else 'script'}"
        export(net, x, path, traced, opset)
        Path(f"{path}.txt").write_text(text)
print(f"{count} exports, torch {torch.__version__}")
