import copy
import dataclasses

import numpy as np
import pytest
import torch

from fedswitch import Scenario
from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.modules import FullModel, LoraModules
from fedswitch.learning.tokens import Batch

HIDDEN, TARGETS = 64, 2  # of the backbone `tiny`; query and value


def some_batch():
    ids = torch.arange(3, 15)[None]
    return Batch(ids, torch.zeros_like(ids), torch.ones_like(ids, dtype=torch.bool))


@pytest.mark.parametrize(("lora_layers", "layers"), [(1, 1), (2, 2), (None, 2)])
def test_payload_counts_factors_and_head(lora_layers, layers):
    scenario = Scenario.corrected(lora_layers=lora_layers)
    modules = LoraModules(load_backbone("tiny"), scenario, num_labels=3, seed=0)
    head = 3 * HIDDEN + 3
    expected = [32 * (TARGETS * layers * rank * 2 * HIDDEN + head) for rank in scenario.lora_ranks]
    assert modules.payload_bits.tolist() == expected


def test_model_bits_do_not_count_the_modules():
    bare = load_backbone("tiny")
    bits = 32 * sum(p.numel() for p in bare.encoder.parameters())
    assert LoraModules(bare, Scenario.corrected(), num_labels=2, seed=0).model_bits == bits


def test_a_module_adds_the_scaled_product_of_its_factors(modules, small):
    batch = some_batch()
    for parameter in modules.parameters(2):
        torch.nn.init.normal_(parameter, std=0.1)
    dense = copy.deepcopy(load_backbone("tiny").encoder)
    factors = modules.parameters(2)[:-2]
    last = dense.encoder.layer[-1].attention.self
    for target, (a, b) in zip((last.query, last.value), (factors[:2], factors[2:]), strict=True):
        target.weight.data += small.lora_alpha / small.lora_ranks[2] * (b @ a).detach()
    with torch.no_grad():
        ours = modules.logits(2, modules.frozen(batch), batch.mask)
        merged = modules.heads[2](dense(batch.ids).last_hidden_state.mean(dim=1))
    torch.testing.assert_close(ours, merged, rtol=1e-5, atol=1e-5)


def test_untrained_modules_leave_the_foundation_model_as_it_is(modules):
    batch = some_batch()
    with torch.no_grad():
        pooled = load_backbone("tiny").encoder(batch.ids).last_hidden_state.mean(dim=1)
        for n, head in enumerate(modules.heads):
            torch.testing.assert_close(modules.logits(n, modules.frozen(batch), batch.mask), head(pooled))


def test_frozen_weights_are_cast_once_and_what_is_trained_is_not(small, monkeypatch):
    scenario, backbone = dataclasses.replace(small, precision="bfloat16"), load_backbone("tiny")
    modules = LoraModules(backbone, scenario, num_labels=2, seed=3)
    assert {p.dtype for p in modules.backbone.encoder.parameters()} == {torch.bfloat16}
    assert {p.dtype for n in range(4) for p in modules.parameters(n)} == {torch.float32}
    assert {p.dtype for p in backbone.encoder.parameters()} == {torch.float32}  # may serve another run
    assert LoraModules(backbone, small, num_labels=2, seed=3).backbone is backbone
    weights, to = {id(p) for p in modules.backbone.encoder.parameters()}, torch.Tensor.to
    cast = []
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *how, **more: cast.append(id(self)) or to(self, *how, **more))
    scores = modules.logits(1, modules.frozen(some_batch()), some_batch().mask)
    assert scores.dtype == torch.float32
    assert cast
    assert not weights.intersection(cast)


def test_where_nothing_is_frozen_precision_changes_nothing(small):
    modules = FullModel(load_backbone("tiny"), dataclasses.replace(small, precision="bfloat16"), num_labels=2, seed=3)
    assert {p.dtype for p in modules.parameters(0)} == {torch.float32}


def test_initialization_comes_from_the_seed_alone():
    def factors(seed: int, disturb: int) -> list[np.ndarray]:
        torch.manual_seed(disturb)
        modules = LoraModules(load_backbone("tiny"), Scenario.corrected(), num_labels=2, seed=seed)
        return [p.detach().numpy() for n in range(4) for p in modules.parameters(n)]

    first, again, other = factors(0, 1), factors(0, 2), factors(1, 1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_more_lora_layers_than_the_backbone_has_are_refused():
    with pytest.raises(ValueError, match=r"lora_layers = 3 exceeds the 2 layers"):
        LoraModules(load_backbone("tiny"), Scenario.corrected(lora_layers=3), num_labels=2, seed=0)


def test_the_whole_model_scores_as_encoder_and_head_do_and_asks_for_all_gradients(small):
    modules = FullModel(load_backbone("tiny"), small, num_labels=2, seed=3)
    backbone = modules.backbone
    assert (len(modules), modules.frozen_layers) == (1, 0)
    batch = backbone.tokenize(["a short one", "and one that is longer"], ["x", "y"], 64).batch(np.arange(2))
    for scale in (1.0, 1.5):  # what is trained is what scores
        for parameter in modules.parameters(0):
            parameter.data *= scale
        scores = modules.logits(0, modules.frozen(batch), batch.mask)
        hidden = backbone.encoder(
            input_ids=batch.ids, token_type_ids=batch.segments, attention_mask=batch.mask.long()
        ).last_hidden_state
        pooled = torch.stack([row[keep].mean(dim=0) for row, keep in zip(hidden, batch.mask, strict=True)])
        torch.testing.assert_close(scores, modules.heads[0](pooled), rtol=1e-5, atol=1e-5)
    scores.sum().backward()
    assert all(p.grad is not None for p in modules.parameters(0))


@pytest.mark.parametrize("kind", [LoraModules, FullModel])
def test_state_is_a_copy_that_can_be_put_back(kind, small):
    modules = kind(load_backbone("tiny"), small, num_labels=2, seed=3)
    state = modules.state()
    for n in range(len(modules)):
        modules.assign(n, [torch.full_like(p, n + 1.0) for p in modules.parameters(n)])
        assert all((p == n + 1.0).all() for p in modules.parameters(n))
    modules.load_state(state)
    fresh = kind(load_backbone("tiny"), small, num_labels=2, seed=3)
    for n in range(len(modules)):
        assert all(map(torch.equal, modules.parameters(n), fresh.parameters(n)))


@pytest.mark.parametrize("kind", [LoraModules, FullModel])
@pytest.mark.parametrize("other", [LoraModules, FullModel])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_backbone_may_serve_any_number_of_runs(kind, other, precision, small):
    backbone = load_backbone("tiny")
    weights = copy.deepcopy(backbone.encoder.state_dict())
    scenario = dataclasses.replace(small, precision=precision)
    first = kind(backbone, small, num_labels=2, seed=3)
    alone = (
        first.payload_bits.tolist(),
        first.model_bits,
        first.logits(0, first.frozen(some_batch()), some_batch().mask),
    )
    second = other(backbone, scenario, num_labels=2, seed=4)
    for n in range(len(second)):
        second.assign(n, [torch.full_like(p, 0.5) for p in second.parameters(n)])
        second.logits(n, second.frozen(some_batch()), some_batch().mask).sum().backward()
    again = (
        first.payload_bits.tolist(),
        first.model_bits,
        first.logits(0, first.frozen(some_batch()), some_batch().mask),
    )
    assert again[:2] == alone[:2]
    assert torch.equal(again[2], alone[2])
    assert all(p.grad is None for n in range(len(first)) for p in first.parameters(n))
    assert all(torch.equal(weights[name], weight) for name, weight in backbone.encoder.state_dict().items())
    assert not any(p.requires_grad for p in backbone.encoder.parameters())
    assert not {id(p) for n in range(len(first)) for p in first.parameters(n)} & {
        id(p) for n in range(len(second)) for p in second.parameters(n)
    }


def test_an_encoder_of_your_own_is_put_in_evaluation_mode_and_frozen(small):
    tiny = load_backbone("tiny")
    own = dataclasses.replace(tiny, encoder=copy.deepcopy(tiny.encoder).train().requires_grad_(True))
    modules = LoraModules(own, small, num_labels=2, seed=3)
    scores = [modules.logits(0, modules.frozen(some_batch()), some_batch().mask) for _ in range(2)]
    assert torch.equal(*scores)  # dropout would draw from torch's global generator
    assert not any(p.requires_grad for p in own.encoder.parameters())


@pytest.mark.parametrize("kind", [LoraModules, FullModel])
def test_making_modules_draws_nothing_from_the_global_generator(kind, small):
    backbone, before = load_backbone("tiny"), torch.get_rng_state()
    kind(backbone, small, num_labels=2, seed=3)
    assert torch.equal(before, torch.get_rng_state())
