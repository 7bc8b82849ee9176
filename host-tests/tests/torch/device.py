"""Trains a model on the flowers of a drifted sensor, for the learner on an emulated board: device.safetensors and what it answers, device.rs.

python3 host-tests/tests/torch/device.py   (needs torch and safetensors; the values in the repository are of torch 2.15)
"""
import re
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

FOLDER = Path(__file__).parent
DATA = FOLDER.parents[2] / "firmware/data"
torch.manual_seed(1)


def flowers(text):
    """Inputs as the drifted sensor shows them, and classes."""
    rows = re.findall(r"\(\[([^]]*)\], (\d)", text)
    x = torch.tensor([[float(v) for v in x.split(",")] for x, _ in rows])
    return 0.75 * x + 1.5, torch.tensor([int(y) for _, y in rows])


held_out, labelled = map(flowers, (DATA / "flowers.rs").read_text().split("LABELLED"))
# The device's inputs are standardised by its first layer, whose figures lie behind the file's header.
mean, inverse_deviation = torch.tensor(np.frombuffer((DATA / "iris.nrv").read_bytes(), "<f4", 8, 18)).view(2, 4)


def standardise(x):
    return (x - mean) * inverse_deviation


model = nn.Sequential(nn.Linear(4, 10), nn.Sigmoid(), nn.Linear(10, 3))
optimizer = torch.optim.Adam(model.parameters(), 0.03)
for _ in range(80):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(standardise(labelled[0])), labelled[1]).backward()
    optimizer.step()

save_file(model.state_dict(), FOLDER / "device.safetensors")
with torch.no_grad():
    logits = model(standardise(held_out[0]))
print(f"accuracy {(logits.argmax(1) == held_out[1]).float().mean():.3f}, largest logit {logits.abs().max():.1f}")
rows = "".join(f"    {list(map(float, map(str, row.numpy())))},\n" for row in logits)
(FOLDER / "device.rs").write_text(
    f"// Written by device.py.\n/// The logits of the held-out flowers.\npub const LOGITS: [[f32; 3]; {len(logits)}] = [\n{rows}];\n"
)
