"""A process that has torch imported and runs one command line of ours after another."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from resdepth.errors import WorkerLost

COMMAND = (sys.executable, "-m", "resdepth.cli.worker")


class Worker:
    """Our end of it: command lines go in, exit codes come out.

    The worker ends, and with a checkpoint what it trains, when our end of the pipe is closed, which
    a process does by dying, however it dies.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A terminal's Ctrl-C is for us; what we train is told by us.
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a worker has pipes")
        self._pipe: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout

    @property
    def number(self) -> int:
        """Its process number."""
        return self._process.pid

    def run(self, arguments: Sequence[str], log: Path, stop: Path) -> int:
        """The exit code of `resdepth ARGUMENTS` (negative: the signal that killed it).

        What it prints goes to `log`; a file at `stop` ends it with a checkpoint.

        Raises
        ------
        WorkerLost
            The worker is gone.
        """
        call = {"arguments": list(arguments), "log": str(log), "stop": str(stop)}
        try:
            self._pipe.write(json.dumps(call).encode() + b"\n")
            self._pipe.flush()
            return int(self._answers.readline())
        except (OSError, ValueError):
            # A pipe without a reader, one that was closed by `close`, or an answer that is none.
            raise WorkerLost(cell=log.stem) from None

    def close(self) -> None:
        """Let it end, and with a checkpoint what it trains."""
        with contextlib.suppress(OSError):
            self._pipe.close()

    def wait(self) -> None:
        """Until it has ended."""
        self._process.wait()
