"""python3 onnx_in.py FOLDER: writes random ONNX models NAME.onnx there, examples NAME.x, and what onnxruntime makes of them, NAME.y; in the
folder `refused` what must be named instead, NAME.txt."""
import logging
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization

logging.disable(logging.WARNING)
onnxruntime.set_default_logger_severity(3)

MODELS = 320
EXAMPLES = 3
INTEGERS = 200
CALIBRATED = 16
REFUSED = 8
OPSETS = (13, 15, 17, 18, 20, 21)


class Model:
    """Nodes in series, with forks that are joined again; `x` is the value that the next one reads, `shape` its shape."""

    def __init__(self, seed, integers):
        # Without what onnxruntime's quantisation leaves in floats.
        self.integers = integers
        self.rng = np.random.default_rng(seed)
        self.opset = int(self.rng.choice(OPSETS))
        self.nodes, self.constants, self.count = [], [], 0
        rank = int(self.rng.choice([2, 3, 4, 4, 4]))
        sizes = {2: [self.below(3, 20)], 3: [self.below(1, 6), self.below(8, 24)], 4: [self.below(1, 7), self.below(5, 12), self.below(5, 12)]}
        self.shape = (1, *sizes[rank])
        self.x = "input"
        batch = "batch" if self.one_in(2) else 1
        self.input = helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, *self.shape[1:]])

    def below(self, least, end):
        return int(self.rng.integers(least, end))

    def one_in(self, n):
        return self.below(0, n) == 0

    def pick(self, *of):
        return of[self.below(0, len(of))]

    def constant(self, array):
        name = f"c{len(self.constants)}"
        array = np.asarray(array)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        if self.one_in(8) and not self.integers:
            self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array)))
            self.constants.append(None)
        else:
            self.constants.append(numpy_helper.from_array(array, name))
        return name

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def random(self, *shape, scale=1.0):
        return self.constant(self.rng.uniform(-1, 1, shape) * scale)

    def node(self, op, *inputs, shape=None, outputs=1, **attributes):
        self.count += 1
        names = [f"v{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=f"{op}_{self.count}", **attributes))
        if outputs == 1:
            self.x, self.shape = names[0], shape or self.shape
        return names

    def axes(self, op, axes, since, **attributes):
        """An operator whose axes are an attribute before the opset `since`."""
        if self.opset >= since:
            return [self.x, self.ints(*axes)], attributes
        return [self.x], {"axes": axes, **attributes}

    # Each of these writes one value.

    def window(self, axes, dilated=True):
        kernel = [self.below(1, min(4, n) + 1) for n in axes]
        strides = [self.pick(1, 1, 2, 3) for _ in axes]
        dilations = [self.pick(1, 1, 2) if dilated else 1 for _ in axes]
        dilations = [d if (k - 1) * d < n else 1 for n, k, d in zip(axes, kernel, dilations)]
        attributes = {"kernel_shape": kernel, "strides": strides}
        if dilated:
            attributes["dilations"] = dilations
        span = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
        kind = self.pick("none", "pads", "same", "SAME_UPPER", "SAME_LOWER", "VALID")
        if not dilated:
            strides = [min(s, k) for s, k in zip(strides, kernel)]
            attributes["strides"] = strides
        if kind in ("SAME_UPPER", "SAME_LOWER") and max(dilations) > 1:
            kind = "pads"
        if kind == "pads":
            pads = [self.below(0, s) for s in span] + [self.below(0, s) for s in span]
            attributes["pads"] = pads
        elif kind == "same":
            pads = [s // 2 for s in span] + [(s - 1) // 2 for s in span]
            attributes["pads"] = pads
        elif kind != "none":
            attributes["auto_pad"] = kind
            pads = None
        else:
            pads = [0] * (2 * len(axes))
        if pads is None and kind != "VALID":
            out = [-(-n // s) for n, s in zip(axes, strides)]
        else:
            pads = pads or [0] * (2 * len(axes))
            out = [(n + pads[i] + pads[len(axes) + i] - s) // t + 1 for i, (n, s, t) in enumerate(zip(axes, span, strides))]
        return attributes, out

    def conv(self):
        channels, axes = self.shape[1], self.shape[2:]
        attributes, out = self.window(axes)
        group = self.pick(1, 1, channels, channels, max(d for d in (1, 2, 3) if channels % d == 0))
        outputs = group * self.below(1, 4) if group > 1 else self.below(1, 9)
        taps = int(np.prod(attributes["kernel_shape"])) * channels // group
        inputs = [self.x, self.random(outputs, channels // group, *attributes["kernel_shape"], scale=(3 / taps) ** 0.5)]
        if not self.one_in(3):
            inputs.append(self.random(outputs, scale=0.3))
        self.node("Conv", *inputs, shape=(1, outputs, *out), group=group, **attributes)

    def conv_transpose(self):
        channels, axes = self.shape[1], self.shape[2:]
        kernel = [self.below(1, 4) for _ in axes]
        strides = [self.below(1, 4) for _ in axes]
        more = [self.below(0, s) for s in strides]
        pads = [self.below(0, k) for k in kernel]
        # At each end as many, mostly.
        pads += pads if self.one_in(2) else [self.below(0, k) for k in kernel]
        out = [(n - 1) * s + k + m - pads[i] - pads[len(axes) + i] for i, (n, k, s, m) in enumerate(zip(axes, kernel, strides, more))]
        if min(out) < 1:
            return
        outputs = self.below(1, 6)
        inputs = [self.x, self.random(channels, outputs, *kernel, scale=(3 / channels / np.prod(kernel)) ** 0.5)]
        if not self.one_in(3):
            inputs.append(self.random(outputs, scale=0.3))
        self.node("ConvTranspose", *inputs, shape=(1, outputs, *out), strides=strides, pads=pads, output_padding=more)

    def pool(self):
        attributes, out = self.window(self.shape[2:], dilated=False)
        op = self.pick("MaxPool", "AveragePool")
        if op == "AveragePool" and attributes.get("auto_pad") == "SAME_LOWER":
            attributes["auto_pad"] = "SAME_UPPER"
        if op == "AveragePool" and "pads" in attributes:
            attributes["count_include_pad"] = 1
        if op == "MaxPool" and "auto_pad" not in attributes and not self.integers and self.one_in(3):
            pads = attributes.setdefault("pads", [0] * (2 * len(out)))
            attributes["ceil_mode"] = 1
            n, k, s = self.shape[2:], attributes["kernel_shape"], attributes["strides"]
            out = [-(-(n[i] + pads[i] + pads[len(n) + i] - k[i]) // s[i]) + 1 for i in range(len(n))]
            out = [min(o, (n[i] + pads[i] - 1) // s[i] + 1) for i, o in enumerate(out)]
        self.node(op, self.x, shape=(*self.shape[:2], *out), **attributes)

    def global_pool(self):
        shape = (*self.shape[:2], *(1 for _ in self.shape[2:]))
        kind = self.below(0, 3)
        if kind < 2:
            self.node(["GlobalAveragePool", "GlobalMaxPool"][kind], self.x, shape=shape)
        else:
            axes, keep = list(range(2, len(self.shape))), self.below(0, 2)
            inputs, attributes = self.axes("ReduceMean", axes, 18, keepdims=keep)
            self.node("ReduceMean", *inputs, shape=shape if keep else shape[:2], **attributes)
        if len(self.shape) > 2:
            self.flatten()

    def normalise(self):
        n = self.shape[1]
        parameters = [self.rng.uniform(0.5, 1.5, n), self.rng.uniform(-1, 1, n), self.rng.uniform(-1, 1, n), self.rng.uniform(0.3, 2, n)]
        self.node("BatchNormalization", self.x, *(self.constant(p) for p in parameters), epsilon=self.pick(1e-5, 1e-3))

    def activation(self):
        op = self.pick("Relu", "Relu", "Sigmoid", "Tanh", "LeakyRelu", "PRelu", "Elu", "HardSigmoid", "HardSwish", "Gelu", "Clip", "Softmax", "Silu", "Max", "Identity", "Dropout", "Cast")
        if op == "HardSwish" and self.opset < 14 or self.integers and op in ("HardSwish", "Gelu", "HardSigmoid", "PRelu", "Elu", "Tanh", "Max", "Cast", "Dropout", "Identity"):
            op = "Relu"
        if op == "Silu":
            (gate,) = (x := self.x) and self.node("Sigmoid", self.x)
            self.node("Mul", x, gate)
        elif op == "Gelu" and (self.opset < 20 or self.one_in(4)):
            self.gelu()
        elif op == "Clip":
            least, greatest = self.pick((0, 6), (0, 1), (-1, 1), (0, None))
            bounds = [self.constant(np.float32(b)) for b in (least, greatest) if b is not None]
            self.node("Clip", self.x, *bounds)
        elif op == "Max":
            self.node("Max", self.x, self.constant(np.float32(0)))
        elif op == "PRelu":
            slopes = self.pick((1,), (self.shape[1], *(1 for _ in self.shape[2:])), self.shape[1:])
            self.node("PRelu", self.x, self.random(*slopes))
        elif op == "Softmax":
            self.node("Softmax", self.x, axis=self.pick(1, -1))
        elif op == "Cast":
            self.node("Cast", self.x, to=TensorProto.FLOAT)
        else:
            attributes = {"LeakyRelu": {"alpha": 0.2}, "Gelu": self.pick({}, {"approximate": "tanh"}), "HardSigmoid": self.pick({"alpha": 1 / 6}, {})}.get(op, {})
            self.node(op, self.x, **attributes)

    def gelu(self):
        """As a formula, in one of the orders that are written."""
        x, root, half = self.x, np.float32(np.sqrt(2)), self.constant(np.float32(0.5))
        inside = self.pick(("Div", root), ("Mul", 1 / root))
        self.node("Erf", *self.node(inside[0], x, self.constant(inside[1])))
        erf, one = self.x, self.constant(np.float32(1))
        (whole,) = self.node("Add", *self.pick((erf, one), (one, erf)))
        order = self.below(0, 3)
        if order == 0:
            self.node("Mul", *self.node("Mul", x, whole), half)
        elif order == 1:
            self.node("Mul", *self.node("Mul", half, x), whole)
        else:
            self.node("Mul", *self.node("Mul", whole, half), x)

    def pair(self):
        op = self.pick("Add", "Mul", *(() if self.integers else ("Sub", "Div")))
        channels = (1, self.shape[1], *(1 for _ in self.shape[2:]))
        shape = self.pick(channels, self.shape, (), channels[1:])
        values = self.rng.uniform(0.5, 1.5, shape)
        constant = self.constant(np.float32(values) if shape == () else values)
        inputs = [constant, self.x] if op != "Div" and self.one_in(2) else [self.x, constant]
        self.node(op, *inputs)

    def residual(self):
        """A convolution around which the value goes, gates of channels, or paths side by side."""
        start, shape = self.x, self.shape
        channels, rank = shape[1], len(shape) - 2
        kind = self.below(0, 3)
        if kind == 1:
            self.node("GlobalAveragePool", self.x, shape=(1, channels, *(1 for _ in range(rank))))
            self.node("Conv", self.x, self.random(channels, channels, *(1 for _ in range(rank))))
            self.node("Sigmoid", self.x)
            self.node("Mul", *self.pick((start, self.x), (self.x, start)), shape=shape)
            return
        outputs = channels if kind == 0 else self.below(1, 5)
        self.node("Conv", self.x, self.random(outputs, channels, *(3 for _ in range(rank)), scale=0.4), pads=[1] * (2 * rank), shape=(1, outputs, *shape[2:]))
        if self.one_in(2) and not self.integers:
            self.normalise()
        if kind == 0:
            self.node(self.pick("Add", "Add" if self.integers else "Sub"), *self.pick((start, self.x), (self.x, start)))
        else:
            axis = 1
            self.node("Concat", start, self.x, axis=self.pick(axis, axis - len(shape)), shape=(1, channels + outputs, *shape[2:]))

    def moves(self):
        shape, rank = self.shape, len(self.shape)
        kind = self.pick("Transpose", "Reshape", "Pad", "Slice", "Split", "Shuffle", "Unsqueeze", "Gather", "Resize")
        if kind == "Transpose":
            order = [0, *(1 + self.rng.permutation(rank - 1)).tolist()]
            self.node("Transpose", self.x, perm=order, shape=tuple(shape[i] for i in order))
        elif kind == "Reshape":
            n = int(np.prod(shape[1:]))
            inner = max(d for d in range(1, 7) if n % d == 0)
            self.node("Reshape", self.x, self.ints(0 if self.one_in(2) else 1, -1, inner), shape=(1, n // inner, inner))
        elif kind == "Pad":
            pads = [0] + [self.below(0, 3) for _ in shape[1:]] + [0] + [self.below(0, 3) for _ in shape[1:]]
            to = tuple(n + pads[i] + pads[rank + i] for i, n in enumerate(shape))
            self.node("Pad", self.x, self.ints(*pads), *self.pick((), (self.constant(np.float32(0.5)),)), shape=to)
        elif kind == "Slice":
            axis = self.below(1, rank)
            n = shape[axis]
            start, step = self.below(0, n), self.pick(1, 1, 2, -1)
            end = self.below(start + 1, n + 1) if step > 0 else -10**6
            length = len(range(n)[start : end if step > 0 else None : step])
            to = tuple(length if i == axis else n for i, n in enumerate(shape))
            self.node("Slice", self.x, self.ints(start), self.ints(end), self.ints(axis), self.ints(step), shape=to)
        elif kind == "Split" and shape[1] > 1:
            first = self.below(1, shape[1])
            a, b = self.node("Split", self.x, self.ints(first, shape[1] - first), outputs=2, axis=1)
            self.node("Concat", b, a, axis=1)
        elif kind == "Shuffle" and rank == 4 and shape[1] % 2 == 0:
            _, c, h, w = shape
            self.node("Reshape", self.x, self.ints(1, 2, c // 2, h, w))
            self.node("Transpose", self.x, perm=[0, 2, 1, 3, 4])
            self.node("Reshape", self.x, self.ints(1, c, h, w), shape=shape)
        elif kind == "Unsqueeze" and rank == 3:
            self.node("Unsqueeze", self.x, self.ints(3))
            self.node("Squeeze", self.x, self.ints(-1), shape=shape)
        elif kind == "Gather" and rank > 2:
            axis = self.below(2, rank)
            self.node("Gather", self.x, self.constant(np.int64(-1)), axis=axis, shape=shape[:axis] + shape[axis + 1 :])
        elif kind == "Resize" and rank == 4 and np.prod(shape) < 400:
            scales = self.constant(np.array([1, 1, 2, 3], np.float32))
            to = (*shape[:2], 2 * shape[2], 3 * shape[3])
            self.node("Resize", self.x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor", shape=to)

    def flatten(self):
        n = int(np.prod(self.shape[1:]))
        kind = self.below(0, 3)
        if kind == 0:
            self.node("Flatten", self.x, shape=(1, n))
        elif kind == 1:
            self.node("Reshape", self.x, self.ints(1, -1), shape=(1, n))
        else:
            # As PyTorch's exporters write `x.view(x.size(0), -1)`.
            start = self.x
            self.node("Shape", start)
            self.node("Gather", self.x, self.constant(np.int64(0)), axis=0)
            self.node("Unsqueeze", self.x, self.ints(0))
            self.node("Concat", self.x, self.ints(-1), axis=0)
            self.node("Reshape", start, self.x, shape=(1, n))

    def dense(self):
        *others, n = self.shape
        outputs = self.below(1, 12)
        scale = (3 / n) ** 0.5
        if len(self.shape) == 2 and not self.one_in(3):
            by_row = self.below(0, 2)
            inputs = [self.x, self.random(*((outputs, n) if by_row else (n, outputs)), scale=scale)]
            if not self.one_in(3):
                inputs.append(self.random(*self.pick((outputs,), (1, outputs))))
            attributes = self.pick({}, {} if self.integers else {"alpha": 0.5, "beta": 2.0})
            self.node("Gemm", *inputs, transB=by_row, shape=(1, outputs), **attributes)
        else:
            self.node("MatMul", self.x, self.random(n, outputs, scale=scale), shape=(*others, outputs))
            if not self.one_in(3):
                self.node("Add", *self.pick((self.x, bias := self.random(outputs)), (bias, self.x)))

    def recurrent(self):
        """With the steps first, as ONNX has them."""
        op, gates, more = self.pick(("LSTM", 4, {}), ("GRU", 3, {"linear_before_reset": 1}))
        _, steps, n = self.shape
        units = self.below(1, 6)
        self.node("Transpose", self.x, perm=[1, 0, 2])
        weights = [self.random(1, gates * units, k) for k in (n, units)] + [self.random(1, 2 * gates * units)]
        zero = self.constant(np.zeros((1, 1, units), np.float32))
        state = self.pick([], ["", zero, zero] if op == "LSTM" else ["", zero])
        whole, last = self.node(op, self.x, *weights, *state, outputs=2, hidden_size=units, **more)
        if self.one_in(2):
            self.x = last
            self.node("Squeeze", self.x, self.ints(0), shape=(1, units))
        else:
            self.x = whole
            self.node("Squeeze", self.x, self.ints(1))
            self.node("Transpose", self.x, perm=[1, 0, 2], shape=(1, steps, units))

    def build(self, most=7):
        for _ in range(self.below(1, most)):
            rank, small = len(self.shape), np.prod(self.shape) < 3000
            choices = [self.activation, self.pair]
            if rank > 1 and small:
                choices += [self.dense] if self.integers else [self.normalise, self.dense]
            if rank in (3, 4) and small:
                choices += [self.conv] * 3 + [self.conv_transpose] + [self.pool] * 2 + [self.residual] * 2 + [self.moves] * 2
            if rank == 3 and small and not self.integers:
                choices += [self.recurrent] * 2
            self.pick(*choices)()
        if len(self.shape) > 2 and self.one_in(2):
            self.pick(self.flatten, self.global_pool)()
            self.dense()
        elif self.integers:
            # Of moves alone, no integers are made.
            self.dense()
        return self.file()

    def file(self):
        self.node("Identity", self.x)
        output = helper.make_tensor_value_info(self.x, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "random", [self.input], [output], [c for c in self.constants if c is not None])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8).SerializeToString()


class Examples(quantization.CalibrationDataReader):
    """What ranges are measured on."""

    def __init__(self, x):
        self.rest = list(x)

    def get_next(self):
        return {"input": self.rest.pop()} if self.rest else None


def quantised(file, x, rng):
    """A model of floats in integers, QDQ form."""
    kind = rng.choice([quantization.QuantType.QInt8, quantization.QuantType.QUInt8])
    options = {"quant_format": quantization.QuantFormat.QDQ, "activation_type": kind, "weight_type": quantization.QuantType.QInt8}
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "integers.onnx"
        before.write_bytes(file)
        try:
            quantization.quantize_static(before, after, Examples(x), per_channel=bool(rng.integers(0, 2)), **options)
        except ValueError:
            # onnxruntime 1.32 cannot adjust the scales of a Gemm's outputs to its biases.
            quantization.quantize_static(before, after, Examples(x), **options)
        return after.read_bytes()


def write(path, file, x):
    """A model, examples, and what onnxruntime makes of them, operator by operator as the model says."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    y = [session.run(None, {"input": example})[0] for example in x]
    path.with_suffix(".onnx").write_bytes(file)
    x.tofile(path.with_suffix(".x"))
    np.concatenate([y.ravel() for y in y]).tofile(path.with_suffix(".y"))


def main():
    folder = Path(sys.argv[1])
    for part, count, examples in (("f32", MODELS, EXAMPLES), ("i8", INTEGERS, CALIBRATED)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for seed in range(count):
            model = Model(seed, part == "i8")
            shape = model.shape
            file = model.build(7 if part == "f32" else 4)
            x = model.rng.uniform(-2, 2, (examples, *shape)).astype(np.float32)
            if part == "i8":
                file = quantised(file, x, model.rng)
            write(folder / part / str(seed), file, x)
    # onnxruntime leaves recurrent layers in floats.
    (folder / "refused").mkdir(exist_ok=True)
    signals = (model for model in (Model(seed, False) for seed in range(MODELS)) if len(model.shape) == 3)
    for seed, model in zip(range(REFUSED), signals):
        shape = model.shape
        model.recurrent()
        model.dense()
        x = model.rng.uniform(-2, 2, (CALIBRATED, *shape)).astype(np.float32)
        (folder / "refused" / f"{seed}.onnx").write_bytes(quantised(model.file(), x, model.rng))
        (folder / "refused" / f"{seed}.txt").write_text("would be computed in floats in a model of integers")
    print(f"{MODELS} random ONNX models, {INTEGERS} in integers, onnxruntime {onnxruntime.__version__}")


main()
