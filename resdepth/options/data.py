"""Options of the data of `train`, one class per data set."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from resdepth.options.base import PER_CORE, option
from resdepth.options.groups import Kind

DATA_DIR: Any = option(
    None,
    "where the data are: torchvision's root folder, or an image folder or .zip for 'folder'",
    default_text="the user's cache folder",
)
NUM_WORKERS: Any = option(
    None, "threads that decode the images of 'folder'", default_text=PER_CORE, ge=0
)


class DataOptions(Kind):
    """What every data set has."""

    regression: ClassVar[bool]
    """Whether the targets are real numbers instead of classes."""

    train_fraction: float = option(1.0, "random fraction of the training set to use", gt=0, le=1)
    input_size: int | None = option(
        None,
        "number of features of a sample; must agree with the data",
        default_text="the data's",
        ge=1,
    )


class Classified(DataOptions):
    """Data with classes."""

    regression = False

    classes: int | None = option(
        None, "number of outputs of a classification", default_text="the data's", ge=2
    )


class Digits(Classified, kind="digits"):
    """1,797 images of digits, 8x8 pixels, which are part of this package."""


class Downloaded(Classified):
    """Data that torchvision downloads."""

    data_dir: Path | None = DATA_DIR


class Mnist(Downloaded, kind="mnist"):
    """70,000 images of digits, 28x28 pixels."""


class Cifar10(Downloaded, kind="cifar10"):
    """60,000 colour images of 10 kinds of things, 32x32 pixels."""


class Folder(Classified, kind="folder"):
    """The images in a folder or .zip."""

    data_dir: Path = option(..., "folder or .zip that holds train/<class>/* and test/<class>/*")
    num_workers: int | None = NUM_WORKERS


class Function(DataOptions):
    """Points of a function of one variable."""

    regression = True

    num_samples: int = option(
        1000, "number of training points of 'sin' and 'constant'", unit="points", ge=1
    )
    loss_p: float = option(2.0, "exponent p of the regression loss", ge=1)


class Sin(Function, kind="sin"):
    """y = sin(w x)."""

    separation: float | None = option(
        None, "separation c of 'sin': x within ±sqrt(e^(-4c)/(8N)); without it x in [-1, 1]", ge=0
    )
    sin_frequency: float | Literal["period"] = option(
        1.0, "frequency w of y = sin(w x); 'period': one period over the interval", unit="radians"
    )


class Constant(Function, kind="constant"):
    """y = c."""

    target_value: float = option(0.1, "target c of 'constant'")


Data = Digits | Mnist | Cifar10 | Folder | Sin | Constant
REGRESSIONS = ("sin", "constant")
"""Data with real targets."""
