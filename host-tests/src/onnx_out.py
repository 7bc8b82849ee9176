"""python3 onnx_out.py FOLDER TOLERANCE: runs every network NAME.onnx in it with onnxruntime on the inputs NAME.x, and compares the outputs with NAME.y."""
import sys
from pathlib import Path

import numpy as np
import onnxruntime

tolerance = float(sys.argv[2])  # of the largest output, or of 1 if that is larger
worst, networks = 0.0, sorted(Path(sys.argv[1]).rglob("*.onnx"))
for path in networks:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x, y = (np.fromfile(path.with_suffix(suffix), np.float32) for suffix in (".x", ".y"))
    (source,) = session.get_inputs()
    (found,) = session.run(None, {source.name: x.reshape([-1, *source.shape[1:]])})
    if list(found.shape[1:]) != session.get_outputs()[0].shape[1:]:
        sys.exit(f"{path.stem}: output of shape {found.shape}, declared as {session.get_outputs()[0].shape}")
    deviation = float(np.abs(found.ravel() - y).max() / max(1.0, np.abs(y).max()))
    if "-v" in sys.argv:
        print(f"{path.stem}: {deviation:.1e}")
    if not deviation < tolerance:
        sys.exit(f"{path.stem}: differs by {deviation:.1e}, allowed are {tolerance:.0e}")
    worst = max(worst, deviation)
print(f"{len(networks)} networks, onnxruntime {onnxruntime.__version__}: outputs differ by {worst:.1e} at most")
