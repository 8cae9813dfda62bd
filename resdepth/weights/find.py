"""Find the files of weights that a command or a Python call names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from resdepth.errors import Corrupt, no_models, no_such
from resdepth.find_files import walk
from resdepth.runs.checkpoint import FOLDER as CHECKPOINTS
from resdepth.runs.checkpoint import last_path, newest
from resdepth.runs.export import FOLDER as EXPORTED
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import read_manifest
from resdepth.weights.file import READERS

PROGRAM = "train"  # The program whose runs have square matrices of one size, the family `blocks`.
INDEX = ".index.json"
_TRAINING = re.compile(
    r"(.*[._-])?(optim|optimizer|optim_states|scheduler|scaler|training_args|trainer_state|"
    r"rng_state|random_states)([._-]?[0-9]+)?\.\w+"
)


@dataclass(frozen=True)
class WeightFiles:
    """Files of weights that belong together: those of a folder, of a `run`, or `named` in a row."""

    files: tuple[Path, ...]
    run: Path | None = None
    program: str = ""
    named: bool = False


def find_places(sources: Sequence[Path], extension: str | None = None) -> list[WeightFiles]:
    """The files of weights in or under `sources`, in their order; each file once.

    A run stands for its newest weights, or for what it exported. `extension` ("pt") selects one
    kind of file in folders, where hidden files and states of training are left out.
    """
    for path in sources:
        if not path.exists():
            raise no_such(path, "file or folder")
    places: list[WeightFiles] = []
    for folders, group in groupby(sources, key=Path.is_dir):
        if folders:
            places += [place for folder in group for place in _below(folder, extension)]
        else:
            places.append(WeightFiles(tuple(group), named=True))
    known: set[Path] = set()
    found = []
    for place in places:
        new = {file.resolve(): file for file in place.files if file.resolve() not in known}
        known |= new.keys()
        found += [replace(place, files=tuple(new.values()))] if new else []
    return found


def is_training_state(path: Path) -> bool:
    """Whether a file has the name of an optimiser's, a scheduler's or a generator's state."""
    return _TRAINING.fullmatch(path.name.lower()) is not None


def _below(folder: Path, extension: str | None) -> list[WeightFiles]:
    kinds = (f".{extension.lstrip('.').lower()}",) if extension else tuple(READERS)
    kinds += tuple(kind + INDEX for kind in kinds)
    folders: dict[Path, list[Path]] = {}

    def enter(folder: Path) -> bool:
        # A run is one place.
        return not folder.name.startswith(".") and not (folder.parent / MANIFEST).is_file()

    for file in walk(folder, enter, once=True):
        if not file.name.startswith("."):
            folders.setdefault(file.parent, []).append(file)
    found: list[WeightFiles] = []
    for place, files in folders.items():
        run = place.parent if place.name == CHECKPOINTS else place
        if (run / MANIFEST).is_file():
            found += _of_run(run, kinds, named=folder in (place, run))
            continue
        weights = [file for file in files if file.name.lower().endswith(kinds)]
        if weights := [file for file in weights if not is_training_state(file)]:
            found.append(WeightFiles(tuple(weights)))
    if found:
        return found
    others = [file for files in folders.values() for file in files]
    if parts := [file for file in others if file.suffix == ".distcp"]:
        program = "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER OUT.pt"
        what = "a part of a checkpoint that was split among devices"
        raise Corrupt(parts[0], what, f"'{program}' merges it")
    detail = f" with extension {extension}" if extension else ""
    if states := [file.name for file in others if is_training_state(file)]:
        detail += f", but {states[0]}, which by its name is a state of training"
    raise no_models(folder, detail)


def _of_run(run: Path, kinds: tuple[str, ...], *, named: bool) -> list[WeightFiles]:
    """The newest checkpoint of a run, or what it exported if there is none."""
    try:
        program = read_manifest(run).program
    except Corrupt:
        program = PROGRAM  # Reported when its weights are read.
    latest, files = newest(run), list[Path]()
    if latest is not None and (latest.suffix in kinds or program != PROGRAM):
        files = [latest]
    elif program == PROGRAM and latest in (None, last_path(run)):
        # Otherwise the exported files are older than the newest weights.
        exported = sorted((run / EXPORTED).glob("resnet_*"))
        files = [path for path in exported if path.suffix.lower() in kinds]
    return [WeightFiles(tuple(files), run, program, named)] if files else []
