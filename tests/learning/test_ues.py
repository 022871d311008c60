"""UEs of a cell of which only some lie in this process answer as they do among all of them."""

import numpy as np
import pytest
import torch

from fedswitch.learning import Scheme, load_backbone
from fedswitch.learning.data import subset
from fedswitch.learning.engine import Learner
from fedswitch.learning.samples import Kept
from fedswitch.learning.stacked import LocalModel
from fedswitch.learning.ues import LocalUEs

OWN = (1, 4)


@pytest.fixture
def both(small, toy_task):
    """All UEs of a cell, and two of them with the samples of these two only, on modules of their own."""
    run = Scheme(small, 0).federation(toy_task, load_backbone("tiny"))
    held = [run.ues.indices[k] for k in OWN]
    ends = np.cumsum([0, *map(len, held)])
    modules = Scheme(small, 0).make_modules(load_backbone("tiny"), small, num_labels=2, seed=0)
    samples = Kept().samples(subset(toy_task.train, np.concatenate(held)), modules.backbone, small.tokens_per_sample)
    places = {k: np.arange(ends[i], ends[i + 1]) for i, k in enumerate(OWN)}
    return run.ues, LocalUEs(small, 0, Learner(modules, samples), places)


def test_their_mini_batches_hold_the_same_samples(both, toy_task):
    everybody, some = both
    for k in OWN:
        here = some.learner.samples.tokens.batch(some.mini_batch(2, k))
        there = everybody.learner.samples.tokens.batch(everybody.mini_batch(2, k))
        assert torch.equal(here.ids, there.ids)


def test_their_gradients_risks_and_views_are_the_same(both):
    everybody, some = both
    for k in OWN:
        losses = [ues.gradient(1, 2, np.array([k])) for ues in both]
        torch.testing.assert_close(*losses)
        for mine, theirs in zip(*(ues.learner.modules.parameters(2) for ues in both), strict=True):
            torch.testing.assert_close(mine.grad, theirs.grad)
    np.testing.assert_allclose(some.risks(3), everybody.risks(3)[:, OWN], rtol=1e-5)
    of_all, of_some = everybody.views(3), some.views(3)
    np.testing.assert_allclose(of_some.weighted, of_all.weighted[:, OWN], rtol=1e-4)
    assert np.array_equal(of_some.own, of_all.own[:, OWN])
    assert np.array_equal(of_some.held, of_all.held[list(OWN)])


def test_their_local_steps_are_the_same(both):
    everybody, some = both
    start = [LocalModel.of(everybody.learner.modules.parameters(0), 8.0)]
    for k in OWN:
        (here,), loss_here = some.train(0, 0, np.array([k]), start)
        (there,), loss_there = everybody.train(0, 0, np.array([k]), start)
        torch.testing.assert_close(loss_here, loss_there)
        for mine, theirs in zip(here.parameters, there.parameters, strict=True):
            torch.testing.assert_close(mine, theirs)


def test_everything_that_is_asked_of_them_comes(both):
    subscribed = np.ones((4, 6), dtype=bool)
    for ues in both:
        assert not ues.ask(0, subscribed, lambda n, own: None).any()
        assert ues.silent(0) is None
        assert ues.views(0).heard.all()
