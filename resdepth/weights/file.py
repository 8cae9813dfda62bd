"""Read the tensors of one file: what torch.save or numpy.savez wrote, or safetensors."""

import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from functools import lru_cache, partial
from math import prod
from pathlib import Path
from typing import Any

import torch
from numpy import float64
from numpy.lib import format as npy
from torch import Tensor

from resdepth.contents import UNREADABLE, identify
from resdepth.errors import no_models, no_such, unreadable
from resdepth.runs.sealed import ChecksumWrong
from resdepth.weights.loading import check_archive, damaged, load_torch, not_loaded, read_header
from resdepth.weights.tensor import Array, Stored, Tensors

WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "net", "weights")
"""Keys under which training programs store the weights, beside optimisers and counters."""


def read_pickled(path: Path) -> Tensors:
    """The tensors of a file of `torch.save` by name; names of nested dictionaries joined by dots.

    If a dictionary has one of `WRAPPERS`, only its content counts, and entries that repeat its
    names: `model_ema.…` beside `model`. Optimiser states are left out.
    """
    content = weights = load_torch(path)
    others: list[Mapping[object, object]] = []
    while isinstance(weights, Mapping):
        inner = ((key, weights.get(key)) for key in WRAPPERS)
        chosen = next((k for k, v in inner if isinstance(v, Mapping) and any(_named(v))), None)
        if chosen is None:
            break
        others.append({key: value for key, value in weights.items() if key != chosen})
        weights = weights[chosen]
    found: Tensors = {}
    for name, value in _named(weights):
        if name in found:
            raise damaged(path, f"two of its tensors are called '{name}'")
        found[name] = _pickled(path, name, value)
    for copy, entry in [copy for other in others for copy in _copies(other, "", set(found))]:
        for name, value in _named(entry, copy):
            found.setdefault(name, _pickled(path, name, value, copy))
    if not found and _holds_optimiser(content):
        remedy = "give the file of the model, which the program wrote next to it"
        raise damaged(path, "it holds the state of an optimiser, not weights", remedy)
    if not found:
        raise damaged(path, f"it holds a {type(content).__name__} without tensors")
    return found


def _copies(
    content: Mapping[object, object], prefix: str, names: Set[str]
) -> Iterator[tuple[str, object]]:
    """Entries in `content` whose tensors have some of `names`, each with its place."""
    for key, value in content.items():
        place = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping) and not _is_optimiser(value):
            inside = {name.removeprefix("module.") for name, _ in _named(value)}
            if inside & names:
                yield place, value
            else:
                yield from _copies(value, place, names)


def _is_optimiser(value: object) -> bool:
    return isinstance(value, Mapping) and {"state", "param_groups"} <= value.keys()


def _holds_optimiser(value: object) -> bool:
    inner = value.values() if isinstance(value, Mapping) else ()
    return _is_optimiser(value) or any(map(_holds_optimiser, inner))


def _named(value: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Tensors by name; so is anything else in a list of tensors, where no layer may be skipped."""
    if isinstance(value, Tensor):
        yield prefix or "tensor", value
        return
    pairs: Iterable[tuple[object, object]] = ()
    listed = False
    if isinstance(value, (list, tuple)):
        pairs, listed = enumerate(value), any(isinstance(part, Tensor) for part in value)
    elif isinstance(value, Mapping) and not _is_optimiser(value):
        pairs = value.items()
    for key, inner in pairs:
        name = f"{prefix}.{key}" if prefix else str(key)
        if listed and not isinstance(inner, (Tensor, Mapping, list, tuple)):
            yield name, inner
        yield from _named(inner, name)


def _pickled(path: Path, name: str, value: object, copy: str = "") -> Stored:
    if not isinstance(value, Tensor):
        return Stored(name, path, (), type(value).__name__, None, copy)
    word = str(value.dtype).removeprefix("torch.")
    real = False
    if value.is_meta:
        word += " without numbers, which stayed on the meta device"
    elif value.layout != torch.strided:
        word = f"{str(value.layout).removeprefix('torch.')} {word}"
    else:
        lost = value.numel() and not value.untyped_storage().nbytes()
        real = value.dtype.is_floating_point and not lost
    numbers = partial(_slice, value.detach().resolve_neg()) if real else None
    return Stored(name, path, tuple(value.shape), word, numbers, copy)


def _slice(tensor: Tensor, start: int, stop: int) -> Array:
    found: Array = tensor.reshape(-1)[start:stop].to(torch.float64).numpy()
    return found


def read_npz(path: Path) -> Tensors:
    """The arrays of a `.npz` by name, from their headers; every checksum is verified."""
    if not check_archive(path):
        raise not_loaded(path, "numpy", ValueError("no archive"))
    found: Tensors = {}
    try:
        # It stays open as long as one of its arrays exists.
        archive = zipfile.ZipFile(path)
        for member in archive.namelist():
            if not member.endswith(".npy"):
                raise damaged(path, f"it holds '{member}', which is not an array")
            name = member.removesuffix(".npy")
            if name in found:
                raise damaged(path, f"two of its arrays are called '{name}'")
            with archive.open(member) as stream:
                first = npy.read_magic(stream) == (1, 0)
                read = npy.read_array_header_1_0 if first else npy.read_array_header_2_0
                shape, _, dtype = read(stream)
            if dtype.hasobject:
                raise damaged(path, f"its array '{name}' holds Python objects, not numbers")
            size, there = prod(shape) * dtype.itemsize, archive.getinfo(member).file_size
            if there < size:
                raise damaged(path, f"its array '{name}' takes {size} bytes, and {there} are there")
            real = dtype.kind == "f" and dtype.itemsize <= 8
            numbers = partial(_numbers, archive, member) if real else None
            found[name] = Stored(name, path, shape, dtype.name, numbers)
    except UNREADABLE as error:
        raise not_loaded(path, "numpy", error) from None
    return found


def _numbers(archive: zipfile.ZipFile, member: str, start: int, stop: int) -> Array:
    found: Array = _flat(archive, member)[start:stop].astype(float64)
    return found


@lru_cache(maxsize=1)  # An array cannot be read in part: the last one is kept.
def _flat(archive: zipfile.ZipFile, member: str) -> Any:
    with archive.open(member) as stream:
        return npy.read_array(stream, allow_pickle=False).reshape(-1)


READERS: dict[str, Callable[[Path], Tensors]] = {
    ".safetensors": read_header,
    ".pth": read_pickled,
    ".pt": read_pickled,
    ".npz": read_npz,
    ".ckpt": read_pickled,
    ".bin": read_pickled,
}


def read_file(path: Path) -> Tensors:
    """The tensors in one file by name; an error says what the file looks like."""
    reader = READERS.get(path.suffix.lower())
    try:
        if reader is None:
            raise no_models(path, f": it is {identify(path).what}")
        return reader(path)
    except ChecksumWrong as error:
        raise damaged(path, error) from None
    except FileNotFoundError:
        raise no_such(path, "file") from None
    except MemoryError:
        raise damaged(path, "it claims more than the memory") from None
    except OSError as error:
        raise unreadable(path, error) from None
