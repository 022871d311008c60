"""A scenario of few devices and short texts, and tasks of texts and images that tiny backbones can learn."""

from functools import partial

import numpy as np

from fedswitch.learning.data import ImageSplit, Split
from fedswitch.split import SplitScenario

SmallSplit = partial(SplitScenario, num_devices=4, batch_size=5, tokens_per_sample=24)


def texts(count: int, rng: np.random.Generator) -> Split:
    """Sentences of varying length in which one word gives the label away."""
    labels = rng.integers(0, 2, size=count)
    sentences = [
        " ".join([f"w{word}" for word in rng.integers(0, 30, size=rng.integers(2, 12))] + [("bad", "good")[label]])
        for label in labels
    ]
    return Split(tuple(sentences), labels.astype(np.int64))


def pictures(count: int, rng: np.random.Generator) -> ImageSplit:
    """Images of 8 by 8 pixels that are bright above, below or nowhere."""
    labels = np.arange(count) % 3
    images = rng.integers(0, 60, size=(count, 8, 8, 3))
    images[labels == 1, :4] += 150
    images[labels == 2, 4:] += 150
    return ImageSplit(images.astype(np.uint8), labels.astype(np.int64))
