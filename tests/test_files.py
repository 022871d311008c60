import errno
import json
import os
import subprocess
import sys

import pytest

from fedswitch.errors import FedswitchError
from fedswitch.files import make_folder, packaged, reserve, write_json, write_whole


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
    with pytest.raises(FedswitchError, match=r"file\.txt could not be written \(full\): name another place\.$"):
        write_whole(path, fail)
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EIO])
def test_to_free_space_is_advised_only_where_there_is_none(code, tmp_path):
    def fail(unfinished):
        unfinished.write_text("half")
        raise OSError(code, os.strerror(code))

    with pytest.raises(FedswitchError) as refusal:
        write_whole(tmp_path / "file.txt", fail)
    full = code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    assert ("free space there" in str(refusal.value)) == full
    assert f"({os.strerror(code)})" in str(refusal.value)
    assert not list(tmp_path.iterdir())


def test_processes_that_write_one_file_at_once_do_not_mix(tmp_path):
    path = tmp_path / "file.txt"
    other = (
        "import sys; from pathlib import Path; from fedswitch.files import write_whole; "
        "write_whole(Path(sys.argv[1]), lambda unfinished: unfinished.write_text('of the other'))"
    )

    def write(unfinished):
        with unfinished.open("w") as file:
            file.write("of ")
            file.flush()
            subprocess.run([sys.executable, "-c", other, str(path)], check=True)
            assert path.read_text() == "of the other"
            file.write("this one")

    write_whole(path, write)
    assert path.read_text() == "of this one"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_cleared_away_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    killed = (
        "import os, signal, sys; from pathlib import Path; from fedswitch.files import write_whole; "
        "write_whole(Path(sys.argv[1]), lambda part: (part.write_text('half'), os.kill(os.getpid(), signal.SIGKILL)))"
    )
    for name in ("file.txt", "other.txt"):
        subprocess.run([sys.executable, "-c", killed, str(tmp_path / name)], check=False)
    (tmp_path / "file.txt.mine.part").write_text("kept")
    assert len(list(tmp_path.glob("*.part"))) == 3
    write_whole(path, lambda unfinished: unfinished.write_text("whole"))
    left = sorted(part.name for part in tmp_path.glob("*.part"))
    assert len(left) == 2
    assert left[0] == "file.txt.mine.part"
    assert left[1].startswith("other.txt.")


@pytest.mark.parametrize("fails", [None, errno.EOPNOTSUPP, errno.EINVAL])
def test_space_is_reserved_or_at_least_looked_for(fails, tmp_path, monkeypatch):
    def fallocate(*_):
        raise OSError(fails, os.strerror(fails))

    if fails is not None:
        monkeypatch.setattr(os, "posix_fallocate", fallocate)
    with (tmp_path / "file").open("w+b") as file:
        reserve(file.fileno(), 5000, str(tmp_path))
        assert os.fstat(file.fileno()).st_size == 5000
        with pytest.raises(OSError, match=r"No space left|File too large"):
            reserve(file.fileno(), 2**62, str(tmp_path))


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    make_folder(tmp_path / "new" / "folder")
    (tmp_path / "file").write_text("kept")
    with pytest.raises(FedswitchError, match=r"The folder .*file cannot be written to .*--out"):
        make_folder(tmp_path / "file")
    with pytest.raises(FedswitchError, match="name another place to resume from"):
        make_folder(tmp_path / "file", advice="name another place to resume from")


def test_a_record_may_hold_what_json_does_not_know(tmp_path):
    path, record = tmp_path / "one.json", {"a": [1], "b": 1j}
    assert json.loads(write_json(path, record, default=repr).read_text()) == {"a": [1], "b": "1j"}
    with pytest.raises(TypeError, match="complex"):
        write_json(path, record)
    assert path.exists()
