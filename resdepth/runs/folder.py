"""Create, reopen or refuse a run folder, before anything slow is imported."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resdepth.atomic import SUFFIX, make_folder, sweep, writing
from resdepth.errors import Corrupt, Missing, Usage, occupied, resume_changed
from resdepth.options.programs import PROGRAMS
from resdepth.options.resolve import from_record
from resdepth.runs.lock import NAME as LOCK
from resdepth.runs.lock import Lock
from resdepth.runs.manifest import NAME, Manifest, new_manifest, read_manifest, write_manifest
from resdepth.runs.parent import check_parent

EVENTS = "events.out.tfevents.*"
EVENTS_OF_OLD = "resnet_events"
"""The folder of events in early runs of `resnet-cifar`; today they are next to the manifest."""
PARTS = (NAME, "checkpoints", "exported_models", EVENTS_OF_OLD)


@dataclass(frozen=True)
class Opening:
    """A run folder that is locked for training, and its manifest.

    `resumed`: training continues the run in the folder. `replaces`: the folder holds another run,
    which is untouched until `begin` removes it.
    """

    folder: Path
    manifest: Manifest
    lock: Lock
    resumed: bool = False
    replaces: bool = False

    def begin(self, manifest: Manifest) -> None:
        """Write `manifest`, and remove the run that this one replaces."""
        if self.replaces:
            _clear(self.folder)
        write_manifest(self.folder, manifest)

    def release(self) -> None:
        """Let other processes train in the folder."""
        self.lock.release()


def create_run(
    folder: Path,
    program: str,
    options: Mapping[str, Any],
    command: list[str],
    *,
    overwrite: bool = False,
) -> Opening:
    """Make a run folder with its manifest; with `overwrite`, the old content stays until `begin`.

    A folder of a run that never trained, such as a failed start leaves, counts as empty. Raises
    Exists if the folder is not empty, Busy if a process trains in it, System if it cannot be made,
    and what `check_parent` raises.
    """
    used = _used(folder)
    if used and not overwrite:
        raise occupied(folder)
    if options.get("start_from") is not None:
        check_parent(options, folder)
    with writing(folder):
        make_folder(folder)
    manifest = new_manifest(program, options, command)
    opening = Opening(folder, manifest, Lock(folder), replaces=used)
    try:
        if _used(folder) and not overwrite:
            raise occupied(folder)  # by a process that was faster
        sweep(folder)
        if not used:
            opening.begin(manifest)
    except BaseException:
        opening.release()
        raise
    return opening


def reopen_run(folder: Path, program: str, given: Mapping[str, Any]) -> Opening:
    """Open a run to resume it, with more `epochs` if requested.

    `given` are the options that were set explicitly; each must agree with the manifest, or Usage
    names it. Raises Busy if a process trains in the folder.
    """
    read_manifest(folder)
    lock = Lock(folder)
    try:
        sweep(folder)
        return Opening(folder, _resumed(folder, program, given), lock, resumed=True)
    except BaseException:
        lock.release()
        raise


def _resumed(folder: Path, program: str, given: Mapping[str, Any]) -> Manifest:
    manifest = read_manifest(folder)
    if manifest.program != program:
        raise resume_changed("the command", folder, f"'{manifest.program}'", f"'{program}'")
    options = from_record(PROGRAMS[program], manifest.options, folder / NAME).recorded()
    for name, value in given.items():
        # Early versions recorded options without effect as they were given.
        if value in (options.get(name), manifest.options.get(name)):
            continue
        grows = name == "epochs" and value > options[name]
        # Data may move to another folder if its checksum is known.
        if not (grows or (name == "data_dir" and manifest.data)):
            raise resume_changed(name, folder, options.get(name), value)
        options[name] = value
    return manifest.model_copy(update={"options": options})


def check_resume(resume: Path, out: Path | None, *, overwrite: bool) -> None:
    """Raise Usage if `overwrite` or another `out` was given together with `resume`."""
    if overwrite or (out is not None and out.resolve() != resume.resolve()):
        field = "overwrite" if overwrite else "out"
        raise Usage(field, "`resume` resumes a run in its own folder", f"leave `{field}` out")


def default_run_folder(stem: str, parent: Path = Path("runs")) -> Path:
    """`parent/stem`, or the first of `parent/stem-2`, `-3`, … that is free."""
    candidate, number = parent / stem, 2
    while candidate.exists() and (not candidate.is_dir() or any(_contents(candidate))):
        candidate, number = parent / f"{stem}-{number}", number + 1
    return candidate


def _contents(folder: Path) -> list[Path]:
    """The content of a folder without the lock and leftovers of a killed process."""
    leftovers = {folder / LOCK, *folder.glob(f".*{SUFFIX}")}
    return [path for path in folder.iterdir() if path not in leftovers]


def _used(folder: Path) -> bool:
    """Whether a folder holds more than the manifest of a run that never trained."""
    with writing(folder):
        contents = _contents(folder) if folder.is_dir() else []
    if [path.name for path in contents] != [NAME]:
        return bool(contents)
    try:
        return read_manifest(folder).steps > 0
    except (Missing, Corrupt):
        return True


def _clear(folder: Path) -> None:
    # Only the parts of a run: a mistyped folder must not lose anything else.
    for path in (*(folder / part for part in PARTS), *folder.glob(EVENTS)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
