"""python3 litert_time.py MODEL: the microseconds that an inference takes in LiteRT's reference kernels, on one thread."""
import sys
import time

from ai_edge_litert.interpreter import Interpreter, OpResolverType

interpreter = Interpreter(
    sys.argv[1], experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1
)
interpreter.allocate_tensors()
# Seconds beside which looking at the clock is nothing: as many runs are measured together.
CLOCK = 2e-5
least, count, end = float("inf"), 1, time.perf_counter() + 1
while time.perf_counter() < end:
    start = time.perf_counter()
    for _ in range(count):
        interpreter.invoke()
    # Slower ones were interrupted.
    least = min(least, (time.perf_counter() - start) / count)
    count = min(max(int(CLOCK / least), 1), 1000)
print(f"{1e6 * least:.3f}")
