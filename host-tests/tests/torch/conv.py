"""Writes conv.rs: convolution and pooling with their derivatives as PyTorch computes them, in f64.

python3 host-tests/tests/torch/conv.py > host-tests/tests/torch/conv.rs   (needs torch; the values in the repository are of torch 2.15)
"""
import torch
from torch.nn.functional import avg_pool1d, avg_pool2d, conv1d, conv2d, conv_transpose2d, layer_norm, max_pool1d, max_pool2d, pad

torch.set_default_dtype(torch.float64)


def values(count, factor):
    """Multiples of 1/16 in a fixed disorder; the test makes the same."""
    return torch.tensor([((i * factor + 5) % 37 - 18) / 16 for i in range(count)])


def show(name, tensor):
    """Images and signals with the channels last."""
    order = {4: (0, 2, 3, 1), 3: (0, 2, 1), 1: (0,)}[tensor.dim()]
    numbers = tensor.detach().permute(order).flatten().tolist()
    print(f"pub const {name}: [f64; {len(numbers)}] = {numbers};")


def image(height, width, channels, factor):
    return values(height * width * channels, factor).view(1, height, width, channels).permute(0, 3, 1, 2).clone()


def signal(length, channels, factor):
    return values(length * channels, factor).view(1, length, channels).permute(0, 2, 1).clone()


print("// Written by conv.py.")
for name, (h, w, c, o, k, stride, padding) in {
    "SAME": (4, 5, 2, 3, 3, 1, 1),
    "STRIDE": (5, 6, 3, 2, 3, 2, 1),
    "EVEN": (5, 4, 1, 4, 2, 1, 0),
}.items():
    x = image(h, w, c, 7).requires_grad_()
    weight = values(k * k * c * o, 11).view(k, k, c, o).permute(3, 2, 0, 1).clone().requires_grad_()
    bias = values(o, 3).requires_grad_()
    y = conv2d(x, weight, bias, stride, padding)
    y.backward(image(y.shape[2], y.shape[3], o, 13))
    show(f"{name}_Y", y)
    # Kernels as [row][column][input][output]: as an image of K rows whose "channels" are (input, output).
    numbers = weight.grad.permute(2, 3, 1, 0).flatten().tolist()
    print(f"pub const {name}_DW: [f64; {len(numbers)}] = {numbers};")
    show(f"{name}_DB", bias.grad)
    show(f"{name}_DX", x.grad)
for name, (h, w, c, k, stride, padding) in {"DEPTHWISE": (5, 6, 3, 3, 2, 1)}.items():
    x = image(h, w, c, 7).requires_grad_()
    weight = values(k * k * c, 11).view(k, k, 1, c).permute(3, 2, 0, 1).clone().requires_grad_()
    bias = values(c, 3).requires_grad_()
    y = conv2d(x, weight, bias, stride, padding, groups=c)
    y.backward(image(y.shape[2], y.shape[3], c, 13))
    show(f"{name}_Y", y)
    numbers = weight.grad.permute(2, 3, 1, 0).flatten().tolist()
    print(f"pub const {name}_DW: [f64; {len(numbers)}] = {numbers};")
    show(f"{name}_DB", bias.grad)
    show(f"{name}_DX", x.grad)
for name, (length, c, o, k, stride, padding) in {"SIGNAL": (9, 2, 3, 3, 1, 1), "SIGNAL_STRIDE": (10, 3, 2, 4, 2, 1)}.items():
    x = signal(length, c, 7).requires_grad_()
    weight = values(k * c * o, 11).view(k, c, o).permute(2, 1, 0).clone().requires_grad_()
    bias = values(o, 3).requires_grad_()
    y = conv1d(x, weight, bias, stride, padding)
    y.backward(signal(y.shape[2], o, 13))
    show(f"{name}_Y", y)
    numbers = weight.grad.permute(2, 1, 0).flatten().tolist()
    print(f"pub const {name}_DW: [f64; {len(numbers)}] = {numbers};")
    show(f"{name}_DB", bias.grad)
    show(f"{name}_DX", x.grad)
for name, pool in {"MAX1D": max_pool1d, "AVG1D": avg_pool1d}.items():
    x = signal(7, 2, 7).requires_grad_()
    y = pool(x, 3)
    y.backward(signal(2, 2, 13))
    show(f"{name}_Y", y)
    show(f"{name}_DX", x.grad)
for name, pool in {"MAX": max_pool2d, "AVG": avg_pool2d}.items():
    x = image(5, 4, 2, 7).requires_grad_()
    y = pool(x, 2)
    y.backward(image(2, 2, 2, 13))
    show(f"{name}_Y", y)
    show(f"{name}_DX", x.grad)


def kernel(kh, kw, c, o):
    """Stored as [row][column][input][output]."""
    return values(kh * kw * c * o, 11).view(kh, kw, c, o).permute(3, 2, 0, 1).clone().requires_grad_()


def record(name, x, parameters, y):
    """The output and the derivatives by input and parameters: kernels as they are stored, and biases."""
    y.backward(signal(y.shape[2], y.shape[1], 13) if y.dim() == 3 else image(*y.shape[2:], y.shape[1], 13))
    show(f"{name}_Y", y)
    for i, parameter in enumerate(parameters):
        gradient = parameter.grad if parameter.dim() == 1 else parameter.grad.permute(*range(2, parameter.dim()), 1, 0)
        numbers = gradient.flatten().tolist()
        print(f"pub const {name}_D{i}: [f64; {len(numbers)}] = {numbers};")
    show(f"{name}_DX", x.grad)


# Directions that differ. Padding is left, right, top, bottom.
for name, (h, w, c, o, (kh, kw), strides, padding, dilation, groups) in {
    "RECTANGLE": (6, 7, 2, 3, (3, 2), (2, 1), (2, 1, 1, 0), (1, 3), 1),
    "CHANNELS": (6, 7, 3, 3, (2, 3), (1, 2), (0, 1, 1, 2), (2, 1), 3),
}.items():
    x = image(h, w, c, 7).requires_grad_()
    parameters = [kernel(kh, kw, c // groups, o), values(o, 3).requires_grad_()]
    record(name, x, parameters, conv2d(pad(x, padding), *parameters, stride=strides, dilation=dilation, groups=groups))
for name, dilation in {"SAME_EVEN": 1, "SAME_DILATED": 2}.items():
    x = image(5, 4, 2, 7).requires_grad_()
    parameters = [kernel(2, 4, 2, 3), values(3, 3).requires_grad_()]
    record(name, x, parameters, conv2d(x, *parameters, padding="same", dilation=dilation))
x = signal(9, 2, 7).requires_grad_()
parameters = [values(3 * 2 * 3, 11).view(3, 2, 3).permute(2, 1, 0).clone().requires_grad_(), values(3, 3).requires_grad_()]
record("CAUSAL", x, parameters, conv1d(pad(x, (4, 0)), *parameters, dilation=2))
# Transposed: kernels stored as [row][column][input][output] again.
for name, (h, w, c, o, k, stride, padding, more) in {"DECODER": (3, 4, 2, 3, 4, 2, 1, 0), "DECODER_MORE": (3, 2, 3, 2, 3, 3, 1, 2)}.items():
    x = image(h, w, c, 7).requires_grad_()
    parameters = [kernel(k, k, c, o).detach().transpose(0, 1).clone().requires_grad_(), values(o, 3).requires_grad_()]
    y = conv_transpose2d(x, *parameters, stride, padding, more)
    y.backward(image(*y.shape[2:], o, 13))
    show(f"{name}_Y", y)
    numbers = parameters[0].grad.permute(2, 3, 0, 1).flatten().tolist()
    print(f"pub const {name}_D0: [f64; {len(numbers)}] = {numbers};")
    show(f"{name}_D1", parameters[1].grad)
    show(f"{name}_DX", x.grad)
# Of the channels of each pixel.
x, gain, shift = image(3, 4, 5, 7).requires_grad_(), values(5, 11).requires_grad_(), values(5, 3).requires_grad_()
record("LAYER_NORM", x, [gain, shift], layer_norm(x.permute(0, 2, 3, 1), [5], gain, shift).permute(0, 3, 1, 2))
# Windows that overlap and are padded; padding is not counted.
x = image(6, 7, 2, 7).requires_grad_()
record("MAX_PADDED", x, [], max_pool2d(x, (3, 2), (2, 1), (1, 1)))
x = image(6, 7, 2, 7).requires_grad_()
record("MAX_DILATED", x, [], max_pool2d(x, (2, 3), (1, 2), (0, 1), (3, 2)))
x = image(6, 7, 2, 7).requires_grad_()
record("AVG_PADDED", x, [], avg_pool2d(x, (3, 2), (2, 1), (1, 1), count_include_pad=False))
x = signal(9, 2, 7).requires_grad_()
record("AVG1D_PADDED", x, [], avg_pool1d(x, 4, 3, 2, count_include_pad=False))


# Paths that are added and concatenated.
def paths(*kernels):
    x = image(4, 5, 2, 7).requires_grad_()
    return x, [parameter for k in kernels for parameter in (k, values(len(k), 3).requires_grad_())]


x, parameters = paths(kernel(3, 3, 2, 3), kernel(1, 1, 2, 3))
left, right = conv2d(x, *parameters[:2], stride=2, padding=1).tanh(), conv2d(x, *parameters[2:], stride=2).sigmoid()
record("SUM", x, parameters, left + right)
x, parameters = paths(kernel(3, 3, 2, 3), kernel(1, 1, 2, 1))
left, right = conv2d(x, *parameters[:2], padding=1).tanh(), conv2d(x, *parameters[2:]).sigmoid()
record("CONCAT", x, parameters, torch.cat([left, right], 1))
x, parameters = paths(kernel(3, 3, 2, 3))
record("DENSE_BLOCK", x, parameters, torch.cat([x, conv2d(x, *parameters, padding=1).tanh()], 1))
