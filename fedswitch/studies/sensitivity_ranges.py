"""What the paper leaves open, as data: over which range each choice is varied, or why it cannot matter."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

Experiment = Literal["control", "bandwidth", "learning"]

CONTROL: Experiment = "control"
BANDWIDTH: Experiment = "bandwidth"
LEARNING: Experiment = "learning"


@dataclasses.dataclass(frozen=True)
class Range:
    """The plausible range of one field of `Scenario`, and the experiments that it is varied in.

    `low` and `high` are its ends (None: there is no such side, for a choice of two or a base that is an end itself);
    `given` are other fields, without which this one would not count. `reason` says why these ends. `words` is how
    figures call the field.
    """

    words: str
    low: Any
    high: Any
    experiments: tuple[Experiment, ...]
    reason: str
    given: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def sides(self, name: str) -> dict[str, dict[str, Any]]:
        """The changes to the scenario on each side, for the field `name`."""
        ends = {"low": self.low, "high": self.high}
        return {side: {**self.given, name: value} for side, value in ends.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class Inert:
    """Why a field cannot matter for any conclusion here, and another value of it with which to see that."""

    other: Any
    reason: str


BASES: dict[Experiment, dict[str, Any]] = {
    CONTROL: {},
    BANDWIDTH: {"max_delay_s": 1e3},
    LEARNING: {"batch_size": 8, "lora_layers": 2, "energy_weight_per_j": 0.0, "test_samples": 16},
}
"""What each experiment changes in `Scenario.corrected()`, as the studies of the figures do in their recorded runs."""

LEARNS = (LEARNING,)
RADIO = (CONTROL, BANDWIDTH)
DECIDES = (CONTROL,)

RANGES: dict[str, Range] = {
    "reference_gain": Range(
        "gain at 1 m", 1e-4, 1e-2, RADIO, "A loss at 1 m of 40 dB to 20 dB: carriers of some GHz, or below one."
    ),
    "base_station_density_per_m2": Range(
        "density of gNBs",
        1e-5,
        9e-5,
        RADIO,
        "A third and three times: a cell radius of 178 m, suburban, or 59 m, dense.",
    ),
    "min_distance_m": Range(
        "smallest distance", 1.0, 10.0, RADIO, "From where the power law begins to the height of a mast."
    ),
    "interferer_power_w": Range(
        "interferers' power",
        0.02,
        None,
        RADIO,
        "Neighbors that control their power send with less than the largest: a tenth.",
    ),
    "sinr_threshold": Range(
        "SINR threshold",
        0.1,
        1.0,
        (CONTROL, LEARNING),
        "-10 dB to 0 dB: what the most robust and a middling code of today need.",
    ),
    "outage": Range("form of (15)", None, "printed", DECIDES, "The form that the paper prints."),
    "threshold": Range("kind of threshold", None, "deadline", RADIO, "The threshold that carries the payload in time."),
    "deadline_s": Range("deadline", 0.3, 3.0, DECIDES, "A third and three times.", {"threshold": "deadline"}),
    "rate": Range("kind of rate", None, "instantaneous", RADIO, "The rate that the paper prints."),
    "compute_energy": Range(
        "cycles counted by", "flops", "per_model_bit", DECIDES, "What the arithmetic takes, and what the paper prints."
    ),
    "tokens_per_sample": Range(
        "tokens of a sample", 32, 512, DECIDES, "A short sentence, and all positions of the encoder."
    ),
    "bits_per_token": Range("bits of a token", 8, 64, DECIDES, "A compressed word, and the letters of a long one."),
    "flops_per_cycle": Range(
        "FLOPs of a cycle", 4.0, 64.0, DECIDES, "A small core, and one with matrix units.", {"compute_energy": "flops"}
    ),
    "lora_ranks": Range(
        "LoRA ranks",
        (4, 4, 4, 4),
        (16, 16, 16, 16),
        (CONTROL, BANDWIDTH, LEARNING),
        "Modules that are all alike, small or large.",
    ),
    "lora_alpha": Range("LoRA scale", 8, 32, LEARNS, "Half and twice; both are common."),
    "lora_layers": Range(
        "layers with LoRA",
        1,
        4,
        (CONTROL, BANDWIDTH, LEARNING),
        "From the last layer alone to most of a small encoder.",
    ),
    "bits_per_parameter": Range(
        "bits of a gradient", 8, None, RADIO, "Gradients are often sent in fewer bits, hardly ever in more."
    ),
    "partition": Range("kind of skew", "quantity", "domain", LEARNS, "The other two kinds of skew."),
    "domains_per_ue": Range(
        "domains of a UE", 1, 4, LEARNS, "From no overlap between UEs to most domains in each.", {"partition": "domain"}
    ),
    "dirichlet_concentration": Range(
        "concentration", 0.1, 5.0, LEARNS, "From nearly one label to a UE to nearly equal shares."
    ),
    "batch_size": Range("mini-batch", 8, 32, (CONTROL, LEARNING), "What small phones and what servers take."),
    "optimizer": Range(
        "optimizer",
        None,
        "sgd",
        LEARNS,
        "What (1) prints, with a step of its own size: at that of Adam it stands still.",
        {"learning_rate": 0.3},
    ),
    "learning_rate": Range("learning rate", 1e-3, 1e-2, LEARNS, "About a third and three times."),
    "local_training": Range(
        "what a UE sends", None, "steps", LEARNS, "Changes after local iterations, which (4) charges for."
    ),
    "precision": Range(
        "number format", None, "bfloat16", LEARNS, "Eight bits of mantissa in the place of 24, for all that is frozen."
    ),
    "smoothness": Range(
        "smoothness", 0.1, 10.0, DECIDES, "A decade to both sides: it is the unit of what an upload is worth."
    ),
    "strong_convexity": Range("strong convexity", 0.01, 1.0, DECIDES, "Condition numbers from 1 to 100."),
    "zeta1": Range(
        "gradient bound, const.",
        0.1,
        10.0,
        DECIDES,
        "A decade to both sides: it is the other unit of what an upload is worth.",
    ),
    "zeta2": Range(
        "gradient bound, rel.", 0.0, 2e-3, DECIDES, "From no relative part to just below 1/(4K) with 100 UEs."
    ),
    "energy_weight_per_j": Range(
        "weight of energy", 1e-4, 1e-2, DECIDES, "A decade to both sides; learning is measured without it."
    ),
    "dual_step": Range(
        "dual step",
        5e-4,
        5e-2,
        (CONTROL, LEARNING),
        "The same for all: a tenth and ten times what an upload is worth, with 100 UEs.",
    ),
    "max_delay_s": Range(
        "largest delay", 10.0, 1e5, (BANDWIDTH,), "Two decades to both sides of a bracket that holds most cells."
    ),
    "bandwidth_tolerance": Range("bandwidth left over", 1e-4, 1e-2, (BANDWIDTH,), "A decade to both sides."),
    "max_bisections": Range(
        "most bisections", 20, None, (BANDWIDTH,), "A millionth of the bracket; more than 60 halvings are void."
    ),
    "max_inner_iterations": Range("most inner rounds", 3, 60, DECIDES, "Stopping early, and three times as late."),
    "objective_tolerance": Range("tolerance", 1e-6, 1e-2, DECIDES, "Two decades to both sides."),
}
"""The choices that are varied, one at a time, around the scenario of each experiment."""

INERT: dict[str, Inert] = {
    "min_power_w": Inert(1e-4, "Only the printed form has a least power; these conclusions are on the corrected one."),
    "test_samples": Inert(32, "Accuracy is that on the pooled test set, whatever UEs hold of it."),
    "full_learning_rate": Inert(1e-5, "Only a scheme that trains the whole model takes it."),
}
"""The choices that cannot matter here."""
