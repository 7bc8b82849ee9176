"""Writes speech.wav and what librosa makes of it, *.f32: log-mel frames, one after another.

python3 host-tests/tests/frontend/frames.py   (needs librosa, and the program espeak-ng; the values in the repository are of librosa 0.11, espeak-ng 1.51)
"""
import subprocess
import wave
from pathlib import Path

import numpy as np
from librosa import resample
from librosa.feature import melspectrogram

FOLDER, RATE = Path(__file__).parent, 16_000

# 0.9 s of a synthetic voice, in a noise of 1/1000 so that no band is silent but where it says so.
spoken = subprocess.run(["espeak-ng", "-v", "en", "--stdout", "okay, nerve"], check=True, capture_output=True).stdout
samples = np.frombuffer(spoken[44:], np.int16) / 32768
speech = resample(samples.astype(np.float64), orig_sr=22_050, target_sr=RATE)[: RATE * 9 // 10]
speech = speech + 0.001 * np.random.default_rng(1).standard_normal(len(speech))
speech[:1000] = 0
speech = np.clip(np.round(speech * 32768), -32768, 32767).astype("<i2")
with wave.open(str(FOLDER / "speech.wav"), "wb") as file:
    file.setparams((1, 2, RATE, len(speech), "NONE", ""))
    file.writeframes(speech.tobytes())

for name, window, step, fft, bands, lowest, highest, htk in (
    ("htk", 400, 160, 512, 40, 20, 8_000, True),
    ("slaney", 512, 320, 512, 32, 0, 7_600, False),
    ("long", 1_000, 500, 1_024, 64, 60, 4_000, True),
):
    # librosa puts a short window into the middle of the transform.
    padded = np.pad(speech / 32768, (fft - window) // 2)
    energies = melspectrogram(
        y=padded, sr=RATE, n_fft=fft, win_length=window, hop_length=step, center=False, power=2.0, n_mels=bands,
        fmin=lowest, fmax=highest, htk=htk, norm=None if htk else "slaney", dtype=np.float64)
    frames = np.log(np.maximum(energies, 1e-10)).T
    (FOLDER / f"{name}.f32").write_bytes(frames.astype("<f4").tobytes())
