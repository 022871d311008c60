"""Subscription at random: the baseline that every switching rule has to beat."""

from __future__ import annotations

from .base import Scheme


class Random(Scheme):
    """Each UE subscribes to as many modules as (7c) allows, drawn anew in each round."""
