"""The `fedswitch` command: run a study with other parameters, list the studies, see what this machine has."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from . import __version__
from .errors import FedswitchError
from .files import locked, make_folder, packaged
from .network_commands import network
from .studies.settings import STUDIES

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FOLDER_THERE = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="fedswitch")
def cli() -> None:
    """Federated fine-tuning in a wireless cell: the studies behind the book, with your own parameters.

    \b
    fedswitch list                       which studies there are, and their parameters
    fedswitch doctor                     which data, models and devices this machine has
    fedswitch run fig4_switching -p num_ues=20 -p rounds=30 --out OUT
    fedswitch sweep fig4_switching -p num_ues=10,20,40 -p seeds=0:5 --out OUT
    """


@cli.command()
@click.argument("notebook", metavar="STUDY")
@click.option(
    "-p", "--parameter", "assignments", metavar="NAME=VALUE", multiple=True,
    help="Set a parameter of the study; may be given several times. `fedswitch list` shows them all.",
)  # fmt: skip
@click.option("--out", type=_FOLDER, required=True, help="Folder for the executed notebook, the table and the figure.")
@click.option(
    "--data", type=_FOLDER_THERE,
    help="Folder with the data as parquet files (sst2/train.parquet, ...). Default: $FEDSWITCH_DATA.",
)  # fmt: skip
@click.option("--quiet", is_flag=True, help="Show no progress.")
def run(notebook: str, assignments: tuple[str, ...], out: Path, data: Path | None, quiet: bool) -> None:
    """Run one study with new parameters.

    STUDY is a name that `fedswitch list` shows. The folder given by --out receives the executed notebook (.ipynb), the
    table (.parquet), the figure (.png, .svg) and a record of where they came from (.json).

    \b
    fedswitch run fig3_bandwidth --out OUT
    fedswitch run fig4_switching -p task=sst2 -p num_ues=20 -p rounds=30 --data glue --out OUT
    """
    from .studies.notebooks import check_together, find_study, parse_assignments, run_study

    study = find_study(notebook)
    parameters = parse_assignments(study, assignments)
    check_together(study, parameters)
    # the notebook's kernel inherits the environment
    if data is not None:
        os.environ["FEDSWITCH_DATA"] = str(data.resolve())
    os.environ["FEDSWITCH_PROGRESS"] = "0" if quiet else "1"
    with locked(out):
        click.echo(f"Running {study.name} ...", err=True)
        executed = run_study(study, parameters, out)
    click.echo(f"Wrote {executed}. Beside it are the table, its record, and the figure where there is one.")


@cli.command()
@click.argument("notebook", metavar="STUDY")
@click.option(
    "-p", "--parameter", "assignments", metavar="NAME=VALUES", multiple=True,
    help="Values of a parameter, separated by commas, or a range: seeds=0:5 means 0,1,2,3,4, and 0:10:2 every second "
    "one. If a parameter takes several values at once, put them in brackets: num_ues=[10,20],[40,80].",
)  # fmt: skip
@click.option("--out", type=_FOLDER, required=True, help="Folder for all runs, the collected table and the figure.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Runs at once on this machine.")
@click.option(
    "--scheduler", metavar="ADDRESS",
    help="Let the workers of this Dask scheduler do the runs, such as tcp://127.0.0.1:8786. Results come back over the "
    "network, so no shared folder is needed.",
)  # fmt: skip
@click.option("--fresh", is_flag=True, help="Repeat the finished runs that another version of fedswitch made.")
@click.option("--x", metavar="COLUMN", help="Horizontal axis of the figure. Default: what is swept first, but seeds.")
@click.option(
    "--y", metavar="COLUMN", help="Vertical axis of the figure. Default: accuracy, or the first real numbers."
)
@click.option(
    "--data", type=_FOLDER_THERE,
    help="Folder with the data. Default: $FEDSWITCH_DATA; with --scheduler, that of each worker.",
)  # fmt: skip
@click.option("--quiet", is_flag=True, help="Show no progress.")
def sweep(
    notebook: str,
    assignments: tuple[str, ...],
    out: Path,
    jobs: int,
    scheduler: str | None,
    fresh: bool,
    x: str | None,
    y: str | None,
    data: Path | None,
    quiet: bool,
) -> None:
    """Run one study with every combination of parameters.

    The folder given by --out receives each run (runs/). For the combinations of this command, it also receives one
    table of all runs (sweep.parquet), a figure (sweep.png, sweep.svg) and the list of runs that says how each of them
    ended (sweep.json). A run that fails is kept separately (failed/), and the others continue. If you give the same
    command again, it repeats what failed and does what is missing; with more values, it adds only the new ones.

    \b
    fedswitch sweep fig4_switching -p num_ues=10,20,40 -p seeds=0:5 --out OUT --jobs 2
    fedswitch sweep fig3_bandwidth -p num_cells=20,40 -p "num_ues=[10,20],[40,80]" --out OUT

    To use several machines, install the extra `dask` on all of them, start `dask scheduler` on one and `dask worker
    ADDRESS --nthreads 1` on each (more threads mean more runs at once), and give the ADDRESS here:

    \b
    fedswitch sweep fig4_switching -p seeds=0:20 --out OUT --scheduler tcp://127.0.0.1:8786
    """
    from .studies.notebooks import find_study
    from .studies.sweep import sweep as run_sweep
    from .studies.sweep_plan import parse_sweep
    from .studies.sweep_workers import run_here, run_on

    if scheduler is not None and not scheduler.strip():
        raise click.UsageError("--scheduler needs an address, such as tcp://127.0.0.1:8786.")
    if scheduler and data:
        raise click.UsageError(
            "--data is a folder of this machine. With --scheduler, set FEDSWITCH_DATA on each worker instead."
        )
    study = find_study(notebook)
    swept = parse_sweep(study, assignments)
    # the kernels inherit the environment
    if data is not None:
        os.environ["FEDSWITCH_DATA"] = str(data.resolve())
    if jobs > 1:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    execute = partial(run_on, scheduler) if scheduler else partial(run_here, jobs=jobs)
    try:
        tally = run_sweep(study, swept, out, execute, fresh=fresh, show=not quiet, x=x, y=y)
    except KeyboardInterrupt as stop:
        stop.add_note("Finished runs are kept. Give the same command again to do the others.")
        raise
    for note in tally.notes:
        click.echo(note, err=True)
    if tally.failures:
        run_id, failure = next(iter(tally.failures.items()))
        raise FedswitchError(
            f"{len(tally.failures)} of {tally.runs} runs failed. The first failure was: {failure} It is kept in "
            f"{out / 'failed' / run_id}; give the same command again to repeat the runs that failed."
        )
    click.echo(f"{tally.runs} runs, {tally.kept} of them done before. Wrote {out / 'sweep.parquet'} and its figure.")


@cli.command()
@click.argument("studies", metavar="[STUDY]...", nargs=-1, type=click.Choice(STUDIES))
@click.option(
    "-p", "--parameter", "assignments", metavar="NAME=VALUE", multiple=True,
    help="Change a parameter of the STUDY, such as backbone=roberta-base; this needs one STUDY and another --out.",
)  # fmt: skip
@click.option("--device", default="cpu", show_default=True, help="Torch device for the studies that train.")
@click.option("--fresh", is_flag=True, help="Discard the runs that earlier, interrupted calls finished.")
@click.option("--extend", is_flag=True, help="Keep the STUDY's recorded runs, and add only those that are missing.")
@click.option("--out", type=_FOLDER, help="Folder for the results, instead of results/.")
def reproduce(
    studies: tuple[str, ...], assignments: tuple[str, ...], device: str, fresh: bool, extend: bool, out: Path | None
) -> None:
    """Repeat recorded runs: of each STUDY, or of all.

    On two cores fig3_bandwidth takes less than a minute, fig2_convergence and fig4_switching take several hours each,
    and the others are in between: the page "Run it yourself" of the book says how long each took.
    """
    from .studies.notebooks import find_study, parse_assignments
    from .studies.reproduce import reproduce_study

    place = out or packaged("results")
    if extend and not studies:
        raise click.UsageError("--extend needs a STUDY that is recorded run by run, such as fig2_convergence.")
    if assignments and (len(studies) != 1 or place.resolve() == packaged("results").resolve()):
        raise click.UsageError("-p needs exactly one STUDY and another folder: name them, with --out for the folder.")
    os.environ.setdefault("FEDSWITCH_PROGRESS", "1")
    changes = {name: parse_assignments(find_study(name), assignments) for name in studies or STUDIES}
    make_folder(place)
    for name, changed in changes.items():
        click.echo(f"Repeating the recorded run of {name} ...", err=True)
        try:
            path = reproduce_study(name, changed, device=device, fresh=fresh, extend=extend, out=out)
        except ValueError as error:  # such as parameters that do not go together
            raise FedswitchError(str(error)) from error
        click.echo(f"Wrote {path} and its record.")


@cli.command("list")
@click.argument("notebook", metavar="[STUDY]", required=False)
def list_studies(notebook: str | None) -> None:
    """List the studies and their parameters with defaults and help.

    With STUDY, list only that one.
    """
    from .studies.notebooks import OUT_PARAMETER, all_studies, find_study

    for study in [find_study(notebook)] if notebook else all_studies():
        click.secho(f"\n{study.name}: {study.title}", bold=True)
        rows = [(p.name, repr(p.default), p.help) for p in study.parameters if p.name != OUT_PARAMETER]
        widths = [max((len(row[i]) for row in rows), default=0) for i in (0, 1)]
        for name, default, text in rows:
            click.echo(f"  {name:{widths[0]}}  {default:{widths[1]}}  {text}")
    click.echo("\nRun one with: fedswitch run NAME -p parameter=value --out DIR")


@cli.command()
@click.option("--data", type=_FOLDER, help="Folder with the data. Default: $FEDSWITCH_DATA.")
def doctor(data: Path | None) -> None:
    """Show which tasks, models and devices are here.

    Of those that are missing it says how to get them.
    """
    from .learning.backbones import BACKBONES, backbone_status
    from .learning.devices import device_status
    from .learning.tasks import TASKS, task_status

    sections: dict[str, dict[str, tuple[str, bool, str]]] = {
        "Tasks": {name: (text, *task_status(name, data)) for name, text in TASKS.items()},
        "Backbones": {name: (text, *backbone_status(name)) for name, text in BACKBONES.items()},
        "Devices": device_status(),
    }
    for title, entries in sections.items():
        click.secho(f"\n{title}", bold=True)
        width = max(map(len, entries))
        for name, (text, available, detail) in entries.items():
            mark = click.style("here   ", fg="green") if available else click.style("missing", fg="yellow")
            click.echo(f"  {mark}  {name:{width}}  {text}\n{'':{width + 13}}{detail}")


cli.add_command(network)


class _Stop(KeyboardInterrupt):
    """A signal that asks the command to end."""

    def __init__(self, number: int) -> None:
        self.number = number


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let `kill` and the closing of the terminal end the command as Ctrl-C does, unless they are ignored (nohup)."""

    def stop(number: int, _: Any) -> None:
        raise _Stop(number)

    wanted = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = [number for number in wanted if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        click.echo(f"fedswitch: {sentence}", err=True)


def main() -> None:
    """Entry point: what the user can mend is said in one sentence, without a traceback."""
    try:
        with _stopped_by_signals():
            sys.exit(cli(prog_name="fedswitch", standalone_mode=False))
    except FedswitchError as error:
        _say(str(error))
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except OSError as error:
        if not isinstance(error.__context__, _Stop):  # click may find no terminal any more to say that it was stopped
            raise
        sys.exit(128 + error.__context__.number)
    except (KeyboardInterrupt, click.Abort) as error:
        stop = error.__cause__ or error  # click has made something of its own of it
        _say(" ".join(["Interrupted.", *getattr(stop, "__notes__", [])]))
        sys.exit(128 + getattr(stop, "number", signal.SIGINT))
