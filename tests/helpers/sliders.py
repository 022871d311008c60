"""What tests share that read figures with sliders."""

import json
import re

import numpy as np

from fedswitch.figures.charts import at

LIMIT_BYTES = 150_000


def curve(figure, label, setting, panel=0):
    """Points (x, y) of a curve at a setting."""
    (found,) = (one for one in figure.panels[panel].curves if one.label == label)
    return tuple(at(np.asarray(values, dtype=float), setting, points=1) for values in (found.x, found.y))


def number(figure, control, setting):
    """What the slider says at a setting, as a number."""
    return float(re.match(r"[\d.e+-]+", figure.controls[control].values[setting[control]])[0])


def fact(figure, name, setting):
    return str(at(np.asarray(figure.facts[name], dtype=str), setting))


def check_data(figure):
    """Numbers are finite, the data are light, and every curve has a point at every setting."""
    text = json.dumps(figure.data, allow_nan=False, separators=(",", ":"))
    assert len(text.encode()) < LIMIT_BYTES
    for panel in figure.panels:
        for one in panel.curves:
            assert one.label
            seen = np.isfinite(np.asarray(one.y, dtype=float)).any(axis=-1)
            assert seen.all(), f"{one.label} has settings without a point"
    assert len(figure.alt) > 100
