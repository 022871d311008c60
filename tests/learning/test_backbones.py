import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from fedswitch import Scenario
from fedswitch.errors import MissingWeightsError
from fedswitch.learning import backbones
from fedswitch.learning.backbones import backbone_status, load_backbone
from fedswitch.learning.simulation import simulate


def test_the_two_halves_are_the_whole_encoder():
    backbone = load_backbone("tiny")
    tokens = backbone.tokenize(["a short one", "and one that is quite a bit longer"], ["second", "x y z"], 64)
    batch = tokens.batch(np.arange(2))
    with torch.no_grad():
        whole = backbone.encoder(
            input_ids=batch.ids, token_type_ids=batch.segments, attention_mask=batch.mask.long()
        ).last_hidden_state
    expected = torch.stack([row[keep].mean(dim=0) for row, keep in zip(whole, batch.mask, strict=True)])
    for frozen in range(backbone.num_layers + 1):
        with torch.no_grad():
            pooled = backbone.encode(backbone.embed(batch, frozen), batch.mask, frozen)
        torch.testing.assert_close(pooled, expected, rtol=1e-5, atol=1e-6)


def test_tiny_is_always_the_same_and_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = load_backbone("tiny").encoder.state_dict()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    second = load_backbone("tiny").encoder.state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_tiny_truncates_and_marks_the_second_sentence():
    tokens = load_backbone("tiny").tokenize(["one two three"], ["four five"], 6)
    assert tokens.lengths.tolist() == [6]
    assert tokens.segments.tolist() == [0, 0, 0, 0, 0, 1]


def test_weights_are_frozen():
    assert not any(p.requires_grad for p in load_backbone("tiny").encoder.parameters())


@pytest.fixture
def bert_folder(tmp_path: Path, minilm: str) -> Path:
    """A small random BERT beside MiniLM's tokenizer: what a user's own local folder looks like."""
    source = backbones._local_folder(minilm)
    assert source is not None
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copy(source / name, tmp_path)
    config = BertConfig(hidden_size=32, num_hidden_layers=3, num_attention_heads=2, intermediate_size=64)
    BertModel(config).save_pretrained(tmp_path)
    return tmp_path


def test_a_local_folder_goes_through_the_same_path(bert_folder, toy_task):
    scenario = Scenario.corrected(num_ues=4, batch_size=4, test_samples=10, lora_layers=2)
    history = simulate(scenario, task=toy_task, backbone=str(bert_folder), rounds=2)
    assert len(history.table) == 2
    assert backbone_status(str(bert_folder)) == (True, str(bert_folder))


def test_pickled_weights_are_refused(bert_folder):
    (bert_folder / "model.safetensors").rename(bert_folder / "pytorch_model.bin")
    with pytest.raises(MissingWeightsError, match=r"holds no model\.safetensors.*pickled weights are never read"):
        load_backbone(str(bert_folder))


def test_an_encoder_of_another_build_is_refused(bert_folder):
    config = json.loads((bert_folder / "config.json").read_text())
    shutil.rmtree(bert_folder)
    from transformers import DistilBertConfig, DistilBertModel

    small = DistilBertConfig(dim=16, n_layers=1, n_heads=2, hidden_dim=16, vocab_size=config["vocab_size"])
    DistilBertModel(small).save_pretrained(bert_folder)
    source = backbones._local_folder("minilm")
    assert source is not None
    shutil.copy(source / "vocab.txt", bert_folder)
    shutil.copy(source / "tokenizer.json", bert_folder)
    with pytest.raises(MissingWeightsError, match="DistilBertModel"):
        load_backbone(str(bert_folder))


def test_a_hub_name_without_a_network_says_what_to_do(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        MissingWeightsError, match=r"'someone/no-such-model' is not on this machine: connect .* or name"
    ):
        load_backbone("someone/no-such-model")
    assert backbone_status("someone/no-such-model")[0] is False


def test_wrong_minilm_weights_are_refused(tmp_path, minilm, monkeypatch):
    source = backbones._local_folder(minilm)
    shutil.copytree(source, tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    monkeypatch.setattr(backbones, "_local_folder", lambda name: tmp_path / "model")
    with pytest.raises(MissingWeightsError, match="are not those of all-MiniLM-L6-v2"):
        load_backbone(minilm)


def test_minilm_has_the_size_that_the_design_states(minilm):
    backbone = load_backbone(minilm)
    assert backbone.num_layers == 6
    assert backbone.num_parameters == pytest.approx(22.7e6, rel=2e-3)
