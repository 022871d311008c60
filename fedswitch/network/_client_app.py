"""What Flower starts on a node for every message: it takes the question to the node's worker, and the answer back.

Loading torch would take longer than most answers: the worker has done so, and stays.
"""

from __future__ import annotations

from pathlib import Path

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from ._flower import from_content, to_content
from .desk import ask
from .packets import Packet
from .processes import leave_with_parent

SILENT = "its worker does not answer: it is still starting, or has ended and is started again"

app = ClientApp()


@app.query()
def answer(message: Message, context: Context) -> Message:
    """Have the worker answer."""
    leave_with_parent()
    try:
        found = ask(Path(str(context.node_config["desk"])), from_content(message.content))
    except (OSError, EOFError, ValueError):
        found = Packet({"error": SILENT})
    return Message(to_content(found), reply_to=message)
