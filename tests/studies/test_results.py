"""What is recorded in results/ is what the code computes: the first rounds of one run of each study, made anew."""

import dataclasses
import importlib
import json
import re

import pandas as pd
import pytest

from fedswitch.errors import MissingDataError, MissingWeightsError
from fedswitch.files import packaged
from fedswitch.studies.records import PACKAGES, load_result
from fedswitch.studies.settings import STUDIES, recorded_settings
from fedswitch.studies.split_runs import cases_in

RESULTS = packaged("results")
RECORDED = sorted(path.stem for path in RESULTS.glob("*.json"))
OF_SIBLING = {"split_fig3", "split_fig4", "split_fig5"}
LEARNING = {"fig2_convergence", "fig4_switching", "concepts", "sensitivity"} | OF_SIBLING
LIMIT_BYTES = 3e6

FEDERATED = {"fig2_convergence", "fig4_switching", "concepts"}
REPLAYED = [pytest.param(name, marks=[pytest.mark.slow] if name in FEDERATED | OF_SIBLING else []) for name in RECORDED]

DECIDED = ["subscribed", "received", "participation_min", "energy_compute_j", "energy_uplink_j", "delay_s"]
SCHEDULED, SHARED = ["scheduled", "delay_s", "queue_s"], {"loss": 5e-2, "accuracy": 2e-2}
"""Those of the sibling's runs. Their loss is the mean over heads of which each has learned little: it is noisier."""
LEARNED = {"loss": 2e-3, "accuracy": 1e-2, "accuracy_pooled": 1e-2}
"""Absolute differences that are noise: outputs of frozen layers come from other batches, and a score may tip over."""


@dataclasses.dataclass(frozen=True)
class Replay:
    """How to make a small part of a study anew: parameters, the columns that name a row, and those that must agree."""

    changes: dict
    keys: list[str]
    agree: list[str]
    near: dict[str, float] = dataclasses.field(default_factory=dict)


def replays(settings: dict) -> dict[str, Replay]:
    """A cheap part of each study: one arm in the smallest cell, up to the first test, or two rounds or cells."""
    learning = {
        "arms": ["fedlora"],
        "seeds": settings.get("seeds", [])[:1],
        "rounds": settings.get("evaluate_every", 0),
    }
    run = ["arm", "num_ues", "seed", "round"]
    split = {
        "seeds": learning["seeds"],
        "rounds": learning["rounds"],
        "policies": ["greedy"],
        "unit_readings": ["corrected"],
    }
    split_run = ["arm", "reading", "task", "seed", "round"]
    return {
        "fig2_convergence": Replay(
            {**learning, "num_ues": [10], "deadlines_s": []}, [*run, "deadline_s"], DECIDED, LEARNED
        ),
        "fig3_bandwidth": Replay(
            {"num_ues": [10], "num_cells": 2},
            ["num_ues", "seed", "bracket", "iteration"], ["delay_s", "total_share"],
        ),
        "fig4_switching": Replay(
            {**learning, "arms": ["greedy"], "energy_shares": [], "rounds": 2, "test_size": 200}, run, DECIDED
        ),
        "fig5_energy": Replay(
            {
                "seeds": settings.get("seeds", [])[:1], "readings": ["corrected", "printed"],
                "sinr_thresholds_db": [-5.0], "energy_weights_per_j": [1e5], "variants": [],
                "relative_weights_per_j": [],
            },
            ["reading", "sinr_threshold_db", "energy_weight_per_j", "scan", "seed", "power_rule"],
            ["subscribed", "sent", "received", "uplink_energy_j", "compute_energy_j", "delay_s", "power_w"],
        ),
        "concepts": Replay(
            {
                **learning, "arms": ["fedlora", "random"], "cells": ["label"],
                **dict.fromkeys(("degrees", "minorities", "sizes", "batch_sizes", "turns", "thresholds_db"), ()),
            },
            ["cell", *run], DECIDED, LEARNED,
        ),
        "split_fig3": Replay({**split, "tasks": ["sst2"], "tasks_elsewhere": []}, split_run, SCHEDULED, SHARED),
        "split_fig4": Replay({**split, "fewer_samples": []}, [*split_run, "samples"], SCHEDULED, SHARED),
        "split_fig5": Replay({**split, "limits": [0.4]}, [*split_run, "limit"], SCHEDULED, SHARED),
        "split_fig6": Replay(
            {"seeds": settings.get("seeds", [])[:1], "unit_readings": ["in_band"], "limits": [0.4, 1.0], "rounds": 20},
            ["reading", "form", "limit", "seed", "round"], ["tried", "scheduled", "delay_over_limit"],
        ),
        "sensitivity": Replay(
            {"experiments": ["bandwidth"], "seeds": settings.get("seeds", [])[:1]},
            ["conclusion", "parameter", "value", "side", "seed"], ["outcome"],
        ),
    }  # fmt: skip


def test_there_is_a_replay_for_every_study_with_a_recorded_run():
    assert set(replays({})) == set(STUDIES)


@pytest.mark.parametrize("name", REPLAYED)
def test_a_part_of_the_recorded_run_comes_out_the_same(name):
    result = load_result(name)
    replay = replays(result.record["settings"])[name]
    measure = importlib.import_module(f"fedswitch.studies.{name}").measure
    try:
        again = measure(dataclasses.replace(result.settings, **replay.changes))
    except (MissingDataError, MissingWeightsError) as missing:
        pytest.skip(str(missing))
    compare(again, result.table, replay)


def compare(again: pd.DataFrame, recorded: pd.DataFrame, replay: Replay) -> None:
    both = again.merge(recorded, on=replay.keys, suffixes=("", "_recorded"))
    assert len(both) == len(again) > 0
    for column in replay.agree:
        pd.testing.assert_series_equal(
            both[column], both[f"{column}_recorded"], check_names=False, check_dtype=False, rtol=1e-6, atol=1e-12
        )
    for column, noise in replay.near.items():
        difference = (both[column] - both[f"{column}_recorded"]).abs()
        assert difference.notna().any(), f"{column} was never tested in both"
        assert not (difference > noise).any(), f"{column} differs by {difference.max():.3g}"


@pytest.mark.parametrize(("column", "change"), [("delay_s", 1e-4), ("received", 1), ("loss", 0.01), ("round", 1)])
def test_a_difference_is_noticed(column, change):
    row = {"round": 3, **dict.fromkeys(DECIDED, 5.0), **dict.fromkeys(LEARNED, 0.6)}
    table, replay = pd.DataFrame([row]), Replay({}, ["round"], DECIDED, LEARNED)
    compare(table, table, replay)
    compare(table.assign(loss=0.601), table, replay)
    with pytest.raises(AssertionError):
        compare(table.assign(**{column: table[column] + change}), table, replay)


@pytest.mark.parametrize("name", RECORDED)
def test_a_record_says_what_made_it(name):
    record = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert record["study"] == name
    assert set(record["settings"]) == recorded_settings(name).as_dict().keys()
    assert record["versions"].keys() >= {"python", *PACKAGES}  # older ones name peft, which trained then
    assert all(re.fullmatch(r"[0-9a-f]{40}( with changes)?", commit) for commit in record["commit"])
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", date) for date in record["date"])
    assert all("cores" in machine for machine in record["machine"])
    assert record["seconds"] > 0
    if name in LEARNING and "learning" in record["settings"].get("experiments", ["learning"]):
        assert all("sha256 " in source for source in record["backbone_source"])
        assert all("sha256 " in source or "grammar" in source for source in record["task_source"])


@pytest.mark.parametrize("name", RECORDED)
def test_a_record_lies_beside_its_table(name):
    result = load_result(name)
    seeds = result.record["settings"].get("seeds")
    if seeds is not None:
        assert set(result.table["seed"]) == set(seeds)
    assert not [text for text in json.dumps(result.record).split('"') if text.startswith("/")], "a path of some machine"


def test_every_run_of_the_figures_is_recorded():
    """No arm, size or seed is missing, and none is there that the parameters do not name."""
    for name in sorted(FEDERATED & set(RECORDED)):
        result = load_result(name)
        settings, table = result.record["settings"], result.table
        if name == "concepts":
            runs = {
                (run.arm.name, run.scenario.num_ues, run.seed, *run.labels.values()) for run in result.settings.runs()
            }
            columns = ["arm", "num_ues", "seed", "cell", "batch_size"]
            assert set(table[columns].itertuples(index=False, name=None)) == runs
            continue
        sizes = settings["num_ues"] if isinstance(settings["num_ues"], list) else [settings["num_ues"]]
        arms = [*settings["arms"], *(f"energy_{share:g}" for share in settings.get("energy_shares", []))]
        wanted = {
            (arm, k, seed)
            for arm in arms for k in sizes for seed in settings["seeds"]
            if arm not in settings.get("costly_arms", []) or k <= settings["costly_up_to"]
        }  # fmt: skip
        assert set(zip(table["arm"], table["num_ues"], table["seed"], strict=True)) == wanted
        for deadline_s in settings.get("deadlines_s", []):
            runs = table[table["deadline_s"] == deadline_s]
            assert set(zip(runs["arm"], runs["num_ues"], runs["seed"], strict=True)) == {
                run for run in wanted if run[0] in settings["deadline_arms"]
            }


CASES = {"split_fig3": (5, 3), "split_fig4": (4, 2), "split_fig5": (9, 1)}
"""Of the sibling's runs: cases (task, reading, limit, samples), and those in which "all_in" learns something else."""


@pytest.mark.parametrize("name", sorted(CASES.keys() & set(RECORDED)))
def test_every_run_of_the_siblings_figures_is_recorded(name):
    result = load_result(name)
    policies, seeds = set(result.record["settings"]["policies"]), result.record["settings"]["seeds"]
    keys = [*cases_in(result.table), "arm", "seed"]
    runs = {tuple(run) for run in result.table[keys].drop_duplicates().itertuples(index=False)}
    limited = {run for run in runs if run[-2] != "all_in"}
    cases = {run[:-2] for run in limited}
    assert limited == {(*case, arm, seed) for case in cases for arm in policies - {"all_in"} for seed in seeds}
    assert (len(cases), len(runs - limited)) == (CASES[name][0], CASES[name][1] * len(seeds))


def test_all_results_together_are_small():
    assert sum(path.stat().st_size for path in RESULTS.glob("*")) < LIMIT_BYTES
