"""Where the book shows an element of the paper or of its sibling.

The places are not written down: an element stands where the sources of the book carry its label, `paper-eq-7a` for
equation (7a), and `sibling-eq-7` for (7) of the sibling.
"""

from __future__ import annotations

import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = ("book/*.md", "notebooks/*.md")
_LABEL = re.compile(
    r"^(?:\$\$ \(|:(?:label|name): | *name: |\()((?:paper|sibling)-[a-z]+-\d+[a-z]?)(?:\)=?)?$", re.MULTILINE
)


def places(root: Path = _ROOT) -> dict[str, str]:
    """Label of every element of both papers in the book to the page that carries it, such as "book/switching".

    `root` is a clone of the repository. Raises FileNotFoundError where it holds no book, and ValueError for a label
    that is there twice.
    """
    pages = [path for pattern in _PAGES for path in sorted(root.glob(pattern))]
    if not pages:
        raise FileNotFoundError(f"{root} holds no pages of the book: give the folder of a clone of the repository")
    found: dict[str, str] = {}
    for path in pages:
        page = path.relative_to(root).with_suffix("").as_posix()
        for label in _LABEL.findall(path.read_text(encoding="utf-8")):
            if label in found:
                raise ValueError(f"the label {label} is in {found[label]} and in {page}: keep one of them")
            found[label] = page
    return found
