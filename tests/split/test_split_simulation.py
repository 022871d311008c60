import dataclasses
import re
import signal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_split import SmallSplit

from fedswitch import Scenario, control
from fedswitch.errors import FedswitchError
from fedswitch.learning import load_task, simulate
from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.data import subset
from fedswitch.learning.encoding import Backbone
from fedswitch.split import POLICIES, SplitCell, SplitScenario, schedule_rounds, simulate_split
from fedswitch.split.split_rounds import ROUNDS
from fedswitch.split.split_simulation import SplitRun, deal_evenly

BACKBONES = ["tiny", "tiny-vit"]


@pytest.fixture
def run(small_split, split_tasks, alternating):
    def run(backbone="tiny", rounds=5, scenario=small_split, policy=alternating, **options):
        return simulate_split(
            scenario, task=split_tasks[backbone], backbone=backbone, policy=policy, rounds=rounds, **options
        )

    return run


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_table_has_a_row_for_every_round(backbone, run, alternating):
    history = run(backbone)
    table = history.table
    assert table["round"].tolist() == [1, 2, 3, 4, 5]
    assert table["scheduled"].tolist() == [3, 1, 0, 3, 1]
    assert table["delay_s"].tolist() == [0.75, 0.25, 0.0, 0.75, 0.25]
    np.testing.assert_allclose(table["delay_mean_s"], np.cumsum(table["delay_s"]) / table["round"])
    assert table["queue_s"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert table["participation_min"].tolist() == [0.0] * 5  # of the device that is never scheduled
    np.testing.assert_allclose(table["participation_max"], [1, 1, 2 / 3, 3 / 4, 4 / 5])
    assert table["loss_train"].isna().tolist() == [False, False, True, False, False]
    assert table["uplink_bits"].gt(0).tolist() == table["scheduled"].gt(0).tolist()
    assert table["downlink_bits"].tolist() == [count * 5 * 64 * 32 for count in table["scheduled"]]
    assert set(table["policy"]) == {"alternating"}
    np.testing.assert_allclose(history.accuracy.mean(axis=1), table["accuracy"])
    np.testing.assert_allclose(history.accuracy.min(axis=1), table["accuracy_min"])
    np.testing.assert_allclose(history.accuracy.max(axis=1), table["accuracy_max"])
    assert history.scheduled.tolist() == [[*alternating(t, None).scheduled] for t in range(5)]
    assert history.final["round"] == 5
    assert history.settings["rounds"] == 5


@pytest.mark.parametrize("backbone", BACKBONES)
def test_devices_learn_and_the_one_left_out_stays_at_guessing(backbone, run, split_tasks):
    scenario = SmallSplit(learning_rate=1e-2, batch_size=20)
    history = run(backbone, rounds=24, scenario=scenario, evaluate_every=24)
    chance = 1.0 / split_tasks[backbone].num_labels
    assert history.accuracy[-1, :3].min() > chance + 0.3
    assert history.accuracy[-1, 3] < history.accuracy[-1, :3].min() - 0.1
    assert history.table["loss_train"].iloc[-2:].min() < 0.5 * history.table["loss_train"].iloc[0]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_both_engines_tell_the_same_story(backbone, run, small_split):
    # plain SGD: Adam divides by the root of tiny squared gradients and would amplify rounding
    scenario = dataclasses.replace(small_split, optimizer="sgd", learning_rate=0.3)
    tables = [run(backbone, scenario=scenario, engine=engine).table for engine in ROUNDS]
    pd.testing.assert_frame_equal(*tables, rtol=1e-4)
    assert tables[0]["loss"].nunique() == 4  # the round of nobody moves nothing


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("layers", [None, 1])
@pytest.mark.parametrize("engine", ROUNDS)
def test_a_resumed_run_equals_one_that_was_never_stopped(
    backbone, optimizer, layers, engine, run, small_split, tmp_path, monkeypatch
):
    """Also where the output of frozen layers hangs on its batch, as its last bits do on some machines."""
    embed = Backbone.embed
    monkeypatch.setattr(
        Backbone, "embed", lambda self, batch, frozen: embed(self, batch, frozen) * (1 + 0.01 * len(batch.mask))
    )
    options = {"scenario": dataclasses.replace(small_split, optimizer=optimizer, lora_layers=layers), "engine": engine}
    whole = run(backbone, rounds=6, **options)
    path = tmp_path / "deep" / "run.pt"
    run(backbone, rounds=3, resume=path, checkpoint_every=2, **options)
    resumed = run(backbone, rounds=6, resume=path, **options)
    pd.testing.assert_frame_equal(resumed.table, whole.table, check_exact=True)
    assert np.array_equal(resumed.scheduled, whole.scheduled)
    assert np.array_equal(resumed.accuracy, whole.accuracy)
    assert [file.name for file in path.parent.iterdir()] == ["run.pt"]


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"engine": "protocol"}, {"scenario": SmallSplit(lora_rank=4)}, {"backbone": "tiny-vit"}]
)
def test_a_checkpoint_of_another_run_is_refused(change, run, tmp_path):
    run(rounds=1, resume=tmp_path / "run.pt")
    with pytest.raises(FedswitchError, match="belongs to another run"):
        run(rounds=2, resume=tmp_path / "run.pt", **change)


def test_after_ctrl_c_the_round_is_finished_and_saved(run, alternating, tmp_path):
    def pressed(t, before):
        if t == 1:
            signal.raise_signal(signal.SIGINT)
        return alternating(t, before)

    pressed.__name__ = "alternating"
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match=r"after round 2 of 4: the same call with resume='.*' goes on"):
        run(rounds=4, policy=pressed, resume=tmp_path / "run.pt", checkpoint_every=100)
    assert signal.getsignal(signal.SIGINT) is handler
    resumed = run(rounds=4, resume=tmp_path / "run.pt")
    pd.testing.assert_frame_equal(resumed.table, run(rounds=4).table, check_exact=True)


def test_frozen_layers_run_once_for_each_sample(run, small_split, split_tasks, monkeypatch):
    embedded, embed = [], Backbone.embed

    def counted(self, batch, frozen_layers):
        embedded.append(len(batch.mask))
        return embed(self, batch, frozen_layers)

    monkeypatch.setattr(Backbone, "embed", counted)
    run("tiny-vit", rounds=12, scenario=dataclasses.replace(small_split, lora_layers=1))
    data = split_tasks["tiny-vit"]
    assert len(data.test) < sum(embedded) <= len(data.train) + len(data.test)


def test_tests_are_made_every_so_many_rounds_and_after_the_last(run):
    table = run(rounds=5, evaluate_every=2).table
    assert table["accuracy"].notna().tolist() == [False, True, False, True, True]
    unaware = run(rounds=5).table
    pd.testing.assert_series_equal(table["loss_train"], unaware["loss_train"], check_exact=True)


def test_policies_share_data_starts_and_mini_batches(small_split, split_tasks):
    """A device in its first round does the same, whoever else takes part."""
    worlds = [SplitRun.start(small_split, split_tasks["tiny"], load_backbone("tiny"), 0) for _ in range(2)]
    for world, others in zip(worlds, ([0, 0, 0], [1, 0, 1]), strict=True):
        world.round(0, SimpleNamespace(scheduled=np.array([*others, 1], dtype=bool)), "protocol")
    assert all(
        torch.equal(ours, theirs)
        for ours, theirs in zip(*([w.devices[3].weight, w.devices[3].bias] for w in worlds), strict=True)
    )


@given(
    count=st.integers(1, 300), num_devices=st.integers(1, 12), batch_size=st.integers(1, 8),
    each=st.none() | st.integers(1, 40), seed=st.integers(0, 9),
)  # fmt: skip
def test_data_are_dealt_evenly_to_one_device_each(count, num_devices, batch_size, each, seed):
    scenario = SmallSplit(num_devices=num_devices, batch_size=batch_size, samples_per_device=each)
    size = count // num_devices if each is None else each
    if size * num_devices > count or size < batch_size:
        with pytest.raises(ValueError, match="samples"):
            deal_evenly(count, scenario, seed=seed)
        return
    held = deal_evenly(count, scenario, seed=seed)
    assert held.shape == (num_devices, size)
    assert len(set(held.ravel())) == held.size
    assert held.max() < count


def test_a_mini_batch_is_of_the_device_that_draws_it(small_split, split_tasks):
    world = SplitRun.start(small_split, split_tasks["tiny"], load_backbone("tiny"), 0)
    for k in range(4):
        drawn = world.mini_batch(3, k)
        assert len(set(drawn)) == small_split.batch_size
        assert set(drawn) <= set(world.held[k])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rounds": 0}, "rounds = 0 must be a whole number"),
        ({"seed": -1}, "seed = -1"),
        ({"engine": "union"}, "unknown engine 'union'; there are: cell, protocol"),
        ({"scenario": SmallSplit(lora_layers=3)}, "lora_layers = 3 exceeds the 2 layers of the backbone 'tiny'"),
        ({"scenario": SmallSplit(batch_size=31)}, "batch_size = 31 exceeds the 30 samples"),
        ({"scenario": SmallSplit(samples_per_device=31)}, "need 124 samples, but the task has 120"),
    ],
)
def test_bad_arguments_are_named(change, says, run):
    with pytest.raises(ValueError, match=says):
        run(**change)


@pytest.mark.parametrize(("task", "backbone"), [("tiny", "tiny-vit"), ("tiny-vit", "tiny")])
def test_a_task_of_the_other_kind_gets_one_sentence(task, backbone, small_split, split_tasks, alternating):
    with pytest.raises(FedswitchError, match=r"^The backbone 'tiny(-vit)?' reads (texts|images), but [^.]*\.$"):
        simulate_split(small_split, task=split_tasks[task], backbone=backbone, policy=alternating, rounds=1)


def test_a_run_that_diverges_says_which_device_and_round(run, small_split):
    wild = dataclasses.replace(small_split, optimizer="sgd", learning_rate=1e30)
    with pytest.raises(FedswitchError, match=r"The loss of device 1 is \S+ in round \d+: the run diverged; try a lear"):
        run(scenario=wild, rounds=4)


def test_an_unknown_task_names_all_that_there_are(small_split, alternating):
    with pytest.raises(ValueError, match=r"there are: reviews, .*, digits, cifar10, .*Did you mean 'digits'"):
        simulate_split(small_split, task="digit", backbone="tiny-vit", policy=alternating, rounds=1)


def test_digits_are_learned_by_default(alternating, small_split):
    scenario = dataclasses.replace(small_split, batch_size=32, learning_rate=1e-2)
    table = simulate_split(scenario, policy=alternating, rounds=2, evaluate_every=2).table
    assert table["task"].unique().tolist() == ["digits"]
    assert table["loss_train"].iloc[-1] < table["loss_train"].iloc[0]


# Joined to the radio


def joined(**changes):
    return SplitScenario(
        **{"num_devices": 6, "batch_size": 5, "tokens_per_sample": 24, "samples_per_device": 40} | changes
    )


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_learns_from_reviews_alike_by_both_engines(policy):
    # plain SGD: Adam divides by the root of tiny squared gradients and would amplify rounding
    scenario = joined(optimizer="sgd", learning_rate=0.3)
    options = {"task": "reviews", "backbone": "tiny", "policy": policy, "rounds": 4, "evaluate_every": 2, "seed": 3}
    ours, literal = (simulate_split(scenario, engine=engine, **options) for engine in ROUNDS)
    pd.testing.assert_frame_equal(ours.table, literal.table, rtol=1e-4)
    table = ours.table
    assert set(table["policy"]) == {policy}
    assert np.array_equal(ours.scheduled.sum(axis=1), table["scheduled"])
    assert (table["scheduled"] > 0).any()
    assert table["delay_s"].gt(0).tolist() == table["scheduled"].gt(0).tolist()
    assert table["participation_min"].iloc[-1] == ours.scheduled.mean(axis=0).min()
    limit_s = table["delay_mean_s"] / table["delay_over_limit"]
    np.testing.assert_allclose(limit_s[table["delay_mean_s"] > 0], limit_s.dropna().iloc[0])


def test_a_round_is_scheduled_by_what_its_messages_weigh():
    """The delay of all_in, by the delay of the same payloads, and these by the lengths of the texts that were drawn."""
    scenario = joined()
    task = load_task("reviews", seed=2)
    history = simulate_split(scenario, task=task, backbone="tiny", policy="all_in", rounds=3, seed=2, evaluate_every=3)
    run = SplitRun.start(scenario, task, load_backbone("tiny"), 2)
    cell = SplitCell.draw(scenario, 2)
    for t, row in history.table.iterrows():
        batches = [run.mini_batch(t, k) for k in range(6)]
        words = [[min(24, len(re.findall(r"\w+|[^\w\s]", task.train.texts[i])) + 2) for i in own] for own in batches]
        bits = [32 * 64 * (sum(own) + 2 * 5) for own in words]
        assert len(set(bits)) > 1
        assert row["uplink_bits"] + row["downlink_bits"] == sum(bits)
        expected = control.allocate_bandwidth(bits, cell.gain_w(t), 0.0, **scenario.band).delay_s
        assert row["delay_s"] == pytest.approx(expected)
    every = [min(24, len(re.findall(r"\w+|[^\w\s]", task.train.texts[i])) + 2) for i in run.held.ravel()]
    mean_bits = 32 * 64 * 5 * (np.mean(every) + 2)
    limit_s = scenario.delay_limit_s_per_bit * mean_bits
    np.testing.assert_allclose(history.table["delay_mean_s"] / history.table["delay_over_limit"], limit_s)


@pytest.mark.parametrize("policy", POLICIES)
def test_by_the_numbers_of_the_sibling_a_run_is_scheduled_as_a_cell_without_learning(policy):
    plain = joined()
    scenario = dataclasses.replace(plain, message_bits=plain.payload_bits)
    history = simulate_split(scenario, task="digits", policy=policy, rounds=5, seed=1, evaluate_every=5)
    expected = schedule_rounds(SplitCell.draw(plain, 1), 5, policy=policy)
    assert np.array_equal(history.scheduled, expected.scheduled)
    np.testing.assert_allclose(history.table["delay_s"], expected.delay_s)
    np.testing.assert_allclose(history.table["queue_s"], expected.queue_s)
    np.testing.assert_allclose(
        history.table["delay_over_limit"].iloc[-1], expected.delay_s.mean() / plain.delay_limit_s
    )


def test_a_history_says_when_nobody_could_be_heard_in_time():
    unmet = dataclasses.replace(joined(), delay_limit_s_per_bit=1e-20)
    told = simulate_split(unmet, task="digits", policy="greedy", rounds=3, seed=1, evaluate_every=3)
    assert not told.scheduled.any()
    assert told.says.startswith("Nobody was scheduled in 3 of 3 rounds")
    everybody = simulate_split(unmet, task="digits", policy="all_in", rounds=2, seed=1, evaluate_every=2)
    assert everybody.says.startswith("The mean delay was ")
    assert everybody.says.endswith(" times its limit.")
    ample = dataclasses.replace(joined(), delay_limit_s_per_bit=1e3)
    assert simulate_split(ample, task="digits", policy="all_in", rounds=2, seed=1, evaluate_every=2).says == ""


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_goes_on_from_a_checkpoint_as_if_never_stopped(policy, tmp_path):
    options = {"task": "digits", "policy": policy, "evaluate_every": 2}
    whole = simulate_split(joined(), rounds=4, **options)
    simulate_split(joined(), rounds=2, resume=tmp_path / "run", **options)
    resumed = simulate_split(joined(), rounds=4, resume=tmp_path / "run", **options)
    pd.testing.assert_frame_equal(resumed.table, whole.table, check_exact=True)


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("part", ["train", "test"])
def test_a_checkpoint_knows_its_data_by_their_content(
    part, backbone, run, small_split, split_tasks, alternating, tmp_path
):
    run(backbone, rounds=1, resume=tmp_path / "run")
    task = split_tasks[backbone]
    split = getattr(task, part)
    others = [subset(split, np.arange(len(split))[::-1]), dataclasses.replace(split, labels=np.roll(split.labels, 1))]
    if backbone == "tiny-vit":
        others.append(dataclasses.replace(split, images=255 - split.images))
    for other in others:
        changed = dataclasses.replace(task, **{part: other})
        with pytest.raises(FedswitchError, match=r"another run \(it differs in: the data\)"):
            simulate_split(
                small_split, task=changed, backbone=backbone, policy=alternating, rounds=2, resume=tmp_path / "run"
            )


def test_a_checkpoint_of_the_other_system_belongs_to_another_run(run, split_tasks, tmp_path):
    simulate(
        Scenario(num_ues=4, batch_size=5, test_samples=5, num_modules=1, lora_ranks=(2,), tokens_per_sample=24),
        task=split_tasks["tiny"], backbone="tiny", rounds=1, resume=tmp_path / "run",
    )  # fmt: skip
    with pytest.raises(FedswitchError, match="belongs to another run"):
        run(rounds=2, resume=tmp_path / "run")
