"""`SplitLearning`: what split federated LoRA learns with, beside cell, messages and scheduling. No torch."""

from __future__ import annotations

import dataclasses
from functools import partial

from ..symbols import symbol

_learning = partial(symbol, "Learning (Secs. II and V)")


@dataclasses.dataclass(frozen=True)
class SplitLearning:
    """The fields that a scenario of the sibling needs for learning; mini-batch and tokens stand with the messages."""

    # a table: value, symbol, unit, meaning, reason, limits
    # fmt: off
    lora_rank: int = _learning(8, "r", "", "rank of the low-rank matrices that all devices share", low=1)
    lora_alpha: int = _learning(16, "", "", "LoRA scale: the product of the factors is multiplied by alpha/r", low=1)
    lora_layers: int | None = _learning(None, "", "", "number of last encoder layers that carry LoRA (not set: all)",
        "All layers, as LoRA is usually applied; fewer layers train faster.", low=1, optional=True)
    samples_per_device: int | None = _learning(None, "M", "sample", "training samples of a device (not set: all/K)",
        "Section V gives each of its 20 devices 5 % of the data.", low=1, optional=True)
    optimizer: str = _learning("adam", "", "", "how the gradients of (3) and (4) are applied",
        "(3) and (4) print plain SGD, which at the step of Section V learns nothing in thousands of rounds: the first "
        "gradients have a length of some hundredths.", choices=("adam", "sgd"))
    learning_rate: float = _learning(3e-3, r"\eta", "", "step size of adapter and heads",
        "Usual for LoRA with Adam; Section V states 1e-4.", above=0.0)
    precision: str = _learning("float32", "", "", "number format of the frozen weights and of what passes through them",
        "What is trained, its optimizers and the losses stay in float32.", choices=("float32", "bfloat16"))
    # fmt: on
