"""Processes that have torch imported and run one command line of ours after another."""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
main(given["workers"])
"""
"""What a worker begins with: the resdepth of this process, whichever Python would find."""
DYING = 5.0
"""Seconds that a worker which no longer answers may take to end."""
TAIL = 1 << 16
"""Bytes of what a worker has printed that are kept."""
Environment = Mapping[str, str]
Process = subprocess.Popen[bytes]


class WorkerLost(System):
    """The process that trains cells is gone.

    `reason` says how it ended, `printed` what it printed last, `started` whether its imports were
    done.
    """

    def __init__(self, cell: str, reason: str, printed: str, *, started: bool) -> None:
        self.reason, self.printed, self.started = reason, printed, started
        where = f"the worker process for {cell}"
        remedy = "the same command resumes from the last checkpoint"
        super().__init__(where, f"{reason}{printed}", remedy)


@dataclass
class Worker:
    """Our end of a worker: command lines go in, exit codes come out.

    The worker ends, and with a checkpoint what it trains, when our end of the pipe is closed, which
    a process does by dying, however it dies.
    """

    pipe: IO[bytes]
    answers: IO[bytes]
    output: IO[bytes] = field(repr=False)
    """What the first worker and its forks print between command lines."""
    first: Process = field(repr=False)
    """The process that was started; all but the first worker are forks of it."""
    process: Process | None = field(default=None, repr=False)
    """The worker's own process, if it is a child of ours."""
    started: bool = False
    """Whether it has said that its imports are done."""
    closed: bool = False
    """Whether it was told to end."""

    def run(self, arguments: Sequence[str], log: Path, stop: Path) -> int:
        """The exit code of `resdepth ARGUMENTS` (negative: the signal that killed it).

        What it prints goes to `log`; a file at `stop` ends it with a checkpoint.

        Raises
        ------
        WorkerLost
            The worker is gone. What it printed itself is at the end of `log`.
        OSError
            `log` cannot be written.
        """
        # Found out here: the worker has nowhere else to complain.
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        call = {"arguments": list(arguments), "log": str(log), "stop": str(stop)}
        word, code = "", None
        # A pipe may have no reader, or have been closed by `close`.
        with contextlib.suppress(OSError, ValueError):
            self.pipe.write(json.dumps(call).encode() + b"\n")
            self.pipe.flush()
        # What it has said before it died is there all the same.
        with contextlib.suppress(OSError, ValueError):
            word, code = self._answer()
        if word == "code" and code is not None:
            return code
        raise self._lost(log, code)

    def close(self) -> None:
        """Let it end, and with a checkpoint what it trains."""
        self.closed = True
        with contextlib.suppress(OSError):
            self.pipe.close()
        if self.process and not (self.started or self.answers.closed or self._has_answered()):
            # It looks at its pipe after its imports, which may never be done.
            self.process.kill()

    def wait(self) -> None:
        """Wait until it has ended, and close what is open."""
        with contextlib.suppress(OSError, ValueError):
            while self.answers.readline():
                pass
        if self.process is not None:
            self.process.wait()
        self.answers.close()
        self.output.close()

    def _answer(self) -> tuple[str, int | None]:
        """The next answer: "code" or "died" with a number, "" if there is none."""
        while line := self.answers.readline():
            word, _, number = line.decode().strip().partition(" ")
            if word != "ready":
                return word, int(number)
            self.started = True
        return "", None

    def _has_answered(self) -> bool:
        poll = select.poll()
        poll.register(self.answers, select.POLLIN)
        return bool(poll.poll(0))

    def _lost(self, log: Path, code: int | None) -> WorkerLost:
        """Clear away what is left of the worker; the error that says how it ended."""
        if self.closed:
            return WorkerLost(log.stem, "was closed", "", started=self.started)
        if code is None:
            code = self._exit_code()
        end = os.fstat(self.output.fileno()).st_size
        tail = os.pread(self.output.fileno(), TAIL, max(0, end - TAIL))
        printed = tail.decode(errors="replace").strip()
        with contextlib.suppress(OSError):
            self.pipe.close()
        self.wait()
        with log.open("a", encoding="utf-8") as file:
            file.write(printed + "\n" * bool(printed))
        reason = ending(code) + ("" if self.started else " before it had started")
        said = "" if self.started and (code or 0) < 0 else printed.rpartition("\n")[2]
        return WorkerLost(log.stem, reason, f": {said}" if said else "", started=self.started)

    def _exit_code(self) -> int | None:
        """The exit code of a worker that no longer answers, if its process is a child of ours."""
        process = self.process or (None if self.started else self.first)
        if process is None:
            return None
        try:
            return process.wait(DYING)
        except subprocess.TimeoutExpired:
            if self.process is None:
                return None
            process.kill()
            return process.wait()


def ending(code: int | None) -> str:
    """How a process with this exit code ended; None: not known."""
    if code is None:
        return "ended"
    return f"was killed by {signal_name(-code)}" if code < 0 else f"ended with exit code {code}"


def signal_name(number: int) -> str:
    """The name of a signal; the system on which it was sent may have others than this one."""
    return next((s.name for s in Signals if s.value == number), f"signal {number}")


def start_worker(environment: Environment | None = None) -> Worker:
    """A worker by itself, with variables of its own."""
    return start_workers([environment or {}])[0]


def start_workers(environments: Sequence[Environment]) -> list[Worker]:
    """Workers beside one another, each with variables of its own, for the price of one start.

    All but the first are forks of the first, made when it has imported what it needs: they share
    that part of its memory. None depends on another for its life. They speak on pipes of their own:
    anything that Python runs at its start may print.
    """
    pairs = [(os.pipe(), os.pipe()) for _ in environments]
    ours = [(os.fdopen(told[1], "wb"), os.fdopen(said[0], "rb")) for told, said in pairs]
    theirs = [(told[0], said[1]) for told, said in pairs]
    workers = [
        {"calls": calls, "answers": answers, "environment": dict(environment)}
        for (calls, answers), environment in zip(theirs, environments, strict=True)
    ]
    with contextlib.ExitStack() as stack, tempfile.TemporaryFile() as output:
        ends = [end for pair in theirs for end in pair]
        for end in ends:
            stack.callback(os.close, end)
        first = subprocess.Popen(
            [sys.executable, *_flags(), "-c", BOOT, json.dumps(_package() | {"workers": workers})],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=ends,
            # A terminal's Ctrl-C is for us; what we train is told by us.
            start_new_session=True,
            env={**os.environ, **_python_path(), **environments[0]},
        )
        outputs = [os.fdopen(os.dup(output.fileno()), "rb") for _ in ours]
    made = [Worker(*pipes, out, first) for pipes, out in zip(ours, outputs, strict=True)]
    made[0].process = first
    return made


def _flags() -> list[str]:
    """The options that make a new Python import from the same places as this one.

    `-P`: not from the working folder, which `-m` and `-c` would put first.
    """
    given = {"-E": sys.flags.ignore_environment, "-s": sys.flags.no_user_site}
    return ["-P", *(flag for flag, set_here in given.items() if set_here)]


def _python_path() -> dict[str, str]:
    """PYTHONPATH without empty entries, which mean the working folder and are rarely meant."""
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {"PYTHONPATH": os.pathsep.join(place for place in places if place)}


def _package() -> dict[str, object]:
    """Where this process has resdepth from, and what else its imports may need.

    The working folder, which a notebook or `python -m` has on its path, is not for workers.
    """
    package, here = sys.modules["resdepth"], str(Path.cwd())
    places = [place for place in sys.path if Path(place).is_absolute() and place != here]
    return {"file": package.__file__, "path": list(package.__path__), "more": places}
