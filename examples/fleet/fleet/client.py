"""A device's side of a round: take the weights, learn from its own samples, give back weights and their number."""

import re
import time

import numpy as np
from flwr.app import ArrayRecord, Error, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from fleet import samples
from fleet.board import Board, Unanswered
from fleet.updates import compressed

app = ClientApp()


def fault(run, device, round):
    """What is wrong with this device in this round, for trying out what a server makes of it."""
    for who, what, since in re.findall(r"(\d+):(\w+)@(\d+)", run["faults"]):
        if int(who) == device and round >= int(since):
            return what


@app.train()
def train(message, context):
    run, device, config = context.run_config, int(context.node_config["partition-id"]), message.content["config"]
    [given] = message.content["arrays"].to_numpy_ndarrays()
    port = str(context.node_config.get("port", run["port"])).format(device)
    wrong, timeout = fault(run, device, config["server-round"]), run["timeout"]
    # Nobody there; a line that gives back what was sent; no time; a program that hangs.
    port = {"silent": "unix:/nobody", "damaged": "exec:cat"}.get(wrong, port)
    timeout = 0.001 if wrong == "late" else timeout
    time.sleep(run["round-seconds"] if wrong == "hung" else 0)
    rows = samples.of_device(run["data"], device, run["samples"])
    try:
        with Board(run["nerve"], port, timeout) as board:
            below = board.weights()[: -len(given)] if run["last"] else given[:0]
            weights, mu = np.concatenate([below, given]), config.get("proximal-mu", 0.0)
            learned = board.learn(weights, rows, run["epochs"], config["server-round"], mu)[len(below) :]
    except (OSError, Unanswered) as error:
        return Message(Error(code=1, reason=f"device {device}: {error}"), reply_to=message)
    if wrong == "nan":
        learned[0] = np.nan
    if wrong == "poison":
        learned = given - 50 * (learned - given)
    arrays = [learned]
    if run["int8"]:
        lost = context.state["lost"].to_numpy_ndarrays()[0] if "lost" in context.state else 0
        arrays, lost = compressed(learned - given, lost)
        context.state["lost"] = ArrayRecord([lost])
    network = {"down": given.nbytes, "up": sum(array.nbytes for array in arrays)}
    metrics = MetricRecord({"num-examples": len(rows), "device": device, **network, **board.cost})
    return Message(RecordDict({"arrays": ArrayRecord(arrays), "metrics": metrics}), reply_to=message)
