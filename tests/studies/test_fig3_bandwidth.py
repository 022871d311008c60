import matplotlib.pyplot as plt
import numpy as np
import pytest
from transformers import RobertaConfig, RobertaModel

from fedswitch import Scenario
from fedswitch.learning.backbones import Backbone
from fedswitch.learning.modules import LoraModules
from fedswitch.studies import fig3_bandwidth as fig3


@pytest.fixture(scope="module")
def table():
    return fig3.measure(
        Scenario.corrected(), num_ues=(5, 20), seeds=range(3), brackets={"fitted": (None, None), "fixed": (5e-3, 1e4)},
        hidden_size=768, layers=12,
    )  # fmt: skip


def test_payloads_are_those_of_the_real_modules():
    """Counted in a RoBERTa of another size that peft has put the modules into; its head is left out."""
    encoder = RobertaModel(
        RobertaConfig(hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=32, vocab_size=50),
        add_pooling_layer=False,
    )
    scenario = Scenario.corrected()
    modules = LoraModules(Backbone("small", "", encoder, lambda *_: None), scenario, num_labels=2, seed=0)
    head_bits = 32 * (2 * 48 + 2)
    expected = fig3.lora_payload_bits(scenario, hidden_size=48, layers=3)
    assert (modules.payload_bits - head_bits).tolist() == expected.tolist()


def test_every_run_uses_the_bandwidth_up_to_the_tolerance(table):
    ends = fig3.outcomes(table)
    assert len(ends) == 2 * 3 * 2
    assert ends["total_share"].between(1 - 1e-3, 1).all()


def test_the_delay_does_not_depend_on_where_the_search_starts(table):
    delays = fig3.outcomes(table).pivot(index=["num_ues", "seed"], columns="bracket", values="delay_s")
    np.testing.assert_allclose(delays["fitted"], delays["fixed"], rtol=2e-3)


def test_a_longer_delay_always_takes_a_smaller_share(table):
    for _, run in table.groupby(["num_ues", "seed", "bracket"]):
        ordered = run.sort_values("delay_s")
        assert ordered["total_share"].is_monotonic_decreasing


def test_the_figures_show_every_number_of_ues(table):
    search = fig3.draw_search(table, seed=0, bracket="fixed")
    assert [text.get_text() for text in search.axes[0].get_legend().get_texts()] == ["$K = 5$", "$K = 20$"]
    counts = fig3.draw_counts(table)
    assert {text.get_text() for text in counts.axes[0].get_legend().get_texts()} == {"fitted", "fixed"}
    drawn = counts.axes[1].lines[0].get_ydata()
    ends = fig3.outcomes(table)
    assert drawn == pytest.approx(ends[ends["bracket"] == "fixed"].groupby("num_ues")["delay_s"].median().to_numpy())
    plt.close("all")
