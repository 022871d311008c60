"""`fedswitch network`: a federation of processes, on one machine or on several."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from .errors import FedswitchError
from .files import write_whole
from .scenario import Scenario

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)

_scenario_option = click.option(
    "-p", "--parameter", "assignments", metavar="NAME=VALUE", multiple=True,
    help="Set a field of the scenario, such as num_ues=8; may be given several times.",
)  # fmt: skip
_task_option = click.option("--task", default="reviews", show_default=True, help="A task by name, as in `simulate`.")
_data_option = click.option("--data", type=_FOLDER, help="Folder of the task's files. Default: $FEDSWITCH_DATA.")
_seed_option = click.option("--seed", type=int, default=0, show_default=True)
_nodes_option = click.option(
    "--nodes", type=click.IntRange(min=1), default=2, show_default=True, help="Nodes that share the UEs."
)
_JOB_OPTIONS = (
    click.option("--backbone", default="minilm", show_default=True, help="As in `simulate`."),
    click.option("--scheme", default="random", show_default=True, help="As in `simulate`."),
    click.option("--rounds", type=click.IntRange(min=1), required=True, help="Rounds of the run."),
    click.option("--deadline", "deadline_s", type=click.FloatRange(min=0.0, min_open=True), default=60.0,
                 show_default=True,
                 help="Seconds that the gNB waits for the answers to a question; most rounds have one."),
    click.option("--personal", is_flag=True, help="Also test every UE with modules of its own choice."),
    click.option("--resume", type=_FILE,
                 help="Checkpoint file, written after every round. If it exists, the run continues from it."),
)  # fmt: skip


def _job_options(command: Any) -> Any:
    for option in reversed(_JOB_OPTIONS):
        command = option(command)
    return command


@click.group()
def network() -> None:
    """Run the schemes as real processes.

    They are a gNB, and nodes that hold the UEs' data.

    \b
    fedswitch network run --nodes 2 --rounds 5 -p num_ues=8 --out OUT     all of it on this machine

    On several machines, `deal` and `keys` make the files, `serve` is the gNB, and `join` a node:

    \b
    fedswitch network deal --nodes 2 -p num_ues=8 --out deal
    fedswitch network keys --nodes 2 --address 192.0.2.1 --out keys
    fedswitch network serve deal/gnb.npz --keys keys --address 192.0.2.1:9092 --rounds 5 --out OUT
    fedswitch network join 192.0.2.1:9092 --data node-0.npz --key node-0 --ca ca.crt

    A node needs its data file, its key and ca.crt, and nothing else; keep server.key at the gNB.
    """
    from .network.processes import need_flower

    need_flower()


@network.command()
@_task_option
@_data_option
@_scenario_option
@_seed_option
@_nodes_option
@click.option("--out", type=_FOLDER, required=True, help="Folder for the files.")
def deal(task: str, data: Path | None, assignments: tuple[str, ...], seed: int, nodes: int, out: Path) -> None:
    """Write the data of the nodes and of the gNB.

    There is one file for each node, and one for the gNB, without training samples.
    """
    from .learning.tasks import load_task
    from .network.shards import deal as deal_out

    scenario = _scenario(assignments)
    paths = _checked(lambda: deal_out(load_task(task, data=data, seed=seed), scenario, nodes=nodes, seed=seed, out=out))
    click.echo(
        f"Wrote {paths[0]} for the gNB, and {nodes} files of nodes: {', '.join(path.name for path in paths[1:])}."
    )


@network.command()
@_nodes_option
@click.option(
    "--address", "addresses", multiple=True,
    help="Host name or IP address at which other machines reach the gNB; may be given several times.",
)  # fmt: skip
@click.option("--out", type=_FOLDER, required=True, help="Folder for the keys.")
def keys(nodes: int, addresses: tuple[str, ...], out: Path) -> None:
    """Make the certificate of a gNB, and a key for each node."""
    from .network.keys import make_keys

    make_keys(out, nodes=nodes, addresses=addresses)
    click.echo(f"Wrote {out}: ca.crt goes to every node, node-0 and so on to one node each, and server.key stays here.")


@network.command()
@click.argument("gnb_file", metavar="GNB.npz", type=_FILE)
@_job_options
@click.option("--address", default="127.0.0.1:9092", show_default=True, metavar="HOST:PORT", help="Where to listen.")
@click.option("--keys", "key_folder", type=_FOLDER, help="Folder that `fedswitch network keys` made.")
@click.option("--plain", is_flag=True, help="Without keys and TLS; on the loopback address only.")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(min=0.0), default=600.0, show_default=True,
    help="Seconds for all nodes to join.",
)  # fmt: skip
@click.option("--out", type=_FOLDER, required=True, help="Folder for the history, the table and the logs.")
def serve(
    gnb_file: Path, address: str, key_folder: Path | None, plain: bool, out: Path, resume: Path | None, **options: Any
) -> None:
    """Be the gNB.

    It waits until all UEs are held by nodes, and does the rounds with them.
    """
    from .network.gnb import Job
    from .network.serving import serve as serve_job

    if plain == (key_folder is not None):
        raise click.UsageError("Give the folder of --keys, or --plain.")
    job = Job(data=str(gnb_file.absolute()), resume=None if resume is None else str(resume.absolute()), **options)
    _write(_checked(lambda: serve_job(job, out, address=address, keys=key_folder, tell=_tell)), out)


@network.command()
@click.argument("address", metavar="HOST:PORT")
@click.option("--data", type=_FILE, required=True, help="The node's data file.")
@click.option("--key", type=_FILE, help="The node's key.")
@click.option("--ca", type=_FILE, help="ca.crt, which vouches for the gNB.")
@click.option("--plain", is_flag=True, help="Without keys and TLS; on the loopback address only.")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(min=0.0), default=0.0, show_default=True,
    help="Seconds for the gNB to appear.",
)  # fmt: skip
@click.option("--logs", type=_FOLDER, help="Folder for logs. Default: none are kept.")
def join(
    address: str, data: Path, key: Path | None, ca: Path | None, plain: bool, wait_s: float, logs: Path | None
) -> None:
    """Be a node.

    It holds the data of its UEs, and answers the gNB at HOST:PORT.
    """
    from .network.joining import join as join_gnb

    if plain == (key is not None or ca is not None):
        raise click.UsageError("Give --key and --ca, or --plain.")
    join_gnb(address, data, key=key, authority=ca, say=click.echo, logs=logs, wait_s=wait_s)


@network.command()
@_task_option
@_data_option
@_scenario_option
@_seed_option
@_nodes_option
@_job_options
@click.option("--out", type=_FOLDER, required=True, help="Folder for the history, the table, keys, data and logs.")
def run(assignments: tuple[str, ...], out: Path, **options: Any) -> None:
    """Run a whole federation on this machine, over its loopback address."""
    from .network import federate

    scenario = _scenario(assignments)
    _write(_checked(lambda: federate(scenario, out=out, tell=_tell, **options)), out)


def _scenario(assignments: tuple[str, ...]) -> Scenario:
    """A scenario with changed fields; values are literals of Python, or words."""
    changes: dict[str, Any] = {}
    for assignment in assignments:
        name, sign, text = assignment.partition("=")
        if not sign:
            raise FedswitchError(f"-p {assignment} names no value: give NAME=VALUE, such as num_ues=8.")
        if name not in Scenario.symbols() and name in click.get_current_context().params:
            raise FedswitchError(f"{name} is no field of the scenario, but an option of its own: --{name} {text}.")
        if name in changes:
            raise FedswitchError(f"-p gives {name} twice: give it once.")
        try:
            changes[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            changes[name] = text
    try:
        return Scenario.corrected(**changes)
    except (TypeError, ValueError) as error:
        raise FedswitchError(str(error)) from error


def _checked(work: Any) -> Any:
    """What `work` returns; a wrong argument is something that the user can mend."""
    try:
        return work()
    except ValueError as error:
        raise FedswitchError(str(error)) from error


def _tell(record: Mapping[str, Any]) -> None:
    """A line of live progress for what the gNB notes."""
    if "line" in record:
        click.echo(record["line"], err=True)
    if done := record.get("done_round"):
        click.echo(
            f"Round {done['round']}: accuracy {done['accuracy_pooled']:.3f}, {done['received']} of "
            f"{done['subscribed']} uploads received, {done['lost']} lost on the network; {done['online']} UEs online.",
            err=True,
        )


def _write(history: Any, out: Path) -> None:
    from .network.notes import write_history

    write_history(out / "history.npz", history)
    write_whole(out / "table.parquet", partial(history.table.to_parquet, index=False))
    lost = sum(int(lost.sum()) for lost in history.lost.values())
    click.echo(f"Wrote {out / 'table.parquet'} and {out / 'history.npz'}; the network lost {lost} uploads.")
