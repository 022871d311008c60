"""What a module is owed, against a loop over rounds by the definition."""

import numpy as np
import pytest
from sliders import check_data, curve, fact, number

from fedswitch.figures.debts import debt_figure

GRADIENT = (-1.0, -0.8, -0.7, -0.6)


@pytest.fixture(scope="module")
def figure():
    return debt_figure(GRADIENT)


def test_data_are_finite_and_light(figure):
    check_data(figure)


@pytest.mark.parametrize("setting", [(0, 1, 3), (13, 1, 1), (27, 0, 2), (27, 1, 3), (40, 2, 0)])
def test_debts_follow_their_definition(figure, setting):
    step, promised, module = (number(figure, i, setting) for i in range(3))
    assert step == pytest.approx(0.008 * 500 ** (setting[0] / 40), rel=0.05)
    step = 0.008 * 500 ** (setting[0] / 40)
    dual, taken, owed = [0.0] * 4, [], []
    for _ in range(100):
        cost = [worth - debt for worth, debt in zip(GRADIENT, dual, strict=True)]
        best = min(range(4), key=lambda n: cost[n]) if min(cost) < 0 else None
        dual = [max(0.0, debt + step * (promised - (n == best))) for n, debt in enumerate(dual)]
        taken.append(best)
        owed.append(dual[int(module) - 1])
    rounds = np.arange(1.0, 101.0)
    corners, heights = (values[np.isfinite(values)] for values in curve(figure, "dual of the module", setting))
    assert np.interp(rounds, corners, heights) == pytest.approx(np.array(owed), abs=1e-8 * max(owed))
    assert curve(figure, "each module", setting, panel=1)[1] == pytest.approx(np.array(taken) + 1)
    assert curve(figure, "the module above", setting, panel=1)[1] == pytest.approx(module)
    assert fact(figure, "share", setting) == f"{100 * np.mean(np.array(taken) == module - 1):g} %"
    assert float(fact(figure, "owed", setting)) == pytest.approx(np.mean(owed[50:]), rel=6e-3, abs=1e-9)
    lacks = curve(figure, "by how much it is worse than the best", setting)[1]
    assert lacks == pytest.approx(GRADIENT[int(module) - 1] - min(GRADIENT))
