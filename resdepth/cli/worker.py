"""The process of a worker: runs one command line after another, each in a fork of itself.

A worker has two pipes. A line on `calls` is a call as JSON: `arguments`, `log` (a file for what the
command prints) and `stop` (a file that ends it). A line on `answers` is `ready` when the imports
are done, `code N` when a command has ended, or `died N` from another worker that saw this one die;
N is an exit code, or minus a signal. The end of `calls` is the end of the worker and, with a
checkpoint, of what it runs. A worker imports what training needs once, but computes nothing and
starts no thread, so that a fork of it is what a fresh process would be.
"""

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from resdepth.cli import signals, start
from resdepth.runs.manifest import versions

MODULES = (
    "resdepth.cli.app",
    "resdepth.cli.train",
    "resdepth.cli.progress",
    "resdepth.training.dense",
    "resdepth.training.session",
    "resdepth.engine.kernels.cpu",
    "torch.utils.serialization.config",
    "typer._adapters",
)
BEAT = 0.02
"""Seconds between two looks at what runs."""
LOOK = 0.5
"""Seconds between two looks at the file that ends it."""
DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""
IGNORED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
"""What a batch system or a terminal sends to all: the one that started us says what to do."""


def main(workers: Sequence[Mapping[str, Any]]) -> NoReturn:
    """Be the first of `workers`, and fork the others from it; each has its pipes and variables."""
    for name in IGNORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    _warm_up()
    own, siblings = _multiply(workers)
    _serve(own["calls"], own["answers"], siblings)
    os.close(own["answers"])
    _reap(siblings)
    # Nothing is open: taking all modules down would take as long as a small cell trains.
    os._exit(0)


def _serve(calls: int, answers: int, siblings: dict[int, int]) -> None:
    """Run what comes until nothing can come any more."""
    with contextlib.suppress(BrokenPipeError):
        os.write(answers, b"ready\n")
        for line in iter(lambda: _line(calls), b""):
            code = _run(json.loads(line), calls, (calls, answers, *siblings.values()))
            os.write(answers, f"code {code}\n".encode())


def _warm_up() -> None:
    """Do once what every cell would do again: imports, and the versions that manifests name."""
    gc.disable()
    for module in MODULES:
        # What is not installed is for the cell to complain of.
        with contextlib.suppress(ImportError):
            import_module(module)
    versions()
    # What is here now lives as long as we do: no fork need look through it, and copy it by that.
    gc.collect()
    gc.freeze()
    gc.enable()


def _multiply(
    workers: Sequence[Mapping[str, Any]],
) -> tuple[Mapping[str, Any], dict[int, int]]:
    """Fork the other workers; in each process its own entry, and in the first its forks.

    These are process numbers with the ends of `answers`, by which it reports a fork's death.
    """
    own, siblings = workers[0], dict[int, int]()
    # What was printed so far would be printed by each of them.
    _flush()
    for one in workers[1:]:
        number = os.fork()
        if number == 0:
            own, siblings = one, {}
            os.environ.update(one["environment"])
            break
        siblings[number] = one["answers"]
    kept = {own["calls"], own["answers"], *siblings.values()}
    for one in workers:
        for end in {one["calls"], one["answers"]} - kept:
            os.close(end)
    if siblings:
        signal.signal(signal.SIGCHLD, lambda *_: _reap(siblings, os.WNOHANG))
        # Some may be dead already.
        _reap(siblings, os.WNOHANG)
    return own, siblings


def _reap(siblings: dict[int, int], options: int = 0) -> None:
    """Report the forks that have died, so that no zombie stays; without options wait for all."""
    for number, answers in list(siblings.items()):
        try:
            ended, status = os.waitpid(number, options)
        except ChildProcessError:
            continue  # The handler was here in the meantime.
        if ended:
            del siblings[number]
            with contextlib.suppress(OSError):
                os.write(answers, f"died {os.waitstatus_to_exitcode(status)}\n".encode())
            os.close(answers)


def _line(calls: int) -> bytes:
    # Without a buffer: `select` tells the truth about what is left.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(calls, 1)
        if not byte:
            return b""
        line += byte
    return line


def _run(call: dict[str, Any], calls: int, ends: Sequence[int]) -> int:
    """The exit code of a call; `ends` are the pipes that its process must not keep open."""
    parent = os.getpid()
    _flush()
    # A signal that comes before the command has taken over its own is delivered after that.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals.ENDING)
    child = os.fork()
    if child == 0:
        _become(call, parent, ends)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    stop, looked, asked = Path(call["stop"]), 0.0, False
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if asked:
            time.sleep(BEAT)
            continue
        gone, _, _ = select.select([calls], [], [], BEAT)
        now = time.monotonic()
        if gone or (now > looked + LOOK and stop.exists()):
            os.kill(child, signal.SIGTERM)
            asked = True
        looked = now if now > looked + LOOK else looked


def _flush() -> None:
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()


def _become(call: dict[str, Any], parent: int, ends: Sequence[int]) -> NoReturn:
    """In the fork: the command, and nothing after it."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in ends:
            with contextlib.suppress(OSError):
                os.close(end)
        _die_with(parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        printed, nothing = os.open(call["log"], flags, 0o666), os.open(os.devnull, os.O_RDONLY)
        for opened, descriptor in ((nothing, 0), (printed, 1), (printed, 2)):
            os.dup2(opened, descriptor)
        sys.argv = ["resdepth", *call["arguments"]]
        signals.install()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals.ENDING)
        start.main()
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 0
    except KeyboardInterrupt:
        code = signals.exit_code()
    except BaseException:
        traceback.print_exc()
    finally:
        _flush()
        os._exit(code)


def _die_with(parent: int) -> None:
    """Ask Linux for a TERM at the parent's death, whatever kills it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
