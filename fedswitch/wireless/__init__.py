"""Sections II and IV-B of the paper: geometry, channel (2), energy (4), rate (13), success probability (15).

NumPy and SciPy.
"""

from .cell import Cell, Channel
from .channel import Radio, noise_power_w, path_gain, rayleigh_power_gain, received, sinr
from .energy import training_energy_j, uplink_energy_j
from .ergodic import ergodic_spectral_efficiency
from .geometry import interferer_distances_m, ue_distances_m
from .outage import deadline_threshold, interference_integral, success_probability
from .rate import delay_s, rate_bit_per_s
from .reception import Reception, reception_threshold
from .voronoi import voronoi_link_distances_m

__all__ = [
    "Cell",
    "Channel",
    "Radio",
    "Reception",
    "deadline_threshold",
    "delay_s",
    "ergodic_spectral_efficiency",
    "interference_integral",
    "interferer_distances_m",
    "noise_power_w",
    "path_gain",
    "rate_bit_per_s",
    "rayleigh_power_gain",
    "received",
    "reception_threshold",
    "sinr",
    "success_probability",
    "training_energy_j",
    "ue_distances_m",
    "uplink_energy_j",
    "voronoi_link_distances_m",
]
