"""python3 litert.py FOLDER: runs every model NAME.tflite in it with LiteRT's reference kernels on the inputs NAME.x, and writes NAME.y.

Inputs and outputs are little endian, one example after another; the tensors of an example lie in the model's order."""
import sys
from pathlib import Path

import ai_edge_litert
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

models, refused = sorted(Path(sys.argv[1]).rglob("*.tflite")), []
for path in models:
    try:
        # What the reference kernels lack, others have.
        others = path.parent.name == "no-reference"
        kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if others else OpResolverType.BUILTIN_REF
        interpreter = Interpreter(str(path), experimental_op_resolver_type=kernels)
        interpreter.allocate_tensors()
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        example = np.dtype([(str(i), x["dtype"], tuple(x["shape"])) for i, x in enumerate(inputs)])
        found = b""
        for values in np.fromfile(path.with_suffix(".x"), example):
            interpreter.reset_all_variables()
            for i, x in enumerate(inputs):
                interpreter.set_tensor(x["index"], values[str(i)])
            interpreter.invoke()
            found += b"".join(interpreter.get_tensor(y["index"]).tobytes() for y in outputs)
        path.with_suffix(".y").write_bytes(found)
    except (RuntimeError, ValueError) as error:
        refused.append(f"{path}: {error}")
if refused:
    sys.exit("\n".join(refused))
print(f"{len(models)} models, ai-edge-litert {ai_edge_litert.__version__}")
