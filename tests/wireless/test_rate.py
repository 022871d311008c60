import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.wireless import delay_s, rate_bit_per_s

CELL = {"bandwidth_hz": 1e9, "noise_psd_w_per_hz": 1e-19}
powers = st.floats(1e-16, 1e-6)
shares = st.floats(1e-6, 0.4)


def test_rate_by_hand():
    # a quarter of 1 GHz has 2.5e-11 W of noise; SINR 15 carries 4 bit/s/Hz
    assert rate_bit_per_s(0.25, 15 * 3e-11, 5e-12, **CELL) == pytest.approx(1e9)


def test_no_share_and_no_signal_carry_nothing():
    rate = rate_bit_per_s([[0.0], [0.1]], [0.0, 1e-9], [0.0, 0.0], **CELL)
    assert rate.shape == (2, 2)
    np.testing.assert_array_equal(rate > 0, [[False, False], [False, True]])
    np.testing.assert_array_equal(np.isfinite(rate), True)


@given(share=shares, signal=powers, interference=powers)
def test_rate_is_increasing_and_concave_in_the_share(share, signal, interference):
    shares_in_line = share * np.array([1.0, 1.5, 2.0])
    low, middle, high = rate_bit_per_s(shares_in_line, signal, interference, **CELL)
    assert low < middle < high
    assert middle >= (low + high) / 2 * (1 - 1e-12)


@given(signal=powers, interference=powers)
def test_rate_saturates_at_the_floor_of_the_noise(signal, interference):
    wide = rate_bit_per_s(1.0, signal, interference, bandwidth_hz=1e22, noise_psd_w_per_hz=1e-19)
    assert wide == pytest.approx(signal / (1e-19 * np.log(2)), rel=1e-2)


def test_delay_by_hand_and_at_its_limits():
    np.testing.assert_array_equal(
        delay_s([10.0, 0.0, 0.0, 10.0, 10.0], [4.0, 4.0, 0.0, 0.0, np.inf]), [2.5, 0, 0, np.inf, 0]
    )


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: rate_bit_per_s(-0.1, 1.0, 0.0, **CELL), "share"),
        (lambda: rate_bit_per_s(0.1, np.nan, 0.0, **CELL), "signal_w"),
        (lambda: rate_bit_per_s(0.1, 1.0, np.inf, **CELL), "interference_w"),
        (lambda: rate_bit_per_s(0.1, 1.0, 0.0, bandwidth_hz=-1.0, noise_psd_w_per_hz=1e-19), "bandwidth_hz"),
        (lambda: rate_bit_per_s(0.1, 1.0, 0.0, bandwidth_hz=1e9, noise_psd_w_per_hz=0.0), "noise_psd_w_per_hz"),
        (lambda: rate_bit_per_s(np.ones(2), np.ones(3), 0.0, **CELL), "signal_w"),
        (lambda: delay_s(-1.0, 1.0), "payload_bits"),
        (lambda: delay_s(1.0, np.nan), "rate_bit_per_s"),
    ],
)
def test_bad_arguments_are_named(call, named):
    with pytest.raises(ValueError, match=rf"\b{named}\b"):
        call()
