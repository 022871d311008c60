"""The process that holds the data of a node: `python -m fedswitch.network.worker DATA DESK`."""

from __future__ import annotations

import sys
from pathlib import Path

from ..errors import FedswitchError
from .packets import NODE_FILE, Packet


def main(data: Path, desk: Path) -> None:
    """Load a node's data, and answer at the desk."""
    Packet.read(data, NODE_FILE)  # before all that takes seconds to load
    from .desk import serve
    from .node import Node
    from .shards import Shard

    node = Node(Shard.read(data))
    serve(desk, node.answer)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except FedswitchError as error:
        sys.exit(f"fedswitch: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
