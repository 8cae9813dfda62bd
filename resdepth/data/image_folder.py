"""Images in a folder or .zip of train/<class>/… and test/<class>/…, decoded once and then cached.

A set is grey if at least one image is stored as grey and none shows a colour, else RGB.
"""

import contextlib
import hashlib
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import UnidentifiedImageError

from resdepth.atomic import write_whole
from resdepth.cores import available_threads
from resdepth.data.cache_folder import cache_folder
from resdepth.data.dataset import Dataset, Pixels, digest
from resdepth.data.decode import SIXTEEN, DecodedImage, decode
from resdepth.data.layout import PARTS, ImageLayout, Listing, arrange, list_files
from resdepth.errors import Corrupt, System

REMEDY = "replace or remove that image"
RULES = 2  # Version of the rules of decoding; caches of other versions are not used.
DARK = 0x4000  # 16-bit images below this value keep fewer than 64 levels at 8 bits.
CHUNK = 64  # Images decoded by one task.
Size = tuple[int, ...]
Noted = tuple[bool, tuple[str, ...], int]
"""Of an image: whether it is stored as grey, remarks, largest 16-bit value."""


def load(path: Path, dtype: torch.dtype, workers: int | None) -> tuple[Dataset, Dataset]:
    """Training and test set, normalised by the training set's mean and deviation per channel."""
    train, test = pixels(path, workers)
    mean, std = statistics(train)
    return train.normalised(255.0, mean, std, dtype), test.normalised(255.0, mean, std, dtype)


def statistics(part: Pixels) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, of values in [0, 1]."""
    # Counting values is exact and needs no float copy of the images.
    values = np.arange(256) / 255.0
    means, deviations = [], []
    for channel in part.images.unbind(1):
        share = np.bincount(channel.numpy().ravel(), minlength=256) / channel.numel()
        means.append(mean := float(share @ values))
        deviations.append(float(share @ (values - mean) ** 2) ** 0.5 or 1.0)
    return tuple(means), tuple(deviations)


def pixels(path: Path, workers: int | None) -> tuple[Pixels, Pixels]:
    """The raw images of both parts, decoded or cached; warns of what was left out or changed."""
    listing = list_files(path)
    layout = arrange(listing)
    # File names may contain bytes that are not UTF-8.
    stamp = hashlib.sha256(f"{RULES} {listing.stamp}".encode("utf-8", "surrogateescape"))
    cache = cache_folder() / "folder" / f"{stamp.hexdigest()[:32]}.npz"
    try:
        with np.load(cache, allow_pickle=False) as archive:
            stored = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):  # None, or damaged.
        stored = _decoded(listing, layout, workers)
        # A cache that cannot be written costs time, not correctness.
        with contextlib.suppress(System):
            write_whole(cache, partial(np.savez, **stored))  # type: ignore[arg-type]
    for note in (*layout.notes, *stored["notes"].tolist()):
        warnings.warn(f"{path}: {note}", stacklevel=2)

    def part(name: str) -> Pixels:
        images, labels = stored[f"{name}_images"], torch.tensor(layout.labels[name])
        known = str(stored[f"{name}_digest"])
        return Pixels(torch.from_numpy(images), labels, layout.classes, known)

    return part("train"), part("test")


def _decoded(listing: Listing, layout: ImageLayout, workers: int | None) -> dict[str, np.ndarray]:
    """The images of both parts, their checksums, and notes for the user."""
    names = [name for part in PARTS for name in layout.names[part]]
    first, other = (_decode(listing, layout.names[part][0]) for part in PARTS)
    if first.pixels.shape[:2] != other.pixels.shape[:2]:
        what = "training and test images differ in size"
        raise Corrupt(listing.path, what, "bring all images to one size")
    for channels in (1, 3) if first.grey else (3,):
        images, noted = _filled(listing, names, first.pixels.shape[:2], channels, workers)
        if noted:
            break
    mixed = images.shape[1] == 3 and any(grey for grey, _, _ in noted)
    if mixed and not any(map(_shows_colour, images)):
        images = np.ascontiguousarray(images[:, :1])
    stored = {"notes": np.array(list(_notes(names, images, noted)), dtype=np.str_)}
    cut = len(layout.names["train"])
    for part, array in zip(PARTS, (images[:cut], images[cut:]), strict=True):
        labels = np.array(layout.labels[part], dtype=np.int64)
        stored[f"{part}_images"] = array
        stored[f"{part}_digest"] = np.array(digest(array, labels, layout.classes))
    return stored


def _filled(
    listing: Listing, names: Sequence[str], size: Size, channels: int, workers: int | None
) -> tuple[np.ndarray, list[Noted]]:
    """All images (N, channels, H, W), with a note on each; no notes if one channel is too few."""
    images = np.empty((len(names), channels, *size), dtype=np.uint8)
    noted: list[Noted] = [(False, (), 0)] * len(names)

    def fill(start: int) -> bool:
        for index in range(start, min(start + CHUNK, len(names))):
            image = _decode(listing, names[index])
            sizes = [f"{h}x{w}" for h, w in (image.pixels.shape[:2], size)]
            if sizes[0] != sizes[1]:
                what = f"{names[index]}: {sizes[0]} pixels, not {sizes[1]}"
                raise Corrupt(listing.path, what, REMEDY)
            values = image.pixels if image.grey else image.pixels.transpose(2, 0, 1)
            if not image.grey and channels == 1:
                if _shows_colour(values):
                    return False
                values = values[:1]
            images[index], noted[index] = values, (image.grey, image.remarks, image.highest)
        return True

    with ThreadPoolExecutor(workers or available_threads()) as pool:
        whole = all(pool.map(fill, range(0, len(names), CHUNK)))
    return images, noted if whole else []


def _notes(names: Sequence[str], images: np.ndarray, noted: Sequence[Noted]) -> Iterator[str]:
    """What the user should know about the images."""
    remarked: dict[str, list[str]] = {}
    for name, (_, remarks, _) in zip(names, noted, strict=True):
        for remark in remarks:
            remarked.setdefault(remark, []).append(name)
    for remark, those in remarked.items():
        yield f"{len(those)} images: {remark} (first: {those[0]})"
    highest = max(highest for _, _, highest in noted)
    if SIXTEEN in remarked and highest < DARK:
        levels = highest // 257 + 1
        yield f"the 16-bit images use {levels} of 256 levels at 8 bits: brighten them"
    grey = [name for name, (grey, _, _) in zip(names, noted, strict=True) if grey]
    if grey and images.shape[1] == 3:
        coloured = names[next(i for i, image in enumerate(images) if _shows_colour(image))]
        yield (
            f"all images are read as RGB: {coloured} is in colour, though {len(grey)} of "
            f"{len(names)} are stored as grey (first: {grey[0]})"
        )


def _shows_colour(channels: np.ndarray) -> bool:
    """Whether the channels (3, H, W) of an image differ anywhere."""
    return bool((channels[0] != channels[1]).any() or (channels[1] != channels[2]).any())


def _decode(listing: Listing, name: str) -> DecodedImage:
    try:
        return decode(listing.read(name))
    except Exception as error:  # Broken archives and images raise anything.
        problem = "not an image" if isinstance(error, UnidentifiedImageError) else error
        what = f"{name}: cannot be decoded ({problem})"
        raise Corrupt(listing.path, what, REMEDY) from None
