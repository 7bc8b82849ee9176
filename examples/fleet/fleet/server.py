"""The server's side: Flower's strategies, behind a look at what comes from devices."""

import json
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, MetricRecord
from flwr.serverapp import ServerApp, strategy as strategies
from flwr.serverapp.strategy import Strategy

from fleet import samples
from fleet.board import Board

app = ServerApp()


class Careful(Strategy):
    """Any other strategy, to which only what is finite and not suspiciously far away is shown. Differences in int8 become weights."""

    def __init__(self, strategy, suspicious):
        self.strategy, self.suspicious, self.rounds = strategy, suspicious, []

    def configure_train(self, server_round, arrays, config, grid):
        [self.weights] = arrays.to_numpy_ndarrays()
        return self.strategy.configure_train(server_round, arrays, config, grid)

    def aggregate_train(self, server_round, replies):
        out, good, costs = [], [], []
        for reply in replies:
            if reply.has_error():
                out.append(reply.error.reason)
                continue
            costs.append(dict(reply.content["metrics"]))
            first, *scale = reply.content["arrays"].to_numpy_ndarrays()
            update = first * scale[0] if scale else first - self.weights
            if not np.isfinite(update).all():
                out.append(f"device {costs[-1]['device']}: a weight is infinite or NaN")
                continue
            reply.content["arrays"] = ArrayRecord([self.weights + update])
            good.append((reply, costs[-1]["device"], float(np.linalg.norm(update))))
        most = self.suspicious * np.median([norm for *_, norm in good]) if good else 0
        for _, device, norm in good:
            if norm > most:
                out.append(f"device {device}: an update of norm {norm:.3g}, where {most:.3g} is the most")
        good = [reply for reply, _, norm in good if norm <= most]
        self.rounds.append({"out": out, "in": len(good), "costs": costs})
        for reason in out:
            print(f"round {server_round} goes on without {reason}", flush=True)
        return self.strategy.aggregate_train(server_round, good) if good else (None, None)

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
    strategy = getattr(strategies, run["strategy"])(fraction_train=run["fraction"], fraction_evaluate=0.0)
    if run["clip"]:
        sampled = max(1, int(devices * run["fraction"]))
        strategy = strategies.DifferentialPrivacyServerSideFixedClipping(strategy, run["noise"], run["clip"], sampled)
    careful = Careful(strategy, run["suspicious"])
    result = {"run": dict(run), "global": [], "rounds": careful.rounds, "alone": []}
    with Board(run["nerve"], run["twin"], run["timeout"]) as twin:
        factory = twin.weights()
        below, start = (factory[:-last], factory[-last:]) if last else (factory[:0], factory)

        def evaluate(server_round, arrays):
            weights = np.concatenate([below, *arrays.to_numpy_ndarrays()])
            result["global"].append(twin.accuracy(weights, of_test))
            result["weights"] = weights.tolist()
            print(f"round {server_round}: {100 * result['global'][-1]:.1f} % of held-out images", flush=True)
            return MetricRecord({"accuracy": result["global"][-1]})

        careful.start(
            grid, ArrayRecord([start]), run["rounds"], run["round-seconds"], ConfigRecord(), evaluate_fn=evaluate
        )
        if run["alone"]:
            # As many steps as in all rounds.
            rows, epochs = [samples.of_device(run["data"], i, run["samples"]) for i in range(devices)], run["epochs"] * run["rounds"]
            for own in rows:
                result["alone"].append(twin.accuracy(twin.learn(factory, own, epochs, 1), of_test))
            result["pooled"] = twin.accuracy(twin.learn(factory, np.concatenate(rows), epochs, 1), of_test)
    Path(run["out"]).parent.mkdir(parents=True, exist_ok=True)
    Path(run["out"]).write_text(json.dumps(result))
