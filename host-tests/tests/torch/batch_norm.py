"""Writes batch_norm.rs: batch normalisation behind a convolution, with its derivatives and running statistics, as PyTorch computes
them, in f64.

python3 host-tests/tests/torch/batch_norm.py > host-tests/tests/torch/batch_norm.rs   (needs torch; the values in the repository are of torch 2.15)
"""
import torch
from torch.nn.functional import batch_norm, conv2d

torch.set_default_dtype(torch.float64)


def values(count, factor):
    """Multiples of 1/16 in a fixed disorder; the test makes the same."""
    return torch.tensor([((i * factor + 5) % 37 - 18) / 16 for i in range(count)])


def images(count, height, width, channels, factor):
    numbers = values(count * height * width * channels, factor)
    return numbers.view(count, height, width, channels).permute(0, 3, 1, 2).clone()


def show(name, tensor):
    numbers = (tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor).detach().flatten().tolist()
    print(f"pub const {name}: [f64; {len(numbers)}] = {numbers};")


x = images(3, 3, 4, 2, 7).requires_grad_()
w = values(3 * 3 * 2 * 3, 11).view(3, 3, 2, 3).permute(3, 2, 0, 1).clone().requires_grad_()
b = values(3, 3).requires_grad_()
gamma, beta = (values(3, 5) + 2).requires_grad_(), values(3, 9).requires_grad_()
mean, variance = values(3, 2), values(3, 4) + 2
y = batch_norm(conv2d(x, w, b, padding=1), mean, variance, gamma, beta, training=True).tanh()
y.backward(images(3, 3, 4, 3, 13))
print("// Written by batch_norm.py.")
show("Y", y)
show("DX", x.grad)
show("DW", w.grad.permute(2, 3, 1, 0).flatten())
show("DGAMMA", gamma.grad)
show("DBETA", beta.grad)
show("MEAN", mean)
show("VARIANCE", variance)
show("INFERENCE", batch_norm(conv2d(x, w, b, padding=1), mean, variance, gamma, beta, training=False).tanh())
