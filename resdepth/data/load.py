"""From the options to the tensors of a training and a validation set."""

from importlib import import_module
from typing import Any

import torch

from resdepth.data import builtin, torchvision_sets
from resdepth.data.cache_folder import cache_folder
from resdepth.data.dataset import Dataset, part_size
from resdepth.errors import Usage
from resdepth.isolation import isolated
from resdepth.mathematics.random import stream
from resdepth.options.data import Cifar10, Classified, Data, Digits, Folder, Mnist, Sin
from resdepth.options.train import TrainOptions


@isolated()
def load_data(options: TrainOptions) -> tuple[Dataset, Dataset]:
    """Training and validation set of a run, exactly as its network sees them.

    `inputs` are (N, features) in the run's dtype, `targets` (N,). `train_fraction` is applied.

    Raises
    ------
    System, Corrupt, Missing
        The data is not there or cannot be used.
    Usage
        `--input-size` or `--classes` contradicts the data.
    """
    data, dtype = options.data, getattr(torch, options.compute.dtype)
    train, validation = _load(data, options.seed, dtype)
    _check(data, train)
    if data.train_fraction < 1.0:
        chosen = part_size(data.train_fraction, train.samples)
        index = stream(options.seed, "subset").permutation(train.samples)[:chosen]
        train = train.take(torch.from_numpy(index))
    return train, validation


def _load(data: Data, seed: int, dtype: torch.dtype) -> tuple[Dataset, Dataset]:
    if isinstance(data, Digits):
        return builtin.digits(dtype)
    if isinstance(data, Mnist | Cifar10):
        return torchvision_sets.load(data.kind, data.data_dir or cache_folder(), dtype)
    if isinstance(data, Folder):
        # With Pillow, which nothing else here needs.
        folder: Any = import_module("resdepth.data.image_folder")
        loaded: tuple[Dataset, Dataset] = folder.load(data.data_dir, dtype, data.num_workers)
        return loaded
    if isinstance(data, Sin):
        return builtin.sine(data.num_samples, data.separation, data.sin_frequency, seed, dtype)
    return builtin.constant(data.num_samples, data.target_value, seed, dtype)


def _check(data: Data, train: Dataset) -> None:
    features = train.inputs.shape[1]
    if data.input_size not in (None, features):
        raise Usage(
            "input_size",
            f"{data.input_size} is not the {features} features of `data`={data}",
            "leave it out: it follows the data",
        )
    known, classes = len(train.classes), data.classes if isinstance(data, Classified) else None
    if classes is not None and classes < known:
        raise Usage(
            "classes",
            f"{classes} is fewer than the {known} of `data`={data}",
            "leave it out: it follows the data",
        )
