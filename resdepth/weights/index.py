"""The index of a checkpoint in shards: which file each tensor is in."""

from pathlib import Path, PurePosixPath

from resdepth.errors import Corrupt, unreadable
from resdepth.weights.file import read_file
from resdepth.weights.loading import NotLoaded
from resdepth.weights.tensor import Stored
from resdepth.weights.unique import unique_json

SUFFIX = ".index.json"
AGAIN = "download index and shards again, from one place"


def read_index(path: Path) -> dict[str, Stored]:
    """The tensors by name that the index `path` leads to, each from the shard that it names.

    Raises
    ------
    System
        The system does not let it be read.
    Corrupt
        It is no index; a shard is missing, lies outside its folder, or lacks a tensor.
    """
    places = _places(path)
    shards: dict[str, dict[str, Stored]] = {}
    for name, place in places.items():
        if place not in shards:
            shards[place] = _shard(path, name, place)
        if name not in shards[place]:
            raise _wrong(path, f"it says that '{name}' is in {place}, which does not hold it")
    return {name: shards[place][name] for name, place in places.items()}


def _places(path: Path) -> dict[str, str]:
    try:
        content = unique_json(path.read_bytes(), "the index")
    except NotLoaded as error:
        raise _wrong(path, error.reason) from None
    except OSError as error:
        raise unreadable(path, error) from None
    places = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(places, dict) or not places:
        raise _wrong(path, "it has no 'weight_map' of tensors to files")
    for name, place in places.items():
        if not isinstance(place, str) or not place:
            raise _wrong(path, f"it names no file for '{name}'")
        if place.startswith("/") or "\\" in place or ".." in PurePosixPath(place).parts:
            raise _wrong(path, f"it looks for '{name}' outside its folder, in {place}")
    return places


def _shard(path: Path, name: str, place: str) -> dict[str, Stored]:
    shard = path.parent / place
    if not shard.is_file():
        reason = f"the shard is missing: {path.name} names it for '{name}'"
        raise Corrupt(shard, reason, "download it beside the index")
    return read_file(shard)


def _wrong(path: Path, reason: str) -> Corrupt:
    return Corrupt(path, reason, AGAIN)
