"""The picture of a run, against `simulate`, and the norms against the products themselves."""

import json

import numpy as np
import pytest
import torch

from fedswitch import Scenario
from fedswitch.figures.charts import at
from fedswitch.figures.one_run import Watched, norms, run_figure, watch
from fedswitch.learning import Scheme, load_backbone, simulate
from fedswitch.learning.tasks import reviews_task

SMALL = Scenario.corrected(num_ues=6, batch_size=2, test_samples=2, lora_layers=1, learning_rate=1e-2)
ROUNDS = 4


@pytest.fixture(scope="module")
def reviews():
    return reviews_task(train=60, test=8)


@pytest.fixture(scope="module")
def run(reviews):
    return watch(SMALL, task=reviews, backbone="tiny", rounds=ROUNDS, seed=3)


@pytest.fixture(scope="module")
def figure(run):
    return run_figure(run)


def test_rounds_are_those_of_simulate(run, reviews):
    history = simulate(SMALL, task=reviews, backbone="tiny", scheme="switching", rounds=ROUNDS, seed=3)
    np.testing.assert_array_equal(run.subscribed, history.subscribed)
    np.testing.assert_array_equal(run.received, history.received)
    np.testing.assert_array_equal(run.distance_m, history.distance_m)


def test_modules_move_exactly_where_something_is_received(run):
    np.testing.assert_array_equal(run.moved[0], 0.0)  # B starts at zero
    moves = np.diff(run.moved, axis=0) != 0.0
    np.testing.assert_array_equal(moves, run.received.any(axis=2))
    assert 0 < moves.sum() < moves.size


def test_norms_are_those_of_the_products(reviews):
    modules = Scheme(SMALL, 0).federation(reviews, load_backbone("tiny")).modules
    for n, rank in enumerate(SMALL.lora_ranks):
        squares = 0.0
        *factors, _, _ = modules.parameters(n)
        for i, factor in enumerate(factors):
            assert rank in factor.shape
            torch.nn.init.constant_(factor, 0.1 * (i + 1))
        for a, b in ((factors[0], factors[1]), (factors[2], factors[3])):
            product = np.einsum("ir,rj->ij", b.detach().numpy(), a.detach().numpy())
            squares += ((SMALL.lora_alpha / rank * product) ** 2).sum()
        assert norms(modules, SMALL.lora_alpha)[n] == pytest.approx(np.sqrt(squares), rel=1e-5)


@pytest.mark.parametrize("t", range(ROUNDS))
def test_map_shows_each_ue_once_at_its_distance_with_its_module(run, figure, t):
    seen = {}
    for curve in figure.panels[0].curves:
        if curve.label in ("crossed: lost", "gNB", "farthest UE"):
            continue
        x, y = (at(np.asarray(values, dtype=float), (t,), points=1) for values in (curve.x, curve.y))
        for ue in np.flatnonzero(np.isfinite(x)):
            assert np.hypot(x[ue], y[ue]) == pytest.approx(run.distance_m[ue])
            assert ue not in seen
            seen[ue] = (curve.text, curve.filled)
    for ue in range(SMALL.num_ues):
        module = np.flatnonzero(run.subscribed[t, :, ue])
        arrived = run.received[t, :, ue].any()
        assert seen[ue] == ((str(module[0] + 1), arrived) if module.size else ("", False))
    (crosses,) = (curve for curve in figure.panels[0].curves if curve.label == "crossed: lost")
    lost = np.isfinite(at(np.asarray(crosses.x), (t,), points=1))
    np.testing.assert_array_equal(lost, (run.subscribed & ~run.received)[t].any(axis=0))


def test_paths_end_at_the_round(run, figure):
    for n, curve in enumerate(figure.panels[1].curves):
        path = at(np.asarray(curve.y, dtype=float), (1,), points=1)
        np.testing.assert_array_equal(path[:3], run.moved[:3, n])
        assert np.isnan(path[3:]).all()


def test_readout_counts(run, figure):
    said = figure.said((2,))
    received = run.received[2].sum(axis=1)
    assert said.startswith(
        f"Round 3: {received.sum()} of {run.subscribed[2].sum()} uploads arrive, for modules 1 to 4: "
    )
    assert ", ".join(map(str, received)) in said


@pytest.mark.parametrize(
    ("received", "said"),
    [
        ([[1], [1], [1]], "All modules move."),
        ([[1], [0], [1]], "Module 2 stays as it was."),
        ([[0], [1], [0]], "Modules 1 and 3 stay as they were."),
        ([[0], [0], [0]], "Modules 1, 2 and 3 stay as they were."),
    ],
)
def test_readout_names_modules_that_nobody_reaches(received, said):
    arrived = np.array([received], dtype=bool)
    seen = Watched(np.array([50.0]), np.ones_like(arrived), arrived, np.ones((2, 3)))
    assert run_figure(seen).said((0,)).endswith(said)


def test_all_modules_have_a_line_and_a_color_of_the_palette(run):
    sent = np.zeros((2, 9, 3), dtype=bool)
    sent[:, 8] = True
    drawn = run_figure(Watched(np.array([10.0, 20.0, 30.0]), sent, sent, np.ones((3, 9))))
    _, modules = drawn.panels
    assert [curve.label for curve in modules.curves] == [f"module {n}" for n in range(1, 10)]
    assert all(curve.color in range(9) for panel in drawn.panels for curve in panel.curves)


def test_figure_is_light_plays_and_shows_three_rounds(figure):
    assert len(json.dumps(figure.data, allow_nan=False)) < 50_000
    assert figure.played == 0
    assert figure.stills == ((0,), (2,), (3,))
    assert figure.panels[0].square
