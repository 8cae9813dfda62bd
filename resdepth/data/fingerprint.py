"""What a data set is, in a few characters: its checksum, wherever it lies.

Each loader gives every part its `digest`, over what was read and at little cost: the decoded images
of a folder are hashed once and kept with them, those of MNIST and the digits each time, CIFAR-10 by
the published MD5 that its files were checked against, functions by their recipe.
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from resdepth.cores import available_threads
from resdepth.data.dataset import Dataset, Pixels

BLOCK = 1 << 22
"""Bytes hashed by one task: SHA-256 of one stream has no use for a second core."""


def digest(samples: np.ndarray, targets: np.ndarray, classes: Sequence[str] = ()) -> str:
    """SHA-256 over the samples of one part as they were read, their targets and classes, as hex.

    It does not depend on where the data lies, nor on the options of a run.
    """
    whole = hashlib.sha256(repr(tuple(classes)).encode("utf-8", "surrogateescape"))
    with ThreadPoolExecutor(available_threads()) as pool:
        for array in (samples, targets):
            whole.update(f"{array.dtype.str} {array.shape}".encode())
            for part in pool.map(lambda block: hashlib.sha256(block).digest(), _blocks(array)):
                whole.update(part)
    return whole.hexdigest()


def fingerprint(train: Dataset | Pixels, validation: Dataset | Pixels) -> str:
    """SHA-256 of a data set of two parts, as hex: equal for equal data, wherever it lies.

    Over the digests that `load_data` and `load_images` give with each part, hence at no cost.
    """
    return hashlib.sha256(f"{_digest_of(train)} {_digest_of(validation)}".encode()).hexdigest()


def _digest_of(part: Dataset | Pixels) -> str:
    if part.digest:
        return part.digest
    if isinstance(part, Dataset):
        samples, targets = part.inputs, part.targets
    else:
        samples, targets = part.images, part.labels
    return digest(samples.cpu().numpy(), targets.cpu().numpy(), part.classes)


def _blocks(array: np.ndarray) -> Iterator[memoryview]:
    content = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    return (content[start : start + BLOCK] for start in range(0, len(content), BLOCK))
