"""Where the UEs stand: those of the cell, and those of other cells that interfere with them (Section II)."""

from __future__ import annotations

import math

import numpy as np

from ..arguments import Array, check_generator, single, whole

# The nearer to the gNB, the rarer are UEs of other cells: their density is phi (1 - exp(-(12/5) pi phi r^2)).
EXCLUSION_RATE = 12 / 5

# A disc of this many mean cell radii holds a hundred interferers on average; those beyond add up to nearly a constant.
EXTENT_RADII = 10.0


def ue_distances_m(num_ues: int, *, min_distance_m: float, cell_radius_m: float, rng: np.random.Generator) -> Array:
    """Draw the distances d_k in m, shape (K,), of UEs that are uniform in a ring around the gNB.

    Uniform in area: the density of the distance grows with the distance. Raises ValueError unless
    ``0 < min_distance_m <= cell_radius_m``.
    """
    check_generator(rng)
    least, most = single(positive={"min_distance_m": min_distance_m, "cell_radius_m": cell_radius_m})
    if least > most:
        raise ValueError(f"min_distance_m = {least:g} exceeds cell_radius_m = {most:g}")
    squared: Array = rng.uniform(least**2, most**2, whole("num_ues", num_ues))
    return np.sqrt(squared)


def interferer_distances_m(
    num_ues: int, *, base_station_density_per_m2: float, rng: np.random.Generator, extent_radii: float = EXTENT_RADII
) -> Array:
    r"""Draw the distances in m between the gNB and the out-of-cell UEs of (2), shape (K, L).

    Row k holds the interferers of UE k, the paper's :math:`\tilde\Xi_{o,k}`; rows are independent, and shorter ones are
    filled with infinity, at which the path gain is zero. The points are Poisson, as (15) takes them to be: every other
    cell has one UE on the same channel, so that far out they are as dense as the gNBs, `base_station_density_per_m2`
    or phi, and rare near the gNB, where its own cell lies: ``phi (1 - exp(-(12/5) pi phi r^2))`` at distance r.

    `extent_radii` is where the field ends, in mean cell radii ``(pi phi)^(-1/2)``. Raises ValueError for a density or
    extent that is not positive.
    """
    check_generator(rng)
    num_ues = whole("num_ues", num_ues)
    density_per_m2, extent = single(
        positive={"base_station_density_per_m2": base_station_density_per_m2, "extent_radii": extent_radii}
    )
    # In units of the mean cell area, squared distances of a plain Poisson field are uniform with one point per unit;
    # each point is then kept with the probability that thins the field to the density above.
    area = extent**2
    num_points = rng.poisson(area, num_ues)
    shape = (num_ues, int(num_points.max(initial=0)))
    areas = rng.uniform(0.0, area, shape)
    kept = rng.random(shape) < -np.expm1(-EXCLUSION_RATE * areas)
    kept &= np.arange(shape[1]) < num_points[:, np.newaxis]
    return np.where(kept, np.sqrt(areas / (math.pi * density_per_m2)), np.inf)
