import dataclasses
import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fedswitch.errors import FedswitchError
from fedswitch.learning import Scheme, backbones, checkpoint, simulate
from fedswitch.learning.data import subset
from fedswitch.learning.encoding import Backbone
from fedswitch.learning.federation import Federation
from fedswitch.learning.samples import Kept


def run(scenario, task, rounds=4, **options):
    return simulate(scenario, task=task, backbone="tiny", rounds=rounds, **options)


def test_a_resumed_run_equals_one_that_was_never_stopped(small, toy_task, tmp_path):
    whole = run(small, toy_task, rounds=6)
    path = tmp_path / "deep" / "run.pt"
    run(small, toy_task, rounds=3, resume=path, checkpoint_every=2)
    resumed = run(small, toy_task, rounds=6, resume=path)
    pd.testing.assert_frame_equal(resumed.table, whole.table, check_exact=True)
    assert np.array_equal(resumed.received, whole.received)
    assert [file.name for file in path.parent.iterdir()] == ["run.pt"]


def test_a_resumed_run_forms_the_batches_of_frozen_layers_again(small, toy_task, tmp_path, monkeypatch):
    """On some machines the last bits of an output depend on the size of its batch: here more than the last bits do."""
    embed = Backbone.embed
    monkeypatch.setattr(
        Backbone, "embed", lambda self, batch, frozen: embed(self, batch, frozen) * (1 + 0.01 * len(batch.ids))
    )
    whole = run(small, toy_task, rounds=8)
    run(small, toy_task, rounds=4, resume=tmp_path / "run.pt")
    resumed = run(small, toy_task, rounds=8, resume=tmp_path / "run.pt")
    pd.testing.assert_frame_equal(resumed.table, whole.table, check_exact=True)


@pytest.mark.slow
def test_a_run_killed_at_20_random_moments_ends_as_one_left_alone(tmp_path):
    command = [sys.executable, str(Path(__file__).with_name("killed_run.py")), str(tmp_path), "20", "0"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert len(report["rounds"]) == 20
    assert report["rounds"] == sorted(report["rounds"])
    assert len(set(report["rounds"])) > 3
    assert report["halves"] > 0  # some died while they wrote
    whole, killed = (pd.read_pickle(tmp_path / name) for name in ("whole", "killed"))
    assert len(whole) == 20
    pd.testing.assert_frame_equal(killed, whole, check_exact=True)
    assert not list(tmp_path.glob("*.part"))


def test_a_finished_run_is_not_run_again(small, toy_task, tmp_path, monkeypatch):
    first = run(small, toy_task, resume=tmp_path / "run.pt")
    monkeypatch.setattr(Federation, "update", lambda *_: pytest.fail("trained again"))
    pd.testing.assert_frame_equal(run(small, toy_task, resume=tmp_path / "run.pt").table, first.table)


@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_checkpoint_is_written_every_so_many_rounds_and_after_the_last(every, small, toy_task, tmp_path, monkeypatch):
    rounds, save = [], checkpoint.save

    def watched(path, settings, world, scheme, log):
        save(path, settings, world, scheme, log)
        rounds.append(len(log.rows))

    monkeypatch.setattr(checkpoint, "save", watched)
    run(small, toy_task, resume=tmp_path / "run.pt", checkpoint_every=every)
    assert rounds == {1: [1, 2, 3, 4], 2: [2, 4], 3: [3, 4]}[every]


def test_numbers_of_numpy_are_saved_as_well(small, toy_task, tmp_path):
    path = tmp_path / "run.pt"
    numpy_made = dataclasses.replace(small, num_ues=np.int64(6), learning_rate=np.float64(3e-3))
    run(numpy_made, toy_task, rounds=1, seed=np.int64(4), resume=path)
    pd.testing.assert_frame_equal(
        run(small, toy_task, rounds=2, seed=4, resume=path).table, run(small, toy_task, rounds=2, seed=4).table
    )


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"seed": 1}, "seed"), ({"scheme": "greedy"}, "scheme"), ({"evaluate_every": 2}, "evaluate_every")],
)
def test_the_checkpoint_of_another_run_is_refused(changed, named, small, toy_task, tmp_path):
    path = tmp_path / "run.pt"
    run(small, toy_task, rounds=1, resume=path)
    with pytest.raises(FedswitchError, match=rf"belongs to another run \(it differs in: {named}\): delete it or name"):
        run(small, toy_task, rounds=2, resume=path, **changed)


def changed_sample(split, place, *, text=None, label=None):
    """A split of which one sample is another."""
    texts, labels = list(split.texts), split.labels.copy()
    texts[place] = text or texts[place]
    labels[place] = labels[place] if label is None else label
    return dataclasses.replace(split, texts=texts, labels=labels)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize(
    "other",
    [
        lambda split: changed_sample(split, 7, text="another text"),
        lambda split: changed_sample(split, 7, label=1 - split.labels[7]),
        lambda split: subset(split, np.arange(len(split) - 1)),
        lambda split: subset(split, np.arange(len(split))[::-1]),
        lambda split: dataclasses.replace(split, pairs=["second"] * len(split)),
    ],
    ids=["text", "label", "fewer", "order", "pairs"],
)
def test_a_checkpoint_knows_its_data_by_their_content(other, part, keep, small, toy_task, tmp_path):
    """Data of the same name and source are another run's all the same, whatever of them differs."""
    path, changes = tmp_path / "run.pt", {part: other(getattr(toy_task, part))}
    if changes[part].pairs is not None:
        changes = {name: other(getattr(toy_task, name)) for name in ("train", "test")}
    run(small, toy_task, rounds=1, resume=path)
    before = path.read_bytes()
    with pytest.raises(FedswitchError, match=r"belongs to another run \(it differs in: the data\): delete it or name"):
        run(small, dataclasses.replace(toy_task, **changes), rounds=2, resume=path, kept=Kept() if keep else None)
    assert path.read_bytes() == before


def test_the_same_data_may_come_from_elsewhere(small, toy_task, tmp_path):
    moved = dataclasses.replace(toy_task, source="a copy", train=dataclasses.replace(toy_task.train))
    run(small, toy_task, rounds=1, resume=tmp_path / "run.pt")
    resumed = run(small, moved, resume=tmp_path / "run.pt")
    pd.testing.assert_frame_equal(resumed.table, run(small, toy_task).table, check_exact=True)


def test_a_tokenizer_of_another_kind_makes_other_data(small, toy_task, tmp_path, monkeypatch):
    """The weights, by which backbones are known, say nothing of it."""
    run(small, toy_task, rounds=1, resume=tmp_path / "run.pt")
    tokenize = backbones._hashing_tokenize
    monkeypatch.setattr(
        backbones, "_hashing_tokenize", lambda texts, pairs, most: tokenize([f"{text}." for text in texts], pairs, most)
    )
    with pytest.raises(FedswitchError, match="differs in: the data"):
        run(small, toy_task, rounds=2, resume=tmp_path / "run.pt")


def test_a_run_that_goes_on_takes_no_output_from_batches_that_were_not_its_own(small, toy_task, tmp_path, monkeypatch):
    """What other runs have left in `Kept` is of other batches, and here these decide more than the last bits."""
    embed = Backbone.embed
    monkeypatch.setattr(
        Backbone, "embed", lambda self, batch, frozen: embed(self, batch, frozen) * (1 + 0.01 * len(batch.ids))
    )
    whole = run(small, toy_task, rounds=6)
    run(small, toy_task, rounds=3, resume=tmp_path / "run.pt")
    kept = Kept()
    run(small, toy_task, rounds=5, scheme="greedy", seed=3, kept=kept)
    resumed = run(small, toy_task, rounds=6, resume=tmp_path / "run.pt", kept=kept)
    pd.testing.assert_frame_equal(resumed.table, whole.table, check_exact=True)


def test_the_checkpoint_of_another_scenario_is_refused(small, toy_task, tmp_path):
    path = tmp_path / "run.pt"
    run(small, toy_task, rounds=1, resume=path)
    with pytest.raises(FedswitchError, match=r"differs in: scenario\.learning_rate\)"):
        run(dataclasses.replace(small, learning_rate=1e-3), toy_task, rounds=2, resume=path)


@pytest.mark.parametrize(
    ("field", "value"), [("format", checkpoint.FORMAT - 1), ("version", "0.0.1"), ("format", None)]
)
def test_the_checkpoint_of_another_version_is_refused_and_kept(field, value, small, toy_task, tmp_path, saved):
    path = tmp_path / "run.pt"
    run(small, toy_task, rounds=1, resume=path)
    torch.save({**saved(path), field: value}, path)
    before = path.read_bytes()
    with pytest.raises(FedswitchError, match=r"run\.pt was written by another version of fedswitch: delete it"):
        run(small, toy_task, rounds=2, resume=path)
    assert path.read_bytes() == before


def test_a_damaged_checkpoint_is_refused_and_kept(small, toy_task, tmp_path):
    path = tmp_path / "run.pt"
    run(small, toy_task, rounds=1, resume=path)
    damaged = path.read_bytes()[:2000]
    path.write_bytes(damaged)
    with pytest.raises(FedswitchError, match="cannot be read"):
        run(small, toy_task, rounds=2, resume=path)
    assert path.read_bytes() == damaged


def test_a_checkpoint_with_one_bit_changed_is_refused_or_holds_the_same(small, toy_task, tmp_path, saved, monkeypatch):
    """Torch alone reads nine of ten such files as if nothing were wrong."""
    path = tmp_path / "run.pt"
    run(small, toy_task, rounds=1, resume=path)
    good, state, rng = path.read_bytes(), repr(saved(path)), np.random.default_rng(0)
    accepted, load = [], torch.load
    monkeypatch.setattr(
        torch, "load", lambda *given, **options: accepted.append(load(*given, **options)) or accepted[-1]
    )
    monkeypatch.setattr(checkpoint, "version", lambda _: "none")  # read, then refused
    refused = 0
    for _ in range(200):
        damaged = bytearray(good)
        damaged[rng.integers(len(good))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(FedswitchError) as refusal:
            checkpoint.load(path, {"scenario": {}}, None, None, None)
        refused += "cannot be read as a checkpoint" in str(refusal.value)
    assert refused > 150
    assert refused + len(accepted) == 200
    assert {repr(one) for one in accepted} <= {state}


@pytest.mark.parametrize("lost", sorted(checkpoint.PARTS | {"settings", "data"}))
def test_a_checkpoint_that_lacks_something_is_refused(lost, small, toy_task, tmp_path, saved):
    path = tmp_path / "run.pt"
    run(small, toy_task, rounds=1, resume=path)
    torch.save({name: value for name, value in saved(path).items() if name != lost}, path)
    with pytest.raises(FedswitchError, match=rf"run\.pt lacks {lost}: delete it\.$"):
        run(small, toy_task, rounds=2, resume=path)


def test_a_place_that_cannot_be_written_to_is_named_before_the_first_round(small, toy_task, tmp_path, monkeypatch):
    monkeypatch.setattr(Federation, "update", lambda *_: pytest.fail("trained already"))
    (tmp_path / "file").write_text("")
    with pytest.raises(FedswitchError, match=r"file cannot be written to \(.*: name another place to resume from\.$"):
        run(small, toy_task, rounds=1, resume=tmp_path / "file" / "run.pt")


@pytest.mark.parametrize("name", ["\udcff not UTF-8", "quite odd, 'so' \n", "ö 漢 🙂", "-", "~", "a" * 200])
def test_a_checkpoint_may_have_any_name_that_the_system_allows(name, small, toy_task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(small, toy_task, rounds=1, resume=name)
    resumed = run(small, toy_task, rounds=2, resume=name)
    pd.testing.assert_frame_equal(resumed.table, run(small, toy_task, rounds=2).table, check_exact=True)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_full_disk_leaves_the_last_good_checkpoint(small, toy_task, tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    run(small, toy_task, rounds=2, resume=path)
    good = path.read_bytes()

    def full(state, unfinished):
        unfinished.write(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(FedswitchError, match=r"could not be written .*No space left on device"):
            run(small, toy_task, rounds=4, resume=path, checkpoint_every=1)
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]
    assert path.read_bytes() == good
    pd.testing.assert_frame_equal(run(small, toy_task, resume=path).table, run(small, toy_task).table, check_exact=True)


@pytest.mark.parametrize("size", [1, 100, 2000, 9000])
def test_a_file_that_the_system_cuts_leaves_the_last_good_checkpoint(size, small, toy_task, tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "run.pt"
    run(small, toy_task, rounds=1, resume=path)
    good = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(FedswitchError, match=r"could not be written \(File too large\): free space there"):
            run(small, toy_task, rounds=2, resume=path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]
    assert path.read_bytes() == good


def test_a_folder_or_a_foreign_file_is_not_called_a_checkpoint(small, toy_task, tmp_path):
    foreign = tmp_path / "other.pt"
    torch.save({"mine": 1}, foreign)
    for path, message in ((tmp_path, "cannot be read as a checkpoint"), (foreign, "is no checkpoint of fedswitch")):
        with pytest.raises(FedswitchError, match=f"{message}.*name another file"):
            simulate(small, task=toy_task, backbone="tiny", rounds=1, resume=path)
    assert torch.load(foreign) == {"mine": 1}


def test_fewer_rounds_than_the_checkpoint_holds_are_refused(small, toy_task, tmp_path):
    simulate(small, task=toy_task, backbone="tiny", rounds=2, resume=tmp_path / "run.pt")
    with pytest.raises(ValueError, match=r"holds 2 rounds already: rounds = 1 must be at least that"):
        simulate(small, task=toy_task, backbone="tiny", rounds=1, resume=tmp_path / "run.pt")


def test_a_state_that_cannot_be_kept_is_refused_before_anything_is_written(small, toy_task, tmp_path):
    class Careless(Scheme):
        """Carries what a checkpoint cannot hold."""

        def state(self):
            """See `Scheme`."""
            return {"rng": np.random.default_rng(0)}

    with pytest.raises(FedswitchError, match=r"A Generator cannot be kept in a checkpoint: let state\(\)"):
        simulate(small, task=toy_task, backbone="tiny", scheme=Careless, rounds=1, resume=tmp_path / "run.pt")
    assert not list(tmp_path.iterdir())
