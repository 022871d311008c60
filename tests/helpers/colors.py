"""How bright colors are, and how much they stand out, as the guidelines for accessible pages reckon it."""

import re

import numpy as np
from matplotlib.colors import to_rgb


def linear(color):
    """Linear RGB of a color as Matplotlib or, rgb(r, g, b), a browser writes it."""
    parts = np.array(
        [float(part) / 255 for part in re.findall(r"[\d.]+", color)[:3]] if "(" in color else to_rgb(color)
    )
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    low, high = sorted(linear(color) @ [0.2126, 0.7152, 0.0722] for color in (one, other))
    return (high + 0.05) / (low + 0.05)
