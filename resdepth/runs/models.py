"""Trained weights wherever they lie: runs, checkpoints, exported files, and folders of these.

Nothing is run that a file contains: pickles are read with `weights_only=True`, `.npz` without
pickles. What is read is checked: L >= 1 square blocks of one width, all entries finite.
"""

import pickle
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from resdepth.errors import (
    AnalysisImpossible,
    FileCorrupt,
    FileUnsafe,
    ModelsMissing,
    PathMissing,
    Unreadable,
)
from resdepth.mathematics import scaling
from resdepth.runs.checkpoint import EARLIER, last_path, newest
from resdepth.runs.checkpoint import FOLDER as CHECKPOINTS
from resdepth.runs.contents import listed, seen
from resdepth.runs.export import FOLDER as EXPORTED
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import read_manifest
from resdepth.runs.tensors import open_tensors
from resdepth.walk import walk

Array = NDArray[np.float64]
NAME = "blocks"
"""The key of the weights in files that hold several tensors."""
FOREIGN = (
    "leave it out; what is read is a list of L matrices (d, d), or a tensor 'blocks' (L, d, d)"
)
EXPORT = "export the run again"
OTHER_NAMES = (".ckpt", ".bin")
"""Further extensions that torch.save is called with, read where such a file is named."""


@dataclass(frozen=True)
class Model:
    """Weights `blocks` (L, d, d) in float64, their file, the run folder it lies in and its beta."""

    path: Path
    blocks: Array
    beta: float | None
    run: Path | None = None

    @property
    def depth(self) -> int:
        """Number of layers L."""
        return len(self.blocks)

    @property
    def width(self) -> int:
        """Dimension d."""
        return int(self.blocks.shape[-1])


def read_models(
    folders: Sequence[Path | str] | Path | str, extension: str | None = None
) -> list[Model]:
    """Every model in `folders`, by depth, then by path; `extension` ("pth") takes such files alone.

    A folder is a run (its last weights count), or it holds weight files, runs or further folders; a
    file is itself. A model that is reached twice is read once. A folder with a `last.safetensors`
    stands for that file alone, the others being earlier states of the same weights. A file that
    was found in a folder and does not hold weights is left out with a warning where others do.

    Raises
    ------
    PathMissing, ModelsMissing
        A path is not there, or holds no weights.
    AnalysisImpossible
        One folder holds two models of one depth (of which one cannot tell whether they are
        repetitions), or the models have different widths.
    FileCorrupt, FileUnsafe
        A file that was named does not hold weights, or asks to run code; or all that were found.
    """
    wanted = _suffixes(extension)
    files: dict[Path, Path] = {}
    paths = [Path(p) for p in ([folders] if isinstance(folders, Path | str) else folders)]
    for folder in paths:
        found = list(_weight_files(folder, wanted))
        if not found:
            detail = f" with extension {extension}" if extension else ""
            raise ModelsMissing(path=folder, detail=detail)
        files.update((path.resolve(), path) for path in found)
    models = _readable(list(files.values()), named=set(paths))
    _check_together(models)
    return sorted(models, key=lambda model: (model.depth, str(model.path)))


def _readable(files: Sequence[Path], named: Set[Path]) -> list[Model]:
    models: list[Model] = []
    bad: list[FileCorrupt | FileUnsafe] = []
    for file in files:
        try:
            models.append(read_model(file))
        except (FileCorrupt, FileUnsafe) as error:
            if file in named:
                raise
            bad.append(error)
    if not models:
        raise bad[0]
    for problem in bad:
        warnings.warn(f"{problem}; left out", stacklevel=3)
    return models


def read_model(path: Path) -> Model:
    """The weights in one file, checked."""
    suffix = path.suffix.lower()
    reader = _read_pickle if suffix in OTHER_NAMES else _READERS.get(suffix)
    try:
        if reader is None:
            raise ModelsMissing(path=path, detail=f": it is {seen(path).what}")
        blocks = reader(path)
    except FileNotFoundError:
        raise PathMissing(path=path, kind="file") from None
    except MemoryError:
        raise _corrupt(path, "claims more than the memory") from None
    except OSError as error:
        raise Unreadable(path=path, reason=error.strerror or error) from None
    run = _run_of(path)
    return Model(path, _checked(path, blocks), None if run is None else _beta(run), run)


def _suffixes(extension: str | None) -> tuple[str, ...]:
    return tuple(_READERS) if not extension else (f".{extension.lstrip('.').lower()}",)


def _weight_files(path: Path, wanted: tuple[str, ...]) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise PathMissing(path=path, kind="file or folder")
    folders: dict[Path, list[Path]] = {}
    for file in walk(path, _may_hold_weights, once=True):
        if not file.name.startswith("."):
            folders.setdefault(file.parent, []).append(file)
    for folder, files in folders.items():
        if folder / MANIFEST in files:
            yield from _files_of_run(folder, wanted)
        elif folder.name == CHECKPOINTS and (folder.parent / MANIFEST).is_file():
            yield from _files_of_run(folder.parent, wanted)
        else:
            weights = [file for file in files if file.suffix.lower() in wanted]
            yield from [file for file in weights if file.stem == "last"] or weights


def _may_hold_weights(folder: Path) -> bool:
    """Not hidden folders, and not those inside a run, which stands for itself."""
    return not folder.name.startswith(".") and not (folder.parent / MANIFEST).is_file()


def _files_of_run(run: Path, wanted: tuple[str, ...]) -> list[Path]:
    """The newest checkpoint of a run, or what it exported where there is none."""
    latest = newest(run)
    if latest is not None and latest.suffix in wanted:
        return [latest]
    if latest is not None and latest != last_path(run):
        return []  # What was exported is older than the newest weights.
    exported = sorted((run / EXPORTED).glob("resnet_*"))
    return [path for path in exported if path.suffix.lower() in wanted]


def _read_pickle(path: Path) -> object:
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
        with open_tensors(path) as archive:
            return _named(path, {name: archive.get_tensor(name) for name in list(archive.keys())})
    except SafetensorError as error:
        raise _not_read(path, "safetensors", error) from None


def _read_npz(path: Path) -> object:
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


def _run_of(path: Path) -> Path | None:
    """The run that `path` lies in: RUN/checkpoints/x or RUN/exported_models/x."""
    run = path.resolve().parent.parent
    return run if (run / MANIFEST).is_file() else None


def _beta(run: Path) -> float | None:
    alpha = read_manifest(run).options.get("alpha")
    return None if alpha is None else scaling.beta(float(alpha))


def _check_together(models: list[Model]) -> None:
    places: dict[tuple[Path, int], Path] = {}
    for model in models:
        key = (model.path.resolve().parent, model.depth)
        if key in places:
            raise AnalysisImpossible(
                path=model.path.parent,
                reason=f"{places[key].name} and {model.path.name} are both of depth {model.depth}",
                remedy="keep repetitions in folders of their own; --ext takes one kind of file",
            )
        places[key] = model.path
        if model.width != models[0].width:
            raise AnalysisImpossible(
                path=model.path,
                reason=f"width {model.width}, but {models[0].path} has {models[0].width}",
                remedy="compare models of one width",
            )
