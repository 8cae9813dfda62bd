"""MNIST and CIFAR-10 as torchvision lays them out, downloaded by it on demand.

torchvision is imported where it is needed: to download, and to read CIFAR-10.
"""

import hashlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from resdepth.data.dataset import Dataset, Pixels, normalised
from resdepth.data.fingerprint import digest
from resdepth.data.idx import idx_file, read_idx
from resdepth.errors import Corrupt, System

STATISTICS = {
    "mnist": ((0.1307,), (0.3081,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
}
"""Mean and standard deviation of each channel."""

BATCHES = "cifar-10-batches-py"
DIGITS = "zero one two three four five six seven eight nine"
_BY_HAND = {
    "mnist": "put {files} (.gz or not) into {place}",
    "cifar10": "put the files of cifar-10-batches-py into {place}, or use --data=folder",
}
_FILES = tuple(
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)


def load(name: str, root: Path, dtype: torch.dtype) -> tuple[Dataset, Dataset]:
    """Training and test set of `mnist` or `cifar10`, normalised.

    Raises
    ------
    System
        Not under `root` and not to be downloaded; the hint says where to put the files by hand.
    Corrupt
        The files are there and cannot be read.
    """
    mean, std = STATISTICS[name]
    train, test = (pixels(name, root, train=part) for part in (True, False))
    sizes = [" x ".join(str(n) for n in part.images.shape[2:]) for part in (train, test)]
    if sizes[0] != sizes[1]:
        reason = f"training images of {sizes[0]} pixels, test images of {sizes[1]}"
        raise _unreadable(name, root, reason)
    return normalised(train, 255.0, mean, std, dtype), normalised(test, 255.0, mean, std, dtype)


def pixels(name: str, root: Path, *, train: bool) -> Pixels:
    """The raw images of one part, (N, channels, height, width) uint8."""
    found = _read(name, root, train)
    if found is None:
        _download(name, root, train)
        found = _read(name, root, train)
    if found is None:
        raise _missing(name, root, "what was downloaded is not what was expected")
    return found


def _read(name: str, root: Path, train: bool) -> Pixels | None:
    """One part as it lies in `root`; None where it does not."""
    try:
        return _READERS[name](root, train)
    except Exception as error:  # Damaged files raise whatever their parser meets.
        raise _unreadable(name, root, _first_line(error)) from None


def _idx_file(folder: Path, name: str) -> Path | None:
    """One of MNIST's files, also under the name that unpacking gives it at some places."""
    return idx_file(folder / name) or idx_file(folder / name.replace("-idx", ".idx"))


def _place(name: str, root: Path) -> Path:
    """The folder of the files: where torchvision puts them, or where they are instead.

    That is `root` itself, if it is given as the folder that holds them, or one of the folders on
    the way to them.
    """
    if name == "mnist":
        places = [root / "MNIST" / "raw", root / "MNIST", root / "raw", root]
        found = [place for place in places if any(_idx_file(place, file) for file in _FILES)]
    else:
        places = [root / BATCHES, root, root / "cifar-10-python" / BATCHES]
        found = [place for place in places if (place / "data_batch_1").is_file()]
    return (found or places)[0]


def _mnist(root: Path, train: bool) -> Pixels | None:
    place = _place("mnist", root)
    files = [_idx_file(place, name) for name in (_FILES[:2] if train else _FILES[2:])]
    if files[0] is None or files[1] is None:
        return None
    images, labels = read_idx(files[0]), read_idx(files[1])
    if images.ndim != 3 or not images.size:
        raise ValueError(f"{files[0].name}: holds no images")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{len(images)} images in {files[0].name}, but {len(labels)} labels")
    if labels.max() > 9:
        raise ValueError(f"{files[1].name}: a label of {labels.max()}, not 0 to 9")
    classes = tuple(f"{number} - {word}" for number, word in enumerate(DIGITS.split()))
    known = digest(images, labels, classes)
    return Pixels(
        torch.from_numpy(images[:, None]), torch.from_numpy(labels).long(), classes, known
    )


def _cifar10(root: Path, train: bool) -> Pixels | None:
    kind = import_module("torchvision.datasets").CIFAR10
    published = [*kind.train_list, *kind.test_list, [kind.meta["filename"], kind.meta["md5"]]]
    place = _place("cifar10", root)
    try:
        # torchvision looks for root/base_folder/<file>; the folder may have another name.
        source = type("Batches", (kind,), {"base_folder": ""})(root=str(place), train=train)
    except RuntimeError as error:
        if "not found" not in str(error):
            raise
        _refuse_damaged(place, published)
        return None
    images = np.ascontiguousarray(np.asarray(source.data).transpose(0, 3, 1, 2))
    labels = torch.as_tensor(source.targets, dtype=torch.int64)
    # What is read has been checked against these.
    known = hashlib.sha256(repr((train, published)).encode()).hexdigest()
    return Pixels(torch.from_numpy(images), labels, tuple(source.classes), known)


def _refuse_damaged(folder: Path, published: list[list[str]]) -> None:
    # torchvision says "not found or corrupted" and would put its own files over them.
    check: Callable[..., bool] = import_module("torchvision.datasets.utils").check_integrity
    for file, md5 in published:
        if (folder / file).is_file() and not check(folder / file, md5):
            raise ValueError(f"{file} is damaged: its MD5 is not that of the published file")


_READERS: dict[str, Callable[[Path, bool], Pixels | None]] = {"mnist": _mnist, "cifar10": _cifar10}


def _download(name: str, root: Path, train: bool) -> None:
    """Leave it to torchvision; afterwards the files are there."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        datasets: Any = import_module("torchvision.datasets")
        kind = {"mnist": datasets.MNIST, "cifar10": datasets.CIFAR10}[name]
        kind(root=str(root), train=train, download=True)
    except Exception as error:  # Whatever stands between here and the mirrors.
        raise _missing(name, root, _first_line(error)) from None


def _missing(name: str, root: Path, reason: str) -> System:
    return System(
        name,
        f"the data set is not in {root} and could not be downloaded ({reason})",
        _by_hand(name, root),
    )


def _unreadable(name: str, root: Path, reason: str) -> Corrupt:
    return Corrupt(
        root,
        f"the files of {name} cannot be read ({reason})",
        f"remove them to download them again, or {_by_hand(name, root)}",
    )


def _by_hand(name: str, root: Path) -> str:
    place = _place(name, root)
    lacking = [file for file in _FILES if _idx_file(place, file) is None]
    return _BY_HAND[name].format(place=place, files=", ".join(lacking or _FILES))


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "reason", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__
