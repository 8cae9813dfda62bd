"""MNIST and CIFAR-10 as torchvision stores them; it is imported only if needed, being slow."""

import gzip
import hashlib
import math
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from resdepth.data.dataset import Dataset, Pixels, digest
from resdepth.errors import Corrupt, System

STATISTICS = {
    "mnist": ((0.1307,), (0.3081,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
}
"""Mean and standard deviation of each channel."""

BATCHES = "cifar-10-batches-py"
DIGITS = "zero one two three four five six seven eight nine"
UNSIGNED_BYTES = 0x08  # The code of the element type in the third byte of an IDX header.
_FILES = tuple(
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)


def load(name: str, root: Path, dtype: torch.dtype) -> tuple[Dataset, Dataset]:
    """Training and test set, normalised; System if they cannot be downloaded, Corrupt if bad."""
    train, test = (pixels(name, root, train=part) for part in (True, False))
    sizes = [" x ".join(map(str, part.images.shape[2:])) for part in (train, test)]
    if sizes[0] != sizes[1]:
        reason = f"training images of {sizes[0]} pixels, test images of {sizes[1]}"
        raise _unreadable(name, root, reason)
    mean, std = STATISTICS[name]
    return train.normalised(255.0, mean, std, dtype), test.normalised(255.0, mean, std, dtype)


def pixels(name: str, root: Path, *, train: bool) -> Pixels:
    """The raw images of one part, (N, channels, height, width) uint8."""
    found = _read(name, root, train)
    if found is None:
        reason = _download(name, root, train) or "the downloaded files are not the expected ones"
        found = _read(name, root, train)
    if found is None:
        what = f"the data set is not in {root} and could not be downloaded ({reason})"
        raise System(name, what, _by_hand(name, root))
    return found


def _read(name: str, root: Path, train: bool) -> Pixels | None:
    """One part from the files under `root`; None if they are missing."""
    try:
        return (_mnist if name == "mnist" else _cifar10)(root, train)
    except Exception as error:  # Damaged files raise anything.
        raise _unreadable(name, root, _first_line(error)) from None


def _place(name: str, root: Path) -> Path:
    """The folder of the files: where torchvision puts them, or `root` or a folder in between."""
    if name == "mnist":
        places = [root / "MNIST" / "raw", root / "MNIST", root / "raw", root]
        found = [place for place in places if any(idx_file(place, file) for file in _FILES)]
    else:
        places = [root / BATCHES, root, root / "cifar-10-python" / BATCHES]
        found = [place for place in places if (place / "data_batch_1").is_file()]
    return (found or places)[0]


def _mnist(root: Path, train: bool) -> Pixels | None:
    place = _place("mnist", root)
    image_file, label_file = (idx_file(place, name) for name in _FILES[0 if train else 2 :][:2])
    if image_file is None or label_file is None:
        return None
    images, labels = read_idx(image_file), read_idx(label_file)
    if images.ndim != 3 or not images.size:
        raise ValueError(f"{image_file.name}: holds no images")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{len(images)} images in {image_file.name}, but {len(labels)} labels")
    if labels.max() > 9:
        raise ValueError(f"{label_file.name}: a label of {labels.max()}, not 0 to 9")
    classes = tuple(f"{number} - {word}" for number, word in enumerate(DIGITS.split()))
    tensors = torch.from_numpy(images[:, None]), torch.from_numpy(labels).long()
    return Pixels(*tensors, classes, digest(images, labels, classes))


def idx_file(folder: Path, name: str) -> Path | None:
    """One of MNIST's files, unpacked or with .gz, also named with .idx instead of -idx."""
    stems = (name, name.replace("-idx", ".idx"))
    files = (folder / f"{stem}{suffix}" for stem in stems for suffix in ("", ".gz"))
    return next((file for file in files if file.is_file()), None)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of bytes in an IDX file, perhaps .gz; OSError or ValueError if it is damaged."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path.name}: not a whole .gz file: {error}") from None
    start = 4 + 4 * content[3] if len(content) >= 4 else 4
    if len(content) < start or content[:3] != bytes((0, 0, UNSIGNED_BYTES)):
        raise ValueError(f"{path.name}: not an IDX file of bytes")
    shape = tuple(np.frombuffer(content[4:start], dtype=">u4").tolist())
    if (there := len(content) - start) != math.prod(shape):
        stated = f"{' x '.join(map(str, shape))} that its header states"
        raise ValueError(f"{path.name}: {there} bytes, not the {stated}")
    # A copy, since torch shares the memory and must be able to write to it.
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape).copy()


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
        # torchvision says "not found or corrupted" and would overwrite damaged files.
        intact: Callable[..., bool] = import_module("torchvision.datasets.utils").check_integrity
        for file, md5 in published:
            if (place / file).is_file() and not intact(place / file, md5):
                what = f"{file} is damaged: its MD5 is not that of the published file"
                raise ValueError(what) from None
        return None
    images = np.ascontiguousarray(np.asarray(source.data).transpose(0, 3, 1, 2))
    labels = torch.as_tensor(source.targets, dtype=torch.int64)
    # The files were checked against the published sums.
    known = hashlib.sha256(repr((train, published)).encode()).hexdigest()
    return Pixels(torch.from_numpy(images), labels, tuple(source.classes), known)


def _download(name: str, root: Path, train: bool) -> str:
    """Let torchvision download the files; "", or why it failed."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        datasets: Any = import_module("torchvision.datasets")
        getattr(datasets, name.upper())(root=str(root), train=train, download=True)
    except Exception as error:  # A failing network, proxy or mirror raises anything.
        return _first_line(error)
    return ""


def _unreadable(name: str, root: Path, reason: str) -> Corrupt:
    remedy = f"remove them to download them again, or {_by_hand(name, root)}"
    return Corrupt(root, f"the files of {name} cannot be read ({reason})", remedy)


def _by_hand(name: str, root: Path) -> str:
    place = _place(name, root)
    if name == "cifar10":
        return f"put the files of {BATCHES} into {place}, or use `data=folder`"
    lacking = [file for file in _FILES if idx_file(place, file) is None]
    return f"put {', '.join(lacking or _FILES)} (.gz or not) into {place}"


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "reason", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__
