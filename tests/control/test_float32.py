"""Input in single precision is computed in double precision, throughout `theory` and `control`."""

import numpy as np
import pytest

from fedswitch import Scenario, control, theory, wireless

SCENARIO = Scenario.corrected(num_ues=3)
VALUES = np.array([0.25, 0.5, 0.75])  # the same number in either precision
POWERS = {"path_loss_exponent": 3.75, "max_power_w": 0.25}
CALLS = {
    "optimal_power": lambda x: control.optimal_power(x, 2.0, x, max_power_w=0.25),
    "optimal_power_in_field": lambda x: control.optimal_power_in_field(x, x, 2.0, x, **POWERS),
    "optimal_power_several": lambda x: control.optimal_power_several(np.stack([x, x]), 0.5, 1.0, x, **POWERS),
    "power_gradient": lambda x: control.power_gradient(x, x, x, x, np.ones((2, 3))),
    "subscribe": lambda x: control.subscribe(-x, x, 2),
    "subscribe_proximal": lambda x: control.subscribe_proximal(x, -x, x, 1, step=x[0]),
    "dual_ascent": lambda x: control.dual_ascent(x, x, min_participation=0.125, step=x),
    "cost_gradient": lambda x: control.cost_gradient(SCENARIO, x, x, x),
    "constants": lambda x: theory.constants(x / x.sum(), [x], [x], **SCENARIO.bound_constants),
    "Reception": lambda x: wireless.Reception.of(SCENARIO, 64 * x, x, 2**20).probability(x),
    "success_probability": lambda x: wireless.success_probability(
        64 * x, x, 2**20 * x, x, path_loss_exponent=3.75, noise_psd_w_per_hz=2.0**-64,
        base_station_density_per_m2=2.0**-15,
    ),
    "energy": lambda x: control.allocate_energy_optimal(
        2**20 * x, 2.0**-30 * x, 2.0**-40 * x, x, bandwidth_hz=2.0**30, noise_psd_w_per_hz=2.0**-64
    ).share,
    "ergodic": lambda x: control.allocate_bandwidth_ergodic(
        2**20 * x, 64 * x, x, wireless.Radio.of(SCENARIO)
    ).share,
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_single_precision_input(name):
    single, double = (np.asarray(CALLS[name](VALUES.astype(kind))) for kind in (np.float32, np.float64))
    assert single.dtype == double.dtype
    np.testing.assert_allclose(single, double, rtol=1e-7 if name == "constants" else 0)
