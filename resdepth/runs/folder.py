"""The run folder itself: made, found again, or refused, before anything heavy is imported."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from resdepth.errors import OptionConflict, OutputExists, ResumeChanged, WriteFailed
from resdepth.runs.atomic import sweep
from resdepth.runs.manifest import Manifest, new_manifest, read_manifest, write_manifest

PARTS = ("manifest.json", "checkpoints", "exported_models", "resnet_events")
GROWING = "epochs"
"""The one option that a resumed run may raise."""


def create_run(
    folder: Path,
    program: str,
    options: Mapping[str, Any],
    command: list[str],
    *,
    overwrite: bool = False,
) -> Manifest:
    """Make a run folder with its manifest and nothing else.

    Raises
    ------
    OutputExists
        The folder is there and not empty, and `overwrite` is not set.
    WriteFailed
        It cannot be made.
    """
    try:
        if folder.is_dir() and any(folder.iterdir()):
            if not overwrite:
                raise OutputExists(path=folder)
            _clear(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteFailed(path=folder, reason=error.strerror) from None
    started = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = new_manifest(program, options, command, started)
    write_manifest(folder, manifest)
    return manifest


def reopen_run(folder: Path, program: str, given: Mapping[str, Any]) -> Manifest:
    """The manifest of a run to continue, with `epochs` raised where that was asked for.

    `given` holds the options that were set explicitly; each must agree with the record.

    Raises
    ------
    ResumeChanged
        An option differs; the message names it.
    """
    manifest = read_manifest(folder)
    options = dict(manifest.options)
    differing = [name for name, value in given.items() if options.get(name) != value]
    if manifest.program != program:
        raise ResumeChanged(
            flag="the command", path=folder, recorded=f"'{manifest.program}'", given=f"'{program}'"
        )
    for name in differing:
        if name != GROWING or given[name] < options[name]:
            flag = f"--{name.replace('_', '-')}"
            raise ResumeChanged(
                flag=flag, path=folder, recorded=options.get(name), given=given[name]
            )
    options.update({name: given[name] for name in differing})
    sweep(folder)
    return manifest.model_copy(update={"options": options})


def check_resume(resume: Path, out: Path | None, *, overwrite: bool) -> None:
    """Refuse `--overwrite` and another `--out` beside `--resume`.

    Raises
    ------
    OptionConflict
        One of them was given.
    """
    if overwrite or (out is not None and out.resolve() != resume.resolve()):
        flag = "--overwrite" if overwrite else "--out"
        reason = "--resume continues a run where it is"
        raise OptionConflict(flag=flag, reason=reason, remedy=f"leave {flag} out")


def default_run_folder(stem: str, parent: Path = Path("runs")) -> Path:
    """`parent/stem`, or `-2`, `-3`, … behind it: the first that is free."""
    candidate, number = parent / stem, 2
    while candidate.exists() and (not candidate.is_dir() or any(candidate.iterdir())):
        candidate, number = parent / f"{stem}-{number}", number + 1
    return candidate


def _clear(folder: Path) -> None:
    # Only what a run consists of: a mistyped --out must not take anything else along.
    for path in (*(folder / part for part in PARTS), *folder.glob("events.out.tfevents.*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
