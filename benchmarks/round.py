"""How fast a round of federated fine-tuning is, and how much memory it takes: `python benchmarks/round.py`.

A round gives one module's gradient (1) over `NUM_UES` UEs with `BATCH_SIZE` SST-2 phrases each (embedded reviews where
these data are not here), MiniLM with LoRA on all its layers or on the last two. Against ours stand a plain loop over
UEs with peft, and Flower's simulation engine, whose actors keep the model loaded; all three start from the same
parameters and use the same samples, and a difference is the largest of an entry, relative to the largest entry. Ours
alone also takes the optimizer's step. Flower has an environment of its own, which `nox -s bench -- round` makes. Linux
and macOS only.

The share of the machine's rate is what a round needs without padding, 4 multiplications and additions per parameter of
the encoder's layers and token, over what plain float32 matrix products reach in the same run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
import transformers
from _client import Client, Job
from _timing import Timed, alternate, duration, machine, print_table

from fedswitch import Scenario
from fedswitch.errors import MissingDataError
from fedswitch.learning import LoraModules, Task, load_backbone, load_task, simulate
from fedswitch.learning.engine import TOKEN_BUDGET, Learner, cell_gradient
from fedswitch.learning.modules import LORA_TARGETS
from fedswitch.learning.samples import Samples
from fedswitch.learning.tokens import Indices, micro_batches
from fedswitch.streams import stream

NUM_UES, BATCH_SIZE, RANK, SEED = 100, 16, 8, 0
NUM_MODULES = 4  # for memory only
LAYERS = {"all layers": None, "last two": 2}
MATRIX_SIZE, PRODUCTS = 2048, 8
FLOWER = Path(__file__).parents[1] / ".nox" / "flower" / "bin" / "python"

Gradient = list[np.ndarray]


def scenario(layers: int | None, num_modules: int) -> Scenario:
    return Scenario.corrected(
        num_ues=NUM_UES,
        num_modules=num_modules,
        lora_ranks=(RANK,) * num_modules,
        lora_layers=layers,
        batch_size=BATCH_SIZE,
    )


def task() -> Task:
    try:
        return load_task("sst2")
    except MissingDataError:
        return load_task("reviews", seed=SEED)


@dataclasses.dataclass(frozen=True)
class Round:
    """One module on the training samples, what it starts from, and the mini-batches (K, samples) of a round."""

    modules: LoraModules
    optimizer: torch.optim.Optimizer
    samples: Samples
    start: list[torch.Tensor]
    batches: Indices

    @classmethod
    def prepare(cls, layers: int | None, data: Task) -> Round:
        backbone, setting = load_backbone("minilm"), scenario(layers, num_modules=1)
        tokens = backbone.tokenize(data.train.texts, data.train.pairs, setting.tokens_per_sample)
        modules = LoraModules(backbone, setting, num_labels=data.num_labels, seed=SEED)
        rng = stream(SEED, "start")
        # B starts at 0, which would make the gradient of A zero
        start = [torch.from_numpy(rng.normal(scale=0.05, size=p.shape)).float() for p in modules.parameters(0)]
        batches = stream(SEED, "mini-batch").permutation(len(tokens))[: NUM_UES * BATCH_SIZE]
        samples = Samples(tokens, torch.from_numpy(data.train.labels))
        optimizer = torch.optim.Adam(modules.parameters(0), lr=setting.learning_rate)
        return cls(modules, optimizer, samples, start, batches.reshape(NUM_UES, BATCH_SIZE))

    def ours(self, learner: Learner) -> Gradient:
        """Our round."""
        self.modules.assign(0, self.start)
        cell_gradient(learner, 0, self.batches)
        gradient = [p.grad.numpy().copy() for p in self.modules.parameters(0)]
        self.optimizer.step()
        return gradient

    def job(self, data: Task) -> Job:
        """The same round for client code."""
        backbone, setting = self.modules.backbone, scenario(None, num_modules=1)
        return Job(
            folder=backbone.encoder.name_or_path,
            rank=RANK,
            alpha=setting.lora_alpha,
            targets=LORA_TARGETS,
            layers=tuple(range(self.modules.frozen_layers, backbone.num_layers)),
            max_tokens=setting.tokens_per_sample,
            start=[tensor.numpy() for tensor in self.start],
            texts=[[data.train.texts[i] for i in batch] for batch in self.batches],
            labels=data.train.labels[self.batches],
        )


# The references


def loop(client: Client) -> Gradient:
    """The mean of the UEs' gradients, one UE after the other."""
    gradients = [client.gradient(k, client.job.start) for k in range(NUM_UES)]
    return [sum(parts) / NUM_UES for parts in zip(*gradients, strict=True)]


def has_flower() -> bool:
    """Whether Flower's environment is there and whole."""
    return (
        FLOWER.is_file()
        and not subprocess.run([FLOWER, "-c", "import flwr, peft, ray"], stderr=subprocess.DEVNULL).returncode
    )


@contextlib.contextmanager
def flower(jobs: dict[str, Job]) -> Iterator[dict[str, Callable[[], Gradient]]]:
    """A process of Flower's engine, and by name what runs a round of each job in it."""
    ours, theirs = socket.socketpair()
    script = Path(__file__).with_name("_flower.py")
    quiet = {"FLWR_TELEMETRY_ENABLED": "0", "RAY_USAGE_STATS_ENABLED": "0", "PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [FLOWER, script, str(theirs.fileno()), str(NUM_UES)],
            pass_fds=[theirs.fileno()],
            env={**os.environ, **quiet},
        )
        theirs.close()

        def ask(path: str) -> Gradient:
            process.send_signal(signal.SIGCONT)
            connection.send(path)
            try:
                return connection.recv()
            finally:
                # waiting, the engine asks again and again whether there is work, at the cost of whoever is timed
                process.send_signal(signal.SIGSTOP)

        contestants = {}
        for i, (name, job) in enumerate(jobs.items()):
            path = Path(folder, f"{i}.pickle")
            path.write_bytes(pickle.dumps(job))
            contestants[name] = lambda path=str(path): ask(path)
        try:
            with Connection(ours.detach()) as connection:
                yield contestants
        finally:
            process.send_signal(signal.SIGCONT)
            process.wait()


def multiply() -> None:
    matrix = torch.ones(MATRIX_SIZE, MATRIX_SIZE)
    for _ in range(PRODUCTS):
        torch.mm(matrix, matrix)


# The tables


def compare(data: Task) -> None:
    """Print the times of all contestants, who take turns."""
    begin = time.perf_counter()
    rounds = {name: Round.prepare(layers, data) for name, layers in LAYERS.items()}
    prepared = time.perf_counter() - begin
    deep, short = rounds.values()
    kept = Learner(short.modules, short.samples)
    contestants: dict[str, Callable[[], object]] = {
        "matrix products": multiply,
        "ours, all layers": lambda: deep.ours(Learner(deep.modules, deep.samples)),
        "ours, last two": lambda: short.ours(kept),
        "ours, last two, nothing kept yet": lambda: short.ours(Learner(short.modules, short.samples)),
    }
    jobs = {name: one.job(data) for name, one in rounds.items()}
    clients = {name: Client(job) for name, job in jobs.items()}
    for name, client in clients.items():
        contestants[f"peft loop, {name}"] = lambda client=client: loop(client)
    with contextlib.ExitStack() as stack:
        if has_flower():
            for name, ask in stack.enter_context(flower(jobs)).items():
                contestants[f"Flower, {name}"] = ask
        else:
            print(f"Flower does not compete, for it is not in {FLOWER.parents[1]}: `nox -s bench -- round` installs it")
        timed = alternate(contestants, seconds=0.0, at_least=2)
    rate = PRODUCTS * 2.0 * MATRIX_SIZE**3 / timed.pop("matrix products").median_s
    print(
        f"{data.name}: {len(deep.samples.tokens):,} training samples, tokenized once for each depth, with models "
        f"loaded in {duration(prepared)}; plain float32 matrix products: {rate / 1e9:.0f} Gflop/s"
    )
    print(padding(deep))
    operations = 4.0 * layer_parameters(deep.modules) * real_tokens(deep)
    rows = []
    for name, one in timed.items():
        whole = "all layers" in name
        own = timed["ours, all layers" if whole else "ours, last two"]
        share = f"{operations / one.median_s / rate:.0%}" if whole else ""
        ratios = [f"{one.median_s / timed[ours].median_s:.2f}" for ours in ("ours, all layers", "ours, last two")]
        rows.append([name, duration(one.median_s), *ratios, share, f"{difference(own, one):.0e}"])
    header = ["contestant, LoRA on", "time", "times ours, all", "times ours, last two", "share of rate", "difference"]
    print_table(f"One round of one module, K = {NUM_UES}, {BATCH_SIZE} samples per UE, rank {RANK}", header, rows)


def real_tokens(one: Round) -> int:
    return int(one.samples.tokens.lengths[one.batches].sum())


def padding(one: Round) -> str:
    lengths = one.samples.tokens.lengths
    union = one.batches.ravel()
    ours = sum(len(part) * int(lengths[part].max()) for part in micro_batches(lengths, union, TOKEN_BUDGET))
    each = int(lengths[one.batches].max(axis=1).sum()) * BATCH_SIZE
    tokens = real_tokens(one)
    return (
        f"{tokens:,} tokens a round; with padding {ours / tokens:.2f} times as many in our micro-batches, "
        f"{each / tokens:.2f} times where each UE pads to its longest"
    )


def layer_parameters(modules: LoraModules) -> int:
    named = modules.backbone.encoder.encoder.named_parameters()
    return sum(p.numel() for name, p in named if "lora_" not in name)


def difference(own: Timed, other: Timed) -> float:
    ours, theirs = own.results[-1], other.results[-1]
    largest = max(float(np.abs(a).max()) for a in ours)
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True)) / largest


def peak_bytes(layers: int | None) -> int:
    """The most memory that this process has held, after a run of one round and its evaluation."""
    simulate(scenario(layers, NUM_MODULES), task=task(), scheme="random", rounds=1, seed=SEED, progress=False)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def memory() -> None:
    """Print the peak memory of whole runs, each in a process of its own."""
    fresh = multiprocessing.get_context("spawn")
    rows = []
    for name, layers in LAYERS.items():
        with ProcessPoolExecutor(1, mp_context=fresh) as pool:
            peak = pool.submit(peak_bytes, layers).result()
        rows.append([name, f"{peak / 1e9:.2f} GB"])
    print_table(f"A whole run of N = {NUM_MODULES} modules, K = {NUM_UES}", ["LoRA on", "peak memory"], rows)


def main() -> None:
    print(f"{machine()}, PyTorch {torch.__version__} with {torch.get_num_threads()} threads")
    memory()  # first: a process starts out with the peak of the one that it came from
    compare(task())


if __name__ == "__main__":
    # transformers warns of weights that it does not use, and peft calls what transformers is about to remove
    transformers.logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning)
    main()
