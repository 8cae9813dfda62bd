"""The weights in one file, whoever wrote it.

Nothing is run that a file contains: pickles are read with `weights_only=True`, `.npz` without
pickles. What is read is checked: L >= 1 square blocks of one width, all entries finite.
"""

import pickle
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tokenize import TokenError

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from resdepth.contents import listed, seen
from resdepth.errors import FileCorrupt, FileUnsafe, ModelsMissing, PathMissing, Unreadable
from resdepth.runs.archive import check_zip
from resdepth.runs.checkpoint import EARLIER
from resdepth.runs.checkpoint import FOLDER as CHECKPOINTS
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.sealed import ChecksumWrong, read_sealed

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
    PathMissing, Unreadable
        It is not there, or the system does not let it be read.
    ModelsMissing, FileCorrupt, FileUnsafe
        It does not hold weights, or asks to run code; the message says what was seen.
    """
    suffix = path.suffix.lower()
    reader = _read_pickle if suffix in OTHER_NAMES else _READERS.get(suffix)
    try:
        if reader is None:
            raise ModelsMissing(path=path, detail=f": it is {seen(path).what}")
        return _checked(path, reader(path))
    except FileNotFoundError:
        raise PathMissing(path=path, kind="file") from None
    except MemoryError:
        raise _corrupt(path, "claims more than the memory") from None
    except OSError as error:
        raise Unreadable(path=path, reason=error.strerror or error) from None


def _check_archive(path: Path) -> None:
    """The readers of zip archives do not look at every checksum in them."""
    try:
        if zipfile.is_zipfile(path):
            check_zip(path)
    except UNREADABLE:
        found = seen(path)
        raise _corrupt(path, found.what, found.remedy) from None


def _read_pickle(path: Path) -> object:
    _check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        asked = re.search(r"(?:GLOBAL|global|class)[:\s]+([\w]+\.[\w.]*\w)", str(error))
        if asked:
            raise FileUnsafe(path=path, name=asked[1]) from None
        raise _not_read(path, "torch.save", error) from None
    except (
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        IndexError,
    ) as error:
        raise _not_read(path, "torch.save", error) from None
    if isinstance(content, dict):
        return _named(path, content)
    return content


def _read_safetensors(path: Path) -> object:
    try:
        return _named(path, read_sealed(path)[1])
    except ChecksumWrong as error:
        raise _corrupt(path, str(error)) from None
    except SafetensorError as error:
        raise _not_read(path, "safetensors", error) from None


def _read_npz(path: Path) -> object:
    _check_archive(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            return _named(path, {name: archive[name] for name in archive.files})
    except (*UNREADABLE, TypeError, AttributeError) as error:
        if zipfile.is_zipfile(path) and "allow_pickle" in str(error):
            raise _corrupt(path, "holds Python objects, not numbers") from None
        raise _not_read(path, "numpy.savez", error) from None


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
        raise _corrupt(path, reason)
    if len(tensors) == 1:
        return next(iter(tensors.values()))
    raise _corrupt(path, f"no tensor named '{NAME}' among {_among(tensors)}")


LIGHTNING = "pytorch-lightning_version"
UNREADABLE = (ValueError, EOFError, zipfile.BadZipFile, SyntaxError, TokenError, zlib.error)
"""What numpy raises at an archive that is broken in one way or another."""


def _among(tensors: Mapping[str, object]) -> str:
    return f"{len(tensors)} ({listed([str(name) for name in tensors]) or 'none'})"


def _not_read(path: Path, writer: str, error: Exception) -> FileCorrupt:
    """What the file looks like where `writer` should have written it; else why it is not read."""
    found = seen(path)
    kind = {"torch.save": "PyTorch", "safetensors": "a safetensors file", "numpy.savez": "numpy"}
    what = found.what
    if kind[writer] in what and not found.remedy:
        text = str(error).strip().partition("\n")[0][:80]
        what += f" that cannot be read ({type(error).__name__}: {text})"
    elif not found.remedy:
        what += f", not what {writer} writes"
    return _corrupt(path, what, found.remedy)


def _corrupt(path: Path, reason: str, remedy: str = "") -> FileCorrupt:
    return FileCorrupt(path=path, reason=reason, remedy=remedy or _remedy(path))


def _remedy(path: Path) -> str:
    """What helps depends on whose file it is."""
    folder = path.resolve().parent
    if not (folder.parent / MANIFEST).is_file():
        return FOREIGN
    return EARLIER if folder.name == CHECKPOINTS else EXPORT


def _checked(path: Path, content: object) -> Array:
    """Blocks (L, d, d) from a tensor or a list of matrices, or the reason why not."""

    def refuse(reason: str) -> FileCorrupt:
        return _corrupt(path, reason)

    if isinstance(content, (list, tuple)):
        layers = [_numbers(layer) for layer in content]
        if not layers:
            raise refuse("an empty list of layers")
        if any(layer is None for layer in layers):
            raise refuse("the list holds something other than tensors of real numbers")
        shapes = sorted({layer.shape for layer in layers if layer is not None})
        if len(shapes) > 1:
            raise refuse(f"layers of different shapes: {_shape(shapes[0])} and {_shape(shapes[1])}")
        content = np.stack([layer for layer in layers if layer is not None])
    blocks = _numbers(content)
    if blocks is None:
        raise refuse(f"holds a {type(content).__name__}, not a tensor of real numbers")
    if blocks.ndim != 3 or blocks.shape[1] != blocks.shape[2] or not blocks.size:
        raise refuse(f"the weights are {_shape(blocks.shape)}, not L x d x d")
    if not np.isfinite(blocks).all():
        layer, row, column = (int(i) for i in np.argwhere(~np.isfinite(blocks))[0])
        value = blocks[layer, row, column]
        raise refuse(f"layer {layer}, entry ({row}, {column}) is {value}")
    return blocks


def _numbers(content: object) -> Array | None:
    if isinstance(content, Tensor):
        if content.layout != torch.strided or not content.dtype.is_floating_point:
            return None
        return content.detach().double().numpy()
    if isinstance(content, np.ndarray) and content.dtype.kind == "f":
        return content.astype(np.float64)
    return None


def _shape(shape: Iterable[int]) -> str:
    return " x ".join(str(size) for size in shape) or "a single number"
