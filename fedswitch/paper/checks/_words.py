"""Numbers as a sentence has them."""

from __future__ import annotations


def percent(share: float) -> str:
    """A share in percent, to three digits."""
    return f"{100.0 * share:.3g} %"


def duration(seconds: float) -> str:
    """A time in s, or in ms if it is shorter than that, to four digits."""
    return f"{seconds:.4g} s" if seconds >= 1.0 else f"{1e3 * seconds:.4g} ms"


def milliwatts(watts: float) -> str:
    """A power in mW, to three digits."""
    return f"{1e3 * watts:.3g} mW"
