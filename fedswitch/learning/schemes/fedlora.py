"""FedLoRA: one common module that all UEs fine-tune."""

from __future__ import annotations

from ...scenario import Scenario
from .base import Scheme, with_one_module


def common_rank(scenario: Scenario) -> int:
    """The rank of a module that all UEs share: the middle one of `lora_ranks`, of two the larger."""
    ranks = sorted(scenario.lora_ranks)
    return ranks[len(ranks) // 2]


class FedLora(Scheme):
    """All UEs send the gradient of one LoRA module in every round."""

    @staticmethod
    def adapt(scenario: Scenario) -> Scenario:
        """One module of the middle rank."""
        return with_one_module(scenario, common_rank(scenario))
