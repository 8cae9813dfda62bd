"""Small image folders made on the spot."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("bird", "cat")


def pixels(seed: int, size: tuple[int, ...] = (4, 5, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def encoded(array: np.ndarray, format: str = "png") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, format)
    return stream.getvalue()


def contents(
    train: int = 3, test: int = 2, size: tuple[int, ...] = (4, 5, 3), prefix: str = ""
) -> dict[str, bytes]:
    """Files by name: `train` and `test` images of each class."""
    names = [
        f"{prefix}{part}/{label}/{number}.png"
        for part, count in (("train", train), ("test", test))
        for label in CLASSES
        for number in range(count)
    ]
    return {name: encoded(pixels(seed, size)) for seed, name in enumerate(sorted(names))}


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_zip(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


Write = Callable[[Path, dict[str, bytes]], Path]
WRITERS: dict[str, Write] = {
    "folder": lambda tmp, files: write_folder(tmp / "images", files),
    "zip": lambda tmp, files: write_zip(tmp / "images.zip", files),
}
"""The two ways in which a set of images may lie on disk."""
