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
    train, validation = _load(options)
    _check(options, train)
    if options.train_fraction < 1.0:
        chosen = part_size(options.train_fraction, train.samples)
        index = stream(options.seed, "subset").permutation(train.samples)[:chosen]
        train = train.take(torch.from_numpy(index))
    return train, validation


def _load(options: TrainOptions) -> tuple[Dataset, Dataset]:
    dtype: torch.dtype = getattr(torch, options.dtype)
    if options.data == "digits":
        return builtin.digits(dtype)
    if options.data in ("mnist", "cifar10"):
        return torchvision_sets.load(options.data, options.data_dir or cache_folder(), dtype)
    if options.data == "folder" and options.data_dir is not None:
        # With Pillow, which nothing else here needs.
        folder: Any = import_module("resdepth.data.image_folder")
        loaded: tuple[Dataset, Dataset] = folder.load(options.data_dir, dtype, options.num_workers)
        return loaded
    if options.data == "sin":
        return builtin.sine(
            options.num_samples, options.separation, options.sin_frequency, options.seed, dtype
        )
    return builtin.constant(options.num_samples, options.target_value, options.seed, dtype)


def _check(options: TrainOptions, train: Dataset) -> None:
    features = train.inputs.shape[1]
    if options.input_size not in (None, features):
        raise Usage(
            "input_size",
            f"{options.input_size} is not the {features} features of `data`={options.data}",
            "leave it out: it follows the data",
        )
    known = len(train.classes)
    if options.classes is not None and options.classes < known:
        raise Usage(
            "classes",
            f"{options.classes} is fewer than the {known} of `data`={options.data}",
            "leave it out: it follows the data",
        )
