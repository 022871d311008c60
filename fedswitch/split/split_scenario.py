"""`SplitScenario`: the sibling's cell, messages, scheduling and learning, with units, ranges, and who chose each."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any, TypedDict

from ..errors import names_unknown_fields
from ..symbols import Declared, symbol
from ..units import db_to_ratio, dbm_to_w

_cell, _message, _scheduling, _learning = (
    partial(symbol, group)
    for group in (
        "Cell and radio (Sec. V)",
        "Messages (Secs. II and V)",
        "Scheduling (Sec. IV)",
        "Learning (Secs. II and V)",
    )
)


class SharedBand(TypedDict):
    """The band that the devices share, as the functions of delays take it."""

    bandwidth_hz: float
    noise_psd_w_per_hz: float


@names_unknown_fields
@dataclasses.dataclass(frozen=True)
class SplitScenario(Declared):
    r"""Cell, messages, scheduling and learning of split federated LoRA: one frozen, validated value, as `Scenario`.

    All that scheduling depends on are two numbers: the mean SNR of a device over the whole band, and
    :math:`\delta = \bar{D} B / \mu`: one device alone would need :math:`1 / \delta` bit/s/Hz to end at the limit.
    Section V leaves their units open. `corrected()` is the reading in which the policies come out as the sibling shows
    them: -11.7 dB at the center of the circle, and 5. `in_band()` takes its noise for that of the whole band (58.3 dB,
    0.5), `cell_10db()` is a usual cell (10.3 dB, 1), and `paper()` takes the delay as it is printed (-11.7 dB, 500),
    in which it binds nobody, and learns by SGD with the printed step. All of them take changes by field name.

    Where a backbone runs, its own messages are sent, and scheduled, unless `message_bits` says what else they weigh:
    `payload_bits` of a `SplitScenario` are the sibling's.

    Raises ValueError, naming field, value, unit and allowed range, when made with a value out of range, and TypeError
    for a field that does not exist.
    """

    # a table: value, symbol, unit, meaning, reason, limits
    # fmt: off
    num_devices: int = _cell(20, "K", "", "devices in the cell", low=1)
    center_distance_m: float = _cell(
        300.0, "", "m", "distance between the server and the center of the circle of devices", above=0.0)
    circle_radius_m: float = _cell(50.0, "", "m", "radius of the circle in which the devices stand", low=0.0)
    path_loss_exponent: float = _cell(3.5, "", "", "path loss exponent", above=0.0)
    reference_distance_m: float = _cell(10.0, "d_0", "m", "distance at which the path gain is the reference gain",
        above=0.0)
    reference_gain: float = _cell(1.0, "", "", "path gain at the reference distance",
        "The printed path loss is 1 there.", above=0.0, high=1.0, shown_in="dB")
    power_w: float = _cell(1.0, "", "W", "transmit power of a device",
        "Not stated: (5) has none, so that the channel gain stands for the received power.", above=0.0)
    bandwidth_hz: float = _cell(1e7, "B", "Hz", "total bandwidth", above=0.0)
    noise_psd_w_per_hz: float = _cell(1e-11, r"\sigma^2", "W/Hz", "noise power density",
        "Printed as a density of 1e-11 W; (5) multiplies it by a bandwidth.", above=0.0, shown_in="dBm/Hz")

    batch_size: int = _message(32, "", "sample", "mini-batch of a device in one round", low=1)
    tokens_per_sample: int = _message(128, "", "token", "tokens whose embeddings a device sends for one sample",
        "The usual padded length for GLUE sentences.", low=1)
    hidden_size: int = _message(768, "", "", "entries of the embedding of a token, and of what the server sends back",
        "That of BERT-base and of ViT-B.", low=1)
    bits_per_value: int = _message(32, "", "bit", "bits of one entry on air", "Single precision.", low=1)
    message_bits: float | None = _message(None, r"\mu", "bit",
        "bits of all messages of a device in one round (not set: as above, or as a backbone that runs has it)",
        "What is scheduled is what is sent; setting it schedules as if other messages were sent.", above=0.0,
        optional=True)

    delay_limit_s_per_bit: float = _scheduling(5e-7, r"\bar{D}/\mu", "s/bit", "limit of the mean delay (8), per bit",
        "Printed as 0.05 ms per bit, with which nothing binds. Figs. 5 and 6 go from 0.4 to 1.0, in the same unit: as "
        "µs, or ms per kbit, the policies differ as the sibling shows.", above=0.0)
    penalty_weight: float = _scheduling(0.05, r"\zeta", "", "constant weight of the queue in (22), corrected",
        "With queue and delay counted in limits. A device costs some percent of the mean delay: less forgets a change "
        "of the cell slowly, more schedules worse.", above=0.0)
    printed_weight: float = _scheduling(1.0, r"\zeta(1)", "", "weight of the queue in the first round, as printed",
        "With queue and delay counted in limits; the sibling names no value.", above=0.0)
    printed_decay: float = _scheduling(0.5, "", "", "how the printed weight descends: as t to the power of minus this",
        "The sibling says descending; 1/2 is the usual rate of a falling step.", low=0.0)
    queue_start: float | None = _scheduling(
        None, "", "", "queue before the first round, in limits (not set: the price of delay in this cell)",
        "An empty queue makes the first round cost all the rounds that it takes to make up for it.",
        low=0.0, optional=True)
    fairness: float = _scheduling(0.9, "", "", "least long-run share of rounds of a device over that of the mean one",
        "Where a policy looks at it: (7d) of the paper has a fixed share, which nobody could reach in one reading of "
        "the units and everybody in another.", low=0.0, high=1.0)
    fairness_step: float = _scheduling(0.05, "", "", "step of the price of participation",
        "A device that stays away while all others are there counts as two after 20 rounds.", above=0.0)

    lora_rank: int = _learning(8, "r", "", "rank of the low-rank matrices that all devices share", low=1)
    lora_alpha: int = _learning(16, "", "", "LoRA scale: the product of the factors is multiplied by alpha/r",
        "A common default.", low=1)
    lora_layers: int | None = _learning(None, "", "", "number of last encoder layers that carry LoRA (not set: all)",
        "All layers, as LoRA is usually applied; fewer layers train faster.", low=1, optional=True)
    samples_per_device: int | None = _learning(None, "", "sample", "training samples of a device (not set: all/K)",
        "Section V gives each of its 20 devices 5 % of the data.", low=1, optional=True)
    optimizer: str = _learning("adam", "", "", "how the gradients of (3) and (4) are applied",
        "(3) and (4) print plain SGD, with which the step of Section V hardly moves anything in hundreds of rounds: "
        "the first gradients have a length of some hundredths.", choices=("adam", "sgd"))
    learning_rate: float = _learning(3e-3, r"\eta", "", "step size of adapter and heads",
        "Usual for LoRA with Adam; Section V states 1e-4.", above=0.0)
    precision: str = _learning("float32", "", "", "number format of the frozen weights and of what passes through them",
        "What is trained, its optimizers and the losses stay in float32.", choices=("float32", "bfloat16"))
    # fmt: on

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.circle_radius_m >= self.center_distance_m:
            raise ValueError(
                f"circle_radius_m = {self.circle_radius_m:g} m is not below center_distance_m = "
                f"{self.center_distance_m:g} m: the server must stand outside the circle of devices"
            )

    @classmethod
    def corrected(cls, **changes: Any) -> SplitScenario:
        """The default: the delay in µs per bit, and the noise per Hz."""
        return cls(**changes)

    @classmethod
    def paper(cls, **changes: Any) -> SplitScenario:
        """Section V to the letter: 0.05 ms per bit, which is more than anybody needs, and SGD with steps of 1e-4."""
        return cls(**_AS_STATED | changes)

    @classmethod
    def in_band(cls, **changes: Any) -> SplitScenario:
        """The noise is 1e-11 W in the whole band, and the limit 0.05 µs per bit."""
        return cls(**_IN_BAND | changes)

    @classmethod
    def cell_10db(cls, **changes: Any) -> SplitScenario:
        """A usual cell: 30 dB loss at 1 m, 0.2 W, thermal noise, and a limit of 0.1 µs per bit."""
        return cls(**_CELL_10DB | changes)

    @property
    def band(self) -> SharedBand:
        """Bandwidth in Hz and noise density in W/Hz, by name."""
        return {"bandwidth_hz": self.bandwidth_hz, "noise_psd_w_per_hz": self.noise_psd_w_per_hz}

    @property
    def payload_bits(self) -> float:
        r""":math:`\mu` in bits: embeddings of all tokens up, one pooled vector down, and its gradient up."""
        if self.message_bits is not None:
            return self.message_bits
        return float(self.batch_size * (self.tokens_per_sample + 2) * self.hidden_size * self.bits_per_value)

    @property
    def delay_limit_s(self) -> float:
        r""":math:`\bar{D}` of (8) in s: the limit per bit, times the payload."""
        return self.delay_limit_s_per_bit * self.payload_bits


_AS_STATED: dict[str, Any] = {"delay_limit_s_per_bit": 5e-5, "optimizer": "sgd", "learning_rate": 1e-4}
_IN_BAND: dict[str, Any] = {"noise_psd_w_per_hz": 1e-18, "delay_limit_s_per_bit": 5e-8}
_CELL_10DB: dict[str, Any] = {
    "reference_distance_m": 1.0, "reference_gain": float(db_to_ratio(-30.0)), "power_w": 0.2,
    "noise_psd_w_per_hz": float(dbm_to_w(-174.0)), "delay_limit_s_per_bit": 1e-7,
}  # fmt: skip
