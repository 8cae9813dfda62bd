"""The weights in one file, whoever wrote it.

Nothing is run that a file contains: pickles are read with `weights_only=True`, `.npz` without
pickles. What is read is checked: L >= 1 square blocks of one width, all entries finite.
"""

import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, strided

from resdepth.contents import UNREADABLE, listed, seen
from resdepth.errors import (
    Corrupt,
    Missing,
    no_models,
    no_such,
    unreadable,
)
from resdepth.runs.checkpoint import EARLIER
from resdepth.runs.checkpoint import FOLDER as CHECKPOINTS
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.sealed import ChecksumWrong, read_sealed
from resdepth.runs.tensors import open_tensors
from resdepth.weights.loading import (
    NUMPY,
    SAFETENSORS,
    NotLoaded,
    check_archive,
    load_torch,
    not_loaded,
)

Array = NDArray[np.float64]
NAME = "blocks"
"""The key of the weights in files that hold several tensors."""
FOREIGN = (
    "leave it out; what is read is a list of L matrices (d, d), or a tensor 'blocks' (L, d, d)"
)
EXPORT = "export the run again"
OTHER_NAMES = (".ckpt", ".bin")
"""Further extensions that torch.save is called with, read where such a file is named."""


def read_weights(path: Path) -> Array:
    """Blocks (L, d, d) in float64 from one file, checked.

    Raises
    ------
    Missing, System
        It is not there, or the system does not let it be read.
    Missing, Corrupt, Unsafe
        It does not hold weights, or asks to run code; the message says what was seen.
    """
    suffix = path.suffix.lower()
    reader = _read_pickle if suffix in OTHER_NAMES else _READERS.get(suffix)
    try:
        if reader is None:
            raise no_models(path, f": it is {seen(path).what}")
        return _checked(path, reader(path))
    except NotLoaded as error:
        raise _corrupt(path, error.reason, error.remedy) from None
    except FileNotFoundError:
        raise no_such(path, "file") from None
    except MemoryError:
        raise _corrupt(path, "claims more than the memory") from None
    except OSError as error:
        raise unreadable(path, error) from None


def _read_pickle(path: Path) -> object:
    content = load_torch(path)
    return _named(path, content) if isinstance(content, dict) else content


def _read_safetensors(path: Path) -> object:
    try:
        # By the names alone: files of others are larger than the memory.
        with open_tensors(path) as archive:
            names = archive.keys()
        if NAME not in names and len(names) != 1:
            return _named(path, dict.fromkeys(names))
        return _named(path, read_sealed(path)[1])
    except ChecksumWrong as error:
        raise Corrupt(path, str(error), _remedy(path)) from None
    except SafetensorError as error:
        raise not_loaded(path, SAFETENSORS, error) from None


def _read_npz(path: Path) -> object:
    check_archive(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = archive.files
            wanted = [name for name in names if name == NAME or len(names) == 1]
            return _named(path, dict.fromkeys(names) | {name: archive[name] for name in wanted})
    except (*UNREADABLE, TypeError, AttributeError) as error:
        if zipfile.is_zipfile(path) and "allow_pickle" in str(error):
            raise _corrupt(path, "holds Python objects, not numbers") from None
        raise not_loaded(path, NUMPY, error) from None


_READERS: dict[str, Callable[[Path], object]] = {
    ".pth": _read_pickle,
    ".pt": _read_pickle,
    ".safetensors": _read_safetensors,
    ".npz": _read_npz,
}
SUFFIXES = tuple(_READERS)
"""The extensions of files of weights."""


def _named(path: Path, tensors: Mapping[str, object]) -> object:
    if NAME in tensors:
        return tensors[NAME]
    state = tensors.get("state_dict")
    if isinstance(state, Mapping):
        kind = "a Lightning checkpoint" if LIGHTNING in tensors else "a training checkpoint"
        reason = f"{kind}: no '{NAME}' in its state_dict of {_among(state)}"
        raise _foreign(path, reason)
    if len(tensors) == 1:
        ((name, content),) = tensors.items()
        if isinstance(content, Mapping):
            raise _foreign(path, f"no tensor named '{NAME}' in its {name} of {_among(content)}")
        return content
    raise _foreign(path, f"no tensor named '{NAME}' among {_among(tensors)}")


LIGHTNING = "pytorch-lightning_version"


def _among(tensors: Mapping[str, object]) -> str:
    return f"{len(tensors)} ({listed([str(name) for name in tensors]) or 'none'})"


def _corrupt(path: Path, reason: str, remedy: str = "") -> Corrupt:
    return Corrupt(path, reason, remedy or _remedy(path))


def _foreign(path: Path, reason: str) -> Missing:
    return Missing(path, reason, _remedy(path))


def _remedy(path: Path) -> str:
    """What helps depends on whose file it is."""
    folder = path.resolve().parent
    if not (folder.parent / MANIFEST).is_file():
        return FOREIGN
    return EARLIER if folder.name == CHECKPOINTS else EXPORT


def _checked(path: Path, content: object) -> Array:
    """Blocks (L, d, d) from a tensor or a list of matrices, or the reason why not."""

    def refuse(reason: str) -> Corrupt:
        return _corrupt(path, reason)

    if isinstance(content, (list, tuple)):
        layers = [_numbers(layer) for layer in content]
        if not layers:
            raise refuse("an empty list of layers")
        if any(layer is None for layer in layers):
            raise refuse("the list holds something other than tensors of real numbers")
        shapes = sorted({layer.shape for layer in layers if layer is not None})
        if len(shapes) > 1:
            raise _foreign(
                path, f"layers of different shapes: {_shape(shapes[0])} and {_shape(shapes[1])}"
            )
        content = np.stack([layer for layer in layers if layer is not None])
    blocks = _numbers(content)
    if blocks is None:
        raise refuse(f"holds a {type(content).__name__}, not a tensor of real numbers")
    if blocks.ndim != 3 or blocks.shape[1] != blocks.shape[2] or not blocks.size:
        raise _foreign(path, f"the weights are {_shape(blocks.shape)}, not L x d x d")
    if not np.isfinite(blocks).all():
        layer, row, column = (int(i) for i in np.argwhere(~np.isfinite(blocks))[0])
        value = blocks[layer, row, column]
        raise refuse(f"layer {layer}, entry ({row}, {column}) is {value}")
    return blocks


def _numbers(content: object) -> Array | None:
    if isinstance(content, Tensor):
        if content.layout != strided or not content.dtype.is_floating_point or content.is_meta:
            return None
        return content.detach().resolve_neg().double().numpy()
    if isinstance(content, np.ndarray) and content.dtype.kind == "f":
        return content.astype(np.float64)
    return None


def _shape(shape: Iterable[int]) -> str:
    return " x ".join(str(size) for size in shape) or "a single number"
