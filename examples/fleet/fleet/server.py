"""The server's side: Flower's strategies, behind a look at what comes from devices."""

import json
import time
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, MetricRecord
from flwr.serverapp import ServerApp, strategy as strategies
from flwr.serverapp.strategy import Strategy

from fleet import samples
from fleet.board import Board
from fleet.updates import suspicious, update_in

app = ServerApp()


class Careful(Strategy):
    """Any other strategy, which sees only what is whole, finite and not suspiciously large. Differences in int8 become weights."""

    def __init__(self, strategy, times):
        self.strategy, self.times, self.rounds, self.names = strategy, times, [], {}

    def configure_train(self, server_round, arrays, config, grid):
        # FedAdam gives float64, which would take twice the bytes.
        self.weights = np.float32(arrays.to_numpy_ndarrays()[0])
        messages = list(self.strategy.configure_train(server_round, ArrayRecord([self.weights]), config, grid))
        self.asked = {message.metadata.dst_node_id for message in messages}
        self.names = {node: f"node {node}" for node in self.asked} | self.names
        return messages

    def aggregate_train(self, server_round, replies):
        start = time.perf_counter()
        out, good, measures, costs = [], [], [], []
        for reply in replies:
            node = reply.metadata.src_node_id
            self.asked.discard(node)
            if reply.has_error():
                out.append(reply.error.reason)
                continue
            try:
                cost = dict(reply.content["metrics"])
                costs.append(cost)
                self.names[node] = f"device {cost['device']}"
                update = update_in(reply.content["arrays"].to_numpy_ndarrays(), self.weights)
                measures.append({"update of norm": np.linalg.norm(update), "number of samples": float(cost["num-examples"])})
            except (KeyError, TypeError, ValueError) as error:
                out.append(f"{self.names[node]}: {error}")
                continue
            reply.content["arrays"] = ArrayRecord([self.weights + update])
            good.append(reply)
        reasons = list(suspicious(measures, self.times))
        out += [f"{self.names[reply.metadata.src_node_id]}: {reason}" for reply, reason in zip(good, reasons) if reason]
        out += [f"{self.names[node]}: no answer in the time of a round" for node in self.asked]
        good = [reply for reply, reason in zip(good, reasons) if not reason]
        for reason in out:
            print(f"round {server_round} goes on without {reason}", flush=True)
        together = self.strategy.aggregate_train(server_round, good) if good else (None, None)
        self.rounds.append({"out": out, "in": len(good), "costs": costs, "seconds": time.perf_counter() - start})
        return together

    def configure_evaluate(self, *_):
        return []

    def aggregate_evaluate(self, *_):
        return None

    def summary(self):
        self.strategy.summary()


@app.main()
def main(grid, context):
    run = context.run_config
    devices, last = run["devices"], run["last"]
    of_test = samples.of_all(run["data"], devices, 1000)
    strategy = getattr(strategies, run["strategy"])(
        fraction_train=run["fraction"], fraction_evaluate=0.0, **json.loads(run["options"])
    )
    if run["clip"]:
        sampled = max(1, int(devices * run["fraction"]))
        strategy = strategies.DifferentialPrivacyServerSideFixedClipping(strategy, run["noise"], run["clip"], sampled)
    careful = Careful(strategy, run["suspicious"])
    result = {"run": dict(run), "global": [], "classes": [], "rounds": careful.rounds, "alone": []}
    with Board(run["nerve"], run["twin"], run["timeout"]) as twin:
        factory = twin.weights()
        below, start = (factory[:-last], factory[-last:]) if last else (factory[:0], factory)

        def evaluate(server_round, arrays):
            recognised = twin.recognised(np.concatenate([below, *arrays.to_numpy_ndarrays()]), of_test)
            result["global"].append(recognised.mean())
            result["classes"].append([recognised[of_test[:, -1] == digit].mean() for digit in range(10)])
            print(f"round {server_round}: {100 * recognised.mean():.1f} % of held-out images", flush=True)
            return MetricRecord({"accuracy": float(recognised.mean())})

        careful.start(grid, ArrayRecord([start]), run["rounds"], run["round-seconds"], ConfigRecord(), evaluate_fn=evaluate)
        if run["alone"]:
            # As many steps as in all rounds.
            rows, epochs = [samples.of_device(run["data"], i, run["samples"]) for i in range(devices)], run["epochs"] * run["rounds"]
            *result["alone"], result["pooled"] = [
                twin.recognised(twin.learn(factory, own, epochs, 1), of_test).mean() for own in [*rows, np.concatenate(rows)]
            ]
    Path(run["out"]).parent.mkdir(parents=True, exist_ok=True)
    Path(run["out"]).write_text(json.dumps(result))
