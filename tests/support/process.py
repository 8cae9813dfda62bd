"""The command line in processes of its own: the installed executable, or a fork that is warm."""

import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXECUTABLE = Path(sys.executable).with_name("resdepth")
PATIENCE = 120.0
"""Seconds after which a process counts as stuck."""


@dataclass(frozen=True)
class Outcome:
    """How a process ended: exit code (negative: the signal that killed it) and what it printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def complaint(self) -> str:
        """The one line that a failure prints; everything that breaks the rule fails the test."""
        assert "Traceback" not in self.stderr, self.stderr
        lines = self.stderr.splitlines()
        complaints = [line for line in lines if line.startswith("resdepth: error: ")]
        assert len(complaints) == 1 and lines[-1] == complaints[0], self.stderr
        return complaints[0]


def run_installed(
    *args: object,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    program: tuple[str, ...] = (str(EXECUTABLE),),
) -> Outcome:
    """Run the executable that `pip install` made."""
    ended = subprocess.run(
        [*program, *map(str, args)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


def _main(args: list[str], cwd: str, env: dict[str, str], file_limit: int | None, out: str) -> None:
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        opened = os.open(f"{out}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, descriptor)
    os.chdir(cwd)
    os.environ.update(env)
    if file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    sys.argv = ["resdepth", *args]
    from resdepth.cli.start import main

    main()


class Workers:
    """Forks of a server process that has resdepth and torch imported, but nothing computed yet."""

    def __init__(self) -> None:
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.support.warm"])
        self.number = 0

    def start(
        self, *args: object, cwd: Path, file_limit: int | None = None, **env: str
    ) -> tuple[Any, Callable[[], Outcome]]:
        """Begin `resdepth ARGS` in `cwd`; the process, and a function that waits for its end.

        `file_limit` bounds the bytes of every file written: what a full disk does, to one process.
        """
        self.number += 1
        out = str(cwd / f".output-{os.getpid()}-{self.number}")
        env = {"XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"], **env}
        call = (list(map(str, args)), str(cwd), env, file_limit, out)
        process = self.context.Process(target=_main, args=call)
        process.start()

        def wait() -> Outcome:
            process.join(PATIENCE)
            if process.exitcode is None:
                process.kill()
                raise TimeoutError(f"resdepth {call[0]} did not end in {PATIENCE} s")
            texts = [Path(f"{out}.{name}") for name in ("stdout", "stderr")]
            content = [
                text.read_text(errors="surrogateescape") if text.exists() else "" for text in texts
            ]
            for text in texts:
                text.unlink(missing_ok=True)
            return Outcome(process.exitcode, *content)

        return process, wait

    def run(self, *args: object, **settings: Any) -> Outcome:
        """`resdepth ARGS` to its end."""
        return self.start(*args, **settings)[1]()

    def close(self) -> None:
        """Nothing of it outlives the tests: the server ends with the process that asked for it."""


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as `condition` holds."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError("what was waited for did not happen")
        time.sleep(0.001)
