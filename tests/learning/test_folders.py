"""Folders of foundation models that are damaged, or whose files do not fit one another: refused, never guessed at."""

import copy
import json
import logging
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers import BertWordPieceTokenizer, ByteLevelBPETokenizer
from transformers import BertConfig, BertForMaskedLM, BertModel, RobertaConfig, RobertaModel

from fedswitch import Scenario
from fedswitch.errors import MissingWeightsError
from fedswitch.learning.backbones import backbone_status, load_backbone
from fedswitch.learning.folders import CONFIG, INDEX, WEIGHTS
from fedswitch.learning.simulation import simulate

SIZES = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 40,
}  # fmt: skip
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 123\n"
# a folder is copied anew for every example
PROPERTY = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def words(count: int) -> list[str]:
    rng = np.random.default_rng(0)
    return ["".join(chr(97 + letter) for letter in rng.integers(0, 26, size=5)) for _ in range(count)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, Path]:
    """Whole folders, by family, of small random models with tokenizers of some hundred tokens."""
    folders = {family: tmp_path_factory.mktemp(family) for family in ("bert", "roberta")}
    torch.manual_seed(0)
    word_piece = BertWordPieceTokenizer()
    word_piece.train_from_iterator(words(400), vocab_size=600, min_frequency=1, show_progress=False)
    word_piece.save_model(str(folders["bert"]))
    BertModel(BertConfig(vocab_size=word_piece.get_vocab_size(), **SIZES)).save_pretrained(folders["bert"])
    pairs = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    pairs.train_from_iterator(words(400), vocab_size=800, min_frequency=1, special_tokens=special, show_progress=False)
    pairs.save_model(str(folders["roberta"]))
    config = RobertaConfig(vocab_size=pairs.get_vocab_size(), type_vocab_size=1, **SIZES)
    RobertaModel(config).save_pretrained(folders["roberta"])
    return folders


@pytest.fixture
def copied(whole, tmp_path):
    """A new copy of the whole folder of a family, at each call."""

    def copy_of(family: str = "bert") -> Path:
        folder = tmp_path / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        return Path(shutil.copytree(whole[family], folder))

    return copy_of


def rewrite(folder: Path, change) -> None:
    """Replace the weights by what `change` makes of them."""
    weights = change(load_file(folder / WEIGHTS))
    save_file({name: weight.contiguous() for name, weight in weights.items()}, folder / WEIGHTS, {"format": "pt"})


def configure(folder: Path, **changes) -> None:
    (folder / CONFIG).write_text(json.dumps(json.loads((folder / CONFIG).read_text()) | changes))


def refusal(folder: Path) -> str:
    """The one sentence with which a folder is refused."""
    with pytest.raises(MissingWeightsError) as caught:
        load_backbone(str(folder))
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(".")
    return said


def assert_loads_what_is_there(folder: Path, weights: dict[str, torch.Tensor]) -> None:
    backbone = load_backbone(str(folder))
    own = {name: weight for name, weight in backbone.encoder.named_parameters() if not name.startswith("pooler.")}
    for name, weight in own.items():
        torch.testing.assert_close(weight, weights[name].float(), rtol=0, atol=0)
    assert len(backbone.tokenize(["some", "words"], None, 40)) == 2


def assert_loads_or_says_why(folder: Path, weights: dict[str, torch.Tensor]) -> None:
    try:
        load_backbone(str(folder))
    except MissingWeightsError as error:
        said = str(error)
    else:
        assert_loads_what_is_there(folder, weights)
        return
    assert "\n" not in said
    assert str(folder) in said


# --- names, shapes and types of weights


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "encoder.", "bert.bert.", "0.auto_model."])
def test_weights_under_another_name_are_refused_by_name(copied, prefix):
    folder = copied()
    rewrite(folder, lambda weights: {f"{prefix}{name}": weight for name, weight in weights.items()})
    assert "they lack embeddings.LayerNorm.bias and 36 more" in refusal(folder)


@PROPERTY
@given(data=st.data())
def test_whatever_happens_to_names_the_encoder_is_that_of_the_file_or_refused(copied, data):
    folder = copied(data.draw(st.sampled_from(["bert", "roberta"])))
    before = load_file(folder / WEIGHTS)
    chosen = data.draw(st.sets(st.sampled_from(sorted(before)), max_size=3))
    how = data.draw(st.sampled_from(["drop", "rename", "transpose", "cut", "copy", "half", "double"]))
    change = {
        "drop": lambda name, weight: {},
        "rename": lambda name, weight: {f"x.{name}": weight},
        "transpose": lambda name, weight: {name: weight.mT if weight.ndim > 1 else weight[None]},
        "cut": lambda name, weight: {name: weight[1:]},
        "copy": lambda name, weight: {name: weight, f"x.{name}": weight.clone()},
        "half": lambda name, weight: {name: weight.half()},
        "double": lambda name, weight: {name: weight.double()},
    }[how]
    after = {}
    for name, weight in before.items():
        after |= change(name, weight) if name in chosen else {name: weight}
    rewrite(folder, lambda _: after)
    own = {name for name, weight in before.items() if not name.startswith("pooler.")}
    fits = own <= {name for name, weight in after.items() if weight.shape == before.get(name, weight).shape}
    if fits and not any(name.startswith("x.") and not name.startswith("x.pooler.") for name in after):
        assert_loads_what_is_there(folder, after)
    else:
        assert f"do not fit its {CONFIG}" in refusal(folder)


def test_only_an_unused_pooler_may_be_missing_and_draws_from_nobodys_generator(copied):
    folder = copied()
    rewrite(folder, lambda weights: {name: weight for name, weight in weights.items() if "pooler" not in name})
    before = torch.get_rng_state()
    first = load_backbone(str(folder)).encoder.state_dict()
    torch.testing.assert_close(before, torch.get_rng_state(), rtol=0, atol=0)
    torch.rand(3)
    second = load_backbone(str(folder)).encoder.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_model_with_a_head_and_an_old_buffer_loads_as_its_encoder(copied):
    folder = copied()
    config = BertConfig.from_pretrained(folder)
    model = BertForMaskedLM(config)
    model.save_pretrained(folder)
    rewrite(folder, lambda weights: weights | {"bert.embeddings.position_ids": torch.arange(40)[None]})
    assert_loads_what_is_there(folder, model.bert.state_dict())


@pytest.mark.parametrize("kind", [torch.int8, torch.uint8, torch.int32, torch.float8_e4m3fn])
def test_quantized_weights_are_refused(copied, kind):
    folder = copied()
    rewrite(folder, lambda weights: {name: (50 * weight).to(kind) for name, weight in weights.items()})
    assert "as quantized ones are: take those before that" in refusal(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_called_that(copied, value):
    folder = copied()
    name = "encoder.layer.1.output.dense.bias"
    rewrite(folder, lambda weights: weights | {name: torch.full_like(weights[name], value)})
    assert f"not all finite numbers: {name} hold NaN or infinity" in refusal(folder)


def test_weights_do_not_change_with_the_file_that_they_were_read_from(copied):
    folder = copied()
    backbone = load_backbone(str(folder))
    before = copy.deepcopy(backbone.encoder.state_dict())
    size = (folder / WEIGHTS).stat().st_size
    with (folder / WEIGHTS).open("r+b") as file:
        file.write(b"\0" * size)
    assert all(torch.equal(before[name], weight) for name, weight in backbone.encoder.state_dict().items())


# --- the configuration


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_hidden_layers": 1}, "they have besides encoder.layer.1."),
        ({"num_hidden_layers": 3}, "they lack encoder.layer.2."),
        ({"intermediate_size": 26}, "they have in another shape encoder.layer.0.intermediate.dense.bias"),
        ({"hidden_size": 0}, "hidden_size = 0, which must be a whole number of at least 1"),
        ({"num_attention_heads": 0}, "num_attention_heads = 0"),
        ({"num_attention_heads": 3}, "not a multiple of the number of attention heads"),
        ({"vocab_size": "many"}, "vocab_size = 'many'"),
        ({"model_type": None}, "does not say which model_type"),
        ({"model_type": "unheard-of"}, "could not be loaded"),
        ({"hidden_act": "unheard-of"}, "could not be loaded"),
        ({"is_decoder": True}, "is_decoder = True: only models with False work here"),
        ({"position_embedding_type": "relative_key"}, "only models with 'absolute' work here"),
        ({"quantization_config": {"quant_method": "x"}}, "says that the weights are quantized"),
        ({"pad_token_id": 10**6}, "could not be loaded"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(copied, changes, said):
    folder = copied()
    configure(folder, **changes)
    assert said in refusal(folder)


@PROPERTY
@given(data=st.data())
def test_whatever_a_configuration_says_the_encoder_is_that_of_the_file_or_refused(copied, data):
    folder = copied(data.draw(st.sampled_from(["bert", "roberta"])))
    more = ["attn_implementation", "auto_map", "dtype", "is_decoder", "quantization_config", "tie_word_embeddings"]
    field = data.draw(st.sampled_from([*json.loads((folder / CONFIG).read_text()), *more]))
    value = data.draw(
        st.none() | st.booleans() | st.integers(-2, 70) | st.floats(-1, 1) | st.text(max_size=4) | st.just([])
    )
    configure(folder, **{field: value})
    weights = load_file(folder / WEIGHTS)
    assert_loads_or_says_why(folder, weights)


# --- damaged files


@PROPERTY
@given(data=st.data())
def test_a_damaged_file_is_refused_in_one_sentence_or_does_no_harm(copied, data):
    folder = copied(data.draw(st.sampled_from(["bert", "roberta"])))
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content, weights = path.read_bytes(), load_file(folder / WEIGHTS)
    kept = int(data.draw(st.floats(0, 1)) * len(content))
    path.write_bytes(content[:kept] + data.draw(st.binary(max_size=20)))
    assert_loads_or_says_why(folder, weights)


@pytest.mark.parametrize(("family", "name"), [
    ("bert", CONFIG), ("bert", WEIGHTS), ("bert", "vocab.txt"), ("roberta", "vocab.json"), ("roberta", "merges.txt"),
])  # fmt: skip
@pytest.mark.parametrize(("content", "said"), [
    (POINTER, "only a pointer of Git LFS to the file itself: fetch that with `git lfs pull`"), ("", "is empty: save"),
])  # fmt: skip
def test_a_pointer_and_an_empty_file_are_called_that_by_loading_and_doctor(copied, family, name, content, said):
    folder = copied(family)
    (folder / name).write_text(content)
    assert f"{folder / name} " in refusal(folder)
    assert said in refusal(folder)
    assert backbone_status(str(folder)) == (False, refusal(folder))


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.99])
def test_cut_weights_are_called_that_by_loading_and_doctor(copied, share):
    folder = copied()
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[: int(share * len(content))])
    assert f"{folder / WEIGHTS} is " in refusal(folder)
    assert backbone_status(str(folder)) == (False, refusal(folder))


def test_an_adapter_is_not_added_unseen(copied):
    folder = copied()
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/else", "peft_type": "LORA"}')
    assert "holds an adapter of peft" in refusal(folder)


def test_weights_under_another_file_name_are_named(copied):
    folder = copied()
    (folder / WEIGHTS).rename(folder / "model.fp16.safetensors")
    assert f"holds no {WEIGHTS} (but model.fp16.safetensors): save the model itself" in refusal(folder)


# --- tokenizers


@pytest.mark.parametrize(("family", "name"), [("bert", "vocab.txt"), ("roberta", "merges.txt")])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5])
def test_a_tokenizer_that_has_lost_its_words_is_refused(copied, family, name, share):
    folder = copied(family)
    lines = (folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / name).write_text("".join(lines[: max(6, int(share * len(lines)))]), encoding="utf-8")
    assert f"The tokenizer in {folder} makes only " in refusal(folder)


def test_more_tokens_than_embeddings_are_refused(copied):
    folder = copied()
    with (folder / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("onemore\n")
    assert "has tokens up to number 600, but the model has embeddings for 600" in refusal(folder)


@pytest.mark.parametrize("spare", [1, 63])
def test_embeddings_may_be_more_than_tokens_by_rounding(copied, spare):
    folder = copied()
    configure(folder, vocab_size=600 + spare)
    name = "embeddings.word_embeddings.weight"
    rewrite(folder, lambda weights: weights | {name: torch.nn.functional.pad(weights[name], (0, 0, 0, spare))})
    assert_loads_what_is_there(folder, load_file(folder / WEIGHTS))


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_a_tokenizer_without_a_padding_token_is_refused(copied, family):
    folder = copied(family)
    (folder / "tokenizer_config.json").write_text('{"pad_token": null}')
    assert "has no padding token: name one of its tokens as pad_token" in refusal(folder)


def test_padding_that_is_not_the_models_is_refused_where_positions_depend_on_it(copied):
    folder = copied("roberta")
    (folder / "tokenizer_config.json").write_text('{"pad_token": "<mask>"}')
    assert "pads with token 4, but the model counts positions from token 1" in refusal(folder)


def test_what_a_backbone_is_known_by_names_its_tokenizer_and_configuration_too(copied):
    def source_after(change) -> str:
        folder = copied()
        change(folder)
        return load_backbone(str(folder)).source

    whole = source_after(lambda _: None)
    assert whole == source_after(lambda _: None)
    assert whole != source_after(lambda folder: configure(folder, layer_norm_eps=1e-3))
    assert whole != source_after(
        lambda folder: (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    )


# --- several files of weights


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_a_sharded_folder_is_the_same_model(whole, copied, family, toy_task):
    folder = copied(family)
    (folder / WEIGHTS).unlink()
    single = load_backbone(str(whole[family]))
    {"bert": BertModel, "roberta": RobertaModel}[family].from_pretrained(whole[family]).save_pretrained(
        folder, max_shard_size="20KB"
    )
    shards = sorted(folder.glob("*.safetensors"))
    assert len(shards) > 1
    sharded = load_backbone(str(folder))
    assert all(map(torch.equal, single.encoder.state_dict().values(), sharded.encoder.state_dict().values()))
    assert sharded.source.startswith(f"{len(shards)} files of safetensors, sha256 ")
    assert backbone_status(str(folder)) == (True, str(folder))
    scenario = Scenario.corrected(num_ues=3, batch_size=4, test_samples=10, lora_layers=1, tokens_per_sample=38)
    assert simulate(scenario, task=toy_task, backbone=str(folder), rounds=1).table["loss"].notna().all()


def test_a_shard_that_is_missing_or_another_is_noticed(whole, copied):
    folder = copied()
    (folder / WEIGHTS).unlink()
    BertModel.from_pretrained(whole["bert"]).save_pretrained(folder, max_shard_size="20KB")
    before = load_backbone(str(folder)).source
    last = sorted(folder.glob("*.safetensors"))[-1]
    weights = load_file(last)
    save_file({name: weight + 1 for name, weight in weights.items()}, last, {"format": "pt"})
    assert load_backbone(str(folder)).source != before
    last.unlink()
    assert f"holds no {last.name}" in refusal(folder)
    assert backbone_status(str(folder)) == (False, refusal(folder))
    for damaged in ("{", "[]", "{}", '{"weight_map": {}}', '{"weight_map": {"a": 1}}'):
        (folder / INDEX).write_text(damaged)
        assert str(folder / INDEX) in refusal(folder)


# --- paths and threads


@pytest.mark.parametrize("name", [
    "two words", "größe 模型", "100%25", "a'b\"c", "[x] {y} $HOME ~", "-p", "#1&2;3", "model.safetensors", "x" * 200,
    "new\nline", "deep/" * 30 + "er",
])  # fmt: skip
def test_odd_but_legal_paths_work(whole, tmp_path, name):
    folder = tmp_path / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(whole["bert"], folder)
    link = tmp_path / "a link"
    link.symlink_to(folder, target_is_directory=True)
    for path in (str(folder), str(link), f"{folder}/"):
        assert_loads_what_is_there(Path(path), load_file(whole["bert"] / WEIGHTS))
        assert backbone_status(path)[0]


def test_a_folder_in_the_home_or_as_a_path_is_found(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(whole["bert"], tmp_path / "model")
    assert load_backbone("~/model").num_layers == load_backbone(tmp_path / "model").num_layers == 2


@pytest.mark.parametrize("name", ["x" * 5000, "a/b/c", "nul\0", "what?", "-/-", "a--b", "..", "/no/such"])
def test_a_name_of_nothing_is_refused_in_one_sentence(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingWeightsError):
        load_backbone(name)
    assert backbone_status(name)[0] is False


def test_backbones_loaded_in_many_threads_at_once_are_the_right_ones(whole):
    expected = {name: load_backbone(name).encoder.state_dict() for name in ("tiny", str(whole["bert"]))}
    wrong = []

    def load(name: str) -> None:
        for _ in range(3):
            found = load_backbone(name).encoder.state_dict()
            wrong.extend(key for key, weight in expected[name].items() if not torch.equal(weight, found[key]))

    def draw() -> None:  # somebody else's thread, with somebody else's generator
        for _ in range(2000):
            torch.rand(8)

    threads = [threading.Thread(target=load, args=(name,)) for name in [*expected] * 2]
    threads.append(threading.Thread(target=draw))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_transformers_warns_about_is_heard_but_for_the_report_that_we_read(copied):
    folder = copied()
    rewrite(folder, lambda weights: {name: weight for name, weight in weights.items() if "pooler" not in name})
    configure(folder, bos_token_id=10**6)
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())
    logging.getLogger("transformers").addHandler(handler)
    try:
        load_backbone(str(folder))
    finally:
        logging.getLogger("transformers").removeHandler(handler)
    assert any("bos_token_id" in said for said in heard)
    assert not any("LOAD REPORT" in said for said in heard)
