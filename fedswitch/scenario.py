"""`Scenario`: every symbol of the paper's Sections II to V, with its unit, its value, and who chose it.

Each field is declared once, by `symbol`; validation, the error messages and the parameter table of the book are all
made from that declaration.
"""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import Any, Literal

from .errors import names_unknown_fields
from .symbols import Declared, symbol
from .units import db_to_ratio, dbm_to_w

Form = Literal["printed", "corrected"]
"""A formula as the paper prints it, or as it follows."""

_cell, _compute, _modules, _data, _bound, _control = (
    partial(symbol, group)
    for group in (
        "Cell and radio (Sec. II)",
        "Computing and energy (Sec. II)",
        "LoRA modules (Secs. II and V)",
        "Data and training (Secs. II and V)",
        "Generalization bound (Sec. III)",
        "Online optimization (Sec. IV)",
    )
)


@names_unknown_fields
@dataclasses.dataclass(frozen=True)
class Scenario(Declared):
    """The wireless cell, its UEs, their data and the algorithm's constants: one frozen, validated value.

    All fields are in SI units (Hz, W, m, bit, s, J) and linear ratios. `Scenario.corrected()` is the default reading,
    `Scenario.paper()` the printed one; both take changes by field name. `symbols()` tells unit, meaning, origin and
    range of every field, and `dataclasses.replace` makes a changed copy, validated again.

    Numbers of other libraries become Python's own, exactly: ``np.int32(200)`` 200, and 10.0 UEs are 10. Raises
    ValueError, naming field, value, unit and allowed range, when made with a value out of range, and TypeError, with
    the nearest name, for a field that does not exist.
    """

    # a table: value, symbol, unit, meaning, reason, limits
    # fmt: off
    num_ues: int = _cell(100, "K", "", "UEs in the cell", low=1)
    path_loss_exponent: float = _cell(3.8, r"\alpha", "", "path loss exponent", above=2.0)
    reference_gain: float = _cell(float(db_to_ratio(-30.0)), "", "", "path gain at 1 m",
        "The paper has unit gain at 1 m, which leaves noise so weak that a power common to all UEs cancels; 30 dB is "
        "the usual loss of the first meter.", above=0.0, high=1.0, shown_in="dB")
    base_station_density_per_m2: float = _cell(3e-5, r"\phi", "1/m^2", "density of gNBs",
        "A small urban cell: the radius of a disc that holds one gNB is 103 m.", above=0.0)
    min_distance_m: float = _cell(5.0, "", "m", "smallest distance between UE and gNB",
        "Keeps the power law of the path loss out of the near field, where it diverges.", above=0.0)
    bandwidth_hz: float = _cell(1e9, "W", "Hz", "total uplink bandwidth", above=0.0)
    noise_psd_w_per_hz: float = _cell(
        float(dbm_to_w(-162.0)), "N_0", "W/Hz", "noise power density", above=0.0, shown_in="dBm/Hz")
    max_power_w: float = _cell(0.2, r"P_{\max}", "W", "largest transmit power of a UE", above=0.0)
    min_power_w: float = _cell(1e-7, "", "W", "least transmit power of a UE that transmits",
        "(7e) leaves the powers open at 0, where the printed (21) then has no minimum; -40 dBm is what a 5G phone must "
        "be able to go down to.", above=0.0)
    interferer_power_w: float = _cell(0.2, "P_l", "W", "transmit power of out-of-cell UEs",
        "They transmit at the largest power: the worst case, and independent of our power control.", low=0.0)
    sinr_threshold: float = _cell(float(db_to_ratio(-5.0)), r"\theta", "", "SINR threshold of reception",
        "Stated only for Fig. 5 (-15 dB to 15 dB); -5 dB lets about three quarters of the uploads through.",
        above=0.0, shown_in="dB")
    outage: str = _cell("exact", r"\lambda_{n,k}", "", "success probability (15)",
        "As printed, (15) does not follow from (2): too low near the gNB and too high at the cell edge.",
        choices=("printed", "exact"))
    threshold: str = _cell("fixed", "", "", "what the SINR threshold is",
        "The paper varies a threshold of its own (Fig. 5). With a deadline it is the SINR that carries the payload in "
        "time, the reading in which more bandwidth buys reliability.", choices=("fixed", "deadline"))
    deadline_s: float = _cell(1.0, "", "s", "duration of every upload when a deadline sets the threshold",
        "About what the largest cell of Sec. V needs.", above=0.0)
    rate: str = _cell("ergodic", "", "", "rate in (13)",
        "The rate of the instantaneous SINR, as printed, has an infinite mean delay under Rayleigh fading.",
        choices=("instantaneous", "ergodic"))

    cpu_frequency_hz: float = _compute(1.5e9, "f_k", "Hz", "processor frequency", above=0.0)
    cycles_per_bit: float = _compute(737.5, "M_k", "cycle/bit", "cycles to process one bit", above=0.0)
    chip_energy_coefficient: float = _compute(
        1e-27, r"\varrho_k", "J s^2", "energy of one cycle divided by the frequency squared", above=0.0)
    local_iterations: int = _compute(4, r"\tau", "", "local iterations that (4) charges", low=1)
    compute_energy: str = _compute("per_data_bit", "", "", "what the cycles of (4) are counted by",
        "(4) multiplies cycles per bit by the bits of the whole model, for every sample: with RoBERTa 0.85 MJ a round. "
        "Per bit of data is the usual meaning of the constant; FLOPs count what the arithmetic takes.",
        choices=("per_model_bit", "per_data_bit", "flops"))
    tokens_per_sample: int = _compute(128, "", "token", "tokens of a sample that computing is charged for",
        "The usual padded length for GLUE sentences.", low=1)
    bits_per_token: int = _compute(
        16, "", "bit", "bits of one token of data", "A vocabulary of up to 65,536 words.", low=1)
    flops_per_cycle: float = _compute(16.0, "", "FLOP/cycle", "arithmetic of one processor cycle",
        "Two 128-bit units that multiply and add in single precision, as in the cores of phones.", above=0.0)

    num_modules: int = _modules(4, "N", "", "LoRA modules that the gNB offers", low=1)
    lora_ranks: tuple[int, ...] = _modules((2, 4, 8, 16), "r_n", "", "rank of each module",
        "The paper calls the modules diverse without saying how; ranks from 2 to 16 span what is used in practice.",
        low=1)
    lora_alpha: int = _modules(
        16, "", "", "LoRA scale: the product of the factors is multiplied by alpha/r", "A common default.", low=1)
    lora_layers: int | None = _modules(None, "", "", "number of last encoder layers that carry LoRA (not set: all)",
        "All layers, as LoRA is usually applied; fewer layers train faster.", low=1, optional=True)
    bits_per_parameter: int = _modules(
        32, "", "bit", "bits of one parameter or gradient entry on air", "Single precision.", low=1)

    partition: str = _data("label", "", "", "how the training data differ between UEs",
        "The paper says Dirichlet and non-IID, which usually means skewed labels; UEs may also hold unequal amounts, "
        "or product domains of their own.", choices=("label", "quantity", "domain"))
    domains_per_ue: int = _data(2, "", "", "product domains of a UE where data are dealt out by domain",
        "Some overlap between UEs, and no UE with all.", low=1)
    dirichlet_concentration: float = _data(
        0.5, "", "", "concentration of the Dirichlet distribution, over labels or over amounts",
        "The paper names only the distribution; 0.5 (times the vector of ones) is markedly non-IID.", above=0.0)
    batch_size: int = _data(32, "D_k^t", "sample", "mini-batch of one UE in one round", "A usual mini-batch.", low=1)
    test_samples: int = _data(64, r"D_{k,\mathrm{te}}^t", "sample", "test samples of one UE",
        "Enough to tell the accuracy of a UE to about 6 points; the mean over UEs is far sharper.", low=1)
    optimizer: str = _data("adam", "", "", "how the aggregated gradient of (1) is applied",
        "(1) is plain SGD, but such models are usually trained with Adam, here on the same aggregate.",
        choices=("adam", "sgd"))
    learning_rate: float = _data(3e-3, r"\eta", "", "step size on the aggregated gradient",
        "Usual for LoRA with Adam; the 1/epsilon of Theorem 1 concerns the theory only.", above=0.0)
    full_learning_rate: float = _data(1e-4, "", "", "step size where the whole model is fine-tuned",
        "Full fine-tuning of such encoders needs steps between 1e-5 and 1e-4; with those of LoRA it diverges.",
        above=0.0)
    local_training: str = _data("gradient", "", "", "what a UE sends",
        "(1) prints one gradient of the mini-batch; steps are the changes after local_iterations steps on it, which is "
        "what (4) charges for.", choices=("gradient", "steps"))
    precision: str = _data("float32", "", "", "number format of the frozen weights and of what passes through them",
        "What is trained, its optimizer and the losses stay in float32. Where a processor multiplies bfloat16 faster "
        "(`fedswitch doctor` says so) it may be worth its rounding; where nothing is frozen it changes nothing.",
        choices=("float32", "bfloat16"))

    smoothness: float = _bound(1.0, r"\epsilon", "", "smoothness of the risk", "Fixes the unit of the risk.", above=0.0)
    strong_convexity: float = _bound(
        0.1, r"\xi", "", "strong convexity of the risk", "A condition number of 10.", above=0.0)
    zeta1: float = _bound(1.0, r"\zeta_1", "", "gradient bound of Assumption 3, constant part",
        "Fixes the unit of the squared gradient, on a bounded domain.", low=0.0)
    zeta2: float = _bound(5e-4, r"\zeta_2", "", "gradient bound of Assumption 3, relative part",
        "Below 1/(4K), without which the printed rate of Theorem 1 is negative.", low=0.0)

    subscription_limit: int = _control(1, "s^t", "", "modules that a UE may subscribe to in one round", low=1)
    min_participation: float = _control(
        0.1, "v_n", "", "least long-run participation in each module", low=0.0, high=1.0)
    energy_weight_per_j: float = _control(1e-3, r"\mu", "1/J", "energy efficiency coefficient",
        "With the stated 1e5 (1e6 in Fig. 5) a joule outweighs all that the bound of Theorem 1 can gain, and nobody "
        "ever transmits. At 1e-3, with 100 UEs and 4 modules, the energy of a UE at full power, most of it for "
        "computing, weighs about a tenth of what its upload is worth.", low=0.0)
    dual_step: float | None = _control(
        None, r"\varsigma", "", "step of the dual update (11) (not set: largest spread of a UE's gradients)",
        "Duals have an effect only if they are about as large as the gradients, which differ between UEs by decades.",
        above=0.0, optional=True)
    min_delay_s: float = _control(5e-3, r"E_{\min}", "s", "lower end of Algorithm 1's bracket, as printed", above=0.0)
    max_delay_s: float | None = _control(
        None, r"E_{\mathrm{input}}", "s", "upper end of Algorithm 1's bracket (not set: one that is always feasible)",
        "A fixed value is infeasible in some cells.", above=0.0, optional=True)
    bandwidth_tolerance: float = _control(
        1e-3, r"\omega", "", "unused share of the bandwidth at which Algorithm 1 stops",
        "A thousandth of the bandwidth.", above=0.0, high=1.0)
    max_bisections: int = _control(
        60, r"j_{\max}", "", "iteration limit of Algorithm 1", "60 halvings exhaust double precision.", low=1)
    max_inner_iterations: int = _control(
        20, r"e_{\max}", "", "iteration limit of Algorithm 2's inner loop", "Trials needed at most 12.", low=1)
    objective_tolerance: float = _control(
        1e-4, r"q_{\mathrm{th}}", "", "relative change of the objective at which that loop stops",
        "Well below the differences between schemes.", above=0.0)
    # fmt: on

    def __post_init__(self) -> None:
        super().__post_init__()
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
        return cls(**_AS_STATED | changes)

    @property
    def bound_constants(self) -> dict[str, Any]:
        """The constants of Theorem 1, as `fedswitch.theory` takes them: smoothness, strong_convexity, zeta1, zeta2."""
        return {name: getattr(self, name) for name in ("smoothness", "strong_convexity", "zeta1", "zeta2")}

    @property
    def cell_radius_m(self) -> float:
        """Radius in m of the disc whose area is that of a mean cell, 1/(pi phi) = R^2."""
        return 1.0 / math.sqrt(math.pi * self.base_station_density_per_m2)


_AS_STATED: dict[str, Any] = {
    "reference_gain": 1.0, "outage": "printed", "rate": "instantaneous", "compute_energy": "per_model_bit",
    "energy_weight_per_j": 1e5,
}  # fmt: skip
