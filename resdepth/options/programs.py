"""The programs that write run folders, with the options that their manifests record."""

from resdepth.options.base import Options
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.train import TrainOptions

PROGRAMS: dict[str, type[Options]] = {"train": TrainOptions, "resnet-cifar": ResnetCifarOptions}
