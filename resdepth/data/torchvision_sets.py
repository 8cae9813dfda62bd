"""MNIST and CIFAR-10 by torchvision's own loaders, downloaded on demand."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision import datasets

from resdepth.data.dataset import Dataset, Pixels, normalised
from resdepth.errors import DataInvalid, DataMissing

STATISTICS = {
    "mnist": ((0.1307,), (0.3081,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
}
"""Mean and standard deviation of each channel."""

_SETS: dict[str, Any] = {"mnist": datasets.MNIST, "cifar10": datasets.CIFAR10}
_BY_HAND = {
    "mnist": "put the four unpacked IDX files (train-images-idx3-ubyte, …) into {path}/MNIST/raw",
    "cifar10": "put the unpacked folder cifar-10-batches-py into {path}, or use --data=folder",
}


def load(name: str, root: Path, dtype: torch.dtype) -> tuple[Dataset, Dataset]:
    """Training and test set of `mnist` or `cifar10`, normalised.

    Raises
    ------
    DataMissing
        Not under `root` and not to be downloaded; the hint says where to put the files by hand.
    DataInvalid
        The files are there and cannot be read.
    """
    mean, std = STATISTICS[name]
    train, test = (pixels(name, root, train=part) for part in (True, False))
    return normalised(train, 255.0, mean, std, dtype), normalised(test, 255.0, mean, std, dtype)


def pixels(name: str, root: Path, *, train: bool) -> Pixels:
    """The raw images of one part, (N, channels, height, width) uint8."""
    source = _open(name, root, train)
    images = np.asarray(source.data)
    images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    labels = torch.as_tensor(source.targets, dtype=torch.int64)
    return Pixels(torch.from_numpy(np.ascontiguousarray(images)), labels, tuple(source.classes))


def _open(name: str, root: Path, train: bool) -> Any:
    kind = _SETS[name]
    by_hand = _BY_HAND[name].format(path=root)
    try:
        return kind(root=str(root), train=train, download=False)
    except Exception as error:  # Damaged files raise whatever their parser meets.
        if not (isinstance(error, RuntimeError) and "not found" in str(error)):
            reason = f"the files of {name} cannot be read ({_first_line(error)})"
            remedy = f"remove them to download them again, or {by_hand}"
            raise DataInvalid(path=root, reason=reason, remedy=remedy) from None
    try:
        root.mkdir(parents=True, exist_ok=True)
        return kind(root=str(root), train=train, download=True)
    except Exception as error:  # Whatever stands between here and the mirrors.
        raise DataMissing(data=name, path=root, reason=_first_line(error), remedy=by_hand) from None


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "reason", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__
