"""One trainer a run folder: a lock that a dead process cannot keep.

The lock is a file with host and process number, held by an operating system's lock (`flock`) as
long as the process lives, and touched now and then, so that hosts which do not see each other's
locks on a shared file system still see that somebody is at work.
"""

import contextlib
import json
import os
import socket
import threading
from pathlib import Path
from typing import IO, Any

from resdepth.errors import Busy, write_failed

try:
    import fcntl
except ImportError:  # Windows: the heartbeat alone tells.
    fcntl = None  # type: ignore[assignment]

NAME = "lock"
HEARTBEAT = 20.0
"""Seconds between two touches of a lock that is held."""
SILENCE = 120.0
"""Seconds without a touch after which the owner on another host counts as dead."""


class Lock:
    """The lock of a run folder, held from `acquire` until `release`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._stream: IO[str] | None = None
        self._ended = threading.Event()

    def acquire(self) -> None:
        """Take the lock, also from an owner that is dead.

        Raises
        ------
        Busy
            A process trains in the folder.
        System
            The file cannot be made.
        """
        try:
            stream = self._opened()
            owner = _owner(stream)
            if owner and owner.get("host") != socket.gethostname() and self._beats():
                stream.close()
                raise self._busy(owner)
            stream.seek(0)
            stream.truncate()
            json.dump({"host": socket.gethostname(), "pid": os.getpid()}, stream)
            stream.flush()
        except OSError as error:
            raise write_failed(self.path, error) from None
        self._stream = stream
        threading.Thread(target=self._beat, name="lock", daemon=True).start()

    def release(self) -> None:
        """Give the lock back; nothing where it is not held."""
        stream, self._stream = self._stream, None
        if stream is not None:
            self._ended.set()
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
            stream.close()

    def _opened(self) -> IO[str]:
        """The file, locked by us, and still the one that the name stands for."""
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
                return stream  # A file system without locks: the heartbeat tells.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(stream.fileno()), self.path.stat()):
                    return stream
            # Its former owner has removed it between our opening and our locking.
            stream.close()

    def _beats(self) -> bool:
        # The file system's own clock: those of two hosts may differ.
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
        return Busy(
            self.path.parent,
            f"{who} is training in this folder",
            f"wait for it or stop it; if it no longer exists, remove {self.path}",
        )


def _owner(stream: IO[str]) -> dict[str, Any]:
    stream.seek(0)
    try:
        content = json.load(stream)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
