"""Labels in the sources of the book are found, in whatever way they are written."""

import pytest

from fedswitch.paper import places


def test_places_are_found_in_all_ways_to_write_a_label(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "book" / "one.md").write_text(
        "$$\na = b\n$$ (paper-eq-7a)\n\n$$\nc\n$$ (sibling-eq-7)\n\n"
        "```{prf:theorem} T\n:label: paper-thm-1\n```\n\nSee {eq}`paper-eq-9`.\n"
    )
    (tmp_path / "notebooks" / "two.md").write_text(
        "(paper-fig-3)=\n# Fig\n\n```{code-cell}\n---\nmystnb:\n  figure:\n    name: paper-fig-4\n---\n```\n"
        "```{figure} a.svg\n:name: paper-fig-5\n```\n"
    )
    assert places(tmp_path) == {
        "paper-eq-7a": "book/one",
        "sibling-eq-7": "book/one",
        "paper-thm-1": "book/one",
        "paper-fig-3": "notebooks/two",
        "paper-fig-4": "notebooks/two",
        "paper-fig-5": "notebooks/two",
    }


def test_a_label_that_is_there_twice_is_refused(tmp_path):
    (tmp_path / "book").mkdir()
    for name in ("one", "two"):
        (tmp_path / "book" / f"{name}.md").write_text("$$ a $$ (paper-eq-1)\n(paper-eq-2)=\n")
    with pytest.raises(ValueError, match=r"paper-eq-2 is in book/one and in book/two"):
        places(tmp_path)


def test_a_folder_without_the_book_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no pages of the book"):
        places(tmp_path)
