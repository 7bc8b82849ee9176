"""Writes watch.csv: 140 recordings of a smartwatch at 12.5 Hz.

    python3 examples/signal/watch.py target/data/watch    (needs pip and numpy)

Burns et al. 2018, "Shoulder physiotherapy exercise recognition: machine learning the inertial signals from a smartwatch"
(Physiological Measurement 39): ten people, both arms, seven exercises of 20 repetitions; acceleration in g and angular rate in rad/s
at 50 Hz. The recordings come with the package seglearn (BSD licence), in a pickle of numpy's arrays. Here four neighbouring samples
are replaced by their mean, and the left arm is mirrored to a right one: along the watch's x axis the acceleration changes its sign, and
about the two other axes the angular rate.
"""
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", folder, "seglearn==1.2.5"]
subprocess.run(pip, check=True)
wheel = next(folder.glob("seglearn-1.2.5-*.whl"))
with zipfile.ZipFile(wheel) as archive:
    data = np.load(io.BytesIO(archive.read("seglearn/data/watch_dataset.npy")), allow_pickle=True).item()
wheel.unlink()
part = folder / "watch.csv.part"
with part.open("w", newline="\n") as file:
    file.write("recording,subject,exercise,ax,ay,az,wx,wy,wz\n")
    for recording, (samples, subject, exercise, right) in enumerate(zip(data["X"], data["subject"], data["y"], data["side"])):
        samples = samples[: len(samples) // 4 * 4].reshape(-1, 4, 6).mean(1)
        if not right:
            samples *= (-1, 1, 1, 1, -1, -1)
        for sample in samples:
            file.write(f"{recording},{subject},{exercise}," + ",".join(f"{v:.5f}" for v in sample) + "\n")
part.rename(folder / "watch.csv")
