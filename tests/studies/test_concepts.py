import dataclasses

import numpy as np
import pytest

from fedswitch.learning import Turn, load_backbone, partition_task
from fedswitch.learning.tasks import load_task
from fedswitch.studies import arms, concepts, federated
from fedswitch.studies import concepts_gains as gains

SMALL = concepts.ConceptsSettings(
    backbone="tiny", arms=["fedlora", "fedlora_wide", "grouping"], cells=["label", "reviews+flipped_6"], degrees=[0],
    sizes=[3], batch_sizes=[2], turns=["swap", "late"], thresholds_db=[10], num_ues=4, seeds=[0, 1], rounds=2,
    batch_size=4, learning_rate=3e-3, evaluate_every=2, test_size=None,
)  # fmt: skip


def test_every_arm_meets_every_cell_with_five_kinds_of_inference(small_tasks):
    table = concepts.measure(SMALL)
    # two cells of three arms, and of two the cell of one task, of three UEs, of two samples, and what happens half way;
    # then three arms at another threshold
    assert len(table) == (2 * 3 + 5 * 2 + 3) * 2 * 2
    tested = table.dropna(subset=["accuracy"])
    assert tested[list(gains.INFERENCES)].notna().all().all()
    common = tested[tested["arm"] == "fedlora"]
    assert (common["accuracy_own"] == common["accuracy"]).all()  # with one module all kinds of inference are one
    usual = table[(table["arm"] == "fedlora") & (table["round"] == 1) & (table["num_ues"] == 4)]
    assert usual.groupby("seed")["delay_s"].nunique().tolist() == [1, 1]  # the cell does not depend on the data
    alike = common[~common["cell"].isin(concepts.TURNS) & (common["num_ues"] == 4) & (common["batch_size"] == 4)]
    assert alike["loss"].is_unique  # each cell has labels of its own, though texts and sources are the same
    sent = table[table["cell"] == "label"].groupby("arm")["sent_bits"].sum()
    factors = {"fedlora": 8, "fedlora_wide": 32}
    assert sent["fedlora_wide"] / sent["fedlora"] == pytest.approx(
        factors["fedlora_wide"] / factors["fedlora"], rel=0.1
    )


def test_no_run_is_made_twice_and_each_names_its_task():
    runs = SMALL.runs()
    named = [(run.arm.name, run.seed, run.scenario.num_ues, *run.labels.values()) for run in runs]
    assert len(set(named)) == len(named)
    assert {(run.labels["cell"], run.task, run.scenario.partition) for run in runs} == {
        ("label", None, "label"),
        ("reviews+flipped_6", "reviews+flipped_6", "domain"),
        ("reviews+reviews", "reviews+reviews", "domain"),
        ("swap", "reviews+flipped_6", "domain"),
        ("late", "reviews+flipped_6", "domain"),
        ("label at 10 dB", None, "label"),
    }
    thresholds = {run.labels["cell"]: run.scenario.sinr_threshold for run in runs}
    assert thresholds["label at 10 dB"] == pytest.approx(10)
    assert thresholds["label"] == pytest.approx(10**-0.5)
    again = concepts.ConceptsSettings(cells=[concepts.OPPOSED], degrees=[6], minorities=[2], sizes=[8], batch_sizes=[8])
    assert len(again.runs()) == len(again.arms)


@pytest.mark.parametrize(
    ("cell", "modules"), [("reviews+topics", [0, 1]), ("reviews+reviews+topics", [0, 0, 1]), ("reviews", [0] * 6)]
)
def test_the_arm_that_is_told_knows_the_tasks(cell, modules):
    task = load_task(cell)
    scheme = concepts.Told(SMALL.cell(cell, 8, 4), 3)
    world = scheme.federation(task, load_backbone("tiny"))
    held = [set(task.train.domains[own].tolist()) for own in world.ues.indices.values()]
    assert [{modules[domain] for domain in own} for own in held] == [{module} for module in scheme.module]
    before = scheme.module.copy()
    for t in range(8):
        subscription = scheme.plan(t, scheme.observe(world, t)).subscription
        assert np.array_equal(subscription.argmax(axis=0)[subscription.any(axis=0)], before[subscription.any(axis=0)])


def test_the_arm_that_is_told_hears_of_tasks_that_are_exchanged():
    task = load_task("reviews+topics")
    scheme = concepts.Told(SMALL.cell("reviews+topics", 4, 4), 1)
    world = Turn(start=2, swapped=[0, 1]).of(scheme.federation(task, load_backbone("tiny")))
    before = scheme.told.copy()
    assert before[0] != before[1]
    for t in range(4):
        scheme.observe(world, t)
        assert scheme.module.tolist() == before[[0, 1, 2, 3] if t < 2 else [1, 0, 2, 3]].tolist()


def test_nobody_exchanges_tasks_alone():
    with pytest.raises(ValueError, match="num_ues = 1 leaves nobody to exchange tasks with: leave swap out of turns"):
        dataclasses.replace(SMALL, num_ues=1, turns=["swap"])


@pytest.mark.parametrize("turn", list(concepts.TURNS))
def test_what_happens_half_way_concerns_ues_of_different_tasks(turn, small_tasks, monkeypatch):
    asked = []
    monkeypatch.setattr(arms, "simulate", lambda *_, turn, **__: asked.append(turn))
    run = next(run for run in SMALL.runs() if run.labels["cell"] == turn)
    task = federated.load_task(run.task, seed=run.seed)
    run.arm.simulate(run.changed, task, SMALL.protocol(personal=True), run.seed, None)
    (happens,) = asked
    assert happens.start == SMALL.rounds // 2
    if turn == "late":
        assert (happens.late, happens.swapped) == ((0,), ())
    else:
        partition, _ = partition_task(task, run.changed, seed=run.seed)
        first, second = (set(task.train.domains[partition.indices[k]]) for k in happens.swapped)
        assert not first & second
    usual = dataclasses.replace(run, arm=next(arm for arm in concepts.ARMS if arm.name == run.arm.name))
    protocol = SMALL.protocol()
    assert federated._identity(run, protocol, "") != federated._identity(usual, protocol, "")
