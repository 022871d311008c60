import pytest

from fedswitch.errors import ParameterError
from fedswitch.studies.notebooks import find_study
from fedswitch.studies.sweep_plan import parse_sweep, plan


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("count=1", [1]),
        ("count=10, 20,40", [10, 20, 40]),
        ("seed=0:5", [0, 1, 2, 3, 4]),
        ("seed=0:10:3,20", [0, 3, 6, 9, 20]),
        ("seed=2:-1:-1", [2, 1, 0]),
        ("share=1:3", [1, 2]),
        ("sizes=[10,20],[40]", [[10, 20], [40]]),
        ("sizes=[10, 20]", [[10, 20]]),
        ("sizes=10,20", [[10], [20]]),
        ("sizes=1:3", [[1], [2]]),
        ("name=b,c", ["b", "c"]),
        ("name='b,c',d", ["b,c", "d"]),
        ("name=0:2", ["0:2"]),
        ("name=it's,o'brien", ["it's", "o'brien"]),
        ("name='a(',b", ["a(", "b"]),
        ("name=a (old),b", ["a (old)", "b"]),
        ("depth=None,2,(1,2)", [None, 2, [1, 2]]),
    ],
)
def test_values_are_parted_at_commas_and_ranges_written_out(tiny, text, values):
    assert list(parse_sweep(tiny(), [text]).values()) == [values]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["cuont=1,2"], "has no parameter 'cuont'. Did you mean 'count'?"),
        (["cuont=0:2"], "Did you mean 'count'?"),
        (["count"], "name=value, not as 'count'"),
        (["count=1", "count=2,3"], "'count' is given twice"),
        (["count=1,2,1"], "value 1 of the parameter 'count' is given twice"),
        (["share=1,1.0"], "value 1.0 of the parameter 'share' is given twice"),
        (["sizes=[1,2],[1,2]"], "[1, 2] of the parameter 'sizes' is given twice"),
        (["sizes=[1,2"], "not every bracket or quote is closed"),
        (["name=a(,b"], "not every bracket or quote is closed"),
        (["name='a,b"], "not every bracket or quote is closed"),
        (["seed=0:100001"], "is too long"),
        (["seed=0:999999999999999999999999999999"], "is too long"),
        ([f"seed=0:{'9' * 5000}"], "seed takes a whole number"),
        (["seed=0:400", "count=0:500"], "have 200000 combinations"),
        (["count=1,,2"], "count takes a whole number"),
        (["count=1,2.5"], "count takes a whole number (default 3: how many), not '2.5'"),
        (["count=1,__import__('os')"], "count takes a whole number"),
        (["sizes=[1,x]"], "sizes takes one or more values"),
        (["seed=5:5"], "range 5:5 of the parameter 'seed' holds no number"),
        (["seed=0:5:0"], "range 0:5:0 of the parameter 'seed' holds no number"),
        (["out=a,b"], "--out"),
    ],
)
def test_bad_values_are_refused_in_one_sentence(tiny, texts, message):
    with pytest.raises(ParameterError) as raised:
        parse_sweep(tiny(), texts)
    assert message in str(raised.value)


def test_every_combination_is_one_run(tiny):
    runs = plan(tiny(), {"count": [1, 2], "seed": [0, 1, 2]})
    assert [(run.parameters["count"], run.parameters["seed"]) for run in runs] == [
        (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2),
    ]  # fmt: skip
    assert len({run.run_id for run in runs}) == 6


def test_a_run_is_known_by_all_its_parameters_and_the_text_of_its_notebook(tiny):
    study = tiny()
    (run,) = plan(study, {"count": [1], "seed": [0]})
    (turned,) = plan(study, {"seed": [0], "count": [1]})
    (without_the_default,) = plan(study, {"count": [1]})
    (other_value,) = plan(study, {"count": [2]})
    (other_kind,) = plan(study, {"count": [1], "name": ["0"]})
    (other_text,) = plan(tiny("pass  # something else"), {"count": [1]})
    assert run.run_id == turned.run_id == without_the_default.run_id
    assert len({run.run_id, other_value.run_id, other_kind.run_id, other_text.run_id}) == 4


LEARNS = "task = 'mrpc'  # data\nbackbone = 'tiny'  # weights"


def test_a_run_is_known_by_the_data_and_weights_that_it_names(tiny, tmp_path, monkeypatch):
    text = tiny().path.read_text().replace("count = 3 ", f"{LEARNS}\ncount = 3 ")
    (tmp_path / "learns.md").write_text(text)
    study, model = find_study(str(tmp_path / "learns.md")), tmp_path / "model"
    monkeypatch.delenv("FEDSWITCH_DATA", raising=False)

    def known(**swept):
        return plan(study, {name: [value] for name, value in swept.items()})[0].run_id

    without = known()
    for folder, content in (("one", b"1"), ("two", b"1"), ("other", b"2")):
        (tmp_path / folder / "mrpc").mkdir(parents=True)
        (tmp_path / folder / "mrpc" / "train.parquet").write_bytes(content)
    by_folder = {}
    for folder in ("one", "two", "other"):
        monkeypatch.setenv("FEDSWITCH_DATA", str(tmp_path / folder))
        by_folder[folder] = known()
        assert known(task="reviews") == known(task="reviews", backbone="tiny")  # which reads nothing
    assert by_folder["one"] == by_folder["two"] != by_folder["other"]
    assert without not in by_folder.values()

    model.mkdir()
    known_before = known(backbone=str(model))
    (model / "model.safetensors").write_bytes(b"1")
    first = known(backbone=str(model))
    (model / "model.safetensors").write_bytes(b"2")
    assert len({known_before, first, known(backbone=str(model))}) == 3
