"""The run folder itself: made, found again, or refused, before anything heavy is imported."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from resdepth.atomic import SUFFIX, make_folder, sweep
from resdepth.errors import (
    Corrupt,
    Missing,
    Usage,
    occupied,
    resume_changed,
    write_failed,
)
from resdepth.options.programs import PROGRAMS
from resdepth.options.resolve import from_record
from resdepth.runs import lock
from resdepth.runs.lock import Lock
from resdepth.runs.manifest import NAME, Manifest, new_manifest, read_manifest, write_manifest

EVENTS = "events.out.tfevents.*"
EVENTS_OF_OLD = "resnet_events"
"""Where earlier versions of `resnet-cifar` kept their events; now every run has them beside its
manifest."""
PARTS = (NAME, "checkpoints", "exported_models", EVENTS_OF_OLD)
GROWING = "epochs"
"""The one option that a resumed run may raise."""
PLACES = ("data_dir",)
"""Options that a resumed run may change: where the data lies, as long as it is the same."""


@dataclass(frozen=True)
class Opening:
    """A run folder that is held for training: its manifest and its lock.

    `replaces`: the folder holds another run, which goes when this one begins; until then nothing of
    it is touched. `resumed`: training goes on from what is there.
    """

    folder: Path
    manifest: Manifest
    lock: Lock
    resumed: bool = False
    replaces: bool = False

    def begin(self, manifest: Manifest) -> None:
        """Put `manifest` in place, and what was there before aside for good."""
        if self.replaces:
            _clear(self.folder)
        write_manifest(self.folder, manifest)

    def release(self) -> None:
        """Let others train in the folder."""
        self.lock.release()


def create_run(
    folder: Path,
    program: str,
    options: Mapping[str, Any],
    command: list[str],
    *,
    overwrite: bool = False,
) -> Opening:
    """Make a run folder with its manifest; with `overwrite` what is there stays until `begin`.

    A folder in which no training has begun, such as one that a failed start left, is taken.

    Raises
    ------
    Exists
        The folder is there and not empty, and `overwrite` is not set.
    Busy
        A process trains in it.
    System
        It cannot be made.
    """
    used = _used(folder)
    if used and not overwrite:
        raise occupied(folder)
    _make(folder)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    opening = Opening(
        folder, new_manifest(program, options, command, started), _held(folder), replaces=used
    )
    try:
        if _used(folder) and not overwrite:
            raise occupied(folder)  # By one that was faster.
        sweep(folder)
        if not used:
            opening.begin(opening.manifest)
    except BaseException:
        opening.release()
        raise
    return opening


def reopen_run(folder: Path, program: str, given: Mapping[str, Any]) -> Opening:
    """A run to continue, with `epochs` raised where that was asked for.

    `given` holds the options that were set explicitly; each must agree with the record.

    Raises
    ------
    Usage
        An option differs; the message names it.
    Busy
        A process trains in the folder.
    """
    read_manifest(folder)
    held = _held(folder)
    try:
        sweep(folder)
        return Opening(folder, _continued(folder, program, given), held, resumed=True)
    except BaseException:
        held.release()
        raise


def _continued(folder: Path, program: str, given: Mapping[str, Any]) -> Manifest:
    manifest = read_manifest(folder)
    if manifest.program != program:
        raise resume_changed(
            "the command",
            folder,
            f"'{manifest.program}'",
            f"'{program}'",
        )
    options = from_record(PROGRAMS[program], manifest.options, folder / NAME).recorded()
    # Earlier versions recorded options without effect as they were given.
    differing = [
        name
        for name, value in given.items()
        if value not in (options.get(name), manifest.options.get(name))
    ]
    for name in differing:
        grows = name == GROWING and given[name] >= options[name]
        moves = name in PLACES and bool(manifest.data)
        if not (grows or moves):
            raise resume_changed(name, folder, options.get(name), given[name])
    options.update({name: given[name] for name in differing})
    return manifest.model_copy(update={"options": options})


def check_resume(resume: Path, out: Path | None, *, overwrite: bool) -> None:
    """Refuse `--overwrite` and another `--out` beside `--resume`.

    Raises
    ------
    Usage
        One of them was given.
    """
    if overwrite or (out is not None and out.resolve() != resume.resolve()):
        flag = "--overwrite" if overwrite else "--out"
        reason = "`resume` continues a run where it is"
        raise Usage(flag, reason, f"leave {flag} out")


def default_run_folder(stem: str, parent: Path = Path("runs")) -> Path:
    """`parent/stem`, or `-2`, `-3`, … behind it: the first that is free."""
    candidate, number = parent / stem, 2
    while candidate.exists() and (not candidate.is_dir() or any(_contents(candidate))):
        candidate, number = parent / f"{stem}-{number}", number + 1
    return candidate


def _make(folder: Path) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        raise write_failed(folder, error) from None


def _held(folder: Path) -> Lock:
    held = Lock(folder)
    held.acquire()
    return held


def _contents(folder: Path) -> list[Path]:
    """What lies in a folder, without the leftovers of a process that was killed."""
    return [
        path
        for path in folder.iterdir()
        if path.name != lock.NAME and not (path.name[:1] == "." and path.suffix == SUFFIX)
    ]


def _used(folder: Path) -> bool:
    """Whether a folder holds anything but the beginnings of a run that never trained."""
    try:
        if not folder.is_dir():
            return False
        there = _contents(folder)
    except OSError as error:
        raise write_failed(folder, error) from None
    return bool(there) and not ([path.name for path in there] == [NAME] and _stillborn(folder))


def _stillborn(folder: Path) -> bool:
    try:
        return read_manifest(folder).steps == 0
    except (Missing, Corrupt):
        return False


def _clear(folder: Path) -> None:
    # Only what a run consists of: a mistyped --out must not take anything else along.
    for path in (*(folder / part for part in PARTS), *folder.glob(EVENTS)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
