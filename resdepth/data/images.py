"""The raw images of a run, whole and on its device."""

from dataclasses import replace

import torch

from resdepth.data import image_folder, torchvision_sets
from resdepth.data.cache_folder import cache_folder
from resdepth.data.dataset import Pixels, part_size
from resdepth.errors import Corrupt
from resdepth.mathematics.random import stream
from resdepth.options.resnet_cifar import ResnetCifarOptions

SMALLEST = 8
"""Pixels of the smallest side that the three stages can halve twice."""


def load_images(options: ResnetCifarOptions, device: torch.device) -> tuple[Pixels, Pixels]:
    """Training part (perhaps a random part of it) and the whole test part, uint8, on `device`.

    Raises Missing, System or Corrupt if the data is not there or cannot be used.
    """
    place = options.data_dir or cache_folder()
    if options.data == "folder":
        train, test = image_folder.pixels(place, options.num_workers)
    else:
        train, test = (
            torchvision_sets.pixels(options.data, place, train=part) for part in (True, False)
        )
    height, width = train.images.shape[-2:]
    if min(height, width) < SMALLEST:
        raise Corrupt(
            place,
            f"images of {height}x{width} pixels are too small",
            f"the network halves them twice: at least {SMALLEST}x{SMALLEST} are needed",
        )
    chosen = part_size(options.train_fraction, len(train.labels))
    if chosen < len(train.labels):
        order = stream(options.seed, "subset").permutation(len(train.labels))
        index = torch.from_numpy(order[:chosen])
        train = replace(train, images=train.images[index], labels=train.labels[index])
    return _to(train, device), _to(test, device)


def _to(part: Pixels, device: torch.device) -> Pixels:
    return replace(part, images=part.images.to(device), labels=part.labels.to(device))
