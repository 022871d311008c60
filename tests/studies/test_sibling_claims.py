"""The claims of the sibling: verdicts on tables that are made so that the verdict is known."""

import numpy as np
import pandas as pd
import pytest

from fedswitch.learning.backbones import load_backbone
from fedswitch.paper import SIBLING, SIBLING_ELEMENTS
from fedswitch.split import SplitScenario
from fedswitch.split.adapter import Adapter
from fedswitch.studies import split_fig3, split_fig4, split_fig5, split_fig6
from fedswitch.studies.claims import SIBLING_CLAIMS, findings, page
from fedswitch.studies.claims.evidence import FORMS
from fedswitch.studies.claims.sibling import fifths
from fedswitch.studies.records import save_result
from fedswitch.studies.settings import STUDIES

SEEDS = range(1, 6)
ORDER = {"all_in": 0.9, "proposed": 0.85, "proposed_printed": 0.6, "greedy": 0.7, "equal_share": 0.65}
DEVICES = {"all_in": 20, "proposed": 5, "proposed_printed": 1, "greedy": 3, "equal_share": 2}


def runs(accuracy, *, paid=1.0, task="sst2", reading="corrected", rounds=10, **columns):
    """A run of each arm at each seed that ends at the accuracy of the arm, and rises evenly from one half."""
    rows = []
    for arm, level in accuracy.items():
        for seed in SEEDS:
            for t in range(1, rounds + 1):
                now = 0.5 + (level - 0.5) * t / rounds + (seed - 3) / 1000
                rows.append({
                    "reading": reading, "task": task, "arm": arm, "seed": seed, "round": t, "num_devices": 20,
                    "accuracy": now, "accuracy_min": now - 0.1, "loss": 1 - now, "loss_train": 1 - now,
                    "scheduled": DEVICES[arm], "participation_min": 0.1, "delay_over_limit": paid, **columns,
                })  # fmt: skip
    return pd.DataFrame(rows)


def outcomes(claim_id, table, settings, *, counts=True):
    (claim,) = (one for one in SIBLING_CLAIMS if one.id == claim_id)
    found = claim.evaluate(claim.prepare(table, settings), settings)
    return [one for one in found if one.counts is counts]


def verdicts(claim_id, table, settings=split_fig3.RECORDED):
    return {one.form: one.verdict for one in outcomes(claim_id, table, settings)}


@pytest.mark.parametrize(
    ("claim", "printed", "corrected"),
    [
        ("all-in", "reproduced", "reproduced"),
        ("greedy", "not reproduced", "reproduced"),
        ("devices", "reproduced", "reproduced"),
        ("close", "not reproduced", "reproduced"),
        ("limit", "reproduced", "reproduced"),
    ],
)
def test_orders_are_judged_for_both_forms(claim, printed, corrected):
    assert verdicts(f"split-fig3-{claim}", runs(ORDER)) == {"printed": printed, "corrected": corrected}


def test_gs_and_aaba_have_one_form():
    assert verdicts("split-fig3-equal-share", runs(ORDER)) == {None: "reproduced"}


def test_each_accuracy_stands_beside_delay_and_participation():
    (found,) = (one for one in outcomes("split-fig3-greedy", runs(ORDER, paid=3.21), split_fig3.RECORDED)
                if one.form == "corrected")  # fmt: skip
    assert "Algorithm 1, corrected 0.850 (3.21, 0.10)" in found.why
    assert "GS 0.700 (3.21, 0.10)" in found.why


def test_a_reading_of_the_units_counts_by_itself_and_everybody_in_all_of_them():
    swapped = {"proposed": 0.6, "proposed_printed": 0.55, "greedy": 0.7, "equal_share": 0.65}
    table = pd.concat([runs(ORDER), runs(swapped, reading="in_band")])
    found = [
        one.verdict for one in outcomes("split-fig3-greedy", table, split_fig3.RECORDED) if one.form == "corrected"
    ]
    assert found == ["reproduced", "not reproduced"]
    assert len(outcomes("split-fig3-all-in", table, split_fig3.RECORDED)) == 4


def test_a_task_that_nobody_learned_does_not_count():
    unlearned = runs(dict.fromkeys(ORDER, 0.5) | {"greedy": 0.6}, task="qnli")
    table = pd.concat([runs(ORDER), unlearned, runs(ORDER, reading="in_band")])
    found, elsewhere = (
        one for one in outcomes("split-fig3-greedy", table, split_fig3.RECORDED) if one.form == "corrected"
    )
    assert (found.verdict, found.found.mean) == ("reproduced", pytest.approx(0.15))
    assert "Left out: qnli" in found.why
    assert "Left out" not in elsewhere.why  # once is enough
    assert (
        "Too little was learned to tell: qnli" in outcomes("split-fig3-greedy", unlearned, split_fig3.RECORDED)[0].why
    )
    assert set(verdicts("split-fig3-greedy", unlearned).values()) == {"undecided"}
    assert verdicts("split-fig3-greedy", runs(ORDER, task="mrpc").assign(accuracy=0.68)) == dict.fromkeys(
        FORMS, "undecided"
    )


def test_many_readings_are_counted_and_folded():
    (found, _) = findings("fig-6", paper=SIBLING)
    verdicts = [one.verdict for one in found.of_form("printed")]
    assert len(verdicts) == 6  # three readings of the units, by time and by prefixes
    told = ", ".join(f"{verdicts.count(one)} {one}" for one in ("reproduced", "undecided", "not reproduced"))
    block, _, rest = page.claim_blocks([found], "fig-6").partition("````{admonition} All of them")
    assert block.rstrip().endswith(f": Of 6 readings that count alike: {told}.")
    assert rest.count("(ms; ") == rest.count("(prefixes tried; ") == 6  # both forms


def test_nothing_is_judged_by_a_single_value():
    for one in (*findings(), *findings(paper=SIBLING)):
        assert not [outcome for outcome in one.outcomes if "no interval" in outcome.shown], one.claim.anchor


def test_a_limit_that_is_broken_in_one_run_of_five_is_not_kept():
    table = runs(ORDER)
    table.loc[(table["seed"] == 2) & (table["arm"] == "proposed"), "delay_over_limit"] = 1.2
    assert verdicts("split-fig3-limit", table) == {"printed": "reproduced", "corrected": "not reproduced"}


def test_slow_then_fast_is_a_bend_of_the_curve():
    table = runs(ORDER, rounds=20)
    assert set(verdicts("split-fig3-late", table).values()) == {"not reproduced"}  # straight: no effect
    late = table.assign(accuracy=0.5 + 0.4 * (table["round"] / 20) ** 3 + table["seed"] / 1e4)
    assert set(verdicts("split-fig3-late", late).values()) == {"reproduced"}
    early = table.assign(accuracy=0.9 - 0.4 * (1 - table["round"] / 20) ** 3 + table["seed"] / 1e4)
    assert set(verdicts("split-fig3-late", early).values()) == {"not reproduced"}
    means = fifths(runs({"greedy": 0.7}), "round").iloc[0]
    assert means.tolist() == [1.5, 3.5, 5.5, 7.5, 9.5]


def test_numbers_of_parameters_are_those_of_an_adapter():
    found = {one.claim.id: one for one in findings(paper=SIBLING)}
    assert found["split-fig3-parameters"].verdict("corrected") == "reproduced"
    assert found["split-fig3-parameters"].outcomes[0].shown == "454,656"
    assert found["split-fig4-parameters"].verdict("printed") == "partly"
    assert [one.shown for one in found["split-fig4-parameters"].outcomes] == ["442,368", "663,552"]
    small = load_backbone("tiny-vit")  # 2 layers of width 64, without a pooler
    assert Adapter(small, SplitScenario(), seed=0).num_parameters == 442_368 * 2 * 64 // (12 * 768)


def test_smoother_is_tested_by_fewer_samples():
    rng = np.random.default_rng(0)
    settings = split_fig4.RECORDED
    sizes = (settings.samples_per_device, *settings.fewer_samples)
    many, few = (runs(ORDER, rounds=40, samples=samples) for samples in sizes)
    for noise, verdict in ((0.3, "reproduced"), (0.1, "undecided"), (0.02, "not reproduced")):
        rough = few.assign(loss_train=few["loss_train"] + noise * rng.normal(size=len(few)))
        usual = many.assign(loss_train=many["loss_train"] + 0.1 * rng.normal(size=len(many)))
        found = outcomes("split-fig4-smooth", pd.concat([usual, rough]), settings)
        assert {one.verdict for one in found} == {verdict}
    assert not outcomes("split-fig4-smooth", many, settings)


def limits(gains):
    """Runs at both ends of the axis, from the accuracy of each arm at both."""
    low, high = ({arm: ends[end] for arm, ends in gains.items()} for end in (0, 1))
    return pd.concat([runs(low, limit=0.4, task="cifar10"), runs(high, limit=1.0, task="cifar10")])


def test_limits_are_compared_at_one_seed():
    settings = split_fig5.SplitFig5Settings(limits=[0.4, 1.0])
    table = limits({"proposed": (0.8, 0.85), "proposed_printed": (0.6, 0.55), "greedy": (0.6, 0.8),
                    "equal_share": (0.5, 0.8)})  # fmt: skip
    rises = {(one.form, one.reading.split(";")[1].strip()): one.verdict
             for one in outcomes("split-fig5-rises", table, settings)}  # fmt: skip
    assert rises["printed", "Algorithm 1, printed"] == "not reproduced"
    assert {verdict for key, verdict in rises.items() if key[0] != "printed"} == {"reproduced"}
    assert set(verdicts("split-fig5-least", table, settings).values()) == {"reproduced"}
    best = outcomes("split-fig5-best", table, settings)
    assert {one.verdict for one in best if one.form == "corrected"} == {"reproduced"}


def test_running_times_are_judged_by_time_and_by_prefixes():
    rows = [
        {"reading": "corrected", "form": form, "limit": limit, "seed": seed, "round": t, "scheduled": 1,
         "delay_over_limit": 1.0, "tried": 20 if t == 1 or form == "corrected" else round(10 * limit),
         "seconds": 1e-3 * (limit + seed / 100)}
        for form in FORMS for limit in (0.4, 0.6, 1.0) for seed in SEEDS for t in (1, 2, 3)
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    mean = {(one.form, one.reading.split(";")[0]): one.verdict
            for one in outcomes("split-fig6-mean", table, split_fig6.RECORDED)}  # fmt: skip
    assert mean == {
        ("printed", "ms"): "reproduced", ("printed", "prefixes tried"): "reproduced",
        ("corrected", "ms"): "reproduced", ("corrected", "prefixes tried"): "not reproduced",
    }  # fmt: skip
    most = {(one.form, one.reading.split(";")[0]): one.verdict
            for one in outcomes("split-fig6-maximum", table, split_fig6.RECORDED)}  # fmt: skip
    assert most["printed", "prefixes tried"] == "not reproduced"  # 20 at every limit: the first round
    assert most["printed", "ms"] == "partly"


def test_claims_refer_to_figures_and_studies_that_exist():
    figures = {element.id for element in SIBLING_ELEMENTS}
    for claim in SIBLING_CLAIMS:
        assert claim.figure in figures
        assert claim.study in STUDIES
        assert claim.study == f"split_{claim.figure.replace('-', '')}"
    with pytest.raises(ValueError, match="figure = 'fig-2' has no claims; there are: fig-3, fig-4, fig-5, fig-6"):
        findings("fig-2", paper=SIBLING)


def test_what_is_not_recorded_is_not_measured_yet_and_the_page_says_so(tmp_path):
    found = findings(folder=tmp_path, paper=SIBLING)
    assert {one.verdict(form) for one in found for form in FORMS} == {"not measured yet"}
    blocks = page.claim_blocks(found, "fig-3")
    assert "/split_fig3.parquet: `nox -s reproduce -- split_fig3`" in blocks
    assert page.foundations(found).count("There is no ") == 4


def test_differences_from_the_sibling_come_from_the_record(tmp_path):
    save_result("split_fig3", runs(ORDER), split_fig3.RECORDED, seconds=60.0, folder=tmp_path)
    said = page.foundations(findings("fig-3", tmp_path, paper=SIBLING))
    assert "`minilm` instead of BERT" in said
    assert "Adam" in said
    assert f"{split_fig3.RECORDED.rounds} rounds" in said
    assert "-p backbone=bert-base-uncased" in said
