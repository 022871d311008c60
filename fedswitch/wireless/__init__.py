"""Section II of the paper: geometry, channel (2), success probability (15), rate (13), energy (4). NumPy only."""

from .cell import Cell, Channel
from .channel import noise_power_w, path_gain, rayleigh_power_gain, received, sinr
from .energy import compute_bits, compute_energy_j, uplink_energy_j
from .geometry import interferer_distances_m, ue_distances_m
from .outage import deadline_threshold, interference_integral, success_probability
from .rate import delay_s, rate_bit_per_s

__all__ = [
    "Cell",
    "Channel",
    "compute_bits",
    "compute_energy_j",
    "deadline_threshold",
    "delay_s",
    "interference_integral",
    "interferer_distances_m",
    "noise_power_w",
    "path_gain",
    "rate_bit_per_s",
    "rayleigh_power_gain",
    "received",
    "sinr",
    "success_probability",
    "ue_distances_m",
    "uplink_energy_j",
]
