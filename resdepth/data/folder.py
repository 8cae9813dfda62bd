"""Images in a folder or .zip of train/<class>/* and test/<class>/*, decoded once.

The decoded pixels are cached under a hash of what was decoded, so that a second run starts at
once; where the cache cannot be written it is left out.
"""

import contextlib
import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from resdepth.data.dataset import Dataset, Pixels, normalised
from resdepth.data.place import cache_folder
from resdepth.errors import DataInvalid, PathMissing

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
PARTS = ("train", "test")


@dataclass(frozen=True)
class Source:
    """Names of the images and how to read one; `stamp` changes when the content does."""

    path: Path
    names: tuple[str, ...]
    read: Callable[[str], bytes]
    stamp: str


def load(path: Path, dtype: torch.dtype, workers: int | None) -> tuple[Dataset, Dataset]:
    """Training and test set, normalised by the training set's mean and deviation per channel."""
    train, test = pixels(path, workers)
    mean, std = statistics(train)
    return normalised(train, 255.0, mean, std, dtype), normalised(test, 255.0, mean, std, dtype)


def statistics(part: Pixels) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, of values in [0, 1]."""
    # Counting values is exact and needs no float copy of the images.
    values = np.arange(256) / 255.0
    means, deviations = [], []
    for channel in part.images.unbind(1):
        share = np.bincount(channel.numpy().ravel(), minlength=256) / channel.numel()
        mean = float(share @ values)
        means.append(mean)
        deviations.append(float(share @ (values - mean) ** 2) ** 0.5 or 1.0)
    return tuple(means), tuple(deviations)


def pixels(path: Path, workers: int | None) -> tuple[Pixels, Pixels]:
    """The raw images of both parts, from the cache where they have been decoded before.

    Raises
    ------
    PathMissing, DataInvalid
        Nothing there; no train/<class> or test/<class>; an image that cannot be decoded; images of
        different sizes; a broken archive.
    """
    source = _open(path)
    cache = (
        cache_folder() / "folder" / f"{hashlib.sha256(source.stamp.encode()).hexdigest()[:32]}.npz"
    )
    stored = _read_cache(cache)
    if stored is None:
        stored = _decode(source, workers)
        _write_cache(cache, stored)
    classes = tuple(str(name) for name in stored["classes"])
    return tuple(  # type: ignore[return-value]
        Pixels(
            torch.from_numpy(stored[f"{part}_images"]),
            torch.from_numpy(stored[f"{part}_labels"]),
            classes,
        )
        for part in PARTS
    )


def _open(path: Path) -> Source:
    if path.is_dir():
        found = sorted(f for f in path.rglob("*") if _is_image(f.relative_to(path)) and f.is_file())
        names = tuple(f.relative_to(path).as_posix() for f in found)
        facts = [
            (n, f.stat().st_size, f.stat().st_mtime_ns) for n, f in zip(names, found, strict=True)
        ]
        return Source(
            path, names, lambda name: (path / name).read_bytes(), f"{path.resolve()} {facts}"
        )
    if not path.is_file():
        raise PathMissing(path=path, kind="image folder or .zip")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        reason = f"not a whole .zip archive ({error})"
        raise DataInvalid(path=path, reason=reason, remedy="copy or download it again") from None
    names = tuple(sorted(n for n in archive.namelist() if _is_image(PurePosixPath(n))))
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Source(path, names, archive.read, digest)


def _is_image(name: PurePath) -> bool:
    # Finders and archivers leave files of their own beside the images: ._0001.jpg, __MACOSX/.
    ours = not any(part.startswith((".", "__MACOSX")) for part in name.parts)
    return ours and name.suffix.lower() in SUFFIXES


def _decode(source: Source, workers: int | None) -> dict[str, np.ndarray]:
    labelled = [(name, PurePosixPath(name).parts) for name in source.names]
    # train/<class>/image, perhaps inside one more folder.
    labelled = [
        (name, parts[-3:]) for name, parts in labelled if len(parts) >= 3 and parts[-3] in PARTS
    ]
    classes = sorted({parts[1] for _, parts in labelled})
    stored: dict[str, np.ndarray] = {"classes": np.array(classes)}
    for part in PARTS:
        chosen = [(name, parts[1]) for name, parts in labelled if parts[0] == part]
        if not chosen:
            raise DataInvalid(
                path=source.path,
                reason=f"no images under {part}/<class>/",
                remedy="the layout is train/<class>/* and test/<class>/*",
            )
        stored[f"{part}_images"] = _images(source, [name for name, _ in chosen], workers)
        stored[f"{part}_labels"] = np.array(
            [classes.index(label) for _, label in chosen], dtype=np.int64
        )
    if stored["train_images"].shape[1:] != stored["test_images"].shape[1:]:
        reason = "training and test images differ in size"
        raise DataInvalid(path=source.path, reason=reason, remedy="bring all images to one size")
    return stored


def _images(source: Source, names: list[str], workers: int | None) -> np.ndarray:
    first = _image(source, names[0], None)
    images = np.empty((len(names), *first.shape), dtype=np.uint8)

    def fill(index: int) -> None:
        images[index] = _image(source, names[index], first.shape)

    with ThreadPoolExecutor(max(1, workers or os.cpu_count() or 1)) as pool:
        for _ in pool.map(fill, range(len(names)), chunksize=64):
            pass
    return images


def _image(source: Source, name: str, shape: tuple[int, ...] | None) -> np.ndarray:
    remedy = "replace or remove that image"
    try:
        image = Image.open(io.BytesIO(source.read(name)))
        plain = image.mode in ("1", "L")
        grey = plain if shape is None else shape[0] == 1
        array = np.asarray(image.convert("L" if grey else "RGB"))
    except Exception as error:  # Broken archives and images raise whatever their decoder meets.
        problem = "not an image" if isinstance(error, UnidentifiedImageError) else error
        reason = f"{name}: cannot be decoded ({problem})"
        raise DataInvalid(path=source.path, reason=reason, remedy=remedy) from None
    if grey and not plain:
        reason = f"{name}: in colour, but the first image is grey"
        raise DataInvalid(path=source.path, reason=reason, remedy="bring all images to one kind")
    array = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    if shape is not None and array.shape != shape:
        found, wanted = ("x".join(str(n) for n in s[1:]) for s in (array.shape, shape))
        raise DataInvalid(
            path=source.path, reason=f"{name}: {found} pixels, not {wanted}", remedy=remedy
        )
    return array


def _read_cache(path: Path) -> dict[str, np.ndarray] | None:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None


def _write_cache(path: Path, stored: dict[str, np.ndarray]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            np.savez(stream, **stored)  # type: ignore[arg-type]
        temporary.replace(path)
    except OSError:
        # A cache that cannot be kept costs time, not correctness.
        with contextlib.suppress(OSError):
            temporary.unlink()
