"""The lock of a run folder: one process trains in it, and a dead process holds no lock.

The lock is a file with host and process number. The process holds the operating system's lock on
it (`flock`) and touches it regularly, so that hosts that do not see each other's locks on a shared
file system can tell that the process is alive.
"""

import contextlib
import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import IO, Any

from resdepth.atomic import writing
from resdepth.errors import Busy

try:
    import fcntl
except ImportError:  # on Windows, only the heartbeat tells
    fcntl = None  # type: ignore[assignment]

NAME = "lock"
HEARTBEAT = 20.0
"""Seconds between two touches of a held lock."""
SILENCE = 120.0
"""Seconds without a touch after which an owner on another host counts as dead."""


class Lock:
    """The lock of a run folder, held until `release`; it may be taken from a dead owner.

    Raises Busy if a process trains in the folder, System if the file cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._ended = threading.Event()
        with writing(self.path):
            stream = self._opened()
            owner = _owner(stream)
            if owner and owner.get("host") != socket.gethostname() and self._beats():
                stream.close()
                raise self._busy(owner)
            stream.seek(0)
            stream.truncate()
            json.dump({"host": socket.gethostname(), "pid": os.getpid()}, stream)
            stream.flush()
        self._stream = stream
        threading.Thread(target=self._beat, name="lock", daemon=True).start()

    def release(self) -> None:
        """Release the lock if it is held."""
        if not self._ended.is_set():
            self._ended.set()
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
            self._stream.close()

    def _opened(self) -> IO[str]:
        """The lock file, locked by this process and still present under its name."""
        while True:
            stream = self.path.open("a+", encoding="utf-8")
            if fcntl is None:
                return stream
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = _owner(stream)
                stream.close()
                raise self._busy(owner) from None
            except OSError:
                return stream  # without locks on this file system, the heartbeat tells
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(stream.fileno()), self.path.stat()):
                    return stream
            # The former owner removed it after we opened it and before we locked it.
            stream.close()

    def _beats(self) -> bool:
        # By the file system's own clock: those of two hosts may differ.
        probe = self.path.with_name(f".{NAME}.{socket.gethostname()}.{os.getpid()}.part")
        probe.touch()
        try:
            return probe.stat().st_mtime - self.path.stat().st_mtime < SILENCE
        finally:
            probe.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT):
            with contextlib.suppress(OSError):
                os.utime(self.path)

    def _busy(self, owner: dict[str, Any]) -> Busy:
        who = f"process {owner.get('pid', '?')} on {owner.get('host', 'this machine')}"
        remedy = f"wait for it or stop it; if it no longer exists, remove {self.path}"
        return Busy(self.path.parent, f"{who} is training in this folder", remedy)


def busy(run: Path) -> bool:
    """Whether a process trains in a run folder; reads the lock without touching it.

    The lock of a killed process may name a number that a new process or a zombie has now, but its
    time stamp no longer changes.
    """
    path = run / NAME
    with contextlib.suppress(OSError), path.open(encoding="utf-8") as stream:
        owner = _owner(stream)
        if "host" in owner and time.time() - path.stat().st_mtime < SILENCE:
            return owner["host"] != socket.gethostname() or _alive(owner.get("pid"))
    return False


def _alive(number: object) -> bool:
    """Whether a process of this machine exists and is not a zombie."""
    try:
        os.kill(int(str(number)), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, OverflowError):
        return False
    with contextlib.suppress(OSError, IndexError):
        # The name in brackets may contain anything, even brackets.
        status = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
        return status.rpartition(")")[2].split()[0] != "Z"
    return True


def _owner(stream: IO[str]) -> dict[str, Any]:
    """The content of a lock; {} if a killed process left it torn."""
    stream.seek(0)
    with contextlib.suppress(ValueError):
        if isinstance(content := json.load(stream), dict):
            return content
    return {}
