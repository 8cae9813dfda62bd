"""`python -m resdepth.cli.worker FORKS`: command lines one after another, each in a warm fork.

A line on stdin is a call as JSON: `arguments`, `log` (what the command prints) and `stop` (a file
that ends it). Its exit code is the answer, a line on stdout. The end of stdin is the end of the
worker and, with a checkpoint, of what it runs. It imports what training needs once, but computes
nothing and starts no thread, so that a fork of it is what a fresh process would be.

FORKS is a list as JSON, an entry a further worker that begins as a fork of this one: the
descriptors that are its `stdin` and `stdout`, and variables of its `environment`.
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
    "resdepth.experiment.dense",
    "resdepth.experiment.session",
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


def serve(forks: Sequence[Mapping[str, Any]]) -> None:
    """Run what comes until nothing can come any more."""
    for name in IGNORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    _warm_up()
    _multiply(forks)
    with contextlib.suppress(BrokenPipeError):
        for line in iter(_line, b""):
            code = _run(json.loads(line))
            os.write(1, f"{code}\n".encode())


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


def _multiply(forks: Sequence[Mapping[str, Any]]) -> None:
    """Fork the other workers; each goes on with its own pipes and without those of the others."""
    for fork in forks:
        if os.fork() == 0:
            os.dup2(fork["stdin"], 0)
            os.dup2(fork["stdout"], 1)
            os.environ.update(fork["environment"])
            break
    for fork in forks:
        os.close(fork["stdin"])
        os.close(fork["stdout"])


def _line() -> bytes:
    # Without a buffer: `select` tells the truth about what is left.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return b""
        line += byte
    return line


def _run(call: dict[str, Any]) -> int:
    parent = os.getpid()
    # A signal that comes before the command has taken over its own is delivered after that.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals.ENDING)
    child = os.fork()
    if child == 0:
        _become(call, parent)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    stop, looked, asked = Path(call["stop"]), 0.0, False
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if asked:
            time.sleep(BEAT)
            continue
        gone, _, _ = select.select([0], [], [], BEAT)
        now = time.monotonic()
        if gone or (now > looked + LOOK and stop.exists()):
            os.kill(child, signal.SIGTERM)
            asked = True
        looked = now if now > looked + LOOK else looked


def _become(call: dict[str, Any], parent: int) -> NoReturn:
    """In the fork: the command, and nothing after it."""
    code = 1
    try:
        _die_with(parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
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
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _die_with(parent: int) -> None:
    """Ask Linux for a TERM at the parent's death, whatever kills it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
    # Nothing is open: taking all modules down would take as long as a small cell trains.
    os._exit(0)
