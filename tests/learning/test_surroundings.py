"""Whatever a caller has switched in torch, and whoever draws from its global generator: a run comes out the same."""

import contextlib

import pytest
import torch

from fedswitch import Scenario
from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.schemes import SCHEMES
from fedswitch.learning.simulation import simulate
from fedswitch.learning.surroundings import OwnRandom, own_switches
from fedswitch.split import SplitScenario, simulate_split


@contextlib.contextmanager
def switched(switch, value, usual):
    switch(value)
    try:
        yield
    finally:
        switch(usual)


SURROUNDINGS = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "no gradients by a switch": lambda: switched(torch.set_grad_enabled, False, True),
    "float64": lambda: switched(torch.set_default_dtype, torch.float64, torch.float32),
    "bfloat16": lambda: switched(torch.set_default_dtype, torch.bfloat16, torch.float32),
    "another device": lambda: torch.device("meta"),
    "another default device": lambda: switched(torch.set_default_device, "meta", None),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "deterministic": lambda: switched(torch.use_deterministic_algorithms, True, False),
    "anomalies": lambda: torch.autograd.set_detect_anomaly(True),
    "more threads": lambda: switched(torch.set_num_threads, 2, 1),
    "another seed": lambda: contextlib.nullcontext(torch.manual_seed(123)),
}


@pytest.fixture(params=["random", "full", "hetlora", "flexlora", "split", "split images"], scope="module")
def scheme(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def measure(toy_task):
    scenario = Scenario.corrected(num_ues=6, batch_size=5, test_samples=20, lora_layers=1)
    sibling = SplitScenario(num_devices=4, batch_size=5, lora_layers=1)
    texts = {"task": toy_task, "backbone": "tiny", "rounds": 2}

    def measure(scheme):
        if scheme.startswith("split"):
            return simulate_split(sibling, **(texts if scheme == "split" else {"rounds": 2})).table
        return simulate(scenario, scheme=scheme, **texts).table

    return measure


@pytest.fixture(scope="module")
def expected(measure, scheme):
    return measure(scheme)


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_a_run_is_the_same_whatever_its_caller_has_switched_and_leaves_it_so(name, scheme, measure, expected):
    with SURROUNDINGS[name]():
        before = torch.get_rng_state(), torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        found = measure(scheme)
        assert torch.equal(before[0], torch.get_rng_state())
        assert before[1:] == (torch.is_grad_enabled(), torch.is_inference_mode_enabled())
    assert found.equals(expected)


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_a_vision_transformer_is_the_same_wherever_it_is_loaded(name):
    with SURROUNDINGS[name]():
        state = torch.get_rng_state()
        found = load_backbone("tiny-vit").encoder.state_dict()
        assert torch.equal(state, torch.get_rng_state())
    usual = load_backbone("tiny-vit").encoder.state_dict()
    assert all(torch.equal(weight, usual[key]) for key, weight in found.items())


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_a_backbone_may_be_loaded_in_one_place_and_used_in_another(name, small, toy_task):
    with SURROUNDINGS[name]():
        backbone = load_backbone("tiny")
        run = SCHEMES["full"](small, 0).federation(toy_task, backbone)
    usual = load_backbone("tiny").encoder.state_dict()
    assert all(torch.equal(weight, usual[key]) for key, weight in backbone.encoder.state_dict().items())
    run.ues.learner.gradient(0, run.ues.indices[0])


def test_what_draws_within_has_a_generator_of_its_own():
    before = torch.get_rng_state()
    layers = []
    for _ in range(2):
        with OwnRandom(7):
            layers.append(torch.nn.Linear(3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(layers[0].weight, layers[1].weight)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        assert torch.equal(layers[0].weight, torch.nn.Linear(3, 4).weight)


def test_own_switches_end_with_their_block():
    with torch.inference_mode(), torch.device("meta"):
        with own_switches():
            assert torch.zeros(1).requires_grad_().device.type == "cpu"
        assert torch.zeros(1).is_inference()
        assert torch.zeros(1).is_meta
