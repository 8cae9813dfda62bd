"""Images in a folder or .zip of train/<class>/… and test/<class>/…, decoded once.

A set is grey if at least one image is stored as grey and none shows a colour, else RGB.
"""

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import UnidentifiedImageError

from resdepth.cores import available_threads
from resdepth.data.cache import cache_path, read_cache, write_cache
from resdepth.data.dataset import Dataset, Pixels, normalised
from resdepth.data.decode import SIXTEEN, Picture, decode
from resdepth.data.fingerprint import digest
from resdepth.data.layout import PARTS, Layout, arrange
from resdepth.data.listing import Listing, list_files
from resdepth.errors import Corrupt

REMEDY = "replace or remove that image"
DARK = 0x4000
"""16-bit images below this keep fewer than 64 levels at 8 bits."""
CHUNK = 64
"""Images decoded by one task."""


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

    What was left out or changed is said in warnings.

    Raises
    ------
    Missing, Corrupt
        Nothing there; no train/<class> or test/<class>; an image that cannot be decoded; images of
        different sizes; a broken archive.
    """
    listing = list_files(path)
    layout = arrange(listing)
    cache = cache_path(listing.stamp)
    stored = read_cache(cache)
    if stored is None:
        stored = _decoded(listing, layout, workers)
        write_cache(cache, stored)
    for note in (*layout.notes, *stored["notes"].tolist()):
        warnings.warn(f"{path}: {note}", stacklevel=2)
    return tuple(  # type: ignore[return-value]
        Pixels(
            torch.from_numpy(stored[f"{part}_images"]),
            torch.tensor(layout.labels[part], dtype=torch.int64),
            layout.classes,
            str(stored[f"{part}_digest"]),
        )
        for part in PARTS
    )


def _decoded(listing: Listing, layout: Layout, workers: int | None) -> dict[str, np.ndarray]:
    names = [name for part in PARTS for name in layout.names[part]]
    first, other = (_picture(listing, layout.names[part][0]) for part in PARTS)
    if first.pixels.shape[:2] != other.pixels.shape[:2]:
        raise Corrupt(
            listing.path, "training and test images differ in size", "bring all images to one size"
        )
    sheet = _Sheet(listing, names, first)
    if not sheet.fill(workers):
        # There is colour after the first, grey image: once more, with three channels.
        sheet = _Sheet(listing, names, first, colour=True)
        sheet.fill(workers)
    images = sheet.finished()
    stored = {"notes": np.array(list(sheet.notes()), dtype=np.str_)}
    cut = len(layout.names["train"])
    for part, array in zip(PARTS, (images[:cut], images[cut:]), strict=True):
        stored[f"{part}_images"] = array
        labels = np.array(layout.labels[part], dtype=np.int64)
        stored[f"{part}_digest"] = np.array(digest(array, labels, layout.classes))
    return stored


@dataclass
class _Sheet:
    """The images of a set in one array, (N, 1 or 3, H, W), and what is to be said of each."""

    listing: Listing
    names: Sequence[str]
    first: Picture
    colour: bool = False
    pictures: list[tuple[bool, tuple[str, ...], int]] = field(init=False)

    def __post_init__(self) -> None:
        self.colour = self.colour or not self.first.grey
        height, width = self.first.pixels.shape[:2]
        shape = (len(self.names), 3 if self.colour else 1, height, width)
        self.images = np.empty(shape, dtype=np.uint8)
        self.pictures = [(False, (), 0)] * len(self.names)

    def fill(self, workers: int | None) -> bool:
        """Decode every image; False as soon as one shows a colour that has no room."""
        starts = range(0, len(self.names), CHUNK)
        with ThreadPoolExecutor(workers or available_threads()) as pool:
            return all(pool.map(self._fill_from, starts))

    def _fill_from(self, start: int) -> bool:
        for index in range(start, min(start + CHUNK, len(self.names))):
            picture = _picture(self.listing, self.names[index])
            shape, wanted = picture.pixels.shape[:2], self.first.pixels.shape[:2]
            if shape != wanted:
                found, other = ("x".join(str(n) for n in s) for s in (shape, wanted))
                reason = f"{self.names[index]}: {found} pixels, not {other}"
                raise Corrupt(self.listing.path, reason, REMEDY)
            channels = picture.pixels if picture.grey else picture.pixels.transpose(2, 0, 1)
            if not (self.colour or picture.grey):
                if _shows_colour(channels):
                    return False
                channels = channels[:1]
            self.images[index] = channels
            self.pictures[index] = (picture.grey, picture.remarks, picture.highest)
        return True

    def finished(self) -> np.ndarray:
        """The images, with one channel where three say the same and one image is stored grey."""
        mixed = self.colour and any(grey for grey, _, _ in self.pictures)
        if mixed and not any(map(_shows_colour, self.images)):
            self.images = np.ascontiguousarray(self.images[:, :1])
            self.colour = False
        return self.images

    def notes(self) -> list[str]:
        """What is to be said of the images."""
        told: dict[str, list[str]] = {}
        for name, (_, remarks, _) in zip(self.names, self.pictures, strict=True):
            for remark in remarks:
                told.setdefault(remark, []).append(name)
        notes = [f"{len(n)} images: {remark} (first: {n[0]})" for remark, n in told.items()]
        highest = max(highest for _, _, highest in self.pictures)
        if SIXTEEN in told and highest < DARK:
            levels = highest // 257 + 1
            notes.append(f"the 16-bit images use {levels} of 256 levels at 8 bits: brighten them")
        return notes + self._note_on_colour()

    def _note_on_colour(self) -> list[str]:
        grey = [index for index, (grey, _, _) in enumerate(self.pictures) if grey]
        if not grey or not self.colour:
            return []
        coloured = next(i for i, image in enumerate(self.images) if _shows_colour(image))
        return [
            f"all images are read as RGB: {self.names[coloured]} is in colour, though {len(grey)} "
            f"of {len(self.names)} are stored as grey (first: {self.names[grey[0]]})"
        ]


def _shows_colour(channels: np.ndarray) -> bool:
    """Whether the channels (3, H, W) of an image differ anywhere."""
    return bool((channels[0] != channels[1]).any() or (channels[1] != channels[2]).any())


def _picture(listing: Listing, name: str) -> Picture:
    try:
        return decode(listing.read(name))
    except Exception as error:  # Broken archives and images raise whatever their decoder meets.
        problem = "not an image" if isinstance(error, UnidentifiedImageError) else error
        reason = f"{name}: cannot be decoded ({problem})"
        raise Corrupt(listing.path, reason, REMEDY) from None
