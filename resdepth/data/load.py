"""From the options to a training and a validation set: as a network sees them, or as images."""

from dataclasses import replace
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from resdepth.data import builtin, torchvision_sets
from resdepth.data.cache_folder import cache_folder
from resdepth.data.dataset import Dataset, Pixels
from resdepth.errors import Corrupt, Usage
from resdepth.isolation import isolated
from resdepth.mathematics.random import stream
from resdepth.options.data import Cifar10, Classified, Data, Digits, Folder, Mnist, Sin
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.train import TrainOptions

SMALLEST = 8
"""Pixels of the smallest side that the three stages of the convolutional network can halve."""


@isolated()
def load_data(options: TrainOptions) -> tuple[Dataset, Dataset]:
    """Training and validation set of a run, exactly as its network sees them.

    `inputs` are (N, features) in the run's dtype, `targets` (N,), and `train_fraction` is applied.
    """
    data, dtype = options.data, getattr(torch, options.compute.dtype)
    train, validation = _load(data, options.seed, dtype)
    features, known = train.inputs.shape[1], len(train.classes)
    classes = data.classes if isinstance(data, Classified) else None
    remedy = "leave it out: it follows the data"
    if data.input_size not in (None, features):
        what = f"{data.input_size} is not the {features} features of `data`={data}"
        raise Usage("input_size", what, remedy)
    if classes is not None and classes < known:
        raise Usage("classes", f"{classes} is fewer than the {known} of `data`={data}", remedy)
    if data.train_fraction < 1.0:
        train = train.take(_random_part(train.samples, data.train_fraction, options.seed))
    return train, validation


def load_images(options: ResnetCifarOptions, device: torch.device) -> tuple[Pixels, Pixels]:
    """Training part (perhaps a random part of it) and whole test part, uint8, on `device`."""
    place, name = options.data_dir or cache_folder(), options.data
    if name == "folder":
        train, test = _image_folder().pixels(place, options.num_workers)
    else:
        train, test = (torchvision_sets.pixels(name, place, train=part) for part in (True, False))
    height, width = train.images.shape[-2:]
    if min(height, width) < SMALLEST:
        remedy = f"the network halves them twice: at least {SMALLEST}x{SMALLEST} are needed"
        raise Corrupt(place, f"images of {height}x{width} pixels are too small", remedy)
    index = _random_part(len(train.labels), options.train_fraction, options.seed)
    if len(index) < len(train.labels):
        train = replace(train, images=train.images[index], labels=train.labels[index])
    return train.to(device), test.to(device)


def _random_part(samples: int, fraction: float, seed: int) -> Tensor:
    """Indices of a share of the samples, or of `fraction` samples if it is above 1."""
    count = min(samples, max(1, round(fraction * samples if fraction <= 1.0 else fraction)))
    return torch.from_numpy(stream(seed, "subset").permutation(samples)[:count])


def _image_folder() -> Any:
    """The loader of image folders, imported with Pillow only if needed."""
    return import_module("resdepth.data.image_folder")


def _load(data: Data, seed: int, dtype: torch.dtype) -> tuple[Dataset, Dataset]:
    if isinstance(data, Digits):
        return builtin.digits(dtype)
    if isinstance(data, Mnist | Cifar10):
        return torchvision_sets.load(data.kind, data.data_dir or cache_folder(), dtype)
    if isinstance(data, Folder):
        train, test = _image_folder().load(data.data_dir, dtype, data.num_workers)
        return train, test
    if isinstance(data, Sin):
        return builtin.sine(data.num_samples, data.separation, data.sin_frequency, seed, dtype)
    return builtin.constant(data.num_samples, data.target_value, seed, dtype)
