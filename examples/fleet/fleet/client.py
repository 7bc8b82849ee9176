"""A device's side of a round: take the weights, learn from its own samples, give back weights and their number."""

import time

import numpy as np
from flwr.app import ArrayRecord, Error, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from fleet import samples
from fleet.board import Board, Unanswered

app = ClientApp()


def fault(run, device, round):
    """What is wrong with this device in this round, for trying out what a server makes of it."""
    for entry in filter(None, run["faults"].split(",")):
        who, rest = entry.split(":")
        what, since = rest.split("@")
        if int(who) == device and round >= int(since):
            return what
    return None


def compressed(update, state):
    """The update in int8 and its scale; what is lost is added to the next one (error feedback, Seide et al. 2014)."""
    if "lost" in state:
        update = update + state["lost"].to_numpy_ndarrays()[0]
    scale = np.float32(np.abs(update).max() / 127 or 1)
    integers = np.rint(update / scale).astype(np.int8)
    state["lost"] = ArrayRecord([update - integers * scale])
    return [integers, np.array([scale])]


@app.train()
def train(message, context):
    run, device = context.run_config, int(context.node_config["partition-id"])
    config = message.content["config"]
    [given] = message.content["arrays"].to_numpy_ndarrays()
    port = str(context.node_config.get("port", run["port"])).format(device)
    wrong, timeout = fault(run, device, config["server-round"]), run["timeout"]
    if wrong in ("silent", "damaged"):
        # Nobody there; a line that gives back what was sent.
        port = {"silent": "unix:/nobody", "damaged": "exec:cat"}[wrong]
    if wrong == "late":
        timeout = 0.001
    rows, start = samples.of_device(run["data"], device, run["samples"]), time.time()
    try:
        with Board(run["nerve"], port, timeout) as board:
            below = board.weights()[: -len(given)] if run["last"] else given[:0]
            learned = board.learn(np.concatenate([below, given]), rows, run["epochs"], config["server-round"])
            cost = board.cost
    except (OSError, Unanswered) as error:
        return Message(Error(code=1, reason=f"device {device}: {error}"), reply_to=message)
    learned = learned[len(below) :]
    if wrong == "nan":
        learned[0] = np.nan
    if wrong == "poison":
        learned = given - 50 * (learned - given)
    arrays = compressed(learned - given, context.state) if run["int8"] else [learned]
    network = {"down": given.nbytes, "up": sum(array.nbytes for array in arrays)}
    metrics = {"num-examples": len(rows), "device": device, "wall": time.time() - start, **network, **cost}
    content = RecordDict({"arrays": ArrayRecord(arrays), "metrics": MetricRecord(metrics)})
    return Message(content, reply_to=message)
