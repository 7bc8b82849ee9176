"""Writes the values of golden.rs: losses and optimizers from their published formulas, in plain Python (f64), independent of the library."""
from math import erf, exp, log, pi, sqrt, tanh

z, t, y, r = [0.5, -1.0, 2.0], [0.2, 0.5, 0.3], [0.9, -1.3, 0.4], [1.4, -1.2, -2.0]
total = sum(exp(v) for v in z)
mean = lambda values: sum(values) / len(values)
sig = lambda v: 1 / (1 + exp(-v))
print("cross-entropy, class 1", -log(exp(z[1]) / total), [exp(v) / total - (i == 1) for i, v in enumerate(z)])
print("cross-entropy, soft", -sum(a * log(exp(v) / total) for a, v in zip(t, z)), [exp(v) / total - a for a, v in zip(t, z)])
print("binary", mean([-a * log(sig(v)) - (1 - a) * log(1 - sig(v)) for a, v in zip(t, z)]), [(sig(v) - a) / 3 for a, v in zip(t, z)])
print("mse", mean([(a - b) ** 2 for a, b in zip(y, r)]), [2 * (a - b) / 3 for a, b in zip(y, r)])
print("mae", mean([abs(a - b) for a, b in zip(y, r)]), [(1 if a > b else -1) / 3 for a, b in zip(y, r)])
print("huber 0.4", mean([0.5 * (a - b) ** 2 if abs(a - b) <= 0.4 else 0.4 * (abs(a - b) - 0.2) for a, b in zip(y, r)]),
      [max(-0.4, min(0.4, a - b)) / 3 for a, b in zip(y, r)])
print("activations of 0.7, -0.7", [sig(.7), sig(-.7)], [tanh(.7), tanh(-.7)], [.7, exp(-.7) - 1])
print("hard sigmoid, hard swish", [3.7 / 6, 2.3 / 6], [.7 * 3.7 / 6, -.7 * 2.3 / 6])
print("SiLU", [.7 * sig(.7), -.7 * sig(-.7)])
print("GELU", [v * (1 + erf(v / sqrt(2))) / 2 for v in (.7, -.7)])
print("GELU, tanh", [v / 2 * (1 + tanh(sqrt(2 / pi) * (v + 0.044715 * v ** 3))) for v in (.7, -.7)])


def run(rule):
    """Two parameters, three steps, gradient g = (w0 - 1, 3 w1 + w0)."""
    w, state = [0.5, -0.25], [dict(v=0.0, s=0.0, m=0.0) for _ in range(2)]
    for step in range(1, 4):
        g = [w[0] - 1, 3 * w[1] + w[0]]
        w = [rule(w[i], g[i], state[i], step) for i in range(2)]
    return w


def sgd(w, g, s, n): return w - 0.1 * (g + 0.05 * w)
def momentum(w, g, s, n): s["v"] = 0.9 * s["v"] + g + 0.05 * w; return w - 0.1 * s["v"]
def nesterov(w, g, s, n): g += 0.05 * w; s["v"] = 0.9 * s["v"] + g; return w - 0.1 * (g + 0.9 * s["v"])
def rmsprop(w, g, s, n): g += 0.05 * w; s["s"] = 0.99 * s["s"] + 0.01 * g * g; return w - 0.1 * g / (sqrt(s["s"]) + 1e-8)
def moments(g, s, n):
    s["m"], s["s"] = 0.9 * s["m"] + 0.1 * g, 0.999 * s["s"] + 0.001 * g * g
    return s["m"] / (1 - 0.9 ** n) / (sqrt(s["s"] / (1 - 0.999 ** n)) + 1e-8)
def adam(w, g, s, n): return w - 0.1 * moments(g + 0.05 * w, s, n)
def adamw(w, g, s, n): return w - 0.1 * 0.05 * w - 0.1 * moments(g, s, n)


for rule in (sgd, momentum, nesterov, rmsprop, adam, adamw):
    print(rule.__name__, run(rule))
