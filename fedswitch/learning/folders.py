"""The folder of a foundation model: which of its files are read, and whether they are whole and fit one another."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import torch
import transformers
from transformers.utils import logging as transformers_logging

from ..files import LFS_POINTER

Read = TypeVar("Read")

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json")
CHANNELS = "preprocessor_config.json"
BESIDE_WEIGHTS = (
    *(CONFIG, *VOCABULARIES, "merges.txt", CHANNELS),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)
"""What decides, beside the weights, what a backbone makes of a text or an image."""

SIZES = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads"),
    *("intermediate_size", "vocab_size", "max_position_embeddings"),
    *("image_size", "patch_size"),
)
"""Numbers in config.json, each a whole one of at least 1."""

BUILD = {"is_decoder": False, "position_embedding_type": "absolute", "num_channels": 3}
"""What config.json may leave out, and otherwise has to say of an encoder like ours."""

REAL = ("F64", "F32", "F16", "BF16")
"""Types of weights as safetensors calls them; whole numbers and eight bits are those of quantized models."""


class FolderError(Exception):
    """What is wrong with a folder, as the beginning of a sentence, and how to mend it, where that is known."""

    def __init__(self, problem: str, mend: str | None = None) -> None:
        super().__init__(problem)
        self.mend = mend


def lacking(folder: Path) -> str | None:
    """The first file that a backbone needs and the folder lacks; None where all are there."""
    needed = [CONFIG]
    if not (folder / WEIGHTS).is_file() and (folder / INDEX).is_file():
        with contextlib.suppress(FolderError):  # a damaged index is there
            needed += [path.name for path in weight_files(folder)]
    else:
        needed.append(WEIGHTS)
    if reads_images(folder):
        needed.append(CHANNELS)
    missing = next((name for name in needed if not (folder / name).is_file()), None)
    if missing is None and not reads_images(folder) and not any((folder / name).is_file() for name in VOCABULARIES):
        # without them transformers makes up a tokenizer that knows no word
        return f"tokenizer ({', '.join(VOCABULARIES)})"
    return missing


def reads_images(folder: Path) -> bool:
    """Whether the encoder in a folder is a vision transformer, by its config.json."""
    with contextlib.suppress(FolderError):
        return "patch_size" in _json(folder / CONFIG)
    return False


def channels(folder: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of the three channels of an image that an encoder was trained on, as shares of intensity."""
    held = _json(folder / CHANNELS)
    for name, least in (("image_mean", 0.0), ("image_std", 1e-6)):
        values = held.get(name)
        three = isinstance(values, list) and len(values) == 3
        if not three or not all(type(value) in (int, float) and least <= value <= 1.0 for value in values or ()):
            raise FolderError(f"{folder / CHANNELS} has {name} = {values!r}, which must be three numbers from 0 to 1")
    return tuple(held["image_mean"]), tuple(held["image_std"])


def weight_files(folder: Path) -> list[Path]:
    """The files of weights: one, or those that an index names, sorted; FolderError for a damaged index."""
    if (folder / WEIGHTS).is_file() or not (folder / INDEX).is_file():
        return [folder / WEIGHTS]
    shards = _json(folder / INDEX).get("weight_map")
    if not isinstance(shards, dict) or not shards or not all(isinstance(name, str) for name in shards.values()):
        raise FolderError(f"{folder / INDEX} names no files of weights")
    return [folder / name for name in sorted(set(shards.values()))]


def check_files(folder: Path) -> None:
    """Raise FolderError unless all files of a backbone are there and whole; weights themselves are not read."""
    if (missing := lacking(folder)) is not None:
        raise FolderError(f"The backbone folder {folder} holds no {missing}{_instead(folder, missing)}")
    if (folder / "adapter_config.json").exists():
        raise FolderError(
            f"The backbone folder {folder} holds an adapter of peft, which would be added to the model unseen",
            "merge it with merge_and_unload and save the model with save_pretrained, or take adapter_config.json away",
        )
    for path in (folder / name for name in BESIDE_WEIGHTS if (folder / name).is_file()):
        _refuse_unfetched(path)
    _check_config(folder / CONFIG)
    for path in weight_files(folder):
        _refuse_unfetched(path)
        _check_weights(path)


def source(folder: Path, *, beside: bool) -> str:
    """Which weights these are, by SHA-256 of their files; with `beside`, also which configuration and tokenizer."""
    weights = weight_files(folder)
    said = WEIGHTS if len(weights) == 1 else f"{len(weights)} files of safetensors"
    said = f"{said}, sha256 {_digest(weights)}"
    settings = [path for name in BESIDE_WEIGHTS if (path := folder / name).is_file()]
    return f"{said}; configuration and tokenizer, sha256 {_digest(settings)}" if beside else said


def load_encoder(folder: Path) -> tuple[Any, frozenset[str]]:
    """The encoder in float32, with its weights from the folder; FolderError where they do not fit.

    The folder may lack weights of the pooler: their names come beside the encoder.
    """
    with without_load_report():
        encoder, info = _read(
            lambda: transformers.AutoModel.from_pretrained(
                folder,
                use_safetensors=True,
                dtype=torch.float32,
                attn_implementation="eager",  # whatever config.json asks for: we have our own
                trust_remote_code=False,
                local_files_only=True,
                ignore_mismatched_sizes=True,  # we refuse them ourselves, by name
                output_loading_info=True,
            ),
            f"The backbone folder {folder} could not be loaded",
        )
    _check_names(folder, encoder, info)
    odd = [name for name, weight in encoder.named_parameters() if not weight.isfinite().all()]
    if odd:
        raise FolderError(f"The weights in {folder} are not all finite numbers: {_some(odd)} hold NaN or infinity")
    for weight in encoder.parameters():
        weight.data = weight.data.clone()  # they are views of the file, and would change with it
    return encoder, frozenset([*info["missing_keys"], *(name for name, *_ in info["mismatched_keys"])])


def load_tokenizer(folder: Path, encoder: Any) -> Any:
    """The tokenizer; FolderError where it cannot be read, or does not fit the embeddings of the encoder."""
    tokenizer = _read(
        lambda: transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True),
        f"The tokenizer in {folder} cannot be read",
    )
    _read(lambda: tokenizer(["some"], ["words"]), f"The tokenizer in {folder} cannot be used")
    if tokenizer.pad_token_id is None:
        raise FolderError(
            f"The tokenizer in {folder} has no padding token",
            "name one of its tokens as pad_token, and save it there again with save_pretrained",
        )
    embeddings, known = int(encoder.config.vocab_size), _num_known(tokenizer)
    last = max(tokenizer.get_vocab().values())
    if last >= embeddings:
        raise FolderError(
            f"The tokenizer in {folder} has tokens up to number {last}, but the model has embeddings for {embeddings}"
        )
    if embeddings > 1.1 * known + 128:  # some models round the number of their embeddings up
        raise FolderError(
            f"The tokenizer in {folder} makes only {known} tokens, but the model has embeddings for {embeddings}"
        )
    position_padding = getattr(encoder.embeddings.position_embeddings, "padding_idx", None)
    if position_padding not in (None, tokenizer.pad_token_id):
        raise FolderError(
            f"The tokenizer in {folder} pads with token {tokenizer.pad_token_id}, but the model counts positions from "
            f"token {position_padding}, its pad_token_id"
        )
    return tokenizer


def in_brief(error: BaseException) -> str:
    """The kind of a library's error, and the first line of what it says."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0][:200]}" if said else type(error).__name__


def _instead(folder: Path, missing: str) -> str:
    if missing != WEIGHTS:
        return ""
    found = sorted(path.name for path in folder.glob("*.safetensors") if path.is_file())
    return f" (but {_some(found)})" if found else " (pickled weights are never read)"


def _refuse_unfetched(path: Path) -> None:
    with path.open("rb") as file:
        begin = file.read(len(LFS_POINTER))
    if begin == LFS_POINTER:
        raise FolderError(f"{path} is only a pointer of Git LFS to the file itself", "fetch that with `git lfs pull`")
    if not begin:
        raise FolderError(f"{path} is empty")


def _json(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FolderError(f"{path} is damaged or not a valid JSON file") from error
    if not isinstance(read, dict):
        raise FolderError(f"{path} holds no JSON object")
    return read


def _check_config(path: Path) -> None:
    config = _json(path)
    if not isinstance(config.get("model_type"), str):
        raise FolderError(f"{path} does not say which model_type this is")
    if "quantization_config" in config:
        raise FolderError(f"{path} says that the weights are quantized", "take the model before that")
    for name in SIZES:
        size = config.get(name, 1)
        if type(size) is not int or size < 1:
            raise FolderError(f"{path} has {name} = {size!r}, which must be a whole number of at least 1")
    for name, usual in BUILD.items():
        if config.get(name, usual) != usual:
            raise FolderError(f"{path} has {name} = {config[name]!r}", f"only models with {usual!r} work here")


def _check_weights(path: Path) -> None:
    """By the header: safetensors refuses a file that is not as long as that says."""
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            types = {name: str(file.get_slice(name).get_dtype()) for name in file.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors' own, OSError and more
        raise FolderError(f"{path} is cut, damaged or no file of safetensors ({in_brief(error)})") from error
    quantized = sorted({kind for name, kind in types.items() if kind not in REAL and not name.endswith("_ids")})
    if quantized:
        raise FolderError(
            f"The weights in {path} are of type {', '.join(quantized)}, as quantized ones are",
            "take those before that, in float32, float16 or bfloat16",
        )


def _check_names(folder: Path, encoder: Any, info: dict[str, Any]) -> None:
    """Raise FolderError unless each weight of the encoder came from the files, and the files hold no other part of it.

    Nobody needs its pooler, and heads of tasks that it was trained for are not of it.
    """
    parts = {"embeddings", "encoder"} | {name for name, _ in encoder.named_children()} - {"pooler"}
    left = [name for name in info["unexpected_keys"] if parts & set(name.split("."))]
    faults = {
        "lack": [name for name in info["missing_keys"] if not name.startswith("pooler.")],
        "have in another shape": [name for name, *_ in info["mismatched_keys"] if not name.startswith("pooler.")],
        "have besides": [name for name in left if not name.endswith("_ids")],
    }
    found = [f"they {what} {_some(names)}" for what, names in faults.items() if names]
    if found:
        raise FolderError(f"The weights in {folder} do not fit its {CONFIG}: {', and '.join(found)}")


def _some(names: Iterable[str]) -> str:
    first, *others = sorted(names)
    return f"{first} and {len(others)} more" if len(others) > 1 else " and ".join((first, *others))


def _num_known(tokenizer: Any) -> int:
    """How many tokens a tokenizer can make of texts: with byte pairs, single characters and what its merges lead to."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or type(backend.model).__name__ != "BPE":
        return len(tokenizer)
    model = json.loads(backend.to_str())["model"]
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
    return len({name for name in model["vocab"] if len(name) == 1} | {"".join(pair) for pair in pairs})


def _read(read: Callable[[], Read], problem: str) -> Read:
    try:
        return read()
    except Exception as error:  # libraries raise whatever a damaged file makes them stumble over
        raise FolderError(f"{problem} ({in_brief(error)})") from error


def _digest(files: Sequence[Path]) -> str:
    """SHA-256 of files, one after the other."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while piece := file.read(2**20):
                digest.update(piece)
    return digest.hexdigest()


@contextlib.contextmanager
def without_load_report() -> Iterator[None]:
    """Without the report of names that fit or do not, which we read ourselves; other warnings of transformers pass."""

    def passes(record: logging.LogRecord) -> bool:
        return "LOAD REPORT" not in record.getMessage()

    logger, bar = logging.getLogger("transformers.modeling_utils"), transformers_logging.is_progress_bar_enabled()
    logger.addFilter(passes)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        logger.removeFilter(passes)
        if bar:
            transformers_logging.enable_progress_bar()
