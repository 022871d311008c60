"""The risk of a LoRA module as a function of its numbers, for what theory says of training as it runs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch.nn import functional

from ..arguments import Array, whole
from ..theory.problems import SampledRisks
from .federation import Federation
from .modules import LoraModules
from .surroundings import own_switches


@dataclasses.dataclass(frozen=True, eq=False)
class EncoderFactors(SampledRisks):
    r"""Factors and head of LoRA module `n`, one behind the other, on M samples of each UE: F is their cross-entropy.

    `frozen` (K M, L, hidden), `mask` and `labels` are the samples as the adapted layers see them, UE by UE. Training
    begins with the numbers that the module has when this is made; it changes none of them. Neither smoothness nor
    variances are known beforehand: `curvature` measures the one, `theory.montecarlo.descend_by_samples` the others.
    """

    modules: LoraModules
    n: int
    frozen: torch.Tensor
    mask: torch.Tensor
    labels: torch.Tensor
    first: Array

    @classmethod
    @own_switches()
    def of(cls, run: Federation, *, module: int = 0, samples: int = 12) -> EncoderFactors:
        """The first `samples` of every UE of a run; ValueError for a run that trains no LoRA modules, or too few."""
        (learner,), held = run.ues.data()
        samples = whole("samples", samples, low=1, high=min(map(len, held)))
        if not isinstance(run.modules, LoraModules):
            raise ValueError(f"run must train LoRA modules, got {type(run.modules).__name__}")
        module = whole("module", module, high=len(run.modules) - 1)
        indices = np.concatenate([own[:samples] for own in held])
        kept = learner.samples
        batch = kept.tokens.batch(indices, kept.device)
        numbers = [p.detach().cpu().double().numpy().ravel() for p in run.modules.parameters(module)]
        weights = np.full(run.scenario.num_ues, 1.0 / run.scenario.num_ues)
        return cls(
            weights, run.modules, module, run.modules.frozen(batch).detach(), batch.mask,
            learner.labels(indices), np.concatenate(numbers),
        )  # fmt: skip

    @property
    def start(self) -> Array:
        """See `SampledRisks`."""
        return self.first

    @own_switches()
    def risk(self, w: Array) -> Array:
        """See `SampledRisks`."""
        rows = np.asarray(w).reshape(-1, w.shape[-1])
        with torch.no_grad():
            losses = [self._losses(self._tensor(row).expand(len(self.labels), -1)) for row in rows]
        by_ue = torch.stack(losses).double().cpu().numpy().reshape(len(rows), self.weights.size, -1).mean(axis=-1)
        return (by_ue @ self.weights).reshape(w.shape[:-1])

    @own_switches()
    def sample_gradients(self, w: Array) -> Array:
        """See `SampledRisks`; every sample has a copy of the numbers, by which its loss is differentiated."""
        gradients = []
        for row in np.asarray(w).reshape(-1, w.shape[-1]):
            copies = self._tensor(row).expand(len(self.labels), -1).clone().requires_grad_()
            (own,) = torch.autograd.grad(self._losses(copies).sum(), copies)
            gradients.append(own.double().cpu().numpy())
        return np.stack(gradients).reshape(*w.shape[:-1], self.weights.size, -1, w.shape[-1])

    @own_switches()
    def curvature(self, w: Array) -> tuple[float, float]:
        """The least and the largest eigenvalue of the Hessian of F at `w` (d,), by Lanczos to three digits."""
        at = self._tensor(w).requires_grad_()
        shares = torch.from_numpy(np.repeat(self.weights, len(self.labels) // self.weights.size)).to(at)
        loss = self._losses(at.expand(len(self.labels), -1)) @ shares * self.weights.size / len(self.labels)
        (slope,) = torch.autograd.grad(loss, at, create_graph=True)

        def product(vector: Array) -> Array:
            (turned,) = torch.autograd.grad(slope, at, self._tensor(vector.ravel()), retain_graph=True)
            return turned.double().cpu().numpy()

        hessian: Any = LinearOperator((at.numel(), at.numel()), matvec=product, dtype=np.float64)
        begin = np.ones(at.numel())  # not at random
        low, high = (
            float(eigsh(hessian, k=1, which=which, tol=1e-3, v0=begin, return_eigenvectors=False)[0])
            for which in ("SA", "LA")
        )
        return low, high

    def _tensor(self, numbers: Array) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(numbers, dtype=np.float32)).to(self.frozen.device)

    def _losses(self, copies: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of every sample, each with numbers of its own: (K M, d) -> (K M,)."""
        shapes = [p.shape for p in self.modules.parameters(self.n)]
        parts = [
            part.reshape(-1, *shape)
            for part, shape in zip(copies.split([shape.numel() for shape in shapes], dim=1), shapes, strict=True)
        ]
        *factors, head, bias = parts
        scale = self.modules.scales[self.n]
        adapters = [(a, scale * b) for a, b in zip(factors[::2], factors[1::2], strict=True)]
        hidden = self.modules.backbone.encode(self.frozen, self.mask, self.modules.frozen_layers, adapters)
        return functional.cross_entropy((head @ hidden[..., None])[..., 0] + bias, self.labels, reduction="none")
