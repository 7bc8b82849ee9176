"""Prints what runs of the fleet came to and draws it: `python report.py target/fleet`. `--growth FILE.svg` draws the README's picture."""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["svg.fonttype"] = "none"
import matplotlib.pyplot as plt
import numpy as np

NAMES = {"emulated": "emulated", "faults": "two drop out, one poisoned", "thousand": "1,000 simulated"}


def percent(value):
    return f"{100 * value:.1f} %"


def costs(run):
    """Means over the answers of devices: bytes over the network each way, over the serial line, and seconds."""
    answers = [answer for round in run["rounds"] for answer in round["costs"]]
    return {name: float(np.mean([answer[name] for answer in answers])) for name in ("down", "up", "sent", "received", "seconds")}


def table(runs):
    first = next(iter(runs.values()))
    print("| | accuracy on held-out images of all devices |\n|---|---|")
    print(f"| the network of the firmware | {percent(first['global'][0])} |")
    for run in runs.values():
        for device, accuracy in enumerate(run["alone"]):
            print(f"| device {device} alone | {percent(accuracy)} |")
    for name, run in runs.items():
        print(f"| {NAMES.get(name, name)}: all rounds | {', '.join(f'{100 * a:.1f}' for a in run['global'][1:])} % |")
        if "pooled" in run:
            print(f"| all samples pooled | {percent(run['pooled'])} |")
    print("\n| a device's round | network, down | up | serial line, to the device | from it | seconds |\n|---|---|---|---|---|---|")
    for name, run in runs.items():
        cost = costs(run)
        numbers = " | ".join(f"{cost[way]:,.0f} B" for way in ("down", "up", "sent", "received"))
        print(f"| {NAMES.get(name, name)} | {numbers} | {cost['seconds']:.1f} |")
    for name, run in runs.items():
        for number, round in enumerate(run["rounds"], 1):
            for reason in round["out"]:
                print(f"{NAMES.get(name, name)}, round {number}, without {reason}")


def picture(runs, path):
    figure, axes = plt.subplots(figsize=(8, 5))
    for name, run in runs.items():
        axes.plot(100 * np.array(run["global"]), marker="o", label=f"together: {NAMES.get(name, name)}")
        if run["alone"]:
            last = len(run["global"]) - 1
            axes.plot([last] * len(run["alone"]), 100 * np.array(run["alone"]), "k_", markersize=12, label="each device alone")
            axes.axhline(100 * run["pooled"], color="grey", linestyle="--", label="all samples pooled")
    axes.set(xlabel="round", ylabel="accuracy on held-out images, %")
    axes.legend(loc="lower left")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    print(f"\n{path}")


def growth(path, weights=650):
    """What a round takes on a server as the fleet grows, in floats and in int8: bytes are those measured, times the devices."""
    devices = np.logspace(1, 6, 50)
    figure, axes = plt.subplots(figsize=(8, 4.5))
    for label, up in (("in floats", 4 * weights), ("differences in int8", weights + 4)):
        axes.loglog(devices, devices * (4 * weights + up), label=f"bytes over the network, up {label}")
    axes.loglog(devices, devices * 4 * weights, "--", label="bytes in memory, all answers kept as Flower's strategies do")
    axes.loglog(devices, np.full_like(devices, 2 * 4 * weights), ":", label="bytes in memory, if a sum were kept instead")
    axes.set(xlabel="devices in a round", ylabel="bytes")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path)


if __name__ == "__main__":
    if sys.argv[1] == "--growth":
        growth(sys.argv[2])
    else:
        folder = Path(sys.argv[1])
        found = {name: json.loads((folder / f"{name}.json").read_text()) for name in NAMES if (folder / f"{name}.json").exists()}
        table(found)
        picture(found, folder / "fleet.png")
