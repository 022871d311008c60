import pytest
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

from fedswitch.learning.anatomy import pooling_of
from fedswitch.learning.folders import load_encoder

SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 20}


@pytest.mark.parametrize(("model", "config"), [(BertModel, BertConfig), (RobertaModel, RobertaConfig)])
@pytest.mark.parametrize("pooler", [True, False])
@pytest.mark.parametrize("sentences", [True, False])
def test_a_folder_says_how_its_encoder_is_pooled(model, config, pooler, sentences, tmp_path):
    """A sentence encoder by the mean, whatever else its file holds; else by its pooler, if that has weights."""
    model(config(**SMALL), add_pooling_layer=pooler).save_pretrained(tmp_path)
    if sentences:
        (tmp_path / "1_Pooling").mkdir()
    encoder, absent = load_encoder(tmp_path)
    assert pooling_of(tmp_path, encoder, absent) == ("pooler" if pooler and not sentences else "mean")
    assert pooling_of(tmp_path, encoder, absent, "first") == ("mean" if sentences else "pooler" if pooler else "first")


@pytest.mark.parametrize("change", [lambda w: {}, lambda w: {"pooler.dense.weight": w[1:]}])
def test_a_pooler_that_is_not_whole_is_not_pooled_by(change, tmp_path):
    BertModel(BertConfig(**SMALL)).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights |= change(weights.pop("pooler.dense.weight"))
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    assert pooling_of(tmp_path, *load_encoder(tmp_path)) == "mean"
