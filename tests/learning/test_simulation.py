import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from fedswitch import Scenario
from fedswitch.errors import FedswitchError
from fedswitch.learning import federation as federation_module
from fedswitch.learning import simulate
from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.engine import Samples, cell_gradient
from fedswitch.learning.federation import Federation
from fedswitch.learning.modules import LoraModules

COLUMNS = [
    "round", "scheme", "task", "num_ues", "seed", "loss", "accuracy", "accuracy_pooled", "subscribed", "received",
    "participation_min", "energy_compute_j", "energy_uplink_j", "delay_s", "power_mean_w",
]  # fmt: skip


def run(scenario, task, rounds=4, **options):
    return simulate(scenario, task=task, backbone="tiny", rounds=rounds, **options)


def test_a_history_has_one_tidy_row_per_round(small, toy_task):
    history = run(small, toy_task)
    table = history.table
    assert list(table.columns) == COLUMNS
    assert table["round"].tolist() == [1, 2, 3, 4]
    assert history.subscribed.shape == history.received.shape == (4, 4, 6)
    assert (history.subscribed.sum(axis=1) == small.subscription_limit).all()
    assert not (history.received & ~history.subscribed).any()
    assert (table["received"] == history.received.sum(axis=(1, 2))).all()
    assert (table["subscribed"] == 6).all()
    assert table["power_mean_w"].to_numpy() == pytest.approx(0.2)
    assert table["participation_min"].iloc[-1] == history.subscribed.mean(axis=0).min()
    assert history.final["round"] == 4


def test_the_same_seed_gives_the_same_table_and_another_seed_another(small, toy_task):
    first, again, other = (run(small, toy_task, seed=seed).table for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert not first["loss"].equals(other["loss"])


def test_both_engines_give_the_same_run(toy_task):
    # plain SGD: Adam divides by the root of tiny squared gradients and would amplify rounding
    scenario = Scenario.corrected(num_ues=6, batch_size=5, test_samples=20, optimizer="sgd", learning_rate=0.1)
    cell, per_ue = (run(scenario, toy_task, engine=engine).table for engine in ("cell", "per_ue"))
    np.testing.assert_allclose(cell["loss"], per_ue["loss"], rtol=1e-5)


def test_lost_uploads_leave_the_modules_as_they_are(small, toy_task):
    deaf = dataclasses.replace(small, sinr_threshold=1e12)
    table = run(deaf, toy_task).table
    assert table["received"].eq(0).all()
    assert table["loss"].nunique() == 1


def test_one_sgd_round_is_equation_1(toy_task):
    """Replayed from the recorded receptions: each module moves by the step times the D_k-weighted mean gradient."""
    scenario = Scenario.corrected(
        num_ues=6, batch_size=5, test_samples=20, optimizer="sgd", learning_rate=0.5, sinr_threshold=1.0
    )
    captured = {}

    class Spy(LoraModules):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            captured["modules"] = self

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(federation_module, "LoraModules", Spy)
        history = run(scenario, toy_task, rounds=1, seed=2)
    fresh = LoraModules(load_backbone("tiny"), scenario, num_labels=2, seed=2)
    samples = Samples(fresh.backbone.tokenize(toy_task.train.texts, None, 128), torch.from_numpy(toy_task.train.labels))
    assert 0 < history.received.sum() < 6
    world = Federation.start(scenario, toy_task, load_backbone("tiny"), 2)
    for n in range(4):
        received = np.flatnonzero(history.received[0, n])
        before = [p.detach().clone() for p in fresh.parameters(n)]
        if len(received):
            cell_gradient(fresh, n, samples, [world.mini_batch(0, int(k)) for k in received])
            expected = [p - 0.5 * q.grad for p, q in zip(before, fresh.parameters(n), strict=True)]
        else:
            expected = before
        for mine, theirs in zip(captured["modules"].parameters(n), expected, strict=True):
            torch.testing.assert_close(mine.detach(), theirs)


def test_risk_and_accuracy_follow_3(small, toy_task):
    world = Federation.start(small, toy_task, load_backbone("tiny"), 0)
    scores = world.evaluator.log_probabilities()
    measured = world.evaluate()
    risks, hits = [], []
    for own in world.ue_test_indices:
        labels = toy_task.test.labels[own]
        risks.append(np.mean([[-scores[n, i, y] for n in range(4)] for i, y in zip(own, labels, strict=True)]))
        hits.append(np.mean([np.exp(scores[:, i]).sum(axis=0).argmax() == y for i, y in zip(own, labels, strict=True)]))
    assert measured["loss"] == pytest.approx(np.mean(risks), rel=1e-6)
    assert measured["accuracy"] == pytest.approx(np.mean(hits))


def test_it_learns(toy_task):
    scenario = Scenario.corrected(num_ues=8, batch_size=16, test_samples=20, learning_rate=2e-2)
    history = run(scenario, toy_task, rounds=40, evaluate_every=40)
    assert history.final["accuracy_pooled"] > 0.9


def test_rounds_between_evaluations_hold_no_accuracy(small, toy_task):
    table = run(small, toy_task, rounds=5, evaluate_every=2).table
    assert table["accuracy"].notna().tolist() == [False, True, False, True, True]


def test_a_resumed_run_equals_one_that_was_never_stopped(small, toy_task, tmp_path):
    whole = run(small, toy_task, rounds=6)
    path = tmp_path / "deep" / "run.pt"
    run(small, toy_task, rounds=3, resume=path, checkpoint_every=2)
    resumed = run(small, toy_task, rounds=6, resume=path)
    pd.testing.assert_frame_equal(resumed.table, whole.table, check_exact=True)
    assert np.array_equal(resumed.received, whole.received)
    assert [file.name for file in path.parent.iterdir()] == ["run.pt"]


def test_a_finished_run_is_not_run_again(small, toy_task, tmp_path, monkeypatch):
    first = run(small, toy_task, resume=tmp_path / "run.pt")
    monkeypatch.setattr(Federation, "update", lambda *_: pytest.fail("trained again"))
    pd.testing.assert_frame_equal(run(small, toy_task, resume=tmp_path / "run.pt").table, first.table)


def test_the_checkpoint_of_another_run_is_refused(small, toy_task, tmp_path):
    path = tmp_path / "run.pt"
    run(small, toy_task, rounds=1, resume=path)
    with pytest.raises(FedswitchError, match=r"belongs to another run \(it differs in: seed\)"):
        run(small, toy_task, rounds=2, seed=1, resume=path)


def test_a_damaged_checkpoint_is_refused_and_kept(small, toy_task, tmp_path):
    path = tmp_path / "run.pt"
    run(small, toy_task, rounds=1, resume=path)
    damaged = path.read_bytes()[:2000]
    path.write_bytes(damaged)
    with pytest.raises(FedswitchError, match="cannot be read"):
        run(small, toy_task, rounds=2, resume=path)
    assert path.read_bytes() == damaged


def test_a_checkpoint_that_cannot_be_written_says_so(small, toy_task, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FedswitchError, match="could not be written"):
        run(small, toy_task, rounds=1, resume=tmp_path / "file" / "run.pt")


def test_a_run_that_diverges_names_round_and_module(toy_task):
    scenario = Scenario.corrected(num_ues=6, batch_size=5, test_samples=20, optimizer="sgd", learning_rate=1e30)
    with pytest.raises(FedswitchError, match=r"loss of module \d is nan in round \d+: .*learning_rate below 1e\+30"):
        run(scenario, toy_task, rounds=10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rounds": 0}, "rounds = 0"),
        ({"scheme": "randon"}, "unknown scheme 'randon'.*Did you mean 'random'"),
        ({"engine": "x"}, "unknown engine 'x'; there are: cell, per_ue"),
    ],
)
def test_bad_arguments_are_named(small, toy_task, options, message):
    with pytest.raises(ValueError, match=message):
        run(small, toy_task, **options)


@pytest.mark.slow
def test_minilm_solves_the_embedded_task(minilm):
    scenario = Scenario.corrected(num_ues=20, batch_size=16)
    history = simulate(scenario, task="reviews", backbone=minilm, rounds=12, evaluate_every=12)
    assert history.final["accuracy_pooled"] > 0.75
