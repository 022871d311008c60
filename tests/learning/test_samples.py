import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from fedswitch import Scenario
from fedswitch.errors import FedswitchError
from fedswitch.files import reserve
from fedswitch.learning import Scheme, simulate
from fedswitch.learning import samples as samples_module
from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.data import Split
from fedswitch.learning.encoding import Backbone
from fedswitch.learning.images import digits_task
from fedswitch.learning.samples import MEMORY_LIMIT_BYTES, FrozenOutputs, Kept, Samples
from fedswitch.learning.tokens import Tokens

HIDDEN = 3


@pytest.fixture
def samples():
    """Five samples of 2, 1, 3, 1 and 2 tokens; token ids tell where a number came from."""
    ids = [[10, 11], [20], [30, 31, 32], [40], [50, 51]]
    return Samples(Tokens.join(ids, [[0] * len(row) for row in ids], padding_id=0), torch.zeros(5, dtype=torch.long))


class Counted:
    """Outputs that tell token and size of the batch, and a record of the batches."""

    def __init__(self):
        self.seen = []

    def __call__(self, batch):
        self.seen.append(sorted(batch.ids[:, 0].tolist()))
        return batch.ids[..., None] + torch.tensor([0.0, 0.25, 0.0]) + 0.001 * len(batch.ids)


def ask(outputs, indices):
    """Outputs and mask of samples that may be new."""
    outputs.learn([np.array(indices)])
    return outputs.batch(np.array(indices))


@pytest.mark.parametrize("limit_bytes", [0, MEMORY_LIMIT_BYTES])
def test_outputs_are_computed_once_and_come_back_padded_in_the_order_asked_for(samples, limit_bytes):
    compute = Counted()
    outputs = FrozenOutputs(samples, compute, HIDDEN, torch.float32, limit_bytes)
    ask(outputs, [3, 0])
    hidden, mask = ask(outputs, [2, 0, 4])
    assert compute.seen == [[10, 40], [30, 50]]
    assert mask.tolist() == [[True, True, True], [True, True, False], [True, True, False]]
    assert torch.equal(hidden[0, :, 0], torch.tensor([30.002, 31.002, 32.002]))
    assert torch.equal(hidden[1, :2, 1], torch.tensor([10.252, 11.252]))
    assert torch.equal(hidden[2, :2, 2], torch.tensor([50.002, 51.002]))
    assert torch.isfinite(hidden).all()  # padding too: what is masked is still multiplied by zero


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_beyond_the_limit_outputs_lie_in_a_file_that_leaves_nothing_behind(dtype, samples, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    reserved = []
    monkeypatch.setattr(
        samples_module,
        "reserve",
        lambda descriptor, size, folder: reserved.append((size, folder)) or reserve(descriptor, size, folder),
    )
    size = dtype.itemsize * 9 * HIDDEN

    def compute(batch):
        return Counted()(batch).to(dtype)

    in_memory = FrozenOutputs(samples, compute, HIDDEN, dtype, size)
    assert not reserved
    in_file = FrozenOutputs(samples, compute, HIDDEN, dtype, size - 1)
    assert reserved == [(size, str(tmp_path))]
    assert not list(tmp_path.iterdir())  # even where this process is killed
    everything = np.arange(5)
    assert torch.equal(ask(in_memory, everything)[0], ask(in_file, everything)[0])


def test_where_temporary_files_find_no_space_a_run_ends_in_one_sentence(toy_task, tmp_path, monkeypatch):
    """The limit of the system on the size of a file stands for a disk that is full; a map beyond it would kill us."""
    resource = pytest.importorskip("resource")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(
            FedswitchError, match=r"needs \d\.\d MiB of space .* \(File too large\): .* TMPDIR .*\.$"
        ) as refusal:
            run(toy_task, kept=Kept(limit_bytes=0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(tmp_path) in str(refusal.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("folder", ["absent", "no folder", "\udcff not UTF-8", "quite odd, 'so' \n"])
def test_odd_temporary_folders_are_used_or_named(folder, samples, tmp_path, monkeypatch):
    place = tmp_path / folder
    if folder == "no folder":
        place.write_text("a file")
    elif folder != "absent":
        place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    if place.is_dir():
        FrozenOutputs(samples, Counted(), HIDDEN, torch.float32, 0)
    else:
        with pytest.raises(FedswitchError, match="set TMPDIR to a folder that has it"):
            FrozenOutputs(samples, Counted(), HIDDEN, torch.float32, 0)


@pytest.mark.parametrize("texts", [("",) * 6, (*["good"] * 5, "")])
def test_a_text_without_a_token_is_named_before_the_computing(texts, monkeypatch):
    """A tokenizer that marks no beginning makes nothing of an empty text; the mean over its tokens would be NaN."""
    bare = dataclasses.replace(
        load_backbone("tiny"),
        tokenize=lambda texts, pairs, most: Tokens.join(
            [[9] * len(text.split()) for text in texts], [[0] * len(text.split()) for text in texts], 0
        ),
    )
    with pytest.raises(FedswitchError, match=rf"makes no token of '', the text of sample {texts.index('')}: leave"):
        Kept().samples(Split(texts, np.array([0, 1, 0, 1, 0, 1])), bare, 8)


@pytest.mark.parametrize("backbone", ["tiny", "minilm"])
@pytest.mark.parametrize("text", ["", " ", "\n", "\0", "\ufeff"])
def test_texts_of_nothing_are_learned_from_all_the_same(text, backbone, request):
    if backbone == "minilm":
        request.getfixturevalue("minilm")
    lengths = Kept().samples(Split((text, "good"), np.array([0, 1])), load_backbone(backbone), 8).tokens.lengths
    assert lengths.min() > 0


def test_samples_on_one_device_are_not_taken_for_another(toy_task):
    kept, places = Kept(), ("cpu", "meta")
    assert [kept.samples(toy_task.test, load_backbone("tiny", place), 8).device.type for place in places] == [*places]


def test_batches_that_were_formed_are_formed_again(samples):
    """A run that goes on asks in another order, and must get what the run got that was never stopped."""
    first, again = Counted(), Counted()
    before, after = (
        FrozenOutputs(samples, first, HIDDEN, torch.float32, 1000),
        FrozenOutputs(samples, again, HIDDEN, torch.float32, 1000),
    )
    ask(before, [0, 1, 2])
    ask(before, [2, 3])
    after.restore(before.batch_of.copy())
    everything = np.arange(5)
    expected = ask(before, everything)[0]
    assert torch.equal(ask(after, [3, 1])[0], ask(before, [3, 1])[0])
    assert torch.equal(ask(after, everything)[0], expected)
    assert sorted(again.seen) == sorted(first.seen) == [[10, 20, 30], [40], [50]]


class Uncached:
    """In the place of `FrozenOutputs`: computes whatever is asked for, every time."""

    def __init__(self, samples, compute, *_):
        self.tokens, self.compute = samples.tokens, compute

    def learn(self, groups):
        pass

    def batch(self, group):
        batch = self.tokens.batch(group)
        return self.compute(batch), batch.mask


def run(task, **options):
    # plain SGD: Adam divides by the root of tiny squared gradients and would amplify rounding
    scenario = Scenario.corrected(
        num_ues=6, batch_size=5, test_samples=20, lora_layers=1, optimizer="sgd", learning_rate=0.5
    )
    return simulate(scenario, task=task, backbone="tiny", rounds=4, scheme="random", **options)


def test_kept_mapped_and_recomputed_outputs_give_the_same_run(toy_task, monkeypatch):
    kept = run(toy_task).table
    mapped = run(toy_task, kept=Kept(limit_bytes=0)).table
    monkeypatch.setattr(samples_module, "FrozenOutputs", Uncached)
    recomputed = run(toy_task).table
    assert kept["loss"].nunique() == 4
    assert kept["loss"].equals(mapped["loss"])
    np.testing.assert_allclose(kept["loss"], recomputed["loss"], rtol=1e-5)
    assert kept["accuracy_pooled"].equals(recomputed["accuracy_pooled"])


def test_frozen_layers_run_once_for_each_sample_that_is_needed(toy_task, monkeypatch):
    embedded, embed = [], Backbone.embed

    def counted(self, batch, frozen_layers):
        assert frozen_layers == 1
        embedded.append(len(batch.ids))
        return embed(self, batch, frozen_layers)

    monkeypatch.setattr(Backbone, "embed", counted)
    history = run(toy_task)
    monkeypatch.undo()
    scenario = Scenario(**history.settings["scenario"])
    world = Scheme(scenario, 0).federation(toy_task, load_backbone("tiny"))
    needed = [
        world.ues.mini_batch(t, int(k)) for t in range(4) for k in np.flatnonzero(history.received[t].any(axis=0))
    ]
    trained_on = np.concatenate(needed)
    assert len(np.unique(trained_on)) < len(trained_on)  # some samples were needed twice
    assert sum(embedded) == len(np.unique(trained_on)) + len(toy_task.test.labels)


def embedded_samples(monkeypatch, make):
    """How many samples went through the frozen layers while `make` ran."""
    embedded, embed = [], Backbone.embed

    def counted(self, batch, frozen_layers):
        embedded.append(len(batch.ids))
        return embed(self, batch, frozen_layers)

    with monkeypatch.context() as patch:
        patch.setattr(Backbone, "embed", counted)
        make()
    return sum(embedded)


def test_runs_that_keep_together_tokenize_and_embed_once(toy_task, monkeypatch):
    kept = Kept()
    first = run(toy_task, kept=kept)
    assert embedded_samples(monkeypatch, lambda: run(toy_task)) > len(toy_task.test.labels)
    tokenized, tables = [], []
    monkeypatch.setattr(samples_module, "Samples", lambda *given: tokenized.append(given))
    assert embedded_samples(monkeypatch, lambda: tables.append(run(toy_task, kept=kept).table)) == 0
    assert not tokenized
    pd.testing.assert_frame_equal(tables[0], first.table)


def test_images_are_not_taken_for_texts_of_the_other_encoder_without_training():
    task, kept = digits_task(seed=0), Kept()
    small = Scenario.corrected(num_ues=4, batch_size=5, test_samples=20, lora_layers=1)
    simulate(small, task=task, backbone="tiny-vit", rounds=1, kept=kept, progress=False)
    with pytest.raises(FedswitchError, match="reads texts"):
        simulate(small, task=task, backbone="tiny", rounds=1, kept=kept, progress=False)


def test_runs_on_other_data_or_with_other_frozen_layers_share_nothing(toy_task, monkeypatch):
    kept = Kept()
    run(toy_task, kept=kept)
    alike = dataclasses.replace(toy_task, test=dataclasses.replace(toy_task.test))
    # the training data are the same object still
    assert embedded_samples(monkeypatch, lambda: run(alike, kept=kept)) == len(toy_task.test.labels)
    scenario = Scenario.corrected(num_ues=6, batch_size=5, test_samples=20, lora_layers=2)
    options = {"task": toy_task, "backbone": "tiny", "rounds": 1}
    apart = simulate(scenario, **options).table
    pd.testing.assert_frame_equal(simulate(scenario, **options, kept=kept).table, apart)
