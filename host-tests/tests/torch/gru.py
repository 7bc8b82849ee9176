"""Writes gru.rs: a gated recurrent unit with its derivatives as PyTorch computes them, in f64.

python3 host-tests/tests/torch/gru.py > host-tests/tests/torch/gru.rs   (needs torch; the values in the repository are of torch 2.15)
"""
import torch

torch.set_default_dtype(torch.float64)
INPUTS, UNITS, STEPS, EXAMPLES = 3, 5, 6, 2


def values(count, factor):
    """Multiples of 1/16 in a fixed disorder; the test makes the same."""
    return torch.tensor([((i * factor + 5) % 37 - 18) / 16 for i in range(count)])


def show(name, tensor):
    numbers = tensor.detach().flatten().tolist()
    print(f"pub const {name}: [f64; {len(numbers)}] = {numbers};")


gru = torch.nn.GRU(INPUTS, UNITS, batch_first=True)
for factor, parameter in zip((7, 11, 13, 17), gru.parameters()):
    parameter.data = values(parameter.numel(), factor).view_as(parameter) / 2
x = values(EXAMPLES * STEPS * INPUTS, 3).view(EXAMPLES, STEPS, INPUTS).requires_grad_()
y, _ = gru(x)
y.backward(values(y.numel(), 19).view_as(y))

print("// Written by gru.py.")
show("X", x)
show("Y", y)
show("DX", x.grad)
for name, parameter in zip(("W_IH", "W_HH", "B_IH", "B_HH"), gru.parameters()):
    show(name, parameter)
    show(f"D{name}", parameter.grad)
