"""What a server recovers, held to what was sent, by other means: a loop over the table, and another solver."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_split import SmallSplit
from transformers import RobertaConfig, RobertaModel, ViTConfig, ViTModel

from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.data import ImageSplit
from fedswitch.learning.encoding import Backbone
from fedswitch.learning.tokens import Tokens
from fedswitch.learning.vision import VisionBackbone
from fedswitch.split.leakage import patch_projection, recover_images, recover_tokens, tell_labels_apart
from fedswitch.split.messages import Embedded, FeatureGradient
from fedswitch.split.parties import Device

TEXTS = ["A secret, and a short one", "Nobody should read what is written here", "No"]
PAIRS = ["Is it?", "So they say.", "Why not"]


def sent(backbone, batch, **changes):
    message = Device(0, backbone, SmallSplit(), num_labels=2, seed=0).embed(batch)
    return dataclasses.replace(message, **changes)


def noisy(message, scale):
    noise = torch.randn(message.hidden.shape, generator=torch.Generator().manual_seed(2))
    return dataclasses.replace(message, hidden=message.hidden + scale * noise)


@pytest.mark.parametrize("pairs", [None, PAIRS])
def test_every_token_is_read(pairs):
    backbone = load_backbone("tiny")
    tokens = backbone.tokenize(TEXTS, pairs, 40)
    found = recover_tokens(sent(backbone, tokens.batch(np.arange(3))), backbone)
    assert [len(row) for row in found] == list(tokens.lengths)
    np.testing.assert_array_equal(np.concatenate(found), tokens.ids)


def test_roberta_counts_places_from_its_padding_and_is_read_as_well():
    config = RobertaConfig(
        vocab_size=90, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=20, type_vocab_size=1,
    )  # fmt: skip
    torch.manual_seed(0)
    backbone = Backbone("small", "random", RobertaModel(config, add_pooling_layer=False), None)
    rows = [[0, 5, 77, 2], [0, 33, 8, 9, 61, 2]]
    tokens = Tokens.join(rows, [[0] * len(row) for row in rows], config.pad_token_id)
    found = recover_tokens(sent(backbone, tokens.batch(np.arange(2))), backbone)
    assert [list(row) for row in found] == rows


def test_with_noise_it_is_the_nearest_row_of_the_table():
    """One token after the other, by BERT's own formula: word, place and segment add up, and are normalized."""
    backbone = load_backbone("tiny")
    tokens = backbone.tokenize(TEXTS, None, 40)
    message = noisy(sent(backbone, tokens.batch(np.arange(3))), 0.03)
    parts = backbone.encoder.embeddings
    found, row = recover_tokens(message, backbone), 0
    for sample, length in enumerate(message.lengths):
        for place in range(length):
            least = []
            for segment in (0, 1):
                table = parts.word_embeddings.weight + parts.position_embeddings.weight[place]
                table = parts.LayerNorm(table + parts.token_type_embeddings.weight[segment])
                least.append(((table - message.hidden[row]) ** 2).sum(dim=1))
            assert found[sample][place] == int(torch.minimum(*least).argmin())
            row += 1
    assert row == len(message.hidden)


def test_more_noise_hides_more():
    backbone = load_backbone("tiny")
    tokens = backbone.tokenize(TEXTS, None, 40)
    message = sent(backbone, tokens.batch(np.arange(3)))
    size = float(message.hidden.pow(2).mean().sqrt())
    shares = [
        (np.concatenate(recover_tokens(noisy(message, scale * size), backbone)) == tokens.ids).mean()
        for scale in (0.0, 0.3, 100.0)
    ]
    assert shares[0] == shares[1] == 1.0
    assert shares[2] < 0.2


def wide(hidden_size, patch_size=4, side=12):
    """A vision transformer whose patches have 3 * patch_size**2 numbers."""
    torch.manual_seed(1)
    config = ViTConfig(
        hidden_size=hidden_size, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, image_size=side,
        patch_size=patch_size,
    )  # fmt: skip
    return VisionBackbone("wide", "random", ViTModel(config, add_pooling_layer=False), None)


def images(count, side, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, size=(count, side, side, 3))
    return ImageSplit(pixels.astype(np.uint8), np.zeros(count, dtype=np.int64))


@pytest.mark.parametrize("hidden_size", [48, 64])
def test_images_are_solved_for_where_the_embedding_is_as_wide_as_a_patch(hidden_size):
    backbone, split = wide(hidden_size), images(3, 12)
    message = sent(backbone, backbone.read(split, 10).batch(np.arange(3)))
    np.testing.assert_allclose(recover_images(message, backbone), split.images / 255, atol=2e-4)


def test_a_part_of_the_image_is_found_with_interpolated_places_as_well():
    backbone, split = load_backbone("tiny-vit"), images(2, 8)
    message = sent(backbone, backbone.read(split, 5).batch(np.arange(2)))  # four patches of 16
    assert message.lengths == (5, 5)
    expected = backbone.read(split, 5).batch(np.arange(2)).pixels.permute(0, 2, 3, 1).numpy()
    expected = expected * np.array(backbone.std) + np.array(backbone.mean)
    np.testing.assert_allclose(recover_images(message, backbone), expected, atol=1e-5)


def test_a_narrow_embedding_gives_the_shortest_of_all_images_that_are_sent_alike():
    """By NumPy's least squares, patch by patch."""
    backbone, split = wide(20), images(1, 12)
    batch = backbone.read(split, 10).batch(np.arange(1))
    message = sent(backbone, batch)
    found = recover_images(message, backbone)
    again = (found - np.array(backbone.mean)) / np.array(backbone.std)
    weight = patch_projection(backbone).numpy()
    for row, column in np.ndindex(3, 3):
        cut = (slice(4 * row, 4 * row + 4), slice(4 * column, 4 * column + 4))
        true = batch.pixels[0].numpy()[:, *cut].ravel()
        expected = np.linalg.lstsq(weight, weight @ true, rcond=None)[0]
        np.testing.assert_allclose(again[0][cut].transpose(2, 0, 1).ravel(), expected, atol=1e-4)
        assert np.linalg.norm(expected) < np.linalg.norm(true)


@settings(max_examples=30, deadline=None)
@given(
    labels=st.lists(st.booleans(), min_size=2, max_size=9).filter(lambda labels: len(set(labels)) == 2),
    seed=st.integers(0, 9),
)
def test_two_labels_fall_apart_whatever_the_head(labels, seed):
    draw = torch.Generator().manual_seed(seed)
    device = Device(0, load_tiny(), SmallSplit(), num_labels=2, seed=seed)
    with torch.no_grad():
        device.weight.copy_(torch.randn(device.weight.shape, generator=draw))
    z = torch.randn(len(labels), 64, generator=draw) / 8  # so that no probability rounds to 0 or 1
    z.requires_grad_()
    loss = torch.nn.functional.cross_entropy(z @ device.weight.mT + device.bias, torch.tensor(labels).long())
    (dz,) = torch.autograd.grad(loss, z)
    side = tell_labels_apart(FeatureGradient(0, dz))
    assert list(side) in ([bool(label) for label in labels], [not label for label in labels])


def load_tiny():
    return load_backbone("tiny")


@pytest.mark.parametrize(("recover", "name"), [(recover_tokens, "tiny"), (recover_images, "tiny-vit")])
def test_the_message_of_another_backbone_is_refused(recover, name):
    message = Embedded(0, torch.zeros(5, 32), (5,))
    with pytest.raises(ValueError, match=r"message holds embeddings of 32 numbers, but those of .* have 64"):
        recover(message, load_backbone(name))
