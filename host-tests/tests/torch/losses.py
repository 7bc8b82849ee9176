"""Writes losses.rs: losses for classes that are rare, doubtful or easy, and for embeddings, with their derivatives as PyTorch computes them, in f64.

python3 host-tests/tests/torch/losses.py > host-tests/tests/torch/losses.rs   (needs torch; the values in the repository are of torch 2.15)
"""
import torch
from torch.nn.functional import cross_entropy, triplet_margin_with_distance_loss

torch.set_default_dtype(torch.float64)

EXAMPLES, CLASSES = 8, 4


def values(factor):
    """Multiples of 1/16 in a fixed disorder, an example a row; the test makes the same."""
    count = EXAMPLES * CLASSES
    return torch.tensor([((i * factor + 5) % 37 - 18) / 16 for i in range(count)]).view(EXAMPLES, CLASSES)


def show(name, y, losses):
    """The loss of each example, and its derivatives."""
    losses.sum().backward()
    for what, tensor in [("LOSS", losses.detach()), ("DY", y.grad)]:
        numbers = ", ".join(map(str, tensor.tolist()))
        kind = "f64" if tensor.dim() == 1 else f"[f64; {CLASSES}]"
        print(f"pub const {name}_{what}: [{kind}; {EXAMPLES}] = [{numbers}];")


def focal(z, classes, gamma):
    """Of Lin et al. 2017 with a softmax; the derivatives are autograd's."""
    loss = cross_entropy(z, classes, reduction="none")
    return (1 - (-loss).exp()) ** gamma * loss


def logits():
    """Some of them large, so that some examples are told surely, rightly or wrongly."""
    return (4 * values(7)).requires_grad_()


def squared(a, b):
    return (a - b).square().sum(-1)


classes = torch.arange(EXAMPLES) // 2
print("// Written by losses.py.")
z = logits()
show("WEIGHTED", z, cross_entropy(z, classes, weight=torch.tensor([0.5, 2.5, 9.0, 0.0]), reduction="none"))
z = logits()
show("SMOOTH", z, cross_entropy(z, classes, label_smoothing=0.2, reduction="none"))
for name, gamma in [("FOCAL", 2.0), ("FOCAL_HALF", 0.5), ("FOCAL_NONE", 0.0)]:
    z = logits()
    show(name, z, focal(z, classes, gamma))
y = values(7).requires_grad_()
losses = triplet_margin_with_distance_loss(
    y, values(11), values(13), distance_function=squared, margin=0.5, reduction="none"
)
show("TRIPLET", y, losses)
