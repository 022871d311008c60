import numpy as np
import pytest
import torch
from small_split import SmallSplit
from transformers import BertConfig, BertModel

from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.encoding import Backbone
from fedswitch.split.adapter import Adapter


def test_bert_base_has_454_thousand_to_train():
    """Section V: rank 8 on query, key, value and the pooler; the numbers are counted, and no weights made."""
    with torch.device("meta"):
        encoder = BertModel(BertConfig())
    adapter = Adapter(Backbone("bert", "none", encoder, None, "pooler"), SmallSplit(), seed=0)
    assert adapter.num_parameters == 454_656
    assert adapter.num_parameters == (12 * 3 + 1) * 2 * 768 * 8


@pytest.mark.parametrize(("layers", "count"), [(None, 2), (1, 1)])
def test_it_starts_as_lora_does_and_changes_nothing(layers, count):
    backbone = load_backbone("tiny")
    adapter = Adapter(backbone, SmallSplit(lora_layers=layers), seed=4)
    assert len(adapter.factors) == 2 * 3 * count
    for a, b in zip(adapter.factors[::2], adapter.factors[1::2], strict=True):
        assert 0.9 / 8 < a.abs().max() <= 1 / 8
        assert not b.any()
    batch = backbone.tokenize(["some words", "and some more of them"], None, 20).batch(np.arange(2))
    frozen = adapter.frozen(batch)
    torch.testing.assert_close(
        adapter.features(frozen, batch.mask), backbone.encode(backbone.embed(batch, 0), batch.mask, 0)
    )
    again, other = (Adapter(backbone, SmallSplit(lora_layers=layers), seed=seed) for seed in (4, 5))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(adapter.factors, again.factors, strict=True))
    assert not torch.equal(adapter.factors[0], other.factors[0])
