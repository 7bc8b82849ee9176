"""Writes gru.rs and lstm.rs: recurrent layers with their derivatives as PyTorch computes them, in f64.

python3 host-tests/tests/torch/recurrent.py   (needs torch; the values in the repository are of torch 2.15)
"""
from pathlib import Path

import torch

torch.set_default_dtype(torch.float64)
INPUTS, UNITS, STEPS, EXAMPLES = 3, 5, 6, 2


def values(count, factor):
    """Multiples of 1/16 in a fixed disorder; the test makes the same."""
    return torch.tensor([((i * factor + 5) % 37 - 18) / 16 for i in range(count)])


def shown(name, tensor):
    numbers = tensor.detach().flatten().tolist()
    return f"pub const {name}: [f64; {len(numbers)}] = {numbers};\n"


for file, layer in ("gru.rs", torch.nn.GRU), ("lstm.rs", torch.nn.LSTM):
    layer = layer(INPUTS, UNITS, batch_first=True)
    for factor, parameter in zip((7, 11, 13, 17), layer.parameters()):
        parameter.data = values(parameter.numel(), factor).view_as(parameter) / 2
    x = values(EXAMPLES * STEPS * INPUTS, 3).view(EXAMPLES, STEPS, INPUTS).requires_grad_()
    y, _ = layer(x)
    y.backward(values(y.numel(), 19).view_as(y))

    text = "// Written by recurrent.py.\n" + shown("X", x) + shown("Y", y) + shown("DX", x.grad)
    for name, parameter in zip(("W_IH", "W_HH", "B_IH", "B_HH"), layer.parameters()):
        text += shown(name, parameter) + shown(f"D{name}", parameter.grad)
    Path(__file__).with_name(file).write_text(text)
