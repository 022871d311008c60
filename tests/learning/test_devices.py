import pytest
import torch

from fedswitch.learning import devices


@pytest.mark.parametrize(
    ("factor", "advice"),
    [(0.9, 'precision="float32" is as fast'), (1.1, 'precision="bfloat16" makes rounds faster')],
)
def test_bfloat16_is_recommended_where_it_gains_more_than_a_round_does_besides(factor, advice, monkeypatch):
    gain = devices.WORTHWHILE * factor
    monkeypatch.setattr(devices, "bfloat16_gain", lambda: gain)
    _, here, detail = devices.device_status()["bfloat16"]
    assert here == (factor > 1)
    assert detail == f"{gain:.1f} times as fast as in float32: {advice}"


def test_the_gain_is_the_ratio_of_median_times(monkeypatch):
    """By a clock on which a product takes 3 in float32 and 1.5 in bfloat16, but for the first, which take longer."""
    now, seen = [0.0], []

    def multiply(tokens, weights):
        assert tokens.dtype == weights.dtype
        seen.append(tokens.dtype)
        now[0] += 50.0 if len(seen) <= 2 else {torch.float32: 3.0, torch.bfloat16: 1.5}[tokens.dtype]

    monkeypatch.setattr(torch.nn.functional, "linear", multiply)
    monkeypatch.setattr(devices.time, "perf_counter", lambda: now[0])
    assert devices.bfloat16_gain(turns=5) == 2.0
    assert seen == [torch.float32, torch.bfloat16] * 5


def test_the_processor_is_called_by_its_kind():
    assert devices.device_name("cpu") == devices.device_name(torch.device("cpu", 0)) == "cpu"
