"""What Flower starts at the gNB: the rounds of the job that a file describes."""

from __future__ import annotations

import json
from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from ..errors import FedswitchError
from ._flower import FlowerWire
from .gnb import Job, run_gnb
from .notes import Notes, write_history
from .processes import leave_with_parent

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run the job, tell of it in the notes beside it, and leave its history there."""
    leave_with_parent()
    path = Path(str(context.run_config["job"]))
    job, notes = Job(**json.loads(path.read_text(encoding="utf-8"))), Notes(path.with_name("notes.jsonl"))
    notes.say("The gNB is getting ready.")
    try:
        # a question that came too late for its round is not worth an answer
        history = run_gnb(FlowerWire(grid, ttl_s=job.deadline_s), job, say=notes.say, told=notes.round)
        write_history(path.with_name("history.npz"), history)
    except Exception as error:
        told = isinstance(error, (FedswitchError, ValueError))
        notes.add({"failed": str(error) if told else f"{type(error).__name__}: {error}"})
        raise
    notes.add({"done": True})
