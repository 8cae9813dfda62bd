"""Options of `resdepth train`: the network, its data, its descent, and what is recorded."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import TypeAdapter, ValidationError, model_validator

from resdepth.errors import Usage
from resdepth.options.base import PER_CORE, Invocation, Options, option
from resdepth.options.data import Data
from resdepth.options.fields import Needs, needs
from resdepth.options.groups import Grouped, Kind

Activation = Literal["tanh", "elu", "relu", "gelu", "sigmoid"]
Augmentation = Literal["skip", "none", "linear_skip", "inc_skip"]
Device = Literal["auto", "cpu", "cuda", "mps", "gpu"]

_SWITCH = TypeAdapter(bool)
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


class NetworkOptions(Options):
    """The residual network."""

    depth: int = option(64, "number of layers L", unit="layers", flags=("-L",), ge=1)
    width: int = option(15, "dimension d of the hidden state", flags=("--width", "--dim"), ge=1)
    alpha: float = option(0.75, "exponent of delta_L = L^(-alpha); beta = 1 - alpha", ge=0, le=1)
    activation: Activation = option("tanh", "activation function sigma")
    augmentation: Augmentation = option("skip", "how a layer adds to the hidden state")

    @property
    def step_exponent(self) -> float:
        """The exponent a of the factor L^(-a) with which a layer acts on the state."""
        return self.alpha if self.augmentation == "skip" else 0.0


class InitialWeights(Kind):
    """The weights before training, of scale s."""

    gamma: float = option(1.0, "initial scale s = d^(-2) L^(-beta - 1/gamma)", gt=0)
    init_alpha: float | None = option(
        None, "alpha in the initial scale s only", default_text="that of --alpha", ge=0, le=1
    )


class TruncatedWeights(InitialWeights, kind="ntrunc"):
    """Normal with standard deviation s, truncated to [-s, s]."""


class ConstantWeights(InitialWeights, kind="constant"):
    """Every entry is s."""


class RepeatedWeights(InitialWeights, kind="repeat"):
    """One truncated normal matrix in every layer."""


class FractionalWeights(InitialWeights, kind="fbm"):
    """s times fractional Gaussian noise along the layers."""

    hurst: float = option(..., "Hurst exponent H of 'fbm'", gt=0, lt=1)
    init_depth: int | None = option(
        None,
        "number of layers at which 'fbm' is drawn, the depth times a power of two; to start "
        "several depths from one path, give the largest depth for all of them",
        unit="layers",
        default_text="the depth",
        ge=1,
    )


class WeightsOfRun(Kind, kind="run"):
    """The newest weights of another run at this depth; read-in and read-out are its own as well."""

    start_from: Path = option(
        ...,
        "run of 'train' whose newest weights are the initial ones, L/2^k layers deep; selects "
        "--init run",
    )
    start_rule: Literal["repeat", "interpolate"] = option(
        "repeat", "how --start-from is deepened: every layer 2^k times, or linear in between"
    )


class FixedLearningRate(Kind, kind="fixed"):
    """The same rate lr (L/D)^e at every step."""

    lr: float = option(
        10.0,
        "learning rate; with --dynamic-lr the first one",
        default_text="10.0 (L/64)^(1/2); in general c L^(2 alpha - 1) with c = 1.25 "
        "(0.3125 if alpha < 0.75; 0.04 for relu, elu and gelu)",
        gt=0,
    )
    lr_depth_exponent: float = option(
        0.0,
        "exponent e of the rate lr (L/D)^e at depth L, where D is --lr-depth",
        default_text="0.0; without --lr 2 alpha - 1",
    )
    lr_depth: int | None = option(
        None,
        "depth D at which the rate is --lr",
        unit="layers",
        default_text="none: the rate is --lr at every depth; without --lr 64",
        ge=1,
    )

    def at(self, depth: int) -> float:
        """The first rate of a network of `depth` layers."""
        return rate_at(self.lr, depth, self.lr_depth, self.lr_depth_exponent)


class DynamicLearningRate(FixedLearningRate, kind="dynamic"):
    """A rate that is divided by the squared p-variation norm of the weights at each step."""

    dynamic_lr_rule: Literal["recursive", "anchored"] = option(
        "recursive", "the rate that is divided: the previous one, or the first"
    )
    lr_constant: float | None = option(
        None, "constant C of --dynamic-lr", default_text="10 for relu, else 2", gt=0
    )
    lr_max: float | None = option(
        None, "largest rate of --dynamic-lr", default_text="the first rate", gt=0
    )


class RecordingOptions(Options):
    """What a run writes down, and how often."""

    p_var: float = option(2.0, "p-variation norms are logged for p, 3p/4 and p/2", ge=2)
    p_var_every: int = option(
        1, "log p-variation norms at every K-th step; 0: never", unit="steps", ge=0
    )
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


class ComputeOptions(Options):
    """Where and how a run is computed."""

    device: Device = option("auto", "where to compute", hidden=("gpu",))
    engine: Literal["auto", "cpu", "cuda", "eager", "reference"] = option(
        "auto", "implementation of the network; auto: the fastest that can run it"
    )
    precision: Literal["ieee", "tf32"] = option("ieee", "precision of float32 products on CUDA")
    dtype: Literal["float32", "float64"] = option("float32", "floating-point type of the network")
    threads: int | None = option(None, "CPU threads", default_text=PER_CORE, ge=1)


class TrainOptions(Grouped):
    """Everything that determines a training run.

    The options are in groups: `data`, `init` and `learning_rate`, whose fields depend on their
    kind, and `network`, `recording` and `compute`. All of them are given and read by flat names
    too: `TrainOptions(data="sin", separation=2)` is `TrainOptions(data=Sin(separation=2))`, and
    `options.separation` is `options.data.separation`, or the default if the data are not `sin`.
    `options.data` and `options.init` compare equal to the word of their kind, as in
    `options.data == "sin"`.
    """

    SELECTORS: ClassVar[dict[str, str]] = {
        "data": "data", "init": "init", "learning_rate": "dynamic_lr",
    }  # fmt: skip
    NEEDS: ClassVar[dict[str, Needs]] = {
        "precision": needs("dtype", "float32"),
        "p_var": needs("p_var_every", "1 or more", seen="norms") + needs("dynamic_lr", True),
    }

    if TYPE_CHECKING:

        def __init__(self, **options: Any) -> None:
            """Options by their flat names, or groups."""

    model: Literal["classification", "regression"] | None = option(
        None, "loss: cross-entropy, or |y - prediction|^p / p", default_text="that of the data"
    )
    data: Data = option(..., "data set")
    network: NetworkOptions = option(..., "the residual network")
    init: (
        TruncatedWeights | ConstantWeights | RepeatedWeights | FractionalWeights | WeightsOfRun
    ) = option(
        ...,
        "initial weights. ntrunc: N(0, s^2) truncated to [-s, s]; constant: every entry s; "
        "repeat: one ntrunc matrix in every layer; fbm: s times fractional Gaussian noise along "
        "the layers; run: the weights of --start-from",
    )
    learning_rate: FixedLearningRate | DynamicLearningRate = option(
        ..., "divide the rate by the squared p-variation norm at each step"
    )
    epochs: int = option(2000, "passes over the training set", unit="epochs", ge=1)
    stop_loss: float | None = option(
        None,
        "stop when the loss over the whole training set is at most this; with mini-batches it is "
        "checked after each epoch",
        gt=0,
    )
    batch_size: int | None = option(
        None, "samples per step", unit="samples", default_text="the whole training set", ge=1
    )
    recording: RecordingOptions = option(..., "what is recorded")
    seed: int = option(0, "seed of every random choice", ge=0, lt=2**63)
    compute: ComputeOptions = option(..., "where to compute")

    @classmethod
    def renamed(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """`start_from` selects its kind; earlier versions had `no_p_var` for `p_var_every=0`."""
        found = dict(values)
        if found.get("start_from") is not None:
            found.setdefault("init", WeightsOfRun.kind)
        never = found.pop("no_p_var", None) or False
        try:
            return found | ({"p_var_every": 0} if _SWITCH.validate_python(never) else {})
        except ValidationError:
            raise Usage("no_p_var", f"should be true or false, not '{never}'") from None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.model is not None and (self.model == "regression") != self.regression:
            kind = "real numbers" if self.regression else "classes"
            what = f"'{self.model}' does not fit `data`={self.data}, whose targets are {kind}"
            raise Usage("model", what, "leave `model` out: it follows the data")
        if isinstance(self.init, FractionalWeights):
            drawn = self.init.init_depth or self.depth
            times, rest = divmod(drawn, self.depth)
            if rest or times & (times - 1) or not times:
                what = f"{drawn} is not `depth`={self.depth} times a power of two"
                raise Usage("init_depth", what, "coarser depths are made of pairs of layers")
        if "lr" not in self.learning_rate.model_fields_set:
            self._choose_rate()
        if bool(self.lr_depth_exponent) != (self.lr_depth is not None):
            names = ("lr_depth_exponent", "lr_depth")
            name, other = names if self.lr_depth is None else names[::-1]
            remedy = "the rate is lr (L/D)^e with e from the one and D from the other"
            raise Usage(name, f"has no effect without `{other}`", remedy)
        return self

    def _choose_rate(self) -> None:
        """Set the default rate, as a rule of the depth so that all depths have the same options."""
        power = round(2 * self.network.step_exponent - 1, 12)
        rule: dict[str, Any] = {}
        if not self.learning_rate.model_fields_set & {"lr_depth", "lr_depth_exponent"}:
            depth = DEFAULT_RATE_DEPTH if power else None
            rule = {"lr_depth": depth, "lr_depth_exponent": power}
        at = rule.get("lr_depth", self.lr_depth) or self.depth
        rule["lr"] = stable_factor(self.activation, self.network.step_exponent) * at**power
        # The options are frozen, and what was set stays what was set.
        vars(self.learning_rate).update(rule)

    @property
    def norms(self) -> str:
        """How often p-variation norms are logged, in words."""
        return "1 or more" if self.recording.p_var_every else "0"

    @property
    def no_p_var(self) -> bool:
        """The option of earlier versions for `p_var_every=0`."""
        return self.recording.p_var_every == 0

    @property
    def rate(self) -> float:
        """lr (L/D)^e: the first learning rate at this depth."""
        return self.learning_rate.at(self.network.depth)

    @property
    def regression(self) -> bool:
        """Whether the targets are real numbers."""
        return self.data.regression

    @property
    def stem(self) -> str:
        """Name of the run folder when none is given."""
        return f"{self.data}-L{self.depth}-seed{self.seed}"

    @property
    def beta(self) -> float:
        """beta = 1 - alpha."""
        return 1.0 - self.network.alpha


class TrainInvocation(Invocation):
    """Where one call writes its run, and whether it resumes one."""

    out: Path | None = option(
        None, "run folder to write", default_text="runs/<data>-L<depth>-seed<seed>"
    )
    resume: Path | None = option(None, "run folder to resume")
    overwrite: bool = option(False, "replace the content of the run folder", flags=("--overwrite",))
