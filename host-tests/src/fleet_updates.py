"""What a fleet's server takes and refuses, and what differences in int8 lose."""

import sys

import numpy as np

sys.path.insert(0, "examples/fleet")
from fleet.updates import compressed, suspicious, update_in

rng = np.random.default_rng(1)
weights = rng.normal(size=650).astype(np.float32)

# Of many rounds together, error feedback loses no more than half a step of the last one's scale; without it, losses add up.
updates = [rng.normal(scale=0.01, size=650).astype(np.float32) for _ in range(30)]
given, lost, alone = np.zeros(650), np.zeros(650, np.float32), np.zeros(650)
for update in updates:
    arrays, lost = compressed(update, lost)
    assert arrays[0].dtype == np.int8 and sum(array.nbytes for array in arrays) == 654
    given += update_in(arrays, weights)
    alone += update_in(compressed(update, 0)[0], weights)
whole = np.sum(updates, axis=0, dtype=np.float64)
with_feedback, without = np.abs(given - whole).max(), np.abs(alone - whole).max()
assert with_feedback <= 0.51 * arrays[1][0] < without, (with_feedback, without)
assert not update_in(compressed(np.zeros(650, np.float32), 0)[0], weights).any()

assert (update_in([weights + 1], weights) == (weights + 1) - weights).all()
poisoned = weights.copy()
for bad in (np.nan, np.inf, -np.inf):
    poisoned[7] = bad
    for arrays in ([poisoned], [np.ones(650, np.int8), np.float32([bad])], [weights[:-1]], [weights[:1]], [np.ones(3, np.int8), np.float32([1])], []):
        try:
            update_in(arrays, weights)
            raise AssertionError(arrays)
        except ValueError:
            pass

measures = [{"norm": norm, "samples": count} for norm, count in [(1, 40), (1.5, 40), (0, 1), (6, 40), (2, 4000), (1, np.nan), (1, -40), (1, 40)]]
reasons = list(suspicious(measures, 4))
assert [bool(reason) for reason in reasons] == [False] * 3 + [True] * 4 + [False], reasons
assert reasons[3].startswith("norm 6,") and reasons[4].startswith("samples 4e+03,"), reasons
assert list(suspicious([], 4)) == []
print("int8 is off by", f"{with_feedback:.1e} after 30 rounds, {without:.1e} without error feedback")
