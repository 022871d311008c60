"""Full-scale runs of the studies: `python -m fedswitch.studies.reproduce [STUDY ...]`, which `nox -s reproduce` calls.

A study is measured with its `FULL_SCALE` parameters, and the result is written to the folder of results. Those that are
made of many runs keep each of them under `_build/reproduce/STUDY/`, below the folder where the command is given, as it
ends: an interrupted call goes on.
"""

from __future__ import annotations

import importlib
import inspect
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..errors import FedswitchError
from ..learning.progress import PROGRESS_VARIABLE
from .notebooks import find_study, parse_assignments
from .records import made_here, results_folder, save_result

FINISHED = Path("_build/reproduce")

STUDIES = ("fig3_bandwidth", "sensitivity", "fig5_energy", "skew", "fig4_switching", "fig2_convergence")
"""Those with a full scale, the quickest first."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("studies", metavar="[STUDY]...", nargs=-1, type=click.Choice(STUDIES))
@click.option(
    "-p", "--parameter", "assignments", metavar="NAME=VALUE", multiple=True,
    help="Change a parameter of the one STUDY, such as backbone=roberta-base; --out must then name another folder.",
)  # fmt: skip
@click.option("--device", default="cpu", show_default=True, help="Torch device, for the studies that train.")
@click.option("--fresh", is_flag=True, help="Forget the runs that earlier, interrupted calls have finished.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=None,
    help="Folder for the results, instead of results/.",
)  # fmt: skip
def reproduce(
    studies: tuple[str, ...], assignments: tuple[str, ...], device: str, fresh: bool, out: Path | None
) -> None:
    """Measure each STUDY at full scale, all of them where none is named.

    \b
    fig3_bandwidth                                       a minute on two cores
    sensitivity, fig5_energy                             some minutes
    skew, fig4_switching, fig2_convergence               about an hour each
    """  # noqa: D301 (Click reads the backspace)
    if assignments and (len(studies) != 1 or out is None or out.resolve() == results_folder().resolve()):
        raise click.UsageError("-p needs one STUDY, and a folder of its own: --out")
    os.environ.setdefault(PROGRESS_VARIABLE, "1")
    for name in studies or STUDIES:
        changes = parse_assignments(find_study(name), assignments)
        click.echo(f"Measuring {name} at full scale ...", err=True)
        path = reproduce_study(name, changes, device=device, fresh=fresh, out=out)
        click.echo(f"Wrote {path} and its record.")


def reproduce_study(
    name: str, changes: Mapping[str, Any], *, device: str = "cpu", fresh: bool = False, out: Path | None = None
) -> Path:
    """Measure a study with its `FULL_SCALE` parameters and `changes` to them; return the path of the table saved."""
    study = importlib.import_module(f"{__package__}.{name}")
    finished = FINISHED / name
    if fresh:
        shutil.rmtree(finished, ignore_errors=True)
    settings = {**study.FULL_SCALE, **changes}
    here: dict[str, Any] = {"device": device, "finished": finished}
    accepted = inspect.signature(study.measure).parameters
    started, made = time.perf_counter(), made_here()
    table = study.measure(**{**settings, **{key: value for key, value in here.items() if key in accepted}})
    return save_result(name, table, settings, seconds=time.perf_counter() - started, made=made, folder=out)


def main() -> None:
    """Run the command; what the user can mend is said in one sentence."""
    try:
        reproduce(prog_name="nox -s reproduce --")
    except (FedswitchError, ValueError) as error:  # bad parameters are found when a study begins
        click.echo(f"fedswitch: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
