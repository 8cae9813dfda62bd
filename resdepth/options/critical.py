"""Options of `resdepth critical`."""

from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from resdepth.errors import Usage
from resdepth.options.base import Options, option
from resdepth.options.train import Activation

HURSTS = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95)


class CriticalOptions(Options):
    """Which untrained networks to add up, and how many of them."""

    hurst: tuple[float, ...] = option(
        HURSTS,
        "Hurst exponent H of the weights along the layers, between 0 and 1; several",
        default_text=" ".join(map(str, HURSTS)),
        min_length=1,
    )
    structure: Literal["res3", "skip"] = option(
        "res3", "branch of a layer: V sigma(W h), or sigma(A h) as 'train' has it"
    )
    activation: Activation | None = option(
        None, "activation function sigma", default_text="relu for res3, tanh for skip"
    )
    width: int = option(20, "dimension d of the hidden state", flags=("--width", "--dim"), ge=1)
    depth: int = option(
        2000, "deepest of the five depths, each twice the one before", unit="layers", ge=64
    )
    draws: int = option(24, "independent networks", unit="networks", ge=2)
    seed: int = option(0, "seed of every random choice", ge=0, lt=2**63)
    columns: int = option(1, "width of the figure in columns of a paper", ge=1, le=2)
    out: Path = option(Path("critical.pdf"), "figure to write (.pdf, .svg or .png)")
    show: bool = option(False, "open a window", flags=("--show",))

    @property
    def sigma(self) -> str:
        """Name of the activation function."""
        return self.activation or {"res3": "relu", "skip": "tanh"}[self.structure]

    @model_validator(mode="after")
    def _exponents(self) -> Self:
        for hurst in self.hurst:
            if not 0 < hurst < 1:
                reason = f"should be above 0, below 1, not {hurst:g}"
                raise Usage("hurst", reason)
        return self
