"""A UE as ordinary client code has it: peft on a model that stays loaded, its own texts tokenized, its own gradient.

`round.py` calls this in a plain loop, and `_flower.py` from Flower's actors, in an environment without fedswitch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import pickle
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging


@dataclasses.dataclass(frozen=True)
class Job:
    """One round: the model, the parameters that all UEs start from (factors A, B, ..., head), and their samples."""

    folder: str
    rank: int
    alpha: float
    targets: tuple[str, ...]
    layers: tuple[int, ...]
    max_tokens: int
    start: list[np.ndarray]
    texts: list[list[str]]
    labels: np.ndarray


class Client:
    """The model of a `Job`; `gradient` takes any UE's part in it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.tokenizer = AutoTokenizer.from_pretrained(job.folder)
        logging.set_verbosity_error()
        with contextlib.redirect_stderr(io.StringIO()):  # the bar of loading
            encoder = AutoModel.from_pretrained(job.folder, dtype=torch.float32)
        config = LoraConfig(
            r=job.rank,
            lora_alpha=job.alpha,
            target_modules=list(job.targets),
            layers_to_transform=list(job.layers),
            layers_pattern="layer",
        )
        self.encoder = get_peft_model(encoder, config).eval()
        num_labels, hidden = job.start[-2].shape
        self.head = torch.nn.Linear(hidden, num_labels)
        factors = [p for p in self.encoder.parameters() if p.requires_grad]
        self.parameters = [*factors, *self.head.parameters()]

    def gradient(self, k: int, parameters: list[np.ndarray]) -> list[np.ndarray]:
        """Load the gNB's parameters and return the gradient of UE k's mean loss."""
        with torch.no_grad():
            for own, sent in zip(self.parameters, parameters, strict=True):
                own.copy_(torch.from_numpy(sent))
                own.grad = None
        batch = self.tokenizer(
            self.job.texts[k], truncation=True, max_length=self.job.max_tokens, padding=True, return_tensors="pt"
        )
        hidden = self.encoder(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        pooled = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
        torch.nn.functional.cross_entropy(self.head(pooled), torch.from_numpy(self.job.labels[k])).backward()
        return [p.grad.numpy().copy() for p in self.parameters]


@functools.cache
def client(path: str) -> Client:
    """The client for the job in a file; each process loads it once."""
    return Client(pickle.loads(Path(path).read_bytes()))
