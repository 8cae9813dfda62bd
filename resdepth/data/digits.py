"""The embedded data set: 1,797 handwritten digits of 8 x 8 pixels with values 0..16.

E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, CC BY 4.0 (the test part of the set).
"""

from importlib.resources import files

import numpy as np
import torch

from resdepth.data.dataset import Dataset, Pixels, normalised
from resdepth.data.fingerprint import digest

MEAN, STD = (0.3053,), (0.3763,)
HIGHEST = 16.0


def load(dtype: torch.dtype) -> tuple[Dataset, Dataset]:
    """Training set (1,437) and validation set (360), a fixed stratified split.

    Images in the order of their class (stable); every fifth goes to the validation set.
    """
    with files(__package__).joinpath("digits.npz").open("rb") as stream:
        archive = np.load(stream, allow_pickle=False)
        images, labels = archive["images"], archive["labels"]
    order = np.argsort(labels, kind="stable")
    held_out = np.zeros(len(labels), dtype=bool)
    held_out[order[::5]] = True
    return _part(images, labels, ~held_out, dtype), _part(images, labels, held_out, dtype)


def _part(
    images: np.ndarray, labels: np.ndarray, chosen: np.ndarray, dtype: torch.dtype
) -> Dataset:
    images, labels = images[chosen], labels[chosen].astype(np.int64)
    classes = tuple(str(digit) for digit in range(10))
    tensors = (torch.from_numpy(images[:, None]), torch.from_numpy(labels))
    pixels = Pixels(*tensors, classes, digest(images, labels, classes))
    return normalised(pixels, HIGHEST, MEAN, STD, dtype)
