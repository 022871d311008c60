import subprocess
import sys

import pytest
from click.testing import CliRunner

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


@pytest.mark.parametrize("name", [(), ("run",), ("list",), ("doctor",)])
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
    line = next(line for line in out.splitlines() if line.startswith("  num_ues"))
    assert "UEs in the cell" in line


def test_list_of_one_study(command):
    _, out, _ = command("list", "fig3_bandwidth")
    assert "fig4_switching" not in out


def test_doctor_says_what_is_here_and_how_to_get_the_rest(command, monkeypatch):
    monkeypatch.delenv("FEDSWITCH_DATA", raising=False)
    code, out, _ = command("doctor")
    assert code == 0
    for word in ("reviews", "sst2", "minilm", "roberta-base", "cpu", "cuda", "FEDSWITCH_DATA"):
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
