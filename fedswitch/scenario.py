"""`Scenario`: every symbol of the paper's Sections II to V, with its unit, its value, and who chose it.

Each field is declared once, by `_symbol`; validation, the error messages and the parameter table of the book are all
made from that declaration.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import Any, Literal

from .units import db_to_ratio, dbm_to_w

Origin = Literal["stated", "chosen"]

STATED: Origin = "stated"
CHOSEN: Origin = "chosen"


@dataclasses.dataclass(frozen=True)
class Symbol:
    """What is known of one field of `Scenario` besides its value.

    `latex` is the paper's symbol (empty where it has none), `unit` the SI unit of the field, `shown_in` the unit of the
    table where that differs (``dB``, ``dBm/Hz``), `low` and `high` the allowed range (open where `low_open`), `choices`
    the allowed words, `origin` whether the paper states the value or we chose it, `reason` where it is stated or why it
    was chosen, `group` the part of the table that it stands in.
    """

    latex: str
    unit: str
    meaning: str
    group: str
    origin: Origin
    reason: str
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    choices: tuple[str, ...] = ()
    shown_in: str = ""
    optional: bool = False

    @property
    def allowed(self) -> str:
        """The allowed values in words, for messages and tables."""
        if self.choices:
            return " or ".join(f'"{choice}"' for choice in self.choices)
        bracket = "(" if self.low_open or self.low == -math.inf else "["
        closing = ")" if self.high == math.inf else "]"
        return f"{bracket}{self.low:g}, {self.high:g}{closing}"

    def admits(self, value: float) -> bool:
        """Whether a number lies in the range; NaN never does."""
        return (value > self.low if self.low_open else value >= self.low) and value <= self.high


def _symbol(
    default: Any, latex: str, unit: str, meaning: str, origin: Origin, reason: str, *, group: str, **limits: Any
) -> Any:
    """Declare one field of `Scenario`; `limits` are the range, choices and display unit of `Symbol`."""
    symbol = Symbol(latex, unit, meaning, group, origin, reason, **limits)
    return dataclasses.field(default=default, metadata={"symbol": symbol})


_CELL, _COMPUTE, _MODULES, _DATA, _BOUND, _CONTROL = (
    "Cell and radio (Sec. II)",
    "Computing and energy (Sec. II)",
    "LoRA modules (Secs. II and V)",
    "Data and training (Secs. II and V)",
    "Generalization bound (Sec. III)",
    "Online optimization (Sec. IV)",
)
_POSITIVE: dict[str, Any] = {"low": 0.0, "low_open": True}


@dataclasses.dataclass(frozen=True)
class Scenario:
    """The wireless cell, its UEs, their data and the algorithm's constants: one frozen, validated value.

    All fields are in SI units (Hz, W, m, bit, s, J) and linear ratios. `Scenario.corrected()` is the default reading,
    `Scenario.paper()` the printed one; both take changes by field name. `symbols()` tells unit, meaning, origin and
    range of every field, and `dataclasses.replace` makes a changed copy, validated again.

    Raises ValueError, naming field, value, unit and allowed range, when made with a value out of range, and TypeError
    for a field that does not exist.
    """

    # Cell and radio, Sec. II
    num_ues: int = _symbol(100, "K", "", "UEs in the cell", STATED, "Sec. V", group=_CELL, low=1)
    path_loss_exponent: float = _symbol(
        3.8, r"\alpha", "", "path loss exponent", STATED, "Sec. V", group=_CELL, low=2.0, low_open=True
    )
    reference_gain: float = _symbol(
        float(db_to_ratio(-30.0)), "", "", "path gain at 1 m", CHOSEN,
        "The paper has unit gain at 1 m, which leaves noise so weak that a power common to all UEs cancels; "
        "30 dB is the usual loss of the first meter.",
        group=_CELL, **_POSITIVE, high=1.0, shown_in="dB",
    )  # fmt: skip
    base_station_density_per_m2: float = _symbol(
        3e-5, r"\phi", "1/m^2", "density of gNBs", CHOSEN,
        "A small urban cell: the radius of a disc that holds one gNB is 103 m.", group=_CELL, **_POSITIVE,
    )  # fmt: skip
    min_distance_m: float = _symbol(
        5.0, "", "m", "smallest distance between UE and gNB", CHOSEN,
        "Keeps the power law of the path loss out of the near field, where it diverges.", group=_CELL, **_POSITIVE,
    )  # fmt: skip
    bandwidth_hz: float = _symbol(1e9, "W", "Hz", "total uplink bandwidth", STATED, "Sec. V", group=_CELL, **_POSITIVE)
    noise_psd_w_per_hz: float = _symbol(
        float(dbm_to_w(-162.0)), "N_0", "W/Hz", "noise power density", STATED, "Sec. V",
        group=_CELL, **_POSITIVE, shown_in="dBm/Hz",
    )  # fmt: skip
    max_power_w: float = _symbol(
        0.2, r"P_{\max}", "W", "largest transmit power of a UE", STATED, "Sec. V", group=_CELL, **_POSITIVE
    )
    min_power_w: float = _symbol(
        1e-7, "", "W", "least transmit power of a UE that transmits", CHOSEN,
        "(7e) leaves the powers open at 0, where the printed (21) then has no minimum; -40 dBm is what a 5G phone must "
        "be able to go down to.",
        group=_CELL, **_POSITIVE,
    )  # fmt: skip
    interferer_power_w: float = _symbol(
        0.2, "P_l", "W", "transmit power of out-of-cell UEs", CHOSEN,
        "They transmit at the largest power: the worst case, and independent of our power control.",
        group=_CELL, low=0.0,
    )  # fmt: skip
    sinr_threshold: float = _symbol(
        float(db_to_ratio(-5.0)), r"\theta", "", "SINR threshold of reception", CHOSEN,
        "Stated only for Fig. 5 (-15 dB to 15 dB); -5 dB lets about three quarters of the uploads through.",
        group=_CELL, **_POSITIVE, shown_in="dB",
    )  # fmt: skip

    outage: str = _symbol(
        "exact", r"\lambda_{n,k}", "", "success probability (15)", CHOSEN,
        "As printed, (15) does not follow from (2): too low near the gNB and too high at the cell edge.",
        group=_CELL, choices=("printed", "exact"),
    )  # fmt: skip
    threshold: str = _symbol(
        "fixed", "", "", "what the SINR threshold is", CHOSEN,
        "The paper varies a threshold of its own (Fig. 5). With a deadline it is the SINR that carries the payload in "
        "time, the reading in which more bandwidth buys reliability.",
        group=_CELL, choices=("fixed", "deadline"),
    )  # fmt: skip
    deadline_s: float = _symbol(
        1.0, "", "s", "duration of every upload when a deadline sets the threshold", CHOSEN,
        "About what the largest cell of Sec. V needs.", group=_CELL, **_POSITIVE,
    )  # fmt: skip
    rate: str = _symbol(
        "ergodic", "", "", "rate in (13)", CHOSEN,
        "The rate of the instantaneous SINR, as printed, has an infinite mean delay under Rayleigh fading.",
        group=_CELL, choices=("instantaneous", "ergodic"),
    )  # fmt: skip

    # Computing and energy, Sec. II
    cpu_frequency_hz: float = _symbol(
        1.5e9, "f_k", "Hz", "processor frequency", STATED, "Sec. V", group=_COMPUTE, **_POSITIVE
    )
    cycles_per_bit: float = _symbol(
        737.5, "M_k", "cycle/bit", "cycles to process one bit", STATED, "Sec. V", group=_COMPUTE, **_POSITIVE
    )
    chip_energy_coefficient: float = _symbol(
        1e-27, r"\varrho_k", "J s^2", "energy of one cycle divided by the frequency squared", STATED, "Sec. V",
        group=_COMPUTE, **_POSITIVE,
    )  # fmt: skip
    local_iterations: int = _symbol(
        4, r"\tau", "", "local iterations that (4) charges", STATED, "Sec. V", group=_COMPUTE, low=1
    )
    compute_energy: str = _symbol(
        "per_data_bit", "", "", "what the cycles of (4) are counted by", CHOSEN,
        "(4) multiplies cycles per bit by the bits of the whole model, for every sample: with RoBERTa 0.85 MJ a round. "
        "Per bit of data is the usual meaning of the constant; FLOPs count what the arithmetic takes.",
        group=_COMPUTE, choices=("per_model_bit", "per_data_bit", "flops"),
    )  # fmt: skip
    tokens_per_sample: int = _symbol(
        128, "", "token", "tokens of a sample that computing is charged for", CHOSEN,
        "The usual padded length for GLUE sentences.", group=_COMPUTE, low=1,
    )  # fmt: skip
    bits_per_token: int = _symbol(
        16, "", "bit", "bits of one token of data", CHOSEN, "A vocabulary of up to 65,536 words.",
        group=_COMPUTE, low=1,
    )  # fmt: skip

    flops_per_cycle: float = _symbol(
        16.0, "", "FLOP/cycle", "arithmetic of one processor cycle", CHOSEN,
        "Two 128-bit units that multiply and add in single precision, as in the cores of phones.",
        group=_COMPUTE, **_POSITIVE,
    )  # fmt: skip

    # LoRA modules, Secs. II and V
    num_modules: int = _symbol(4, "N", "", "LoRA modules that the gNB offers", STATED, "Sec. V", group=_MODULES, low=1)
    lora_ranks: tuple[int, ...] = _symbol(
        (2, 4, 8, 16), "r_n", "", "rank of each module", CHOSEN,
        "The paper calls the modules diverse without saying how; ranks from 2 to 16 span what is used in practice.",
        group=_MODULES, low=1,
    )  # fmt: skip
    lora_alpha: int = _symbol(
        16, "", "", "LoRA scale: the product of the factors is multiplied by alpha/r", CHOSEN,
        "A common default.", group=_MODULES, low=1,
    )  # fmt: skip
    lora_layers: int | None = _symbol(
        None, "", "", "number of last encoder layers that carry LoRA (not set: all)", CHOSEN,
        "All layers, as LoRA is usually applied; fewer layers train faster.", group=_MODULES, low=1, optional=True,
    )  # fmt: skip
    bits_per_parameter: int = _symbol(
        32, "", "bit", "bits of one parameter or gradient entry on air", CHOSEN, "Single precision.",
        group=_MODULES, low=1,
    )  # fmt: skip

    # Data and training, Secs. II and V
    partition: str = _symbol(
        "label", "", "", "how the training data differ between UEs", CHOSEN,
        "The paper says Dirichlet and non-IID, which usually means skewed labels; UEs may also hold unequal amounts, "
        "or product domains of their own.", group=_DATA, choices=("label", "quantity", "domain"),
    )  # fmt: skip
    domains_per_ue: int = _symbol(
        2, "", "", "product domains of a UE where data are dealt out by domain", CHOSEN,
        "Some overlap between UEs, and no UE with all.", group=_DATA, low=1,
    )  # fmt: skip
    dirichlet_concentration: float = _symbol(
        0.5, "", "", "concentration of the Dirichlet distribution, over labels or over amounts", CHOSEN,
        "The paper names the distribution only; 0.5 (times the vector of ones) is markedly non-IID.",
        group=_DATA, **_POSITIVE,
    )  # fmt: skip
    batch_size: int = _symbol(
        32, "D_k^t", "sample", "mini-batch of one UE in one round", CHOSEN, "A usual mini-batch.", group=_DATA, low=1
    )
    test_samples: int = _symbol(
        64, r"D_{k,\mathrm{te}}^t", "sample", "test samples of one UE", CHOSEN,
        "Enough to tell the accuracy of a UE to about 6 points; the mean over UEs is far sharper.", group=_DATA, low=1,
    )  # fmt: skip
    optimizer: str = _symbol(
        "adam", "", "", "how the aggregated gradient of (1) is applied", CHOSEN,
        "(1) prints plain SGD; Adam on the same aggregate is what such models are trained with.",
        group=_DATA, choices=("adam", "sgd"),
    )  # fmt: skip
    learning_rate: float = _symbol(
        3e-3, r"\eta", "", "step size on the aggregated gradient", CHOSEN,
        "Usual for LoRA with Adam; the 1/epsilon of Theorem 1 concerns the theory only.", group=_DATA, **_POSITIVE,
    )  # fmt: skip

    full_learning_rate: float = _symbol(
        1e-4, "", "", "step size where the whole model is fine-tuned", CHOSEN,
        "Full fine-tuning of such encoders takes steps between 1e-5 and 1e-4; with those of LoRA it diverges.",
        group=_DATA, **_POSITIVE,
    )  # fmt: skip
    local_training: str = _symbol(
        "gradient", "", "", "what a UE sends", CHOSEN,
        "(1) prints one gradient of the mini-batch; steps are the changes after local_iterations steps on it, which is "
        "what (4) charges for.", group=_DATA, choices=("gradient", "steps"),
    )  # fmt: skip

    precision: str = _symbol(
        "float32", "", "", "number format of the frozen weights and of what passes through them", CHOSEN,
        "What is trained, its optimizer and the losses stay in float32. Where a processor multiplies bfloat16 faster "
        "(`fedswitch doctor` says so) it may be worth its rounding; where nothing is frozen it changes nothing.",
        group=_DATA, choices=("float32", "bfloat16"),
    )  # fmt: skip

    # Generalization bound, Sec. III
    smoothness: float = _symbol(
        1.0, r"\epsilon", "", "smoothness of the risk", CHOSEN, "Fixes the unit of the risk.", group=_BOUND, **_POSITIVE
    )
    strong_convexity: float = _symbol(
        0.1, r"\xi", "", "strong convexity of the risk", CHOSEN, "A condition number of 10.", group=_BOUND, **_POSITIVE
    )
    zeta1: float = _symbol(
        1.0, r"\zeta_1", "", "gradient bound of Assumption 3, constant part", CHOSEN,
        "Fixes the unit of the squared gradient, on a bounded domain.", group=_BOUND, low=0.0,
    )  # fmt: skip
    zeta2: float = _symbol(
        5e-4, r"\zeta_2", "", "gradient bound of Assumption 3, relative part", CHOSEN,
        "Below 1/(4K), without which the printed rate of Theorem 1 is negative.", group=_BOUND, low=0.0,
    )  # fmt: skip

    # Online optimization, Sec. IV
    subscription_limit: int = _symbol(
        1, "s^t", "", "modules that a UE may subscribe to in one round", STATED, "Sec. V", group=_CONTROL, low=1
    )
    min_participation: float = _symbol(
        0.1, "v_n", "", "least long-run participation in each module", STATED, "Sec. V", group=_CONTROL,
        low=0.0, high=1.0,
    )  # fmt: skip
    energy_weight_per_j: float = _symbol(
        1e-3, r"\mu", "1/J", "energy efficiency coefficient", CHOSEN,
        "With the stated 1e5 (1e6 in Fig. 5) a joule outweighs all that the bound of Theorem 1 can gain, and nobody "
        "ever transmits. At 1e-3, with 100 UEs and 4 modules, the energy of a UE at full power, most of it for "
        "computing, weighs about a tenth of what its upload is worth.",
        group=_CONTROL, low=0.0,
    )  # fmt: skip
    dual_step: float | None = _symbol(
        None, r"\varsigma", "", "step of the dual update (11) (not set: largest spread of a UE's gradients)", CHOSEN,
        "Duals act only when they are of the gradients' size, which differs between UEs by decades.",
        group=_CONTROL, **_POSITIVE, optional=True,
    )  # fmt: skip
    min_delay_s: float = _symbol(
        5e-3, r"E_{\min}", "s", "lower end of Algorithm 1's bracket, as printed", STATED, "Sec. V", group=_CONTROL,
        **_POSITIVE,
    )  # fmt: skip
    max_delay_s: float | None = _symbol(
        None, r"E_{\mathrm{input}}", "s", "upper end of Algorithm 1's bracket (not set: one that is always feasible)",
        CHOSEN, "A fixed value is infeasible in some cells.", group=_CONTROL, **_POSITIVE, optional=True,
    )  # fmt: skip
    bandwidth_tolerance: float = _symbol(
        1e-3, r"\omega", "", "unused share of the bandwidth at which Algorithm 1 stops", CHOSEN,
        "A thousandth of the bandwidth.", group=_CONTROL, **_POSITIVE, high=1.0,
    )  # fmt: skip
    max_bisections: int = _symbol(
        60, r"j_{\max}", "", "iteration limit of Algorithm 1", CHOSEN,
        "60 halvings exhaust double precision.", group=_CONTROL, low=1,
    )  # fmt: skip
    max_inner_iterations: int = _symbol(
        20, r"e_{\max}", "", "iteration limit of Algorithm 2's inner loop", CHOSEN,
        "Trials needed at most 12.", group=_CONTROL, low=1,
    )  # fmt: skip
    objective_tolerance: float = _symbol(
        1e-4, r"q_{\mathrm{th}}", "", "relative change of the objective at which that loop stops", CHOSEN,
        "Well below the differences between schemes.", group=_CONTROL, **_POSITIVE,
    )  # fmt: skip

    def __post_init__(self) -> None:
        for name, symbol in self.symbols().items():
            _check_field(name, symbol, getattr(self, name))
        if len(self.lora_ranks) != self.num_modules:
            raise ValueError(
                f"lora_ranks has {len(self.lora_ranks)} entries but num_modules is {self.num_modules}: "
                "give one rank for each module"
            )
        if self.strong_convexity > self.smoothness:
            raise ValueError(
                f"strong_convexity = {self.strong_convexity:g} exceeds smoothness = {self.smoothness:g}: "
                "Assumption 2 needs xi <= epsilon"
            )
        if self.subscription_limit > self.num_modules:
            raise ValueError(
                f"subscription_limit = {self.subscription_limit} exceeds num_modules = {self.num_modules}: "
                "a UE cannot subscribe to more modules than there are"
            )
        if self.num_modules * self.min_participation > self.subscription_limit:
            raise ValueError(
                f"min_participation = {self.min_participation:g} in each of {self.num_modules} modules needs more "
                f"than the {self.subscription_limit} subscription(s) a round that (7c) allows: it may be at most "
                f"{self.subscription_limit / self.num_modules:g}"
            )
        if self.min_power_w > self.max_power_w:
            raise ValueError(f"min_power_w = {self.min_power_w:g} W exceeds max_power_w = {self.max_power_w:g} W")
        if self.min_distance_m >= self.cell_radius_m:
            raise ValueError(
                f"min_distance_m = {self.min_distance_m:g} m is not below the cell radius {self.cell_radius_m:.4g} m "
                "that base_station_density_per_m2 gives"
            )

    @classmethod
    def corrected(cls, **changes: Any) -> Scenario:
        """The default: corrected forms and physically consistent choices, with `changes` by field name."""
        return cls(**changes)

    @classmethod
    def paper(cls, **changes: Any) -> Scenario:
        """The paper's own reading: what Section V states, and (4), (13) and (15) as printed."""
        return cls(**{**_AS_PRINTED, **changes})

    @classmethod
    def symbols(cls) -> dict[str, Symbol]:
        """Field name to `Symbol`, in the order of the fields."""
        return {field.name: field.metadata["symbol"] for field in dataclasses.fields(cls)}

    @property
    def bound_constants(self) -> dict[str, Any]:
        """The constants of Theorem 1, as `fedswitch.theory` takes them: smoothness, strong_convexity, zeta1, zeta2."""
        return {name: getattr(self, name) for name in ("smoothness", "strong_convexity", "zeta1", "zeta2")}

    @property
    def cell_radius_m(self) -> float:
        """Radius in m of the disc whose area is that of a mean cell, 1/(pi phi) = R^2."""
        return 1.0 / math.sqrt(math.pi * self.base_station_density_per_m2)


_AS_PRINTED: dict[str, Any] = {
    "reference_gain": 1.0,
    "outage": "printed",
    "rate": "instantaneous",
    "compute_energy": "per_model_bit",
    "energy_weight_per_j": 1e5,
}


def _check_field(name: str, symbol: Symbol, value: Any) -> None:
    """Raise ValueError naming field, value, unit and range unless `value` is admitted by `symbol`."""
    unit = f" {symbol.unit}" if symbol.unit else ""
    complaint = f"{name} = {value!r}{unit} is not allowed: {symbol.meaning} must be "
    if value is None and symbol.optional:
        return
    if symbol.choices:
        if value not in symbol.choices:
            raise ValueError(f"{complaint}{symbol.allowed}")
        return
    kind = Scenario.__annotations__[name]
    whole = "int" in kind
    several = kind.startswith("tuple")
    right_shape = several == isinstance(value, tuple)
    for item in value if several and right_shape else (value,):
        number = not isinstance(item, bool) and isinstance(item, numbers.Real) and math.isfinite(item)
        if not right_shape or not number or (whole and item != int(item)) or not symbol.admits(float(item)):
            wanted = f"{'a tuple, each entry ' if several else ''}{'a whole number' if whole else 'a number'}"
            raise ValueError(f"{complaint}{wanted} in {symbol.allowed}{unit}")
