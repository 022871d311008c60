"""The kernels that notebooks run in: this Python with this module, and nothing that was set up for other notebooks."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

from ..errors import FedswitchError
from ..files import check_space

SOCKET_PATH_BYTES = 100
"""Longer paths are none for a socket: 103 bytes are allowed on a Mac, 107 on Linux."""


def execute(notebook: NotebookNode, *, echo: bool) -> None:
    """Run the cells of a notebook, which holds what they have shown, however this ends.

    With `echo`, what they say on standard error is said here too. Raises what `NotebookClient.execute` does, and
    FedswitchError where there is no folder for temporary files. Whatever interrupts the main thread, which calls this,
    ends the kernel.
    """
    how = "set TMPDIR to a folder with more"
    try:
        scratch = tempfile.TemporaryDirectory(prefix="fedswitch-", ignore_cleanup_errors=True)
    except OSError as error:
        raise FedswitchError(f"No folder for temporary files can be written to ({error.strerror}): {how}.") from error
    with scratch as runtime:
        check_space(Path(runtime), how, needed_bytes=2**20)
        client = _Client(notebook, echo, config=kernel_configuration(Path(runtime)))
        ended: Future[None] = Future()
        # in a thread, because asyncio answers Ctrl-C by a traceback of its own
        thread = threading.Thread(target=_settle, args=(client, ended), daemon=True)
        thread.start()
        try:
            ended.result()
        finally:
            while thread.is_alive():  # interrupted, perhaps before there was a kernel
                client.stop()
                thread.join(0.1)


def kernel_configuration(runtime: Path) -> Config:
    """Kernels for nbclient and all that is built on it: by this Python, whatever kernels are installed by that name.

    They find modules where this process does, and read neither startup files nor profiles of Python and IPython. With
    them we talk through files in the folder `runtime`, where that works: no other process can take or read them. The
    folder stands in for the user's JUPYTER_RUNTIME_DIR, which kernels that run at once would share.
    """
    spec = KernelSpec(
        argv=[sys.executable, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python 3",
        language="python",
        metadata={"debugger": True, "kernel_provisioner": {"provisioner_name": "local-provisioner"}},
        # "$" is for names of variables there
        env={name: value.replace("$", "$$") for name, value in _environment(runtime).items()},
    )

    class Kernel(AsyncKernelManager):
        """A kernel by `spec`, whose name in a notebook does not matter."""

        @property
        def kernel_spec(self) -> KernelSpec:
            return spec

    socket = os.fsencode(runtime / "kernel-ipc-1")
    transport = "ipc" if os.name != "nt" and len(socket) <= SOCKET_PATH_BYTES else "tcp"
    return Config({
        "NotebookClient": {"kernel_manager_class": Kernel},
        "KernelManager": {"transport": transport, "connection_file": str(runtime / "kernel.json")},
    })  # fmt: skip


def _environment(runtime: Path) -> dict[str, str]:
    """What a kernel finds in its environment instead of what is there for other uses."""
    here = str(Path.cwd())
    return {
        # last comes the folder where the command is given: what is there may be imported, and shadows nothing. First
        # comes one without modules, since ipykernel strikes the current folder off where that comes first
        "PYTHONPATH": os.pathsep.join([str(runtime), *(folder or here for folder in sys.path), here]),
        "PYTHONSTARTUP": "",
        "PYTHONWARNINGS": "",
        "IPYTHONDIR": str(runtime / "ipython"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }


class _Client(NotebookClient):
    """Runs a notebook; `echo` as in `execute`."""

    def __init__(self, notebook: NotebookNode, echo: bool, config: Config) -> None:
        # output that comes late is waited for, and never left out in silence
        super().__init__(notebook, kernel_name="python3", iopub_timeout=60, raise_on_iopub_timeout=True, config=config)
        self.echo = echo

    def process_message(self, *arguments: Any, **options: Any) -> NotebookNode | None:
        output: NotebookNode | None = super().process_message(*arguments, **options)
        if self.echo and output and output.output_type == "stream" and output.name == "stderr":
            with contextlib.suppress(OSError):  # the terminal may be gone
                sys.stderr.write("".join(output.text))
                sys.stderr.flush()
        return output

    def _cleanup_kernel(self) -> None:
        # at the end of the process, when notebooks of a sweep may still run: a kernel that is asked to end, rather than
        # killed, would end in a traceback
        self.stop()

    def stop(self) -> None:
        """Kill the kernel, if there is one by now."""
        provisioner: Any = self.km.provisioner if self.km else None
        process = provisioner and provisioner.process
        if process:
            with contextlib.suppress(OSError):
                process.kill()


def _settle(client: _Client, ended: Future[None]) -> None:
    try:
        client.execute()
    except BaseException as error:
        ended.set_exception(error)
    else:
        ended.set_result(None)
