"""Writes networks as PyTorch stores them, import-*.safetensors, and what they answer, import.rs.

python3 host-tests/tests/torch/import.py   (needs torch and safetensors; the values in the repository are of torch 2.15)
"""
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

FOLDER = Path(__file__).parent
torch.manual_seed(1)


def values(*shape):
    """Multiples of 1/16 in a fixed disorder; the test makes the same."""
    count = torch.Size(shape).numel()
    return torch.tensor([((i * 7 + 5) % 37 - 18) / 16 for i in range(count)]).view(shape)


def trained(model):
    """A model whose statistics are not those of a new one."""
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            for tensor in (module.weight.data, module.running_mean, module.running_var):
                tensor.add_(torch.rand_like(tensor))
            module.bias.data.uniform_()
    return model.eval()


class Recurrent(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.recurrent = layer(3, 5, batch_first=True)
        self.head = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))

    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


class Skip(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


class Both(nn.Module):
    def __init__(self, left, right):
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x):
        return torch.cat([self.left(x), self.right(x)], 1)


image = trained(nn.Sequential(
    nn.Conv2d(2, 3, 3, padding="same", bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(3, 3, 3, padding="same", groups=3), nn.ELU(),
    nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Sigmoid(), nn.Dropout(0.3),
    nn.Flatten(), nn.Linear(4 * 2 * 3, 6), nn.Tanh(), nn.Linear(6, 3),
))
signal = trained(nn.Sequential(
    nn.Conv1d(3, 4, 5, stride=2), nn.BatchNorm1d(4), nn.LeakyReLU(), nn.AvgPool1d(3),
    nn.Flatten(), nn.Linear(4 * 4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3),
))
residual = trained(nn.Sequential(
    nn.Conv2d(2, 4, 3, padding="same"), nn.ReLU(),
    Skip(nn.Sequential(nn.Conv2d(4, 4, 3, padding="same"), nn.ReLU(), nn.Conv2d(4, 4, 3, padding="same"))),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3),
))
class Attentive(nn.Module):
    def __init__(self):
        super().__init__()
        self.before = nn.Conv1d(3, 6, 3, padding="same")
        self.norm, self.attention = nn.LayerNorm(6), nn.MultiheadAttention(6, 3, batch_first=True)
        self.last, self.head = nn.MultiheadAttention(6, 1, batch_first=True), nn.Linear(6, 3)

    def forward(self, x):
        x = self.before(x.mT).mT
        normed = self.norm(x)
        x = x + self.attention(normed, normed, normed)[0]
        return self.head(self.last(x, x, x)[0][:, -1])


recurrent, lstm = trained(Recurrent(nn.GRU)), trained(Recurrent(nn.LSTM))
halves = Recurrent(nn.GRU)
halves.load_state_dict({
    name: tensor.to(torch.bfloat16 if name.startswith("head") else torch.float16).float() for name, tensor in recurrent.state_dict().items()
})
activations = trained(nn.Sequential(
    nn.Conv2d(2, 3, 3, padding="same"), nn.PReLU(3), nn.Conv2d(3, 3, 3, padding="same", groups=3), nn.Hardswish(),
    nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.SiLU(), nn.Flatten(), nn.PReLU(80), nn.Linear(80, 6), nn.GELU(),
    nn.Linear(6, 6), nn.GELU(approximate="tanh"), nn.Linear(6, 6), nn.Hardsigmoid(), nn.Linear(6, 6), nn.ReLU6(), nn.PReLU(),
    nn.Linear(6, 6), nn.Hardtanh(), nn.Linear(6, 3),
))
for module in activations:
    if isinstance(module, nn.PReLU):
        module.weight.data.uniform_(-0.5, 0.5)

layers = trained(nn.Sequential(nn.Embedding(7, 5), nn.LayerNorm(5), nn.Flatten(), nn.Linear(40, 6), nn.LayerNorm(6), nn.Linear(6, 3)))
decoder = trained(nn.Sequential(
    nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.ReLU(), nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1), nn.Tanh(),
    nn.ConvTranspose2d(3, 2, 3, stride=1, padding=1), nn.Flatten(), nn.Linear(160, 3),
))
for module in layers:
    if isinstance(module, nn.LayerNorm):
        module.weight.data.uniform_(0.5, 1.5)
        module.bias.data.uniform_()
# Kernels and windows that are not square, with other strides, dilations and paddings for rows and columns, and at each end.
geometry = trained(nn.Sequential(
    nn.ZeroPad2d((0, 1, 2, 0)), nn.Conv2d(2, 4, (3, 2), stride=(2, 1)), nn.ReLU(),
    nn.Conv2d(4, 4, (2, 3), dilation=(1, 2), groups=4), nn.Tanh(),
    nn.MaxPool2d((2, 3), stride=(1, 2), padding=(1, 1)), nn.AvgPool2d((3, 2), stride=1, padding=(1, 1), count_include_pad=False),
    Both(nn.Conv2d(4, 3, 1), nn.Conv2d(4, 2, (3, 1), padding=(1, 0))), nn.Flatten(), nn.Linear(80, 3),
))

attention = trained(Attentive())
for module in attention.modules():
    if isinstance(module, nn.MultiheadAttention):
        # PyTorch begins with 0.
        module.in_proj_bias.data.uniform_(-0.5, 0.5)
        module.out_proj.bias.data.uniform_(-0.5, 0.5)

lines = ["// Written by import.py."]
for name, model, x in (
    # PyTorch has the channels first, the test has them last.
    ("image", image, values(8, 10, 2).permute(2, 0, 1)),
    ("signal", signal, values(28, 3).permute(1, 0)),
    ("residual", residual, values(8, 10, 2).permute(2, 0, 1)),
    ("activations", activations, values(8, 10, 2).permute(2, 0, 1)),
    ("recurrent", recurrent, values(6, 3)),
    ("lstm", lstm, values(6, 3)),
    ("halves", halves, values(6, 3)),
    ("layers", layers, torch.tensor([0, 3, 6, 1, 5, 2, 4, 6])),
    ("decoder", decoder, values(8, 10, 2).permute(2, 0, 1)),
    ("attention", attention, values(6, 3)),
    ("geometry", geometry, values(8, 10, 2).permute(2, 0, 1)),
):
    state = model.state_dict()
    if name == "halves":
        state = {name: tensor.to(torch.bfloat16 if name.startswith("head") else torch.float16) for name, tensor in state.items()}
    save_file(state, FOLDER / f"import-{name}.safetensors")
    with torch.no_grad():
        logits = model(x[None].contiguous())[0].numpy()
    lines.append(f"pub const {name.upper()}: [f32; {len(logits)}] = [{', '.join(map(str, logits))}];")
(FOLDER / "import.rs").write_text("\n".join(lines) + "\n")
