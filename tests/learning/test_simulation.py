import dataclasses

import numpy as np
import pandas as pd
import pytest

from fedswitch import Scenario
from fedswitch.errors import FedswitchError
from fedswitch.learning import Scheme, federation, simulate

COLUMNS = [
    "round", "scheme", "task", "num_ues", "seed", "loss", "accuracy", "accuracy_pooled", "subscribed", "received",
    "participation_min", "energy_compute_j", "energy_uplink_j", "delay_s", "power_mean_w", "bound", "sent_bits",
]  # fmt: skip


def run(scenario, task, rounds=4, **options):
    return simulate(scenario, task=task, backbone="tiny", rounds=rounds, **options)


def test_a_history_has_one_tidy_row_per_round(small, toy_task):
    history = run(small, toy_task, seed=3)
    table = history.table
    assert list(table.columns) == COLUMNS
    assert table["round"].tolist() == [1, 2, 3, 4]
    assert (table[["scheme", "task", "num_ues", "seed"]] == ["random", "toy", 6, 3]).all().all()
    assert history.subscribed.shape == history.received.shape == (4, 4, 6)
    assert (history.subscribed.sum(axis=1) == small.subscription_limit).all()
    assert not (history.received & ~history.subscribed).any()
    assert (table["received"] == history.received.sum(axis=(1, 2))).all()
    assert (table["subscribed"] == 6).all()
    assert table["participation_min"].iloc[-1] == history.subscribed.mean(axis=0).min()
    assert history.final["round"] == 4
    assert history.settings["rounds"] == 4


def test_what_a_round_sends_is_in_its_row(small, toy_task, monkeypatch):
    """With a price on energy that makes UEs save power, and some stay off."""
    sent, transmit = [], federation.transmit

    def watched(scenario, channel, subscribed, power_w, **payload):
        sent.append((subscribed, power_w, transmit(scenario, channel, subscribed, power_w, **payload)))
        return sent[-1][2]

    monkeypatch.setattr(federation, "transmit", watched)
    dear = dataclasses.replace(small, energy_weight_per_j=2.0)
    history = run(dear, toy_task, scheme="switching")
    off = 0
    for t, (subscribed, power_w, uplink) in enumerate(sent):
        row = history.table.iloc[t]
        sends = subscribed.any(axis=0)
        off += int((~sends).sum())
        assert row["subscribed"] == subscribed.sum()
        assert row["delay_s"] == uplink.delay_s
        assert row["power_mean_w"] == pytest.approx(power_w[sends].mean() if sends.any() else 0.0)
        assert row["energy_compute_j"] == pytest.approx(uplink.energy_compute_j.sum())
        assert row["energy_uplink_j"] == pytest.approx((power_w * subscribed).sum() * uplink.delay_s)
    assert off > 0


@pytest.mark.parametrize("name", ["random", "hetlora"])
def test_the_column_bound_is_the_recursion_of_theorem_1_prime(name, small, toy_task, monkeypatch):
    success, transmit = [], federation.transmit

    def watched(*given, **payload):
        uplink = transmit(*given, **payload)
        success.append(uplink.success)
        return uplink

    monkeypatch.setattr(federation, "transmit", watched)
    scenario = dataclasses.replace(small, zeta1=2.0, zeta2=1e-3, strong_convexity=0.3)
    history = run(scenario, toy_task, scheme=name)
    gaps, expected = [0.0] * history.subscribed.shape[1], []
    for subscribed, rate in zip(history.subscribed, success, strict=True):
        for n, gap in enumerate(gaps):
            missed = sum(1 - rate[n, k] if subscribed[n, k] else 1.0 for k in range(6)) / 6
            gaps[n] = gap - 0.3 * (1 - 4 * 1e-3 * missed) * gap + 2 * 2.0 * missed
        expected.append(sum(gaps) / len(gaps))
    assert history.table["bound"].to_numpy() == pytest.approx(np.array(expected))
    assert (np.diff(expected) > 0).all()


def test_the_same_seed_gives_the_same_table_and_another_seed_another(small, toy_task):
    first, again, other = (run(small, toy_task, seed=seed).table for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert not first["loss"].equals(other["loss"])


def test_both_engines_give_the_same_run(toy_task):
    # plain SGD: Adam divides by the root of tiny squared gradients and would amplify rounding
    scenario = Scenario.corrected(num_ues=6, batch_size=5, test_samples=20, optimizer="sgd", learning_rate=0.1)
    cell, per_ue = (run(scenario, toy_task, engine=engine).table for engine in ("cell", "per_ue"))
    assert cell["loss"].nunique() == 4
    np.testing.assert_allclose(cell["loss"], per_ue["loss"], rtol=1e-5)


def test_one_local_step_of_sgd_is_the_gradient_and_more_are_not(toy_task):
    sgd = Scenario.corrected(num_ues=6, batch_size=5, test_samples=20, optimizer="sgd", learning_rate=0.05)
    gradient = run(sgd, toy_task).table["loss"]
    one_step, four_steps = (
        run(dataclasses.replace(sgd, local_training="steps", local_iterations=tau), toy_task).table["loss"]
        for tau in (1, 4)
    )
    np.testing.assert_allclose(one_step, gradient, rtol=1e-5)
    assert not np.allclose(four_steps, gradient, rtol=1e-3)


def test_it_learns(toy_task):
    scenario = Scenario.corrected(num_ues=8, batch_size=16, test_samples=20, learning_rate=2e-2)
    history = run(scenario, toy_task, scheme="fedlora", rounds=20, evaluate_every=20)
    assert history.final["accuracy_pooled"] > 0.9


def test_rounds_between_evaluations_hold_no_accuracy(small, toy_task):
    table = run(small, toy_task, rounds=5, evaluate_every=2).table
    assert table["accuracy"].notna().tolist() == [False, True, False, True, True]


def test_rounds_are_also_tested_where_the_rows_so_far_ask_for_it(small, toy_task):
    asked = []

    def third(rows):
        asked.append(len(rows))
        return len(rows) == 2

    history = run(small, toy_task, rounds=5, evaluate_every=2, also_test=third)
    assert history.table["accuracy"].notna().tolist() == [False, True, True, True, True]
    assert asked == [0, 2]  # not where a test is due anyway
    tested = history.table["round"].isin([2, 4, 5])
    pd.testing.assert_frame_equal(history.table[tested], run(small, toy_task, rounds=5, evaluate_every=2).table[tested])


def test_a_run_may_stop_after_a_round_that_was_tested(small, toy_task, tmp_path):
    asked = []

    def stop(rows):
        asked.append([row["round"] for row in rows])
        return len(rows) >= 3

    history = run(small, toy_task, rounds=8, evaluate_every=2, stop=stop, resume=tmp_path / "run")
    assert asked == [[1, 2], [1, 2, 3, 4]]
    assert history.table["round"].tolist() == [1, 2, 3, 4]
    assert history.subscribed.shape[0] == 4
    whole = run(small, toy_task, rounds=8, evaluate_every=2)
    pd.testing.assert_frame_equal(history.table, whole.table.iloc[:4])
    again = run(small, toy_task, rounds=8, evaluate_every=2, stop=stop, resume=tmp_path / "run")
    pd.testing.assert_frame_equal(again.table, history.table)  # the same call once more does nothing
    # what was saved where it stopped goes on, when it may
    resumed = run(small, toy_task, rounds=8, evaluate_every=2, resume=tmp_path / "run")
    pd.testing.assert_frame_equal(resumed.table, whole.table)


def test_personal_inference_is_that_of_the_modules_at_the_end(small, toy_task, monkeypatch):
    """Predictions of each UE recomputed one by one, from weights fitted on its mini-batch of the round."""
    worlds, start = [], federation.Federation.start

    def watched(*given, **options):
        worlds.append(start(*given, **options))
        return worlds[-1]

    monkeypatch.setattr(federation.Federation, "start", watched)
    # a large step, so that modules differ
    scenario = dataclasses.replace(small, learning_rate=0.05, dirichlet_concentration=0.2)
    history = run(scenario, toy_task, rounds=3, evaluate_every=3, personal=True)
    (world,) = worlds
    trained, tested = np.exp(world.ues.learner.log_probabilities()), np.exp(world.tester.log_probabilities())
    labels = toy_task.train.labels
    right = {f"accuracy_{name}": [] for name in ("trained", "own", "weighted", "prior")}
    held = [np.bincount(labels[world.ues.mini_batch(2, k)], minlength=2) + 1 for k in range(6)]
    everyone = np.mean([counts / counts.sum() for counts in held], axis=0)
    for k in range(6):
        batch = world.ues.mini_batch(2, k)
        likelihood = trained[:, batch, labels[batch]]
        weights = np.full(4, 0.25)
        for _ in range(50):
            shares = weights[:, None] * likelihood / (weights @ likelihood)
            weights = shares.mean(axis=1)
        test = world.ue_test_indices[k]
        best = np.log(likelihood).sum(axis=1).argmax()
        (subscribed,) = np.flatnonzero(history.subscribed[2, :, k])
        predicted = {
            "accuracy_trained": tested[subscribed, test].argmax(axis=1),
            "accuracy_own": tested[best, test].argmax(axis=1),
            "accuracy_weighted": np.tensordot(weights, tested[:, test], axes=1).argmax(axis=1),
            "accuracy_prior": (tested[:, test].sum(axis=0) * held[k] / everyone).argmax(axis=1),
        }
        for name, guesses in predicted.items():
            right[name].append((guesses == toy_task.test.labels[test]).mean())
    for name, accuracies in right.items():
        assert history.final[name] == pytest.approx(np.mean(accuracies))
    assert history.table[list(right)].notna().all(axis=1).tolist() == [False, False, True]


def test_personal_tests_do_not_change_the_run(small, toy_task):
    plain = run(small, toy_task, evaluate_every=2).table
    personal = run(small, toy_task, evaluate_every=2, personal=True).table
    added = ["accuracy_own", "accuracy_prior", "accuracy_trained", "accuracy_trained_min", "accuracy_weighted"]
    assert list(personal.columns.difference(plain.columns)) == added
    pd.testing.assert_frame_equal(personal[plain.columns], plain)


@pytest.mark.parametrize(
    ("scheme", "changes", "message"),
    [
        ("random", {"learning_rate": 1e30}, r"module \d is (nan|inf) in round \d+: .*a learning_rate below 1e\+30"),
        ("full", {"full_learning_rate": 1e30}, r"module 1 is nan in round \d+: .*a full_learning_rate below 1e\+30"),
        ("hetlora", {"learning_rate": 1e30}, r"module 1 is nan in round \d+: .*a learning_rate below 1e\+30"),
        (
            "random",
            {"learning_rate": 1e30, "local_training": "steps"},
            r"module \d is nan in round \d+: .*below 1e\+30",
        ),
    ],
)
def test_a_run_that_diverges_names_round_module_and_step(scheme, changes, message, small, toy_task):
    scenario = dataclasses.replace(small, optimizer="sgd", **changes)
    with pytest.raises(FedswitchError, match="The loss of " + message):
        run(scenario, toy_task, rounds=10, scheme=scheme, evaluate_every=10)


class Poisoned(Scheme):
    """The second module is not a number any more after the third round."""

    def learn(self, run, t, received):
        super().learn(run, t, received)
        if t == 2:
            run.modules.assign(1, [p * float("nan") for p in run.modules.parameters(1)])


def test_a_diverged_module_is_named_and_the_last_good_checkpoint_stays(small, toy_task, tmp_path, saved):
    with pytest.raises(FedswitchError, match=r"loss of module 2 is nan in round 3"):
        run(small, toy_task, rounds=5, scheme=Poisoned, resume=tmp_path / "run", checkpoint_every=1)
    kept = saved(tmp_path / "run")
    assert len(kept["log"]["rows"]) == 2
    assert all(p.isfinite().all() for module in kept["modules"] for p in module)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rounds": 0}, "rounds = 0 must be a whole number of at least 1"),
        ({"rounds": 1.5}, "rounds = 1.5 must be a whole number"),
        ({"evaluate_every": 0}, "evaluate_every = 0 must be"),
        ({"seed": "a"}, "seed = 'a' must be a whole number of at least 0"),
        ({"checkpoint_every": 0}, "checkpoint_every = 0"),
        ({"scheme": "randon"}, "unknown scheme 'randon'.*Did you mean 'random'"),
        ({"engine": "x"}, "unknown engine 'x'; there are: cell, per_ue"),
    ],
)
def test_bad_arguments_are_named(small, toy_task, options, message):
    with pytest.raises(ValueError, match=message):
        run(small, toy_task, **options)


@pytest.mark.slow
def test_minilm_solves_the_embedded_task(minilm):
    scenario = Scenario.corrected(num_ues=12, batch_size=16, lora_layers=2, learning_rate=1e-2)
    history = simulate(scenario, task="reviews", backbone=minilm, scheme="fedlora", rounds=10, evaluate_every=10)
    assert history.final["accuracy_pooled"] > 0.75
