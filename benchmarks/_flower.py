"""Flower's part of `round.py`, run as a process in Flower's environment: `_flower.py DESCRIPTOR NUM_UES`.

It reads the file of a `Job` from the connection that is open under DESCRIPTOR, runs a round of it, and answers with the
aggregated gradient, until the other end closes. Each core has an actor, which keeps the models that it loaded.
"""

from __future__ import annotations

import functools
import logging
import pickle
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from _client import client
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

client_app = ClientApp()
server_app = ServerApp()


@client_app.train()
def train(message: Message, context: Context) -> Message:
    ue = client(message.content["config"]["job"])
    k = context.node_config["partition-id"]
    gradient = ue.gradient(k, message.content["arrays"].to_numpy_ndarrays())
    metrics = MetricRecord({"num-examples": len(ue.job.labels[k])})
    return Message(RecordDict({"arrays": ArrayRecord(gradient), "metrics": metrics}), reply_to=message)


@server_app.main()
def serve(grid: Grid, context: Context) -> None:
    connection, num_ues = Connection(int(sys.argv[1])), int(sys.argv[2])
    strategy = FedAvg(fraction_evaluate=0.0, min_train_nodes=num_ues, min_available_nodes=num_ues)
    while True:
        try:
            path = connection.recv()
        except EOFError:
            return
        start = ArrayRecord(load(path).start)
        messages = strategy.configure_train(1, start, ConfigRecord({"job": path}), grid)
        replies = list(grid.send_and_receive(messages))
        failed = [reply.error.reason for reply in replies if reply.has_error()]
        if failed:
            raise RuntimeError(f"{len(failed)} of {num_ues} clients failed, the first with: {failed[0]}")
        gradient, _ = strategy.aggregate_train(1, replies)
        connection.send(gradient.to_numpy_ndarrays())


@functools.cache
def load(path: str):
    return pickle.loads(Path(path).read_bytes())


if __name__ == "__main__":
    logging.getLogger("flwr").setLevel(logging.ERROR)
    run_simulation(
        server_app,
        client_app,
        num_supernodes=int(sys.argv[2]),
        backend_config={
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            "init_args": {"log_to_driver": False, "logging_level": logging.ERROR},
        },
    )
