"""Processes that have torch imported and run one command line of ours after another."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from resdepth.errors import WorkerLost

COMMAND = (sys.executable, "-m", "resdepth.cli.worker")
Environment = Mapping[str, str]


@dataclass
class Worker:
    """Our end of a worker: command lines go in, exit codes come out.

    The worker ends, and with a checkpoint what it trains, when our end of the pipe is closed, which
    a process does by dying, however it dies.
    """

    pipe: IO[bytes]
    answers: IO[bytes]
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    """The process, where it is a child of ours."""

    def run(self, arguments: Sequence[str], log: Path, stop: Path) -> int:
        """The exit code of `resdepth ARGUMENTS` (negative: the signal that killed it).

        What it prints goes to `log`; a file at `stop` ends it with a checkpoint.

        Raises
        ------
        WorkerLost
            The worker is gone.
        OSError
            `log` cannot be written.
        """
        # Found out here: the worker has nowhere else to complain.
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        call = {"arguments": list(arguments), "log": str(log), "stop": str(stop)}
        try:
            self.pipe.write(json.dumps(call).encode() + b"\n")
            self.pipe.flush()
            return int(self.answers.readline())
        except (OSError, ValueError):
            # A pipe without a reader, one that was closed by `close`, or an answer that is none.
            raise WorkerLost(cell=log.stem) from None

    def close(self) -> None:
        """Let it end, and with a checkpoint what it trains."""
        with contextlib.suppress(OSError):
            self.pipe.close()

    def wait(self) -> None:
        """Until it has ended."""
        while self.answers.readline():
            pass
        if self.process is not None:
            self.process.wait()


def start_worker(environment: Environment | None = None) -> Worker:
    """A worker by itself, with variables of its own."""
    return start_workers([environment or {}])[0]


def start_workers(environments: Sequence[Environment]) -> list[Worker]:
    """Workers beside one another, each with variables of its own, for the price of one start.

    All but the first are forks of the first, made when it has imported what it needs: they share
    that part of its memory. None depends on another for its life.
    """
    pairs = [(os.pipe(), os.pipe()) for _ in environments]
    theirs = [(told[0], said[1]) for told, said in pairs]
    (stdin, stdout), *others = theirs
    forks = [
        {"stdin": ends[0], "stdout": ends[1], "environment": dict(environment)}
        for ends, environment in zip(others, environments[1:], strict=True)
    ]
    process = subprocess.Popen(
        [*COMMAND, json.dumps(forks)],
        stdin=stdin,
        stdout=stdout,
        pass_fds=[end for ends in others for end in ends],
        # A terminal's Ctrl-C is for us; what we train is told by us.
        start_new_session=True,
        env={**os.environ, **environments[0]},
    )
    for ends in theirs:
        for end in ends:
            os.close(end)
    made = [Worker(os.fdopen(told[1], "wb"), os.fdopen(said[0], "rb")) for told, said in pairs]
    made[0].process = process
    return made
