"""Options of `resdepth resnet-cifar`: He's network, its images, its descent."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from resdepth.errors import Usage
from resdepth.options.base import PER_CORE, AnalysisInvocation, Options, option
from resdepth.options.data import DATA_DIR, NUM_WORKERS
from resdepth.options.fields import Needs, needs
from resdepth.options.train import Device, TrainInvocation


class ResnetCifarOptions(Options):
    """Everything that determines a run of `resnet-cifar`."""

    OLD_NAMES: ClassVar[dict[str, str]] = {
        "eval_every": "val_every",
        "limit_train": "train_fraction",
    }
    NEEDS: ClassVar[dict[str, Needs]] = {"num_workers": needs("data", "folder")}

    depth: int = option(56, "number of layers L = 6n + 2", unit="layers", flags=("-L",), ge=8)
    data: Literal["cifar10", "folder"] = option("cifar10", "data set")
    data_dir: Path | None = DATA_DIR
    train_fraction: float = option(
        1.0, "random fraction of the training images to use; above 1: their number", gt=0
    )
    flip: bool = option(False, "mirror half of the training images left to right")
    num_workers: int | None = NUM_WORKERS
    epochs: int = option(16, "passes over the training set", unit="epochs", ge=1)
    batch_size: int = option(128, "images per step", unit="images", ge=2)
    alpha: float = option(
        0.75, "exponent of delta = n^(-alpha), which scales both branches", ge=0, le=1
    )
    skip: bool = option(True, "use shortcuts; without them the network is a plain one")
    lr: float | None = option(
        None, "learning rate", default_text="L^(alpha - beta - 0.05), beta = 1 - alpha", gt=0
    )
    momentum: float = option(0.0, "momentum of gradient descent", ge=0, lt=1)
    weight_decay: float = option(0.0, "multiple of the weights added to the gradient", ge=0)
    schedule: Literal["constant", "cosine", "step"] = option(
        "constant",
        "learning rate over time; step: divided by ten after 1/2 and again after 3/4 of the steps",
    )
    warmup: int = option(0, "epochs in which the learning rate rises", unit="epochs", ge=0)
    val_every: int = option(
        1, "evaluate the test set at every K-th epoch; 0: at the end only", unit="epochs", ge=0
    )
    checkpoint_every: int = option(
        0, "write a checkpoint at every K-th step and after each epoch", unit="steps", ge=0
    )
    seeds: int = option(1, "number of seeds to train one by one, starting with --seed", ge=1)
    seed: int = option(0, "seed of every random choice", ge=0, lt=2**63)
    device: Device = option("auto", "where to compute", hidden=("gpu",))
    amp: Literal["auto", "off", "bf16"] = option(
        "auto",
        "bfloat16 convolutions; auto: if the device has instructions for them and they are faster",
    )
    layout: Literal["auto", "channels-last", "contiguous"] = option(
        "auto",
        "memory layout of images; auto: the fastest on this CPU, measured if the run is long",
    )
    threads: int | None = option(None, "CPU threads", default_text=PER_CORE, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        below = self.depth - (self.depth - 2) % 6
        if below != self.depth:
            remedy = f"the nearest are {below} and {below + 6}"
            raise Usage("depth", f"should be 6n + 2, not {self.depth}", remedy)
        if self.data == "folder" and self.data_dir is None:
            remedy = "give the folder or .zip that holds train/<class>/* and test/<class>/*"
            raise Usage("data=folder", "needs `data_dir`", remedy)
        return self

    @property
    def rate(self) -> float:
        """The learning rate: as given, or L^(alpha - beta - 0.05) with beta = 1 - alpha."""
        exponent = self.alpha - (1.0 - self.alpha) - 0.05
        return self.lr if self.lr is not None else float(self.depth) ** exponent

    @property
    def stem(self) -> str:
        """Name of the run folder when none is given."""
        seeds = f"seeds{self.seeds}" if self.seeds > 1 else f"seed{self.seed}"
        return f"resnet-L{self.depth}-{seeds}"


class ResnetCifarInvocation(TrainInvocation, AnalysisInvocation):
    """Where one call of `resnet-cifar` writes, and whether it continues something."""

    out: Path | None = option(
        None, "run folder to write", default_text="runs/resnet-L<depth>-seed<seed>"
    )
