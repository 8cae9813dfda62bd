"""The origin of numbers: command, resolved options, seed, versions, and the files read."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from resdepth.options.base import Options
from resdepth.records import as_json
from resdepth.runs.checksum import file_checksum
from resdepth.runs.manifest import machine, versions

WHOLE = 1 << 30
"""Bytes above which only samples of a file are summed."""
SAMPLES, SAMPLE = 256, 1 << 20
"""Number of evenly spaced samples of a large file, and bytes of each."""
SHOWN = 50
"""Sources that the metadata of a figure lists."""


@dataclass(frozen=True)
class SourceFile:
    """A file that was read: absolute path, bytes, and SHA-256.

    Of a file above 1 GiB, `sha256` is None and `sampled` is the SHA-256 of 256 evenly spaced MiB.
    All but the path are None if the file can no longer be read.
    """

    path: str
    bytes: int | None = None
    sha256: str | None = None
    sampled: str | None = None


@dataclass(frozen=True)
class Provenance:
    """The origin of one result; equal for equal calls on equal files and machines.

    `seed` is None if nothing is random; `left_out` counts the sources that are not listed.
    """

    command: tuple[str, ...]
    options: Mapping[str, Any]
    seed: int | None
    versions: Mapping[str, str]
    platform: str
    sources: tuple[SourceFile, ...]
    left_out: int = 0

    def brief(self) -> str:
        """One line of ASCII JSON for the metadata of a figure, with at most 50 sources."""
        left_out = max(0, len(self.sources) - SHOWN)
        return as_json(replace(self, sources=self.sources[:SHOWN], left_out=left_out), indent=None)


def provenance(
    command: Sequence[str], options: Options | Mapping[str, Any], sources: Iterable[Path] = ()
) -> Provenance:
    """The origin of what `command` computed with `options` from the files `sources`."""
    recorded = options.recorded() if isinstance(options, Options) else dict(options)
    files = tuple(map(_source, dict.fromkeys(path.absolute() for path in sources)))
    seed = recorded.get("seed")
    return Provenance(tuple(command), recorded, seed, versions(), machine(), files)


def _source(path: Path) -> SourceFile:
    with suppress(OSError):  # The result stays valid if its source has gone since.
        size = path.stat().st_size
        if size > WHOLE:
            return SourceFile(str(path), size, sampled=_sampled(path, size))
        return SourceFile(str(path), size, file_checksum(path))
    return SourceFile(str(path))


def _sampled(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for number in range(SAMPLES):
            stream.seek(number * (size - SAMPLE) // (SAMPLES - 1))
            digest.update(stream.read(SAMPLE))
    return digest.hexdigest()
