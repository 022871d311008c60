from transformers import RobertaConfig, RobertaModel

from fedswitch import Scenario
from fedswitch.encoders import lora_payload_bits
from fedswitch.learning.encoding import Backbone
from fedswitch.learning.modules import LoraModules


def test_payloads_are_those_of_the_real_modules():
    """Counted in a RoBERTa of another size that peft has put the modules into; its head is left out."""
    encoder = RobertaModel(
        RobertaConfig(hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=32, vocab_size=50),
        add_pooling_layer=False,
    )
    scenario = Scenario.corrected()
    modules = LoraModules(Backbone("small", "", encoder, lambda *_: None), scenario, num_labels=2, seed=0)
    head_bits = 32 * (2 * 48 + 2)
    expected = lora_payload_bits(scenario, hidden_size=48, layers=3)
    assert (modules.payload_bits - head_bits).tolist() == expected.tolist()
