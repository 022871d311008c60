import numpy as np
import pytest

from fedswitch import Scenario
from fedswitch.learning.schemes import SCHEMES, make_scheme


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("limit", [1, 3])
def test_every_scheme_keeps_7c_and_is_decided_by_seed_and_round(name, limit):
    scenario = Scenario.corrected(num_ues=25, subscription_limit=limit)
    first, again = make_scheme(name, scenario, 7), make_scheme(name, scenario, 7)
    for t in (0, 5):
        beta = first.subscribe(t)
        assert beta.shape == (4, 25)
        assert beta.dtype == bool
        assert (beta.sum(axis=0) <= limit).all()
        assert np.array_equal(beta, again.subscribe(t))


def test_random_subscriptions_are_even_over_the_modules():
    scheme = make_scheme("random", Scenario.corrected(num_ues=100), 0)
    share = np.mean([scheme.subscribe(t) for t in range(200)], axis=(0, 2))
    # 20,000 draws: standard error 0.003
    assert share == pytest.approx(np.full(4, 0.25), abs=0.012)
