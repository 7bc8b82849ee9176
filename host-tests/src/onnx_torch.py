"""python3 onnx_torch.py FOLDER: writes networks as PyTorch's exporter does, NAME.onnx, inputs NAME.x and what PyTorch makes of them, NAME.y.

Needs torch and onnxscript."""
import sys
import warnings
from pathlib import Path

import torch
from torch import nn

EXAMPLES = 3
# Of all networks, and of some.
OPSET, OLDER = 20, (18, ("resnet", "signal", "lstm", "gru"))


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
    def __init__(self, layer, inputs, units):
        super().__init__()
        self.recurrent, self.head = layer(inputs, units, batch_first=True), nn.Linear(units, 4)

    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


def head(channels, classes=10):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]


def mobile(activation):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), activation(), Inverted(8, 16, 8, 1, activation), Inverted(8, 24, 12, 2, activation),
        Inverted(12, 24, 12, 1, activation), nn.Dropout(0.2), *head(12))


IMAGE, SIGNAL = (3, 32, 32), (6, 48)
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
    "lstm": (Recurrent(nn.LSTM, 5, 7), (12, 5)),
    "gru": (Recurrent(nn.GRU, 5, 7), (12, 5)),
}
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
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
    for opset in (OPSET, OLDER[0]) if name in OLDER[1] else (OPSET,):
        path = folder / f"{name}-{opset}"
        torch.onnx.export(net, (x[:1],), f"{path}.onnx", opset_version=opset, external_data=False, verbose=False)
        x.numpy().tofile(f"{path}.x")
        y.numpy().tofile(f"{path}.y")
        count += 1
print(f"{count} exports, torch {torch.__version__}")
