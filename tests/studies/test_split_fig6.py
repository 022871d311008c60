import pytest

from fedswitch.split import SplitCell, SplitScenario, decide_schedule, prefix_delays, start_queue_s
from fedswitch.split.scheduling import best_count
from fedswitch.studies.split_fig6 import FORMS, SplitFig6Settings, draw, expand, measure, of_runs, summary

SMALL = SplitFig6Settings(limits=[0.4, 1.0], rounds=6, num_devices=5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("price", [0.0, 0.2, 1.0, 20.0])
def test_one_prefix_after_the_other_finds_what_all_at_once_do(form, price):
    scenario = SplitScenario.corrected(num_devices=6)
    cell, tries = SplitCell.draw(scenario, 0), []
    per_s = price / scenario.delay_limit_s
    for gain in cell.gains_w(20):
        count, tried = expand(scenario, gain, per_s, form=form)
        delays = prefix_delays(gain, payload_bits=scenario.payload_bits, **scenario.band)
        assert count == best_count(delays, per_s, form=form)
        assert count <= tried <= 6
        tries.append(tried)
        if form == "printed" and tried < 6:
            assert tried == count + 1
    if form == "corrected" or price == 0.0:
        assert set(tries) == {6}


def test_a_row_is_a_round_of_the_policy_and_the_first_as_printed_tries_everybody():
    table = measure(SMALL)
    assert len(table) == 2 * 2 * 6
    for limit in SMALL.limits:
        cell = SplitCell.draw(SMALL.at_limit("corrected", limit), 0)
        for form, policy in FORMS.items():
            rows = table[(table["limit"] == limit) & (table["form"] == form)].set_index("round")
            queue_s = start_queue_s(cell, policy)
            for t in range(1, SMALL.rounds + 1):  # round by round, where the study looks at all of them at once
                taken = decide_schedule(cell.scenario, cell.gain_w(t - 1), queue_s, t, policy=policy)
                queue_s = taken.queue_s
                assert rows.loc[t, "scheduled"] == taken.scheduled.sum()
                over = taken.delay_s / cell.scenario.delay_limit_s
                assert rows.loc[t, "delay_over_limit"] == pytest.approx(over, abs=1e-4)
            assert rows.loc[1, "tried"] == 5
    assert (table["seconds"] > 0.0).all()


def test_means_and_maxima_are_those_of_each_run():
    table = measure(SMALL)
    found = of_runs(table).set_index(["form", "limit"])
    rows = table[(table["form"] == "printed") & (table["limit"] == 0.4)]
    assert found.loc[("printed", 0.4), "tried_mean"] == rows["tried"].mean()
    assert found.loc[("printed", 0.4), "tried_max"] == 5
    assert len(summary(table)) == 4
    assert [axes.get_title() for axes in draw(table, reading="corrected").axes][:2] == list(FORMS)
