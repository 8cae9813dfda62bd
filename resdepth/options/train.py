"""Options of `resdepth train`: the network, its data, its descent, and what is recorded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from resdepth.errors import Usage
from resdepth.options.base import PER_CORE, Invocation, Options, option
from resdepth.options.effect import Needs, needs

Activation = Literal["tanh", "elu", "relu", "gelu", "sigmoid"]
Augmentation = Literal["skip", "none", "linear_skip", "inc_skip"]
Device = Literal["auto", "cpu", "cuda", "mps", "gpu"]
Data = Literal["digits", "mnist", "cifar10", "folder", "sin", "constant"]
CLASSIFICATIONS = ("digits", "mnist", "cifar10", "folder")
"""Data with classes."""
REGRESSIONS = ("sin", "constant")
"""Data with real targets."""

DEFAULT_RATE_DEPTH = 64
"""Depth D of the default rate lr (L/D)^(2 alpha - 1)."""


def stable_factor(activation: Activation, alpha: float) -> float:
    """Factor c of the default rate c L^(2 alpha - 1).

    With it the loss of the embedded digits decreases at almost every one of the default steps; the
    curvature grows more during training if sigma is unbounded or the layers add more (small alpha).
    docs/training.md has the measurements.
    """
    if activation in ("relu", "elu", "gelu"):
        return 0.04
    return 1.25 if alpha >= 0.75 else 0.3125


def rate_at(lr: float, depth: int, lr_depth: int | None, exponent: float) -> float:
    """lr (L/D)^e at L = `depth` with D = `lr_depth`; `lr` without a D."""
    return float(lr if lr_depth is None else lr * (depth / lr_depth) ** exponent)


class TrainOptions(Options):
    """Everything that determines a training run."""

    NEEDS: ClassVar[dict[str, Needs]] = {
        "data_dir": needs("data", "mnist", "cifar10", "folder"),
        "num_workers": needs("data", "folder"),
        "num_samples": needs("data", *REGRESSIONS),
        "separation": needs("data", "sin"),
        "sin_frequency": needs("data", "sin"),
        "target_value": needs("data", "constant"),
        "classes": needs("data", *CLASSIFICATIONS),
        "loss_p": needs("data", *REGRESSIONS),
        "hurst": needs("init", "fbm"),
        "init_depth": needs("init", "fbm"),
        "precision": needs("dtype", "float32"),
        "dynamic_lr_rule": needs("dynamic_lr", True),
        "lr_constant": needs("dynamic_lr", True),
        "lr_max": needs("dynamic_lr", True),
        "p_var": needs("no_p_var", False) + needs("dynamic_lr", True),
        "p_var_every": needs("no_p_var", False),
    }

    model: Literal["classification", "regression"] | None = option(
        None, "loss: cross-entropy, or |y - prediction|^p / p", default_text="what the data needs"
    )
    data: Data = option("digits", "data set")
    data_dir: Path | None = option(
        None,
        "where the data lies: torchvision's root, or an image folder or .zip for 'folder'",
        default_text="the user's cache folder",
    )
    train_fraction: float = option(1.0, "seeded random part of the training set", gt=0, le=1)
    num_samples: int = option(1000, "training points of 'sin' and 'constant'", unit="points", ge=1)
    separation: float | None = option(
        None, "separation c of 'sin': x within ±sqrt(e^(-4c)/(8N)); without it x in [-1, 1]", ge=0
    )
    sin_frequency: float | Literal["period"] = option(
        1.0, "frequency w of y = sin(w x); 'period': one period over the interval", unit="radians"
    )
    target_value: float = option(0.1, "target c of 'constant'")
    num_workers: int | None = option(
        None, "threads that decode the images of 'folder'", default_text=PER_CORE, ge=0
    )
    depth: int = option(64, "number of layers L", unit="layers", flags=("-L",), ge=1)
    width: int = option(15, "dimension d of the hidden state", flags=("--width", "--dim"), ge=1)
    alpha: float = option(0.75, "exponent of delta_L = L^(-alpha); beta = 1 - alpha", ge=0, le=1)
    gamma: float = option(1.0, "initial scale s = d^(-2) L^(-beta - 1/gamma)", gt=0)
    init: Literal["ntrunc", "constant", "repeat", "fbm"] = option(
        "ntrunc",
        "initial weights: N(0, s^2) on ±s, s, one such matrix in every layer, or s times "
        "fractional noise along the layers",
    )
    init_alpha: float | None = option(
        None, "alpha of the initial scale s alone", default_text="that of --alpha", ge=0, le=1
    )
    hurst: float | None = option(None, "Hurst exponent H of --init=fbm", gt=0, lt=1)
    init_depth: int | None = option(
        None,
        "layers at which --init=fbm is drawn, the depth times a power of two: give all depths "
        "that should start from one path the deepest one's",
        unit="layers",
        default_text="the depth",
        ge=1,
    )
    activation: Activation = option("tanh", "activation function sigma")
    augmentation: Augmentation = option("skip", "how a layer adds to the hidden state")
    input_size: int | None = option(
        None, "features of a sample, checked against the data", default_text="the data's", ge=1
    )
    classes: int | None = option(
        None, "outputs of a classification", default_text="the data's", ge=2
    )
    loss_p: float = option(2.0, "exponent p of the regression loss", ge=1)
    lr: float = option(
        10.0,
        "learning rate, the first one with --dynamic-lr",
        default_text="10.0 (L/64)^(1/2); in general c L^(2 alpha - 1) with c = 1.25, but 0.3125 "
        "if alpha < 0.75, and 0.04 for relu, elu and gelu",
        gt=0,
    )
    lr_depth_exponent: float = option(
        0.0,
        "exponent e of the rate lr (L/D)^e, D the depth that --lr-depth gives",
        default_text="0.0, without --lr 2 alpha - 1",
    )
    lr_depth: int | None = option(
        None,
        "depth D at which the rate is --lr",
        unit="layers",
        default_text="any depth, without --lr 64",
        ge=1,
    )
    dynamic_lr: bool = option(False, "divide the rate by the squared p-variation norm each step")
    dynamic_lr_rule: Literal["recursive", "anchored"] = option(
        "recursive", "the rate that is divided: the previous one, or the first"
    )
    lr_constant: float | None = option(
        None, "constant C of --dynamic-lr", default_text="10 for relu, else 2", gt=0
    )
    lr_max: float | None = option(
        None, "largest rate of --dynamic-lr", default_text="the first rate", gt=0
    )
    epochs: int = option(2000, "passes over the training set", unit="epochs", ge=1)
    stop_loss: float | None = option(
        None,
        "end as soon as the loss over the whole training set is at most this; with mini-batches "
        "it is looked at after each epoch",
        gt=0,
    )
    batch_size: int | None = option(
        None, "samples a step", unit="samples", default_text="the whole training set", ge=1
    )
    p_var: float = option(2.0, "p-variation norms are logged for p, 3p/4 and p/2", ge=2)
    p_var_every: int = option(1, "log them at every K-th step", unit="steps", ge=1)
    no_p_var: bool = option(False, "do not log p-variation", flags=("--no-p-var",))
    store_grad: bool = option(True, "log Omega, the mean squared norm of the loss gradient")
    log_every: int = option(1, "write scalars at every K-th step", unit="steps", ge=1)
    val_every: int = option(
        10,
        "evaluate the validation set at every K-th epoch; 0: at the end only",
        unit="epochs",
        ge=0,
    )
    checkpoint_every: int = option(
        100, "write a checkpoint at every K-th step; 0: at the end only", unit="steps", ge=0
    )
    seed: int = option(0, "seed of every random choice", ge=0, lt=2**63)
    device: Device = option("auto", "where to compute", hidden=("gpu",))
    engine: Literal["auto", "cpu", "cuda", "eager", "reference"] = option(
        "auto", "implementation of the network; auto: the fastest that can run it"
    )
    precision: Literal["ieee", "tf32"] = option("ieee", "float32 products on CUDA")
    dtype: Literal["float32", "float64"] = option("float32", "floating-point type of the network")
    threads: int | None = option(None, "CPU threads", default_text=PER_CORE, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        regression = self.data in REGRESSIONS
        if self.model is not None and (self.model == "regression") != regression:
            kind = "real numbers" if regression else "classes"
            raise Usage(
                "model",
                f"'{self.model}' does not fit `data`={self.data}, whose targets are {kind}",
                "leave `model` out: it follows the data",
            )
        if self.data == "folder" and self.data_dir is None:
            raise Usage(
                "data=folder",
                "needs `data_dir`",
                "give the folder or .zip that holds train/<class>/* and test/<class>/*",
            )
        self._check_start()
        if "lr" not in self.model_fields_set:
            self._choose_rate()
        if bool(self.lr_depth_exponent) != (self.lr_depth is not None):
            flags = ("--lr-depth-exponent", "--lr-depth")
            flag, other = flags if self.lr_depth is None else flags[::-1]
            reason = f"says nothing without {other}"
            remedy = "the rate is lr (L/D)^e with e from the one and D from the other"
            raise Usage(flag, reason, remedy)
        return self

    def _choose_rate(self) -> None:
        """Set the default rate, as a rule of the depth so that all depths have the same options."""
        power = round(2 * self._step_exponent - 1, 12)
        rule: dict[str, Any] = {}
        if not self.model_fields_set & {"lr_depth", "lr_depth_exponent"}:
            depth = DEFAULT_RATE_DEPTH if power else None
            rule = {"lr_depth": depth, "lr_depth_exponent": power}
        at = rule.get("lr_depth", self.lr_depth) or self.depth
        rule["lr"] = stable_factor(self.activation, self._step_exponent) * at**power
        vars(self).update(rule)  # The options are frozen; `model_fields_set` stays as it was.

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values; a default rate is the default of the copy."""
        copy = super().model_copy(update=update, deep=deep)
        if "lr" not in copy.model_fields_set:
            copy._choose_rate()
        return copy

    @property
    def _step_exponent(self) -> float:
        """The exponent a of the factor L^(-a) with which a layer acts on the state."""
        return self.alpha if self.augmentation == "skip" else 0.0

    def _check_start(self) -> None:
        if self.init != "fbm":
            return
        if self.hurst is None:
            remedy = "give the Hurst exponent, as in --hurst=0.7"
            raise Usage("init=fbm", "needs `hurst`", remedy)
        times, rest = divmod(self.init_depth or self.depth, self.depth)
        if rest or times & (times - 1) or not times:
            raise Usage(
                "init_depth",
                f"{self.init_depth} is not `depth`={self.depth} times a power of two",
                "coarser depths are made of pairs of layers",
            )

    @property
    def initial_alpha(self) -> float:
        """The alpha of the initial scale."""
        return self.alpha if self.init_alpha is None else self.init_alpha

    @property
    def rate(self) -> float:
        """lr (L/D)^e: the first learning rate at this depth."""
        return rate_at(self.lr, self.depth, self.lr_depth, self.lr_depth_exponent)

    @property
    def regression(self) -> bool:
        """Whether the targets are real numbers."""
        return self.data in REGRESSIONS

    @property
    def stem(self) -> str:
        """Name of the run folder when none is given."""
        return f"{self.data}-L{self.depth}-seed{self.seed}"

    @property
    def beta(self) -> float:
        """beta = 1 - alpha."""
        return 1.0 - self.alpha


class TrainInvocation(Invocation):
    """Where one call of `train` writes, and whether it continues something."""

    out: Path | None = option(
        None, "run folder to write", default_text="runs/<data>-L<depth>-seed<seed>"
    )
    resume: Path | None = option(None, "continue this run folder")
    overwrite: bool = option(False, "replace what is in the run folder", flags=("--overwrite",))
