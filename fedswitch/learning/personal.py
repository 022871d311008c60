"""Inference by a UE of its own: one module, an ensemble weighted for it, or its labels, instead of just (3)."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ..arguments import Array, Bools, Integers


@dataclasses.dataclass(frozen=True, eq=False)
class Views:
    """What each UE finds the modules good for on its own samples.

    `own` and `weighted` (N, K) are its weights of the modules by `own_module` and `mixture_weights`, `held` (K, S) its
    labels, in any order, and `heard` (K,) whose answer came: of others the numbers mean nothing.
    """

    own: Array
    weighted: Array
    held: Integers
    heard: Bools


def own_module(log_likelihood: NDArray[np.floating]) -> Array:
    """All weight of every UE on the module with the smallest risk on its samples: (N, K, S) -> (N, K).

    `log_likelihood` is the logarithm of the probability that each module gives to the label of each of the S samples
    of each of the K UEs.
    """
    best = log_likelihood.mean(axis=2).argmax(axis=0)
    return np.equal(best, np.arange(len(log_likelihood))[:, np.newaxis]).astype(np.float64)


def mixture_weights(log_likelihood: NDArray[np.floating], *, steps: int = 50) -> Array:
    """The weights of every UE whose mixture of modules explains its samples best: (N, K, S) -> (N, K), sums of 1.

    The logarithm of a mixture is concave in its weights, and `steps` steps of expectation maximization from equal
    weights climb it. `log_likelihood` is as in `own_module`.
    """
    count = len(log_likelihood)
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=0))  # only ratios count, and no sample has all zeros
    weights = np.full((*likelihood.shape[:2], 1), 1.0 / count)
    for _ in range(steps):
        joint = weights * likelihood
        weights = (joint / joint.sum(axis=0)).mean(axis=2, keepdims=True)
    return weights[..., 0]


def label_odds(held: NDArray[np.integer], num_labels: int) -> Array:
    """How much more often each label is held by each UE than by all, (K, C), from the labels `held` by each UE, (K, S).

    Probabilities times these odds are those for a UE whose labels, but nothing else, are distributed differently. One
    more of each label is counted, so that no label is ruled out.
    """
    counts = np.stack([np.bincount(labels, minlength=num_labels) for labels in held]) + 1.0
    shares = counts / counts.sum(axis=1, keepdims=True)
    return shares / shares.mean(axis=0)
