"""python3 litert_time.py MODEL: the microseconds that an inference takes in LiteRT's reference kernels, on one thread."""
import sys
import time

from ai_edge_litert.interpreter import Interpreter, OpResolverType

interpreter = Interpreter(
    sys.argv[1], experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1
)
interpreter.allocate_tensors()
least, end = float("inf"), time.perf_counter() + 1
while time.perf_counter() < end:
    start = time.perf_counter()
    interpreter.invoke()
    # Slower ones were interrupted.
    least = min(least, time.perf_counter() - start)
print(f"{1e6 * least:.3f}")
