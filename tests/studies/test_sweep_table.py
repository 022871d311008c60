import pandas as pd
import pytest

from fedswitch.errors import FedswitchError
from fedswitch.studies.sweep_table import collect, draw
from fedswitch.studies.sweep_workers import SweepRun


def run(**parameters):
    return SweepRun(repr(sorted(parameters.items())), "tiny", "", parameters, "")


def rounds(*accuracies, **columns):
    return pd.DataFrame({"round": range(1, len(accuracies) + 1), "accuracy": accuracies, **columns})


def lines(figure):
    """What is drawn: for each line its places, means, and the ends of its band."""
    (axes,) = figure.axes
    drawn = {}
    for line, band in zip(axes.lines, axes.collections, strict=True):
        (path,) = band.get_paths()
        ends = {x: sorted({y for x_, y in path.vertices if x_ == x}) for x in line.get_xdata(orig=False)}
        label = line.get_label()
        drawn["" if label.startswith("_") else label] = [
            (x, pytest.approx(y), ends[x][0], ends[x][-1]) for x, y in zip(ends, line.get_ydata(), strict=True)
        ]
    return drawn


def test_rows_know_their_run_and_its_parameters():
    table = collect([(run(k=1, name="a"), False, rounds(0.5, 0.6)), (run(k=2, name="b"), True, rounds(0.7))])
    assert list(table.columns) == ["run_id", "other_version", "k", "name", "round", "accuracy"]
    assert table.drop(columns="run_id").values.tolist() == [
        [False, 1, "a", 1, 0.5], [False, 1, "a", 2, 0.6], [True, 2, "b", 1, 0.7],
    ]  # fmt: skip
    assert table.groupby("run_id").size().tolist() == [2, 1]


def test_a_parameter_gives_way_to_a_column_of_its_name():
    table = collect([(run(num_ues=[5, 10]), False, pd.DataFrame({"num_ues": [5, 10], "delay_s": [1.0, 2.0]}))])
    assert table["num_ues"].tolist() == [5, 10]
    assert table["swept_num_ues"].tolist() == ["[5, 10]", "[5, 10]"]


def test_values_of_several_kinds_can_be_written(tmp_path):
    table = collect([(run(depth=depth), False, rounds(0.5)) for depth in (None, 2, "all")])
    table.to_parquet(tmp_path / "table.parquet")
    assert pd.read_parquet(tmp_path / "table.parquet")["depth"].tolist() == ["None", "2", "all"]


def test_a_run_without_a_table_is_still_a_row():
    table = collect([(run(k=1), False, pd.DataFrame(index=[0])), (run(k=2), False, pd.DataFrame(index=[0]))])
    assert table["k"].tolist() == [1, 2]
    assert draw(table, {"k": [1, 2]}) is None


def test_the_figure_shows_the_last_round_against_the_first_parameter_with_seeds_as_band():
    accuracies = {(10, 0): 0.6, (10, 1): 0.8, (20, 0): 0.7, (20, 1): 0.9}
    swept = {"seed": [0, 1], "k": [10, 20]}
    table = collect([(run(seed=seed, k=k), False, rounds(0.1, 0.2, last)) for (k, seed), last in accuracies.items()])
    figure = draw(table, swept)
    assert lines(figure) == {"": [(10, 0.7, 0.6, 0.8), (20, 0.8, 0.7, 0.9)]}
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("k", "accuracy at the last round")
    assert not figure.legends


def test_other_parameters_and_texts_tell_lines_apart():
    runs = []
    for k in (10, 20):
        for rate in (1, 2):
            both = [rounds(0.0, k / 100, scheme=["a"] * 2), rounds(0.0, rate / 10, scheme=["b"] * 2)]
            # rounds of two schemes in turn: the count begins anew for each of them
            table = pd.concat(both).sort_values("round", kind="stable", ignore_index=True)
            runs.append((run(k=k, rate=rate), False, table))
    drawn = lines(draw(collect(runs), {"k": [10, 20], "rate": [1, 2]}))
    assert drawn == {
        "rate = 1  scheme = a": [(10, 0.1, 0.1, 0.1), (20, 0.2, 0.2, 0.2)],
        "rate = 1  scheme = b": [(10, 0.1, 0.1, 0.1), (20, 0.1, 0.1, 0.1)],
        "rate = 2  scheme = a": [(10, 0.1, 0.1, 0.1), (20, 0.2, 0.2, 0.2)],
        "rate = 2  scheme = b": [(10, 0.2, 0.2, 0.2), (20, 0.2, 0.2, 0.2)],
    }


def test_columns_can_be_chosen():
    table = collect([(run(k=k, lr=lr), False, rounds(k * lr, loss=[k + lr])) for k in (1, 2) for lr in (3.0, 4.0)])
    drawn = lines(draw(table, {"k": [1, 2], "lr": [3.0, 4.0]}, x="lr", y="loss"))
    assert drawn == {
        "k = 1": [(3.0, 4.0, 4.0, 4.0), (4.0, 5.0, 5.0, 5.0)],
        "k = 2": [(3.0, 5.0, 5.0, 5.0), (4.0, 6.0, 6.0, 6.0)],
    }


def test_texts_and_lists_stand_across_in_the_order_given():
    table = collect([(run(sizes=sizes), False, rounds(sizes[0] / 10)) for sizes in ([9, 1], [1, 2])])
    figure = draw(table, {"sizes": [[9, 1], [1, 2]]})
    assert lines(figure) == {"": [(0, 0.9, 0.9, 0.9), (1, 0.1, 0.1, 0.1)]}
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["[9, 1]", "[1, 2]"]


def test_without_an_accuracy_the_first_real_number_is_the_outcome():
    table = collect([(run(k=k), False, pd.DataFrame({"count": [k], "delay_s": [k / 2]})) for k in (1, 2)])
    assert lines(draw(table, {"k": [1, 2]})) == {"": [(1, 0.5, 0.5, 0.5), (2, 1.0, 1.0, 1.0)]}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"y": "acuracy"}, "no column 'acuracy'. Did you mean 'accuracy'? They have: round, accuracy, scheme"),
        ({"x": "kk"}, "no column 'kk'"),
        ({"y": "scheme"}, "'scheme' holds no numbers"),
    ],
)
def test_columns_that_cannot_be_drawn_are_named(columns, message):
    table = collect([(run(k=k), False, rounds(0.5, scheme="a")) for k in (1, 2)])
    with pytest.raises(FedswitchError) as raised:
        draw(table, {"k": [1, 2]}, **columns)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("values", "own"),
    [
        ([10**30, 1], {"value": [0.1]}),
        ([2**63, 1], {"value": [0.1]}),
        ([0, 1], {"run_id": ["a"], "other_version": [3], "value": [0.1]}),
        ([0, 1], {"seed": [5], "swept": [1], "value": [0.1]}),
        ([0, 1], {"value": [[1, "a"]]}),
        ([0, 1], {"value": [10**30]}),
        ([0, 1], {"value": []}),
    ],
)
@pytest.mark.parametrize("second", [{"value": [0.2]}, {"value": ["text"]}, {"other": [1]}, {}], ids=str)
def test_whatever_tables_hold_they_come_into_one_file(tmp_path, values, own, second):
    runs = [
        (SweepRun(str(i), "tiny", "", {"seed": value}, ""), False, pd.DataFrame(columns))
        for i, (value, columns) in enumerate(zip(values, (own, second), strict=True))
    ]
    table = collect(runs)
    table.to_parquet(tmp_path / "table.parquet", index=False)
    read = pd.read_parquet(tmp_path / "table.parquet")
    assert len(set(read.columns)) == len(read.columns)
    assert read["run_id"].tolist() == [run.run_id for run, _, rows in runs for _ in range(len(rows))]
    seeds = read["swept_seed" if "seed" in own else "seed"]
    assert seeds.map(int).tolist() == [run.parameters["seed"] for run, _, rows in runs for _ in range(len(rows))]
