"""Full-parameter federated fine-tuning: every parameter of the foundation model is trained, and sent."""

from __future__ import annotations

from ...scenario import Scenario
from ..encoding import Backbone
from ..modules import FullModel, Modules
from .base import Scheme, with_one_module


class Full(Scheme):
    """All UEs send the gradient of the whole model in every round; its payload is that of all parameters."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        if scenario.local_training != "gradient":
            raise ValueError('the scheme full sends gradients only: choose local_training = "gradient"')
        super().__init__(scenario, seed)

    @staticmethod
    def adapt(scenario: Scenario) -> Scenario:
        """One module; its rank means nothing here."""
        return with_one_module(scenario, scenario.lora_ranks[0])

    @staticmethod
    def make_modules(backbone: Backbone, scenario: Scenario, *, num_labels: int, seed: int) -> Modules:
        """The backbone itself, with a head."""
        return FullModel(backbone, scenario, num_labels=num_labels, seed=seed)
