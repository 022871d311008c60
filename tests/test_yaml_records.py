import dataclasses
from typing import Literal

import pytest

from fedswitch.errors import FedswitchError
from fedswitch.yaml_records import read_yaml, record, records


@dataclasses.dataclass(frozen=True)
class Leaf:
    id: str
    color: Literal["green", "brown"] = "green"


@dataclasses.dataclass(frozen=True)
class Tree:
    name: str
    place: str
    leaves: tuple[Leaf, ...] = ()
    words: tuple[str, ...] = ()
    ages: dict[str, str] = dataclasses.field(default_factory=dict)


FIELDS = {"name": "oak", "leaves": [{"id": "a"}, {"id": "b", "color": "brown"}], "words": ["old"], "ages": {"a": "1"}}


def test_a_record_is_made_of_a_mapping_with_the_records_in_it():
    found = record(Tree, FIELDS, "trees", place="here")
    assert found == Tree("oak", "here", (Leaf("a"), Leaf("b", "brown")), ("old",), {"a": "1"})
    assert records(Leaf, [{"id": "a"}], "trees", "leaf") == (Leaf("a"),)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"height": "tall"}, "trees: there is no key 'height'; there are name, place, leaves, words, ages."),
        ({"name": ""}, "trees: the key 'name' is missing or empty."),
        ({"name": ["oak"]}, r"trees: name must be a text, not \['oak'\]."),
        ({"words": "old"}, "trees: words must be a list, not 'old'."),
        ({"ages": ["1"]}, r"trees: ages must be a mapping, not \['1'\]."),
        ({"words": ["old", 3]}, "trees: words 2 must be a text, not 3."),
        ({"leaves": ["a"]}, "trees, leaves 1: it must be a mapping, not 'a'."),
        ({"leaves": [{"id": "a", "color": "red"}]}, "trees, a: color must be one of green, brown, not 'red'."),
        ({"leaves": [{"id": "a"}, {"color": "green"}]}, "trees, leaves 2: the key 'id' is missing or empty."),
    ],
)
def test_what_a_record_does_not_take_is_named_with_its_place(changes, message):
    with pytest.raises(FedswitchError, match=message):
        record(Tree, FIELDS | changes, "trees", place="here")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "trees.yaml"
    with pytest.raises(FedswitchError, match=r"trees\.yaml cannot be read"):
        read_yaml(path)
    path.write_bytes(b"- name: caf\xe9")
    with pytest.raises(FedswitchError, match=r"trees\.yaml cannot be read"):
        read_yaml(path)
    path.write_text("- [")
    with pytest.raises(FedswitchError, match=r"trees\.yaml cannot be read"):
        read_yaml(path)
    path.write_text("- name: oak")
    assert read_yaml(path) == [{"name": "oak"}]
