"""A client app as one would first write it, for `network.py`: it loads model and data anew for every message."""

from __future__ import annotations

from pathlib import Path

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from fedswitch.network._flower import from_content, to_content
from fedswitch.network.node import Node
from fedswitch.network.shards import Shard

app = ClientApp()


@app.query()
def answer(message: Message, context: Context) -> Message:
    node = Node(Shard.read(Path(str(context.node_config["data"]))))
    return Message(to_content(node.answer(from_content(message.content))), reply_to=message)
