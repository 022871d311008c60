"""The progress bar of a run: shown on a terminal, or where the command line asks for it, and silent elsewhere."""

from __future__ import annotations

import os
import sys
from typing import Any

from tqdm import tqdm

PROGRESS_VARIABLE = "FEDSWITCH_PROGRESS"
"""Set to 1 to show bars where standard error is not a terminal (in a notebook's kernel, say), to 0 to hide them."""


def rounds_bar(label: str, first: int, total: int, shown: bool | None) -> Any:
    """A tqdm bar over rounds `first` to `total`; `shown` None means as the place and PROGRESS_VARIABLE say."""
    if shown is None:
        asked = os.environ.get(PROGRESS_VARIABLE)
        shown = sys.stderr.isatty() if asked is None else asked == "1"
    return tqdm(
        total=total, initial=first, desc=label, unit="round", disable=not shown, file=sys.stderr, mininterval=1.0,
        dynamic_ncols=False, ncols=100,
    )  # fmt: skip
