"""What tests share that read figures with sliders."""

import json
import re

import numpy as np

from fedswitch.figures.charts import Sum, places
from fedswitch.figures.explorable import told

LIMIT_BYTES = 150_000


def curve(figure, label, setting, panel=0):
    """Points (x, y) of a curve at a setting."""
    (found,) = (one for one in figure.panels[panel].curves if one.label == label)
    return places(found, setting)


def number(figure, control, setting):
    """What the slider says at a setting, as a number."""
    return float(re.match(r"[\d.e+-]+", figure.controls[control].values[setting[control]])[0])


def fact(figure, name, setting):
    return told(figure.facts[name], setting)


def check_data(figure):
    """Numbers are finite, the data are light, and every curve has a point at every setting."""
    text = json.dumps(figure.data, allow_nan=False, separators=(",", ":"))
    assert len(text.encode()) < LIMIT_BYTES
    for panel in figure.panels:
        for one in panel.curves:
            assert one.label
            if isinstance(one.y, Sum):
                rng = np.random.default_rng(0)
                drawn = rng.integers(
                    [len(control.values) for control in figure.controls], size=(50, len(figure.controls))
                )
                seen = np.array([np.isfinite(one.y.at(setting)).any() for setting in drawn])
            else:
                seen = np.isfinite(np.asarray(one.y, dtype=float)).any(axis=-1)
            assert seen.all(), f"{one.label} has settings without a point"
    assert len(figure.alt) > 100
