"""Files that are not a checkpoint by themselves: parts split among devices, states of training."""

import re
from collections.abc import Mapping
from pathlib import Path

from resdepth.errors import Impossible, ResdepthError
from resdepth.weights.file import read_file
from resdepth.weights.tensor import Stored

_TRAINING = re.compile(
    r"(.*[._-])?(optim|optimizer|optim_states|scheduler|scaler|training_args|trainer_state|"
    r"rng_state|random_states)([._-]?[0-9]+)?\.\w+"
)
_FILE = re.compile(r"(.*(?:consolidated|rank|shard|fsdp)[._-]?)([0-9]+)(.*)")
_FOLDER = re.compile(r"(.*(?:mp|tp|pp|dp)_rank_?)([0-9]+)(.*)")


def is_training_state(path: Path) -> bool:
    """Whether a file has the name of an optimiser's, a scheduler's or a generator's state."""
    return _TRAINING.fullmatch(path.name.lower()) is not None


def check_whole(path: Path, known: Mapping[Path, Mapping[str, Stored]]) -> None:
    """Raise Impossible if another file holds other parts of the same tensors as `path`.

    Programs that train on several devices write one file per device. The names of the files or of
    their folders differ in a number (consolidated.00.pth, mp_rank_00/model.pt), the names and
    shapes of the tensors are equal. `known` are the tensors of the files that were read.
    """
    other = _numbered_alike(path)
    if other is None:
        return
    try:
        tensors = known[other] if other in known else read_file(other)
    except ResdepthError:
        return
    shapes = {name: stored.shape for name, stored in known[path].items()}
    shared = shapes.keys() & tensors.keys()
    if shared and all(tensors[name].shape == shapes[name] for name in shared):
        name = other.name if other.name != path.name else f"{other.parent.name}/{other.name}"
        raise Impossible(
            path,
            f"it and {name} hold the same tensors: they are parts of one checkpoint that was split "
            "among devices, not repetitions",
            "merge them with the program that wrote them, and give the result",
        )


def _numbered_alike(path: Path) -> Path | None:
    """The first other of the files numbered 0, 1, … that `path` (or its folder) belongs to."""
    for place, pattern, inside in ((path, _FILE, ""), (path.parent, _FOLDER, path.name)):
        match = pattern.fullmatch(place.name)
        if match is None:
            continue
        found: dict[int, Path] = {}
        for beside in sorted(place.parent.iterdir()):
            other = pattern.fullmatch(beside.name)
            file = beside / inside if inside else beside
            if other and other.group(1, 3) == match.group(1, 3) and file.is_file():
                found[int(other[2])] = file
        if len(found) > 1 and set(found) == set(range(len(found))):
            return found[0] if found[0] != path else found[1]
    return None
