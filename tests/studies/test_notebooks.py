import json
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest

import fedswitch
from fedswitch.errors import FedswitchError, ParameterError
from fedswitch.studies.notebooks import all_studies, find_study, parse_assignments, run_study


def test_the_parameters_cell_is_read_with_defaults_and_help(tiny):
    read = tiny()
    assert read.title == "A study of nothing"
    assert [(p.name, p.default, p.help) for p in read.parameters] == [
        ("count", 3, "how many"),
        ("share", 0.5, "of what, in percent"),
        ("seed", 0, "of nothing"),
        ("sizes", [1, 2], "several"),
        ("name", "a", "what it is called"),
        ("words", ["a"], "some"),
        ("most", 3, "at most so many; None: all"),
        ("loud", False, "whether"),
        ("depth", None, "as deep as it goes"),
        ("marks", "", "folder for traces of the runs"),
        ("out", None, "folder"),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("count=5", 5),
        ("count = 5", 5),
        ("share=1", 1),
        ("share=1e-3", 1e-3),
        ("name=b", "b"),
        ("name='b c'", "b c"),
        ("name=5", "5"),
        ("name=x=y", "x=y"),
        ("sizes=[4]", [4]),
        ("sizes=4,5", [4, 5]),
        ("words=b", ["b"]),
        ("words=b,c d", ["b", "c d"]),
        ("words=['b', 'c']", ["b", "c"]),
        ("words=[b, 'c d']", ["b", "c d"]),
        ("words=[]", []),
        ("words=", []),
        ("most=None", None),
        ("most=4", 4),
        ("sizes=4", [4]),
        ("loud=true", True),
        ("loud=False", False),
        ("depth=2", 2),
        ("depth=None", None),
        ("depth=(1,(2,3))", [1, [2, 3]]),
        ("sizes=(4,5)", [4, 5]),
    ],
)
def test_values_are_literals_of_the_kind_of_the_default(tiny, text, value):
    assert list(parse_assignments(tiny(), [text]).values()) == [value]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["cuont=5"], "has no parameter 'cuont'. Did you mean 'count'?"),
        (["zzz=5"], "It has: count, share, seed, sizes, name, words, most, loud, depth, marks."),
        (["count"], "name=value, not as 'count'"),
        (["count=1", "count=2"], "'count' is given twice"),
        (["count=1.5"], "count takes a whole number (default 3: how many), not '1.5'"),
        (["count=__import__('os')"], "count takes a whole number"),
        (["count=True"], "count takes a whole number"),
        (["count=None"], "count takes a whole number"),
        (["share=much"], "share takes a number"),
        (["loud=1"], "loud takes True or False"),
        (["sizes=4,x"], "sizes takes one or more values separated by commas, such as 1,2"),
        (["out=x"], "--out"),
    ],
)
def test_bad_assignments_are_refused_in_one_sentence(tiny, texts, message):
    with pytest.raises(ParameterError) as raised:
        parse_assignments(tiny(), texts)
    assert message in str(raised.value)


def test_a_run_gets_its_parameters_and_leaves_an_executed_notebook(tiny, tmp_path):
    out = tmp_path / "out"
    code = """
    import pathlib, sys
    print("bar 1", end="\\r", file=sys.stderr); print("bar 2", file=sys.stderr)
    pathlib.Path(out, "said.txt").write_text(f"{count} {name}")
    """
    target = run_study(tiny(code), {"count": 7, "name": "b"}, out)
    assert target == out / "tiny.ipynb"
    assert (out / "said.txt").read_text() == "7 b"
    assert sorted(path.name for path in out.iterdir()) == ["said.txt", "tiny.ipynb"]
    streams = [
        output.text
        for cell in nbformat.read(target, as_version=4).cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    ]
    assert "".join(streams) == "bar 2\n"


def test_what_the_user_can_mend_is_said_without_a_traceback(tiny, tmp_path):
    code = """
    from fedswitch.errors import MissingDataError
    raise MissingDataError("The data are not here: get them.")
    """
    with pytest.raises(FedswitchError) as raised:
        run_study(tiny(code), {}, tmp_path / "out")
    assert str(raised.value) == "The data are not here: get them."


def test_another_failure_names_the_notebook_as_far_as_it_went(tiny, tmp_path):
    (tmp_path / "out").mkdir()
    earlier = tmp_path / "out" / "tiny.ipynb"
    earlier.write_text("an earlier result")
    with pytest.raises(FedswitchError, match=r"tiny failed with ZeroDivisionError: .*tiny\.failed\.ipynb"):
        run_study(tiny("1 / 0"), {}, tmp_path / "out")
    assert earlier.read_text() == "an earlier result"
    assert (tmp_path / "out" / "tiny.failed.ipynb").exists()


ENDS = {
    "raised for the user": ("raise ValueError('Sow it.')", "^Sow it.$"),
    "an error": ("1 / 0", r"tiny failed with ZeroDivisionError: division by zero .*tiny\.failed\.ipynb"),
    "full disk": ("raise OSError(28, 'No space left on device')", "tiny failed with OSError: .*No space left"),
    "killed for memory": ("import os; os.kill(os.getpid(), 9)", r"was killed, most likely .*tiny\.failed\.ipynb"),
    "ended": ("import os; os._exit(0)", r"was killed, most likely .*tiny\.failed\.ipynb"),
}


@pytest.mark.parametrize("end", ENDS)
def test_however_a_run_ends_what_it_wrote_is_kept_and_an_earlier_result_stays(tiny, tmp_path, end):
    code, message = ENDS[end]
    out = tmp_path / "out"
    out.mkdir()
    (out / "tiny.parquet").write_text("an earlier table")
    write = "import pathlib\nfor name in ('tiny.parquet', 'x.part'): pathlib.Path(out, name).write_text('a table')\n"
    with pytest.raises(FedswitchError, match=message):
        run_study(tiny(write + code), {}, out)
    assert (out / "tiny.parquet").read_text() == "an earlier table"
    assert (out / "tiny.failed.parquet").read_text() == "a table"
    assert sorted(path.name for path in out.iterdir()) == [
        "tiny.failed.ipynb", "tiny.failed.parquet", "tiny.parquet",
    ]  # fmt: skip


SHOW = """
import json, os, pathlib, sys
import fedswitch
shown = [fedswitch.__file__, sys.executable, os.environ["MPLBACKEND"], "token" in sys.modules, "STARTED" in globals()]
pathlib.Path(out, "said.json").write_text(json.dumps(shown))
"""


def foreign_kernel(folder, monkeypatch):
    spec = folder / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps({"argv": ["/bin/false"], "display_name": "", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(folder))


def another_module(folder, monkeypatch):
    (folder / "fedswitch").mkdir()
    (folder / "fedswitch" / "__init__.py").write_text("")
    monkeypatch.chdir(folder)


def the_clone(_folder, monkeypatch):
    """As by `python -m fedswitch` in the clone, which is then the current folder and the first place for modules."""
    clone = str(Path(fedswitch.__file__).parents[1])
    monkeypatch.chdir(clone)
    monkeypatch.setattr(sys, "path", [clone, *(place for place in sys.path if place != clone)])


def startup(folder, monkeypatch):
    (folder / "start.py").write_text("STARTED = True")
    profile = folder / "ipython" / "profile_default" / "startup"
    profile.mkdir(parents=True)
    (profile / "start.py").write_text("STARTED = True")
    monkeypatch.setenv("PYTHONSTARTUP", str(folder / "start.py"))
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))


def unwritable_home(folder, monkeypatch):
    (folder / "file").touch()
    for name in ("HOME", "IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(folder / "file"))


def odd_temporary_folder(name):
    def set_up(folder, monkeypatch):
        (folder / name).mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(folder / name))

    return set_up


PLACES = {
    "a kernel of another environment": foreign_kernel,
    "another fedswitch in this folder": another_module,
    "the clone itself": the_clone,
    "startup files": startup,
    "a home that cannot be written to": unwritable_home,
    "another backend": lambda _, monkeypatch: monkeypatch.setenv("MPLBACKEND", "nonsense"),
    "warnings are errors": lambda _, monkeypatch: monkeypatch.setenv("PYTHONWARNINGS", "error"),
    "a plain locale": lambda _, monkeypatch: monkeypatch.setenv("LC_ALL", "C"),
    "a long temporary folder": odd_temporary_folder("long" * 30),
    "an odd temporary folder": odd_temporary_folder("ü {a} $b %s"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_notebook_runs_in_this_python_with_this_module_wherever_it_is(tiny, tmp_path, monkeypatch, place):
    study, folder = tiny(SHOW), tmp_path / "place"
    folder.mkdir()
    PLACES[place](folder, monkeypatch)
    run_study(study, {}, tmp_path / "out")
    shown = json.loads((tmp_path / "out" / "said.json").read_text())
    backend = "module://matplotlib_inline.backend_inline"
    assert [*shown[:3], shown[4]] == [fedswitch.__file__, sys.executable, backend, False]


def test_without_room_nothing_begins(tiny, tmp_path, monkeypatch):
    study = tiny("import pathlib; pathlib.Path(out, 'begun').touch()")
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(total=2**30, free=2**20))
    with pytest.raises(FedswitchError, match=r"has 1 MiB left, and 16 MiB are needed: .* or name another with --out"):
        run_study(study, {}, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_temporary_folder_that_is_missing_is_named(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(FedswitchError, match="set TMPDIR"):
        run_study(tiny(), {}, tmp_path / "out")


def test_every_notebook_of_the_book_documents_all_its_parameters():
    studies = all_studies()
    assert {study.name for study in studies} >= {"fig3_bandwidth", "fig4_switching"}
    for study in studies:
        assert study.title != study.name
        for parameter in study.parameters:
            assert parameter.help, f"{study.name}: {parameter.name} has no help"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("fig3_bandwidth", {"num_ues": [3, 6], "num_cells": 2}),
        ("fig2_convergence", {"backbone": "tiny", "num_ues": [4], "rounds": 2, "lora_layers": None}),
        ("fig4_switching", {"backbone": "tiny", "num_ues": 4, "rounds": 2, "lora_layers": None}),
        (
            "fig5_energy",
            {
                "num_ues": 5,
                "seeds": [0],
                "rounds": 2,
                "sinr_thresholds_db": [-5.0],
                "energy_weights_per_j": [1e5],
                "variants": ["corrected"],
                "relative_weights_per_j": [1.0],
            },
        ),
        ("concepts", {"backbone": "tiny", "num_ues": 6, "rounds": 2, "lora_layers": None}),
    ],
)
def test_the_studies_write_notebook_table_figure_and_record(name, parameters, tmp_path):
    run_study(find_study(name), parameters, tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".ipynb", ".parquet", ".png", ".svg", ".json"}
    assert len(pd.read_parquet(tmp_path / f"{name}.parquet")) > 0
    record = json.loads((tmp_path / f"{name}.json").read_text())
    assert record["versions"]["fedswitch"]
    assert str(tmp_path) not in json.dumps(record)


def test_values_of_a_list_that_is_empty_by_default_are_those_of_the_settings():
    study = find_study("fig2_convergence")
    for text, values in {"0.02": [0.02], "0.02,1": [0.02, 1], "[]": []}.items():
        assert parse_assignments(study, [f"deadlines_s={text}"]) == {"deadlines_s": values}
    for text in ("-1", "soon", "0.1,0.1"):
        with pytest.raises(ParameterError, match="deadlines_s"):
            parse_assignments(study, [f"deadlines_s={text}"])
