"""How long a round takes, (5) to (7) of the sibling: by how many devices are in it, and how they share the band.

Throughout, the received power of a device is what all of its power brings to the server, whatever its bandwidth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, checked
from ..control import set_delays
from ..wireless import delay_s, rate_bit_per_s


def prefix_delays(
    gain_w: ArrayLike, *, payload_bits: ArrayLike, bandwidth_hz: float, noise_psd_w_per_hz: float
) -> Array:
    r"""P3: the least common delay :math:`\check{D}` in s of the n strongest devices, n = 1..K; (..., K) gives (..., K).

    `gain_w` is :math:`|h_k|^2`, in any order, `payload_bits` :math:`\mu`, which may differ between devices. Infinite
    where fewer than n devices have a gain. With equal payloads, no n devices can be faster: the bandwidth (25) falls
    with the gain. With payloads that differ they can; `fedswitch.control.least_delays` is then the least delay of any
    n. Raises ValueError that names the argument for a gain that is negative, other values that are not positive, and
    values that are not finite.
    """
    power, payload = checked(non_negative={"gain_w": gain_w}, positive={"payload_bits": payload_bits})
    order = np.argsort(-np.atleast_1d(power), axis=-1, kind="stable")
    first = np.argsort(order, axis=-1)[..., np.newaxis, :] <= np.arange(order.shape[-1])[:, np.newaxis]
    return set_delays(payload, power, first, bandwidth_hz=bandwidth_hz, noise_psd_w_per_hz=noise_psd_w_per_hz)


def equal_share_delays(
    gain_w: ArrayLike, *, payload_bits: ArrayLike, bandwidth_hz: float, noise_psd_w_per_hz: float
) -> Array:
    r"""(28) without its stray k: the delay in s of n devices with equal shares, n = 1..K; as `prefix_delays`.

    .. math:: \frac{n \mu}{B \log_2(1 + n |h_n|^2 / (B \sigma^2))}

    with the n-th strongest device, which ends last. It rises with n: :math:`n / \ln(1 + n g)` does, and falls with g.
    With payloads that differ, these are the n devices that end first with a share of 1/n. What is printed:
    `readings.equal_share_with_a_stray_factor`.
    """
    power, payload, _ = checked(
        non_negative={"gain_w": gain_w}, positive={"payload_bits": payload_bits, "bandwidth_hz": bandwidth_hz}
    )
    power, payload = np.broadcast_arrays(np.atleast_1d(power), payload)
    size = power.shape[-1]
    rate = rate_bit_per_s(
        1.0 / np.arange(1, size + 1)[:, np.newaxis], power[..., np.newaxis, :], 0.0,
        bandwidth_hz=bandwidth_hz, noise_psd_w_per_hz=noise_psd_w_per_hz,
    )  # fmt: skip
    alone = np.sort(delay_s(payload[..., np.newaxis, :], rate), axis=-1)
    return np.diagonal(alone, axis1=-2, axis2=-1).copy()
