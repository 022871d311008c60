"""How fast a round of federated fine-tuning is, and how much memory it takes: `python benchmarks/round.py`.

A round gives one module's gradient (1) over `NUM_UES` UEs with `BATCH_SIZE` SST-2 phrases each (embedded reviews where
these data are not here), MiniLM with LoRA on all its layers or on the last two, ours in both precisions. Against ours
stand a plain loop over UEs with peft, and Flower's simulation engine, whose actors keep the model loaded; all start
from the same parameters and use the same samples, and a difference is the length of that between two gradients,
relative to ours in float32. Ours alone also takes the optimizer's step. All of them take turns twice: on the machine as
it is, and beside a process that keeps one core busy. Flower has an environment of its own, which
`nox -s bench -- round` makes. Linux and macOS only.

The share of the machine's rate is what a round needs without padding, 4 multiplications and additions per parameter of
the encoder's trained layers and token, over what matrix products as large as the encoder's reach in that precision, on
all cores at once, in the same run. A round of QNLI, whose samples are longer, is compared token by token.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import multiprocessing
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
import transformers
from _client import Client, Job
from _timing import Timed, alternate, duration, machine, print_table

from fedswitch import Scenario
from fedswitch.encoders import LORA_TARGETS
from fedswitch.errors import MissingDataError
from fedswitch.learning import LoraModules, Task, load_backbone, load_task, simulate
from fedswitch.learning.engine import TOKEN_BUDGET, Learner, cell_gradient
from fedswitch.learning.samples import Kept
from fedswitch.learning.tokens import Indices, micro_batches
from fedswitch.learning.workers import in_order
from fedswitch.streams import stream

NUM_UES, BATCH_SIZE, RANK, SEED = 100, 16, 8, 0
NUM_MODULES = 4  # for memory only
LAYERS = {"all layers": None, "last two": 2}
PRECISIONS = ("float32", "bfloat16")
TURNS = 3
TOKENS, WIDTH, INNER, PRODUCTS = 1024, 384, 1536, 100  # of the matrix products
FLOWER = Path(__file__).parents[1] / ".nox" / "flower" / "bin" / "python"
KEPT = Kept()  # tokens, for all rounds on the same data

Gradient = list[np.ndarray]


def scenario(layers: int | None, num_modules: int, precision: str) -> Scenario:
    return Scenario.corrected(
        num_ues=NUM_UES,
        num_modules=num_modules,
        lora_ranks=(RANK,) * num_modules,
        lora_layers=layers,
        batch_size=BATCH_SIZE,
        precision=precision,
    )


def task(name: str) -> Task | None:
    try:
        return load_task(name)
    except MissingDataError:
        return None


@dataclasses.dataclass(frozen=True)
class Round:
    """One module on the training samples, what it starts from, and the mini-batches (K, samples) of a round."""

    learner: Learner
    optimizer: torch.optim.Optimizer
    start: list[torch.Tensor]
    batches: Indices

    @classmethod
    def prepare(cls, layers: int | None, data: Task, precision: str) -> Round:
        backbone, setting = load_backbone("minilm"), scenario(layers, 1, precision)
        modules = LoraModules(backbone, setting, num_labels=data.num_labels, seed=SEED)
        rng = stream(SEED, "start")
        # B starts at 0, which would make the gradient of A zero
        start = [torch.from_numpy(rng.normal(scale=0.05, size=p.shape)).float() for p in modules.parameters(0)]
        batches = stream(SEED, "mini-batch").permutation(len(data.train.texts))[: NUM_UES * BATCH_SIZE]
        samples = KEPT.samples(data.train, backbone, setting.tokens_per_sample)
        optimizer = torch.optim.Adam(modules.parameters(0), lr=setting.learning_rate)
        return cls(Learner(modules, samples), optimizer, start, batches.reshape(NUM_UES, BATCH_SIZE))

    def run(self) -> Gradient:
        """Our round."""
        modules = self.learner.modules
        modules.assign(0, self.start)
        cell_gradient(self.learner, 0, self.batches)
        gradient = [p.grad.numpy().copy() for p in modules.parameters(0)]
        self.optimizer.step()
        return gradient

    @property
    def tokens(self) -> int:
        return int(self.learner.samples.tokens.lengths[self.batches].sum())

    @property
    def operations(self) -> float:
        """What the trained layers need forward and backward."""
        layers = self.learner.modules.backbone.encoder.encoder.layer[self.learner.modules.frozen_layers :]
        return 4.0 * sum(p.numel() for p in layers.parameters()) * self.tokens

    def job(self, data: Task) -> Job:
        """The same round for client code."""
        modules, setting = self.learner.modules, scenario(None, 1, "float32")
        backbone = modules.backbone
        return Job(
            folder=backbone.encoder.name_or_path,
            rank=RANK,
            alpha=setting.lora_alpha,
            targets=LORA_TARGETS,
            layers=tuple(range(modules.frozen_layers, backbone.num_layers)),
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


def multiply(precision: str) -> None:
    """Matrix products as large as those of the encoder, on all cores."""
    tokens, weights = (torch.ones(n, WIDTH, dtype=getattr(torch, precision)) for n in (TOKENS, INNER))
    in_order(
        lambda _: torch.nn.functional.linear(tokens, weights), range(PRODUCTS), lambda _: None, torch.device("cpu")
    )


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """A process that keeps one core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


# The tables


def compare(data: Task, longer: Task | None) -> None:
    """Print the times of all contestants, who take turns, on the machine as it is and beside a busy core."""
    ours = {f"{p}, {name}": Round.prepare(layers, data, p) for name, layers in LAYERS.items() for p in PRECISIONS}
    if longer is not None:
        ours |= {f"{p}, last two, {longer.name}": Round.prepare(2, longer, p) for p in PRECISIONS}
    exact = {name: ours[f"float32, {name}"] for name in LAYERS}
    contestants: dict[str, Callable[[], object]] = {f"products, {p}": partial(multiply, p) for p in PRECISIONS}
    contestants |= {f"ours, {name}": one.run for name, one in ours.items()}
    jobs = {name: one.job(data) for name, one in exact.items()}
    contestants |= {f"peft loop, {name}": partial(loop, Client(job)) for name, job in jobs.items()}
    print(padding(exact["all layers"]))
    with contextlib.ExitStack() as stack:
        if has_flower():
            contestants |= {f"Flower, {name}": ask for name, ask in stack.enter_context(flower(jobs)).items()}
        else:
            print(f"Flower does not compete, for it is not in {FLOWER.parents[1]}: `nox -s bench -- round` installs it")
        idle = alternate(contestants, seconds=0.0, at_least=TURNS)
        show("on the machine as it is", idle, ours)
        with busy_core():
            show("beside a busy core", alternate(contestants, seconds=0.0, at_least=TURNS), ours, idle)


def show(where: str, timed: dict[str, Timed], ours: dict[str, Round], idle: dict[str, Timed] | None = None) -> None:
    operations = 2.0 * TOKENS * WIDTH * INNER * PRODUCTS
    rates = {p: operations / timed[f"products, {p}"].median_s for p in PRECISIONS}
    rows = []
    for name, one in timed.items():
        if name.startswith("products"):
            continue
        depth = "all layers" if "all layers" in name else "last two"
        row = [name, duration(one.median_s)]
        row += [f"{one.median_s / timed[f'ours, {p}, {depth}'].median_s:.2f}" for p in PRECISIONS]
        own = ours.get(name.removeprefix("ours, "))
        if own is None:
            row += ["", duration(one.median_s / ours[f"float32, {depth}"].tokens)]
        else:
            rate = rates["float32" if "float32" in name else "bfloat16"]
            row += [f"{own.operations / one.median_s / rate:.0%}", duration(one.median_s / own.tokens)]
        same = own is None or own.tokens == ours[f"float32, {depth}"].tokens
        row.append(f"{difference(timed[f'ours, float32, {depth}'], one):.0e}" if same else "")
        row.append(f"{one.median_s / idle[name].median_s:.2f}" if idle else "")
        rows.append(row)
    header = ["contestant, LoRA on", "time", *(f"times ours {p}" for p in PRECISIONS)]
    header += ["share of rate", "per token", "difference", "times idle"]
    shown = ", ".join(f"{rate / 1e9:.0f} Gflop/s in {p}" for p, rate in rates.items())
    print_table(f"One round of one module, K = {NUM_UES}, {BATCH_SIZE} samples per UE, {where}; {shown}", header, rows)


def padding(one: Round) -> str:
    lengths = one.learner.samples.tokens.lengths[one.batches]
    union = lengths.ravel()
    ours = sum(len(part) * int(union[part].max()) for part in micro_batches(union, TOKEN_BUDGET))
    each = int(lengths.max(axis=1).sum()) * BATCH_SIZE
    return (
        f"{one.tokens:,} tokens a round; with padding {ours / one.tokens:.2f} times as many in our micro-batches, "
        f"{each / one.tokens:.2f} times where each UE pads to its longest"
    )


def difference(own: Timed, other: Timed) -> float:
    ours, theirs = (np.concatenate([part.ravel() for part in timed.results[-1]]) for timed in (own, other))
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(ours))


def peak_bytes(layers: int | None, precision: str) -> int:
    """The most memory that this process has held, after a run of one round and its evaluation."""
    setting, data = scenario(layers, NUM_MODULES, precision), task("sst2") or "reviews"
    simulate(setting, task=data, scheme="random", rounds=1, seed=SEED, progress=False)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def memory() -> None:
    """Print the peak memory of whole runs, each in a process of its own."""
    fresh = multiprocessing.get_context("spawn")
    rows = []
    for (name, layers), precision in itertools.product(LAYERS.items(), PRECISIONS):
        with ProcessPoolExecutor(1, mp_context=fresh) as pool:
            peak = pool.submit(peak_bytes, layers, precision).result()
        rows.append([f"{name}, {precision}", f"{peak / 1e9:.2f} GB"])
    print_table(f"A whole run of N = {NUM_MODULES} modules, K = {NUM_UES}", ["LoRA on", "peak memory"], rows)


def main() -> None:
    print(f"{machine()}, PyTorch {torch.__version__} with {torch.get_num_threads()} threads")
    memory()  # first: a process starts out with the peak of the one that it came from
    compare(task("sst2") or load_task("reviews", seed=SEED), task("qnli"))


if __name__ == "__main__":
    # transformers warns of weights that it does not use, and peft calls what transformers is about to remove
    transformers.logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning)
    main()
