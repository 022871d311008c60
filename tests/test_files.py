import json

import pytest

from fedswitch.errors import FedswitchError
from fedswitch.files import make_folder, packaged, write_json, write_whole


def test_what_comes_with_the_package_is_beside_it():
    assert (packaged("results") / "fig3_bandwidth.json").is_file()
    assert (packaged("notebooks") / "fig3_bandwidth.md").is_file()
    assert (packaged("book/errata") / "claims.yaml").is_file()


def test_a_file_is_replaced_only_by_a_complete_one(tmp_path):
    path = tmp_path / "deep" / "file.txt"

    def fail(unfinished):
        unfinished.write_text("half")
        raise OSError("full")

    assert write_whole(path, lambda unfinished: unfinished.write_text("first")) == path
    with pytest.raises(OSError, match="full"):
        write_whole(path, fail)
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    make_folder(tmp_path / "new" / "folder")
    (tmp_path / "file").write_text("kept")
    with pytest.raises(FedswitchError, match=r"The folder .*file cannot be written to .*--out"):
        make_folder(tmp_path / "file")


def test_a_record_may_hold_what_json_does_not_know(tmp_path):
    path, record = tmp_path / "one.json", {"a": [1], "b": 1j}
    assert json.loads(write_json(path, record, default=repr).read_text()) == {"a": [1], "b": "1j"}
    with pytest.raises(TypeError, match="complex"):
        write_json(path, record)
    assert path.exists()
