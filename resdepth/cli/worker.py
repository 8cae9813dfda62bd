"""The process of a worker, the other end of `study/worker.py`.

Each byte on its socket `control` comes with the socket of a call: a line of JSON with `arguments`,
`log` (a file for the output), `stop` (a file that ends it) and `environment`. The answer is the
exit code, or minus the signal that killed it. A call whose other end is closed is stopped; at the
end of `control` all are, and the worker ends. It imports what training needs, but computes nothing
and starts no thread, so that a fork of it is as good as a fresh process.
"""

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass
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
"""Seconds between two checks whether a command has ended."""
LOOK = 0.5
"""Seconds between two checks for the files that end commands."""
DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""
IGNORED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
"""Batch systems and terminals send these to every process; only our parent may stop us."""


@dataclass
class Call:
    """A command that runs; `stopped`: it was told to end."""

    socket: socket.socket
    stop: Path
    stopped: bool = False


def main(control: int) -> NoReturn:
    """Serve calls until our parent has closed its end of the socket or died."""
    for name in IGNORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    _warm_up()
    with contextlib.suppress(BrokenPipeError):
        _serve(socket.socket(fileno=control))
    # Nothing is open. A regular exit would take as long as a small cell trains.
    os._exit(0)


def _warm_up() -> None:
    """Do once what every cell would repeat: imports, and the versions that manifests name."""
    gc.disable()
    for module in MODULES:
        # A missing package is reported by the cell that needs it.
        with contextlib.suppress(ImportError):
            import_module(module)
    versions()
    # Objects that live as long as we do: no fork should examine them, which would copy them.
    gc.collect()
    gc.freeze()
    gc.enable()
    # Every fork would write what is still in the buffer.
    sys.stdout.flush()


def _serve(control: socket.socket) -> None:
    control.send(b"+")
    calls: dict[int, Call] = {}
    serving, looked = True, 0.0
    while serving or calls:
        watched = [call.socket for call in calls.values() if not call.stopped]
        ready, _, _ = select.select([control] * serving + watched, [], [], BEAT if calls else None)
        if control in ready:
            serving = _accept(control, calls)
        look = time.monotonic() > looked + LOOK
        looked = time.monotonic() if look else looked
        for number, call in calls.items():
            gone = not serving or call.socket in ready or (look and call.stop.exists())
            if gone and not call.stopped:
                os.kill(number, signal.SIGTERM)
                call.stopped = True
        for number in list(calls):
            ended, status = os.waitpid(number, os.WNOHANG)
            if ended:
                with calls.pop(number).socket as answer, contextlib.suppress(OSError):
                    answer.send(str(os.waitstatus_to_exitcode(status)).encode())


def _accept(control: socket.socket, calls: dict[int, Call]) -> bool:
    """Start the next call in a fork; False if there can be no more."""
    try:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    except ConnectionResetError:  # Closed before our first byte was read.
        return False
    if not descriptors:
        return False
    answer = socket.socket(fileno=descriptors[0])
    with answer.makefile("rb") as stream:
        given = json.loads(stream.readline())
    parent = os.getpid()
    # A signal that comes before the command has its own handlers is delivered after that.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals.ENDING)
    number = os.fork()
    if number == 0:
        for end in (control, answer, *(call.socket for call in calls.values())):
            end.close()
        _become(given, parent)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    calls[number] = Call(answer, Path(given["stop"]))
    return True


def _become(call: dict[str, Any], parent: int) -> NoReturn:
    """Run the command in this fork, and end."""
    code = 1
    try:
        if sys.platform == "linux":
            # Linux sends us a TERM when the parent dies, whatever kills it.
            ctypes.CDLL(None, use_errno=True).prctl(DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)
        os.environ.update(call["environment"])
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
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
