"""Section III of the paper: the constants of Theorem 1, as printed and as they follow from its proof. NumPy only."""

from .constants import constants, ue_constants

__all__ = ["constants", "ue_constants"]
