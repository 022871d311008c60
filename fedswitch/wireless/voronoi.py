"""A network of Voronoi cells with one UE in each: what the fields of `outage` stand for, to check them with."""

from __future__ import annotations

import math

import numpy as np

from ..arguments import Array, check_generator, single, whole
from .geometry import EXTENT_RADII

# gNBs are drawn this many mean cell radii farther out than UEs are wanted, so that the cells of those UEs are whole.
_MARGIN_RADII = 5.0


def voronoi_link_distances_m(
    num_networks: int,
    *,
    base_station_density_per_m2: float,
    rng: np.random.Generator,
    extent_radii: float = EXTENT_RADII,
) -> tuple[Array, Array]:
    r"""Draw the distances r and R in m of the out-of-cell UEs of (2) to a gNB and to their own, (num_networks, L) both.

    Each row is a network of its own: a Poisson process of gNBs, one more at the origin, whose cell is by Slivnyak's
    theorem a typical one, and in every other cell one UE, uniform in it. The row holds these UEs up to `extent_radii`
    mean cell radii ``(pi phi)^(-1/2)`` from the origin. Shorter rows are filled, r with infinity, as the rows of
    `interferer_distances_m` are, and R, which never exceeds r, with zeros. Raises ValueError for a density or extent
    that is not positive.
    """
    check_generator(rng)
    density_per_m2, extent = single(
        positive={"base_station_density_per_m2": base_station_density_per_m2, "extent_radii": extent_radii}
    )
    rows = [_network(extent, rng) for _ in range(whole("num_networks", num_networks))]
    shape = (len(rows), max((row.shape[1] for row in rows), default=0))
    distances, own = np.full(shape, np.inf), np.zeros(shape)
    for network, row in enumerate(rows):
        distances[network, : row.shape[1]], own[network, : row.shape[1]] = row
    radii_per_m = math.sqrt(math.pi * density_per_m2)
    return distances / radii_per_m, own / radii_per_m


def ue_in_each_cell(gnb_xy: Array, rng: np.random.Generator) -> Array:
    """Draw one UE uniformly in each Voronoi cell of gNBs at the points `gnb_xy`; shape (n, 2) both.

    Cells at the border, which have no end, have NaN instead. A cell consists of triangles that have a corner in its
    gNB and one edge of the cell opposite: one of them is chosen by area, and a point in it.
    """
    if len(gnb_xy) < 4:  # a cell that ends needs three neighbors
        return np.full(gnb_xy.shape, np.nan)
    from scipy.spatial import Voronoi  # here, because `import fedswitch` does without SciPy

    diagram = Voronoi(gnb_xy)
    # each edge bounds two cells
    cell = diagram.ridge_points.T.ravel()
    edge = np.tile(np.asarray(diagram.ridge_vertices), (2, 1))
    order = np.argsort(cell, kind="stable")
    cell, edge = cell[order], edge[order]
    a, b = (diagram.vertices[edge[:, side]] - gnb_xy[cell] for side in (0, 1))
    area = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    first, last = (np.searchsorted(cell, np.arange(len(gnb_xy)), side) for side in ("left", "right"))
    endless = first == last
    endless[cell[(edge < 0).any(axis=1)]] = True
    area[endless[cell]] = 0.0

    reached = np.concatenate([[0.0], np.cumsum(area)])
    chosen = rng.uniform(reached[first], reached[last])
    triangle = np.clip(np.searchsorted(reached, chosen, "right") - 1, first, last - 1)
    # (u, v) uniform in the unit square, the upper half folded onto the lower
    uv = rng.random((len(gnb_xy), 2))
    uv = np.where(uv.sum(axis=1, keepdims=True) > 1.0, 1.0 - uv, uv)
    ue_xy: Array = gnb_xy + uv[:, :1] * a[triangle] + uv[:, 1:] * b[triangle]
    ue_xy[endless] = np.nan
    return ue_xy


def _network(extent_radii: float, rng: np.random.Generator) -> Array:
    """Distances of the UEs of one network to the gNB at the origin and to their own, in mean cell radii."""
    outer_radii = extent_radii + _MARGIN_RADII
    num_others = rng.poisson(outer_radii**2)
    radius = outer_radii * np.sqrt(rng.random(num_others))
    angle = rng.uniform(0.0, 2.0 * math.pi, num_others)
    others = radius[:, np.newaxis] * np.column_stack([np.cos(angle), np.sin(angle)])
    ue_xy = ue_in_each_cell(np.vstack([[0.0, 0.0], others]), rng)[1:]
    distances = np.stack([np.hypot(*xy.T) for xy in (ue_xy, ue_xy - others)])
    return distances[:, distances[0] <= extent_radii]
