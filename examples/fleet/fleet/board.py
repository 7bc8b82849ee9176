"""A device, by way of `nerve device --json`."""

import json
import subprocess

import numpy as np


class Unanswered(Exception):
    """Why a device did not do what it was asked for."""


class Board:
    def __init__(self, nerve, port, timeout):
        command = [nerve, "device", "--json", "--port", port, "--timeout", str(timeout)]
        self.program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.cost = {"sent": 0, "received": 0, "seconds": 0.0}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.stdin.close()
        self.program.stdout.close()
        self.program.wait()

    def ask(self, request):
        self.program.stdin.write(json.dumps(request) + "\n")
        self.program.stdin.flush()
        line = self.program.stdout.readline()
        if not line:
            raise Unanswered("the program that talks to the device has ended")
        answer = json.loads(line)
        for name in self.cost:
            self.cost[name] += answer[name]
        if "error" in answer:
            raise Unanswered(answer["error"])
        return answer

    def weights(self):
        return np.float32(self.ask("download")["weights"])

    def learn(self, weights, rows, epochs, seed, mu=0.0):
        """What the device makes of these weights with these samples, held to them by FedProx's mu. Every device gives the same bits."""
        self.ask({"upload": weights.tolist()})
        self.ask({"proximal": mu})
        self.ask({"train": {"samples": rows.tolist(), "epochs": epochs, "seed": seed}})
        return self.weights()

    def recognised(self, weights, rows):
        """Which of these images the device recognises with these weights."""
        self.ask({"upload": weights.tolist()})
        return self.ask({"infer": rows[:, :-1].tolist()})["classes"] == rows[:, -1]
