import dataclasses

import numpy as np
import pandas as pd
import pytest

from fedswitch import Scenario
from fedswitch.errors import FedswitchError
from fedswitch.learning.tasks import reviews_task
from fedswitch.studies import arms, federated
from fedswitch.studies.arms import Arm, ArmRun, Protocol
from fedswitch.studies.federated import measure_runs
from fedswitch.studies.fig2_convergence import Held, Near
from fedswitch.studies.records import Result
from fedswitch.studies.sensitivity import SensitivitySettings

RANDOM, COMMON = Arm("random", "at random", "random"), Arm("fedlora", "one module", "fedlora")
SCENARIO = Scenario.corrected(num_ues=4, batch_size=3, test_samples=20, lora_layers=1)
PROTOCOL = Protocol("reviews", "tiny", rounds=2, evaluate_every=2, test_size=120)


@pytest.fixture(autouse=True)
def made(monkeypatch):
    """A record of the runs that were really made, on a small task."""
    names, measure = [], federated._measure

    def counted(run, *arguments):
        names.append((run.arm.name, run.seed))
        return measure(run, *arguments)

    monkeypatch.setattr(federated, "load_task", lambda name, seed: reviews_task(train=200, test=200, seed=seed))
    monkeypatch.setattr(federated, "_measure", counted)
    return names


def test_finished_runs_are_not_made_again(made, tmp_path):
    first = measure_runs([ArmRun(RANDOM, SCENARIO, 0)], PROTOCOL, finished=tmp_path)
    both = measure_runs([ArmRun(RANDOM, SCENARIO, 0), ArmRun(COMMON, SCENARIO, 0)], PROTOCOL, finished=tmp_path)
    assert made == [("random", 0), ("fedlora", 0)]
    pd.testing.assert_frame_equal(both[both["arm"] == "random"], first)
    assert both.attrs["seconds"] >= first.attrs["seconds"]
    assert set(both.attrs) == {"seconds", *federated.MADE}
    assert all(path.suffix == ".parquet" for path in tmp_path.iterdir())


def test_recorded_runs_are_taken_from_their_record_and_only_others_made(made, tmp_path):
    runs = [ArmRun(RANDOM, SCENARIO, seed, {"kind": "a"}) for seed in (0, 1)]
    first = measure_runs(runs, PROTOCOL)
    first.attrs["date"] = ["2001-01-01"]
    record = {name: first.attrs[name] for name in ("seconds", *federated.MADE)}
    federated.keep_recorded(Result("concepts", first, record), tmp_path)
    made.clear()
    before = federated.made_here()["date"]
    both = measure_runs([*runs, ArmRun(COMMON, SCENARIO, 0, {"kind": "a"})], PROTOCOL, finished=tmp_path)
    assert made == [("fedlora", 0)]
    pd.testing.assert_frame_equal(both[both["arm"] == "random"], first)
    assert both.attrs["date"] == ["2001-01-01", before]
    assert both.attrs["seconds"] >= first.attrs["seconds"]
    with pytest.raises(FedswitchError, match="is recorded as a whole, not run by run"):
        federated.keep_recorded(Result("concepts", first.drop(columns="run"), record), tmp_path)


CHANGES = [
    {"seed": 1},
    {"labels": {"cell": "label"}},
    {"arm": dataclasses.replace(RANDOM, name="other")},
    {"arm": dataclasses.replace(RANDOM, scheme="greedy")},
    {"arm": dataclasses.replace(RANDOM, changes={"max_power_w": 0.1})},
    *({"scenario": dataclasses.replace(SCENARIO, **change)} for change in (
        {"num_ues": 5}, {"learning_rate": 1e-3}, {"sinr_threshold": 0.5}, {"partition": "quantity"},
    )),
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_a_run_with_another_setting_is_another_run(change):
    run = ArmRun(RANDOM, SCENARIO, 0)
    other = dataclasses.replace(run, **change)
    assert federated._identity(other, PROTOCOL, "here") != federated._identity(run, PROTOCOL, "here")


def test_a_run_that_may_end_elsewhere_is_another_run():
    run = ArmRun(RANDOM, SCENARIO, 0)
    stops = [None, Held(0.7, 10), Held(0.7, 9), Held(0.6, 10)]
    protocols = [dataclasses.replace(PROTOCOL, stop=stop) for stop in stops]
    assert len({federated._identity(run, protocol, "here") for protocol in protocols}) == len(stops)
    assert federated._identity(run, PROTOCOL, "here") != federated._identity(run, PROTOCOL, "there")
    first, second = (
        federated._identity(run, dataclasses.replace(PROTOCOL, stop=Held(0.7, 10)), "here") for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Protocol)])
def test_a_run_under_another_protocol_is_another_run_but_on_another_device_the_same(field):
    run = ArmRun(RANDOM, SCENARIO, 0)
    value = getattr(PROTOCOL, field)
    changed = Near(0.5) if value is None else f"{value}x" if isinstance(value, str) else value + 1
    other = dataclasses.replace(PROTOCOL, **{field: changed})
    same = federated._identity(run, other, "here") == federated._identity(run, PROTOCOL, "here")
    assert same is (field == "device")


def test_runs_at_one_seed_share_cell_and_data_and_their_labels_are_columns(made, monkeypatch):
    seen = []
    start = arms.simulate

    def watched(scenario, **options):
        history = start(scenario, **options)
        seen.append((options["seed"], history.distance_m, id(options["task"]), id(options["kept"])))
        return history

    monkeypatch.setattr(arms, "simulate", watched)
    runs = [ArmRun(arm, SCENARIO, seed, {"kind": "a"}) for seed in (0, 1) for arm in (RANDOM, COMMON)]
    table = measure_runs(runs, PROTOCOL)
    assert table.groupby(["arm", "seed", "kind"]).size().tolist() == [2, 2, 2, 2]
    (_, cell, task, kept), paired, (_, other, other_task, other_kept), _ = seen
    np.testing.assert_array_equal(cell, paired[1])
    assert paired[2:] == (task, kept)
    assert not np.array_equal(cell, other)
    assert (other_task == task, other_kept == kept) == (False, True)


def test_runs_may_have_tasks_of_their_own_and_one_that_no_seed_changes_is_loaded_once(made, monkeypatch):
    loaded = []

    def load(name, seed):
        loaded.append((name, seed))
        task = reviews_task(train=200, test=200, seed=seed)
        return task if name == "reviews" else dataclasses.replace(task, name=name, source=name)

    monkeypatch.setattr(federated, "load_task", load)
    runs = [ArmRun(RANDOM, SCENARIO, seed, task=task) for seed in (0, 1) for task in (None, "sst2")]
    table = measure_runs(runs, PROTOCOL)
    assert loaded == [("reviews", 0), ("sst2", 0), ("reviews", 1)]
    assert table.groupby(["task", "seed"]).size().to_dict() == {
        (task, seed): 2 for task in ("reviews", "sst2") for seed in (0, 1)
    }
    assert table["run"].nunique() == 4
    alone = federated._identity(runs[0], PROTOCOL, "here")
    assert federated._identity(runs[1], runs[1].under(PROTOCOL), "here") != alone


def test_a_run_ends_where_it_is_told_to_stop():
    table = measure_runs(
        [ArmRun(RANDOM, SCENARIO, 0)],
        dataclasses.replace(PROTOCOL, rounds=5, evaluate_every=1, stop=lambda rows: len(rows) == 3),
    )
    assert table["round"].tolist() == [1, 2, 3]


def test_the_test_set_is_cut_once_for_all_seeds(monkeypatch):
    monkeypatch.setattr(federated, "load_task", lambda name, seed: reviews_task(train=50, test=200, seed=0))
    first, second = (federated.load_shared(PROTOCOL, seed).test for seed in (0, 1))
    everything = reviews_task(train=50, test=200, seed=0).test
    assert len(first) == 120
    assert first.texts == second.texts
    assert set(first.texts) < set(everything.texts)
    assert len(federated.load_shared(dataclasses.replace(PROTOCOL, test_size=None), 0).test) == 200


LAST = [
    ({"scenario": dataclasses.replace(SCENARIO, num_ues=200)}, "lower learning_ues or batch"),
    ({"scenario": dataclasses.replace(SCENARIO, lora_layers=99)}, "lora_layers = 99 exceeds .*cannot be set"),
    ({"scenario": dataclasses.replace(SCENARIO, partition="domain", domains_per_ue=99)}, "domains_per_ue = 99 must be"),
    ({"arm": Arm("flexlora", "", "flexlora", "", {"lora_ranks": (999,) * 4})}, "lora_ranks up to 999 exceed the width"),
    ({"arm": Arm("unknown", "", "unknown")}, "unknown scheme"),
]


@pytest.mark.parametrize(("change", "message"), LAST)
def test_a_last_run_that_cannot_begin_is_found_before_the_first(made, change, message):
    run = ArmRun(RANDOM, SCENARIO, 0)
    words = SensitivitySettings.words()
    with pytest.raises((ValueError, FedswitchError), match=message):
        measure_runs([run, dataclasses.replace(run, **change)], PROTOCOL, words=words)
    assert made == []


def test_finished_runs_of_other_weights_are_not_taken(made, tmp_path):
    run = ArmRun(RANDOM, SCENARIO, 0)
    table = measure_runs([run], PROTOCOL, finished=tmp_path)
    (path,) = tmp_path.iterdir()
    table.attrs["backbone_source"] = ["others"]
    table.to_parquet(path)
    with pytest.raises(FedswitchError, match=r"has other weights \(others\) .*--fresh"):
        measure_runs([run, ArmRun(COMMON, SCENARIO, 0)], PROTOCOL, finished=tmp_path)
    assert made == [("random", 0)]
