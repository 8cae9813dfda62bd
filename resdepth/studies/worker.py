"""A process that has torch imported and runs each of our command lines in a fork of itself."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import Signals
from typing import IO

from resdepth.errors import System

BOOT = """# a worker of resdepth study
import importlib.util, json, sys
given = json.loads(sys.argv[1])
spec = importlib.util.spec_from_file_location(
    "resdepth", given["file"], submodule_search_locations=given["path"]
)
sys.modules["resdepth"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["resdepth"])
sys.path += [entry for entry in given["more"] if entry not in sys.path]
from resdepth.cli.worker import main
main(given["control"])
"""
"""The program of a worker. It imports the resdepth of this process, wherever that lies."""
DYING = 5.0
"""Seconds that a worker which no longer answers may take to end."""
TAIL = 1 << 16
"""Bytes of a worker's own output that are kept."""


class WorkerLost(System):
    """The worker is gone; `reason` says how it ended, `printed` what it printed last."""

    def __init__(self, cell: str, reason: str, printed: str = "") -> None:
        self.reason, self.printed = reason, printed
        where = f"the worker process for {cell}"
        remedy = "the same command resumes from the last checkpoint"
        super().__init__(where, f"{reason}{printed}", remedy)


class Worker:
    """Our end of a worker; several threads may use it at once.

    When our end is closed, as it is when this process dies, the worker stops its command lines with
    a checkpoint and ends. It never answers on its standard output, where anything may print.
    """

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self.closed = False
        self._ending = threading.Lock()
        self._death: tuple[str, str, bool] | None = None
        self._output = tempfile.TemporaryFile()  # noqa: SIM115
        with theirs:
            self.process = _start(theirs, self._output)

    def run(
        self,
        arguments: Sequence[str],
        log: Path,
        stop: Path,
        environment: Mapping[str, str] | None = None,
    ) -> int:
        """Run `resdepth ARGUMENTS` and return its exit code (negative: the signal that killed it).

        Its output goes to `log`; creating the file `stop` ends it with a checkpoint. Raises
        WorkerLost if the worker is gone, OSError if `log` cannot be written.
        """
        # Checked here: the worker could report it nowhere else.
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        call: dict[str, object] = {"log": str(log), "stop": str(stop)}
        call |= {"arguments": list(arguments), "environment": dict(environment or {})}
        answer = b""
        ours, theirs = socket.socketpair()
        # The worker may be gone, or closed by another thread.
        with ours, contextlib.suppress(OSError):
            with theirs:
                ours.sendall(json.dumps(call).encode() + b"\n")
                socket.send_fds(self._control, [b"+"], [theirs.fileno()])
            answer = ours.recv(32)
        if answer:
            return int(answer)
        raise self.lost(log.stem, log)

    @property
    def alive(self) -> bool:
        """Whether it has neither been closed nor found dead."""
        return self._death is None and not self.closed

    def started(self, flags: int = 0) -> bool:
        """Wait until its imports have ended (not with MSG_DONTWAIT); False if it died before."""
        with contextlib.suppress(OSError):
            return bool(self._control.recv(1, socket.MSG_PEEK | flags))
        return False

    def close(self) -> None:
        """Tell it to end, and what it runs to end with a checkpoint."""
        started, self.closed = self.started(socket.MSG_DONTWAIT), True
        self._control.close()
        if not started:
            # It reads its socket only after its imports, which may hang.
            self.process.kill()

    def wait(self) -> None:
        """Wait until it has ended, and close all files."""
        self.process.wait()
        self._control.close()
        self._output.close()

    def lost(self, cell: str = "", log: Path | None = None) -> WorkerLost:
        """The error that says how a worker ended that no longer answers."""
        with self._ending:
            if self.alive:
                started = self.started(socket.MSG_DONTWAIT)
                try:
                    reason = ending(self.process.wait(DYING))
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    reason = "no longer answered"
                self._output.seek(0)
                printed = self._output.read()[-TAIL:].decode(errors="replace").strip()
                self.wait()
                self._death = (reason + " before it had started" * (not started), printed, started)
        reason, printed, started = self._death or ("was closed", "", True)
        if log is not None and printed:
            with log.open("a", encoding="utf-8") as file:
                file.write(printed + "\n")
        last = "" if started and "killed" in reason else printed.rpartition("\n")[2]
        return WorkerLost(cell, reason, f": {last}" if last else "")


def ending(code: int) -> str:
    """How a process with this exit code ended."""
    return f"was killed by {signal_name(-code)}" if code < 0 else f"ended with exit code {code}"


def signal_name(number: int) -> str:
    """The name of a signal, which may come from a system with other signals."""
    return next((s.name for s in Signals if s.value == number), f"signal {number}")


def _start(control: socket.socket, output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a worker that imports from the same places as this process.

    The working folder is left out, which `-m`, `-c` and empty entries of PYTHONPATH add.
    """
    package, here = sys.modules["resdepth"], str(Path.cwd())
    more = [place for place in sys.path if Path(place).is_absolute() and place != here]
    given = {"file": package.__file__, "path": list(package.__path__), "more": more}
    boot = json.dumps(given | {"control": control.fileno()})
    flags = {"-P": True, "-E": sys.flags.ignore_environment, "-s": sys.flags.no_user_site}
    path = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return subprocess.Popen(
        [sys.executable, *(flag for flag, on in flags.items() if on), "-c", BOOT, boot],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=[control.fileno()],
        # Ctrl-C in a terminal must reach only this process, which stops the worker.
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
    )
